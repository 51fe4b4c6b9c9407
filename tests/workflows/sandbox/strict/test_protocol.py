"""Requests and errors in the words of each service's protocol."""

from __future__ import annotations

import io

import pytest
from support.strict_aws import ADMINISTRATORS, HOST, SECURITY, StrictWorld, refused
from werkzeug.test import Client

CALLS = {
    "iam": "list_users",
    "sts": "get_caller_identity",
    "s3": "list_buckets",
    "dynamodb": "list_tables",
    "ec2": "describe_regions",
    "organizations": "list_accounts",
    "account": "list_regions",
}


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
