"""What is decided about groups themselves as operations on a layer; none where it is there already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflows.layer.model import Layer
from workflows.layer.operations import (
    AddGroup,
    AddGroupPolicy,
    Operation,
    RemoveGroup,
    RemoveGroupPolicy,
    RenameGroup,
)


def group_operations(layer: Layer, changes: Mapping[str, Any]) -> Iterator[Operation]:
    """The operations that bring a layer's groups to what was decided, in an order that works.

    Args:
        layer: as it is on disk.
        changes: the fact of Groups for this layer; siblings and policies are told by the groups' new names.
    """
    old_names = {new: old for old, new in changes.get("rename", {}).items() if layer.group(old)}
    for old, new in changes.get("rename", {}).items():
        if layer.group(old) or not layer.group(new):
            yield RenameGroup(old, new)
    for group in changes.get("add", []):
        if not layer.group(group["name"]) and group["name"] not in old_names:
            yield AddGroup(group["name"], group["sibling"])
    siblings = {group["name"]: group["sibling"] for group in changes.get("add", [])}
    for name, change in changes.get("policies", {}).items():
        yield from _policy_operations(name, _policies_of(layer, name, old_names, siblings), change)
    for name in changes.get("remove", []):
        if layer.group(name):
            yield RemoveGroup(name)


def _policies_of(
    layer: Layer, name: str, old_names: Mapping[str, str], siblings: Mapping[str, str]
) -> tuple[str, ...]:
    """The policies that a group has on disk, under its name there; of a new one those of its sibling."""
    left = dict(siblings)
    while True:
        found = layer.group(old_names.get(name, name))
        if found is not None or name not in left:
            return found.policies if found else ()
        name = left.pop(name)


def _policy_operations(name: str, there: tuple[str, ...], change: Mapping[str, Any]) -> Iterator[Operation]:
    """The additions come first, so that no list is empty in between."""
    yield from (AddGroupPolicy(name, arn) for arn in change.get("add", ()) if arn not in there)
    yield from (RemoveGroupPolicy(name, policy) for policy in change.get("remove", ()) if policy in there)
