"""HCL as bytes with a structure on top; the only module that knows tree-sitter and its grammar's names.

An edit must not touch a byte outside its range, so nothing here ever renders HCL from a model. A `Document`
holds the exact bytes of one file; `Document.splice` makes a new document by replacing byte ranges, and
reparses only what changed. A plain file's structure comes from its index, any other's from its tree; a tree
is parsed only when a node is needed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, wraps
from itertools import pairwise
from typing import Concatenate, ParamSpec, TypeVar

import tree_sitter_hcl
from tree_sitter import Language, Node, Parser, Point, Range, Tree

from workflows.core.grouping import by_key
from workflows.core.sentences import Sentence
from workflows.hcl.index import Item, index_after, index_of, plain_values

K = TypeVar("K")
P = ParamSpec("P")
V = TypeVar("V")

_WRAPPERS = frozenset({"expression", "literal_value", "collection_value", "template_expr", "for_expr"})
_HEADER = {"identifier": (0, None), "string_lit": (1, -1)}
"""The node types of a block's type and labels, and the slice of each that is the name."""
_CONFLICT = re.compile(rb"^<{7} ", re.MULTILINE)
"""The first line of a merge conflict, as git writes it."""
_BARE_TEMPLATE = ["quoted_template_start", "template_interpolation", "quoted_template_end"]


PATIENCE_SECONDS = 0.5
"""CPU seconds that a parse may take before its speed is checked."""
SLOWEST = 400_000
"""Minimum bytes per second after that; a tenth of the usual speed for well-formed HCL."""
_SMALL = 16 * 1024
"""The size in bytes up to which a file's tree is kept: most files of a layer, but no long list of people."""


@cache
def _language() -> Language:
    return Language(tree_sitter_hcl.language())


def parse(data: bytes, old: Tree | None = None) -> Tree:
    """Parse bytes; given an old tree that knows the edits, parse only what changed."""
    return _tree(Parser(_language()), data, old)


@lru_cache(maxsize=128)
def _tree_of_small(data: bytes) -> Tree:
    return parse(data)


def _tree(parser: Parser, data: bytes, old: Tree | None = None) -> Tree:
    """Parse bytes; if the parser gets stuck, return a tree with one error on the line it had reached.

    Parsing takes linear time for well-formed HCL, but quadratic time for many other texts.
    """
    begun, given_up_at = time.thread_time(), 0

    def getting_nowhere(position: int, *_has_error: bool) -> bool:
        nonlocal given_up_at
        given_up_at = position
        spent = time.thread_time() - begun
        return spent > PATIENCE_SECONDS and position < SLOWEST * spent

    def piece(position: int, _point: Point) -> bytes:
        return data[position : position + 2**16]

    try:
        if old is None:
            return parser.parse(piece, progress_callback=getting_nowhere)
        return parser.parse(piece, old, progress_callback=getting_nowhere)
    except ValueError:  # the callback stopped the parser
        return Parser(_language()).parse(b"\n" * data.count(b"\n", 0, given_up_at) + b"}")


def parse_range(data: bytes, start: int, end: int, row: int) -> Tree:
    """Parse a part of some bytes; its nodes keep their positions in the whole.

    Args:
        start: where the part begins.
        end: where the part ends.
        row: the line where the part begins, from 0.
    """
    first = Point(row, start - data.rfind(b"\n", 0, start) - 1)
    last = Point(row + data.count(b"\n", start, end), end - data.rfind(b"\n", 0, end) - 1)
    parser = Parser(_language())
    parser.included_ranges = [Range(first, last, start, end)]
    return _tree(parser, data)


def point(data: bytes, position: int) -> Point:
    """The row and column of a byte, as tree-sitter counts them."""
    start = data.rfind(b"\n", 0, position) + 1
    return Point(data.count(b"\n", 0, position), position - start)


def unwrap(node: Node) -> Node:
    """Return the node inside the grammar's wrappers, or the first wrapper with several children."""
    while node.type in _WRAPPERS:
        children = node.children
        if len(children) != 1:
            return node
        node = children[0]
    return node


def bare(node: Node) -> Node:
    """Unwrap an expression, also from the `"${…}"` that Terraform required before 0.12."""
    node = unwrap(node)
    if node.type == "quoted_template" and [child.type for child in node.children] == _BARE_TEMPLATE:
        inner = (child for child in node.children[1].children if child.type == "expression")
        return unwrap(next(inner, node))
    return node


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all its descendants in source order."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(current.children))


_REMEMBERED = 16384
"""More than the user blocks of any layer; an edit leaves nearly all of them unchanged."""


class Block:
    """A block of a document, such as `module "user" { … }`; equal only to itself.

    Attributes:
        document: the document that contains it.
        item: its position in the document, also for a nested block.
        label: the last label, or "" for a block without labels.
    """

    def __init__(self, document: Document, item: Item, node: Node | None = None) -> None:
        self.document = document
        self.item = item
        self.label = item.header[-1] if len(item.header) > 1 else ""
        self._node = node

    @property
    def header(self) -> tuple[str, ...]:
        """The block's type and labels, such as `("module", "user")`."""
        return self.item.header

    @property
    def kind(self) -> str:
        """The block's type: `module`, `locals`, `output`, and so on."""
        return self.item.header[0]

    @property
    def line(self) -> int:
        """The line the block begins on, from 1."""
        return self.item.row + 1

    @property
    def data(self) -> bytes:
        """The block's bytes."""
        return self.document.data[self.item.start_byte : self.item.end_byte]

    @property
    def node(self) -> Node:
        """The block's node; in a plain file, only this block is parsed."""
        if self._node is None:
            item = self.item
            tree = parse_range(self.document.data, item.start_byte, item.end_byte, item.row)
            self._node = next(child for child in walk(tree.root_node) if child.type == "block")
        return self._node

    @cached_property
    def plain_values(self) -> Mapping[str, str] | None:
        """The attributes' source texts by name, for a block without duplicates in a plain file; else None."""
        return _values_in(self.data) if self.document.is_plain else None

    @cached_property
    def names(self) -> Collection[str]:
        """The names of the attributes in the block's own body; a plain file isn't parsed for them."""
        return self.attributes if self.plain_values is None else self.plain_values

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes in the block's own body by name; the first of any duplicates."""
        return _by_name(self._attributes)

    def attribute(self, name: str) -> Attribute | None:
        """Return the attribute of that name, or None; a plain file isn't parsed to find none."""
        return self.attributes[name] if name in self.names else None

    @property
    def attribute_nodes(self) -> list[Node]:
        """The attributes' nodes in order, one per name."""
        return [attribute.node for attribute in self.attributes.values()]

    @property
    def duplicates(self) -> tuple[Attribute, ...]:
        """The attributes that repeat an earlier name, which Terraform rejects."""
        if self.plain_values is not None:
            return ()
        return tuple(
            attribute for attribute in self._attributes if self.attributes[attribute.name] is not attribute
        )

    @cached_property
    def _attributes(self) -> tuple[Attribute, ...]:
        return tuple(Attribute(self.document, node) for node in self._body() if node.type == "attribute")

    def source_of(self, name: str) -> str | None:
        """Return the source text of an attribute's value, or None without the attribute."""
        return self.sources.get(name)

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The source texts of the attributes' values by name."""
        if self.plain_values is not None:
            return self.plain_values
        return {name: self.document.text(attribute.value) for name, attribute in self.attributes.items()}

    def _body(self) -> Iterator[Node]:
        for child in self.node.children:
            if child.type == "body":
                yield from child.children

    def nested(self, kind: str) -> list[Block]:
        """Return the blocks of a kind in the block's own body."""
        found = (
            Block(self.document, self.document.item_of(child), child)
            for child in self._body()
            if child.type == "block"
        )
        return [block for block in found if block.kind == kind]

    @property
    def label_node(self) -> Node:
        """The node of the last label, with its quotes.

        Raises:
            LookupError: the block has no quoted label.
        """
        return [child for child in self.node.children if child.type == "string_lit"][-1]


@lru_cache(maxsize=_REMEMBERED)
def _values_in(data: bytes) -> Mapping[str, str] | None:
    values, count = plain_values(data)
    return values if count == len(values) else None


@dataclass(frozen=True)
class Attribute:
    """`name = expression` in a block or variables file, or `key = value` in an object."""

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
        """The unwrapped expression."""
        return unwrap(self.node.children[-1])


def _by_name(attributes: Iterable[Attribute]) -> dict[str, Attribute]:
    found = by_key((attribute.name, attribute) for attribute in attributes)
    return {name: first for name, (first, *_) in found.items()}


def function_call(document: Document, node: Node) -> tuple[str, Sequence[Node]]:
    """Return a call's name and unwrapped arguments, or ("", ()) for anything else."""
    if node.type != "function_call":
        return "", ()
    given = next((child.children for child in node.children if child.type == "function_arguments"), ())
    return document.text(node.children[0]), [
        unwrap(argument) for argument in given if argument.type == "expression"
    ]


def remembered(function: Callable[Concatenate[K, P], V]) -> Callable[Concatenate[K, P], V]:
    """Cache a function per immutable first argument, and per combination of the other arguments.

    The cache lives in that first argument's own `__dict__`, so both are freed together, even in a cycle.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def answer(of: K, /, *more: P.args, **named: P.kwargs) -> V:
        known: dict[object, V] = vars(of).setdefault(name, {})
        if more not in known:
            known[more] = function(of, *more, **named)
        return known[more]

    return answer


@dataclass(frozen=True, slots=True)
class Splice:
    """Replace the bytes from `start` up to `end` by `text`; an insertion has `start == end`."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True, eq=False)
class Document:
    """One HCL file: its name, its exact bytes, and their structure; for invalid HCL see `broken_at`.

    Attributes:
        name: the path relative to the layer folder, with forward slashes.
        data: the file's bytes, as on disk or as they will be written.
    """

    name: str
    data: bytes

    def splice(self, splices: Iterable[Splice]) -> Document:
        """Return the document with some byte ranges replaced, or itself if there are none.

        Args:
            splices: ranges of this document that do not overlap, in any order. Insertions at the same
                place keep the given order.

        Raises:
            ValueError: two ranges overlap.
        """
        ordered = sorted(splices, key=lambda splice: (splice.start, splice.end))
        if not ordered:
            return self
        for left, right in pairwise(ordered):
            if left.end > right.start:
                raise ValueError(f"two changes of {self.name} overlap at byte {right.start}")
        data, tree = self.data, self._parsed.copy() if "_parsed" in self.__dict__ else None
        for splice in reversed(ordered):
            after = data[: splice.start] + splice.text + data[splice.end :]
            if tree is not None:
                new_end = splice.start + len(splice.text)
                points = point(data, splice.start), point(data, splice.end), point(after, new_end)
                tree.edit(splice.start, splice.end, new_end, *points)
            data = after
        edited = Document(self.name, data)
        if tree is not None:
            edited.__dict__["_parsed"] = parse(data, tree)
        elif (items := self.__dict__.get("_index")) is not None:
            start, end, growth = ordered[0].start, ordered[-1].end, len(data) - len(self.data)
            edited.__dict__["_index"] = index_after(items, data, start, end, growth)
        return edited

    @cached_property
    def _parsed(self) -> Tree:
        # Shared with other threads' documents; what is made of it is each document's own.
        return _tree_of_small(self.data) if len(self.data) <= _SMALL else parse(self.data)

    @property
    def root(self) -> Node:
        """The tree's root; the first access parses the whole file."""
        return self._parsed.root_node

    @cached_property
    def _index(self) -> tuple[Item, ...] | None:
        return index_of(self.data) if "_parsed" not in self.__dict__ else None

    @property
    def is_plain(self) -> bool:
        """Whether the items come from the index: every attribute is one plain value on one line."""
        return self._index is not None

    @cached_property
    def broken_at(self) -> int:
        """The line (from 1) of the first merge conflict in invalid HCL, else of its first error, or 0."""
        if self.is_plain or not self.root.has_error:
            return 0
        if conflict := _CONFLICT.search(self.data):
            return self.data.count(b"\n", 0, conflict.start()) + 1
        wrong = self.root
        while not (wrong.is_error or wrong.is_missing):
            wrong = next(child for child in wrong.children if child.has_error)
        return wrong.start_point.row + 1

    @property
    def broken(self) -> Sentence:
        """What invalid HCL has, for the end of a sentence; "" for valid HCL."""
        if not (line := self.broken_at):
            return ""
        if _CONFLICT.search(self.data):
            return f"an unresolved merge conflict at line {line}"
        return f"something at line {line} that iam-onboard can't parse"

    @cached_property
    def newline(self) -> bytes:
        r"""The file's newline: `\r\n` if its first line ends with it, else `\n`."""
        first = self.data.find(b"\n")
        return b"\r\n" if first > 0 and self.data[first - 1 : first] == b"\r" else b"\n"

    @cached_property
    def _nodes(self) -> tuple[Node, ...]:
        outer = self.root.children
        return tuple(
            node for child in outer for node in (child.children if child.type == "body" else [child])
        )

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The top-level blocks, attributes and comments in order."""
        return self._index if self._index is not None else tuple(map(self.item_of, self._nodes))

    def item_of(self, node: Node) -> Item:
        """Return the position of a block, attribute or comment as an item."""
        kind, end = node.type, node.end_byte
        parts = [child for child in node.children if child.type in _HEADER] if kind == "block" else ()
        if kind == "comment" and self.data[end - 1 : end] == b"\r":
            end -= 1  # a line comment's node includes half of the CRLF
        header = tuple(self.text(part)[slice(*_HEADER[part.type])] for part in parts)
        return Item(kind, node.start_byte, end, node.start_point.row, node.end_point.row, header)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The top-level blocks in order, except those inside a damaged part."""
        found = [block for kind in self.items_by_kind for block in self.blocks_of(kind)]
        return tuple(sorted(found, key=lambda block: block.item.start_byte))

    @cached_property
    def items_by_kind(self) -> dict[str, list[Item]]:
        """The top-level blocks as items, in order, by type such as `module`."""
        return by_key((item.header[0], item) for item in self.items if item.header)

    @remembered
    def blocks_of(self, kind: str) -> tuple[Block, ...]:
        """Return the top-level blocks of one type, such as `module`, in order."""
        tree = () if self.is_plain else self._nodes
        nodes = {node.start_byte: node for node in tree if node.type == "block"}
        items = self.items_by_kind.get(kind, ())
        return tuple(Block(self, item, nodes.get(item.start_byte)) for item in items)

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """The top-level attributes by name, as in a variables file; the first of any duplicates."""
        nodes = self._nodes if not self.is_plain else ()
        return _by_name(Attribute(self, node) for node in nodes if node.type == "attribute")

    @cached_property
    def comments(self) -> tuple[Item, ...]:
        """The top-level comments in order."""
        return tuple(item for item in self.items if item.kind == "comment")

    @remembered
    def elements(self, container: Node) -> list[Node]:
        """Return the elements of a list or map in this document; repeated calls return the same list."""
        wanted = "object_elem" if container.type == "object" else "expression"
        return [child for child in container.children if child.type == wanted]

    def container_at(self, start: int) -> Node:
        """Return the list or map that begins at a byte.

        Raises:
            LookupError: none begins there.
        """
        node = self.root.descendant_for_byte_range(start, start + 1)
        while node is not None and node.type not in {"tuple", "object"}:
            node = node.parent
        if node is None or node.start_byte != start:
            raise LookupError(f"no list or map begins at byte {start} of {self.name}")
        return node

    def nodes_with(self, text: str) -> Iterator[tuple[int, Node]]:
        """Yield each position of a text with the smallest node that contains it."""
        for match in re.finditer(re.escape(text.encode()), self.data):
            if (node := self.root.descendant_for_byte_range(*match.span())) is not None:
                yield match.start(), node

    def text(self, node: Node | Item) -> str:
        """Return the source text of a node or an item."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def line_start(self, position: int) -> int:
        """Return where the byte's line begins."""
        return self.data.rfind(b"\n", 0, position) + 1

    def line_end(self, position: int) -> int:
        """Return where the byte's line ends: just after its newline, or at the end of the file."""
        end = self.data.find(b"\n", position)
        return len(self.data) if end < 0 else end + 1
