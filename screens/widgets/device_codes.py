"""The two codes that enable a new device: its QR code, a look at each code as it is typed, a countdown."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from screens.widgets.code_field import CodeField, Wanted
from screens.widgets.qr_dialog import QrDialog
from screens.widgets.text import Button, Text
from workflows.core.errors import OnboardError
from workflows.core.sentences import joined
from workflows.services.authenticator import code_problem
from workflows.steps import mfa
from workflows.steps.base import Context
from workflows.steps.mfa import Pending

_FIELDS = ("first-code", "second-code")


class DeviceCodes(Vertical):
    """Asks for two codes of a device that is begun.

    Args:
        context: tells the time, and has the clipboard.
        id: the widget's id.
    """

    DEFAULT_CSS = """
    DeviceCodes { height: auto; margin-top: 1; }
    DeviceCodes #told, DeviceCodes #check { height: auto; }
    DeviceCodes Horizontal.buttons { height: 1; margin-top: 1; }
    """

    def __init__(self, context: Context, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._of_step = context
        self._pending: Pending | None = None

    def compose(self) -> ComposeResult:
        yield Text("", id="told")
        first, second = _FIELDS
        yield CodeField(self._of_step.world.now, Wanted(first, "Code"), Wanted(second, "The next code"))
        yield Text("", id="check")
        with Horizontal(classes="buttons"):
            yield Button("Show the QR code again", id="qr")

    def begin(self, pending: Pending) -> None:
        """Ask for the codes of this device, and show its QR code."""
        self._pending = pending
        words = f"The device {pending.entry} is made and waits for two codes in a row."
        self.query_one("#told", Text).update(joined((words, pending.remark)))
        self.ask_anew()
        self.show_qr()

    def codes(self) -> tuple[str, str]:
        """Both, as typed."""
        codes = self.query_one(CodeField).codes
        return codes.get(_FIELDS[0], ""), codes.get(_FIELDS[1], "")

    def ask_anew(self) -> None:
        """Codes that were given are spent: two new ones are needed."""
        self.query_one(CodeField).clear()
        self.query_one("#first-code").focus()

    @on(Button.Pressed, "#qr")
    def show_qr(self) -> None:
        """Show the device's QR code over the whole terminal."""
        pending = self._pending
        if pending is None:
            return
        try:
            matrix = pending.matrix()
        except OnboardError as error:
            self.notify(f"{error.what} {error.next}", severity="warning")
            matrix = ()
        copy = self._of_step.world.clipboard.copy
        self.app.push_screen(QrDialog(matrix, pending.seed, pending.entry, copy))

    @on(Input.Changed)
    def _look(self) -> None:
        """Look at whole codes at once, before AWS sees them."""
        pending, codes = self._pending, self.codes()
        told = ""
        if pending is not None and not pending.seed.dropped and code_problem(codes[0]) is None:
            second = codes[1] if code_problem(codes[1]) is None else ""
            problems = mfa.problems_of(pending, codes[0], second, self._of_step)
            told = "\n".join(f"! {problem.message}" for problem in problems) or _good(second)
        self.query_one("#check", Text).update(told)


def _good(second: str) -> str:
    if second:
        return "✓ Both are the device's codes, one right after the other. Next (^n) gives them to AWS."
    return "✓ That is the device's code. Wait for the next one, and type it below."
