"""The list that draws only what is in view: moving, filtering, and thousands of people."""

from __future__ import annotations

from functools import partial

from support.growth import growth
from support.layers import Habits, group, layer_of
from support.styles import Written, files_of
from textual.app import App, ComposeResult
from textual.containers import Vertical

from screens.admin.users import COLUMNS, UserLines
from screens.widgets.line_list import Line, LineList
from workflows.steps.admin.users import Request

LINES = [
    Line(("First",)),
    *(Line((f"a{number}", "x", "y"), number) for number in range(20)),
    Line(("Second",)),
    *(Line((f"b{number}", "x" * 50, "y"), number) for number in range(20, 40)),
    Line(("place", "to the end"), 40, "quiet"),
]


class Shown(App[None]):
    def __init__(self, *views: LineList) -> None:
        super().__init__()
        self._views = views

    def compose(self) -> ComposeResult:
        for view in self._views:
            yield Vertical(view)


def marked(view: LineList) -> object:
    return view.marked.key if view.marked is not None else None


async def test_headings_are_passed_over_and_the_mark_stays_in_view() -> None:
    view = LineList(("Name", "Two", "Three"), id="lines")
    async with Shown(view).run_test(size=(40, 10)) as pilot:
        view.focus()
        view.show(LINES)
        assert marked(view) == 0
        await pilot.press("up")
        assert marked(view) == 0
        await pilot.press(*["down"] * 20)
        assert marked(view) == 20  # the heading between is no line to mark
        await pilot.press("up")
        assert marked(view) == 19
        await pilot.press("pagedown", "end")
        assert marked(view) == 40
        await pilot.pause()
        assert LINES[-1].cells[-1] in "".join(view.render_line(y).text for y in range(10))
        await pilot.press("home")
        await pilot.pause()
        assert marked(view) == 0
        assert view.render_line(1).text.startswith("── First")


async def test_columns_that_do_not_fit_are_cut_off_or_omitted() -> None:
    view = LineList(("Name", "Two", "Three"), id="lines")
    async with Shown(view).run_test(size=(30, 10)) as pilot:
        view.show(LINES[22:42])
        await pilot.pause()
        line = view.render_line(1).text
        assert line.startswith("▌b20   x")
        assert "y" not in line


async def test_what_was_marked_stays_marked_among_fewer_lines() -> None:
    view = LineList(("Name", "Two", "Three"), id="lines")
    async with Shown(view).run_test(size=(40, 10)):
        view.show(LINES)
        view.action_row(-1)
        view.action_move(-1)
        view.show([line for line in LINES if line.key is None or line.key > 30])
        assert marked(view) == 39
        view.show(LINES[:5])
        assert marked(view) == 0
        view.show([])
        assert marked(view) is None
        view.action_move(1)
        view.action_page(1)
        assert marked(view) is None


def lines_of(count: int) -> UserLines:
    people = Written("list", [f"p{number:04}.q" for number in range(count)])
    machines = Written("list", [f"machine.m{number}" for number in range(50)], machine=True)
    files = files_of([people, machines], [group("devops", people.names, Habits())])
    layer = layer_of(files, {name: "KEY\n" for group in (people, machines) for name in group.names})
    return UserLines({layer.location.account: layer})


async def test_ten_times_as_many_people_take_ten_times_as_long_and_to_paint_no_longer() -> None:
    few, many, fewer, view = lines_of(500), lines_of(5_000), LineList(COLUMNS), LineList(COLUMNS)
    async with Shown(fewer, view).run_test(size=(100, 30)):
        assert growth(lambda: few.show(Request()), lambda: many.show(Request()), 30) < 30
        assert growth(lambda: fewer.show(few.lines(())), lambda: view.show(many.lines(())), 30) < 30
        assert growth(lambda: few.lines(("p", "490")), lambda: many.lines(("p", "4990")), 30) < 30
        assert growth(partial(painted, fewer), partial(painted, view), 3) < 3
        found = [line.cells[0] for line in many.lines(("p", "4990"))]
        assert found[1:] == ["p4990.q"]
        assert "(1)" in found[0]
        assert len(many.lines(())) == 5_052


def painted(view: LineList) -> list[object]:
    return [view.render_line(y) for y in range(30)]
