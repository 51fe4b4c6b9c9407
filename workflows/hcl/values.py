"""The values of HCL expressions that are constant once the project's variables are known.

Account aliases, group names and key file names are often templates such as
`${var.project_long}-${var.environment}`. `evaluate` returns their value; anything it does not know
(most functions, data sources) is `UNKNOWN`, never a guess.

A module with `for_each` over a map of objects reads fields of each entry: `each.value.name`,
`each.value["name"]`, and with a default `lookup(each.value, "name", "x")` or `try(each.value.name, "x")`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from tree_sitter import Node

from workflows.core.files import cause_of, load_file
from workflows.core.parsing import parse_json
from workflows.core.sentences import OnboardError
from workflows.hcl.document import Attribute, Block, Document, function_call, remembered, unwrap
from workflows.hcl.parsing import MAX_VARIABLES, parse_hcl


class _Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
"""The value of an expression that only Terraform knows."""
_CONSTANTS = {"true": True, "false": False, "null": None}
_LONGEST_CHOICE = 500
"""Maximum bytes of `condition ? this : that`; a longer one may be nested too deeply."""


class BadVariables(OnboardError):  # noqa: N818 - reads better where it is raised
    """A variables file cannot be read or is not HCL."""


def read_variables(path: Path) -> Mapping[str, object]:
    """Read the values of a `.tfvars` (or older `.config`) file.

    Raises:
        BadVariables: the file cannot be read, is not UTF-8, or is not HCL.
    """
    try:
        text = load_file(path, MAX_VARIABLES).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadVariables(
            "Can't read a variables file",
            f"{path} isn't UTF-8 text, or can't be read.",
            why=cause_of(error) if isinstance(error, OSError) else str(error),
            next="Make it readable, and save it as UTF-8.",
        ) from error
    try:
        return _variables(text)
    except ValueError as error:
        raise BadVariables(
            "A variables file isn't valid HCL",
            f"iam-onboard can't parse {path}.",
            next="Correct it; the parser's message is below.",
            detail=str(error).replace("tmp.hcl", path.name),  # pygohcl's name for any text
        ) from error


@lru_cache(maxsize=64)
def _variables(text: str) -> Mapping[str, object]:
    return parse_hcl(text)


def evaluate(document: Document, node: Node, names: Mapping[str, object]) -> object:
    """Return the value of an expression.

    Args:
        document: the document that contains the node.
        node: an expression, wrapped or not.
        names: known references by source text, such as `{"var.project": "bb", "each.key": "jane.doe"}`.

    Returns:
        A string, number, boolean, None, list or dictionary, or `UNKNOWN`. Lists and dictionaries may contain
        `UNKNOWN`.
    """
    node = unwrap(node)
    kind = node.type
    if kind == "string_lit":
        # A string must end on its line; otherwise a quote is missing, and it contains foreign code.
        return UNKNOWN if "\n" in document.text(node) else string_value(document, node)
    if kind == "quoted_template":
        return _template(document, node, names)
    if kind == "numeric_lit":
        text = document.text(node)
        return int(text) if text.isdigit() else float(text)
    if kind == "conditional":
        return _chosen(document, node, names)
    if kind in {"bool_lit", "null_lit"}:
        return _CONSTANTS[document.text(node)]
    if kind == "tuple":
        return [evaluate(document, element, names) for element in document.elements(node)]
    if kind == "object":
        return {
            key: evaluate(document, element.children[2], names)
            for element in document.elements(node)
            if (key := object_key(document, element)) is not None
        }
    return _named(document, node, names)


def value_of(attribute: Attribute | None, names: Mapping[str, object]) -> object:
    """Return the value of an attribute, as `evaluate` does; None without the attribute."""
    return evaluate(attribute.document, attribute.value, names) if attribute is not None else None


def text_of(attribute: Attribute | None, names: Mapping[str, object]) -> str | None:
    """Return the value of an attribute if it is a string, else None."""
    value = value_of(attribute, names)
    return value if isinstance(value, str) else None


def plain_value(text: str, names: Mapping[str, object]) -> object:
    """Return the value of a plain file's attribute from its source text.

    Args:
        text: the source text, from `plain_values`.
        names: as for `evaluate`.

    Returns:
        The same as `evaluate`, but also `UNKNOWN` where the tree is needed.
    """
    if text[:1] == '"':
        return text[1:-1]  # strings in an index have neither escapes nor templates
    if text.isdigit():
        return int(text)
    return _CONSTANTS[text] if text in _CONSTANTS else names.get(text, UNKNOWN)


def object_key(document: Document, element: Node) -> str | None:
    """Return the key of an object's element if it is a plain name or string, else None."""
    key = unwrap(element.children[0])
    if document.data[element.start_byte : element.start_byte + 1] == b"(":
        return None
    if key.type == "string_lit":
        return string_value(document, key)
    return document.text(key) if key.type in {"variable_expr", "identifier"} else None


def fields_at(document: Document, entry: Node) -> dict[str, Attribute]:
    """Return the fields, by name, of a map entry whose value is an object; {} for any other entry."""
    value = unwrap(entry.children[-1])
    elements = document.elements(value) if value.type == "object" else []
    found = {object_key(document, element): Attribute(document, element) for element in elements}
    return {name: attribute for name, attribute in found.items() if name is not None}


def string_value(document: Document, node: Node) -> str:
    """Return the value of a quoted string without interpolation."""
    return unescape(document.text(node)[1:-1])


def plain_string(document: Document, node: Node) -> str | None:
    """Return the value of an expression that is one quoted string without interpolation, else None.

    Layers have thousands of these, so the common form is recognised from its text alone: an expression
    between two quotes, without quotes, escapes or templates inside, can be nothing else.
    """
    text = document.text(node)
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return None
    inner = text[1:-1]
    if "\n" in inner:
        return None
    if '"' not in inner and "\\" not in inner and "{" not in inner:
        return inner
    unwrapped = unwrap(node)
    return string_value(document, unwrapped) if unwrapped.type == "string_lit" else None


@remembered
def plain_strings(document: Document, container: Node) -> list[str | None]:
    """Return a list's entries as plain strings, None for any other; repeated calls return the same list."""
    return [plain_string(document, element) for element in document.elements(container)]


def unescape(text: str) -> str:
    """Resolve HCL's escapes in a quoted string's content, as in its specification's "Template Literals".

    If an escape is invalid, the text stays as written: Terraform rejects the file anyway and says where.
    """
    try:
        if "\\U" in text:
            text = text.encode("latin-1", "backslashreplace").decode("unicode_escape")
        elif "\\" in text:
            text = str(parse_json(f'"{text}"', strict=False))
    except ValueError:
        return text
    return text.replace("$${", "${").replace("%%{", "%{")


def quote(text: str) -> str:
    """Write a string as HCL, with its quotes."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _named(document: Document, node: Node, names: Mapping[str, object]) -> object:
    text = document.text(node)
    if text in names:
        return names[text]
    if (field := field_read(document, node)) is not None:
        return _field(document, field, names)
    return _formatted(document, node, names) if text.startswith("format(") else UNKNOWN


def _chosen(document: Document, node: Node, names: Mapping[str, object]) -> object:
    """Evaluate `condition ? this : that`."""
    parts = [child for child in node.children if child.type == "expression"]
    if len(parts) != 3 or node.end_byte - node.start_byte > _LONGEST_CHOICE:
        return UNKNOWN
    condition = evaluate(document, parts[0], names)
    return evaluate(document, parts[1 if condition else 2], names) if isinstance(condition, bool) else UNKNOWN


def _field(document: Document, field: Field, names: Mapping[str, object]) -> object:
    """Return a field's value, or its default if the known object lacks it."""
    if (key := f"each.value.{field.name}") in names:
        return names[key]
    lacks_it = "each.key" in names and "each.value" not in names
    if not lacks_it or field.default is None or field.default.type == "function_call":
        return UNKNOWN
    return evaluate(document, field.default, names)


def _formatted(document: Document, node: Node, names: Mapping[str, object]) -> object:
    """Evaluate `format("…%s…", …)` if every verb is a plain `%s`."""
    _, arguments = function_call(document, node)
    spec = plain_string(document, arguments[0]) if arguments else None
    values = [
        evaluate(document, argument, names) for argument in arguments[1:] if argument.type != "function_call"
    ]
    parts = spec.split("%s") if spec is not None else []
    plain = len(parts) == len(values) + 1 and "%" not in "".join(parts)
    if not plain or not all(isinstance(value, str) for value in values):
        return UNKNOWN
    return parts[0] + "".join(f"{value}{part}" for value, part in zip(values, parts[1:], strict=True))


def _template(document: Document, node: Node, names: Mapping[str, object]) -> object:
    parts: list[str] = []
    for child in node.children:
        if child.type == "template_literal":
            parts.append(unescape(document.text(child)))
        elif child.type == "template_interpolation":
            inner = [expression for expression in child.children if expression.type == "expression"]
            value = evaluate(document, inner[0], names) if inner else UNKNOWN
            if value is UNKNOWN or isinstance(value, list | Mapping) or value is None:
                return UNKNOWN
            parts.append(str(value).lower() if isinstance(value, bool) else str(value))
        elif child.type not in {"quoted_template_start", "quoted_template_end"}:
            return UNKNOWN
    return "".join(parts)


_LOOKUP = r'lookup\(\s*each\.value\s*,\s*"([A-Za-z_]\w*)"'
_READ = r'each\.value(?:\.([A-Za-z_]\w*)|\["([A-Za-z_]\w*)"\])'
_ANY = re.compile(rf"{_LOOKUP}|{_READ}")
_WITH_DEFAULT = re.compile(rf"{_LOOKUP}\s*,|\btry\(\s*{_READ}\s*,")


class Field(NamedTuple):
    """A field of `each.value` that an expression passes on unchanged.

    Attributes:
        name: the field's name.
        default: the default for entries that lack the field, or None.
    """

    name: str
    default: Node | None


def field_read(document: Document, node: Node) -> Field | None:
    """Return the field that an expression reads and passes on unchanged; None for any other expression.

    Args:
        document: the document that contains the node.
        node: an unwrapped expression.
    """
    name, arguments = function_call(document, node)
    if name == "lookup" and len(arguments) in {2, 3} and document.text(arguments[0]) == "each.value":
        quoted = re.fullmatch(r'"([A-Za-z_]\w*)"', document.text(arguments[1]))
        default = arguments[2] if len(arguments) == 3 else None
        return Field(quoted[1], default) if quoted is not None else None
    tried = name == "try" and len(arguments) == 2
    whole = re.fullmatch(_READ, document.text(arguments[0] if tried else node))
    return Field(whole[1] or whole[2], arguments[1] if tried else None) if whole is not None else None


def fields_of(block: Block, *, with_default: bool = False) -> list[str]:
    """Return the fields of `each.value` that a module block reads, in order.

    Args:
        with_default: True for only those that an entry may lack, because the block gives them a default.
    """
    found = (_WITH_DEFAULT if with_default else _ANY).finditer(block.document.text(block.node))
    return list(dict.fromkeys(name for match in found for name in match.groups() if name))


def field_mark(name: str) -> str:
    """Return the placeholder for `each.value.NAME` in an evaluated template."""
    return f"\x00.{name}\x00"
