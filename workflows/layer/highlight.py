"""What the words of HCL are, for whoever shows it in colours; only the lines that are shown are looked at."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.nodes import captures, parse, parse_range
from workflows.layer.outline import outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tree_sitter import Node, Tree

    from workflows.layer.outline import Item

KINDS = ("comment", "string", "number", "constant", "keyword", "name", "function")
"""Of two that overlap, the later one counts."""

_QUERY = """
(comment) @comment
(quoted_template_start) @string
(quoted_template_end) @string
(template_literal) @string
(heredoc_start) @keyword
(heredoc_identifier) @keyword
(numeric_lit) @number
(bool_lit) @constant
(null_lit) @constant
(block (identifier) @keyword)
(attribute (identifier) @name)
(object_elem key: (expression (variable_expr (identifier) @name)))
(function_call (identifier) @function)
"""


_LARGE = 200_000
"""Bytes of a file whose tree would be waited for."""

_NEAR = 100
"""So many lines on either side are parsed with a part of such a file."""


_OPENS = re.compile(rb"[ \t]*[^\s}\])]")
"""A line that is neither blank nor closes something."""


class Token(NamedTuple):
    """A part of a line.

    Attributes:
        start: its first character, from 0.
        end: the one after its last.
        kind: one of `KINDS`.
    """

    start: int
    end: int
    kind: str


def tokens(data: bytes, ranges: Iterable[tuple[int, int]]) -> Mapping[int, Sequence[Token]]:
    """The tokens of some lines of a file, by line from 0, in order.

    Args:
        data: the file; what is not HCL gives few tokens or none.
        ranges: first and last line of each part that is wanted, from 0.
    """
    lines = data.split(b"\n")
    found: dict[int, list[Token]] = {}
    for first, last, tree in _parsed(data, ranges):
        caught = captures(tree, _QUERY, first, last)
        for kind in KINDS:
            for node in caught.get(kind, ()):
                _add(found, node, kind, (first, last), lines)
    return {row: sorted(some) for row, some in found.items()}


def _parsed(data: bytes, ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, Tree]]:
    """The ranges with the tree that they are in.

    Of a plain file only the blocks around each are parsed, of another large one only the lines around: at
    worst a heredoc or a comment that is longer has the colours of code.
    """
    items = outline(data)
    if items is None and len(data) > _LARGE:
        yield from _around(data, ranges)
        return
    if items is None:
        tree = parse(data)
        yield from ((first, last, tree) for first, last in ranges)
        return
    for first, last in ranges:
        around = items[bisect_left(items, first, key=_last_row) : bisect_right(items, last, key=_first_row)]
        if around:
            start, end = around[0].start_byte, around[-1].end_byte
            yield first, last, parse_range(data, start, end, around[0].row)


def _around(data: bytes, ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, Tree]]:
    lines = re.findall(rb"[^\n]*\n|[^\n]+", data)
    starts = list(accumulate(map(len, lines), initial=0))
    for first, last in ranges:
        row, end_row = _entries_around(lines, first, last)
        yield first, last, parse_range(data, starts[row], starts[end_row], row)


def _entries_around(lines: Sequence[bytes], first: int, last: int) -> tuple[int, int]:
    """Where to begin and end so that what is between is whole: entries begin on lines indented least."""
    near = range(max(0, first - _NEAR), min(first + 1, len(lines)))
    begins = [row for row in near if _OPENS.match(lines[row])]
    least = min((_indent(lines[row]) for row in begins), default=0)
    row = next((row for row in begins if _indent(lines[row]) == least), near.start)
    behind = range(min(last + 1, len(lines)), min(last + _NEAR, len(lines)))
    ends = (one for one in behind if lines[one].strip() and _indent(lines[one]) <= least)
    end = next(ends, behind.stop)
    return row, end + 1 if end < len(lines) and lines[end].lstrip()[:1] in (b"}", b"]", b")") else end


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip())


def _first_row(item: Item) -> int:
    return item.row


def _last_row(item: Item) -> int:
    return item.end_row


def _add(
    found: dict[int, list[Token]], node: Node, kind: str, rows: tuple[int, int], lines: Sequence[bytes]
) -> None:
    """A node as a token on each of the wanted lines that it is on; comments and heredocs are on several."""
    start, end = node.start_point, node.end_point
    for row in range(max(start.row, rows[0]), min(end.row, rows[1], len(lines) - 1) + 1):
        first = start.column if row == start.row else 0
        last = end.column if row == end.row else len(lines[row])
        if first < last:
            token = Token(_characters(lines[row], first), _characters(lines[row], last), kind)
            found.setdefault(row, []).append(token)


def _characters(line: bytes, column: int) -> int:
    """A column in bytes as one in characters."""
    return len(line[:column].decode("utf-8", "replace"))
