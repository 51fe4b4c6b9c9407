"""The apply's screen: what is going to be done, then how far it is, then how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import ProgressBar

from screens.step.page import Opening, StepPane
from screens.step.terraform import TerraformPane
from screens.step.times import told_moment
from screens.widgets.code_field import CodeField
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.rail import StepRail
from screens.widgets.run_log import ResourceList, RunLog
from screens.widgets.text import Button, Option, OptionList, Text
from workflows.core.sentences import Sentence, joined, text_of
from workflows.machine.events import StepKey
from workflows.steps.admin import apply, new_passwords, recovery, terraform_runs
from workflows.steps.admin.accepted_plan import decided
from workflows.steps.admin.apply import Outlook, Request
from workflows.steps.admin.recovery import Repair, Told
from workflows.steps.shared.module import Progress, Report
from workflows.terraform.runner import Update


class RecoveryList(Vertical):
    """Repairs with a mark each; Enter asks for the one under the cursor to be carried out."""

    DEFAULT_CSS = """
    RecoveryList { height: auto; display: none; margin-top: 1; }
    RecoveryList.-shown { display: block; }
    RecoveryList OptionList { height: auto; max-height: 6; border: none; padding: 0; }
    RecoveryList #repair-why { color: $text-muted; margin-top: 1; }
    """

    @dataclass
    class Wanted(Message):
        """The person pressed Enter on a repair."""

        repair: Repair

    def __init__(self) -> None:
        super().__init__(id="recovery")
        self._repairs: list[Repair] = []
        self._told: dict[Repair, Sentence] = {}

    def compose(self) -> ComposeResult:
        yield Text("", id="recovery-words")
        yield OptionList(id="repairs")
        yield Text("", id="repair-why")

    @property
    def left(self) -> list[Repair]:
        """The repairs that were not carried out yet."""
        return [one for one in self._repairs if one not in self._told]

    def show(self, repairs: tuple[Repair, ...]) -> None:
        """Show what was found."""
        self._repairs, self._told = list(repairs), {}
        self.add_class("-shown")
        self._draw()
        self.query_one(OptionList).focus()

    def tell(self, repair: Repair, told: Told) -> None:
        """Say how one went, and put what has to follow it below it."""
        self._told[repair] = told.words
        if told.follow_up is not None and told.follow_up not in self._repairs:
            self._repairs.insert(self._repairs.index(repair) + 1, told.follow_up)
        self._draw()

    def _draw(self) -> None:
        left, options = self.left, self.query_one(OptionList)
        options.clear_options()
        for number, one in enumerate(self._repairs):
            options.add_option(Option(self._line(one), str(number)))
        if not self._repairs:
            words = "✓ Nothing is left to be recovered. p plans again."
        elif left:
            words = (
                f"{len(left)} of {len(self._repairs)} left. Enter runs the one under the cursor, no other."
            )
        else:
            words = "✓ All of it is done. p plans again."
        self.query_one("#recovery-words", Text).update(words)
        options.display = bool(self._repairs)
        if left:
            options.highlighted = self._repairs.index(left[0])
        self._explain(left[0] if left else None)

    def _line(self, repair: Repair) -> str:
        told = self._told.get(repair)
        return f"✓ {repair.title}: {told}" if told else f"· {repair.title}"

    def _explain(self, repair: Repair | None) -> None:
        words = f"{repair.command or repair.address}\n{repair.why}" if repair else ""
        self.query_one("#repair-why", Text).update(words)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what the one under the cursor is for."""
        event.stop()
        self._explain(self._repairs[int(event.option_id or 0)])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Ask for it to be carried out, once."""
        event.stop()
        repair = self._repairs[int(event.option_id or 0)]
        if repair not in self._told:
            self.post_message(self.Wanted(repair))


def remaining_seconds(done: int, total: int, elapsed: float) -> float | None:
    """About how long the rest takes at the pace so far; None while too little is done to tell.

    Args:
        done: operations that are finished.
        total: operations in all.
        elapsed: seconds so far.
    """
    if done < 3 or total <= 0 or elapsed <= 0:
        return None
    return elapsed / done * max(0, total - done)


class PaceLine(Text):
    """One line: done of all, elapsed, and the estimate.

    Args:
        now: the clock, in seconds since the epoch.
    """

    DEFAULT_CSS = """
    PaceLine { height: 1; display: none; color: $text-muted; }
    PaceLine.-shown { display: block; }
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__("", id="pace")
        self._now = now
        self._began_at: float | None = None
        self._done = self._total = 0

    def on_mount(self) -> None:
        """Tick once a second."""
        self.set_interval(1, self._tell)

    def begin(self, began_at: float | None) -> None:
        """Count from a moment; None counts from the first progress on."""
        self._began_at = began_at

    def show(self, done: int, total: int) -> None:
        """Take in how far it is."""
        self._done, self._total = done, total
        if self._began_at is None:
            self._began_at = self._now()
        self.add_class("-shown")
        self._tell()

    def rest(self) -> None:
        """It is over."""
        self._began_at = None
        self.remove_class("-shown")

    def _tell(self) -> None:
        if self._began_at is None or not self.has_class("-shown"):
            return
        elapsed = max(0.0, self._now() - self._began_at)
        left = remaining_seconds(self._done, self._total, elapsed)
        estimate = f" · about {_lasting(left)} left" if left else ""
        self.update(f"{self._done} of {self._total} done · {_lasting(elapsed)} so far{estimate}")


def _lasting(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


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
    LOG = "apply"
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
        self._show()
        if not self.opening.done:
            self._look()

    def _look(self) -> None:
        def work(report: Report) -> tuple[str, Outlook]:
            outlook = apply.look(self.context, report)
            nothing = outlook.begun or apply.nothing_to_do(self.context)
            rest = apply.time_needed(self.context)
            return ("" if nothing else terraform_runs.code_wanted(self.context, rest)), outlook

        self.run_move("look", work, self._looked, looks=True)

    # -- what is shown -----------------------------------------------------------------------------

    def _show(self) -> None:
        self.query_one("#standing", Text).update(self._standing())
        planned, done = self._planned, self.opening.done
        gone = [f"- {name} is removed for good" for name in planned.gone] if planned and not done else []
        reset = () if done else new_passwords.replaced(planned.passwords if planned else (), self.context)
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

    async def _looked(self, looked: tuple[str, Outlook]) -> None:
        wanted, self._outlook = looked
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
        self.call_later(self._look)

    # -- what the person does ----------------------------------------------------------------------

    def advance(self) -> None:
        if self._outlook is None:
            self._look()
        elif self._outlook.refusal:
            more = "r recovers; " if self._outlook.recoverable else ""
            self.notify(f"{self._outlook.refusal} {more}p goes back to Plan.", severity="warning")
        else:
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
        names = new_passwords.replaced(self._planned.passwords if self._planned else (), self.context)

        def confirmed(_yes: bool = True) -> None:  # noqa: FBT001 - a dialog's answer
            code = self.query_one(CodeField).take()
            self.post_message(self.Submitted(Request(self._removals, code)))

        if not names:
            confirmed()
            return
        title, body = new_passwords.question(names, self.context.item)
        ask(self, Confirm(title, body, "Reset"), confirmed)

    @on(Button.Pressed, "#to-plan")
    def action_to_plan(self) -> None:
        """Go back to Plan."""
        self.post_message(StepRail.Chosen(StepKey("plan", self.context.item)))

    @on(Button.Pressed, "#recover")
    def action_recover(self) -> None:
        """See what the last apply left, and what can be done about it."""

        def show(repairs: tuple[Repair, ...]) -> None:
            self.add_class("-recovering")
            self.query_one(RecoveryList).show(repairs)

        if self._outlook is not None and self._outlook.recoverable:
            self.run_coded("examine", partial(recovery.examine, self.context), show)

    @on(RecoveryList.Wanted)
    def _repair(self, message: RecoveryList.Wanted) -> None:
        self._repairing = message.repair
        self._carry_out()

    def _carry_out(self) -> None:
        if repair := self._repairing:
            tell = partial(self.query_one(RecoveryList).tell, repair)
            self.run_coded("repair", partial(recovery.carry_out, repair, self.context), tell)

    def try_again(self, move: str) -> None:
        """Continue what a lock or an init stopped."""
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
