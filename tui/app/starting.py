"""Shown while the world is opened: at once on a person's own machine, some seconds for a sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen

from screens.step.failure import as_error
from screens.widgets.progress import ProgressLine
from screens.widgets.text import Text
from workflows.core.errors import OnboardError
from workflows.steps.shared.module import Progress, Report


class Starting(Screen[None]):
    """Opens something in a thread and hands it on.

    Args:
        work: opens it; called in a thread with a function that reports progress.
        then: gets what was opened, on the application's own thread.
        words: what is being opened, for the person who waits.
    """

    DEFAULT_CSS = """
    Starting { align: center middle; }
    Starting > Vertical {
        width: 72; max-width: 96%; height: auto; border: round $border-blurred; padding: 1 2;
    }
    Starting .starting-failure { color: $text-error; }
    """

    @dataclass
    class Opened(Message):
        """It is open."""

        result: Any

    @dataclass
    class Failed(Message):
        """It could not be opened."""

        error: OnboardError

    @dataclass
    class Moved(Message):
        """How far it is."""

        progress: Progress

    def __init__(
        self, work: Callable[[Report], Any], then: Callable[[Any], Awaitable[None]], words: str
    ) -> None:
        super().__init__()
        self._work = work
        self._then = then
        self._words = words

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text(self._words, id="starting-words")
            yield ProgressLine(stoppable=False)

    def on_mount(self) -> None:
        self.query_one(ProgressLine).begin()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Only now: what is imported in the thread would hold up the first paint."""
        self.run_worker(self._open, thread=True, group="start", exclusive=True)

    def _open(self) -> None:
        try:
            result = self._work(self._report)
        except Exception as failure:  # noqa: BLE001 - becomes words on this screen
            self.post_message(self.Failed(as_error(failure)))
        else:
            self.post_message(self.Opened(result))

    def _report(self, progress: Progress) -> None:
        self.post_message(self.Moved(progress))

    @on(Opened)
    def _opened(self, message: Opened) -> None:
        # By the application, which stays: a dialog that this screen asked for could not answer it any more.
        self.app.call_later(self._then, message.result)

    @on(Moved)
    def _moved(self, message: Moved) -> None:
        self.query_one(ProgressLine).show(message.progress)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.query_one(ProgressLine).rest()
        words = self.query_one("#starting-words", Text)
        words.add_class("starting-failure")
        words.update(f"✗ {message.error.as_text()}\n\n^q quits.")
