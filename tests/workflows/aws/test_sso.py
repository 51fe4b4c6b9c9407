# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""Profiles that sign in through SSO: the aws CLI's token cache, and a fake endpoint of AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.sso_portal import START, TOKEN, portal, sign_in  # noqa: F401

from workflows.aws.clients import ClientFactory, ProfileFiles
from workflows.aws.errors import AwsError, AwsFailure
from workflows.aws.sts import caller_identity

CONFIG = f"""
[sso-session bb]
sso_start_url = {START}
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

[profile bb-security-devops]
sso_session = bb
sso_account_id = 222222222222
sso_role_name = DevOps
region = us-east-1

[profile bb-old-devops]
sso_start_url = {START}
sso_region = eu-west-1
sso_account_id = 222222222222
sso_role_name = DevOps
region = us-east-1

[profile bb-shared-devops]
role_arn = arn:aws:iam::333333333333:role/DevOps
source_profile = bb-security-devops
region = us-east-1

[profile bb-half]
sso_session = nowhere
sso_account_id = 222222222222
sso_role_name = DevOps
"""


@pytest.fixture
def factory(portal: Any) -> ClientFactory:
    return ClientFactory(f"http://127.0.0.1:{portal.server_port}", "us-east-1", environment={})


@pytest.fixture
def files(tmp_path: Path) -> ProfileFiles:
    (tmp_path / "config").write_text(CONFIG)
    return ProfileFiles(tmp_path / "config", tmp_path / "credentials", tmp_path / "sso" / "cache")


@pytest.mark.parametrize(
    ("profile", "session"), [("bb-security-devops", "bb"), ("bb-old-devops", START)], ids=["session", "url"]
)
def test_a_token_of_the_cli_gives_the_roles_credentials(
    portal: Any, factory: ClientFactory, files: ProfileFiles, profile: str, session: str
) -> None:
    sign_in(files, session)
    found = factory.profile_credentials(files, profile)
    assert found.access_key_id == "ASIASSO"
    assert found.session_token is not None
    assert found.expires_at is not None
    assert timedelta(minutes=50) < found.expires_at - datetime.now(UTC) < timedelta(minutes=61)
    ((path, query),) = portal.asked
    assert path == "/federation/credentials"
    assert query == {"role_name": ["DevOps"], "account_id": ["222222222222"]}
    with factory.profile_client("sts", files, profile) as sts:
        assert caller_identity(sts).account == "222222222222"


@pytest.mark.parametrize(
    ("profile", "session"), [("bb-security-devops", "bb"), ("bb-old-devops", START)], ids=["session", "url"]
)
@pytest.mark.parametrize("case", ["missing", "expired", "refused", "damaged"])
def test_a_token_that_does_not_work_names_the_command_that_gets_another(
    factory: ClientFactory, files: ProfileFiles, profile: str, session: str, case: str
) -> None:
    match case:
        case "expired":
            sign_in(files, session, lasts=timedelta(hours=-1))
        case "refused":
            sign_in(files, session, token="of-a-session-that-was-ended")
        case "damaged":
            sign_in(files, session).write_text("{")
    with pytest.raises(AwsError) as refused:
        factory.profile_credentials(files, profile)
    error = refused.value
    assert error.failure is AwsFailure.SSO
    assert f"aws sso login --profile {profile}`" in error.next
    assert str(files.config_file) in error.next
    assert TOKEN not in error.as_text()
    with (
        pytest.raises(AwsError, match=profile) as later,
        factory.profile_client("sts", files, profile) as sts,
    ):
        caller_identity(sts)
    assert later.value.next == error.next


def test_a_role_behind_sso_names_the_profile_that_signs_in(
    factory: ClientFactory, files: ProfileFiles
) -> None:
    with (
        pytest.raises(AwsError) as refused,
        factory.profile_client("sts", files, "bb-shared-devops") as sts,
    ):
        caller_identity(sts)
    assert "aws sso login --profile bb-security-devops`" in refused.value.next


def test_a_session_that_is_not_there_is_a_fault_of_the_files(
    factory: ClientFactory, files: ProfileFiles
) -> None:
    with pytest.raises(AwsError, match="bb-half") as refused:
        factory.profile_credentials(files, "bb-half")
    assert refused.value.failure is AwsFailure.PROFILE
    assert "nowhere" in refused.value.detail


def test_a_key_error_of_somebody_else_is_not_taken_for_a_token(
    factory: ClientFactory, files: ProfileFiles
) -> None:
    files.credentials_file.write_text(
        f"[keys]\naws_access_key_id = AKIAX\naws_secret_access_key = {'s' * 40}\n"
    )
    with pytest.raises(KeyError), factory.profile_client("sts", files, "keys"):
        raise KeyError("mine")
