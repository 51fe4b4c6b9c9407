from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from support.strict_aws import (
    APPS,
    ASSUME_DEVOPS,
    SECURITY,
    SELF_MANAGEMENT,
    TRUST_WITH_MFA,
    StrictWorld,
    code,
    failed,
    refused,
)

from workflows.aws.errors import AwsFailure

JANE = f"arn:aws:iam::{SECURITY}:user/jane.doe"
ROLE = f"arn:aws:iam::{APPS}:role/DevOps"


@pytest.fixture
def environment() -> StrictWorld:
    return StrictWorld()


def make_role(environment: StrictWorld, trust: str = TRUST_WITH_MFA, **more: Any) -> None:
    iam = environment.administrator("iam", APPS)
    iam.create_role(RoleName="DevOps", AssumeRolePolicyDocument=trust, **more)
    allow = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        }
    )
    iam.put_role_policy(RoleName="DevOps", PolicyName="p", PolicyDocument=allow)


def assume(client: Any, **more: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.assume_role(RoleArn=ROLE, RoleSessionName="jane", **more)
    return answer


def test_a_user_with_keys_sets_up_mfa_and_then_may_do_the_rest(environment: StrictWorld) -> None:
    key = environment.user("jane.doe", SELF_MANAGEMENT)
    iam = environment.of("iam", key)
    assert iam.get_user()["User"]["UserName"] == "jane.doe"
    assert failed(iam.list_access_keys) is AwsFailure.DENIED_EXPLICITLY
    assert {"iam:ListAccessKeys", JANE} <= set(refused(iam.list_access_keys)[1].split())
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="jane.doe")["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"]
    assert len(seed) == 64
    assert made["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
    assert refused(iam.create_virtual_mfa_device, VirtualMFADeviceName="jane.doe")[0] == "EntityAlreadyExists"
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "AccessDenied"
    assert iam.list_mfa_devices()["MFADevices"] == []

    named = {"UserName": "jane.doe", "SerialNumber": serial}
    now = code(environment, seed)
    twice = refused(iam.enable_mfa_device, **named, AuthenticationCode1=now, AuthenticationCode2=now)
    assert twice[0] == "InvalidAuthenticationCode"
    iam.enable_mfa_device(**named, AuthenticationCode1=code(environment, seed, -1), AuthenticationCode2=now)
    assert [device["SerialNumber"] for device in iam.list_mfa_devices()["MFADevices"]] == [serial]

    sts = environment.of("sts", key)
    reused = failed(sts.get_session_token, SerialNumber=serial, TokenCode=now)
    assert reused is AwsFailure.MFA_CODE
    with_mfa = sts.get_session_token(SerialNumber=serial, TokenCode=code(environment, seed, 1))["Credentials"]
    session = environment.of("iam", with_mfa)
    assert [entry["UserName"] for entry in session.list_access_keys()["AccessKeyMetadata"]] == ["jane.doe"]
    second = session.create_access_key()["AccessKey"]
    assert refused(session.create_access_key)[0] == "LimitExceeded"
    session.delete_access_key(AccessKeyId=second["AccessKeyId"])
    assert refused(session.list_access_keys, UserName="other")[0] == "AccessDenied"


def test_nobody_lists_a_seed(environment: StrictWorld) -> None:
    environment.user("jane.doe")
    serial, seed = environment.device()
    answer = environment.administrator("iam").list_virtual_mfa_devices()
    assert [device["SerialNumber"] for device in answer["VirtualMFADevices"]] == [serial]
    assert answer["VirtualMFADevices"][0]["User"]["UserName"] == "jane.doe"
    assert seed not in repr(answer)


def test_a_device_is_not_deleted_while_it_is_in_use(environment: StrictWorld) -> None:
    environment.user("jane.doe")
    serial, seed = environment.device()
    iam = environment.administrator("iam")
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "DeleteConflict"
    pair = {
        "AuthenticationCode1": code(environment, seed, 1),
        "AuthenticationCode2": code(environment, seed, 2),
    }
    assert (
        refused(iam.enable_mfa_device, UserName="jane.doe", SerialNumber=serial, **pair)[0]
        == "EntityAlreadyExists"
    )
    iam.deactivate_mfa_device(UserName="jane.doe", SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert serial not in environment.strict.state.used_codes, "another device of that name starts anew"


def test_a_session_without_mfa_may_not_call_iam_nor_make_sessions(environment: StrictWorld) -> None:
    plain = environment.of("sts", environment.user("jane.doe", SELF_MANAGEMENT)).get_session_token()[
        "Credentials"
    ]
    assert environment.of("sts", plain).get_caller_identity()["Arn"].endswith(":user/jane.doe")
    assert refused(environment.of("iam", plain).get_user)[0] == "InvalidClientTokenId"
    assert refused(environment.of("sts", plain).get_session_token)[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("serial", "token", "failure"),
    [
        ("other", "123456", AwsFailure.MFA_DEVICE),
        ("own", "000000", AwsFailure.MFA_CODE),
        ("own", "12345a", AwsFailure.MFA_CODE),
    ],
)
def test_a_bad_code_is_told_before_the_denial(
    environment: StrictWorld, serial: str, token: str, failure: AwsFailure
) -> None:
    key = environment.user("jane.doe")
    make_role(environment)
    own, _ = environment.device()
    device = own if serial == "own" else f"arn:aws:iam::{SECURITY}:mfa/other"
    given = {"SerialNumber": device, "TokenCode": token}
    assert failed(assume, environment.of("sts", key), **given) is failure


def test_a_role_wants_a_code_and_then_acts_in_its_own_account(environment: StrictWorld) -> None:
    key = environment.user("jane.doe", ASSUME_DEVOPS)
    make_role(environment)
    serial, seed = environment.device()
    sts = environment.of("sts", key)
    kind, message = refused(assume, sts)
    assert kind == "AccessDenied"
    assert {JANE, "sts:AssumeRole", ROLE} <= set(message.split())
    answer = assume(sts, SerialNumber=serial, TokenCode=code(environment, seed, 1))
    who = environment.of("sts", answer["Credentials"]).get_caller_identity()
    assert who["Arn"] == answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{APPS}:assumed-role/DevOps/jane"
    assert who["Account"] == APPS
    assert who["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    as_role = answer["Credentials"]
    assert environment.of("s3", as_role).list_buckets()["Buckets"] == []
    assert refused(environment.of("iam", as_role).list_users)[0] == "AccessDenied"
    assert refused(environment.of("iam", as_role).get_user)[0] == "ValidationError"
    assert refused(environment.of("iam", as_role).change_password, OldPassword="a", NewPassword="b")[0] in (
        "ValidationError",
        "AccessDenied",
    )


def test_mfa_given_for_a_session_counts_for_its_roles(environment: StrictWorld) -> None:
    key = environment.user("jane.doe", ASSUME_DEVOPS)
    make_role(environment)
    serial, seed = environment.device()
    session = environment.of("sts", key).get_session_token(
        SerialNumber=serial, TokenCode=code(environment, seed, 1)
    )
    assert assume(environment.of("sts", session["Credentials"]))["AssumedRoleUser"]["Arn"].endswith(
        "DevOps/jane"
    )


@pytest.mark.parametrize(
    "policies", [(), (SELF_MANAGEMENT, ASSUME_DEVOPS)], ids=["no policy", "deny without MFA"]
)
def test_both_sides_must_agree(environment: StrictWorld, policies: tuple[str, ...]) -> None:
    make_role(environment, TRUST_WITH_MFA.replace("Bool", "BoolIfExists"))
    key = environment.user("jane.doe", *policies)
    assert refused(assume, environment.of("sts", key))[0] == "AccessDenied"


def test_a_role_that_does_not_exist_or_trusts_others_is_denied_alike(environment: StrictWorld) -> None:
    key = environment.user("jane.doe", ASSUME_DEVOPS)
    missing = refused(assume, environment.of("sts", key))
    make_role(environment, TRUST_WITH_MFA.replace(SECURITY, "999999999999"))
    assert refused(assume, environment.of("sts", key))[0] == missing[0] == "AccessDenied"
    assert "sts:AssumeRole" in missing[1]
    stranger = {"RoleArn": "arn:aws:iam::999999999999:role/DevOps", "RoleSessionName": "jane"}
    assert refused(environment.administrator("sts").assume_role, **stranger)[0] == "AccessDenied"


def test_a_policy_that_comes_through_a_group_counts(environment: StrictWorld) -> None:
    key = environment.user("jane.doe")
    iam = environment.administrator("iam")
    iam.create_group(GroupName="admins")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": everything})
    policy = iam.create_policy(PolicyName="all", PolicyDocument=document)["Policy"]
    iam.attach_group_policy(GroupName="admins", PolicyArn=policy["Arn"])
    assert failed(environment.of("iam", key).list_groups) is AwsFailure.NOT_GRANTED
    iam.add_user_to_group(GroupName="admins", UserName="jane.doe")
    assert [group["GroupName"] for group in environment.of("iam", key).list_groups()["Groups"]] == ["admins"]
    assert refused(iam.delete_group, GroupName="admins")[0] == "DeleteConflict"


def test_sessions_expire_and_survive_a_restart(environment: StrictWorld) -> None:
    key = environment.user("jane.doe", ASSUME_DEVOPS)
    make_role(environment)
    serial, seed = environment.device()
    answer = assume(
        environment.of("sts", key),
        SerialNumber=serial,
        TokenCode=code(environment, seed, 1),
        DurationSeconds=900,
    )
    environment.restart()
    arn = answer["AssumedRoleUser"]["Arn"]
    assert environment.of("sts", answer["Credentials"]).get_caller_identity()["Arn"] == arn
    with environment.later(timedelta(minutes=16).total_seconds()):
        assert refused(environment.of("sts", answer["Credentials"]).get_caller_identity)[0] == "ExpiredToken"
        assert (
            refused(environment.of("dynamodb", answer["Credentials"]).list_tables)[0]
            == "ExpiredTokenException"
        )
    used = {"SerialNumber": serial, "TokenCode": code(environment, seed, 1)}
    assert failed(assume, environment.of("sts", key), **used) is AwsFailure.MFA_CODE


def test_a_role_limits_how_long_it_is_held(environment: StrictWorld) -> None:
    key = environment.user("jane.doe", ASSUME_DEVOPS)
    make_role(environment, TRUST_WITH_MFA.replace('"true"', '"false"').replace("Bool", "BoolIfExists"))
    sts = environment.of("sts", key)
    assert "MaxSessionDuration" in refused(assume, sts, DurationSeconds=7200)[1]
    assert assume(sts, DurationSeconds=3600)["Credentials"]["AccessKeyId"].startswith("ASIA")


def test_an_operation_that_the_sandbox_does_not_know_is_refused(environment: StrictWorld) -> None:
    sts = environment.administrator("sts")
    assert refused(sts.get_federation_token, Name="jane")[0] == "InvalidAction"
