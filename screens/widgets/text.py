"""The one way for text onto a page: as it is, never as markup, and never as something a terminal acts upon.

Names, paths and other programs' messages come from elsewhere. So labels, lists, tables, logs, buttons and
drawn lines are made here, and Textual's own are used nowhere else (a test holds that).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from rich.cells import set_cell_size
from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style as SegmentStyle
from rich.table import Table as RichTable
from rich.text import Text as RichText
from textual import widgets
from textual.content import Content
from textual.markup import escape
from textual.strip import Strip
from textual.style import Style
from textual.visual import VisualType
from textual.widget import Widget
from textual.widgets import option_list
from textual.widgets.button import ButtonVariant
from textual.widgets.data_table import ColumnKey, RowKey
from textual.widgets.selection_list import Selection

from workflows.core.sentences import Sentence, text_of

_SIGNS = {number: chr(0x2400 + number) for number in range(32) if number != ord("\n")} | {127: "␡"}
_UNSEEN = re.compile("[\x80-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def shown(sentence: Sentence) -> str:
    """A text with a sign for each character that a terminal would not show; tabs become blanks."""
    text = text_of(sentence)
    if text.isprintable():
        return text
    return _UNSEEN.sub("�", text.expandtabs().translate(_SIGNS))


def styled(*parts: tuple[Sentence, str | Style]) -> Content:
    """Texts with a style each, one after the other."""
    return Content.assemble(*((shown(text), style) for text, style in parts))


def sized(text: Sentence, width: int) -> str:
    """A text cut off or filled up to a width in cells."""
    return set_cell_size(shown(text), width)


def marked_up(text: Sentence) -> str:
    """A text for what takes nothing but markup, as the palette does."""
    return escape(shown(text))


def segment(text: Sentence, style: SegmentStyle) -> Segment:
    """A piece of a line that a widget draws by itself."""
    return Segment(shown(text), style)


def numbered(steps: Sequence[Sentence]) -> RenderableType:
    """Numbered instructions whose wrapped lines stay under their first word, however narrow the terminal."""
    grid = RichTable.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for number, step in enumerate(steps, start=1):
        grid.add_row(f"{number}.", RichText(shown(step), overflow="fold"))
    return grid


def _plain(text: Any) -> Any:
    """Content of a string; what has its style already stays."""
    return Content(shown(text)) if isinstance(text, str) else text


class Text(widgets.Static):
    """A text; a string's line ends are kept."""

    def __init__(
        self,
        text: VisualType | Sentence = "",
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(_plain(text), id=id, classes=classes)

    def update(self, content: VisualType | Sentence = "", *, layout: bool = True) -> None:
        """Show another text in its place."""
        super().update(_plain(content), layout=layout)


class Button(widgets.Button):
    """A button of one line."""

    def __init__(
        self,
        label: Sentence,
        *,
        id: str,  # noqa: A002 - Textual's name
        variant: ButtonVariant = "default",
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(_plain(label), variant, id=id, classes=classes, disabled=disabled, compact=True)

    def validate_label(self, label: Any) -> Content:
        """Take another label as it is."""
        return super().validate_label(_plain(label))


class MarkBox(widgets.Checkbox):
    """A box that is empty when it is not marked; Textual draws the same letter in both."""

    DEFAULT_CSS = """
    MarkBox { border: none; padding: 0; }
    """

    def __init__(self, label: Sentence, value: bool = False, *, id: str) -> None:  # noqa: A002, FBT001 - Textual's
        super().__init__(_plain(label), value, id=id, compact=True)

    def _make_label(self, label: Any) -> Content:
        return super()._make_label(_plain(label))

    @property
    def mark(self) -> str:
        """What stands in the box."""
        return "X" if self.value else " "

    def render(self) -> Content:
        """The box as it stands, and its label."""
        self.BUTTON_INNER = self.mark
        return super().render()


class Option(option_list.Option):
    """A line of a list."""

    def __init__(self, text: Sentence | Content, id: str | None = None, *, disabled: bool = False) -> None:  # noqa: A002 - Textual's name
        super().__init__(_plain(text), id, disabled)


class OptionList(widgets.OptionList):
    """A list of lines of which one is highlighted."""

    def __init__(self, *options: Any, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(*options, id=id, compact=True)

    def add_options(self, new_options: Iterable[Any]) -> OptionList:
        """Add lines; a string is one without an id."""
        return super().add_options(Option(one) if isinstance(one, str) else one for one in new_options)

    def set_options(self, options: Iterable[Any]) -> OptionList:
        """Show these lines in place of the ones before; the same line by its number is highlighted."""
        at = self.highlighted or 0
        super().set_options(options)
        if self.option_count:
            self.highlighted = min(at, self.option_count - 1)
        return self

    def replace_option_prompt_at_index(self, index: int, prompt: Any) -> OptionList:
        """Show another text in a line."""
        return super().replace_option_prompt_at_index(index, _plain(prompt))


class MarkList(widgets.SelectionList[str]):
    """A list of boxes, each on one line, that are empty when they are not marked."""

    DEFAULT_CSS = """
    MarkList { border: none; padding: 0; height: auto; }
    MarkList:focus { border: none; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, compact=True)

    def show(self, lines: Iterable[tuple[Sentence, str]], marked: Collection[str]) -> None:
        """Show these boxes in place of the ones before.

        Args:
            lines: the text and the value of each.
            marked: the values that are marked.
        """
        self.clear_options()
        self.add_options([Selection(_plain(text), value, value in marked) for text, value in lines])

    def on_focus(self) -> None:
        """Mark the first line, so that Space does something at once."""
        if self.highlighted is None and self.option_count:
            self.highlighted = 0

    def render_line(self, y: int) -> Strip:
        """A line, with its box emptied where the option is not marked."""
        strip = super().render_line(y)
        try:
            option = self.get_option_at_index(self.scroll_offset.y + y)
        except option_list.OptionDoesNotExist:
            return strip
        if option.value in self.selected:
            return strip
        left, inner, *rest = strip
        return Strip([left, Segment(" ", inner.style), *rest])


class Table(widgets.DataTable[RichText]):
    """A table of texts, whose head is drawn anew when rows have made its columns wider.

    Textual 8 keeps the drawn head until the next row: a screen that is painted between a row and the moment
    in which the widths are measured keeps the narrow head above wide columns.
    """

    def add_column(self, label: Any, **options: Any) -> ColumnKey:
        """Add a column."""
        return super().add_column(cell(label), **options)

    def add_row(self, *cells: Any, **options: Any) -> RowKey:
        """Add a row; a string is a cell without a style."""
        return super().add_row(*map(cell, cells), **options)

    def update_cell(self, row_key: Any, column_key: Any, value: Any, **options: Any) -> None:
        """Show another text in a cell."""
        super().update_cell(row_key, column_key, cell(value), **options)

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        super()._update_dimensions(new_rows)
        self._clear_caches()


def cell(text: Sentence | RichText, style: str = "") -> RichText:
    """A cell of a table, with a style or without."""
    if isinstance(text, RichText):
        return text
    return RichText(shown(text), style, no_wrap=True, end="")


class Log(widgets.RichLog):
    """Lines to scroll through; long ones are wrapped."""

    def __init__(self, *, id: str, max_lines: int | None = None, auto_scroll: bool = True) -> None:  # noqa: A002 - Textual's name
        super().__init__(
            max_lines=max_lines,
            min_width=0,
            wrap=True,
            highlight=False,
            markup=False,
            auto_scroll=auto_scroll,
            id=id,
        )

    def add(self, line: Sentence, style: str = "", **options: Any) -> None:
        """Add a line."""
        self.write(RichText(shown(line), style), **options)


class Reading(widgets.TextArea):
    """A longer text to read and scroll, hidden until it is asked for."""

    DEFAULT_CSS = """
    Reading { height: 10; margin-top: 1; display: none; }
    Reading.-shown { display: block; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__("", id=id, read_only=True)

    def load_text(self, text: str) -> None:
        """Show another text in its place."""
        super().load_text(shown(text))


def unfold(widget: Widget) -> bool:
    """Show a widget that was hidden, with the focus and in view, or hide it; tells whether it is shown."""
    widget.toggle_class("-shown")
    unfolded = widget.has_class("-shown")
    if unfolded:
        widget.focus()
        widget.call_after_refresh(widget.scroll_visible, animate=False)  # it has a place only then
    return unfolded
