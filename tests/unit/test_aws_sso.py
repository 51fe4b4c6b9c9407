"""Profiles that sign in through SSO: the token cache of the aws CLI, and an endpoint that stands for AWS."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from workflows.services.aws_errors import AwsError, AwsFailure
from workflows.services.clients import ClientFactory, ProfileFiles
from workflows.services.sts import caller_identity

START = "https://bb.awsapps.com/start"
TOKEN = "t0ken-of-jane"
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
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:sts::222222222222:assumed-role/DevOps/jane.doe</Arn>
<UserId>AROA:jane.doe</UserId><Account>222222222222</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


class Portal(BaseHTTPRequestHandler):
    """GetRoleCredentials for who has the token, and GetCallerIdentity for who has what that gave."""

    def do_GET(self) -> None:
        server: Any = self.server
        asked = urlsplit(self.path)
        server.asked.append((asked.path, parse_qs(asked.query)))
        if self.headers.get("x-amz-sso_bearer_token") != TOKEN:
            self._answer(401, {"message": "Session token not found or invalid"}, "UnauthorizedException")
            return
        expiration = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1000)
        given = {"accessKeyId": "ASIASSO", "secretAccessKey": "s" * 40, "sessionToken": "session"}
        self._answer(200, {"roleCredentials": {**given, "expiration": expiration}})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        signed = "Credential=ASIASSO/" in self.headers.get("authorization", "")
        body = IDENTITY.encode() if signed else b"<x/>"
        self.send_response(200 if signed else 403)
        self.send_header("content-type", "text/xml")
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, status: int, body: dict[str, Any], error: str = "") -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        if error:
            self.send_header("x-amzn-errortype", error)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def portal() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def factory(portal: Any) -> ClientFactory:
    return ClientFactory(f"http://127.0.0.1:{portal.server_port}", "us-east-1", environment={})


@pytest.fixture
def files(tmp_path: Path) -> ProfileFiles:
    (tmp_path / "config").write_text(CONFIG)
    return ProfileFiles(tmp_path / "config", tmp_path / "credentials", tmp_path / "sso" / "cache")


def sign_in(
    files: ProfileFiles, name: str, token: str = TOKEN, lasts: timedelta = timedelta(hours=8)
) -> Path:
    """What `aws sso login` leaves for a session or, in the older form, for a start URL."""
    assert files.sso_cache is not None
    files.sso_cache.mkdir(parents=True, exist_ok=True)
    file = files.sso_cache / f"{hashlib.sha1(name.encode()).hexdigest()}.json"  # noqa: S324 - botocore's name
    expires = (datetime.now(UTC) + lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
    file.write_text(json.dumps({"startUrl": START, "accessToken": token, "expiresAt": expires}))
    return file


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
    assert (error.failure, error.title) == (AwsFailure.SSO, "Sign in to SSO again")
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
