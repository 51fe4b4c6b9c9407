"""What every step's screen shares: its head, its draft, its problems, and its work in the background.

A pane shows a step and collects a request. Nothing writes a file or calls a service on the screen's thread:
work goes through `StepPane.run_move`, one move at a time; it never blocks, and it can be stopped. The wizard
around the pane owns the session and knows which step comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import isawaitable
from itertools import takewhile
from threading import Event
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.events import Mount, Paste, Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Checkbox, Input, SelectionList, TextArea

from screens.widgets.dialogs import OneFocus, tell
from screens.widgets.failure import as_error
from screens.widgets.fields import Field, KeyIdInput, PathField, ProblemList, SecretInput
from screens.widgets.lists import TextDialog
from screens.widgets.progress import ProgressLine
from screens.widgets.text import Button, Lines, Text
from workflows.core.errors import OnboardError, Problem
from workflows.core.files import FileError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, joined, text_of
from workflows.machine.declaration import Step
from workflows.machine.events import Facts, StepKey
from workflows.machine.observations import Observation
from workflows.steps.shared.module import Context, Looks, Progress, Report, stopped

Move = Callable[[Report], Any]
_NO_PATH = "You pasted several lines, but a path is one line."
_NO_KEY_ID = (
    "What you pasted isn't an access key id: AKIA, then capital letters and digits. The secret goes below."
)
_NO_BROWSER = "No browser opens from here. Copy the address:"
TALL = 32
"""Lines of the terminal from which on a page shows in place what a key opens otherwise."""
Taker = Callable[[Any], Any]
"""Takes the result of a move on the screen's thread; may be a coroutine function."""
PROPOSED = "proposed"
"""Marks a draft in which nothing was entered yet: a page keeps its own without it."""


@dataclass(frozen=True)
class Primary:
    """The page's primary action.

    Attributes:
        effect: the action, named by its effect; where it can't be pressed yet, what is to be done first.
        ready: whether it can be pressed.
    """

    effect: Sentence
    ready: bool = True


@dataclass(frozen=True)
class Turn:
    """Who must act now.

    Attributes:
        line: who, what and since when, in about 40 columns.
        yours: whether it is the person at the keyboard.
    """

    line: Sentence
    yours: bool = True


YOURS = Turn("Your turn")


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
        failed: whether its last try failed, or the person stopped it.
        skipped: whether the person skipped it.
        gone: whom later sessions removed where the step is for them.
        over: whether later sessions left nothing to do in the session: no step is skipped or done again.
    """

    step: Step
    title: Sentence
    context: Context
    draft: Mapping[str, Any]
    done: bool
    note: str = ""
    interrupted: bool = False
    asks: bool = False
    failed: bool = False
    skipped: bool = False
    gone: tuple[str, ...] = ()
    over: bool = False


def is_displayed(widget: Widget, within: Widget | None = None) -> bool:
    """Whether a widget is on the page: neither it nor what holds it, up to another widget, is hidden."""
    holding = takewhile(lambda ancestor: ancestor is not within, widget.ancestors_with_self)
    return all(ancestor.display for ancestor in holding)


class StepPane(VerticalScroll):
    """The screen of one step.

    Subclasses write `compose_body`, `request` and, where there is something worth keeping, `draft`.

    Attributes:
        NEXT_WAITS: whether Next that is pressed during a look comes after it. Only where Next takes what was
            entered: what acts upon the look needs the person to have seen it.
        ASKS_FIRST: whether the person is asked before a change of the step, done already, makes others wait.
        WAY_OUT: what the action bar calls Escape while something is open in the page.
        problems: what is shown of the input now.
        opened: whether the pane has been shown, so that its input is the person's.
        running_move: the name of the move that runs, "" if none does.
        to_primary: whether the page has wished for the focus on the primary action.
        noted: whether what the machine had to say about the step still holds.
        parting: what came of the step, shown on the page that comes next; "" for nothing.
        in_between: the primary action while a question of its own holds up the page's work; Next answers it.
    """

    NEXT_WAITS: ClassVar[bool] = False
    ASKS_FIRST: ClassVar[bool] = False
    WAY_OUT: ClassVar[str] = "‹ Close"
    can_focus = False
    problems: Sequence[Problem] = ()
    opened = False
    running_move = ""
    parting = ""
    in_between: Primary | None = None
    _looks = False
    to_primary = _to_primary = False
    _opened_with: Any = None
    _judged = 0

    DEFAULT_CSS = """
    StepPane { padding: 1 2 0 2; max-width: 96; scrollbar-size-vertical: 1; }
    StepPane > .pane-head { height: auto; margin-bottom: 1; }
    StepPane .pane-title { text-style: bold; }
    StepPane .pane-purpose { color: $text-muted; }
    StepPane > .pane-foot { dock: bottom; height: auto; max-height: 60%; background: $background; }
    StepPane .pane-note { color: $text-warning; }
    """

    class Posted(Message):
        """What a pane posts, and which pane: a late message must not be taken for another step's."""

        pane: StepPane | None = None

    @dataclass
    class Begun(Posted):
        """Work on the step begins with a move of the pane's own; the journal is to know."""

    @dataclass
    class MoveDone(Posted):
        """A move ended well; `then` takes its result."""

        name: str
        result: Any
        then: Taker | None = None

    @dataclass
    class MoveFailed(Posted):
        """A move ended badly; for a journaled one the step failed.

        A pane that asks about the failure itself sets `handled`: then no dialog shows it. One that says
        it in the page sets `shown`: then what came of the move before stays.
        """

        name: str
        error: OnboardError
        journaled: bool
        handled: bool = False
        shown: bool = False

    @dataclass
    class MoveProgressed(Posted):
        """How far the running move is; a newer one replaces an older."""

        progress: Progress

        def can_replace(self, message: Message) -> bool:
            """Whether this one may be dropped for a newer one: a payload is an event that a screen wants."""
            return isinstance(message, StepPane.MoveProgressed) and self.progress.payload is None

    @dataclass
    class Submitted(Posted):
        """The person is done with the input: continue with this request."""

        request: Any

    @dataclass
    class Observed(Posted):
        """What the page's own work showed of steps that are done."""

        looks: Mapping[StepKey, Observation]

    class DraftChanged(Posted):
        """There is half-filled input worth keeping."""

    @dataclass
    class DoneNoMore(Posted):
        """What a step came to holds no longer: it and what builds on it are open again.

        Attributes:
            reason: why.
            step: its key, as text; "" for the step that is shown.
        """

        reason: str
        step: str = ""

    @dataclass
    class KeptAsIs(Posted):
        """The person continues with what was decided, although the world contradicts it as shown."""

        shown: Observation

    class NoteDropped(Message):
        """What the machine said about the step is over."""

    class PrimaryChanged(Message):
        """What the primary action does, or whose turn it is, may be another now."""

    @dataclass
    class StepWanted(Posted):
        """The person wants to see an earlier step, with this draft to begin with, or with what it has.

        Attributes:
            step: its key, as text.
            draft: what it begins with; None for what it has.
            keeps: whether the input of the page that is left is kept.
            returns: whether Escape, or the step once it is done, leads back to the page that is left.
        """

        step: str
        draft: Mapping[str, Any] | None = None
        keeps: bool = True
        returns: bool = False

    def __init__(self, opening: Opening) -> None:
        super().__init__(id=f"pane-{opening.step.id}", classes="-done" if opening.done else None)
        self.opening = opening
        self.context = opening.context
        self.noted = True

    def compose(self) -> ComposeResult:
        with Vertical(classes="pane-head"):
            yield Text(self.heading(), classes="pane-title")
            yield Text(self.opening.step.purpose, classes="pane-purpose")
            if self.opening.note:
                yield Lines(self.opening.note, classes="pane-note")
        yield from self.compose_body()
        yield Vertical(ProblemList(id="problems"), ProgressLine(), classes="pane-foot")

    def compose_body(self) -> ComposeResult:
        """The step's own widgets."""
        raise NotImplementedError

    def request(self) -> Any:
        """The request that the input amounts to; complete or not, `validate` judges it."""
        raise NotImplementedError

    def draft(self) -> Mapping[str, Any]:
        """What to keep of half-filled input; JSON values, never a secret. Empty keeps nothing."""
        return {}

    def likely(self) -> Facts:
        """What the step will give with what is entered, as far as the steps to come depend on it."""
        return {}

    def heading(self) -> Sentence:
        """What the page is about, verb first."""
        return text_of(self.opening.step.heading).replace("{item}", self.context.item) or self.opening.title

    def primary(self) -> Primary:
        """What Next does with what is entered, named by its effect."""
        return Primary("Continue")

    def turn(self) -> Turn:
        """Who must act now; a page that waits for somebody names them."""
        return YOURS

    def primary_changed(self) -> None:
        """What `primary` or `turn` says may be another now."""
        if self.is_attached:
            self.screen.post_message(self.PrimaryChanged())

    def focus_primary(self) -> None:
        """Put the focus on the primary action, as soon as nothing runs."""
        self.to_primary, self._to_primary = True, bool(self.running_move)
        if self.is_attached and not self.running_move:
            self.primary_changed()
            self.screen.call_later(self.screen.query_one("#primary").focus)

    def changed(self) -> bool:
        """Whether the input is other than it was when the pane opened; a done step is left alone if not."""
        return bool(self.request() != self._opened_with)

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002 - Textual's handler
        """In a tall terminal there is room for what a key opens otherwise."""
        self.set_class(self.app.size.height >= TALL, "-tall")

    def on_mount(self) -> None:
        """Remember the input as it is at first."""
        self.call_after_refresh(self._remember)

    def _remember(self) -> None:
        if not self.context.leaving.is_set():
            self._opened_with = self.request()
            self.opened = True
            self.primary_changed()

    @property
    def warned(self) -> bool:
        """Whether problems are shown that the person may pass over."""
        return bool(self.problems) and not any(problem.fatal for problem in self.problems)

    def advance(self) -> None:
        """The person pressed Next. A pane with moves of its own does the next one here instead."""
        self.post_message(self.Submitted(self.request()))

    def answer(self) -> None:
        """The person pressed Next for `in_between`."""

    @property
    def decides(self) -> bool:
        """Whether the page itself asks how to continue, where the world contradicts the step."""
        return False

    @property
    def inside(self) -> bool:
        """Whether something is open in the page, which Escape closes before it leaves the page."""
        return False

    def go_back(self) -> None:
        """Close what is open in the page."""

    @on(KeyIdInput.Rejected)
    def _reject_as_key_id(self) -> None:
        self.show_problems([Problem(_NO_KEY_ID, "key_id")])

    @on(Button.Pressed, "#skip")
    def _skip(self) -> None:
        """Leave the step out, as ^s does; the page that is left can't wait for that itself."""
        self.screen.call_later(self.app.run_action, "skip", self.screen)

    @property
    def unkept(self) -> Sentence:
        """What of the input is lost when the program is left, as a sentence; "" for nothing."""
        return ""

    def leave(self) -> None:
        """The pane is about to go: forget secrets, stop timers. Called once, before it is removed."""

    def part(self) -> None:
        """The pane is about to go: whatever runs in it is left alone or stopped, and `leave` is called.

        What goes on by itself (a Terraform) only stops being watched; everything else is asked to stop.
        Nothing of a half-typed secret stays.
        """
        for field in self.query(SecretInput):
            field.clear()
        self.context.leaving.set()
        self.context.cancelled.set()
        if self.parting:
            self.app.notify(self.parting)
        self.leave()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show what is not right with the input, and put the focus on the first that can be fixed.

        A secret that was typed comes before all else: who expects its field would type it into one that
        shows it.
        """
        self.place_problems(problems)
        refused = [problem for problem in problems if problem.fatal]
        wrong = {field for problem in refused or problems for field in self._fields(problem)}
        ordered = [widget for widget in self.query("*") if widget in wrong]
        if ordered:
            secret = (field for field in ordered if isinstance(field, SecretInput) and field.typed)
            next(secret, ordered[0]).focus()

    def place_problems(self, problems: Sequence[Problem]) -> None:
        """As `show_problems`, but the focus stays where it is."""
        self._judged = self._entered()
        self._show_problems(problems)

    def _show_problems(self, problems: Sequence[Problem]) -> None:
        """Show each at its place, and those that have none at the page's foot."""
        self.problems = problems
        for field in self.query(Field):
            field.show_problems([problem for problem in problems if self._place(problem) is field])
        self.query_one("#problems", ProblemList).show(
            [problem for problem in problems if self._place(problem) is None]
        )
        self.primary_changed()

    def _place(self, problem: Problem) -> Field | None:
        """Where a problem is shown; a warning is about what is pressed next, so it has no such place."""
        around = (
            ancestor for field in self._fields(problem) for ancestor in field.ancestors if problem.fatal
        )
        return next((ancestor for ancestor in around if isinstance(ancestor, Field)), None)

    def _fields(self, problem: Problem) -> list[Widget]:
        """What the focus can go to for a problem."""
        name = f"#{problem.field.replace('_', '-')}"
        found = self.query(f"{name}, {name} *") if problem.field else ()
        return [widget for widget in found if widget.focusable and is_displayed(widget)]

    def show_failure(self, error: OnboardError) -> None:
        """Say in the page why something failed that the person did not begin, so that no dialog covers it."""
        self.show_problems([Problem(joined((f"{error.title}.", error.what, error.next)), error.field)])

    def show_refusal(self, error: OnboardError) -> bool:
        """Show at its field why the input was rejected; returns whether the page has this field.

        A rejected secret or code is not good a second time, so its field is emptied.
        """
        if not error.field:
            return False
        of_file = isinstance(error, FileError)  # what it says names the file, and the cause is news
        said = (error.what, error.why) if of_file else (f"{error.title}.", error.what)
        problem = Problem(joined((*said, error.next)), error.field)
        if not (found := self._fields(problem)):
            return False
        for widget in found:
            if isinstance(widget, SecretInput) or (isinstance(widget, Input) and error.field == "code"):
                widget.clear()
        self.show_problems([problem])
        return True

    def on_paste(self, event: Paste) -> None:
        """What is pasted while a button or a list has the focus goes into the field that is for pasting.

        So does what a field for a path leaves; where there is none, its problem is shown at that field.
        """
        focused = self.screen.focused
        areas = [area for area in self.query(TextArea) if is_displayed(area, self) and not area.read_only]
        if isinstance(focused, PathField) and not areas:
            event.stop()
            self.show_problems([Problem(_NO_PATH, str(focused.id))])
        if len(areas) == 1 and not isinstance(focused, TextArea):
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
    def _drop_old_problems(
        self, event: Input.Changed | TextArea.Changed | SelectionList.SelectedChanged[Any] | Checkbox.Changed
    ) -> None:
        """Problems are of the input that was judged: once it is another, they are not shown any more.

        Those of other fields stay, each until its own field is changed.
        """
        if self.problems and not self.context.leaving.is_set() and self._entered() != self._judged:
            others = [problem for problem in self.problems if event.control not in self._fields(problem)]
            self._show_problems([problem for problem in others if self._place(problem)])
        self.primary_changed()

    def _entered(self) -> int:
        """A hash of all that is entered, since secrets are not to be kept a second time."""
        values: list[object] = [
            *(box.value for box in self.query(Checkbox)),
            *(field.value for field in self.query(Input)),
            *(area.text for area in self.query(TextArea)),
            *(tuple(marks.selected) for marks in self.query(SelectionList)),
        ]
        return hash(tuple(values))

    def keep_draft(self) -> None:
        """Keep the input as it is now."""
        if self.draft():
            self.post_message(self.DraftChanged())

    async def on_event(self, event: events.Event) -> None:
        """Begin nothing on a page that goes, or whose application ends, before its widgets have come."""
        if not isinstance(event, Mount) or (self.display and self.is_attached):
            await super().on_event(event)

    def call_after_refresh(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
        """As Textual's, for as long as the page is there: what is called later would miss its widgets."""

        def if_here() -> Any:
            return None if self.context.leaving.is_set() else callback(*args, **kwargs)

        return super().call_after_refresh(if_here)

    # -- work in the background ----------------------------------------------------------------------

    @property
    def looking(self) -> bool:
        """Whether what runs only looks at something."""
        return bool(self.running_move) and self._looks

    def post_message(self, message: Message) -> bool:
        """Post a message; one of this class says that it is from this pane."""
        if isinstance(message, StepPane.Posted):
            message.pane = self
        return super().post_message(message)

    def run_move(
        self,
        name: str,
        work: Move,
        then: Taker | None = None,
        *,
        journaled: bool = False,
        looks: bool = False,
    ) -> None:
        """Do something in the background; `MoveDone` or `MoveFailed` says how it went.

        Nothing is begun while another move runs, or once the page is being left.

        Args:
            name: what the message will carry.
            work: called in a thread with a function that reports progress.
            then: takes the result, once the page is at rest.
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
        if not looks:
            self.drop_result()
        self.primary_changed()
        if journaled or name == "perform":
            self.drop_note()
        self.run_worker(
            partial(self._work, name, work, then, journaled, self.context.cancelled),
            name=name,
            group="move",
            exclusive=True,
            thread=True,
        )

    def drop_result(self) -> None:
        """What came of the work before is over, as other work begins."""
        if isinstance(self.screen, OneFocus):
            self.screen.drop_result()

    def drop_note(self) -> None:
        """What was said about the step and its last try is over: what it asks for is being done."""
        self.noted = False
        if self.is_attached:
            self.screen.post_message(self.NoteDropped())
        self.query(".pane-note").set(display=False)
        for standing in self.query(".-standing").results(Text):  # the page fills it again
            standing.show_lines([])

    def show_result_of(self, work: Callable[[Report], Sentence]) -> None:
        """As `run_move`; what it comes back with is shown in passing, until the next key on this page."""

        def show(said: Sentence) -> None:
            page = self.screen
            if not (isinstance(page, OneFocus) and page.show_result(text_of(said), "", passing=True)):
                self.notify(text_of(said))

        self.run_move("show", work, show)

    def copy_text(self, text: str | Secret) -> None:
        """Copy a text in the background, and show in passing how that went."""
        tell(self, lambda: self.context.environment.copy(text))

    def show_text(self, title: Sentence, text: str) -> None:
        """Show a text to read and to copy."""
        self.app.push_screen(TextDialog(title, text, copy=self.context.environment.copy))

    def open_in_browser(self, page: str, then: Taker | None = None) -> None:
        """Open an address in the person's browser; where none opens, show it, or let `then` do that."""
        environment = self.context.environment

        def show(opened: bool) -> None:  # noqa: FBT001 - a move's result
            if not opened:
                self.show_text(_NO_BROWSER, environment.open_page(page))

        if self.running_move:
            self.notify(
                "Something is running here; try again when it is over.", severity="warning", timeout=5
            )
        self.run_move("open", lambda _report: environment.browser.open(page), then or show)

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

    def _work(self, name: str, work: Move, then: Taker | None, journaled: bool, stop: Event) -> None:  # noqa: FBT001 - bound
        def post(message: Message) -> None:
            if stop is self.context.cancelled:
                self.post_message(message)

        def report(progress: Progress) -> None:
            post(self.MoveProgressed(progress))
            if isinstance(progress.payload, Looks):
                post(self.Observed(progress.payload.by_step))

        try:
            result = work(report)
        except Exception as failure:  # noqa: BLE001 - the one place where a worker's failure becomes words
            post(self.MoveFailed(name, as_error(failure), journaled))
        else:
            post(self.MoveDone(name, result, then))

    def on_step_pane_move_progressed(self, message: MoveProgressed) -> None:
        """Show how far the move is."""
        self.query_one(ProgressLine).show(message.progress)
        self.progressed(message.progress)

    def progressed(self, progress: Progress) -> None:
        """A subclass that shows more than the line (a log, a tree) takes it from here."""

    async def on_step_pane_move_done(self, message: MoveDone) -> None:
        """The move is over."""
        self._rest()
        taken = message.then(message.result) if message.then else None
        if isawaitable(taken):
            await taken

    def on_step_pane_move_failed(self) -> None:
        """The move is over."""
        self._rest()

    def _rest(self) -> None:
        self.running_move = ""
        self.query_one(ProgressLine).rest()
        self.primary_changed()
        if self._to_primary:
            self.focus_primary()
