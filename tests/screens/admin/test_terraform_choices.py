"""What a person may choose when Terraform refuses to begin, or an apply left something behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from support.fakes import fake_environment
from support.given import Given
from support.panes import PaneHost, new_session, rest, until
from support.steps import step_of
from textual.message import Message
from textual.widgets import Input

from screens.admin.apply import ApplyPane, PeopleProgress, RecoveryList, remaining_seconds
from screens.admin.plan import PlanPane
from screens.step import terraform as terraform_pane
from screens.step.page import StepPane, is_displayed
from screens.step.terraform import LockDialog
from screens.widgets.dialogs import Confirm
from screens.widgets.text import Text
from workflows.core.sentences import OnboardError
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.steps.admin import apply, plan, recovery, terraform_runs
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.apply import Outlook
from workflows.steps.admin.deactivate import Appeared
from workflows.steps.admin.recovery import Outcome, Repair, Way
from workflows.steps.shared.module import Context, Progress as Step, Report
from workflows.terraform.events import Progress
from workflows.terraform.failures import (
    Failure,
    InitWay,
    LockHeld,
    LockInfo,
    StateUnwritten,
    TerraformFailed,
)
from workflows.terraform.record import PlanRecord
from workflows.terraform.results import EndedRun
from workflows.terraform.runner import Update

ADDRESS = 'module.user["jane.doe"].aws_iam_user_login_profile.this[0]'
LOCK = LockInfo("0eabc5d8", "juan.delacruz@laptop", "OperationTypeApply", "2026-02-03 10:20:30 UTC")
IMPORT = Repair(Way.IMPORT, ADDRESS, "jane.doe", f"terraform import '{ADDRESS}' jane.doe", "It may exist.")
REPLACE = Repair(Way.REPLACE, ADDRESS, "", f"plan -replace='{ADDRESS}'", "No encrypted password.")


@dataclass
class Desk:
    """A session in front of Plan and Apply, and what was asked of Terraform in it."""

    session: Session
    environment: Any
    modules: list[Any]
    planned: Planned
    asked: list[Any] = field(default_factory=list)

    def host(self, step: str) -> PaneHost:
        panes = {"plan": PlanPane, "apply": ApplyPane}
        return PaneHost(self.session, self.environment, self.modules, panes, StepKey(step, "management"))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    layer, home = tmp_path / "layer", tmp_path / "home"
    layer.mkdir()
    home.mkdir()
    facts: dict[str, Any] = {name: [] for name in step_of(plan).needs}
    facts |= {
        "project_root": str(tmp_path),
        "project": "bb",
        "layers": ["management"],
        "resetting": ["jane.doe"],
    }
    modules: list[Any] = [Given(facts), plan, apply]
    session = new_session(tmp_path / "sessions", modules)
    session.start(StepKey("given"))
    session.succeed(StepKey("given"), facts)
    record = PlanRecord(tmp_path / "plan.tfplan", "", layer, (), {}, "", "Terraform 1.15.5", "2026-03-01")
    planned = Planned(record, ("jane.doe: new user",), {"add": 2, "change": 0, "destroy": 0})
    monkeypatch.setattr(terraform_runs, "code_wanted", lambda _context: "")
    yield Desk(session, fake_environment(home, {"PATH": "/usr/bin:/bin"}), modules, planned)
    session.close()


def planning(desk: Desk, monkeypatch: pytest.MonkeyPatch, *refusals: OnboardError) -> None:
    left = list(refusals)

    def make(context: Context, report: Report, code: object = None) -> Planned:
        desk.asked.append("plan")
        if left:
            raise left.pop(0)
        desk.planned.record.plan.write_bytes(b"a plan")
        return desk.planned

    monkeypatch.setattr(plan, "make", make)


async def press(pilot: Any, *keys: str) -> None:
    await pilot.press(*keys)
    await rest(pilot)
    await rest(pilot)  # what a dialog was answered begins work of its own


def counts(app: PaneHost) -> bool:
    """Whether the dialog counts down to another try."""
    return bool(app.screen.query_one("#countdown", Text).content)


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The warnings, also those that a closing dialog takes away here, but not on the wizard's page."""
    found = list[str]()

    def notify(_app: object, message: str, *, severity: str = "", **_more: object) -> None:
        found.extend([message] if severity == "warning" else [])

    monkeypatch.setattr(PaneHost, "notify", notify)
    return found


async def test_a_held_lock_is_told_waited_for_and_planned_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning(desk, monkeypatch, LockHeld(LOCK, "Lock Info"), LockHeld(LOCK, "Lock Info"))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        text = app.text()
        for words in ("juan.delacruz@laptop", "2026-02-03 10:20:30 UTC", "an apply", "0eabc5d8"):
            assert words in text
        assert not counts(app)
        await press(pilot, "enter")
        assert counts(app)
        await press(pilot, "enter")
        assert desk.asked == ["plan", "plan"]
        assert isinstance(app.screen, LockDialog)
        assert counts(app)  # it goes on waiting by itself
        await press(pilot, "enter")
        assert desk.asked == ["plan", "plan", "plan"]
        assert app.pane.has_class("-planned")


@pytest.mark.parametrize("answer", ["no", "yes"])
async def test_a_state_that_was_not_written_is_written_first_if_the_person_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, warned: list[str], answer: str
) -> None:
    planning(desk, monkeypatch, StateUnwritten(tmp_path / "layer/errored.tfstate"))

    def write(_context: Context, _report: Report, _code: object = None) -> str:
        desk.asked.append("write")
        return "The state is written."

    monkeypatch.setattr(recovery, "write_state", write)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        assert "errored.tfstate" in app.text()
        if answer == "yes":
            app.screen.query_one("#yes").focus()
        await press(pilot, "enter")
        assert desk.asked == (["plan", "write", "plan"] if answer == "yes" else ["plan"])
        assert bool(warned) is (answer == "no")


@pytest.mark.parametrize("answer", ["no", "yes"])
async def test_the_lock_of_a_run_that_died_here_is_offered_as_that_and_needs_no_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, warned: list[str], answer: str
) -> None:
    planning(desk, monkeypatch, LockHeld(LOCK, ""))
    at = desk.environment.now()
    left = EndedRun("apply", LOCK.who, at, at, at, killed=True)
    released: list[LockInfo] = []

    def unlock(lock: LockInfo, *_: object) -> str:
        released.append(lock)
        return "The lock is released."

    monkeypatch.setattr(recovery, "own_lock", lambda _lock, _context: left)
    monkeypatch.setattr(recovery, "unlock", unlock)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        assert not app.screen.query(Input)
        for words in ("apply that was killed", LOCK.who, LOCK.lock_id):
            assert words in app.text()
        if answer == "yes":
            app.screen.query_one("#yes").focus()
        await press(pilot, "enter")
        assert released == ([LOCK] if answer == "yes" else [])
        assert desk.asked == (["plan", "plan"] if answer == "yes" else ["plan"])
        assert bool(warned) is (answer == "no")


async def test_the_countdown_tries_again_by_itself_and_esc_stops_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, warned: list[str]
) -> None:
    monkeypatch.setattr(terraform_pane, "WAIT_SECONDS", 1)
    planning(desk, monkeypatch, LockHeld(LOCK, ""), LockHeld(LOCK, ""))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, LockDialog)
        app.screen.action_wait()
        monkeypatch.setattr(terraform_pane, "WAIT_SECONDS", 600)  # the next countdown is to be stopped
        await until(pilot, lambda: len(desk.asked) > 1)
        await rest(pilot)
        assert counts(app)
        await press(pilot, "escape")
        assert not isinstance(app.screen, LockDialog)
        assert desk.asked == ["plan", "plan"]
        assert warned


async def test_a_lock_is_released_only_after_its_holder_was_typed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning(desk, monkeypatch, LockHeld(LOCK, ""))
    released: list[LockInfo] = []

    def unlock(lock: LockInfo, *_: object) -> str:
        released.append(lock)
        return "The lock is released."

    monkeypatch.setattr(recovery, "unlock", unlock)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await press(pilot, "shift+tab", *"juan", "enter")
        assert app.screen.query_one("#wrong", Text).content
        assert released == []
        await press(pilot, *".delacruz@laptop", "enter")
        assert released == [LOCK]
        assert desk.asked == ["plan", "plan"]
        assert app.pane.has_class("-planned")


@pytest.mark.parametrize(
    ("failure", "way"), [(Failure.LOCK_FILE, InitWay.UPGRADE), (Failure.BACKEND, InitWay.RECONFIGURE)]
)
async def test_another_init_is_done_only_on_purpose(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, warned: list[str], failure: Failure, way: InitWay
) -> None:
    refused = TerraformFailed("It does not fit", "Init failed.")
    refused.failure = failure
    planning(desk, monkeypatch, refused, refused)
    done: list[InitWay] = []

    def initialise(chosen: InitWay, *_: object) -> str:
        done.append(chosen)
        return "Initialised."

    monkeypatch.setattr(recovery, "initialise", initialise)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        assert way in app.text()
        await press(pilot, "escape")
        assert done == []
        assert warned
        await press(pilot, "ctrl+n")
        await press(pilot, "shift+tab", "enter")
        assert done == [way]
        assert desk.asked == ["plan", "plan", "plan"]


def accepted(desk: Desk) -> None:
    key = StepKey("plan", "management")
    desk.session.start(key)
    desk.session.succeed(key, {"plan": {**desk.planned.as_facts(), "acknowledged": []}})


def apply_left(monkeypatch: pytest.MonkeyPatch, **outlook: Any) -> None:
    found = Outlook(begun=False, refusal="The plan file is gone.", **outlook)
    monkeypatch.setattr(apply, "survey", lambda _context, _report: found)


def repairing(desk: Desk, monkeypatch: pytest.MonkeyPatch, told: Callable[[Repair], Outcome]) -> None:
    def carry_out(repair: Repair, *_: object) -> Outcome:
        desk.asked.append(repair)
        return told(repair)

    monkeypatch.setattr(recovery, "examine", lambda *_: (IMPORT,))
    monkeypatch.setattr(recovery, "carry_out", carry_out)


async def test_what_a_killed_apply_left_is_shown_and_done_one_by_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(desk)
    apply_left(monkeypatch, recoverable=True)
    repairing(
        desk,
        monkeypatch,
        lambda choice: (
            Outcome("Imported.", REPLACE) if choice is IMPORT else Outcome("The next plan replaces it.")
        ),
    )
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert app.pane.query_one(RecoveryList).left == [IMPORT]
        assert f"· {IMPORT.title}" in app.text()
        assert "terraform import" in app.text()
        assert IMPORT.why in app.text()
        assert desk.asked == []
        await press(pilot, "enter")
        assert desk.asked == [IMPORT]
        assert "Imported." in app.text()
        assert app.pane.query_one(RecoveryList).left == [REPLACE]
        assert REPLACE.why in app.text()
        assert is_displayed(app.pane.query_one("#to-plan")), "a repair may be left out"
        await press(pilot, "up", "ctrl+n")  # from the one that is done
        assert desk.asked == [IMPORT, REPLACE]
        await press(pilot, "enter")
        assert desk.asked == [IMPORT, REPLACE]  # never twice
        assert app.pane.query_one(RecoveryList).left == []
        assert app.pane.primary().act == app.pane.action_to_plan


async def test_a_new_plan_is_what_next_applies_whatever_the_last_apply_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(desk)
    found = Outlook(begun=False, refusal="", recoverable=True)
    monkeypatch.setattr(apply, "survey", lambda _context, _report: found)
    app = desk.host("apply")
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#recover").display
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)


async def test_no_bar_stays_when_a_repair_is_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted(desk)
    apply_left(monkeypatch, recoverable=True)

    def carry_out(_repair: Repair, _context: Context, report: Report, _code: object) -> Outcome:
        report(Step("Importing", payload=Update(("Import prepared!",), (), Progress())))
        return Outcome("Imported.")

    monkeypatch.setattr(recovery, "examine", lambda *_: (IMPORT,))
    monkeypatch.setattr(recovery, "carry_out", carry_out)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "r")
        await press(pilot, "enter")
        assert "Imported." in app.text()
        assert not app.pane.query_one("#pace").display


async def test_a_repair_that_meets_a_lock_is_tried_again_after_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(desk)
    apply_left(monkeypatch, recoverable=True)
    refusals: list[OnboardError] = [LockHeld(LOCK, "")]

    def told(_repair: Repair) -> Outcome:
        if refusals:
            raise refusals.pop()
        return Outcome("Imported.")

    repairing(desk, monkeypatch, told)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "r")
        await press(pilot, "enter")
        assert isinstance(app.screen, LockDialog)
        await press(pilot, "enter")
        await press(pilot, "enter")
        assert desk.asked == [IMPORT, IMPORT]
        assert app.pane.query_one(RecoveryList).left == []


async def test_the_causes_of_a_failed_apply_are_told_by_person_when_one_comes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(desk)
    apply_left(monkeypatch, causes=("jane.doe: keyless",))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "✗ jane.doe: keyless" in app.text()
        assert not app.pane.query_one("#recover").display
        await press(pilot, "r")
        assert not app.pane.query_one(RecoveryList).has_class("-shown")


@pytest.mark.parametrize("appeared", [True, False])
@pytest.mark.parametrize("in_use", [True, False])
async def test_a_removal_of_somebody_in_use_leads_to_deactivate(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, in_use: bool, appeared: bool
) -> None:
    accepted(desk)
    monkeypatch.setattr(apply, "survey", lambda *_: Outlook(in_use=in_use))
    opened: list[str] = []

    def perform(*_: object) -> NoReturn:
        raise Appeared("Appeared", "sam.okafor now has a key.")

    monkeypatch.setattr(apply, "perform", perform)

    def listen(message: Message) -> None:
        if isinstance(message, StepPane.DoneNoMore):
            opened.append(message.step)
            message.stop()

    app = desk.host("apply")
    async with app.run_test(size=(80, 24), message_hook=listen) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#in-use").display is in_use
        keys = ("ctrl+n", "left", "enter") if appeared else ("d",)
        for key in keys:
            await press(pilot, key)
        assert opened == ["deactivate@management"] * (in_use or appeared)


@pytest.mark.parametrize(
    ("done", "total", "elapsed", "left"),
    [(0, 10, 5.0, None), (2, 10, 5.0, None), (5, 10, 10.0, 10.0), (10, 10, 10.0, 0.0), (12, 10, 10.0, 0.0)],
)
def test_the_rest_is_estimated_at_the_pace_so_far(
    done: int, total: int, elapsed: float, left: float | None
) -> None:
    assert remaining_seconds(done, total, elapsed) == left


def test_of_many_people_those_who_are_not_done_are_shown_first_and_the_rest_is_counted() -> None:
    addresses = [f"aws_iam_user.this[{number}]" for number in range(5_000)]
    owners = {address: (f"person.{number}",) for number, address in enumerate(addresses)}
    progress = Progress(
        planned=dict.fromkeys(addresses, "create"),
        running={addresses[40]: 12.0},
        done=addresses[:39],
        failed=[addresses[39]],
    )
    shown = PeopleProgress()
    shown.show(progress, owners, 7)
    lines = str(shown.content).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["✗", "person.39", "0", "of", "1", "change", "user", "failed"],
        ["…", "person.40", "0", "of", "1", "change", "user,", "12", "s"],
        ["·", "person.41", "0", "of", "1", "change"],
    ]
    assert re.findall(r"\d+", lines[-1]) == ["4993", "39"]
