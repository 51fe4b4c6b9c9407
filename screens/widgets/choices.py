"""A list with one chosen line: the highlighted one, with a mark that is seen without colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from screens.widgets.text import Option, OptionList

_CHOSEN, _OTHER = "●", "○"


class Choices(OptionList, inherit_bindings=False):
    """Lines to choose one of, by the arrow keys; the keys for pages are left to what scrolls around it.

    Args:
        lines: the value and the words of each line.
        id: the widget's id.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", "Down", show=False),
        Binding("up", "cursor_up", "Up", show=False),
        Binding("enter", "select", "Select", show=False),
    ]
    DEFAULT_CSS = """
    Choices { height: auto; border: none; padding: 0; }
    Choices:focus { border: none; }
    """

    def __init__(self, lines: Sequence[tuple[str, str]] = (), *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._choices: list[tuple[str, str]] = []
        self.show(lines)

    def show(self, lines: Sequence[tuple[str, str]], chosen: str = "") -> None:
        """Show these lines in place of the ones before.

        Args:
            lines: the value and the words of each.
            chosen: the value that is chosen; the first one if it is not among them.
        """
        self._choices = list(lines)
        self.clear_options()
        self.add_options([Option(_told(words, chosen=False), value) for value, words in self._choices])
        self.choose(chosen)

    @property
    def value(self) -> str:
        """The chosen line's value; "" while there are no lines."""
        if self.highlighted is None or self.highlighted >= len(self._choices):
            return ""
        return self._choices[self.highlighted][0]

    def choose(self, value: str) -> None:
        """Choose a line by its value; the first one if there is no such value."""
        values = [one for one, _ in self._choices]
        if values:
            self.highlighted = values.index(value) if value in values else 0

    def on_option_list_option_highlighted(self) -> None:
        """Put the mark on the line that is chosen now."""
        for index, (value, words) in enumerate(self._choices):
            self.replace_option_prompt_at_index(index, _told(words, chosen=value == self.value))


def _told(words: str, *, chosen: bool) -> str:
    return f"{_CHOSEN if chosen else _OTHER} {words}"
