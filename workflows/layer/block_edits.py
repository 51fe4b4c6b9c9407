"""Splices that put whole blocks into a file, or take them out, without touching the blocks around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.syntax import Splice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

    from workflows.layer.syntax import Document


def insert_after(document: Document, node: Node, text: bytes) -> Splice:
    """Put text after a top-level block and the comment on its last line, one blank line between."""
    end = _end_with_comment(document, node)
    return Splice(end, end, document.newline * 2 + text)


def insert_before(document: Document, node: Node, text: bytes) -> Splice:
    """Put text directly before a top-level block, spaced as that is; a comment above stays above."""
    index = [one.start_byte for one in document.items].index(node.start_byte)
    gap = document.newline * 2
    if index and not _is_headline(document, index - 1):
        gap = document.data[document.items[index - 1].end_byte : node.start_byte]
    return Splice(node.start_byte, node.start_byte, text + gap)


def remove_nodes(document: Document, nodes: Iterable[Node]) -> list[Splice]:
    """Take top-level blocks out, each with the blank lines before it.

    A comment above a block stays: it may be a headline over several. What `insert_after` and
    `insert_before` put in, this takes out to the byte.
    """
    starts = {node.start_byte for node in nodes}
    items = document.items
    splices: list[Splice] = []
    index = 0
    while index < len(items):
        if items[index].start_byte not in starts:
            index += 1
            continue
        first = index
        while index < len(items) and (
            items[index].start_byte in starts or _is_tail(items[index], items[index - 1])
        ):
            index += 1
        splices.append(_cut(document, first, index))
    return splices


def _cut(document: Document, first: int, after: int) -> Splice:
    items = document.items
    previous = items[first - 1] if first else None
    following = items[after] if after < len(items) else None
    if previous is not None and not (following is not None and _is_headline(document, first - 1)):
        return Splice(previous.end_byte, items[after - 1].end_byte, b"")
    end = following.start_byte if following is not None else len(document.data)
    return Splice(items[first].start_byte, end, b"")


def _is_headline(document: Document, index: int) -> bool:
    """Whether a top-level item is a comment on a line of its own."""
    items = document.items
    return items[index].type == "comment" and not (index and _is_tail(items[index], items[index - 1]))


def _is_tail(node: Node, previous: Node) -> bool:
    """Whether a node is a comment on the line where the previous one ends."""
    return node.type == "comment" and node.start_point.row == previous.end_point.row


def _end_with_comment(document: Document, node: Node) -> int:
    after = [one for one in document.items if one.start_byte >= node.end_byte][:1]
    return after[0].end_byte if after and _is_tail(after[0], node) else node.end_byte
