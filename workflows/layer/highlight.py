"""What the words of HCL are, for whoever shows it in colours; only the lines that are shown are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.nodes import captures, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tree_sitter import Node

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
(function_call (identifier) @function)
"""


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
    tree, lines = parse(data), data.split(b"\n")
    found: dict[int, list[Token]] = {}
    for first, last in ranges:
        caught = captures(tree, _QUERY, first, last)
        for kind in KINDS:
            for node in caught.get(kind, ()):
                _add(found, node, kind, (first, last), lines)
    return {row: sorted(some) for row, some in found.items()}


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
