"""The groups: the groups of each person in each layer, and groups that come, go or change.

A `LayerView` is a layer as the matrix shows it, with what can't be changed in it here, and why; a
`LayerChoice` is what the person decides for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from workflows.core.errors import Problem
from workflows.core.sentences import Sentence
from workflows.core.shapes import plain, read
from workflows.layer.edit.operation import EditRefused, is_for_others, text_for_others, text_in_no_group
from workflows.layer.edit.people import AddPerson
from workflows.layer.edit.run import check
from workflows.layer.managed_policies import check_policy_arn
from workflows.layer.model import Group, Layer, Place, Subject
from workflows.layer.names import check_name, is_machine_name
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation, Verdict
from workflows.steps.admin.edits import operations, read_layers
from workflows.steps.admin.other_sessions import removed_from_files
from workflows.steps.decisions import GroupChanges, Move, NewGroup, PolicyChanges
from workflows.steps.shared.by_hand import Spot, not_possible, refused_by_hand, spots_of
from workflows.steps.shared.module import Context, Progress, Report

_NOBODY: frozenset[str] = frozenset()
_SHOWN = {Subject.GROUP, Subject.MEMBER, Subject.FILE}


class Chosen(StrEnum):
    """Why a person was chosen in the steps before; the value is what a person reads."""

    JOINS = "joining"
    REGROUPS = "groups to change"
    LEAVES = "leaving"


@dataclass(frozen=True)
class LayerView:
    """A layer as the screen shows it.

    Attributes:
        account: its account.
        account_id: 12 digits, or None if the project does not say.
        chosen: those who were chosen, by IAM name and in the order of the matrix, and why.
        others: everybody else but machine users, by name.
        machines: machine users who were not chosen, by name.
        machine_names: all machine users.
        now: the groups that each of them is in now; nothing for people who join.
        groups: the groups that people can be in.
        machine_groups: those for machine users, which people are kept out of.
        follow: the groups that take in who joins by themselves, their members being computed.
        absent: those whose groups were to change, and whom the layer does not have.
        spots: what is computed or in comments of groups, and files that are not read as a whole; what needs a
            hand comes first.
    """

    account: str
    account_id: str | None = None
    chosen: Mapping[str, Chosen] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    machine_names: frozenset[str] = frozenset()
    now: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    machine_groups: tuple[Group, ...] = ()
    follow: Mapping[str, frozenset[str]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    spots: tuple[Spot, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Group]:
        """All groups of the layer by name."""
        return {group.name: group for group in (*self.groups, *self.machine_groups)}

    @cached_property
    def people(self) -> tuple[str, ...]:
        """Everybody, in the order of the matrix."""
        return (*self.chosen, *self.others, *self.machines)

    @cached_property
    def longest(self) -> int:
        """The length of the longest name."""
        return max(map(len, self.people), default=0)

    def is_machine(self, name: str) -> bool:
        """Whether a person is a machine user."""
        return name in self.machine_names

    def new_groups(self, choice: LayerChoice) -> tuple[NewGroup, ...]:
        """The groups of the choice that the layer does not have yet."""
        known = {*self.by_name, *choice.rename.values()}
        return tuple(new for new in choice.add if new.name not in known)

    def like(self, choice: LayerChoice, group: str) -> Group | None:
        """The group of that name, or the one that a new group is made like."""
        siblings = {new.name: new.sibling for new in choice.add}
        while group not in self.by_name and group in siblings:
            group = siblings.pop(group)
        return self.by_name.get(group)

    def is_for_machines(self, choice: LayerChoice, group: str) -> bool:
        """Whether a group is for machine users; a new one is if its sibling is."""
        known = self.like(choice, group)
        return known is not None and known.machine

    def before(self, name: str) -> frozenset[str]:
        """The groups that a person is in now."""
        return self.now.get(name, _NOBODY)

    def after(self, name: str, choice: LayerChoice) -> frozenset[str]:
        """The groups that a person is to be in; those that are to be removed still count."""
        return choice.members.get(name, self.before(name))

    def with_followed(self, name: str, groups: frozenset[str]) -> frozenset[str]:
        """Groups of a person with those that take the person in by themselves."""
        return groups | self.follow.get(name, _NOBODY)

    def taken(self, choice: LayerChoice) -> tuple[str, ...]:
        """All names of groups that are in use, or will be."""
        return (*self.by_name, *(new.name for new in choice.add), *choice.rename.values())

    def refusal(self, choice: LayerChoice, name: str, group: str) -> Sentence:
        """Why a person cannot be put into a group, or out of it, as a sentence; "" if it can be done."""
        if self.chosen.get(name) is Chosen.LEAVES:
            return f"{name} leaves {self.account}, and every group with it."
        if group in choice.remove:
            return f"The group {group} is to be removed."
        known = self.by_name.get(group)
        if known is not None and not known.editable:
            where = self.place_of(group)
            return f"Edit the members of {group} by hand at {where} (F4), because {known.reason}."
        machine, mine = self.is_machine(name), self.after(name, choice) | self.before(name)
        if group in mine or not self._is_for_others(choice, group, machine=machine):
            return ""
        return text_for_others(group, name, machine=machine)

    def _is_for_others(self, choice: LayerChoice, group: str, *, machine: bool) -> bool:
        """Whether a group is for the other kind of users; an empty one is for those of who joins first."""
        like = self.like(choice, group)
        if like is None:
            return False
        joining = [] if like.members else [name for name in choice.members if group in choice.members[name]]
        first_are_others = any(self.is_machine(name) is not machine for name in joining)
        return is_for_others(like, machine=machine) or first_are_others

    def place_of(self, group: str) -> Place | None:
        """Where to edit a group's members by hand; None for one that is still to be made."""
        known = self.by_name.get(group)
        if known is None:
            return None
        return next((spot.place for spot in self.spots if spot.group == known.label), known.place)

    def spots_for(self, group: str) -> tuple[Spot, ...]:
        """The spots, that of a group before the others."""
        place = self.place_of(group)
        return tuple(sorted(self.spots, key=lambda spot: spot.place != place))

    def toggled(self, choice: LayerChoice, name: str, group: str) -> LayerChoice:
        """The choice with a person put into a group, or out of it; nobody is kept who was not changed."""
        wanted = self.after(name, choice) ^ {group}
        members = {**choice.members, name: wanted}
        if wanted == self.before(name) and name not in self.chosen:
            del members[name]
        return replace(choice, members=members)

    def pending(self, choice: LayerChoice) -> int:
        """How many changes the layer does not hold yet: memberships, groups and policies."""
        moves = sum(len(self.before(name) ^ wanted) for name, wanted in choice.members.items())
        gone = sum(group in self.by_name for group in choice.remove)
        called = sum(old in self.by_name for old in choice.rename)
        policies = 0
        for group, changes in choice.policies.items():
            known = self.like(choice, group)
            there = known.policies if known else ()
            policies += sum(policy not in there for policy in changes.add)
            policies += sum(policy in there for policy in changes.remove)
        return moves + gone + called + policies + len(self.new_groups(choice))

    def alone(self, choice: LayerChoice) -> tuple[str, ...]:
        """Who ends in no group by what is chosen, also because a group goes; nobody who leaves."""
        gone = set(choice.remove)
        return tuple(
            name
            for name in (self.people if gone else choice.members)
            if self.chosen.get(name) is not Chosen.LEAVES
            and (name in choice.members or self.before(name) & gone)
            and not self.with_followed(name, self.after(name, choice)) - gone
        )

    def alone_without(self, choice: LayerChoice, group: str) -> tuple[str, ...]:
        """Who would be in no group any more if one went."""
        without = self.alone(replace(choice, remove=(*choice.remove, group)))
        return tuple(name for name in without if group in self.after(name, choice))


def survey(context: Context, report: Report) -> tuple[LayerView, ...]:
    """Read the layers for the screen, in their order.

    Raises:
        OnboardError: one cannot be read.
    """
    report(Progress("Reading the groups"))
    layers, decisions = read_layers(context), context.decisions
    users = {account: decisions.users.of(account) for account in layers}
    return tuple(
        view_of(layer, users[account].add, decisions.regrouping, users[account].remove)
        for account, layer in layers.items()
    )


def view_of(
    layer: Layer, joining: Iterable[str], regrouping: Iterable[str], leaving: Iterable[str]
) -> LayerView:
    """A layer as the screen shows it.

    Args:
        layer: the layer.
        joining: those who join it.
        regrouping: those whose groups change, as far as the layer has them.
        leaving: those who leave it, likewise.
    """
    chosen = dict.fromkeys(joining, Chosen.JOINS)
    joiners = {name.casefold(): name for name in chosen}
    for why, names in ((Chosen.REGROUPS, regrouping), (Chosen.LEAVES, leaving)):
        found = (layer.person(name) for name in names)
        chosen.update(
            {person.iam_name: why for person in found if person and person.iam_name.casefold() not in joiners}
        )
    # A joiner whose entry is written already is called as in the steps before, whatever the layer's case.
    people = {joiners.get(person.iam_name.casefold(), person.iam_name): person for person in layer.people}
    rest = sorted((name for name in people if name not in chosen), key=str.casefold)
    return LayerView(
        account=layer.location.account,
        account_id=layer.location.account_id,
        chosen=chosen,
        others=tuple(name for name in rest if not people[name].machine),
        machines=tuple(name for name in rest if people[name].machine),
        machine_names=frozenset(name for name, person in people.items() if person.machine)
        | {name for name in joining if name not in people and is_machine_name(name)},
        now={name: frozenset(person.groups) for name, person in people.items()},
        groups=tuple(group for group in layer.groups if not group.machine),
        machine_groups=tuple(group for group in layer.groups if group.machine),
        follow=_follow(layer, [name for name in chosen if name in joining and name not in people]),
        absent=tuple(
            name for name in regrouping if layer.person(name) is None and name.casefold() not in joiners
        ),
        spots=spots_of(layer, [finding for finding in layer.findings if finding.subject in _SHOWN]),
    )


def gone(context: Context, views: Sequence[LayerView], view: LayerView, draft: Iterable[str]) -> list[str]:
    """Whose groups were to change and who was removed meanwhile: from a layer, or from all that there are.

    Args:
        context: the step's context, with what was decided before.
        views: all layers.
        view: the one to tell of; people may never have been in it.
        draft: those whose groups in it were half-decided.
    """
    there = {name.casefold() for name in (*context.decisions.of(view.account).moves, *draft)}
    nowhere = set(view.absent).intersection(*(shown.absent for shown in views))
    return [name for name in view.absent if name in nowhere or name.casefold() in there]


def _follow(layer: Layer, joining: Sequence[str]) -> dict[str, frozenset[str]]:
    """The groups that take in who joins, which are those of the first of each kind; a refusal comes later."""
    first = {is_machine_name(name): name for name in reversed(joining)}
    known = {
        machine: _taken_in(layer, AddPerson(name, "", machine=machine)) for machine, name in first.items()
    }
    return {name: known[is_machine_name(name)] for name in joining}


def _taken_in(layer: Layer, addition: AddPerson) -> frozenset[str]:
    try:
        return frozenset(addition.taken_in_by(layer))
    except EditRefused:
        return _NOBODY


def decided(context: Context, view: LayerView) -> LayerChoice:
    """What was decided for a layer before, or the groups as they are now."""
    here = context.decisions.of(view.account)
    moves, changes = here.moves, here.groups
    old_names = {new: old for old, new in changes.rename.items() if old in view.by_name}
    wanted = {name for name, why in view.chosen.items() if why is not Chosen.LEAVES}
    wanted |= {name for name in moves if name in view.now and name not in view.chosen}
    there = {*view.by_name, *(new.name for new in changes.add)}
    members = {}
    for name in (person for person in view.people if person in wanted):
        move = moves.get(name, Move())
        add, remove = (
            {old_names.get(group, group) for group in groups} for groups in (move.add, move.remove)
        )
        members[name] = frozenset((view.before(name) | add & there) - remove)
    return LayerChoice(
        add=tuple(NewGroup(new.name, old_names.get(new.sibling, new.sibling)) for new in changes.add),
        remove=changes.remove,
        rename=changes.rename,
        policies={old_names.get(group, group): policies for group, policies in changes.policies.items()},
        members=members,
    )


def lost_groups(context: Context, view: LayerView, draft: LayerChoice | None) -> list[str]:
    """The groups that somebody was to join and that the layer doesn't have any more, sorted."""
    here = context.decisions.of(view.account)
    changes = (here.groups, *([draft] if draft else ()))
    there = {*view.by_name, *(name for change in changes for name in (*change.remade, *change.rename))}
    wanted = {group for move in here.moves.values() for group in move.add}
    wanted |= {group for groups in (draft.members.values() if draft else ()) for group in groups}
    return sorted(wanted - there)


def drafted(view: LayerView, choice: LayerChoice, draft: LayerChoice | None) -> LayerChoice:
    """What was half-decided, with those who were chosen since; people whom the layer lost are left out."""
    if draft is None:
        return choice
    there = {*view.by_name, *(new.name for new in draft.add)}
    known = {
        name: groups & (there | view.before(name))
        for name, groups in draft.members.items()
        if name in view.now or name in choice.members
    }
    leaving = {name for name, why in view.chosen.items() if why is Chosen.LEAVES}
    chosen = {name: groups for name, groups in choice.members.items() if name in view.chosen}
    return replace(draft, members={**chosen, **{k: v for k, v in known.items() if k not in leaving}})


@dataclass(frozen=True)
class LayerChoice(GroupChanges):
    """What is decided for one layer. Groups are called as they are now, new ones by their new name.

    Attributes:
        members: IAM name to the names of all groups that the person is to be in afterwards, for those whose
            groups are decided; nobody else's change.
    """

    members: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def policies_of(self, group: str) -> PolicyChanges:
        """What changes about a group's policies."""
        return self.policies.get(group, PolicyChanges())


def renamed(choice: LayerChoice, group: str, name: str, *, written: bool) -> LayerChoice:
    """The choice with another name for a group.

    Args:
        choice: what was decided.
        group: the group, as the choice calls it.
        name: its other name.
        written: whether the layer has the group; one that is still to be made is simply called otherwise.
    """
    add = tuple(
        NewGroup(
            name if new.name == group else new.name,
            name if new.sibling == group and not written else new.sibling,
        )
        for new in choice.add
    )
    if written:
        renames = {old: new for old, new in choice.rename.items() if old != group}
        return replace(choice, add=add, rename=renames if name == group else {**renames, group: name})
    members = {
        person: frozenset(name if named == group else named for named in groups)
        for person, groups in choice.members.items()
    }
    policies = {name if named == group else named: changes for named, changes in choice.policies.items()}
    return replace(choice, add=add, members=members, policies=policies)


def removed(choice: LayerChoice, group: str, *, written: bool) -> LayerChoice:
    """The choice without a group; one that is still to be made is forgotten. Arguments as for `renamed`."""
    names = {group, choice.rename.get(group, group)}
    add = tuple(new for new in choice.add if new.name not in names)
    policies = {named: changes for named, changes in choice.policies.items() if named != group}
    if written:
        renames = {old: new for old, new in choice.rename.items() if old != group}
        return replace(choice, add=add, remove=(*choice.remove, group), rename=renames, policies=policies)
    members = {person: groups - {group} for person, groups in choice.members.items()}
    return replace(choice, add=add, members=members, policies=policies)


def kept(choice: LayerChoice, group: str) -> LayerChoice:
    """The choice in which a group that was to be removed stays."""
    return replace(choice, remove=tuple(named for named in choice.remove if named != group))


def with_policies(choice: LayerChoice, group: str, changes: PolicyChanges) -> LayerChoice:
    """The choice with these changes of a group's policies in place of the ones before."""
    policies = {named: own for named, own in choice.policies.items() if named != group}
    return replace(choice, policies={**policies, group: changes} if changes else policies)


def as_draft(choice: LayerChoice) -> dict[str, Any]:
    """The choice as JSON values."""
    return {**plain(choice), "add": [[new.name, new.sibling] for new in choice.add]}


def from_draft(draft: Mapping[str, Any]) -> LayerChoice:
    """The choice that `as_draft` gave.

    Raises:
        WrongShape: it is none.
    """
    add = [{"name": name, "sibling": sibling} for name, sibling in draft["add"]]
    return read(LayerChoice, {**draft, "add": add}, "groups")


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        layers: by account name.
        follow: by account name, the groups that take in who joins by themselves.
        alone: by account name, who is to be in no group, as the person confirmed.
    """

    layers: Mapping[str, LayerChoice]
    follow: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    alone: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def unconfirmed(self, account: str) -> list[str]:
        """Those in no group of an account for whom that was not confirmed."""
        choice, follow = self.layers[account], self.follow.get(account, {})
        return [
            name
            for name, groups in choice.members.items()
            if not (groups | follow.get(name, _NOBODY)) - set(choice.remove)
            and name not in self.alone.get(account, _NOBODY)
        ]


def means_of_no_group(name: str, account: str) -> Sentence:
    """What it means for somebody to be in no group of an account."""
    return text_in_no_group(name, account, machine=is_machine_name(name))


def validate(request: Request, _context: Context) -> list[Problem]:
    """Names and ARNs by IAM's rules; a person in no group is warned about, unless that was confirmed."""
    problems: list[Problem] = []
    for account, choice in request.layers.items():
        alone = request.unconfirmed(account)
        problems += [Problem(means_of_no_group(name, account), "matrix", fatal=False) for name in alone]
        wrong = [
            *(
                problem
                for group in [*(new.name for new in choice.add), *choice.rename.values()]
                for problem in check_name(group, "group")
            ),
            *(
                problem
                for changes in choice.policies.values()
                for arn in changes.add
                for problem in check_policy_arn(arn)
            ),
        ]
        problems += [
            Problem(f"{account}: {problem.message}", "matrix", fatal=problem.fatal) for problem in wrong
        ]
    return problems


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Check that every layer's shape allows what is wanted, and record it; nothing is written.

    Raises:
        NotPossible: a layer cannot be edited that way, with the place to edit by hand.
    """
    layers = read_layers(context)
    decisions = replace(
        context.decisions,
        memberships={
            account: _moves(layers[account], choice, context) for account, choice in request.layers.items()
        },
        group_changes={account: _group_changes(choice) for account, choice in request.layers.items()},
    )
    for account, layer in layers.items():
        context.raise_if_cancelled()
        report(Progress(f"Checking {account}"))
        with refused_by_hand(layer, "Change the choice here"):
            fatal = [problem for problem in check(layer, operations(layer, decisions)) if problem.fatal]
        if fatal:
            raise not_possible(layer, fatal, "Change the choice here")
    return decisions.as_facts("memberships", "group_changes")


def _group_changes(choice: LayerChoice) -> GroupChanges:
    """What happens to the groups themselves; siblings and policies are keyed by the groups' new names."""
    new_name = choice.rename.get
    add = tuple(NewGroup(new.name, new_name(new.sibling, new.sibling)) for new in choice.add)
    policies = {new_name(group, group): changes for group, changes in choice.policies.items() if changes}
    return GroupChanges(add, choice.remove, choice.rename, policies)


def _moves(layer: Layer, choice: LayerChoice, context: Context) -> dict[str, Move]:
    """For each person the groups to join and to leave; a renamed group counts under its new name.

    What was decided before in this session is still shown when the files say so already, so that a decision
    does not depend on whether it was written. Who joins in this session joins all of their groups.
    """
    here = context.decisions.of(layer.location.account)
    chosen = {*here.add, *context.decisions.regrouping}
    gone = set(choice.remove)
    moves = {}
    for name, wanted in choice.members.items():
        person = layer.person(name)
        there = _spelled(person.groups if person else (), choice)
        earlier = here.moves.get(name, Move())
        before = set() if name in here.add else there - _spelled(earlier.add, choice)
        left = there if name in here.add else there | _spelled(earlier.remove, choice)
        afterwards = _spelled(wanted, choice) - gone
        move = Move(tuple(sorted(afterwards - before)), tuple(sorted(left - afterwards - gone)))
        if name in chosen or move:
            moves[name] = move
    return moves


def _spelled(groups: Sequence[str] | frozenset[str], choice: LayerChoice) -> set[str]:
    """The groups by the names that they are to have."""
    return {choice.rename.get(group, group) for group in groups}


def observe(context: Context) -> Observation:
    """The groups and people that were chosen are there, still to be made, or removed by a later session."""
    layers, decisions = read_layers(context), context.decisions
    removed = removed_from_files(context, layers).by_item
    regrouping = {name.casefold() for name in decisions.regrouping}
    for account, people in decisions.memberships.items():
        layer, since = layers.get(account), removed.get(account, ())
        gone = [
            person
            for person in people
            if person.casefold() in regrouping and layer and not layer.person(person) and person not in since
        ]
        if gone:
            names = ", ".join(gone)
            words = f"{account} no longer has a user {names}, whose groups were to change."
            return Observation(Verdict.GONE, words, about=(account, *gone))
        changes = decisions.of(account).groups
        new = {*(new.name for new in changes.add), *changes.rename.values()}
        wanted = [
            *((f"chosen for {name}", move.add) for name, move in people.items()),
            ("whose policies were to change", tuple(changes.policies)),
        ]
        for why, groups in wanted:
            missing = [group for group in groups if group not in new and not (layer and layer.group(group))]
            if missing:
                names = ", ".join(missing)
                return Observation(Verdict.CHANGED, f"{account} no longer has a group {names}, {why}.")
    return AGREES
