"""What the application's frame makes of keys that come all at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from threading import Event
from types import SimpleNamespace
from typing import ClassVar
from unittest.mock import patch

import pytest
from support.panes import rest, until
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.events import Key, Paste
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, TextArea

from screens.widgets.dialogs import Confirm
from tui.app.frame import Frame, WatchedDriver
from tui.app.guard import BEGUN
from tui.cli.wizard import load_ahead
from tui.host import Machine


class Form(Frame):
    """Two fields, and a key that takes what is in them, as Next does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "focus_next", priority=True),
        Binding("ctrl+n", "take", priority=True),
        Binding("f4", "ask", priority=True),
        Binding("slash", "filter"),
    ]
    taken = ("", "")

    def __init__(self) -> None:
        super().__init__(Machine.this())
        self.answers: list[bool | None] = []

    def compose(self) -> ComposeResult:
        yield Input(id="project")
        yield Input(id="user")
        yield OptionList("one", "two")

    def action_take(self) -> None:
        project, user, *_ = self.query(Input)
        self.taken = project.value, user.value

    async def action_filter(self) -> None:
        await self.mount(Input(id="filter"))
        self.query_one("#filter").focus()

    def action_ask(self) -> None:
        self.push_screen(Confirm("Stop the keys?", "One key stops.", "Stop"), self.answers.append)


@pytest.mark.parametrize(
    ("data", "heard"),
    [
        ("xé".encode() + b"\x9by\xe9z", ["x", "é", "\ufffd", "y", "\ufffd", "z"]),
        (b"\x1b[200~\x1bad\x1b[201~z", ["ad", "z"]),
    ],
)
def test_neither_a_byte_that_is_not_utf_8_nor_an_escape_in_a_paste_does_harm(
    data: bytes, heard: list[str]
) -> None:
    class Heard(WatchedDriver):
        def __init__(self, source: int) -> None:
            self.fileno, self.exit_event, self._debug = source, Event(), False
            self.heard = list[str | None]()

        def process_message(self, message: Message) -> None:
            if isinstance(message, Key | Paste):
                self.heard.append(message.character if isinstance(message, Key) else message.text)
                if self.heard[-1] == "z":
                    self.exit_event.set()

    source, keyboard = os.pipe()
    try:
        os.write(keyboard, data)
        driver = Heard(source)
        driver.run_input_thread()
        assert driver.heard == heard
    finally:
        os.close(source)
        os.close(keyboard)


def typed(app: Frame, *keys: str) -> None:
    """All keys at once, as from a paste or over a slow line."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


def _classes(widget: type[Widget]) -> Iterator[type[Widget]]:
    for kind in widget.__subclasses__():
        yield kind
        yield from _classes(kind)


def test_there_is_room_for_the_parsed_styles_of_every_widget() -> None:
    load_ahead()
    assert Form().stylesheet._parse_cache.maxsize > len({*_classes(Widget)})


async def test_the_styles_are_read_again_for_other_colours_alone() -> None:
    app = Form()
    with patch.object(app.stylesheet, "reparse", wraps=app.stylesheet.reparse) as again:
        async with app.run_test() as pilot:
            assert not again.called
            assert app.screen.styles.background == Color.parse(app.theme_variables["background"])
            app.theme = "contrast"
            await pilot.pause()
            assert again.called
            assert app.screen.styles.background == Color.parse(app.theme_variables["background"])


async def test_a_widget_is_styled_only_on_the_screen() -> None:
    app = Form()
    async with app.run_test() as pilot:
        with patch.object(app.stylesheet, "apply", wraps=app.stylesheet.apply) as styled:
            late = Input(compact=True)
            assert not styled.called
            await app.mount(late)
            await pilot.pause()
            assert late.outer_size.height == 1
            styled.reset_mock()
            late.compact = False
            assert styled.called
            await pilot.pause()
            assert late.outer_size.height > 1


async def test_what_was_typed_before_next_is_handled_before_it() -> None:
    app = Form()
    async with app.run_test() as pilot:
        await pilot.pause()
        typed(app, *"bb", "tab", *"jane", "ctrl+n")
        await pilot.pause()
        assert app.taken == ("bb", "jane")


@pytest.mark.parametrize(
    ("keys", "answered"),
    [
        (("left", "enter"), [True]),
        (("left", "right", "enter"), [None]),
        (("right", "left", "left", "right", "left", "enter"), [True]),
        (("tab", "enter"), [True]),
        (("enter", "left", "enter"), [None]),
        (("escape", "left", "enter"), [None]),
    ],
)
async def test_enter_presses_the_button_that_the_arrow_moved_to(
    keys: tuple[str, ...], answered: list[bool | None]
) -> None:
    app = Form()
    async with app.run_test() as pilot:
        await pilot.pause()
        typed(app, "f4", *keys)
        await pilot.pause()
    assert app.answers == answered


async def test_what_is_typed_after_a_dialog_goes_to_the_page_behind_it() -> None:
    app = Form()
    async with app.run_test() as pilot:
        await pilot.pause()
        typed(app, "f4", "left", "enter", *"bb", "tab", *"jane", "ctrl+n")
        await pilot.pause()
        assert (app.answers, app.taken) == ([True], ("bb", "jane"))


async def test_what_is_typed_after_a_key_that_leads_to_a_field_goes_into_it() -> None:
    app = Form()
    async with app.run_test() as pilot:
        app.query_one(OptionList).focus()
        await pilot.pause()
        typed(app, "slash", *"mfa")
        await pilot.pause()
        assert app.query_one("#filter", Input).value == "mfa"


@pytest.mark.parametrize("end", ["enter", "ctrl+j"])
async def test_what_a_terminal_types_into_a_text_area_is_taken_in_line_by_line(end: str) -> None:
    app, lines = Form(), ["-----BEGIN", "", "mQINBGd é ü漢 " * 20, "-----END"]
    async with app.run_test() as pilot:
        area = TextArea()
        await app.mount(area)
        area.focus()
        await pilot.pause()
        edits = list[str]()
        with patch.object(area, "edit", lambda edit: (edits.append(edit.text), TextArea.edit(area, edit))[1]):
            typed(app, *"wrong", "ctrl+u", *(key for line in lines for key in (*line, end)), "ctrl+n")
            await pilot.pause()
        assert area.text == "\n".join([*lines, ""])
        assert len(edits) < 12  # a line, or its end, and each character that came alone at first


async def test_a_field_that_rejects_some_characters_gets_each_by_itself() -> None:
    app = Form()
    async with app.run_test() as pilot:
        code = Input(restrict=r"\d*", max_length=6)
        await app.mount(code)
        code.focus()
        await pilot.pause()
        typed(app, *"12a 34567")
        await pilot.pause()
        assert code.value == "123456"


@pytest.mark.parametrize(
    ("given", "handled"), [("\x1b", ["escape"]), ("\x1bOP", ["f1"]), ("a\x1b", ["a", "escape"]), ("", [])]
)
async def test_what_was_typed_while_nobody_read_is_handled_to_its_last_key(
    given: str, handled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Form()
    async with app.run_test():
        keys: list[Message] = []
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "process_message", keys.append)
        with monkeypatch.context() as beside:
            beside.setattr(app, "guard", SimpleNamespace(given_back=lambda: given))
            app._take_keys_back()
        assert [key.key for key in keys if isinstance(key, Key)] == handled


async def test_who_wants_to_quit_twice_forces_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app, said, left = Form(), list[int](), list[None]()
    async with app.run_test():
        with monkeypatch.context() as beside:
            beside.setattr(app, "guard", SimpleNamespace(say=said.append))
            beside.setattr(app, "leave", lambda: left.append(None))
            app.quit()
            app.quit()
    assert said == [BEGUN]
    assert len(left) == 1


async def test_what_is_typed_while_a_page_is_made_again_goes_to_what_then_has_the_focus() -> None:
    app, gone, go_on = Form(), asyncio.Event(), asyncio.Event()

    async def make_again() -> None:
        app.screen.set_focus(None)
        gone.set()
        await go_on.wait()
        await app.screen.mount(Input(id="fresh"))
        app.query_one("#fresh").focus()

    async with app.run_test() as pilot:
        app.screen.call_later(make_again)
        await gone.wait()
        typed(app, "x")
        await asyncio.sleep(0)
        go_on.set()
        await pilot.pause()
        assert app.query_one("#fresh", Input).value == "x"


@pytest.mark.parametrize("work", ["timer", "worker"])
async def test_what_fails_in_passing_is_shown_and_ends_nothing(
    work: str, nothing_fails_in_passing: list[BaseException]
) -> None:
    app, tries = Form(), list[str]()

    def fail() -> None:
        tries.append(work)
        raise LookupError("canary-secret")

    async with app.run_test() as pilot:
        await pilot.pause()
        if work == "timer":
            timer = app.set_interval(0.01, fail)
        else:  # each was begun by the person
            for _ in range(3):
                app.run_worker(fail, thread=True)
        while len(tries) < 3 or any(not worker.is_finished for worker in app.workers):
            await pilot.pause()
        if work == "timer":
            timer.stop()  # what fails while the application ends is no passing failure
        assert len(app._notifications) == (1 if work == "timer" else 3)
        for shown in app._notifications:
            assert (shown.severity, app.failure) == ("error", None)
            assert "LookupError" in shown.message
            assert "canary" not in shown.message
    assert {type(failure) for failure in nothing_fails_in_passing} == {LookupError}
    nothing_fails_in_passing.clear()


async def test_a_brief_message_covers_no_button_of_a_dialog_that_fills_the_terminal() -> None:
    app = Form()
    async with app.run_test(size=(60, 15), notifications=True) as pilot:
        dialog = Confirm("Stop the keys?", "One key stops. " * 100, "Stop")
        app.push_screen(dialog)
        await pilot.pause()
        dialog.action_name_keys()
        await until(pilot, lambda: bool(app.screen.query("Toast")))
        await rest(pilot)
        for button in app.screen.query(Button):
            assert app.screen.find_widget(button).visible_region == button.region
            toast = app.screen.query_one("Toast").region
            assert not toast.overlaps(button.region)
