"""A file's top-level blocks, live or commented out, and the splices that insert or remove them.

Teams comment out outputs until they want to see a password, and old groups. A comment is read as if its
markers were blanks, so every byte keeps its position in the file, and the blocks inside can be cut out or
cloned like any other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from workflows.hcl.document import Block, Document, Splice, remembered
from workflows.hcl.index import Item

_WORDS = (b"module", b"output", b"resource")


@dataclass(frozen=True, eq=False)
class Comment:
    """A block comment, or a run of line comments on consecutive lines of their own.

    Attributes:
        document: the document that contains it.
        items: its items in order; several for a run.
    """

    document: Document
    items: tuple[Item, ...]

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.items[0].start_byte

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.items[-1].end_byte

    @cached_property
    def inner(self) -> Document:
        """The comment's text with blanks for the markers; every byte keeps its offset."""
        text = bytearray(self.document.data[self.start : self.end])
        for item in self.items:
            first = item.start_byte - self.start
            size = 1 if text[first : first + 1] == b"#" else 2
            text[first : first + size] = b" " * size
            if self.document.data.startswith(b"/*", item.start_byte):
                text[-2:] = b"  "
        return Document(self.document.name, bytes(text))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The commented-out blocks in order; their document is `inner`."""
        text = self.document.data[self.start : self.end]
        return self.inner.blocks if any(word in text for word in _WORDS) else ()


@remembered
def comments_of(document: Document) -> tuple[Comment, ...]:
    """The top-level comments in order."""
    found: list[list[Item]] = []
    run: list[Item] = []
    for item in document.comments:
        is_block = document.data.startswith(b"/*", item.start_byte)
        if not is_block and run and item.row == run[-1].row + 1:
            run.append(item)
            continue
        found.append([item])
        run = run if is_block else found[-1]
    return tuple(Comment(document, tuple(items)) for items in found)


@remembered
def hiding_comments(document: Document) -> tuple[Comment, ...]:
    """The comments that contain blocks, in order."""
    find = document.data.find
    if all(find(b"{", item.start_byte, item.end_byte) < 0 for item in document.comments):
        return ()
    return tuple(comment for comment in comments_of(document) if comment.blocks)


@remembered
def hiding_starts(document: Document) -> frozenset[int]:
    """The start bytes of all items in comments that contain blocks."""
    return frozenset(item.start_byte for comment in hiding_comments(document) for item in comment.items)


def insert_after(document: Document, item: Item, text: bytes) -> Splice:
    """Insert text after a top-level item and its trailing comment, with one blank line between."""
    index = _index(document, item) + 1
    tailed = index < len(document.items) and _is_tail(document.items[index], item)
    end = (document.items[index] if tailed else item).end_byte
    return Splice(end, end, document.newline * 2 + text)


def insert_before(document: Document, item: Item, text: bytes) -> Splice:
    """Insert text directly before a top-level item, with the same spacing; a comment above stays above."""
    index = _index(document, item)
    gap = document.newline * 2
    if index and not _is_headline(document, index - 1):
        gap = document.data[document.items[index - 1].end_byte : item.start_byte]
    return Splice(item.start_byte, item.start_byte, text + gap)


def remove_items(document: Document, gone: Iterable[Item]) -> list[Splice]:
    """Remove top-level items, each with the blank lines before it.

    A comment above a block stays unless it is among the items: it may be a headline for several blocks. This
    reverses `insert_after` and `insert_before` to the byte.
    """
    starts = {item.start_byte for item in gone}
    items = document.items
    splices: list[Splice] = []
    for start in sorted(starts):
        first = bisect_left(items, start, key=lambda item: item.start_byte)
        if splices and splices[-1].start <= start < splices[-1].end:
            continue
        after = first + 1
        while after < len(items) and (
            items[after].start_byte in starts or _is_tail(items[after], items[after - 1])
        ):
            after += 1
        splices.append(_cut(document, first, after))
    return splices


def _index(document: Document, item: Item) -> int:
    return bisect_left(document.items, item.start_byte, key=lambda item: item.start_byte)


def _cut(document: Document, first: int, after: int) -> Splice:
    items, is_last = document.items, after == len(document.items)
    if first and (is_last or not _is_headline(document, first - 1)):
        return Splice(items[first - 1].end_byte, items[after - 1].end_byte, b"")
    return Splice(items[first].start_byte, len(document.data) if is_last else items[after].start_byte, b"")


def _is_headline(document: Document, index: int) -> bool:
    """Return whether a top-level item is a prose comment on its own line."""
    items = document.items
    if items[index].kind != "comment" or (index and _is_tail(items[index], items[index - 1])):
        return False
    return items[index].start_byte not in hiding_starts(document)


def _is_tail(item: Item, previous: Item) -> bool:
    """Return whether an item is a comment on the previous item's last line."""
    return item.kind == "comment" and item.row == previous.end_row
