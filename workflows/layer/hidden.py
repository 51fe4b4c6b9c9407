"""Declarations inside comments: outputs that a team switches on when it wants to see a password, old groups.

A comment is read as what it would be without its marks: each mark becomes a blank, so that everything stands
where it stands in the file, and what is found can be cut out or cloned like any other block.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from workflows.layer.document import Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.layer.document import Block
    from workflows.layer.index import Item

_WORDS = (b"module", b"output", b"resource")


@dataclass(frozen=True, eq=False)
class Comment:
    """A block comment, or a run of line comments on neighbouring lines of their own.

    Attributes:
        document: the document that it is in.
        items: its items in it, in order: several for a run.
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
        """What it says, with blanks for the marks; a byte stands as far from the start as in the comment."""
        text = bytearray(self.document.data[self.start : self.end])
        for item in self.items:
            first = item.start_byte - self.start
            size = 1 if text[first : first + 1] == b"#" else 2
            text[first : first + size] = b" " * size
            if self.document.data.startswith(b"/*", item.start_byte):
                text[-2:] = b"  "
        return Document(self.document.name, bytes(text))

    @cached_property
    def blocks(self) -> tuple[HiddenBlock, ...]:
        """The blocks that it hides, in order."""
        text = self.document.data[self.start : self.end]
        if not any(word in text for word in _WORDS):
            return ()
        return tuple(HiddenBlock(self, one) for one in self.inner.blocks)


@dataclass(frozen=True, eq=False)
class HiddenBlock:
    """A block in a comment.

    Attributes:
        comment: the comment.
        block: the block; its document is the comment's inner one.
    """

    comment: Comment
    block: Block

    @property
    def start(self) -> int:
        """Where it begins in the file."""
        return self.comment.start + self.block.item.start_byte

    @property
    def end(self) -> int:
        """Where it ends in the file."""
        return self.comment.start + self.block.item.end_byte

    @property
    def line(self) -> int:
        """The line it begins on in the file, from 1."""
        return self.comment.items[0].row + self.block.line


_known: WeakKeyDictionary[Document, tuple[Comment, ...]] = WeakKeyDictionary()
_hiding: WeakKeyDictionary[Document, Mapping[int, Comment]] = WeakKeyDictionary()


def comments_of(document: Document) -> tuple[Comment, ...]:
    """The comments of the top level, in order."""
    if document not in _known:
        _known[document] = _comments(document)
    return _known[document]


def hiding_comments(document: Document) -> Mapping[int, Comment]:
    """The comments that hide blocks, by where each of their items begins."""
    if document not in _hiding:
        _hiding[document] = {
            item.start_byte: one for one in comments_of(document) if one.blocks for item in one.items
        }
    return _hiding[document]


def _comments(document: Document) -> tuple[Comment, ...]:
    found: list[Comment] = []
    run: list[Item] = []
    for item in document.comments:
        if document.data.startswith(b"/*", item.start_byte):
            found.append(Comment(document, (item,)))
            continue
        if run and item.row != run[-1].row + 1:
            found.append(Comment(document, tuple(run)))
            run = []
        run.append(item)
    if run:
        found.append(Comment(document, tuple(run)))
    return tuple(sorted(found, key=lambda one: one.start))
