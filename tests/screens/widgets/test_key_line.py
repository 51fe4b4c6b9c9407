from __future__ import annotations

from typing import ClassVar
from unittest.mock import patch

from support.panes import rest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from screens.widgets.key_line import KeyLine


class Keys(App[None]):
    """An application with more keys than are shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", id="quit"),
        Binding("f1", "help", "Help", id="help"),
        Binding("a", "do('a')", "Does a", id="a", tooltip="More"),
        Binding("b", "do('b')", "Does b", id="b"),
        Binding("c", "do('c')", "Does c", id="c"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []

    def compose(self) -> ComposeResult:
        yield Input()
        yield KeyLine("b", "a", "help", "quit", "nothing of ours")

    def action_do(self, letter: str) -> None:
        self.done.append(letter)

    def action_help(self) -> None:
        self.done.append("?")

    def line(self) -> str:
        return self.screen._compositor.render_strips()[self.query_one(KeyLine).region.y].text.strip()


async def test_the_named_keys_stand_in_their_order_and_a_field_takes_the_letters() -> None:
    app = Keys()
    async with app.run_test(size=(60, 10)) as pilot:
        await rest(pilot)
        assert app.line() == "f1 Help   ^q Quit"
        app.screen.set_focus(None)
        await rest(pilot)
        assert app.line() == "b Does b   a Does a   f1 Help   ^q Quit"


async def test_it_is_drawn_again_only_for_other_keys() -> None:
    app = Keys()
    async with app.run_test(size=(60, 10)) as pilot:
        await rest(pilot)
        line = app.query_one(KeyLine)
        with patch.object(line, "refresh") as drawn:
            app.screen.refresh_bindings()
            await rest(pilot)
            assert not drawn.called
            app.screen.set_focus(None)
            await rest(pilot)
            assert drawn.called


async def test_what_has_no_room_is_left_out_whole() -> None:
    app = Keys()
    async with app.run_test(size=(33, 10)) as pilot:
        app.screen.set_focus(None)
        await rest(pilot)
        assert app.line() == "b Does b   a Does a   f1 Help"


async def test_a_click_presses_the_key_under_it_and_the_pointer_asks_for_more() -> None:
    app = Keys()
    async with app.run_test(size=(60, 10)) as pilot:
        app.screen.set_focus(None)
        await rest(pilot)
        at = app.line().index
        await pilot.click(KeyLine, offset=(at("Does b") + 1, 0))
        await pilot.click(KeyLine, offset=(59, 0))
        await pilot.hover(KeyLine, offset=(at("Does a") + 1, 0))
        assert app.query_one(KeyLine).tooltip == "More"
        await pilot.hover(KeyLine, offset=(at("Does b") + 1, 0))
        assert app.query_one(KeyLine).tooltip is None
        await rest(pilot)
        assert app.done == ["b"]
