"""What the decisions of several steps amount to as operations on the layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflows.layer.discover import find_project
from workflows.layer.model import Layer
from workflows.layer.operations import (
    AddGroup,
    AddPerson,
    Operation,
    RemoveGroup,
    RemovePerson,
    RenameGroup,
    SetAccountAlias,
    SetGroups,
    SetPasswordPolicy,
)
from workflows.layer.read import read_layer
from workflows.steps.base import Context

Decisions = Mapping[str, Any]


def read_layers(context: Context) -> dict[str, Layer]:
    """The layers that the Project step chose, read from disk, by account name, in their order.

    Raises:
        OnboardError: the project or a layer is not there any more, or cannot be read.
    """
    project = find_project(Path(str(context.facts["project_root"])))
    locations = {location.account: location for location in project.layers}
    return {name: read_layer(locations[name]) for name in context.facts["layers"] if name in locations}


def operations(layer: Layer, decisions: Decisions) -> list[Operation]:
    """The operations on one layer, in the order that lets each rely on those before it.

    Groups come first, so that people can join a new one; people who join come with their groups in one
    operation; those who leave go last.

    Args:
        layer: as it is on disk.
        decisions: the facts of PGP keys, Users, Groups and Account, as far as there are any.
    """
    account = layer.location.account
    memberships = _of(decisions, "memberships", account)
    users = decisions.get("user_changes") or {}
    joining = users.get("add", {}).get(account, [])
    return [
        *_group_operations(_of(decisions, "group_changes", account)),
        *(_join(name, decisions["keys"][name], memberships.get(name, {})) for name in joining),
        *(
            SetGroups(name, tuple(change.get("add", ())), tuple(change.get("remove", ())))
            for name, change in memberships.items()
            if name not in joining and (change.get("add") or change.get("remove"))
        ),
        *(RemovePerson(name) for name in users.get("remove", {}).get(account, [])),
        *_account_operations(_of(decisions, "account_changes", account)),
    ]


def _of(decisions: Decisions, fact: str, account: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (decisions.get(fact) or {}).get(account) or {}
    return found


def _join(name: str, key: Mapping[str, Any], membership: Mapping[str, Any]) -> AddPerson:
    return AddPerson(name, str(key["text"]), tuple(membership.get("add", ())))


def _group_operations(changes: Mapping[str, Any]) -> Iterator[Operation]:
    for old, new in changes.get("rename", {}).items():
        yield RenameGroup(old, new)
    for group in changes.get("add", []):
        yield AddGroup(group["name"], group["sibling"])
    for name in changes.get("remove", []):
        yield RemoveGroup(name)


def _account_operations(changes: Mapping[str, Any]) -> Iterator[Operation]:
    if changes.get("alias"):
        yield SetAccountAlias(changes["alias"])
    for attribute, value in changes.get("policy", {}).items():
        yield SetPasswordPolicy(attribute, value)
