"""What a page hears of the work that it does in the background."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.fakes import FakeClipboard, fake_environment
from support.panes import rest, until
from textual import on
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.events import Paste
from textual.screen import Screen
from textual.widgets import Button, Input, TextArea

from screens.step.page import YOURS, ActionBar, Opening, Primary, StepPane
from screens.step.terraform import PlanTable
from screens.widgets.fields import FieldRow, PathField, SecretInput
from screens.widgets.lists import Log, TextDialog
from screens.widgets.one_focus import OneFocus
from tui.app.frame import Frame
from workflows.core.sentences import Cancelled, OnboardError, Problem
from workflows.machine.declaration import Step
from workflows.steps.shared.module import Context, Progress, Report

EVENTS = ("first profile", "second profile", "third profile")


class Page(StepPane):
    """Keeps what it hears."""

    def __init__(self, context: Context) -> None:
        super().__init__(Opening(Step("page", "Page", ""), "Page", context, {}, done=False))
        self.heard: list[Progress] = []
        self.ends: list[object] = []

    def compose_body(self) -> ComposeResult:
        yield FieldRow("First", Input(id="first"))
        yield FieldRow("Second", Input(id="second"))

    def request(self) -> None:
        return None

    @on(StepPane.MoveDone)
    def _take(self, message: StepPane.MoveDone) -> None:
        self.ends.append(message.result)

    @on(StepPane.MoveFailed)
    def _keep(self, message: StepPane.MoveFailed) -> None:
        self.ends.append(type(message.error))

    def progressed(self, progress: Progress) -> None:
        self.heard.append(progress)


class Greedy(Page):
    """Looks for its widgets as soon as it is there."""

    def on_mount(self) -> None:
        self.query_one("#second").focus()


class WithTable(Page):
    """Shows something in a part of a part as soon as it is there."""

    def compose_body(self) -> ComposeResult:
        yield PlanTable()

    def on_mount(self) -> None:
        self.query_one(PlanTable).query_one("#people")


class WithText(Page):
    """Has a field for what is pasted."""

    def compose_body(self) -> ComposeResult:
        with Vertical(id="around"):
            yield TextArea()
        yield Button("Elsewhere")


class Host(App[None]):
    """The page alone."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page

    def compose(self) -> ComposeResult:
        yield self.page


def answer_between_words(report: Report) -> None:
    """Each answer is followed at once by words about the next, faster than a screen can show them."""
    for number, event in enumerate(EVENTS):
        report(Progress(f"{event} has answered", payload=event))
        for turn in range(20):
            report(Progress(f"asking number {number + 1}, {turn}"))


async def test_an_answer_is_heard_even_if_words_follow_at_once(tmp_path: Path) -> None:
    page = Page(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
    app = Host(page)
    async with app.run_test() as pilot:
        await rest(pilot)
        # Posted in one go on the screen's own thread, so that all of them wait together.
        answer_between_words(lambda progress: page.post_message(StepPane.MoveProgressed(progress)))
        await rest(pilot)
        assert [report.payload for report in page.heard if report.payload] == list(EVENTS)
        assert len(page.heard) < 3 + 3 * 20  # words alone are dropped for newer ones


async def test_a_stuck_look_is_left_to_itself_and_nothing_of_it_is_heard(tmp_path: Path) -> None:
    go_on, over = Event(), Event()

    def stuck(report: Report) -> str:
        go_on.wait()
        report(Progress("late"))
        over.set()
        return "late"

    page = Page(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
    app = Host(page)
    async with app.run_test() as pilot:
        try:
            page.run_move("look", stuck, looks=True)
            assert page.stop_move()
            await pilot.pause()
            assert (page.running_move, page.ends) == ("", [Cancelled])
            page.run_move("look", lambda _report: "in time", looks=True)
            await until(pilot, lambda: page.ends == [Cancelled, "in time"])
        finally:
            go_on.set()
        await until(pilot, over.is_set)
        await rest(pilot)
        assert page.ends == [Cancelled, "in time"]
        assert not page.heard


async def test_what_changes_something_is_waited_for(tmp_path: Path) -> None:
    go_on = Event()
    page = Page(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
    app = Host(page)
    async with app.run_test() as pilot:
        try:
            page.run_move("perform", lambda _report: go_on.wait())
            assert page.stop_move()
            await pilot.pause()
            assert (page.running_move, page.ends) == ("perform", [])
        finally:
            go_on.set()
        await rest(pilot)
        assert page.ends == [True]


async def test_each_problem_stands_at_its_field_until_that_is_changed(tmp_path: Path) -> None:
    page = Page(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))

    def wrong() -> list[bool]:
        return [not widget.has_class("-empty") for widget in page.query(".field-problem")]

    app = Host(page)
    async with app.run_test() as pilot:
        page.show_problems([Problem("Second.", "second"), Problem("First.", "first"), Problem("All.")])
        await pilot.pause()
        assert wrong() == [True, True]
        assert page.query_one("#problems").display
        assert app.focused is page.query_one("#first")
        await pilot.press("x")
        await pilot.pause()
        assert wrong() == [False, True]
        assert not page.query_one("#problems").display
        page.show_problems([Problem("First, perhaps.", "first", fatal=False)])
        assert wrong() == [False, False]
        assert page.warned


@pytest.mark.parametrize("field", ["code", "secret"])
async def test_what_is_rejected_is_named_once(tmp_path: Path, field: str) -> None:
    class Asking(Page):
        def compose_body(self) -> ComposeResult:
            entry = SecretInput(id=field) if field == "secret" else Input(id=field)
            entry.value = "123456"
            yield FieldRow("Code", entry)

    page = Asking(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
    async with Host(page).run_test() as pilot:
        await rest(pilot)
        assert page.query_one(Input).value == "123456"
        assert page.show_refusal(
            OnboardError("It is wrong", "It was wrong.", next="Try the next.").about(field)
        )
        assert [str(problem.message) for problem in page.problems] == ["It is wrong. Try the next."]
        assert not page.query_one(Input).value


async def test_a_page_that_is_taken_away_while_it_is_put_there_begins_nothing(tmp_path: Path) -> None:
    app = App[None]()
    async with app.run_test() as pilot:  # raises what a handler raised
        for turns in range(5):
            page = Greedy(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
            app.screen.mount(page)
            for _ in range(turns):
                await asyncio.sleep(0)
            await page.remove()
        await pilot.pause()


class WithResult(Host):
    """Shows what came of work, until other work begins, as the wizard does."""

    def get_default_screen(self) -> Screen[Any]:
        return ShowsResult()


class ShowsResult(OneFocus):
    result = ""

    def drop_result(self, *, passing: bool = False) -> None:  # noqa: ARG002
        self.result = ""


async def test_what_came_of_work_is_never_dropped_by_its_own_beginning(tmp_path: Path) -> None:
    page = Page(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
    app = WithResult(page)
    async with app.run_test() as pilot:
        screen = app.screen
        assert isinstance(screen, ShowsResult)
        screen.result = "before"
        page.run_move("quick", lambda _report: None)
        assert screen.result == ""
        screen.result = "now"
        await rest(pilot)
        assert screen.result == "now"


async def test_where_no_browser_opens_the_address_is_shown_to_copy(tmp_path: Path) -> None:
    clipboard = FakeClipboard()
    environment = fake_environment(tmp_path, {}, clipboard=clipboard, open_page=lambda page: f"{page}/local")
    page = Page(Context(environment, {}, {}, "", tmp_path))
    app = Host(page)
    async with app.run_test() as pilot:
        page.open_in_browser("https://a.example")
        await rest(pilot)
        assert isinstance(app.screen, TextDialog)
        await pilot.press("c")
        await rest(pilot)
        assert clipboard.content == "https://a.example/local"


@pytest.mark.parametrize("hidden", [True, False])
async def test_a_paste_goes_into_no_field_that_is_hidden(tmp_path: Path, *, hidden: bool) -> None:
    page = WithText(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
    app = Host(page)
    async with app.run_test() as pilot:
        await rest(pilot)
        page.query_one("#around").display = not hidden
        page.query_one(Button).focus()
        await pilot.pause()
        page.on_paste(Paste("a key"))
        await rest(pilot)
        assert bool(page.query_one(TextArea).text) is not hidden


async def test_several_lines_are_no_path_and_go_into_the_field_for_a_text_if_one_is_there(
    tmp_path: Path,
) -> None:
    page = WithText(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
    app = Host(page)
    async with app.run_test() as pilot:
        await rest(pilot)
        path = PathField(id="path")
        await page.mount(FieldRow("File", path))
        path.focus()
        app.post_message(Paste("/a/path\n"))
        await rest(pilot)
        assert path.value == "/a/path"
        app.post_message(Paste("Hello,\nJane\n"))
        await rest(pilot)
        area = page.query_one(TextArea)
        assert area.text == "Hello,\nJane\n"
        assert not page.problems
        page.query_one("#around").display = False
        path.focus()
        app.post_message(Paste("Hello,\nJane\n"))
        await rest(pilot)
        assert path.value == "/a/path"
        assert [problem.field for problem in page.problems] == ["path"]


@pytest.mark.parametrize("turns", range(3))
async def test_a_page_begins_nothing_when_the_application_ends_meanwhile(turns: int, tmp_path: Path) -> None:
    app = App[None]()
    async with app.run_test():  # raises what a handler raised
        app.screen.mount(WithTable(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path)))
        for _ in range(turns):
            await asyncio.sleep(0)
        app.exit()


async def test_all_of_a_text_to_copy_is_in_view_however_long_its_lines(tmp_path: Path) -> None:
    page = Page(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
    async with Host(page).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        page.show_text("Lines", f"export A={'x' * 200}\n")
        await pilot.pause()
        log = pilot.app.screen.query_one(Log)
        assert max(len(line.text.rstrip()) for line in log.lines) <= log.size.width
        assert "".join(line.text for line in log.lines).count("x") == 201  # one of "export"


async def test_a_page_keeps_its_width_when_it_scrolls_so_that_no_line_wraps_again(tmp_path: Path) -> None:
    page = Page(Context(fake_environment(tmp_path, {}), {}, {}, "", tmp_path))
    async with Host(page).run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        width = page.query_one("#first").size.width
        page.styles.height = 4
        await pilot.pause()
        assert page.show_vertical_scrollbar
        assert page.query_one("#first").size.width == width


async def test_until_the_bar_knows_what_comes_next_it_shows_no_empty_button() -> None:
    class Bar(App[None]):
        CSS = Frame.CSS

        def compose(self) -> ComposeResult:
            yield ActionBar()

    app = Bar()
    async with app.run_test() as pilot:
        bar = app.query_one(ActionBar)
        await rest(pilot)
        assert not bar.query_one("#primary").region
        assert not bar.query_one("#primary-key").region
        bar.show("Back", YOURS, Primary("Continue"))
        await rest(pilot)
        assert all(child.region for child in bar.children)
