"""The apply's screen: what will be done, then its progress, then its result."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from screens.step.page import TALL, YOURS, Opening, Primary, StepPane, Turn
from screens.step.terraform import COMPARE, PlanTable, RunLog, TerraformPane, amounts, cut
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.fields import CodeField
from screens.widgets.progress import ProgressLine
from screens.widgets.rail import StepRail
from screens.widgets.text import Button, ButtonRow, Option, OptionList, Text, in_line, sized, styled
from workflows.core.grouping import by_key
from workflows.core.sentences import (
    Cancelled,
    Sentence,
    capitalized,
    count,
    joined,
    listed,
    moment_text,
    text_of,
)
from workflows.machine.events import StepKey
from workflows.steps.admin import apply, recovery, terraform_runs
from workflows.steps.admin.accepted_plan import Planned, decided, nothing_changed
from workflows.steps.admin.deactivate import Appeared
from workflows.steps.shared.module import Context, Progress, Report
from workflows.terraform.events import OPERATIONS, Progress as Applying
from workflows.terraform.plan import ACCESS_KEY, GROUP_MEMBERS, LOGIN_PROFILE, USER, Sort
from workflows.terraform.runner import Update


class RecoveryList(Vertical):
    """Repairs, each with a mark; Enter asks to carry out the selected one."""

    DEFAULT_CSS = """
    RecoveryList { height: auto; display: none; }
    RecoveryList.-shown { display: block; }
    RecoveryList OptionList { height: auto; max-height: 6; }
    RecoveryList #repair-why { color: $text-muted; margin-top: 1; }
    """

    @dataclass
    class Wanted(Message):
        """The user pressed Enter on a repair."""

        repair: recovery.Repair

    def __init__(self) -> None:
        super().__init__(
            Text("", id="recovery-words"),
            OptionList(id="repairs"),
            Text("", id="repair-why"),
            id="recovery",
        )
        self._repairs: list[recovery.Repair] = []
        self._outcomes: dict[recovery.Repair, Sentence] = {}

    @property
    def left(self) -> list[recovery.Repair]:
        """The repairs not carried out yet."""
        return [repair for repair in self._repairs if repair not in self._outcomes]

    def show(self, repairs: tuple[recovery.Repair, ...]) -> None:
        """Show the repairs found."""
        self._repairs, self._outcomes = list(repairs), {}
        self.add_class("-shown")
        self._draw()
        self.query_one(OptionList).focus()

    def run(self) -> None:
        """Ask to carry out the selected repair, or the first one left if that is done."""
        selected = self._repairs[self.query_one(OptionList).highlighted or 0]
        self.post_message(self.Wanted(self.left[0] if selected in self._outcomes else selected))

    def tell(self, repair: recovery.Repair, outcome: recovery.Outcome) -> None:
        """Show a repair's outcome, and its follow-up below it."""
        self._outcomes[repair] = outcome.words
        if outcome.follow_up is not None and outcome.follow_up not in self._repairs:
            self._repairs.insert(self._repairs.index(repair) + 1, outcome.follow_up)
        self._draw()

    def _draw(self) -> None:
        left, options = self.left, self.query_one(OptionList)
        options.clear_options()
        for number, repair in enumerate(self._repairs):
            options.add_option(Option(self._line(repair), str(number)))
        if not self._repairs:
            words = "✓ Nothing is left to recover. Plan again."
        elif left:
            words = f"{len(left)} of {len(self._repairs)} left. Enter runs only the selected one."
        else:
            words = "✓ All done. Plan again."
        self.query_one("#recovery-words", Text).update(words)
        options.display = bool(self._repairs)
        if left:
            options.highlighted = self._repairs.index(left[0])
        self._explain(left[0] if left else None)

    def _line(self, repair: recovery.Repair) -> str:
        outcome = self._outcomes.get(repair)
        return f"✓ {repair.title}: {outcome}" if outcome else f"· {repair.title}"

    def _explain(self, repair: recovery.Repair | None) -> None:
        words = f"{repair.command or repair.address}\n{repair.why}" if repair else ""
        self.query_one("#repair-why", Text).update(words)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Explain the selected repair."""
        event.stop()
        self._explain(self._repairs[int(event.option_id or 0)])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Ask to carry out the selected repair, once."""
        event.stop()
        repair = self._repairs[int(event.option_id or 0)]
        if repair not in self._outcomes:
            self.post_message(self.Wanted(repair))


def remaining_seconds(done: int, total: int, elapsed: float) -> float | None:
    """Estimate the remaining seconds at the current pace; None while too little is done.

    Args:
        done: the number of resources done.
        total: the number of all resources.
        elapsed: seconds so far.
    """
    if done < 3 or total <= 0 or elapsed <= 0:
        return None
    return elapsed / done * max(0, total - done)


class PaceLine(Text):
    """One line: a bar, done of all, elapsed time, and the estimate.

    Args:
        now: the clock, in seconds since the epoch.
    """

    DEFAULT_CSS = """
    PaceLine { height: 1; display: none; margin-bottom: 1; }
    PaceLine.-shown { display: block; }
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__("", id="pace")
        self._now = now
        self._began_at: float | None = None
        self._done = self._total = 0

    def on_mount(self) -> None:
        self.set_interval(1, self._tell)

    def begin(self, began_at: float | None) -> None:
        """Count from a time; None counts from the first progress on."""
        self._began_at = began_at

    def show(self, done: int, total: int) -> None:
        self._done, self._total = done, total
        if self._began_at is None:
            self._began_at = self._now()
        self.set_class(total > 0, "-shown")
        self._tell()

    def rest(self) -> None:
        self._began_at = None
        self.remove_class("-shown")

    def _tell(self) -> None:
        if self._began_at is None or not self.has_class("-shown"):
            return
        elapsed = max(0.0, self._now() - self._began_at)
        left = remaining_seconds(self._done, self._total, elapsed)
        estimate = f" · about {_lasting(left)} left" if left else ""
        full = _BAR_CELLS * min(self._done, self._total) // self._total
        every = count(self._total, "resource")  # several people's changes may be in one
        progress = f"   {self._done} of {every} done · {_lasting(elapsed)}{estimate}"
        bar = ("━" * full, "$accent"), ("─" * (_BAR_CELLS - full), "$text-muted")
        self.update(styled(*bar, (progress, "")))


def _lasting(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


class PeopleProgress(Text):
    """The progress of an apply, one line per person, and one for everything else."""

    DEFAULT_CSS = """
    PeopleProgress { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, progress: Applying, owners: Mapping[str, tuple[str, ...]], most: int) -> None:
        """Show the progress; if people don't fit, unfinished ones come first.

        Args:
            progress: Terraform's reports so far.
            owners: address -> the people that a resource of the plan belongs to.
            most: the maximum number of lines.
        """
        theirs = by_key(
            (name, address)
            for address, people in owners.items()
            if progress.planned.get(address, "create") in OPERATIONS
            for name in people or (_OTHERS,)
        )
        over = frozenset(progress.done)
        stands = [(*_stand(progress, addresses, over), name) for name, addresses in theirs.items()]
        if len(stands) > most:
            stands.sort(key=lambda stand: "✗…·✓".index(stand[0]))
        width = max((cell_len(name) for name in theirs), default=0)
        lines = [
            styled((mark, _MARKS[mark]), (f" {sized(name, width)}   {words}", ""))
            for mark, words, name in stands[:most]
        ]
        if len(stands) > most:
            done = sum(mark == "✓" for mark, _, _ in stands[most:])
            rest = f"  and {len(stands) - most} more" + (f", {done} done" if done else "")
            lines.append(styled((rest, "$text-muted")))
        self.update(in_line(lines, "\n"))


def _stand(progress: Applying, addresses: Sequence[str], over: Collection[str]) -> tuple[str, str]:
    """Return a mark, and the progress with these resources."""
    done = sum(address in over for address in addresses)
    failed = [_kind(address) for address in progress.failed if address in addresses]
    running = [
        f"{_kind(address)}, {seconds:.0f} s"
        for address, seconds in progress.running.items()
        if address in addresses
    ]
    mark = "✗" if failed else "…" if running else "✓" if done == len(addresses) else "·"
    parts = [f"{', '.join(failed)} failed"] if failed else running[:1]
    return mark, "   ".join([f"{done} of {count(len(addresses), 'change')}", *parts])


def _kind(address: str) -> str:
    """Return a resource's kind for people who don't know Terraform; its address if it has no such word."""
    return next((words for kind, words in _KINDS.items() if f"{kind}." in address), address)


_OTHERS = "other resources"
_MARKS = {"✗": "$error", "…": "$warning", "✓": "$success", "·": "$text-muted"}
_KINDS = {USER: "user", LOGIN_PROFILE: "password", ACCESS_KEY: "access key", GROUP_MEMBERS: "groups"}
_BAR_CELLS = 24
_LINES = {False: 7, True: 18}
"""The number of lines for people, by whether the terminal is tall."""
_MOST_BESIDES = 4
_LEFT = "The last apply may have created something that isn't in the state."
_KEPT = "AWS kept a user who is still in use"
_APPEARED = "Something of theirs changed after Deactivate"
_ALONE = "The apply ended while iam-onboard was closed."
_RUNNING = "esc stops it safely. If you quit (^q), the apply continues by itself."


class ApplyPane(TerraformPane):
    """Next asks, then applies the accepted plan; a running apply is attached to at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Log", id="apply.log", show=False, tooltip="Show or hide Terraform's output"),
        Binding("k", "compare", "Compare", id="apply.compare", show=False, tooltip=COMPARE),
        Binding("p", "to_plan", "Back to Plan", id="apply.plan", show=False, tooltip="Plan what is left"),
        Binding(
            "d",
            "deactivate",
            "Deactivate",
            id="apply.deactivate",
            show=False,
            tooltip="After AWS kept a user who is in use: show and remove what they still have",
        ),
        Binding(
            "r",
            "recover",
            "Recover",
            id="apply.recover",
            show=False,
            tooltip="After an interrupted apply, or if things exist already: show what the state lacks",
        ),
    ]
    LOG = "apply"
    DEFAULT_CSS = """
    ApplyPane Static { height: auto; }
    ApplyPane .hidden { display: none; }
    ApplyPane.-recovering > .summary, ApplyPane.-applying > .before { display: none; }
    ApplyPane #standing, ApplyPane #ended { margin-bottom: 1; }
    ApplyPane #gone, ApplyPane #not-compared, ApplyPane #ended { color: $text-warning; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._planned = decided(opening.context)
        self._outlook: apply.Outlook | None = None
        self._ended = ""
        self._advice: Sentence = ""
        self._runs = self._begun_here = False
        self._progress = Applying()

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.environment.now)
        yield Text("", id="standing", classes="summary")
        yield Text("", id="ended", classes="summary -standing -empty")
        yield ButtonRow(Button("Deactivate", id="deactivate", key="d"), id="in-use", classes="hidden")
        yield PlanTable(classes="summary before")
        yield Text("", id="gone", classes="summary before -empty")
        yield Text("", id="not-compared", classes="summary before -empty")
        yield PaceLine(lambda: self.context.environment.now().timestamp())
        yield PeopleProgress(id="progress", classes="summary")
        yield ButtonRow(
            Button("Log", id="show-log", key="l"),
            Button("Back to Plan", id="to-plan", key="p"),
            Button("Compare", id="compare", key="k"),
            Button("Recover", id="recover", key="r", classes="hidden"),
        )
        yield RecoveryList()
        yield RunLog()

    def on_mount(self) -> None:
        self.query_one(ProgressLine).counts = False
        self._show()
        if not (self.opening.done or self.opening.asks or self.opening.skipped):
            self.look_again()

    def look_again(self) -> None:
        def work(report: Report) -> tuple[str, apply.Outlook]:
            outlook = apply.survey(self.context, report)
            nothing = outlook.begun or apply.nothing_to_do(self.context)
            return ("" if nothing else terraform_runs.code_wanted(self.context)), outlook

        self.run_move("look", work, self._plan_checked, looks=True)

    def primary(self) -> Primary:
        outlook = self._outlook
        if self._planned is None or self._planned.empty:
            return Primary("Continue")
        if outlook is None:
            return Primary("Check the plan", act=self.look_again)
        if outlook.refusal and outlook.recoverable and not self.has_class("-recovering"):
            return Primary("Recover", act=self.action_recover)
        if self.query_one(RecoveryList).left:
            return Primary("Run the selected repair", act=self.query_one(RecoveryList).run)
        if outlook.refusal or self.has_class("-recovering"):
            return Primary("Go back to Plan", act=self.action_to_plan)
        if outlook.begun:
            return Primary("See how it ended")
        ask_first = partial(self._confirm, self._planned, self._planned.gone)
        return Primary(f"Apply to {self.context.item}", act=ask_first)

    def doubted(self) -> Collection[str]:
        return self._outlook.doubts.keys() if self._outlook else ()

    def turn(self) -> Turn:
        ready = self._outlook is not None and not self._ended and not self._outlook.refusal
        return Turn("This plan isn't applied yet") if ready and not self.opening.done else YOURS

    # -- display -----------------------------------------------------------------------------------

    def _show(self) -> None:
        planned, done = self._planned, self.opening.done or self.opening.asks
        self.query_one(PlanTable).show(planned)
        outlook = self._outlook or apply.Outlook()
        self.offer_comparison(outlook.doubts.values())
        advised = outlook.refusal and not outlook.recoverable
        ended = text_of(joined((self._ended, "" if advised else self._advice), "\n  "))
        last_try = [*([ended] if ended else []), *(f"✗ {cause}" for cause in outlook.causes)]
        self.show_texts(
            standing=self._standing(),
            gone=_losses(planned) if planned and not done else [],
            ended=[] if self.running_move == "perform" else last_try,
        )

    def _standing(self) -> list[str]:
        if self.opening.done or self.opening.asks:
            return _end_lines(self.context.facts.get("applied"), self.context.environment.now())
        if self.running_move == "perform":
            return [_RUNNING] if self._runs else []
        if self.opening.skipped:
            return []  # the note says so
        if words := apply.nothing_to_do(self.context):
            return [f"✓ {words}"]
        outlook = self._outlook or apply.Outlook()
        if outlook.refusal:
            said = outlook.stands and outlook.causes and not outlook.recoverable  # below, with who is done
            return [] if said else [f"! {_LEFT if outlook.recoverable else outlook.refusal}"]
        if outlook.recoverable:
            return [f"! {_LEFT} r shows it."]
        return [] if self._ended else ["iam-onboard asks you to confirm before it starts."]

    def progressed(self, progress: Progress) -> None:
        performs = self.running_move == "perform"
        if performs and not self.has_class("-applying"):
            self.add_class("-applying")
            self._show()
        update = progress.payload
        if not isinstance(update, Update):
            return
        self.query_one(RunLog).take(update)
        if performs and not self._runs:
            self._runs = True  # Terraform is at work: only from now on it can be left alone
            self._show()
        if performs and self._planned is not None:
            self._progress = update.progress
            total = update.progress.total or len(self._planned.owners)
            self.query_one(PaceLine).show(len(update.progress.done), total)
            self._show_people(self._planned)

    def _show_people(self, planned: Planned) -> None:
        lines = _LINES[self.app.size.height >= TALL]
        self.query_one(PeopleProgress).show(self._progress, planned.owners, lines)

    # -- results -----------------------------------------------------------------------------------

    async def _plan_checked(self, looked: tuple[str, apply.Outlook]) -> None:
        wanted, self._outlook = looked
        await self.query_one(CodeField).want(wanted)
        returns = self.opening.interrupted or self._outlook.causes
        if returns and self._outlook.stands and not self._ended:
            self.drop_note()  # the apply's own result says more
            alone = f"{_ALONE} " if self.opening.interrupted else ""
            self._ended = f"! {alone}{self._outlook.stands}"
        self.query_one("#recover", Button).set_class(not self._outlook.recoverable, "hidden")
        self.query_one("#in-use").set_class(not self._outlook.in_use, "hidden")
        self.post_message(self.Looked("plan", bool(self._outlook.refusal)))
        self._show()
        self.query_one(PaceLine).begin(self._outlook.began_at)
        failed = bool(self._ended)  # its result couldn't be recorded: don't retry automatically
        if (self._outlook.begun and not failed) or apply.nothing_to_do(self.context):
            self.submit()
        elif not wanted:
            self.focus_primary()

    @on(StepPane.MoveDone)
    def _done(self, message: StepPane.MoveDone) -> None:
        applied = message.result.get("applied") if message.name == "perform" else None
        if message.name == "perform":
            self.query_one(PaceLine).rest()
            self.query_one("#standing", Text).show_lines([])
        if applied and not applied["elsewhere"]:
            item = self.context.item
            did = f"Applied to {item}: {_amounts_of(applied)}."
            self.parting = f"✓ {item}: nothing to change." if nothing_changed(applied) else f"✓ {did}"
            if self._ended_alone:
                self.parting = f"✓ The apply finished while iam-onboard was closed. {did}"

    @property
    def _ended_alone(self) -> bool:
        """Whether the apply had started and ended before this page looked at it."""
        return self._outlook is not None and self._outlook.ended and not self._begun_here

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name != "perform":
            return
        self._runs = False
        if isinstance(message.error, Appeared):
            self._open_deactivate(_APPEARED)
        message.shown = isinstance(message.error, Cancelled)  # the page shows it permanently
        alone = f"{_ALONE} " if self._ended_alone else ""
        self._ended, self._advice = f"! {alone}{message.error.what}", message.error.next
        self.query_one(PaceLine).rest()
        if self.has_class("-applying") and self._planned is not None:
            self._progress = replace(self._progress, running={})
            self._show_people(self._planned)
        self.call_later(self.look_again)

    # -- actions -----------------------------------------------------------------------------------

    def _confirm(self, planned: Planned, left: Sequence[str]) -> None:
        """Ask whether to apply; names of people being removed must be typed one after the other."""

        def confirmed(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            if left[1:]:
                self._confirm(planned, left[1:])
            else:
                self._begun_here = True
                code = self.query_one(CodeField).take()
                self.post_message(self.Submitted(replace(self.request(), code=code)))

        name = left[0] if left else ""
        number = len(planned.gone)
        nth = f" ({number - len(left) + 1} of {number})" if name and number > 1 else ""
        title = f"Remove {name} from {self.context.item}?{nth}" if name else f"Apply to {self.context.item}?"
        outlook = self._outlook or apply.Outlook()
        warnings = (*self.not_compared(), *outlook.doubts.values(), *outlook.replaces)
        body = _question(planned, self.context, outlook.account_id, warnings)
        ask(self, Confirm(title, body, "Apply", typed=name, no="Not yet"), confirmed)

    @on(Button.Pressed, "#to-plan")
    def action_to_plan(self) -> None:
        self.post_message(StepRail.Chosen(StepKey("plan", self.context.item)))

    @on(Button.Pressed, "#deactivate")
    def action_deactivate(self) -> None:
        """Show there what AWS kept the user for."""
        if self._outlook is not None and self._outlook.in_use:
            self._open_deactivate(_KEPT)

    def _open_deactivate(self, reason: str) -> None:
        """Open that step again: what it found no longer holds."""
        self.post_message(self.DoneNoMore(reason, str(StepKey("deactivate", self.context.item))))

    @on(Button.Pressed, "#recover")
    def action_recover(self) -> None:
        """Show what the last apply left, and what can be done about it."""

        def show(repairs: tuple[recovery.Repair, ...]) -> None:
            self.add_class("-recovering")
            self.query_one(RecoveryList).show(repairs)

        if self._outlook is not None and self._outlook.recoverable:
            self.run_coded("examine", partial(recovery.examine, self.context), show)

    @on(RecoveryList.Wanted)
    def _repair(self, message: RecoveryList.Wanted) -> None:
        tell = partial(self.query_one(RecoveryList).tell, message.repair)
        self.run_coded("repair", partial(recovery.carry_out, message.repair, self.context), tell)

    def changed(self) -> bool:
        """Return False if the plan was applied, so that it is left alone."""
        return False

    def request(self) -> apply.Request:
        return apply.Request(self._planned.gone if self._planned else ())


def _losses(planned: Planned) -> list[str]:
    """Describe what people lose through a plan, one line each."""
    gone = [f"- {name} is removed for good; their credentials here stop working." for name in planned.gone]
    return [
        *gone,
        *(f"! {name} gets a new password; the one in use stops working." for name in planned.reset),
    ]


def _question(planned: Planned, context: Context, account_id: str, warnings: Sequence[Sentence]) -> str:
    """Describe the effect of a yes: account, counts, people and other changes."""
    people = listed([person.name for person in planned.people], 6)
    account = f"{context.item} {account_id}".strip()
    lines = [f"In {account}: {amounts(planned.counts)}.", *([f"For {people}."] if people else [])]
    besides = [line for line in planned.besides if line.sort is not Sort.OUTPUT]
    lines += [f"{text_of(capitalized(line))}." for line in cut(besides, _MOST_BESIDES)]
    if planned.foreign:
        lines.append(
            f"! You accepted {count(len(planned.foreign), 'change')} that this session didn't ask for."
        )
    lines += [f"! {sentence}" for sentence in warnings]
    return "\n".join([*lines, *_losses(planned)])


def _end_lines(applied: Any, now: datetime) -> list[str]:
    if not applied:
        return []
    if applied["elsewhere"]:
        return ["✓ Applied elsewhere."]
    if nothing_changed(applied):
        return [f"✓ Nothing to change, as planned {moment_text(applied['at'], now)}."]
    return [f"✓ Applied {moment_text(applied['at'], now)}: {_amounts_of(applied)}."]


def _amounts_of(applied: Mapping[str, Any]) -> str:
    return f"{applied['added']} added, {applied['changed']} changed, {applied['destroyed']} removed"
