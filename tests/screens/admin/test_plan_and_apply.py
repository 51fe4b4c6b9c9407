"""Plan, apply and hand over as a person sees them, with recorded events in place of a running Terraform."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from rich.cells import cell_len
from support.fakes import FakeClipboard, fake_environment
from support.given import Given
from support.panes import SECONDS, PaneHost, new_session, rest, until
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Button, Input

from screens.admin.apply import ApplyPane, PeopleProgress
from screens.admin.hand_over import HandOverPane
from screens.admin.plan import PlanPane, ResourceBrowser
from screens.step import terraform
from screens.step.asking import Contradiction
from screens.step.page import StepPane, is_displayed
from screens.step.terraform import CompareDialog, RunLog, amounts
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.lists import TextDialog, ToSendDialog
from screens.widgets.rail import MARKS
from screens.widgets.text import LINE_CELLS, OptionList, Text
from tui.app.wizard import WizardScreen
from workflows.core.errors import OnboardError
from workflows.core.files import write_atomically
from workflows.core.openpgp import grouped
from workflows.core.processes import write_record
from workflows.core.sentences import moment_text, text_of
from workflows.core.shapes import plain
from workflows.environment import Environment
from workflows.machine.events import StepKey
from workflows.machine.observations import Observation, Verdict
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions
from workflows.machine.state import Status
from workflows.machine.summaries import Summary, keep_summary
from workflows.run import SessionRun
from workflows.steps.admin import apply, hand_over, judged_plan, plan, terraform_runs
from workflows.steps.admin.accepted_plan import (
    ChangeLine,
    PersonChange,
    Planned,
    Sent,
    nothing_changed,
    sent_to,
)
from workflows.steps.admin.edits import LeftOut
from workflows.steps.admin.hand_over import PersonHandoff
from workflows.steps.admin.other_sessions import answers_kept, replaced_before_sent
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.admin.terraform_runs import CodeWanted, run_folder
from workflows.steps.decisions import Decisions, LayerDecisions
from workflows.steps.shared.leftovers import RUNS
from workflows.steps.shared.module import Context, Progress, Report, stopped
from workflows.terraform.events import Progress as Applying, message_of, parse_line
from workflows.terraform.plan import Action, Line, Sort
from workflows.terraform.record import PLAN_FILE, PlanRecord, StateMark, file_sha256, hash_sources
from workflows.terraform.results import ApplyCancelled, ApplyFailed, ApplyResult, Trouble
from workflows.terraform.runner import Update
from workflows.terraform.state import State, StoredState

PANES = {"plan": PlanPane, "apply": ApplyPane, "hand-over": HandOverPane}
USER = 'module.user["jane.doe"].aws_iam_user.this[0]'
PASSWORD = 'module.user["jane.doe"].aws_iam_user_login_profile.this[0]'


def event(kind: str, message: str, **fields: Any) -> str:
    return json.dumps({"@level": "info", "@message": message, "type": kind, **fields})


def hook(kind: str, address: str, **fields: Any) -> str:
    resource = {"addr": address, "resource_type": "aws_iam_user"}
    return event(kind, f"{address}: {kind}", hook={"resource": resource, "action": "create", **fields})


def planned_change(address: str) -> str:
    resource = {"addr": address, "resource_type": "aws_iam_user"}
    return event(
        "planned_change", f"{address}: Plan to create", change={"resource": resource, "action": "create"}
    )


PLANNING = (
    event("version", "Terraform 1.15.5", terraform="1.15.5", ui="1.2"),
    event("log", "arn:aws:iam::111111111111:user/dana.lopez is read"),
    planned_change(USER),
    planned_change(PASSWORD),
)
APPLYING = (*PLANNING, hook("apply_start", USER), hook("apply_complete", USER, elapsed_seconds=1))


def replay(lines: tuple[str, ...], report: Report) -> None:
    """Report recorded lines, one update each."""
    tracker = Applying()
    for line in lines:
        events = tuple(event for event in (parse_line(line),) if event is not None)
        for event in events:
            tracker.add(event)
        report(Progress("", payload=Update((message_of(line),), events, tracker.snapshot())))


def moment_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class Desk:
    """A session whose files are written, and what its Terraform will say."""

    session: Session
    environment: Environment
    layer: Path
    modules: list[Any]
    planned: Planned
    made: list[Context] = field(default_factory=list)

    def host(self, step: str) -> PaneHost:
        return PaneHost(self.session, self.environment, self.modules, PANES, StepKey(step, "management"))

    def status(self, step: str) -> Status:
        return self.session.status(StepKey(step, "management"))

    def accept(self, planned: Planned) -> None:
        key = StepKey("plan", "management")
        self.session.start(key)
        self.session.succeed(key, {"plan": {**planned.as_facts(), "acknowledged": []}})

    def come_back(self) -> None:
        """The program ends, and another one opens the session."""
        self.session.close()
        sessions = Sessions(
            self.session.folder.parent, [self.session.state.workflow], lambda: datetime.now(UTC)
        )
        self.session = sessions.open(self.session.header.session)

    def applied(self, at: str = "") -> None:
        key = StepKey("apply", "management")
        self.session.start(key)
        facts = {"at": at or moment_now(), "added": 2, "changed": 0, "destroyed": 0}
        self.session.succeed(key, {"applied": {**facts, "elsewhere": False}})


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    layer, home = tmp_path / "layer", tmp_path / "home"
    layer.mkdir()
    home.mkdir()
    (layer / "users.tf").write_text("# people\n")
    facts = {
        "project_root": str(tmp_path),
        "project": "bb",
        "layers": ["management"],
        "joining": ["jane.doe"],
        "leaving": [],
        "rekeying": [],
        "resetting": [],
        "keys": {},
        "user_changes": {"add": {"management": ["jane.doe"]}, "remove": {}},
        "changed_files": [],
    }
    given = Given(facts)
    modules: list[Any] = [given, plan, apply, hand_over]
    session = new_session(tmp_path / "sessions", modules)
    session.start(StepKey("given"))
    session.succeed(StepKey("given"), facts)
    record = PlanRecord(tmp_path / "plan.tfplan", "", layer, (), {}, "", "Terraform 1.15.5", moment_now())
    planned = Planned(
        record,
        ("jane.doe: new user; gets a console password; joins admins",),
        {"add": 2, "change": 0, "destroy": 0},
        owners={USER: ("jane.doe",), PASSWORD: ("jane.doe",)},
        passwords=("jane.doe",),
        people=(PersonChange("jane.doe", "create", "create", joins=("admins",)),),
    )
    environment = fake_environment(home, {"PATH": "/usr/bin:/bin"})
    made = Desk(session, environment, layer, modules, planned)

    def make(context: Context, report: Report, code: object = None) -> Planned:
        made.made.append(context)
        replay(PLANNING, report)
        return written(made)

    monkeypatch.setattr(plan, "make", make)
    monkeypatch.setattr(terraform_runs, "code_wanted", lambda _context: "")
    monkeypatch.setattr(apply, "located", lambda _context: (None, SimpleNamespace(account_id="111111111111")))
    yield made
    session.close()


def written(desk: Desk) -> Planned:
    """The desk's plan, with its file and hashes as they are now."""
    record = desk.planned.record
    record.plan.write_bytes(b"a plan")
    fresh = replace(
        record, plan_sha256=file_sha256(record.plan), sources=hash_sources(record.layer, record.inputs)
    )
    return replace(desk.planned, record=fresh)


async def press(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await rest(pilot)


async def test_next_plans_then_shows_people_in_words_then_accepts(desk: Desk) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert desk.made == []
        await press(pilot, "ctrl+n")
        assert len(desk.made) == 1
        assert "+ admins" in app.text()
        assert not app.pane.query_one("#verdict").has_class("-empty")
        assert desk.status("plan") is Status.READY
        await press(pilot, "l")
        log = app.pane.query_one(RunLog)
        assert any("<arn:user/dana.lopez>" in line.text for line in log.lines)
        assert log.size.height > 10
        await press(pilot, "escape")
        assert not log.size
        await press(pilot, "ctrl+n")
        assert desk.status("plan") is Status.DONE
        kept = desk.session.facts("management")["plan"]
        assert kept["passwords"] == ["jane.doe"]
        assert isinstance(app.pane, ApplyPane)


async def test_resources_have_the_width_of_a_wide_terminal(desk: Desk) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(200, 50)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        beside = app.pane.region.x
        assert app.pane.query_one(ResourceBrowser).region.right > 200 - beside / 2


@pytest.mark.parametrize(("account", "said"), [("management", False), ("security", True)])
async def test_before_its_plan_an_account_without_a_changed_file_says_so(
    desk: Desk, account: str, said: bool
) -> None:
    file = {"account": account, "layer": account, "path": str(desk.layer / "users.tf"), "sha256": ""}
    desk.session.reopen(StepKey("given"))
    desk.session.start(StepKey("given"))
    desk.session.succeed(StepKey("given"), {**desk.session.facts(), "changed_files": [file]})
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#skip").display is said
        assert app.pane.query_one("#again").display is said
        await press(pilot, "ctrl+n")
        assert (desk.status("plan") is Status.SKIPPED, bool(desk.made)) == (said, not said)


async def test_an_account_without_a_changed_file_asks_for_a_code_only_when_it_is_planned_anyway(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = "arn:aws:iam::111111111111:mfa/dana.lopez"

    def make(context: Context, report: Report, code: Any = None) -> Planned:
        if code is None:
            raise CodeWanted("bb-management-administrator", serial)
        return written(desk)

    monkeypatch.setattr(terraform_runs, "code_wanted", lambda _context: serial)
    monkeypatch.setattr(plan, "make", make)
    file = {"account": "security", "layer": "security", "path": str(desk.layer / "users.tf"), "sha256": ""}
    desk.session.reopen(StepKey("given"))
    desk.session.start(StepKey("given"))
    desk.session.succeed(StepKey("given"), {**desk.session.facts(), "changed_files": [file]})
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query("#code")
        assert app.focused is app.screen.query_one("#primary")
        await press(pilot, "p")
        assert app.focused is app.pane.query_one("#code", Input)
        await press(pilot, *"123456", "enter")
        assert app.pane.has_class("-planned")
        assert desk.status("plan") is Status.READY


async def test_what_nobody_chose_is_marked_one_by_one_before_next_accepts(desk: Desk) -> None:
    foreign = ChangeLine("aws_iam_group.other", "group other: aws_iam_group.other is destroyed")
    desk.planned = replace(desk.planned, foreign=(foreign,), destroys=(foreign,))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert app.focused is app.pane.query_one("#foreign")
        assert app.text().count("group other: ") == 1
        assert not app.pane.primary().ready
        await press(pilot, "ctrl+n")
        assert desk.status("plan") is Status.READY
        assert app.pane.query_one("#problems").has_class("-fatal")
        await press(pilot, "space")
        assert app.pane.primary().ready
        await press(pilot, "ctrl+n")
        assert desk.session.facts("management")["plan"]["acknowledged"] == ["aws_iam_group.other"]
    again = desk.host("plan")
    async with again.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert again.pane.query_one("#foreign").disabled
        await press(pilot, "p")
        assert not again.pane.query_one("#foreign").disabled


async def test_what_lies_in_files_is_read_beside_the_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def watched(module: Any, name: str, found: Any) -> None:
        def reads(*_given: Any) -> Any:
            assert threading.current_thread() is not threading.main_thread()
            read.append(name)
            return found

        monkeypatch.setattr(module, name, reads)

    watched(plan, "forget", None)
    watched(judged_plan, "sessions_that_can_undo", {"Remove alex.kim": False})
    foreign = ChangeLine("aws_iam_group.other", "group other: aws_iam_group.other is destroyed")
    desk.planned = replace(desk.planned, foreign=(foreign,))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await press(pilot, "ctrl+n")  # the plan is there
        assert read == ["forget", "sessions_that_can_undo"]
        assert "Remove alex.kim" in app.text()


async def test_a_plan_that_changes_nothing_goes_on_through_apply_by_itself(desk: Desk) -> None:
    desk.planned = replace(
        desk.planned, summary=("Nothing changes.",), counts=dict.fromkeys(("add", "change", "destroy"), 0)
    )
    desk.planned = replace(desk.planned, empty=True, owners={}, passwords=())
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await rest(pilot)
        assert desk.status("plan") is Status.DONE
        assert desk.status("apply") is Status.DONE
        assert desk.session.facts("management")["applied"]["added"] == 0
        assert not desk.planned.record.plan.exists()


async def test_an_accepted_plan_says_when_its_files_changed_and_next_plans_again(desk: Desk) -> None:
    desk.accept(written(desk))
    (desk.layer / "users.tf").write_text("# other people\n")
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "layer/users.tf" in str(app.pane.query_one("#standing", Text).content)
        await press(pilot, "ctrl+n")
        assert (len(desk.made), desk.status("plan")) == (1, Status.READY)
        await press(pilot, "ctrl+n")
        assert (len(desk.made), desk.status("plan")) == (1, Status.DONE)


async def test_a_plan_that_leaves_out_a_decision_keeps_the_cause_and_leads_to_where_it_is_corrected(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(*_: Any) -> NoReturn:
        raise LeftOut("Left out", "No jane.doe.")

    given = next(module for module in desk.modules if isinstance(module, Given))
    monkeypatch.setattr(plan, "make", make)
    monkeypatch.setattr(LeftOut, "step", "given")
    monkeypatch.setattr(given, "observe", lambda _context: Observation(Verdict.CHANGED, "It is gone."))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, ErrorDialog)
        await press(pilot, "escape")
        assert "No jane.doe." in str(app.pane.query_one("#standing", Text).content)
        assert app.wizard._waits
        assert desk.session.towards(StepKey("plan", "management")) == StepKey("given")


async def test_a_plan_that_could_not_be_accepted_is_made_again_by_next(desk: Desk) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert len(desk.made) == 1
        (desk.layer / "users.tf").write_text("# other people\n")
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, ErrorDialog)
        await press(pilot, "escape", "ctrl+n")
        assert (len(desk.made), desk.status("plan")) == (2, Status.READY)


@pytest.mark.parametrize("waits", [True, False])
async def test_a_plan_that_waits_for_its_review_was_not_interrupted(desk: Desk, *, waits: bool) -> None:
    key = StepKey("plan", "management")
    desk.session.start(key)
    if waits:
        desk.session.rest(key)
        desk.session.drafts.save(key, {"planned": written(desk).as_facts(), "acknowledged": []})
    desk.come_back()
    assert desk.status("plan") is (Status.READY if waits else Status.INTERRUPTED)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert bool(app.pane.query(".pane-note")) is not waits
        await press(pilot, "ctrl+n")
        assert (desk.made == [], desk.status("plan") is Status.DONE) == (waits, waits)


@pytest.mark.parametrize("file", ["there", "gone", "another"])
async def test_after_an_interrupted_plan_next_accepts_the_one_before_only_with_its_file(
    desk: Desk, file: str
) -> None:
    key = StepKey("plan", "management")
    before = written(desk)
    desk.session.drafts.save(key, {"planned": before.as_facts(), "acknowledged": []})
    desk.session.start(key)
    desk.come_back()
    if file == "gone":
        before.record.plan.unlink()
    elif file == "another":
        before.record.plan.write_bytes(b"another plan")
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert any(note.display for note in app.pane.query(".pane-note")) == (file != "there")
        await press(pilot, "ctrl+n")
        assert (len(desk.made), desk.status("plan") is Status.DONE) == (file != "there", file == "there")


@pytest.mark.parametrize("now", [1, 2])
async def test_a_plan_that_waits_for_its_review_while_somebody_applies_is_made_again(
    desk: Desk, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = written(desk)
    made = replace(made, record=replace(made.record, state=StateMark("lineage", 1)))
    there = StoredState(StateMark("lineage", now), State())
    monkeypatch.setattr(plan.state_now, "stored", lambda _context: there)
    desk.session.drafts.save(StepKey("plan", "management"), {"planned": made.as_facts(), "acknowledged": []})
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert (len(desk.made), desk.status("plan") is Status.DONE) == (now - 1, now == 1)


async def test_an_accepted_plan_is_no_draft_and_doing_it_again_begins_without_it(desk: Desk) -> None:
    key = StepKey("plan", "management")
    desk.accept(written(desk))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.draft() == {}
        app.pane.keep_draft()
        await rest(pilot)
    desk.session.do_again(key)
    app = desk.host("plan")
    kept = desk.session.folder / "terraform" / "management" / PLAN_FILE
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"a plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not kept.exists(), "it can carry the state"
        await press(pilot, "ctrl+n")
        assert len(desk.made) == 1


async def test_a_damaged_record_of_a_run_leaves_an_old_plan_and_the_page_opens(desk: Desk) -> None:
    run = desk.session.folder / "terraform" / "management" / "plan"
    run.mkdir(parents=True)
    for name in ("run.json", "process.json", f"../{PLAN_FILE}"):
        (run / name).write_text("damaged")
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert (run.parent / PLAN_FILE).exists()
        assert app.pane.primary().effect == "Plan management"


async def test_a_plan_that_failed_shows_terraforms_words_and_leaves_the_step_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(context: Context, report: Report, code: object = None) -> Planned:
        raise OnboardError("The plan failed", "Terraform's plan failed.", detail="Error: unsupported")

    monkeypatch.setattr(plan, "make", fail)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert "Error: unsupported" in app.text()
        assert desk.status("plan") is Status.FAILED


@pytest.mark.parametrize("file", ["there", "gone", "another"])
async def test_a_plan_is_still_shown_if_another_one_failed_and_its_file_is_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    tries: list[Context] = []

    def fail(context: Context, report: Report, code: object = None) -> Planned:
        tries.append(context)
        if file == "gone":
            desk.planned.record.plan.unlink()
        elif file == "another":
            desk.planned.record.plan.write_bytes(b"another plan")
        raise OnboardError("The checkout is behind", "Its upstream has commits that are not here.")

    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        monkeypatch.setattr(plan, "make", fail)
        app.pane.action_plan_again()
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        await press(pilot, "escape", "ctrl+n")
        expected = (1, Status.DONE) if file == "there" else (2, Status.FAILED)
        assert (len(tries), desk.status("plan")) == expected


async def test_the_plan_is_exported_for_a_pull_request(desk: Desk) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        folder = run_folder(desk.made[0])
        folder.mkdir(parents=True)
        write_atomically(folder / "plan.md", b"# Plan\n")
        await press(pilot, "x")
        assert "~/plan-bb-management.md" in app.text()
        await press(pilot, "enter")
        assert (desk.environment.home / "plan-bb-management.md").read_text() == "# Plan\n"
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert desk.environment.clipboard.content == "# Plan\n"
        (desk.environment.home / "mine.md").write_text("mine")
        await press(pilot, "x", *["backspace"] * 30, *"mine.md", "enter")
        assert isinstance(app.screen, ErrorDialog)
        assert (desk.environment.home / "mine.md").read_text() == "mine"


def play_apply(monkeypatch: pytest.MonkeyPatch, end: Callable[[], dict[str, Any]]) -> list[apply.Request]:
    requests = []

    def perform(request: apply.Request, context: Context, report: Report) -> dict[str, Any]:
        requests.append(request)
        replay(APPLYING, report)
        return end()

    monkeypatch.setattr(apply, "perform", perform)
    return requests


def done() -> dict[str, Any]:
    facts = {"at": moment_now(), "added": 2, "changed": 0, "destroyed": 0, "elsewhere": False}
    return {"applied": facts}


async def test_next_applies_the_accepted_plan(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Line(Sort.RESOURCE, "The password policy will be changed in place")
    desk.accept(replace(written(desk), besides=(policy,)))
    requests = play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "ctrl+n")
        assert isinstance(app.screen, Confirm)
        asked = str(app.screen.query_one(".dialog-body", Text).content)
        named = ("management", "111111111111", amounts(desk.planned.counts), text_of(policy.words))
        assert all(words in asked for words in named)
        await press(pilot, "enter")
        assert desk.status("apply") is Status.READY
        assert requests == []
        await press(pilot, "ctrl+n", "left", "enter")
        assert len(requests) == 1
        assert desk.status("apply") is Status.DONE


def fail() -> dict[str, Any]:
    result = ApplyResult(1, (USER,), (PASSWORD,), ())
    error = OnboardError("Can't use a PGP key", "Not done: jane.doe.", next="Replace the key.")
    raise ApplyFailed(error, result)


def earlier_run(*, ended: bool) -> SimpleNamespace:
    return SimpleNamespace(description=SimpleNamespace(begun_at=None), is_running=lambda: not ended)


def keep_end(desk: Desk, planned: Planned, result: ApplyResult) -> None:
    """What Terraform's service leaves of an apply once its end was taken in."""
    folder = desk.session.folder / RUNS / "management"
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder / "apply.json", {"plan_sha256": planned.record.plan_sha256, "result": plain(result)})
    planned.record.plan.unlink()


async def test_a_finished_apply_is_not_offered_again_while_other_steps_are_looked_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[str] = []

    async def look(screen: WizardScreen, _key: StepKey) -> None:
        offered.append(str(screen.query_one("#primary", Button).label))

    monkeypatch.setattr(WizardScreen, "_look_after", look)
    desk.accept(written(desk))
    play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        effect = app.pane.primary().effect
        await press(pilot, "ctrl+n", "ctrl+n", "left", "enter")
        assert [label.startswith(text_of(effect)) for label in offered] == [False]


async def test_an_apply_that_failed_while_nobody_watched_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    play_apply(monkeypatch, fail)
    begun = [True]
    monkeypatch.setattr(apply, "apply_begun", lambda _folder, _record: bool(begun and begun.pop()))
    monkeypatch.setattr(apply, "apply_run", lambda _folder: earlier_run(ended=True))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await until(pilot, lambda: desk.status("apply") is Status.FAILED)
        await press(pilot, "escape")
        assert "iam-onboard" in str(app.pane.query_one("#ended", Text).content)


async def test_a_failure_that_was_taken_in_and_not_recorded_is_one_that_nobody_watched(desk: Desk) -> None:
    planned, key = written(desk), StepKey("apply", "management")
    desk.accept(planned)
    desk.session.start(key)
    keep_end(desk, planned, ApplyResult(1, (USER,), (PASSWORD,), ()))
    desk.come_back()
    assert desk.status("apply") is Status.INTERRUPTED
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        ended = app.pane.query_one("#ended", Text)
        assert ended.display
        assert all(words in str(ended.content) for words in ("iam-onboard", "jane.doe"))
        assert not any(note.display for note in app.pane.query(".pane-note"))
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)


async def test_an_apply_that_ended_shows_no_progress_while_the_wizard_looks_around(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[bool] = []

    async def look_after(screen: WizardScreen, _key: StepKey) -> None:
        assert isinstance(screen.pane, ApplyPane)
        shown.append(screen.pane.query_one("#pace").display)

    monkeypatch.setattr(WizardScreen, "_look_after", look_after)
    desk.accept(written(desk))
    play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "left", "enter")
    assert shown == [False]


async def test_a_failed_apply_shows_its_resources_and_who_is_not_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    play_apply(monkeypatch, fail)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "left", "enter")
        assert desk.status("apply") is Status.FAILED
        await press(pilot, "escape")
        assert re.search(r"! [^:\n]*: jane\.doe\.", app.text())
        assert str(app.pane.query_one(PeopleProgress).content).split() == ["·", "jane.doe", "1", "of", "2"]
        assert not app.pane.query_one("#pace").display
        await press(pilot, "p")
        assert isinstance(app.pane, PlanPane)


async def test_a_failed_apply_says_once_what_failed_then_and_when_one_comes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = written(desk)
    desk.accept(planned)

    def fail_for_good() -> dict[str, Any]:
        result = ApplyResult(1, (USER,), (PASSWORD,), (), troubles=(Trouble(PASSWORD, "No key"),))
        keep_end(desk, planned, result)
        raise ApplyFailed(OnboardError("Apply failed", "Not done: jane.doe."), result)

    play_apply(monkeypatch, fail_for_good)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "left", "enter")
        await press(pilot, "escape")
        for _ in range(2):
            shown = [text for text in app.pane.query(".pane-note, #standing, #ended") if is_displayed(text)]
            assert [text.id for text in shown] == ["ended"]
            assert app.text().count("No key") == 1
            assert app.pane.primary().act == app.pane.action_to_plan
            await app.wizard.go_to(StepKey("plan", "management"))
            await app.wizard.go_to(StepKey("apply", "management"))
            await rest(pilot)


async def test_a_stopped_apply_leads_back_to_its_plan_and_says_so_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = written(desk)
    desk.accept(planned)

    def stop() -> dict[str, Any]:
        result = ApplyResult(1, (), (), (USER, PASSWORD), stopped=True)
        keep_end(desk, planned, result)
        raise ApplyCancelled(result)

    play_apply(monkeypatch, stop)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "left", "enter")
        assert app.pane.primary().act == app.pane.action_to_plan
        assert "You stopped" in app.text()
        assert app.text().count("Plan again") == 1
        assert not app._notifications, "the page says it"
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)
        desk.planned = replace(desk.planned, summary=("jane.doe: gets a console password",))
        await press(pilot, "ctrl+n")
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, ApplyPane)
        assert desk.status("apply") is Status.READY
        assert not app.pane.query(".pane-note")
        assert not app.pane.query_one("#ended").display


async def test_that_the_last_try_was_stopped_is_not_said_while_the_next_one_runs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    tries: list[apply.Request] = []

    def perform(request: apply.Request, context: Context, report: Report) -> dict[str, Any]:
        tries.append(request)
        report(Progress("Checking the plan"))
        context.cancelled.wait(SECONDS)
        raise stopped()

    monkeypatch.setattr(apply, "perform", perform)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        ended = app.pane.query_one("#ended", Text)
        for number in range(2):
            app.pane.advance()
            await pilot.pause()
            await pilot.press("left", "enter")
            await until(pilot, lambda before=number: len(tries) > before)  # type: ignore[misc]
            assert not ended.display
            app.pane.stop_move()
            await rest(pilot)
            assert ended.display


async def test_a_removal_is_applied_only_after_the_name_was_typed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.planned = replace(desk.planned, gone=("alex.kim",))
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "alex.kim" in str(app.pane.query_one("#gone", Text).content)
        await press(pilot, "ctrl+n")
        assert app.screen.query_one("#typed")
        await press(pilot, "escape")
        assert requests == []
        await press(pilot, "ctrl+n")
        await press(pilot, *"alex.kim", "tab", "enter")
        assert [request.removals for request in requests] == [("alex.kim",)]
        assert desk.status("apply") is Status.DONE


@pytest.mark.parametrize(("action", "lost"), [(Action.CREATE, False), (Action.REPLACE, True)])
async def test_only_somebody_with_a_password_in_this_account_loses_it(
    desk: Desk, action: Action, *, lost: bool
) -> None:
    desk.planned = replace(desk.planned, people=(PersonChange("jane.doe", password=action),))
    desk.accept(written(desk))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#gone", Text).display is lost


async def test_enter_in_the_name_of_a_removal_answers_as_the_button_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.planned = replace(desk.planned, gone=("alex.kim",))
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await press(pilot, *"alex", "enter")
        wrong = app.screen.query_one("#wrong", Text)
        assert wrong.content
        assert requests == []
        await press(pilot, ".")
        assert not wrong.content
        await press(pilot, *"kim", "enter")
        assert [request.removals for request in requests] == [("alex.kim",)]


async def test_that_an_apply_goes_on_alone_is_said_only_once_terraform_runs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    before, after = threading.Event(), threading.Event()

    def perform(_request: apply.Request, _context: Context, report: Report) -> dict[str, Any]:
        report(Progress("Asking AWS"))
        before.wait(SECONDS)
        replay(APPLYING, report)
        after.wait(SECONDS)
        return done()

    monkeypatch.setattr(apply, "perform", perform)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await pilot.pause()
        await pilot.press("left", "enter")
        await until(pilot, lambda: app.pane.has_class("-applying"))
        standing = app.pane.query_one("#standing")
        assert standing.has_class("-empty")
        before.set()
        await until(pilot, lambda: not standing.has_class("-empty"))
        after.set()


@pytest.mark.parametrize("ended", [False, True])
async def test_an_apply_that_was_begun_before_is_attached_to_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, ended: bool
) -> None:
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    monkeypatch.setattr(apply, "apply_begun", lambda _folder, _record: True)
    monkeypatch.setattr(apply, "apply_run", lambda _folder: earlier_run(ended=ended))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert len(requests) == 1
        assert desk.status("apply") is Status.DONE
        said = [notice.message for notice in app._notifications]
        assert any("iam-onboard" in message for message in said) is ended


async def test_an_apply_whose_end_was_taken_in_and_not_recorded_ended_while_nobody_watched(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = written(desk)
    desk.accept(planned)
    requests = play_apply(monkeypatch, done)
    keep_end(desk, planned, ApplyResult(0, (USER,), (), ()))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert len(requests) == 1
        assert any("iam-onboard" in notice.message for notice in app._notifications)


async def test_an_apply_whose_end_cannot_be_taken_in_is_not_tried_by_itself_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    tries: list[object] = []

    def full(*_: object) -> NoReturn:
        tries.append(None)
        raise OnboardError("A file problem", "apply.json can't be written.", why="The disk is full.")

    monkeypatch.setattr(apply, "perform", full)
    monkeypatch.setattr(apply, "apply_begun", lambda _folder, _record: True)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "escape")
        assert len(tries) == 1
        await press(pilot, "ctrl+n")
        assert len(tries) == 2


async def test_an_apply_that_the_world_contradicts_waits_for_the_persons_decision(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    desk.applied()
    requests = play_apply(monkeypatch, done)
    monkeypatch.setattr(apply, "apply_begun", lambda _folder, _record: True)
    key = StepKey("apply", "management")
    seen = Observation(Verdict.UNDONE, "AWS no longer has jane.doe.", ("jane.doe",), continuing="Leaves it.")
    desk.session.observe({key: seen})
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert requests == []
        assert app.wizard.current == key
        assert desk.status("apply") is Status.CONTRADICTED
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Contradiction)


async def test_a_plan_older_than_its_files_is_not_applied(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    (desk.layer / "users.tf").write_text("# other people\n")
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "layer/users.tf" in app.text()
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)
        assert requests == []
        assert desk.status("apply") is Status.READY


async def test_a_later_plan_older_than_its_files_is_planned_again_by_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    desk.applied("2026-03-01T10:00:00+00:00")
    desk.session.do_again(StepKey("apply", "management"))
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    (desk.layer / "users.tf").write_text("# other people\n")
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)
        assert "layer/users.tf" in str(app.pane.query_one("#standing", Text).content)
        await press(pilot, "ctrl+n")
        assert (len(desk.made), requests, desk.status("plan")) == (1, [], Status.READY)


async def test_next_copies_and_marks_each_text_that_was_not_saved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe", "juan.delacruz")))
    desk.applied()
    texts = tuple(
        PersonHandoff(name, f"Hello {name}\n", ("management",)) for name in ("jane.doe", "juan.delacruz")
    )
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert "○ jane.doe " in app.text()
        await press(pilot, "ctrl+n")
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert desk.environment.clipboard.content == "Hello jane.doe\n"
        pane = app.pane
        assert isinstance(pane, HandOverPane)
        assert pane.request().people["jane.doe"].sent_at is None  # copying is not sending
        await press(pilot, "ctrl+n")
        assert pane.request().people["jane.doe"].by_hand
        await press(pilot, "ctrl+n")
        assert desk.environment.clipboard.content == "Hello juan.delacruz\n"
        assert desk.status("hand-over") is Status.READY
        await press(pilot, "w")
        assert (desk.environment.home / "handoff-juan.delacruz.txt").read_text() == "Hello juan.delacruz\n"
        await press(pilot, "ctrl+n")
        assert not app.pane.turn().yours
        assert not app.pane.query_one("#skip").display
        await press(pilot, "ctrl+s")
        assert desk.status("hand-over") is not Status.SKIPPED
        await press(pilot, "ctrl+n")
        assert desk.status("hand-over") is Status.DONE
        people = desk.session.facts("management")["handed_over"]["people"]
        assert people["juan.delacruz"]["how"].endswith("~/handoff-juan.delacruz.txt")
        assert people["jane.doe"]["sent_at"]


JANES = PersonHandoff("jane.doe", "Hello jane.doe\n", ("management",))


def jane_to_hand_over(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    *texts: PersonHandoff,
    passwords: tuple[str, ...] = ("jane.doe",),
) -> PaneHost:
    """Hand over of management, with a text for jane.doe."""
    desk.accept(replace(written(desk), passwords=passwords))
    desk.applied()
    texts = texts or (JANES,)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    return desk.host("hand-over")


@asynccontextmanager
async def at_hand_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *texts: PersonHandoff
) -> AsyncIterator[tuple[PaneHost, Pilot[None], HandOverPane]]:
    """Open that page; its texts are read."""
    app = jane_to_hand_over(desk, monkeypatch, *texts)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert isinstance(app.pane, HandOverPane)
        yield app, pilot, app.pane


async def test_a_text_left_to_a_later_one_is_no_longer_called_ready_nor_left_out_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over, "later_layers", lambda *_: ("security",))
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        ready = app.pane.query_one("#people", OptionList).get_option_at_index(0).prompt
        assert app.pane.query_one("#skip").display
        await press(pilot, "ctrl+s")
        assert desk.status("hand-over") is Status.SKIPPED
        await app.wizard.go_to(StepKey("hand-over", "management"))
        await rest(pilot)
        assert app.pane.query_one("#people", OptionList).get_option_at_index(0).prompt != ready
        assert not app.pane.query_one("#skip").display
        assert not app.pane.query_one("#hint").display


async def test_a_text_can_be_left_to_a_later_one_only_for_whom_there_is_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    janes = lambda names, _context: ("security",) if "jane.doe" in names else ("apps",)  # noqa: E731
    monkeypatch.setattr(hand_over, "later_layers", janes)
    texts = (JANES, replace(JANES, name="juan.delacruz", absent=("apps",)))
    app = jane_to_hand_over(desk, monkeypatch, *texts, passwords=("juan.delacruz",))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        hint, skip = app.pane.query_one("#hint", Text), app.pane.query_one("#skip")
        assert "security" in str(hint.content)
        await press(pilot, "down")
        assert "security" not in str(hint.content)
        assert skip.display, "Jane's can be left"
        await press(pilot, "up", "t")
        assert not skip.display


async def test_who_was_sent_theirs_before_the_rest_is_left_to_a_later_account_stays_known(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over, "later_layers", lambda *_: ("security",))
    key, sent = StepKey("hand-over", "management"), Sent(moment_now(), "copied")
    texts = (JANES, replace(JANES, name="juan.delacruz"))
    app = jane_to_hand_over(desk, monkeypatch, *texts, passwords=("juan.delacruz",))
    desk.session.drafts.save(key, {"people": plain({"juan.delacruz": sent})})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: desk.status("hand-over") is Status.SKIPPED)
        assert sent_to(desk.session.drafts.load(key))["juan.delacruz"] == sent


async def test_enter_shows_the_text_and_a_mark_by_hand_is_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_hand_over(desk, monkeypatch) as (app, pilot, _pane):

        def page() -> HandOverPane:
            assert isinstance(app.pane, HandOverPane)
            return app.pane

        def sent() -> Sent:
            return page().request().people["jane.doe"]

        await press(pilot, "enter")
        assert isinstance(app.screen, TextDialog)
        assert sent() == Sent()
        await press(pilot, "escape", "t")
        assert (sent().sent_at is not None, sent().by_hand) == (True, True)
        assert page()._line("jane.doe").startswith(MARKS[Status.UNCONFIRMED])
        assert desk.status("hand-over") is Status.DONE, "nothing is left to send"
        label = str(page().query_one("#sent", Button).label)
        await press(pilot, "t")
        assert sent() == Sent()
        assert desk.status("hand-over") is Status.READY
        assert str(page().query_one("#sent", Button).label) != label


@pytest.mark.parametrize("trouble", [(), ("security: AWS no longer has this user.",)])
async def test_a_text_that_lacks_an_account_is_marked_in_the_list(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, trouble: tuple[str, ...]
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()
    texts = (replace(JANES, trouble=trouble),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        line = str(app.pane.query_one("#people", OptionList).get_option_at_index(0).prompt)
        assert "management" in line
        assert ("!" in line) is bool(trouble)


async def test_a_machine_user_does_not_count_among_the_people_who_can_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("jane.doe", "machine.deploy")
    desk.accept(replace(written(desk), passwords=names))
    desk.applied()
    texts = tuple(PersonHandoff(name, f"Hello {name}\n", ("management",)) for name in names)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "t", "t")
        turn = app.pane.turn()
        assert not turn.yours
        assert "jane.doe" in text_of(turn.line)


async def test_a_text_for_a_key_that_nobody_compared_is_sent_only_after_a_question(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decisions, "not_compared", ("jane.doe",))
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert app.pane.query_one("#not-compared").display
        assert app.pane.query_one("#compare").display
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        await press(pilot, "escape")
        assert desk.environment.clipboard.content == ""
        await press(pilot, "ctrl+n", "left", "enter")
        assert desk.environment.clipboard.content == "Hello jane.doe\n"


async def test_a_handoff_whose_copy_is_not_certain_is_shown_and_replaces_no_other_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    monkeypatch.setattr(desk.environment.clipboard, "certain", False)
    diary = desk.environment.home / "handoff-jane.doe.txt"
    diary.write_text("Dear diary")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, ToSendDialog)
        await press(pilot, "s")
        await rest(pilot)
        assert diary.read_text() == "Dear diary"
        diary.unlink()
        await press(pilot, "s", "escape")
        await rest(pilot)
        assert diary.read_text() == "Hello jane.doe\n"
        assert app.pane.request().people == {"jane.doe": Sent()}


async def test_in_the_sandbox_only_the_mailbox_delivers_a_handoff(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = desk.environment.home / "mailbox"
    mailbox.mkdir(parents=True)
    (mailbox / "handoff-jane.doe.txt").write_text("From another session, not read yet\n")
    desk.environment = replace(desk.environment, mailbox=mailbox, sandbox=True)
    async with at_hand_over(desk, monkeypatch) as (app, pilot, pane):
        first = str(pane.query_one("#mail", Button).label)
        await press(pilot, "w", "t")
        saved = desk.environment.home / "handoff-jane.doe.txt"
        assert saved.exists()
        assert str(saved) in str(pane._taken["jane.doe"]), "its home is nobody's ~"
        assert not pane.query_one("#sent").display
        assert pane.request().people["jane.doe"] == Sent()
        await press(pilot, "ctrl+n")
        assert (mailbox / "handoff-jane.doe.txt").read_text() == "Hello jane.doe\n"
        assert len([*mailbox.iterdir()]) == 2, "the one before it is still there"
        assert pane.request().people["jane.doe"].sent_at
        again = app.pane.query_one("#mail", Button)
        assert again.display
        assert str(again.label) != first


async def test_a_done_hand_over_opens_again_when_a_mark_is_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "t", "ctrl+n")
        assert desk.status("hand-over") is Status.DONE
        await app.wizard.go_to(StepKey("hand-over", "management"))
        await rest(pilot)
        await press(pilot, "v")  # it reads the text first
        await rest(pilot)
        assert isinstance(app.screen, TextDialog)
        await press(pilot, "escape", "t")
        assert desk.status("hand-over") is Status.READY
        assert app.pane.request().people == {"jane.doe": Sent()}
        await press(pilot, "t", "ctrl+n")
        assert desk.status("hand-over") is Status.DONE
        assert desk.session.facts("management")["handed_over"]["people"]["jane.doe"]["by_hand"]


async def test_a_done_hand_over_asks_for_nothing_that_a_later_session_made_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    instead = {"jane.doe": ("management: a later session made another password.",)}
    key = StepKey("hand-over", "management")
    desk.session.start(key)
    desk.session.succeed(key, {"handed_over": {"people": {"jane.doe": plain(Sent())}}})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        asked = app.pane.primary()
        monkeypatch.setattr(hand_over, "left_to_later", lambda _context: instead)
        await app.wizard.go_to(None)
        await app.wizard.go_to(key)
        await rest(pilot)
        assert isinstance(app.pane, HandOverPane)
        assert app.pane._unsent == []
        assert app.pane.primary() != asked
        assert app.pane.query_one("#elsewhere").display
        assert not any(is_displayed(way) for way in app.pane.query("#copy, #save, #view, #file"))


async def test_a_long_path_stays_on_the_line_of_its_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_hand_over(desk, monkeypatch) as (_app, _pilot, pane):
        pane._taken["jane.doe"] = f"saved as /{'folder/' * 20}handoff-jane.doe.txt"
        assert cell_len(pane._line("jane.doe")) <= LINE_CELLS


async def test_what_aws_no_longer_has_is_not_handed_out_and_the_plan_makes_it_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_hand_over(desk, monkeypatch) as (_app, pilot, pane):
        assert pane._to_send == "jane.doe"
        lacking = PersonHandoff("jane.doe", "", (), ("management: no password.",), to_plan=("management",))
        monkeypatch.setattr(hand_over, "is_gone", lambda *_: True)
        monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: (lacking,))
        await press(pilot, "ctrl+n")
        await rest(pilot)
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert not desk.environment.clipboard.content
        assert (pane._to_send, pane._to_plan) == ("", "management")
        assert not any(is_displayed(way) for way in pane.query("#copy, #save, #view, #file"))


async def test_a_text_that_another_session_made_useless_since_it_was_read_is_not_handed_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubted = PersonHandoff("jane.doe", "Hello\n", ("management",), doubts=("Another key came.",))
    async with at_hand_over(desk, monkeypatch, doubted) as (_app, pilot, pane):
        assert pane._to_send == "jane.doe"
        assert pane.query_one("#doubts").display
        assert pane.query_one("#compare").display
        monkeypatch.setattr(hand_over, "_handled_later", lambda *_: {"jane.doe": "another password."})
        await press(pilot, "ctrl+n")
        await rest(pilot)
        assert isinstance(pilot.app.screen, Confirm), "the doubt is to be seen first"
        await press(pilot, "tab", "enter")
        await rest(pilot)
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert not desk.environment.clipboard.content
        assert (pane._to_send, pane._to_confirm, pane._unsent) == ("", "", [])
        assert pane.query_one("#elsewhere").display
        assert not pane.query_one("#doubts").display
        assert not pane.query_one("#compare").display


async def test_a_way_that_the_primary_action_takes_has_no_button_besides(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        shown = {name: app.pane.query_one(f"#{name}").display for name in ("copy", "save", "sent", "skip")}
        assert shown == {"copy": False, "save": True, "sent": True, "skip": False}
        await press(pilot, "t")
        assert app.pane.query_one("#copy").display


async def test_somebody_who_cannot_decrypt_is_led_to_a_new_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        wanted: list[StepPane.StepWanted] = []
        pane, genuine = app.pane, app.pane.post_message

        def post(message: Message) -> bool:
            if isinstance(message, StepPane.StepWanted):
                wanted.append(message)
                return True
            return bool(genuine(message))

        monkeypatch.setattr(pane, "post_message", post)
        await press(pilot, "n")
        assert isinstance(app.screen, Confirm)
        app.screen.query_one("#yes").focus()
        await press(pilot, "enter")
        (replaced,) = wanted
        assert (replaced.step, replaced.draft["rekeying"]) == ("project", ["jane.doe"])
        assert "jane.doe" not in replaced.draft["joining"]


async def test_what_is_not_for_the_expected_key_cannot_be_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    desk.applied()
    refused = (PersonHandoff("jane.doe", "", (), ("management: other",)),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: refused)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert "✗ management: other" in app.text()
        await press(pilot, "c")
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert desk.environment.clipboard.content == ""
        await press(pilot, "v")
        assert [toast.severity for toast in app._notifications] == ["warning"] * 2


async def test_a_text_that_was_sent_and_is_of_no_use_now_is_not_handed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()
    lost = (PersonHandoff("jane.doe", "", (), ("management: AWS has no such user.",)),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: lost)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "t")
        assert "✗ jane.doe " in app.text()
        assert app.pane.request().people == {"jane.doe": Sent()}, "a mark would say that it was of use"
        await press(pilot, "ctrl+n", "ctrl+n")
        assert lost[0].trouble[0] in app.text()
        assert desk.status("hand-over") is Status.READY
        assert app.pane.query_one("#skip").display
        await press(pilot, "ctrl+s")
        assert desk.status("hand-over") is Status.SKIPPED


@pytest.mark.parametrize("done", [True, False])
async def test_a_text_that_turns_out_to_be_of_no_use_is_not_called_sent_anywhere(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> None:
    names = ["jane.doe"] if done else ["jane.doe", "sam.okafor"]  # it is done once everybody's is sent
    desk.accept(replace(written(desk), passwords=tuple(names)))
    desk.applied()
    texts = [PersonHandoff(name, f"Hello {name}\n", ("management",)) for name in names]
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: tuple(texts))
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "t")
        assert (desk.status("hand-over") is Status.DONE) is done
        texts[0] = PersonHandoff("jane.doe", "", (), ("management: no password.",), to_plan=("management",))
        assert isinstance(app.pane, HandOverPane)
        app.pane._read()
        await rest(pilot)
        stand = dict(status_grid(app.wizard.run.session_context()).rows)["jane.doe"][0]
        assert stand is (PersonStatus.CHANGED if done else PersonStatus.TO_HAND_OVER)
        assert (desk.status("hand-over") is Status.CONTRADICTED) is done


@pytest.mark.parametrize("action", ["t", "ctrl+s"])
async def test_what_was_only_read_is_no_input(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.setattr(hand_over, "later_layers", lambda *_: ("security",))
    async with at_hand_over(desk, monkeypatch) as (app, pilot, _pane):
        key, partly = StepKey("hand-over", "management"), replace(JANES, trouble=("security: gone",))
        await press(pilot, action)
        monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: (partly,))
        await app.wizard.go_to(None)
        await app.wizard.go_to(key)
        await rest(pilot)
        await press(pilot, "v")
        await rest(pilot)
        await press(pilot, "escape")
        await app.wizard.go_to(None)
        assert desk.session.drafts.load(key) == {}
        desk.session.observe({key: Observation(Verdict.GONE, "Lost.", ("jane.doe",))})
        await app.wizard.go_to(key)
        await rest(pilot)
        await app.wizard.go_to(None)
        assert desk.session.drafts.load(key) == {}


@pytest.mark.parametrize("done", [True, False])
async def test_a_sent_text_for_a_key_that_is_not_theirs_keeps_its_time_and_next_asks_for_another_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> None:
    names = ["jane.doe"] if done else ["jane.doe", "sam.okafor"]
    desk.accept(replace(written(desk), passwords=tuple(names)))
    desk.applied()
    texts = [PersonHandoff(name, f"Hello {name}\n", ("management",)) for name in names]
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: tuple(texts))
    app, key = desk.host("hand-over"), StepKey("hand-over", "management")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "t")
        assert isinstance(app.pane, HandOverPane)
        sent = app.pane.request().people["jane.doe"].sent_at
        assert sent
        texts[:] = [PersonHandoff(name, "", (), ("management: not theirs",), rejected=True) for name in names]
        app.pane._read()
        await rest(pilot)
        assert desk.status("hand-over") is (Status.CONTRADICTED if done else Status.READY)
        for _ in range(2):
            assert isinstance(app.pane, HandOverPane)
            line = app.pane._line("jane.doe")
            assert line.startswith("✗")
            assert moment_text(sent, desk.environment.now()) in line
            await app.wizard.go_to(None)
            await app.wizard.go_to(key)
            await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)


async def test_what_only_another_plan_makes_again_is_planned_again_by_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()
    lost = (PersonHandoff("jane.doe", "", (), ("management: gone",), to_plan=("management",)),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: lost)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)
        assert "jane.doe" in app.pane.opening.note
        assert (desk.status("plan"), desk.status("apply")) == (Status.READY, Status.LOCKED)
        await press(pilot, "ctrl+n")
        assert len(desk.made) == 1


async def test_nothing_is_asked_for_whom_a_later_session_left_nothing_to_send(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()
    gone = (PersonHandoff("jane.doe", "", (), elsewhere=("management: removed",)),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: gone)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert app.pane.turn().yours
        await press(pilot, "ctrl+n")
        assert desk.status("hand-over") is Status.DONE


async def test_a_profile_with_a_device_asks_for_its_code(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    serial = "arn:aws:iam::111111111111:mfa/dana.lopez"
    codes: list[Any] = []

    def make(context: Context, report: Report, code: Any = None) -> Planned:
        codes.append(code.reveal())
        return written(desk)

    monkeypatch.setattr(terraform_runs, "code_wanted", lambda _context: serial)
    monkeypatch.setattr(plan, "make", make)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert serial in app.text()
        app.pane.query_one("#code", Input).value = "123 456"
        await press(pilot, "ctrl+n")
        assert codes == ["123 456"]
        assert not app.pane.query("#code")
        assert "123 456" not in json.dumps(desk.session.drafts.load(StepKey("plan", "management")))


async def test_a_session_that_ended_meanwhile_is_told_and_the_code_asked_for_where_the_person_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = "arn:aws:iam::111111111111:mfa/dana.lopez"

    def make(context: Context, report: Report, code: Any = None) -> Planned:
        if code is None:
            raise CodeWanted("bb-management-administrator", serial)
        return written(desk)

    monkeypatch.setattr(plan, "make", make)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query("#code")
        await press(pilot, "ctrl+n")
        assert app.focused is app.pane.query_one("#code", Input)
        assert serial in app.text()
        await press(pilot, *"123456", "ctrl+n")
        assert app.pane.has_class("-planned")
        assert not app.pane.query("#code")


async def test_hand_over_asks_for_a_code_when_the_session_ended_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = "arn:aws:iam::111111111111:mfa/dana.lopez"
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()

    def prepare(_context: Context, _report: Report, code: Any = None) -> tuple[PersonHandoff, ...]:
        if code is None:
            raise CodeWanted("bb-management-administrator", serial)
        return (PersonHandoff("jane.doe", "Hello jane.doe\n", ("management",)),)

    monkeypatch.setattr(hand_over, "prepare", prepare)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert app.focused is app.pane.query_one("#code", Input)
        assert serial in app.text()
        await press(pilot, *"123456", "ctrl+n")
        assert "○ jane.doe " in app.text()
        assert serial not in app.text()


async def test_escape_closes_the_shown_text_first_and_only_then_goes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        here = app.wizard.current
        await press(pilot, "v")
        assert isinstance(app.screen, TextDialog)
        assert "Hello jane.doe" in app.text()
        await press(pilot, "escape")
        assert app.wizard.current == here
        await press(pilot, "escape")
        assert app.wizard.current != here


async def test_that_it_is_not_applied_elsewhere_is_a_line_of_the_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def layer(*_: Any, **_by_name: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr(plan, "open_layer", layer)
    monkeypatch.setattr(plan, "read_state", lambda *_: None)
    monkeypatch.setattr(plan.state_now, "not_applied", lambda *_: ["jane.doe is not in it"])
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "e")
        assert not isinstance(app.screen, ErrorDialog)
        assert [problem.field for problem in app.pane.problems] == ["elsewhere"]
        assert desk.status("plan") is Status.READY
        await press(pilot, "ctrl+n")
        assert not app.pane.problems
        await press(pilot, "e")
        assert not isinstance(app.screen, ErrorDialog)
        assert [problem.field for problem in app.pane.problems] == ["elsewhere"]


@pytest.mark.parametrize(("name", "value"), [("people", frozenset()), ("beside_people", True)])
async def test_the_state_is_asked_about_a_pull_request_only_where_it_shows_all_of_it(
    name: str, value: object, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LayerDecisions, name, value)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#elsewhere").display
        await press(pilot, "e")
        assert not app.pane.problems


async def test_a_fingerprint_that_nobody_compared_is_in_the_one_question_of_the_apply(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decisions, "not_compared", ("jane.doe",))
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        (reminder,) = Decisions().not_compared_sentences()
        assert app.pane.query_one("#compare").display
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        assert text_of(reminder) in " ".join(str(app.screen.query_one(".dialog-body", Text).content).split())
        await press(pilot, "left", "enter")
        assert len(requests) == 1
        assert desk.status("apply") is Status.DONE


@pytest.mark.parametrize("settled", ["", "apply", "hand-over"])
async def test_plan_and_apply_name_the_session_whose_unsent_password_they_replace(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, settled: str
) -> None:
    sent = settled == "hand-over"
    folder = desk.session.folder.with_name("other")
    folder.mkdir()
    facts = {**desk.session.facts(), "joining": [], "user_changes": {}, "resetting": ["jane.doe"]}
    steps = ["plan", "apply", "hand-over"]
    at = steps.index(settled or "plan") + 1
    done_at = {f"{step}@management": "2026-01-01" for step in steps[:at]}
    other = Summary("other", "admin", facts=facts, next_step="".join(steps[at : at + 1]), settled=done_at)
    keep_summary(folder, other, [])
    play_apply(monkeypatch, done)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        words = list(replaced_before_sent(["jane.doe"], desk.made[0]))
        assert len(words) == (not sent)
        since = app.pane.query_one("#since", Text)
        assert since.display is not sent
        await press(pilot, "ctrl+n")
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        body = " ".join(str(app.screen.query_one(".dialog-body", Text).content).split())
        assert all(text_of(sentence) in body for sentence in words)


async def test_plan_and_apply_say_what_another_session_leaves_open_about_a_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubt = text_of("Nobody has compared it yet (Add jane.doe).")
    monkeypatch.setattr(judged_plan, "doubted_keys", lambda *_: {"jane.doe": doubt})
    desk.planned = replace(desk.planned, passwords=("ann", "jane.doe"))

    def keys(names: Collection[str], *_: object) -> dict[tuple[str, str], str]:
        return {(name, "management"): ("A" if name == "jane.doe" else "B") * 40 for name in sorted(names)}

    monkeypatch.setattr(terraform, "to_compare", keys)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#not-compared").display, "there is no plan yet"
        for page in (PlanPane, ApplyPane):
            await press(pilot, "ctrl+n")
            assert isinstance(app.pane, page)
            assert app.pane.query_one("#not-compared").display
            await press(pilot, "k")
            await rest(pilot)
            assert isinstance(app.screen, CompareDialog)
            shown = str(app.screen.query_one(".dialog-body", Text).content).split()
            assert [*grouped("A" * 40).split()] == [group for group in shown if group == "AAAA"]
            await press(pilot, "escape")
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        assert doubt in " ".join(str(app.screen.query_one(".dialog-body", Text).content).split())


async def test_not_yet_ends_the_questions_about_keys_and_reads_nothing_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = list[str](), list[str]()
    keys = {("jane.doe", "management"): "A" * 40, ("jane.doe", "security"): "B" * 40}
    monkeypatch.setattr(terraform, "to_compare", lambda names, *_: asked.extend(names) or keys)
    doubted = PersonHandoff("jane.doe", "Hello\n", ("management",), doubts=("A doubt.",))
    async with at_hand_over(desk, monkeypatch, doubted) as (app, pilot, pane):
        pane._names = ("ann", "jane.doe")
        pane._handoffs["ann"] = replace(doubted, name="ann", doubts=())
        monkeypatch.setattr(hand_over, "prepare", lambda *_: read.append("state") or ())
        await press(pilot, "k")
        await rest(pilot)
        assert asked == ["jane.doe"], "nothing is doubtful about ann's key"
        assert isinstance(app.screen, CompareDialog)
        await press(pilot, "escape")
        await rest(pilot)
        assert not isinstance(app.screen, CompareDialog)
        monkeypatch.setattr(terraform, "to_compare", lambda *_: {})
        await press(pilot, "k")
        await rest(pilot)
        assert not read


@pytest.mark.parametrize("answer", ["same", "differs"])
async def test_an_answer_about_a_key_that_the_session_did_not_accept_is_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    keys = {("jane.doe", "management"): "A" * 40, ("jane.doe", "security"): "A" * 40, ("ann", "x"): "B" * 40}
    monkeypatch.setattr(terraform, "to_compare", lambda *_: keys)
    monkeypatch.setattr(judged_plan, "doubted_keys", lambda *_: {"jane.doe": "A doubt."})

    def rejected(*_: object) -> set[tuple[str, str]]:
        return {part for part, (said, _at) in answers_kept(desk.session.folder).items() if said == "differs"}

    monkeypatch.setattr(judged_plan, "rejected_elsewhere", rejected)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await press(pilot, "k")
        await rest(pilot)
        monkeypatch.setattr(judged_plan, "doubted_keys", lambda *_: {})
        app.screen.query_one(f"#{answer}", Button).press()
        await rest(pilot)
        assert isinstance(app.screen, CompareDialog), "the other key comes next"
        await press(pilot, "escape")
        await rest(pilot)
        assert not app.pane.query_one("#not-compared").display
        differs = answer == "differs"
        assert bool(app.pane._found.refusal) is differs
        assert (app.pane.primary().act == app.pane.action_compare) is differs
        vars(app.pane.context.decisions)["keys"] = {"jane.doe": "accepted here"}
        assert (app.pane.primary().act == app.pane.go_to_keys) is differs
        kept = answers_kept(app.pane.context.folder)
    assert {part: said for part, (said, _at) in kept.items()} == {("jane.doe", "A" * 40): answer}


async def test_the_plan_reminds_of_a_fingerprint_that_nobody_compared(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#compare").display
    monkeypatch.setattr(Decisions, "not_compared", ("jane.doe",))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#compare").display
        assert app.pane.query_one("#not-compared").display
    desk.accept(written(desk))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.opening.done
        assert app.pane.query_one("#compare").display, "an accepted plan is still to be applied"
    desk.applied()
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#compare").display
    monkeypatch.setattr(Decisions, "keyed_in", lambda _decisions, _account: frozenset())
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#compare").display


@pytest.mark.parametrize("step", ["plan", "apply"])
async def test_nobody_is_to_compare_the_fingerprint_of_who_was_removed_since(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(Decisions, "not_compared", ("jane.doe",))
    if step == "apply":
        desk.accept(written(desk))
    app = desk.host(step)
    gone = Observation(Verdict.REVERTED, "", by_item={"management": ("jane.doe",)})
    monkeypatch.setattr(SessionRun, "removed", lambda _run: gone)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#compare").display


async def test_an_apply_without_a_change_is_called_none(desk: Desk) -> None:
    desk.accept(replace(written(desk), empty=True, counts={"add": 0, "change": 0, "destroy": 0}))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert desk.status("apply") is Status.DONE
        assert nothing_changed(desk.session.facts("management")["applied"])
