# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""State in S3 behind a lock in DynamoDB, by a role that wants an MFA code: through the screens, in one walk.

The real Terraform with the real provider and backend; the layer also reads another layer's state, with
another profile. On the way a code is mistyped, the wizard is left during the apply, and somebody else holds
the lock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyotp
import pytest
from support.admin_runs import AdminRuns, joining
from support.given import Given
from support.panes import PaneHost, new_session, rest, settle, until
from support.pgp import gpg_home
from support.sandbox import advance_clock, sandbox, sandbox_cache, sandbox_folder  # noqa: F401
from textual.pilot import Pilot

from screens.admin.apply import ApplyPane
from screens.admin.hand_over import HandOverPane
from screens.admin.plan import PlanPane
from screens.widgets.fields import CodeField
from workflows.aws.errors import AwsFailure
from workflows.machine.events import StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.messages.handoff import open_handoff
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, hand_over, plan
from workflows.steps.shared.leftovers import running_in
from workflows.terraform import commands

pytestmark = pytest.mark.e2e
ACCOUNT, USER, NAME = "222222222222", "lee.admin", "jane.doe"
PROFILE, TABLE = "bb-security-devops", "bb-security-terraform-backend"
KEY = "security/base-identities/terraform.tfstate"
ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
TRUST = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
}
OTHER_LAYER = """
data "terraform_remote_state" "management" {{
  backend = "s3"

  config = {{
    region         = var.region
    profile        = "${{var.project}}-management-administrator"
    bucket         = "${{var.project}}-management-terraform-backend"
    key            = "management/base-identities/terraform.tfstate"
    use_path_style = true
    endpoints      = {{ s3 = "{url}", sts = "{url}", iam = "{url}" }}
  }}
}}

output "names_in_management" {{
  value = keys(data.terraform_remote_state.management.outputs)
}}

resource "terraform_data" "slow" {{
  provisioner "local-exec" {{
    interpreter = ["/bin/sh", "-c"]
    command     = "while [ ! -e {over} ]; do sleep 0.1; done"
  }}
}}
"""
PANES = {"plan": PlanPane, "apply": ApplyPane, "hand-over": HandOverPane}


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Office:
    """The administrator's session, whose role wants codes of a device.

    Attributes:
        session: the session.
        runs: what was decided, and the world.
        modules: the session's steps.
        seed: of the device.
        aws: a boto3 session of the account's first administrator.
    """

    session: Session
    runs: AdminRuns
    modules: list[Any]
    seed: str
    aws: boto3.Session
    sandbox: Sandbox

    def client(self, service: str) -> Any:
        return self.aws.client(service, region_name="us-east-1", endpoint_url=self.sandbox.endpoint_url)

    def host(self, step: str) -> PaneHost:
        return PaneHost(self.session, self.runs.environment, self.modules, PANES, StepKey(step, "security"))

    def code(self, ahead: float) -> str:
        return str(pyotp.TOTP(self.seed).at(time.time() + ahead))

    def status(self, step: str) -> Status:
        return self.session.status(StepKey(step, "security"))

    def items(self) -> list[Any]:
        """What the lock table holds: locks alone, without the digest of the state."""
        found = self.client("dynamodb").scan(TableName=TABLE)["Items"]
        return [item for item in found if not item["LockID"]["S"].endswith("-md5")]

    def lock(self, who: str, created: str) -> None:
        """Another run's lock, as Terraform's backend writes it."""
        path = f"{TABLE}/{KEY}"
        info = {
            "ID": "0eabc5d8-0001-4000-8000-000000000001",
            "Operation": "OperationTypeApply",
            "Info": "",
            "Who": who,
            "Version": "1.15.5",
            "Created": created,
            "Path": path,
        }
        item = {"LockID": {"S": path}, "Info": {"S": json.dumps(info)}}
        self.client("dynamodb").put_item(TableName=TABLE, Item=item)


def role_with_mfa(sandbox: Sandbox, aws: boto3.Session) -> str:
    """Let the security layer's profile be a role that wants a code; the device's seed."""
    folder = sandbox.administrator.home / ".aws" / "bb"
    iam = aws.client("iam", endpoint_url=sandbox.endpoint_url)
    iam.create_user(UserName=USER)
    iam.put_user_policy(UserName=USER, PolicyName="assume", PolicyDocument=document(ASSUME))
    iam.create_role(RoleName="LayerAdministrator", AssumeRolePolicyDocument=document(TRUST))
    iam.attach_role_policy(
        RoleName="LayerAdministrator", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=USER)["VirtualMFADevice"]
    seed, serial = device["Base32StringSeed"].decode(), device["SerialNumber"]
    now, totp = time.time(), pyotp.TOTP(seed)
    codes = {"AuthenticationCode1": totp.at(now - 30), "AuthenticationCode2": totp.at(now)}
    iam.enable_mfa_device(UserName=USER, SerialNumber=serial, **codes)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    iam.close()
    config = (
        (folder / "config")
        .read_text()
        .replace(
            f"[profile {PROFILE}]",
            f"[profile {PROFILE}]\nrole_arn = arn:aws:iam::{ACCOUNT}:role/LayerAdministrator\n"
            f"source_profile = bb-security\nmfa_serial = {serial}",
        )
    )
    (folder / "config").write_text(config)
    others = (folder / "credentials").read_text().partition(f"[{PROFILE}]")[0]
    (folder / "credentials").write_text(
        f"{others}[bb-security]\naws_access_key_id = {key['AccessKeyId']}\n"
        f"aws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    return str(seed)


@pytest.fixture
def office(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, sandbox.administrator.environment[name])
    prepared = tmp_path / "prepared"
    prepared.mkdir(mode=0o700)
    with gpg_home() as home:
        home.key(NAME)
        runs = joining(sandbox, prepared, NAME, home.export(NAME), "admins")
    layer = sandbox.project_root / "security/global/base-identities"
    (layer / "other_layer.tf").write_text(
        OTHER_LAYER.format(url=sandbox.endpoint_url, over=tmp_path / "over")
    )
    aws = boto3.Session(profile_name=PROFILE)
    aws.get_credentials().get_frozen_credentials()  # before the profile becomes a role
    seed = role_with_mfa(sandbox, aws)
    given = Given({**runs.once, "layers": ["security"]})
    modules: list[Any] = [given, plan, apply, hand_over]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), given.facts)
    yield Office(session, runs, modules, seed, aws, sandbox)
    session.close()


async def press(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await rest(pilot)


async def planned_with_a_code(office: Office) -> None:
    """A mistyped code is told, and the next one plans; the foreign resource of the test is acknowledged."""
    app = office.host("plan")
    async with app.run_test(size=(100, 30)) as pilot:
        await rest(pilot)
        assert f"arn:aws:iam::{ACCOUNT}:mfa/{USER}" in app.text()
        await press(pilot, *"000000", "ctrl+n")
        assert AwsFailure.MFA_CODE.value.title in app.text()
        advance_clock(office.sandbox, 60)
        app.pane.query_one("#code").focus()
        await press(pilot, *office.code(60), "ctrl+n")
        assert NAME in app.text()
        assert not app.pane.query_one(CodeField).has_class("-wanted")
        await press(pilot, "space", "ctrl+n")
        assert office.status("plan") is Status.DONE


async def applied_over_a_pause(office: Office, over: Path) -> None:
    """The wizard is left while Terraform applies; the next one takes its end in, and hands over."""
    folder = office.session.folder
    app = office.host("apply")
    async with app.run_test(size=(100, 30)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one(CodeField).has_class("-wanted")
        await pilot.press("ctrl+n", "left", "enter")
        while not office.items():
            await pilot.pause(0.05)
        assert running_in(folder) is not None
        assert (folder / "aws" / "security" / "credentials").is_file()
        app.pane.part()
        await rest(pilot)
    over.touch()  # noqa: ASYNC240 - at once
    assert (folder / "aws" / "security" / "credentials").is_file()
    app = office.host("apply")
    async with app.run_test(size=(100, 30)) as pilot:
        await rest(pilot)
        assert office.status("apply") is Status.DONE
        assert isinstance(app.pane, HandOverPane)
        assert "ready: security" in app.text()
        await press(pilot, "m")
        await press(pilot, "ctrl+n")
        key = StepKey("hand-over", "security")
        await until(pilot, lambda: key in office.session.state.observed)
        assert office.session.state.observed[key].verdict is Verdict.AWAITED  # AWS was asked without a code


async def unlocked_by_name(office: Office) -> None:
    """Another run's lock is told and, once its holder is typed, released; then there is nothing to plan."""
    office.lock("juan.delacruz@laptop", "2026-02-03T10:20:30.1Z")
    app = office.host("plan")
    async with app.run_test(size=(100, 30)) as pilot:
        await rest(pilot)
        await press(pilot, "p")
        for words in ("juan.delacruz@laptop", "2026-02-03 10:20:30.1 +0000 UTC", "an apply"):
            assert words in app.text()
        assert len(office.items()) == 1
        app.screen.query_one("#typed").focus()
        await press(pilot, *"juan.delacruz@laptop")
        app.screen.query_one("#yes").focus()
        await press(pilot, "enter")
    assert office.items() == []
    assert office.session.facts("security")["plan"]["empty"] is True


def secrets_of(office: Office) -> list[str]:
    """What the code gave, as the keyring keeps it."""
    (kept,) = office.runs.environment.vault("").vault.kept.values()  # type: ignore[attr-defined]
    found = json.loads(kept)
    return [found["secret"], found["token"]]


def holding(folder: Path, secrets: list[str]) -> list[Path]:
    """The files below a folder that hold one of the secrets."""
    texts = ((path, path.read_text("latin-1")) for path in folder.rglob("*") if path.is_file())
    return [path for path, text in texts if any(secret in text for secret in secrets)]


async def test_one_code_goes_from_the_plan_to_the_handoff_with_the_state_in_s3(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "LOCK_SECONDS", 1)
    await planned_with_a_code(office)
    await applied_over_a_pause(office, tmp_path / "over")
    state = json.load(office.client("s3").get_object(Bucket=TABLE, Key=KEY)["Body"])
    assert state["outputs"]["names_in_management"]["value"]
    handoff = open_handoff((office.sandbox.mailbox / f"handoff-{NAME}.txt").read_text())
    assert [identity.account_name for identity in handoff.identities] == ["security"]
    await unlocked_by_name(office)

    assert not (office.session.folder / "aws").exists()
    assert holding(tmp_path, secrets_of(office)) == []
