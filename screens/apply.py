"""The apply's screen: what is going to be done, then how far it is, then how it ended."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import ProgressBar

from screens.base import Opening, StepPane
from screens.moments import told_moment
from screens.terraform_pane import TerraformPane
from screens.widgets.code_field import CodeField
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.pace_line import PaceLine
from screens.widgets.rail import StepRail
from screens.widgets.recovery_list import RecoveryList
from screens.widgets.run_log import ResourceList, RunLog
from screens.widgets.text import Button, Text
from workflows.core.sentences import joined, text_of
from workflows.machine.events import StepKey
from workflows.services.terraform.runner import Update
from workflows.steps import apply, new_passwords, plan, recovery, terraform_runs
from workflows.steps.apply import Outlook, Request
from workflows.steps.base import Progress
from workflows.steps.planned import decided
from workflows.steps.recovery import Repair

_LEFT = "The last apply may have left what the state does not know.\n  r shows it and what to do"


class ApplyPane(TerraformPane):
    """Next applies the accepted plan; an apply that runs already is attached to at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Log", id="apply.log", show=False, tooltip="Show or hide Terraform's own words"),
        Binding(
            "p", "to_plan", "Back to Plan", id="apply.plan", show=False, tooltip="Plan again what is left"
        ),
        Binding(
            "r",
            "recover",
            "Recover",
            id="apply.recover",
            show=False,
            tooltip="After a killed apply, or over what exists already: see what the state lacks",
        ),
    ]
    DEFAULT_CSS = """
    ApplyPane Static { height: auto; }
    ApplyPane #buttons .hidden { display: none; }
    ApplyPane.-recovering > #standing, ApplyPane.-recovering > #ended, ApplyPane.-recovering > #gone,
    ApplyPane.-recovering > #summary, ApplyPane.-recovering > ResourceList { display: none; }
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
        self._ended = ""
        self._repairing: Repair | None = None

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.world.now)
        yield Text("", id="standing")
        yield Text("", id="ended")
        yield Text("", id="gone")
        yield Text("", id="summary")
        yield ProgressBar(total=None, show_eta=False, id="done-so-far")
        yield PaceLine(lambda: self.context.world.now().timestamp())
        yield ResourceList()
        with Horizontal(id="buttons"):
            yield Button("Log (l)", id="show-log")
            yield Button("Back to Plan (p)", id="to-plan")
            yield Button("Recover (r)", id="recover", classes="hidden")
        yield RecoveryList()
        yield RunLog()

    def on_mount(self) -> None:
        super().on_mount()
        self._show()
        if not self.opening.done:
            self.run_move("look", self._look)

    def _look(self, report: Any) -> tuple[str, Outlook]:
        outlook = apply.look(self.context, report)
        nothing = outlook.begun or apply.nothing_to_do(self.context)
        rest = apply.time_needed(self.context)
        return ("" if nothing else terraform_runs.code_wanted(self.context, rest)), outlook

    # -- what is shown -----------------------------------------------------------------------------

    def _show(self) -> None:
        self.query_one("#standing", Text).update(self._standing())
        planned, done = self._planned, self.opening.done
        gone = [f"- {name} is removed for good" for name in planned.gone] if planned and not done else []
        reset = () if done else new_passwords.replaced(planned, self.context)
        gone += [f"! {name} gets a new password; the present one stops working" for name in reset]
        self.query_one("#gone", Text).update("\n".join(gone))
        self.query_one("#summary", Text).update(text_of(joined(planned.summary, "\n")) if planned else "")

    def _standing(self) -> str:
        if self.opening.done:
            return _told(self.context.facts.get("applied"), self.context.world.now())
        if words := apply.nothing_to_do(self.context):
            return f"✓ {words} Next (^n) goes on."
        outlook = self._outlook or Outlook(begun=False, refusal="")
        if outlook.refusal and outlook.recoverable:
            return f"! {_LEFT}, one by one; then p plans again for the rest."
        if outlook.refusal:
            return f"! {outlook.refusal}\n  p goes back to Plan."
        counts = self._planned.counts if self._planned else {}
        words = ", ".join(f"{number} to {word}" for word, number in counts.items())
        told = [
            f"Next (^n) applies exactly the plan you accepted: {words}.",
            "While it runs, esc stops it safely, and ^q leaves it running.",
        ]
        if outlook.recoverable:
            told.append(f"· {_LEFT}, if that was not done yet.")
        return "\n".join(told)

    def progressed(self, progress: Progress) -> None:
        update = progress.payload
        if not isinstance(update, Update):
            return
        self.query_one(RunLog).take(update)
        self.query_one(ResourceList).show(update.progress)
        if self.running_move == "perform":
            bar = self.query_one("#done-so-far", ProgressBar)
            bar.add_class("-shown")
            bar.update(total=update.progress.total or None, progress=update.progress.operations)
            self.query_one(PaceLine).show(update.progress.operations, update.progress.total)
        self.query_one("#summary").display = False

    # -- what comes back ---------------------------------------------------------------------------

    @on(StepPane.MoveDone)
    async def _moved(self, message: StepPane.MoveDone) -> None:
        if message.name == "log":
            self.query_one(RunLog).show_text(message.result)
        if message.name == "examine":
            self.add_class("-recovering")
            self.query_one(RecoveryList).show(message.result)
        if message.name == "repair":
            self.query_one(RecoveryList).tell(*message.result)
        if message.name != "look":
            return
        wanted, self._outlook = message.result
        await self.query_one(CodeField).want(wanted)
        self.query_one("#recover", Button).set_class(not self._outlook.recoverable, "hidden")
        self._show()
        lines = [*([self._ended] if self._ended else []), *(f"✗ {one}" for one in self._outlook.causes)]
        self.query_one("#ended", Text).update("\n".join(lines))
        self.query_one(PaceLine).begin(self._outlook.began_at)
        if self._outlook.begun or apply.nothing_to_do(self.context):
            self.post_message(self.Submitted(self.request()))

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name != "perform":
            return
        self._ended = f"! {message.error.what}\n  {message.error.next}"
        self.query_one("#ended", Text).update(self._ended)
        self.query_one(PaceLine).rest()
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
            more = "r recovers; " if self._outlook.recoverable else ""
            self.notify(f"{self._outlook.refusal} {more}p goes back to Plan.", severity="warning")
            return
        self._confirm_next()

    def _confirm_next(self) -> None:
        """Ask for the name of the next person who is removed; with all of them confirmed, apply."""
        missing = [one for one in (self._planned.gone if self._planned else ()) if one not in self._removals]
        if not missing:
            self._confirm_resets()
            return
        name = missing[0]

        def confirmed(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self._removals = (*self._removals, name)
            self._confirm_next()

        body = (
            f"{name} is removed from {self.context.item} for good, with the password, the access keys and "
            "the group memberships there. It cannot be undone."
        )
        ask(self, Confirm(f"Remove {name}?", body, "Remove", typed=name), confirmed)

    def _confirm_resets(self) -> None:
        """Say whose password stops working, once; with a yes, or without any, apply."""
        names = new_passwords.replaced(self._planned, self.context)

        def confirmed(_yes: bool = True) -> None:  # noqa: FBT001 - a dialog's answer
            code = self.query_one(CodeField).take()
            self.post_message(self.Submitted(Request(self._removals, code)))

        if not names:
            confirmed()
            return
        title, body = new_passwords.question(names, self.context.item)
        ask(self, Confirm(title, body, "Reset"), confirmed)

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

    @on(Button.Pressed, "#recover")
    def action_recover(self) -> None:
        """See what the last apply left, and what can be done about it."""
        if self._outlook is not None and self._outlook.recoverable:
            self.run_coded("examine", partial(recovery.examine, self.context))

    @on(RecoveryList.Wanted)
    def _repair(self, message: RecoveryList.Wanted) -> None:
        self._repairing = message.repair
        self._carry_out()

    def _carry_out(self) -> None:
        repair = self._repairing
        if repair is not None:
            carry_out = partial(recovery.carry_out, repair, self.context)
            self.run_coded("repair", lambda report, code: (repair, carry_out(report, code)))

    def try_again(self, move: str) -> None:
        """Go on with what a lock or an init stopped."""
        match move:
            case "examine":
                self.action_recover()
            case "repair":
                self._carry_out()
            case _:
                self.advance()

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
