"""Keeping the equal signs of neighbouring lines in one column, as `terraform fmt` does.

A run of lines is only touched if it was in that form before the edit; a team's own spacing is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.document import Splice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tree_sitter import Node

    from workflows.layer.document import Document


def is_aligned(document: Document, nodes: Sequence[Node]) -> bool:
    """Whether the equal signs of some attributes, or elements of a map, stand as `terraform fmt` wants."""
    return not realign(document, nodes)


def realign(document: Document, nodes: Sequence[Node]) -> list[Splice]:
    """The splices that put the equal signs of each run of neighbours into one column.

    Args:
        document: the document the nodes are from.
        nodes: `attribute` or `object_elem` nodes of one body or map, in order.
    """
    splices: list[Splice] = []
    for run in _runs(nodes):
        widths = [len(document.text(one.children[0])) for one in run]
        widest = max(widths)
        for node, width in zip(run, widths, strict=True):
            sign = node.children[1]
            wanted = b" " * (widest - width + 1)
            start = node.children[0].end_byte
            if document.data[start : sign.start_byte] != wanted:
                splices.append(Splice(start, sign.start_byte, wanted))
    return splices


def aligned_blocks(before: Document, after: Document, headers: Iterable[tuple[str, ...]]) -> Document:
    """The edited document with the attributes of some blocks in line again, if they were so before.

    A list that becomes empty takes one line and stands in its neighbours' column; a filled one stands alone.

    Args:
        before: the document before the edit.
        after: the document after it.
        headers: the types and labels of the blocks; those that are not in both are left alone.
    """
    for header in headers:
        old, new = _attributes(before, header), _attributes(after, header)
        if old and new and is_aligned(before, old):
            splices = realign(after, new)
            after = after.splice(splices) if splices else after
    return after


def _attributes(document: Document, header: tuple[str, ...]) -> list[Node]:
    found = [block for block in document.blocks_of(header[0]) if block.header == header]
    return [one.node for one in found[0].attributes.values()] if len(found) == 1 else []


def _runs(nodes: Sequence[Node]) -> list[list[Node]]:
    runs: list[list[Node]] = []
    last: int | None = None
    for node in nodes:
        row = node.start_point.row
        if node.children[1].type != "=":
            last = None
            continue
        if node.end_point.row != row:
            runs.append([node])  # what takes several lines stands alone, even directly below another
            last = None
            continue
        if last is not None and row == last + 1:
            runs[-1].append(node)
        elif last is not None and row == last:
            runs[-1].clear()  # two on one line: the formatter leaves such a line alone
        else:
            runs.append([node])
        last = row
    return [run for run in runs if run]
