"""References to people in HCL: `module.user["a.b"].iam_user_name`, `module.user_a_b.…`, `"a.b"`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from workflows.hcl.document import Document, bare, walk
from workflows.hcl.values import plain_string, quote, unescape
from workflows.layer.files import FileSet
from workflows.layer.model import Owner, Place

_INDEXED = ("variable_expr", "get_attr", "index", "get_attr")
_PLAIN = ("variable_expr", "get_attr", "get_attr")
_BRACKETED = ("variable_expr", "get_attr", "index", "index")
_HOLDERS = frozenset({"expression", "binary_operation", "unary_operation"})
"""Node types whose children may include a reference's parts."""
_OF_A_USER = r"(?:this_)?iam_user_(?:name|arn|unique_id|login_profile_\w+)"
"""Outputs of terraform-aws-iam, modules/iam-user, that can't be mistaken for an instance key."""
_BLANK, _NAME, _KEY = r"\s*", r"([^\W\d][\w-]*)", r'"((?:[^"\\$]|\\.|\$(?!\{))*)"'
_WRITTEN = re.compile(
    rf"module{_BLANK}\.{_BLANK}{_NAME}{_BLANK}(?:\[{_BLANK}{_KEY}{_BLANK}\]{_BLANK}(?=[.[]))?"
    rf'(?:\.{_BLANK}{_NAME}|(?(2)\[{_BLANK}"{_NAME}"{_BLANK}\]|\["({_OF_A_USER})"\]))'
)


class Reference(NamedTuple):
    """A module's attribute, or a plain string.

    Attributes:
        module: the module's label; "" for a plain string.
        key: the instance's key, or None for a module without instances; a plain string's value.
        attribute: the module's attribute, such as `iam_user_name`; "" for a plain string.
        bracketed: whether the attribute is written as `["iam_user_name"]`.
    """

    module: str
    key: str | None
    attribute: str
    bracketed: bool = False

    @property
    def owner(self) -> Owner:
        """Module and key: the declaration that it refers to."""
        return self[:2]

    def to(self, owner: Owner) -> Reference:
        """Return a reference to the same attribute of another module or instance, in the same form."""
        return self._replace(module=owner[0], key=owner[1])


def read_reference(document: Document, node: Node) -> Reference | None:
    """Parse an expression that is exactly one reference; None for any other expression.

    Args:
        document: the document that contains the node.
        node: an expression, wrapped or not.
    """
    text = document.text(node)
    if text[:1] == '"':
        if (value := plain_string(document, node)) is not None:
            return Reference("", value, "")
        inner = bare(node) if text.startswith('"${') else node
        wrapped = inner.type == "expression" and inner.start_byte > node.start_byte
        return read_reference(document, inner) if wrapped else None
    return parsed_reference(text)


def _in_brackets(text: str) -> str | None:
    """Return the plain string in an index's brackets; None for anything else."""
    inner = text.strip().removeprefix("[").removesuffix("]").strip()
    is_plain = len(inner) >= 2 and inner[0] == inner[-1] == '"' and "${" not in inner
    return unescape(inner[1:-1]) if is_plain else None


def parsed_reference(text: str) -> Reference | None:
    """Parse a text that is exactly one reference to a module; None for any other text."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    module, key, plain, *spelled = match.groups()
    key = unescape(key) if key is not None else None
    return Reference(module, key, plain or spelled[0] or spelled[1], bracketed=plain is None)


def written(reference: Reference) -> str:
    """Write a reference as HCL."""
    module, key, attribute, bracketed = reference
    if not module:
        return quote(str(key))
    owner = f"module.{module}" if key is None else f"module.{module}[{quote(key)}]"
    readable = key is not None or re.fullmatch(_OF_A_USER, attribute)
    return f"{owner}[{quote(attribute)}]" if bracketed and readable else f"{owner}.{attribute}"


def references_in(document: Document, node: Node) -> Iterator[tuple[Reference, tuple[int, int]]]:
    """Yield every reference to a module under a node, also in operations, with its byte range."""
    for holder in walk(node):
        if holder.type not in _HOLDERS or len(holder.children) < len(_PLAIN):
            continue
        children = holder.children
        for number, child in enumerate(children):
            if child.type != "variable_expr" or document.text(child) != "module":
                continue
            kinds = tuple(part.type for part in children[number : number + len(_INDEXED)])
            size = len(_INDEXED) if kinds in {_INDEXED, _BRACKETED} else len(_PLAIN)
            parts = children[number : number + size]
            start, end = child.start_byte, parts[-1].end_byte
            found = parsed_reference(document.data[start:end].decode("utf-8", "replace"))
            if found is not None:
                yield found, (start, end)


def mentions(files: FileSet, module: str, key: str | None) -> Iterator[Place]:
    """Yield where the layer refers to a module or one of its instances, ignoring comments.

    Args:
        files: the layer's files.
        module: the module's label.
        key: the instance's key; None for any reference to the module.
    """
    wanted = f"module.{module}" if key is None else quote(key)
    for document in files.documents.values():
        for start, node in document.nodes_with(wanted):
            if _refers(document, node, start, module, key):
                yield Place(document.name, node.start_point.row + 1)


def place_on_disk(before: FileSet, after: FileSet, place: Place, module: str, key: str | None) -> Place:
    """Return the place in the current files of a mention in edited files, so that a person can find it.

    Args:
        before: the current files.
        after: the edited files.
        place: a mention in the edited files.
        module: the module's label.
        key: the instance's key, or None.
    """
    line = _line(after, place)
    return next(
        (mention for mention in mentions(before, module, key) if _line(before, mention) == line), place
    )


def _line(files: FileSet, place: Place) -> tuple[str, bytes]:
    return place.file, files.documents[place.file].data.split(b"\n")[place.line - 1]


def _refers(document: Document, found: Node, start: int, module: str, key: str | None) -> bool:
    """Return whether a found text refers to a module, or is the key of one of its instances.

    Args:
        found: the smallest node that contains the text.
        start: where the text begins.
        module: the module's label.
        key: the instance's key, or None.
    """
    node: Node | None = found
    ends = _HOLDERS if key is None else {"index"}
    while node is not None and node.type not in ends | {"comment", "block"}:
        node = node.parent
    if node is None or node.type not in ends:
        return False
    if key is None:
        first = next((child for child in node.children if child.start_byte == start), None)
    else:
        first = node.prev_sibling and node.prev_sibling.prev_sibling
    parts = [part for part in (first, first and first.next_sibling) if part is not None]
    words = [document.text(part).replace(" ", "") for part in parts]
    return words == ["module", f".{module}"] and (key is None or _in_brackets(document.text(node)) == key)
