"""Lists that stay fast with many thousands of lines: only those in view are drawn.

Textual's DataTable creates every cell of every row before it shows the first one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.widgets.text import continued, segment, sized, with_bar

_GAP = 2
GUTTER = 1
_CUT = 10
"""A column that doesn't fit is cut off if at least this wide, and omitted otherwise."""
_WIDEST = 40
"""The maximum width of a column; the line below the list has the whole text."""


class DrawnLines(ScrollView, can_focus=True):
    """Draws the lines in view, in the style of the component `lines--NAME`."""

    DEFAULT_CSS = """
    DrawnLines { scrollbar-size-horizontal: 1; scrollbar-size-vertical: 1; }
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        """Use another theme's colours."""
        super().notify_style_update()
        self._known.clear()

    def style_of(self, name: str) -> Style:
        """Return the style of a component; for "" the widget's own."""
        if name not in self._known:
            self._known[name] = self.get_component_rich_style(f"lines--{name}") if name else self.rich_style
        return self._known[name]


def across(whole: Strip, left: int, width: int, style: Style) -> Strip:
    """Return the visible part of a line, with a sign where it continues to the right."""
    drawn = whole.crop(left, left + width).adjust_cell_length(width, style)
    return continued(drawn, style) if whole.cell_length > left + width > 0 else drawn


class CursorLines(DrawnLines):
    """Lines and headings below a head, with a cursor that skips headings.

    A subclass returns the number of rows and the headings, and draws the head and the lines.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--head", "lines--heading", "lines--quiet"}
    DEFAULT_CSS = """
    CursorLines > .lines--head { text-style: bold; color: $foreground; background: $panel; }
    CursorLines > .lines--heading { color: $text-accent; }
    CursorLines > .lines--quiet { color: $text-muted; }
    """
    HEADING_FILL: ClassVar[str] = " "
    """Fills a heading's line behind its text."""
    row = 0
    """The cursor's row."""

    @dataclass
    class Moved(Message):
        """The cursor has moved, or its line shows something else."""

    @dataclass
    class LeftUpwards(Message):
        """The user went up from the first line."""

    @property
    def head(self) -> int:
        """The number of lines in the head."""
        return 1

    @property
    @abstractmethod
    def rows(self) -> int:
        """The number of lines and headings."""

    @abstractmethod
    def heading(self, row: int) -> str | None:
        """Return the text of a heading; None for a line."""

    @abstractmethod
    def drawn_head(self, y: int, width: int) -> Strip:
        """Return a line of the head."""

    @abstractmethod
    def drawn_line(self, row: int, width: int) -> Strip:
        """Return a line."""

    # -- moving ------------------------------------------------------------------------------------

    def next_line(self, row: int, direction: int) -> int | None:
        """Return the first line from there on that isn't a heading."""
        while 0 <= row < self.rows:
            if self.heading(row) is None:
                return row
            row += direction
        return None

    def select(self, row: int | None) -> None:
        """Move the cursor to a line; None leaves it in place."""
        if row is not None:
            self.row = row
        self._reveal()
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, down: int) -> None:
        """Select the next line; up from the first one leaves the list."""
        row = self.next_line(self.row + down, down)
        if row is None and down < 0:
            self.post_message(self.LeftUpwards())
        self.select(row)

    def action_page(self, direction: int) -> None:
        """Go one page."""
        row = self.row + direction * max(1, self._body - 1)
        self.select(self.next_line(max(0, min(self.rows - 1, row)), -direction))

    def action_row(self, row: int) -> None:
        """Select the first line, or the last one for -1."""
        self.select(self.next_line(self.rows - 1, -1) if row else self.next_line(0, 1))

    def on_click(self, event: Click) -> None:
        """Select the line under the pointer."""
        row = round(self.scroll_y) + event.y - self.head
        if event.y >= self.head and row < self.rows and self.heading(row) is None:
            self.clicked(row, event.x)

    def clicked(self, row: int, x: int) -> None:  # noqa: ARG002 - for lines with columns
        """Handle a click on a line."""
        self.select(row)

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002 - Textual's handler
        """Keep the selected line in view."""
        self._reveal()

    @property
    def _body(self) -> int:
        return max(1, self.scrollable_content_region.height - self.head)

    def _reveal(self) -> None:
        """Scroll just enough to show the selected line and a heading above it."""
        if self.scrollable_content_region.height:
            below_heading = self.row > 0 and self.heading(self.row - 1) is not None
            top, bottom = self.row - below_heading, self.row - self._body + 1
            y = min(max(round(self.scroll_y), bottom), top)
            self.scroll_to(self.left_needed(), max(0, y), animate=False, force=True, immediate=True)

    def left_needed(self) -> float:
        """Return the required horizontal scroll position."""
        return self.scroll_x

    # -- drawing -----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = round(self.scroll_y) + y - self.head
        if y < self.head:
            return self.drawn_head(y, width)
        if row >= self.rows:
            return Strip.blank(width, self.style_of(""))
        if (heading := self.heading(row)) is not None:
            text = sized(f"── {heading} ".ljust(width, self.HEADING_FILL), width)
            return Strip([segment(text, self.style_of("heading"))], width)
        return self.drawn_line(row, width)


@dataclass(frozen=True)
class Line:
    """A line of the list.

    Attributes:
        cells: a text for each column; with fewer cells, the last one takes the rest of the line.
        key: identifies the line; None for a heading.
        kind: its style: "", "changed" or "quiet".
    """

    cells: tuple[str, ...]
    key: Any = None
    kind: str = ""

    @cached_property
    def text(self) -> str:
        """Its cells in lower case, for filtering."""
        return "\n".join(self.cells).casefold()


class LineList(CursorLines):
    """Lines under column heads; columns that don't fit are cut off or omitted, the last ones first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "row(0)", "First", show=False),
        Binding("end", "row(-1)", "Last", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--changed", "lines--cursor"}
    DEFAULT_CSS = """
    LineList > .lines--cursor { color: $accent; text-style: bold; }
    LineList > .lines--changed { color: $text-warning; text-style: bold; }
    """

    def __init__(self, columns: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self._columns = tuple(columns)
        self._widths = [len(column) for column in columns]
        self._lines: Sequence[Line] = ()

    @property
    def rows(self) -> int:
        return len(self._lines)

    def heading(self, row: int) -> str | None:
        line = self._lines[row]
        return line.cells[0] if line.key is None else None

    @property
    def marked(self) -> Line | None:
        """The selected line, or None if there is none."""
        line = self._lines[self.row] if self.row < len(self._lines) else None
        return line if line is not None and line.key is not None else None

    def show(self, lines: Sequence[Line]) -> None:
        """Show other lines, keeping the selection if it is among them."""
        before = self.marked
        self._lines = lines
        whole = [line.cells for line in lines if len(line.cells) == len(self._columns)]
        self._widths = [
            min(_WIDEST, max(map(len, column))) for column in zip(self._columns, *whole, strict=True)
        ]
        self.virtual_size = Size(GUTTER + sum(self._widths) + _GAP * len(self._widths), len(lines) + 1)
        keys = [line.key for line in lines]
        known = before is not None and before.key in keys
        self.select(keys.index(before.key) if before is not None and known else self.next_line(0, 1) or 0)

    def drawn_head(self, y: int, width: int) -> Strip:  # noqa: ARG002 - it has one line
        return self._behind_gutter(self._columns, width, self.style_of("head"))

    def drawn_line(self, row: int, width: int) -> Strip:
        strip = self._behind_gutter(self._lines[row].cells, width, self.style_of(self._lines[row].kind))
        return with_bar(strip, self.style_of("cursor")) if row == self.row and self.has_focus else strip

    def _behind_gutter(self, cells: Sequence[str], width: int, style: Style) -> Strip:
        return Strip([segment(" " * GUTTER, style), *self._drawn(cells, width - GUTTER, style)])

    def _drawn(self, cells: Sequence[str], width: int, style: Style) -> Strip:
        texts = [sized(cell, wide) + " " * _GAP for cell, wide in zip(cells, self._widths, strict=False)]
        if len(cells) < len(self._columns):
            texts[-1] = cells[-1]
        else:
            ends = accumulate(wide + _GAP for wide in self._widths)
            fitting = max(1, sum(end - _GAP <= width for end in ends))
            room = width - sum(map(len, texts[:fitting]))
            texts = texts[:fitting] + [
                sized(cell, room) for cell in cells[fitting : fitting + 1] if room >= _CUT
            ]
        return across(Strip([segment("".join(texts).rstrip(), style)]), 0, width, style)
