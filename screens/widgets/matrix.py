"""The matrix of people and groups: it scrolls both ways under its head and beside its names.

Only the lines in view are drawn, by Textual's line API: a table of widgets or of filled cells takes seconds
for thousands of people and dozens of groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.widgets.matrix_layout import MatrixLayout, Section
from screens.widgets.matrix_lines import Grid, section_line
from workflows.steps.group_views import LayerChoice, LayerView

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
        """The person wants the marked person in the marked group, or out of it."""

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
        """The marked person, "" if nobody is shown."""
        lines = self.layout_shown.lines
        return lines[self._row] if self._row < len(lines) else ""

    @property
    def group(self) -> str:
        """The marked group, "" if there is none."""
        columns = self.layout_shown.columns
        return columns[self._column].group if self._column < len(columns) else ""

    def show(self, layout: MatrixLayout) -> None:
        """Show another layer, choice or filter; the marked person and group stay marked if they are in it."""
        person, group = self.person, self.group
        self.layout_shown = layout
        self._grid = Grid(layout)
        wide = self._grid.names_width + self._grid.width
        self.virtual_size = Size(wide, self._head + len(layout.lines))
        self.mark(person, group)

    def mark(self, person: str = "", group: str = "") -> None:
        """Mark a person's cell of a group; the nearest there is where one of them is not shown."""
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
        """Go to the next line that is a person; tells whether there is one."""
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
        """Mark the person on a line, or the nearest; negative ones count from the end."""
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
        """Ask for the marked person to be put in or out."""
        if self.person and self.group:
            self.post_message(self.Put(self.person, self.group))

    def on_click(self, event: Click) -> None:
        """Mark the cell under the pointer; a click on the marked one puts in or out."""
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
        """Keep the marked cell in view."""
        self._reveal()

    def _reveal(self) -> None:
        """Scroll just as far as the marked cell, its head and a section's line above it need."""
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
