from __future__ import annotations

import io
from typing import Any

import pytest
from support.strict_aws import ADMINISTRATORS, HOST, MANAGEMENT, SECURITY, StrictWorld, failed, refused
from werkzeug.test import Client

from workflows.aws.errors import AwsFailure

CALLS = {
    "iam": "list_users",
    "sts": "get_caller_identity",
    "s3": "list_buckets",
    "dynamodb": "list_tables",
    "ec2": "describe_regions",
    "organizations": "list_accounts",
    "account": "list_regions",
}


@pytest.fixture
def environment() -> StrictWorld:
    return StrictWorld()


@pytest.mark.parametrize(
    ("service", "unknown", "mismatch"),
    [
        ("iam", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("sts", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("s3", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        ("dynamodb", "UnrecognizedClientException", "InvalidSignatureException"),
        ("ec2", "AuthFailure", "AuthFailure"),
        ("organizations", "UnrecognizedClientException", "InvalidSignatureException"),
        ("account", "UnrecognizedClientException", "InvalidSignatureException"),
    ],
)
def test_each_service_refuses_strangers_in_its_own_words(
    environment: StrictWorld, service: str, unknown: str, mismatch: str
) -> None:
    key, _ = ADMINISTRATORS[SECURITY]
    call = CALLS[service]
    assert refused(getattr(environment.client(service, "AKIANOBODYNOBODYNOBO", "x"), call))[0] == unknown
    assert (
        refused(getattr(environment.client(service, "ASIANOBODYNOBODYNOBO", "x", "token"), call))[0]
        == unknown
    )
    assert refused(getattr(environment.client(service, key, "another"), call))[0] == mismatch


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


def test_unsigned_requests_reach_nothing(environment: StrictWorld) -> None:
    client = Client(environment.strict)
    form = {"Action": "ListUsers", "Version": "2010-05-08"}
    answer = client.post("/", data=form, base_url=f"http://{HOST}")
    assert answer.status_code == 403
    assert "MissingAuthenticationToken" in answer.text
    for path in ("/moto-api/data.json", "/moto-api/reset", "/some-bucket/some-key"):
        assert client.get(path, base_url=f"http://{HOST}").status_code == 403
    web_identity = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": "x", "WebIdentityToken": "x"}
    assert client.post("/", data=web_identity).status_code == 403


@pytest.mark.parametrize(
    "key", ["plain", "a b/ü+(1)~'.txt", "state/env:/x/terraform.tfstate", "a//b", "100%"]
)
def test_s3_objects_of_any_name_and_body_pass(environment: StrictWorld, key: str) -> None:
    s3 = environment.administrator("s3")
    s3.create_bucket(Bucket="strict-objects")
    s3.put_object(Bucket="strict-objects", Key=key, Body=io.BytesIO(b"x" * 70_000), Metadata={"who": "a  b"})
    assert s3.get_object(Bucket="strict-objects", Key=key)["Body"].read() == b"x" * 70_000
    listed = s3.list_objects_v2(Bucket="strict-objects", Prefix=key[:3])["Contents"]
    assert key in [entry["Key"] for entry in listed]
    s3.delete_object(Bucket="strict-objects", Key=key)


def test_a_state_lock_in_dynamodb_passes(environment: StrictWorld) -> None:
    dynamodb = environment.administrator("dynamodb")
    dynamodb.create_table(
        TableName="locks",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"LockID": {"S": "bucket/key"}}
    condition = "attribute_not_exists(LockID)"
    dynamodb.put_item(TableName="locks", Item=item, ConditionExpression=condition)
    again = refused(dynamodb.put_item, TableName="locks", Item=item, ConditionExpression=condition)
    assert again[0] == "ConditionalCheckFailedException"
    dynamodb.delete_table(TableName="locks")


def test_the_account_service_lists_all_regions(environment: StrictWorld) -> None:
    account = environment.administrator("account")
    everything = account.list_regions(MaxResults=50)["Regions"]
    statuses = [region["RegionOptStatus"] for region in everything]
    assert statuses.count("ENABLED_BY_DEFAULT") == 17
    assert {"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"} in everything
