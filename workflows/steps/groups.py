"""The groups: which person is in which group of which layer, and groups that come, go or get another name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workflows.errors import OnboardError, Problem
from workflows.layer.edit import check
from workflows.layer.model import Group, Layer
from workflows.layer.names import check_group_name
from workflows.machine.declaration import Condition, Step
from workflows.machine.events import Facts
from workflows.steps.base import AGREES, Context, Observation, Progress, Report
from workflows.steps.edits import operations, read_layers

STEP = Step(
    id="groups",
    title="Groups",
    purpose="Choose the groups of people who join or change; groups decide what they may do.",
    needs=("project_root", "layers", "user_changes", "regrouping"),
    gives=("memberships", "group_changes"),
    applies=Condition(
        "somebody joins or changes groups",
        lambda facts: bool(facts.get("joining") or facts.get("regrouping")),
    ),
    blocked_words="Groups needs the users to be decided",
)


@dataclass(frozen=True)
class NewGroup:
    """A group to be made in the shape of another: its module, source and policies, without its members."""

    name: str
    sibling: str


@dataclass(frozen=True)
class LayerChoice:
    """What is decided for one layer.

    Attributes:
        members: IAM name to the names of all groups that the person is to be in afterwards.
        add: groups to make.
        remove: names of groups to remove.
        rename: old name to new name.
    """

    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    add: tuple[NewGroup, ...] = ()
    remove: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What the person decides, by account name."""

    layers: Mapping[str, LayerChoice]


@dataclass(frozen=True)
class LayerView:
    """A layer as the screen shows it.

    Attributes:
        account: its account.
        people: those whose groups are decided here, in the order of the matrix.
        now: the groups that each of them is in now; nothing for people who join.
        groups: the groups that people can be in.
        machine_groups: names of the groups for machine users, which people are kept out of.
        hidden: what the layer holds about groups in comments or computed, each with its place.
    """

    account: str
    people: tuple[str, ...]
    now: Mapping[str, frozenset[str]]
    groups: tuple[Group, ...]
    machine_groups: tuple[str, ...]
    hidden: tuple[str, ...]


def look(context: Context, report: Report) -> tuple[LayerView, ...]:
    """Read the layers for the screen; a layer in which nobody's groups are decided is left out.

    Raises:
        OnboardError: one cannot be read.
    """
    report(Progress("Reading the groups"))
    joining = (context.facts.get("user_changes") or {}).get("add", {})
    views = []
    for account, layer in read_layers(context).items():
        names = [*joining.get(account, ()), *(n for n in context.facts["regrouping"] if layer.person(n))]
        if names:
            views.append(_view(layer, names))
    return tuple(views)


def _view(layer: Layer, names: Sequence[str]) -> LayerView:
    people = {name: layer.person(name) for name in names}
    return LayerView(
        account=layer.location.account,
        people=tuple(names),
        now={name: frozenset(person.groups if person else ()) for name, person in people.items()},
        groups=tuple(group for group in layer.groups if not group.machine),
        machine_groups=tuple(group.name for group in layer.groups if group.machine),
        hidden=tuple(f"{one.message} ({one.place})" for one in layer.findings if "group" in one.message),
    )


def validate(request: Request, context: Context) -> list[Problem]:
    """Names by IAM's rules; a person in no group is warned about."""
    del context
    problems: list[Problem] = []
    for account, choice in request.layers.items():
        for name, groups in choice.members.items():
            left = groups - set(choice.remove)
            if not left:
                words = f"{name} is in no group of {account}: they can sign in and do next to nothing."
                problems.append(Problem(words, "matrix", fatal=False))
        for group in [*(one.name for one in choice.add), *choice.rename.values()]:
            problems += [Problem(f"{account}: {one.message}", "matrix") for one in check_group_name(group)]
    return problems


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Check that every layer's shape allows what is wanted, and record it; nothing is written.

    Raises:
        OnboardError: a layer cannot be edited that way, with the place to edit by hand.
    """
    report(Progress("Checking the layers"))
    layers = read_layers(context)
    memberships, group_changes = {}, {}
    joins = context.facts["user_changes"].get("add", {})
    for account, choice in request.layers.items():
        memberships[account] = _membership_changes(layers[account], choice, joins.get(account, ()))
        group_changes[account] = {
            "add": [
                {"name": one.name, "sibling": choice.rename.get(one.sibling, one.sibling)}
                for one in choice.add
            ],
            "remove": list(choice.remove),
            "rename": dict(choice.rename),
        }
    decisions = {**context.facts, "memberships": memberships, "group_changes": group_changes}
    for account, layer in layers.items():
        context.raise_if_cancelled()
        fatal = [one.message for one in check(layer, operations(layer, decisions)) if one.fatal]
        if fatal:
            raise OnboardError(
                f"Not possible in {account}",
                " ".join(fatal),
                next="Change the choice here, or edit the layer by hand and come back.",
            )
    return {"memberships": memberships, "group_changes": group_changes}


def _membership_changes(layer: Layer, choice: LayerChoice, joining: Sequence[str]) -> dict[str, Any]:
    """For each person the groups to join and to leave; a renamed group counts under its new name.

    Who joins in this session joins all of their groups, also where the files say so already, so that the
    decision does not depend on whether it was written.
    """
    gone = set(choice.remove)
    changes = {}
    for name, wanted in choice.members.items():
        person = layer.person(name)
        there = {choice.rename.get(group, group) for group in (person.groups if person else ())}
        before = set() if name in joining else there
        afterwards = {choice.rename.get(group, group) for group in wanted} - gone
        changes[name] = {"add": sorted(afterwards - before), "remove": sorted(there - afterwards - gone)}
    return changes


def renamed(choice: LayerChoice, group: str, name: str) -> LayerChoice:
    """The choice with another name for a group; one that is still to be made is simply called so."""
    if not any(one.name == group for one in choice.add):
        others = {old: new for old, new in choice.rename.items() if old != group}
        return replace(choice, rename=others if name == group else {**others, group: name})
    add = tuple(
        NewGroup(name if one.name == group else one.name, name if one.sibling == group else one.sibling)
        for one in choice.add
    )
    members = {
        person: frozenset(name if one == group else one for one in some)
        for person, some in choice.members.items()
    }
    return replace(choice, add=add, members=members)


def removed(choice: LayerChoice, group: str) -> LayerChoice:
    """The choice without a group; one that is still to be made is forgotten."""
    if not any(one.name == group for one in choice.add):
        others = {old: new for old, new in choice.rename.items() if old != group}
        return replace(choice, remove=(*choice.remove, group), rename=others)
    add = tuple(one for one in choice.add if one.name != group)
    members = {person: some - {group} for person, some in choice.members.items()}
    return replace(choice, add=add, members=members)


def decided(context: Context, view: LayerView) -> LayerChoice:
    """What was decided for a layer before, or the groups as they are now."""
    memberships = (context.facts.get("memberships") or {}).get(view.account, {})
    changes = (context.facts.get("group_changes") or {}).get(view.account, {})
    there = {group.name for group in view.groups}
    old_names = {new: old for old, new in changes.get("rename", {}).items() if old in there}
    members = {}
    for name in view.people:
        change = memberships.get(name, {})
        add, remove = (
            {old_names.get(group, group) for group in change.get(k, ())} for k in ("add", "remove")
        )
        members[name] = (view.now[name] | add) - remove
    return LayerChoice(
        members=members,
        add=tuple(
            NewGroup(one["name"], old_names.get(one["sibling"], one["sibling"]))
            for one in changes.get("add", ())
        ),
        remove=tuple(changes.get("remove", ())),
        rename=dict(changes.get("rename", {})),
    )


def observe(context: Context) -> Observation:
    """The groups that were chosen are still there, or still to be made."""
    layers = read_layers(context)
    for account, people in context.facts["memberships"].items():
        layer = layers.get(account)
        changes = context.facts["group_changes"].get(account, {})
        new = {*(one["name"] for one in changes.get("add", ())), *changes.get("rename", {}).values()}
        for name, change in people.items():
            missing = [g for g in change["add"] if g not in new and (layer is None or layer.group(g) is None)]
            if missing:
                words = f"{account} has no group {', '.join(missing)} any more, chosen for {name}."
                return Observation(holds=False, words=words)
    return AGREES
