"""Tells how long the code that the authenticator app shows now stays the same, since each is good once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from screens.widgets.text import Text
from workflows.services.authenticator import PERIOD_SECONDS, seconds_left

_CELLS = 10


class Countdown(Text):
    """One line that counts down to the app's next code.

    Args:
        now: the clock, aware.
        id: the widget's id.
    """

    DEFAULT_CSS = """
    Countdown { height: 1; color: $text-muted; }
    """

    def __init__(self, now: Callable[[], datetime], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__("", id=id)
        self._now = now

    def on_mount(self) -> None:
        """Count from now on."""
        self._tell()
        self.set_interval(0.5, self._tell)

    def _tell(self) -> None:
        left = seconds_left(self._now())
        full = round(left / PERIOD_SECONDS * _CELLS)
        self.update(f"{'█' * full}{'·' * (_CELLS - full)} the app's next code comes in {left:2} s")
