# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""An apply that fails for two people for two reasons, with the real provider: who, why, and the way on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.admin_runs import LAYERS, AdminRuns, administrator
from support.pgp import GpgHome, gpg_home
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401

from workflows.aws.clients import ClientFactory
from workflows.gpg.normalise import normalise
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, hand_over, plan, recovery
from workflows.steps.admin.recovery import Way
from workflows.steps.admin.terraform_runs import layer_profile, located, project_files
from workflows.terraform.failures import Failure, InitWay, TerraformFailed
from workflows.terraform.results import ApplyFailed

pytestmark = pytest.mark.e2e
ACCOUNT = "management"
THERE, BAD, FINE = "jane.doe", "juan.delacruz", "alex.rivera"
NAMES = [THERE, BAD, FINE]


@pytest.fixture
def home() -> Iterator[GpgHome]:
    with gpg_home() as made:
        for name in NAMES:
            made.key(name)
        yield made


@pytest.fixture
def runs(sandbox: Sandbox, home: GpgHome, tmp_path: Path) -> AdminRuns:
    folder = tmp_path / "session"
    folder.mkdir(mode=0o700)
    add = {name: {"add": ["admins"], "remove": []} for name in NAMES}
    once = {
        "project_root": str(sandbox.project_root),
        "project": "bb",
        "layers": LAYERS,
        "joining": NAMES,
        "leaving": [],
        "regrouping": [],
        "rekeying": [],
        "resetting": [],
        "keys": {name: {"text": normalise(home.export(name)).text} for name in NAMES},
        "user_changes": {"add": {ACCOUNT: NAMES}, "remove": {}},
        "memberships": {ACCOUNT: add},
        "group_changes": {},
    }
    made = AdminRuns(administrator(sandbox, folder), folder, once)
    made.write_files()
    return made


def make_by_hand(runs: AdminRuns, name: str) -> None:
    """A user that somebody made in the console, with a password."""
    context = runs.context(ACCOUNT)
    project, location = located(context)
    factory = ClientFactory(
        runs.environment.endpoint_url, "us-east-1", environment=runs.environment.variables
    )
    with factory.profile_client("iam", project_files(context, project), layer_profile(location)) as iam:
        iam.create_user(UserName=name)
        iam.create_login_profile(UserName=name, Password="Not-To-Be-Kept-1", PasswordResetRequired=True)


def apply_and_fail(runs: AdminRuns) -> ApplyFailed:
    runs.accept(ACCOUNT)
    with pytest.raises(ApplyFailed) as failed:
        apply.perform(apply.Request(), runs.context(ACCOUNT), runs.report)
    outlook = apply.survey(runs.context(ACCOUNT), runs.report)
    assert outlook.causes == tuple(failed.value.why.splitlines())
    assert outlook.recoverable is bool(failed.value.result.existing)
    return failed.value


@pytest.mark.slow
def test_each_person_has_a_cause_and_planning_again_finishes_the_rest(
    runs: AdminRuns, sandbox: Sandbox
) -> None:
    keys = sandbox.project_root / ACCOUNT / "global/base-identities/keys"
    (key,) = [path for path in keys.iterdir() if path.name.startswith(BAD)]
    good = key.read_text()

    def take_in(text: str) -> None:
        key.write_text(text)
        runs.once["keys"][BAD] = {"text": text}

    take_in("bm90IGEga2V5\n")
    make_by_hand(runs, THERE)

    failed = apply_and_fail(runs)
    assert failed.why.startswith(f"{THERE}: {Failure.EXISTS.value.title}.")
    repairs = recovery.examine(runs.context(ACCOUNT), runs.report)
    assert [(repair.way, repair.title) for repair in repairs] == [
        (Way.IMPORT, f"import user {THERE}"),
        (Way.IMPORT, f"import user login profile {THERE}"),
    ]
    for repair in repairs:
        told = recovery.carry_out(repair, runs.context(ACCOUNT), runs.report)
    assert told.follow_up is not None
    recovery.carry_out(told.follow_up, runs.context(ACCOUNT), runs.report)

    failed = apply_and_fail(runs)
    assert failed.why.startswith(f"{BAD}: {Failure.PGP_KEY.value.title}.")
    assert any(FINE in address and "login_profile" in address for address in failed.result.done)

    take_in(good)
    runs.accept(ACCOUNT)
    runs.learn(ACCOUNT, apply.perform(apply.Request(), runs.context(ACCOUNT), runs.report))
    assert plan.make(runs.context(ACCOUNT), runs.report).empty
    people = hand_over.prepare(runs.context(ACCOUNT), runs.report)
    assert {person.name for person in people if person.text and not person.trouble} == set(NAMES)


def test_a_lock_file_of_other_providers_offers_the_upgrade(runs: AdminRuns, sandbox: Sandbox) -> None:
    layer = sandbox.project_root / ACCOUNT / "global/base-identities"
    lock = layer / ".terraform.lock.hcl"
    lock.write_text(lock.read_text().replace('version     = "3.39.0"', 'version     = "3.38.0"'))
    if (layer / ".terraform").is_dir():
        shutil.rmtree(layer / ".terraform")
    with pytest.raises(TerraformFailed) as refused:
        plan.make(runs.context(ACCOUNT), runs.report)
    assert refused.value.way is InitWay.UPGRADE
    words = recovery.initialise(InitWay.UPGRADE, runs.context(ACCOUNT), runs.report)
    assert "management/global/base-identities/.terraform.lock.hcl " in words
    assert '"3.39.0"' in lock.read_text()
    runs.accept(ACCOUNT)
