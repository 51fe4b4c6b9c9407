"""Reading the outputs of a layer: which are about one person, and which collect people.

An output that collects people is a map or list with an entry for each, written out by hand:
`value = { "jane.doe" = module.user["jane.doe"].iam_user_name, … }`. One that a `for` makes needs no entries
and is none of these; neither is an output about one person alone.
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
from workflows.layer.read.references import Reference, read_reference, references_in, usual_reference

_REMEMBERED = 65536
"""More blocks than the outputs of any layer; each takes a few hundred bytes."""


class Reading(NamedTuple):
    """What an output block says.

    Attributes:
        reference: the one module instance that its value is about, or None if it is about none or several.
        sensitive: whether Terraform hides it.
    """

    reference: Reference | None
    sensitive: bool

    @property
    def attribute(self) -> str:
        """The module's attribute that it gives, as `iam_user_name`, or ""."""
        return self.reference.attribute if self.reference is not None else ""


def read_outputs(files: FileSet, owners: Mapping[Owner, str]) -> tuple[Output, ...]:
    """The outputs in the order of the files.

    Args:
        files: the layer's files.
        owners: the IAM name of each person by what declares it.
    """
    found: list[Output] = []
    for document in files.documents.values():
        if document.is_plain:  # straight from the items: there may be thousands
            for item in document.items_by_kind.get("output", ()):
                reading = _read_plain(document.data[item.start_byte : item.end_byte])
                found.append(_output(item.header[-1], reading, owners))
        else:
            blocks = document.blocks_of("output")
            found += [_output(block.label, read_output(block), owners) for block in blocks]
    return tuple(found)


def read_hidden_outputs(files: FileSet, owners: Mapping[Owner, str]) -> tuple[Output, ...]:
    """The outputs that are commented out; arguments as for `read_outputs`."""
    return tuple(
        _output(block.label, read_output(block), owners)
        for document in files.documents.values()
        for comment in hiding_comments(document)
        for block in comment.blocks
        if block.kind == "output"
    )


def _output(label: str, reading: Reading, owners: Mapping[Owner, str]) -> Output:
    person = owners.get(reading.reference.owner, "") if reading.reference is not None else ""
    return Output(label, person, reading.attribute, reading.sensitive)


def read_output(block: Block) -> Reading:
    """What an output block says."""
    document, item = block.document, block.item
    if document.is_plain:
        return _read_plain(document.data[item.start_byte : item.end_byte])
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
    return Reading(usual_reference(values.get("value", "")), values.get("sensitive") == "true")


_APART = re.compile(r"[^0-9A-Za-z]+")


class CollectedEntry(NamedTuple):
    """A person's entry.

    Attributes:
        position: which of the container's entries it is.
        node: its node: a list's expression, or a map's element.
        owner: whose it is.
    """

    position: int
    node: Node
    owner: Owner


class CollectingOutput(NamedTuple):
    """An output that collects people.

    Attributes:
        block: the output.
        container: its list or map.
        entries: those of people, in their order; there may be others between them.
    """

    block: Block
    container: Node
    entries: tuple[CollectedEntry, ...]

    @property
    def document(self) -> Document:
        """The document that it is in."""
        return self.block.document


@remembered
def collections_of(files: FileSet) -> list[CollectingOutput]:
    """The outputs that collect people, in the order of the files."""
    return [
        found
        for document in files.documents.values()
        for block in (() if document.is_plain else document.blocks_of("output"))
        if (found := collection_of(block)) is not None
    ]


def collection_of(block: Block) -> CollectingOutput | None:
    """What an output collects; None if it does not collect people."""
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
    """Whether an entry's key names the person: `auditor_ci` for `module.user_auditor_ci`, not `username`."""
    key = object_key(document, entry.node)
    mine, theirs = _slug(key or ""), _slug(entry.owner[1] or entry.owner[0])
    return key is not None and (mine == theirs or mine.endswith(f"_{theirs}") or theirs.endswith(f"_{mine}"))


def _is_for_several(block: Block, entries: Sequence[CollectedEntry]) -> bool:
    """Whether a list is for several people: it repeats nobody, and is not labelled after its only one."""
    owners = [entry.owner for entry in entries]
    if len(set(owners)) < len(owners):
        return False
    return len(owners) > 1 or not any(_slug(owner[1] or owner[0]) in _slug(block.label) for owner in owners)


def _slug(text: str) -> str:
    return _APART.sub("_", text).lower()
