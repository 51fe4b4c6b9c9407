"""A strict AWS in this process, with real boto3 clients, no sockets, and a clock that tests advance."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import boto3
import pyotp
import pytest
from botocore import auth
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from workflows.aws.errors import AwsError, AwsFailure, calling_aws
from workflows.sandbox.console.application import console_application
from workflows.sandbox.layout import BootstrapKey, Directory
from workflows.sandbox.strict.application import StrictAws
from workflows.sandbox.strict.identity import Identity
from workflows.sandbox.strict.protocol import AwsRequest, Refusal
from workflows.sandbox.strict.state import Regions

MANAGEMENT, SECURITY, APPS = "111111111111", "222222222222", "333333333333"
HOST = "127.0.0.1:5999"
TOKEN = "t0ken"
PAGES = f"http://{HOST}/{TOKEN}"
"""The beginning of the console's and the phone's addresses."""
ADMINISTRATORS = {
    MANAGEMENT: ("AKIABOOTSTRAPMANAGE1", "management/secret+1"),
    SECURITY: ("AKIABOOTSTRAPSECURE1", "security/secret+1"),
    APPS: ("AKIABOOTSTRAPAPPSDE1", "apps/secret+1"),
}
SELF_MANAGEMENT = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Resource": "*",
   "Action": ["iam:ListVirtualMFADevices", "iam:GetAccountPasswordPolicy", "iam:ListUsers"]},
  {"Effect": "Allow", "Action": ["iam:ChangePassword", "iam:GetUser", "iam:*AccessKey*", "iam:*MFADevice*"],
   "Resource": ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:mfa/*"]},
  {"Sid": "DenyAllExceptListedIfNoMFA", "Effect": "Deny", "Resource": "*",
   "NotAction": ["iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:GetMFADevice",
     "iam:ListMFADevices", "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken",
     "iam:ChangePassword"],
   "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}]}"""
ASSUME_DEVOPS = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", '
    f'"Resource": "arn:aws:iam::{APPS}:role/DevOps"}}}}'
)
TRUST_WITH_MFA = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", '
    f'"Principal": {{"AWS": "arn:aws:iam::{SECURITY}:root"}}, '
    '"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}}'
)


@dataclass
class AccountRegions:
    """An account's region settings: deactivated STS endpoints, opted-in regions, version of global tokens."""

    off: set[str] = field(default_factory=set)
    opted_in: set[str] = field(default_factory=set)
    token_version: int = 1


class RegionSettings(Regions):
    """The region settings of all accounts, by account id."""

    def __init__(self) -> None:
        self._settings: defaultdict[str, AccountRegions] = defaultdict(AccountRegions)

    def of(self, account_id: str) -> AccountRegions:
        return self._settings[account_id]

    @property
    def token_versions(self) -> dict[str, int]:  # type: ignore[override]
        return {account: settings.token_version for account, settings in self._settings.items()}

    def status(self, account_id: str, region: str) -> str:
        return "ENABLED" if region in self.of(account_id).opted_in else super().status(account_id, region)


class SwitchedAws(StrictAws):
    """A strict AWS whose accounts have region settings."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.settings = self.state.regions = RegionSettings()

    def _perform(self, identity: Identity, request: AwsRequest, start_response: Any) -> Any:
        account = request.text("RoleArn").split(":")[4] if request.text("RoleArn") else identity.account_id
        gives = request.action in ("AssumeRole", "GetSessionToken")
        if gives and request.authorization.region in self.settings.of(account).off:
            words = f"STS is not activated in this region for account:{account}."
            raise Refusal("RegionDisabledException", words, 403)
        return super()._perform(identity, request, start_response)


class StrictWorld:
    """Three accounts, their administrators' keys, a strict AWS, its console, and a clock for tests."""

    def __init__(self) -> None:
        iam_backends.clear()
        for backends in s3_backends.values():
            for backend in backends.values():
                backend.reset()
        s3_backends.clear()
        self.ahead = 0.0
        self.started = time.time() // 30 * 30 + 15  # the middle of a code's half minute
        self.directory = Directory(
            accounts={"management": MANAGEMENT, "security": SECURITY, "apps-devstg": APPS},
            bootstrap_keys={
                key: BootstrapKey(account, secret, f"{account[:1]}-admin")
                for account, (key, secret) in ADMINISTRATORS.items()
            },
        )
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.strict = SwitchedAws(self.moto, self.directory, self.now)
        self.console = console_application(self.strict, TOKEN)

    def now(self) -> float:
        return self.started + self.ahead

    def restart(self) -> None:
        """Simulate a new process: keep moto's state, and load the strict state from its dump."""
        state = json.loads(json.dumps(self.strict.state.dump()))
        self.strict = SwitchedAws(self.moto, self.directory, self.now)
        self.console = console_application(self.strict, TOKEN)
        self.strict.state.load(state)

    def client(self, service: str, key: str, secret: str, token: str | None = None) -> Any:
        client = boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=f"http://{HOST}",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def administrator(self, service: str, account: str = SECURITY) -> Any:
        return self.client(service, *ADMINISTRATORS[account])

    def of(self, service: str, credentials: dict[str, Any]) -> Any:
        """Return a client with the credentials from CreateAccessKey, GetSessionToken or AssumeRole."""
        return self.client(
            service,
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials.get("SessionToken"),
        )

    def browser(self) -> Client:
        return Client(self.console)

    def user(self, name: str = "jane.doe", *policies: str, account: str = SECURITY) -> dict[str, Any]:
        """Make a user with inline policies, and return an access key in CreateAccessKey's form."""
        iam = self.administrator("iam", account)
        iam.create_user(UserName=name)
        for number, policy in enumerate(policies):
            iam.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=policy)
        key: dict[str, Any] = iam.create_access_key(UserName=name)["AccessKey"]
        return key

    def device(self, name: str = "jane.doe", account: str = SECURITY) -> tuple[str, str]:
        """Enable a device for a user with the last two codes; return its serial number and seed."""
        iam = self.administrator("iam", account)
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
        seed = made["Base32StringSeed"].decode()
        iam.enable_mfa_device(
            UserName=name,
            SerialNumber=made["SerialNumber"],
            AuthenticationCode1=code(self, seed, -1),
            AuthenticationCode2=code(self, seed),
        )
        return made["SerialNumber"], seed

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        environ = EnvironBuilder.from_environ(_environ(request)).get_environ()
        environ["REQUEST_URI"] = environ["RAW_URI"] = _target(request)
        body, status, headers = run_wsgi_app(self.strict, environ, buffered=True)
        content = io.BytesIO(b"".join(body))
        content.stream = lambda *_, **__: iter([content.getvalue()])  # type: ignore[attr-defined]
        return AWSResponse(request.url, int(status.split()[0]), dict(headers), content)

    @contextmanager
    def later(self, seconds: float) -> Iterator[None]:
        """Advance the clock of the server and of the clients' signatures within the block."""
        self.ahead += seconds
        moved = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(seconds=self.ahead)
        try:
            with mock.patch.object(auth, "get_current_datetime", return_value=moved):
                yield
        finally:
            self.ahead -= seconds


def _target(request: AWSPreparedRequest) -> str:
    parts = urlsplit(request.url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    headers = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    headers.pop("Transfer-Encoding", None)
    body = request.body if request.body is not None else b""
    data = body.read() if hasattr(body, "read") else body.encode() if isinstance(body, str) else bytes(body)
    headers["Content-Length"] = str(len(data))
    parts = urlsplit(request.url)
    return EnvironBuilder(
        path=parts.path,
        query_string=parts.query,
        method=request.method,
        headers=headers,
        input_stream=io.BytesIO(data),
        base_url=f"http://{HOST}",
    ).get_environ()


def code(environment: StrictWorld, seed: bytes | str, steps: int = 0) -> str:
    text = seed.decode() if isinstance(seed, bytes) else seed
    return pyotp.TOTP(text).generate_otp(int(environment.now()) // 30 + steps)


def refused(call: Any, *arguments: Any, **parameters: Any) -> tuple[str, str]:
    """Return the code and the message with which AWS rejects a call; fail the test if the call succeeds."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def failed(call: Any, *arguments: Any, **parameters: Any) -> AwsFailure:
    """Return what the wizard takes AWS's rejection of a call for; fail the test if the call succeeds."""
    with pytest.raises(AwsError) as caught, calling_aws("asking"):
        call(*arguments, **parameters)
    return caught.value.failure
