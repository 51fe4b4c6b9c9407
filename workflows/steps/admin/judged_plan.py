"""A plan as it is shown, accepted and kept: sorted by the people it is about, and whether it still holds.

The files decide whether a plan may be applied (`staleness`). A commit that was merged or a branch that was
left changes nothing about it as long as the files are the same, but a person wants to know. The state is
asked with the layer's own profile, since Terraform would refuse the plan only when it is applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, count, joined, listed
from workflows.core.shapes import moment
from workflows.git import Git
from workflows.steps.admin import new_passwords, plan_resources
from workflows.steps.admin.accepted_plan import ChangeLine, PersonChange, Planned, is_applied
from workflows.steps.admin.other_sessions import not_applied, that_can_put_back
from workflows.steps.admin.plan_resources import Difference, Resource
from workflows.steps.admin.terraform_runs import open_layer, run_folder
from workflows.steps.admin.written import written_at
from workflows.steps.decisions import Move
from workflows.steps.shared.module import Context, Progress, Report
from workflows.terraform.kept import result_of
from workflows.terraform.plan import (
    ACCESS_KEY,
    ACCOUNT_TYPES,
    GROUP_MEMBERS,
    LOGIN_PROFILE,
    USER,
    Action,
    Plan,
    ResourceChange,
)
from workflows.terraform.record import (
    PlanRecord,
    changed_since,
    changed_words,
    file_sha256,
    refuse_another_plan,
)
from workflows.terraform.results import ApplyResult, Trouble
from workflows.terraform.words import about_nobody, describe, meaning, summary

_OWN = frozenset({USER, LOGIN_PROFILE, ACCESS_KEY})
"""What a person consists of, whatever the module is called that makes it."""
_MADE = frozenset({Action.CREATE, Action.REPLACE, Action.UPDATE})
_KINDS = {"login_profile": LOGIN_PROFILE, "access_key": ACCESS_KEY}


def judged(record: PlanRecord, plan: Plan, context: Context) -> Planned:
    """Sort a plan's changes by what was chosen in the steps before."""
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
    """Those of a plan's changes that nobody decided, in their order.

    A change is not meant because it is about somebody who was chosen: a person with a new password is not
    meant to become an administrator by what a colleague left in the files. So each kind of decision names
    what it allows. A person who joins may bring what else the person's own module makes; what is attached to
    them from elsewhere is listed apart.
    """
    meant = _Meant(context)
    modules: dict[str, set[str]] = {}
    for change in plan.changes:
        if change.user and change.type in _OWN and _module(change):
            modules.setdefault(change.user, set()).add(_module(change))
    return tuple(change for change in plan.changes if not meant.has(change, modules))


class _Meant:
    """What is meant to happen in one layer."""

    def __init__(self, context: Context) -> None:
        self._here = context.decisions.of(context.item)
        self._named = frozenset(context.decisions.named)
        self._people = self._named.union(self._here.people, context.decisions.resetting)
        self._allowed: dict[str, set[tuple[str, Action]]] = {}  # to those who stay, as type and action
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
        """Whether a change is part of it.

        Args:
            change: what happens to a resource.
            modules: IAM name -> modules that the plan has the person's own resources in.
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
        if name in self._here.add:
            return change.type in _OWN or _module(change) in modules.get(name, ())
        if name in self._here.remove:
            return change.action in {Action.DELETE, Action.FORGET}
        return (change.type, change.action) in self._allowed.get(name, ())

    def _moves(self, change: ResourceChange) -> bool:
        group = (change.group or "").casefold()
        moves = {name: self._here.moves.get(name, Move()) for name in (*change.joining, *change.leaving)}
        staying = self._named.union(self._here.remove)
        joining = [moves[name].add for name in change.joining if name not in self._named]
        leaving = [moves[name].remove for name in change.leaving if name not in staying]
        return not change.members_unknown and all(
            group in {group.casefold() for group in groups} for groups in (*joining, *leaving)
        )


def _module(change: ResourceChange) -> str:
    """The module instance that a resource is in, with a dot behind it; "" for one in none."""
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
    """Why a plan cannot be accepted or applied any more, as a sentence; "" if it can."""
    if not planned.empty and not planned.record.plan.is_file():
        result = result_of(run_folder(context), planned.record)
        if result is None:
            return "The plan file is gone. Plan again."
        if result.stopped:
            return "You stopped the apply of this plan. Plan again."
        began = "stopped on the way" if not result.untouched else "changed no resource"
        return f"An apply of this plan {began}. Plan again."
    changed = changed_since(planned.record)
    if not changed:
        return new_passwords.outdated(context)
    names = [path.removeprefix(str(context.root)).lstrip("/") for path in changed]
    return f"Changed since the plan: {listed(names, 3)}. Plan again."


def made_from_other_files(planned: Planned, context: Context) -> tuple[str, ...]:
    """The files that Review has put back since the plan was made from other lines in them."""
    sources, written = planned.record.sources, context.facts.get("changed_files") or ()
    made = moment(planned.record.made_at, "plan.made_at")
    if written_at(context.folder) < made.timestamp() * _NANOSECONDS:
        return ()  # another session can have brought a file back to the same lines
    return tuple(
        file["path"].removeprefix(str(context.root)).lstrip("/")
        for file in written
        if sources.get(file["path"], file["sha256"]) != file["sha256"] == file_sha256(Path(file["path"]))
    )


def standing(planned: Planned, result: ApplyResult) -> Sentence:
    """Who is done after an apply that stopped on the way, and who is not.

    After a killed one nobody is done for certain: what AWS has may be missing from the state.
    """
    if result.untouched:
        return "No resource was changed."
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
    """Those for whom an apply that stopped on the way has not done everything, sorted."""
    return sorted({name for left in _left(planned, result) for name in planned.owners.get(left, ())})


def _left(planned: Planned, result: ApplyResult) -> set[str]:
    """The resources that are not as planned yet; one that Terraform said nothing about is not, either."""
    if result.succeeded:
        return set()
    return {*planned.owners, *result.failed, *result.remaining} - set(result.done)


def causes(planned: Planned, result: ApplyResult) -> tuple[Sentence, ...]:
    """What went wrong in an apply, a line for each person and cause; other resources by their address.

    One that began with nothing has the advice of its failure beside it, and needs none here.
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


_NANOSECONDS = 1_000_000_000
_FRESH = timedelta(minutes=10)
_SHORT = 8


def is_old(made: Planned, context: Context) -> bool:
    """Whether a plan was made so long ago that its state may have changed since."""
    try:
        made_at = datetime.fromisoformat(made.record.made_at)
    except ValueError:
        return False
    return made_at.tzinfo is not None and context.environment.now() - made_at > _FRESH


def of_the_checkout(made: Planned, context: Context) -> Iterator[Sentence]:
    """What git reports on the checkout since the plan was made, in sentences; nothing without a checkout.

    The upstream is not asked: it is as it was last fetched.
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
            f"The checkout went from {record.commit[:_SHORT]} to {head[:_SHORT]}; "
            "what the plan was made from is compared file by file."
        )
    commit = (context.facts.get("commit") or {}).get("sha")
    if commit and (default := git.holder(commit)):
        yield f"Your commit {commit[:_SHORT]} is in {default}: it was merged."


@dataclass(frozen=True)
class Return:
    """How things stand when somebody comes to a plan.

    Attributes:
        refusal: why it cannot be accepted or applied any more, as a sentence, or "".
        since: what happened meanwhile that is no reason against it, each a sentence.
        resources: the resources of the last plan.
        differences: what changed from the plan before.
        old: whether the state should be asked, since the plan was not made just now.
        gone: whether its file is gone, or another one.
        undoing: what the other sessions do that can put back their files, as `that_can_put_back` says.
    """

    refusal: Sentence = ""
    since: tuple[Sentence, ...] = ()
    resources: tuple[Resource, ...] = ()
    differences: tuple[Difference, ...] = ()
    old: bool = False
    gone: bool = False
    undoing: Mapping[str, bool] = field(default_factory=dict)


def survey(made: Planned | None, context: Context) -> Return:
    """Look at what is on this machine; AWS is not asked, and an applied plan is left alone."""
    if made is None or is_applied(made, context):
        return Return()
    return Return(
        staleness(made, context),
        (*of_the_checkout(made, context), *(not_applied(context) if made.foreign else ())),
        plan_resources.kept(context),
        plan_resources.differences(context),
        old=is_old(made, context),
        undoing=that_can_put_back(context) if made.foreign else {},
    )


def left(made: Planned, context: Context) -> Return:
    """Look at a plan after the one that was to take its place failed, perhaps before it was removed.

    Raises:
        OSError: its file cannot be read.
    """
    try:
        refuse_another_plan(made.record)
    except OnboardError:
        return Return(gone=True)
    return survey(made, context)


def check(made: Planned, context: Context, report: Report, code: Secret | None = None) -> Return:
    """Look, and ask whether the state is still the one that was planned against.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        OnboardError: the state cannot be read.
    """
    found, mark = survey(made, context), made.record.state
    if found.refusal or mark is None:
        return found
    with open_layer(context, report, code=code) as layer:
        report(Progress("Asking whether the state is still the one that was planned against"))
        now = layer.terraform.state_mark(cancelled=context.cancelled)
    words = changed_words(mark, now) if now else ""
    return replace(found, refusal=f"{words} Plan again." if words else "")
