"""Adding a group by a sibling's example, removing one, and giving one another name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.core.errors import Problem
from workflows.layer.blocks import insert_after, remove_items
from workflows.layer.declarations import group_modules, name_in
from workflows.layer.document import Splice
from workflows.layer.facts import facts_of
from workflows.layer.lists import realigned
from workflows.layer.model import Place
from workflows.layer.names import check_group_name
from workflows.layer.operations.base import PlacedProblem, find_group, refuse
from workflows.layer.references import mentions, place_on_disk
from workflows.layer.values import quote

if TYPE_CHECKING:
    from tree_sitter import Node

    from workflows.layer.document import Block
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Group, Layer


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
                message = f"The module label {label} is taken; choose a name that is spelled otherwise."
                problems.append(Problem(message, "name"))
        return problems + _check_group(layer, self.sibling, "sibling")

    def apply(self, layer: Layer) -> FileSet:
        """The files with the group added after its sibling.

        Raises:
            EditRefused: the sibling's name is an expression, or its members are computed.
        """
        block = _block(layer, find_group(layer, self.sibling))
        document, start = block.document, block.item.start_byte
        name, members = _literal_name(block), block.attributes[name_in(block, "group_users")].value
        splices = [
            Splice(
                block.label_node.start_byte, block.label_node.end_byte, quote(self._label(layer)).encode()
            ),
            Splice(name.start_byte, name.end_byte, quote(self.name).encode()),
            Splice(members.start_byte, members.end_byte, b"[]"),
        ]
        text = block.data
        for one in sorted(splices, key=lambda splice: splice.start, reverse=True):
            text = text[: one.start - start] + one.text + text[one.end - start :]
        added = document.splice([insert_after(document, block.item, text)])
        new = next(one for one in added.blocks_of("module") if one.label == self._label(layer))
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
        block = _block(layer, group)
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
        block = _block(layer, find_group(layer, self.name))
        node = _literal_name(block)
        splice = Splice(node.start_byte, node.end_byte, quote(self.new_name).encode())
        return layer.files.with_document(block.document.splice([splice]))

    def intend(self, layer: Layer) -> Facts:
        """The facts with the group under another name."""
        facts, group = facts_of(layer), find_group(layer, self.name)
        groups = {self.new_name if name == group.name else name: one for name, one in facts.groups.items()}
        return replace(facts, groups=groups)


def _check_group(layer: Layer, name: str, field: str) -> list[Problem]:
    group = layer.group(name)
    if group is None:
        known = ", ".join(one.name for one in layer.groups) or "none"
        return [Problem(f"There is no group {name} in this layer; there are: {known}.", field)]
    if not group.editable:
        message = f"The group {name} is shown, not edited; see {group.place}."
        return [PlacedProblem(message, field, place=group.place)]
    return []


def _block(layer: Layer, group: Group) -> Block:
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
