"""Who is in which group: putting a person into lists of members and taking it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from workflows.core.errors import Problem
from workflows.hcl.document import Block, Document, Splice
from workflows.hcl.lists import aligned_blocks, insert_entry, position_for, remove_entry, uses_trailing_comma
from workflows.hcl.values import quote
from workflows.layer.edit.operation import (
    Facts,
    PlacedProblem,
    check_groups,
    facts_of,
    find_person,
    text_in_no_group,
)
from workflows.layer.files import FileSet
from workflows.layer.model import Group, Layer, Owner, Person
from workflows.layer.read.declarations import (
    attribute_of,
    group_modules,
    module_of,
    place_of,
    user_modules,
    version_of,
)
from workflows.layer.read.references import Reference, read_reference, written

_ATTRIBUTE = "iam_user_name"
"""terraform-aws-iam, modules/iam-user: the output with the user's name."""
_SINCE_PLAIN = 4
"""Before this version of the module its outputs' names began with `this_`."""
_SINCE_SHORT = 6
"""Since this version they do without `iam_user_`."""


def add_member(files: FileSet, labels: Collection[str], owner: Owner, name: str) -> FileSet:
    """The files with a person put into some groups' lists, written as the members there are.

    Args:
        files: the layer's files.
        labels: the labels of the group modules; their lists are plain.
        owner: what declares the person, as `Person.owner`.
        name: its IAM name.
    """
    trailing_comma = _trailing_comma(files)
    splices: dict[str, list[Splice]] = {}
    for block, container in _lists(files, labels):
        document = block.document
        text = _written(files, block, owner, name)
        position = position_for([document.text(one) for one in document.elements(container)], text)
        splices.setdefault(document.name, []).extend(
            insert_entry(document, container, text, position, trailing_comma=trailing_comma)
        )
    return _spliced(files, splices, labels)


def check_member(layer: Layer, labels: Collection[str], person: Person) -> list[Problem]:
    """Why a person cannot be named in some groups' lists: a numbered one has no reference that would last."""
    if not module_of(layer.files, person.module).counted:
        return []
    problems: list[Problem] = []
    for block, _ in _lists(layer.files, labels):
        if _written(layer.files, block, person.owner, person.iam_name) != quote(person.iam_name):
            place = place_of(block)
            message = f"The group module {block.label} names its members by reference, and those of module "
            message += f"{person.module} have numbers that change. Edit it by hand at {place}."
            problems.append(PlacedProblem(message, "groups", place=place))
    return problems


def remove_member(files: FileSet, labels: Collection[str], person: Person) -> FileSet:
    """The files with a person taken out of some groups' lists, however often it is in them."""
    while True:
        splices: dict[str, list[Splice]] = {}
        for block, container in _lists(files, labels):
            document = block.document
            elements = enumerate(document.elements(container))
            found = (number for number, one in elements if _is_person(document, one, person))
            if (position := next(found, None)) is not None:
                splices.setdefault(document.name, []).extend(remove_entry(document, container, position))
        if not splices:
            return files
        files = _spliced(files, splices, labels)


def _spliced(files: FileSet, splices: Mapping[str, list[Splice]], labels: Collection[str]) -> FileSet:
    for name, found in splices.items():
        before = files.documents[name]
        headers = [("module", one) for one in labels]
        files = files.with_document(aligned_blocks(before, before.splice(found), headers))
    return files


def _lists(files: FileSet, labels: Collection[str] | None = None) -> Iterator[tuple[Block, Node]]:
    """The groups whose members are a plain list, all or those with some labels, with that list."""
    for block in group_modules(files):
        attribute = attribute_of(block, "group_users") if labels is None or block.label in labels else None
        if attribute is not None and attribute.value.type == "tuple":
            yield block, attribute.value


def _is_person(document: Document, element: Node, person: Person) -> bool:
    reference = read_reference(document, element)
    return reference is not None and reference.owner in {person.owner, ("", person.iam_name)}


def _written(files: FileSet, block: Block, owner: Owner, name: str) -> str:
    """How the list would name the person: the habit of its own members, then that of the other groups."""
    module, key = owner
    others = list(_lists(files))
    for one, container in [*(other for other in others if other[0] is block), *others]:
        members = one.document.elements(container)[:50]
        found = [read_reference(one.document, element) for element in members]
        references = [reference for reference in found if reference is not None]
        if references and all(not reference.module for reference in references):
            return quote(name)
        forms = Counter(reference.to(owner) for reference in references if reference.module)
        if forms:
            text = written(forms.most_common(1)[0][0])
            wrapped = sum(1 for element in members if one.document.text(element).startswith('"${'))
            return f'"${{{text}}}"' if wrapped * 2 > len(members) else text
    return written(Reference(module, key, _name_attribute(files, module)))


def _name_attribute(files: FileSet, module: str) -> str:
    """The module's output with the user's name, where no group shows it: as elsewhere, or by version."""
    texts = [document.data for document in files.documents.values()]
    for attribute in (_ATTRIBUTE, f"this_{_ATTRIBUTE}"):
        if any(f".{attribute}".encode() in text for text in texts):
            return attribute
    blocks = [one.block for one in user_modules(files) if one.label == module]
    version = (version_of(blocks[0]) if blocks else None) or _SINCE_PLAIN
    if version >= _SINCE_SHORT:
        return "name"
    return f"this_{_ATTRIBUTE}" if version < _SINCE_PLAIN else _ATTRIBUTE


def _trailing_comma(files: FileSet) -> bool:
    habits = [uses_trailing_comma(block.document, container) for block, container in _lists(files)]
    return habits.count(False) <= habits.count(True)


@dataclass(frozen=True)
class SetGroups:
    """Change a person's groups. Joining a group it is in, or leaving one it is not in, changes nothing.

    Attributes:
        name: the IAM user name.
        add: groups to join, by name.
        remove: groups to leave, by name.
    """

    name: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name or the groups."""
        person = layer.person(self.name)
        if person is None:
            return [Problem(f"There is no user {self.name} in {layer.location.relative}.", "name")]
        problems = check_groups(layer, self.add, machine=person.machine)
        problems += check_member(layer, {one.label for one in self._changed(layer, person)[0]}, person)
        problems += [one for one in check_groups(layer, self.remove, machine=True) if one.fatal]
        both = {one.casefold() for one in self.add} & {one.casefold() for one in self.remove}
        problems += [Problem(f"{one} is both to join and to leave.", "groups") for one in sorted(both)]
        leaving = {one.casefold() for one in self.remove}
        if not self.add and person.groups and all(one.casefold() in leaving for one in person.groups):
            message = text_in_no_group(person.iam_name, machine=person.machine)
            problems.append(Problem(message, "groups", fatal=False))
        return problems

    def apply(self, layer: Layer) -> FileSet:
        """The files with the group lists changed.

        Raises:
            EditRefused: there is no such person.
        """
        person = find_person(layer, self.name)
        joining, leaving = ({one.label for one in groups} for groups in self._changed(layer, person))
        files = remove_member(layer.files, leaving, person)
        return add_member(files, joining, person.owner, person.iam_name)

    def intend(self, layer: Layer) -> Facts:
        """The facts with other members in these groups."""
        facts, person = facts_of(layer), find_person(layer, self.name)
        joining, leaving = self._changed(layer, person)
        for group in joining:
            members = sorted([*facts.groups[group.name].members, person.iam_name])
            facts = facts.with_group(group.name, members=tuple(members))
        for group in leaving:
            members = [one for one in facts.groups[group.name].members if one != person.iam_name]
            facts = facts.with_group(group.name, members=tuple(members))
        return facts

    def _changed(self, layer: Layer, person: Person) -> tuple[list[Group], list[Group]]:
        """The groups that are joined, and those that are left."""
        add, remove = ({one.casefold() for one in names} for names in (self.add, self.remove))
        inside = [one for one in layer.groups if person.iam_name in one.members]
        outside = [one for one in layer.groups if person.iam_name not in one.members]
        joined = [one for one in outside if one.name.casefold() in add]
        return joined, [one for one in inside if one.name.casefold() in remove]
