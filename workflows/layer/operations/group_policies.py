"""Attaching a managed policy to a group, and taking one off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.core.errors import Problem
from workflows.layer.declarations import group_modules
from workflows.layer.facts import facts_of
from workflows.layer.lists import insert_entry, remove_entry
from workflows.layer.managed_policies import check_policy_arn
from workflows.layer.model import Place
from workflows.layer.operations.attributes import with_attribute
from workflows.layer.operations.base import find_group, refuse
from workflows.layer.read_groups import POLICY_LISTS
from workflows.layer.values import plain_string, quote

if TYPE_CHECKING:
    from workflows.layer.document import Block
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Group, Layer


@dataclass(frozen=True)
class AddGroupPolicy:
    """Attach a managed policy to a group.

    Attributes:
        group: the group's name.
        arn: the policy's ARN.
    """

    group: str
    arn: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the group or the ARN."""
        problems = _check_group(layer, self.group)
        problems += check_policy_arn(self.arn, layer.location.account_id)
        group = layer.group(self.group)
        if group is not None and self.arn in group.policies:
            problems.append(Problem(f"{group.name} has the policy {self.arn} already.", "arn"))
        return problems

    def apply(self, layer: Layer) -> FileSet:
        """The files with the policy at the end of the group's list; a list is added if there is none.

        Raises:
            EditRefused: the list is computed.
        """
        block = _block(layer, find_group(layer, self.group))
        attribute = next((block.attributes[one] for one in POLICY_LISTS if one in block.attributes), None)
        document = block.document
        if attribute is None:
            indent = b"  "
            text = f"[\n{indent.decode() * 2}{quote(self.arn)},\n{indent.decode()}]".replace(
                "\n", document.newline.decode()
            )
            return layer.files.with_document(with_attribute(block, POLICY_LISTS[0], text, after=()))
        if attribute.value.type != "tuple":
            what = f"The policies of the group {self.group} are computed."
            raise refuse(what, "There is no plain list to add to.", Place(document.name, attribute.line))
        container = attribute.value
        splices = insert_entry(document, container, quote(self.arn), len(document.elements(container)))
        return layer.files.with_document(document.splice(splices))

    def intend(self, layer: Layer) -> Facts:
        """The facts with one policy more."""
        facts, group = facts_of(layer), find_group(layer, self.group)
        known = facts.groups[group.name]
        changed = known._replace(policies=tuple(sorted([*known.policies, self.arn])))
        return replace(facts, groups={**facts.groups, group.name: changed})


@dataclass(frozen=True)
class RemoveGroupPolicy:
    """Take a policy off a group.

    Attributes:
        group: the group's name.
        policy: its ARN, or the reference as it is written: what `Group.policies` lists.
    """

    group: str
    policy: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the group or the policy."""
        problems = _check_group(layer, self.group)
        group = layer.group(self.group)
        if group is not None and self.policy not in group.policies:
            known = ", ".join(group.policies) or "none"
            problems.append(Problem(f"{group.name} has no policy {self.policy}; it has: {known}.", "policy"))
        return problems

    def apply(self, layer: Layer) -> FileSet:
        """The files without the policy.

        Raises:
            EditRefused: it is not an entry of a plain list.
        """
        group = find_group(layer, self.group)
        block = _block(layer, group)
        document = block.document
        for name in POLICY_LISTS:
            attribute = block.attributes.get(name)
            if attribute is None or attribute.value.type != "tuple":
                continue
            for position, entry in enumerate(document.elements(attribute.value)):
                if self.policy in {plain_string(document, entry), document.text(entry)}:
                    splices = remove_entry(document, attribute.value, position)
                    return layer.files.with_document(document.splice(splices))
        what = f"The policy {self.policy} cannot be taken off {group.name}."
        raise refuse(what, "It is not an entry of a plain list.", group.place)

    def intend(self, layer: Layer) -> Facts:
        """The facts with one policy less."""
        facts, group = facts_of(layer), find_group(layer, self.group)
        left = list(facts.groups[group.name].policies)
        left.remove(self.policy)
        changed = facts.groups[group.name]._replace(policies=tuple(left))
        return replace(facts, groups={**facts.groups, group.name: changed})


def _check_group(layer: Layer, name: str) -> list[Problem]:
    group = layer.group(name)
    if group is None:
        known = ", ".join(one.name for one in layer.groups) or "none"
        return [Problem(f"There is no group {name} in this layer; there are: {known}.", "group")]
    return []


def _block(layer: Layer, group: Group) -> Block:
    return next(
        block
        for block in group_modules(layer.files)
        if block.label == group.label and block.document.name == group.place.file
    )
