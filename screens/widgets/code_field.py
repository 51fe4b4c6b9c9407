"""A field for the six digits of an MFA device; takes no room where none are wanted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from screens.widgets.countdown import Countdown
from screens.widgets.field_row import FieldRow
from screens.widgets.text import Text
from workflows.core.secret import Secret


class CodeField(Vertical):
    """Asks for a code once `want` was called with a device, and counts down to the app's next one.

    Args:
        now: the clock, aware.
    """

    DEFAULT_CSS = """
    CodeField { height: auto; display: none; margin-bottom: 1; }
    CodeField.-wanted { display: block; }
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now

    def compose(self) -> ComposeResult:
        yield Text("", id="code-words")
        field = Input(placeholder="six digits", id="code", compact=True, max_length=7, select_on_focus=False)
        field.disabled = True  # a field that is not seen must not take the focus
        yield FieldRow("MFA code", field)

    def want(self, serial: str) -> None:
        """Ask for a code of a device; "" asks for none."""
        self.set_class(bool(serial), "-wanted")
        field = self.query_one("#code", Input)
        field.disabled = not serial
        if serial:
            if not self.query(Countdown):
                self.mount(Countdown(self._now))
            field.focus()
            words = f"The layer's profile takes on its role with a code of {serial}."
            self.query_one("#code-words", Text).update(words)

    def take(self) -> Secret | None:
        """The code that was entered, and an empty field: a code is good once."""
        field = self.query_one("#code", Input)
        value, field.value = field.value.strip(), ""
        return Secret(value) if value else None
