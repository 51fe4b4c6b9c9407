"""The strict AWS: regions opted in or not, sessions, roles and tokens of the global endpoint."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
from support.strict_aws import (
    ADMINISTRATORS,
    APPS,
    ASSUME_DEVOPS,
    HOST,
    SECURITY,
    SELF_MANAGEMENT,
    TRUST_WITH_MFA,
    StrictWorld,
    code,
    failed,
    refused,
)

from workflows.aws.errors import AwsFailure

TRUST = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", '
    f'"Principal": {{"AWS": "arn:aws:iam::{SECURITY}:root"}}}}}}'
)
ROLE = f"arn:aws:iam::{APPS}:role/DevOps"


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


JANE = f"arn:aws:iam::{SECURITY}:user/jane.doe"


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


def test_the_account_service_lists_all_regions(environment: StrictWorld) -> None:
    account = environment.administrator("account")
    everything = account.list_regions(MaxResults=50)["Regions"]
    statuses = [region["RegionOptStatus"] for region in everything]
    assert statuses.count("ENABLED_BY_DEFAULT") == 17
    assert {"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"} in everything
