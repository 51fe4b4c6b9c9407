r"""Index the blocks and comments of a plain file, as most of a layer is, without parsing a tree.

A layer of thousands of people has tens of thousands of lines such as

    output "user_jane_doe_name" {
      description = "The user's name"
      value       = module.user["jane.doe"].iam_user_name
    }

and parsing them all costs more than everything else. So a regular expression recognises a file of nothing but
comments and blocks of that form (one plain value a line, no list, no template, no heredoc, no nested block);
it matches a strict subset of HCL's grammar: https://github.com/hashicorp/hcl, spec.md. Any other file has no
index, and is read from its tree.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

_NAME = rb"[A-Za-z_][A-Za-z0-9_-]*+"
_TEXT = rb'"[^"\\$%\r\n]*+"'
_VALUE = (
    rb"(?:"
    + _TEXT
    + rb"|"
    + _NAME
    + rb"(?:\("
    + _TEXT
    + rb"\)|(?:\."
    + _NAME
    + rb"|\["
    + _TEXT
    + rb"\])*+)|[0-9]++)"
)
_LINE = rb"[ \t]*+(?:" + _NAME + rb"[ \t]*+=[ \t]*+" + _VALUE + rb"[ \t]*+)?+\r?\n"
_ITEM = re.compile(
    rb"[ \t\r\n]*+(?:"
    rb"(?P<comment>(?:\#|//)[^\r\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)"
    rb"|(?P<block>(?P<kind>" + _NAME + rb")(?P<labels>(?:[ \t]++" + _TEXT + rb")*+)[ \t]*+\{[ \t]*+\r?\n"
    rb"(?:" + _LINE + rb")*+[ \t]*+\})(?=[ \t]*+(?:\r?\n|\Z|\#|/[/*]))"
    rb"|(?P<end>\Z))"
)
_ATTRIBUTE = re.compile(rb"^[ \t]*+(" + _NAME + rb")[ \t]*+=[ \t]*+(" + _VALUE + rb")", re.MULTILINE)


class Item(NamedTuple):
    """A top-level block, comment or attribute.

    Attributes:
        kind: `block`, `comment` or `attribute`; for a damaged part, the tree's node type.
        start_byte: where it begins.
        end_byte: where it ends.
        row: the line where it begins, from 0.
        end_row: the line where it ends, from 0.
        header: a block's type and labels, such as `("output", "user_jane_doe_name")`.
    """

    kind: str
    start_byte: int
    end_byte: int
    row: int
    end_row: int
    header: tuple[str, ...] = ()

    def moved(self, by: int, rows: int) -> Item:
        """The same item, moved down by some bytes and rows."""
        kind, start, end, row, end_row, header = self
        return _item((kind, start + by, end + by, row + rows, end_row + rows, header))


_item: Callable[[tuple[object, ...]], Item] = partial(tuple.__new__, Item)
"""Makes an item in half the time of `Item(…)`: an edit moves tens of thousands of them."""


Items = tuple[Item, ...] | None
"""The items of a plain file; None for a file that needs its tree."""


def index_of(data: bytes) -> Items:
    """Return the items of a plain file in order, or None for a file that needs its tree."""
    found: list[Item] = []
    position = row = counted = 0
    match_at = _ITEM.match
    while True:
        match = match_at(data, position)
        if match is None:
            return None
        position = match.end()
        kind = str(match.lastgroup)
        if kind == "end":
            return tuple(found)
        start = match.start(kind)
        header: tuple[str, ...] = ()
        if kind == "block":
            try:
                header = (match["kind"].decode(), *match["labels"].decode().split('"')[1::2])
            except UnicodeDecodeError:
                return None
        row += data.count(b"\n", counted, start)
        end_row = row + data.count(b"\n", start, position)
        found.append(_item((kind, start, position, row, end_row, header)))
        row, counted = end_row, position


def index_after(items: tuple[Item, ...], data: bytes, start: int, old_end: int, growth: int) -> Items:
    """Update the index of a plain file after an edit by reading only the bytes around it.

    Args:
        items: the index before the edit.
        data: the bytes after the edit.
        start: where the edit begins.
        old_end: where the replaced range ended.
        growth: how many bytes the file grew by.

    Returns:
        The same as `index_of(data)`.
    """
    first = max(0, bisect_left(items, start, key=lambda item: item.end_byte) - 1)
    last = bisect_right(items, old_end, key=lambda item: item.start_byte)
    head, tail = items[:first], items[last:]
    begin = head[-1].end_byte if head else 0
    end = tail[0].start_byte + growth if tail else len(data)
    part = data[begin:end]
    if tail and part.rpartition(b"\n")[2].strip(b" \t\n"):
        return index_of(data)  # the next item doesn't begin on its own line
    middle = index_of(part) if not tail or b"\n" in part else None
    if middle is None:
        return index_of(data)
    row = data.count(b"\n", 0, begin)
    rows = row + part.count(b"\n") - tail[0].row if tail else 0
    moved = [item.moved(begin, row) for item in middle] + [item.moved(growth, rows) for item in tail]
    return head + tuple(moved)


def plain_values(block: bytes) -> tuple[dict[str, str], int]:
    """Read the attributes of an indexed block.

    Returns:
        The source text of each value by name, the first of any duplicates; and the number of attributes,
        counting duplicates.
    """
    found: dict[str, str] = {}
    attributes = _ATTRIBUTE.findall(block)
    for name, value in attributes:
        found.setdefault(name.decode(), value.decode("utf-8", "replace"))
    return found, len(attributes)
