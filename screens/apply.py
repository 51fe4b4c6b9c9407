"""The apply's screen: what is going to be done, then how far it is, then how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, ProgressBar, Static

from screens.base import Opening, StepPane
from screens.moments import told_moment
from screens.widgets.code_field import CodeField
from screens.widgets.dialogs import Confirm
from screens.widgets.rail import StepRail
from screens.widgets.run_log import ResourceList, RunLog
from workflows.machine.events import StepKey
from workflows.services.terraform.outcome import Update
from workflows.steps import apply, plan, terraform_runs
from workflows.steps.apply import Outlook, Request
from workflows.steps.base import Progress
from workflows.steps.planned import decided


class ApplyPane(StepPane):
    """Next applies the accepted plan; an apply that runs already is attached to at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Log", id="apply.log", show=False, tooltip="Show or hide Terraform's own words"),
        Binding(
            "p", "to_plan", "Back to Plan", id="apply.plan", show=False, tooltip="Plan again what is left"
        ),
    ]
    DEFAULT_CSS = """
    ApplyPane Static { height: auto; }
    ApplyPane ProgressBar { width: 100%; display: none; margin-top: 1; }
    ApplyPane ProgressBar.-shown { display: block; }
    ApplyPane ProgressBar Bar { width: 1fr; }
    ApplyPane #gone { color: $text-error; }
    ApplyPane #ended { color: $text-warning; }
    ApplyPane #buttons { height: auto; margin-top: 1; }
    ApplyPane #buttons Button { margin-right: 2; min-width: 8; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._planned = decided(opening.context)
        self._removals: tuple[str, ...] = ()
        self._outlook: Outlook | None = None

    def compose_body(self) -> ComposeResult:
        yield CodeField()
        yield Static("", id="standing", markup=False)
        yield Static("", id="ended", markup=False)
        yield Static("", id="gone", markup=False)
        yield Static("", id="summary", markup=False)
        yield ProgressBar(total=None, show_eta=False, id="done-so-far")
        yield ResourceList()
        with Horizontal(id="buttons"):
            yield Button("Log (l)", id="show-log", compact=True)
            yield Button("Back to Plan (p)", id="to-plan", compact=True)
        yield RunLog()

    def on_mount(self) -> None:
        super().on_mount()
        self._show()
        if not self.opening.done:
            self.run_move("look", self._look)

    def _look(self, report: Any) -> tuple[str, Outlook]:
        outlook = apply.look(self.context, report)
        nothing = outlook.begun or apply.nothing_to_do(self.context)
        return ("" if nothing else terraform_runs.code_wanted(self.context)), outlook

    # -- what is shown -----------------------------------------------------------------------------

    def _show(self) -> None:
        self.query_one("#standing", Static).update(self._standing())
        planned, done = self._planned, self.opening.done
        gone = [f"- {name} is removed for good" for name in planned.gone] if planned and not done else []
        self.query_one("#gone", Static).update("\n".join(gone))
        self.query_one("#summary", Static).update("\n".join(planned.summary) if planned else "")

    def _standing(self) -> str:
        if self.opening.done:
            return _told(self.context.facts.get("applied"), self.context.world.now())
        if words := apply.nothing_to_do(self.context):
            return f"✓ {words} Next (^n) goes on."
        if self._outlook is not None and self._outlook.refusal:
            return f"! {self._outlook.refusal}\n  p goes back to Plan."
        counts = self._planned.counts if self._planned else {}
        words = ", ".join(f"{number} to {word}" for word, number in counts.items())
        return (
            f"Next (^n) applies exactly the plan you accepted: {words}.\n"
            "While it runs, esc stops it safely, and ^q leaves it running."
        )

    def progressed(self, progress: Progress) -> None:
        update = progress.payload
        if not isinstance(update, Update):
            return
        self.query_one(RunLog).take(update)
        self.query_one(ResourceList).show(update.progress)
        bar = self.query_one("#done-so-far", ProgressBar)
        bar.add_class("-shown")
        bar.update(total=update.progress.total or None, progress=update.progress.operations)
        self.query_one("#summary").display = False

    # -- what comes back ---------------------------------------------------------------------------

    @on(StepPane.MoveDone)
    def _moved(self, message: StepPane.MoveDone) -> None:
        if message.name == "log":
            self.query_one(RunLog).show_text(message.result)
        if message.name != "look":
            return
        wanted, self._outlook = message.result
        self.query_one(CodeField).want(wanted)
        self._show()
        if self._outlook.begun or apply.nothing_to_do(self.context):
            self.post_message(self.Submitted(self.request()))

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name != "perform":
            return
        self.query_one("#ended", Static).update(f"! {message.error.what}\n  {message.error.next}")
        self.query_one("#done-so-far").remove_class("-shown")
        self.run_worker(self._look_again())

    async def _look_again(self) -> None:
        self.run_move("look", self._look)

    # -- what the person does ----------------------------------------------------------------------

    def advance(self) -> None:
        if self._outlook is None:
            self.run_move("look", self._look)
            return
        if self._outlook.refusal:
            self.notify(f"{self._outlook.refusal} p goes back to Plan.", severity="warning")
            return
        self._confirm_next()

    def _confirm_next(self) -> None:
        """Ask for the name of the next person who is removed; with all of them confirmed, apply."""
        missing = [one for one in (self._planned.gone if self._planned else ()) if one not in self._removals]
        if not missing:
            code = self.query_one(CodeField).take()
            self.post_message(self.Submitted(Request(self._removals, code)))
            return
        name = missing[0]

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual's callback
            if yes:
                self._removals = (*self._removals, name)
                self._confirm_next()

        body = (
            f"{name} is removed from {self.context.item} for good, with the password, the access keys and "
            "the group memberships there. It cannot be undone."
        )
        self.app.push_screen(Confirm(f"Remove {name}?", body, "Remove", typed=name), answered)

    @on(Button.Pressed, "#show-log")
    def action_log(self) -> None:
        """Show or hide Terraform's own words."""
        log = self.query_one(RunLog)
        log.toggle_class("-shown")
        if log.has_class("-shown"):
            log.focus()
            self.call_after_refresh(log.scroll_visible, animate=False)
            if not log.lines and not self.running_move:
                self.run_move("log", lambda _report: plan.log_text(self.context, "apply"))

    @on(Button.Pressed, "#to-plan")
    def action_to_plan(self) -> None:
        """Go back to Plan."""
        self.post_message(StepRail.Chosen(StepKey("plan", self.context.item)))

    def changed(self) -> bool:
        """A plan that was applied is left alone."""
        return False

    def request(self) -> Request:
        return Request(self._removals)


def _told(applied: Any, now: datetime) -> str:
    if not applied:
        return ""
    if applied["elsewhere"]:
        return "✓ Applied elsewhere. Next (^n) goes on."
    words = f"{applied['added']} added, {applied['changed']} changed, {applied['destroyed']} destroyed"
    return f"✓ Applied {told_moment(applied['at'], now)}: {words}. Next (^n) goes on."
