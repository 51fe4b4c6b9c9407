"""The stage of the wizard: the current step's page, its input, and its work in the session."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from textual import on
from textual.containers import Vertical, VerticalScroll
from textual.css.query import NoMatches
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button

from screens.step.by_hand import ByHandPane
from screens.step.finished import ASIDE, Finished, goes_out_with, standing
from screens.step.page import PROPOSED, Opening, StepPane, is_displayed
from screens.widgets.dialogs import Confirm, ErrorDialog, ask
from screens.widgets.text import Text
from tui.app.session_summary import answer_text
from workflows.core.files import FileError
from workflows.core.sentences import (
    Cancelled,
    OnboardError,
    Problem,
    Sentence,
    as_error,
    enumerated,
    joined,
    listed,
    moment_text,
    text_of,
)
from workflows.machine.events import (
    STOPPED,
    Failed,
    Observation,
    Reopened,
    StepKey,
    UnstorableFactError,
    Verdict,
)
from workflows.machine.rules import IllegalTransition
from workflows.machine.state import SETTLED, Record, Status
from workflows.run import PROJECT, REVIEW, SessionRun
from workflows.steps.shared.by_hand import NotPossible
from workflows.steps.shared.module import Report, acceptance
from workflows.terraform.binary import ForeignProgram, ProgramNotTrusted, TrustedPrograms

KEPT = "What you entered here hasn't taken effect yet."
_MOST_NAMED = 3


class Stage(Vertical):
    """Shows one step at a time.

    A step that has to wait gets a page that says so, since its own pane can't know its contents yet.

    Args:
        run: the session with its step modules.
        panes: the pane class of each step, by step id.

    Attributes:
        key: the current step, or None for the closing page.
        kept_input: whether a settled step was opened with input that hadn't been accepted yet.
    """

    DEFAULT_CSS = """
    Stage { width: 1fr; }
    Stage > #not-yet { padding: 1 2 0 2; }
    Stage > #not-yet .pane-title { text-style: bold; }
    Stage > #not-yet .pane-purpose { color: $text-muted; margin-bottom: 1; }
    Stage > #not-yet .pane-note { color: $text-warning; }
    """

    @dataclass
    class Settled(Message):
        """The current step has been done; `stays` says whether its page is to be shown again."""

        key: StepKey
        stays: bool = False

    class Recorded(Message):
        """The session or its input changed, or couldn't."""

    def __init__(self, run: SessionRun, panes: Mapping[str, type[StepPane]]) -> None:
        super().__init__(id="stage")
        self._run = run
        self._panes = panes
        self.key: StepKey | None = None
        self.kept_input = False
        self._kept_draft: Mapping[str, object] = {}
        self._accepted: list[Problem] = []
        self._over = False

    @property
    def pane(self) -> StepPane | None:
        """The current pane, if it is a step's."""
        return next((child for child in self.children if isinstance(child, StepPane)), None)

    @property
    def busy(self) -> bool:
        """Whether something is running in the pane, or its step was just done and another page follows."""
        return self.pane is not None and (self._over or bool(self.pane.running_move))

    @property
    def working(self) -> bool:
        """Whether the step's own work is running, not just a look."""
        return self.busy and self.key is not None and self._run.session.status(self.key) is Status.RUNNING

    async def show(self, key: StepKey | None) -> None:
        """Show a step, or the closing page for None, in place of the previous page.

        If the closing page is refreshed, the focus stays.
        """
        focused = self.screen.focused
        stays = focused is not None and key is self.key is None and self in focused.ancestors
        button = f"#{focused.id}" if stays and focused is not None else ""
        self.part()
        # never blank meanwhile: the closing page may take long to make
        with contextlib.nullcontext() if key or self.key else self.app.batch_update():
            await self.remove_children()
            self.key = key
            self.kept_input = False
            self._kept_draft = {}
            self._accepted = []
            self._over = False
            await self.mount(self._page(key))
        for same in self.query(button) if button else ():
            self.screen.set_focus(same, scroll_visible=False)
        self.focus_first()

    def _page(self, key: StepKey | None) -> Widget:
        if key is None:
            return Finished(self._run)
        if self._run.session.status(key) is Status.LOCKED:
            waiting = (
                Text(self._run.title(key), classes="pane-title"),
                Text(self._run.step(key).purpose, classes="pane-purpose"),
                Text(note_of(self._run, key) or text_of(self._run.why_over()), classes="pane-note"),
            )
            return VerticalScroll(*waiting, id="not-yet", can_focus=False)
        return self._panes[key.step](self._opening(key))

    def part(self) -> None:
        """Leave what runs in the page, and forget its secrets, before the page goes."""
        if self.pane is not None:
            self.pane.part()

    def keep_input(self) -> None:
        """Keep the pane's input as a draft; a step's that was done only if it differs from what was done.

        The input with which a step was just done is no longer a draft while its page is shown.

        Raises:
            OnboardError: it couldn't be written.
        """
        pane, key = self.pane, self.key
        if pane is None or key is None or not pane.opened or self._over:
            return
        draft = pane.draft()
        drafts = self._run.session.drafts
        status, changed = self._run.session.status(key), pane.changed()
        try:
            if status in SETTLED and not (changed or self.kept_input):
                drafts.drop(key)
            elif draft and (changed or status not in SETTLED | {Status.CONTRADICTED}):
                drafts.save(key, draft)
        except (FileError, UnstorableFactError) as error:
            raise OnboardError(
                "Couldn't save your input",
                f"What you entered in {self._run.title(key)} is still on the screen, but not saved.",
                why=error.why if isinstance(error, FileError) else str(error),
                next="Fix that before you leave this step.",
            ) from error

    def keep_what_changed(self) -> None:
        """Keep changed input regularly, so that even a killed wizard loses next to nothing.

        A draft that can't be kept is reported when the step is left; nothing interrupts the typing.
        """
        pane = self.pane
        if pane is None or not pane.opened or pane.running_move or pane.context.leaving.is_set():
            return
        try:
            draft = pane.draft()
        except NoMatches:
            return  # the page is being removed, and its input was kept before that
        if draft == self._kept_draft:
            return
        self._kept_draft = draft
        with contextlib.suppress(OnboardError):  # `keep_input_or_tell` tries again on leaving, and reports it
            self.keep_input()

    def keep_input_or_tell(self) -> None:
        """Keep the input; show a dialog if it couldn't be kept."""
        try:
            self.keep_input()
        except OnboardError as error:
            self._tell(error)

    def focus_first(self) -> None:
        """Focus the first thing to fill in, else the primary action.

        A page that has set or requested the focus knows better.
        """
        self.app.call_later(self._focus_first)

    def _focus_first(self) -> None:
        if not self.children:
            return  # the application ended while the page was being mounted
        page, focused = self.children[0], self.screen.focused
        if focused is not None and page in focused.ancestors and is_displayed(focused):
            return
        for widget in () if self.pane is not None and self.pane.to_primary else page.query("*"):
            if widget.focusable and is_displayed(widget) and not widget.has_class(ASIDE):
                # Scroll to a field, but not to a button below a long page, which should be read first.
                self.screen.set_focus(widget, scroll_visible=not isinstance(widget, Button))
                return
        self.screen.set_focus(self.screen.query_one("#primary"))

    def _opening(self, key: StepKey) -> Opening:
        session = self._run.session
        status = session.status(key)
        draft = session.drafts.load(key)
        self.kept_input = bool(draft) and status in SETTLED
        entered = self.kept_input and not draft.get(PROPOSED)
        removed = self._run.removed()
        gone = tuple(dict.fromkeys((*removed.about, *removed.by_item.get(key.item, ()))))
        return Opening(
            step=self._run.step(key),
            title=self._run.title(key),
            context=self._run.context(key),
            draft=draft,
            done=status in {Status.DONE, Status.UNCONFIRMED},
            note=text_of(joined((self._removed(gone), KEPT if entered else note_of(self._run, key)), "\n")),
            interrupted=status is Status.INTERRUPTED,
            asks=status is Status.CONTRADICTED,
            failed=status in {Status.FAILED, Status.STOPPED},
            skipped=status is Status.SKIPPED,
            undone=status is Status.READY and bool(reopened_because(session.record(key))),
            gone=gone,
            over=bool(self._run.why_over()) or self._run.overtaken(key),
        )

    def _removed(self, gone: Sequence[str]) -> Sentence:
        """Return who was removed by later sessions, for pages of steps that concern them."""
        if self.key in {PROJECT, REVIEW} or not gone:  # these report it themselves
            return ""
        nothing = f"Nothing is left to do for {listed(gone, _MOST_NAMED)} here."
        return joined((self._run.removed().words, nothing))

    # -- messages from the pane --------------------------------------------------------------------

    @on(StepPane.DraftChanged)
    def _keep_draft(self, message: StepPane.DraftChanged) -> None:
        if message.pane is self.pane:
            self.keep_input_or_tell()
            self.post_message(self.Recorded())  # sending a text completes the parts left to it

    @on(StepPane.Amended)
    def _amend(self, message: StepPane.Amended) -> None:
        if (key := self.key) is not None and message.pane is self.pane:
            self.record(lambda: self._run.session.amend(key, message.changed))

    @on(StepPane.Begun)
    def _begin(self, message: StepPane.Begun) -> None:
        if message.pane is self.pane and self.pane is not None and not self._start():
            self.pane.stop_move()

    @on(StepPane.Submitted)
    def _submit(self, message: StepPane.Submitted) -> None:
        pane, key = self.pane, self.key
        if pane is None or key is None or message.pane is not pane or pane.running_move or self._over:
            return
        module, request, context = self._run.module(key), message.request, pane.context
        problems, warned = module.validate(request, context), pane.warned
        pane.show_problems(problems)
        fatal = any(problem.fatal for problem in problems)
        if fatal or (problems and not (warned and problems == self._accepted)):
            self._accepted = [] if fatal else problems
            return

        def perform(_yes: object = True) -> None:
            if self._start():
                pane.run_move("perform", lambda report: module.perform(request, context, report))

        resting = self._resting_on(key) if pane.ASKS_FIRST else []
        if resting:
            used = f"{enumerated(resting)} used what you entered before."
            words = joined((used, "After the change, you have to do that again."))
            ask(self, Confirm(f"Change {self._run.title(key)}?", words, "Change it", no="Not yet"), perform)
        else:
            perform()

    def _resting_on(self, key: StepKey) -> list[Sentence]:
        """Return the titles of the done steps that use a settled step's facts."""
        session = self._run.session
        if session.status(key) not in SETTLED:
            return []
        users = (user for user in session.layout() if key in session.state.givers(user))
        return [self._run.title(user) for user in users if session.status(user) in SETTLED]

    @on(StepPane.MoveDone)
    def _succeed(self, message: StepPane.MoveDone) -> None:
        pane, key = self.pane, self.key
        if pane is None or key is None or message.pane is not pane:
            return
        if message.name != "perform":
            if self._run.session.status(key) is Status.RUNNING:
                self.record(lambda: self._run.session.rest(key))
        elif self.record(lambda: self._run.session.succeed(key, message.result)):
            self._over = True
            self.post_message(self.Settled(key, pane.stays))

    @on(StepPane.MoveFailed)
    def _fail(self, message: StepPane.MoveFailed) -> None:
        session, key = self._run.session, self.key
        if message.pane is None or message.pane is not self.pane or key is None:
            return
        stopped = isinstance(message.error, Cancelled)
        of_the_step = message.journaled or message.name == "perform"
        if of_the_step and session.status(key) is Status.RUNNING:
            kind = {"kind": STOPPED} if stopped else {}
            self.record(lambda: session.fail(key, {**message.error.as_record(), **kind}))
        if stopped:
            if not message.shown:
                self.notify(text_of(message.error.what))
        elif isinstance(message.error, ProgramNotTrusted):
            self._ask_about(message.error.program)
        elif not message.handled and not message.pane.show_refusal(message.error):
            self._tell(message.error, shown=message.shown)

    def _ask_about(self, program: ForeignProgram) -> None:
        trusted = TrustedPrograms(self._run.environment.trusted_programs_file)

        def remember(_report: Report) -> Sentence:
            trusted.add(program)
            return "iam-onboard runs this program from now on. Press ^n again."

        def answered(_yes: object) -> None:
            if self.pane is not None:
                self.pane.show_result_of(remember)

        ask(self, Confirm("Run the project's own program?", program.question, "Run it"), answered)

    def accept(self, shown: Observation) -> None:
        """Let the step's module accept what the user was shown of the world, as the step's own work."""
        pane, key = self.pane, self.key
        take_in = acceptance(self._run.module(key)) if key is not None else None
        if pane is not None and take_in is not None and self._start():
            pane.run_move("perform", lambda report: take_in(shown, pane.context, report))

    def _start(self) -> bool:
        """Start the step, unless its own move already has; return whether it is started."""
        session, key = self._run.session, self.key
        if key is None:
            return False
        if session.status(key) is Status.RUNNING:
            return True

        def begin() -> None:
            if session.status(key) in SETTLED | {Status.CONTRADICTED}:
                session.reopen(key)
            session.start(key)

        return self.record(begin)

    def record(self, write: Callable[[], object]) -> bool:
        """Write to the session; report an error or a full disk, and then return False."""
        try:
            write()
        except IllegalTransition as refusal:
            self.notify(f"{refusal}.", severity="warning")
            return False
        except (OnboardError, UnstorableFactError) as error:
            self._tell(as_error(error))
            return False
        finally:
            self.post_message(self.Recorded())
        return True

    def _tell(self, error: OnboardError, *, shown: bool = False) -> None:
        editable = isinstance(error, NotPossible) and isinstance(self.pane, ByHandPane)
        dialog = ErrorDialog(error, self._run.environment.copy, editable=editable)
        if not shown:
            self.notify(text_of(error.title), severity="error")  # on the page once the dialog is closed
        ask(self, dialog, self._edit)

    def _edit(self, _wanted: bool) -> None:  # noqa: FBT001 - a dialog's answer
        if isinstance(self.pane, ByHandPane):
            self.pane.action_edit_by_hand()


def reopened_because(record: Record | None) -> str:
    """Return the reason with which a step was last opened again, or ""."""
    return record.last.reason if record is not None and isinstance(record.last, Reopened) else ""


def note_of(run: SessionRun, key: StepKey) -> str:
    """Return the note of a step, or ""."""
    session, record = run.session, run.session.record(key)
    last, status = record.last if record is not None else None, session.status(key)
    over = bool(run.why_over()) or run.overtaken(key)
    match None if over and status not in SETTLED else status:  # a session that is over needs nothing
        case Status.LOCKED:
            return _waits_for(run, key)
        case Status.STALE:
            return f"Out of date: {enumerated(session.stale_reasons(key))} changed since this was done."
        case Status.INTERRUPTED:
            return "This was interrupted before it ended. ^n starts it again."
        case Status.FAILED | Status.STOPPED if isinstance(last, Failed):
            failed = "The last try failed: " if status is Status.FAILED else ""
            return f"{failed}{last.error.get('what', '')}"
        case Status.READY if reason := reopened_because(record):
            return f"Open again: {reason}."
        case Status.CONTRADICTED | Status.UNCONFIRMED:
            return _seen(run, key, status)
        case Status.SKIPPED:
            return f"{_left_out(run, key)}.{'' if over else ' You can still do it; ^r opens it again.'}"
        case _:
            return ""


def _waits_for(run: SessionRun, key: StepKey) -> str:
    """Say what has to be done before a locked step."""
    session, first = run.session, run.session.towards(key)
    if first and first.item and not key.item:
        return f"Finish {first.item} first; next there: {run.step(first).title}."
    named = session.state.open_needs(key) == (first,)
    comes = f" Start with {run.title(first)}." if first and not named else ""
    return f"{session.refusal(key)}.{comes}"


def _left_out(run: SessionRun, key: StepKey) -> Sentence:
    """Say what happens to a skipped step's work."""
    if accounts := goes_out_with(run, key):
        return f"This goes out with {accounts}"
    return "You skipped this" if standing(run, key) is Status.SKIPPED else "This went out with a later text"


def _seen(run: SessionRun, key: StepKey, status: Status) -> str:
    """Return the last look's message on a done step, or which of the steps that it tests has changed."""
    changed = run.context(key).contradicted if run.step(key).tests else ()
    if changed and status is Status.UNCONFIRMED:
        return f"Done, but {enumerated([run.title(needed) for needed in sorted(changed)])} changed since."
    look, now = run.session.state.observed[key], run.environment.now()
    said = answer_text(look, now)
    if status is Status.CONTRADICTED:
        choice = look.asks or run.can_ask(key)
        return text_of(joined((said, "^n asks how to continue." if choice else look.redoing)))
    if look.contradicts:
        return f"{said} You chose to continue as it is."
    if look.said_so:
        return text_of(look.words)  # the page itself says so
    if look.verdict is Verdict.AWAITED:
        return f"{look.words} Last checked {moment_text(look.at, now)}."
    return text_of(joined((f"Done, last confirmed {moment_text(look.at, now)}.", look.words or look.remedy)))
