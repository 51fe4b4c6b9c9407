# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""An apply of which everything is killed in turn, with the real provider: what is left, and the way back.

The layer has a resource that waits for the test, so that what is killed is always in the middle: AWS has the
people already, and no state knows them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.admin_runs import AdminRuns, applying, joining, slow_resource
from support.pgp import GpgHome, gpg_home
from support.sandbox import advance_clock, sandbox, sandbox_cache, sandbox_folder  # noqa: F401

from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, hand_over, plan, recovery
from workflows.steps.admin.recovery import Way
from workflows.steps.shared.leftovers import running_in
from workflows.terraform.failures import Failure, LockHeld, StateUnwritten
from workflows.terraform.results import ApplyFailed
from workflows.terraform.runner import Update

pytestmark = pytest.mark.e2e
NAME, ACCOUNT = "jane.doe", "management"
USER = f'module.user["{NAME}"].aws_iam_user.this[0]'
PASSWORD = f'module.user["{NAME}"].aws_iam_user_login_profile.this[0]'
BEFORE_THE_KILL = (
    f"{re.escape(PASSWORD)}: Creation complete",
    r"aws_iam_group_membership\.\S+: (Creation|Modifications) complete",
    "slow: Provisioning",
)
"""Terraform works on several at once: the person is whole when the last of these has come."""


@pytest.fixture
def home() -> Iterator[GpgHome]:
    with gpg_home() as made:
        made.key(NAME)
        yield made


@pytest.fixture
def over(tmp_path: Path) -> Path:
    """Once this file is there, an apply comes to its end."""
    return tmp_path / "over"


@pytest.fixture
def slow_file(sandbox: Sandbox, over: Path) -> Path:
    file = sandbox.project_root / ACCOUNT / "global/base-identities/slow.tf"
    file.write_text(slow_resource(over))
    return file


@pytest.fixture
def runs(sandbox: Sandbox, home: GpgHome, slow_file: Path, tmp_path: Path) -> AdminRuns:
    folder = tmp_path / "session"
    folder.mkdir(mode=0o700)
    made = joining(sandbox, folder, NAME, home.export(NAME), "admins")
    made.accept(ACCOUNT)
    return made


def begin(runs: AdminRuns) -> subprocess.Popen[bytes]:
    """A wizard in a process of its own that applies; returns when AWS has the person."""
    wizard = applying(runs, ACCOUNT)
    output = runs.folder / "terraform" / ACCOUNT / "apply" / "output.log"

    text = ""
    while not all(re.search(event, text) for event in BEFORE_THE_KILL):
        assert wizard.poll() is None, text
        time.sleep(0.05)
        text = output.read_text().replace('\\"', '"') if output.is_file() else ""
    return wizard


def kill(runs: AdminRuns, over: Path, wizard: subprocess.Popen[bytes], *victims: str) -> None:
    """SIGKILL, in the order of the names; with Terraform goes its provider, as when a machine loses power.

    What is left comes to its end then.
    """
    record = json.loads((runs.folder / "terraform" / ACCOUNT / "apply" / "process.json").read_text())
    plugins = psutil.Process(record["pid"]).children(recursive=True)
    for victim in victims:
        match victim:
            case "wizard":
                wizard.kill()
                wizard.wait()
            case "supervisor":
                os.kill(record["supervisor_pid"], signal.SIGKILL)
            case "terraform":
                os.kill(record["pid"], signal.SIGKILL)
                for plugin in plugins:
                    with contextlib.suppress(psutil.NoSuchProcess):  # it may have noticed, and ended
                        plugin.kill()
    over.touch()
    if "wizard" not in victims:
        wizard.wait()


def finished(runs: AdminRuns) -> None:
    """Nothing is left to do, nothing is left running, and the person can be handed over."""
    assert plan.make(runs.context(ACCOUNT), runs.report).empty
    assert running_in(runs.folder) is None
    (person,) = hand_over.prepare(runs.context(ACCOUNT), runs.report)
    assert person.text
    assert person.trouble == ()


def slowly(*victims: str) -> Any:
    """Victims whose test is left to `make slow`: half a minute each."""
    return pytest.param(victims, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "victims", [slowly("wizard", "supervisor"), slowly("wizard"), slowly("supervisor")], ids="+".join
)
def test_terraform_goes_on_without_whoever_watched_it_and_the_next_wizard_finds_its_end(
    runs: AdminRuns, over: Path, victims: tuple[str, ...]
) -> None:
    kill(runs, over, begin(runs), *victims)
    if "wizard" in victims:
        assert apply.survey(runs.context(ACCOUNT), runs.report).begun
    given = apply.perform(apply.Request(), runs.context(ACCOUNT), runs.report)
    assert given["applied"]["added"] == 3
    runs.learn(ACCOUNT, given)
    assert not apply.survey(runs.context(ACCOUNT), runs.report).recoverable
    finished(runs)


@pytest.mark.parametrize(
    "victims",
    [("supervisor", "terraform", "wizard"), slowly("terraform"), slowly("wizard", "terraform")],
    ids="+".join,
)
def test_after_a_killed_terraform_the_lock_is_released_and_what_exists_is_taken_in(
    runs: AdminRuns, over: Path, slow_file: Path, victims: tuple[str, ...]
) -> None:
    kill(runs, over, begin(runs), *victims)
    context = runs.context(ACCOUNT)
    if "wizard" in victims:
        assert apply.survey(context, runs.report).begun
        with pytest.raises(ApplyFailed, match="was killed") as killed:
            apply.perform(apply.Request(), context, runs.report)
        assert killed.value.result.killed
        assert f": {NAME}" in killed.value.what
    outlook = apply.survey(context, runs.report)
    assert outlook.recoverable
    assert "stopped" in outlook.refusal
    slow_file.unlink()

    with pytest.raises(LockHeld) as held:
        recovery.examine(context, runs.report)
    lock = held.value.lock
    assert lock.operation == "OperationTypeApply"
    left = recovery.own_lock(lock, context)
    assert left is not None
    assert left.killed
    somebody = replace(lock, who=f"sam.{lock.who}")
    assert recovery.own_lock(somebody, context) is None
    assert "released" in recovery.unlock(held.value.lock, context, runs.report)
    assert recovery.own_lock(lock, context) is None

    repairs = recovery.examine(context, runs.report)
    assert [(change.way, change.address, change.resource_id) for change in repairs] == [
        (Way.IMPORT, USER, NAME),
        (Way.IMPORT, PASSWORD, NAME),
    ]
    for repair in repairs:
        told = recovery.carry_out(repair, context, runs.report)
        assert "Imported" in told.words
    assert told.follow_up is not None
    assert told.follow_up.way is Way.REPLACE
    recovery.carry_out(told.follow_up, context, runs.report)
    assert recovery.examine(context, runs.report) == ()

    planned = runs.accept(ACCOUNT)
    assert planned.passwords == (NAME,)
    runs.learn(ACCOUNT, apply.perform(apply.Request(), runs.context(ACCOUNT), runs.report))
    assert not (runs.folder / "terraform" / ACCOUNT / "replace.json").exists()
    finished(runs)


@pytest.mark.slow
def test_a_session_that_ends_during_the_apply_loses_nothing(
    runs: AdminRuns, over: Path, sandbox: Sandbox
) -> None:
    context = runs.context(ACCOUNT)
    said: list[str] = []

    def cut_off(progress: Any) -> None:
        """AWS takes nothing any more that is signed by this machine's clock, once it has the person."""
        before = f"{PASSWORD}: Creation complete" in "".join(said)
        said.extend(progress.payload.lines if isinstance(progress.payload, Update) else ())
        if not before and f"{PASSWORD}: Creation complete" in "".join(said):
            advance_clock(sandbox, 3700)
            over.touch()

    with pytest.raises(ApplyFailed) as failed:
        apply.perform(apply.Request(), context, cut_off)
    advance_clock(sandbox, -3700)
    assert failed.value.title == Failure.STATE_UNWRITTEN.value.title
    assert NAME in failed.value.what
    assert failed.value.result.unwritten
    with pytest.raises(StateUnwritten) as unwritten:
        plan.make(context, runs.report)
    assert unwritten.value.file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(LockHeld) as held:
        recovery.write_state(context, runs.report)
    left = recovery.own_lock(held.value.lock, context)
    assert left is not None
    assert not left.killed
    assert "released" in recovery.unlock(held.value.lock, context, runs.report)
    assert "written" in recovery.write_state(context, runs.report)
    assert not unwritten.value.file.exists()
    made = plan.make(context, runs.report)
    assert not any("new user" in line for line in made.summary)
