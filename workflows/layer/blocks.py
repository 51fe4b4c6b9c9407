"""Blocks and attributes of a document: what the readers and the operations look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from workflows.layer.nodes import parse_range, unwrap
from workflows.layer.outline import plain_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tree_sitter import Node

    from workflows.layer.outline import Item
    from workflows.layer.syntax import Document

_REMEMBERED = 16384
"""More users than any layer has blocks for; an edit leaves nearly all of them as they are."""


class Block:
    """A block of a document, as `module "user" { … }`; equal only to itself.

    Attributes:
        document: the document that it is from.
        item: where it is in it; for a nested block too.
    """

    def __init__(self, document: Document, item: Item, node: Node | None = None) -> None:
        self.document = document
        self.item = item
        self._node = node

    @property
    def header(self) -> tuple[str, ...]:
        """The block's type and labels: `("module", "user")`."""
        return self.item.header

    @property
    def kind(self) -> str:
        """The block's type: `module`, `locals`, `output`, and so on."""
        return self.item.header[0]

    @property
    def label(self) -> str:
        """The last label, or "" for a block without labels."""
        return self.item.header[-1] if len(self.item.header) > 1 else ""

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
        """The block's node; of a plain file, only this block is parsed for it."""
        if self._node is None:
            item = self.item
            tree = parse_range(self.document.data, item.start_byte, item.end_byte, item.row)
            pending = [tree.root_node]
            while pending[-1].type != "block":
                one = pending.pop()
                pending.extend(reversed(one.children))
            self._node = pending[-1]
        return self._node

    @cached_property
    def plain_values(self) -> Mapping[str, str] | None:
        """The attributes' source texts by name for a block of a plain file, else None."""
        return _values_in(self.data)[0] if self.document.is_plain else None

    @property
    def names(self) -> Collection[str]:
        """The names of the attributes of the block's own body; of a plain file's, no tree is made."""
        return self.attributes if self.plain_values is None else self.plain_values

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes of the block's own body by name; of a duplicate, the first."""
        found: dict[str, Attribute] = {}
        for attribute in self._attributes:
            found.setdefault(attribute.name, attribute)
        return found

    @cached_property
    def duplicates(self) -> tuple[Attribute, ...]:
        """The attributes whose name the block has used before, which Terraform refuses."""
        if self.document.is_plain and not _values_in(self.data)[1]:
            return ()
        if len(self._attributes) == len(self.attributes):
            return ()
        return tuple(one for one in self._attributes if self.attributes[one.name] is not one)

    @cached_property
    def _attributes(self) -> tuple[Attribute, ...]:
        return tuple(Attribute(self.document, node) for node in self._body() if node.type == "attribute")

    def source_of(self, name: str) -> str | None:
        """The source text of an attribute's value, or None without that attribute."""
        if self.plain_values is not None:
            return self.plain_values.get(name)
        attribute = self.attributes.get(name)
        return None if attribute is None else self.document.text(attribute.value)

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
    def closing(self) -> Node:
        """The node of the closing brace."""
        return next(child for child in self.node.children if child.type == "block_end")


@lru_cache(maxsize=_REMEMBERED)
def _values_in(data: bytes) -> tuple[Mapping[str, str], bool]:
    """What `plain_values` gives, and whether a name is used twice."""
    values, count = plain_values(data)
    return values, count > len(values)


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
        """The expression, unwrapped as far as it is a wrapper only."""
        return unwrap(self.node.children[-1])


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
