"""The page of a step that cannot begin yet: what it will be for, and what it waits for."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from screens.widgets.text import Text
from workflows.core.sentences import Sentence


class Waiting(VerticalScroll):
    """A step that waits.

    Args:
        title: the step's title, with its item.
        purpose: what it is for.
        note: what it waits for.
    """

    DEFAULT_CSS = """
    Waiting { padding: 0 1; }
    Waiting .pane-title { text-style: bold; color: $text-accent; }
    Waiting .pane-purpose { color: $text-muted; margin-bottom: 1; }
    Waiting .pane-note { color: $text-warning; }
    """

    def __init__(self, title: Sentence, purpose: Sentence, note: str) -> None:
        super().__init__(id="waiting")
        self._title = title
        self._purpose = purpose
        self._note = note

    def compose(self) -> ComposeResult:
        yield Text(self._title, classes="pane-title")
        yield Text(self._purpose, classes="pane-purpose")
        yield Text(f"{self._note}\nNext (^n) goes to the step that is open.", classes="pane-note")
