# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""A layer whose profile takes on its role only with an MFA code: planned by the real Terraform with it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import boto3
import pyotp
import pytest
from support.admin_runs import AdminRuns, joining
from support.pgp import gpg_home
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401

from workflows.sandbox.sandbox import Sandbox
from workflows.secret import Secret
from workflows.services.sts import WrongCode
from workflows.services.terraform.outcome import LeftRunning, Update
from workflows.steps import apply, plan, terraform_runs
from workflows.steps.terraform_credentials import CodeWanted

pytestmark = pytest.mark.e2e
ACCOUNT, USER = "222222222222", "lee.admin"
ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
TRUST = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
}


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role_with_mfa(sandbox: Sandbox) -> str:
    """Let the security layer's profile be a role that wants a code; the device's seed."""
    folder = sandbox.home / ".aws" / "bb"
    session = boto3.Session(profile_name="bb-security-devops")
    iam = session.client("iam", endpoint_url=sandbox.endpoint_url)
    iam.create_user(UserName=USER)
    iam.put_user_policy(UserName=USER, PolicyName="assume", PolicyDocument=document(ASSUME))
    iam.create_role(RoleName="LayerAdministrator", AssumeRolePolicyDocument=document(TRUST))
    iam.attach_role_policy(
        RoleName="LayerAdministrator", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=USER)["VirtualMFADevice"]
    seed, serial = device["Base32StringSeed"].decode(), device["SerialNumber"]
    now, totp = time.time(), pyotp.TOTP(seed)
    iam.enable_mfa_device(
        UserName=USER,
        SerialNumber=serial,
        AuthenticationCode1=totp.at(now - 30),
        AuthenticationCode2=totp.at(now),
    )
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    iam.close()
    role = f"arn:aws:iam::{ACCOUNT}:role/LayerAdministrator"
    (folder / "config").write_text(
        f"[profile bb-security-devops]\nrole_arn = {role}\nsource_profile = bb-security\n"
        f"mfa_serial = {serial}\nregion = us-east-1\n"
    )
    (folder / "credentials").write_text(
        f"[bb-security]\naws_access_key_id = {key['AccessKeyId']}\n"
        f"aws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    return seed


def secrets_kept(runs: AdminRuns) -> list[str]:
    (kept,) = runs.world.vault("").vault.kept.values()  # type: ignore[attr-defined]
    found = json.loads(kept)
    return [found["secret"], found["token"]]


def leave_apply(runs: AdminRuns) -> None:
    """Begin the apply, and leave the wizard as soon as something of it runs."""
    context = runs.context("security")

    def leave_soon(progress: Any) -> None:
        if isinstance(progress.payload, Update) and progress.payload.progress.running:
            context.leaving.set()

    with pytest.raises(LeftRunning):
        apply.perform(apply.Request(), context, leave_soon)


def test_one_code_plans_and_applies_and_nothing_of_it_stays_in_a_file(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, sandbox.environment[name])
    folder = tmp_path / "session"
    folder.mkdir(mode=0o700)
    with gpg_home() as home:
        home.key("jane.doe")
        runs = joining(sandbox, folder, "jane.doe", home.export("jane.doe"), "admins")
    seed = role_with_mfa(sandbox)
    context = runs.context("security")
    assert terraform_runs.code_wanted(context) == f"arn:aws:iam::{ACCOUNT}:mfa/{USER}"
    with pytest.raises(CodeWanted, match="code of arn:aws"):
        plan.make(context, runs.report)
    with pytest.raises(WrongCode):
        plan.make(context, runs.report, Secret("000000"))
    sandbox.advance_clock(60)
    code = Secret(pyotp.TOTP(seed).at(time.time() + 60))
    planned = plan.make(context, runs.report, code)
    assert code.dropped
    assert planned.counts["add"] > 0
    assert terraform_runs.code_wanted(context) == ""
    runs.learn("security", plan.perform(plan.Request(planned), context, runs.report))
    leave_apply(runs)
    assert (folder / "aws" / "security" / "credentials").is_file()
    runs.learn("security", apply.perform(apply.Request(), runs.context("security"), runs.report))
    assert runs.repeated["applied@security"]["added"] == planned.counts["add"]
    assert not (folder / "aws").exists()
    for secret in secrets_kept(runs):
        holding = [
            path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_text("latin-1")
        ]
        assert holding == []
