"""Adding a group by a sibling's example, removing one, renaming one, and the managed policies of one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tree_sitter import Node

from workflows.core.errors import Problem
from workflows.hcl.blocks import insert_after, remove_items
from workflows.hcl.document import Block
from workflows.hcl.lists import insert_entry, realigned, remove_entry
from workflows.hcl.values import plain_string, quote
from workflows.layer.edit.cloning import replacing, spliced
from workflows.layer.edit.operation import (
    Facts,
    PlacedProblem,
    check_known_group,
    facts_of,
    find_group,
    refuse,
    with_attribute,
)
from workflows.layer.files import FileSet
from workflows.layer.managed_policies import check_policy_arn
from workflows.layer.model import Layer, Place
from workflows.layer.names import check_group_name
from workflows.layer.read.declarations import group_modules, name_in
from workflows.layer.read.groups import POLICY_LISTS
from workflows.layer.read.references import mentions, place_on_disk


@dataclass(frozen=True)
class AddGroup:
    """Add a group with a sibling's source, policies and form, and no members yet.

    Attributes:
        name: the group's name, as IAM will know it.
        sibling: the group to follow, by name.
    """

    name: str
    sibling: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name or the sibling."""
        problems = check_group_name(self.name, [one.name for one in layer.groups])
        if not problems:
            label = self._label(layer) if layer.group(self.sibling) else ""
            if any(one.label == label for one in layer.groups):
                message = f"The module label {label} is taken; choose a name with another spelling."
                problems.append(Problem(message, "name"))
        return problems + _check_group(layer, self.sibling, "sibling")

    def apply(self, layer: Layer) -> FileSet:
        """The files with the group added after its sibling.

        Raises:
            EditRefused: the sibling's name is an expression, or its members are computed.
        """
        block, label = _block(layer, self.sibling), self._label(layer)
        document, members = block.document, block.attributes[name_in(block, "group_users")].value
        splices = [
            replacing(block.label_node, quote(label)),
            replacing(_literal_name(block), quote(self.name)),
            replacing(members, "[]"),
        ]
        text = spliced(block.data, splices, block.item.start_byte)
        added = document.splice([insert_after(document, block.item, text)])
        new = next(one for one in added.blocks_of("module") if one.label == label)
        old_nodes, new_nodes = ([one.node for one in it.attributes.values()] for it in (block, new))
        return layer.files.with_document(realigned(document, old_nodes, added, new_nodes))

    def intend(self, layer: Layer) -> Facts:
        """The facts with one group more."""
        facts, sibling = facts_of(layer), find_group(layer, self.sibling)
        group = facts.groups[sibling.name]._replace(label=self._label(layer), members=())
        return replace(facts, groups={**facts.groups, self.name: group})

    def _label(self, layer: Layer) -> str:
        sibling = find_group(layer, self.sibling)
        old, new = _spelled(sibling.name), _spelled(self.name)
        if old and old in sibling.label:
            return sibling.label.replace(old, new)
        return f"iam_group_{new}"


@dataclass(frozen=True)
class RemoveGroup:
    """Remove a group; its members stay users.

    Attributes:
        name: the group's name.
    """

    name: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name; who would be left without a group, as a warning."""
        problems = _check_group(layer, self.name, "name")
        group = layer.group(self.name)
        alone = [one.iam_name for one in layer.people if group is not None and one.groups == (group.name,)]
        if alone:
            message = f"{', '.join(alone)} would be in no group."
            problems.append(Problem(message, "name", fatal=False))
        return problems

    def apply(self, layer: Layer) -> FileSet:
        """The files without the group's block.

        Raises:
            EditRefused: something else in the layer refers to the group.
        """
        group = find_group(layer, self.name)
        block = _block(layer, self.name)
        files = layer.files.with_document(block.document.splice(remove_items(block.document, [block.item])))
        left = next(mentions(files, group.label, None), None)
        if left is not None:
            why = "Something else in the layer refers to it, and Terraform would fail on that."
            place = place_on_disk(layer.files, files, left, group.label, None)
            raise refuse(f"The group {group.name} cannot be removed.", why, place)
        return files

    def intend(self, layer: Layer) -> Facts:
        """The facts without the group."""
        facts, group = facts_of(layer), find_group(layer, self.name)
        return replace(facts, groups={name: one for name, one in facts.groups.items() if name != group.name})


@dataclass(frozen=True)
class RenameGroup:
    """Give a group another name in IAM; the module's label stays, so Terraform renames instead of replacing.

    Attributes:
        name: the present name.
        new_name: the name it gets.
    """

    name: str
    new_name: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with either name."""
        others = [one.name for one in layer.groups if one.name.casefold() != self.name.casefold()]
        return [*_check_group(layer, self.name, "name"), *check_group_name(self.new_name, others)]

    def apply(self, layer: Layer) -> FileSet:
        """The files with the name changed.

        Raises:
            EditRefused: the name is an expression.
        """
        block = _block(layer, self.name)
        splice = replacing(_literal_name(block), quote(self.new_name))
        return layer.files.with_document(block.document.splice([splice]))

    def intend(self, layer: Layer) -> Facts:
        """The facts with the group under another name."""
        facts, group = facts_of(layer), find_group(layer, self.name)
        groups = {self.new_name if name == group.name else name: one for name, one in facts.groups.items()}
        return replace(facts, groups=groups)


def _check_group(layer: Layer, name: str, field: str) -> list[Problem]:
    group = layer.group(name)
    if group is None or group.editable:
        return check_known_group(layer, name, field)
    message = f"The group {name} is shown, not edited; see {group.place}."
    return [PlacedProblem(message, field, place=group.place)]


def _block(layer: Layer, name: str) -> Block:
    """The block of the group of that name.

    Raises:
        EditRefused: there is none.
    """
    group = find_group(layer, name)
    return next(
        block
        for block in group_modules(layer.files)
        if block.label == group.label and block.document.name == group.place.file
    )


def _literal_name(block: Block) -> Node:
    attribute = block.attributes.get("name")
    if attribute is None or attribute.value.type != "string_lit":
        place = Place(block.document.name, attribute.line if attribute else block.line)
        raise refuse(
            f"The name of the group module {block.label} is left alone.", "It is an expression.", place
        )
    return attribute.value


def _spelled(name: str) -> str:
    """A group's name as module labels spell it."""
    return re.sub(r"[^0-9A-Za-z_]", "_", name)


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
        problems = check_known_group(layer, self.group, "group")
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
        block = _block(layer, self.group)
        attribute = next((block.attributes[one] for one in POLICY_LISTS if one in block.attributes), None)
        document = block.document
        if attribute is None:
            lines = ("[", f"    {quote(self.arn)},", "  ]")
            text = document.newline.decode().join(lines)
            return layer.files.with_document(with_attribute(block, POLICY_LISTS[0], text, after=()))
        if attribute.value.type != "tuple":
            what = f"The policies of the group {self.group} are computed."
            raise refuse(what, "There is no plain list to add to.", Place(document.name, attribute.line))
        container = attribute.value
        splices = insert_entry(document, container, quote(self.arn), len(document.elements(container)))
        return layer.files.with_document(document.splice(splices))

    def intend(self, layer: Layer) -> Facts:
        """The facts with one policy more."""
        facts, name = facts_of(layer), find_group(layer, self.group).name
        return facts.with_group(name, policies=tuple(sorted([*facts.groups[name].policies, self.arn])))


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
        problems = check_known_group(layer, self.group, "group")
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
        group, block = find_group(layer, self.group), _block(layer, self.group)
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
        facts, name = facts_of(layer), find_group(layer, self.group).name
        left = list(facts.groups[name].policies)
        left.remove(self.policy)
        return facts.with_group(name, policies=tuple(left))
