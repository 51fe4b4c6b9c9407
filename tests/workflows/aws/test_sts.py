"""STS with botocore's stub, whose responses are those in AWS's documentation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.stub import Stubber
from support.stubbed_aws import ME, NOW, SERIAL, stubbed_client

from workflows.aws import sts
from workflows.aws.clients import AwsClient
from workflows.core.sentences import OnboardError, text_of


@pytest.fixture
def stubbed() -> Iterator[tuple[AwsClient, Stubber]]:
    with stubbed_client("sts") as client_and_stub:
        yield client_and_stub


def test_an_identity_tells_its_parts() -> None:
    assert (ME.partition, ME.user_name) == ("aws", "juan.delacruz")
    role = sts.Identity("arn:aws-us-gov:sts::222222222222:assumed-role/DevOps/iam-onboard", "222222222222")
    assert (role.partition, role.user_name) == ("aws-us-gov", None)


def test_what_is_no_arn() -> None:
    with pytest.raises(OnboardError) as refused:
        sts.partition_of("DevOps")
    assert "DevOps" in refused.value.what


def test_a_wrong_code_at_a_session_is_spent_too(stubbed: tuple[AwsClient, Stubber]) -> None:
    (client, stub), memory = stubbed, sts.CodeMemory()
    message = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
    stub.add_client_error("get_session_token", "AccessDenied", message, http_status_code=403)
    with pytest.raises(sts.WrongCode) as wrong:
        sts.session_token(client, SERIAL, "123456", memory=memory)
    assert wrong.value.serial == SERIAL
    assert SERIAL not in text_of(wrong.value.sentences), "the field beside it names the device"
    with pytest.raises(sts.RepeatedCode):
        sts.session_token(client, SERIAL, "123456", memory=memory)
    assert "123456" not in repr(memory)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a"])
def test_what_is_no_code_is_not_sent(stubbed: tuple[AwsClient, Stubber], code: str) -> None:
    client, _ = stubbed
    with pytest.raises(sts.WrongCode):
        sts.session_token(client, SERIAL, code, memory=sts.CodeMemory())


def test_a_role_can_be_assumed_with_an_external_id(stubbed: tuple[AwsClient, Stubber]) -> None:
    client, stub = stubbed
    arn = "arn:aws:iam::222222222222:role/DevOps"
    session_arn = "arn:aws:sts::222222222222:assumed-role/DevOps/iam-onboard"
    stub.add_response(
        "assume_role",
        {
            "Credentials": {
                "AccessKeyId": "ASIAEXAMPLEEXAMPLE01",
                "SecretAccessKey": "x" * 40,
                "SessionToken": "t",
                "Expiration": NOW,
            },
            "AssumedRoleUser": {"AssumedRoleId": "AROAEXAMPLEEXAMPLE01:iam-onboard", "Arn": session_arn},
        },
        {
            "RoleArn": arn,
            "RoleSessionName": "iam-onboard",
            "ExternalId": "ext-1",
            "DurationSeconds": 900,
        },
    )
    credentials, who = sts.assume_role(client, arn, external_id="ext-1", seconds=900)
    assert who == session_arn
    assert credentials.access_key_id == "ASIAEXAMPLEEXAMPLE01"
    assert credentials.expires_at == NOW
    assert "x" * 40 not in repr(credentials)
    credentials.drop()
    assert credentials.secret_access_key.dropped
