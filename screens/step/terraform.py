"""Common parts of the panes that run Terraform: its log, a plan by person, and the choices if it can't start.

The user can wait for somebody's lock or release it, release a lock left by a run that died here, and run an
init that only works with upgrade or reconfigure. Each has its own dialog instead of the failure's, and then
the move is tried again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import ClassVar, Literal, Self

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from screens.step.asking import CodedMove, CodePane
from screens.step.page import StepPane
from screens.widgets.dialogs import Confirm, Dialog, Typed
from screens.widgets.lists import Log
from screens.widgets.parts import Part
from screens.widgets.text import Button, ScrollBody, Text, in_line, styled
from workflows.core.grouping import by_key
from workflows.core.openpgp import in_two_lines
from workflows.core.sentences import Sentence, count, joined, listed, moment_text, text_of
from workflows.steps.admin import plan, recovery
from workflows.steps.admin.accepted_plan import PersonChange, Planned
from workflows.steps.admin.other_sessions import answer_about
from workflows.steps.admin.plan_resources import SIGNS
from workflows.steps.admin.suspect_keys import how_to_compare, to_compare
from workflows.steps.decisions import Comparison
from workflows.terraform.failures import InitWay, LockHeld, LockInfo, StateUnwritten, TerraformFailed
from workflows.terraform.plan import Action, Line, Sort
from workflows.terraform.redaction import redact
from workflows.terraform.results import EndedRun
from workflows.terraform.runner import Update

_MOST_LINES = 5_000


class RunLog(Log):
    """The lines of a run, without account ids, keys and encrypted texts; hidden until requested.

    Attributes:
        filled: whether it has any lines of the run.
    """

    DEFAULT_CSS = """
    RunLog { display: none; scrollbar-size: 1 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="log", max_lines=_MOST_LINES)
        self.filled = False

    def clear(self) -> Self:
        """Start another run's lines."""
        self.filled = False
        return super().clear()

    def take(self, update: Update) -> None:
        """Add the lines since the last update, except those about refreshing."""
        for line in update.lines:
            self._add(redact(line))

    def show_text(self, text: str) -> None:
        """Replace the content by a whole, already redacted log."""
        self.clear()
        for line in text.splitlines() or ["Nothing logged yet."]:
            self._add(line)

    def _add(self, line: str) -> None:
        if line.strip():
            self.filled = True
            self.add(line)


STYLES: Mapping[str, str] = {"+": "$success", "~": "$warning", "-": "bold $warning", "±": "bold $warning"}
"""The colours of the signs."""
_WORDS: Mapping[Action, str] = {
    Action.CREATE: "new",
    Action.UPDATE: "changed",
    Action.DELETE: "removed",
    Action.REPLACE: "replaced",
}
_COUNTS = (("+", "add", "add"), ("~", "change", "change"), ("-", "destroy", "remove"))
"""Each kind of change: its sign, Terraform's word and ours."""
_GAP = 3


def amounts(counts: Mapping[str, int]) -> str:
    """Return a plan's counts in a line: "4 to add, 2 to change, 0 to remove"."""
    return ", ".join(f"{counts[kind]} to {word}" for _sign, kind, word in _COUNTS)


class PlanTable(Part):
    """Shows nothing without a plan; if people don't fit, they scroll."""

    DEFAULT_CSS = """
    PlanTable Text { text-wrap: nowrap; text-overflow: ellipsis; height: auto; }
    PlanTable #counts { margin-bottom: 1; }
    PlanTable #heads, PlanTable #besides { color: $text-muted; }
    PlanTable ScrollBody { height: auto; max-height: 5; margin-bottom: 1; scrollbar-size-vertical: 1; }
    PlanTable.-dense ScrollBody { margin-bottom: 0; }
    """

    def __init__(self, *, classes: str | None = None) -> None:
        self._people = Text("", id="people")
        super().__init__(
            Text("", id="counts"),
            Text("", id="heads"),
            ScrollBody(self._people),
            Text("", id="besides"),
            classes=classes,
        )

    def show(self, planned: Planned | None, most: int = 3, more: str = "") -> None:
        """Show a plan, or nothing for None; at most that many lines about other things, as `cut`."""
        self.reveal(shown=planned is not None)
        self.set_class(most == 1, "-dense")
        if planned is None:
            return
        self.query_one("#counts", Text).update(_counts(planned.counts))
        heads, *people = _table(planned.people)
        self.query_one("#heads", Text).update(heads)
        self._people.update(in_line(people, "\n"))
        self.query("#heads, ScrollBody").set(display=bool(people))
        self.query_one("#besides", Text).show_lines(cut(planned.besides, most, more))


def cut(lines: Sequence[Line], most: int, more: str = "") -> list[Sentence]:
    """Return the lines that fit, then the number left of each sort; `more` says how to list those."""
    whole = len(lines) if len(lines) <= most else most - 1
    left = Counter[Sort]()
    for line in lines[whole:]:
        left[line.sort] += line.number
    named = ", ".join(count(number, sort) for sort, number in left.items())
    rest = [joined((f"Also {named}", more), ": ")] if named else []
    return [*(line.words for line in lines[:whole]), *rest]


def _counts(counts: Mapping[str, int]) -> Content:
    parts = []
    for sign, kind, word in _COUNTS:
        number = counts[kind]
        style = STYLES[sign] if number else "$text-muted"
        parts.append(styled((f"{sign} {number}", style), (f" to {word}", "" if number else "$text-muted")))
    return in_line(parts, "     ")


def _table(people: Sequence[PersonChange]) -> list[Content]:
    """Return the column heads and a line for each person, without empty columns."""
    columns = {
        "Person": [styled((person.name, "bold")) for person in people],
        "User": [_cell(person.user) for person in people],
        "Password": [_cell(person.password) for person in people],
        "Access key": [_cell(person.access_key) for person in people],
        "Other": [
            styled((count(person.others, "resource") if person.others else "", "")) for person in people
        ],
        "Groups": [_groups(person) for person in people],
    }
    shown = [
        [styled((head, "")), *cells]
        for head, cells in columns.items()
        if head not in {"Access key", "Other"} or any(cells)
    ]
    widths = [max(cell.cell_length for cell in cells) + _GAP for cells in shown]
    return [
        in_line(cell.truncate(width, pad=True) for cell, width in zip(row, widths, strict=True))
        for row in zip(*shown, strict=True)
    ]


def _cell(action: str) -> Content:
    if not action:
        return styled()
    known = Action(action)
    return _signed(SIGNS[known], _WORDS.get(known, "moved"))


def _groups(person: PersonChange) -> Content:
    moves = [("+", person.joins), ("-", person.leaves)]
    return in_line((_signed(sign, ", ".join(names)) for sign, names in moves if names), " ")


def _signed(sign: str, words: str) -> Content:
    return styled((f"{sign} ", STYLES.get(sign, "")), (words, ""))


_FIX = "fix"
_WRITE = (
    "Write it now, and the state knows what exists and the plan shows what is left. Terraform rejects "
    "it if somebody else changed the state meanwhile. The file can hold secrets: iam-onboard removes "
    "it afterwards."
)


COMPARE = "Compare the PGP fingerprints that nobody has compared yet"
"""The description of its key."""
_NONE_LEFT = "No fingerprint is left to compare here."
WAIT_SECONDS = 15
"""Seconds before another try; Terraform itself then waits for the lock another 20 seconds."""


_STILL_LOCKED = "The lock stays. Nobody can plan or apply here until it is released."
_NOT_READY = "Nothing was changed. Terraform can't work here before that."
_NOT_WRITTEN = "The state isn't written yet. Nobody should plan or apply here before that."


class LockAnswer(StrEnum):
    """The user's answer."""

    TRY_AGAIN = "try again"
    RELEASE = "release"


class LockDialog(Typed[LockAnswer]):
    """Who holds the lock, since when and for what; waiting is the safe answer and has the focus.

    Args:
        lock: the lock.
        waited: how often it was already waited for; if any, the countdown continues by itself.
    """

    AUTO_FOCUS = "#wait"
    DEFAULT_CSS = "LockDialog #countdown { color: $text-accent; margin-top: 1; }"

    def __init__(self, lock: LockInfo, waited: int = 0) -> None:
        text = (
            f"Who:    {lock.who or 'unknown'}\nSince:  {lock.created or 'unknown'}\nFor:    "
            f"{lock.purpose}\nLock:   {lock.lock_id}\n\nIf that run is still going, wait for it. "
            "Release the lock by force only if you're sure it is dead: two runs at once damage the "
            "state. Ask its holder first."
        )
        super().__init__(
            "! The state is locked",
            text,
            {lock.who, lock.lock_id} - {""},
            f"To release it, type its holder ({lock.who}) or its id:",
            Button("Release", id="yes", variant="error", disabled=True),
            Button("Wait and try again", id="wait", variant="primary"),
            close="Leave it",
            answers={"yes": LockAnswer.RELEASE},
            wrong="That is neither the holder nor the id.",
            fields=[Text("", id="countdown")],
            classes="-warning",
        )
        self._waited = waited
        self._left: int | None = WAIT_SECONDS if waited else None

    def on_mount(self) -> None:
        """Continue the countdown if there was one before."""
        self.set_interval(1, self._count)
        self._tell()

    def _count(self) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self._left = None
            self.dismiss(LockAnswer.TRY_AGAIN)
        self._tell()

    def _tell(self) -> None:
        before = f"Still locked after {self._waited} tries. " if self._waited > 1 else ""
        words = f"{before}Tries again in {self._left} s; esc stops waiting." if self._left else ""
        self.query_one("#countdown", Text).update(words)

    @on(Input.Changed)
    def _stop_counting(self, event: Input.Changed) -> None:
        """Don't interrupt typing."""
        if event.value:
            self._left = None
            self._tell()

    def action_wait(self) -> None:
        """Start the countdown; pressed again, try at once."""
        if self._left is not None:
            self.dismiss(LockAnswer.TRY_AGAIN)
            return
        self._left = WAIT_SECONDS
        self.query_one("#wait", Button).label = "Try now"
        self._tell()


class CompareDialog(Dialog[Comparison]):
    """Shows the fingerprint of somebody's key, and takes the answer whether it is theirs."""

    def __init__(self, name: str, fingerprint: str, accounts: Sequence[str]) -> None:
        shown = in_two_lines(fingerprint)
        super().__init__(
            f"Compare {name}'s fingerprint in {listed([*accounts], 3)}",
            f"{shown}\n\n{how_to_compare(name)} All {len(shown.split())} groups must match.",
            Button("They match", id="same"),
            Button("No, it differs", id="differs"),
            close="Not yet",
            answers={"same": Comparison.SAME, "differs": Comparison.DIFFERS},
        )


class TerraformPane(CodePane):
    """A pane whose work runs Terraform."""

    LOG: ClassVar[Literal["plan", "apply"]] = "plan"
    """Whose log to show."""
    DEFAULT_CSS = """
    TerraformPane.-covered > * { display: none !important; }
    TerraformPane.-covered > .-cover { display: block !important; height: 1fr; }
    TerraformPane.-covered > .pane-foot { display: block !important; }
    TerraformPane > #close-cover { display: none; margin-top: 1; }
    TerraformPane.-covered > #close-cover { display: block !important; }
    """
    _waited = 0
    _stopped: Callable[[], None] | None = None
    _left_focus: Widget | None = None

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield Button("Close", id="close-cover", key="esc")

    def cover(self, widget: Widget) -> bool:
        """Show a widget in place of the whole page, or the page again; return whether the widget is shown."""
        shown = widget.has_class("-cover")
        if self.has_class("-covered"):
            self.go_back()
        if shown:
            return False
        self._left_focus = self.screen.focused
        self.add_class("-covered")
        widget.add_class("-cover")
        self.call_after_refresh(widget.focus)
        return True

    def focus_primary(self) -> None:
        """Focus it unless a list or the log covers the page: keys for those must not accept a plan."""
        if not self.inside:
            super().focus_primary()

    @on(Button.Pressed, "#close-cover")
    def go_back(self) -> None:
        self.remove_class("-covered")
        self.query(".-cover").remove_class("-cover")
        if self._left_focus is not None:
            self.call_after_refresh(self._left_focus.focus)

    @property
    def inside(self) -> bool:
        return self.has_class("-covered")

    @on(Button.Pressed, "#show-log")
    def action_log(self) -> None:
        """Show or hide Terraform's output; a finished run has left it in a file."""
        log = self.query_one(RunLog)
        if self.cover(log) and not log.filled and not self.running_move:
            self.run_move(
                "log", lambda _report: plan.log_text(self.context, self.LOG), log.show_text, looks=True
            )

    def not_compared(self) -> tuple[Sentence, ...]:
        """Return sentences on keys for the account whose fingerprint is uncompared, of people still there."""
        return self.context.decisions.not_compared_sentences(self.opening.gone, self.context.item)

    def offer_comparison(self, doubts: Collection[Sentence] = ()) -> None:
        """Say before the apply whose fingerprint nobody has compared, and offer the way there.

        Args:
            doubts: what is doubtful about keys that this session didn't accept.
        """
        uncompared = self._uncompared
        self.query_one("#not-compared", Text).show_lines([f"! {words}" for words in (*uncompared, *doubts)])
        self.show_compare(doubts)

    def show_compare(self, doubts: Collection[Sentence]) -> None:
        """Show or hide the button that compares."""
        self.query_one("#compare").set_class(not (self._uncompared or doubts), "hidden")

    @property
    def _uncompared(self) -> tuple[Sentence, ...]:
        applied = self.opening.done and self.context.item in self.context.of_each_item("applied")
        return () if applied else self.not_compared()

    @abstractmethod
    def doubted(self) -> Collection[str]:
        """Return the people whose key is doubtful and wasn't accepted by this session."""

    @on(Button.Pressed, "#compare")
    def action_compare(self) -> None:
        """Go to PGP keys, or ask about the fingerprints of keys that this session didn't accept."""
        if not self.query_one("#compare").display:
            return
        if self._uncompared:
            self.go_to_keys()
            return
        accounts = {self.context.item: None, **dict.fromkeys(self.context.of_each_item("applied"))}
        names = self.doubted()
        self.run_move(
            "compare", lambda _: to_compare(names, accounts, self.context), self._show_keys, looks=True
        )

    def go_to_keys(self) -> None:
        """Go to PGP keys, and come back from there."""
        self.post_message(self.StepWanted("pgp-keys", returns=True))

    def _show_keys(self, keys: Mapping[tuple[str, str], str]) -> None:
        if not keys:
            self.notify(_NONE_LEFT)
            return
        self._ask_about([*by_key(((name, key), account) for (name, account), key in keys.items()).items()])

    def _ask_about(
        self, keys: Sequence[tuple[tuple[str, str], Sequence[str]]], *, answered: bool = False
    ) -> None:
        """Ask about one key after the other until there is no answer; look again if there was any."""

        def take(said: Comparison | None) -> None:
            if said is not None:
                self.run_move(
                    "answer",
                    lambda _: answer_about(name, key, said, self.context),
                    lambda _: self._ask_about(rest, answered=True),
                )
            elif answered:
                self.look_again()

        if keys:
            ((name, key), accounts), *rest = keys
            self.app.push_screen(CompareDialog(name, key, accounts), take)
        else:
            self.look_again()

    @abstractmethod
    def look_again(self) -> None:
        """Check again what the page shows, after an answer about a key."""

    def try_again(self) -> None:
        """Repeat what a lock or an init stopped: a move of the page, or else what Next does."""
        if self._stopped is not None:
            self._stopped()

    @on(StepPane.MoveFailed)
    def _offer_a_way(self, message: StepPane.MoveFailed) -> None:
        if message.name != _FIX:
            self._stopped = self.run_again if message.name == self.coded else self.advance
        match error := message.error:
            case LockHeld() if left := recovery.own_lock(error.lock, self.context):
                self._offer_own(error.lock, left)
            case LockHeld():
                # All three answers count, including leaving the lock alone.
                self.app.push_screen(LockDialog(error.lock, self._waited), partial(self._locked, error.lock))
            case TerraformFailed(way=InitWay() as way):
                button, words = recovery.INIT_WAYS[way]
                own = f"\n\nTerraform says:\n{text_of(error.detail)[:600]}" if error.detail else ""
                question = Confirm(error.title, f"{error.what} {error.why}\n\n{words}{own}", button)
                self._offer(question, partial(recovery.initialise, way, self.context), _NOT_READY)
            case StateUnwritten():
                self._offer(
                    Confirm(error.title, f"{error.what}\n\n{error.why}\n\n{_WRITE}", "Write the state"),
                    partial(recovery.write_state, self.context),
                    _NOT_WRITTEN,
                )
            case _:
                return
        message.handled = True

    def _offer_own(self, lock: LockInfo, left: EndedRun) -> None:
        """Offer to release a lock left by this computer's own dead run, without asking anybody else."""
        at = moment_text(left.ended_at.isoformat(), self.context.environment.now())
        body = (
            f"This lock belongs to the {left.kind} that {left.ending} here {at}. It was started "
            f"{moment_text(left.begun_at.isoformat(), self.context.environment.now())}, by "
            f"{left.holder}.\n\nThat {left.kind} no longer runs, so nobody is using the lock. Once it "
            f"is released, iam-onboard continues.\n\nLock:   {lock.lock_id}"
        )
        question = Confirm("Your own lock was left behind", body, "Release the lock")
        self._offer(question, partial(recovery.unlock, lock, self.context), _STILL_LOCKED)

    def _offer(self, question: Confirm, fix: CodedMove, otherwise: Sentence) -> None:
        """Ask whether to apply a fix, and say what is the case without it."""
        self.app.push_screen(question, lambda yes: self._fix(fix) if yes else self._unfixed(otherwise))

    def _unfixed(self, words: Sentence) -> None:
        self.notify(text_of(words), severity="warning")

    def _fix(self, fix: CodedMove) -> None:
        """Apply the fix, then repeat the move that was stopped."""

        def again(said: str) -> None:
            self.notify(said)
            self.try_again()

        self.run_coded(_FIX, fix, again)

    def _locked(self, lock: LockInfo, answer: LockAnswer | None) -> None:
        self._waited = self._waited + 1 if answer is LockAnswer.TRY_AGAIN else 0
        if answer is LockAnswer.TRY_AGAIN:
            self.try_again()
        elif answer is LockAnswer.RELEASE:
            self._fix(partial(recovery.unlock, lock, self.context))
        else:
            self._unfixed(_STILL_LOCKED)

    @on(StepPane.MoveDone)
    def _go_on(self, message: StepPane.MoveDone) -> None:
        if message.name != _FIX:
            self._waited = 0
