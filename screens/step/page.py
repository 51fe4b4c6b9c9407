"""The common parts of every step's screen: its head, draft, problems and background work.

A pane shows a step and collects a request. Nothing writes a file or calls a service on the screen's thread:
work goes through `StepPane.run_move`, one move at a time; it never blocks, and can be stopped. The wizard
around the pane owns the session and knows which step comes next.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import isawaitable
from itertools import takewhile
from threading import Event
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Checkbox, Input, SelectionList, TextArea

from screens.widgets.dialogs import Confirm, tell
from screens.widgets.fields import Field, KeyIdInput, PathField, ProblemList, SecretInput
from screens.widgets.lists import TextDialog
from screens.widgets.one_focus import OneFocus
from screens.widgets.progress import ProgressLine
from screens.widgets.text import Button, Lines, Text, in_line, styled
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem, Sentence, as_error, joined, text_of
from workflows.machine.declaration import Step
from workflows.machine.events import Facts, Observation, StepKey
from workflows.steps.shared.module import Context, Looks, Progress, Report, stopped

Move = Callable[[Report], Any]
_NO_PATH = "You pasted several lines, but a path is one line."
_NO_KEY_ID = (
    "What you pasted isn't an access key id, which is AKIA, then capital letters and digits. The "
    "secret goes below."
)
_NO_BROWSER = "No browser opens from here. Copy the address:"
ENOUGH = Size(80, 24)
"""The terminal for which the pages are designed; in a smaller one, they save room and may scroll."""
_TIGHTER = ("-full", "-crowded", "-packed")
"""A page that doesn't fit goes without empty lines, then its purpose (unless tall), then notes (`.spare`)."""
TALL = 32
"""The terminal height from which a page shows in place what a key opens otherwise."""
Taker = Callable[[Any], Any]
"""Takes the result of a move on the screen's thread; may be a coroutine function."""
PROPOSED = "proposed"
"""Marks a draft in which nothing was entered yet; a page omits it from its own."""


@dataclass(frozen=True)
class Primary:
    """The page's primary action.

    Attributes:
        effect: its label, which names the effect; if it isn't ready, what to do first.
        ready: whether it can be pressed.
        act: does it; None submits the input.
    """

    effect: Sentence
    ready: bool = True
    act: Callable[[], object] | None = None


@dataclass(frozen=True)
class Turn:
    """Who has to act now.

    Attributes:
        line: who, what and since when, in about 40 columns.
        yours: whether it is the user at the keyboard.
        mark: shown before the line if it is somebody else's turn, or nobody's.
    """

    line: Sentence
    yours: bool = True
    mark: str = "○"


YOURS = Turn("Your turn")
MORE = Turn("PgDn shows more")
TO_COMPARE = Turn("Your turn: compare a fingerprint")


@dataclass(frozen=True)
class Opening:
    """The input for opening a pane.

    Attributes:
        step: the declaration of its step.
        title: the step's title, with its item.
        context: what it may read.
        draft: half-filled input; empty if there is none.
        done: whether the step is done, so that the pane shows its result.
        note: the machine's remark on the step (why it is stale, that it was interrupted), or "".
        interrupted: whether the wizard was killed during the step.
        asks: whether the world contradicts the step, so that Next asks before it does anything.
        failed: whether its last try failed, or the user stopped it.
        skipped: whether the user skipped it.
        undone: whether it is open again for a reason: somebody else has undone it.
        gone: people in the step whom later sessions removed.
        over: whether later sessions, or a later step, left nothing to do: it isn't skipped or done again.
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
    undone: bool = False
    gone: tuple[str, ...] = ()
    over: bool = False


class BackText(Text):
    """What Escape does; a click does the same."""

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.app.simulate_key("escape")


class ActionBar(Horizontal):
    """Back, the turn line and the primary action, always in the same place."""

    DEFAULT_CSS: ClassVar[str] = """
    ActionBar { height: 2; border-top: solid $border-blurred; padding: 0 1; }
    ActionBar > BackText { width: auto; margin-right: 3; }
    ActionBar > #turn {
        width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; color: $text-muted;
    }
    ActionBar > #primary-key { width: auto; color: $text-accent; }
    """

    def __init__(self) -> None:
        super().__init__(
            BackText("", id="back"),
            Text("", id="turn"),
            Button("", id="primary", variant="primary"),
            Text("", id="primary-key"),
        )

    def show(self, back: Sentence, turn: Turn, primary: Primary) -> None:
        """Show these instead of the previous ones."""
        self.query_one("#back", Text).update(styled((back, ""), (" esc", "$accent")))
        mark = styled(("● ", "$warning")) if turn.yours else styled((f"{turn.mark} ", ""))
        self.query_one("#turn", Text).update(in_line([mark, styled((turn.line, ""))]))
        button = self.query_one("#primary", Button)
        self.query_one("#primary-key", Text).update("^n")
        button.disabled = not primary.ready
        button.label = text_of(primary.effect) + (" ›" if primary.ready else "")


def is_displayed(widget: Widget, within: Widget | None = None) -> bool:
    """Return whether a widget is on the page: neither it nor an ancestor (below `within`) is hidden."""
    holding = takewhile(lambda ancestor: ancestor is not within, widget.ancestors_with_self)
    return all(ancestor.display for ancestor in holding)


class StepPane(VerticalScroll):
    """The screen of one step.

    Subclasses define `compose_body`, `request` and, if something is worth keeping, `draft`.

    Attributes:
        FIXED: selects the fields that a done step only shows until it is opened again; "" for none.
        FITS: whether empty lines, the purpose and notes make way for what doesn't fit otherwise.
        NEXT_WAITS: whether Next waits for a running look. Only if Next submits the input; an action on the
            look's result needs the user to have seen it.
        ASKS_FIRST: whether to ask before a change of the done step makes others wait.
        WAY_OUT: the action bar's label for Escape while something is open in the page.
        problems: the problems currently shown.
        opened: whether the pane has been shown, so that its input is the user's.
        running_move: the name of the running move, "" if none.
        to_primary: whether the page has requested the focus on the primary action.
        noted: whether the machine's remark on the step still holds.
        parting: the step's result, shown on the next page; "" for nothing.
        stays: whether the page is shown again once the step is done.
        in_between: the primary action while the page's own question holds up its work.
    """

    FIXED: ClassVar[str] = ""
    FITS: ClassVar[bool] = False
    NEXT_WAITS: ClassVar[bool] = False
    ASKS_FIRST: ClassVar[bool] = False
    WAY_OUT: ClassVar[str] = "‹ Close"
    can_focus = False
    problems: Sequence[Problem] = ()
    opened = False
    running_move = _failed_move = ""
    parting = ""
    stays = False
    in_between: Primary | None = None
    _looks = False
    to_primary = _to_primary = False
    _opened_with: Any = None
    _judged = 0
    _tightening = False
    _fitted = Size(0, 0)

    DEFAULT_CSS = """
    StepPane { padding: 1 1 0 2; max-width: 96; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    StepPane > .pane-head { height: auto; margin-bottom: 1; }
    StepPane .pane-title { text-style: bold; }
    StepPane .pane-purpose { color: $text-muted; }
    StepPane.-small { padding: 0 1 0 2; }
    StepPane.-small > .pane-head { margin-bottom: 0; }
    StepPane.-small > .pane-head > .pane-purpose { display: none; }
    StepPane.-small ButtonRow { margin-top: 0; }
    StepPane > .pane-foot { dock: bottom; height: auto; max-height: 60%; background: $background; }
    StepPane .pane-note { color: $text-warning; }
    StepPane.-crowded > .pane-head { margin-bottom: 0; }
    StepPane.-crowded > .pane-head > .pane-purpose, StepPane.-packed .spare { display: none; }
    StepPane.-tall.-crowded > .pane-head { margin-bottom: 1; }
    StepPane.-tall.-crowded > .pane-head > .pane-purpose { display: block; }
    """

    class Posted(Message):
        """A message that names its pane, so that a late one isn't attributed to another step."""

        pane: StepPane | None = None

    @dataclass
    class Begun(Posted):
        """A move of the pane begins work on the step, which the journal records."""

    @dataclass
    class MoveDone(Posted):
        """A move succeeded; `then` takes its result."""

        name: str
        result: Any
        then: Taker | None = None

    @dataclass
    class MoveFailed(Posted):
        """A move failed; if it was journaled, the step failed.

        A pane that asks about the failure itself sets `handled`, so that no dialog shows it. A pane that
        reports it in the page sets `shown`, so that the earlier result stays.
        """

        name: str
        error: OnboardError
        journaled: bool
        handled: bool = False
        shown: bool = False

    @dataclass
    class MoveProgressed(Posted):
        """The running move's progress; a newer message replaces an older one."""

        progress: Progress

        def can_replace(self, message: Message) -> bool:
            """Return whether a newer message may replace this one; a screen needs every payload."""
            return isinstance(message, StepPane.MoveProgressed) and self.progress.payload is None

    @dataclass
    class Submitted(Posted):
        """The user submits the input: continue with this request."""

        request: Any

    @dataclass
    class Observed(Posted):
        """Observations of done steps from the page's own work."""

        looks: Mapping[StepKey, Observation]

    class DraftChanged(Posted):
        """There is half-filled input worth keeping."""

    @dataclass
    class Amended(Posted):
        """Some facts of the step have changed, which is recorded at once, whatever else is left to do.

        Attributes:
            changed: makes the changed facts from the current ones.
        """

        changed: Callable[[Facts], Facts]

    @dataclass
    class DoneNoMore(Posted):
        """A step's result no longer holds: the step and those that build on it are open again.

        Attributes:
            reason: why, for its page; "" if the page itself says so.
            step: its key, as text; "" for the current step.
        """

        reason: str = ""
        step: str = ""

    @dataclass
    class KeptAsIs(Posted):
        """The user continues with the decisions, despite the contradiction shown."""

        shown: Observation

    @dataclass
    class Looked(Posted):
        """The page knows whether what a step of its item gave can still be used.

        Attributes:
            step: the step's id.
            outdated: whether the step has to be done again.
        """

        step: str
        outdated: bool

    class NoteDropped(Message):
        """The machine's remark on the step no longer holds."""

    class PrimaryChanged(Message):
        """The primary action, or whose turn it is, may have changed."""

    @dataclass
    class StepWanted(Posted):
        """The user wants to see an earlier step, with this draft or with its own.

        Attributes:
            step: its key, as text.
            draft: its initial draft; None for its own.
            keeps: whether to keep the input of the page being left.
            returns: whether Escape, or completing the step, leads back to the page being left.
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

    @abstractmethod
    def compose_body(self) -> ComposeResult:
        """Yield the step's own widgets."""

    @abstractmethod
    def request(self) -> Any:
        """Return the request from the input; complete or not, `validate` judges it."""

    def draft(self) -> Mapping[str, Any]:
        """Return the half-filled input to keep; JSON values, never a secret. Empty keeps nothing."""
        return {}

    def likely(self) -> Facts:
        """Return the step's likely facts from the input, as far as later steps depend on them."""
        return {}

    def heading(self) -> Sentence:
        """Return the page's subject now, verb first."""
        return text_of(self.opening.step.heading).replace("{item}", self.context.item) or self.opening.title

    def primary(self) -> Primary:
        """Return what Next does with the input, labelled with the effect."""
        return Primary("Continue")

    def turn(self) -> Turn:
        """Return who has to act now; a page that waits for somebody names them."""
        return YOURS

    def person(self) -> str:
        """Return the person whom the page is about now, "" for nobody in particular."""
        return ""

    def primary_changed(self) -> None:
        """Announce that `primary`, `turn` or `heading` may have changed, where no message shows that."""
        if self.is_attached:
            self.screen.post_message(self.PrimaryChanged())

    def show_heading(self) -> bool:
        """Show the page's subject; return whether it is another one than before."""
        title, heading = self.query_one(".pane-title", Text), text_of(self.heading())
        changed = str(title.visual) != heading
        if changed:
            title.update(heading)
        return changed

    def focus_primary(self) -> None:
        """Focus the primary action, as soon as nothing is running."""
        self.to_primary, self._to_primary = True, bool(self.running_move)
        if self.is_attached and not self.running_move:
            self.primary_changed()
            for primary in self.screen.query("#primary"):  # none while the screen closes
                self.screen.call_later(primary.focus)

    def changed(self) -> bool:
        """Return whether the input has changed since the pane opened; otherwise a done step is left alone."""
        return bool(self.request() != self._opened_with)

    def on_resize(self, event: events.Resize) -> None:
        """Show in a tall terminal what a key opens otherwise."""
        self.set_class(self.app.size.height >= TALL, "-tall")
        self.set_class(self.app.size.height < ENOUGH.height, "-small")
        if self._fitted != event.size:  # a scrollbar that appears is no reason
            self._fitted = event.size
            self.make_room()
        self.watch_virtual_size()

    @property
    def settled(self) -> bool:
        """Whether the page only shows decisions, which a stray key must not change."""
        return self.opening.done and not self.opening.draft

    def make_room(self) -> None:
        """Show again what was removed, as far as it fits."""
        self.remove_class(*_TIGHTER)

    def watch_virtual_size(self) -> None:
        """Remove something if the page doesn't fit."""
        if self.FITS and not self._tightening:
            self._tightening = True  # once what the widgets ask for has been laid out, too
            self.call_after_refresh(self.call_after_refresh, self._tighten)

    def _tighten(self) -> None:
        self._tightening = False
        left = [name for name in _TIGHTER if not self.has_class(name)]
        if self.max_scroll_y and left:
            self.add_class(left[0])
            self.watch_virtual_size()

    def on_mount(self) -> None:
        """Remember the initial input."""
        if self.FIXED:
            self.query(self.FIXED).set(disabled=self.settled)
        self.call_after_refresh(self._remember)

    def _remember(self) -> None:
        if not self.context.leaving.is_set():
            self._opened_with = self.request()
            self.opened = True
            self.primary_changed()

    @property
    def warned(self) -> bool:
        """Whether the problems shown are only warnings."""
        return bool(self.problems) and not any(problem.fatal for problem in self.problems)

    def advance(self) -> None:
        """Handle Next: do what the primary action says."""
        act = (self.in_between or self.primary()).act or self.submit
        act()

    def submit(self) -> None:
        """Submit the input."""
        self.post_message(self.Submitted(self.request()))

    @property
    def decides(self) -> bool:
        """Whether the page itself asks how to continue when the world contradicts the step."""
        return False

    @property
    def inside(self) -> bool:
        """Whether something is open in the page, which Escape closes before leaving the page."""
        return False

    def go_back(self) -> None:
        """Close what is open in the page."""

    def skip_question(self) -> Confirm | None:
        """Return the question to ask before the step is skipped; None for none."""
        return None

    @on(KeyIdInput.Rejected)
    def _reject_as_key_id(self) -> None:
        self.show_problems([Problem(_NO_KEY_ID, "key_id")])

    @on(Button.Pressed, "#skip")
    def _skip(self) -> None:
        """Skip the step, as ^s does; the page being left can't wait for that itself."""
        self.screen.call_later(self.app.run_action, "skip", self.screen)

    @property
    def asks_nothing(self) -> bool:
        """Whether there is nothing to enter or do here."""
        return False

    @property
    def unkept(self) -> Sentence:
        """A sentence on input that would be lost when quitting; "" for none."""
        return ""

    def leave(self) -> None:
        """Forget secrets and stop timers before the pane is removed. Called once."""

    def part(self) -> None:
        """Leave or stop whatever runs in the pane, and call `leave`.

        A process that continues on its own (a Terraform) is no longer watched; everything else is asked to
        stop. No half-typed secret remains.
        """
        for field in self.query(SecretInput):
            field.clear()
        self.context.leaving.set()
        self.context.cancelled.set()
        if self.parting:
            self.app.notify(self.parting)
        self.leave()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show the problems of the input, and focus the first that can be fixed.

        A typed secret comes first: users who expect its field would type it into a visible one.
        """
        self.place_problems(problems)
        refused = [problem for problem in problems if problem.fatal]
        wrong = {field for problem in refused or problems for field in self._fields(problem)}
        ordered = [widget for widget in self.query("*") if widget in wrong]
        if ordered:
            secret = (field for field in ordered if isinstance(field, SecretInput) and field.typed)
            next(secret, ordered[0]).focus()

    def place_problems(self, problems: Sequence[Problem]) -> None:
        """Show the problems as `show_problems` does, but leave the focus where it is."""
        self._judged = self._entered()
        self._show_problems(problems)

    def _show_problems(self, problems: Sequence[Problem]) -> None:
        """Show each problem at its field, and those without one at the page's foot."""
        self.problems = problems
        if problems and isinstance(self.screen, OneFocus):
            self.screen.drop_result(passing=True)
        for field in self.query(Field):
            field.show_problems([problem for problem in problems if self._place(problem) is field])
        self.query_one("#problems", ProblemList).show(
            [problem for problem in problems if self._place(problem) is None]
        )
        if self.FITS:
            self.make_room()
        self.primary_changed()

    def _place(self, problem: Problem) -> Field | None:
        """Return the field that shows a problem; warnings have none, since they concern the next press."""
        around = (
            ancestor for field in self._fields(problem) for ancestor in field.ancestors if problem.fatal
        )
        return next((ancestor for ancestor in around if isinstance(ancestor, Field)), None)

    def _fields(self, problem: Problem) -> list[Widget]:
        """Return the widgets that can take the focus for a problem."""
        name = f"#{problem.field.replace('_', '-')}"
        found = self.query(f"{name}, {name} *") if problem.field else ()
        return [widget for widget in found if widget.focusable and is_displayed(widget)]

    def show_parts(self, **shown: object) -> None:
        """Show or hide widgets by their ids, with underscores for hyphens."""
        for name, displayed in shown.items():
            self.query_one(f"#{name.replace('_', '-')}").display = bool(displayed)

    def show_texts(self, **texts: Sequence[Sentence]) -> None:
        """Replace the lines of texts by their ids, with underscores for hyphens."""
        for name, lines in texts.items():
            self.query_one(f"#{name.replace('_', '-')}", Text).show_lines(lines)

    def show_failure(self, error: OnboardError) -> None:
        """Show in the page, not in a dialog, the failure of something that the user didn't start."""
        self.show_problems([Problem(error.brief, error.field)])

    def show_refusal(self, error: OnboardError) -> bool:
        """Show at its field why the input was rejected; return whether the page has this field.

        A rejected secret or code can't be used again, so its field is emptied.
        """
        if not error.field:
            return False
        says_it_all = joined((f"{error.title}.", error.next))
        problem = Problem(says_it_all if error.field in {"code", "secret"} else error.brief, error.field)
        if not (found := self._fields(problem)):
            return False
        for widget in found:
            if isinstance(widget, SecretInput) or (isinstance(widget, Input) and error.field == "code"):
                widget.clear()
        self.show_problems([problem])
        return True

    def on_paste(self, event: events.Paste) -> None:
        """Put text that is pasted onto a button or a list into the page's field for pasting.

        Text that a path field can't take goes there, too; without such a field, the path field shows the
        problem.
        """
        focused = self.screen.focused
        areas = [area for area in self.query(TextArea) if is_displayed(area, self) and not area.read_only]
        if isinstance(focused, PathField) and not areas:
            event.stop()
            self.show_problems([Problem(_NO_PATH, str(focused.id))])
        if len(areas) == 1 and not isinstance(focused, TextArea):
            event.stop()
            self.screen.set_focus(areas[0])
            areas[0].post_message(events.Paste(event.text))

    def mark_refused_text(self) -> None:
        """Let the next paste replace unusable text instead of being added to it."""
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
        """Stop showing problems once the input they judged has changed.

        Problems of other fields stay until their own field changes.
        """
        if self.problems and not self.context.leaving.is_set() and self._entered() != self._judged:
            others = [problem for problem in self.problems if event.control not in self._fields(problem)]
            self._show_problems([problem for problem in others if self._place(problem)])

    def _entered(self) -> int:
        """Return a hash of all input, so that secrets aren't kept a second time."""
        values: list[object] = [
            *(box.value for box in self.query(Checkbox)),
            *(field.value for field in self.query(Input)),
            *(area.text for area in self.query(TextArea)),
            *(tuple(marks.selected) for marks in self.query(SelectionList)),
        ]
        return hash(tuple(values))

    def keep_draft(self) -> None:
        if self.draft():
            self.post_message(self.DraftChanged())

    async def on_event(self, event: events.Event) -> None:
        """Don't start a page that is going, or whose application ends, before its widgets exist."""
        if not isinstance(event, events.Mount) or (self.display and self.is_attached):
            await super().on_event(event)

    async def _on_message(self, message: Message) -> None:
        """Let the action bar follow what the page handled; after the step's own work, a record is awaited."""
        await super()._on_message(message)
        if isinstance(message, self.MoveDone) and message.name == "perform":
            return
        if isinstance(message, events.DescendantFocus) or not isinstance(
            message, events.Event | self.MoveProgressed
        ):
            self.primary_changed()

    def call_after_refresh(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
        """As Textual's, but only while the page is there: a later call would miss its widgets."""

        def if_here() -> Any:
            return None if self.context.leaving.is_set() else callback(*args, **kwargs)

        return super().call_after_refresh(if_here)

    # -- work in the background ----------------------------------------------------------------------

    @property
    def looking(self) -> bool:
        """Whether the running move only looks at something."""
        return bool(self.running_move) and self._looks

    def post_message(self, message: Message) -> bool:
        """Post a message; those of class `Posted` name this pane as their sender."""
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
        """Do something in the background; `MoveDone` or `MoveFailed` reports the result.

        Nothing starts while another move is running, or once the page is being left.

        Args:
            name: the name in the message.
            work: called in a thread with a function that reports progress.
            then: takes the result, once the page is at rest.
            journaled: whether this is the step's own work, so that the journal records it.
            looks: whether it changes nothing, so that stopping it doesn't have to wait.
        """
        if self.running_move or self.context.leaving.is_set():
            return
        if journaled:
            self.post_message(self.Begun())
        self.running_move = name
        self._looks = looks
        self.context.cancelled.clear()
        self.query_one(ProgressLine).begin()
        if not looks or name == self._failed_move:
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
        """Remove the previous result as other work begins."""
        if isinstance(self.screen, OneFocus):
            self.screen.drop_result()

    def drop_note(self) -> None:
        """Remove the remark on the step and its last try, since work on it begins."""
        self.noted = False
        if self.is_attached:
            self.screen.post_message(self.NoteDropped())
        self.query(".pane-note").set(display=False)
        for standing in self.query(".-standing").results(Text):  # the page fills it again
            standing.show_lines([])

    def show_result_of(self, work: Callable[[Report], Sentence]) -> None:
        """Run a move and show its result briefly, until the next key on this page."""

        def show(said: Sentence) -> None:
            page = self.screen
            if not (isinstance(page, OneFocus) and page.show_result(text_of(said), "", passing=True)):
                self.notify(text_of(said))

        self.run_move("show", work, show)

    def copy_text(self, text: str | Secret) -> None:
        """Copy a text in the background, and briefly show the result."""
        tell(self, lambda: self.context.environment.copy(text))

    def show_text(self, title: Sentence, text: str, *, wrap: bool = True) -> None:
        """Show a text to read and to copy."""
        self.app.push_screen(TextDialog(title, text, copy=self.context.environment.copy, wrap=wrap))

    def open_in_browser(self, page: str, then: Taker | None = None) -> None:
        """Open an address in the user's browser; if none opens, show it, or let `then` do that."""
        environment = self.context.environment

        def show(opened: bool) -> None:  # noqa: FBT001 - a move's result
            if not opened:
                self.show_text(_NO_BROWSER, environment.open_page(page), wrap=False)

        if self.running_move:
            self.notify(
                "Something is running here; try again when it has ended.", severity="warning", timeout=5
            )
        self.run_move("open", lambda _report: environment.browser.open(page), then or show)

    def stop_move(self) -> bool:
        """Ask the running move to stop; return whether there was one.

        A move that only looks may be stuck, so the page just ignores it from then on.
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
        except Exception as failure:  # noqa: BLE001 - turns any worker's failure into a message
            post(self.MoveFailed(name, as_error(failure), journaled))
        else:
            post(self.MoveDone(name, result, then))

    def on_step_pane_move_progressed(self, message: MoveProgressed) -> None:
        self.query_one(ProgressLine).show(message.progress)
        self.progressed(message.progress)

    def progressed(self, progress: Progress) -> None:
        """Let a subclass show more than the line (a log, a tree)."""

    async def on_step_pane_move_done(self, message: MoveDone) -> None:
        """End the move and take its result."""
        self._rest()
        taken = message.then(message.result) if message.then else None
        if isawaitable(taken):
            await taken

    def on_step_pane_move_failed(self, message: MoveFailed) -> None:
        """End the move; its failure is shown until it is tried again."""
        self._failed_move = message.name
        self.noted = self.noted or message.journaled or message.name == "perform"
        self._rest()

    def _rest(self) -> None:
        self.running_move = ""
        self.query_one(ProgressLine).rest()
        if self._to_primary:
            self.focus_primary()


class LongPane(StepPane):
    """Says how to see what is below the terminal's end."""

    @property
    def more_below(self) -> bool:
        """Whether there is more to read below."""
        return self.scroll_y < self.max_scroll_y

    def watch_virtual_size(self) -> None:
        """Offer the rest as long as the page has one."""
        super().watch_virtual_size()
        self.call_after_refresh(self.primary_changed)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.primary_changed()

    def turn(self) -> Turn:
        return MORE if self.more_below else super().turn()
