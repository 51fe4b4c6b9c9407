"""The page at the end of a workflow: what works now, for whom, and the one thing to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from rich.console import RenderableType
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message

from screens.widgets.dialogs import Dialog, tell
from screens.widgets.lists import Table, show_unless_certain
from screens.widgets.rail import MARKS, ON_YOUR_WORD, WORDS
from screens.widgets.text import Button, ButtonRow, Lines, Text, columned
from workflows.core.grouping import by_key
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence, count, joined, listed, moment_text, text_of
from workflows.core.shapes import moment
from workflows.machine.events import NOT_ASKED, Facts, Observation, StepKey, Verdict, waits_in_words
from workflows.machine.state import SETTLED, Status
from workflows.run import PROJECT, REVIEW, SessionRun
from workflows.steps.admin.accepted_plan import made_in, may_get_something, nothing_changed, people_of
from workflows.steps.admin.other_sessions import ledger_with, left_by_facts, left_in_git, unsent_since
from workflows.steps.admin.status_grid import PersonStatus, StatusGrid, status_grid, without_device
from workflows.steps.kinds import OVER_TERRAFORM, work_of
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_identity import NEW_HANDOFF
from workflows.steps.shared.to_send import ToSend
from workflows.stores.key_records import KEPT_WORDS

with on_demand():
    from workflows.aws.sts_regions import answers
    from workflows.steps.admin import account as account_settings, hand_over, mfa_reset
    from workflows.steps.new_user import access_keys, handoff, sign_in, verify
    from workflows.steps.shared import own_access_key

ASIDE = "-aside"
"""The class of optional actions, which don't get the initial focus."""
_ARCHIVE = "Archive it. Its steps stay in the list (F2), in case you want one after all."
_ASK = "Look again (l) asks AWS."
_PLAY = "F6 plays the other person."
_JUST_ASKED = timedelta(minutes=5)
_COMPARE = "Compare the fingerprint: ask them to read it to you, in a call or in person."
_KEYS = (
    ("c", "next-steps", "Copy next steps", "For people who need another MFA device"),
    ("k", "ask-pgp-keys", "Compare", "What nobody has compared yet"),
    ("l", "look", "Look again", "Ask again about what isn't confirmed"),
    ("m", "remind", "Copy a reminder", "For people who haven't signed in yet"),
    ("s", "copy-lines", "Copy lines", "The lines that select your profile in your shell"),
    ("o", "open", "Open a step", "The first that is done on your word, or skipped"),
    ("t", "ask-sts-regions", "STS regions", "Open that step"),
    ("w", "record", "Who got access", "With which PGP key"),
    ("u", "remove", "Undo", "Remove the people who were added"),
)
"""The key of each button, its label and its effect."""
_VERIFY = StepKey("verify")
_MOST_ROWS = 6
"""How many people fit above the buttons and the next action; F5 shows everyone."""


class Finished(VerticalScroll):
    """The page of a session with everything settled."""

    can_focus = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"press('{button}')", label, id=f"end.{button}", tooltip=tooltip)
        for key, button, label, tooltip in _KEYS
    ]
    DEFAULT_CSS: ClassVar[str] = """
    Finished { padding: 1 1 0 2; max-width: 96; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    Finished .finished-title { text-style: bold; color: $text-success; }
    Finished .finished-title.-unsure { color: $text-warning; }
    Finished .heading { text-style: bold; margin-top: 1; }
    Finished #everybody { margin-top: 1; }
    Finished .note { color: $text-muted; }
    Finished .buttons { height: auto; margin-top: 1; }
    Finished .buttons > ButtonRow { margin: 0; }
    """

    @dataclass
    class Wanted(Message):
        """The user wants to see a step that is done only on request, or that leaves manual work."""

        key: StepKey

    class LookWanted(Message):
        """The user wants another look at what couldn't be confirmed."""

    class RecordWanted(Message):
        """The user wants to see who was admitted with which key."""

    @dataclass
    class RemovalWanted(Message):
        """The user wants to undo the apply: a session that removes the added people."""

        draft: Mapping[str, Any]

    def __init__(self, run: SessionRun) -> None:
        super().__init__(id="finished")
        self._run = run
        self._uncompared: tuple[Sentence, ...] = ()
        self._awaited: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        run, session = self._run, self._run.session
        grid = status_grid(run.session_context())
        over, gone = self._over(), _removed_later(grid)
        self._awaited = tuple(name for name in session.state.awaited() if name not in gone)
        self._uncompared = (
            run.session_context().decisions.not_compared_sentences(gone)
            if "keys" in session.facts() and not over
            else ()
        )
        title = f"○ {over} This session is over." if over else self._title(grid)
        yield Text(title, classes="finished-title" if title[0] == "✓" else "finished-title -unsure")
        if rotated := [run.environment.readable(line) for line in _rotated(session.facts())]:
            yield Lines(*rotated, id="rotated", whole_paths=False)
        works = _working_profiles(session.facts(), run.environment.now())
        if works and not _changed_since(run):
            yield Lines(works, id="works")
        if settings := [*_settings(run.session_context()), *_roles(run.session_context())]:
            yield Lines(*settings, id="settings")
        table = _status_table(run, grid)
        if table:
            yield Text(table, id="everybody")
        warnings = (*self._uncompared, *_rejected_sentences(run, grid))
        not_done = () if over else (*(f"! {sentence}" for sentence in warnings), *_not_done(run))
        if not_done:
            yield Lines(*not_done, id="not-done")
        for line in self._unconfirmed_lines(marked=bool(table) and not grid.rows):
            yield Lines(line)
        if rows := [row for row in (list(self._buttons()), list(self._optional_buttons())) if row]:
            yield Vertical(*(ButtonRow(*row) for row in rows), classes="buttons")
        yield Text("Next", classes="heading")
        in_git = left_by_facts(session.facts())
        yield Text(joined([_ARCHIVE] if over else self._next(in_git), "\n"), id="next")
        yield Text("Kept", classes="heading")
        yield Lines(*_kept(run), classes="note", whole_paths=False)

    def on_mount(self) -> None:
        """Ask git in the background whether written files still need a commit or push."""
        if self._run.session.facts().get("changed_files") and not self._over():
            self.run_worker(partial(self._ask_git, self._run.session_context()), thread=True)

    def _ask_git(self, context: Context) -> None:
        with suppress(OnboardError):  # the session's own facts count
            self.call_later(self._show_next, left_in_git(context))

    def _show_next(self, in_git: Sentence) -> None:
        self.query_one("#next", Text).update(joined(self._next(in_git), "\n"))

    def _next(self, in_git: Sentence) -> Iterable[Sentence]:
        """Return the next actions; `in_git` is what is left in git."""
        return (
            [_COMPARE]
            if self._uncompared
            else _next(self._run, in_git, self._awaited, played=self._other_person_is_due())
        )

    def _other_person_is_due(self) -> bool:
        """Return whether a sandbox plays the other person (F6), and they have something to do."""
        run = self._run
        if not (run.environment.sandbox and self.app.check_action("swap", ())):
            return False
        whole = run.session_context()
        waits = any(
            hand_over.has_unread_roles(account, whole)
            or run.session.state.observed.get(StepKey("hand-over", account), NOT_ASKED).verdict
            is not Verdict.AS_DECIDED
            for account in whole.of_each_item("handed_over")
        )
        return waits or "request_sent" in run.session.facts() or bool(_without_device(run))

    def _added(self) -> tuple[str, ...]:
        """Return people who were added by some apply and haven't been removed since."""
        gone, whole = self._run.removed().about, self._run.session_context()
        joining = whole.decisions.joining if whole.of_each_item("applied") and not self._over() else ()
        return tuple(name for name in joining if name not in gone)

    def _unconfirmed_lines(self, *, marked: bool) -> Iterator[Sentence]:
        """Yield a line for each awaited, undone, unconfirmed or merely reported result.

        Args:
            marked: whether the table above marks the repeated steps.
        """
        run, now = self._run, self._run.environment.now()
        said, unseen, in_table = dict[StepKey, Sentence](), list[str](), list[Sentence]()
        yield from self._contradicted_or_undone()
        looks = {key: run.session.state.observed.get(key, NOT_ASKED) for key in self._unconfirmed_steps()}
        yield from _awaiting([look for look in looks.values() if look.verdict is Verdict.AWAITED], now)
        for key, look in looks.items():
            if look.verdict is Verdict.AWAITED:
                continue
            if look.words:
                seen = "you said so" if look.said_so else "last confirmed"
                yield f"? {run.title(key)}: {seen} {moment_text(look.at, now)}. {look.words}"
            elif look.said_so:
                said[key] = look.remedy
            elif marked and key.item:
                in_table.append(look.remedy)
            else:
                unseen.append(text_of(run.title(key)))
        if said:
            yield self._on_your_word(said)
        if in_table:
            why = next(filter(None, in_table), "iam-onboard can't check it from here.")
            yield f"? {WORDS[Status.UNCONFIRMED]}: {why}"
        if unseen:
            asks = _ASK if self._can_look() else ""
            yield joined((f"? Done, but iam-onboard hasn't checked since: {listed(unseen, 2)}.", asks))
        known = {key: run.session.state.observed.get(key, NOT_ASKED) for key in self._steps_with(Status.DONE)}
        locked = {key: look.at for key, look in known.items() if look.remedy}
        if locked and not self._over():
            titles = [text_of(run.title(key)) for key in locked]
            at = min(locked.values())
            ask = "" if now - moment(at, "at") < _JUST_ASKED else "Look again (l) asks it now."
            yield joined((f"○ AWS last confirmed {listed(titles, 3)} {moment_text(at, now)}.", ask))

    def _on_your_word(self, said: Mapping[StepKey, Sentence]) -> Sentence:
        """Name the steps that are done on the user's word, each with its remedy, and how to confirm them."""
        titles = [text_of(self._run.title(key)) for key in said]
        keyless = any("access_key" not in self._run.session.facts(key.item) for key in said)
        settle = own_access_key.KEYLESS if keyless else next(filter(None, said.values()), _ASK)
        return joined((f"? Done on your word: {listed(titles, 2)}.", settle))

    def _contradicted_or_undone(self) -> Iterator[Sentence]:
        """Yield a line for each contradiction that AWS doesn't share, and for each change undone later."""
        run = self._run
        for key in self._steps_with(Status.DONE):
            if (left := run.session.state.observed.get(key, NOT_ASKED)).confirmed:
                yield f"– {run.title(key)}: {left.words}"
        if not self._over():
            back = self._undone_later()
            if _repeats_review(run.session.state.observed):
                del back[PROJECT]
            items = {text_of(words): key.item for key, words in back.items() if words}
            yield from (f"– {words}" for words in _applied_by_others(run.session_context()))
            yield from (f"– {item}: {words}" if item else f"– {words}" for words, item in items.items())

    def _title(self, grid: StatusGrid) -> str:
        """Return the achievement, or what isn't as intended."""
        if changed := _changed_since(self._run):
            return f"≠ Changed since: {listed(changed, 3)}"
        if self._uncompared and all(_settled(stands) for _, stands in grid.rows):
            return "? Done, but not every PGP fingerprint is compared"
        return self._achieved(grid)

    def _achieved(self, grid: StatusGrid) -> str:
        skipped = [text_of(self._run.title(key)) for key in self._skipped()]
        others = any(self._run.session.facts().get(kind) for kind in OVER_TERRAFORM)
        if waiting := [name for name, stands in grid.rows if not _settled(stands)]:
            return f"○ Not done yet for {listed(waiting, 2)}"
        if awaited := self._waiting():
            return f"○ {awaited}"
        failing = _failing(self._run.session.facts())
        if failing or self._unconfirmed_steps():
            broken = f"{count(failing, 'profile')} didn't work"
            return f"? Done, but {broken if failing else 'not all of it is confirmed'}"
        if skipped and not others:
            return f"○ Done; you skipped {listed(skipped, 3)}"
        if self._manual_steps() and not others:
            _, partly = _regions_left(self._run.session.facts()["sts_regions"])
            left = "in some accounts only" if partly else "and some are left to switch"
            return f"○ STS regions are checked, {left}"
        if _no_device_removed(self._run.session_context()) and not others:
            return "○ Done, and no MFA device was removed"
        if self._steps_with(Status.UNCONFIRMED):
            return "○ No step is left to do"
        passed = [key for key in self._skipped() if not self._run.step(key).passed_on and key.step != "apply"]
        titles = [text_of(self._run.title(key)) for key in passed]
        skipping = f"; you skipped {listed(titles, 2)}" if titles else ""
        return f"✓ {_headline(self._run, grid)}{skipping}"

    def _waiting(self) -> str:
        """Return who or what is awaited; "" for nothing."""
        if due := _passwords_due(self._run):
            return f"Your new password for {listed(due, 2)} hasn't come yet"
        if self._awaited:
            left = "; STS regions are left to switch" if self._manual_steps() else ""
            return f"{'' if left else 'Your part is done. '}Waiting for {listed(self._awaited, 2)}{left}"
        return ""

    def _buttons(self) -> Iterator[Button]:
        """Yield the buttons for unconfirmed, manual and optional work."""
        state, over = self._run.session.state, bool(self._over())
        awaited = () if over else state.seen_as(Verdict.AWAITED)
        if self._uncompared:
            yield self._leading("Compare", StepKey("pgp-keys"), "ask-pgp-keys", "k")
        if self._can_look():
            sure = not (self._unconfirmed_steps() or self._steps_with(Status.CONTRADICTED))
            yield Button(
                "Look again",
                id="look",
                key="l",
                classes=ASIDE if sure else "",
                act=lambda: self.post_message(self.LookWanted()),
            )
        for key in self._to_revisit()[:1]:
            yield self._leading(f"Go to {self._run.title(key)}", key, "open", "o", ASIDE)
        if self._awaited and any(key.step == "hand-over" for key in awaited):
            yield Button(
                "Copy a reminder",
                id="remind",
                key="m",
                act=lambda: self._hand_out(partial(hand_over.remind, self._awaited)),
            )
        if any(_signs_in_without(self._run)):
            yield Button(
                "Copy next steps",
                id="next-steps",
                key="c",
                act=lambda: self._hand_out(partial(mfa_reset.hand_out_text, *_signs_in_without(self._run))),
            )
        if _chosen(self._run) and not _changed_since(self._run):
            yield Button("Copy lines", id="copy-lines", key="s", act=lambda: tell(self, self._copy_lines))
        for key in self._manual_steps():
            yield self._leading(f"Go to {self._run.title(key)}", key, f"ask-{key.step}", "t")
        for key in () if over else self._not_requested():
            yield self._leading(f"Check {self._run.title(key)}", key, f"ask-{key.step}", "t", ASIDE)

    def _leading(self, label: Sentence, key: StepKey, id: str, shortcut: str, classes: str = "") -> Button:  # noqa: A002 - Textual's name
        """Return a button that leads to a step."""
        return Button(
            label,
            id=id,
            key=shortcut,
            classes=classes,
            act=lambda: self.post_message(self.Wanted(key)),
        )

    def _can_look(self) -> bool:
        """Return whether a look on request may find more than the automatic ones."""
        if self._over():
            return False
        run, observed = self._run, self._run.session.state.observed
        asked = {question.key for question in run.inquiries()}
        unsure = [(key, observed.get(key, NOT_ASKED)) for key in self._unconfirmed_steps()]
        return (
            any(observed[key].remedy for key in asked & observed.keys())
            or any(run.can_ask(key) for key in self._steps_with(Status.CONTRADICTED))
            or any(look.words or key in asked for key, look in unsure if look.asked or not look.contradicts)
        )

    def _optional_buttons(self) -> Iterator[Button]:
        """Yield the buttons to read what was done, and to undo it."""
        if "keys" in self._run.session.facts():
            yield Button(
                "Show who got access",
                id="record",
                key="w",
                classes=ASIDE,
                act=lambda: self.post_message(self.RecordWanted()),
            )
            if added := self._added():
                names = listed(added, 2)
                yield Button(f"Undo: remove {names}", id="remove", key="u", classes=ASIDE, act=self._undo)

    def _undone_later(self) -> dict[StepKey, Sentence]:
        """Return what later sessions undid, by step."""
        state = self._run.session.state
        return {key: state.observed[key].words for key in state.seen_as(Verdict.REVERTED)}

    def _over(self) -> str:
        """Return how later sessions left nothing to do here; "" if they didn't."""
        return text_of(self._run.why_over())

    def _unconfirmed_steps(self) -> list[StepKey]:
        """Return the unconfirmed steps that no other line mentions."""
        said = {*self._undone_later(), *([_VERIFY] if _failing(self._run.session.facts()) else [])}
        return [key for key in self._steps_with(Status.UNCONFIRMED) if key not in said]

    def _to_revisit(self) -> list[StepKey]:
        """Return steps that are done on the user's word alone, then skipped ones."""
        if self._over():
            return []
        observed = self._run.session.state.observed
        said = [key for key in self._unconfirmed_steps() if observed.get(key, NOT_ASKED).said_so]
        left = (key for key in self._skipped() if not self._run.overtaken(key))
        return said + [key for key in left if not self._run.step(key).passed_on]

    def _skipped(self) -> list[StepKey]:
        """Return the skipped steps that leave something out."""
        skipped = self._steps_with(Status.SKIPPED)
        return [key for key in skipped if not (_has_device(self._run, key) or _has_handoff(self._run, key))]

    def _steps_with(self, status: Status) -> list[StepKey]:
        """Return the steps with a status."""
        session = self._run.session
        return [key for key in session.layout() if session.status(key) is status]

    def _manual_steps(self) -> tuple[StepKey, ...]:
        """Return the steps that leave manual work and explain it on their page."""
        fact = self._run.session.facts().get("sts_regions")
        return (StepKey("sts-regions"),) if fact and any(_regions_left(fact)) else ()

    def _not_requested(self) -> tuple[StepKey, ...]:
        """Return optional steps that nobody has requested yet."""
        session = self._run.session
        expected = session.state.expected()
        open_keys = [key for key in session.layout() if session.status(key) not in SETTLED | {Status.LOCKED}]
        return tuple(key for key in open_keys if key not in expected and self._run.step(key).asked_for)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable a key only if its button is there."""
        return action != "press" or bool(self.query(f"#{parameters[0]}"))

    def action_press(self, button: str) -> None:
        self.query_one(f"#{button}", Button).press()

    def _undo(self) -> None:
        facts = self._run.session.facts()
        draft = {"path": facts["project_root"], "layers": facts["layers"], "leaving": list(self._added())}
        self.post_message(self.RemovalWanted({**draft, "kinds": ["leaving"]}))

    def _copy_lines(self) -> Sentence:
        """Copy what Verify shows for the user's own shell."""
        context = self._run.context(_VERIFY)
        lines = verify.shell_lines(context, _chosen(self._run), verify.own_shell(context))
        return context.environment.copy("\n".join(lines) + "\n")

    def _hand_out(self, made: Callable[[Context], ToSend]) -> None:
        """Copy a text to send, and report it."""
        run = self._run
        tell(self, lambda: show_unless_certain(self, made(run.session_context()), run.environment), None)


def standing(run: SessionRun, key: StepKey) -> Status:
    """Return a step's status; one left to a later account waits for that and is done with it.

    Profiles without a kept access key, and PGP keys that nobody has compared, are unconfirmed.
    """
    return standings(run, (key,))[key]


def standings(run: SessionRun, keys: Iterable[StepKey]) -> dict[StepKey, Status]:
    """Return the status of several steps, each as `standing`."""
    found, grid = {key: run.session.standing(key) for key in keys}, None
    for key, status in found.items():
        if status is Status.SKIPPED and run.step(key).passed_on:
            grid = grid or status_grid(run.session_context())
            if not grid.open_in(key.item):
                found[key] = Status.DONE
            elif goes_out_with(run, key, grid):
                found[key] = Status.LOCKED
        elif status is Status.DONE and (_lacks_key(run, key) or _not_compared(run, key)):
            found[key] = Status.UNCONFIRMED
    return found


def goes_out_with(run: SessionRun, key: StepKey, grid: StatusGrid | None = None) -> Sentence:
    """Return the later accounts whose texts will carry what a skipped step has still to send; "" if none."""
    session, context = run.session, run.session_context()
    if session.status(key) is not Status.SKIPPED or not run.step(key).passed_on:
        return ""
    left, accounts = (grid or status_grid(context)).open_in(key.item), list[str]()
    left &= {*people_of(key.item, context)}
    layout = session.layout()
    for later in layout[layout.index(key) + 1 :]:
        if later.step == key.step and session.status(later) not in SETTLED:
            there = may_get_something(left, later.item, context)
            accounts += [later.item] if there else []
            left -= there
    return "" if left else listed(accounts, 2)


def _awaiting(looks: Sequence[Observation], now: datetime) -> Iterator[Sentence]:
    """Yield who AWS waits for: one line per time asked, across steps."""
    together = by_key((moment_text(look.at, now), wait) for look in looks for wait in look.waits)
    lines = [(waits_in_words(waits), at) for at, waits in together.items()]
    lines += [(look.words, moment_text(look.at, now)) for look in looks if not look.waits]
    yield from (f"○ {words} Last checked {at}." for words, at in lines)


def _changed_since(run: SessionRun) -> list[str]:
    """Return the steps that the last look contradicts."""
    session = run.session
    return [text_of(run.title(key)) for key in session.layout() if session.status(key) is Status.CONTRADICTED]


def _headline(run: SessionRun, grid: StatusGrid) -> str:
    """Return what was achieved, and for whom. AWS says whether a person used what was sent."""
    if run.session.header.workflow == "new-user":
        return "You're in"
    gone = _removed_later(grid)
    names = [name for name, _ in grid.rows if name not in gone]
    sent = any(PersonStatus.HANDED_OVER in stands for _, stands in grid.rows)
    done = "Your part is done" if sent else "All done"
    return f"{done} for {listed(names, 2)} in {run.session.facts()['project']}" if names else done


def _working_profiles(facts: Facts, now: datetime) -> str:
    """Return how many profiles worked when Verify asked AWS; "" if none was asked."""
    known: Mapping[str, Any] = facts.get("verified") or {}
    if not (tested := len(known.get("results") or ())):
        return ""

    worked = f"worked {moment_text(known['at'], now)}" if known.get("at") else "worked"
    return f"{verify.how_many_work(tested - _failing(facts), max(tested, known.get('total') or 0), worked)}."


def _applied_by_others(whole: Context) -> Iterator[Sentence]:
    """Say which session applied what this one found nothing left of to apply."""
    ledger, own = ledger_with(whole)
    for account, fact in whole.of_each_item("applied").items():
        other = ledger.applied_for(own, account) if fact.get("elsewhere") or nothing_changed(fact) else None
        if other is not None:
            yield f"{account}: another session applied what this one wrote ({work_of(other)})."


def _settings(whole: Context) -> Iterator[Sentence]:
    """Describe the applied changes to the accounts themselves."""
    for account, changes in whole.decisions.account_changes.items():
        if changes and account in whole.of_each_item("applied"):
            yield f"✓ {account}: {joined(account_settings.in_words(changes), '; ')}."


def _roles(whole: Context) -> Iterator[Sentence]:
    """Describe the applied changes of people's roles."""
    for account in whole.of_each_item("applied"):
        for name, change in made_in(account, whole).roles.items():
            yield f"✓ {account}: {change.sentence(name, 'now has', 'no longer has')}"


def _failing(facts: Facts) -> int:
    """Return how many profiles didn't work when the user finished with Verify."""
    known: Mapping[str, Any] = facts.get("verified") or {}
    return sum(bool(result.get("problem")) for result in known.get("results") or ())


def _rotated(facts: Facts) -> Iterator[str]:
    """Say which access key is new, where it is kept, and what happened to the old one."""
    rotated: Mapping[str, Any] = facts.get("rotated") or {}
    if rotated:
        yield f"{rotated['id']} is the new access key of {rotated['profile']}."
        if rotated.get("kept"):
            yield f"iam-onboard keeps it in {rotated['kept']}."
    if facts.get("retired"):
        yield f"✓ {facts['retired']['id']} is deleted."
    elif rotated.get("old_id"):
        yield f"{rotated['old_id']} was deactivated and is waiting to be deleted."


def _removed_later(grid: StatusGrid) -> set[str]:
    """Return people whom later sessions removed everywhere, at least from the files."""
    over = {PersonStatus.REMOVED_SINCE, PersonStatus.GONE_FROM_FILES, PersonStatus.NOT_HERE}
    return {name for name, stands in grid.rows if {*stands} <= over}


def _repeats_review(observed: Mapping[StepKey, Observation]) -> bool:
    """Return whether Review covers every removal from files and accounts that Project reports."""
    project, review = (observed.get(key, NOT_ASKED) for key in (PROJECT, REVIEW))
    if not project.verdict is review.verdict is Verdict.REVERTED:
        return False
    return bool(review.by_item) and all(
        {*names} <= {*review.by_item.get(account, ())} for account, names in project.by_item.items()
    )


def _rejected_sentences(run: SessionRun, grid: StatusGrid) -> Iterator[Sentence]:
    """Say whose key turned out not to be theirs and can't be replaced in PGP keys any more."""
    names = [name for name, stands in grid.rows if PersonStatus.KEY_REJECTED in stands]
    if names and run.session.status(StepKey("pgp-keys")) in SETTLED:
        yield f"The PGP key of {listed(names, 2)} differs from theirs: replace it from Home, or remove them."


def _not_done(run: SessionRun) -> Iterator[Sentence]:
    """Yield what done steps found nothing to do for, or leave as manual work."""
    if due := _passwords_due(run):
        yield f"! When the new password for {listed(due, 2)} comes, the current one stops working."
    if missing := run.session.facts().get("left_out"):
        yield f"! Your last handoff leaves out {listed(missing, 2)}: ask your admin, unless that's intended."
    for account, old_id, key in _old_keys(run):
        when = moment_text(key["at"], run.environment.now())
        stood = f"was still active in {account} when AWS was last asked ({when})"
        state = stood if key.get("old_seen") else f"may still be active in {account}"
        yield f"! {old_id}, an old access key, {state}."
    for account, reset in run.session_context().of_each_item("mfa_devices_reset").items():
        when = moment_text(reset["at"], run.environment.now())
        yield from (f"– {said} (last checked {when})." for said in mfa_reset.nothing_removed(reset, account))
    if regions := run.session.facts().get("sts_regions"):
        yield from (f"! {sentence}." for lines in _regions_left(regions) for sentence in lines)


def _passwords_due(run: SessionRun) -> list[str]:
    """Return the accounts for which a new user waits for another password, after replacing a PGP key."""
    if not run.session.facts().get("replaced"):
        return []

    return handoff.awaiting_password(run.session_context())


def _old_keys(run: SessionRun) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield replaced access keys that nobody saw deactivated, as account, id and the new key."""
    for account, key in run.session_context().of_each_item("access_key").items():
        for old_id in key.get("old_ids") or ():
            yield account, old_id, key


def _no_device_removed(whole: Context) -> bool:
    """Return whether devices were to be removed, but no account had any."""
    resets = whole.of_each_item("mfa_devices_reset").values()
    return bool(resets) and not any(fact["people"] for fact in resets)


def _next_for_regions(run: SessionRun) -> Iterator[Sentence]:
    """Say what to do about STS regions left to switch, and about accounts that weren't asked."""
    facts = run.session.facts()
    left, missed = _regions_left(facts["sts_regions"]) if facts.get("sts_regions") else ((), ())
    if left:
        where = "In the real AWS, you'd switch them" if run.environment.sandbox else "Switch them"
        yield f"{where} in the console when you like; STS regions (t) shows where. Nothing else waits for it."
    if missed:
        such = f"such as a profile in ~/.aws/{facts['project']}"
        yield f"Some accounts weren't asked. STS regions (t) shows what is missing, {such}."


def _without_device(run: SessionRun) -> Mapping[str, Sequence[str]]:
    """Return the accounts of people whose MFA device was removed and not replaced, as far as AWS said."""
    whole, gone = run.session_context(), run.removed().by_item
    return by_key(
        (name, account)
        for account in whole.of_each_item("mfa_devices_reset")
        for name in without_device(account, whole)
        if name not in gone.get(account, ())
    )


def _signs_in_without(run: SessionRun) -> tuple[str, Mapping[str, mfa_reset.Place]]:
    """Return the only person who has to register another MFA device, and where they sign in by account.

    "" if there is nobody, or several, or an older version didn't record that.
    """
    lost, resets = _without_device(run), run.session_context().of_each_item("mfa_devices_reset")
    name, accounts = next(iter(lost.items()), ("", ()))
    if len(lost) != 1 or not all(resets[account].get("sign_in") for account in accounts):
        return "", {}
    return name, {account: mfa_reset.place(name, resets[account]) for account in accounts}


def _regions_left(regions: Mapping[str, Any]) -> tuple[Sequence[Sentence], Sequence[Sentence]]:
    """Return the regions left to switch by hand, and the accounts that couldn't be asked."""
    audit = answers.Audit.from_facts("", regions)
    return answers.left_over(audit), answers.not_asked(audit)


def _settled(stands: Iterable[PersonStatus]) -> bool:
    return all(stand.settled for stand in stands)


def _status_table(run: SessionRun, grid: StatusGrid) -> RenderableType | None:
    """Return the table of people by account; for a user's own session, of steps by account."""
    if grid.rows:
        people = sorted(grid.rows, key=lambda row: _settled(row[1]))
        rows = [(name, [text_of(stand.sentence) for stand in stands]) for name, stands in people[:_MOST_ROWS]]
        rest = people[_MOST_ROWS:]
        last = [(f"{_and_more(rest)} (F5)", *[""] * len(grid.accounts))] if rest else []
        return columned([("", *grid.accounts), *((name, *stands) for name, stands in rows), *last])
    keys = [key for key in run.session.layout() if key.item and _is_relevant(run, key)]
    items = list(dict.fromkeys(key.item for key in keys))
    steps = list(dict.fromkeys(key.step for key in keys))
    found = {key: _result(run, key, status) for key, status in standings(run, keys).items()}
    titles = {key.step: text_of(run.step(key).title) for key in keys}
    rows = [(titles[step], [found.get(StepKey(step, item), "") for item in items]) for step in steps]
    return columned([("", *items), *((title, *marks) for title, marks in rows)]) if rows else None


def _is_relevant(run: SessionRun, key: StepKey) -> bool:
    """Return whether a step is needed, or something was done with it; without a password nobody signs in."""
    signed_in = (run.session.facts(key.item).get("signed_in") or {}) if key.step == "sign-in" else {}
    begun = (
        run.session.status(key) not in {Status.READY, Status.LOCKED} or key in run.session.state.expected()
    )
    return begun and signed_in.get("proof") != sign_in.Proof.NONE_CAME


def _and_more(rest: Sequence[tuple[str, Iterable[PersonStatus]]]) -> str:
    done = sum(_settled(stands) for _, stands in rest)
    return f"and {len(rest)} more" + (f", {done} done" if done else "")


def _result(run: SessionRun, key: StepKey, status: Status) -> str:
    """Return how a step ended, with its mark."""
    if status is Status.SKIPPED and _has_device(run, key):
        return f"{MARKS[Status.DONE]} registered"
    if status is Status.UNCONFIRMED and _lacks_key(run, key):
        return f"{MARKS[status]} without a key"
    if status is Status.UNCONFIRMED and run.session.state.observed.get(key, NOT_ASKED).said_so:
        return f"{MARKS[status]} {ON_YOUR_WORD}"
    return f"{MARKS[status]} {WORDS[status]}"


def _has_device(run: SessionRun, key: StepKey) -> bool:
    """Return whether AWS has named the user's MFA device since they skipped registering one."""
    return key.step == "mfa" and bool((run.session.facts(key.item).get("access_key") or {}).get("mfa_serial"))


def _has_handoff(run: SessionRun, key: StepKey) -> bool:
    """Return whether the user has the handoff that a skipped request would have asked for."""
    return key.step == "pgp-key" and "handoff" in run.session.facts()


def _lacks_key(run: SessionRun, key: StepKey) -> bool:
    """Return whether profiles have no access key of this session, and no earlier one that works either."""
    if key.step != "profiles":
        return False
    facts = run.session.facts(key.item)
    results = (facts.get("verified") or {}).get("results") or ()
    works = {result["profile"] for result in results if not result.get("problem")}
    return not facts.get("access_key") and facts["profiles"]["base"] not in works


def _not_compared(run: SessionRun, key: StepKey) -> bool:
    """Return whether PGP keys were accepted before somebody compared their fingerprints.

    Keys of people whom later sessions removed are left out. If the choice of users is older than the keys,
    people missing in it don't count as left out.
    """
    if key.step != "pgp-keys":
        return False
    decisions, users = run.session_context().decisions, StepKey("users")
    if users in run.session.layout() and run.session.status(users) is Status.STALE:
        decisions = replace(decisions, user_changes=None)
    return not {*decisions.not_compared, *decisions.rejected} <= {*run.removed().about}


def _next(
    run: SessionRun,
    in_git: Sentence,
    awaited: Sequence[str],
    *,
    played: bool,
) -> Iterator[Sentence]:
    """Yield what the user can do next, outside the wizard.

    Args:
        in_git: what is left in git.
        awaited: people who haven't done their part.
        played: whether F6 plays the other person, who has something to do.
    """
    chosen = _chosen(run)
    deactivate = [
        f"Deactivate {old_id} in {account}, if it is still active. "
        "In the console: your name, “Security credentials”, “Access keys”."
        for account, old_id, _ in _old_keys(run)
    ]
    if changed := _changed_since(run):
        yield f"Open {listed(changed, 2)} to see what changed and how to continue."
    elif in_git:
        yield in_git
        if played:
            yield _PLAY
        yield from _messages_to_send(run)
    elif chosen or deactivate or _failing(run.session.facts()):
        if _failing(run.session.facts()):
            yield f"Verify shows what doesn't work, and why. {NEW_HANDOFF}"
        yield from _try_profile(run, chosen) if chosen else ()
        yield from deactivate
    else:
        to_send = list(_messages_to_send(run))
        yield from to_send
        if played:
            yield _PLAY
        elif not to_send:
            yield from _next_other_work(run, awaited)


def _chosen(run: SessionRun) -> str:
    """Return the profile that Verify chose, or ""."""
    return str((run.session.facts().get("verified") or {}).get("chosen") or "")


def _try_profile(run: SessionRun, chosen: str) -> Iterator[Sentence]:
    """Say how to use the profile for the user's shell; if the aws command is missing, say that first."""
    if verify.aws_program(run.session_context()) is None:
        yield f"{verify.NOT_INSTALLED} Verify shows how to install it."
    yield "Copy lines (s), paste them into a terminal, then try:"
    yield f"aws --profile {chosen} sts get-caller-identity"


def _next_other_work(run: SessionRun, awaited: Sequence[str]) -> Iterator[Sentence]:
    """Yield what is next if nobody needs anything: other work, a wait, or nothing."""
    if regions := list(_next_for_regions(run)):
        yield from regions
    elif unsent := unsent_since(run.session_context()):
        works = listed([*dict.fromkeys(map(work_of, unsent.values()))], 2)
        yield f"Open {works} on Home (F3), and send its text."
    elif awaited and run.environment.sandbox:
        yield f"{nobody_plays(awaited)} You can quit."
    elif awaited:
        yield f"Wait for {listed(awaited, 2)}. You can quit, and look again later."
    else:
        yield "Nothing. You can quit."


def nobody_plays(names: Sequence[str]) -> Sentence:
    """Say whose part the sandbox doesn't play."""
    return f"Nobody plays {listed(names, 2)} in this sandbox."


def _messages_to_send(run: SessionRun) -> Iterator[str]:
    """Yield messages for people with other groups or without their lost MFA device."""
    if came := sorted(_in_other_groups(run)):
        yield f"Tell {listed([*dict.fromkeys(name for _, name in came)], 2)} about their new groups."
    if lost := sorted(_without_device(run)):
        here = (
            "c copies them"
            if any(_signs_in_without(run))
            else "the step MFA devices has the text (c copies it)"
        )
        yield f"Send {listed(lost, 2)} the next steps, if you haven't: {here}."


def _in_other_groups(run: SessionRun) -> set[tuple[str, str]]:
    """Return (account, name) of people whose groups an apply changed and who get no handoff for it."""
    whole, gone = run.session_context(), run.removed().by_item
    return {
        (account, name)
        for account in whole.of_each_item("applied")
        for name, move in whole.decisions.of(account).moves.items()
        if move and name not in people_of(account, whole) and name not in gone.get(account, ())
    }


def _kept(run: SessionRun) -> Iterator[str]:
    facts = run.session.facts()
    if facts.get("changed_files") and (root := facts["project_root"]):
        yield f"Files     {run.environment.readable(root)}"
    whole = run.session_context()
    keys = ["PGP key in gpg"] if facts.get("fingerprint") else []
    each = whole.of_each_item("access_key").items()
    kept = [_kept_where(run, account, key["kept"]) for account, key in each if key]
    keys += [f"access key{'s' * (kept.count(place) > 1)} {place}" for place in dict.fromkeys(kept)]
    if keys:
        yield f"Keys      {'; '.join(keys)}"
    for path in filter(None, (access_keys.left_file(key) for _, key in each if key)):
        yield f"Download  {run.environment.readable(path)}"
        yield "          It has the key's secret in plain text: delete it."
    for config in sorted({profile["config"] for profile in whole.of_each_item("profiles").values()}):
        yield f"Profiles  {run.environment.readable(config)}"
    yield "Session   on Home (F3), until you delete it there"


def _kept_where(run: SessionRun, account: str, kept: str) -> str:
    """Return where an account's access key is kept."""
    with suppress(OnboardError):  # its step reports why the record can't be read
        if access_keys.earlier_key(run.context(StepKey("access-keys", account))):
            return "encrypted to your earlier PGP key"
    return KEPT_WORDS[kept]


class EverybodyDialog(Dialog[str]):
    """Shows the grid; Enter answers with the account of the selected cell.

    Args:
        grid: the grid.
        record: shows who was admitted with which key; None if no key was accepted.
        changed: what changed since, one line each.
    """

    AUTO_FOCUS = "#grid"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "close", "Close", id="everybody.close"),
    ]
    DEFAULT_CSS = """
    EverybodyDialog > Vertical { width: 96%; max-width: 116; }
    EverybodyDialog #changed { margin-bottom: 1; }
    EverybodyDialog Table { height: auto; max-height: 50vh; margin: 1 0; }
    """

    def __init__(
        self,
        grid: StatusGrid,
        record: Callable[[], object] | None = None,
        changed: Sequence[Sentence] = (),
    ) -> None:
        super().__init__(
            "Where everybody in this session stands",
            "",
            *([Button("Show who got access", id="record", key="w", act=record)] if record else []),
            body=(
                Text(grid.sentence, id="summary"),
                Table(id="grid", fixed_columns=1),
                Lines(*changed, id="changed"),
                Text("Enter opens the account of the selected cell."),
            ),
        )
        self._grid = grid

    def on_mount(self) -> None:
        """Fill the table, and select the first cell that needs work."""
        table = self.query_one(Table)
        table.add_columns("", *self._grid.accounts)
        for name, stands in self._grid.rows:
            table.add_row(name, *(stand.sentence for stand in stands))
        left = (
            (row, column)
            for row, (_, stands) in enumerate(self._grid.rows)
            for column, stand in enumerate(stands, 1)
            if not stand.settled
        )
        row, column = next(left, (0, 1))
        table.move_cursor(row=row, column=column)

    @on(Table.CellSelected)
    def _go_on(self, event: Table.CellSelected) -> None:
        column = event.coordinate.column
        self.dismiss(self._grid.accounts[column - 1] if column else None)
