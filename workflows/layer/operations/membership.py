"""Putting a person into group lists and taking it out: what several operations share."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from workflows.core.errors import Problem
from workflows.layer.declarations import attribute_of, group_modules, place_of, user_modules, version_of
from workflows.layer.lists import (
    aligned_blocks,
    insert_entry,
    position_for,
    remove_entry,
    uses_trailing_comma,
)
from workflows.layer.operations.base import PlacedProblem
from workflows.layer.references import Reference, read_reference, written
from workflows.layer.values import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tree_sitter import Node

    from workflows.layer.document import Block, Splice
    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer, Owner, Person

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
    blocks = [block for block in group_modules(files) if block.label in labels]
    trailing_comma = _trailing_comma(files)
    splices: dict[str, list[Splice]] = {}
    for block in blocks:
        container = _list_of(block)
        if container is None:
            continue
        texts = [block.document.text(one) for one in block.document.elements(container)]
        text = _written(files, block, owner, name)
        position = position_for(texts, text)
        splices.setdefault(block.document.name, []).extend(
            insert_entry(block.document, container, text, position, trailing_comma=trailing_comma)
        )
    return _spliced(files, splices, labels)


def check_member(layer: Layer, labels: Collection[str], person: Person) -> list[Problem]:
    """Why a person cannot be named in some groups' lists: a numbered one has no reference that would last."""
    module = next((one for one in user_modules(layer.files) if one.label == person.module), None)
    if module is None or not module.counted:
        return []
    problems: list[Problem] = []
    for block in group_modules(layer.files):
        if block.label not in labels or _list_of(block) is None:
            continue
        if _written(layer.files, block, person.owner, person.iam_name) == quote(person.iam_name):
            continue
        message = f"The group module {block.label} names its members by reference, and those of module "
        place = place_of(block)
        message += f"{person.module} have numbers that change. Edit it by hand at {place}."
        problems.append(PlacedProblem(message, "groups", place=place))
    return problems


def remove_member(files: FileSet, labels: Collection[str], person: Person) -> FileSet:
    """The files with a person taken out of some groups' lists, however often it is in them."""
    while True:
        splices: dict[str, list[Splice]] = {}
        for block in group_modules(files):
            container = _list_of(block) if block.label in labels else None
            if container is None:
                continue
            for position, element in enumerate(block.document.elements(container)):
                if _is_person(block, element, person):
                    found = remove_entry(block.document, container, position)
                    splices.setdefault(block.document.name, []).extend(found)
                    break
        if not splices:
            return files
        files = _spliced(files, splices, labels)


def _spliced(files: FileSet, splices: Mapping[str, list[Splice]], labels: Collection[str]) -> FileSet:
    for name, found in splices.items():
        before = files.documents[name]
        headers = [("module", one) for one in labels]
        files = files.with_document(aligned_blocks(before, before.splice(found), headers))
    return files


def _list_of(block: Block) -> Node | None:
    attribute = attribute_of(block, "group_users")
    return attribute.value if attribute is not None and attribute.value.type == "tuple" else None


def _is_person(block: Block, element: Node, person: Person) -> bool:
    reference = read_reference(block.document, element)
    if reference is None:
        return False
    if not reference.module:
        return reference.key == person.iam_name
    return reference.owner == person.owner


def _written(files: FileSet, block: Block, owner: Owner, name: str) -> str:
    """How the list would name the person: the habit of its own members, then that of the other groups."""
    module, key = owner
    for one in [block, *group_modules(files)]:
        container = _list_of(one)
        members = one.document.elements(container)[:50] if container is not None else []
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
    block = next((one.block for one in user_modules(files) if one.label == module), None)
    version = (version_of(block) if block is not None else None) or _SINCE_PLAIN
    if version >= _SINCE_SHORT:
        return "name"
    return f"this_{_ATTRIBUTE}" if version < _SINCE_PLAIN else _ATTRIBUTE


def _trailing_comma(files: FileSet) -> bool:
    habits = [
        habit
        for block in group_modules(files)
        if (container := _list_of(block)) is not None
        and (habit := uses_trailing_comma(block.document, container)) is not None
    ]
    return habits.count(False) <= habits.count(True)
