"""Asks for codes of MFA devices, and counts down to the app's next ones, since each code is good once."""

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
        """Count from now on."""
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
        label: what stands before it.
        hint: what stands behind it, or "".
        placeholder: what stands in it.
    """

    id: str = "code"
    label: str = "MFA code"
    hint: Sentence = ""
    placeholder: str = "six digits"


class _CodeRow(FieldRow):
    """Names at once what no code has, unless something else is wrong with the one that was entered."""

    _found: Sequence[Problem] = ()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        self._found = problems
        self._judge()

    @on(Input.Changed)
    def _judge(self) -> None:
        field = self.query_one(Input)
        begun = normal_code(field.value).ljust(DIGITS, "0")  # one that is not whole yet is good so far
        problem = code_problem(begun, str(field.id))
        super().show_problems(self._found or ([problem] if problem else []))


class CodeField(Vertical):
    """A field for each code that is wanted; takes no room where none is.

    Args:
        now: the clock, aware.
        wanted: the codes that are wanted from the beginning.
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
        """Ask for these codes, in place of those before, and put the focus into the first field."""
        self.set_class(bool(wanted or words), "-wanted")
        self.query_one("#code-words", Text).show_lines([words] if words else [])
        rows = self.query_one("#code-rows")
        await rows.remove_children()
        await rows.mount_all(self._rows(wanted))
        for field in [*self.query(Input)][:1]:  # none comes where the application ends meanwhile
            field.focus()

    @on(Input.Submitted)
    def _go_on(self, event: Input.Submitted) -> None:
        """Enter goes to the next code that is not entered; in the last one it is the primary action."""
        event.stop()
        empty = (
            field for field in self.query(Input) if FieldRow.of(field).display and not field.value.strip()
        )
        lacking, primary = next(empty, None), self.screen.query_one("#primary", Button)
        self.call_after_refresh(lacking.focus if lacking is not None else primary.press)

    async def want(self, serial: str) -> None:
        """Ask for the code of a device that a layer's profile needs; "" asks for none."""
        words = f"The layer's profile assumes its role with a code of {serial}."
        await self.ask([Wanted()] if serial else [], words if serial else "")

    def narrow(self, ids: Collection[str], words: Sentence) -> None:
        """Of the fields that are there, show only these, the first with the focus."""
        self.query_one("#code-words", Text).show_lines([words] if words else [])
        shown = [field for field in self.query(Input) if field.id in ids]
        for field in self.query(Input):
            FieldRow.of(field).display = field in shown
        for field in shown[:1]:
            field.focus()

    @property
    def codes(self) -> dict[str, str]:
        """What is entered, by the field's id; without those that are empty."""
        return {str(field.id): field.value.strip() for field in self.query(Input) if field.value.strip()}

    def clear(self) -> None:
        """Empty the fields: a code is good once."""
        for field in self.query(Input):
            field.clear()

    def take(self, id: str = "code") -> Secret | None:  # noqa: A002 - Textual's name
        """The code of a field, which is emptied; None if none was entered."""
        code = self.codes.get(id)
        for field in self.query(f"#{id}").results(Input):
            field.clear()
        return Secret(code) if code else None
