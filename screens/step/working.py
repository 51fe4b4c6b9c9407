"""Work in the background of a screen, one move at a time: it never blocks, and it can be stopped.

Nothing writes a file or calls a service on the screen's thread. Work goes through `run_move`, whose outcome
comes back as a message to an `@on` handler that owns the state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Any

from textual.containers import VerticalScroll
from textual.message import Message

from screens.step.failure import as_error
from screens.widgets.progress import ProgressLine
from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence, text_of
from workflows.steps.shared.module import Context, Progress, Report, stopped

Move = Callable[[Report], Any]
_TOLD = "told"


class Working(VerticalScroll):
    """A page that works in the background; a progress line of it shows how far it is.

    Args:
        context: what asks a move to stop.
        id: the widget's id.

    Attributes:
        running_move: the name of the move that runs, "" if none does.
    """

    class Posted(Message):
        """What a pane posts, and which pane: a late message must not be taken for another step's."""

        pane: Working | None = None

    @dataclass
    class Begun(Posted):
        """Work on the step begins with a move of the pane's own; the journal is to know."""

    @dataclass
    class MoveDone(Posted):
        """A move ended well."""

        name: str
        result: Any

    @dataclass
    class MoveFailed(Posted):
        """A move ended badly; for a journaled one the step failed.

        A pane that asks about the failure itself sets `told`: then no dialog shows it besides.
        """

        name: str
        error: OnboardError
        journaled: bool
        told: bool = False

    @dataclass
    class MoveProgressed(Posted):
        """How far the running move is; a newer one replaces an older."""

        progress: Progress

        def can_replace(self, message: Message) -> bool:
            """Whether this one may be dropped for a newer one: a payload is an event that a screen wants."""
            return isinstance(message, Working.MoveProgressed) and self.progress.payload is None

    def __init__(self, context: Context, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.context = context
        self.running_move = ""
        self._looks = False

    @property
    def looking(self) -> bool:
        """Whether what runs only looks at something."""
        return bool(self.running_move) and self._looks

    def post_message(self, message: Message) -> bool:
        """Post a message; one of this class says that it is from this pane."""
        if isinstance(message, Working.Posted):
            message.pane = self
        return super().post_message(message)

    def run_move(self, name: str, work: Move, *, journaled: bool = False, looks: bool = False) -> None:
        """Do something in the background; `MoveDone` or `MoveFailed` says how it went.

        Nothing is begun while another move runs, or once the page is being left.

        Args:
            name: what the message will carry.
            work: called in a thread with a function that reports progress.
            journaled: whether this is the step's own work, so that the journal records it.
            looks: whether it changes nothing: then stopping it waits for nothing.
        """
        if self.running_move or self.context.leaving.is_set():
            return
        if journaled:
            self.post_message(self.Begun())
        self.running_move = name
        self._looks = looks
        self.context.cancelled.clear()
        self.query_one(ProgressLine).begin()
        if journaled or name == "perform":
            for note in self.query(".pane-note"):
                note.display = False  # what it asks for is being done
        self.run_worker(
            partial(self._work, name, work, journaled, self.context.cancelled),
            name=name,
            group="move",
            exclusive=True,
            thread=True,
        )

    def run_told(self, work: Callable[[Report], Sentence]) -> None:
        """As `run_move`; what it comes back with is shown in passing."""
        self.run_move(_TOLD, work)

    def stop_move(self) -> bool:
        """Ask the running move to stop; returns whether there was one.

        One that only looks is left to itself, since it may be stuck: the page ignores it from then on.
        """
        if not self.running_move:
            return False
        self.context.cancelled.set()
        if self._looks:
            self.context = replace(self.context, cancelled=Event())
            self.post_message(self.MoveFailed(self.running_move, stopped(), journaled=False))
        self.query_one(ProgressLine).stopping()
        return True

    def _work(self, name: str, work: Move, journaled: bool, stop: Event) -> None:  # noqa: FBT001 - bound
        def post(message: Message) -> None:
            if stop is self.context.cancelled:
                self.post_message(message)

        try:
            result = work(lambda progress: post(self.MoveProgressed(progress)))
        except Exception as failure:  # noqa: BLE001 - the one place where a worker's failure becomes words
            post(self.MoveFailed(name, as_error(failure), journaled))
        else:
            post(self.MoveDone(name, result))

    def on_working_move_progressed(self, message: MoveProgressed) -> None:
        """Show how far the move is."""
        self.query_one(ProgressLine).show(message.progress)
        self.progressed(message.progress)

    def progressed(self, progress: Progress) -> None:
        """A subclass that shows more than the line (a log, a tree) takes it from here."""

    def on_working_move_done(self, message: MoveDone) -> None:
        """The move is over."""
        self._rest()
        if message.name == _TOLD:
            self.notify(text_of(message.result))

    def on_working_move_failed(self) -> None:
        """The move is over."""
        self._rest()

    def _rest(self) -> None:
        self.running_move = ""
        self.query_one(ProgressLine).rest()
