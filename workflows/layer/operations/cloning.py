"""A person's declaration written anew for another: the same text but for the name wherever it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.document import Splice, walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

    from workflows.layer.document import Document
    from workflows.layer.operations.spelling import Renaming


def cloned(document: Document, node: Node, changes: Iterable[Splice], renaming: Renaming) -> bytes:
    """The text of a node for another person.

    Args:
        document: the document the node is from.
        node: the block, or the entry of a map.
        changes: what is known to differ, as splices of the document.
        renaming: whose name stands in the node's other strings and comments, and whose shall.
    """
    splices = list(changes)
    taken = [(one.start, one.end) for one in splices]
    for one in walk(node):
        if one.type not in {"template_literal", "comment"}:
            continue
        if any(start < one.end_byte and one.start_byte < end for start, end in taken):
            continue
        text = document.text(one)
        new = renaming.plainly(text)
        if new != text:
            splices.append(Splice(one.start_byte, one.end_byte, new.encode()))
    return spliced(document.data[node.start_byte : node.end_byte], splices, node.start_byte)


def spliced(data: bytes, splices: Iterable[Splice], base: int) -> bytes:
    """A part of a document with splices of the document made in it; `base` is where the part begins."""
    for one in sorted(splices, key=lambda splice: splice.start, reverse=True):
        data = data[: one.start - base] + one.text + data[one.end - base :]
    return data


def replacing(node: Node, text: str) -> Splice:
    """The splice that puts a text in the place of a node."""
    return Splice(node.start_byte, node.end_byte, text.encode())
