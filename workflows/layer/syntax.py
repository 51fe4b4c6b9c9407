"""HCL as bytes with its structure over them.

An edit must not touch a byte outside its place, so nothing here ever renders HCL from a model. A
`Document` is the exact bytes of one file; `Document.splice` makes a new document by replacing byte ranges
and reparses only what changed. What a file is made of comes from its outline where it is plain, and from its
tree where it is not; a tree is made when somebody asks for a node. The readers see blocks, attributes,
references and constant values.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from workflows.layer.blocks import Attribute, Block, function_call
from workflows.layer.nodes import bare, parse, point, unwrap, walk
from workflows.layer.outline import Item, outline, outline_after

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node, Tree

__all__ = ["Attribute", "Block", "Document", "Item", "Splice", "bare", "function_call", "unwrap", "walk"]


@dataclass(frozen=True, slots=True)
class Splice:
    """Replace the bytes from `start` up to `end` by `text`; an insertion has `start == end`."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True, eq=False)
class Document:
    """One HCL file: its name, its exact bytes, and their structure.

    Attributes:
        name: the path relative to the layer folder, with forward slashes.
        data: the file's bytes, as they are on disk or as they will be.
    """

    name: str
    data: bytes

    @classmethod
    def parse(cls, name: str, data: bytes) -> Document:
        """A document over any bytes; what is not HCL shows in `broken_at`, nothing is raised."""
        return cls(name, data)

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
        data, tree = self.data, self._parsed.copy() if "_parsed" in self.__dict__ else None
        for one in reversed(ordered):
            after = data[: one.start] + one.text + data[one.end :]
            if tree is not None:
                new_end = one.start + len(one.text)
                points = point(data, one.start), point(data, one.end), point(after, new_end)
                tree.edit(one.start, one.end, new_end, *points)
            data = after
        edited = Document(self.name, data)
        if tree is not None:
            edited.__dict__["_parsed"] = parse(data, tree)
        elif ordered and (items := self.__dict__.get("_outline")) is not None:
            start, end, growth = ordered[0].start, ordered[-1].end, len(data) - len(self.data)
            edited.__dict__["_outline"] = outline_after(items, data, start, end, growth)
        return edited

    @cached_property
    def _parsed(self) -> Tree:
        return parse(self.data)

    @property
    def root(self) -> Node:
        """The tree's root; asking for it parses the whole file, once."""
        return self._parsed.root_node

    @cached_property
    def _outline(self) -> tuple[Item, ...] | None:
        return outline(self.data) if "_parsed" not in self.__dict__ else None

    @property
    def is_plain(self) -> bool:
        """Whether the items come from the outline: every attribute is one plain value on a line."""
        return self._outline is not None

    @cached_property
    def broken_at(self) -> int | None:
        """The line (from 1) of the first thing that is not understood, or None."""
        if self.is_plain or not self.root.has_error:
            return None
        pending = [self.root]
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
    def _nodes(self) -> tuple[Node, ...]:
        found: list[Node] = []
        for child in self.root.children:
            found.extend(child.children if child.type == "body" else [child])
        return tuple(found)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The blocks, attributes and comments of the top level, in order."""
        return self._outline if self._outline is not None else tuple(map(self._item, self._nodes))

    def _item(self, node: Node) -> Item:
        kind = node.type
        words = self._header(node) if kind == "block" else ()
        end = node.end_byte
        if kind == "comment" and self.data[end - 1 : end] == b"\r":
            end -= 1  # a line comment's node takes half of the line end with it
        return Item(kind, node.start_byte, end, node.start_point.row, node.end_point.row, words)

    def _header(self, node: Node) -> tuple[str, ...]:
        words: list[str] = []
        for child in node.children:
            if child.type == "block_start":
                break
            if child.type == "identifier":
                words.append(self.text(child))
            elif child.type == "string_lit":
                words.append(self.text(child)[1:-1])
        return tuple(words)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of the top level, in order; those inside a damaged part are left out."""
        found = [block for kind in self.items_by_kind for block in self.blocks_of(kind)]
        return tuple(sorted(found, key=lambda one: one.item.start_byte))

    @cached_property
    def items_by_kind(self) -> dict[str, list[Item]]:
        """The blocks of the top level as items, by their type, as `module`; each in order."""
        found: defaultdict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            if item.header:
                found[item.header[0]].append(item)
        return dict(found)

    def blocks_of(self, kind: str) -> tuple[Block, ...]:
        """The blocks of the top level of one kind, as `module`, in order."""
        if kind not in self._blocks:
            nodes = {} if self.is_plain else self._block_nodes
            found = [Block(self, one, nodes.get(one.start_byte)) for one in self.items_by_kind.get(kind, ())]
            self._blocks[kind] = tuple(found)
        return self._blocks[kind]

    @cached_property
    def _blocks(self) -> dict[str, tuple[Block, ...]]:
        return {}

    @cached_property
    def _block_nodes(self) -> dict[int, Node]:
        return {one.start_byte: one for one in self._nodes if one.type == "block"}

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes of the top level by name, as in a variables file; of a duplicate, the first."""
        found: dict[str, Attribute] = {}
        for node in self._nodes if not self.is_plain else ():
            if node.type == "attribute":
                attribute = Attribute(self, node)
                found.setdefault(attribute.name, attribute)
        return found

    @cached_property
    def comments(self) -> tuple[Item, ...]:
        """Every comment of the top level, in order."""
        return tuple(one for one in self.items if one.kind == "comment")

    def elements(self, container: Node) -> list[Node]:
        """The elements of a list or map of this document; asked for again, the same list."""
        place = container.start_byte, container.end_byte
        if place not in self._elements:
            wanted = "object_elem" if container.type == "object" else "expression"
            self._elements[place] = [child for child in container.children if child.type == wanted]
        return self._elements[place]

    @cached_property
    def remembered(self) -> dict[int, list[str | None]]:
        """The plain strings of lists by where they begin, for `values.plain_strings`."""
        return {}

    @cached_property
    def _elements(self) -> dict[tuple[int, int], list[Node]]:
        return {}

    def container_at(self, start: int) -> Node:
        """The list or map that begins at a byte.

        Raises:
            LookupError: none begins there.
        """
        node = self.root.descendant_for_byte_range(start, start + 1)
        while node is not None and node.type not in {"tuple", "object"}:
            node = node.parent
        if node is None or node.start_byte != start:
            raise LookupError(f"no list or map begins at byte {start} of {self.name}")
        return node

    def block_at(self, start: int) -> Block:
        """The block of the top level that begins at a byte.

        Raises:
            LookupError: none begins there.
        """
        for block in self.blocks:
            if block.item.start_byte == start:
                return block
        raise LookupError(f"no block begins at byte {start} of {self.name}")

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
