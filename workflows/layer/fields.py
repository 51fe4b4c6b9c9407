"""The fields of `each.value`: what a module that repeats over a map of objects takes from each entry.

Teams write `each.value.name`, `each.value["name"]`, and with a default `lookup(each.value, "name", "x")` or
`try(each.value.name, "x")`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.attribute_names import attribute_of
from workflows.layer.document import function_call

if TYPE_CHECKING:
    from tree_sitter import Node

    from workflows.layer.document import Block, Document

_LOOKUP = r'lookup\(\s*each\.value\s*,\s*"([A-Za-z_]\w*)"'
_READ = r'each\.value(?:\.([A-Za-z_]\w*)|\["([A-Za-z_]\w*)"\])'
_ANY = re.compile(rf"{_LOOKUP}|{_READ}")
_WITH_DEFAULT = re.compile(rf"{_LOOKUP}\s*,|\btry\(\s*{_READ}\s*,")
_WHOLE = re.compile(_READ)
_QUOTED = re.compile(r'"([A-Za-z_]\w*)"')


class Field(NamedTuple):
    """A field that an expression is, as it is.

    Attributes:
        name: the field's name.
        default: what stands in for a field that an entry lacks; None without one.
    """

    name: str
    default: Node | None


def field_read(document: Document, node: Node) -> Field | None:
    """The field that an expression reads and hands on as it is; None for any other expression.

    Args:
        document: the document the node is from.
        node: an expression, unwrapped.
    """
    whole = _WHOLE.fullmatch(document.text(node))
    if whole is not None:
        return Field(whole[1] or whole[2], None)
    name, arguments = function_call(document, node) or ("", ())
    if name == "lookup" and len(arguments) in {2, 3} and document.text(arguments[0]) == "each.value":
        quoted = _QUOTED.fullmatch(document.text(arguments[1]))
        default = arguments[2] if len(arguments) == 3 else None
        return Field(quoted[1], default) if quoted is not None else None
    if name == "try" and len(arguments) == 2:
        whole = _WHOLE.fullmatch(document.text(arguments[0]))
        return Field(whole[1] or whole[2], arguments[1]) if whole is not None else None
    return None


def fields_of(block: Block) -> list[str]:
    """The fields of `each.value` that a module block names, in their order."""
    return _names(_ANY, block)


def fields_with_default(block: Block) -> set[str]:
    """The fields that an entry may lack: the module block has something to stand in for them."""
    return set(_names(_WITH_DEFAULT, block))


def field_mark(name: str) -> str:
    """What stands for `each.value.NAME` in an evaluated template."""
    return f"\x00.{name}\x00"


def field_behind(block: Block, attribute: str) -> str | None:
    """The field that a module's attribute is taken from as it is, as `each.value.NAME`; else None."""
    found = attribute_of(block, attribute)
    field = field_read(block.document, found.value) if found is not None else None
    return field.name if field is not None else None


def _names(pattern: re.Pattern[str], block: Block) -> list[str]:
    found = pattern.finditer(block.document.text(block.node))
    return list(dict.fromkeys(name for match in found for name in match.groups() if name))
