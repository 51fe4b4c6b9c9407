"""The lines of the matrix, drawn: each is the part with the names, which stays, and the cells beside it."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from screens.widgets.matrix_layout import JOINS, LEAVES, OUT, UNKNOWN, MatrixLayout, cut

GAP = 2
"""Before each cell: the line before the machine users' groups, and the cursor's mark."""
SIGN = 2
"""Before each name: why the person is there, or that something changes."""
StyleOf = Callable[[str], Style]
Line = tuple[Segment, list[Segment], Style]
"""The names' part, the cells, and the style of the room behind them."""

_STYLES = {JOINS: "joins", LEAVES: "leaves", OUT: "quiet", UNKNOWN: "quiet"}


def head_line(layout: MatrixLayout, marked: int, style_of: StyleOf, *, second: bool) -> Line:
    """A line of the head: the groups' names, or what happens to them.

    Args:
        layout: what is shown.
        marked: the index of the marked column.
        style_of: the style of a component by its name, as "cursor"; "" for the plain one.
        second: whether it is the line with the notes.
    """
    style = style_of("head")
    cells = []
    for index, one in enumerate(layout.columns):
        here = style + style_of("cursor") if index == marked and not second else style
        cells.append(Segment(f"{_edge(layout, index)} ", style))
        cells.append(Segment(set_cell_size(one.note if second else one.heading, one.width), here))
    corner = "" if second else " " * SIGN + "Person"
    return Segment(set_cell_size(corner, layout.name_width + SIGN), style), cells, style


def section_line(title: str, width: int, style: Style) -> Strip:
    """The line over people of one kind; it is not scrolled sideways."""
    return Strip([Segment(set_cell_size(f"── {title} ".ljust(width, "─"), width), style)], width)


def person_line(
    layout: MatrixLayout, row: int, marked: int | None, style_of: StyleOf, *, focused: bool
) -> Line:
    """A person's line.

    Args:
        layout: what is shown.
        row: the index of the line.
        marked: the index of the marked cell, or None if another person is marked.
        style_of: as for `head_line`.
        focused: whether keys go to the matrix.
    """
    who = layout.lines[row]
    cells = []
    for index, one in enumerate(layout.columns):
        words, here = layout.cell(who, one), index == marked
        style = style_of(_STYLES.get(words, ""))
        if here and focused:
            style += style_of("cursor")
        cells.append(Segment(_edge(layout, index) + ("▸" if here else " "), style_of("quiet")))
        cells.append(Segment(set_cell_size(words, one.width), style))
    name = f"{layout.sign(who)} {cut(who, layout.name_width)}"
    part = Segment(
        set_cell_size(name, layout.name_width + SIGN), style_of("" if marked is None else "person")
    )
    return part, cells, style_of("")


def _edge(layout: MatrixLayout, index: int) -> str:
    """A line before the first group of machine users."""
    columns = layout.columns
    return "│" if columns[index].machine and (not index or not columns[index - 1].machine) else " "
