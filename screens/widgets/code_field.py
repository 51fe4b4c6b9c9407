"""Asks for codes of MFA devices, and counts down to the next ones, since each code works once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from textual import on
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from screens.widgets.fields import FieldRow
from screens.widgets.text import Button, Text
from workflows.aws.authenticator import DIGITS, PERIOD_SECONDS, code_problem, normal_code, seconds_left
from workflows.core.errors import Problem
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence

_CELLS = 10


class Countdown(Text):
    """One line that counts down to the app's next code.

    Args:
        now: the clock, aware.
    """

    DEFAULT_CSS = """
    Countdown { height: 1; color: $text-muted; }
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now

    def on_mount(self) -> None:
        """Start counting."""
        self._tell()
        self.set_interval(0.5, self._tell)

    def _tell(self) -> None:
        left = seconds_left(self._now())
        full = round(left / PERIOD_SECONDS * _CELLS)
        self.update(f"{'█' * full}{'·' * (_CELLS - full)} the app's next code comes in {left:2} s")


class Wanted(NamedTuple):
    """A field for a code.

    Attributes:
        id: the field's id.
        label: the text before it.
        hint: the text behind it, or "".
        placeholder: the text in the empty field.
    """

    id: str = "code"
    label: str = "MFA code"
    hint: Sentence = ""
    placeholder: str = "six digits"


class _CodeRow(FieldRow):
    """Reports at once characters that no code has, unless something else is wrong with the entered code."""

    _found: Sequence[Problem] = ()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        self._found = problems
        self._judge()

    @on(Input.Changed)
    def _judge(self) -> None:
        field = self.query_one(Input)
        begun = normal_code(field.value).ljust(DIGITS, "0")  # an incomplete code is fine so far
        problem = code_problem(begun, str(field.id))
        super().show_problems(self._found or ([problem] if problem else []))


class CodeField(Vertical):
    """A field for each code needed; takes no space without one.

    Args:
        now: the clock, aware.
        wanted: the codes needed from the start.
        id: the widget's id.
    """

    DEFAULT_CSS = """
    CodeField { height: auto; display: none; margin-bottom: 1; }
    CodeField.-wanted { display: block; }
    CodeField #code-rows { height: auto; }
    """

    def __init__(self, now: Callable[[], datetime], *wanted: Wanted, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        self._now = now
        super().__init__(
            Text("", id="code-words", classes="-empty"),
            Vertical(*self._rows(wanted), id="code-rows"),
            id=id,
            classes="-wanted" if wanted else "",
        )

    def _rows(self, wanted: Sequence[Wanted]) -> list[Widget]:
        rows: list[Widget] = [
            _CodeRow(
                code.label,
                Input(placeholder=code.placeholder, id=code.id, compact=True, select_on_focus=False),
                code.hint,
            )
            for code in wanted
        ]
        return [*rows, Countdown(self._now)] if rows else []

    async def ask(self, wanted: Sequence[Wanted], words: Sentence = "") -> None:
        """Ask for these codes instead of the previous ones, and focus the first field."""
        self.set_class(bool(wanted or words), "-wanted")
        self.query_one("#code-words", Text).show_lines([words] if words else [])
        rows = self.query_one("#code-rows")
        await rows.remove_children()
        await rows.mount_all(self._rows(wanted))
        for field in [*self.query(Input)][:1]:  # there is none if the application is ending
            field.focus()

    @on(Input.Submitted)
    def _go_on(self, event: Input.Submitted) -> None:
        """Enter moves to the next empty code; in the last one it presses the primary action."""
        event.stop()
        empty = (
            field for field in self.query(Input) if FieldRow.of(field).display and not field.value.strip()
        )
        lacking, primary = next(empty, None), self.screen.query_one("#primary", Button)
        self.call_after_refresh(lacking.focus if lacking is not None else primary.press)

    async def want(self, serial: str) -> None:
        """Ask for the code of a device that a layer's profile needs; "" asks for none."""
        words = f"The layer's profile assumes its role with a code from {serial}."
        await self.ask([Wanted()] if serial else [], words if serial else "")

    def narrow(self, ids: Collection[str], words: Sentence) -> None:
        """Show only these fields, focusing the first."""
        self.query_one("#code-words", Text).show_lines([words] if words else [])
        shown = [field for field in self.query(Input) if field.id in ids]
        for field in self.query(Input):
            FieldRow.of(field).display = field in shown
        for field in shown[:1]:
            field.focus()

    @property
    def codes(self) -> dict[str, str]:
        """The entered codes by field id, without empty ones."""
        return {str(field.id): field.value.strip() for field in self.query(Input) if field.value.strip()}

    def clear(self) -> None:
        """Empty the fields: a code works once."""
        for field in self.query(Input):
            field.clear()

    def take(self, id: str = "code") -> Secret | None:  # noqa: A002 - Textual's name
        """Return a field's code and empty the field; None if there is none."""
        code = self.codes.get(id)
        for field in self.query(f"#{id}").results(Input):
            field.clear()
        return Secret(code) if code else None
