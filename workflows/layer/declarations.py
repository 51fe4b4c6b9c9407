"""Where people, groups and the account are declared: module blocks and what they repeat over.

The readers and the operations both start here, so that what is shown and what is edited is the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.layer.files import is_override
from workflows.layer.model import Place, Style
from workflows.layer.syntax import Attribute, Block, function_call, unwrap
from workflows.layer.values import UNKNOWN, elements, evaluate, object_key, plain_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tree_sitter import Node

    from workflows.layer.files import FileSet
    from workflows.layer.syntax import Document

_USER_ATTRIBUTES = frozenset({"pgp_key", "create_iam_user_login_profile", "create_iam_access_key"})
KEY = "\x00key\x00"
"""Stands for `each.key` in an evaluated template."""
VALUE = "\x00value\x00"
"""Stands for `each.value` in an evaluated template."""


@dataclass(frozen=True)
class UserModule:
    """A module block that makes IAM users, and what it repeats over.

    Attributes:
        block: the module block.
        style: how its people are declared.
        document: the document that holds the list or map; the block's own for the block style.
        container: the tuple or object that names the people; None when there is none to read.
        reason: why the people cannot be edited here, as a sentence; "" when they can.
    """

    block: Block
    style: Style
    document: Document
    container: Node | None
    reason: str

    @property
    def label(self) -> str:
        """The module's label."""
        return self.block.label

    @property
    def place(self) -> Place:
        """Where the people are declared: the list or map if there is one, else the block."""
        if self.container is not None:
            return Place(self.document.name, self.container.start_point.row + 1)
        return place_of(self.block)

    @property
    def editable(self) -> bool:
        """Whether people can be added and removed here."""
        return not self.reason


def place_of(block: Block | Attribute) -> Place:
    """The place of a block or attribute."""
    return Place(block.document.name, block.line)


def constants(files: FileSet, variables: Mapping[str, object]) -> dict[str, object]:
    """The layer's constant names by their source text: `var.…` with the project's values, plain `local.…`.

    Args:
        files: the layer's files.
        variables: the values of the variables files; they outrank the defaults in the layer.
    """
    names: dict[str, object] = {"path.module": "."}
    for block in _all_blocks(files, "variable"):
        default = block.attributes.get("default")
        if default is not None and default.value.type not in {"tuple", "object"}:
            names[f"var.{block.label}"] = evaluate(block.document, default.value, {})
    names.update({f"var.{name}": value for name, value in variables.items()})
    for block in _all_blocks(files, "locals"):
        for attribute in block.attributes.values():
            if attribute.value.type not in {"tuple", "object"}:
                value = evaluate(block.document, attribute.value, names)
                if value is not UNKNOWN:
                    names[f"local.{attribute.name}"] = value
    return names


def user_modules(files: FileSet) -> list[UserModule]:
    """The module blocks that make IAM users, in the order of the files, override files left out."""
    return [_user_module(files, block) for block in _modules(files) if _is_user(block)]


def group_modules(files: FileSet) -> list[Block]:
    """The module blocks that make IAM groups, in the order of the files, override files left out."""
    return [block for block in _modules(files) if is_group(block)]


def account_module(files: FileSet) -> Block | None:
    """The module block with the account's alias and password policy, or None."""
    return next((block for block in _modules(files) if _is_account(block)), None)


def is_group(block: Block) -> bool:
    """Whether a module block makes an IAM group."""
    return "group_users" in block.attributes or _source_ends(block, "iam-group")


def _is_user(block: Block) -> bool:
    return bool(_USER_ATTRIBUTES & block.attributes.keys()) or _source_ends(block, "iam-user")


def _is_account(block: Block) -> bool:
    return "account_alias" in block.attributes or _source_ends(block, "iam-account")


def is_user(block: Block) -> bool:
    """Whether a module block makes IAM users."""
    return _is_user(block)


def _source_ends(block: Block, name: str) -> bool:
    source = block.attributes.get("source")
    if source is None:
        return False
    text = block.document.text(source.value).strip('"').partition("?")[0]
    return text.rstrip("/").rpartition("/")[2].startswith(name)


def _all_blocks(files: FileSet, kind: str) -> list[Block]:
    return [block for document in files.documents.values() for block in document.blocks_of(kind)]


def _modules(files: FileSet) -> list[Block]:
    return [block for block in _all_blocks(files, "module") if not is_override(block.document.name)]


def overridden(files: FileSet, block: Block) -> Place | None:
    """Where an override file changes a block, or None."""
    for document in files.documents.values():
        if is_override(document.name):
            for other in document.blocks:
                if other.header == block.header:
                    return place_of(other)
    return None


def uneditable(files: FileSet, document: Document, block: Block) -> str:
    """Why nothing in a block of a document can be edited, as a sentence; "" when it can."""
    if document.name in files.linked:
        return f"{document.name} is a symbolic link, shared with other layers"
    if document.broken_at is not None:
        return f"{document.name} has something at line {document.broken_at} that cannot be parsed"
    place = overridden(files, block)
    if place is not None:
        return f"an override file changes it at {place}"
    return ""


def _user_module(files: FileSet, block: Block) -> UserModule:
    document = block.document
    for_each = block.attributes.get("for_each")
    reason = uneditable(files, document, block)
    if for_each is None:
        style = Style.COMPUTED if "count" in block.attributes else Style.BLOCK
        return UserModule(block, style, document, None, reason or _BY_HAND[style])
    call = function_call(document, for_each.value)
    inner = call[1][0] if call and call[0] == "toset" and len(call[1]) == 1 else for_each.value
    home, container, why = _resolve(files, document, inner)
    if container is None:
        return UserModule(block, Style.COMPUTED, document, None, reason or why)
    if container.type == "tuple":
        style = Style.LIST
        why = why or _impure(home, container) or ("" if call else "its for_each is not a toset(…)")
    elif document.text(inner).startswith("var."):
        style, why = Style.VARIABLE_MAP, why or _BY_HAND[Style.VARIABLE_MAP]
    else:
        style, why = Style.MACHINE_MAP, why or _impure_map(home, container)
    return UserModule(block, style, home, container, reason or why)


_BY_HAND = {
    Style.BLOCK: "each user has a block of its own, which this version reads and does not edit",
    Style.VARIABLE_MAP: "the users are a map in a variable, which this version reads and does not edit",
    Style.COMPUTED: "the number of users is computed",
}


def _resolve(files: FileSet, document: Document, node: Node) -> tuple[Document, Node | None, str]:
    """The list or map that an expression names: its document, its node, and why it cannot be edited."""
    if node.type in {"tuple", "object"}:
        return document, node, ""
    text = document.text(node)
    if text.startswith("var."):
        found = [
            block.attributes["default"]
            for block in _all_blocks(files, "variable")
            if block.label == text[4:] and "default" in block.attributes
        ]
    elif text.startswith("local."):
        found = [
            block.attributes[text[6:]]
            for block in _all_blocks(files, "locals")
            if text[6:] in block.attributes
        ]
    else:
        return document, None, f"its for_each is computed: {text}"
    if not found:
        return document, None, f"{text} is not a list or a map in this layer"
    first = found[0]
    if first.value.type not in {"tuple", "object"}:
        return first.document, None, f"{text} is computed at {place_of(first)}: {_short(first)}"
    why = f"{text} is also set at {place_of(found[1])}" if len(found) > 1 else ""
    if not why and first.document.name in files.linked:
        why = f"{first.document.name} is a symbolic link, shared with other layers"
    if not why and first.document.broken_at is not None:
        why = f"{first.document.name} has something at line {first.document.broken_at} that cannot be parsed"
    return first.document, first.value, why


def _short(attribute: Attribute) -> str:
    text = " ".join(attribute.document.text(attribute.value).split())
    return text if len(text) <= 60 else text[:57] + "…"


def _impure(document: Document, container: Node) -> str:
    for one in elements(container):
        if plain_string(document, one) is None:
            return f"the entry at line {one.start_point.row + 1} is computed"
    return ""


def _impure_map(document: Document, container: Node) -> str:
    for one in elements(container):
        if object_key(document, one) is None or unwrap(one.children[2]).type != "string_lit":
            return f"the entry at line {one.start_point.row + 1} is not a name and a key file"
    return ""


def template(module: UserModule, attribute: str, names: Mapping[str, object]) -> str | None:
    """An attribute of a user module as text with `KEY` and `VALUE` in it, or None if it is computed.

    `pgp_key = file("keys/${each.key}")` gives the path inside `file(…)`.
    """
    found = module.block.attributes.get(attribute)
    if found is None:
        return None
    node = found.value
    call = function_call(module.block.document, node)
    if attribute == "pgp_key":
        if call is None or call[0] not in {"file", "filebase64"} or len(call[1]) != 1:
            return None
        node = call[1][0]
    value = evaluate(module.block.document, node, {**names, "each.key": KEY, "each.value": VALUE})
    return value if isinstance(value, str) else None
