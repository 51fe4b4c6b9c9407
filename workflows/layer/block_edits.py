"""Splices that put whole blocks into a file, or take them out, without touching the blocks around them."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from workflows.layer.document import Splice
from workflows.layer.hidden import hiding_comments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflows.layer.document import Document
    from workflows.layer.index import Item


def insert_after(document: Document, item: Item, text: bytes) -> Splice:
    """Put text after a top-level item and the comment on its last line, one blank line between."""
    index = _index(document, item) + 1
    end = item.end_byte
    if index < len(document.items) and _is_tail(document.items[index], item):
        end = document.items[index].end_byte
    return Splice(end, end, document.newline * 2 + text)


def insert_before(document: Document, item: Item, text: bytes) -> Splice:
    """Put text directly before a top-level item, spaced as that is; a comment above stays above."""
    index = _index(document, item)
    gap = document.newline * 2
    if index and not _is_headline(document, index - 1):
        gap = document.data[document.items[index - 1].end_byte : item.start_byte]
    return Splice(item.start_byte, item.start_byte, text + gap)


def remove_items(document: Document, gone: Iterable[Item]) -> list[Splice]:
    """Take top-level items out, each with the blank lines before it.

    A comment above a block stays unless it is among the items: it may be a headline over several. What
    `insert_after` and `insert_before` put in, this takes out to the byte.
    """
    starts = {item.start_byte for item in gone}
    items = document.items
    splices: list[Splice] = []
    for start in sorted(starts):
        first = bisect_left(items, start, key=lambda one: one.start_byte)
        if splices and splices[-1].start <= items[first].start_byte < splices[-1].end:
            continue
        after = first + 1
        while after < len(items) and (
            items[after].start_byte in starts or _is_tail(items[after], items[after - 1])
        ):
            after += 1
        splices.append(_cut(document, first, after))
    return splices


def _index(document: Document, item: Item) -> int:
    return bisect_left(document.items, item.start_byte, key=lambda one: one.start_byte)


def _cut(document: Document, first: int, after: int) -> Splice:
    items = document.items
    previous = items[first - 1] if first else None
    following = items[after] if after < len(items) else None
    if previous is not None and not (following is not None and _is_headline(document, first - 1)):
        return Splice(previous.end_byte, items[after - 1].end_byte, b"")
    end = following.start_byte if following is not None else len(document.data)
    return Splice(items[first].start_byte, end, b"")


def _is_headline(document: Document, index: int) -> bool:
    """Whether a top-level item is a comment in words on a line of its own."""
    items = document.items
    if items[index].kind != "comment" or (index and _is_tail(items[index], items[index - 1])):
        return False
    return items[index].start_byte not in hiding_comments(document)


def _is_tail(item: Item, previous: Item) -> bool:
    """Whether an item is a comment on the line where the previous one ends."""
    return item.kind == "comment" and item.row == previous.end_row
