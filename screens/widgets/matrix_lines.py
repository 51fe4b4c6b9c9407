"""The lines of the matrix, drawn: the part with the names stays; of the cells only those in view are made."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from rich.style import Style
from textual.strip import Strip

from screens.widgets.matrix_layout import JOINS, LEAVES, OUT, UNKNOWN, Column, MatrixLayout, cut
from screens.widgets.text import segment, sized

GAP = 2
"""Before each cell: the line before the machine users' groups, and the cursor's mark."""
SIGN = 2
"""Before each name: why the person is there, or that something changes."""
StyleOf = Callable[[str], Style]
"""The style of a component by its name, as "cursor"; "" for the plain one."""

_STYLES = {JOINS: "joins", LEAVES: "leaves", OUT: "quiet", UNKNOWN: "quiet"}


@dataclass(frozen=True)
class Grid:
    """Where the columns stand.

    Attributes:
        layout: what is shown.
    """

    layout: MatrixLayout

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """Where each column ends, from the left end of the first."""
        ends, end = [], 0
        for one in self.layout.columns:
            end += one.width + GAP
            ends.append(end)
        return tuple(ends)

    @property
    def width(self) -> int:
        """Of all columns."""
        return self.ends[-1] if self.ends else 0

    @property
    def names_width(self) -> int:
        """Of the part with the names."""
        return self.layout.name_width + SIGN

    def start(self, index: int) -> int:
        """Where a column begins."""
        return self.ends[index - 1] if index else 0

    def at(self, x: int) -> int | None:
        """The index of the column at a place, None behind the last."""
        index = bisect_right(self.ends, x)
        return index if index < len(self.ends) else None

    def head_line(self, left: int, width: int, marked: int, style_of: StyleOf, *, second: bool) -> Strip:
        """A line of the head: the groups' names, or what happens to them.

        Args:
            left: how far the columns are scrolled.
            width: of the line.
            marked: the index of the marked column.
            style_of: the styles.
            second: whether it is the line with the notes.
        """
        style = style_of("head")
        marked_style = style if second else style + style_of("cursor")
        parts: list[tuple[str, Style]] = []
        for index, one in self._in_view(left, width):
            parts.append((self._edge(index) + " ", style))
            text = one.note if second else one.heading
            parts.append((sized(text, one.width), marked_style if index == marked else style))
        name = "" if second else " " * SIGN + "Person"
        return self._joined((name, style), parts, left, width, style)

    def person_line(
        self, row: int, left: int, width: int, marked: int | None, style_of: StyleOf, *, focused: bool
    ) -> Strip:
        """A person's line.

        Args:
            row: the index of the line.
            left: how far the columns are scrolled.
            width: of the line.
            marked: the index of the marked cell, or None if another person is marked.
            style_of: the styles.
            focused: whether keys go to the matrix.
        """
        who = self.layout.lines[row]
        parts: list[tuple[str, Style]] = []
        for index, one in self._in_view(left, width):
            words, here = self.layout.cell(who, one), index == marked
            style = style_of(_STYLES.get(words, ""))
            parts.append((self._edge(index) + ("▸" if here else " "), style))
            cell = style + style_of("cursor") if here and focused else style
            parts.append((sized(words, one.width), cell))
        name = f"{self.layout.sign(who)} {cut(who, self.layout.name_width)}"
        return self._joined(
            (name, style_of("" if marked is None else "person")), parts, left, width, style_of("")
        )

    def _in_view(self, left: int, width: int) -> Iterable[tuple[int, Column]]:
        first = bisect_right(self.ends, left)
        last = bisect_right(self.ends, left + max(0, width - self.names_width) - 1)
        return enumerate(self.layout.columns[first : last + 1], first)

    def _joined(
        self, name: tuple[str, Style], parts: list[tuple[str, Style]], left: int, width: int, rest: Style
    ) -> Strip:
        """The names, and the parts from the first column in view; neighbours of one style are one piece."""
        pieces: list[tuple[str, Style]] = []
        for text, style in parts:
            if pieces and pieces[-1][1] is style:
                pieces[-1] = (pieces[-1][0] + text, style)
            else:
                pieces.append((text, style))
        skipped = left - self.start(bisect_right(self.ends, left))
        room = max(0, width - self.names_width)
        body = Strip([segment(*one) for one in pieces]).crop(skipped, skipped + room)
        names = segment(sized(name[0], self.names_width), name[1])
        return Strip([names, *body.adjust_cell_length(room, rest)], width).crop(0, width)

    def _edge(self, index: int) -> str:
        """A line before the first group of machine users."""
        columns = self.layout.columns
        return "│" if columns[index].machine and (not index or not columns[index - 1].machine) else " "


def section_line(title: str, width: int, style: Style) -> Strip:
    """The line over people of one kind; it is not scrolled sideways."""
    return Strip([segment(sized(f"── {title} ".ljust(width, "─"), width), style)], width)
