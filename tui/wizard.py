"""The wizard's screen: the rail, the pane of the current step, and the session that both belong to.

It turns what a pane posts into events of the session, and decides which step comes next. It does no work and
knows no step: those come in as step modules and pane classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer, Static

from screens.base import Opening, StepPane
from screens.finished import Finished
from screens.help import HelpScreen
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.problems import ProblemList
from screens.widgets.rail import RailEntry, StepRail
from workflows.errors import Cancelled, OnboardError, Problem
from workflows.machine.events import StepKey
from workflows.machine.rules import IllegalTransition
from workflows.machine.state import SETTLED, Status
from workflows.walk import Walk

_NARROW = 70


class WizardScreen(Screen[None]):
    """A session being walked.

    Args:
        walk: the session with its step modules.
        panes: the pane class of each step, by the step's id.
        at: the step to show first, or None for the one that the session proposes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next", "Next", id="wizard.next", priority=True, tooltip="Go on with this step"),
        Binding("escape", "back", "Back", id="wizard.back", tooltip="Stop what runs, or go back one step"),
        Binding("ctrl+s", "skip", "Skip", id="wizard.skip", priority=True, tooltip="Leave this step out"),
        Binding(
            "ctrl+r", "reopen", "Do again", id="wizard.reopen", priority=True, tooltip="Do a done step again"
        ),
        Binding("f1,question_mark", "help", "Help", id="wizard.help", tooltip="What this step is for"),
        Binding("f2", "rail", "Steps", id="wizard.rail", show=False, tooltip="Go to the list of steps"),
    ]
    DEFAULT_CSS = """
    WizardScreen #top { height: 1; background: $primary; color: $text; padding: 0 1; }
    WizardScreen #middle { height: 1fr; }
    WizardScreen #stage { width: 1fr; border-left: solid $primary-darken-2; }
    WizardScreen.-narrow StepRail { display: none; }
    """

    def __init__(self, walk: Walk, panes: Mapping[str, type[StepPane]], at: StepKey | None = None) -> None:
        super().__init__()
        self.walk = walk
        self._panes = panes
        self._first = at
        self.current: StepKey | None = None
        self._accepted: list[Problem] = []

    def compose(self) -> ComposeResult:
        yield Static(id="top", markup=False)
        with Horizontal(id="middle"):
            yield StepRail()
            yield Vertical(id="stage")
        yield Footer(compact=True)

    async def on_mount(self) -> None:
        await self.go_to(self._first or self.walk.session.proposal())

    def on_resize(self, event: Resize) -> None:
        """In a narrow terminal the rail gives its room to the step."""
        self.set_class(event.size.width < _NARROW, "-narrow")

    # -- where we are ------------------------------------------------------------------------------

    async def go_to(self, key: StepKey | None) -> None:
        """Show a step, or the closing page for None; the pane before is left and removed."""
        self.keep_draft_now()
        for pane in self.query(StepPane):
            pane.leave()
        stage = self.query_one("#stage")
        await stage.remove_children()
        self.current = key
        self._accepted = []
        if key is None:
            await stage.mount(Finished(self.walk))
            stage.children[0].focus()
        else:
            pane = self._panes[key.step](self._opening(key))
            await stage.mount(pane)
            self._focus(pane)
        self.refresh_rail()

    async def visit(self, key: StepKey) -> None:
        """Show a step because the person asked for it, unless something runs in the one that is shown."""
        if self.pane and self.pane.running_move:
            self.notify("Something is running here; esc stops it.", severity="warning")
            return
        await self.go_to(key)

    def keep_draft_now(self) -> None:
        """Keep the pane's input without waiting for a message: the application is about to end."""
        if self.pane is not None and self.current is not None:
            self._keep(self.pane.draft())

    def _keep(self, draft: Mapping[str, Any]) -> None:
        if draft and self.current is not None and self.walk.session.status(self.current) not in SETTLED:
            self.walk.session.drafts.save(self.current, draft)

    def _focus(self, pane: StepPane) -> None:
        """The first thing to fill in has the focus."""
        for widget in pane.query("*"):
            if widget.focusable:
                widget.focus()
                return
        self.query_one(StepRail).focus()

    def _opening(self, key: StepKey) -> Opening:
        session = self.walk.session
        status = session.status(key)
        return Opening(
            step=self.walk.module(key).STEP,
            title=self.walk.title(key),
            context=self.walk.context(key),
            draft=session.drafts.load(key),
            done=status is Status.DONE,
            note=self._note(key, status),
        )

    def _note(self, key: StepKey, status: Status) -> str:
        session = self.walk.session
        record = session.record(key)
        match status:
            case Status.LOCKED:
                return f"Waits: {session.refusal(key)}."
            case Status.STALE:
                return f"Out of date: {' and '.join(session.stale_reasons(key))} changed since this was done."
            case Status.INTERRUPTED:
                return "This was interrupted before it ended. Start it again with Next (^n)."
            case Status.FAILED if record:
                return f"The last try failed: {record.error.get('what', '')}"
            case Status.SKIPPED:
                return "You skipped this. ^r opens it again."
            case _:
                return ""

    def refresh_rail(self) -> None:
        """Bring the rail and the top line up to what the session says."""
        session = self.walk.session
        layout = session.layout()
        entries = [RailEntry(key, self.walk.module(key).STEP.title, session.status(key)) for key in layout]
        self.query_one(StepRail).show(session.state.workflow.title, entries, self.current)
        settled = sum(entry.status in SETTLED for entry in entries)
        parts = [
            "iam-onboard",
            str(session.facts().get("project", "")),
            self.current.item if self.current else "",
        ]
        line = " · ".join(part for part in parts if part) + f"   {settled} of {len(entries)} steps"
        self.query_one("#top", Static).update(
            f"{line}   SANDBOX, not AWS" if self.walk.world.sandbox else line
        )
        self.refresh_bindings()

    @property
    def pane(self) -> StepPane | None:
        """The pane that is shown, if it is one of a step."""
        found = self.query(StepPane)
        return found.first() if found else None

    # -- what the person does ----------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Hide the keys that mean nothing here."""
        if self.current is None:
            return action not in {"next", "skip", "reopen"}
        status = self.walk.session.status(self.current)
        if action == "skip":
            return self.walk.module(self.current).STEP.skippable and status not in SETTLED
        return status in SETTLED if action == "reopen" else True

    async def action_next(self) -> None:
        """Go on: with the pane's input, or to the next step when nothing changed in a done one."""
        pane, key = self.pane, self.current
        if pane is None or key is None or pane.running_move:
            return
        status = self.walk.session.status(key)
        if status in SETTLED and not pane.changed():
            await self.go_to(self._after(key))
            return
        if reason := (
            "" if status is Status.RUNNING or status in SETTLED else self.walk.session.refusal(key)
        ):
            self.notify(reason, severity="warning")
            return
        pane.advance()

    async def action_back(self) -> None:
        """Stop what runs, else go to the step before."""
        pane, key = self.pane, self.current
        if pane is not None and pane.stop_move():
            return
        layout = self.walk.session.layout()
        index = layout.index(key) if key in layout else len(layout)
        if index:
            await self.go_to(layout[index - 1])

    async def action_skip(self) -> None:
        """Leave the step out."""
        if self.current is None or (self.pane and self.pane.running_move):
            return
        try:
            self.walk.session.skip(self.current)
        except IllegalTransition as refusal:
            self.notify(f"{refusal}.", severity="warning")
            return
        await self.go_to(self._after(self.current))

    async def action_reopen(self) -> None:
        """Do a settled step again."""
        if self.current is not None and self.walk.session.status(self.current) in SETTLED:
            self.walk.session.reopen(self.current, "the person wanted to do it again")
            await self.go_to(self.current)

    def action_help(self) -> None:
        """Explain the step and its keys."""
        step = self.walk.module(self.current).STEP if self.current else None
        self.app.push_screen(HelpScreen(step.id if step else "", step.title if step else "The wizard", self))

    def action_rail(self) -> None:
        """Put the focus on the list of steps."""
        self.query_one(StepRail).focus()

    @on(StepRail.Chosen)
    async def _choose(self, message: StepRail.Chosen) -> None:
        await self.visit(message.key)

    def _after(self, key: StepKey) -> StepKey | None:
        """The step to go to from a settled one: the next that is open, else the next at all."""
        session = self.walk.session
        layout = session.layout()
        rest = layout[layout.index(key) + 1 :] if key in layout else layout
        for candidate in rest:
            if session.status(candidate) not in SETTLED:
                return candidate
        return session.proposal()

    # -- what the pane posts -----------------------------------------------------------------------

    @on(StepPane.DraftChanged)
    def _keep_draft(self, message: StepPane.DraftChanged) -> None:
        self._keep(message.draft)

    @on(StepPane.Begun)
    def _begin(self) -> None:
        self._start()

    @on(StepPane.ReopenWanted)
    async def _reopen(self) -> None:
        await self.action_reopen()

    @on(StepPane.Submitted)
    def _submit(self, message: StepPane.Submitted) -> None:
        pane, key = self.pane, self.current
        if pane is None or key is None:
            return
        problems = self.walk.module(key).validate(message.request, pane.context)
        pane.show_problems(problems)
        warnings = [problem for problem in problems if not problem.fatal]
        if len(warnings) < len(problems) or (warnings and warnings != self._accepted):
            self._accepted = warnings
            return
        self._start()
        self._perform(pane, key, message.request)

    def _perform(self, pane: StepPane, key: StepKey, request: Any) -> None:
        module, context = self.walk.module(key), pane.context
        pane.run_move("perform", lambda report: module.perform(request, context, report))

    def _start(self) -> None:
        """The current step begins, unless a move of its own began it already."""
        session, key = self.walk.session, self.current
        if key is None or session.status(key) is Status.RUNNING:
            return
        if session.status(key) in SETTLED:
            session.reopen(key, "it is done again with other input")
        session.start(key)
        self.refresh_rail()

    @on(StepPane.MoveDone)
    async def _moved(self, message: StepPane.MoveDone) -> None:
        key = self.current
        if message.name != "perform" or key is None:
            return
        self.walk.session.succeed(key, message.result)
        self.query_one(ProblemList).show([])
        await self.go_to(self._after(key))

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        session, key = self.walk.session, self.current
        of_the_step = message.journaled or message.name == "perform"
        if of_the_step and key is not None and session.status(key) is Status.RUNNING:
            session.fail(key, message.error.as_record())
        self.refresh_rail()
        if isinstance(message.error, Cancelled):
            self.notify(message.error.what)
            return
        self.show_error(message.error)

    def show_error(self, error: OnboardError) -> None:
        """Show a failure as a dialog."""
        self.app.push_screen(ErrorDialog(error, self.walk.world.clipboard.copy))

    def ask(self, title: str, body: str, yes: str, typed: str = "") -> Confirm:
        """A question in the wizard's manner, for panes to push."""
        return Confirm(title, body, yes, typed)
