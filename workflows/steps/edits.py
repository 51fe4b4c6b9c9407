"""What the decisions of several steps amount to as operations on the layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflows.core.errors import OnboardError
from workflows.layer.collector import set_apart
from workflows.layer.discover import find_project
from workflows.layer.model import Layer
from workflows.layer.names import is_machine_name
from workflows.layer.operations import (
    AddPerson,
    Operation,
    RemovePerson,
    SetAccountAlias,
    SetGroups,
    SetPasswordPolicy,
)
from workflows.layer.read import read_layer
from workflows.steps import access
from workflows.steps.base import Context
from workflows.steps.group_edits import group_operations
from workflows.steps.key_edits import key_of_joined, replaced_key, text_for_new

Decisions = Mapping[str, Any]
_MANY = 500
"""People whose layers are worth setting apart from the garbage collector."""


def read_layers(context: Context) -> dict[str, Layer]:
    """The layers that the Project step chose, read from disk, by account name, in their order.

    Raises:
        OnboardError: the project or a layer is not there any more, or cannot be read.
    """
    project = find_project(Path(str(context.facts["project_root"])))
    locations = {location.account: location for location in project.layers}
    missing = [name for name in context.facts["layers"] if name not in locations]
    if missing:
        raise OnboardError(
            "A layer is gone",
            f"{', '.join(missing)} has no identities layer in {project.root} any more.",
            why="It was moved or removed, or another branch is checked out.",
            next="Bring it back, or go to the Project step and choose the layers again.",
        )
    layers = {name: read_layer(locations[name]) for name in context.facts["layers"]}
    if sum(len(layer.people) for layer in layers.values()) > _MANY:
        set_apart()
    return layers


def operations(layer: Layer, decisions: Decisions) -> list[Operation]:
    """The operations that bring one layer to what was decided; none where it is there already.

    Groups come first, so that people can join a new one; people who join come with their groups in one
    operation; those who leave go last. What the layer says already asks for nothing, so a review that was
    written, or written by half, can be made again.

    Args:
        layer: as it is on disk.
        decisions: the facts of PGP keys, Users, Groups and Account, as far as there are any.
    """
    account = layer.location.account
    users = decisions.get("user_changes") or {}
    memberships = dict(_of(decisions, "memberships", account))
    wanted: list[Operation] = list(group_operations(layer, _of(decisions, "group_changes", account)))
    for name in users.get("add", {}).get(account, []):
        wanted += _join(layer, name, decisions["keys"][name], memberships.pop(name, {}))
    for name, change in memberships.items():
        wanted += _regroup(layer, name, change)
    for name in decisions.get("rekeying") or ():
        wanted += replaced_key(layer, name, (decisions.get("keys") or {}).get(name) or {})
    wanted += access.operations(layer, users)
    for name in users.get("remove", {}).get(account, []):
        if layer.person(name):
            wanted.append(RemovePerson(name))
    return [*wanted, *_account_operations(layer, _of(decisions, "account_changes", account))]


def _of(decisions: Decisions, fact: str, account: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (decisions.get(fact) or {}).get(account) or {}
    return found


def _join(
    layer: Layer, name: str, key: Mapping[str, Any], membership: Mapping[str, Any]
) -> Iterator[Operation]:
    text = str(key["text"])
    if layer.person(name) is None:
        groups = tuple(membership.get("add", ()))
        yield AddPerson(name, text_for_new(layer, name, text), groups, machine=is_machine_name(name))
        return
    yield from key_of_joined(layer, name, text)
    yield from _regroup(layer, name, membership)


def _regroup(layer: Layer, name: str, change: Mapping[str, Any]) -> Iterator[Operation]:
    person = layer.person(name)
    there = {group.casefold() for group in person.groups} if person else set()
    add = tuple(group for group in change.get("add", ()) if group.casefold() not in there)
    remove = tuple(group for group in change.get("remove", ()) if group.casefold() in there)
    if add or remove:
        yield SetGroups(name, add, remove)


def _account_operations(layer: Layer, changes: Mapping[str, Any]) -> Iterator[Operation]:
    settings = layer.account
    alias = changes.get("alias")
    if alias and not (settings and settings.alias and settings.alias.value == alias):
        yield SetAccountAlias(alias)
    now = {one.name: one.value for one in settings.policy} if settings else {}
    for attribute, value in changes.get("policy", {}).items():
        if now.get(attribute) != value:
            yield SetPasswordPolicy(attribute, value)
