"""One question with its answers below each other; none is chosen until the person chooses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content

from screens.widgets.text import BAR, Option, OptionList, shown, styled
from workflows.core.sentences import Sentence

_BOXES = {True: "(•)", False: "( )"}


class Answer(NamedTuple):
    """An answer, and in a few words what it means."""

    value: str
    statement: Sentence
    hint: Sentence


class Question(OptionList, inherit_bindings=False):
    """Radio buttons; Space or Enter chooses where the bar is, and `OptionSelected` says so.

    The bar begins at the answer that changes nothing, so that keys pressed by habit choose that one.

    Args:
        safe: the value of the answer that changes nothing.
        id: the widget's id.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", "Down", show=False),
        Binding("up", "cursor_up", "Up", show=False),
        Binding("enter,space", "select", "Choose", show=False),
    ]
    DEFAULT_CSS = """
    Question, Question:focus { height: auto; }
    Question > .option-list--option-highlighted { background: transparent; color: $foreground; }
    Question:focus > .option-list--option-highlighted {
        background: $block-hover-background; color: $foreground; text-style: none;
    }
    """

    def __init__(self, safe: str, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._safe = safe
        self._answers: Sequence[Answer] = ()
        self.value = ""

    def ask(self, answers: Sequence[Answer], value: str = "") -> None:
        """Show these answers in place of the ones before.

        Args:
            answers: the answers.
            value: the value of the one that is chosen; "" for none.
        """
        self._answers, self.value = answers, value
        self.set_options([Option(self._line(index), one.value) for index, one in enumerate(answers)])
        values = [one.value for one in answers]
        self.highlighted = values.index(value or self._safe)
        self._paint()

    def _line(self, index: int) -> Content:
        value, statement, hint = self._answers[index]
        here = self.has_focus and index == self.highlighted
        width = max(cell_len(shown(one.statement)) for one in self._answers)
        return styled(
            (f"{BAR} " if here else "  ", "$accent"),
            (f"{_BOXES[value == self.value]} {shown(statement)}", "bold reverse $accent" if here else ""),
            (" " * (width - cell_len(shown(statement)) + 2), ""),
            (hint, "$text-muted"),
        )

    @on(OptionList.OptionHighlighted)
    def _paint(self) -> None:
        for index in range(len(self._answers)):
            self.replace_option_prompt_at_index(index, self._line(index))

    def watch_has_focus(self, focused: bool) -> None:  # noqa: FBT001 - Textual's
        """The bar is shown only with the focus."""
        super().watch_has_focus(focused)
        self._paint()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.value = event.option_id or ""
        self._paint()
