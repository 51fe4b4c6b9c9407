"""Shown while the world is opened: a moment on a user's own machine, some seconds for a sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen

from screens.widgets.progress import ProgressLine
from screens.widgets.text import Text
from workflows.core.sentences import OnboardError, as_error
from workflows.steps.shared.module import Progress, Report


class Starting(Screen[None]):
    """Opens something in a thread and passes it on.

    Args:
        work: opens it; called in a thread with a function that reports progress.
        then: receives what was opened, on the application's own thread.
        words: what is being opened, for the waiting user.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "again", "Try again", id="starting.again")]
    DEFAULT_CSS = """
    Starting { align: center middle; }
    Starting > Vertical {
        width: 72; max-width: 96%; height: auto; border: round $border-blurred; padding: 1 2;
    }
    Starting .starting-failure { color: $text-error; }
    """

    def __init__(
        self, work: Callable[[Report], Any], then: Callable[[Any], Awaitable[None]], words: str
    ) -> None:
        super().__init__()
        self._work = work
        self._then = then
        self._words = words

    def compose(self) -> ComposeResult:
        yield Vertical(Text(self._words, id="starting-words"), ProgressLine(stoppable=False))

    def on_mount(self) -> None:
        self.query_one(ProgressLine).begin()
        self.call_after_refresh(self._begin)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer another try only after a failure."""
        return action != "again" or self.query_one("#starting-words").has_class("starting-failure")

    def action_again(self) -> None:
        """Try again after a failure."""
        words = self.query_one("#starting-words", Text)
        words.remove_class("starting-failure")
        words.update(self._words)
        self.query_one(ProgressLine).begin()
        self._begin()

    def on_screen_suspend(self) -> None:
        """Leave the screen to a dialog."""
        self.query_one(Vertical).display = False

    def _begin(self) -> None:
        """Begin only now: imports in the thread would delay the first paint."""
        line = self.query_one(ProgressLine)
        self.run_worker(partial(self._open, line), thread=True, group="start", exclusive=True)

    def _open(self, line: ProgressLine) -> None:
        def report(progress: Progress) -> None:
            self.call_later(line.show, progress)

        try:
            result = self._work(report)
        except Exception as failure:  # noqa: BLE001 - shown on this screen
            self.call_later(self._failed, as_error(failure))
        else:
            # Through the application: this screen couldn't handle the answer of a dialog any more.
            self.app.call_later(self._then, result)

    def _failed(self, error: OnboardError) -> None:
        self.query_one(ProgressLine).rest()
        words = self.query_one("#starting-words", Text)
        words.add_class("starting-failure")
        words.update(f"✗ {error.as_text()}\n\nEnter tries again, ^q quits.")
