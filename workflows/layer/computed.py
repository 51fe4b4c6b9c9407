"""The entries of a computed list or map, as far as they are written in the layer.

Teams put lists together: `concat(local.admins, ["jane.doe"])`, `toset(keys(local.users))`. Such an
expression is not edited, but whom it names is there to be read. Functions that only join, sort or pick are
followed, and references to the layer's own locals and variables; anything else is told, never guessed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.document import bare, function_call, unwrap
from workflows.layer.model import Place
from workflows.layer.values import plain_string

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tree_sitter import Node

    from workflows.layer.document import Attribute, Document

    Named = Callable[[str], list[Attribute]]
    """Finds what sets a `local.…` or `var.…` in the layer: of several, the one that counts first."""

_JOINING = frozenset(
    {"concat", "setunion", "merge", "toset", "tolist", "tomap", "distinct", "sort", "compact"}
)
"""Functions whose result has the entries of their arguments, and no others (Terraform's "Functions")."""
_PARTS_OF_FOR = frozenset(
    {"tuple_start", "tuple_end", "object_start", "object_end", "for_intro", "expression", "=>", "comment"}
)
_LONGEST = 60
_DEEPEST = 50
_OF_A_MAP = frozenset({"keys", "values"})
_COLLECTIONS = frozenset({"tuple", "object", "function_call"})


class Entry(NamedTuple):
    """One entry of a computed list or map.

    Attributes:
        document: the document it is written in.
        node: a list's expression, or a map's element.
        key_only: whether the key of a map's element alone counts, as in `keys(local.users)`.
        key_field: the field of a list's object that is its key, as in
            `{ for u in local.users : u.name => u }`; "" for any other entry.
        instance_of: the label of the module whose instance of that name counts, as in
            `[for name in local.admins : module.user[name].name]`; "" for any other entry.
    """

    document: Document
    node: Node
    key_only: bool = False
    key_field: str = ""
    instance_of: str = ""

    @property
    def place(self) -> Place:
        """Where it is written."""
        return Place(self.document.name, self.node.start_point.row + 1)


class Entries(NamedTuple):
    """What a computed list or map holds.

    Attributes:
        known: the entries that are written in the layer, in order; of one that is repeated, each.
        unknown: the text of the first part whose entries cannot be told; "" when all are known.
    """

    known: tuple[Entry, ...]
    unknown: str


def entries_of(document: Document, node: Node, named: Named) -> Entries:
    """The entries of an expression that is a list or a map, however it is put together.

    Args:
        document: the document the expression is from.
        node: the expression.
        named: finds what a reference is set to in the layer.
    """
    reader = _Reader(named)
    known = reader.read(document, node, frozenset())
    return Entries(tuple(known), reader.unknown)


def shortened(document: Document, node: Node) -> str:
    """An expression's text on one line, cut to what fits into a sentence."""
    text = " ".join(document.text(node).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "…"


def _handed_on(entry: Entry, names: Sequence[str], results: Sequence[str]) -> Entry | None:
    """What a `for` makes of an entry; None where it makes something else of it than a plain part.

    Args:
        entry: what it goes through.
        names: what it calls a list's entry, or a map's key and value.
        results: the expression of its list, or the key and the value of its map.
    """
    if entry[2:] != (False, "", ""):
        return None
    pair = entry.node.type == "object_elem"
    key, value = (names[0] if len(names) == 2 and pair else ""), names[-1]
    if pair and list(results) == [key, value]:
        return entry
    item = Entry(entry.document, entry.node.children[2]) if pair else entry
    field = results[0].removeprefix(f"{value}.")
    if field != results[0] and field.isidentifier() and results[1:] in ([], [value]):
        return item._replace(key_field=field)
    if len(set(results)) > 1:
        return None
    if results[0] == value:
        return item
    if pair and results[0] == key:
        return entry._replace(key_only=True)
    instance = re.fullmatch(r'module\.([A-Za-z_][\w-]*)\[(\w+)\](?:\.\w+|\["\w+"\])', results[0])
    if instance is None or instance[2] != (key if pair else value):
        return None
    return entry._replace(instance_of=instance[1], key_only=pair)


class _Reader:
    """Follows an expression down to its entries, and keeps the first part that it cannot follow."""

    def __init__(self, named: Named) -> None:
        self._named = named
        self._depth = 0
        self.unknown = ""

    def read(self, document: Document, node: Node, within: frozenset[str]) -> list[Entry]:
        """The entries of an expression; `within` are the references that led to it."""
        if self._depth == _DEEPEST:
            return self._cannot(document, node)
        self._depth += 1
        try:
            return self._read(document, bare(node), within)
        finally:
            self._depth -= 1

    def _read(self, document: Document, node: Node, within: frozenset[str]) -> list[Entry]:
        if node.type in {"tuple", "object"}:
            return [Entry(document, one) for one in document.elements(node)]
        call = function_call(document, node)
        if call is not None:
            return self._of_call(document, node, call[0], within)
        if node.type in {"for_tuple_expr", "for_object_expr"}:
            return self._of_for(document, node, within)
        text = document.text(node)
        found = self._named(text) if text not in within else []
        if len(found) != 1:
            return self._cannot(document, node)
        return self.read(found[0].document, found[0].value, within | {text})

    def _of_call(self, document: Document, node: Node, name: str, within: frozenset[str]) -> list[Entry]:
        given = [
            one for child in node.children if child.type == "function_arguments" for one in child.children
        ]
        arguments = [one for one in given if one.type == "expression"]
        if any(one.type not in {"expression", ",", "comment"} for one in given):
            return self._cannot(document, node)  # an argument that is expanded: `concat(local.lists...)`
        if name in _JOINING:
            found = [entry for one in arguments for entry in self.read(document, one, within)]
            if name == "compact":
                found = [one for one in found if plain_string(one.document, one.node) != ""]
            return found
        if name == "flatten" and len(arguments) == 1:
            return [
                one
                for entry in self.read(document, arguments[0], within)
                for one in self._flat(entry, within)
            ]
        if name in _OF_A_MAP and len(arguments) == 1:
            found = self.read(document, arguments[0], within)
            if all(one.node.type == "object_elem" for one in found):
                if name == "keys":
                    return [one._replace(key_only=True) for one in found]
                return [Entry(one.document, one.node.children[2]) for one in found]
        return self._cannot(document, node)

    def _of_for(self, document: Document, node: Node, within: frozenset[str]) -> list[Entry]:
        """The entries of a `for` that only hands on what it goes through."""
        intro = next(one for one in node.children if one.type == "for_intro")
        if any(one.type not in _PARTS_OF_FOR for one in node.children):
            return self._cannot(document, node)  # a condition, or values in groups
        names = [document.text(one) for one in intro.children if one.type == "identifier"]
        source = next(one for one in intro.children if one.type == "expression")
        results = [document.text(one) for one in node.children if one.type == "expression"]
        found = self.read(document, source, within)
        handed = [_handed_on(one, names, results) for one in found]
        whole = [one for one in handed if one is not None]
        return whole if len(whole) == len(found) else self._cannot(document, node)

    def _flat(self, entry: Entry, within: frozenset[str]) -> list[Entry]:
        document, node = entry.document, entry.node
        text = document.text(node)
        if unwrap(node).type not in _COLLECTIONS and not text.startswith(("local.", "var.")):
            return [entry]
        if self._depth == _DEEPEST:
            return self._cannot(document, node)
        inner = self.read(document, node, within)
        self._depth += 1
        try:
            return [one for deeper in inner for one in self._flat(deeper, within | {text})]
        finally:
            self._depth -= 1

    def _cannot(self, document: Document, node: Node) -> list[Entry]:
        self.unknown = self.unknown or shortened(document, node)
        return []
