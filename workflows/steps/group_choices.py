"""What is decided about one layer's groups: a value, and the small changes that a person makes to it.

Only people whose groups are decided are in it; everybody else stays as the layer says, so that the choice
is small in a layer of thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class NewGroup:
    """A group to be made in the shape of another: its module, source and policies, without its members."""

    name: str
    sibling: str


@dataclass(frozen=True)
class PolicyChanges:
    """Managed policies that a group gets and loses.

    Attributes:
        add: ARNs.
        remove: ARNs, or references as they are written: what `Group.policies` lists.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)


@dataclass(frozen=True)
class LayerChoice:
    """What is decided for one layer. Groups are called as they are now, new ones by their new name.

    Attributes:
        members: IAM name to the names of all groups that the person is to be in afterwards, for those whose
            groups are decided; nobody else's change.
        add: groups to make.
        remove: names of groups to remove.
        rename: old name to new name.
        policies: a group's name to the policies that it gets and loses.
    """

    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    add: tuple[NewGroup, ...] = ()
    remove: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, PolicyChanges] = field(default_factory=dict)

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
            name if one.name == group else one.name,
            name if one.sibling == group and not written else one.sibling,
        )
        for one in choice.add
    )
    if written:
        others = {old: new for old, new in choice.rename.items() if old != group}
        return replace(choice, add=add, rename=others if name == group else {**others, group: name})
    members = {
        person: frozenset(name if one == group else one for one in some)
        for person, some in choice.members.items()
    }
    policies = {name if one == group else one: changes for one, changes in choice.policies.items()}
    return replace(choice, add=add, members=members, policies=policies)


def removed(choice: LayerChoice, group: str, *, written: bool) -> LayerChoice:
    """The choice without a group; one that is still to be made is forgotten. Arguments as for `renamed`."""
    names = {group, choice.rename.get(group, group)}
    add = tuple(one for one in choice.add if one.name not in names)
    policies = {one: changes for one, changes in choice.policies.items() if one != group}
    if written:
        others = {old: new for old, new in choice.rename.items() if old != group}
        gone = (*choice.remove, group)
        return replace(choice, add=add, remove=gone, rename=others, policies=policies)
    members = {person: some - {group} for person, some in choice.members.items()}
    return replace(choice, add=add, members=members, policies=policies)


def kept(choice: LayerChoice, group: str) -> LayerChoice:
    """The choice in which a group that was to be removed stays."""
    return replace(choice, remove=tuple(one for one in choice.remove if one != group))


def with_groups(choice: LayerChoice, add: tuple[NewGroup, ...]) -> LayerChoice:
    """The choice with these groups to make in place of the ones before."""
    return replace(choice, add=add)


def with_policies(choice: LayerChoice, group: str, changes: PolicyChanges) -> LayerChoice:
    """The choice with these changes of a group's policies in place of the ones before."""
    others = {one: some for one, some in choice.policies.items() if one != group}
    return replace(choice, policies={**others, group: changes} if changes else others)


def as_draft(choice: LayerChoice) -> dict[str, Any]:
    """The choice as JSON values."""
    return {
        "members": {name: sorted(some) for name, some in choice.members.items()},
        "add": [[one.name, one.sibling] for one in choice.add],
        "remove": list(choice.remove),
        "rename": dict(choice.rename),
        "policies": as_policies(choice.policies),
    }


def from_draft(draft: Mapping[str, Any]) -> LayerChoice:
    """The choice that `as_draft` gave."""
    return LayerChoice(
        members={name: frozenset(some) for name, some in draft["members"].items()},
        add=tuple(NewGroup(name, sibling) for name, sibling in draft["add"]),
        remove=tuple(draft["remove"]),
        rename=dict(draft["rename"]),
        policies=from_policies(draft.get("policies", {})),
    )


def as_policies(policies: Mapping[str, PolicyChanges]) -> dict[str, dict[str, list[str]]]:
    """Changes of policies as JSON values; groups without any are left out."""
    return {
        group: {"add": list(one.add), "remove": list(one.remove)} for group, one in policies.items() if one
    }


def from_policies(values: Mapping[str, Any]) -> dict[str, PolicyChanges]:
    """The changes that `as_policies` gave."""
    return {
        group: PolicyChanges(tuple(one.get("add", ())), tuple(one.get("remove", ())))
        for group, one in values.items()
    }
