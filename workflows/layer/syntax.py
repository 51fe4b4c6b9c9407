"""HCL as bytes with a syntax tree over them: the only module that knows tree-sitter.

An edit must not touch a byte outside its place, so nothing here ever renders HCL from a model. A
`Document` is the exact bytes of one file and their tree; `Document.splice` makes a new document by
replacing byte ranges and reparses only what changed. The readers see blocks, attributes, references and
constant values, never a grammar's node names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import tree_sitter_hcl
from tree_sitter import Language, Node, Parser, Point, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_hcl.language()))


@dataclass(frozen=True, slots=True)
class Splice:
    """Replace the bytes from `start` up to `end` by `text`; an insertion has `start == end`."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class Document:
    """One HCL file: its name, its exact bytes, and the tree over them.

    Attributes:
        name: the path relative to the layer folder, with forward slashes.
        data: the file's bytes, as they are on disk or as they will be.
    """

    name: str
    data: bytes
    tree: Tree

    @classmethod
    def parse(cls, name: str, data: bytes) -> Document:
        """A document over any bytes; what is not HCL shows in `broken_at`, nothing is raised."""
        return cls(name, data, _parser().parse(data))

    def splice(self, splices: Iterable[Splice]) -> Document:
        """The document after replacing some byte ranges at once.

        Args:
            splices: ranges of this document that do not overlap, in any order. Insertions at the same
                place are made in the order given.

        Raises:
            ValueError: two ranges overlap.
        """
        ordered = sorted(splices, key=lambda one: (one.start, one.end))
        for left, right in pairwise(ordered):
            if left.end > right.start:
                raise ValueError(f"two changes of {self.name} overlap at byte {right.start}")
        data, tree = self.data, self.tree.copy()
        for one in reversed(ordered):
            after = data[: one.start] + one.text + data[one.end :]
            tree.edit(
                one.start,
                one.end,
                one.start + len(one.text),
                _point(data, one.start),
                _point(data, one.end),
                _point(after, one.start + len(one.text)),
            )
            data = after
        return Document(self.name, data, _parser().parse(data, tree))

    @cached_property
    def broken_at(self) -> int | None:
        """The line (from 1) of the first thing that the tree does not understand, or None."""
        if not self.tree.root_node.has_error:
            return None
        pending = [self.tree.root_node]
        while pending:
            node = pending.pop()
            if node.is_error or node.is_missing:
                return node.start_point.row + 1
            pending.extend(child for child in reversed(node.children) if child.has_error or child.is_missing)
        return 1

    @cached_property
    def newline(self) -> bytes:
        r"""The line end that the file uses: `\r\n` if its first line ends so, else `\n`."""
        first = self.data.find(b"\n")
        return b"\r\n" if first > 0 and self.data[first - 1 : first] == b"\r" else b"\n"

    @cached_property
    def items(self) -> tuple[Node, ...]:
        """The blocks, attributes and comments of the top level, in order."""
        found: list[Node] = []
        for child in self.tree.root_node.children:
            found.extend(child.children if child.type == "body" else [child])
        return tuple(found)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of the top level, in order; those inside a damaged part are left out."""
        return tuple(Block(self, node) for node in self.items if node.type == "block")

    @cached_property
    def _by_kind(self) -> dict[str, tuple[Block, ...]]:
        found: dict[str, list[Block]] = {}
        for block in self.blocks:
            found.setdefault(block.kind, []).append(block)
        return {kind: tuple(blocks) for kind, blocks in found.items()}

    def blocks_of(self, kind: str) -> tuple[Block, ...]:
        """The blocks of the top level of one kind, as `module`, in order."""
        return self._by_kind.get(kind, ())

    @cached_property
    def comments(self) -> tuple[Node, ...]:
        """Every comment of the top level, in order."""
        return tuple(node for node in self.items if node.type == "comment")

    def container_at(self, start: int) -> Node:
        """The list or map that begins at a byte.

        Raises:
            LookupError: none begins there.
        """
        node = self.tree.root_node.descendant_for_byte_range(start, start + 1)
        while node is not None and node.type not in {"tuple", "object"}:
            node = node.parent
        if node is None or node.start_byte != start:
            raise LookupError(f"no list or map begins at byte {start} of {self.name}")
        return node

    def text(self, node: Node) -> str:
        """The source text of a node."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def line_start(self, position: int) -> int:
        """Where the line that holds this byte begins."""
        return self.data.rfind(b"\n", 0, position) + 1

    def line_end(self, position: int) -> int:
        """Where the line that holds this byte ends: just after its line feed, or the end of the file."""
        end = self.data.find(b"\n", position)
        return len(self.data) if end < 0 else end + 1


def _point(data: bytes, position: int) -> Point:
    start = data.rfind(b"\n", 0, position) + 1
    return Point(data.count(b"\n", 0, position), position - start)


@dataclass(frozen=True, eq=False)
class Block:
    """A block of a document, as `module "user" { … }`; equal only to itself, so readers can remember it."""

    document: Document
    node: Node

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The block's type and labels: `("module", "user")`."""
        words: list[str] = []
        for child in self.node.children:
            if child.type == "block_start":
                break
            if child.type == "identifier":
                words.append(self.document.text(child))
            elif child.type == "string_lit":
                words.append(self.document.text(child)[1:-1])
        return tuple(words)

    @property
    def kind(self) -> str:
        """The block's type: `module`, `locals`, `output`, and so on."""
        return self.header[0]

    @property
    def label(self) -> str:
        """The last label, or "" for a block without labels."""
        return self.header[-1] if len(self.header) > 1 else ""

    @property
    def line(self) -> int:
        """The line the block begins on, from 1."""
        return self.node.start_point.row + 1

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes of the block's own body by name; of a duplicate, the first."""
        found: dict[str, Attribute] = {}
        for node in self._body():
            if node.type == "attribute":
                attribute = Attribute(self.document, node)
                found.setdefault(attribute.name, attribute)
        return found

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks nested directly inside this one."""
        return tuple(Block(self.document, node) for node in self._body() if node.type == "block")

    def _body(self) -> Iterator[Node]:
        for child in self.node.children:
            if child.type == "body":
                yield from child.children

    @property
    def label_node(self) -> Node:
        """The node of the last label, with its quotes.

        Raises:
            LookupError: the block has no quoted label.
        """
        labels = [child for child in self.node.children if child.type == "string_lit"]
        if not labels:
            raise LookupError(f"the block {self.kind} has no label")
        return labels[-1]

    @property
    def opening(self) -> Node:
        """The node of the opening brace."""
        return next(child for child in self.node.children if child.type == "block_start")

    @property
    def closing(self) -> Node:
        """The node of the closing brace."""
        return next(child for child in self.node.children if child.type == "block_end")


@dataclass(frozen=True)
class Attribute:
    """`name = expression` in a block, or `key = value` in an object."""

    document: Document
    node: Node

    @cached_property
    def name(self) -> str:
        """The attribute's name."""
        return self.document.text(self.node.children[0])

    @property
    def line(self) -> int:
        """The line the attribute begins on, from 1."""
        return self.node.start_point.row + 1

    @cached_property
    def value(self) -> Node:
        """The expression, unwrapped as far as it is a wrapper only."""
        return unwrap(self.node.children[-1])


_WRAPPERS = frozenset({"expression", "literal_value", "collection_value", "template_expr", "for_expr"})


def unwrap(node: Node) -> Node:
    """The node inside the grammar's wrappers: a tuple, a string, a call, or an `expression` of several."""
    while node.type in _WRAPPERS:
        children = node.children
        if len(children) != 1:
            return node
        node = children[0]
    return node


def walk(node: Node) -> Iterator[Node]:
    """The node and everything under it, in the order of the text."""
    pending = [node]
    while pending:
        one = pending.pop()
        yield one
        pending.extend(reversed(one.children))


def function_call(document: Document, node: Node) -> tuple[str, Sequence[Node]] | None:
    """The name and the unwrapped arguments of a call, or None for anything else."""
    if node.type != "function_call":
        return None
    name = document.text(node.children[0])
    arguments: list[Node] = []
    for child in node.children:
        if child.type == "function_arguments":
            arguments = [unwrap(one) for one in child.children if one.type == "expression"]
    return name, arguments
