"""The outputs of one person: cloned from a sibling's, in the sibling's place among the others."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.layer.block_edits import insert_after, insert_before, remove_items
from workflows.layer.facts import OutputFacts
from workflows.layer.read_outputs import read_output
from workflows.layer.sequences import position_for
from workflows.layer.syntax import walk

if TYPE_CHECKING:
    from workflows.layer.files import FileSet
    from workflows.layer.syntax import Block, Splice


@dataclass(frozen=True)
class NewOutputs:
    """The outputs that a person would get.

    Attributes:
        document: the name of the file they go to.
        splice: how they get there, for that document as it is.
        facts: what they are.
    """

    document: str
    splice: Splice
    facts: tuple[OutputFacts, ...]


def outputs_by_key(files: FileSet, module: str) -> dict[str, list[Block]]:
    """The output blocks of each person of a module, by the instance's key, in the order of the files."""
    found: dict[str, list[Block]] = {}
    for document in files.documents.values():
        for block in document.blocks_of("output"):
            reference = read_output(block).reference
            if reference is not None and reference.module == module and reference.key is not None:
                found.setdefault(reference.key, []).append(block)
    return found


def plan_outputs(files: FileSet, module: str, key: str, name: str) -> NewOutputs | None:
    """The outputs that a person gets by its siblings' example; None if they have none to follow.

    Args:
        files: the layer's files.
        module: the label of the person's module.
        key: the person's key in it.
        name: the person's IAM name.
    """
    present = outputs_by_key(files, module)
    if not present or key in present:
        return None
    keys = list(present)
    position = position_for(keys, key)
    neighbours = [*reversed(keys[:position]), *keys[position:]]
    usual = Counter(_shapes(present[one]) for one in keys).most_common(1)[0][0]
    fitting = [one for one in neighbours if _fits(one, present[one])]
    if not fitting:
        return None
    sibling = next((one for one in fitting if _shapes(present[one]) == usual), fitting[0])
    old, new = _slugs(sibling, present[sibling], key)
    blocks = present[sibling]
    document = blocks[0].document
    text = _joined(blocks, [_clone(block, sibling, key, old, new) for block in blocks])
    if position == 0:
        splice = insert_before(present[keys[0]][0].document, present[keys[0]][0].item, text)
        document = present[keys[0]][0].document
    else:
        last = present[keys[position - 1]][-1]
        document = last.document
        splice = insert_after(document, last.item, text)
    facts = tuple(
        OutputFacts(block.label.replace(old, new), name, attribute, sensitive)
        for block, (attribute, sensitive) in ((block, _shape(block)) for block in blocks)
    )
    return NewOutputs(document.name, splice, facts)


def add_outputs(files: FileSet, module: str, key: str, name: str) -> FileSet:
    """The files with a person's outputs added; unchanged if there is no example to follow."""
    planned = plan_outputs(files, module, key, name)
    if planned is None:
        return files
    return files.with_document(files.documents[planned.document].splice([planned.splice]))


def remove_outputs(files: FileSet, owner: tuple[str, str | None]) -> FileSet:
    """The files without the outputs that are about one person alone."""
    for document in tuple(files.documents.values()):
        nodes = [
            block.item
            for block in document.blocks_of("output")
            if (reference := read_output(block).reference) is not None and reference.owner == owner
        ]
        if nodes:
            files = files.with_document(document.splice(remove_items(document, nodes)))
    return files


def _shape(block: Block) -> tuple[str, bool]:
    reference = read_output(block).reference
    sensitive = block.attributes.get("sensitive")
    hidden = sensitive is not None and block.document.text(sensitive.value) == "true"
    return (reference.attribute if reference else ""), hidden


def _shapes(blocks: list[Block]) -> tuple[tuple[str, bool], ...]:
    return tuple(_shape(block) for block in blocks)


def _fits(key: str, blocks: list[Block]) -> bool:
    """Whether a person's outputs can be the example: in one file, and labelled after the person."""
    in_one_file = len({block.document.name for block in blocks}) == 1
    return in_one_file and any(all(one in block.label for block in blocks) for one in slugs(key))


def slugs(key: str) -> tuple[str, ...]:
    """How output labels spell a person: `jane.doe` as `jane_doe`, `machine.ci` as `machine_ci` or `ci`."""
    whole = re.sub(r"[^0-9A-Za-z]", "_", key)
    return (whole, whole.removeprefix("machine_"))


def _slugs(sibling: str, blocks: list[Block], key: str) -> tuple[str, str]:
    """The spelling that a sibling's labels use, and the same spelling of another person."""
    for old, new in zip(slugs(sibling), slugs(key), strict=True):
        if all(old in block.label for block in blocks):
            return old, new
    raise LookupError(f"the outputs of {sibling} are not labelled after it")


def _clone(block: Block, sibling: str, key: str, old: str, new: str) -> bytes:
    """The block's text for another person: its label, and its name wherever a string holds it."""
    document, start = block.document, block.item.start_byte
    data = bytearray(block.data)
    label = block.label_node
    for node in sorted(walk(block.node), key=lambda one: one.start_byte, reverse=True):
        if node.type not in {"template_literal", "comment"}:
            continue
        text = document.data[node.start_byte : node.end_byte]
        if label.start_byte < node.start_byte < label.end_byte:
            text = text.replace(old.encode(), new.encode())
        else:
            text = text.replace(sibling.encode(), key.encode())
        data[node.start_byte - start : node.end_byte - start] = text
    return bytes(data)


def _joined(blocks: list[Block], texts: list[bytes]) -> bytes:
    document = blocks[0].document
    joined = texts[0]
    for previous, block, text in zip(blocks, blocks[1:], texts[1:], strict=False):
        gap = document.data[previous.item.end_byte : block.item.start_byte]
        joined += (gap if not gap.strip() else document.newline * 2) + text
    return joined
