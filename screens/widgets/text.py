"""The only way for text onto a page: literally, never as markup or terminal control codes.

Names, paths and other programs' messages come from elsewhere. So labels, lists, tables, logs, buttons and
drawn lines are made here, and Textual's own are used nowhere else (a test checks that).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile, zip_longest
from typing import Any, ClassVar, Self

from rich.cells import cell_len, get_character_cell_size, set_cell_size
from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style as SegmentStyle
from rich.table import Table as RichTable
from rich.text import Text as RichText
from textual import widgets
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.layouts.horizontal import HorizontalLayout
from textual.markup import escape
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.style import Style
from textual.visual import VisualType
from textual.widget import Widget
from textual.widgets import option_list
from textual.widgets.button import ButtonVariant

from workflows.core.sentences import Sentence, text_of
from workflows.core.text import folded, indent_of, safe

_LONGEST_NAME = 24
BAR = "▌"
"""Marks the widget or line with the focus."""
CURSOR = "list--cursor"
"""The list component that colours the bar and the label of the focused line."""


def shown(sentence: Sentence) -> str:
    """Return a text with a sign for each character that a terminal wouldn't show; tabs become blanks."""
    return safe(text_of(sentence))


def styled(*parts: tuple[Sentence, str | Style]) -> Content:
    """Join texts, each with its style."""
    return Content.assemble(*((shown(text), style) for text, style in parts))


def in_line(parts: Iterable[Content], gap: str = "") -> Content:
    """Join styled texts with a gap between them."""
    return Content(gap).join(parts)


def sized(text: Sentence, width: int) -> str:
    """Pad a text to a width in cells, or cut it off with a sign."""
    text = shown(text)
    if cell_len(text) > width > 0:
        return f"{set_cell_size(text, width - 1)}…"
    return set_cell_size(text, width)


def aligned(rows: Sequence[Sequence[Sentence]]) -> list[str]:
    """Return a line per row, in columns two blanks apart; if they are too wide, unaligned."""
    cells = [[shown(text) for text in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip_longest(*cells, fillvalue="")]
    if sum(widths) + 2 * len(widths) > LINE_CELLS:
        return ["  ".join(row) for row in cells]
    return ["  ".join(map(set_cell_size, row, widths)).rstrip() for row in cells]


_LEAST_CELLS = 9
LINE_CELLS = 71
"""The width of a line in the narrowest page."""


def shortened(text: Sentence, width: int = LINE_CELLS) -> str:
    """Return a text with a path on one line; if it is too long, shorten the path in the middle."""
    whole = shown(text)
    excess = cell_len(whole) - width
    path = max((word for word in whole.split() if "/" in word), key=cell_len, default="")
    if excess <= 0 or not path:
        return whole
    end = max(_LEAST_CELLS, cell_len(path) - excess) // 2
    begin = max(_LEAST_CELLS, cell_len(path) - excess) - end - 1
    return whole.replace(path, f"{set_cell_size(path, begin)}…{set_cell_size(path[::-1], end)[::-1]}", 1)


def short(name: str) -> str:
    """Cut off a name that would push everything else aside."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def marked_up(text: Sentence) -> str:
    """Escape a text for widgets that only take markup, such as the palette."""
    return escape(shown(text))


def segment(text: Sentence, style: SegmentStyle) -> Segment:
    """Return a piece of a line that a widget draws itself."""
    return Segment(shown(text), style)


def with_bar(strip: Strip, cursor: SegmentStyle, *, label: bool = True) -> Strip:
    """Draw the focus on a list's line: the bar in its gutter, and its label reversed.

    The label ends at the first two blanks; the rest keeps its colours.

    Args:
        strip: the line, which begins with a blank.
        cursor: the style of the bar and the label.
        label: whether it has a label; wrapped lines have none.
    """
    style = (next(iter(strip)).style or SegmentStyle()) + cursor
    start = len(strip.text) - len(strip.text.lstrip()) if label else 1
    words = strip.text.strip().split("  ")[0] if label else ""
    reversed_label = Segment(words, style + SegmentStyle(reverse=True))
    return Strip(
        [Segment(BAR, style), *strip.crop(1, start), reversed_label, *strip.crop(start + cell_len(words))]
    )


def continued(strip: Strip, style: SegmentStyle) -> Strip:
    """End a line with the sign of one that goes on at the right."""
    return Strip([*strip.crop(0, strip.cell_length - 1), segment("…", style)])


def columned(rows: Iterable[Sequence[Sentence]]) -> RenderableType:
    """Arrange rows of texts in columns as wide as needed; the first row is the head."""
    grid = RichTable.grid(padding=(0, 3, 0, 0))
    for number, row in enumerate(rows):
        grid.add_row(*(RichText(shown(text), "" if number else "bold") for text in row))
    return grid


_PLAIN = str.maketrans(
    "✓✗■●○▸▌▐·–─│╭╮╰╯┌┐└┘›‹…≠•▔▁━█▄▀×→±“”▂▃▅▆▇↑↓⇥␊␡\ufffd⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    'vx#*o>>|:--|++++++++><~!*--=###x>~""#####^v>???|/-\\|/-\\|/',
)
"""Our signs, and their replacements if the locale has no Unicode; each is one cell wide."""


def has_unicode(environment: Mapping[str, str]) -> bool:
    """Return whether a terminal shows Unicode, by its locale (POSIX: LC_ALL, then LC_CTYPE, then LANG)."""
    return "UTF" in next(filter(None, map(environment.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "UTF-8").upper()


class OnlyVisible(LineFilter):
    """Removes from painted lines, whatever the widget, what a terminal would act on.

    It backs up `shown` for text that doesn't go through it: pastes into a field, tooltips, borders. The line
    is laid out already, so zero-width characters aren't replaced.

    Args:
        unicode: whether the terminal shows more than ASCII.
    """

    def __init__(self, *, unicode: bool = True) -> None:
        super().__init__()
        self._unicode = unicode

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's
        """Return the segments without invisible characters; those with a width keep it."""
        if not self._unicode:
            segments = [
                piece if piece.control else piece._replace(text=piece.text.translate(_PLAIN))
                for piece in segments
            ]
        return [
            piece if piece.control or piece.text.isprintable() else Segment(_visible(piece.text), piece.style)
            for piece in segments
        ]


def _visible(text: str) -> str:
    return "".join(
        set_cell_size(safe(sign).replace("\n", "␊"), get_character_cell_size(sign)) for sign in text
    )


def plain(text: Any) -> Any:
    """Return a string as content; content keeps its style."""
    return Content(shown(text)) if isinstance(text, str) else text


class ScrollBody(VerticalScroll):
    """A container that may overflow; it takes the focus only if it can scroll."""

    class Seen(Message):
        """Another part, or another share, of it is in view."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Report the scrolling."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Seen())

    def watch_virtual_size(self) -> None:
        """Report the new length."""
        self.post_message(self.Seen())

    def on_resize(self) -> None:
        """Report the new size."""
        self.post_message(self.Seen())

    def allow_focus(self) -> bool:
        """Return whether it may have the focus."""
        return bool(super().allow_focus() and self.max_scroll_y > 0)


class Measured(Widget):
    """Sized for its latest content.

    Textual 8.2 caches a widget's size by a number that it raises once until the next idle moment: content
    replaced twice, with a layout in between, would keep the first size.
    """

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Paint the widget again, and measure it again if asked."""
        self._layout_updates += layout
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class Text(widgets.Static, Measured):
    """A text; a string keeps its line breaks."""

    DEFAULT_CSS = "Text.-empty { display: none; }"

    def __init__(
        self,
        text: VisualType | Sentence = "",
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(plain(text), id=id, classes=classes)

    def update(self, content: VisualType | Sentence = "", *, layout: bool = True) -> None:
        super().update(plain(content), layout=layout)

    def show_lines(self, lines: Sequence[Sentence]) -> None:
        """Replace the text by these lines; without any it takes no space."""
        self.update("\n".join(map(text_of, lines)))
        self.set_class(not lines, "-empty")


class Lines(Text):
    """Lines that wrap below their first word, after blanks or a mark with one.

    Args:
        lines: the lines.
        id: the widget's id.
        classes: its classes.
        whole_paths: whether to wrap a path longer than a line; else its middle is omitted.
    """

    def __init__(
        self,
        *lines: Sentence,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
        whole_paths: bool = True,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._whole_paths = whole_paths
        self._lines: list[str] = []
        self.show_lines(lines)

    def show_lines(self, lines: Sequence[Sentence]) -> None:
        """Replace the lines; without any it takes no space."""
        self._lines = "\n".join(map(shown, lines)).split("\n")
        self.set_class(not lines, "-empty")
        self.on_resize()

    def on_resize(self) -> None:
        """Wrap the lines at the new width."""
        width = self.content_size.width or LINE_CELLS
        rows = (
            folded(line if self._whole_paths else _with_short_paths(line, width), width)
            for line in self._lines
        )
        self.update("\n".join(rows))


def _with_short_paths(line: str, width: int) -> str:
    for path in (word for word in line.split() if "/" in word):
        line = line.replace(path, shortened(path, width - indent_of(line)), 1)
    return line


class Button(widgets.Button, Measured, inherit_bindings=False):
    """A button of one line, as `[ Label k ]`; with the focus it has a bar and a reversed label.

    The arrows go to the buttons beside it, and to the rows of buttons above and below.

    Args:
        label: an imperative.
        key: a key that presses it too, in its display form, or "".
        name: what the palette calls it, if the label is clear only in its row; else None.
        act: does what the label says; None if the page does that.

    Attributes:
        shortcut: that key.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", "Press", show=False),
        Binding("left", "beside(-1)", "Previous button", show=False),
        Binding("right", "beside(1)", "Next button", show=False),
        Binding("up", "row(-1)", "Row above", show=False),
        Binding("down", "row(1)", "Row below", show=False),
    ]

    def __init__(
        self,
        label: Sentence,
        *,
        id: str,  # noqa: A002 - Textual's name
        key: str = "",
        name: Sentence | None = None,
        variant: ButtonVariant = "default",
        classes: str | None = None,
        disabled: bool = False,
        act: Callable[[], object] | None = None,
    ) -> None:
        self.shortcut, self._act = key, act
        more: Any = {"name": name, "id": id, "classes": classes, "disabled": disabled}
        super().__init__(plain(label), variant, compact=True, **more)
        self.styles.line_pad = 0

    def on_button_pressed(self) -> None:
        if self._act is not None:
            self._act()

    def validate_label(self, label: Any) -> Content:
        """Take another label literally."""
        return super().validate_label(plain(label))

    def action_beside(self, step: int) -> None:
        """Move the focus to the button beside this one."""
        row = _row_of(self.parent)
        if self in row:
            row[max(0, min(row.index(self) + step, len(row) - 1))].focus()

    def action_row(self, step: int) -> None:
        """Move the focus to the row of buttons above or below on the page; if there is none, scroll.

        From the bar below the page, up leads to the page's last field or button.
        """
        page = next((each for each in self.ancestors if isinstance(each, VerticalScroll | ModalScreen)), None)
        if page is None and step < 0:
            self.screen.focus_previous()
            return
        buttons = (each for each in self.screen.focus_chain if isinstance(each, Button))
        rows = [_row_of(each) for each in dict.fromkeys(b.parent for b in buttons if page in b.ancestors)]
        own = _row_of(self.parent)
        at = rows.index(own) + step if self in own and own in rows else -1
        if not 0 <= at < len(rows):
            raise SkipAction
        rows[at][min(own.index(self), len(rows[at]) - 1)].focus()

    def watch_label(self) -> None:
        """Fit the width to the new label."""
        self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002 - Textual's
        """The width of the label with its key, and the brackets; none until there is a label."""
        if not self.caption:
            return 0
        return self.caption.cell_length + len("[  ]") + (len(self.shortcut) + 1 if self.shortcut else 0)

    @property
    def caption(self) -> Content:
        """The label without its key."""
        return self.label if isinstance(self.label, Content) else Content()

    def render(self) -> Content:
        """Draw the label between brackets, which the bar replaces."""
        label, key = self.caption.plain, f" {self.shortcut}" if self.shortcut else ""
        if self.has_focus:
            return Content.assemble((f"{BAR} ", "$accent"), (f"{label}{key}", "bold reverse $accent"), "  ")
        style = "" if self.disabled else "bold $accent" if self.variant == "primary" else "$foreground"
        if len(self.shortcut) == 1 and isinstance(self.screen.focused, widgets.Input | widgets.TextArea):
            return Content.assemble("[ ", (label, style), " ]", " " * len(key))  # the letter would be typed
        return Content.assemble("[ ", (label, style), (key, "" if self.disabled else "$accent"), " ]")


def _row_of(container: DOMNode | None) -> list[Button]:
    """Return the focusable buttons in a container on the page."""
    children = container.displayed_children if container and container.display else ()
    return [button for button in children if isinstance(button, Button) and button.focusable]


class _Wrapped(HorizontalLayout):
    """Side by side as far as they fit, and the rest on lines below."""

    def arrange(
        self,
        parent: Widget,
        children: list[Widget],
        size: Size,
        greedy: bool = True,  # noqa: FBT001 - Textual's
    ) -> ArrangeResult:
        wrapped, left, top, height = list[WidgetPlacement](), 0, 0, 0
        for placement in super().arrange(parent, children, size, greedy):
            region = placement.region
            if region.right - left > size.width and region.x > left:
                left, top, height = region.x, top + height, 0
            height = max(height, region.height)
            wrapped.append(placement._replace(region=region.translate((-left, top))))
        return wrapped


class ButtonRow(Horizontal):
    """Buttons side by side, a line below their subject."""

    DEFAULT_CSS = "ButtonRow { height: auto; margin-top: 1; }"
    _WRAPPED = _Wrapped()

    @property
    def layout(self) -> Layout:
        """Set here, as a stylesheet only knows Textual's own layouts."""
        return self._WRAPPED


class Option(option_list.Option):
    """A line of a list."""

    def __init__(self, text: Sentence | Content, id: str | None = None, *, disabled: bool = False) -> None:  # noqa: A002 - Textual's name
        super().__init__(plain(text), id, disabled)


class OptionList(widgets.OptionList, Measured):
    """A list of lines; with the focus, the bar and a reversed label show the highlighted one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {CURSOR}
    DEFAULT_CSS = f"""
    OptionList > .{CURSOR} {{ color: $accent; text-style: bold; }}
    OptionList.-textual-compact > .option-list--option {{ padding: 0 0 0 2; }}
    OptionList.-textual-compact > .option-list--option-highlighted {{
        background: transparent; color: $foreground; text-style: none;
    }}
    OptionList.-textual-compact:focus > .option-list--option-highlighted {{
        background: $block-hover-background; color: $foreground; text-style: none;
    }}
    """

    def __init__(self, *options: Any, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(*options, id=id, compact=True)

    def render_line(self, y: int) -> Strip:
        """Draw a line; the highlighted one shows the focus."""
        strip, row = super().render_line(y), self.scroll_offset.y + y
        option, wrapped = self._lines[row] if row < len(self._lines) else (None, 0)
        if not self.has_focus or option is None or option != self.highlighted:
            return strip
        return with_bar(strip, self.get_component_rich_style(CURSOR, partial=True), label=not wrapped)

    def add_options(self, new_options: Iterable[Any]) -> OptionList:
        """Add lines; a string is one without an id."""
        return super().add_options(
            Option(option) if isinstance(option, str) else option for option in new_options
        )

    def set_options(self, options: Iterable[Any]) -> OptionList:
        """Replace the lines; the highlight stays at its line number."""
        at = self.highlighted or 0
        super().set_options(options)
        if self.option_count:
            self.highlighted = min(at, self.option_count - 1)
        return self

    def scroll_to_highlight(self, top: bool = False) -> None:  # noqa: FBT001 - as Textual's
        """Scroll the highlighted line into view, with the headings above it if there is space."""
        super().scroll_to_highlight(top)
        if (at := self.highlighted) is None or at not in self._index_to_line:
            return
        first = at - len([*takewhile(lambda option: option.disabled, reversed(self.options[:at]))])
        line, end = self._index_to_line[first], self._index_to_line[at] + self._heights[at]
        if line < self.scroll_offset.y and end - line <= self.scrollable_content_region.height:
            self.scroll_to(y=line, animate=False, force=True, immediate=True)

    def action_page_up(self) -> None:
        """Go up a page; Textual fails if the list has no space yet."""
        if self.size:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """Go down a page; Textual fails if the list has no space yet."""
        if self.size:
            super().action_page_down()  # type: ignore[no-untyped-call]

    def replace_option_prompt_at_index(self, index: int, prompt: Any) -> OptionList:
        """Replace the text of a line."""
        return super().replace_option_prompt_at_index(index, plain(prompt))


class SplitLine(Widget, can_focus=False):
    """A line with a left and a right part; the left part makes way."""

    DEFAULT_CSS = "SplitLine { height: 1; padding: 0 1; }"

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._left = self._right = Content()

    def show(self, left: Content, right: Content) -> None:
        self._left, self._right = left, right
        self.refresh()

    def render(self) -> Content:
        width = self.content_size.width - self._right.cell_length
        return Content.assemble(
            self._left.truncate(max(0, width - 1), ellipsis=True, pad=True), " ", self._right
        )
