"""Where the values are written that belong to one person alone: its key file and its switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.declarations import (
    VALUE,
    attribute_of,
    constants,
    field_behind,
    key_path_node,
    template,
    user_modules,
)
from workflows.layer.document import unwrap
from workflows.layer.lists import entry_keys
from workflows.layer.model import Place, Style
from workflows.layer.operations.base import refuse
from workflows.layer.operations.home_objects import fields_at
from workflows.layer.operations.key_path import PathText, path_text
from workflows.layer.values import field_mark, fields_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from workflows.layer.declarations import UserModule
    from workflows.layer.document import Document
    from workflows.layer.model import Layer, Person


class OwnPath(NamedTuple):
    """The path of one person's key file.

    Attributes:
        document: the document that it is in.
        path: its literal text.
        lead: what the module puts before it.
        tail: what the module puts after it.
    """

    document: Document
    path: PathText
    lead: str = ""
    tail: str = ""


def module_of(layer: Layer, person: Person) -> UserModule:
    """The module that declares a person."""
    return next(one for one in user_modules(layer.files) if one.label == person.module)


def own_key_path(layer: Layer, person: Person) -> OwnPath:
    """Where the path of a person's key file is written.

    Raises:
        EditRefused: the module makes it from the name for all alike, or it is an expression.
    """
    module = module_of(layer, person)
    what = f"The key file of {person.iam_name} cannot have another name."
    if module.style is Style.BLOCK:
        node = key_path_node(module.block)
        own = path_text(module.block.document, node) if node is not None else None
        if own is None:
            raise refuse(what, "Its path is an expression.", _place_in(module, "pgp_key"))
        return OwnPath(module.block.document, own)
    text = template(module, "pgp_key", constants(layer.files, layer.location.variables)) or ""
    entry = _entry(module, person)
    fields = fields_at(module.document, entry) if entry is not None and module.holds_objects else {}
    marks = {field_mark(one): fields[one].value for one in fields_of(module.block) if one in fields}
    if entry is not None and not module.holds_objects and module.container is not None:
        marks = {VALUE: unwrap(entry.children[2])} if module.container.type == "object" else {}
    for mark, node in marks.items():
        lead, found, tail = text.partition(mark)
        if found and "\x00" not in lead + tail and node.type == "string_lit":
            text_of = PathText(node, module.document.text(node)[1:-1], quoted=True)
            return OwnPath(module.document, text_of, lead, tail)
    why = f"The module {module.label} makes it from the name, for all its users alike."
    raise refuse(what, why, _place_in(module, "pgp_key"))


def own_switch(layer: Layer, person: Person, attribute: str) -> tuple[Document, Node] | None:
    """Where a switch of a person is written; None where its block leaves it to the module's default.

    Raises:
        EditRefused: the module switches it for all alike, or it is an expression.
    """
    module = module_of(layer, person)
    what = f"{attribute} of {person.iam_name} cannot be switched alone."
    if module.style is Style.BLOCK:
        found = attribute_of(module.block, attribute)
        if found is None:
            return None
        if found.value.type != "bool_lit":
            raise refuse(what, "It is an expression.", Place(module.block.document.name, found.line))
        return module.block.document, found.value
    field = field_behind(module.block, attribute)
    if field is None:
        why = f"The module {module.label} sets it for all its users alike."
        raise refuse(what, why, _place_in(module, attribute))
    entry = _entry(module, person)
    value = fields_at(module.document, entry).get(field) if entry is not None else None
    if value is None or value.value.type != "bool_lit":
        raise refuse(what, f"Its entry does not set {field} to true or false.", person.place)
    return module.document, value.value


def _entry(module: UserModule, person: Person) -> Node | None:
    if module.container is None:
        return None
    keys = entry_keys(module.document, module.container)
    if person.declaration not in keys:
        return None
    return module.document.elements(module.container)[keys.index(person.declaration)]


def _place_in(module: UserModule, attribute: str) -> Place:
    """Where a module sets an attribute, or where it begins."""
    found = module.block.attributes.get(attribute)
    return Place(module.block.document.name, found.line if found is not None else module.block.line)
