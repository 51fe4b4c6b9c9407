"""Adding an attribute to a block, in a line of its own and in the column of its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.document import Splice
from workflows.layer.lists import realigned
from workflows.layer.model import Place
from workflows.layer.operations.base import refuse

if TYPE_CHECKING:
    from collections.abc import Collection

    from tree_sitter import Node

    from workflows.layer.document import Block, Document


def with_attribute(block: Block, name: str, text: str, *, after: Collection[str]) -> Document:
    """The document with an attribute after the last of some others, or after the block's last.

    Args:
        block: the block that gets it.
        name: the attribute.
        text: its value as HCL.
        after: the attributes that it belongs to.

    Raises:
        EditRefused: the block's attributes do not have lines of their own.
    """
    document, own = block.document, list(block.attributes.values())
    kin = [one for one in own if one.name in after]
    place = Place(document.name, block.line)
    if not own:
        why = "Its block is empty, so there is no line to follow."
        raise refuse(f"{name} cannot be added to {block.label}.", why, place)
    last = (kin or own)[-1].node
    start = document.line_start(last.start_byte)
    indent = document.data[start : last.start_byte]
    if indent.strip() or last.end_point.row == block.closing.start_point.row:
        why = "Its attributes do not have lines of their own."
        raise refuse(f"{name} cannot be added to {block.label}.", why, place)
    end = document.line_end(last.end_byte)
    line = indent + f"{name} = {text}".encode() + document.newline
    if last.start_point.row != last.end_point.row:
        line = document.newline + line  # what takes several lines stands apart
    edited = document.splice([Splice(end, end, line)])
    return realigned(document, _body(block), edited, _body(edited.block_at(block.item.start_byte)))


def _body(block: Block) -> list[Node]:
    return [one.node for one in block.attributes.values()]
