"""What screens share that work in an account over IAM: the code, a look at once and after every deed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import on

from screens.base import Opening, StepPane
from screens.widgets.code_field import CodeField
from workflows.core.secret import Secret
from workflows.steps import terraform_runs
from workflows.steps.base import Report

Ask = Callable[[Report, Secret | None], Any]


_DO = "do"


class AccountWorkPane(StepPane):
    """Looks as soon as it opens; where a code is needed, Next looks. Every deed answers with a new look."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.found: Any = None
        self._code_wanted = False
        self._next: tuple[str, Ask] | None = None

    def look(self, report: Report, code: Secret | None) -> Any:
        """Look at the account; called in a thread."""
        raise NotImplementedError

    def show(self) -> None:
        """Show what `found` holds; None while nothing was looked at."""
        raise NotImplementedError

    def done(self, deed: str) -> None:
        """A deed of this name went well; `found` holds the look after it."""

    def nobody(self) -> bool:
        """Whether there is nobody here to do anything for."""
        raise NotImplementedError

    def on_mount(self) -> None:
        super().on_mount()
        self.show()
        if not self.opening.done and not self.nobody():
            self.ask("look", self.look)

    def ask(self, deed: str, work: Ask) -> None:
        """Do something in the account, once it is known whether it takes a code.

        Args:
            deed: the name that `done` is told.
            work: called in a thread with a report and the code, or None.
        """
        if self.running_move:
            return
        self._next = deed, work
        if self._code_wanted:
            self._go()
        else:
            self.run_move("code", lambda _report: terraform_runs.code_wanted(self.context))

    def _go(self) -> None:
        if self._next is None:
            return
        (_, work), code = self._next, self.query_one(CodeField).take()
        self.run_move(_DO, lambda report: work(report, code))

    @on(StepPane.MoveDone)
    def _moved(self, message: StepPane.MoveDone) -> None:
        if message.name == "code":
            self._code_wanted = bool(message.result)
            self.query_one(CodeField).want(message.result)
            if not self._code_wanted:
                self.call_later(self._go)
        elif message.name == _DO and self._next is not None:
            (deed, _), self._next, self._code_wanted = self._next, None, False
            self.query_one(CodeField).want("")
            self.found = message.result
            self.done(deed)
            self.show()

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name == _DO:
            self._code_wanted = False  # asked anew: the code is used up, or the role is taken on by now
            self.query_one(CodeField).want("")

    def advance(self) -> None:
        if self._code_wanted:
            self._go()
        elif self.found is None and not self.nobody() and not self.opening.done:
            self.ask("look", self.look)
        else:
            super().advance()
