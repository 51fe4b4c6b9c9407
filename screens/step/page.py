"""What every step's screen shares: its head, its draft, its problems.

A pane shows a step and collects a request; its work goes through `run_move` (see `working`). The wizard
around it owns the session and knows which step comes next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Paste
from textual.widgets import Checkbox, Input, SelectionList, TextArea

from screens.step.working import Move, Working
from screens.widgets.problems import ProblemList
from screens.widgets.progress import ProgressLine
from screens.widgets.text import Text
from workflows.core.errors import Problem
from workflows.core.sentences import Sentence
from workflows.machine.declaration import Step
from workflows.steps.shared.module import Context

__all__ = ["Move", "Opening", "StepPane"]


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
        interrupted: whether the wizard was killed while it did the step.
        asks: whether the world contradicts the step, so that Next asks before it does anything.
    """

    step: Step
    title: Sentence
    context: Context
    draft: Mapping[str, Any]
    done: bool
    note: str = ""
    interrupted: bool = False
    asks: bool = False


class StepPane(Working):
    """The screen of one step.

    Subclasses write `compose_body`, `request` and, where there is something worth keeping, `draft`.

    Attributes:
        NEXT_WAITS: whether Next that is pressed during a look comes after it. Only where Next takes what was
            entered: what acts upon the look needs the person to have seen it.
        opened: whether the pane has been shown, so that its input is the person's.
    """

    NEXT_WAITS: ClassVar[bool] = False
    can_focus = False

    DEFAULT_CSS = """
    StepPane { padding: 0 1; scrollbar-size-vertical: 1; }
    StepPane > .pane-head { height: auto; margin-bottom: 1; }
    StepPane .pane-title { text-style: bold; color: $text-accent; }
    StepPane .pane-purpose { color: $text-muted; }
    StepPane > .pane-foot { dock: bottom; height: auto; max-height: 60%; background: $surface; }
    StepPane .pane-note { color: $text-warning; }
    """

    @dataclass
    class Submitted(Working.Posted):
        """The person is done with the input: continue with this request."""

        request: Any

    @dataclass
    class DraftChanged(Working.Posted):
        """Half-filled input worth keeping."""

        draft: Mapping[str, Any]

    @dataclass
    class ReopenWanted(Working.Posted):
        """The person wants to do a settled step again."""

    @dataclass
    class StepWanted(Working.Posted):
        """The person wants to do an earlier step again, with this draft to begin with."""

        step: str
        draft: Mapping[str, Any]

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening.context, id=f"pane-{opening.step.id}")
        self.opening = opening
        self.opened = False
        self._opened_with: Any = None
        self._judged = 0

    def compose(self) -> ComposeResult:
        with Vertical(classes="pane-head"):
            yield Text(self.opening.title, classes="pane-title")
            yield Text(self.opening.step.purpose, classes="pane-purpose")
            if self.opening.note:
                yield Text(self.opening.note, classes="pane-note")
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
        """Show what is not right with the input, and put the focus where it can be fixed."""
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

    def on_paste(self, event: Paste) -> None:
        """What is pasted while a button or a list has the focus goes into the field that is for pasting."""
        focused = self.screen.focused
        areas = [area for area in self.query(TextArea) if area.display and not area.read_only]
        if len(areas) != 1 or isinstance(focused, Input | TextArea):
            return
        event.stop()
        self.screen.set_focus(areas[0])
        areas[0].post_message(Paste(event.text))

    def mark_refused_text(self) -> None:
        """The next paste replaces a text that can't be used, rather than being added to it."""
        for area in self.query(TextArea):
            if not area.read_only:
                area.select_all()

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
