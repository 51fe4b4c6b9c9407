"""A label and its field on one line, so that a step's whole form fits into a small terminal."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from screens.widgets.text import Text
from workflows.core.sentences import Sentence


class FieldRow(Horizontal):
    """A label in front of a field.

    Args:
        label: what the field is for, 18 columns at most.
        field: the field; it takes the rest of the line.
        hint: a few words behind the field, or "".
    """

    DEFAULT_CSS = """
    FieldRow { height: 1; }
    FieldRow > .row-label { width: 19; }
    FieldRow > Input { width: 1fr; }
    FieldRow > .row-hint { width: auto; color: $text-muted; padding-left: 1; }
    """

    def __init__(self, label: str, field: Widget, hint: Sentence = "") -> None:
        super().__init__()
        self._label = label
        self._field = field
        self._hint = hint

    def compose(self) -> ComposeResult:
        yield Text(self._label, classes="row-label")
        yield self._field
        if self._hint:
            yield Text(self._hint, classes="row-hint")
