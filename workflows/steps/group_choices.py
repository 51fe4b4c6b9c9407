"""What is decided about one layer's groups: a value, and the small changes that a person makes to it.

Only people whose groups are decided are in it; everybody else stays as the layer says, so that the choice
is small in a layer of thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workflows.core.shapes import plain, read
from workflows.steps.decisions import GroupChanges, NewGroup, PolicyChanges


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


def with_policies(choice: LayerChoice, group: str, changes: PolicyChanges) -> LayerChoice:
    """The choice with these changes of a group's policies in place of the ones before."""
    others = {one: some for one, some in choice.policies.items() if one != group}
    return replace(choice, policies={**others, group: changes} if changes else others)


def as_draft(choice: LayerChoice) -> dict[str, Any]:
    """The choice as JSON values."""
    return {**plain(choice), "add": [[one.name, one.sibling] for one in choice.add]}


def from_draft(draft: Mapping[str, Any]) -> LayerChoice:
    """The choice that `as_draft` gave.

    Raises:
        WrongShape: it is none.
    """
    add = [{"name": name, "sibling": sibling} for name, sibling in draft["add"]]
    return read(LayerChoice, {**draft, "add": add}, "groups")
