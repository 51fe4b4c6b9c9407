"""The status of each person in every account: decided, planned, applied, handed over.

It is read from this session and its later siblings, so it costs almost nothing; what has happened in AWS
since comes from the last look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from workflows.core.files import FileError
from workflows.core.grouping import by_key
from workflows.core.openpgp import fingerprint_in
from workflows.core.sentences import OnboardError, Sentence, listed
from workflows.core.shapes import WrongShape, reading
from workflows.machine.drafts import Drafts
from workflows.machine.events import NOT_ASKED, Observation, StepKey, Verdict
from workflows.machine.summaries import DRAFTS
from workflows.steps.admin.accepted_plan import (
    Sent,
    made_in,
    made_since,
    marks_so_far,
    nothing_changed,
    passwords_of,
    people_of,
    read_plan,
)
from workflows.steps.admin.judged_plan import unfinished
from workflows.steps.admin.other_sessions import (
    applied_accounts,
    ledger_with,
    never_admitted,
    rekeyed_before_apply,
    removed_from_files,
)
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.admin.written import holds_files
from workflows.steps.decisions import Comparison
from workflows.steps.kinds import KINDS
from workflows.steps.ledger import left_out_of
from workflows.steps.shared.leftovers import running_in
from workflows.steps.shared.module import Context
from workflows.terraform.results import result_of
from workflows.terraform.runner import Kind


class PersonStatus(Enum):
    """A person's status in an account: a mark and a short phrase."""

    NOT_HERE = ("", "no change")
    KEY_AWAITED = ("·", "no key yet")
    REQUEST_ARRIVED = ("○", "request arrived")
    KEY_TO_COMPARE = ("○", "key to compare")
    TO_DECIDE = ("·", "to decide")
    DECIDED = ("·", "decided")
    WRITTEN = ("○", "written")
    APPLIED_ELSEWHERE = ("○", "applied elsewhere")
    PLANNED = ("○", "planned")
    APPLYING = ("…", "applying")
    HALF_DONE = ("✗", "half done")
    CHANGED = ("≠", "changed since")
    CHANGE_MEANT = ("–", "changed since")
    KEY_REJECTED = ("✗", "not their key")
    TO_HAND_OVER = ("○", "to hand over")
    APPLIED = ("✓", "applied")
    UNCHANGED = ("✓", "nothing to change")
    REMOVED = ("✓", "removed")
    NO_USER = ("✓", "no user here")
    HANDED_OVER = ("✓", "sent")
    AWAITED = ("✓", "sent, waiting")
    SAID_SENT = ("?", "sent, you said so")
    SAID_AWAITED = ("?", "sent, waiting")
    SIGNED_IN = ("✓", "signed in")
    DEVICE_TO_REMOVE = ("○", "device to remove")
    DEVICE_REMOVED = ("✓", "device removed")
    NEW_DEVICE = ("✓", "new device")
    DEVICE_KEPT = ("–", "device kept")
    NO_DEVICE = ("–", "no device")
    MADE_LATER = ("–", "in a later session")
    REMOVED_SINCE = ("–", "removed since")
    GONE_FROM_FILES = ("–", "gone from files")
    ADDED_SINCE = ("–", "added since")

    def __init__(self, mark: str, words: str) -> None:
        self.mark = mark
        self.sentence: Sentence = f"{mark} {words}".strip()

    @property
    def settled(self) -> bool:
        """Whether this cell needs no more work."""
        return self is PersonStatus.NOT_HERE or self.mark in {"✓", "–", "?"}


@dataclass(frozen=True)
class StatusGrid:
    """The grid.

    Attributes:
        accounts: the accounts, in working order.
        rows: each person with their status, account by account.
    """

    accounts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[PersonStatus, ...]], ...]

    def open_in(self, account: str) -> set[str]:
        """Return the people for whom an account needs more work."""
        at = self.accounts.index(account)
        return {name for name, stands in self.rows if not stands[at].settled}

    @property
    def sentence(self) -> Sentence:
        """A sentence naming the people who need no more work, whether or not they signed in."""
        done = [
            name
            for name, stands in self.rows
            if any(stand.mark in {"✓", "?"} for stand in stands) and all(stand.settled for stand in stands)
        ]
        if done:
            return f"Your part is done for {listed(done, 3)}."
        every = [stand for _, stands in self.rows for stand in stands]
        over = any(stand.mark for stand in every) and all(stand.settled for stand in every)
        return "Nothing is left to do here." if over else "Your part isn't done for anyone yet."


def status_grid(context: Context) -> StatusGrid:
    """Return everybody's status; no rows before anybody was named."""
    decisions = context.decisions
    undecided = _undecided(context)
    found = {account: _people(account, undecided, context) for account in decisions.layers}
    names = _chosen(context)
    names += sorted(name for people in found.values() for name in people)
    marks = {account: marks_so_far(account, context) for account in decisions.layers}
    written = holds_files(context.folder, context.every)
    applied = applied_accounts(context) if written else set[str]()
    later = _later(context)
    columns = [
        _Column(
            account,
            context,
            people,
            marks,
            undecided,
            later[account],
            written=written,
            applied_for_it=account in applied,
        )
        for account, people in found.items()
    ]
    rows = tuple((name, tuple(column.stand(name) for column in columns)) for name in dict.fromkeys(names))
    return StatusGrid(decisions.layers, rows)


def without_device(account: str, context: Context) -> list[str]:
    """Return people whose MFA device was removed in an account and who had no new one at the last look."""
    fact: Any = context.of_each_item("mfa_devices_reset").get(account) or {}
    look = context.observed.get(StepKey("mfa-reset", account), NOT_ASKED)
    asked = look.verdict in {Verdict.AS_DECIDED, Verdict.AWAITED}
    return [name for name in fact.get("people") or () if not asked or name in look.about]


def _later(context: Context) -> Mapping[str, Mapping[str, PersonStatus]]:
    """Return the status, by account, of people whom later sessions removed, reset or rekeyed."""
    accounts, (ledger, own) = context.decisions.layers, ledger_with(context)
    removals = by_key(ledger.removals(own))
    renewals = by_key((*ledger.renewed(own, ledger.passwords), *rekeyed_before_apply(context)))
    try:
        unwritten = removed_from_files(context).by_item
    except OnboardError:
        unwritten = {}  # Review reports what is wrong with the files
    without = {
        account: [name for name in names if never_admitted(name, account, context)]
        for account, names in unwritten.items()
    }
    return {
        account: dict.fromkeys(without.get(account, ()), PersonStatus.GONE_FROM_FILES)
        | dict.fromkeys(renewals.get(account, ()), PersonStatus.MADE_LATER)
        | dict.fromkeys(removals.get(account, ()), PersonStatus.REMOVED_SINCE)
        for account in accounts
    }


def _chosen(context: Context) -> list[str]:
    """List the people with work to do, kind by kind."""
    return [name for kind in KINDS for name in getattr(context.decisions, kind)]


def _undecided(context: Context) -> Mapping[str, PersonStatus]:
    """Return people that Users or Groups still has to decide about, with their status until then."""
    decisions, every = context.decisions, context.every
    names = [*decisions.joining, *decisions.regrouping] if "memberships" not in every else []
    names += decisions.leaving if decisions.user_changes is None else ()
    keyless = [name for name in (*decisions.joining, *decisions.rekeying) if name not in decisions.keys]
    taken_in = _with_key_received(context) if keyless else {}
    return {
        **dict.fromkeys(names, PersonStatus.TO_DECIDE),
        **{name: taken_in.get(name, PersonStatus.KEY_AWAITED) for name in keyless},
    }


def _with_key_received(context: Context) -> Mapping[str, PersonStatus]:
    """Return the status of people whose request or key PGP keys has received but not yet recorded."""
    draft = _draft(
        StepKey("pgp-keys"), context, texts=Mapping[str, str], answers=Mapping[str, Any], arrived=list[str]
    )
    texts, answers = draft.get("texts") or {}, draft.get("answers") or {}
    return dict.fromkeys(draft.get("arrived") or (), PersonStatus.REQUEST_ARRIVED) | {
        name: PersonStatus.TO_DECIDE
        if answers.get(name) == [fingerprint_in(text.encode(errors="replace")), Comparison.SAME]
        else PersonStatus.KEY_TO_COMPARE
        for name, text in texts.items()
    }


def _draft(key: StepKey, context: Context, **shapes: Any) -> Mapping[str, Any]:
    """Return the unrecorded input on a step's page; {} if it is damaged, which that page reports."""
    try:
        draft = Drafts(context.folder / DRAFTS).load(key)
        reading(**shapes)(draft)
    except (FileError, WrongShape):
        return {}
    return draft


def _people(account: str, undecided: Iterable[str], context: Context) -> set[str]:
    """Return people with work in an account, or possible work."""
    decisions = context.decisions
    found = decisions.of(account).people.union(people_of(account, context))
    found |= {*undecided} - {*decisions.users.people("add")}
    found |= {*made_in(account, context).gone}.intersection(_chosen(context))
    if account not in context.of_each_item("plan"):
        found |= {*decisions.resetting}  # only the state shows who has a password here
    return found


class _Column:
    """One account's column."""

    def __init__(
        self,
        account: str,
        context: Context,
        people: set[str],
        marks: Mapping[str, Mapping[str, Sent]],
        undecided: Mapping[str, PersonStatus],
        later: Mapping[str, PersonStatus],
        *,
        written: bool,
        applied_for_it: bool,
    ) -> None:
        self._context = context
        self._marks = marks
        self._account = account
        self._people = people
        self._undecided = undecided
        self._later = later
        self._written = written
        self._applied_for_it = applied_for_it
        self._plan = context.of_each_item("plan").get(account)
        self._applied = account in context.of_each_item("applied")
        self._left = self._half_done()
        run = running_in(context.folder, account)
        steps = ("apply", "hand-over") if self._applied else ("plan", "review", "groups", "users", "pgp-keys")
        own = {*map(StepKey, steps), *(StepKey(step, account) for step in steps)}
        if not written:
            own.discard(StepKey("review"))  # the files were put back on purpose
        looks = (context.observed.get(key, NOT_ASKED) for key in own & context.contradicted)
        self._contradicted = set[str]().union(*map(self._concerned, looks))
        self._meant = self._changed_on_purpose(context)
        self._since = self._reverted(context)
        self._applying = run is not None and run.description.kind is Kind.APPLY

    def _concerned(self, look: Observation) -> set[str]:
        """Return the people here whom a contradiction is about: everybody if it names nobody."""
        if look.by_item and self._account not in look.by_item:
            return set()
        named = {*look.by_item.get(self._account, look.about)}
        everybody = self._people.union(self._context.decisions.people)
        return self._people & named if named & everybody else self._people

    def _changed_on_purpose(self, context: Context) -> set[str]:
        """Return people changed in AWS since the apply, which the user confirmed as intended."""
        key = StepKey("apply", self._account)
        look = context.observed.get(key, NOT_ASKED)
        about = look.by_item.get(self._account) or look.about
        meant = look.verdict is Verdict.UNDONE and key not in context.contradicted
        return self._people.intersection(about) if meant else set()

    def _reverted(self, context: Context) -> Mapping[str, PersonStatus]:
        """Return the status of people whom later sessions added again, or removed at least from the files."""
        here = context.decisions.of(self._account)
        applied = context.observed.get(StepKey("apply", self._account), NOT_ASKED)
        since = {name: stand for name, stand in self._later.items() if stand is not PersonStatus.MADE_LATER}
        if applied.verdict is Verdict.REVERTED:
            since |= dict.fromkeys(here.people, PersonStatus.REMOVED_SINCE)
            since |= dict.fromkeys(here.remove, PersonStatus.ADDED_SINCE)
        project, review = (context.observed.get(StepKey(step), NOT_ASKED) for step in ("project", "review"))
        unwritten = [] if review.contradicts else [*review.by_item.get(self._account, ())]
        if project.verdict is Verdict.REVERTED:
            unwritten += (*project.about, *project.by_item.get(self._account, ()))
        return dict.fromkeys(unwritten, PersonStatus.GONE_FROM_FILES) | since

    def stand(self, name: str) -> PersonStatus:
        """Return a person's status here; unfinished work takes precedence."""
        by_terraform, device = self._by_terraform(name), self._device(name)
        left = by_terraform.settled and not device.settled
        return device if left or by_terraform is PersonStatus.NOT_HERE else by_terraform

    def _device(self, name: str) -> PersonStatus:
        """Return the status of somebody's lost MFA device."""
        if name not in self._context.decisions.mfa_reset:
            return PersonStatus.NOT_HERE
        if self._since.get(name, PersonStatus.GONE_FROM_FILES) is not PersonStatus.GONE_FROM_FILES:
            return self._since[name]
        fact: Any = self._context.of_each_item("mfa_devices_reset").get(self._account)
        key = StepKey("mfa-reset", self._account)
        seen = fact or _draft(key, self._context, people=Mapping[str, list[str]], none=list[str])
        if name in (seen.get("people") or ()):
            lacking = fact is None or name in without_device(self._account, self._context)
            return PersonStatus.DEVICE_REMOVED if lacking else PersonStatus.NEW_DEVICE
        if name in (seen.get("none") or ()):
            return PersonStatus.NO_DEVICE
        left = fact is None and key not in self._context.skipped
        return PersonStatus.DEVICE_TO_REMOVE if left else PersonStatus.DEVICE_KEPT

    def _by_terraform(self, name: str) -> PersonStatus:
        if name not in self._people:
            return PersonStatus.NOT_HERE
        if name in {*self._since, *self._contradicted, *self._meant}:
            changed = PersonStatus.CHANGED if name in self._contradicted else PersonStatus.CHANGE_MEANT
            return self._since.get(name, changed)
        lacks = name in left_out_of(self._plan or {})
        decisions = self._context.decisions
        if name in decisions.rejected and name in decisions.keyed_in(self._account):
            return self._later.get(name, PersonStatus.KEY_REJECTED)
        if self._applied and not lacks:
            return self._after_apply(name)
        if self._plan is not None and not lacks:
            if self._applying or self._left is None:
                return PersonStatus.APPLYING if self._applying else PersonStatus.PLANNED
            return PersonStatus.HALF_DONE if name in self._left else self._after_apply(name)
        decided = PersonStatus.WRITTEN if self._written else PersonStatus.DECIDED
        if not self._written and name in self._context.decisions.not_compared:
            return PersonStatus.KEY_TO_COMPARE
        if self._applied_for_it and not lacks and name in decisions.of(self._account).people:
            decided = PersonStatus.APPLIED_ELSEWHERE
        return self._undecided.get(name, decided)

    def _after_apply(self, name: str) -> PersonStatus:
        """Return a person's status after the apply."""
        if name in people_of(self._account, self._context):
            return self._handed_over(name)
        if name in self._context.decisions.of(self._account).remove:
            never = name in made_in(self._account, self._context).absent
            return PersonStatus.NO_USER if never else PersonStatus.REMOVED
        if name in made_in(self._account, self._context).gone:
            return PersonStatus.REMOVED_SINCE
        unchanged = nothing_changed(self._context.of_each_item("applied").get(self._account))
        return PersonStatus.UNCHANGED if unchanged else PersonStatus.APPLIED

    def _handed_over(self, name: str) -> PersonStatus:
        """Return whether this account's part was sent, here or with a later text, and AWS's last report."""
        accounts, found = self._context.decisions.layers, self._later.get(name, PersonStatus.TO_HAND_OVER)
        for account in accounts[accounts.index(self._account) :]:
            mark = self._marks[account].get(name)
            if mark is None or mark.sent_at is None or made_since(mark, name, self._account, self._context):
                continue
            seen = self._context.observed.get(StepKey("hand-over", account), NOT_ASKED)
            awaited = seen.by_item.get(self._account, ()) if seen.by_item else seen.about
            if seen.verdict is Verdict.AWAITED and name in awaited:
                return PersonStatus.SAID_AWAITED if mark.by_hand else PersonStatus.AWAITED
            asked = name in passwords_of(self._account, self._context)  # AWS reports on passwords only
            if asked and seen.verdict in {Verdict.AWAITED, Verdict.AS_DECIDED}:
                return PersonStatus.SIGNED_IN
            sent = PersonStatus.SAID_SENT if mark.by_hand else PersonStatus.HANDED_OVER
            found = self._later.get(name, sent)
            if self._account in self._context.of_each_item("handed_over"):
                return found
        return found  # AWS is asked about a part in the text that carried it

    def _half_done(self) -> frozenset[str] | None:
        """Return people whom a stopped apply of the accepted plan left unfinished; None without one."""
        planned = None if self._applied else read_plan(self._plan)
        if planned is None:
            return None
        result = result_of(run_folder(self._context, self._account), planned.record)
        if result is None or result.untouched:
            return None
        return frozenset(self._people if result.killed or result.unwritten else unfinished(planned, result))
