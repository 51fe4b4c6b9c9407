"""Asks what to do about a state's lock that somebody holds: wait and try again, or release it by force."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input

from screens.widgets.text import Button, Text
from workflows.services.terraform.failures import LockInfo

WAIT_SECONDS = 15
"""How long is waited before another try; Terraform itself then waits for the lock 20 seconds more."""


class LockAnswer(StrEnum):
    """What the person chose."""

    TRY_AGAIN = "try again"
    RELEASE = "release"


class LockDialog(ModalScreen[LockAnswer | None]):
    """Who holds the lock, since when and for what; waiting is the safe answer and has the focus.

    Args:
        lock: the lock.
        waited: how many times it was waited for already; then the countdown goes on by itself.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave it", id="lock.leave"),
    ]
    DEFAULT_CSS = """
    LockDialog { align: center middle; }
    LockDialog > Vertical {
        width: 74; max-width: 96%; height: auto; max-height: 92%;
        border: round $warning; background: $surface; padding: 0 1;
    }
    LockDialog .dialog-title { text-style: bold; height: auto; margin-bottom: 1; }
    LockDialog VerticalScroll { height: auto; max-height: 14; }
    LockDialog Static { height: auto; }
    LockDialog #countdown { color: $text-accent; margin-top: 1; }
    LockDialog #wrong { display: none; color: $text-error; }
    LockDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    LockDialog Button { margin-left: 2; height: 1; min-width: 8; }
    """

    def __init__(self, lock: LockInfo, waited: int = 0) -> None:
        super().__init__()
        self._lock = lock
        self._waited = waited
        self._left: int | None = WAIT_SECONDS if waited else None

    def compose(self) -> ComposeResult:
        lock = self._lock
        with Vertical():
            yield Text("! The state is locked", classes="dialog-title")
            with VerticalScroll():
                yield Text(
                    f"Who:    {lock.who or 'unknown'}\nSince:  {lock.created or 'unknown'}\n"
                    f"For:    {lock.purpose}\nLock:   {lock.lock_id}",
                )
                yield Text(
                    "\nIf that run still goes on, wait for it. Release the lock by force only if it is "
                    "surely dead: two runs at once damage the state. Ask its holder first.\n\n"
                    f"To release it, type its holder ({lock.who}) or its id:",
                )
                yield Input(id="holder", compact=True)
                yield Text("✗ That is neither the holder nor the id.", id="wrong")
            yield Text("", id="countdown")
            with Horizontal():
                yield Button("Release", id="release", variant="error", disabled=True)
                yield Button("Wait and try again", id="wait", variant="primary")
                yield Button("Leave it (esc)", id="leave")

    def on_mount(self) -> None:
        """Waiting has the focus; where it was waited before, it goes on."""
        self.query_one("#wait").focus()
        self.set_interval(1, self._count)
        self._tell()

    def _count(self) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self._left = None
            self.dismiss(LockAnswer.TRY_AGAIN)
            return
        self._tell()

    def _tell(self) -> None:
        before = f"Still locked after {self._waited} tries. " if self._waited > 1 else ""
        words = f"{before}Tries again in {self._left} s; esc stops waiting." if self._left else ""
        self.query_one("#countdown", Text).update(words)

    @on(Input.Changed, "#holder")
    def _check(self, event: Input.Changed) -> None:
        if event.value:
            self._left = None  # nobody is to be interrupted while typing
            self._tell()
        self.query_one("#release", Button).disabled = not self._is_it(event.value)
        self.query_one("#wrong").display = False

    @on(Input.Submitted, "#holder")
    def _submit(self, event: Input.Submitted) -> None:
        if self._is_it(event.value):
            self.dismiss(LockAnswer.RELEASE)
        else:
            self.query_one("#wrong").display = True

    def _is_it(self, typed: str) -> bool:
        names = {self._lock.who, self._lock.lock_id} - {""}
        return typed.strip() in names

    @on(Button.Pressed, "#release")
    def _release(self) -> None:
        self.dismiss(LockAnswer.RELEASE)

    @on(Button.Pressed, "#wait")
    def _wait(self) -> None:
        """The first press begins the countdown; pressed again, it is tried at once."""
        if self._left is not None:
            self.dismiss(LockAnswer.TRY_AGAIN)
            return
        self._left = WAIT_SECONDS
        self.query_one("#wait", Button).label = "Try now"
        self._tell()

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Do nothing about it now."""
        self.dismiss(None)
