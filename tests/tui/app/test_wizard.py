from __future__ import annotations

import shutil
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from support.fakes import FakeClipboard, fake_environment
from support.fitting import scrollbars
from support.panes import SECONDS, PaneHost, by_id, new_session, rest, settle, until
from support.small_steps import (
    NOT_THERE,
    EverythingPane,
    SmallPane,
    SmallStep,
    once,
    panes_for,
    small_workflow,
)
from textual.pilot import Pilot
from textual.widgets import Button, Input, TextArea

from screens.step import finished
from screens.step.asking import CodeDialog, Contradiction, PassphraseDialog
from screens.step.finished import Finished, standing
from screens.step.help import HelpScreen, help_text
from screens.step.page import StepPane
from screens.widgets.dialogs import ErrorDialog
from screens.widgets.key_line import KeyLine
from screens.widgets.lists import ToSendDialog
from screens.widgets.rail import MARKS, ON_YOUR_WORD, WORDS, RailEntry, StepRail, legend
from screens.widgets.text import SplitLine, Text
from tui.app import wizard
from tui.app.stage import note_of
from tui.app.wizard import WizardScreen, _whose_aws
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem, moment_text, text_of
from workflows.machine.events import (
    AGREES,
    NOT_ASKED,
    SAID_SO,
    Facts,
    Observation,
    StepKey,
    Verdict,
    kept_observations,
    unknown,
)
from workflows.machine.state import Status
from workflows.run import SessionRun
from workflows.steps.admin.status_grid import PersonStatus, StatusGrid
from workflows.steps.shared.module import Context, GuardedLook

PROJECT, USERS, ACCOUNT = StepKey("project"), StepKey("users"), StepKey("account")
GROUPS = StepKey("groups", "management")
GONE = Observation(Verdict.GONE, "She is gone.", about=("jane",), continuing="Nothing is made for her.")
LAYERS = {"project": "bb", "layers": ["management", "security"]}


def host(
    folder: Path,
    modules: Sequence[SmallStep] | None = None,
    *,
    done: dict[StepKey, Any] | None = None,
    at: StepKey | None = None,
    **special: type[StepPane],
) -> PaneHost:
    modules = modules or small_workflow()
    session = new_session(folder / "sessions", modules)
    for key, facts in (done or {}).items():
        settle(session, key, facts)
    return PaneHost(session, fake_environment(folder, {}), modules, panes_for(modules, **special), at)


def rail_lines(app: PaneHost) -> list[str]:
    rail = app.wizard.query_one(StepRail).region
    shown = [line[rail.x : rail.right].strip() for line in app.text().splitlines()[rail.y : rail.bottom]]
    return [line for line in shown if line]


async def type_in(pilot: Any, text: str) -> None:
    pilot.app.screen.query_one("#text", Input).value = text
    await pilot.pause()


async def test_next_does_the_step_and_goes_to_the_one_that_is_open(tmp_path: Path) -> None:
    app = host(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.wizard.current == PROJECT
        await pilot.press("x", "ctrl+n")
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.DONE
        assert app.session.facts()["layers"] == ["management", "security"]
        assert app.wizard.current == USERS


async def test_the_rail_repeats_steps_for_each_layer_and_marks_where_they_stand(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS})
    async with app.run_test(size=(120, 24)) as pilot:
        await rest(pilot)
        assert rail_lines(app) == [
            "Test",
            "✓ Project",
            "▸ Users",
            "─ management",
            "· Groups",
            "· Review",
            "─ security",
            "· Groups",
            "· Review",
            "─ afterwards",
            "○ Account",
            "· End",
        ]
        assert "1 of 7 done" in app.text().splitlines()[0]


async def test_of_a_page_and_a_list_of_steps_that_are_both_too_long_only_one_has_a_scrollbar(
    tmp_path: Path,
) -> None:
    layers = {"project": "bb", "layers": [f"layer-{number}" for number in range(9)]}
    app = host(tmp_path, done={PROJECT: layers}, users=EverythingPane)
    async with app.run_test(size=(100, 20)) as pilot:
        await rest(pilot)
        rail = app.wizard.query_one(StepRail)
        assert (rail.max_scroll_y > 0, app.pane.max_scroll_y > 0) == (True, True)
        assert not [*scrollbars(app.screen)]
        await pilot.press("f2", "end")
        await rest(pilot)
        assert rail.scroll_y > 0, "its end comes into view"
        assert not [*scrollbars(app.screen)]
        await pilot.resize_terminal(80, 20)
        await rest(pilot)
        assert rail.show_vertical_scrollbar
        assert rail.styles.scrollbar_size_vertical


def test_what_only_the_person_says_is_counted_apart() -> None:
    standing = (Status.DONE, Status.UNCONFIRMED, Status.STALE, Status.SKIPPED)
    entries = [RailEntry(StepKey(status.value), status.value, status) for status in standing]
    done, *marked = wizard._progress(entries, 80).split(", ")
    assert done.startswith("1 of 4 ")
    assert [part.split()[:2] for part in marked] == [["?", "1"], ["~", "1"], ["–", "1"]]
    in_marks = wizard._progress(entries, 30).split("  ")
    assert in_marks == [done, "? 1", "~ 1", "– 1"], "F2 shows as many of each"
    assert wizard._progress(entries, 20) == done
    by_word = RailEntry(StepKey("said"), "said", Status.UNCONFIRMED, said_so=True)
    assert f"? 1 {ON_YOUR_WORD}" in wizard._progress([entries[0], by_word], 80), "the reason, if it is alone"
    assert f"? 2 {WORDS[Status.UNCONFIRMED]}" in wizard._progress([by_word, *entries], 80)


async def test_escape_goes_back_and_keeps_what_was_typed(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS})
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "a")
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == PROJECT
        assert app.session.drafts.load(USERS) == {"text": "ja"}
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == PROJECT


@pytest.mark.parametrize("pressed", ["escape", "ctrl+n"])
async def test_a_page_that_is_seen_from_another_leads_back_to_it(tmp_path: Path, pressed: str) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS, USERS: {"people": []}}, at=GROUPS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.post_message(StepPane.StepWanted("project", returns=True))
        await until(pilot, lambda: app.wizard.current == PROJECT)
        await rest(pilot)
        if pressed == "ctrl+n":
            app.pane.query_one(Input).value = "other"
        await pilot.press(pressed)
        await until(pilot, lambda: app.wizard.current == GROUPS)
        await rest(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: app.wizard.current == USERS)


async def test_from_what_was_changed_for_a_page_that_waits_now_next_leads_to_what_is_open(
    tmp_path: Path,
) -> None:
    modules = small_workflow()
    app = host(tmp_path, modules, done={PROJECT: LAYERS, USERS: {"people": []}}, at=GROUPS)
    modules[0].result = {**LAYERS, "project": "cc"}
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.post_message(StepPane.StepWanted("project", returns=True))
        await until(pilot, lambda: app.wizard.current == PROJECT)
        await rest(pilot)
        app.pane.query_one(Input).value = "other"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.wizard.current != PROJECT)
        assert app.session.status(GROUPS) is Status.LOCKED
        assert app.wizard.current == USERS


async def test_a_step_that_waits_says_for_what_and_next_leads_to_the_open_one(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS}, at=GROUPS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        note = str(app.wizard.query_one("#not-yet .pane-note", Text).content)
        assert all(title in note for title in ("Groups", "Users"))
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == USERS


async def test_only_an_optional_step_is_skipped_and_can_be_opened_again(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS})
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+s")
        await rest(pilot)
        assert app.session.status(USERS) is Status.READY
        await app.wizard.go_to(ACCOUNT)
        await pilot.press("ctrl+s")
        await rest(pilot)
        assert app.session.status(ACCOUNT) is Status.SKIPPED
        assert app.wizard.current == USERS
        await app.wizard.go_to(ACCOUNT)
        await rest(pilot)
        assert app.pane.query(".pane-note")
        await pilot.press("ctrl+r")
        await rest(pilot)
        assert app.session.status(ACCOUNT) is Status.READY


class FocusingPane(EverythingPane):
    """It puts the focus elsewhere than on its first field."""

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#area").focus()


async def test_a_pane_that_put_the_focus_somewhere_keeps_it_there(tmp_path: Path) -> None:
    modules = small_workflow()
    app = host(tmp_path, modules, project=FocusingPane)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.focused is app.screen.query_one("#area")


async def test_an_input_that_is_refused_says_what_is_accepted_and_starts_nothing(tmp_path: Path) -> None:
    modules = small_workflow()
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "bad")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert [(problem.field, problem.fatal) for problem in app.pane.problems] == [("text", True)]
        assert "✗ bad" in app.text()
        assert app.focused is app.screen.query_one("#text")
        assert (app.session.status(PROJECT), modules[0].performed) == (Status.READY, [])


async def test_warnings_are_accepted_by_the_second_next_but_not_after_a_change(tmp_path: Path) -> None:
    modules = small_workflow()
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "odd")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.warned
        assert "! That" in app.text()
        assert modules[0].performed == []
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert modules[0].performed == ["odd"]


async def test_problems_go_once_the_input_is_another_and_stay_as_long_as_it_is_not(tmp_path: Path) -> None:
    modules = small_workflow()
    app = host(tmp_path, modules, project=EverythingPane)
    async with app.run_test(size=(80, 24)) as pilot:
        field = app.screen.query_one("#text", Input)
        for widget, keys in (("#text", "x"), ("#area", "x"), ("#selection", "space"), ("#tick", "space")):
            field.value = "bad"
            await pilot.press("ctrl+n")
            await rest(pilot)
            assert "✗ bad" in app.text(), widget
            app.screen.query_one(widget).focus()
            await rest(pilot)
            assert "✗ bad" in app.text(), widget
            await pilot.press(keys)
            await rest(pilot)
            assert "✗ bad" not in app.text(), widget
        assert modules[0].performed == []


async def test_a_warning_that_went_with_a_change_is_still_accepted_by_the_second_next(
    tmp_path: Path,
) -> None:
    modules = small_workflow()
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "bad")
        await pilot.press("ctrl+n")
        await rest(pilot)
        await type_in(pilot, "odd")
        await rest(pilot)
        assert not app.pane.problems
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.warned
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert modules[0].performed == ["odd"]


async def test_a_refusal_in_between_asks_about_the_warning_anew(tmp_path: Path) -> None:
    modules = small_workflow()
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        for text in ("odd", "bad", "odd"):
            await type_in(pilot, text)
            await pilot.press("ctrl+n")
            await rest(pilot)
        assert modules[0].performed == []


async def test_a_failure_is_a_dialog_whose_text_can_be_copied_and_the_step_stays_open(
    tmp_path: Path,
) -> None:
    modules = small_workflow()
    modules[0].failure = NOT_THERE
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "x")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        for words in ("It is not there", "Why: Nobody made it.", "What next: Make it."):
            assert words in app.text()
        await pilot.press("c")
        await rest(pilot)
        clipboard = app.wizard.run.environment.clipboard
        assert isinstance(clipboard, FakeClipboard)
        assert clipboard.content == NOT_THERE.as_text()
        await pilot.press("escape")
        await rest(pilot)
        assert app.screen is app.wizard
        assert app.session.status(PROJECT) is Status.FAILED
        modules[0].failure = None
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.DONE


async def test_an_unforeseen_failure_tells_its_kind_and_place_but_not_its_words(tmp_path: Path) -> None:
    modules = small_workflow()
    modules[0].failure = ValueError("canary-secret")
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert "ValueError" in app.text()
        assert "small_steps.py, line" in app.text()
        assert "canary-secret" not in app.text()
        assert "canary-secret" not in (app.session.folder / "journal.jsonl").read_text()


async def test_a_result_that_no_journal_can_hold_is_told_and_ends_nothing(tmp_path: Path) -> None:
    modules = small_workflow()
    modules[0].result = {"project": object(), "layers": []}
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        await pilot.press("escape")
        modules[0].result = LAYERS
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.DONE


async def test_escape_stops_what_runs_and_the_step_stays_open(tmp_path: Path) -> None:
    modules = small_workflow()
    modules[0].holds = threading.Event()
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "Doing it" in app.text())
        assert app.session.status(PROJECT) is Status.RUNNING
        await app.wizard.visit(USERS)
        await pilot.press("ctrl+n", "ctrl+s", "ctrl+r")
        assert app.wizard.current == PROJECT
        await pilot.press("escape")
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.STOPPED
        assert app.screen is app.wizard
        assert modules[0].performed == [""]


async def test_two_quick_nexts_do_one_step_only(tmp_path: Path) -> None:
    modules = small_workflow()
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "x")
        app.wizard.call_later(app.wizard.action_next)
        app.wizard.call_later(app.wizard.action_next)
        await rest(pilot)
        assert (modules[0].performed, modules[1].performed) == (["x"], [])
        assert app.wizard.current == USERS


class LookingPane(SmallPane):
    """It looks at something when it opens."""

    seen: ClassVar[threading.Event]

    def on_mount(self) -> None:
        super().on_mount()
        self.run_move("look", lambda _report: self.seen.wait(), looks=True)


@pytest.mark.parametrize("waits", [True, False])
async def test_next_during_a_look_comes_after_it_where_it_takes_what_was_typed(
    tmp_path: Path, *, waits: bool
) -> None:
    class Pane(LookingPane):
        NEXT_WAITS = waits
        seen = threading.Event()

    modules = small_workflow()
    app = host(tmp_path, modules, project=Pane)
    async with app.run_test(size=(80, 24)) as pilot:
        try:
            await pilot.press("x", "ctrl+n")
            assert modules[0].performed == []
            assert (
                any("Still reading" in notification.message for notification in app._notifications)
                is not waits
            )
        finally:
            Pane.seen.set()
        await rest(pilot)
        assert modules[0].performed == (["x"] if waits else [])
        assert app.wizard.current == (USERS if waits else PROJECT)


async def test_what_was_refused_while_something_ran_is_gone_once_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def notify(app: PaneHost, message: str, **_: Any) -> None:
        app.wizard.show_result(message, "")

    monkeypatch.setattr(PaneHost, "notify", notify)

    class Pane(LookingPane):
        seen = threading.Event()

    app = host(tmp_path, small_workflow(), project=Pane)
    async with app.run_test(size=(80, 24)) as pilot:
        result = app.wizard.query_one("#result")
        try:
            await pilot.press("ctrl+n")
            assert result.display
        finally:
            Pane.seen.set()
        await rest(pilot)
        assert not result.display


@pytest.mark.parametrize("passing", [True, False])
async def test_a_problem_takes_the_place_of_a_brief_result(tmp_path: Path, passing: bool) -> None:
    app = host(tmp_path, small_workflow())
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.show_result("Name somebody first.", "", passing=passing)
        app.pane.show_problems([])
        assert app.wizard.query_one("#result").has_class("-shown")
        app.pane.show_problems([Problem("Nobody is named.")])
        assert app.wizard.query_one("#result").has_class("-shown") is not passing


async def test_a_look_that_is_left_takes_its_next_with_it(tmp_path: Path) -> None:
    class Pane(LookingPane):
        NEXT_WAITS = True
        seen = threading.Event()

    modules = small_workflow()
    app = host(tmp_path, modules, project=Pane)
    async with app.run_test(size=(80, 24)) as pilot:
        try:
            await pilot.press("x", "ctrl+n", "escape")
        finally:
            Pane.seen.set()
        await rest(pilot)
        app.pane.run_move("look", lambda _report: None, looks=True)
        await rest(pilot)
        assert modules[0].performed == []


async def test_a_done_step_shows_what_was_decided_and_next_leaves_it_alone(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS, USERS: {"people": "jane"}}, at=USERS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        events = app.session.state.events
        assert app.screen.query_one("#text", Input).value == "jane"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.session.state.events == events
        assert app.wizard.current == GROUPS


async def test_a_done_step_with_other_input_is_done_again_and_makes_later_ones_stale(tmp_path: Path) -> None:
    done = {PROJECT: LAYERS, USERS: {"people": "jane"}, GROUPS: {"planned": "all"}}
    review = StepKey("review", GROUPS.item)
    app = host(tmp_path, done={**done, review: {"applied": "all"}}, at=USERS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await type_in(pilot, "june")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.session.facts()["people"] == "june"
        assert app.session.status(GROUPS) is Status.STALE
        assert standing(app.wizard.run, review) is Status.STALE, "it rests on one that is"
        assert app.wizard.current == GROUPS
        assert "Users" in str(app.pane.query_one(".pane-note", Text).content)
        assert "~ Groups" not in app.text()
        assert app.session.drafts.load(USERS) == {}

        def marked() -> Status:
            return next(entry.status for entry in app.wizard._steps if entry.key == GROUPS)

        assert marked() is Status.STALE
        app.pane.drop_note()  # as a page does that has brought it up to date, which Next records
        await rest(pilot)
        assert marked() is Status.READY


async def test_other_input_of_a_done_step_is_kept_when_it_is_left_before_next(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS, USERS: {"people": "jane"}}, at=USERS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await type_in(pilot, "june")
        await pilot.press("escape")
        await rest(pilot)
        assert app.session.facts()["people"] == "jane"
        await app.wizard.visit(USERS)
        await rest(pilot)
        assert app.screen.query_one("#text", Input).value == "june"
        assert app.pane.query(".pane-note")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.session.facts()["people"] == "june"


async def test_what_a_page_puts_off_is_not_done_once_it_is_left(tmp_path: Path) -> None:
    app = host(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        done: list[str] = []
        app.pane.call_after_refresh(done.append, "before")
        await rest(pilot)
        app.pane.part()
        app.pane.call_after_refresh(done.append, "afterwards")
        await rest(pilot)
        assert done == ["before"]


async def test_a_step_looked_at_and_left_keeps_no_draft(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS, USERS: {"people": "jane"}}, at=USERS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("escape")
        await rest(pilot)
        assert app.session.drafts.load(USERS) == {}


async def test_next_is_for_a_page_that_has_been_shown(tmp_path: Path) -> None:
    app = host(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.opened = False  # as while it is being composed
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.READY
        app.pane.opened = True
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.DONE


async def test_the_end_lists_what_was_done_and_the_way_back(tmp_path: Path) -> None:
    modules = small_workflow()[:1]
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.query(Finished)
        await pilot.press("ctrl+n", "ctrl+s", "ctrl+r")
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == PROJECT


async def test_a_step_that_is_done_when_asked_for_is_never_in_the_way_of_the_end(tmp_path: Path) -> None:
    modules = [
        *small_workflow()[:1],
        SmallStep(once("users", "people", "project", skippable=True, asked_for=True)),
    ]
    app = host(tmp_path, modules)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.query(Finished)
        assert "1 of 1 done" in app.text()
        assert app.wizard.focused is app.wizard.query_one("#primary")
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == PROJECT  # not the step that nobody asked for
        await pilot.press("ctrl+n")
        await rest(pilot)
        for _ in range(2):
            app.screen.query_one("#ask-users").focus()
            await pilot.press("enter")
            await rest(pilot)
            assert app.wizard.current == USERS
            await pilot.press("escape")
            await rest(pilot)
            assert app.wizard.query(Finished), "where it was asked for"
        await app.wizard.go_to(USERS)
        await rest(pilot)
        await pilot.press("j", "ctrl+n")
        await rest(pilot)
        assert app.session.status(USERS) is Status.DONE
        assert app.wizard.query(Finished)
        assert not app.wizard.query("Finished Button")


async def test_the_rail_says_of_the_current_step_how_it_stands_too(tmp_path: Path) -> None:
    modules = small_workflow()
    modules[0].holds = threading.Event()
    app = host(tmp_path, modules)
    async with app.run_test(size=(120, 24)) as pilot:
        await rest(pilot)
        assert "▸ Project" in rail_lines(app)
        await pilot.press("ctrl+n")
        assert "▸ Project …" in rail_lines(app)
        modules[0].holds.set()
        await rest(pilot)
        await pilot.press("escape")
        await rest(pilot)
        assert "▸ Project ✓" in rail_lines(app)


class PlanningPane(SmallPane):
    """Does its work by itself, and waits for the person then."""

    def on_mount(self) -> None:
        self.run_move("look", lambda _report: None, journaled=True)


async def test_what_was_begun_and_waits_for_the_person_does_not_run(tmp_path: Path) -> None:
    app = host(tmp_path, project=PlanningPane)
    async with app.run_test(size=(120, 24)) as pilot:
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.READY
        assert "▸ Project" in rail_lines(app)


async def test_what_is_left_out_and_done_with_another_account_is_not_called_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = small_workflow()
    modules[4].STEP = replace(modules[4].STEP, passed_on=True, repeats_over="layers")
    app = host(tmp_path, modules, done={PROJECT: LAYERS})
    for item in LAYERS["layers"]:
        app.session.skip(StepKey("account", item))
    stands = {"management": PersonStatus.HANDED_OVER, "security": PersonStatus.TO_HAND_OVER}
    grid = StatusGrid(tuple(stands), (("jane.doe", tuple(stands.values())),))
    monkeypatch.setattr(finished, "status_grid", lambda _context: grid)
    async with app.run_test(size=(120, 24)) as pilot:
        await rest(pilot)
        assert [line for line in rail_lines(app) if "Account" in line] == ["✓ Account", "– Account"]
        assert "1 skipped" in app.text().splitlines()[0]


@pytest.mark.parametrize("size", [(80, 24), (80, 12)])
async def test_the_current_step_is_in_view_however_long_the_rail_is(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    layers = [f"account-{number:02}" for number in range(20)]
    at = StepKey("review", layers[-1])
    app = host(tmp_path, done={PROJECT: {**LAYERS, "layers": layers}, USERS: {"people": "x"}}, at=at)
    async with app.run_test(size=(80, 40)) as pilot:
        await rest(pilot)
        await pilot.resize_terminal(*size)
        await rest(pilot)
        assert "▸ Review" in app.text()
        await app.wizard.go_to(StepKey("groups", layers[0]))
        await rest(pilot)
        assert "▸ Groups" in app.text()
        await app.wizard.go_to(at)
        await rest(pilot)
        assert "▸ Review" in app.text()


async def test_a_long_name_takes_one_line_of_the_rail(tmp_path: Path) -> None:
    layers = ["apps-development-and-staging-of-europe", "security"]
    app = host(tmp_path, done={PROJECT: {**LAYERS, "layers": layers}})
    async with app.run_test(size=(120, 24)) as pilot:
        await rest(pilot)
        assert rail_lines(app)[3:6] == ["─ apps-development-and…", "· Groups", "· Review"]


def test_every_mark_of_the_rail_is_explained() -> None:
    assert set(WORDS) == set(MARKS) == set(Status)
    for status, mark in MARKS.items():
        assert f"{mark} {WORDS[status]}" in legend()
        assert f"`{mark}`" in help_text("")


async def test_the_rail_is_reached_by_f2_and_by_the_mouse(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS})
    async with app.run_test(size=(120, 24)) as pilot:
        await rest(pilot)
        await pilot.press("f2")
        await rest(pilot)
        assert isinstance(app.focused, StepRail)
        await pilot.press("f2")
        await rest(pilot)
        assert isinstance(app.focused, Input)
        await pilot.press("f2", "up", "enter")
        await rest(pilot)
        assert app.wizard.current == PROJECT
        await pilot.click(StepRail, offset=(4, 10))
        await rest(pilot)
        assert app.wizard.current == ACCOUNT


@pytest.mark.parametrize("width", [80, 120])
async def test_in_the_list_of_steps_the_keys_are_about_the_selected_step(tmp_path: Path, width: int) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS})
    async with app.run_test(size=(width, 24)) as pilot:
        await rest(pilot)
        await pilot.press("f2", "up")
        await rest(pilot)
        assert "Project" in str(app.wizard.query_one("#primary", Button).label)
        assert not app.wizard.check_action("skip", ())
        await pilot.press("escape")
        await rest(pilot)
        assert (app.wizard.current, app.wizard.choosing) == (USERS, False)
        await pilot.press("f2", "up", "ctrl+n")
        await rest(pilot)
        assert (app.wizard.current, app.wizard.choosing) == (PROJECT, False)


async def test_what_the_page_hides_does_not_keep_the_focus(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS, USERS: {"people": "x"}}, at=USERS, users=EverythingPane)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        field = app.screen.query_one("#text", Input)
        field.focus()
        await rest(pilot)
        field.display = False
        app.pane.primary_changed()
        await rest(pilot)
        assert app.focused is not None
        assert app.focused is not field
        assert app.focused.display


async def test_what_loses_the_focus_does_not_pass_it_on_to_the_list_of_steps(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS})
    async with app.run_test(size=(120, 24)) as pilot:
        await rest(pilot)
        for widget in app.wizard.query("#text, #primary"):
            widget.disabled = True
        await rest(pilot)
        assert not app.wizard.query_one(StepRail).has_focus
        assert not app.wizard.choosing


async def test_only_the_screen_on_top_has_the_focus_and_names_keys(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        field = app.wizard.query_one("#text", Input)
        assert field.has_focus
        await pilot.press("f1")
        await rest(pilot)
        assert app.focused is not None
        assert not field.has_focus
        primary = app.wizard.query_one("#primary", Button)
        assert not app.wizard.query_one(KeyLine).visible
        app.wizard.set_focus(primary)  # as what ends below the dialog does
        await rest(pilot)
        assert not primary.has_focus
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.query_one(KeyLine).visible
        await pilot.press("enter")
        await rest(pilot)
        assert app.session.status(USERS) is Status.DONE


class _LikelyPane(SmallPane):
    """Foresees what is typed."""

    def likely(self) -> Facts:
        return {"layers": [self.request().text]}


async def test_steps_that_are_only_likely_are_listed_but_neither_counted_nor_opened(tmp_path: Path) -> None:
    app = host(tmp_path, project=_LikelyPane)
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.press("s")
        await rest(pilot)
        assert rail_lines(app)[2:] == [
            "· Users",
            "─ s",
            "· Groups",
            "· Review",
            "─ afterwards",
            "· Account",
            "· End",
        ]
        assert "done" not in app.text().splitlines()[0]
        rail = app.wizard.query_one(StepRail)
        assert rail.get_option(str(StepKey("groups", "s"))).disabled


async def test_the_list_and_the_line_have_the_same_steps(tmp_path: Path) -> None:
    modules = [
        *small_workflow()[:1],
        SmallStep(once("users", "people", "project", skippable=True, asked_for=True)),
    ]
    app = host(tmp_path, modules, done={PROJECT: LAYERS})
    async with app.run_test(size=(120, 24)) as pilot:
        await rest(pilot)
        assert rail_lines(app)[1:] == ["✓ Project", "▸ End"]
        await pilot.resize_terminal(80, 24)
        await rest(pilot)
        assert app.text().splitlines()[1].split() == ["✓", "Project", "▸", "End", "1", "of", "1", "done"]


@pytest.mark.parametrize("widget", ["#text", "#area", "#table", "#selection", "#tick", "#secret"])
async def test_no_widget_takes_the_wizards_keys(tmp_path: Path, widget: str) -> None:
    modules = small_workflow()
    app = host(
        tmp_path, modules, done={PROJECT: LAYERS, USERS: {"people": "x"}}, at=USERS, users=EverythingPane
    )
    async with app.run_test(size=(80, 24)) as pilot:

        async def press(key: str) -> None:
            app.screen.query_one(widget).focus()
            await rest(pilot)
            await pilot.press(key)
            await rest(pilot)

        await rest(pilot)
        await press("f1")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await rest(pilot)
        await press("f2")
        assert isinstance(app.focused, StepRail)
        await pilot.press("f2")
        await rest(pilot)
        for key, expected in (("escape", PROJECT), ("ctrl+n", GROUPS)):
            await press(key)
            assert app.wizard.current == expected
            await app.wizard.go_to(USERS)
            await rest(pilot)
        await press("ctrl+r")
        assert app.session.status(USERS) is Status.READY


@pytest.mark.parametrize(
    ("widget", "types"),
    [("#text", True), ("#area", True), ("#secret", True), ("#table", False), ("#tick", False)],
)
async def test_a_question_mark_is_typed_where_text_is_typed_and_is_help_elsewhere(
    tmp_path: Path, widget: str, types: bool
) -> None:
    app = host(tmp_path, project=EverythingPane)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        field = app.screen.query_one(widget)
        field.focus()
        await rest(pilot)
        await pilot.press("question_mark")
        await rest(pilot)
        assert isinstance(app.screen, HelpScreen) is not types
        if types:
            typed = field.text if isinstance(field, TextArea) else getattr(field, "value", "")
            assert typed == "?"


async def test_help_explains_the_step_and_lists_the_keys_that_work_now(tmp_path: Path) -> None:
    app = host(tmp_path)
    async with app.run_test(size=(100, 80)) as pilot:
        await pilot.press("f1")
        await rest(pilot)
        text = app.text()
        assert "Project" in text
        for words in ("Next", "Continue with this step"):
            assert words in text
        assert "^s" not in text
        await pilot.press("escape")
        await rest(pilot)
        assert app.screen is app.wizard


async def test_a_secret_is_neither_copied_nor_cut_from_its_field(tmp_path: Path) -> None:
    app = host(tmp_path, project=EverythingPane)
    async with app.run_test(size=(80, 24)) as pilot:
        field = app.screen.query_one("#secret", Input)
        field.focus()
        await rest(pilot)
        await pilot.press(*"canary")
        await pilot.press("home", "shift+end")
        assert field.selected_text == "canary"
        await pilot.press("ctrl+c", "ctrl+x", "super+c")
        await rest(pilot)
        assert app.clipboard == ""
        assert field.value == "canary"
        assert "canary" not in app.text()
        await pilot.press("escape")
        await rest(pilot)
        drafts = app.session.folder / "drafts"
        assert all("canary" not in file.read_text() for file in drafts.glob("*"))


@pytest.mark.parametrize("size", [(60, 20), (40, 10), (20, 5), (120, 36)])
async def test_any_terminal_will_do(tmp_path: Path, size: tuple[int, int]) -> None:
    modules = small_workflow()
    app = host(tmp_path, modules, users=EverythingPane)
    async with app.run_test(size=size) as pilot:
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == USERS
        await pilot.press("f1", "escape", "pagedown", "pageup", "f2")
        await rest(pilot)
        assert isinstance(app.focused, StepRail)
        assert "▸ Users" in app.text()
        await pilot.press("f2")
        await rest(pilot)
        assert isinstance(app.focused, Input)
        modules[1].failure = NOT_THERE
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        assert app.screen.query_one("#close", Button).has_focus
        await pilot.press("enter")
        await rest(pilot)
        await pilot.resize_terminal(80, 24)
        await rest(pilot)
        assert "1 of 7 done" in app.text()


async def test_a_terminal_that_is_too_small_says_so(tmp_path: Path) -> None:
    app = host(tmp_path)
    async with app.run_test(size=(40, 10)) as pilot:
        await rest(pilot)
        assert "40×10 is small" in app.text()


async def test_page_keys_scroll_the_step_while_a_field_has_the_focus(tmp_path: Path) -> None:
    app = host(tmp_path, project=EverythingPane)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert isinstance(app.focused, Input)
        await pilot.press("pagedown")
        await rest(pilot)
        assert app.pane.scroll_offset.y > 0


async def test_without_colours_the_marks_still_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = host(tmp_path, done={PROJECT: LAYERS})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "✓ Project" in app.text()
        assert "▸ Users" in app.text()


async def test_a_draft_that_cannot_be_written_is_told_and_stays_on_the_screen(tmp_path: Path) -> None:
    app = host(tmp_path, done={PROJECT: LAYERS})
    drafts = app.session.folder / "drafts"
    async with app.run_test(size=(80, 24)) as pilot:
        shutil.rmtree(drafts, ignore_errors=True)  # what a slow machine has kept already
        drafts.write_text("in the way")
        await pilot.press("j")
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)


async def test_the_sandbox_says_so_in_any_width(tmp_path: Path) -> None:
    modules = small_workflow()
    session = new_session(tmp_path / "sessions", modules)
    environment = fake_environment(tmp_path, {}, sandbox=True)
    app = PaneHost(session, environment, modules, panes_for(modules))
    async with app.run_test(size=(40, 10)) as pilot:
        await rest(pilot)
        assert "SANDBOX" in app.text()


def test_a_sandbox_names_the_new_user_who_is_played(tmp_path: Path) -> None:
    app = host(tmp_path)
    for user in ("", "ana.perez"):
        session = SimpleNamespace(state=app.session.state, facts=partial(dict, user=user))
        played: Any = SimpleNamespace(session=session, environment=SimpleNamespace(sandbox=True))
        assert _whose_aws(played, {}).plain.endswith(user or text_of(app.session.state.workflow.title))
        assert _whose_aws(played, {"user": "bo.ek"}).plain.endswith(user or "bo.ek")


async def test_another_aws_is_named_in_the_top_line(tmp_path: Path) -> None:
    modules = small_workflow()
    session = new_session(tmp_path / "sessions", modules)
    environment = fake_environment(tmp_path, {})
    environment = replace(
        environment, variables={**environment.variables, "AWS_ENDPOINT_URL_STS": "http://proxy.corp:8080"}
    )
    app = PaneHost(session, environment, modules, panes_for(modules))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "http://proxy.corp:8080" in app.text().splitlines()[0]


async def test_what_is_typed_is_soon_in_a_draft_so_that_a_killed_wizard_loses_next_to_nothing(
    tmp_path: Path,
) -> None:
    app = host(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await type_in(pilot, "half")
        await until(pilot, lambda: bool(app.session.drafts.load(PROJECT)))
        assert app.session.drafts.load(PROJECT)["text"] == "half"


class Inquired(SmallStep):
    """Is asked something that takes the network; the test says when there is an answer, and which."""

    guarded_look: GuardedLook | None = None

    def begin(self) -> None:
        self.may_answer, self.answer, self.asked = threading.Event(), AGREES, 0

    def observe(self, context: Context) -> Observation:  # noqa: ARG002
        return NOT_ASKED

    def inquire(self, context: Context) -> Observation:  # noqa: ARG002
        self.asked += 1
        self.may_answer.wait(SECONDS)
        return self.answer


def asked(folder: Path) -> tuple[Inquired, PaneHost]:
    """A wizard that was resumed after Users was done, and asks about it in the background."""
    modules = small_workflow()
    modules[1] = users = Inquired(modules[1].STEP)
    users.begin()
    app = host(folder, modules, done={PROJECT: LAYERS, USERS: {"people": "jane"}}, at=PROJECT)
    SessionRun(app.session, fake_environment(folder, {}), by_id(modules)).observe()
    return users, app


@pytest.mark.parametrize("answer", [AGREES, GONE, unknown("It needs a code.")], ids=str)
async def test_what_takes_the_network_is_asked_in_the_background_and_is_no_tick_before(
    tmp_path: Path, answer: Observation
) -> None:
    users, app = asked(tmp_path)
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.pause()
        assert app.session.status(USERS) is Status.UNCONFIRMED
        top = app.wizard.query_one("#top", SplitLine)
        counting = str(top.render())
        users.answer = answer
        users.may_answer.set()
        await until(pilot, lambda: not app.wizard._unasked)
        assert str(top.render()) != counting
        await rest(pilot)
        expected = {Verdict.AS_DECIDED: Status.DONE, Verdict.GONE: Status.CONTRADICTED}
        assert app.session.status(USERS) is expected.get(answer.verdict, Status.UNCONFIRMED)
        assert rail_lines(app)[2].startswith(MARKS[app.session.status(USERS)])
        assert kept_observations(app.session.folder)[USERS].verdict is answer.verdict


@pytest.mark.parametrize("at", [PROJECT, USERS])
async def test_what_the_network_says_against_a_step_is_told_elsewhere_and_shown_on_its_page(
    tmp_path: Path, at: StepKey
) -> None:
    users, app = asked(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await app.wizard.go_to(at)
        users.answer = GONE
        users.may_answer.set()
        await rest(pilot)
        assert app.session.status(USERS) is Status.CONTRADICTED
        assert bool(app._notifications) is (at != USERS)
        assert bool(app.wizard.query(".pane-note")) is (at == USERS)


async def test_what_the_network_said_against_a_step_can_be_asked_again_with_what_that_takes(
    tmp_path: Path,
) -> None:
    users, app = asked(tmp_path)
    given: list[str] = []
    users.answer = replace(GONE, continuing="")
    users.may_answer.set()

    def give(_context: Context, passphrase: Secret) -> None:
        given.append(passphrase.reveal())

    users.guarded_look = GuardedLook(lambda _context: "" if given else "A" * 40, give, passphrase=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await app.wizard.go_to(USERS)
        await rest(pilot)
        look = app.session.state.observed[USERS]
        assert not look.asks, "without the network, all that can be done is the step again"
        assert moment_text(look.asked_at, app.wizard.run.environment.now()) in app.text()
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, Contradiction)
        users.answer = AGREES
        await pilot.press("l")
        await rest(pilot)
        assert isinstance(app.screen, PassphraseDialog)
        await pilot.press(*"abc", "enter")
        await rest(pilot)
        assert (given, app.session.status(USERS)) == (["abc"], Status.DONE)


async def test_what_no_look_could_see_is_looked_at_again_once_another_step_is_done(tmp_path: Path) -> None:
    looks = [NOT_ASKED, AGREES]

    class Seen(SmallStep):
        def observe(self, context: Context) -> Observation:  # noqa: ARG002
            return looks.pop(0)

    modules = small_workflow()
    modules[0] = Seen(modules[0].STEP)
    app = host(tmp_path, modules, done={PROJECT: LAYERS}, at=USERS)
    SessionRun(app.session, fake_environment(tmp_path, {}), by_id(modules)).observe()
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.UNCONFIRMED
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.session.status(USERS) is Status.DONE
        assert app.session.status(PROJECT) is Status.DONE


async def test_what_rests_on_a_step_that_was_done_again_as_before_is_looked_at(tmp_path: Path) -> None:
    modules = small_workflow()
    modules[2].observation = GONE
    done = {PROJECT: LAYERS, USERS: {"people": "jane"}, GROUPS: {"planned": "all"}}
    app = host(tmp_path, modules, done=done, at=USERS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.session.status(GROUPS) is Status.DONE
        await pilot.press("ctrl+r", "ctrl+n")
        await rest(pilot)
        assert app.session.status(GROUPS) is Status.CONTRADICTED
        assert app.wizard.current == GROUPS


class StayingPane(SmallPane):
    """A pane that is shown again once its step is done."""

    stays = True


async def test_the_last_step_is_asked_about_at_once_even_if_its_page_stays(tmp_path: Path) -> None:
    project, users = small_workflow()[:2]
    last = Inquired(users.STEP)
    last.begin()
    last.may_answer.set()
    app = host(tmp_path, [project, last], done={PROJECT: LAYERS}, at=USERS, users=StayingPane)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await type_in(pilot, "jane")
        assert last.asked == 0
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert (app.wizard.current, app.session.status(USERS)) == (USERS, Status.DONE)
        assert last.asked == 1


async def test_what_only_the_person_said_is_asked_about_once_another_step_is_done(tmp_path: Path) -> None:
    modules = small_workflow()
    modules[0] = project = Inquired(modules[0].STEP)
    project.begin()
    project.answer = NOT_ASKED
    project.may_answer.set()
    app = host(tmp_path, modules, done={PROJECT: LAYERS}, at=USERS)
    app.session.observe({PROJECT: SAID_SO})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.UNCONFIRMED
        assert [entry.said_so for entry in app.wizard._steps[:2]] == [True, False]
        project.answer = AGREES
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current not in {USERS, None}
        assert app.session.status(PROJECT) is Status.DONE


async def test_a_page_that_an_answer_locks_gives_way_to_the_step_that_it_rests_on(tmp_path: Path) -> None:
    modules = small_workflow()
    modules[0] = project = Inquired(modules[0].STEP)
    project.begin()
    app = host(tmp_path, modules, done={PROJECT: LAYERS}, at=USERS)
    SessionRun(app.session, fake_environment(tmp_path, {}), by_id(modules)).observe()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        project.answer = GONE
        project.may_answer.set()
        await rest(pilot)
        assert app.session.status(USERS) is Status.LOCKED
        assert app.wizard.current == PROJECT


async def test_a_look_that_says_the_same_against_a_step_leaves_the_page_as_it_is(tmp_path: Path) -> None:
    modules = small_workflow()
    modules[0].observation = Observation(Verdict.CHANGED, "It moved.", ("there",))
    app = host(tmp_path, modules, done={PROJECT: LAYERS})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.CONTRADICTED
        await app.wizard.go_to(PROJECT)
        page = app.pane
        app.wizard.look_again()
        await rest(pilot)
        assert app.pane is page
        modules[0].observation = Observation(Verdict.CHANGED, "It moved again.", ("elsewhere",))
        app.wizard.look_again()
        await rest(pilot)
        assert app.pane is not page


async def test_the_end_says_what_is_not_confirmed_and_looks_again_when_asked_to(tmp_path: Path) -> None:
    step = Inquired(small_workflow()[0].STEP)
    step.begin()
    step.answer = unknown("No network.")
    step.may_answer.set()
    app = host(tmp_path, [step], done={PROJECT: LAYERS})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.UNCONFIRMED
        assert app.wizard.query_one(".finished-title").has_class("-unsure")
        step.answer = AGREES
        app.wizard.query_one("#look").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.DONE
        assert not app.wizard.query("#look")
        assert not app.wizard.query_one(".finished-title").has_class("-unsure")


async def test_the_closing_page_is_refreshed_without_a_blank_one_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = small_workflow()[0]
    app = host(tmp_path, [project], done={PROJECT: LAYERS})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        held, compose = list[bool](), Finished.compose

        def noted(page: Finished) -> Any:
            held.append(app._batch_count > 0)
            return compose(page)

        monkeypatch.setattr(Finished, "compose", noted)
        await app.wizard.go_to(None)
        assert held == [True]
        assert app._batch_count == 0


async def test_a_look_on_request_names_what_it_asked_and_the_test_that_it_did_not_repeat(
    tmp_path: Path,
) -> None:
    project, users = small_workflow()[:2]
    inquired = Inquired(users.STEP)
    inquired.begin()
    inquired.may_answer.set()
    verify = SmallStep(once("verify", "verified", "people", tests=True))
    done = {PROJECT: LAYERS, USERS: {"people": "jane"}, StepKey("verify"): {"verified": {}}}
    app = host(tmp_path, [project, inquired, verify], done=done)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.query_one(Finished).post_message(Finished.LookWanted())
        await rest(pilot)
        answer = str(app.wizard.query_one("#result", Text).content)
        assert [title in answer for title in ("Users", "Verify", "Project")] == [True, True, False]


@pytest.mark.parametrize("look", [SAID_SO, NOT_ASKED], ids=["said so", "not seen again"])
async def test_the_headline_of_the_end_claims_no_more_than_the_list_below_it(
    tmp_path: Path, look: Observation
) -> None:
    app = host(tmp_path, small_workflow()[:1], done={PROJECT: LAYERS})
    app.session.observe({PROJECT: look})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert [text[0] for text in ends(app)] == ["?", "?"], "the headline, and why"


async def test_a_page_that_sends_to_a_step_not_done_yet_opens_that(tmp_path: Path) -> None:
    app = host(tmp_path, small_workflow()[:2], done={PROJECT: LAYERS})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await app.wizard.go_to(PROJECT)
        app.pane.post_message(app.pane.DoneNoMore("It is gone", str(USERS)))
        await rest(pilot)
        assert (app.wizard.current, app.session.status(USERS)) == (USERS, Status.READY)


async def test_the_end_says_what_would_let_a_step_of_several_accounts_be_asked_again(tmp_path: Path) -> None:
    groups = [StepKey("groups", item) for item in ("management", "security")]
    results = {key: {"planned": [key.item]} for key in groups}
    done = {PROJECT: LAYERS, USERS: {"people": ["jane.doe"]}, **results}
    app = host(tmp_path, small_workflow()[:3], done=done)
    app.session.observe(dict.fromkeys(groups, replace(NOT_ASKED, remedy="Open it.")))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "Open it." in ends(app)[1]


async def test_the_end_names_the_last_look_that_confirmed_and_no_decision_as_one(tmp_path: Path) -> None:
    app = host(tmp_path, small_workflow()[:1], done={PROJECT: LAYERS})
    app.session.observe({PROJECT: replace(AGREES, at="9999-01-05T12:00:00+00:00")})
    app.session.observe({PROJECT: GONE})
    app.session.acknowledge(PROJECT, GONE)
    async with app.run_test(size=(80, 24)) as pilot:
        for look in (GONE, unknown("No network.")):
            app.session.observe({PROJECT: look})
            await app.wizard.go_to(None)
            await rest(pilot)
            assert "5 Jan 9999" in ends(app)[1]


async def test_what_the_person_said_stays_that_after_a_look_that_failed(tmp_path: Path) -> None:
    app = host(tmp_path, small_workflow()[:1], done={PROJECT: LAYERS})
    app.session.observe({PROJECT: SAID_SO})
    app.session.observe({PROJECT: unknown("No network.")})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.UNCONFIRMED
        assert "No network." in ends(app)[1]


def ends(app: PaneHost) -> list[str]:
    """The headline of the end, and the lines about what is not confirmed."""
    texts = [str(text.render()) for text in app.wizard.query_one(Finished).query(Text)]
    return [text for text in texts if text.startswith(("✓", "○", "?"))]


def awaiting(tmp_path: Path, step_id: str) -> tuple[Inquired, PaneHost]:
    step = Inquired(replace(small_workflow()[0].STEP, id=step_id))
    step.begin()
    step.answer = Observation(Verdict.AWAITED, "jane.doe hasn't signed in yet.", ("jane.doe",))
    step.may_answer.set()
    return step, host(tmp_path, [step], done={StepKey(step_id): LAYERS})


@asynccontextmanager
async def asked_about_somebody(
    tmp_path: Path, step_id: str = "hand-over"
) -> AsyncIterator[tuple[Inquired, PaneHost, Pilot[None]]]:
    step, app = awaiting(tmp_path, step_id)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        yield step, app, pilot


async def test_a_step_that_awaits_somebody_is_not_called_confirmed(tmp_path: Path) -> None:
    async with asked_about_somebody(tmp_path) as (step, app, _pilot):
        run = app.wizard.run
        key = StepKey("hand-over")
        awaited = run.session.state.observed[key]
        assert note_of(run, key).startswith(text_of(step.answer.words))
        run.session.observe({key: replace(awaited, verdict=Verdict.UNKNOWN)})
        assert not note_of(run, key).startswith(text_of(step.answer.words))


async def test_the_end_waits_for_people_asks_again_and_has_a_reminder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asked_about_somebody(tmp_path) as (step, app, pilot):
        title = app.wizard.query_one(".finished-title", Text)
        assert "jane.doe" in str(title.render())
        assert title.has_class("-unsure")
        turn = app.wizard._turn()
        assert not turn.yours
        assert turn.mark != MARKS[Status.DONE]
        app.wizard.query_one("#remind").focus()
        await pilot.press("enter")
        await rest(pilot)
        clipboard = app.wizard.run.environment.clipboard
        assert isinstance(clipboard, FakeClipboard)
        assert "bb" in str(clipboard.content)
        assert not isinstance(app.screen, ToSendDialog)
        clipboard.certain = False
        passing = list[object]()
        monkeypatch.setattr(app, "notify", lambda _words, **how: passing.append(how.get("timeout")))
        await pilot.press("enter")
        await rest(pilot)
        assert isinstance(app.screen, ToSendDialog), "it may not have arrived, so it is shown"
        assert passing == [None], "it stays on the page, and covers no dialog"
        await pilot.press("escape")
        step.answer = Observation(Verdict.AWAITED, "jane.doe has no MFA device yet.", ("jane.doe",))
        app.wizard.look_again()
        await rest(pilot)
        assert text_of(step.answer.words) in " ".join(app.text().split())
        assert app.wizard.focused is app.wizard.query_one("#remind")
        step.answer = AGREES
        await pilot.press("l")
        await rest(pilot)
        assert app.session.status(StepKey("hand-over")) is Status.DONE
        assert not app.wizard.query("#remind")


@pytest.mark.parametrize("remedy", ["It takes a passphrase.", ""])
async def test_the_end_says_since_when_it_knows_what_no_look_asks_by_itself(
    tmp_path: Path, remedy: str
) -> None:
    _step, app = awaiting(tmp_path, "access-keys")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        last = Observation(Verdict.AS_DECIDED, at="2020-02-29T10:00:00+00:00", remedy=remedy)
        app.session.observe({StepKey("access-keys"): last})
        await app.wizard.go_to(None)
        await rest(pilot)
        shown = [str(text.render()) for text in app.wizard.query_one(Finished).query(Text)]
        when = moment_text(last.at, app.wizard.run.environment.now())
        of_what = text_of(app.wizard.run.title(StepKey("access-keys")))
        assert any(when in line and of_what in line for line in shown) is bool(remedy)
        assert bool(app.wizard.query("#look")) is bool(remedy)


@pytest.mark.parametrize("verdict", [Verdict.AWAITED, Verdict.REVERTED])
async def test_what_is_done_here_is_shown_as_done_though_the_world_has_more_to_say(
    tmp_path: Path, verdict: Verdict
) -> None:
    step, app = awaiting(tmp_path, "apply")
    step.answer = Observation(verdict, "jane.doe was removed by a later session.", ("jane.doe",))
    async with app.run_test(size=(120, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        assert app.session.status(StepKey("apply")) is Status.UNCONFIRMED
        assert any(line.startswith(MARKS[Status.DONE]) for line in rail_lines(app))
        over = verdict is Verdict.REVERTED
        title = str(app.wizard.query_one(".finished-title", Text).render())
        assert (text_of(step.answer.words) in title) is over
        assert bool(app.wizard.query("#look")) is not over


async def test_who_asks_to_look_again_is_asked_for_the_code_that_aws_wants(tmp_path: Path) -> None:
    step, app = awaiting(tmp_path, "hand-over")
    given: list[str] = []

    def give(_context: Context, code: Secret) -> None:
        given.append(code.reveal())
        if given[-1] != "123456":
            raise NOT_THERE

    step.guarded_look = GuardedLook(lambda _context: "" if "123456" in given else "arn:device", give)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        assert not isinstance(app.screen, CodeDialog)  # nobody asked for it
        app.wizard.query_one("#look").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert isinstance(app.screen, CodeDialog)
        await pilot.press("enter", "enter")
        assert given == []
        await pilot.press(*"000000", "enter")
        await rest(pilot)
        assert app.screen.focused is app.screen.query_one("#code")
        assert text_of(NOT_THERE.what) in app.text()
        step.answer = AGREES
        await pilot.press(*"123456", "enter")
        await rest(pilot)
        assert app.screen is app.wizard
        assert given == ["000000", "123456"]
        assert app.session.status(StepKey("hand-over")) is Status.DONE


async def test_whatever_fails_with_a_code_is_shown_in_its_dialog_which_takes_another(tmp_path: Path) -> None:
    step, app = awaiting(tmp_path, "hand-over")
    given: list[str] = []

    def give(_context: Context, code: Secret) -> None:
        given.append(code.reveal())
        raise LookupError

    step.guarded_look = GuardedLook(lambda _context: "arn:device", give)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        app.wizard.query_one("#look").focus()
        await pilot.press("enter")
        await rest(pilot)
        for code in ("000000", "111111"):
            await pilot.press(*code, "enter")
            await rest(pilot)
            assert isinstance(app.screen, CodeDialog)
            assert not app.screen.query_one("#primary").disabled
            assert not app.screen.query_one("#wrong").has_class("-empty")
        assert given == ["000000", "111111"]


async def test_an_answer_to_a_code_whose_dialog_was_closed_is_none(tmp_path: Path) -> None:
    step, app = awaiting(tmp_path, "hand-over")
    may_answer = threading.Event()

    def give(_context: Context, _code: Secret) -> None:
        may_answer.wait(SECONDS)
        raise OnboardError("No", "AWS doesn't take it.")

    step.guarded_look = GuardedLook(lambda _context: "arn:device", give)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        app.wizard.query_one("#look").focus()
        await pilot.press("enter")
        await rest(pilot)
        await pilot.press(*"123456", "enter")
        await pilot.pause()
        await pilot.press("escape")
        may_answer.set()
        await rest(pilot)
        assert app.screen is app.wizard


async def test_a_secret_that_is_good_closes_its_dialog_and_not_the_palette_over_it(tmp_path: Path) -> None:
    step, app = awaiting(tmp_path, "hand-over")
    may_answer, given = threading.Event(), list[str]()

    def give(_context: Context, passphrase: Secret) -> None:
        given.append(passphrase.reveal())
        may_answer.wait(SECONDS)

    step.guarded_look = GuardedLook(lambda _context: "" if given else "A" * 40, give, passphrase=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        app.wizard.query_one("#look").focus()
        await pilot.press("enter")
        await rest(pilot)
        dialog = app.screen
        assert isinstance(dialog, PassphraseDialog)
        await pilot.press(*"abc", "enter", "enter")  # the second finds an empty field, and is none
        await until(pilot, lambda: given == ["abc"])
        assert dialog.query_one("#wrong").has_class("-empty")
        assert dialog.query_one("#primary").disabled
        app.action_command_palette()
        await until(pilot, lambda: app.screen is not dialog)
        palette = app.screen
        may_answer.set()
        await rest(pilot)
        assert app.screen is palette
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.wizard)
        assert given == ["abc"]


async def test_only_the_look_that_a_person_asks_for_opens_what_is_guarded_and_says_when_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, app = awaiting(tmp_path, "hand-over")
    opened, inquire, may_look = list[bool](), step.inquire, threading.Event()

    def noted(context: Context) -> Observation:
        opened.append(context.opens)
        return inquire(context)

    monkeypatch.setattr(step, "inquire", noted)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        step.may_answer.clear()
        app.wizard.look_again()
        await until(pilot, lambda: opened == [False, False])
        seen = app.wizard.run.check
        monkeypatch.setattr(app.wizard.run, "check", lambda done: may_look.wait(SECONDS) and seen(done))
        app.wizard.query_one("#look").focus()
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.wizard.query_one("#result", Text).visual))
        looking = str(app.wizard.query_one("#result", Text).visual)
        step.may_answer.set()
        await until(pilot, lambda: all(w.is_finished for w in app.workers if w.group == "questions"))
        assert str(app.wizard.query_one("#result", Text).visual) == looking
        app.wizard.look_again()  # as the return from the shell does
        may_look.set()
        await rest(pilot)
        assert opened == [False, False, True]
        assert str(app.wizard.query_one("#result", Text).visual) != looking


async def test_a_look_that_another_one_follows_says_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, app = awaiting(tmp_path, "hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        learnt: list[Observation] = []
        monkeypatch.setattr(
            app.wizard.run, "save_answer", lambda _question, answer, **_: bool(learnt.append(answer))
        )
        step.may_answer.clear()
        before = step.asked
        for number in (1, 2):
            app.wizard.look_again()
            await until(pilot, lambda now=before + number: step.asked == now)  # type: ignore[misc]
        step.may_answer.set()
        await rest(pilot)
        assert learnt == [step.answer]


async def test_without_a_code_aws_is_asked_what_it_answers_without(tmp_path: Path) -> None:
    step, app = awaiting(tmp_path, "hand-over")
    step.guarded_look = GuardedLook(lambda _context: "arn:device", lambda _context, _code: None)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        for step.answer in (NOT_ASKED, AGREES):
            app.wizard.query_one("#look").focus()
            await pilot.press("enter")
            await rest(pilot)
            await pilot.press("escape")
            await rest(pilot)
            confirmed = app.session.status(StepKey("hand-over")) is Status.DONE
            assert confirmed is (step.answer is AGREES)
            assert app.wizard.query_one("#result").has_class("-warning") is not confirmed


async def test_what_a_look_on_request_could_not_confirm_has_no_tick_beside_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, app = awaiting(tmp_path, "hand-over")
    monkeypatch.setattr(step, "observe", lambda _context: AGREES)  # confirmed in the last hour
    step.answer = unknown("AWS can't be reached.")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        assert app.session.status(StepKey("hand-over")) is Status.DONE, "nobody asked for this look"
        app.wizard.post_message(Finished.LookWanted())
        await rest(pilot)
        assert app.wizard.query_one("#result").has_class("-warning")
        assert app.session.status(StepKey("hand-over")) is Status.UNCONFIRMED


async def test_what_was_confirmed_stays_so_if_its_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, app = awaiting(tmp_path, "hand-over")
    key, answered = StepKey("hand-over"), "2026-03-01T00:00:00+00:00"
    monkeypatch.setattr(step, "observe", lambda _context: replace(AGREES, at=answered))
    step.guarded_look = GuardedLook(lambda _context: "F" * 40, lambda _context, _given: None, passphrase=True)
    step.answer = replace(NOT_ASKED, remedy="It is locked.")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()
        await rest(pilot)
        app.wizard.post_message(Finished.LookWanted())
        await until(pilot, lambda: isinstance(app.screen, PassphraseDialog))
        await pilot.press("escape")
        await until(pilot, lambda: not app.wizard._looking)
        assert app.wizard.query_one("#result").has_class("-warning")
        assert app.session.status(key) is Status.DONE
        assert app.session.state.observed[key].at == answered


async def test_nobody_is_reminded_from_a_session_that_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asked_about_somebody(tmp_path) as (_step, app, pilot):
        assert app.wizard.query("#remind")
        monkeypatch.setattr(app.wizard.run, "why_over", lambda: "jane.doe was removed.")
        await app.wizard.go_to(None)
        await rest(pilot)
        assert not app.wizard.query("#remind")


async def test_the_reminder_of_a_handoff_is_only_for_who_was_sent_one(tmp_path: Path) -> None:
    async with asked_about_somebody(tmp_path, "mfa-reset") as (_step, app, _pilot):
        assert app.session.state.awaited() == ("jane.doe",)
        assert not app.wizard.query("#remind")


async def test_an_answer_about_a_step_that_was_done_again_is_none(tmp_path: Path) -> None:
    users, app = asked(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.session.reopen(USERS)
        settle(app.session, USERS, {"people": "sam"})
        users.answer = GONE
        users.may_answer.set()
        await rest(pilot)
        assert app.session.status(USERS) is Status.DONE


async def test_what_came_of_a_step_is_said_on_the_page_after_it(tmp_path: Path) -> None:
    app = host(tmp_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await rest(pilot)
        app.pane.parting = said = "Done for jane.doe."
        await app.wizard.go_to(app.wizard.run.session.layout()[1])
        await rest(pilot)
        assert [told.message for told in app._notifications] == [said]


async def test_what_a_step_was_just_done_with_is_no_draft_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep(screen: WizardScreen, _key: StepKey) -> None:
        screen._stage.keep_what_changed()

    monkeypatch.setattr(WizardScreen, "_look_after", keep)
    app = host(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("x", "ctrl+n")
        await rest(pilot)
        assert app.session.status(PROJECT) is Status.DONE
        assert app.session.drafts.load(PROJECT) == {}
