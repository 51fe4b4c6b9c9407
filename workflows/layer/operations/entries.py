"""The entries of the lists and maps that declare people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.alignment import is_aligned, realign
from workflows.layer.values import object_key, plain_strings

if TYPE_CHECKING:
    from tree_sitter import Node

    from workflows.layer.document import Document


def entry_keys(document: Document, container: Node) -> list[str]:
    """The names in a list, or the keys of a map, in order; "" for a computed one."""
    if container.type == "object":
        return [object_key(document, one) or "" for one in document.elements(container)]
    return [one or "" for one in plain_strings(document, container)]


def aligned_as(before: Document, after: Document, start: int) -> Document:
    """The edited document with equal signs in line again, where they were so: a map's, and those around it.

    Args:
        before: the document before the edit.
        after: the document after it.
        start: where the list or map begins, in both; a list has nothing to align.
    """
    old, new = before.container_at(start), after.container_at(start)
    if old.type == "object" and is_aligned(before, before.elements(old)):
        splices = realign(after, after.elements(new))
        after = after.splice(splices) if splices else after
    around, then = _around(old), _around(after.container_at(start))
    if _rows(old) == _rows(after.container_at(start)) or not is_aligned(before, around):
        return after
    splices = realign(after, then)
    return after.splice(splices) if splices else after


def _around(container: Node) -> list[Node]:
    """The attributes or entries among which a list or map is the value of one; empty where it stands bare."""
    node: Node | None = container
    while node is not None and node.type not in {"attribute", "object_elem"}:
        node = node.parent
    parent = node.parent if node is not None else None
    return [one for one in parent.children if node is not None and one.type == node.type] if parent else []


def _rows(container: Node) -> bool:
    return container.start_point.row == container.end_point.row
