"""Terraform's output while it runs, redacted."""

from __future__ import annotations

from typing import Self

from screens.widgets.lists import Log
from workflows.terraform.redaction import redact
from workflows.terraform.runner import Update

_MOST_LINES = 5_000


class RunLog(Log):
    """The lines of a run, without account ids, keys and encrypted texts; hidden until requested.

    Attributes:
        filled: whether it has any lines of the run.
    """

    DEFAULT_CSS = """
    RunLog { display: none; scrollbar-size: 1 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="log", max_lines=_MOST_LINES)
        self.filled = False

    def clear(self) -> Self:
        """Start another run's lines."""
        self.filled = False
        return super().clear()

    def take(self, update: Update) -> None:
        """Add the lines since the last update, except those about refreshing."""
        for line in update.lines:
            self._add(redact(line))

    def show_text(self, text: str) -> None:
        """Replace the content by a whole, already redacted log."""
        self.clear()
        for line in text.splitlines() or ["Nothing logged yet."]:
            self._add(line)

    def _add(self, line: str) -> None:
        if line.strip():
            self.filled = True
            self.add(line)
