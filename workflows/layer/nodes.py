"""The syntax tree: with `syntax.py`, the only place that knows tree-sitter and its grammar's names."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import tree_sitter_hcl
from tree_sitter import Language, Node, Parser, Point, Query, QueryCursor, Range, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRAPPERS = frozenset({"expression", "literal_value", "collection_value", "template_expr", "for_expr"})
_BARE_TEMPLATE = ["quoted_template_start", "template_interpolation", "quoted_template_end"]


@cache
def _language() -> Language:
    return Language(tree_sitter_hcl.language())


def parse(data: bytes, old: Tree | None = None) -> Tree:
    """The tree of some bytes; with an old tree that was told the edits, only what changed is parsed."""
    parser = Parser(_language())
    return parser.parse(data) if old is None else parser.parse(data, old)


def parse_range(data: bytes, start: int, end: int, row: int) -> Tree:
    """The tree of a part of some bytes alone; its nodes stand where they do in the whole.

    Args:
        data: the whole.
        start: where the part begins.
        end: where it ends.
        row: the line that it begins on, from 0.
    """
    first = Point(row, start - data.rfind(b"\n", 0, start) - 1)
    last = Point(row + data.count(b"\n", start, end), end - data.rfind(b"\n", 0, end) - 1)
    parser = Parser(_language())
    parser.included_ranges = [Range(first, last, start, end)]
    return parser.parse(data)


@cache
def _query(source: str) -> Query:
    return Query(_language(), source)


def captures(tree: Tree, source: str, first: int, last: int) -> dict[str, list[Node]]:
    """The nodes that a query captures on some lines, by the capture's name.

    Args:
        tree: the tree to look into.
        source: the query, in tree-sitter's language for them.
        first: the first line, from 0.
        last: the last one.
    """
    cursor = QueryCursor(_query(source))
    cursor.set_point_range(Point(first, 0), Point(last + 1, 0))
    return cursor.captures(tree.root_node)


def point(data: bytes, position: int) -> Point:
    """Row and column of a byte, as tree-sitter counts them."""
    start = data.rfind(b"\n", 0, position) + 1
    return Point(data.count(b"\n", 0, position), position - start)


def unwrap(node: Node) -> Node:
    """The node inside the grammar's wrappers: a tuple, a string, a call, or an `expression` of several."""
    while node.type in _WRAPPERS:
        children = node.children
        if len(children) != 1:
            return node
        node = children[0]
    return node


def bare(node: Node) -> Node:
    """An expression without the `"${…}"` that Terraform asked for before 0.12, unwrapped."""
    node = unwrap(node)
    if node.type == "quoted_template" and [one.type for one in node.children] == _BARE_TEMPLATE:
        inner = [one for one in node.children[1].children if one.type == "expression"]
        if inner:
            return unwrap(inner[0])
    return node


def walk(node: Node) -> Iterator[Node]:
    """The node and everything under it, in the order of the text."""
    pending = [node]
    while pending:
        one = pending.pop()
        yield one
        pending.extend(reversed(one.children))
