"""The entries of the lists and maps that declare people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.alignment import is_aligned, realign
from workflows.layer.values import object_key, plain_string

if TYPE_CHECKING:
    from tree_sitter import Node

    from workflows.layer.syntax import Document


def entry_keys(document: Document, container: Node) -> list[str]:
    """The names in a list, or the keys of a map, in order; "" for a computed one."""
    if container.type == "object":
        return [object_key(document, one) or "" for one in document.elements(container)]
    return [plain_string(document, one) or "" for one in document.elements(container)]


def aligned_as(before: Document, after: Document, start: int) -> Document:
    """The edited document with a map's equal signs in line again, if they were so before.

    Args:
        before: the document before the edit.
        after: the document after it.
        start: where the list or map begins, in both; a list has nothing to align.
    """
    old, new = before.container_at(start), after.container_at(start)
    if old.type != "object" or not is_aligned(before, before.elements(old)):
        return after
    splices = realign(after, after.elements(new))
    return after.splice(splices) if splices else after
