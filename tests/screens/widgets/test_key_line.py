from __future__ import annotations

from typing import ClassVar

import pytest
from support.panes import rest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from screens.widgets.key_line import Key, KeyLine, fitting

KEYS = [
    Key("next", "ctrl+n", "^n", "Next", "next"),
    Key("copy", "c", "c", "Copy", "copy"),
    Key("save", "w", "w", "Save", "save"),
    Key("list", "f3", "f3", "Sessions", "list"),
    Key("quit", "ctrl+q", "^q", "Save and quit", "quit"),
]
WHOLE = sum(key.cells for key in KEYS)


def ids(width: int) -> list[str]:
    return [key.id for key in fitting(KEYS, width, kept=("next", "quit"), first_to_go=("list",))]


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (WHOLE, ["next", "copy", "save", "list", "quit"]),
        (WHOLE - 1, ["next", "copy", "save", "quit"]),
        (WHOLE - 12 + 2, ["next", "copy", "save", "quit"]),
        (WHOLE - 12 + 1, ["next", "copy", "quit"]),
        (30, ["next", "quit"]),
        (5, ["next", "quit"]),
    ],
)
def test_whole_keys_make_way_and_the_kept_ones_stay(width: int, expected: list[str]) -> None:
    assert ids(width) == expected


class Keys(App[None]):
    """Many keys, of which two must always be seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Save and quit", id="quit"),
        Binding("a", "do('a')", "Does a", id="a", tooltip="More of a"),
        *(Binding(letter, f"do('{letter}')", f"Does {letter}", id=letter) for letter in "bcdef"),
        Binding("ctrl+n", "next", "Next", id="next"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []

    def compose(self) -> ComposeResult:
        yield KeyLine(first=("next",), last=("quit",))

    def action_do(self, letter: str) -> None:
        self.done.append(letter)

    def line(self) -> str:
        return self.screen._compositor.render_strips()[-1].text.rstrip()


async def test_the_line_is_never_cut_and_says_that_there_is_more() -> None:
    app = Keys()
    async with app.run_test(size=(50, 10)) as pilot:
        await rest(pilot)
        assert app.line() == "^n Next a Does a b Does b … ^q Save and quit"
        await pilot.resize_terminal(90, 10)
        await rest(pilot)
        assert app.line().startswith("^n Next a Does a")
        assert app.line().endswith("f Does f ^q Save and quit")
        await pilot.resize_terminal(24, 10)
        await rest(pilot)
        assert app.line() == "^n Next … ^q Save and qu"


async def test_a_click_presses_the_key_under_it_and_the_pointer_asks_for_more() -> None:
    app = Keys()
    async with app.run_test(size=(90, 10)) as pilot:
        await rest(pilot)
        await pilot.click(KeyLine, offset=(app.line().index("Does b"), 0))
        await pilot.click(KeyLine, offset=(89, 0))
        await pilot.hover(KeyLine, offset=(app.line().index("Does a"), 0))
        assert app.query_one(KeyLine).tooltip == "More of a"
        await pilot.hover(KeyLine, offset=(app.line().index("Does b"), 0))
        assert app.query_one(KeyLine).tooltip is None
        await rest(pilot)
        assert app.done == ["b"]
