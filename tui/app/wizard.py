"""The wizard's screen: the top line, the list of steps, the stage with the current one, and the keys.

It decides which step comes next. It does no work and knows no step: those come in as step modules and pane
classes, and the stage runs them.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingsMap, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.dom import DOMNode
from textual.errors import NoWidget
from textual.geometry import Size
from textual.widget import Widget
from textual.worker import Worker, WorkerState, get_current_worker

from screens.step.asking import CodeDialog, Contradiction, PassphraseDialog, SecretDialog
from screens.step.finished import EverybodyDialog, Finished, goes_out_with, standing, standings
from screens.step.help import HelpScreen
from screens.step.page import (
    ENOUGH,
    TO_COMPARE,
    YOURS,
    ActionBar,
    BackText,
    Primary,
    StepPane,
    Turn,
    is_displayed,
)
from screens.step.record import TITLE, record_text
from screens.widgets.checklist import Checklist
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.key_line import KeyLine
from screens.widgets.lists import TextDialog
from screens.widgets.one_focus import OneFocus
from screens.widgets.rail import MARKS, RailEntry, StepRail, stepper
from screens.widgets.text import Button, Lines, ScrollBody, SplitLine, Text, in_line, marked_up, short, styled
from tui.app.session_summary import answer_text
from tui.app.stage import Stage
from workflows.core.garbage import page_painted
from workflows.core.sentences import OnboardError, Sentence, count, enumerated, joined, listed, text_of
from workflows.core.shapes import moment
from workflows.desktop.ambient import endpoints
from workflows.machine.events import NOT_ASKED, Choice, Facts, Observation, StepKey, Verdict
from workflows.machine.state import SETTLED, Status
from workflows.run import PROJECT, REVIEW, Change, Question, SessionRun
from workflows.steps.admin.admissions import Admissions, admissions
from workflows.steps.admin.status_grid import status_grid
from workflows.steps.admin.written import holds_files
from workflows.steps.kinds import KINDS
from workflows.steps.shared.module import GuardedLook, mail_of

_SECONDS_BETWEEN_DRAFTS = 2.0
_SECONDS_BETWEEN_LOOKS = 3600.0
_KEYS = StepKey("pgp-keys")
_NARROW = 100
_LOW, _TINY = 14, 9
_LONGEST_ADDRESS = 40
_LOOKING = {"escape", "tab", "shift+tab", "up", "down", "pageup", "pagedown", "ctrl+q"}
_LOOKING |= {"f1", "f2", "f3", "f5", "f6", "ctrl+n"}
"""Keys that neither enter nor do anything beyond the page's visible input; Next itself notes what it does."""
_DONE = SETTLED | {Status.CONTRADICTED}
_NOTED = {Status.STALE, Status.FAILED}
"""Statuses of an open step that its page's note explains."""
END = StepKey("end")
"""The closing page, where the page to begin with is given."""
_MARKED = (Status.CONTRADICTED, Status.UNCONFIRMED, Status.STALE, Status.SKIPPED)
"""The statuses counted separately, the most important first."""


class WizardScreen(OneFocus):
    """A session in progress.

    Args:
        run: the session with its step modules.
        panes: the pane class of each step, by step id.
        at: the step to show first, or None for the one that the session proposes.
    """

    AUTO_FOCUS = ""  # the stage focuses what to fill in first, never the hidden list of steps
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next", "Next", id="wizard.next", priority=True, tooltip="Continue with this step"),
        Binding(
            "escape",
            "back",
            "Back",
            id="wizard.back",
            tooltip="Close what is open, stop what runs, or go back",
        ),
        Binding("ctrl+s", "skip", "Skip", id="wizard.skip", priority=True, tooltip="Skip this step"),
        Binding(
            "ctrl+r", "reopen", "Do again", id="wizard.reopen", priority=True, tooltip="Redo a finished step"
        ),
        Binding("f1", "help", "Help", id="wizard.help", priority=True, tooltip="This page and all its keys"),
        Binding("question_mark", "help", "Help", id="wizard.question", tooltip="This page and all its keys"),
        Binding(
            "f2",
            "rail",
            "Steps",
            id="wizard.rail",
            priority=True,
            tooltip="To the list of steps and back",
        ),
        Binding(
            "f5",
            "everybody",
            "Everybody",
            id="wizard.everybody",
            priority=True,
            show=False,
            tooltip="Where everybody in this session stands, in every account",
        ),
        Binding("pageup", "page(-1)", "Scroll up", id="wizard.up", show=False, tooltip="Scroll the step"),
        Binding(
            "pagedown", "page(1)", "Scroll down", id="wizard.down", show=False, tooltip="Scroll the step"
        ),
    ]
    DEFAULT_CSS = """
    WizardScreen #stepper { display: none; }
    WizardScreen #rule { height: 1; border-top: solid $border-blurred; }
    WizardScreen #middle { height: 1fr; }
    WizardScreen #middle Stage { border-left: solid $border-blurred; }
    WizardScreen.-narrow #stepper { display: block; }
    WizardScreen.-narrow StepRail { display: none; }
    WizardScreen.-narrow.-steps StepRail { display: block; width: 1fr; scrollbar-size-vertical: 1; }
    WizardScreen.-narrow.-steps Stage { display: none; }
    WizardScreen.-narrow #middle Stage { border-left: none; }
    WizardScreen.-low #rule, WizardScreen.-tiny #stepper { display: none; }
    WizardScreen.-tiny StepRail { margin: 0; }
    WizardScreen #result {
        display: none; height: auto; max-height: 6; padding: 0 2 0 28; color: $text-success;
    }
    WizardScreen.-narrow #result { padding: 0 2; }
    WizardScreen #result.-shown { display: block; }
    WizardScreen #result.-warning { color: $text-warning; }
    WizardScreen #result.-error { color: $text-error; }
    """

    def __init__(
        self, run: SessionRun, panes: Mapping[str, type[StepPane]], at: StepKey | None = None
    ) -> None:
        super().__init__()
        self._left = threading.Event()
        self.run = run
        self._stage = Stage(run, panes)
        self._first = at
        self._came_from: StepKey | None = None
        self._from_the_end = False
        self._next_after: StepPane | None = None
        self._focused_before: Widget | None = None
        self._passing = self._looking = self._refused = self._lacked = self._bar_due = False
        self._touched = False
        self._unlocked = set[str]()
        self._without: Sentence = ""
        self._unsure = list[tuple[Sentence, Sentence]]()
        self._likely: Facts = {}
        self._steps: list[RailEntry] = []
        self._outdated = set[StepKey]()
        self._unasked = set[StepKey]()
        self._mail: dict[str, int] = {}
        self._mail_after = 0.0

    def compose(self) -> ComposeResult:
        self._fit_to(self.app.size, update=False)  # no widgets exist yet that would be restyled
        yield SplitLine(id="top")
        yield SplitLine(id="stepper")
        yield Text(id="rule")
        yield Horizontal(StepRail(), self._stage, id="middle")
        yield Lines(id="result")
        yield ActionBar()
        yield KeyLine(
            *("app.commands", "wizard.help", "wizard.rail"),
            *("app.home", "app.swap", "app.quit", "wizard.everybody"),
        )

    async def on_mount(self) -> None:
        first = self._first or self.run.proposal()
        await self.go_to(None if first == END else first)
        self.set_interval(_SECONDS_BETWEEN_DRAFTS, self._stage.keep_what_changed)
        self.set_interval(_SECONDS_BETWEEN_LOOKS, self.look_again)
        steps = {step.id for step in self.run.session.state.workflow.steps}
        if self.run.environment.mailbox is not None and _KEYS.step in steps:
            self._mail = dict(self.run.session.drafts.load(_KEYS).get("read") or {})
            last = max((record.last.at for record in self.run.session.state.records.values()), default="")
            self._mail_after = moment(last, "last").timestamp() if last else 0.0
            self._look_for_mail()
            self.set_interval(_SECONDS_BETWEEN_DRAFTS, self._look_for_mail)
        self._ask_in_background(self.run.questions())

    def _look_for_mail(self) -> None:
        def look() -> None:
            if (find := mail_of(self.run.module(_KEYS))) is not None:
                self.call_later(self._announce_mail, find(self.run.session_context()))

        self.run_worker(look, thread=True, group="mail", exclusive=True)

    def _announce_mail(self, mail: Mapping[str, int]) -> None:
        """Say whose request has arrived meanwhile, on any page but the one that shows it itself."""
        decisions = self.run.session_context().decisions
        awaited = {*decisions.joining, *decisions.rekeying}
        new = [
            name
            for name, at in mail.items()
            if name in awaited and self._mail.get(name) != at and at >= self._mail_after * 1e9
        ]
        self._mail = {**self._mail, **mail}
        if new and self.current != _KEYS:
            verb = "has" if len(new) == 1 else "have"
            self.notify(f"{listed(new, 2)} {verb} sent a request. PGP keys (F2) reads it.")

    def on_screen_resume(self) -> None:
        """Restore the focus, since the focused widget may have been disabled meanwhile."""
        if self._stage.children:
            self.call_later(self._find_focus)

    def _find_focus(self) -> None:
        if self.focused is None:
            self._stage.focus_first()

    def _leave_what_is_hidden(self) -> None:
        """Move the focus away from hidden widgets."""
        if not self.choosing and self.focused is not None and not is_displayed(self.focused):
            self._stage.focus_first()

    def look_again(self) -> None:
        """Look at the world in the background; show changes, unless something is running here.

        A look that replaces one requested by the user may open the same secrets.
        """
        look = partial(self._check, self.run.done(), opens=self._looking and not self._without)
        self.run_worker(look, thread=True, group="looks", exclusive=True)

    def _check(self, done: Iterable[Question], *, opens: bool) -> None:
        looks = self.run.check(done)
        if not get_current_worker().is_cancelled:
            self.call_later(self._take, looks, opens=opens)

    @on(Finished.LookWanted)
    def _begin_to_look(self) -> None:
        self._unlocked = set()
        self._find_secrets_due()

    def _find_secrets_due(self) -> None:
        """Find the secrets that AWS or gpg needs for a look on request; no other look asks for one."""
        self.run_worker(self._find_in_background, thread=True, group="looks", exclusive=True)

    def _find_in_background(self) -> None:
        try:
            self.call_later(self._ask_for_secret, self.run.guarded())
        except OnboardError as error:
            self.call_later(self._look_wanted, error.what)

    def _ask_for_secret(self, due: Mapping[str, tuple[StepKey, GuardedLook]]) -> None:
        """Ask for the secret of one device or key after the other; without it, look at the rest."""
        left = [(guard, *of) for guard, of in due.items() if guard not in self._unlocked]
        if not left or self._left.is_set():
            self._look_wanted("")
            return
        guard, key, look = left[0]
        give = partial(look.begin, self.run.context(key))
        dialog: SecretDialog = (
            PassphraseDialog(guard, give)
            if look.passphrase
            else CodeDialog(guard, give, self.run.environment.now)
        )
        without = f"That takes {'the passphrase of your PGP key' if look.passphrase else 'an MFA code'}."

        def answered(given: bool | None) -> None:  # noqa: FBT001 - a dialog's answer
            if given:
                self._unlocked.add(guard)
                self._find_secrets_due()
            else:
                self._look_wanted(without)

        self.app.push_screen(dialog, answered)

    def _look_wanted(self, without: Sentence) -> None:
        """Look on the user's request; `without` says why protected parts can't be asked about, or ""."""
        self.show_result("iam-onboard is checking again, and shows here what it finds.", "", passing=True)
        self._looking, self._without, self._unsure = True, without, []
        self.workers.cancel_group(self, "questions")  # answers to an earlier look don't belong to this one
        self.look_again()

    async def _take(self, looks: Sequence[tuple[Question, Observation]], *, opens: bool) -> None:
        """Show a look's results; the questions after it may use secrets if `opens`."""
        changes, before = list[Change](), self.run.session.state
        if self._left.is_set() or not self._stage.record(lambda: changes.extend(self.run.save_checks(looks))):
            return
        contradicted = [
            change
            for change in changes
            if change.observation.contradicts
            and not (
                before.contradicted(change.key)
                and before.observed[change.key].identity == change.observation.identity
            )
        ]
        for change in contradicted:
            self.notify(text_of(joined((f"{change.title}:", change.observation.words))), severity="warning")
        questions = self.run.questions(opens=opens)
        if (contradicted or (self._at_the_end and not questions)) and not self._stage.busy:
            await self.go_to(self.current)
        self._ask_in_background(questions)

    def _ask_in_background(self, questions: Sequence[Question], group: str = "questions") -> None:
        self._unasked = {question.key for question in questions}
        self.run_worker(partial(self._ask, questions), thread=True, group=group, exclusive=True)

    def _ask(self, questions: Sequence[Question]) -> None:
        """Ask the network, one question after the other, until the wizard is left or asks again."""
        worker = get_current_worker()
        for question in questions:
            if self._left.is_set() or worker.is_cancelled:
                return
            answer = self.run.answer(question)
            if not worker.is_cancelled:
                self.call_later(self._learn, question, answer)
        if not worker.is_cancelled:
            self.call_later(self._looked, questions)

    @on(StepPane.Observed)
    async def _learn_from_page(self, message: StepPane.Observed) -> None:
        for key, look in message.looks.items():
            await self._learn(self.run.question(key), look, shown=True)

    def _looked(self, questions: Sequence[Question]) -> None:
        """Say what a look on request has checked; what a test such as Verify found isn't tested again."""
        self._all_asked()
        if not self._looking:
            return
        self._looking = False
        if self._unsure:
            titles = [text_of(title) for title, _ in self._unsure]
            what = "hasn't checked" if self._without else "couldn't confirm"
            if self._at_the_end and not self._without:
                words: Sentence = f"iam-onboard {what} {count(len(titles), 'step')}: see above."
            else:
                reasons = dict.fromkeys(why for _, why in self._unsure)
                words = joined((f"iam-onboard {what} {listed(titles, 3)}.", *reasons))
            self.show_result(text_of(words), "warning", passing=True)
        else:
            asked = dict.fromkeys(self.run.step(question.key).title for question in questions)
            tests = [self.run.title(done.key) for done in self.run.done() if self.run.step(done.key).tests]
            checked = f"iam-onboard has checked {enumerated([*asked]) or 'this computer'} again."
            left = f"{enumerated(tests)} wasn't repeated: open it to test again." if tests else ""
            self.show_result(text_of(joined((checked, left))), "", passing=True)

    @on(Worker.StateChanged)
    def _look_failed(self, event: Worker.StateChanged) -> None:
        """End a failed look; the application shows the failure."""
        if event.state is WorkerState.ERROR and event.worker.group in {"looks", "questions"}:
            self._looking = False
            self._all_asked()

    def _all_asked(self) -> None:
        """Show how many steps are done: until the last answer, some would be called unconfirmed."""
        self._unasked = set()
        self._refresh_top()

    async def _learn(self, question: Question, answer: Observation, *, shown: bool = False) -> None:
        """Show what an answer changes, reopening a page that waits for it or depends on it.

        Args:
            shown: whether the page itself gave the answer, and shows it.
        """
        key = question.key
        if self._left.is_set():
            return
        why = answer.words or answer.remedy or self._without
        asked = self._looking and answer.verdict is Verdict.UNKNOWN
        unsure = asked and (bool(why) or self.run.session.status(key) is Status.UNCONFIRMED)
        if unsure:
            self._unsure.append((self.run.title(key), why))
            unsure = bool(answer.words) or not self._without  # without the secret, nobody was asked
        news, before = list[bool](), self.run.session.state.observed
        if not self._stage.record(lambda: news.append(self.run.save_answer(question, answer, unsure=unsure))):
            return
        if any(news):
            in_page = key == self.current and (shown or not self._stage.busy)
            if answer.contradicts and not in_page:
                self.notify(f"{text_of(self.run.title(key))}: {text_of(answer.words)}", severity="warning")
            current = self.current
            tested = current is not None and not shown and self.run.step(current).tests
            concerned = current is not None and (current.item == key.item or tested)
            if current is not None and concerned and not self._stage.busy:
                await self.go_to(key if self.run.session.status(current) is Status.LOCKED else current)
        if self._at_the_end and self.run.session.state.observed is not before:
            await self.go_to(None)

    @property
    def _at_the_end(self) -> bool:
        """Whether the closing page is shown, which gives the status of all steps."""
        return bool(self.query(Finished))

    # -- position ----------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Fold the steps into one line in a narrow terminal; F2 shows them all in the step's place."""
        self._fit_to(event.size)
        if self._steps:
            self._refresh_top()

    def _fit_to(self, size: Size, *, update: bool = True) -> None:
        self.set_class(size.width < _NARROW, "-narrow", update=update)
        self.set_class(size.height < _LOW, "-low", update=update)
        self.set_class(size.height < _TINY, "-tiny", update=update)

    @property
    def current(self) -> StepKey | None:
        """The current step; None for the closing page."""
        return self._stage.key

    @property
    def pane(self) -> StepPane | None:
        """The current pane, if it is a step's."""
        return self._stage.pane

    @property
    def _binding_chain(self) -> list[tuple[DOMNode, BindingsMap]]:
        """Let the page's keys work while the focus is on the action bar, too."""
        chain = super()._binding_chain
        focused, pane = self.focused, self.pane or next(iter(self.query(Finished)), None)
        if pane is not None and (focused is None or isinstance(focused.parent, ActionBar)):
            before = next(number for number, (node, _keys) in enumerate(chain) if node is self)
            chain.insert(before, (pane, pane._bindings.copy()))  # noqa: SLF001 - like the others of the chain
        return chain

    @property
    def working(self) -> bool:
        """Whether the step's own work is running, which nobody should leave by accident."""
        return self._stage.working

    async def go_to(self, key: StepKey | None, *, keep: bool = True) -> None:
        """Show a step, or the closing page for None, keeping the previous page's input if `keep`."""
        if keep:
            self._stage.keep_input_or_tell()
        if key != self.current:
            self.show_result("", "")
            self._came_from = None
            self._from_the_end = False
        self._let_choose(on=False)
        if key is None and self.current is not None:
            await self._look_at(PROJECT.step)  # the closing page names people removed by later sessions
        await self._stage.show(key)
        self.refresh_rail()
        self.call_after_refresh(page_painted)

    async def _look_at(self, step: str) -> None:
        """Check on this machine whether what a step gave still holds, even if it is open again."""
        if looks := await asyncio.to_thread(self.run.check, self.run.given(step)):
            self._stage.record(lambda: self.run.save_checks(looks))

    @on(Stage.Recorded)
    @on(StepPane.NoteDropped)
    def refresh_rail(self) -> None:
        """Update everything around the page from the session."""
        title, self._steps = self.run.session.state.workflow.title, self._entries()
        self.query_one(StepRail).show(title, self._steps, self.current, over=self.run.proposal() is None)
        self._refresh_top()
        self.refresh_bar()
        self.refresh_bindings()

    def _entries(self) -> list[RailEntry]:
        """Return the current and likely steps of this work, without unrequested optional ones.

        For a session that is over, only the steps with a lasting result.
        """
        session, entries, over = self.run.session, [], bool(self.run.why_over())
        state = session.state
        foreseen = replace(state, knowledge=state.knowledge.foreseen(self._likely))
        expected, found = foreseen.expected(), standings(self.run, state.layout())
        for key in foreseen.layout():
            known, status = key in found, found.get(key, Status.LOCKED)
            here = key == self.current
            if status is Status.RUNNING and not (here and self._stage.busy):
                status = Status.READY  # it waits for the user
            elif status in _NOTED and here and self.pane is not None and not self.pane.noted:
                status = Status.READY  # its page is up to date, and only needs confirming
            elif status in {Status.DONE, Status.UNCONFIRMED} and key in self._outdated:
                status = Status.STALE
            worth = (
                status in _DONE if over else key in expected or status not in {Status.READY, Status.LOCKED}
            )
            if worth or key == self.current:
                look = state.observed.get(key)
                said = status is Status.UNCONFIRMED and look is not None and look.said_so
                title = self.run.step(key).title
                entries.append(RailEntry(key, title, status, foreseen=not known, said_so=said))
        return entries

    def _refresh_top(self) -> None:
        (width, height), entries = self.size, self._steps
        unsure = {entry.key for entry in entries if entry.status is Status.UNCONFIRMED}
        counted = _progress if self._unasked.isdisjoint(unsure) else lambda _entries, _width: "Checking …"
        progress = styled((counted(entries, width // 2), "$text-muted"))
        right = [_whose_aws(self.run, self.pane.opening.draft if self.pane else {})]
        if self.has_class("-narrow"):
            steps = stepper(entries, self.current, width - progress.cell_length - 4)
            if steps.cell_length + progress.cell_length + 4 > width:  # the folded steps have the marks, too
                progress = styled((counted(entries, 0), "$text-muted"))
                steps = stepper(entries, self.current, width - progress.cell_length - 4)
            self.query_one("#stepper", SplitLine).show(steps, progress)
        else:
            right.insert(0, progress)
        if width < ENOUGH.width or height < ENOUGH.height:
            right.insert(0, styled((f"{width}×{height} is small", "$warning")))
        self.query_one("#top", SplitLine).show(_where(self.run, self.current), in_line(right, "   "))

    @property
    def choosing(self) -> bool:
        """Whether a step is being chosen in the list, so that the keys apply to it."""
        return self.has_class("-steps")

    def _let_choose(self, *, on: bool) -> None:
        self.set_class(on, "-steps")
        self.query_one(StepRail).can_focus = on
        self.refresh_bar()

    @on(events.DescendantFocus)
    def _leave_list(self, event: events.DescendantFocus) -> None:
        """Close the list when the focus moves to the page."""
        if self.choosing and self._stage in event.widget.ancestors:
            self._let_choose(on=False)

    @on(events.DescendantFocus, "Input, TextArea")
    @on(events.DescendantBlur, "Input, TextArea")
    def _show_live_keys(self) -> None:
        """Show only live keys: a letter typed into a field presses no button."""
        for button in self.query(Button):
            if button.shortcut:
                button.refresh()

    @on(StepRail.OptionHighlighted, "StepRail")
    @on(StepPane.PrimaryChanged)
    def refresh_bar(self) -> None:
        """Update the action bar from the page, once for all pending requests."""
        if not self._bar_due:
            self._bar_due = True
            self.call_later(self._refresh_bar)

    def _refresh_bar(self) -> None:
        self._bar_due = False
        pane = self.pane
        if self._left.is_set() or (pane is not None and pane.context.leaving.is_set()):
            return
        bar = self.query_one(ActionBar)
        if pane is not None and pane.show_heading():
            self._passing = True  # what was said under another heading goes with the next key
        if pane is not None and pane.opened and (likely := pane.likely() or self._likely) != self._likely:
            self._likely = likely
            self.refresh_rail()
        # Twice: after the first refresh the page may move the focus itself.
        self.call_after_refresh(self.call_after_refresh, self._leave_what_is_hidden)
        if self.choosing:
            bar.show(
                "‹ Close", Turn("Choose a step"), Primary(f"Open {self.query_one(StepRail).highlighted_name}")
            )
        elif self._stage.busy:
            bar.show("Stop", Turn("iam-onboard is working", yours=False), Primary("Working", ready=False))
        else:
            first = self.run.session.layout()[:1] == (self.current,)
            inside = pane is not None and pane.inside and not self._came_from
            back = pane.WAY_OUT if pane is not None and inside else "‹ Home" if first else "‹ Back"
            primary = self._primary()
            if self._lacked and primary.ready:
                self.show_result("", "")
            bar.show(back, self._turn(), primary)

    def _turn(self) -> Turn:
        if self.run.why_over():
            return Turn("This session is over" if self.current else "Nothing is left to do", yours=False)
        if self.current is None and self.run.session.proposal() is None:
            return self._turn_at_the_end()
        if self.pane is None or not self.pane.opened or self.pane.in_between or self._waits:
            return YOURS
        if not self._left_alone:
            return self.pane.turn()
        if self.current and goes_out_with(self.run, self.current):
            return Turn("Goes out later", yours=False)  # the page's note names the accounts
        status = standing(self.run, self.current) if self.current else Status.DONE
        left_out = status is Status.SKIPPED
        return Turn("You skipped this" if left_out else "Done; ^r reopens", yours=False, mark=MARKS[status])

    def _turn_at_the_end(self) -> Turn:
        gone = self.run.removed().about
        if self.run.session_context().decisions.not_compared_sentences(gone):
            return TO_COMPARE
        if awaited := [name for name in self.run.session.state.awaited() if name not in gone]:
            whom = short(awaited[0]) if len(awaited) == 1 else f"{len(awaited)} people"
            return Turn(f"Waiting for {whom}", yours=False)
        if all(entry.status is Status.DONE for entry in self._steps):
            return Turn("All steps are done", yours=False, mark=MARKS[Status.DONE])
        return Turn("No step is left to do", yours=False)

    @property
    def _left_alone(self) -> bool:
        """Whether the current step is settled, and Next only leaves it."""
        key, pane = self.current, self.pane
        if key is None or pane is None or self.run.session.status(key) not in SETTLED:
            return False
        worked_on = any(tasks.worked_on for tasks in pane.query(Checklist)) and not pane.opening.done
        return pane.opened and not (pane.changed() or worked_on or self._stage.kept_input)

    @property
    def _waits(self) -> bool:
        """Whether the current step waits for another one, as its own work may have revealed."""
        return self.current is not None and self.run.session.status(self.current) is Status.LOCKED

    def _primary(self) -> Primary:
        key, pane = self.current, self.pane
        if self.run.why_over():
            return Primary("Go to the end" if key else "Archive this session")
        if key is None or pane is None or self._waits:
            open_step = self.run.session.towards(key)
            return Primary(f"Go to {self.run.title(open_step)}" if open_step else "Back to Home")
        if self.run.session.status(key) is Status.CONTRADICTED and not pane.decides:
            seen = self.run.session.state.observed[key]
            again = next(iter(seen.effects), f"Do {self.run.step(key).title} again")
            return Primary("Decide how to continue" if seen.asks or self.run.can_ask(key) else again)
        if pane.in_between:
            return pane.in_between
        if pane.warned:
            return Primary("Continue anyway")
        if self._left_alone:
            after = self.run.after(key)
            here = after and after.item == key.item  # the item is shown already
            title = after and (self.run.step(after).title if here else self.run.title(after))
            return Primary(f"Continue to {title}" if title else "Finish")
        return pane.primary() if pane.opened else Primary("Continue")

    def show_result(self, text: str, severity: str, *, passing: bool = False) -> bool:
        """Show a result on the line above the action bar, unless the page is being left."""
        if self._left.is_set():
            return False
        self._passing, self._refused, self._lacked = passing, False, False
        result = self.query_one("#result", Lines)
        result.show_lines([text] if text else [])
        result.set_class(bool(text), "-shown")
        for name in ("warning", "error"):
            result.set_class(severity == name, f"-{name}")
        return True

    def drop_result(self, *, passing: bool = False) -> None:
        if self._passing or not passing:
            self.show_result("", "")

    def acted(self, event: events.Key | events.Paste | events.MouseDown) -> None:
        """Note a key, paste or click: anything but looking may be input, or an action."""
        if isinstance(event, events.MouseDown):
            widget: Widget | None = None
            with suppress(NoWidget):  # a click outside all widgets, as while the terminal shrinks
                widget, _ = self.app.screen.get_widget_at(event.x, event.y)
            presses = isinstance(widget, KeyLine | BackText)  # these press the keys that they name
            self._touched |= not presses and (widget is None or widget.id != "primary")
        else:
            self._touched |= isinstance(event, events.Paste) or event.key not in _LOOKING

    @property
    def untouched(self) -> bool:
        """Whether nothing was done or entered in the session."""
        pane = self.pane
        if pane is None or not pane.opened or self.run.session.state.records:
            return False
        return pane.asks_nothing or not (self._touched or pane.changed() or pane.unkept)

    async def visit(self, key: StepKey | None) -> None:
        """Show a step, or the closing page for None, unless something is running in the page."""
        if not self._refused_while_busy():
            await self.leave_page(partial(self.go_to, key))

    async def leave_page(self, go: Callable[[], Awaitable[None]]) -> None:
        """Go, but ask first if some of the page's input would be lost."""
        pane = self.pane
        if pane is not None and pane.opened and (lost := pane.unkept):
            ask(self, Confirm("Leave this page?", lost, "Leave", no="Stay"), lambda _yes: go())
        else:
            await go()

    def on_paste(self, event: events.Paste) -> None:
        """Pass text that is pasted onto the list of steps to the current step."""
        if self.pane is not None:
            self.pane.on_paste(event)

    def why_unsaved(self) -> Sentence:
        """Keep the input; return why it can't be kept, "" if it is."""
        try:
            self._stage.keep_input()
        except OnboardError as error:
            return joined((error.what, error.why))
        return ""

    def leave(self) -> None:
        """Keep the input, leave running work, and forget secrets before the wizard goes.

        Raises:
            OnboardError: the input couldn't be kept.
        """
        self._left.set()
        try:
            self._stage.keep_input()
        finally:
            self._stage.part()

    def _refused_while_busy(self) -> bool:
        if self.pane is not None and self.pane.looking:
            self.notify(
                "Still reading; esc stops it. Press the key again once you see the result.",
                severity="warning",
            )
        elif self._stage.busy:
            self.notify("Something is running here; esc stops it.", severity="warning")
        self._refused = self._stage.busy
        return self._stage.busy

    @on(StepPane.MoveDone)
    @on(StepPane.MoveFailed)
    def _at_rest(self) -> None:
        """Remove the note that work is running once it has ended."""
        if self._refused:
            self.show_result("", "")

    # -- actions -----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Hide the keys that mean nothing here."""
        if action == "everybody":
            facts = self.run.session.facts()
            return self._for_others and "layers" in facts and any(facts.get(kind) for kind in KINDS)
        if action not in {"skip", "reopen"}:
            return True
        if self.current is None or self.choosing or self.run.why_over():
            return False
        status = self.run.session.status(self.current)
        if action == "skip":
            withdrawn = self.pane is not None and any(not skip.display for skip in self.pane.query("#skip"))
            open_ = status not in SETTLED | {Status.LOCKED}
            return self.run.step(self.current).skippable and open_ and not withdrawn
        return status in _DONE

    @property
    def _for_others(self) -> bool:
        """Whether this session is an admin's, about other people."""
        return any(step.repeats_over == "layers" for step in self.run.session.state.workflow.steps)

    def key_f5(self) -> None:
        """Say why the key does nothing where its action isn't offered."""
        if not self.check_action("everybody", ()):
            why = "Nobody is named here yet." if self._for_others else "F2 lists your own steps."
            self.show_result(f"F5 shows admins where everybody stands. {why}", "", passing=True)

    async def action_next(self) -> None:
        """Continue with the pane's input, or go to the next step if a done one is unchanged."""
        pane, key = self.pane, self.current
        if self.choosing:
            self.query_one(StepRail).action_select()
            return
        if pane is not None and not pane.opened:
            return  # meant for the previous page: nobody has seen this one yet
        if pane is not None and pane.looking and pane.NEXT_WAITS:
            self._next_after = pane
            return
        if self._refused_while_busy():
            return
        self._touched |= self._primary().ready
        if key is None or pane is None or self._waits or self.run.why_over():
            await self._leave_page_without_input()
            return
        if self.run.session.status(key) is Status.CONTRADICTED and not pane.decides:
            seen = self.run.session.state.observed[key]
            look = self._begin_to_look if self.run.can_ask(key) else None
            if seen.asks or look:
                said = answer_text(seen, self.run.environment.now())
                ask(self, Contradiction(self.run.title(key), seen, said, look), partial(self._decide, seen))
            else:
                await self._decide(seen, Choice.REDO)
        elif self._left_alone and not pane.in_between:
            await self.go_to(self.run.after(key))
        else:
            self._advance(pane)

    def _advance(self, pane: StepPane) -> None:
        primary = self._primary()
        pane.advance()
        if not primary.ready:  # after any message from the page itself
            self.call_after_refresh(self.call_after_refresh, self._say_what_lacks, pane, primary)

    def _say_what_lacks(self, pane: StepPane, primary: Primary) -> None:
        """Say why Next did nothing, unless the page says it."""
        said = self.query_one("#result").has_class("-shown") or bool(pane.problems)
        if pane is self.pane and not pane.running_move and not said:
            turn = pane.turn()
            why = joined((f"{text_of(primary.effect)}.", "" if turn.yours else f"{text_of(turn.line)}."))
            self.show_result(text_of(why), "", passing=True)
            self._lacked = True

    async def _leave_page_without_input(self) -> None:
        """From a waiting step or the closing page, go to the open step, or Home.

        In a session that is over, every page leads to the closing one, which archives the session.
        """
        if self.run.why_over():
            await (self.go_to(None) if self.current else self.app.run_action("archive_session"))
            return
        if (open_step := self.run.session.towards(self.current)) is not None:
            await self.go_to(open_step)
        else:
            await self.app.run_action("home")

    @on(Button.Pressed, "#primary")
    async def _press_primary(self, event: Button.Pressed) -> None:
        event.stop()
        await self.action_next()

    @on(StepPane.MoveDone)
    async def _next_at_last(self, message: StepPane.MoveDone) -> None:
        """Do Next, which was pressed during a look, unless the look led to a question."""
        if message.pane is self._next_after:
            self._next_after = None
            if message.pane is self.pane and self.is_current:
                await self.action_next()

    @on(StepPane.MoveFailed)
    async def _no_next(self, message: StepPane.MoveFailed) -> None:
        """Let Next lead to another step if that has to be corrected."""
        self._next_after = None
        if message.pane is self.pane and message.error.step:
            await self._look_at(message.error.step)

    async def _decide(self, shown: Observation, choice: Choice) -> None:
        """Carry out the user's choice about the contradiction of the current step."""
        key, session = self.current, self.run.session
        if key is None or self._refused_while_busy():
            return
        match choice:
            case Choice.CONTINUE if self._stage.record(lambda: session.acknowledge(key, shown)):
                await self.go_to(self.run.after(key))
            case Choice.REDO:
                await self._do_again(key)
            case Choice.ACCEPT:
                self._stage.accept(shown)

    @on(StepPane.KeptAsIs)
    async def _keep_as_is(self, message: StepPane.KeptAsIs) -> None:
        if message.pane is self.pane:
            await self._decide(message.shown, Choice.CONTINUE)

    def action_help(self) -> None:
        step = self.run.step(self.current) if self.current else None
        self.app.push_screen(HelpScreen(step.id if step else "", step.title if step else "The wizard", self))

    def action_rail(self) -> None:
        """Focus the list of steps, or the step again."""
        rail = self.query_one(StepRail)
        if self.choosing:
            self._close_rail()
            return
        self._focused_before = self.focused
        self._let_choose(on=True)
        rail.go_here()
        self.set_focus(rail)

    def _close_rail(self) -> None:
        """Return the focus to where it was, if that is still there."""
        self._let_choose(on=False)
        before = self._focused_before
        if before is not None and before.is_attached:
            self.call_after_refresh(self.set_focus, before)
        else:
            self._stage.focus_first()

    async def action_everybody(self) -> None:
        """Show everybody's status by the files as they are now, and open the account chosen there."""
        self._stage.keep_what_changed()  # so that the grid has what the page has just seen
        before = self.run.session_context().contradicted
        if holds_files(self.run.session.folder, self.run.session.facts()):
            await self._look_at(REVIEW.step)
        whole = self.run.session_context()
        if whole.contradicted != before and not self._stage.busy:
            await self.go_to(self.current)
        grid = status_grid(whole)

        async def chosen(account: str) -> None:
            key = self.run.next_of(account)
            if key is not None or self.run.why_over():
                await self.visit(key)

        session, title = self.run.session, self.run.title
        record = partial(self.call_later, self._show_record) if "keys" in session.facts() else None
        changed = [
            f"≠ {title(key)}: {answer_text(session.state.observed[key], self.run.environment.now())}"
            for key in session.layout()
            if key in whole.contradicted
        ]
        ask(self, EverybodyDialog(grid, record, changed), chosen)

    @on(Finished.RecordWanted)
    async def _show_record(self) -> None:
        """Show who was admitted with which key, to read and to copy."""
        environment, found = self.run.environment, list[Admissions]()
        reading = asyncio.ensure_future(asyncio.to_thread(admissions, self.run.session.folder))
        await asyncio.wait([reading])
        if self._stage.record(lambda: found.append(reading.result())):
            text = record_text(found[0], environment.now(), self.run.removed().by_item)
            self.app.push_screen(TextDialog(TITLE, text, copy=environment.copy))

    def action_page(self, direction: int) -> None:
        """Scroll the step and its long parts by a page, -1 up and 1 down, whatever has the focus."""
        for body in (*self._stage.children, *self._stage.query(ScrollBody)):
            body.scroll_relative(y=direction * max(1, body.size.height - 1), animate=False)

    async def action_back(self) -> None:
        """Close the list of steps, stop running work, or else go to the previous step."""
        if self.choosing:
            self._close_rail()
            return
        pane, key = self.pane, self.current
        if self._came_from and not self._stage.busy:
            await self.leave_page(partial(self.go_to, self._came_from))
            return
        if pane is not None and pane.inside:
            pane.go_back()
            self.refresh_bar()
            return
        shows = pane is not None and pane.looking and pane.opening.done  # a look on a done step is abandoned
        if pane is not None and not shows and pane.stop_move():
            return
        listed = [entry.key for entry in self._steps if not entry.foreseen]
        index = listed.index(key) if key in listed else len(listed)
        if index or self._from_the_end:
            to = None if self._from_the_end else listed[index - 1]
            await self.leave_page(partial(self.go_to, to))
        else:
            await self.app.run_action("home")

    async def action_skip(self) -> None:
        if (key := self.current) is None or self._refused_while_busy():
            return

        async def skip(_yes: object = True) -> None:
            if self._stage.record(lambda: self.run.session.skip(key)):
                await self.go_to(self.run.after(key))

        if self.pane is not None and (question := self.pane.skip_question()):
            ask(self, question, skip)
        else:
            await skip()

    async def action_reopen(self) -> None:
        key = self.current
        if key and self.run.session.status(key) in _DONE and not self._refused_while_busy():
            await self._do_again(key)

    @on(StepPane.DoneNoMore)
    async def _open_again(self, message: StepPane.DoneNoMore) -> None:
        key = StepKey.parse(message.step) if message.step else self.current
        if key is None or message.pane is not self.pane:
            return
        if self.run.session.status(key) in _DONE:
            await self._do_again(key, message.reason)
        elif message.step:
            await self.visit(key)

    async def _do_again(self, key: StepKey, reason: str = "") -> None:
        first = list[StepKey]()
        if self._stage.record(lambda: first.append(self.run.session.do_again(key, reason))):
            await self.go_to(first[0])

    @on(StepRail.Chosen)
    @on(Finished.Wanted)
    async def _choose(self, message: StepRail.Chosen | Finished.Wanted) -> None:
        await self.visit(message.key)
        self._from_the_end = isinstance(message, Finished.Wanted)

    @on(StepPane.StepWanted)
    async def _go_elsewhere(self, message: StepPane.StepWanted) -> None:
        key, left, drafts = StepKey.parse(message.step), self.current, self.run.session.drafts
        if message.pane is not self.pane or left is None or self._refused_while_busy():
            return

        def arrange() -> None:
            if message.draft is not None:
                drafts.save(key, message.draft)
            if not message.keeps:
                drafts.drop(left)

        if self._stage.record(arrange):
            await self.go_to(key, keep=message.keeps)
            self._came_from = left if message.returns else None

    @on(StepPane.Looked)
    def _mark_outdated(self, message: StepPane.Looked) -> None:
        if message.pane is self.pane and self.current is not None:
            key = StepKey(message.step, self.current.item)
            self._outdated = self._outdated | {key} if message.outdated else self._outdated - {key}
            self.refresh_rail()

    @on(Stage.Settled)
    async def _settled(self, message: Stage.Settled) -> None:
        self._outdated.discard(message.key)
        if message.key == self.current:
            self._refresh_bar()  # now, since the looks take a moment
            await self._look_after(message.key)
            back = message.key if message.stays else self._came_from
            if back is None or self.run.session.status(back) is Status.LOCKED:
                back = self.run.after(message.key)
            await self.go_to(back, keep=False)
            observed = self.run.session.state.observed
            if self.run.proposal() is None:
                self._ask_in_background(self.run.inquiries())
            elif said := [each for each in self.run.inquiries() if observed.get(each.key, NOT_ASKED).said_so]:
                self._ask_in_background(said, "only said")  # AWS may be able to confirm it by now

    async def _look_after(self, key: StepKey) -> None:
        """Look again at steps that the step just done may have fixed.

        Steps that use its outcome may be contradicted by it, although the outcome is unchanged.

        A step done on the user's word, or whose look failed, is marked so at once, as it will be later.
        """
        state = self.run.session.state
        done = [
            question
            for question in self.run.done()
            if key in {question.key, *state.givers(question.key)} or self._uncertain(question.key)
        ]
        looks = await asyncio.to_thread(self.run.check, done)
        news = [
            (question, look) for question, look in looks if question.key != key or look.said_so or look.at
        ]
        if news:
            self._stage.record(lambda: self.run.save_checks(news))

    def _uncertain(self, key: StepKey) -> bool:
        """Return whether the world contradicts a done step, or the last look at it gave no answer."""
        observed = self.run.session.state.observed.get(key)
        unknown = observed is not None and observed.verdict is Verdict.UNKNOWN
        return unknown or self.run.session.status(key) is Status.CONTRADICTED

    def commands(self) -> Iterator[SystemCommand]:
        """Yield the palette's commands for this screen: the page's buttons, and the other steps."""
        offered = set[str]()
        for button in self.query(Button):
            shown = button.visible and all(node.display for node in button.ancestors_with_self)
            if shown and not button.disabled:
                name = marked_up(button.name or button.caption.plain.removesuffix(" ›"))
                where = f"On this page · {button.shortcut}" if button.shortcut else "On this page"
                offered.add(name)
                yield SystemCommand(name, where, button.action_press)
        yield SystemCommand("Look again at every step", "Ask what isn't confirmed", self._begin_to_look)
        yield SystemCommand("Help", "This page and all its keys · F1", self.action_help)
        if self.check_action("everybody", ()):
            where = "In every account, with a way to the next step there · F5"
            yield SystemCommand("Where everybody in this session stands", where, self.action_everybody)
        for entry in self._steps:
            name = f"Go to {marked_up(self.run.title(entry.key))}"
            if not entry.foreseen and name not in offered:
                yield SystemCommand(name, "Show this step", partial(self.visit, entry.key))


def _progress(entries: Sequence[RailEntry], width: int) -> str:
    """Say how many steps are done and how many have other marks, in words as far as these fit.

    It is "" while the number of steps is unknown.
    """
    if any(entry.foreseen for entry in entries):
        return ""
    standing = Counter(entry.status for entry in entries)
    done = sum(number for status, number in standing.items() if status in SETTLED.difference(_MARKED))
    whole = f"{done} of {len(entries)} done"
    words = {entry.status: entry.words for entry in sorted(entries, key=lambda entry: not entry.said_so)}
    marked = [
        (f"{MARKS[status]} {standing[status]}", words[status]) for status in _MARKED if standing[status]
    ]
    in_words = ", ".join((whole, *map(" ".join, marked)))
    in_marks = "  ".join((whole, *(mark for mark, _ in marked)))
    return next((line for line in (in_words, in_marks) if len(line) <= width), whole)


def _whose_aws(run: SessionRun, draft: Mapping[str, object]) -> Content:
    """Return, for the right of the top line, the endpoint if it isn't AWS's own, and the workflow.

    In the sandbox, also return which new user is played, by the page's draft until it is done.
    """
    title = text_of(run.session.state.workflow.title)
    half = (title, "$text-muted")
    if run.environment.sandbox:
        played = str(run.session.facts().get("user") or draft.get("user") or "")
        half = (f"{title} · {short(played)}" if played else title, "$text-muted")
        return styled(("SANDBOX", "bold $warning"), ("   ", ""), half)
    named = [
        value
        for name, value in endpoints(run.environment.variables).items()
        if name.startswith("AWS_ENDPOINT")
    ]
    stand_in = f"AWS endpoint: {named[0][:_LONGEST_ADDRESS]}" if named and named[0] else ""
    return styled((stand_in, "bold $warning"), ("   " if stand_in else "", ""), half)


def _where(run: SessionRun, current: StepKey | None) -> Content:
    """Return the program, project and account of the current step."""
    where = " › ".join(
        filter(None, (str(run.session.facts().get("project", "")), current.item if current else ""))
    )
    return styled(("iam-onboard", "bold $accent"), (f"   {where}", ""))
