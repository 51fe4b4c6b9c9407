"""Asks for the code of an MFA device that AWS wants before it answers, and gives it to AWS at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult

from screens.widgets.code_field import CodeField, Wanted
from screens.widgets.dialogs import Dialog
from screens.widgets.text import Button, Text
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence


class CodeDialog(Dialog[bool]):
    """Answers True once AWS has taken a code; one that it does not take is said in the dialog.

    Args:
        serial: the device.
        give: gives AWS the code, in a thread; raises OnboardError.
        now: the clock, aware.
    """

    AUTO_FOCUS = "#code"
    DEFAULT_CSS: ClassVar[str] = "CodeDialog CodeField { margin: 1 0 0 0; }"

    def __init__(self, serial: str, give: Callable[[Secret], None], now: Callable[[], datetime]) -> None:
        words = f"One code of {serial} lets iam-onboard ask AWS for an hour, in all accounts of that device."
        super().__init__("AWS wants an MFA code", words)
        self._give = give
        self._now = now

    def fields(self) -> ComposeResult:
        yield CodeField(self._now, Wanted())
        yield Text("", id="wrong", classes="problem -empty")

    def buttons(self) -> Iterable[Button]:
        yield Button("Ask AWS", id="primary", variant="primary")
        yield Button("Without a code", id="close", key="esc")

    def action_primary(self) -> None:
        """Give AWS the code that is entered."""
        if (code := self.query_one(CodeField).take()) is None:
            self._refuse("Enter the six digits that the device shows.")
            return
        self.query_one("#primary", Button).disabled = True
        self.run_worker(lambda: self._try(code), thread=True, exclusive=True)

    def _try(self, code: Secret) -> None:
        refusal: Sentence = ""
        try:
            self._give(code)
        except OnboardError as error:
            refusal = error.what
        finally:
            code.drop()
        self.app.call_from_thread(self._answered, refusal)

    def _answered(self, refusal: Sentence) -> None:
        if not self.is_current:
            return  # closed meanwhile
        if refusal:
            self._refuse(refusal)
        else:
            self.dismiss(True)

    def _refuse(self, words: Sentence) -> None:
        self.query_one("#wrong", Text).show_lines([f"✗ {words}"])
        self.query_one("#primary", Button).disabled = False
        self.query_one("#code").focus()
