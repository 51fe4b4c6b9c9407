"""Judges a plan: sorts its changes by person, and checks whether it may still be applied.

The files decide whether a plan may be applied (`staleness`). A merged commit or another branch doesn't change
that as long as the files are the same, but people want to know. The state is read with the layer's own
profile, since Terraform would reject the plan only at the apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Sentence, count, joined, listed
from workflows.core.shapes import moment
from workflows.git import Git
from workflows.layer.read.layer import read_layer
from workflows.steps.admin import new_passwords, plan_resources
from workflows.steps.admin.accepted_plan import (
    ChangeLine,
    PersonChange,
    Planned,
    decided,
    is_applied,
    made_before,
)
from workflows.steps.admin.other_sessions import (
    Decided,
    LeftOpen,
    all_answers,
    decided_elsewhere,
    left_open_about,
    left_open_sentences,
    not_applied,
    replaced_before_sent,
    sessions_that_can_undo,
)
from workflows.steps.admin.plan_resources import Difference, Resource
from workflows.steps.admin.suspect_keys import accepted_here, fingerprint_of, suspicions
from workflows.steps.admin.terraform_runs import located, open_layer, run_folder
from workflows.steps.admin.written import written_at
from workflows.steps.decisions import Comparison, Move
from workflows.steps.shared.module import Context, Progress, Report
from workflows.terraform.plan import (
    ACCESS_KEY,
    ACCOUNT_TYPES,
    GROUP_MEMBERS,
    LOGIN_PROFILE,
    USER,
    Action,
    Plan,
    ResourceChange,
    Sort,
    about_nobody,
    describe,
    meaning,
    summary,
)
from workflows.terraform.record import (
    PlanRecord,
    changed_since,
    changed_words,
    file_sha256,
    refuse_another_plan,
)
from workflows.terraform.results import ApplyResult, Trouble, result_of

_OWN = frozenset({USER, LOGIN_PROFILE, ACCESS_KEY})
"""A person's own resources, whatever the module that makes them is called."""
_MADE = frozenset({Action.CREATE, Action.REPLACE, Action.UPDATE})
_KINDS = {"login_profile": LOGIN_PROFILE, "access_key": ACCESS_KEY}


def judged(record: PlanRecord, plan: Plan, context: Context) -> Planned:
    """Sort a plan's changes by the choices of earlier steps."""
    foreign = _foreign(plan, context)
    changed = (Action.CREATE, Action.REPLACE)
    return Planned(
        record=record,
        summary=summary(plan),
        counts=plan.counts(),
        destroys=tuple(_described(change) for change in (*plan.destroyed, *plan.replaced)),
        foreign=tuple(_described(change) for change in foreign),
        drift=tuple(describe(change) for change in plan.drift),
        owners={change.address: change.people for change in plan.changes},
        passwords=_users(plan, LOGIN_PROFILE, changed),
        access_keys=_users(plan, ACCESS_KEY, changed),
        rekeyed=tuple(sorted({change.user for change in plan.changes if change.rekeyed and change.user})),
        gone=_users(plan, USER, (Action.DELETE,)),
        empty=plan.is_empty,
        people=tuple(_person(plan, name) for name in plan.users),
        besides=about_nobody(plan, {change.address for change in foreign}),
    )


def _person(plan: Plan, name: str) -> PersonChange:
    own = [change for change in plan.changes if change.user == name]
    actions = {change.type: change.action.value for change in own}
    return PersonChange(
        name,
        actions.get(USER, ""),
        actions.get(LOGIN_PROFILE, ""),
        actions.get(ACCESS_KEY, ""),
        tuple(sorted(change.group or change.address for change in plan.changes if name in change.joining)),
        tuple(sorted(change.group or change.address for change in plan.changes if name in change.leaving)),
        sum(change.type not in _OWN for change in own),
    )


def _foreign(plan: Plan, context: Context) -> tuple[ResourceChange, ...]:
    """Return the plan's changes that nobody decided, in order.

    A change isn't meant just because it affects a chosen person: a new password must not make somebody an
    administrator because of a colleague's edit in the files. So each kind of decision lists the changes that
    it allows. A person who joins may bring whatever else their own module makes; attachments from elsewhere
    are listed separately.
    """
    meant = _Meant(context)
    modules: dict[str, set[str]] = {}
    for change in plan.changes:
        if change.user and change.type in _OWN and _module(change):
            modules.setdefault(change.user, set()).add(_module(change))
    return tuple(meant.foreign_part(change) for change in plan.changes if not meant.has(change, modules))


class _Meant:
    """The changes that are meant in one layer."""

    def __init__(self, context: Context) -> None:
        self._here = context.decisions.of(context.item)
        self._named = frozenset(context.decisions.named)
        self._people = self._named.union(self._here.people, context.decisions.resetting)
        self._allowed: dict[str, set[tuple[str, Action]]] = {}  # for people who stay, as type and action
        for name in context.decisions.resetting:
            self._allow(name, LOGIN_PROFILE)
        for name in self._here.new_keys:
            self._allow(name, LOGIN_PROFILE)
            self._allow(name, ACCESS_KEY)
        for name, switches in self._here.access.items():
            for switch, wanted in switches.items():
                self._allow(name, _KINDS[switch], _MADE if wanted else {Action.DELETE})

    def _allow(self, name: str, kind: str, actions: Set[Action] = _MADE) -> None:
        self._allowed.setdefault(name, set()).update((kind, action) for action in actions)

    def has(self, change: ResourceChange, modules: Mapping[str, Set[str]]) -> bool:
        """Return whether a change is meant.

        Args:
            change: what happens to a resource.
            modules: IAM name -> modules that hold the person's own resources in the plan.
        """
        groups, name = self._here.groups, change.user
        if change.type in ACCOUNT_TYPES:
            return bool(self._here.settings)
        if change.type == GROUP_MEMBERS:
            edited = bool(change.joining or change.leaving) or change.group in groups.policies
            return change.group in groups.remade or (edited and self._moves(change))
        if name is None or change.group is not None:
            ours = change.group in groups.remade.union(groups.policies)
            if name is None or not ours:
                return ours
        if name in self._named or change.action is Action.NOTHING:
            return name in self._people
        removes = change.action in {Action.DELETE, Action.FORGET}
        if name in self._here.add:
            return not removes and (change.type in _OWN or _module(change) in modules.get(name, ()))
        if name in self._here.remove:
            return removes
        return (change.type, change.action) in self._allowed.get(name, ())

    def _moves(self, change: ResourceChange) -> bool:
        return not (change.members_unknown or any(self._unchosen(change)))

    def _unchosen(self, change: ResourceChange) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return who joins and leaves a group although nobody chose that."""
        group, staying = (change.group or "").casefold(), self._named.union(self._here.remove)

        def moves(name: str) -> Move:
            return self._here.moves.get(name, Move())

        def chosen(groups: Iterable[str]) -> bool:
            return group in map(str.casefold, groups)

        joining = (name for name in change.joining if name not in self._named and not chosen(moves(name).add))
        leaving = (name for name in change.leaving if name not in staying and not chosen(moves(name).remove))
        return tuple(joining), tuple(leaving)

    def foreign_part(self, change: ResourceChange) -> ResourceChange:
        """Return a foreign change without the moves in it that were chosen."""
        joining, leaving = self._unchosen(change)
        return replace(change, joining=joining, leaving=leaving) if joining or leaving else change


def _module(change: ResourceChange) -> str:
    """Return the module instance of a resource, with a trailing dot; "" outside modules."""
    return change.address.partition(f"{change.type}.")[0]


def _described(change: ResourceChange) -> ChangeLine:
    return ChangeLine(change.address, describe(change), change.people, named=meaning(change) is None)


def _users(plan: Plan, kind: str, actions: Sequence[Action]) -> tuple[str, ...]:
    found = {
        change.user
        for change in plan.changes
        if change.type == kind and change.action in actions and change.user
    }
    return tuple(sorted(found))


def staleness(planned: Planned, context: Context) -> Sentence:
    """Return a sentence why a plan can't be accepted or applied any more; "" if it can."""
    gone = not planned.empty and file_sha256(planned.record.plan) != planned.record.plan_sha256
    if gone and (result := result_of(run_folder(context), planned.record)) is not None:
        if result.stopped:
            return "You stopped the apply of this plan."
        began = "stopped halfway" if not result.untouched else "changed no resource"
        return f"An apply of this plan {began}."  # what comes next is on the page of Apply
    if changed := changed_since(planned.record):
        names = [path.removeprefix(str(context.root)).lstrip("/") for path in changed]
        return f"Changed since the plan: {listed(names, 3)}. Plan again."
    return "The plan file was removed or replaced. Plan again." if gone else new_passwords.outdated(context)


def made_from_other_files(planned: Planned, context: Context) -> tuple[str, ...]:
    """Return files that Review put back after the plan was made from other lines in them."""
    sources, written = planned.record.sources, context.facts.get("changed_files") or ()
    made = moment(planned.record.made_at, "plan.made_at")
    if written_at(context.folder) < made.timestamp() * _NANOSECONDS:
        return ()  # another session may have restored the same lines
    return tuple(
        file["path"].removeprefix(str(context.root)).lstrip("/")
        for file in written
        if sources.get(file["path"], file["sha256"]) != file["sha256"] == file_sha256(Path(file["path"]))
    )


def standing(planned: Planned, result: ApplyResult) -> Sentence:
    """Describe who is done, and who isn't, after an apply that stopped part-way.

    After a killed apply nobody is done for certain: the state may lack what AWS has.
    """
    if result.untouched:
        outputs = result.stopped and any(line.sort is Sort.OUTPUT for line in planned.besides)
        return joined(("No resource was changed.", "Outputs may have been." if outputs else ""))
    left = _left(planned, result)
    people = sorted({name for names in planned.owners.values() for name in names})
    waiting = unfinished(planned, result)
    done = [name for name in people if name not in waiting]
    done_words = "Done, but perhaps missing from the state" if result.killed else "Done"
    done_words = "Done, but not in the state yet" if result.unwritten else done_words
    resources = len([address for address in left if not planned.owners.get(address)])
    parts = (
        f"{done_words}: {', '.join(done)}." if done else "",
        f"Not done, or only in part: {', '.join(waiting)}." if waiting else "",
        f"{count(resources, 'other resource')} left." if resources else "",
    )
    return joined(parts) or "Everything in it is done."


def unfinished(planned: Planned, result: ApplyResult) -> list[str]:
    """Return people for whom a stopped apply hasn't done everything, sorted."""
    return sorted({name for left in _left(planned, result) for name in planned.owners.get(left, ())})


def _left(planned: Planned, result: ApplyResult) -> set[str]:
    """Return resources that aren't as planned yet, including those that Terraform didn't mention."""
    if result.succeeded:
        return set()
    return {*planned.owners, *result.failed, *result.remaining} - set(result.done)


def begun_here(context: Context) -> set[str]:
    """Return the resources that this session's last apply of the step's layer changes and didn't finish."""
    planned = decided(context)
    result = result_of(run_folder(context), planned.record) if planned else None
    return _left(planned, result) if planned and result else set()


def partly_applied(context: Context) -> bool:
    """Return whether this session's last apply of the step's layer ended after it started something."""
    planned = decided(context)
    result = result_of(run_folder(context), planned.record) if planned else None
    return result is not None and not result.untouched


def doubted_keys(planned: Planned, context: Context, others: Decided | None = None) -> dict[str, Sentence]:
    """Return what is doubtful about keys in the layer that a plan encrypts something to, by name.

    Args:
        others: the result of `decided_elsewhere`, if it is there already.

    Raises:
        OnboardError: the layer, or an answer about a key, can't be read.
    """
    others = decided_elsewhere(context) if others is None else others
    names, before = planned.encrypted_for, made_before(context, partly=partly_applied(context))
    rekeyed = {*planned.rekeyed, *before["rekeyed_before"]}
    left, suspect = _left_open(names, context, others), suspicions(names, context, others, rekeyed)
    of_name = {part[0]: joined(left_open_sentences({part: left[part]})) for part in left}
    return {
        name: joined((of_name.get(name, ""), suspect.get(name, "")))
        for name in dict.fromkeys((*of_name, *suspect))
    }


_REMEDY = "Add their own key with “Replace a PGP key” on Home, then plan again."


class Doubts(NamedTuple):
    """What speaks against accepting and applying a plan.

    Attributes:
        refusal: why it can't be accepted or applied any more, as a sentence, or "".
        rejected: the people to whom that is due, since their keys were rejected.
        of_keys: what is doubtful about the keys it encrypts to, by name.
    """

    refusal: Sentence = ""
    rejected: tuple[str, ...] = ()
    of_keys: Mapping[str, Sentence] = {}


def doubts_of(planned: Planned, context: Context) -> Doubts:
    """Return what speaks against accepting and applying a plan.

    Nothing is doubtful about a plan that is out of date: it has to be made again.

    Raises:
        OnboardError: the layer can't be read.
    """
    if stale := staleness(planned, context):
        return Doubts(stale)
    others = decided_elsewhere(context)
    wrong = tuple(name for name, _key in rejected_elsewhere(planned.encrypted_for, context, others))
    refused = f"The PGP key of {listed(wrong, 2)} was rejected. {_REMEDY}" if wrong else ""
    return Doubts(refused, wrong, doubted_keys(planned, context, others))


def refuse_rejected_keys(planned: Planned, context: Context) -> None:
    """Stop before a plan encrypts something to a key that a session found not to be its owner's.

    Raises:
        OnboardError: it does, or the layer can't be read.
    """
    if wrong := rejected_elsewhere(planned.encrypted_for, context):
        raise OnboardError(
            "A PGP key belongs to someone else",
            joined(left_open_sentences(wrong)),
            why="They couldn't decrypt what this plan makes for them, but someone else could.",
            next=_REMEDY,
        )


def rejected_elsewhere(
    names: Iterable[str], context: Context, others: Decided | None = None
) -> dict[tuple[str, str], LeftOpen]:
    """Return keys in the layer that sessions found not to be their owners', by name and fingerprint.

    Args:
        others: as for `doubted_keys`.

    Raises:
        OnboardError: the layer can't be read.
    """
    doubted = _left_open(names, context, decided_elsewhere(context) if others is None else others)
    return {key: left for key, left in doubted.items() if left.answer is Comparison.DIFFERS}


def _left_open(names: Iterable[str], context: Context, others: Decided) -> dict[tuple[str, str], LeftOpen]:
    """Return what sessions leave open about people's keys, apart from what this one says of them itself."""
    asked = {*names}.difference(context.decisions.compared)
    if not asked or {*all_answers(context, others).values()} <= {Comparison.SAME}:
        return {}
    layer = read_layer(located(context)[1])
    there = {name: fingerprint for name in sorted(asked) if (fingerprint := fingerprint_of(name, layer))}
    accepted = accepted_here(there, layer, context)
    return {
        key: left
        for key, left in left_open_about(there, context, others).items()
        if key[0] not in accepted or (left.answer is Comparison.DIFFERS and not left.whose)
    }


def causes(planned: Planned, result: ApplyResult) -> tuple[Sentence, ...]:
    """Describe an apply's failures, one line per cause with its people; other resources by address.

    An apply that started nothing shows its own advice, and needs none here.
    """
    people: dict[Trouble, list[str]] = {}
    for trouble in result.troubles:
        who = planned.owners.get(trouble.address) or ((trouble.address,) if trouble.address else ())
        advice = "" if result.untouched else trouble.next
        names = people.setdefault(replace(trouble, address="", next=advice), [])
        names += [name for name in who if name not in names]
    return tuple(
        f"{listed(names, 5)}{': ' if names else ''}{joined((f'{trouble.title}.', trouble.why, trouble.next))}"
        for trouble, names in people.items()
    )


def kept_in_use(planned: Planned, result: ApplyResult) -> bool:
    """Return whether AWS kept somebody whom the plan removes, because something is attached to them."""
    kept = [trouble.address for trouble in result.troubles if trouble.in_use]
    return any(not address or {*planned.owners.get(address, ())} & {*planned.gone} for address in kept)


_NANOSECONDS = 1_000_000_000
_FRESH = timedelta(minutes=10)
_SHORT = 8


def is_old(made: Planned, context: Context) -> bool:
    """Return whether the state may have changed since the plan, because of its age."""
    try:
        made_at = datetime.fromisoformat(made.record.made_at)
    except ValueError:
        return False
    return made_at.tzinfo is not None and context.environment.now() - made_at > _FRESH


def of_the_checkout(made: Planned, context: Context) -> Iterator[Sentence]:
    """Yield what git reports about the checkout since the plan; nothing without a checkout.

    The upstream isn't fetched again.
    """
    record = made.record
    git = Git(context.root, context.environment.variables)
    if not record.commit or not git.is_repository():
        return
    head, branch = git.head(), git.branch() or ""
    if record.branch and branch != record.branch:
        yield f"The plan is from the branch {record.branch}; now it is {branch or 'no branch'}."
    if head != record.commit:
        yield (
            f"The checkout moved from {record.commit[:_SHORT]} to {head[:_SHORT]}; iam-onboard compares "
            "the planned files one by one."
        )
    commit = (context.facts.get("commit") or {}).get("sha")
    if commit and (default := git.holder(commit)):
        yield f"Your commit {commit[:_SHORT]} is in {default}."


@dataclass(frozen=True)
class Return:
    """The situation when somebody returns to a plan.

    Attributes:
        refusal: as in `Doubts`.
        rejected: as in `Doubts`.
        since: what happened meanwhile without making it invalid, one sentence each.
        resources: the resources of the last plan.
        differences: what changed from the previous plan.
        old: whether to check the state, since the plan isn't fresh.
        gone: whether its file is missing or replaced.
        undoing: what the other sessions do that can put back their files, from `sessions_that_can_undo`.
        doubts: what is doubtful about the keys it encrypts to, by name.
    """

    refusal: Sentence = ""
    rejected: tuple[str, ...] = ()
    since: tuple[Sentence, ...] = ()
    resources: tuple[Resource, ...] = ()
    differences: tuple[Difference, ...] = ()
    old: bool = False
    gone: bool = False
    undoing: Mapping[str, bool] = field(default_factory=dict)
    doubts: Mapping[str, Sentence] = field(default_factory=dict)


def survey(made: Planned | None, context: Context) -> Return:
    """Check a plan on this machine only; AWS isn't asked, and an applied plan is left alone."""
    if made is None or is_applied(made, context):
        return Return()
    doubts = doubts_of(made, context)
    return Return(
        doubts.refusal,
        doubts.rejected,
        (
            *of_the_checkout(made, context),
            *replaced_before_sent(made.passwords, context),
            *(not_applied(context) if made.foreign else ()),
        ),
        plan_resources.kept(context),
        plan_resources.differences(context),
        old=is_old(made, context),
        undoing=sessions_that_can_undo(context) if made.foreign else {},
        doubts=doubts.of_keys,
    )


def left(made: Planned, context: Context) -> Return:
    """Check a plan after its replacement failed, perhaps before the plan was removed.

    Raises:
        OSError: its file can't be read.
    """
    try:
        refuse_another_plan(made.record)
    except OnboardError:
        return Return(gone=True)
    return survey(made, context)


def check(made: Planned, context: Context, report: Report, code: Secret | None = None) -> Return:
    """Check a plan, including whether its state is still the current one.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        OnboardError: the state can't be read.
    """
    found, mark = survey(made, context), made.record.state
    if found.refusal or mark is None:
        return found
    with open_layer(context, report, code=code) as layer:
        report(Progress("Checking whether the state has changed since the plan"))
        now = layer.terraform.state_mark(cancelled=context.cancelled)
    words = changed_words(mark, now) if now else ""
    return replace(found, refusal=f"{words} Plan again." if words else "")
