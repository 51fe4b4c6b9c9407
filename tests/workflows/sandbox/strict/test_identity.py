from __future__ import annotations

from typing import Any

import pytest
from support.strict_aws import ADMINISTRATORS, MANAGEMENT, SECURITY, StrictWorld, failed, refused

from workflows.aws.errors import AwsFailure


def test_an_account_is_that_of_the_key_whatever_the_request_says(environment: StrictWorld) -> None:
    environment.administrator("iam", MANAGEMENT).create_user(UserName="only.there")
    client = environment.administrator("iam", SECURITY)

    def smuggle(request: Any, **_: Any) -> None:
        request.headers["x-moto-account-id"] = MANAGEMENT

    client.meta.events.register("before-sign", smuggle)
    assert client.list_users()["Users"] == []


def test_an_inactive_key_is_unknown_until_it_is_active_again(environment: StrictWorld) -> None:
    key = environment.user("jane.doe")
    iam = environment.administrator("iam")
    iam.update_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refused(environment.of("sts", key).get_caller_identity)[0] == "InvalidClientTokenId"
    iam.update_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert environment.of("sts", key).get_caller_identity()["Arn"] == f"arn:aws:iam::{SECURITY}:user/jane.doe"
    iam.delete_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"])
    assert refused(environment.of("sts", key).get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_permanent_key_with_a_session_token_is_refused(environment: StrictWorld) -> None:
    client = environment.client("sts", *ADMINISTRATORS[SECURITY], "made up")
    assert refused(client.get_caller_identity)[0] == "InvalidClientTokenId"


def change_body(request: Any) -> None:
    request.body = b"Action=DeleteUser&Version=2010-05-08&UserName=jane.doe"


def change_query(request: Any) -> None:
    request.url += "?Action=DeleteUser"


def change_method(request: Any) -> None:
    request.method = "PUT"


@pytest.mark.parametrize("change", [change_body, change_query, change_method])
def test_what_was_changed_after_signing_is_refused(environment: StrictWorld, change: Any) -> None:
    environment.user("jane.doe")
    client = environment.administrator("iam")
    client.meta.events.register_first("before-send", lambda request, **_: change(request))
    code, _ = refused(client.get_user, UserName="jane.doe")
    assert code in ("SignatureDoesNotMatch", "InvalidSignatureException")
    assert [user["UserName"] for user in environment.administrator("iam").list_users()["Users"]] == [
        "jane.doe"
    ]


def test_a_clock_may_be_off_by_less_than_five_minutes(environment: StrictWorld) -> None:
    sts, s3 = environment.administrator("sts"), environment.administrator("s3")
    for ahead in (270, -270):
        environment.ahead = ahead
        assert sts.get_caller_identity()["Account"] == SECURITY
    environment.ahead = 330
    kind, message = refused(sts.get_caller_identity)
    assert kind == "SignatureDoesNotMatch"
    assert message.startswith("Signature expired: ")
    assert failed(sts.get_caller_identity) is AwsFailure.CLOCK
    assert refused(s3.list_buckets)[0] == "RequestTimeTooSkewed"
    environment.ahead = -330
    assert refused(sts.get_caller_identity)[1].startswith("Signature not yet current: ")
    assert failed(sts.get_caller_identity) is AwsFailure.CLOCK
    assert refused(environment.administrator("dynamodb").list_tables)[0] == "InvalidSignatureException"
