"""The tokens of HCL for a diff in colours; only the lines of the diff are parsed in a large file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, count, groupby
from typing import NamedTuple

from tree_sitter import Node, Tree

from workflows.hcl.document import captures, parse, parse_range
from workflows.layer.write import FileChange

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


_HCL = (".tf", ".tfvars", ".hcl")

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


def diff_tokens(change: FileChange) -> list[Sequence[Token]]:
    """The tokens of each of a change's `lines`, in the text behind the mark; none outside HCL."""
    lines = change.lines
    if not change.name.endswith(_HCL):
        return [()] * len(lines)
    before = _of_lines(change.before, [line.old for line in lines if line.mark == "-"])
    after = _of_lines(change.after, [line.new for line in lines if line.mark in "+ "])
    return [
        before.get(line.old, ()) if line.mark == "-" else after.get(line.new, ()) if line.mark in "+ " else ()
        for line in lines
    ]


def _of_lines(data: bytes | None, numbers: Iterable[int]) -> Mapping[int, Sequence[Token]]:
    """The tokens of some lines by their numbers from 1, which rise."""
    counter = count()
    runs = [list(run) for _, run in groupby(numbers, key=lambda number: number - next(counter))]
    found = tokens(data or b"", [(run[0] - 1, run[-1] - 1) for run in runs])
    return {row + 1: found_tokens for row, found_tokens in found.items()}


def tokens(data: bytes, ranges: Iterable[tuple[int, int]]) -> Mapping[int, Sequence[Token]]:
    """The tokens of some lines of a file, by line from 0, in order.

    Args:
        data: the file; what is not HCL gives few tokens or none.
        ranges: first and last line of each part that is wanted, from 0.
    """
    lines = data.split(b"\n")
    found: dict[int, list[Token]] = {}
    parsed = _around(data, ranges) if len(data) > _LARGE else _whole(data, ranges)
    for first, last, tree in parsed:
        caught = captures(tree, _QUERY, first, last)
        for kind in KINDS:
            for node in caught.get(kind, ()):
                _add(found, node, kind, (first, last), lines)
    return {row: sorted(row_tokens) for row, row_tokens in found.items()}


def _whole(data: bytes, ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, Tree]]:
    tree = parse(data)
    yield from ((first, last, tree) for first, last in ranges)


def _around(data: bytes, ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, Tree]]:
    """The ranges with a tree of the lines around: at worst a long heredoc or comment has code's colours."""
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
    ends = (row for row in behind if lines[row].strip() and _indent(lines[row]) <= least)
    end = next(ends, behind.stop)
    return row, end + 1 if end < len(lines) and lines[end].lstrip()[:1] in (b"}", b"]", b")") else end


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip())


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
