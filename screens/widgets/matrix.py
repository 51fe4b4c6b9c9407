"""The matrix of people and groups, which scrolls both ways under its head and beside its names.

Only the lines in view are drawn, by Textual's line API: a table of widgets or filled cells takes seconds for
thousands of people and dozens of groups.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from screens.widgets.line_list import CursorLines
from screens.widgets.text import BAR, segment, sized
from workflows.steps.admin.groups import Chosen, LayerChoice, LayerView

STAYS, JOINS, LEAVES, OUT, UNKNOWN = "● in", "+ joins", "- leaves", "·", "?"
_NARROWEST, _CUT, _WIDEST = 8, 12, 18
"""The width of a group's column: for short names, when cut so that all groups fit, and at most."""
_NAME_NARROWEST, _NAME_WIDEST = 12, 24
_SIGNS = {Chosen.JOINS: "+", Chosen.REGROUPS: "~", Chosen.LEAVES: "-"}
GAP = 2
"""Columns before each cell: for the line before the machine users' groups, and the cursor."""
SIGN = 2
"""Columns before each name: for why the person is there, or that something changes."""
_STYLES = {JOINS: "joins", LEAVES: "leaves", OUT: "quiet", UNKNOWN: "quiet"}


class Column(NamedTuple):
    """A group.

    Attributes:
        group: the choice's name for it.
        heading: the name to show, cut to the column's width.
        note: what happens to it, or that it is edited by hand; "" for nothing.
        machine: whether it is for machine users.
        width: of its cells.
    """

    group: str
    heading: str
    note: str
    machine: bool
    width: int


class Section(str):
    """A line between people, naming what those below it have in common."""

    __slots__ = ()


@dataclass(frozen=True)
class MatrixLayout:
    """The matrix of a layer for a choice and a filter.

    Attributes:
        view: the layer.
        choice: the decision for it.
        words: the filter's words, in any case; none shows everybody.
        room: the columns available for everything; 0 if unknown.
    """

    view: LayerView
    choice: LayerChoice
    words: tuple[str, ...] = ()
    room: int = 0

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Groups for people, then new ones, then groups for machine users likewise."""
        new = [group.name for group in self.view.new_groups(self.choice)]
        found = []
        for machine, groups in ((False, self.view.groups), (True, self.view.machine_groups)):
            mine = [name for name in new if self.view.is_for_machines(self.choice, name) is machine]
            names = (*(group.name for group in groups), *mine)
            found += [(name, self._note(name), machine) for name in names]
        wanted = [max(_NARROWEST, cell_len(group), cell_len(note)) for group, note, _machine in found]
        return tuple(
            Column(group, cut(group, width), cut(note, width), machine, width)
            for (group, note, machine), width in zip(found, self._fitted(wanted), strict=True)
        )

    def _fitted(self, wanted: Sequence[int]) -> Sequence[int]:
        """Return widths that show all columns, if names stay readable; else the usual ones."""
        room = self.room - self.name_width - SIGN - GAP * len(wanted)
        usual, *narrower = ([min(width, most) for width in wanted] for most in range(_WIDEST, _CUT - 1, -1))
        return next((widths for widths in (usual, *narrower) if sum(widths) <= room), usual)

    def _note(self, group: str) -> str:
        known = self.view.by_name.get(group)
        if group in self.choice.remove:
            return "goes"
        if group in self.choice.rename:
            return f"→ {self.choice.rename[group]}"
        if known is None:
            return "new"
        if changes := self.choice.policies.get(group):
            plus, minus = len(changes.add), len(changes.remove)
            return " ".join(
                filter(None, (f"+{plus}" if plus else "", f"-{minus}" if minus else "", "policies"))
            )
        return "" if known.editable else "by hand"

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The names to show, with a `Section` before each kind of people."""
        found: list[str] = []
        for why in Chosen:
            names = [name for name, chosen in self.view.chosen.items() if chosen is why]
            self._add(found, why.value.capitalize(), names)
        self._add(found, "Everybody else" if self.view.chosen else "People", self.view.others)
        self._add(found, "Machine users", self.view.machines)
        return tuple(found)

    def _add(self, found: list[str], title: str, names: Sequence[str]) -> None:
        matching = [name for name in names if self._matches(name)] if self.words else names
        if matching:
            found.append(Section(f"{title}: {len(matching):,}"))
            found.extend(matching)

    def _matches(self, name: str) -> bool:
        """Return whether every word is in the name, or in that of a current or future group of the person."""
        folded = name.casefold()
        groups: frozenset[str] | None = None
        for word, meant in self._meant:
            if word in folded:
                continue
            if not meant:
                return False
            if groups is None:
                groups = self.view.before(name) | self.view.after(name, self.choice)
            if meant.isdisjoint(groups):
                return False
        return True

    @cached_property
    def _meant(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """Each word of the filter, folded, with the groups whose name contains it."""
        names = [column.group for column in self.columns]
        folded = [word.casefold() for word in self.words]
        return tuple((word, frozenset(name for name in names if word in name.casefold())) for word in folded)

    @property
    def group_meant(self) -> str:
        """The first group whose name the filter matches, or ""."""
        meant = frozenset().union(*(groups for _, groups in self._meant))
        return next((column.group for column in self.columns if column.group in meant), "")

    @cached_property
    def shown(self) -> int:
        """The number of people shown."""
        return sum(not isinstance(line, Section) for line in self.lines)

    @property
    def name_width(self) -> int:
        """The width of the name column, without the sign."""
        return max(_NAME_NARROWEST, min(_NAME_WIDEST, self.view.longest))

    @cached_property
    def has_notes(self) -> bool:
        """Whether the head needs a second line."""
        return any(column.note for column in self.columns)

    def sign(self, name: str) -> str:
        """Return the mark before a name: why the person was chosen, or that something changes for them."""
        if (why := self.view.chosen.get(name)) is not None:
            return _SIGNS[why]
        return "*" if self.choice.members.get(name, self.view.before(name)) != self.view.before(name) else " "

    def cell(self, name: str, column: Column) -> str:
        """Return the text of a cell; blank if the person can't be in the group."""
        group = column.group
        before = group in self.view.before(name)
        wanted = self.view.with_followed(name, self.view.after(name, self.choice))
        after = group in wanted and group not in self.choice.remove
        if self.view.chosen.get(name) is Chosen.LEAVES:
            after = False
        if before:
            return STAYS if after else LEAVES
        if after:
            return JOINS
        if column.machine is not self.view.is_machine(name):
            return ""
        known = self.view.by_name.get(group)
        return UNKNOWN if known is not None and known.computed else OUT


def cut(text: str, width: int) -> str:
    """Cut a text to a width, with … at the end."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


_EMPTY = MatrixLayout(LayerView(""), LayerChoice())
_KEYS: tuple[tuple[str, str, str], ...] = (
    ("left", "across(-1)", "Left"),
    ("right", "across(1)", "Right"),
    ("home", "column(0)", "First group"),
    ("end", "column(-1)", "Last group"),
    ("ctrl+home", "row(0)", "First person"),
    ("ctrl+end", "row(-1)", "Last person"),
)


class Matrix(CursorLines):
    """People down, groups across. It draws its layout and reports what the user wants."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, action, words, show=False) for key, action, words in _KEYS),
        Binding(
            "space,enter",
            "put",
            "In or out",
            id="groups.toggle",
            tooltip="Add or remove the person",
        ),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("lines--person", "lines--joins", "lines--leaves", "lines--cursor", "lines--column"),
    }
    DEFAULT_CSS = """
    Matrix > .lines--person { text-style: bold; }
    Matrix > .lines--joins { color: $text-success; text-style: bold; }
    Matrix > .lines--leaves { color: $text-warning; text-style: bold; }
    Matrix > .lines--cursor { color: $accent; text-style: bold reverse; }
    Matrix > .lines--column { color: $accent; text-style: bold; }
    """
    HEADING_FILL = "─"

    @dataclass
    class Put(Message):
        """The user wants the selected person in the selected group, or out of it."""

        name: str
        group: str

    def __init__(self) -> None:
        super().__init__(id="matrix")
        self.layout_shown = _EMPTY
        self._ends: list[int] = []
        self._column = 0

    # -- display -----------------------------------------------------------------------------------

    @property
    def head(self) -> int:
        return 2 if self.layout_shown.has_notes else 1

    @property
    def rows(self) -> int:
        return len(self.layout_shown.lines)

    def heading(self, row: int) -> str | None:
        line = self.layout_shown.lines[row]
        return line if isinstance(line, Section) else None

    @property
    def person(self) -> str:
        """The selected person, "" if nobody is shown."""
        lines = self.layout_shown.lines
        return lines[self.row] if self.row < len(lines) else ""

    @property
    def group(self) -> str:
        """The selected group, "" if there is none."""
        columns = self.layout_shown.columns
        return columns[self._column].group if self._column < len(columns) else ""

    def show(self, layout: MatrixLayout) -> None:
        """Show another layer, choice or filter, keeping the selected person and group if possible."""
        person, group = self.person, self.group
        layout = self.layout_shown = replace(layout, room=self._room)
        self._ends = list(accumulate(column.width + GAP for column in layout.columns))
        self.virtual_size = Size(self._names_width + sum(self._ends[-1:]), self.head + len(layout.lines))
        self.mark(person, group)

    @property
    def _room(self) -> int:
        """The width available beside a scrollbar."""
        return self.size.width - self.styles.scrollbar_size_vertical

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002 - Textual's handler
        """Fit the columns to the new size."""
        if self.layout_shown.room != self._room:
            self.show(self.layout_shown)

    def mark(self, person: str = "", group: str = "") -> None:
        """Select a person's cell of a group, or the nearest one shown."""
        lines, names = self.layout_shown.lines, [column.group for column in self.layout_shown.columns]
        self._go_across(names.index(group) if group in names else self._column)
        nearest = min(self.row, max(0, len(lines) - 1))
        self.select(lines.index(person) if person in lines else self.next_line(nearest, 1) or 0)

    # -- moving ------------------------------------------------------------------------------------

    def _go_across(self, column: int) -> None:
        self._column = max(0, min(len(self._ends) - 1, column))

    def action_across(self, right: int) -> None:
        """Select the next cell in the row."""
        self._go_across(self._column + right)
        self.select(self.row)

    def action_column(self, column: int) -> None:
        """Select the first group, or the last one for -1."""
        self._go_across(column if column >= 0 else len(self._ends))
        self.select(self.row)

    def action_put(self) -> None:
        """Ask to add the selected person to the group, or remove them."""
        if self.person and self.group:
            self.post_message(self.Put(self.person, self.group))

    def clicked(self, row: int, x: int) -> None:
        """Select the cell under the pointer; a click on the selected one toggles the membership."""
        beside, before = x - self._names_width, (self.row, self._column)
        column = bisect_right(self._ends, beside + round(self.scroll_x)) if beside >= 0 else len(self._ends)
        if column < len(self._ends):
            self._column = column
        self.select(row)
        if column < len(self._ends) and before == (self.row, self._column):
            self.action_put()

    # -- geometry ----------------------------------------------------------------------------------

    @property
    def _names_width(self) -> int:
        return self.layout_shown.name_width + SIGN

    def _start(self, index: int) -> int:
        """Return a column's start, from the left end of the first."""
        return self._ends[index - 1] if index else 0

    def left_needed(self) -> float:
        """Scroll just enough for the selected cell."""
        if not self._ends:
            return 0
        wide = max(1, self.scrollable_content_region.width - self._names_width)
        x = min(max(round(self.scroll_x), self._ends[self._column] - wide), self._start(self._column))
        return max(0, x)

    # -- drawing -----------------------------------------------------------------------------------

    def drawn_head(self, y: int, width: int) -> Strip:
        """Draw the groups' names, or what happens to them."""
        style = self.style_of("head")
        selected = style if y else style + self.style_of("column")
        parts: list[tuple[str, Style]] = []
        for index, column in self._in_view(width):
            parts.append((self._edge(index) + " ", style))
            text = column.note if y else column.heading
            parts.append((sized(text, column.width), selected if index == self._column else style))
        return self._joined(("" if y else " " * SIGN + "Person", style), parts, width, style)

    def drawn_line(self, row: int, width: int) -> Strip:
        """Draw a person's line."""
        layout, here = self.layout_shown, row == self.row
        who = layout.lines[row]
        parts: list[tuple[str, Style]] = []
        for index, column in self._in_view(width):
            words, selected = layout.cell(who, column), here and index == self._column
            style = self.style_of(_STYLES.get(words, ""))
            focused = selected and self.has_focus
            mark = " " if not selected else BAR if focused else "▸"
            parts += [(self._edge(index), style), (mark, self.style_of("column") if focused else style)]
            cell = style + self.style_of("cursor") if focused else style
            parts.append((sized(words, column.width), cell))
        name = f"{layout.sign(who)} {cut(who, layout.name_width)}"
        return self._joined((name, self.style_of("person" if here else "")), parts, width, self.style_of(""))

    def _in_view(self, width: int) -> Iterable[tuple[int, Column]]:
        left = round(self.scroll_x)
        first = bisect_right(self._ends, left)
        last = bisect_right(self._ends, left + max(0, width - self._names_width) - 1)
        return enumerate(self.layout_shown.columns[first : last + 1], first)

    def _joined(
        self, name: tuple[str, Style], parts: Sequence[tuple[str, Style]], width: int, rest: Style
    ) -> Strip:
        """Draw the name, and the parts from the first column in view."""
        left = round(self.scroll_x)
        skipped = left - self._start(bisect_right(self._ends, left))
        room = max(0, width - self._names_width)
        body = Strip([segment(*part) for part in parts]).simplify().crop(skipped, skipped + room)
        names = segment(sized(name[0], self._names_width), name[1])
        return Strip([names, *body.adjust_cell_length(room, rest)], width).crop(0, width)

    def _edge(self, index: int) -> str:
        """Return the line before the first group of machine users."""
        columns = self.layout_shown.columns
        return "│" if columns[index].machine and (not index or not columns[index - 1].machine) else " "
