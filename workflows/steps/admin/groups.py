"""The groups: the groups of each person in each layer, and groups that come, go or change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from workflows.core.errors import Problem
from workflows.layer.edit.operation import text_in_no_group
from workflows.layer.edit.run import check
from workflows.layer.managed_policies import check_policy_arn
from workflows.layer.model import Layer
from workflows.layer.names import check_group_name, is_machine_name
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation, Verdict
from workflows.steps.admin import declarations
from workflows.steps.admin.edits import operations, read_layers
from workflows.steps.admin.group_views import LayerChoice
from workflows.steps.decisions import GroupChanges, Move, NewGroup
from workflows.steps.shared.by_hand import not_possible, refused_by_hand
from workflows.steps.shared.module import Context, Progress, Report

STEP = declarations.GROUPS


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        layers: by account name.
        follow: by account name, the groups that take in who joins by themselves.
    """

    layers: Mapping[str, LayerChoice]
    follow: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)


def validate(request: Request, _context: Context) -> list[Problem]:
    """Names and ARNs by IAM's rules; a person in no group is warned about."""
    problems: list[Problem] = []
    for account, choice in request.layers.items():
        follow = request.follow.get(account, {})
        for name, groups in choice.members.items():
            left = (groups | follow.get(name, frozenset())) - set(choice.remove)
            if not left:
                words = text_in_no_group(name, account, machine=is_machine_name(name))
                problems.append(Problem(words, "matrix", fatal=False))
        wrong = [
            one
            for group in [*(one.name for one in choice.add), *choice.rename.values()]
            for one in check_group_name(group)
        ]
        wrong += [
            one for some in choice.policies.values() for arn in some.add for one in check_policy_arn(arn)
        ]
        problems += [Problem(f"{account}: {one.message}", "matrix", fatal=one.fatal) for one in wrong]
    return problems


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Check that every layer's shape allows what is wanted, and record it; nothing is written.

    Raises:
        NotPossible: a layer cannot be edited that way, with the place to edit by hand.
    """
    report(Progress("Checking the layers"))
    layers = read_layers(context)
    decisions = replace(
        context.decisions,
        memberships={one: _moves(layers[one], choice, context) for one, choice in request.layers.items()},
        group_changes={one: _group_changes(choice) for one, choice in request.layers.items()},
    )
    for account, layer in layers.items():
        context.raise_if_cancelled()
        report(Progress(f"Checking {account}"))
        with refused_by_hand(layer, "Change the choice here"):
            fatal = [one for one in check(layer, operations(layer, decisions)) if one.fatal]
        if fatal:
            raise not_possible(layer, fatal, "Change the choice here")
    return decisions.as_facts(*STEP.gives)


def _group_changes(choice: LayerChoice) -> GroupChanges:
    """What happens to the groups themselves; siblings and policies are keyed by the groups' new names."""
    new_name = choice.rename.get
    add = tuple(NewGroup(one.name, new_name(one.sibling, one.sibling)) for one in choice.add)
    policies = {new_name(group, group): one for group, one in choice.policies.items() if one}
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
    """The groups and people that were chosen are still there, or still to be made."""
    layers, decisions = read_layers(context), context.decisions
    regrouping = {one.casefold() for one in decisions.regrouping}
    for account, people in decisions.memberships.items():
        layer = layers.get(account)
        gone = [one for one in people if one.casefold() in regrouping and layer and not layer.person(one)]
        if gone:
            names = ", ".join(gone)
            words = f"{account} no longer has a user {names}, whose groups were to change."
            return Observation(Verdict.GONE, words, about=(account, *gone))
        changes = decisions.of(account).groups
        new = {*(one.name for one in changes.add), *changes.rename.values()}
        wanted = [(f"chosen for {name}", one.add) for name, one in people.items()]
        wanted += [("whose policies were to change", tuple(changes.policies))]
        for why, groups in wanted:
            missing = [one for one in groups if one not in new and not (layer and layer.group(one))]
            if missing:
                names = ", ".join(missing)
                return Observation(Verdict.CHANGED, f"{account} no longer has a group {names}, {why}.")
    return AGREES
