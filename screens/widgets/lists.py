"""Widgets for many or long texts: boxes, tables, logs; loaded with the pages that use them.

Like `screens.widgets.text`, whose second half this is, it shows every text literally.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text as RichText
from textual import getters, widgets
from textual.content import Content
from textual.geometry import Offset, Region, Size
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import option_list
from textual.widgets.data_table import ColumnKey, RowKey
from textual.widgets.selection_list import Selection

from screens.widgets.dialogs import Notice, copy_button, tell
from screens.widgets.text import (
    BAR,
    CURSOR,
    Button,
    Measured,
    ScrollBody,
    Text,
    continued,
    plain,
    shown,
    with_bar,
)
from workflows.core.sentences import Sentence
from workflows.environment import Environment
from workflows.steps.shared.to_send import ToSend

BOXES = {True: "[x]", False: "[ ]"}
"""A box, by whether it is ticked; readable without colours."""


class MarkBox(widgets.Checkbox, Measured):
    """A box that is empty when not ticked; Textual draws the same letter for both."""

    DEFAULT_CSS = """
    MarkBox { border: none; padding: 0; }
    """

    def __init__(self, label: Sentence, value: bool = False, *, id: str) -> None:  # noqa: A002, FBT001 - Textual's
        super().__init__(plain(label), value, id=id, compact=True)

    def _make_label(self, label: Any) -> Content:
        return super()._make_label(plain(label))

    @property
    def mark(self) -> str:
        """The box in its current state."""
        return BOXES[self.value]

    def render(self) -> Content:
        """The box and its label, after the bar if focused."""
        box = f"{BAR if self.has_focus else ' '} {self.mark}"
        label = self._label.stylize_before("bold reverse $accent") if self.has_focus else self._label
        return Content.assemble((box, "$accent"), " ", label)

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002 - Textual's
        """The bar, a blank, the box, a blank and the label."""
        return len(f"{BAR} {BOXES[True]} ") + self._label.cell_length


class InPage(Measured):
    """Lines in a page that scrolls to the current one, if they don't scroll themselves."""

    def scroll_to_region(self, region: Region, **options: Any) -> Offset:
        """Scroll to a line; if all of them have room, the page scrolls there instead."""
        around = (node for node in self.ancestors_with_self if isinstance(node, Widget))
        page = next((widget for widget in around if widget.max_scroll_y > 0), self)
        if self.has_focus and page is not self:
            start = self.content_region.offset - page.content_region.offset + page.scroll_offset
            page.scroll_to_region(region.translate(start), animate=False)
        return super().scroll_to_region(region, **options)


class MarkList(widgets.SelectionList[str], InPage):
    """A list of boxes, one per line, that are empty when not ticked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {CURSOR}
    DEFAULT_CSS = f"""
    MarkList, MarkList:focus {{ height: auto; }}
    MarkList > .option-list--option {{ padding: 0 2 0 0 !important; }}  /* what the drawn box is wider */
    MarkList > .{CURSOR} {{ color: $accent; text-style: bold; }}
    MarkList > .option-list--option-highlighted {{ background: transparent; color: $foreground; }}
    MarkList:focus > .option-list--option-highlighted {{
        background: $block-hover-background; color: $foreground; text-style: none;
    }}
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, compact=True)

    def show(self, lines: Iterable[tuple[Sentence, str]], marked: Collection[str]) -> None:
        """Replace the boxes; the cursor stays on its line.

        Args:
            lines: the text and the value of each.
            marked: the values to tick.
        """
        line = self.highlighted
        self.clear_options()
        self.add_options([Selection(plain(text), value, value in marked) for text, value in lines])
        if line is not None and self.option_count:
            self.highlighted = min(line, self.option_count - 1)

    def on_focus(self) -> None:
        """Select the first line, so that Space does something at once."""
        if self.highlighted is None and self.option_count:
            self.highlighted = 0

    def render_line(self, y: int) -> Strip:
        """Draw a line, with a box that is readable without colours."""
        strip = super().render_line(y)
        try:
            option = self.get_option_at_index(self.scroll_offset.y + y)
        except option_list.OptionDoesNotExist:
            return strip
        _left, inner, _right, blank, *line = strip
        style = (blank.style or Style()) + Style(meta=inner.style.meta if inner.style else None)
        box = BOXES[option.value in self.selected]
        strip = Strip([Segment("  ", style), Segment(box, style), blank, *line]).crop(0, strip.cell_length)
        here = self.has_focus and self.highlighted == self.scroll_offset.y + y
        return with_bar(strip, self.get_component_rich_style(CURSOR, partial=True)) if here else strip


class Table(widgets.DataTable[RichText], InPage):
    """A table of texts that redraws its head after rows have widened its columns.

    Textual 8 keeps the drawn head until the next row: a screen painted between adding a row and measuring the
    widths would keep a narrow head above wide columns.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {CURSOR}
    DEFAULT_CSS = f"""
    Table > .{CURSOR} {{ color: $accent; text-style: bold; }}
    Table, Table:focus {{ background-tint: transparent; }}
    Table > .datatable--header, Table:ansi > .datatable--header, Table:focus > .datatable--header {{
        background: $background; background-tint: transparent; color: $foreground;
    }}
    Table > .datatable--fixed, Table > .datatable--fixed-cursor, Table:focus > .datatable--fixed-cursor {{
        background: $background; color: $foreground;
    }}
    Table > .datatable--header-cursor {{ background: $background; color: $accent; }}
    Table:focus > .datatable--cursor {{ text-style: bold reverse; background: $background; color: $accent; }}
    Table.-rows > .datatable--cursor, Table.-rows:focus > .datatable--cursor {{
        text-style: none; background: $block-hover-background; color: $foreground;
    }}
    """

    def on_mount(self) -> None:
        """Use the cursor of other lists in a table with a row cursor."""
        self.set_class(self.cursor_type == "row", "-rows")

    def render_line(self, y: int) -> Strip:
        """Draw a line, with the focus on the cursor's line; a focused cell is reversed by Textual.

        A line that goes on at the right ends with a sign; the arrow keys scroll there.
        """
        strip, row = super().render_line(y), y - self.header_height + self.scroll_offset.y
        if self._goes_on(row if y >= self.header_height else None):
            strip = continued(strip, self.rich_style)
        here = self.has_focus and y >= self.header_height and row == self.cursor_row < self.row_count
        if not here:
            return strip
        style = self.get_component_rich_style(CURSOR, partial=True)
        return with_bar(strip, style, label=self.cursor_type == "row")

    def _goes_on(self, row: int | None) -> bool:
        """Return whether a line has text beyond the right edge; None stands for the head."""
        columns = self.ordered_columns
        if row is None:
            texts: Sequence[Any] = [column.label for column in columns]
        else:
            texts = self.get_row_at(row) if row < self.row_count else ()
        edge = self.scroll_offset.x + self.scrollable_content_region.width
        ends = accumulate(column.get_render_width(self) for column in columns)
        return any(
            end - column.get_render_width(self) + self.cell_padding + text.cell_len > edge
            for text, column, end in zip(texts, columns, ends, strict=False)
        )

    def action_scroll_home(self) -> None:
        """Go to the first row, as in other lists; with a cell cursor, to the first column."""
        if self.cursor_type == "row":
            self.action_scroll_top()
        else:
            super().action_scroll_home()

    def action_scroll_end(self) -> None:
        """Go to the last row, or with a cell cursor to the last column."""
        if self.cursor_type == "row":
            self.action_scroll_bottom()
        else:
            super().action_scroll_end()

    def add_column(self, label: Any, **options: Any) -> ColumnKey:
        return super().add_column(cell(label), **options)

    def add_row(self, *cells: Any, **options: Any) -> RowKey:
        """Add a row; a string is a cell without a style."""
        return super().add_row(*map(cell, cells), **options)

    def update_cell(self, row_key: Any, column_key: Any, value: Any, **options: Any) -> None:
        super().update_cell(row_key, column_key, cell(value), **options)

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        super()._update_dimensions(new_rows)
        self._clear_caches()


def cell(text: Sentence | RichText, style: str = "") -> RichText:
    """Return a table cell, with or without a style."""
    return text if isinstance(text, RichText) else RichText(shown(text), style, no_wrap=True, end="")


class Log(widgets.RichLog):
    """Lines to scroll through; long ones are wrapped, unless they are to be copied."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - Textual's name
        max_lines: int | None = None,
        auto_scroll: bool = True,
        wrap: bool = True,
    ) -> None:
        super().__init__(
            max_lines=max_lines,
            min_width=0,
            wrap=wrap,
            highlight=False,
            markup=False,
            auto_scroll=auto_scroll,
            id=id,
        )

    def render_line(self, y: int) -> Strip:
        """Draw a line, with a sign where it goes on at the right."""
        strip, line = super().render_line(y), self.scroll_offset.y + y
        edge = self.scroll_offset.x + self.scrollable_content_region.width
        goes_on = line < len(self.lines) and self.lines[line].cell_length > edge
        return continued(strip, self.rich_style) if goes_on else strip

    def add(self, line: Sentence, style: str = "", **options: Any) -> None:
        self.write(RichText(shown(line), style), **options)


class TextDialog(Notice):
    """Shows a text to read, of any length; one that needs no scrolling leaves the focus to the buttons.

    Args:
        title: what it is.
        text: the text.
        buttons: as for every dialog.
        styles: the colours of lines by their first characters.
        copy: copies a text and returns a message; None offers no copy.
        fields: as for every dialog.
        wrap: whether to wrap long lines; commands and addresses scroll sideways instead.
    """

    AUTO_FOCUS = "#text"
    DEFAULT_CSS = """
    TextDialog > Vertical { width: 96; max-width: 100%; }
    TextDialog Log { height: auto; min-height: 1; background: $surface; scrollbar-size: 1 1; }
    """

    _log = getters.query_one(Log)

    def __init__(
        self,
        title: Sentence,
        text: str,
        *buttons: Button,
        styles: Mapping[str, str] | None = None,
        copy: Callable[[str], Sentence] | None = None,
        fields: Sequence[Widget] = (),
        wrap: bool = True,
    ) -> None:
        copied = [copy_button(self, partial(copy, text))] if copy else []
        body = [Log(id="text", auto_scroll=False, wrap=wrap)]
        super().__init__(title, "", *buttons, *copied, body=body, fields=fields)
        self._text = text
        self._line_styles = styles or {}

    def on_mount(self) -> None:
        for line in self._text.splitlines():
            self._log.add(line, self._line_styles.get(line.strip()[:1], ""), scroll_end=False)

    def _fit(self) -> None:
        super()._fit()
        self._log.styles.max_height = self.query_one(ScrollBody).styles.max_height
        self.call_after_refresh(self._leave_what_is_whole)

    def _leave_what_is_whole(self) -> None:
        if self._log.has_focus and not (self._log.max_scroll_x or self._log.max_scroll_y):
            self.query_one("#close").focus()


class ToSendDialog(TextDialog):
    """The text, the state of its copy, and a way to save it.

    Args:
        to_send: the text.
        environment: has the clipboard and the home folder.
    """

    DEFAULT_CSS = "ToSendDialog #said { margin-top: 1; color: $text-muted; }"

    def __init__(self, to_send: ToSend, environment: Environment) -> None:
        super().__init__(
            to_send.title,
            to_send.text,
            Button("Save", id="save", key="s", act=lambda: tell(self, lambda: to_send.save(environment))),
            copy=environment.copy,
            fields=[Text(to_send.said, id="said")],
        )


def show_unless_certain(node: Widget, to_send: ToSend, environment: Environment) -> Sentence:
    """Show a text if its copy isn't certain; return where it is. From any thread."""
    if not to_send.certain:
        node.app.call_later(lambda: node.app.push_screen(ToSendDialog(to_send, environment)))
    return to_send.said
