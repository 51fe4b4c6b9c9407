"""What a module repeats over: the list or map that its `for_each` names, wherever it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.computed import entries_of, shortened
from workflows.layer.document import unwrap
from workflows.layer.model import Place
from workflows.layer.values import object_key, plain_strings

if TYPE_CHECKING:
    from tree_sitter import Node

    from workflows.layer.computed import Entries, Entry
    from workflows.layer.document import Attribute, Document
    from workflows.layer.files import FileSet


class Source(NamedTuple):
    """Where the instances of a module are named.

    Attributes:
        document: the document with the list or map.
        container: the list or map; None when there is none to read.
        why: why it cannot be edited, as a sentence without its end; "" when it can.
        place: where an expression that is no plain list or map is written.
        entries: what such an expression holds, as far as the layer tells.
        counted: the list or map, as it is written, whose length is the module's `count`; else "".
    """

    document: Document
    container: Node | None
    why: str
    place: Place | None = None
    entries: tuple[Entry, ...] = ()
    counted: str = ""


def resolve(files: FileSet, document: Document, node: Node) -> Source:
    """The list or map that an expression is or names.

    Of a variable, the value in a variables file outranks the default, and a later file an earlier one.

    Args:
        files: the layer's files.
        document: the document the expression is from.
        node: the expression, unwrapped.
    """
    if node.type in {"tuple", "object"}:
        return Source(document, node, "")
    text = document.text(node)
    found = named(files, text)
    if not found:
        scope, _, name = text.partition(".")
        if scope in {"var", "local"} and name.isidentifier():
            return _missing(files, document, text)
        return _computed(files, document, node, f"its for_each is computed: {shortened(document, node)}")
    first = found[0]
    home, value = first.document, first.value
    if value.type not in {"tuple", "object"}:
        place = Place(home.name, first.line)
        if home.broken_at is not None:  # what is left of it only looks like an expression
            return Source(home, None, unwritable(files, home), place)
        return _computed(files, home, value, f"{text} is computed at {place}: {shortened(home, value)}")
    why = f"{text} is also set at {Place(found[1].document.name, found[1].line)}" if len(found) > 1 else ""
    return Source(home, value, why or unwritable(files, home))


def _missing(files: FileSet, document: Document, text: str) -> Source:
    """A local or a variable that nothing sets, as far as the files can be parsed."""
    broken = next((one for one in files.documents.values() if one.broken_at is not None), None)
    if broken is None:
        return Source(document, None, f"{text} is not a list or a map in this layer")
    where = f"{broken.name} has something at line {broken.broken_at} that cannot be parsed"
    place = Place(broken.name, broken.broken_at or 1)
    return Source(document, None, f"{text} is not found, and {where}", place)


def _computed(files: FileSet, document: Document, node: Node, why: str) -> Source:
    known, unknown = computed_entries(files, document, node)
    rest = f", and who is in {unknown} cannot be told" if known and unknown else ""
    return Source(document, None, why + rest, Place(document.name, node.start_point.row + 1), known)


def computed_entries(files: FileSet, document: Document, node: Node) -> Entries:
    """What an expression of the layer holds that is a list or a map, however it is put together."""
    return entries_of(document, node, lambda text: named(files, text))


def named(files: FileSet, text: str) -> list[Attribute]:
    """What sets a `local.…` or `var.…`, the one that counts first; nothing for other texts."""
    scope, _, name = text.partition(".")
    if scope not in {"var", "local"} or not name.isidentifier():
        return []
    return _of_variable(files, name) if scope == "var" else _of_local(files, name)


def unwritable(files: FileSet, document: Document) -> str:
    """Why nothing in a document can be edited, as a sentence without its end; "" when it can."""
    if document.name in files.linked:
        return f"{document.name} is shared with other layers"
    if document.broken_at is not None:
        return f"{document.name} has something at line {document.broken_at} that cannot be parsed"
    return ""


def impurity(document: Document, container: Node) -> str:
    """Why a list or map holds what cannot be edited, as a sentence without its end; "" if it does not."""
    kinds = set()
    if container.type == "tuple":
        strings = plain_strings(document, container)
        if None not in strings:
            return ""
        line = document.elements(container)[strings.index(None)].start_point.row + 1
        return f"the entry at line {line} is computed"
    for one in document.elements(container):
        line = one.start_point.row + 1
        kind = unwrap(one.children[2]).type
        kinds.add(kind)
        if object_key(document, one) is None or kind not in {"string_lit", "object"} or len(kinds) > 1:
            return f"the entry at line {line} is computed, or written in another way than the others"
    return ""


def _of_variable(files: FileSet, name: str) -> list[Attribute]:
    set_in_files = [
        document.attributes[name]
        for document in files.documents.values()
        if document.name in files.variables and name in document.attributes
    ]
    if set_in_files:
        return set_in_files[-1:]
    return [
        block.attributes["default"]
        for document in files.documents.values()
        for block in document.blocks_of("variable")
        if block.label == name and "default" in block.attributes
    ]


def _of_local(files: FileSet, name: str) -> list[Attribute]:
    return [
        attribute
        for document in files.documents.values()
        for block in document.blocks_of("locals")
        if name in block.attributes
        for attribute in (block.attributes[name], *block.duplicates)
        if attribute.name == name
    ]
