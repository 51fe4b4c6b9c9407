"""Read the outputs of a layer: those about one person, and those that collect people.

A collecting output is a map or list with a handwritten entry for each person:
`value = { "jane.doe" = module.user["jane.doe"].iam_user_name, … }`. A list or map made by a `for` needs no
entries, so it doesn't count; neither does an output about one person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from tree_sitter import Node

from workflows.hcl.blocks import hiding_comments
from workflows.hcl.document import Block, Document, remembered
from workflows.hcl.index import plain_values
from workflows.hcl.values import object_key
from workflows.layer.files import FileSet
from workflows.layer.model import Output, Owner
from workflows.layer.read.references import Reference, parsed_reference, read_reference, references_in

_REMEMBERED = 65536
"""More than the outputs of any layer; each takes a few hundred bytes."""


class Reading(NamedTuple):
    """The relevant parts of an output block.

    Attributes:
        reference: the module instance in its value, or None if there is none or more than one.
        sensitive: whether Terraform hides its value.
    """

    reference: Reference | None
    sensitive: bool

    @property
    def attribute(self) -> str:
        """The module's attribute that it returns, such as `iam_user_name`, or ""."""
        return self.reference.attribute if self.reference is not None else ""


def read_outputs(files: FileSet, owners: Mapping[Owner, str]) -> tuple[Output, ...]:
    """Return the outputs in file order.

    Args:
        files: the layer's files.
        owners: each person's IAM name by declaration.
    """
    return tuple(_output(block, owners) for block in files.blocks_of("output"))


def read_hidden_outputs(files: FileSet, owners: Mapping[Owner, str]) -> tuple[Output, ...]:
    """Return the outputs that are commented out; arguments as for `read_outputs`."""
    return tuple(
        _output(block, owners)
        for document in files.documents.values()
        for comment in hiding_comments(document)
        for block in comment.blocks
        if block.kind == "output"
    )


def _output(block: Block, owners: Mapping[Owner, str]) -> Output:
    reading = read_output(block)
    person = owners.get(reading.reference.owner, "") if reading.reference is not None else ""
    return Output(block.label, person, reading.attribute, reading.sensitive)


def read_output(block: Block) -> Reading:
    """Read an output block."""
    document = block.document
    if document.is_plain:
        return _read_plain(block.data)
    sensitive = block.source_of("sensitive") == "true"
    value = block.attributes.get("value")
    if value is None or collection_of(block) is not None:
        return Reading(None, sensitive)
    if (whole := read_reference(document, value.value)) is not None:
        return Reading(whole if whole.module else None, sensitive)
    parts = [reference for reference, _ in references_in(block.document, value.node)]
    alone = bool(parts) and len({part.owner for part in parts}) == 1
    return Reading(parts[0] if alone else None, sensitive)


@lru_cache(maxsize=_REMEMBERED)
def _read_plain(data: bytes) -> Reading:
    values, _ = plain_values(data)
    return Reading(parsed_reference(values.get("value", "")), values.get("sensitive") == "true")


_APART = re.compile(r"[^0-9A-Za-z]+")


class CollectedEntry(NamedTuple):
    """A person's entry.

    Attributes:
        position: the index in the container.
        node: a list's expression, or a map's element.
        owner: the person's declaration.
    """

    position: int
    node: Node
    owner: Owner


class CollectingOutput(NamedTuple):
    """An output that collects people.

    Attributes:
        block: the output.
        container: its list or map.
        entries: the people's entries in order; other entries may be in between.
    """

    block: Block
    container: Node
    entries: tuple[CollectedEntry, ...]

    @property
    def document(self) -> Document:
        """The output's document."""
        return self.block.document


@remembered
def collections_of(files: FileSet) -> list[CollectingOutput]:
    """Return the outputs that collect people, in file order."""
    return [
        found
        for document in files.documents.values()
        for block in (() if document.is_plain else document.blocks_of("output"))
        if (found := collection_of(block)) is not None
    ]


def collection_of(block: Block) -> CollectingOutput | None:
    """Read an output as a collecting one; None if it does not collect people."""
    value = block.attributes.get("value")
    container = value.value if value is not None else None
    if container is None or container.type not in {"tuple", "object"}:
        return None
    document = block.document
    found = []
    for position, node in enumerate(document.elements(container)):
        owners = {reference.owner for reference, _ in references_in(document, node)}
        if len(owners) == 1:
            found.append(CollectedEntry(position, node, owners.pop()))
    if container.type == "object":
        found = [entry for entry in found if _is_keyed(document, entry)]
    elif not _is_for_several(block, found):
        found = []
    return CollectingOutput(block, container, tuple(found)) if found else None


def _is_keyed(document: Document, entry: CollectedEntry) -> bool:
    """Return whether the key names the person: `auditor_ci` for `module.user_auditor_ci`, not `username`."""
    key = object_key(document, entry.node)
    mine, theirs = _slug(key or ""), _slug(entry.owner[1] or entry.owner[0])
    return key is not None and (mine == theirs or mine.endswith(f"_{theirs}") or theirs.endswith(f"_{mine}"))


def _is_for_several(block: Block, entries: Sequence[CollectedEntry]) -> bool:
    """Return whether a list is for several people: no repetitions, and not labelled after its only one."""
    owners = [entry.owner for entry in entries]
    if len(set(owners)) < len(owners):
        return False
    return len(owners) > 1 or not any(_slug(owner[1] or owner[0]) in _slug(block.label) for owner in owners)


def _slug(text: str) -> str:
    return _APART.sub("_", text).lower()
