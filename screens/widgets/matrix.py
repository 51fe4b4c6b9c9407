"""The matrix of people and groups: it scrolls both ways under its head and beside its names.

Only the lines in view are drawn, by Textual's line API: a table of widgets or of filled cells takes seconds
for thousands of people and dozens of groups.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.widgets.text import segment, sized
from workflows.steps.admin.groups import Chosen, LayerChoice, LayerView

STAYS, JOINS, LEAVES, OUT, UNKNOWN = "● in", "+ joins", "- leaves", "·", "?"
_NARROWEST, _WIDEST = 8, 18
_NAME_NARROWEST, _NAME_WIDEST = 12, 24
_SIGNS = {Chosen.JOINS: "+", Chosen.REGROUPS: "~", Chosen.LEAVES: "-"}
GAP = 2
"""Before each cell: the line before the machine users' groups, and the cursor's mark."""
SIGN = 2
"""Before each name: why the person is there, or that something changes."""
StyleOf = Callable[[str], Style]
"""The style of a component by its name, as "cursor"; "" for the plain one."""
_STYLES = {JOINS: "joins", LEAVES: "leaves", OUT: "quiet", UNKNOWN: "quiet"}


class Column(NamedTuple):
    """A group.

    Attributes:
        group: the name that the choice knows it by.
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
    """A line between people: what those below it have in common."""

    __slots__ = ()


@dataclass(frozen=True)
class MatrixLayout:
    """The matrix of a layer, as a choice makes it, of those whom a filter leaves.

    Attributes:
        view: the layer.
        choice: what is decided for it.
        words: the filter's words, in any case; all people if there are none.
    """

    view: LayerView
    choice: LayerChoice
    words: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """People's groups, new ones behind them, then the groups of machine users likewise."""
        new = [one.name for one in self.view.new_groups(self.choice)]
        found = []
        for machine, groups in ((False, self.view.groups), (True, self.view.machine_groups)):
            mine = [name for name in new if self.view.is_for_machines(self.choice, name) is machine]
            found += [self._column(name, machine) for name in (*(one.name for one in groups), *mine)]
        return tuple(found)

    def _column(self, group: str, machine: bool) -> Column:  # noqa: FBT001 - one of two loops
        note = self._note(group)
        width = max(_NARROWEST, min(_WIDEST, cell_len(group)), min(_WIDEST, cell_len(note)))
        return Column(group, cut(group, width), cut(note, width), machine, width)

    def _note(self, group: str) -> str:
        known = self.view.by_name.get(group)
        if group in self.choice.remove:
            return "goes"
        if group in self.choice.rename:
            return f"→ {self.choice.rename[group]}"
        if known is None:
            return "new"
        changes = self.choice.policies.get(group)
        if changes:
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
            names = [name for name, one in self.view.chosen.items() if one is why]
            self._add(found, why.value.capitalize(), names)
        self._add(found, "Everybody else" if self.view.chosen else "People", self.view.others)
        self._add(found, "Machine users", self.view.machines)
        return tuple(found)

    def _add(self, found: list[str], title: str, names: tuple[str, ...] | list[str]) -> None:
        matching = [name for name in names if self._matches(name)] if self.words else names
        if matching:
            found.append(Section(f"{title}: {len(matching):,}"))
            found.extend(matching)

    def _matches(self, name: str) -> bool:
        """Whether every word is in the name, or in the name of a group that the person is or will be in."""
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
        """Each word of the filter, folded, with the groups that it is in the name of."""
        names = [one.group for one in self.columns]
        folded = [word.casefold() for word in self.words]
        return tuple((word, frozenset(one for one in names if word in one.casefold())) for word in folded)

    @property
    def group_meant(self) -> str:
        """The first group whose name the filter matches, "" if it matches none."""
        meant = frozenset().union(*(some for _, some in self._meant))
        return next((one.group for one in self.columns if one.group in meant), "")

    @cached_property
    def shown(self) -> int:
        """How many people are shown."""
        return sum(not isinstance(one, Section) for one in self.lines)

    @property
    def name_width(self) -> int:
        """The width of the column with the names, without the sign before them."""
        return max(_NAME_NARROWEST, min(_NAME_WIDEST, self.view.longest))

    @cached_property
    def has_notes(self) -> bool:
        """Whether the head needs a second line."""
        return any(one.note for one in self.columns)

    def sign(self, name: str) -> str:
        """The mark before a name: why the person was chosen, or that something changes for them."""
        why = self.view.chosen.get(name)
        if why is not None:
            return _SIGNS[why]
        return "*" if self.choice.members.get(name, self.view.before(name)) != self.view.before(name) else " "

    def cell(self, name: str, column: Column) -> str:
        """The words of a cell; blank where a person and a group do not go together."""
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
    """A text that is at most so wide, with … where it was cut."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


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
            marked: the index of the selected column.
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
            marked: the index of the selected cell, or None if another person is selected.
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


_EMPTY = MatrixLayout(LayerView(""), LayerChoice())
_KEYS: tuple[tuple[str, str, str], ...] = (
    ("up", "move(-1, 0)", "Up"),
    ("down", "move(1, 0)", "Down"),
    ("left", "move(0, -1)", "Left"),
    ("right", "move(0, 1)", "Right"),
    ("pageup", "page(-1)", "Page up"),
    ("pagedown", "page(1)", "Page down"),
    ("home", "column(0)", "First group"),
    ("end", "column(-1)", "Last group"),
    ("ctrl+home", "row(0)", "First person"),
    ("ctrl+end", "row(-1)", "Last person"),
)


class Matrix(ScrollView, can_focus=True):
    """People down, groups across. It draws what it is shown and says what the person wants."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, action, words, show=False) for key, action, words in _KEYS),
        Binding(
            "space,enter",
            "put",
            "In or out",
            id="groups.toggle",
            tooltip="Put the person in or out",
        ),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("matrix--head", "matrix--section", "matrix--person", "matrix--quiet"),
        *("matrix--joins", "matrix--leaves", "matrix--cursor"),
    }
    DEFAULT_CSS = """
    Matrix { scrollbar-size-horizontal: 1; scrollbar-size-vertical: 1; }
    Matrix > .matrix--head { text-style: bold; color: $foreground; background: $panel; }
    Matrix > .matrix--section { color: $text-accent; }
    Matrix > .matrix--person { text-style: bold; }
    Matrix > .matrix--quiet { color: $text-muted; }
    Matrix > .matrix--joins { color: $text-success; text-style: bold; }
    Matrix > .matrix--leaves { color: $text-error; text-style: bold; }
    Matrix > .matrix--cursor { text-style: reverse; }
    """

    @dataclass
    class Moved(Message):
        """Another cell is marked, or what it shows is another."""

    @dataclass
    class Put(Message):
        """The person wants the selected person in the selected group, or out of it."""

        name: str
        group: str

    @dataclass
    class LeftUpwards(Message):
        """The person went up from the first line."""

    def __init__(self) -> None:
        super().__init__(id="matrix")
        self.layout_shown = _EMPTY
        self._grid = Grid(_EMPTY)
        self._row = 0
        self._column = 0
        self._styles_known: dict[str, Style] = {}

    # -- what is shown -----------------------------------------------------------------------------

    @property
    def person(self) -> str:
        """The selected person, "" if nobody is shown."""
        lines = self.layout_shown.lines
        return lines[self._row] if self._row < len(lines) else ""

    @property
    def group(self) -> str:
        """The selected group, "" if there is none."""
        columns = self.layout_shown.columns
        return columns[self._column].group if self._column < len(columns) else ""

    def show(self, layout: MatrixLayout) -> None:
        """Show another layer, choice or filter; person and group stay selected if they are in it."""
        person, group = self.person, self.group
        self.layout_shown = layout
        self._grid = Grid(layout)
        wide = self._grid.names_width + self._grid.width
        self.virtual_size = Size(wide, self._head + len(layout.lines))
        self.mark(person, group)

    def mark(self, person: str = "", group: str = "") -> None:
        """Select a person's cell of a group; the nearest there is where one of them is not shown."""
        lines, columns = self.layout_shown.lines, self.layout_shown.columns
        self._row = lines.index(person) if person in lines else min(self._row, max(0, len(lines) - 1))
        if self._row < len(lines) and isinstance(lines[self._row], Section):
            self._row += 1  # nobody's section is shown without people
        names = [one.group for one in columns]
        last = max(0, len(columns) - 1)
        self._column = names.index(group) if group in names else min(self._column, last)
        self._marked()

    def _marked(self) -> None:
        self._reveal()
        self.refresh()
        self.post_message(self.Moved())

    # -- moving ------------------------------------------------------------------------------------

    def action_move(self, down: int, right: int) -> None:
        """Mark the neighbour; up from the first person leaves the matrix."""
        columns = self.layout_shown.columns
        self._column = max(0, min(len(columns) - 1, self._column + right))
        if down and not self._step(down):
            if down < 0:
                self.post_message(self.LeftUpwards())
            return
        self._marked()

    def _step(self, down: int) -> bool:
        """Go to the next line that is a person; returns whether there is one."""
        lines, row = self.layout_shown.lines, self._row + down
        while 0 <= row < len(lines) and isinstance(lines[row], Section):
            row += down
        if not 0 <= row < len(lines):
            return False
        self._row = row
        return True

    def action_page(self, direction: int) -> None:
        """Go as far as can be seen."""
        self.action_row(self._row + direction * max(1, self._body - 1))

    def action_row(self, row: int) -> None:
        """Select the person on a line, or the nearest; negative ones count from the end."""
        count = len(self.layout_shown.lines)
        if not count:
            return
        self._row = max(0, min(count - 1, count - 1 if row == -1 else row))
        if isinstance(self.layout_shown.lines[self._row], Section):
            self._row += 1
        self._marked()

    def action_column(self, column: int) -> None:
        """Mark the first group, or the last one for -1."""
        self._column = max(0, len(self.layout_shown.columns) - 1) if column else 0
        self._marked()

    def action_put(self) -> None:
        """Ask for the selected person to be put in or out."""
        if self.person and self.group:
            self.post_message(self.Put(self.person, self.group))

    def on_click(self, event: Click) -> None:
        """Select the cell under the pointer; a click on the selected one puts in or out."""
        row = round(self.scroll_y) + event.y - self._head
        lines = self.layout_shown.lines
        if event.y < self._head or not 0 <= row < len(lines) or isinstance(lines[row], Section):
            return
        beside = event.x - self._grid.names_width
        column = self._grid.at(beside + round(self.scroll_x)) if beside >= 0 else None
        same = (row, column) == (self._row, self._column)
        self._row = row
        self._column = self._column if column is None else column
        self._marked()
        if same:
            self.action_put()

    # -- where things are --------------------------------------------------------------------------

    @property
    def _head(self) -> int:
        return 2 if self.layout_shown.has_notes else 1

    @property
    def _body(self) -> int:
        """How many people can be seen."""
        return max(1, self.scrollable_content_region.height - self._head)

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002 - Textual's handler
        """Keep the selected cell in view."""
        self._reveal()

    def _reveal(self) -> None:
        """Scroll just as far as the selected cell, its head and a section's line above it need."""
        region = self.scrollable_content_region
        if not region.height:
            return
        columns = self.layout_shown.columns
        left = self._grid.start(self._column) if columns else 0
        right = self._grid.ends[self._column] if columns else 0
        wide = max(1, region.width - self._grid.names_width)
        x = min(max(round(self.scroll_x), right - wide), left)
        lines = self.layout_shown.lines
        above = self._row - 1 if self._row and isinstance(lines[self._row - 1], Section) else self._row
        y = min(max(round(self.scroll_y), self._row - self._body + 1), above)
        self.scroll_to(max(0, x), max(0, y), animate=False, force=True, immediate=True)

    # -- drawing -----------------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        self._styles_known.clear()

    def _style(self, name: str) -> Style:
        if name not in self._styles_known:
            base = self.rich_style
            found = base + self.get_component_rich_style(f"matrix--{name}", partial=True) if name else base
            self._styles_known[name] = found
        return self._styles_known[name]

    def render_line(self, y: int) -> Strip:
        """A line of the head, a section's, or a person's."""
        lines, left = self.layout_shown.lines, round(self.scroll_x)
        width = self.scrollable_content_region.width
        row = round(self.scroll_y) + y - self._head
        if y < self._head:
            return self._grid.head_line(left, width, self._column, self._style, second=y > 0)
        if row >= len(lines):
            return Strip.blank(width, self._style(""))
        if isinstance(lines[row], Section):
            return section_line(lines[row], width, self._style("section"))
        marked = self._column if row == self._row else None
        return self._grid.person_line(row, left, width, marked, self._style, focused=self.has_focus)
