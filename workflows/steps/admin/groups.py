"""The groups: each person's groups in each layer, and groups that are added, removed or changed.

A `LayerView` is a layer as the matrix shows it, including what can't be edited here and why; a `LayerChoice`
is the person's decision for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from workflows.core.sentences import Problem, Sentence
from workflows.core.shapes import plain, read
from workflows.layer.edit.operation import EditRefused, is_for_others, text_for_others, text_in_no_group
from workflows.layer.edit.people import AddPerson
from workflows.layer.edit.run import check
from workflows.layer.model import Group, Layer, Place, Subject
from workflows.layer.names import check_name, check_policy_arn, is_machine_name
from workflows.machine.events import AGREES, Facts, Observation, Verdict
from workflows.steps.admin.edits import operations, read_layers
from workflows.steps.admin.other_sessions import removed_from_files
from workflows.steps.decisions import GroupChanges, Move, NewGroup, PolicyChanges
from workflows.steps.shared.by_hand import Spot, not_possible, refused_by_hand, spots_of
from workflows.steps.shared.module import Context, Progress, Report

_NOBODY: frozenset[str] = frozenset()
_SHOWN = {Subject.GROUP, Subject.MEMBER, Subject.FILE}


class Chosen(StrEnum):
    """Why a person was chosen in the steps before; the value is shown to the user."""

    JOINS = "joining"
    REGROUPS = "groups to change"
    LEAVES = "leaving"


@dataclass(frozen=True)
class LayerView:
    """A layer as the screen shows it.

    Attributes:
        account: its account.
        account_id: 12 digits, or None if the project doesn't say.
        chosen: the chosen people by IAM name, with the reason, in the order of the matrix.
        others: everybody else except machine users, by name.
        machines: machine users who weren't chosen, by name.
        machine_names: all machine users.
        now: the current groups of each person; none for people who join.
        unsure: people who may be in more groups, since a file of the layer can't be parsed.
        groups: the groups for people.
        machine_groups: the groups for machine users only.
        follow: the groups that each joiner gets automatically, because their members are computed.
        absent: people whose groups were to change but whom the layer doesn't have.
        spots: computed or commented-out group entries and files that can't be read in full, those that need
            manual editing first.
    """

    account: str
    account_id: str | None = None
    chosen: Mapping[str, Chosen] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    machine_names: frozenset[str] = frozenset()
    now: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
    groups: tuple[Group, ...] = ()
    machine_groups: tuple[Group, ...] = ()
    follow: Mapping[str, frozenset[str]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    spots: tuple[Spot, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Group]:
        """All groups of the layer, by name."""
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
        """Return whether a person is a machine user."""
        return name in self.machine_names

    def new_groups(self, choice: LayerChoice) -> tuple[NewGroup, ...]:
        """Return the chosen new groups that the layer doesn't have yet."""
        known = {*self.by_name, *choice.rename.values()}
        return tuple(new for new in choice.add if new.name not in known)

    def like(self, choice: LayerChoice, group: str) -> Group | None:
        """Return the group of that name; for a new group, the one that it copies."""
        siblings = {new.name: new.sibling for new in choice.add}
        while group not in self.by_name and group in siblings:
            group = siblings.pop(group)
        return self.by_name.get(group)

    def is_for_machines(self, choice: LayerChoice, group: str) -> bool:
        """Return whether a group is for machine users; a new one takes after its sibling."""
        known = self.like(choice, group)
        return known is not None and known.machine

    def before(self, name: str) -> frozenset[str]:
        """Return a person's current groups."""
        return self.now.get(name, _NOBODY)

    def after(self, name: str, choice: LayerChoice) -> frozenset[str]:
        """Return a person's groups after the change, including groups that are to be removed."""
        return choice.members.get(name, self.before(name))

    def with_followed(self, name: str, groups: frozenset[str]) -> frozenset[str]:
        """Add the groups that a person gets automatically."""
        return groups | self.follow.get(name, _NOBODY)

    def taken(self, choice: LayerChoice) -> tuple[str, ...]:
        """Return all group names in use now or after the change."""
        return (*self.by_name, *(new.name for new in choice.add), *choice.rename.values())

    def refusal(self, choice: LayerChoice, name: str, group: str) -> Sentence:
        """Return a sentence why a person can't join or leave a group; "" if they can."""
        if self.chosen.get(name) is Chosen.LEAVES:
            return f"{name} leaves {self.account}, and every group with it."
        if group in choice.remove:
            return f"You chose to remove the group {group}."
        known = self.by_name.get(group)
        if known is not None and not known.editable:
            place = self.place_of(group)
            return f"Edit the members of {group} by hand at {place} (F4), because {known.reason}."
        machine, mine = self.is_machine(name), self.after(name, choice) | self.before(name)
        if group in mine or not self._is_for_others(choice, group, machine=machine):
            return ""
        return text_for_others(group, name, machine=machine)

    def _is_for_others(self, choice: LayerChoice, group: str, *, machine: bool) -> bool:
        """Return whether a group is for the other kind of users; the first to join an empty one decide."""
        like = self.like(choice, group)
        if like is None:
            return False
        joining = [] if like.members else [name for name in choice.members if group in choice.members[name]]
        first_are_others = any(self.is_machine(name) is not machine for name in joining)
        return is_for_others(like, machine=machine) or first_are_others

    def place_of(self, group: str) -> Place | None:
        """Return where to edit a group's members by hand; None for a group that doesn't exist yet."""
        if (known := self.by_name.get(group)) is None:
            return None
        return next((spot.place for spot in self.spots if spot.group == known.label), known.place)

    def spots_for(self, group: str) -> tuple[Spot, ...]:
        """Return the spots, the group's own first."""
        place = self.place_of(group)
        return tuple(sorted(self.spots, key=lambda spot: spot.place != place))

    def toggled(self, choice: LayerChoice, name: str, group: str) -> LayerChoice:
        """Return the choice with a membership toggled, without people not chosen who end unchanged."""
        wanted = self.after(name, choice) ^ {group}
        members = {**choice.members, name: wanted}
        if wanted == self.before(name) and name not in self.chosen:
            del members[name]
        return replace(choice, members=members)

    def pending(self, choice: LayerChoice) -> int:
        """Count the changes of memberships, groups and policies that the layer doesn't have yet."""
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
        """Return people who surely end in no group, also through its removal; not people who leave."""
        gone = set(choice.remove)
        return tuple(
            name
            for name in (self.people if gone else choice.members)
            if self.chosen.get(name) is not Chosen.LEAVES
            and name not in self.unsure
            and (name in choice.members or self.before(name) & gone)
            and not self.with_followed(name, self.after(name, choice)) - gone
        )

    def alone_without(self, choice: LayerChoice, group: str) -> tuple[str, ...]:
        """Return people who would be left in no group if one were removed."""
        without = self.alone(replace(choice, remove=(*choice.remove, group)))
        return tuple(name for name in without if group in self.after(name, choice))


def survey(context: Context, report: Report) -> tuple[LayerView, ...]:
    """Read the layers for the screen, in their order.

    Raises:
        OnboardError: a layer can't be read.
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
    """Build a layer's view for the screen.

    Args:
        joining: people who join it.
        regrouping: people whose groups change, if the layer has them.
        leaving: people who leave it, likewise.
    """
    chosen = dict.fromkeys(joining, Chosen.JOINS)
    joiners = {name.casefold(): name for name in chosen}
    for why, names in ((Chosen.REGROUPS, regrouping), (Chosen.LEAVES, leaving)):
        there = [person.iam_name for person in map(layer.person, names) if person]
        chosen |= {name: why for name in there if name.casefold() not in joiners}
    # A joiner whose entry is already written keeps the name from earlier steps, whatever the layer's case.
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
        unsure=frozenset(people if layer.files.broken else ()),
        groups=tuple(group for group in layer.groups if not group.machine),
        machine_groups=tuple(group for group in layer.groups if group.machine),
        follow=_follow(layer, [name for name in chosen if name in joining and name not in people]),
        absent=tuple(
            name for name in regrouping if layer.person(name) is None and name.casefold() not in joiners
        ),
        spots=spots_of(layer, [finding for finding in layer.findings if finding.subject in _SHOWN]),
    )


def gone(context: Context, views: Sequence[LayerView], view: LayerView, draft: Iterable[str]) -> list[str]:
    """Return people whose groups were to change but who have since been removed.

    They count if they were removed from this layer, or are in none of the layers.

    Args:
        context: the step's context, with the earlier decisions.
        views: all layers.
        view: the layer to check; people may never have been in it.
        draft: people with half-decided groups in it.
    """
    there = {name.casefold() for name in (*context.decisions.of(view.account).moves, *draft)}
    nowhere = set(view.absent).intersection(*(shown.absent for shown in views))
    return [name for name in view.absent if name in nowhere or name.casefold() in there]


def _follow(layer: Layer, joining: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the groups that joiners get automatically, from the first of each kind; refusals come later."""
    known: dict[bool, frozenset[str]] = {}
    for name in joining:
        machine = is_machine_name(name)
        if machine not in known:
            known[machine] = _NOBODY
            with suppress(EditRefused):
                known[machine] = frozenset(AddPerson(name, "", machine=machine).taken_in_by(layer))
    return {name: known[is_machine_name(name)] for name in joining}


def decided(context: Context, view: LayerView) -> LayerChoice:
    """Return the earlier decision for a layer, or its current groups."""
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
    """Return groups that somebody was to join but that the layer no longer has, sorted."""
    here = context.decisions.of(view.account)
    changes = (here.groups, *([draft] if draft else ()))
    there = {*view.by_name, *(name for change in changes for name in (*change.remade, *change.rename))}
    wanted = {group for move in here.moves.values() for group in move.add}
    wanted |= {group for groups in (draft.members.values() if draft else ()) for group in groups}
    return sorted(wanted - there)


def drafted(view: LayerView, choice: LayerChoice, draft: LayerChoice | None) -> LayerChoice:
    """Return the draft, with people chosen since and without people whom the layer lost."""
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
    """The decision for one layer. Groups have their current names; new groups their new ones.

    Attributes:
        members: IAM name to the names of all the person's groups afterwards, for people whose groups are
            decided. All others stay as they are.
    """

    members: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def policies_of(self, group: str) -> PolicyChanges:
        """Return the changes of a group's policies."""
        return self.policies.get(group, PolicyChanges())


def renamed(choice: LayerChoice, group: str, name: str, *, written: bool) -> LayerChoice:
    """Return the choice with another name for a group.

    Args:
        group: the group's name in the choice.
        written: whether the layer has the group; otherwise the new group simply gets the other name.
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
    """Return the choice without a group; a group not yet in the layer is dropped.

    Arguments as for `renamed`.
    """
    names = {group, choice.rename.get(group, group)}
    add = tuple(new for new in choice.add if new.name not in names)
    policies = {named: changes for named, changes in choice.policies.items() if named != group}
    if written:
        renames = {old: new for old, new in choice.rename.items() if old != group}
        return replace(choice, add=add, remove=(*choice.remove, group), rename=renames, policies=policies)
    members = {person: groups - {group} for person, groups in choice.members.items()}
    return replace(choice, add=add, members=members, policies=policies)


def kept(choice: LayerChoice, group: str) -> LayerChoice:
    """Return the choice with a group kept that was to be removed."""
    return replace(choice, remove=tuple(named for named in choice.remove if named != group))


def with_policies(choice: LayerChoice, group: str, changes: PolicyChanges) -> LayerChoice:
    """Return the choice with a group's policy changes replaced by these."""
    policies = {named: own for named, own in choice.policies.items() if named != group}
    return replace(choice, policies={**policies, group: changes} if changes else policies)


def as_draft(choice: LayerChoice) -> dict[str, Any]:
    """Return the choice as JSON values."""
    return {**plain(choice), "add": [[new.name, new.sibling] for new in choice.add]}


def from_draft(draft: Mapping[str, Any]) -> LayerChoice:
    """Read a choice from the result of `as_draft`.

    Raises:
        WrongShape: the draft isn't a choice.
    """
    add = [{"name": name, "sibling": sibling} for name, sibling in draft["add"]]
    return read(LayerChoice, {**draft, "add": add}, "groups")


@dataclass(frozen=True)
class Request:
    """The person's decisions.

    Attributes:
        layers: by account name.
        follow: by account, the groups that each joiner gets automatically.
        alone: by account, people confirmed to end in no group, or who may be in some that aren't known.
    """

    layers: Mapping[str, LayerChoice]
    follow: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    alone: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def unconfirmed(self, account: str) -> list[str]:
        """Return people who would end in no group of an account, without confirmation."""
        choice, follow = self.layers[account], self.follow.get(account, {})
        return [
            name
            for name, groups in choice.members.items()
            if not (groups | follow.get(name, _NOBODY)) - set(choice.remove)
            and name not in self.alone.get(account, _NOBODY)
        ]


def means_of_no_group(name: str, account: str) -> Sentence:
    """Explain what it means for a person to be in no group of an account."""
    return text_in_no_group(name, account, machine=is_machine_name(name))


def validate(request: Request, _context: Context) -> list[Problem]:
    """Check names and ARNs by IAM's rules; warn about people in no group, unless confirmed."""
    problems: list[Problem] = []
    for account, choice in request.layers.items():
        alone = request.unconfirmed(account)
        problems += [Problem(means_of_no_group(name, account), "matrix", fatal=False) for name in alone]
        groups = (*(new.name for new in choice.add), *choice.rename.values())
        policies = (arn for changes in choice.policies.values() for arn in changes.add)
        problems += [
            Problem(f"{account}: {problem.message}", "matrix", fatal=problem.fatal)
            for found in (*(check_name(group, "group") for group in groups), *map(check_policy_arn, policies))
            for problem in found
        ]
    return problems


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Check that every layer can be edited as wanted, and record the choices; write nothing.

    Raises:
        NotPossible: a layer can't be edited that way; names the place to edit by hand.
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
    """Return the changes to the groups themselves, keyed by the groups' new names."""
    new_name = choice.rename.get
    add = tuple(NewGroup(new.name, new_name(new.sibling, new.sibling)) for new in choice.add)
    policies = {new_name(group, group): changes for group, changes in choice.policies.items() if changes}
    return GroupChanges(add, choice.remove, choice.rename, policies)


def _moves(layer: Layer, choice: LayerChoice, context: Context) -> dict[str, Move]:
    """Return the groups that each person joins and leaves; renamed groups count under their new names.

    Earlier decisions of this session still count after they are written to the files, so that a decision
    doesn't depend on whether it was written. People who join in this session join all of their groups.
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
    """Return the groups under their names after the change."""
    return {choice.rename.get(group, group) for group in groups}


def observe(context: Context) -> Observation:
    """Check that the chosen groups and people exist, will be created, or were removed by a later session."""
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
            words = f"{account} no longer has a user {', '.join(gone)}, so their groups can't change."
            return Observation(Verdict.GONE, words, about=(account, *gone), by_item={account: tuple(gone)})
        changes = decisions.of(account).groups
        new = {*(new.name for new in changes.add), *changes.rename.values()}
        wanted = [
            *((f"chosen for {name}", (name,), move.add) for name, move in people.items()),
            ("whose policies you changed", (), tuple(changes.policies)),
        ]
        for why, whose, groups in wanted:
            missing = [group for group in groups if group not in new and not (layer and layer.group(group))]
            if missing:
                words = f"{account} no longer has a group {', '.join(missing)}, {why}."
                return Observation(Verdict.CHANGED, words, by_item={account: whose})
    return AGREES
