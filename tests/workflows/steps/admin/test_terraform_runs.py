# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""The credentials of a layer's Terraform, with a strict AWS: one code, a private pair of files, the
accounts."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.fakes import MemoryVault
from support.served_aws import NewUserAws, served
from support.sso_portal import START, TOKEN, portal, sign_in  # noqa: F401
from support.strict_aws import APPS, MANAGEMENT, SECURITY, TRUST_WITH_MFA

from workflows.aws.clients import ProfileFiles, profile_map
from workflows.aws.errors import AwsError, AwsFailure
from workflows.aws.sts import RepeatedCode, WrongCode, caller_identity
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, text_of
from workflows.layer.discover import find_project
from workflows.layer.model import LayerLocation, Project
from workflows.steps.admin import state_now, terraform_runs
from workflows.steps.admin.terraform_runs import (
    CodeWanted,
    LayerProfile,
    WrongAccount,
    code_wanted,
    credential_files,
    factory_for,
    open_layer,
    profiles_of,
    project_files,
    role_credentials,
)
from workflows.steps.admin.upstream import CheckoutBehind
from workflows.steps.shared.module import Context, Progress
from workflows.stores.vault import VaultChoice, VaultUnavailable
from workflows.terraform.binary import BinaryMissing
from workflows.terraform.failures import Failure

ASSUME = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}'
)
OWN, OTHER = "bb-security-devops", "bb-apps-devstg-devops"
CONFIG = """
provider "aws" {
  profile = var.profile
}
data "terraform_remote_state" "apps" {
  backend = "s3"
  config = {
    profile = "${var.project}-apps-devstg-devops"
  }
}
data "terraform_remote_state" "tools" {
  backend = "s3"
  config  = { profile = "bb-tools" }
}
"""


class Desk:
    """An administrator whose profiles assume roles in two accounts with codes of one device."""

    def __init__(self, made: NewUserAws, root: Path) -> None:
        self.made, self.root = made, root
        aws = made.aws
        self.key = aws.user("lee.admin", ASSUME)
        self.serial, self.seed = aws.device("lee.admin")
        aws.administrator("iam").create_role(RoleName="DevOps", AssumeRolePolicyDocument=TRUST_WITH_MFA)
        self.files = project_files(self.context(), self.project)
        self.files.config_file.parent.mkdir(parents=True)
        self.write(OWN=SECURITY, OTHER=APPS)

    @property
    def project(self) -> Project:
        return find_project(self.root)

    @property
    def layer(self) -> LayerLocation:
        found = self.project.layer("security")
        assert found is not None
        return found

    @property
    def vault(self) -> dict[str, str]:
        vault = self.made.environment.vault("").vault
        assert isinstance(vault, MemoryVault)
        return vault.kept

    def write(self, **roles: str) -> None:
        own, other = roles["OWN"], roles["OTHER"]
        config = [
            f"[profile {name}]\nrole_arn = arn:aws:iam::{account}:role/DevOps\nsource_profile = bb-security\n"
            f"mfa_serial = {self.serial}\nregion = us-east-1\n"
            for name, account in ((OWN, own), (OTHER, other))
        ]
        self.files.config_file.write_text("\n".join([*config, "[profile bb-tools]\nregion = us-west-2\n"]))
        key = (
            f"aws_access_key_id = {self.key['AccessKeyId']}\n"
            f"aws_secret_access_key = {self.key['SecretAccessKey']}\n"
        )
        self.files.credentials_file.write_text(f"[bb-security]\n{key}\n[bb-tools]\n{key}")

    def context(self, **changes: Any) -> Context:
        folder = self.made.folder / "session"
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = {"project_root": str(self.root)}
        changes = {"binary": ("terraform",), **changes}
        return Context(replace(self.made.environment, **changes), facts, facts, "security", folder)

    def own_profile(self) -> LayerProfile:
        return profiles_of(self.context(), self.project, self.layer)[0]

    def code(self, steps: int = 1) -> Secret:
        return Secret(self.made.code(self.seed, steps))

    def files_for(self, context: Context, code: Secret | None = None) -> Any:
        return credential_files(context, self.project, self.layer, code, self.made.report)

    def needed(self, **changes: Any) -> str:
        return code_wanted(self.context(**changes))

    def forget(self) -> None:
        """Simulate another run of the program, with an empty keyring."""
        self.vault.clear()
        self.made.environment.sessions.clear()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    accounts = {"management": MANAGEMENT, "security": SECURITY, "apps-devstg": APPS}
    listed = "\n".join(f'"{name}" = {{ email = "", id = "{number}" }}' for name, number in accounts.items())
    for name, text in {
        "build.env": "PROJECT=bb\n",
        "config/common.tfvars": (
            f'project = "bb"\nproject_long = "b"\nregion_primary = "us-east-1"\naccounts = {{\n{listed}\n}}\n'
        ),
        "security/config/account.tfvars": 'environment = "security"\n',
        "security/config/backend.tfvars": f'profile = "{OWN}"\n',
        "security/global/base-identities/config.tf": CONFIG,
    }.items():
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with served(tmp_path) as made:
        yield Desk(made, tmp_path / "project")


def everything_below(folder: Path) -> str:
    return "".join(path.read_text("latin-1") for path in folder.rglob("*") if path.is_file())


def test_one_code_opens_every_account_that_the_layer_names_and_leaves_nothing(desk: Desk) -> None:
    assert desk.needed() == desk.serial
    context, code = desk.context(), desk.code()
    with desk.files_for(context, code) as files:
        folder = files.config_file.parent
        assert folder == context.folder / "aws" / "security"
        profiles = profile_map(files)
        assert {name: own["aws_access_key_id"][:4] for name, own in profiles.items()} == {
            OWN: "ASIA",
            OTHER: "ASIA",
            "bb-tools": "AKIA",
        }
        assert profiles["bb-tools"]["region"] == "us-west-2"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert code.dropped
    assert not (context.folder / "aws").exists()
    assert sorted(desk.vault) == [f"sessions/{desk.serial}"]
    assert desk.needed() == ""
    desk.made.environment.sessions.clear()  # the next run of the program uses the keyring
    with desk.files_for(desk.context()) as again:
        assert profile_map(again)[OWN]["aws_access_key_id"].startswith("ASIA")
    secrets = [json.loads(kept)[part] for kept in desk.vault.values() for part in ("secret", "token")]
    assert [secret for secret in secrets if secret in everything_below(desk.made.folder)] == []


def test_the_pair_is_gone_after_a_failure_too(desk: Desk) -> None:
    context = desk.context()
    with pytest.raises(ZeroDivisionError), desk.files_for(context, desk.code()) as files:
        1 / files.credentials_file.read_text().count("no such words")
    assert not (context.folder / "aws").exists()
    desk.write(OWN=APPS, OTHER=APPS)
    desk.forget()
    with (
        desk.made.aws.later(60),
        pytest.raises(WrongAccount) as wrong,
        desk.files_for(context, desk.code()),
    ):
        pytest.fail("it answers for another account")
    assert re.search(rf" {APPS}, .* security \w+ {SECURITY}\b", text_of(wrong.value.what))
    assert not (context.folder / "aws").exists()


def test_a_checkout_that_is_behind_is_found_out_while_aws_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking_aws, reported = threading.Event(), []

    def report(progress: Progress) -> None:
        reported.append(progress)
        if len(reported) > 1:
            asking_aws.set()

    def behind(*_: object, needed: bool) -> None:
        assert not needed
        assert asking_aws.wait(60)
        raise CheckoutBehind("", "")

    monkeypatch.setattr(terraform_runs, "check_upstream", behind)
    monkeypatch.setattr(terraform_runs, "layer_binary", lambda *_: None)
    context = desk.context()
    with (
        pytest.raises(CheckoutBehind),
        open_layer(context, report, code=desk.code(), current=True),
    ):
        pytest.fail("Terraform could start")
    assert not (context.folder / "aws").exists()


def test_a_refusal_does_not_wait_for_the_upstream_which_the_next_try_asks_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(
        terraform_runs, "check_upstream", lambda _, asking, **__: ended.append(asking.cancelled.wait(60))
    )
    monkeypatch.setattr(terraform_runs, "layer_binary", lambda *_: None)
    context = desk.context()
    for _ in range(2):
        with pytest.raises(CodeWanted), open_layer(context, lambda _: None, current=True):
            pytest.fail("no code was given")
    assert ended == [True, True]
    assert not context.cancelled.is_set()


def test_who_stops_stops_the_question_to_the_upstream_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr(
        terraform_runs, "check_upstream", lambda _, asking, **__: stopped.append(asking.cancelled.is_set())
    )
    monkeypatch.setattr(terraform_runs, "layer_binary", lambda *_: None)
    context = desk.context()
    context.cancelled.set()
    with open_layer(context, lambda _: None, code=desk.code(), current=True):
        assert stopped == [True]


def test_another_layers_state_is_held_to_the_account_in_its_profiles_name(desk: Desk) -> None:
    desk.write(OWN=SECURITY, OTHER=SECURITY)
    with pytest.raises(WrongAccount) as wrong, desk.files_for(desk.context(), desk.code()):
        pytest.fail("it answers for another account")
    assert all(part in wrong.value.what for part in (OTHER, SECURITY, "apps-devstg", APPS))
    assert "config.tf:8" in wrong.value.why


def test_a_profile_for_another_layers_state_that_is_missing_is_told_before_terraform(desk: Desk) -> None:
    desk.files.credentials_file.write_text("")
    desk.files.config_file.write_text(desk.files.config_file.read_text().replace("bb-tools", "bb-else"))
    with pytest.raises(OnboardError, match="bb-tools") as missing:
        desk.needed()
    assert "(config.tf:13)" in missing.value.why


def test_a_missing_program_is_told_before_a_profile_or_a_code(desk: Desk) -> None:
    nothing: Mapping[str, Any] = {"binary": None, "variables": {"PATH": ""}}
    for code in (None, desk.code()):
        with (
            pytest.raises(BinaryMissing) as missing,
            open_layer(desk.context(**nothing), lambda _: None, code=code),
        ):
            pytest.fail("there is no program")
        assert missing.value.__cause__ is not missing.value
    desk.files.config_file.write_text("")
    with pytest.raises(BinaryMissing):
        desk.needed(**nothing)


@pytest.mark.parametrize("sso", ["", "sso_enabled = true", "sso_enabled = false"])
def test_only_a_profile_that_the_command_writes_is_said_to_be_written_by_it(desk: Desk, sso: str) -> None:
    backend = desk.root / "security/config/backend.tfvars"
    backend.write_text('profile = "bb-security-secops"\n')
    if sso:
        account = desk.root / "security/config/account.tfvars"
        account.write_text(f'{account.read_text()}sso_role = "SecOps"\n{sso}\n')
    desk.files.config_file.write_text("")
    desk.files.credentials_file.write_text("")
    with pytest.raises(OnboardError, match="bb-security-secops") as missing:
        desk.needed()
    written, _, rest = str(missing.value.next).partition(". ")
    assert "--as security`" in written
    assert " bb-apps-devstg-devops," in written
    assert "bb-security-secops" in rest
    assert "profiles write" not in rest
    assert ("leverage aws configure sso" in rest) is (sso == "sso_enabled = true")


def test_what_brings_a_missing_profile_is_said_whatever_the_files_of_other_accounts_hold(desk: Desk) -> None:
    backend = desk.root / "apps-devstg/config/backend.tfvars"
    backend.parent.mkdir(parents=True)
    backend.write_text("profile = \n")
    desk.files.config_file.write_text(desk.files.config_file.read_text().replace(OWN, "bb-security-else"))
    with pytest.raises(OnboardError, match=OWN) as missing:
        desk.needed()
    assert "--as security`" in str(missing.value.next)


@pytest.mark.parametrize("serial", [True, False])
def test_a_source_profile_without_an_access_key_is_said_to_have_none(desk: Desk, *, serial: bool) -> None:
    config = f"{desk.files.config_file.read_text()}\n[profile bb-security]\nregion = us-east-1\n"
    device = f"mfa_serial = {desk.serial}\n"
    desk.files.config_file.write_text(config if serial else config.replace(device, ""))
    desk.files.credentials_file.write_text("")
    code = desk.code() if serial else None
    with pytest.raises(AwsError) as missing, desk.files_for(desk.context(), code):
        pytest.fail("nothing signs the request")
    assert missing.value.failure is AwsFailure.NO_CREDENTIALS
    assert "iam-onboard access-key import --project bb --profile bb-security`" in str(missing.value.next)
    assert "bb-security" in str(missing.value.what)


def test_a_session_serves_for_its_hour_and_each_role_lasts_from_when_it_is_needed(desk: Desk) -> None:
    with desk.files_for(desk.context(), desk.code()):
        pass
    with desk.made.aws.later(45 * 60):
        assert desk.needed() == ""
        credentials = role_credentials(
            desk.context(), factory_for(desk.context(), desk.project), desk.own_profile()
        )
        assert credentials is not None
        assert credentials.expires_at == desk.context().environment.now() + timedelta(hours=1)
    with desk.made.aws.later(55 * 60):
        assert desk.needed() == desk.serial
        assert (
            role_credentials(desk.context(), factory_for(desk.context(), desk.project), desk.own_profile())
            is None
        )


def test_a_look_gets_what_it_needs_by_one_code_for_all_accounts_of_the_device(desk: Desk) -> None:
    for name, text in {
        "config/account.tfvars": 'environment = "apps-devstg"\n',
        "config/backend.tfvars": f'profile = "{OTHER}"\n',
        "global/base-identities/config.tf": 'provider "aws" {}\n',
    }.items():
        file = desk.root / "apps-devstg" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    contexts = {SECURITY: desk.context(), APPS: replace(desk.context(), item="apps-devstg")}
    for context in contexts.values():
        assert state_now.CODED.due(context) == desk.serial
        with pytest.raises(state_now.CodeDue), state_now.client_without_code("sts", context, "who you are"):
            pass
    with pytest.raises(WrongCode):
        state_now.CODED.begin(contexts[SECURITY], Secret("000000"))
    state_now.CODED.begin(contexts[SECURITY], desk.code())
    for account, context in contexts.items():
        assert state_now.CODED.due(context) == ""
        with state_now.client_without_code("sts", context, "who you are") as sts:
            assert caller_identity(sts).account == account


def test_a_session_that_aws_refuses_is_forgotten_and_a_code_is_asked_for(desk: Desk) -> None:
    with desk.files_for(desk.context(), desk.code()):
        pass
    later = datetime.fromtimestamp(desk.made.aws.now(), UTC)
    with desk.made.aws.later(2 * 3600):
        own_clock_is_behind = desk.context(now=lambda: later)
        with pytest.raises(CodeWanted) as wanted, desk.files_for(own_clock_is_behind):
            pytest.fail("AWS does not take it any more")
        assert wanted.value.serial == desk.serial
        assert desk.vault == {}
        assert desk.made.environment.sessions == {}
        assert not (own_clock_is_behind.folder / "aws").exists()


def test_a_code_that_was_given_before_is_not_given_again(desk: Desk) -> None:
    context = desk.context()
    with desk.files_for(context, desk.code()):
        pass
    desk.forget()
    with pytest.raises(RepeatedCode), desk.files_for(context, desk.code()):
        pytest.fail("a code is good once")


def test_two_devices_are_asked_for_one_after_the_other(desk: Desk) -> None:
    desk.made.aws.user("lee.other", ASSUME, account=MANAGEMENT)
    other, _ = desk.made.aws.device("lee.other", account=MANAGEMENT)
    config = desk.files.config_file
    head, tail = config.read_text().split(f"[profile {OTHER}]")
    config.write_text(f"{head}[profile {OTHER}]{tail.replace(desk.serial, other)}")
    with pytest.raises(CodeWanted) as second, desk.files_for(desk.context(), desk.code()):
        pytest.fail("the other device's code is due")
    assert second.value.serial == other
    assert desk.needed() == other


def test_temporary_credentials_in_the_file_that_have_ended_say_how_to_renew_them(desk: Desk) -> None:
    sts = desk.made.aws.of("sts", desk.key)
    given = sts.get_session_token(DurationSeconds=900)["Credentials"]
    desk.files.config_file.write_text("".join(f"[profile {name}]\n" for name in (OWN, OTHER, "bb-tools")))
    desk.files.credentials_file.write_text(
        "".join(
            f"[{name}]\naws_access_key_id = {given['AccessKeyId']}\n"
            f"aws_secret_access_key = {given['SecretAccessKey']}\n"
            f"aws_session_token = {given['SessionToken']}\n"
            for name in (OWN, OTHER, "bb-tools")
        )
    )
    with (
        desk.made.aws.later(2000),
        pytest.raises(OnboardError, match=OWN) as ended,
        desk.files_for(desk.context()),
    ):
        pytest.fail("they have ended")
    assert ended.value.title == Failure.EXPIRED.value.title
    assert "aws sso login" in ended.value.next


class BrokenVault(MemoryVault):
    """A keyring that has been locked."""

    def load(self, name: str) -> Secret | None:
        raise VaultUnavailable("Locked", f"{name} cannot be read.")

    def store(self, name: str, secret: Secret) -> None:
        del secret
        raise VaultUnavailable("Locked", f"{name} cannot be kept.")


def test_a_keyring_that_fails_stops_nothing_and_asks_for_a_code_in_the_next_run(desk: Desk) -> None:
    context = desk.context(vault=lambda _fingerprint: VaultChoice(BrokenVault()))
    with pytest.raises(CodeWanted), desk.files_for(context):
        pytest.fail("nothing is kept")
    with desk.files_for(context, desk.code()) as files:
        assert profile_map(files)[OWN]["aws_access_key_id"].startswith("ASIA")
    (told,) = [progress.words for progress in desk.made.progress if "isn't kept" in progress.words]
    assert f"sessions/{desk.serial} " in told
    assert code_wanted(context) == ""
    desk.made.environment.sessions.clear()
    assert code_wanted(context) == desk.serial


def test_a_key_that_aws_does_not_know_is_told_with_its_profile(desk: Desk) -> None:
    desk.files.config_file.write_text("".join(f"[profile {name}]\n" for name in (OWN, OTHER, "bb-tools")))
    desk.files.credentials_file.write_text(
        f"[{OWN}]\naws_access_key_id = AKIANOBODYNOBODY0001\naws_secret_access_key = {'s' * 40}\n"
    )
    with pytest.raises(OnboardError, match=rf" {OWN}\b") as unknown, desk.files_for(desk.context()):
        pytest.fail("there is no such key")
    assert str(desk.files.credentials_file) in unknown.value.what


@pytest.mark.parametrize("part", ["AccessKeyId", "SecretAccessKey"])
def test_a_key_that_aws_does_not_take_for_a_role_is_told_with_the_profile_that_has_it(
    desk: Desk, part: str
) -> None:
    wrong = {"AccessKeyId": "AKIANOBODYNOBODY0001", "SecretAccessKey": "s" * 40}[part]
    text = desk.files.credentials_file.read_text()
    desk.files.credentials_file.write_text(text.replace(desk.key[part], wrong))
    with pytest.raises(OnboardError) as refused, desk.files_for(desk.context(), desk.code()):
        pytest.fail("there is no such key")
    assert refused.value.what.endswith(" bb-security.")


def test_files_that_need_nothing_are_terraforms_own(desk: Desk) -> None:
    (desk.root / "security/config/backend.tfvars").write_text('profile = "bb-security"\n')
    (desk.root / "security/global/base-identities/config.tf").write_text('provider "aws" {}\n')
    with desk.files_for(desk.context()) as files:
        assert files == ProfileFiles(
            desk.files.config_file, desk.files.credentials_file, desk.files.sso_cache
        )
    assert not (desk.context().folder / "aws").exists()


def test_a_profile_that_signs_in_through_sso_reaches_terraform_as_temporary_credentials(
    desk: Desk, portal: Any
) -> None:
    desk.files.config_file.write_text(
        f"[sso-session bb]\nsso_start_url = {START}\nsso_region = eu-west-1\n\n[profile {OWN}]\n"
        f"sso_session = bb\nsso_account_id = {SECURITY}\nsso_role_name = DevOps\nregion = eu-west-1\n"
    )
    (desk.root / "security/global/base-identities/config.tf").write_text('provider "aws" {}\n')
    context = desk.context(endpoint_url=f"http://127.0.0.1:{portal.server_port}")
    assert desk.needed() == ""
    with pytest.raises(AwsError) as ended, desk.files_for(context):
        pytest.fail("nobody signed in")
    assert f"aws sso login --profile {OWN}`" in ended.value.next
    token = sign_in(desk.files, "bb")
    with desk.files_for(context) as files:
        assert profile_map(files)[OWN] == {
            "region": "eu-west-1",
            "aws_access_key_id": "ASIASSO",
            "aws_secret_access_key": "s" * 40,
            "aws_session_token": "session",
        }
    assert not (context.folder / "aws").exists()
    assert desk.vault == {}
    assert TOKEN in token.read_text()
