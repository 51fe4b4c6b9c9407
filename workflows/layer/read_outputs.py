"""Reading the outputs of a layer: which belong to one person, and what they give."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from workflows.layer.declarations import place_of
from workflows.layer.model import Output
from workflows.layer.references import Reference, read_reference, references_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.layer.files import FileSet
    from workflows.layer.read_people import Owner
    from workflows.layer.syntax import Block


def read_outputs(files: FileSet, owners: Mapping[Owner, str]) -> tuple[Output, ...]:
    """The outputs in the order of the files.

    Args:
        files: the layer's files.
        owners: the IAM name of each person by what declares it.
    """
    found = []
    for document in files.documents.values():
        for block in document.blocks_of("output"):
            reference = output_reference(block)
            sensitive = block.attributes.get("sensitive")
            found.append(
                Output(
                    name=block.label,
                    person=owners.get(reference.owner) if reference else None,
                    attribute=reference.attribute if reference else "",
                    sensitive=sensitive is not None and document.text(sensitive.value) == "true",
                    place=place_of(block),
                )
            )
    return tuple(found)


_known: WeakKeyDictionary[Block, Reference | None] = WeakKeyDictionary()


def output_reference(block: Block) -> Reference | None:
    """The one module instance that an output's value is about, or None if it is about none or several."""
    if block not in _known:
        _known[block] = _read_reference(block)
    return _known[block]


def _read_reference(block: Block) -> Reference | None:
    value = block.attributes.get("value")
    if value is None:
        return None
    whole = read_reference(block.document, value.value)
    if whole is not None:
        return whole if whole.module else None
    parts = [one for one, _ in references_in(block.document, value.node)]
    return parts[0] if parts and len({one.owner for one in parts}) == 1 else None
