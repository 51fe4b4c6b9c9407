"""Reading the outputs of a layer: which belong to one person, and what they give."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.collected import collection_of
from workflows.layer.hidden import comments_of
from workflows.layer.model import Output, Place
from workflows.layer.outline import plain_values
from workflows.layer.references import Reference, read_reference, references_in, usual_reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.layer.files import FileSet
    from workflows.layer.read_people import Owner
    from workflows.layer.syntax import Block

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


def read_outputs(files: FileSet, owners: Mapping[Owner, str]) -> tuple[Output, ...]:
    """The outputs in the order of the files.

    Args:
        files: the layer's files.
        owners: the IAM name of each person by what declares it.
    """
    found: list[Output] = []
    for document in files.documents.values():
        name, data = document.name, document.data
        if document.is_plain:  # straight from the items: there may be thousands
            for item in document.items_by_kind.get("output", ()):
                reading = _read_plain(data[item.start_byte : item.end_byte])
                found.append(_output(item.header[-1], reading, Place(name, item.row + 1), owners))
        else:
            blocks = document.blocks_of("output")
            found += [_output(one.label, read_output(one), Place(name, one.line), owners) for one in blocks]
    return tuple(found)


def read_hidden_outputs(files: FileSet, owners: Mapping[Owner, str]) -> tuple[Output, ...]:
    """The outputs that are commented out; arguments as for `read_outputs`."""
    return tuple(
        _output(hidden.block.label, read_output(hidden.block), Place(document.name, hidden.line), owners)
        for document in files.documents.values()
        for comment in comments_of(document)
        for hidden in comment.blocks
        if hidden.block.kind == "output"
    )


def _output(label: str, reading: Reading, place: Place, owners: Mapping[Owner, str]) -> Output:
    reference, sensitive = reading
    if reference is None:
        return Output(label, None, "", sensitive, place)
    return Output(label, owners.get(reference[:2]), reference.attribute, sensitive, place)


def read_output(block: Block) -> Reading:
    """What an output block says."""
    document, item = block.document, block.item
    if document.is_plain:
        return _read_plain(document.data[item.start_byte : item.end_byte])
    sensitive = block.source_of("sensitive") == "true"
    value = block.attributes.get("value")
    if value is None:
        return Reading(None, sensitive)
    whole = read_reference(block.document, value.value)
    if whole is not None:
        return Reading(whole if whole.module else None, sensitive)
    if collection_of(block) is not None:
        return Reading(None, sensitive)
    parts = [one for one, _ in references_in(block.document, value.node)]
    alone = bool(parts) and len({one.owner for one in parts}) == 1
    return Reading(parts[0] if alone else None, sensitive)


@lru_cache(maxsize=_REMEMBERED)
def _read_plain(data: bytes) -> Reading:
    values, _ = plain_values(data)
    return Reading(usual_reference(values.get("value", "")), values.get("sensitive") == "true")
