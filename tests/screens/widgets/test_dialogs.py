"""The keys of a dialog: Tab goes between its answers, and to its text only where that can be scrolled."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from unittest.mock import patch

import pytest
from support.panes import rest
from textual.app import App, ComposeResult
from textual.events import DescendantFocus, Paste, Resize
from textual.widget import Widget
from textual.widgets import Input, Static

from screens.widgets.dialogs import Confirm, Dialog, ErrorDialog, NameDialog, Notice, tell
from screens.widgets.lists import Log, TextDialog
from screens.widgets.one_focus import OneFocus
from screens.widgets.text import ScrollBody
from workflows.core.sentences import OnboardError

LONG = "\n".join(f"line {number}" for number in range(40))


async def test_tab_goes_from_no_to_yes_and_back() -> None:
    app: App[None] = App()
    answers: list[bool | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(Confirm("Stop the keys?", "One key stops.", "Stop"), answers.append)
        await pilot.pause()
        for key, focused in (
            ("tab", "yes"),
            ("tab", "close"),
            ("left", "yes"),
            ("right", "close"),
            ("tab", "yes"),
        ):
            await pilot.press(key)
            assert app.focused is not None
            assert app.focused.id == focused
        await pilot.press("enter")
        assert answers == [True]


async def test_what_is_typed_or_pasted_at_a_button_goes_into_the_field_and_up_leads_there() -> None:
    app: App[None] = App()
    answers: list[bool | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(Confirm("Remove?", "", "Remove", typed="x y z"), answers.append)
        field = app.screen.query_one("#typed", Input)
        for enter, value in ((("x",), "x"), (("up",), "x"), (None, "x y"), (("space", "z"), "x y z")):
            app.screen.query_one("#close").focus()
            if enter is None:
                app.post_message(Paste(" y\nmore"))
            else:
                await pilot.press(*enter)
            await pilot.pause()
            assert (app.focused, field.value) == (field, value)
        await pilot.press("enter")
        await pilot.pause()
    assert answers == [True]


@pytest.mark.parametrize(
    "made", [lambda: Confirm("Write 8 files?", "2 unseen", "Write"), lambda: NameDialog("Save", "", "a")]
)
async def test_the_key_of_the_page_answers_no_dialog_and_names_what_does(
    made: Callable[[], Dialog[object]],
) -> None:
    app: App[None] = App()
    answers: list[object] = []
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = made()
        await app.push_screen(dialog, answers.append)
        await pilot.press("ctrl+n", "ctrl+n")
        await pilot.pause()
        assert app.screen is dialog
        assert len(app._notifications) == 1
        await pilot.press("escape")
        assert answers == [None]


@pytest.mark.parametrize("lines", [2, 100])
async def test_a_text_takes_the_lines_that_it_has_as_far_as_there_is_room(lines: int) -> None:
    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(TextDialog("A text", "\n".join(map(str, range(lines)))))
        await rest(pilot)
        text, closing = app.screen.query_one(Log), app.screen.query_one("#close")
        assert (text.size.height == lines) is (lines < app.size.height)
        assert (text.max_scroll_y > 0) is (lines > app.size.height)
        assert app.screen.region.contains_region(closing.region)
        assert app.focused is (text if lines > app.size.height else closing)
        await pilot.resize_terminal(80, 12)
        await rest(pilot)
        assert app.screen.region.contains_region(closing.region)


async def test_a_command_that_is_too_long_scrolls_sideways_and_is_read_to_its_end() -> None:
    app: App[None] = App()
    commands = [f"export {'A' * 100}=end", "export B=b"]
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(TextDialog("Commands", "\n".join(commands), wrap=False))
        await rest(pilot)
        text = app.screen.query_one(Log)
        assert [line.text.rstrip() for line in text.lines] == commands
        assert app.focused is text
        assert text.scrollable_content_region.height == len(commands), "the bar hides none"
        await pilot.press(*["right"] * 80)
        await rest(pilot)
        assert text.scroll_x == text.max_scroll_x > 0


@pytest.mark.parametrize("key", ["enter", "ctrl+n", "escape"])
@pytest.mark.parametrize("lines", [2, 100])
async def test_a_text_is_closed_by_what_goes_on(lines: int, key: str) -> None:
    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(TextDialog("A text", "\n".join(map(str, range(lines)))))
        await rest(pilot)
        await pilot.press(key)
        await rest(pilot)
        assert not isinstance(app.screen, TextDialog)


class FieldPage(OneFocus):
    def compose(self) -> ComposeResult:
        yield Input()


async def test_what_keeps_the_focus_is_not_drawn_again() -> None:
    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(FieldPage())
        await pilot.pause()
        field = app.screen.query_one(Input)
        with patch.object(field, "refresh") as drawn:
            app.screen.post_message(DescendantFocus(field))
            await pilot.pause()
        assert field.has_focus
        assert not drawn.called


async def test_a_page_is_laid_out_again_only_for_a_new_size() -> None:
    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(FieldPage())
        await pilot.pause()
        with patch.object(app.screen, "_refresh_layout", wraps=app.screen._refresh_layout) as laid_out:
            app.screen.post_message(Resize(app.size, app.size))
            await pilot.pause()
            assert not laid_out.called
            await pilot.resize_terminal(100, 30)
            assert laid_out.called
        assert app.screen.query_one(Input).outer_size.width == 100


async def test_what_gets_the_focus_back_is_drawn_with_it() -> None:
    class Bare(Widget, can_focus=True):
        def render(self) -> str:
            return "focused" if self.has_focus else "not"

    class Page(OneFocus):
        def compose(self) -> ComposeResult:
            yield Bare()

    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(Page())
        await app.push_screen(Confirm("Stop?", "One key stops.", "Stop"))
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        line = app.screen.query_one(Bare).render_line(0).text
        assert line.startswith("focused")


@pytest.mark.parametrize(("body", "stops"), [("short", False), (LONG, True)])
async def test_the_text_is_reached_where_it_can_be_scrolled(body: str, *, stops: bool) -> None:
    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(Confirm("Stop?", body, "Stop"))
        await pilot.pause()
        await pilot.press("pagedown", "pagedown")
        await pilot.pause()
        assert (app.screen.query_one(ScrollBody).scroll_offset.y > 0) is stops, "whatever has the focus"
        await pilot.press("pageup", "pageup")
        await pilot.press("tab")
        assert isinstance(app.focused, ScrollBody) is stops
        if stops:
            await pilot.press("pagedown")
            await pilot.pause()
            assert app.screen.query_one(ScrollBody).scroll_offset.y > 0


async def test_the_key_for_next_closes_what_is_only_to_be_read() -> None:
    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        page = app.screen
        await app.push_screen(Notice("Welcome back", "Nothing changed."))
        await pilot.pause()
        await pilot.press("ctrl+n")
        assert app.screen is page


async def test_what_a_key_began_is_finished_and_shown_though_its_dialog_closes_at_once() -> None:
    app: App[None] = App()
    copied: list[str] = []

    def copy(text: str) -> str:
        copied.append(text)
        return "Copied."

    error = OnboardError("Can't", "It did not work.")
    async with app.run_test(size=(80, 24)) as pilot:
        begun, threads = Event(), ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(threads)
        threads.submit(begun.wait)  # no thread is free for it before the dialog is gone
        dialog = ErrorDialog(error, copy)
        await app.push_screen(dialog)
        await pilot.press("c", "escape")
        assert not dialog.is_attached
        begun.set()
        await rest(pilot)
        assert copied == [error.as_text()]
        assert [shown.message for shown in app._notifications] == ["Copied."]


async def test_what_keys_began_keeps_their_order_whatever_the_first_comes_to() -> None:
    app: App[None] = App()
    may_fail = Event()
    done: list[str] = []

    def fail() -> str:
        may_fail.wait()
        done.append("first")
        raise OnboardError("Can't", "It did not work.")

    def work() -> str:
        done.append("second")
        return "Done."

    async with app.run_test(size=(80, 24)) as pilot:
        tell(app.screen, fail)
        tell(app.screen, work)
        await pilot.pause()
        assert done == []
        may_fail.set()
        await rest(pilot)
        assert done == ["first", "second"]
        assert [shown.severity for shown in app._notifications] == ["warning", "information"]


async def test_a_page_below_a_dialog_is_laid_out_before_a_test_looks() -> None:
    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        page, text = app.screen, Static()
        await page.mount(text)
        await app.push_screen(Notice("Welcome back", "Nothing changed."))
        await pilot.pause()
        text.update("line\n" * 100)
        await pilot.pause()
        assert page.max_scroll_y > 0


async def test_an_application_that_ends_leaves_no_work_behind_that_never_began(
    recwarn: pytest.WarningsRecorder,
) -> None:
    app: App[None] = App()
    async with app.run_test(size=(80, 24)):
        tell(app.screen, lambda: "Copied.")
        app.workers.cancel_all()
    gc.collect()
    assert [warned for warned in recwarn if issubclass(warned.category, RuntimeWarning)] == []


async def test_nothing_begins_in_its_turn_once_the_application_ends() -> None:
    app: App[None] = App()
    may_end = Event()
    done: list[str] = []

    def wait() -> str:
        may_end.wait()
        return "Done."

    def work() -> str:
        done.append("work")
        return "Done."

    async with app.run_test(size=(80, 24)) as pilot:
        tell(app.screen, wait)
        tell(app.screen, work)
        await pilot.pause()
        app.workers.cancel_all()
        await rest(pilot)
        may_end.set()
        await pilot.pause()
    assert done == []
