"""Regions as at AWS: opted in or not, STS active or not, tokens of the global endpoint."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from support.strict_aws import ADMINISTRATORS, APPS, HOST, SECURITY, StrictWorld, refused

TRUST = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", '
    f'"Principal": {{"AWS": "arn:aws:iam::{SECURITY}:root"}}}}}}'
)
ROLE = f"arn:aws:iam::{APPS}:role/DevOps"


@pytest.fixture
def environment() -> StrictWorld:
    return StrictWorld()


def sts_in(environment: StrictWorld, region: str, account: str = SECURITY) -> Any:
    key, secret = ADMINISTRATORS[account]
    client = boto3.client(
        "sts",
        region_name=region,
        endpoint_url=f"http://{HOST}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )
    client.meta.events.register("before-send", environment._send)
    return client


def test_a_deactivated_region_gives_no_credentials_of_the_account_and_still_says_who_one_is(
    environment: StrictWorld,
) -> None:
    environment.strict.settings.of(SECURITY).off.add("eu-west-3")
    client = sts_in(environment, "eu-west-3")
    code, message = refused(client.get_session_token)
    assert code == "RegionDisabledException"
    assert f"account:{SECURITY}" in message
    assert client.get_caller_identity()["Account"] == SECURITY
    assert sts_in(environment, "eu-west-3", APPS).get_session_token()["Credentials"]
    environment.strict.settings.of(SECURITY).off.clear()
    assert client.get_session_token()["Credentials"]


def test_the_account_of_the_role_decides_not_that_of_the_caller(environment: StrictWorld) -> None:
    environment.administrator("iam", APPS).create_role(RoleName="DevOps", AssumeRolePolicyDocument=TRUST)
    settings = environment.strict.settings
    settings.of(SECURITY).off.add("eu-west-3")
    client = sts_in(environment, "eu-west-3")
    assert client.assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
    settings.of(APPS).off.add("eu-west-3")
    assert refused(client.assume_role, RoleArn=ROLE, RoleSessionName="test")[0] == "RegionDisabledException"


def test_a_region_that_the_account_has_not_opted_into_does_not_know_its_keys(
    environment: StrictWorld,
) -> None:
    client = sts_in(environment, "af-south-1")
    assert refused(client.get_caller_identity)[0] == "InvalidClientTokenId"
    environment.strict.settings.of(SECURITY).opted_in.add("af-south-1")
    assert client.get_session_token()["Credentials"]


def test_ec2_and_the_account_service_tell_the_opt_in_status(environment: StrictWorld) -> None:
    environment.strict.settings.of(SECURITY).opted_in.add("me-south-1")
    answer = environment.administrator("ec2").describe_regions(AllRegions=True)["Regions"]
    status = {region["RegionName"]: region["OptInStatus"] for region in answer}
    assert (status["eu-west-1"], status["me-south-1"], status["af-south-1"]) == (
        "opt-in-not-required",
        "opted-in",
        "not-opted-in",
    )
    used = environment.administrator("ec2").describe_regions()["Regions"]
    assert {region["RegionName"] for region in used} == {
        name for name, words in status.items() if words != "not-opted-in"
    }
    listed = environment.administrator("account").list_regions(MaxResults=50)["Regions"]
    assert {region["RegionName"]: region["RegionOptStatus"] for region in listed}["me-south-1"] == "ENABLED"


def test_the_summary_has_the_version_of_global_tokens(environment: StrictWorld) -> None:
    summary = environment.administrator("iam").get_account_summary()["SummaryMap"]
    assert summary["GlobalEndpointTokenVersion"] == 1
    assert summary["UsersQuota"] > 0
