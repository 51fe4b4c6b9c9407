"""What every step's screen shares: its head, its work in the background, its draft, its problems.

A pane shows a step and collects a request; it never writes a file or calls a service on the screen's thread.
Work goes through `run_move`, whose outcome comes back as a message to an `@on` handler that owns the state.
The wizard around it owns the session and knows which step comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Checkbox, Input, SelectionList, Static, TextArea

from screens.failure import as_error
from screens.widgets.problems import ProblemList
from screens.widgets.progress import ProgressLine
from workflows.errors import OnboardError, Problem
from workflows.machine.declaration import Step
from workflows.steps.base import Context, Progress, Report

Move = Callable[[Report], Any]


@dataclass(frozen=True)
class Opening:
    """What a pane is opened with.

    Attributes:
        step: the declaration of its step.
        title: the step's title, with its item.
        context: what it may read.
        draft: half-filled input from before; empty when there is none.
        done: whether the step is done, so that the pane shows what came of it.
        note: what the machine has to say about the step (why it is stale, that it was interrupted), or "".
    """

    step: Step
    title: str
    context: Context
    draft: Mapping[str, Any]
    done: bool
    note: str = ""


class StepPane(VerticalScroll):
    """The screen of one step.

    Subclasses write `compose_body`, `request` and, where there is something worth keeping, `draft`.

    Attributes:
        opened: whether the pane has been shown, so that its input is the person's.
        running_move: the name of the move that runs, "" if none does.
    """

    can_focus = False

    DEFAULT_CSS = """
    StepPane { padding: 0 1; scrollbar-size-vertical: 1; }
    StepPane > .pane-head { height: auto; margin-bottom: 1; }
    StepPane .pane-title { text-style: bold; color: $text-accent; }
    StepPane .pane-purpose { color: $text-muted; }
    StepPane > .pane-foot { dock: bottom; height: auto; max-height: 60%; background: $surface; }
    StepPane .pane-note { color: $text-warning; }
    """

    class Posted(Message):
        """What a pane posts, and which pane: a late message must not be taken for another step's."""

        pane: StepPane | None = None

    @dataclass
    class Submitted(Posted):
        """The person is done with the input: go on with this request."""

        request: Any

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
        """A move ended badly; for a journaled one the step failed."""

        name: str
        error: OnboardError
        journaled: bool

    @dataclass
    class MoveProgressed(Posted):
        """How far the running move is; a newer one replaces an older."""

        progress: Progress

        def can_replace(self, message: Message) -> bool:
            """Only bare progress may be dropped; a payload is an event that every screen wants to see."""
            return isinstance(message, StepPane.MoveProgressed) and message.progress.payload is None

    @dataclass
    class DraftChanged(Posted):
        """Half-filled input worth keeping."""

        draft: Mapping[str, Any]

    @dataclass
    class ReopenWanted(Posted):
        """The person wants to do a settled step again."""

    @dataclass
    class StepWanted(Posted):
        """The person wants to do an earlier step again, with this draft to begin with."""

        step: str
        draft: Mapping[str, Any]

    def __init__(self, opening: Opening) -> None:
        super().__init__(id=f"pane-{opening.step.id}")
        self.opening = opening
        self.context = opening.context
        self.running_move = ""
        self.opened = False
        self._opened_with: Any = None
        self._judged = 0

    def post_message(self, message: Message) -> bool:
        """Post a message; one of this class says that it is from this pane."""
        if isinstance(message, StepPane.Posted):
            message.pane = self
        return super().post_message(message)

    def compose(self) -> ComposeResult:
        with Vertical(classes="pane-head"):
            yield Static(self.opening.title, classes="pane-title", markup=False)
            yield Static(self.opening.step.purpose, classes="pane-purpose", markup=False)
            if self.opening.note:
                yield Static(self.opening.note, classes="pane-note", markup=False)
        yield from self.compose_body()
        with Vertical(classes="pane-foot"):
            yield ProblemList()
            yield ProgressLine()

    def compose_body(self) -> ComposeResult:
        """The step's own widgets."""
        raise NotImplementedError

    def request(self) -> Any:
        """The request that the input amounts to; complete or not, `validate` judges it."""
        raise NotImplementedError

    def draft(self) -> Mapping[str, Any]:
        """What to keep of half-filled input; JSON values, never a secret. Empty keeps nothing."""
        return {}

    def changed(self) -> bool:
        """Whether the input is other than it was when the pane opened; a done step is left alone if not."""
        return bool(self.request() != self._opened_with)

    def on_mount(self) -> None:
        """Remember the input as it is at first."""
        self.call_after_refresh(self._remember)

    def _remember(self) -> None:
        if self.context.leaving.is_set():
            return  # gone before it was painted
        self._opened_with = self.request()
        self.opened = True

    def advance(self) -> None:
        """The person pressed Next. A pane with moves of its own does the next one here instead."""
        self.post_message(self.Submitted(self.request()))

    def leave(self) -> None:
        """The pane is about to go: forget secrets, stop timers. Called once, before it is removed."""

    def part(self) -> None:
        """The pane is about to go: whatever runs in it is left alone or stopped, and `leave` is called.

        What goes on by itself (a Terraform) only stops being watched; everything else is asked to stop.
        """
        self.context.leaving.set()
        self.context.cancelled.set()
        self.leave()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show what is not right with the input, and put the focus where it can be mended."""
        self._judged = self._entered()
        self.query_one(ProblemList).show(problems)
        for problem in problems:
            if problem.field:
                found = self.query(f"#{problem.field.replace('_', '-')}")
                widget = found.first() if found else None
                if widget is not None and not widget.focusable:
                    widget = next((inner for inner in widget.query("*") if inner.focusable), None)
                if widget is not None:
                    widget.focus()
                    return

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(SelectionList.SelectedChanged)
    @on(Checkbox.Changed)
    def _drop_old_problems(self) -> None:
        """Problems are of the input that was judged: once it is another, they are not shown any more."""
        for problems in self.query(ProblemList):  # none, when the pane is about to go
            if problems.has_class("-shown") and self._entered() != self._judged:
                problems.show([])

    def _entered(self) -> int:
        """A hash of all that is entered, since secrets are not to be kept a second time."""
        values: list[object] = [box.value for box in self.query(Checkbox)]
        values += [field.value for field in self.query(Input)]
        values += [area.text for area in self.query(TextArea)]
        values += [tuple(marks.selected) for marks in self.query(SelectionList)]
        return hash(tuple(values))

    def keep_draft(self) -> None:
        """Keep the input as it is now."""
        draft = self.draft()
        if draft:
            self.post_message(self.DraftChanged(draft))

    def run_move(self, name: str, work: Move, *, journaled: bool = False) -> None:
        """Do something in the background; `MoveDone` or `MoveFailed` tells how it went.

        Args:
            name: what the message will carry.
            work: called in a thread with a function that reports progress.
            journaled: whether this is the step's own work, so that the journal tells of it.
        """
        if self.running_move:
            return
        if journaled:
            self.post_message(self.Begun())
        self.running_move = name
        self.context.cancelled.clear()
        self.query_one(ProgressLine).begin()
        if journaled or name == "perform":
            for note in self.query(".pane-note"):
                note.display = False  # what it asks for is being done
        self.run_worker(
            partial(self._work, name, work, journaled),
            name=name,
            group="move",
            exclusive=True,
            thread=True,
        )

    def stop_move(self) -> bool:
        """Ask the running move to stop; tells whether there was one."""
        if self.running_move:
            self.context.cancelled.set()
            self.query_one(ProgressLine).stopping()
        return bool(self.running_move)

    def _work(self, name: str, work: Move, journaled: bool) -> None:  # noqa: FBT001 - bound by partial alone
        try:
            result = work(self._report)
        except Exception as failure:  # noqa: BLE001 - the one place where a worker's failure becomes words
            self.post_message(self.MoveFailed(name, as_error(failure), journaled))
        else:
            self.post_message(self.MoveDone(name, result))

    def _report(self, progress: Progress) -> None:
        self.post_message(self.MoveProgressed(progress))

    def on_step_pane_move_progressed(self, message: MoveProgressed) -> None:
        """Show how far the move is."""
        self.query_one(ProgressLine).show(message.progress)
        self.progressed(message.progress)

    def progressed(self, progress: Progress) -> None:
        """A subclass that shows more than the line (a log, a tree) takes it from here."""

    def on_step_pane_move_done(self) -> None:
        """The move is over."""
        self._rest()

    def on_step_pane_move_failed(self) -> None:
        """The move is over."""
        self._rest()

    def _rest(self) -> None:
        self.running_move = ""
        self.query_one(ProgressLine).rest()
