"""IAM with botocore's stub, whose responses are those in AWS's documentation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.stubbed_aws import ME, NOW, SERIAL, stubbed_client

from workflows.aws import iam, sts
from workflows.aws.errors import AwsError, AwsFailure, translate
from workflows.core.sentences import Cancelled


@pytest.fixture
def aws() -> Iterator[dict[str, Any]]:
    with stubbed_client("iam") as (client, stub):
        yield {"iam": client, "iam_stub": stub}


def refused(code: str) -> AwsError:
    return translate(ClientError({"Error": {"Code": code}}, "GetCallerIdentity"))


MADE = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("used", "profile", "devices", "expected"),
    [
        (None, {"PasswordResetRequired": True}, None, iam.Arrival.AWAY),
        (MADE - timedelta(days=1), {"PasswordResetRequired": True}, None, iam.Arrival.AWAY),
        (MADE + timedelta(days=1), {"PasswordResetRequired": True}, None, iam.Arrival.MUST_CHOOSE),
        (MADE + timedelta(days=1), {"PasswordResetRequired": False}, 0, iam.Arrival.NO_MFA),
        (MADE + timedelta(days=1), {}, 1, iam.Arrival.HERE),
        (None, {}, None, iam.Arrival.UNSEEN),
        (MADE - timedelta(days=1), {}, None, iam.Arrival.UNSEEN),
        (None, None, None, iam.Arrival.NO_PASSWORD),
    ],
)
def test_how_far_somebody_has_come(
    aws: dict[str, Any],
    used: datetime | None,
    profile: dict[str, Any] | None,
    devices: int | None,
    expected: iam.Arrival,
) -> None:
    user = {"Path": "/", "UserName": "jane.doe", "UserId": "AIDAEXAMPLEEXAMPLE", "CreateDate": MADE}
    user["Arn"] = "arn:aws:iam::111111111111:user/jane.doe"
    aws["iam_stub"].add_response(
        "get_user", {"User": {**user, **({"PasswordLastUsed": used} if used else {})}}
    )
    if profile is None:
        aws["iam_stub"].add_client_error("get_login_profile", "NoSuchEntity")
    else:
        answer = {"LoginProfile": {"UserName": "jane.doe", "CreateDate": MADE, **profile}}
        aws["iam_stub"].add_response("get_login_profile", answer)
    if devices is not None:
        device = {"UserName": "jane.doe", "SerialNumber": SERIAL, "EnableDate": MADE}
        aws["iam_stub"].add_response("list_mfa_devices", {"MFADevices": [device] * devices})
    assert iam.arrival(aws["iam"], "jane.doe") is expected


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=1)])
def test_a_one_time_password_that_was_made_later_is_another_one(
    aws: dict[str, Any], later: timedelta
) -> None:
    user = {"Path": "/", "UserName": "jane.doe", "UserId": "AIDAEXAMPLEEXAMPLE", "CreateDate": MADE}
    user["Arn"] = "arn:aws:iam::111111111111:user/jane.doe"
    profile = {"UserName": "jane.doe", "CreateDate": MADE + later, "PasswordResetRequired": True}
    aws["iam_stub"].add_response("get_user", {"User": user})
    aws["iam_stub"].add_response("get_login_profile", {"LoginProfile": profile})
    expected = iam.Arrival.OTHER_PASSWORD if later else iam.Arrival.AWAY
    assert iam.arrival(aws["iam"], "jane.doe", MADE) is expected


def test_somebody_who_is_gone_has_not_come(aws: dict[str, Any]) -> None:
    aws["iam_stub"].add_client_error("get_user", "NoSuchEntity")
    assert iam.arrival(aws["iam"], "jane.doe") is iam.Arrival.NO_USER


def test_no_password_policy_is_an_empty_one_and_a_denial_is_told(aws: dict[str, Any]) -> None:
    aws["iam_stub"].add_client_error("get_account_password_policy", "NoSuchEntity")
    assert iam.get_account_password_policy(aws["iam"]) == {}
    aws["iam_stub"].add_client_error("get_account_password_policy", "AccessDenied")
    with pytest.raises(AwsError):
        iam.get_account_password_policy(aws["iam"])


def test_devices_are_told_apart_by_their_serial(aws: dict[str, Any]) -> None:
    serials = ["arn:aws:iam::111111111111:u2f/user/juan.delacruz/key-X", SERIAL, "GAHT12345678"]
    devices = [
        {"UserName": "juan.delacruz", "SerialNumber": serial, "EnableDate": NOW - timedelta(days=age)}
        for age, serial in enumerate(serials)
    ]
    aws["iam_stub"].add_response("list_mfa_devices", {"MFADevices": devices, "IsTruncated": False}, {})
    found = iam.list_mfa_devices(aws["iam"])
    assert [device.serial for device in found] == serials[::-1]
    assert [device.kind for device in found] == [
        iam.MfaDeviceKind.HARDWARE,
        iam.MfaDeviceKind.APP,
        iam.MfaDeviceKind.SECURITY_KEY,
    ]
    assert [device.gives_codes for device in found] == [True, True, False]


IN_A_FOLDER = "arn:aws:iam::111111111111:mfa/people/juan.delacruz"


@pytest.mark.parametrize(
    ("listed", "serial"), [(None, SERIAL), ([], SERIAL), ([f"{SERIAL}2", IN_A_FOLDER], IN_A_FOLDER)]
)
def test_a_device_that_is_there_already_names_the_administrators_commands(
    aws: dict[str, Any], listed: list[str] | None, serial: str
) -> None:
    stub = aws["iam_stub"]
    stub.add_client_error("create_virtual_mfa_device", "EntityAlreadyExists", http_status_code=409)
    if listed is None:
        stub.add_client_error("list_virtual_mfa_devices", "AccessDenied", http_status_code=403)
    else:
        devices = [{"SerialNumber": serial} for serial in listed]
        stub.add_response("list_virtual_mfa_devices", {"VirtualMFADevices": devices, "IsTruncated": False})
    with pytest.raises(iam.DeviceExists) as caught:
        iam.create_virtual_mfa_device(aws["iam"], "juan.delacruz", ME)
    commands = [line.split() for line in str(caught.value.next).splitlines() if serial in line]
    assert [" ".join(command[2:]).strip("`.") for command in commands] == [
        f"deactivate-mfa-device --user-name juan.delacruz --serial-number {serial}",
        f"delete-virtual-mfa-device --serial-number {serial}",
    ]


def test_enabling_refuses_two_equal_codes_without_asking_aws(aws: dict[str, Any]) -> None:
    with pytest.raises(sts.RepeatedCode):
        iam.enable_mfa_device(
            aws["iam"], "juan.delacruz", SERIAL, ("123456", "123 456"), memory=sts.CodeMemory()
        )
    with pytest.raises(sts.WrongCode):
        iam.enable_mfa_device(aws["iam"], "juan.delacruz", SERIAL, ("", ""), memory=sts.CodeMemory())


def test_enabling_gives_both_codes_and_neither_can_be_used_again(aws: dict[str, Any]) -> None:
    memory = sts.CodeMemory()
    aws["iam_stub"].add_response(
        "enable_mfa_device",
        {},
        {
            "UserName": "juan.delacruz",
            "SerialNumber": SERIAL,
            "AuthenticationCode1": "123456",
            "AuthenticationCode2": "654321",
        },
    )
    iam.enable_mfa_device(aws["iam"], "juan.delacruz", SERIAL, ("123 456", "654321"), memory=memory)
    with pytest.raises(sts.RepeatedCode):
        memory.claim(SERIAL, "654321")


def test_codes_that_aws_refuses_at_enabling_say_what_to_enter(aws: dict[str, Any]) -> None:
    aws["iam_stub"].add_client_error("enable_mfa_device", "InvalidAuthenticationCode", http_status_code=403)
    with pytest.raises(sts.WrongCode) as caught:
        iam.enable_mfa_device(
            aws["iam"], "juan.delacruz", SERIAL, ("123456", "654321"), memory=sts.CodeMemory()
        )
    assert caught.value.next != AwsFailure.MFA_CODE.value.next, "it takes two codes"


def test_access_keys_tell_age_and_last_use_or_that_it_may_not_be_asked(aws: dict[str, Any]) -> None:
    listed = [
        {
            "UserName": "j",
            "AccessKeyId": "AKIAEXAMPLEEXAMPLE02",
            "Status": "Active",
            "CreateDate": NOW - timedelta(days=5),
        },
        {
            "UserName": "j",
            "AccessKeyId": "AKIAEXAMPLEEXAMPLE01",
            "Status": "Inactive",
            "CreateDate": NOW - timedelta(days=91),
        },
    ]
    aws["iam_stub"].add_response("list_access_keys", {"AccessKeyMetadata": listed, "IsTruncated": False}, {})
    aws["iam_stub"].add_response(
        "get_access_key_last_used",
        {
            "UserName": "j",
            "AccessKeyLastUsed": {"LastUsedDate": NOW, "ServiceName": "s3", "Region": "us-east-1"},
        },
    )
    aws["iam_stub"].add_client_error("get_access_key_last_used", "AccessDenied")
    old, new = iam.list_access_keys(aws["iam"])
    assert (old.access_key_id, old.active, old.age_days(NOW)) == ("AKIAEXAMPLEEXAMPLE01", False, 91)
    assert (old.last_used, old.last_use_known) == (None, False)
    assert (new.last_used, new.last_used_service, new.last_use_known) == (NOW, "s3", True)


def test_a_third_access_key_is_a_limit(aws: dict[str, Any]) -> None:
    aws["iam_stub"].add_client_error("create_access_key", "LimitExceeded", http_status_code=409)
    with pytest.raises(AwsError) as caught:
        iam.create_access_key(aws["iam"])
    assert caught.value.failure is AwsFailure.LIMIT


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.seconds += seconds


def test_a_new_key_is_asked_again_until_it_is_known_twice_in_a_row() -> None:
    clock = Clock()
    answers: list[object] = [refused("InvalidClientTokenId")] * 2 + [
        "me",
        refused("InvalidClientTokenId"),
        "me",
        "me",
    ]

    def ask() -> object:
        answer = answers.pop(0)
        if isinstance(answer, AwsError):
            raise answer
        return answer

    assert iam.wait_until_usable(ask, cancelled=Event(), monotonic=clock.monotonic, pause=clock.pause) == "me"
    assert answers == []
    assert 1.5 <= clock.seconds < 10


def test_a_key_that_stays_unknown_is_given_up_in_time() -> None:
    clock = Clock()

    def ask() -> str:
        raise refused("InvalidClientTokenId")

    with pytest.raises(AwsError) as caught:
        iam.wait_until_usable(
            ask, cancelled=Event(), monotonic=clock.monotonic, pause=clock.pause, timeout=30
        )
    assert caught.value.failure is AwsFailure.KEY_UNKNOWN
    assert 20 < clock.seconds <= 30


def test_another_failure_ends_the_wait_at_once() -> None:
    clock = Clock()

    def ask() -> str:
        raise refused("AccessDenied")

    with pytest.raises(AwsError):
        iam.wait_until_usable(ask, cancelled=Event(), monotonic=clock.monotonic, pause=clock.pause)
    assert clock.seconds == 0


def test_the_wait_can_be_cancelled() -> None:
    clock, cancelled = Clock(), Event()

    def ask() -> str:
        cancelled.set()
        raise refused("InvalidClientTokenId")

    with pytest.raises(Cancelled):
        iam.wait_until_usable(ask, cancelled=cancelled, monotonic=clock.monotonic, pause=clock.pause)
