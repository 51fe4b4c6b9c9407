# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""Plan, apply and hand over with real Terraform, the real AWS provider, real gpg and the local AWS."""

from __future__ import annotations

import http.cookiejar
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.admin_runs import AdminRuns, joining, slow_resource
from support.pgp import GpgHome, gpg_home
from support.sandbox import console_url, sandbox, sandbox_cache, sandbox_folder  # noqa: F401

from workflows.core.sentences import OnboardError
from workflows.gpg.decrypt import clean_ciphertext
from workflows.gpg.normalise import normalise
from workflows.machine.events import AGREES
from workflows.messages.handoff import open_handoff
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, hand_over, plan, state_now
from workflows.steps.admin.terraform_runs import WrongAccount, administrator
from workflows.steps.admin.upstream import CheckoutBehind
from workflows.terraform.results import PlanOutdated
from workflows.terraform.runner import LeftRunning, Update

pytestmark = pytest.mark.e2e
NAME = "jane.doe"


@pytest.fixture
def home() -> Iterator[GpgHome]:
    with gpg_home() as made:
        made.key(NAME)
        yield made


@pytest.fixture
def runs(sandbox: Sandbox, home: GpgHome, tmp_path: Path) -> AdminRuns:
    folder = tmp_path / "session"
    folder.mkdir(mode=0o700)
    return joining(sandbox, folder, NAME, home.export(NAME), "admins")


def applied(runs: AdminRuns, account: str) -> Any:
    context = runs.context(account)
    request = apply.Request()
    assert apply.validate(request, context) == []
    runs.learn(account, apply.perform(request, context, runs.report))
    return runs.repeated[f"applied@{account}"]


def sign_in(sandbox: Sandbox, alias: str, password: str) -> str:
    """The address to which a browser comes after the sign-in form was sent."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    form = {"account": alias, "user_name": NAME, "password": password}
    with browser.open(console_url(sandbox), urllib.parse.urlencode(form).encode()) as page:
        return str(page.geturl())


def files_of(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_one_person_goes_through_both_accounts_and_reads_the_password(
    runs: AdminRuns, home: GpgHome, sandbox: Sandbox
) -> None:
    planned = runs.accept("management")
    assert planned.foreign == planned.destroys == ()
    assert any(line.startswith("jane.doe: ") and "joins admins" in line for line in planned.summary)
    assert any(isinstance(progress.payload, Update) for progress in runs.reported)
    markdown = plan.markdown(runs.context("management"))
    assert "jane.doe" in markdown
    assert "111111111111" not in markdown
    assert applied(runs, "management")["added"] == planned.counts["add"] > 0
    (first,) = hand_over.prepare(runs.context("management"), runs.report)
    assert first.accounts == ("management",)
    assert hand_over.later_layers(("jane.doe",), runs.context("management")) == ("security",)

    runs.accept("security")
    applied(runs, "security")
    (person,) = hand_over.prepare(runs.context("security"), runs.report)
    assert person.trouble == ()
    handoff = open_handoff(person.text)
    management, security = handoff.identities
    assert management.sign_in_url == "https://binbash-management.signin.aws.amazon.com/console"
    assert security.account_id == "222222222222"
    assert "16 to 128 characters" in security.password_policy
    assert "bb-shared-oaar" in {profile.profile for profile in management.profiles}
    assert {profile.profile for profile in security.profiles} == {
        "bb-shared-admin",
        "bb-apps-devstg-admin",
        "bb-apps-prd-admin",
    }
    for identity in (management, security):
        assert identity.encrypted_password is not None
        assert identity.key_fingerprint == home.fingerprint(NAME)
        password = home.run("--decrypt", stdin=clean_ciphertext(identity.encrypted_password)).decode()
        assert sign_in(sandbox, identity.account_alias, password).endswith("/console/password")
        held = [path for path in files_of(runs.folder) if password.encode() in path.read_bytes()]
        assert held == []
    assert not list(runs.folder.rglob("*.tfplan"))


def test_an_apply_is_refused_after_the_files_changed_and_what_nobody_chose_has_to_be_acknowledged(
    runs: AdminRuns, sandbox: Sandbox
) -> None:
    runs.accept("security")
    assert plan.inquire(runs.context("security")) == AGREES
    account_tf = sandbox.project_root / "security/global/base-identities/account.tf"
    account_tf.write_text(account_tf.read_text().replace("= 90", "= 60"))
    assert plan.observe(runs.context("security")).contradicts
    outlook = apply.survey(runs.context("security"), runs.report)
    assert "account.tf" in outlook.refusal
    with pytest.raises(PlanOutdated) as refused:
        apply.perform(apply.Request(), runs.context("security"), runs.report)
    assert "account.tf" in refused.value.detail

    context = runs.context("security")
    planned = plan.make(context, runs.report)
    (foreign,) = planned.foreign
    assert "aws_iam_account_password_policy" in foreign.address
    (problem,) = plan.validate(plan.Request(planned), context)
    assert problem.fatal
    assert plan.validate(plan.Request(planned, (foreign.address,)), context) == []


def test_a_plan_that_cannot_be_made_says_why(runs: AdminRuns, sandbox: Sandbox, tmp_path: Path) -> None:
    # Terraform's own error is shown whole.
    users = sandbox.project_root / "management/global/base-identities/users.tf"
    users.write_text(users.read_text().replace("toset(local.users)", "toset(local.nobody)"))
    with pytest.raises(OnboardError) as failed:
        plan.make(runs.context("management"), runs.report)
    assert '"nobody"' in failed.value.detail

    # With the profile of another account nothing runs.
    backend = sandbox.project_root / "security/config/backend.tfvars"
    own = backend.read_text()
    backend.write_text(own.replace("bb-security-devops", "bb-management-administrator"))
    with pytest.raises(WrongAccount, match="111111111111"):
        plan.make(runs.context("security"), runs.report)
    assert not (runs.folder / "terraform" / "security" / "plan").exists()
    backend.write_text(own)

    # A checkout that fell behind isn't planned.
    def git(*arguments: str, folder: Path) -> str:
        command = ["git", "-c", "user.name=b.sample", "-c", "user.email=b@a.example", *arguments]
        done = subprocess.run(
            command,
            cwd=folder,
            env=dict(sandbox.administrator.environment),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    upstream = git("remote", "get-url", "origin", folder=sandbox.project_root)
    git("clone", "--quiet", upstream, "colleague", folder=tmp_path)
    git("commit", "--quiet", "--allow-empty", "-m", "Add a colleague", folder=tmp_path / "colleague")
    git("push", "--quiet", folder=tmp_path / "colleague")
    with pytest.raises(CheckoutBehind):
        plan.make(runs.context("security"), runs.report)


def test_a_left_apply_is_found_again_and_a_removal_after_it_wants_the_name(
    runs: AdminRuns, sandbox: Sandbox, tmp_path: Path
) -> None:
    over = tmp_path / "over"
    slow = sandbox.project_root / "management/global/base-identities/slow.tf"
    slow.write_text(slow_resource(over))
    runs.accept("management")
    context = runs.context("management")
    begun = threading.Event()

    def leave_soon(progress: Any) -> None:
        if isinstance(progress.payload, Update) and progress.payload.progress.running:
            context.leaving.set()
            begun.set()

    with pytest.raises(LeftRunning):
        apply.perform(apply.Request(), context, leave_soon)
    assert begun.is_set()
    again = runs.context("management")
    assert apply.survey(again, runs.report).begun
    over.touch()
    given = apply.perform(apply.Request(), again, runs.report)
    assert given["applied"]["added"] > 0
    assert not apply.survey(again, runs.report).refusal

    slow.unlink()
    runs.repeated.clear()
    runs.once.update(
        joining=[], leaving=[NAME], memberships={}, user_changes={"add": {}, "remove": {"management": [NAME]}}
    )
    runs.write_files()
    planned = runs.accept("management")
    assert planned.gone == (NAME,)
    assert any(NAME in destroyed.words for destroyed in planned.destroys)
    (problem,) = apply.validate(apply.Request(), runs.context("management"))
    assert NAME in problem.message
    confirmed = apply.Request(removals=(NAME,))
    assert apply.validate(confirmed, runs.context("management")) == []
    given = apply.perform(confirmed, runs.context("management"), runs.report)
    assert given["applied"]["destroyed"] > 0


def test_a_stopped_apply_says_who_is_not_done_and_planning_again_finishes(
    runs: AdminRuns, sandbox: Sandbox, tmp_path: Path
) -> None:
    slow = sandbox.project_root / "management/global/base-identities/slow.tf"
    slow.write_text(slow_resource(tmp_path / "never"))
    runs.accept("management")
    context = runs.context("management")

    def stop_soon(progress: Any) -> None:
        if (
            isinstance(progress.payload, Update)
            and "terraform_data.slow" in progress.payload.progress.running
        ):
            context.cancelled.set()

    with pytest.raises(OnboardError, match="stopped") as stopped:
        apply.perform(apply.Request(), context, stop_soon)
    assert "jane.doe" in stopped.value.what
    assert "stopped" in apply.survey(runs.context("management"), runs.report).refusal
    slow.unlink()
    runs.accept("management")
    applied(runs, "management")
    assert hand_over.prepare(runs.context("management"), runs.report)[0].text
    with administrator(runs.context("management"), runs.report) as iam:
        iam.delete_login_profile(UserName=NAME)
    (person,) = hand_over.prepare(runs.context("management"), runs.report)
    assert (person.text, person.accounts, len(person.trouble)) == ("", (), 1)


@pytest.mark.slow
def test_what_was_applied_elsewhere_is_seen_in_the_state_and_in_aws(
    runs: AdminRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = runs.context("management")
    with pytest.raises(OnboardError) as refused:
        plan.applied_elsewhere(context, runs.report)
    assert " jane.doe " in refused.value.what
    assert refused.value.field == "elsewhere"
    runs.accept("management")
    applied(runs, "management")
    found = plan.applied_elsewhere(context, runs.report)
    assert found["passwords"] == [NAME]
    assert not [*context.folder.rglob("*.tfplan")]
    given = plan.perform(plan.Request(elsewhere=found), context, runs.report)
    runs.repeated.clear()
    runs.learn("management", given)
    assert applied(runs, "management")["elsewhere"] is True
    (person,) = hand_over.prepare(runs.context("management"), runs.report)
    assert person.accounts == ("management",)
    runs.repeated.clear()
    monkeypatch.setattr(state_now, "find_user", lambda *_: None)
    with pytest.raises(OnboardError) as gone:
        plan.applied_elsewhere(context, runs.report)
    assert gone.value.field == "elsewhere"
    planned = runs.accept("management")
    assert planned.empty
    assert planned.passwords == (NAME,), "she is watched, though this plan made nothing"


@pytest.mark.slow
def test_who_is_gone_from_aws_before_the_removal_is_planned_is_not_missed(runs: AdminRuns) -> None:
    runs.accept("management")
    applied(runs, "management")
    runs.repeated.clear()
    leaving = [NAME, "sam.okafor"]
    changes = {"add": {}, "remove": {"management": leaving}}
    runs.once.update(joining=[], leaving=leaving, memberships={}, user_changes=changes)
    runs.write_files()
    with administrator(runs.context("management"), runs.report) as iam:
        iam.delete_login_profile(UserName=NAME)
        for group in iam.list_groups_for_user(UserName=NAME)["Groups"]:
            iam.remove_user_from_group(UserName=NAME, GroupName=group["GroupName"])
        iam.delete_user(UserName=NAME)
    planned = runs.accept("management")
    assert planned.gone == ("sam.okafor",)
    confirmed = apply.Request(removals=planned.gone)
    assert apply.perform(confirmed, runs.context("management"), runs.report)["applied"]["destroyed"] > 0


@pytest.mark.slow
def test_a_secret_for_another_key_is_not_handed_over(runs: AdminRuns, home: GpgHome) -> None:
    runs.accept("management")
    applied(runs, "management")
    home.key("somebody.else")
    runs.once["keys"][NAME]["text"] = normalise(home.export("somebody.else")).text
    (person,) = hand_over.prepare(runs.context("management"), runs.report)
    assert person.text == ""
    assert "management" in person.trouble[0]
