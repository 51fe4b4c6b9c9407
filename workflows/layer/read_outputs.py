"""Reading the outputs of a layer: which belong to one person, and what they give."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

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
    return tuple(
        _output(block, Place(document.name, block.line), owners)
        for document in files.documents.values()
        for block in document.blocks_of("output")
    )


def read_hidden_outputs(files: FileSet, owners: Mapping[Owner, str]) -> tuple[Output, ...]:
    """The outputs that are commented out; arguments as for `read_outputs`."""
    return tuple(
        _output(hidden.block, Place(document.name, hidden.line), owners)
        for document in files.documents.values()
        for comment in comments_of(document)
        for hidden in comment.blocks
        if hidden.block.kind == "output"
    )


def _output(block: Block, place: Place, owners: Mapping[Owner, str]) -> Output:
    reference, sensitive = read_output(block)
    if reference is None:
        return Output(block.label, None, "", sensitive, place)
    return Output(block.label, owners.get(reference.owner), reference.attribute, sensitive, place)


def read_output(block: Block) -> Reading:
    """What an output block says."""
    if block.document.is_plain:
        return _read_plain(block.data)
    sensitive = block.source_of("sensitive") == "true"
    value = block.attributes.get("value")
    if value is None:
        return Reading(None, sensitive)
    whole = read_reference(block.document, value.value)
    if whole is not None:
        return Reading(whole if whole.module else None, sensitive)
    parts = [one for one, _ in references_in(block.document, value.node)]
    alone = bool(parts) and len({one.owner for one in parts}) == 1
    return Reading(parts[0] if alone else None, sensitive)


@lru_cache(maxsize=_REMEMBERED)
def _read_plain(data: bytes) -> Reading:
    values = plain_values(data)
    return Reading(usual_reference(values.get("value", "")), values.get("sensitive") == "true")
