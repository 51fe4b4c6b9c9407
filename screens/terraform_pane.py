"""What the panes that run Terraform share: what a person may choose when it refuses to begin.

A lock that somebody holds is waited for or released; an init that only upgrade or reconfigure mends is done
that way on purpose. Either is asked in a dialog of its own in place of the failure's, and then what was
wanted is tried again.
"""

from __future__ import annotations

from functools import partial

from textual import on

from screens.base import Opening, StepPane
from screens.widgets.code_field import CodeField
from screens.widgets.dialogs import Confirm
from screens.widgets.lock_dialog import LockAnswer, LockDialog
from workflows.core.sentences import text_of
from workflows.services.terraform.failures import InitRefused, InitWay, LockHeld, LockInfo, StateUnwritten
from workflows.steps import recovery
from workflows.steps.terraform_credentials import CodeWanted

_MENDED = "mended"
_WRITE = (
    "Written now, the state knows what exists, and the plan shows what is left. Terraform refuses it if the "
    "state was changed by somebody else meanwhile. The file can hold secrets: it is removed afterwards."
)
_WITHOUT_CODE = ("look", "log", "export", "send")
"""Moves of the panes that never need a code: how they ended says nothing about it."""


class TerraformPane(StepPane):
    """A pane with a code field whose work runs Terraform; subclasses say what `try_again` begins anew."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._waited = 0
        self._refused = ""

    def try_again(self, move: str) -> None:
        """Begin again what a lock or an init stopped.

        Args:
            move: the name of the move that was refused ("perform" for the step's own).
        """
        raise NotImplementedError

    @on(StepPane.MoveFailed)
    def _offer_a_way(self, message: StepPane.MoveFailed) -> None:
        if message.name != _MENDED:
            self._refused = message.name
        match message.error:
            case LockHeld():
                message.told = True
                self._ask_about_lock(message.error.lock)
            case InitRefused():
                message.told = True
                self._ask_about_init(message.error)
            case StateUnwritten():
                message.told = True
                self._ask_about_state(message.error)
            case CodeWanted():
                self.query_one(CodeField).want(message.error.serial)

    @on(StepPane.MoveDone)
    def _go_on(self, message: StepPane.MoveDone) -> None:
        if message.name == _MENDED:
            self.notify(message.result)
            self.call_later(self.try_again, self._refused)
        else:
            self._waited = 0
        if message.name not in _WITHOUT_CODE:
            self.query_one(CodeField).want("")  # what needs another one says so

    def _ask_about_lock(self, lock: LockInfo) -> None:
        def answered(answer: LockAnswer | None) -> None:
            if answer is LockAnswer.TRY_AGAIN:
                self._waited += 1
                self.try_again(self._refused)
            elif answer is LockAnswer.RELEASE:
                self._waited = 0
                code = self.query_one(CodeField).take()
                self.run_move(_MENDED, lambda report: recovery.unlock(lock, self.context, report, code))
            else:
                self._waited = 0

        self.app.push_screen(LockDialog(lock, self._waited), answered)

    def _ask_about_state(self, refused: StateUnwritten) -> None:
        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual's callback
            if yes:
                code = self.query_one(CodeField).take()
                self.run_move(_MENDED, lambda report: recovery.write_state(self.context, report, code))

        body = f"{refused.what}\n\n{refused.why}\n\n{_WRITE}"
        self.app.push_screen(Confirm(text_of(refused.title), body, "Write the state"), answered)

    def _ask_about_init(self, refused: InitRefused) -> None:
        button, words = recovery.INIT_WAYS[refused.way]
        own = f"\n\nTerraform says:\n{text_of(refused.detail)[:600]}" if refused.detail else ""
        body = f"{refused.what} {refused.why}\n\n{words}{own}"
        self.app.push_screen(
            Confirm(text_of(refused.title), body, button), partial(self._initialise, refused.way)
        )

    def _initialise(self, way: InitWay, yes: bool | None) -> None:  # noqa: FBT001 - Textual's callback
        if yes:
            code = self.query_one(CodeField).take()
            self.run_move(_MENDED, lambda report: recovery.initialise(way, self.context, report, code))
