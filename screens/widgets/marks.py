"""Boxes whose mark is seen without colour: Textual draws the same letter in marked and unmarked ones."""

from __future__ import annotations

from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Checkbox, SelectionList
from textual.widgets.option_list import OptionDoesNotExist

_MARK, _EMPTY = "X", " "


class MarkBox(Checkbox):
    """A box that is empty when it is not marked."""

    DEFAULT_CSS = """
    MarkBox { border: none; padding: 0; }
    """

    def render(self) -> Content:
        """The box as it stands, and its label."""
        self.BUTTON_INNER = _MARK if self.value else _EMPTY
        return super().render()


class MarkList(SelectionList[str]):
    """A list of boxes, each on one line, that are empty when they are not marked."""

    DEFAULT_CSS = """
    MarkList { border: none; padding: 0; height: auto; }
    MarkList:focus { border: none; }
    """

    def on_focus(self) -> None:
        """Mark the first line, so that Space does something at once."""
        if self.highlighted is None and self.option_count:
            self.highlighted = 0

    def render_line(self, y: int) -> Strip:
        """A line, with its box emptied where the option is not marked."""
        strip = super().render_line(y)
        try:
            option = self.get_option_at_index(self.scroll_offset.y + y)
        except OptionDoesNotExist:
            return strip
        if option.value in self.selected:
            return strip
        left, inner, *rest = strip
        return Strip([left, Segment(_EMPTY, inner.style), *rest])
