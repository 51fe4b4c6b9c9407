"""What Textual's own texts don't do by themselves."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.strip import Strip
from textual.widgets import Input

from screens.widgets.lists import MarkList
from screens.widgets.text import BAR, LINE_CELLS, Button, ButtonRow, Lines, Text, aligned, shortened, with_bar


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield Text("", id="text")
        yield Text("", id="other")
        yield Button("", id="button")


async def test_a_text_that_is_replaced_twice_before_it_rests_has_room_for_the_last() -> None:
    app = Host()
    async with app.run_test() as pilot:
        text, other = app.query_one("#text", Text), app.query_one("#other", Text)
        text.update("one")
        other.update("one\ntwo")
        other._check_refresh()
        app.screen._refresh_layout()  # for the other's sake
        text.update("one\ntwo\nthree")
        await pilot.pause()
        assert text.size.height == 3


async def test_a_button_that_is_renamed_twice_before_it_rests_is_as_wide_as_the_last() -> None:
    app = Host()
    async with app.run_test() as pilot:
        button, other = app.query_one(Button), app.query_one("#other", Text)
        button.label = "short"
        other.update("one\ntwo")
        other._check_refresh()
        app.screen._refresh_layout()  # for the other's sake
        button.label = label = "a much longer label than that"
        await pilot.pause()
        assert button.size.width == len(f"[ {label} ]")


async def test_buttons_without_room_beside_the_others_stand_below_them() -> None:
    class Row(App[None]):
        def compose(self) -> ComposeResult:
            yield ButtonRow(*(Button(f"Button {number}", id=f"button-{number}") for number in range(3)))
            yield Text("below", id="below")

    app = Row()
    async with app.run_test(size=(40, 24)) as pilot:
        first, second, third = (button.region for button in app.query(Button))
        assert first.y == second.y
        assert (third.x, third.y) == (first.x, first.y + 1)
        assert app.query_one("#below").region.y == third.bottom
        await pilot.resize_terminal(60, 24)
        assert {button.region.y for button in app.query(Button)} == {first.y}


async def test_a_letter_that_would_be_typed_is_on_no_button() -> None:
    class Typing(App[None]):
        def compose(self) -> ComposeResult:
            yield Input()
            yield Button("Log", id="log", key="l")
            yield Button("Do", id="do", key="^o")

    app = Typing()
    async with app.run_test() as pilot:
        log, do = app.query_one("#log", Button), app.query_one("#do", Button)
        assert (log.render().plain, do.render().plain) == ("[ Log ]  ", "[ Do ^o ]")
        do.focus()
        await pilot.pause()
        assert log.render().plain == "[ Log l ]"


def test_of_a_long_line_only_the_middle_of_its_path_is_left_out() -> None:
    long = f"export NAME=/home/jane/{'a' * 90}/config more"
    short = shortened(long, 60)
    assert len(short) == 60
    assert short.startswith("export NAME=/home")
    assert short.endswith("/config more")
    assert shortened("no path " * 20, 60) == "no path " * 20
    assert shortened("/short", 60) == "/short"


@pytest.mark.parametrize(
    ("line", "reversed_part"),
    [
        ("  Add people   keys in  ", "Add people"),
        ("    ! inline policy  ", "! inline policy"),
        (" jane.doe  x", "jane.doe"),
        ("  ", ""),
    ],
)
def test_the_line_with_the_focus_has_the_bar_and_keeps_its_width(line: str, reversed_part: str) -> None:
    strip = with_bar(Strip([Segment(line)]), Style(bold=True))
    assert strip.text == f"{BAR}{line[1:]}"
    assert "".join(piece.text for piece in strip if piece.style and piece.style.reverse) == reversed_part
    wrapped = with_bar(Strip([Segment(line)]), Style(bold=True), label=False)
    assert not any(piece.style and piece.style.reverse and piece.text for piece in wrapped)


async def test_a_line_goes_on_below_its_first_word() -> None:
    class Host(App[None]):
        def compose(self) -> ComposeResult:
            yield Lines("Plain words that wrap", "✓ Marked words that wrap", "  roles of many accounts", "")

    app = Host()
    async with app.run_test(size=(14, 24)) as pilot:
        await pilot.pause()
        assert str(app.query_one(Lines).render()).split("\n") == [
            "Plain words",
            "that wrap",
            "✓ Marked words",
            "  that wrap",
            "  roles of",
            "  many",
            "  accounts",
            "",
        ]


@pytest.mark.parametrize(
    ("line", "folded"),
    [
        (
            "✓ Kept now in ~/a/very/long/path/to/it. Do it.",
            ["✓ Kept now in", "  ~/a/very/long/path/", "  to/it. Do it."],
        ),
        (
            "✓ Kept ~/a/very/long/path/to/it. Do it.",
            ["✓ Kept ~/a/very/long/", "       path/to/it. Do", "  it."],
        ),
        (
            "Written to the file ~/a/long/path/to/it/all",
            ["Written to the file", "~/a/long/path/to/it/", "all"],
        ),
        ("File ~/a/path/to/it, fine", ["File ~/a/path/to/it,", "fine"]),
        ("✓ As ~/a/path/of/20/cells it", ["✓ As ~/a/path/of/20/", "     cells it"]),
    ],
)
async def test_a_path_goes_on_below_its_own_beginning(line: str, folded: list[str]) -> None:
    class Host(App[None]):
        def compose(self) -> ComposeResult:
            yield Lines(line)

    app = Host()
    async with app.run_test(size=(21, 24)) as pilot:
        await pilot.pause()
        assert str(app.query_one(Lines).render()).split("\n") == folded


async def test_the_arrows_reach_every_button_of_several_rows() -> None:
    class Rows(App[None]):
        def compose(self) -> ComposeResult:
            with VerticalScroll(can_focus=False):
                yield Horizontal(*(Button(name, id=name) for name in "ab"))
                yield Vertical(Horizontal(Button("c", id="c")), id="deeper")
                yield Vertical(Horizontal(Button("x", id="x")), id="hidden")
                yield Horizontal(*(Button(name, id=name) for name in "de"))
            yield Horizontal(Button("bar", id="bar"))

    app = Rows()
    async with app.run_test() as pilot:
        app.query_one("#hidden").display = False
        app.query_one("#a").focus()
        keys = ("right", "down", "right", "down", "right", "down", "up", "up", "up", "left")
        seen = []
        for key in keys:
            await pilot.press(key)
            seen.append(app.focused.id if app.focused else "")
        assert "".join(map(str, seen)) == "bccdeecaaa"
        app.query_one("#bar").focus()
        for key, focused in (("down", "#bar"), ("up", "#e")):
            await pilot.press(key)
            assert app.focused is app.query_one(focused), "it stands below the page"


async def test_the_arrows_pass_over_hidden_buttons() -> None:
    class Rows(App[None]):
        def compose(self) -> ComposeResult:
            with VerticalScroll(can_focus=False):
                for row in ("abc", "d", "e"):
                    yield Horizontal(*(Button(name, id=name) for name in row), id=f"row-{row}")

    app = Rows()
    async with app.run_test() as pilot:
        app.query("#b, #row-d").set(display=False)
        app.query_one("#a").focus()
        seen = []
        for key in ("right", "left", "down", "up"):
            await pilot.press(key)
            seen.append(app.focused.id if app.focused else "")
        assert seen == ["c", "a", "e", "a"]
        app.query_one("#a", Button).display = False
        app.query_one("#a", Button).action_beside(1)  # a key that comes before the focus has moved on


def test_rows_stand_in_columns_where_they_have_room() -> None:
    assert aligned([("management", "3 people"), ("security", "a person", "more")]) == [
        "management  3 people",
        "security    a person  more",
    ]
    long = "x" * LINE_CELLS
    assert aligned([("a", long), ("bcd", "e")]) == [f"a  {long}", "bcd  e"]


async def test_a_box_cut_off_says_so() -> None:
    class Host(App[None]):
        def compose(self) -> ComposeResult:
            yield MarkList(id="boxes")

    app = Host()
    async with app.run_test(size=(30, 10)) as pilot:
        boxes = app.query_one(MarkList)
        boxes.show([("an_address." * 9, "long"), ("an.address", "short")], ())
        await pilot.pause()
        assert boxes.render_line(0).text.rstrip().endswith("…")
        assert boxes.render_line(1).text.rstrip().endswith("an.address")
