"""A question with its answers below each other, as radio buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content

from screens.widgets.text import Option, OptionList, shown, styled
from workflows.core.sentences import Sentence

_BOXES = {True: "(•)", False: "( )"}


class Answer(NamedTuple):
    """An answer, with a short explanation."""

    value: str
    statement: Sentence
    hint: Sentence = ""


class Choices(OptionList, inherit_bindings=False):
    """Radio buttons. The keys for pages are left to the scrolling container.

    By default the arrow keys choose, and Enter answers. A question that mustn't be answered by habit starts
    without an answer: Space or Enter chooses at the bar, which starts at the answer that changes nothing.

    Args:
        answers: the answers.
        deliberate: the value of the answer that changes nothing; None if the arrow keys choose.
        id: the widget's id.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", "Down", show=False),
        Binding("up", "cursor_up", "Up", show=False),
        Binding("enter", "select", "Choose", show=False),
        Binding("space", "mark", "Choose", show=False),
    ]
    DEFAULT_CSS = """
    Choices, Choices:focus { height: auto; border: none; padding: 0; }
    """

    def __init__(self, answers: Sequence[Answer] = (), *, deliberate: str | None = None, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._deliberate = deliberate
        self._answers: Sequence[Answer] = ()
        self._given = ""
        self.ask(answers)

    def ask(self, answers: Sequence[Answer], value: str = "") -> None:
        """Replace the answers; `value` is chosen, "" for none or the first."""
        self._answers, self._given = answers, value
        self.set_options([Option(self._line(index), answer.value) for index, answer in enumerate(answers)])
        self.choose(value or self._deliberate or "")

    def reword(self, answers: Sequence[Answer]) -> None:
        """Replace the texts of the answers; the choice stays."""
        self._answers = answers
        self._paint()

    @property
    def value(self) -> str:
        """The chosen answer's value, or ""."""
        return self._given if self._deliberate is not None else self._here

    @property
    def statement(self) -> Sentence:
        """The chosen answer's statement, or ""."""
        return next((answer.statement for answer in self._answers if answer.value == self.value), "")

    def action_cursor_up(self) -> None:
        """Go up, but not from the first answer to the last, which says the opposite."""
        if self.highlighted:
            super().action_cursor_up()

    def action_cursor_down(self) -> None:
        """Go down, but not from the last answer to the first."""
        if self.highlighted != self.option_count - 1:
            super().action_cursor_down()

    def action_mark(self) -> None:
        """Choose at the bar, unless the arrow keys already have."""
        if self._deliberate is not None:
            self.action_select()

    @property
    def _here(self) -> str:
        return str(self.highlighted_option.id) if self.highlighted_option else ""

    def choose(self, value: str) -> None:
        """Go to an answer by its value; to the first if there is no such value."""
        if values := [answer.value for answer in self._answers]:
            self.highlighted = values.index(value) if value in values else 0
        self._paint()

    def _line(self, index: int) -> Content:
        value, statement, hint = self._answers[index]
        width = max(cell_len(shown(answer.statement)) for answer in self._answers)
        return styled(
            (f"{_BOXES[value == self.value]} {shown(statement)}", ""),
            (" " * (width - cell_len(shown(statement)) + 2) if hint else "", ""),
            (hint, "$text-muted"),
        )

    @on(OptionList.OptionHighlighted)
    def _paint(self) -> None:
        for index in range(len(self._answers)):
            self.replace_option_prompt_at_index(index, self._line(index))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self._given = event.option_id or ""
        self._paint()
