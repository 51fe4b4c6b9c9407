"""A list of lines in columns that stays fluid with many thousands of them: only those in view are drawn.

Textual's DataTable makes every cell of every row before it shows the first one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.widgets.text import segment, sized

_GAP = 2
_WIDEST = 40
"""A column is not wider than this; the line below the list has the whole text."""


@dataclass(frozen=True)
class Line:
    """A line of the list.

    Attributes:
        cells: a text for each column; with fewer of them the last one takes the rest of the line.
        key: what the line is about; None for a heading, which is never marked.
        kind: how it is drawn: "", "changed" or "quiet".
    """

    cells: tuple[str, ...]
    key: Any = None
    kind: str = ""


class LineList(ScrollView, can_focus=True):
    """Lines under the heads of their columns; the first column stays while the others scroll sideways."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "mark(0)", "First", show=False),
        Binding("end", "mark(-1)", "Last", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("lines--head", "lines--heading", "lines--changed", "lines--quiet"),
    }
    DEFAULT_CSS = """
    LineList { scrollbar-size-horizontal: 1; scrollbar-size-vertical: 1; }
    LineList > .lines--head { text-style: bold; color: $foreground; background: $panel; }
    LineList > .lines--heading { color: $text-accent; }
    LineList > .lines--changed { color: $text-warning; text-style: bold; }
    LineList > .lines--quiet { color: $text-muted; }
    """

    @dataclass
    class Moved(Message):
        """Another line is marked, or what is shown is another."""

    @dataclass
    class LeftUpwards(Message):
        """The person went up from the first line."""

    def __init__(self, columns: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self._columns = tuple(columns)
        self._widths = [len(one) for one in columns]
        self._lines: Sequence[Line] = ()
        self._row = 0
        self._known: dict[str, Style] = {}

    # -- what is shown -----------------------------------------------------------------------------

    @property
    def marked(self) -> Line | None:
        """The selected line, or None if there is none."""
        line = self._lines[self._row] if self._row < len(self._lines) else None
        return line if line is not None and line.key is not None else None

    def show(self, lines: Sequence[Line]) -> None:
        """Show other lines; what was marked stays marked if it is among them."""
        before = self.marked
        self._lines = lines
        whole = [line.cells for line in lines if len(line.cells) == len(self._columns)]
        self._widths = [
            min(_WIDEST, max(map(len, column))) for column in zip(self._columns, *whole, strict=True)
        ]
        self.virtual_size = Size(sum(self._widths) + _GAP * len(self._widths), len(lines) + 1)
        keys = [line.key for line in lines]
        known = before is not None and before.key in keys
        self._row = keys.index(before.key) if before is not None and known else self._first(0, 1)
        self._marked()

    def _first(self, row: int, direction: int) -> int:
        """The first line from there on that can be marked; the selected one where there is none."""
        while 0 <= row < len(self._lines):
            if self._lines[row].key is not None:
                return row
            row += direction
        return min(self._row, max(0, len(self._lines) - 1))

    def _marked(self) -> None:
        self._reveal()
        self.refresh()
        self.post_message(self.Moved())

    # -- moving ------------------------------------------------------------------------------------

    def action_move(self, down: int) -> None:
        """Mark the neighbour; up from the first line leaves the list."""
        row = self._first(self._row + down, down)
        if row == self._row and down < 0:
            self.post_message(self.LeftUpwards())
        self._row = row
        self._marked()

    def action_page(self, direction: int) -> None:
        """Go as far as can be seen."""
        row = self._row + direction * max(1, self._body - 1)
        self._row = self._first(max(0, min(len(self._lines) - 1, row)), -direction)
        self._marked()

    def action_mark(self, row: int) -> None:
        """Mark the first line, or the last one for -1."""
        self._row = self._first(len(self._lines) - 1, -1) if row else self._first(0, 1)
        self._marked()

    def on_click(self, event: Click) -> None:
        """Mark the line under the pointer."""
        row = round(self.scroll_y) + event.y - 1
        if event.y > 0 and row < len(self._lines) and self._lines[row].key is not None:
            self._row = row
            self._marked()

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002 - Textual's handler
        """Keep the selected line in view."""
        self._reveal()

    @property
    def _body(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def _reveal(self) -> None:
        """Scroll just as far as the selected line and a heading above it need."""
        heading = self._row > 0 and self._lines[self._row - 1].key is None
        top, bottom = self._row - (1 if heading else 0), self._row - self._body + 1
        y = min(max(round(self.scroll_y), bottom), top)
        self.scroll_to(y=max(0, y), animate=False, force=True, immediate=True)

    # -- drawing -----------------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        self._known.clear()

    def _style(self, name: str) -> Style:
        if name not in self._known:
            whole = self.get_component_rich_style(f"lines--{name}") if name else self.rich_style
            self._known[name] = whole
        return self._known[name]

    def render_line(self, y: int) -> Strip:
        """The heads of the columns, or a line."""
        width = self.scrollable_content_region.width
        row = round(self.scroll_y) + y - 1
        if y == 0:
            return self._drawn(self._columns, width, self._style("head"))
        if row >= len(self._lines):
            return Strip.blank(width, self._style(""))
        line = self._lines[row]
        if line.key is None:
            return Strip([segment(sized(f"── {line.cells[0]} ", width), self._style("heading"))], width)
        style = self._style(line.kind)
        if row == self._row and self.has_focus:
            style += Style(reverse=True)
        return self._drawn(line.cells, width, style)

    def _drawn(self, cells: Sequence[str], width: int, style: Style) -> Strip:
        texts = [sized(cell, wide) + " " * _GAP for cell, wide in zip(cells, self._widths, strict=False)]
        if len(cells) < len(self._columns):
            texts[-1] = cells[-1]
        left, room = round(self.scroll_x), max(0, width - self._widths[0] - _GAP)
        rest = Strip([segment("".join(texts[1:]), style)])
        body = rest.crop(left, left + room).adjust_cell_length(room, style)
        return Strip([segment(texts[0], style), *body]).crop(0, width)
