from __future__ import annotations

import mmap
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.admin_project import AdminProject
from support.fakes import FakeClipboard
from support.house import LAYERS, PROJECT, USERS, House, settled, text_of
from support.panes import rest, until
from support.small_steps import SmallPane, SmallStep, small_workflow
from support.steps import step_of
from textual.app import ComposeResult
from textual.content import Content
from textual.driver import Driver
from textual.events import MouseDown, Paste
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets._toast import Toast

from screens.step.asking import Contradiction
from screens.step.finished import Finished
from screens.step.page import ActionBar, StepPane
from screens.widgets.dialogs import Confirm, ErrorDialog, NameDialog, Notice, QuitQuestion
from screens.widgets.key_line import KeyLine
from tui.app import frame as frame_module
from tui.app.application import OnboardApp
from tui.app.guard import COPIED_SIZE, WORDS_SIZE, Guard
from tui.app.home import HomeScreen
from tui.app.session_control import (
    Parts,
    SessionControl,
    Start,
)
from tui.app.stage import note_of
from tui.app.wizard import END, WizardScreen
from tui.host import Machine
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError
from workflows.core.text import safe
from workflows.desktop.clipboard import Clipboard, Osc52Clipboard
from workflows.machine.events import AGREES, NOT_ASKED, Observation, StepKey, Verdict
from workflows.machine.lock import SessionLock
from workflows.machine.sessions import is_archived
from workflows.machine.state import Status
from workflows.run import Change, Return
from workflows.steps.shared import leftovers
from workflows.steps.shared.module import Context

POISON = "\x1b]52;c;UE9JU09O\x07\x9b31mPOISON\x7f\u202e\u200b\U000e0041"


async def test_without_a_wish_it_shows_the_home_screen(house: House) -> None:
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert "Add people" in text_of(app)
        assert "Continue" not in text_of(app)


async def test_a_world_that_opens_at_once_has_no_screen_of_its_own(house: House) -> None:
    house.source.words = ""
    house.session((PROJECT, LAYERS))
    app = house.app()
    shown: list[type] = []
    push = app.push_screen

    def pushed(screen: Any, *more: Any, **named: Any) -> Any:
        shown.append(type(screen))
        return push(screen, *more, **named)

    app.push_screen = pushed  # type: ignore[method-assign]
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert shown == [HomeScreen]
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        await pilot.press("f3")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert len(app.screen_stack) == 2


async def test_a_forced_end_names_the_session_that_is_open_then(house: House) -> None:
    heard, say = os.pipe()
    os.set_blocking(say, False)
    words, copied = mmap.mmap(-1, WORDS_SIZE), mmap.mmap(-1, COPIED_SIZE)
    first, second = house.session((PROJECT, LAYERS)), house.session((PROJECT, LAYERS))

    def said() -> str:
        return words[:].rstrip(b"\0").decode()

    app = OnboardApp(
        house.machine,
        house.parts,
        house.source,
        Start(session=first),
        again=lambda source, session: session if source is house.source else "",
        guard=Guard(os.getpid(), say, heard, words, copied),
    )
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            assert said() == first
            await pilot.press("f3")
            await settled(pilot)
            entry = next(entry for entry in app.control.entries() if entry.summary.id == second)
            app.post_message(HomeScreen.Resume(entry))
            await settled(pilot)
            assert said() == second
    finally:
        signal.set_wakeup_fd(-1)
        os.close(heard)
        os.close(say)


async def test_what_is_opened_later_is_loaded_once_and_ahead(house: House) -> None:
    loaded: list[str] = []
    app = OnboardApp(
        house.machine,
        house.parts,
        house.source,
        Start(),
        ahead=lambda: loaded.append(threading.current_thread().name),
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await until(pilot, lambda: bool(loaded))
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("f3")
        await settled(pilot)
    assert len(loaded) == 1
    assert loaded != [threading.current_thread().name]


async def test_a_workflow_is_begun_with_the_drafts_of_the_source_and_of_the_command_line(
    house: House,
) -> None:
    app = house.app(workflow="admin", drafts={"users": {"text": "jane"}})
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.query_one("#text", Input).value == "source-admin"
        assert app.screen.run.session.drafts.load(USERS) == {"text": "jane"}
        assert "@" in app.screen.run.session.header.details["by"]


@pytest.mark.parametrize(("kinds", "proposed"), [(None, True), (["joining"], True), (["resetting"], False)])
async def test_whom_the_sandbox_proposes_to_add_is_for_that_task_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, *, kinds: list[str] | None, proposed: bool
) -> None:
    monkeypatch.setattr(house.source, "drafts", lambda _workflow: {"project": {"joining": ["jane.doe"]}})
    app = house.app(workflow="admin", drafts={"project": {"kinds": kinds}} if kinds else {})
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert ("joining" in app.screen.run.session.drafts.load(PROJECT)) is proposed


async def test_a_session_is_resumed_where_it_was_left(house: House) -> None:
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.current == USERS


async def test_a_session_is_reported_archived_and_brought_back_by_opening_it(house: House) -> None:
    session = house.session((PROJECT, LAYERS))
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        report = house.machine.home / f"iam-onboard-{session}.txt"
        await pilot.press("x", "enter")
        await settled(pilot)
        assert '"step": "project"' in report.read_text()
        report.write_text("own")
        await pilot.press("x", "enter")
        await settled(pilot)
        assert isinstance(app.screen, ErrorDialog)
        assert report.read_text() == "own"
        await pilot.press("escape", "a")
        await settled(pilot)
        assert is_archived(house.sessions.folder / session)
        await pilot.press("f3", "home", "enter")
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
    assert not is_archived(house.sessions.folder / session)


async def test_every_key_of_home_is_in_its_line_at_80_columns(house: House) -> None:
    house.sessions.archive(house.session((PROJECT, LAYERS)), archived=True)
    house.session((PROJECT, LAYERS))
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        line = app.screen.query_one(KeyLine)
        assert {"home.all", "home.quit", "home.delete"} <= {key.id for key in line._keys}
        assert all(key.description in str(line.render()) for key in line._keys)


async def test_a_session_that_is_over_opens_at_its_end_and_is_archived_there(tmp_path: Path) -> None:
    modules = small_workflow()
    project = replace(modules[0].STEP, gives=("project", "layers", "resetting"))
    removed = Observation(Verdict.REVERTED, "jane was removed.", ("jane",))
    modules[0] = SmallStep(project, removed)
    house = House(tmp_path, modules)
    session = house.session((PROJECT, {**LAYERS, "resetting": ["jane"]}))
    app = house.app(session=session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.query(Finished)
        await pilot.press("ctrl+n")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert is_archived(house.sessions.folder / session)
        assert app.session == "", "nothing in it is left to resume"


async def test_what_changed_meanwhile_is_shown_and_leads_back_to_that_step(house: House) -> None:
    house.modules[0].observation = Observation(Verdict.CHANGED, "The folder is gone.")
    app = house.app(session=house.session((PROJECT, LAYERS), (USERS, {"people": "jane"})))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, Notice)
        # The page's own work begins only once this was read: what it says would open above.
        assert not any(isinstance(screen, WizardScreen) for screen in app.screen_stack)
        assert house.modules[0].observation.words in text_of(app)
        assert step_of(house.modules[0]).title in text_of(app)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.current == PROJECT


CHANGED = Observation(Verdict.CHANGED, "The folder is gone.", ("folder",), continuing="It is left out.")


@pytest.mark.parametrize(
    ("key", "project", "shown"),
    [
        ("enter", Status.READY, PROJECT),
        ("c", Status.UNCONFIRMED, USERS),
        ("a", Status.DONE, USERS),
        ("escape", Status.CONTRADICTED, PROJECT),
    ],
)
async def test_next_asks_how_to_continue_where_the_world_contradicts_a_step(
    house: House, key: str, project: Status, shown: StepKey
) -> None:
    house.modules[0].observation = replace(CHANGED, accepting="Records what is there.")
    house.modules[0].accept = lambda *_: LAYERS
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        assert wizard.current == PROJECT
        await pilot.press("ctrl+n")
        await settled(pilot)
        assert isinstance(app.screen, Contradiction)
        assert CHANGED.continuing in text_of(app)
        await pilot.press("b")  # not offered
        assert isinstance(app.screen, Contradiction)
        await pilot.press(key)
        await settled(pilot)
        assert wizard.run.session.status(PROJECT) is project
        assert wizard.current == shown


async def test_what_is_accepted_is_what_the_question_was_about(house: House) -> None:
    asked = replace(CHANGED, accepting="Records what is there.", about=("the first",))
    taken: list[Observation] = []

    def accept(shown: Observation, *_: object) -> dict[str, Any]:
        taken.append(shown)
        return LAYERS

    house.modules[0].observation, house.modules[0].accept = asked, accept
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        await pilot.press("ctrl+n")
        await settled(pilot)
        wizard.run.session.observe({PROJECT: replace(asked, about=("another",))})
        await pilot.press("a")
        await settled(pilot)
    assert [shown.identity for shown in taken] == [asked.identity]


async def test_nobody_is_asked_how_to_continue_where_there_is_no_choice(house: House) -> None:
    house.modules[0].observation = Observation(Verdict.CHANGED, "It changed.")
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        await pilot.press("ctrl+n")
        await settled(pilot)
        assert app.screen is wizard
        assert wizard.run.session.status(PROJECT) is Status.READY
        assert wizard.current == PROJECT


async def test_what_a_step_put_right_for_a_later_one_is_not_asked_about(house: House) -> None:
    for module in house.modules[:2]:
        module.observation = CHANGED
    app = house.app(session=house.session((PROJECT, LAYERS), (USERS, {"people": "jane"})))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter", "ctrl+n")
        await settled(pilot)
        await pilot.press("r")
        await settled(pilot)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        assert wizard.run.session.status(USERS) is Status.CONTRADICTED
        for module in house.modules[:2]:
            module.observation = AGREES
        await pilot.press("ctrl+n")
        await settled(pilot)
        assert wizard.run.session.status(USERS) is Status.DONE
        assert wizard.current != USERS


async def test_new_input_for_a_resumed_session_leads_to_its_step(house: House) -> None:
    session = house.session((PROJECT, LAYERS), (USERS, {"people": "jane"}))
    app = house.app(session=session, drafts={"users": {"text": "june"}})
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.current == USERS
        assert app.screen.query_one("#text", Input).value == "june"
        await pilot.press("ctrl+n")
        await settled(pilot)
        assert app.screen.run.session.facts()["people"] == "june"


async def test_a_damaged_session_is_repaired_if_the_person_wants_it(house: House) -> None:
    session = house.session((PROJECT, LAYERS), (USERS, {"people": "jane"}))
    journal = house.machine.places.sessions / session / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], b"no json\n", *lines[3:]]))
    app = house.app(session=session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("shift+tab", "enter")
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.current == USERS
    assert list(journal.parent.glob("journal.jsonl.damaged-*"))


async def test_a_damaged_session_is_left_alone_by_default(house: House) -> None:
    session = house.session((PROJECT, LAYERS))
    journal = house.machine.places.sessions / session / "journal.jsonl"
    damaged = journal.read_bytes() + b"no json\n{}\n"
    journal.write_bytes(damaged)
    app = house.app(session=session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert "damaged" in text_of(app)
    assert journal.read_bytes() == damaged


async def test_a_session_without_its_first_line_is_told_and_not_offered(house: House) -> None:
    session = house.session((PROJECT, LAYERS))
    (house.machine.places.sessions / session / "journal.jsonl").write_bytes(b"garbage\nmore\n")
    app = house.app(session=session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, ErrorDialog)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)


async def test_a_session_that_is_open_elsewhere_is_refused_with_the_way_out(house: House) -> None:
    session = house.session((PROJECT, LAYERS))
    lock = SessionLock(house.machine.places.sessions / session / "lock")
    app = house.app(session=session)
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            assert isinstance(app.screen, ErrorDialog)
            await pilot.press("escape")
            await settled(pilot)
            assert isinstance(app.screen, HomeScreen)
    finally:
        lock.release()


async def test_a_session_that_cannot_be_begun_is_told_over_the_home_screen(house: House) -> None:
    house.machine.places.sessions.write_text("in the way")
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, ErrorDialog)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)


async def test_leaving_keeps_the_input_and_gives_the_session_back(house: House) -> None:
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("j", "u", "ctrl+q")
        await pilot.pause()
    session = house.reopened()
    assert session.drafts.load(USERS) == {"text": "ju"}
    session.close()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_to_end_keeps_the_input_too(house: House, ending: signal.Signals) -> None:
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("j")
        os.kill(os.getpid(), ending)
        await until(pilot, lambda: not app.is_running)
    session = house.reopened()
    assert session.drafts.load(USERS) == {"text": "j"}
    session.close()


async def test_f3_saves_and_lists_and_another_session_can_be_opened(house: House) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("j", "f3")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert "next: Project" in text_of(app)
        assert app.screen._at == "session-0"
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)


async def test_home_follows_what_another_wizard_does(house: House) -> None:
    first = house.session((PROJECT, LAYERS))
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        home = app.screen
        assert isinstance(home, HomeScreen)
        before = home._lines
        home._look_again()
        await settled(pilot)
        assert home._lines is not before
        assert home._lines == before
        session = house.sessions.open(first)
        session.start(USERS)
        session.succeed(USERS, {})
        home._look_again()
        await settled(pilot)
        session.close()
        assert home._lines["session-0"].detail != before["session-0"].detail


@pytest.mark.parametrize("looking", [(), ("f2", "down", "escape"), ("tab", "pagedown", "f1", "escape")])
@pytest.mark.parametrize("leaving", ["f3", "ctrl+q", "escape"])
async def test_what_was_only_looked_at_leaves_no_session(
    house: House, monkeypatch: pytest.MonkeyPatch, looking: tuple[str, ...], leaving: str
) -> None:
    app, threads = house.app(workflow="admin"), list[threading.Thread]()
    forget = SessionControl.forget_untouched

    def watched(control: SessionControl, session_id: str) -> None:
        threads.append(threading.current_thread())
        forget(control, session_id)

    monkeypatch.setattr(SessionControl, "forget_untouched", watched)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for key in looking:
            await pilot.press(key)
            await settled(pilot)
        await pilot.press(leaving)
        await (until(pilot, lambda: not app.is_running) if leaving == "ctrl+q" else settled(pilot))
        assert leaving == "ctrl+q" or isinstance(app.screen, HomeScreen)
    assert house.sessions.summaries() == ()
    assert (app.session, app.failure) == ("", None)
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


@pytest.mark.parametrize(
    "doing",
    [
        ("j",),
        ("j", "backspace"),
        ("space",),
        ("enter",),
        ("f2", "down", "enter"),
        ("j", "f2", "down", "enter", "f2", "up", "enter"),
        ("ctrl+n",),
        "paste",
        "click",
    ],
)
@pytest.mark.parametrize("leaving", ["f3", "ctrl+q"])
async def test_what_anything_was_done_in_stays(house: House, doing: Any, leaving: str) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        if doing == "paste":
            app.post_message(Paste(""))
        elif doing == "click":
            await pilot.click("#primary")
        else:
            await pilot.press(*doing)
        await settled(pilot)
        await pilot.press(leaving)
        await (until(pilot, lambda: not app.is_running) if leaving == "ctrl+q" else settled(pilot))
    assert len(house.sessions.summaries()) == 1


def mouse_down(widget: Widget) -> MouseDown:
    x, y = widget.region.offset
    return MouseDown(None, x, y, 0, 0, 1, shift=False, meta=False, ctrl=False)


@pytest.mark.parametrize("pressed", ["#back", "KeyLine"])
async def test_a_click_on_a_way_out_is_no_input(house: House, pressed: str) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        await app.on_event(mouse_down(wizard.query_one(pressed)))
        await settled(pilot)
        assert wizard.untouched


async def test_a_click_outside_of_everything_ends_nothing(house: House) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        await app.on_event(MouseDown(None, 500, 500, 0, 0, 1, shift=False, meta=False, ctrl=False))
        await settled(pilot)
        assert (app.is_running, app.failure) == (True, None)
        assert not wizard.untouched


@pytest.mark.parametrize("leaving", ["f3", "ctrl+q"])
async def test_what_a_command_began_with_input_stays(house: House, leaving: str) -> None:
    app = house.app(workflow="admin", drafts={"project": {"joining": ["jane.doe"]}})
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press(leaving)
        await (until(pilot, lambda: not app.is_running) if leaving == "ctrl+q" else settled(pilot))
    assert len(house.sessions.summaries()) == 1


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("shown", [True, False])
async def test_a_signal_deletes_nothing(house: House, ending: signal.Signals, *, shown: bool) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        if shown:
            await settled(pilot)
        else:
            await until(pilot, lambda: bool(house.sessions.summaries()))
        os.kill(os.getpid(), ending)
        await until(pilot, lambda: not app.is_running)
    assert len(house.sessions.summaries()) == 1


async def test_what_was_entered_before_stays_when_nothing_is_entered_later(house: House) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("j", "f3")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        await pilot.press("f3")
        await settled(pilot)
        assert len(house.sessions.summaries()) == 1


async def test_one_that_was_resumed_stays(house: House) -> None:
    app = house.app(session=house.session())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("f3")
        await settled(pilot)
        assert len(house.sessions.summaries()) == 1


@pytest.mark.parametrize("yes", [("shift+tab", "enter"), ("ctrl+q",)])
async def test_quitting_while_something_runs_asks_once_and_no_is_the_default(
    yes: tuple[str, ...], house: House
) -> None:
    house.modules[0].holds = threading.Event()
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+n", "ctrl+q")
        await pilot.pause()
        assert isinstance(app.screen, QuitQuestion)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, WizardScreen)
        await pilot.press("ctrl+q")
        await pilot.pause()
        await pilot.press(*yes)
        await pilot.pause()
    session = house.reopened()
    assert session.status(PROJECT) is Status.INTERRUPTED
    session.close()


async def test_quitting_asks_first_where_input_is_not_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        monkeypatch.setattr(StepPane, "unkept", "A text isn't kept.")
        assert isinstance(app.screen, WizardScreen)
        pane = app.screen.pane
        assert pane is not None
        with monkeypatch.context() as opening:
            opening.setattr(pane, "opened", False)
            assert not app._left_behind(), "its fields aren't there yet"
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert isinstance(app.screen, QuitQuestion)
        await pilot.press("ctrl+q")
        await pilot.pause()
    house.reopened().close()


async def test_home_is_reached_from_input_that_is_not_kept_only_after_a_question(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        monkeypatch.setattr(StepPane, "unkept", "A text isn't kept.")
        await pilot.press("f3")
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("left", "enter")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)


async def test_quitting_asks_first_where_input_cannot_be_saved(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        with monkeypatch.context() as full:
            full.setattr(wizard, "why_unsaved", lambda: "It isn't saved.")
            await pilot.press("ctrl+q")
            await pilot.pause()
            assert isinstance(app.screen, QuitQuestion)
        saved = app.screen.query_one(".dialog-body", Static)
        before = str(saved.content)
        await until(pilot, lambda: str(saved.content) != before)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, WizardScreen)
        with monkeypatch.context() as full:
            full.setattr(wizard._stage, "keep_input", refuse)
            assert app._left_behind()
        assert not app._left_behind()


def refuse() -> None:
    raise OnboardError("Couldn't save your input", "It is only on the screen.")


async def test_the_question_whether_to_quit_stays_when_what_it_is_about_ends(house: House) -> None:
    holds = house.modules[0].holds = threading.Event()
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+n", "ctrl+q")
        await pilot.pause()
        assert isinstance(app.screen, QuitQuestion)
        words = app.screen.query_one(".dialog-body", Static)
        before = str(words.content)
        holds.set()
        await until(pilot, lambda: str(words.content) != before)
        assert isinstance(app.screen, QuitQuestion)


@pytest.mark.parametrize("stays", [False, True])
async def test_an_apply_that_ends_behind_the_question_whether_to_quit_comes_first_on_home(
    house: House, *, stays: bool
) -> None:
    module = house.modules[0]
    module.STEP = replace(module.STEP, outlives=True)
    house = House(house.machine.home, [module])
    holds = module.holds = threading.Event()
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+n", "ctrl+q")
        await pilot.pause()
        holds.set()
        await until(pilot, lambda: app._left_behind() == "")
        await settled(pilot)
        await pilot.press(*(("escape", "ctrl+q") if stays else ("ctrl+q",)))
        await pilot.pause()
    (entry,) = house.catalogue.entries()
    assert (entry.ended, entry.over) == (not stays, stays)
    house.reopened().close()
    (entry,) = house.catalogue.entries()
    assert (entry.ended, entry.over) == (False, True)


async def test_that_terraform_goes_on_is_said_only_of_an_apply_that_was_started(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.modules[0].holds = threading.Event()
    begun: list[Any] = []
    monkeypatch.setattr(leftovers, "untaken_apply", lambda _folder: next(iter(begun), None))
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+n", "ctrl+q")
        await pilot.pause()
        before = app._left_behind()
        assert not app.apply_left
        begun.append("a run")
        assert app._left_behind() != before
        assert isinstance(app.screen, QuitQuestion)
        words = app.screen.query_one(".dialog-body", Static)
        await until(pilot, lambda: str(words.content).startswith("The apply"))
        await pilot.press("escape")


async def test_of_an_apply_that_may_begin_while_it_is_read_no_question_says_that_it_stays_open(
    house: House,
) -> None:
    said = set[str]()
    for outlives in (False, True):
        module = house.modules[0]
        module.STEP, module.holds = replace(module.STEP, outlives=outlives), threading.Event()
        app = House(house.machine.home / str(outlives), [module]).app(workflow="admin")
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            await pilot.press("ctrl+n", "ctrl+q")
            await pilot.pause()
            assert not app.apply_left
            said.add(str(app._left_behind()))
            await pilot.press("escape")
            module.holds.set()
    assert len(said) == 2


async def test_the_arrows_go_between_the_buttons_of_a_question(house: House) -> None:
    answers: list[bool | None] = []
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for keys in (("right", "enter"), ("left", "enter"), ("left", "left", "right", "enter")):
            app.push_screen(Confirm("Go on?", "It does something.", "Do it"), answers.append)
            await pilot.pause()
            await pilot.press(*keys)
            await pilot.pause()
        app.push_screen(Confirm("Go on?", "It does something.", "Do it", typed="x y"), answers.append)
        await pilot.pause()
        await pilot.press("x", "y", "left", "space", "right", "right", "left", "enter")
        await pilot.pause()
    assert answers == [None, True, None, True]


@pytest.mark.parametrize("fails", ["check", "answer"])
async def test_a_look_that_fails_is_over_and_shows_it_each_time(
    tmp_path: Path, fails: str, monkeypatch: pytest.MonkeyPatch, nothing_fails_in_passing: list[BaseException]
) -> None:
    class Asked(SmallStep):
        def inquire(self, _context: Context) -> Observation:
            return AGREES

    house = House(tmp_path, [Asked(small_workflow()[0].STEP)])
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        with monkeypatch.context() as patched:
            patched.setattr(wizard.run, fails, lambda _: {}["missing"])
            for number in (1, 2):
                wizard.post_message(Finished.LookWanted())
                await until(pilot, lambda: wizard.query_one("#result").has_class("-error"))
                await settled(pilot)
                assert len(nothing_fails_in_passing) == number
                assert not wizard._looking
                wizard.drop_result()
        wizard.post_message(Finished.LookWanted())
        await settled(pilot)
        assert wizard.query_one("#result").has_class("-shown")
        assert not wizard._looking
    nothing_fails_in_passing.clear()


async def test_an_unforeseen_failure_ends_in_words_without_what_was_typed(
    house: House, capsys: pytest.CaptureFixture[str], nothing_fails_in_passing: list[BaseException]
) -> None:
    class Breaking(SmallPane):
        def compose_body(self) -> ComposeResult:
            yield from super().compose_body()
            self.secret = "canary-secret"

        def advance(self) -> None:
            secret = self.secret
            raise RuntimeError(f"it broke at {secret}")

    house.panes["users"] = Breaking
    app = house.app(session=house.session((PROJECT, LAYERS)))
    with pytest.raises(RuntimeError):  # noqa: PT012 - it leaves the whole run
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            await pilot.press("j", "ctrl+n")
            await settled(pilot)
    nothing_fails_in_passing.clear()
    assert app.failure is not None
    assert app.return_code == 1
    assert "RuntimeError" in app.failure.as_text()
    assert "test_application.py" in app.failure.as_text()
    told = app.failure.as_text() + "".join(capsys.readouterr())
    assert "canary" not in told
    assert "Traceback" not in told
    session = house.reopened()
    assert session.drafts.load(USERS) == {"text": "j"}
    session.close()


async def test_a_failure_in_a_worker_tells_its_own_kind(house: House) -> None:
    def load() -> Parts:
        raise LookupError("canary-secret")

    app = house.app(load)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "LookupError" in text_of(app)
        assert "canary-secret" not in text_of(app)


def test_the_process_beside_the_wizard_knows_what_is_copied(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []

    def board(_machine: Machine, _write: object, remember: object) -> Clipboard:
        given.append(remember)
        return FakeClipboard()

    monkeypatch.setattr(frame_module, "clipboard_of", board)
    guard = Guard(0, 0, 0, mmap.mmap(-1, WORDS_SIZE), mmap.mmap(-1, COPIED_SIZE))
    OnboardApp(house.machine, house.parts, house.source, Start(), guard=guard)
    assert given == [guard.remember]


async def test_a_secret_is_cleared_from_the_clipboard_when_it_is_due_and_on_leaving(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    board: list[Clipboard] = []

    def terminal_only(machine: Machine, write: Callable[[str], None], _: object) -> Clipboard:
        def wrote(text: str) -> None:
            written.append(text)
            write(text)

        board.append(Osc52Clipboard(wrote, machine.now))
        return board[0]

    monkeypatch.setattr(frame_module, "clipboard_of", terminal_only)
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        board[0].copy(Secret("canary"))
        assert written == ["canary"]
        assert app.clipboard == ""
        app._poll_clipboard()
        await settled(pilot)
        assert written == ["canary"]
        house.clock += timedelta(minutes=2)
        app._poll_clipboard()
        await settled(pilot)
        assert written == ["canary", " ", ""]
        board[0].copy(Secret("canary"))
        await pilot.press("ctrl+q")
        await pilot.pause()
    assert written == ["canary", " ", "", "canary", " ", ""]


async def test_a_clipboard_that_does_not_answer_is_told_and_stops_nobody_from_leaving(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(FakeClipboard):
        def clear_if_ours(self) -> bool:
            raise OnboardError("Deaf", "No answer.")

    monkeypatch.setattr(frame_module, "clipboard_of", lambda *_: Deaf())
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("f3")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert [told.message for told in app._notifications] == ["! No answer. "]


async def test_the_colours_that_are_chosen_are_those_of_the_next_time(house: House) -> None:
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert sorted(app.available_themes) == ["contrast", "dark", "light", "terminal"]
        app.theme = "light"
        await settled(pilot)
    assert house.app().theme == "light"


async def test_the_palette_offers_what_the_buttons_of_the_page_do(house: House) -> None:
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert titles[0] == "Continue"
        assert len(titles) == len(set(titles))
        keys = {command.help.rpartition(" · ")[2] for command in app.get_system_commands(app.screen)}
        assert {"F1", "F3", "^q"} <= keys


async def test_every_page_can_look_again_and_none_offers_it_twice(house: House) -> None:
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        looks = [each for each in wizard.commands() if each.callback == wizard._begin_to_look]
        assert len(looks) == 1
        looks[0].callback()
        await until(pilot, lambda: wizard.query_one("#result").has_class("-shown"))


async def test_the_palette_offers_the_page_first_then_the_steps_then_the_application(house: House) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 40)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        offered = ("Continue", "Go to Project", "Go to Home", "Save and quit")
        await until(pilot, lambda: offered[-1] in text_of(app))
        lines = text_of(app).splitlines()
        rows = [next(row for row, line in enumerate(lines) if line.strip() == words) for words in offered]
        assert rows == sorted(rows)


async def test_the_palette_finds_a_command_by_its_description(house: House) -> None:
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        (home,) = (
            command for command in app.get_system_commands(app.screen) if command.callback == app.action_home
        )
        await pilot.press("ctrl+p", *home.help.partition(" · ")[0][-8:])
        await until(pilot, lambda: home.title in text_of(app))


async def test_the_palette_goes_to_steps_and_offers_no_picture_of_the_screen(house: House) -> None:
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        commands = {command.title: command.callback for command in app.get_system_commands(app.screen)}
        assert any("Groups (management)" in title for title in commands)
        assert not any("screenshot" in title.lower() for title in commands)
        await pilot.press("ctrl+p")
        await settled(pilot)
        title = "Go to Project"
        await pilot.press(*title[:10].lower())
        await until(pilot, lambda: title in text_of(app))
        await pilot.press("down", "enter")
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.current == PROJECT


async def test_a_session_is_deleted_after_a_question_whose_default_is_no(house: House) -> None:
    house.session((PROJECT, LAYERS))
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.screen.query_one(OptionList).highlighted == 1
        await pilot.press("delete", "enter")
        await settled(pilot)
        assert len(house.sessions.summaries()) == 1
        await pilot.press("delete", "shift+tab", "enter")
        await settled(pilot)
        assert house.sessions.summaries() == ()
        assert "Continue" not in text_of(app)


async def test_a_sandbox_session_is_resumed_in_its_sandbox_from_the_first_screen(house: House) -> None:
    house.sandbox_session((PROJECT, LAYERS))
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("f3", "end")
        await settled(pilot)
        assert "next: Users" in text_of(app)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.current == USERS
        assert app.source is house.other
        assert (house.source.closed, house.other.opened) == (1, 1)
        await pilot.press("f3")
        await settled(pilot)
        assert "SANDBOX" in text_of(app)


async def test_in_a_sandbox_the_persons_own_sessions_are_not_offered(house: House) -> None:
    house.session((PROJECT, LAYERS))
    house.sandbox_session()
    app = house.sandbox_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        offered = {option.id for option in app.screen.query_one(OptionList).options}
        assert offered & {"session-0", "session-1"} == {"session-0"}
    (entry,) = app.control.entries()
    assert (bool(entry.sandbox), entry.elsewhere) == (True, False)


@pytest.mark.parametrize(
    ("again", "redone"), [({}, ()), ({"groups": "why"}, LAYERS["layers"]), ({"groups@x": "why"}, ())]
)
async def test_settled_steps_are_opened_again_on_the_way_into_a_session(
    house: House, again: Any, redone: Any
) -> None:
    groups = StepKey("groups", "management")
    done = ((PROJECT, LAYERS), (USERS, {"people": []}), (groups, {"planned": True}))
    session = house.session(*done, (StepKey("review", "management"), {"applied": True}))
    control = SessionControl(house.parts(), house.source, FakeClipboard())
    run = control.resume(Start(session=session, again=again))
    assert (run.session.status(groups) is Status.DONE) is not bool(redone)
    assert ("why" in note_of(run, groups)) is bool(redone)
    assert (run.proposal() == groups) is bool(redone)
    control.leave()


@pytest.mark.parametrize("done_in", [False, True])
async def test_in_a_sandbox_one_key_plays_the_other_person_and_comes_back(
    house: House, *, done_in: bool
) -> None:
    first = house.sandbox_session()
    app = house.sandbox_app(session=first)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "F6" in text_of(app)
        seen = []
        for _ in range(3):
            await pilot.press("f6")
            await settled(pilot)
            assert isinstance(app.screen, WizardScreen)
            session = app.screen.run.session
            seen.append((session.header.workflow, session.folder.name))
        await pilot.press(*(["j"] if done_in else []), "f6")
        await settled(pilot)
        workflows, names = zip(*seen, strict=True)
        assert workflows == ("new-user", "admin", "new-user")
        assert names[1] == first
    assert house.other.folder is not None
    kept = [summary.id for summary in house.catalogue.sessions_of(house.other.folder).summaries()]
    assert sorted(kept) == sorted({first, names[2]} if done_in else {first})


async def test_playing_the_other_person_and_back_shows_the_page_that_was_left(house: House) -> None:
    first = house.sandbox_session((PROJECT, LAYERS))
    app = house.sandbox_app(session=first)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.current != PROJECT
        await app.screen.go_to(PROJECT)
        await settled(pilot)
        await app._swap(app.screen, Start("new-user"))
        await settled(pilot)
        await app._swap(app.screen, Start(session=first))
        await settled(pilot)
        assert app.screen.current == PROJECT
        await app.screen.go_to(None)
        await app._swap(app.screen, Start("new-user"))
        await settled(pilot)
        await app._swap(app.screen, Start(session=first))
        await settled(pilot)
        assert app.screen.current is None, "the closing page, although a step is open"
        assert app.screen.run.proposal() is not None
        changed = Return((Change(PROJECT, "Project", NOT_ASKED),))
        await app._welcome(app.screen.run, END, changed)
        assert isinstance(app.screen, Notice), "no step is named as the next one"


@pytest.mark.parametrize("named", [[], ["alex.kim"]])
async def test_where_a_sandbox_plays_nobody_else_no_key_offers_it(
    house: House, monkeypatch: pytest.MonkeyPatch, named: list[str]
) -> None:
    app = house.sandbox_app(session=house.sandbox_session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        keys = {binding.binding.id for binding in app.screen.active_bindings.values() if binding.enabled}
        assert ("app.home" in keys, "app.swap" in keys) == (True, False)
        commands = {command.callback for command in app.get_system_commands(app.screen)}
        assert app.action_home in commands
        assert app.action_swap not in commands
        monkeypatch.setattr(app.control, "people_of", lambda _session: named)
        await pilot.press("f6")
        await settled(pilot)
        assert app.screen.query_one("#result").has_class("-warning"), "it says why"
        assert ("alex.kim" in text_of(app)) is bool(named)
        await pilot.press("down")
        await settled(pilot)
        assert not app.screen.query_one("#result").has_class("-warning"), "until the next key"


async def test_what_was_applied_is_undone_by_a_session_that_removes_who_was_added(house: House) -> None:
    first = house.sandbox_session()
    app = house.sandbox_app(session=first)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        draft = {"kinds": ["leaving"], "leaving": ["jane.doe"]}
        app.screen.post_message(Finished.RemovalWanted(draft))
        await settled(pilot)
        assert isinstance(app.screen, WizardScreen)
        session = app.screen.run.session
        assert (session.header.workflow, session.folder.name != first) == ("admin", True)
        assert session.drafts.load(StepKey("project")).items() >= draft.items()
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
    assert house.other.folder is not None
    kept = house.catalogue.sessions_of(house.other.folder).summaries()
    assert [summary.id for summary in kept] == [first], "nothing was done in the other"


async def test_outside_a_sandbox_there_is_nobody_else_to_play(house: House) -> None:
    app = house.app(session=house.session((PROJECT, LAYERS)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = app.screen
        await pilot.press("f6")
        await settled(pilot)
        assert app.screen is shown
        assert "Swap" not in text_of(app)


async def delete_selected(pilot: Pilot[Any]) -> None:
    """Delete the selected session, once the dialog that asks has the focus."""
    app = pilot.app
    await pilot.press("delete")
    await until(pilot, lambda: isinstance(app.screen, Confirm) and app.screen.focused is not None)
    await pilot.press("shift+tab", "enter")
    await until(pilot, lambda: isinstance(app.screen, HomeScreen))
    await settled(pilot)


async def test_a_session_that_was_deleted_is_not_there_to_resume(house: House) -> None:
    session = house.session((PROJECT, LAYERS))
    app = house.app(session=session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("f3")
        await settled(pilot)
        assert app.session == session
        await delete_selected(pilot)
        assert house.catalogue.entries() == ()
        assert app.session == ""


async def test_a_sandbox_session_is_deleted_where_it_is(house: House) -> None:
    house.sandbox_session()
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("f3")
        await settled(pilot)
        await pilot.press("end")
        await delete_selected(pilot)
        assert house.catalogue.entries() == ()
        assert "Continue" not in text_of(app)


async def test_what_came_of_something_takes_lines_of_its_own_and_covers_nothing(house: House) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        app.notify("No browser. [Open] it: " + "x" * 40, severity="warning")
        await settled(pilot)
        stage, result, bar = (app.screen.query_one(name) for name in ("#stage", "#result", ActionBar))
        assert stage.region.bottom == result.region.y
        assert result.region.bottom == bar.region.y
        lines = text_of(app).splitlines()[result.region.y : result.region.bottom]
        assert "[Open] it:" in lines[0]
        assert "x" * 40 in lines[-1]
        app.push_screen(Notice("A dialog", "that covers the page"))
        await settled(pilot)
        app.notify("It ended.")
        app.pop_screen()
        await settled(pilot)
        assert text_of(app).splitlines()[result.region.y].strip() == "It ended."
        assert isinstance(app.screen, WizardScreen)
        await app.screen.go_to(None)
        assert result.region.height == 0 or not result.display


@pytest.mark.parametrize("by_key", [True, False])
async def test_what_a_dialog_showed_in_passing_goes_with_it(house: House, *, by_key: bool) -> None:
    app = house.app(workflow="admin")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        keys = app.screen.query_one(KeyLine)
        app.push_screen(Notice("A dialog", "that covers the page"))
        await settled(pilot)
        app.notify("Copied.", timeout=5)
        await settled(pilot)
        assert app.screen.query(Toast)
        await (pilot.press("escape") if by_key else pilot.click("#close"))
        await settled(pilot)
        assert not app._notifications
        assert not app.screen.query(Toast)
        assert keys.region.bottom == app.size.height


async def test_a_message_that_is_over_leaves_no_blank_row_on_home(house: House) -> None:
    app = house.app()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        app.notify("Archived.")
        await settled(pilot)
        keys = app.screen.query_one(KeyLine)
        assert keys.region.bottom < app.size.height
        (over,) = app._notifications
        app._unnotify(over, refresh=False)  # as a toast does once its time is over
        await settled(pilot)
        assert keys.region.bottom == app.size.height


async def test_a_message_without_a_page_stays_as_long_as_it_takes_to_read(house: House) -> None:
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.notify("short")
        app.notify("word " * 60, timeout=1)
        await pilot.pause()
        short, long = app._notifications
        assert short.timeout == 5
        assert long.timeout == 25


class Poisoned(Screen[None]):
    """Textual's own widgets, which know nothing of foreign text."""

    def compose(self) -> ComposeResult:
        yield Input(POISON, placeholder=POISON)
        yield Input(placeholder=POISON)
        yield TextArea(POISON)
        bordered = Input("x")
        bordered.styles.border = ("round", "red")
        bordered.border_title = bordered.border_subtitle = Content(POISON)
        yield bordered
        yield Static(Content(POISON))


async def test_no_widget_paints_what_a_terminal_would_act_upon(house: House) -> None:
    app = house.app()
    async with app.run_test(size=(80, 30)) as pilot:
        await rest(pilot)
        app.push_screen(Poisoned())
        await rest(pilot)
        app.notify(POISON)
        await rest(pilot)
        strips = app.screen._compositor.render_strips()
        text = "\n".join(strip.text for strip in strips)
    assert "POISON" in text
    assert safe(text) == text
    assert {strip.cell_length for strip in strips} == {80}


@pytest.mark.parametrize("answer", ["there", "cancel"])
async def test_a_project_that_moved_is_one_question_and_everything_goes_on_there(
    tmp_path: Path, admin_project: AdminProject, answer: str
) -> None:
    modules = small_workflow()
    modules[0].STEP = replace(modules[0].STEP, gives=("project_root", "project", "layers"))
    house = House(tmp_path, modules)
    before = admin_project.root
    house.session((PROJECT, {**LAYERS, "project_root": str(before)}), (USERS, {"people": f"{before}/x"}))
    now = before.rename(before.with_name("elsewhere"))
    app = house.app(session=house.sessions.summaries()[0].id)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, NameDialog))
        assert app.screen.query_one(Input).value == str(now)  # beside its old place
        app.screen.query_one(Input).value = str(now.parent)
        await pilot.press("enter")
        assert isinstance(app.screen, NameDialog)  # no project is there
        app.screen.query_one(Input).value = str(now / "security")
        await pilot.press("enter" if answer == "there" else "escape")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        session, root = wizard.run.session, now if answer == "there" else before
        assert session.facts()["project_root"] == str(root)
        assert session.facts()["people"] == f"{root}/x"
        assert session.status(USERS) is Status.DONE


async def test_back_from_the_shell_the_world_is_looked_at_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.session((PROJECT, LAYERS), (USERS, {"people": "jane"}))
    app = house.app(session=house.sessions.summaries()[0].id)
    stopped: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _pid, number: stopped.append(number))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        driver = app._driver
        assert driver is not None
        monkeypatch.setattr(type(driver), "can_suspend", True)
        app.screen.set_focus(None)
        await pilot.press("ctrl+z")
        assert stopped == [signal.SIGTSTP]
        house.modules[1].observation = Observation(Verdict.GONE, "Gone, somehow.", about=("jane",))
        app.post_message(Driver.SignalResume())
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        await until(pilot, lambda: wizard.run.session.status(USERS) is Status.CONTRADICTED)
        await until(pilot, lambda: "Gone, somehow." in text_of(app))
