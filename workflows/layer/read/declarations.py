"""The module blocks that declare people, groups and the account, with their attributes and entries.

Readers and operations both start here, so that the displayed and the edited code is the same. Attributes go
by their names in terraform-aws-iam before version 6, which renamed some (its UPGRADE-6.0.md).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from tree_sitter import Node

from workflows.core.grouping import by_key
from workflows.core.sentences import Sentence
from workflows.hcl.document import Attribute, Block, Document, bare, function_call, remembered, unwrap
from workflows.hcl.lists import entry_keys
from workflows.hcl.values import UNKNOWN, evaluate, field_mark, field_read, fields_of, plain_string, value_of
from workflows.layer.files import FileSet, is_override
from workflows.layer.model import Place, Style, Subject, place_of
from workflows.layer.read.instances import Source, counted, impurity, marks_of, resolve, unwritable

_MADE_BY = {
    Subject.USER: (
        "iam-user",
        {
            "pgp_key",
            "create_iam_user_login_profile",
            "create_iam_access_key",
            "create_login_profile",
            "create_access_key",
        },
    ),
    Subject.GROUP: ("iam-group", {"group_users"}),
    Subject.ACCOUNT: ("iam-account", {"account_alias"}),
}
"""The prefix of the module's name in terraform-aws-iam, and attributes that only this module has."""


def made_by(block: Block) -> Subject | None:
    """Return what a module block makes: IAM users, a group, or the account's alias and password policy."""
    for what, (_name, attributes) in _MADE_BY.items():
        if not attributes.isdisjoint(block.names):
            return what
    last = (block.source_of("source") or "").strip('"').partition("?")[0].rstrip("/").rpartition("/")[2]
    return next((what for what, (name, _attributes) in _MADE_BY.items() if last.startswith(name)), None)


_SINCE_6 = {
    "create_iam_user_login_profile": "create_login_profile",
    "create_iam_access_key": "create_access_key",
    "group_users": "users",
}


def name_in(block: Block, attribute: str) -> str:
    """Return a module block's own name for an attribute, given the older name."""
    newer = _SINCE_6.get(attribute)
    if newer is None or attribute in block.names:
        return attribute
    older = any(attribute in block.names for attribute in _SINCE_6)
    return newer if newer in block.names or (not older and (version_of(block) or 0) > 5) else attribute


def attribute_of(block: Block, attribute: str) -> Attribute | None:
    """Return an attribute of a module block by its older name, or None."""
    return block.attributes.get(name_in(block, attribute))


def version_of(block: Block) -> int | None:
    """Return a module's major version, from its `version` or its source's `ref`, or None."""
    reference = re.search(r"[?&]ref=v?(\d+)\.", block.source_of("source") or "")
    found = reference or re.search(r"(\d+)", block.source_of("version") or "")
    return int(found[1]) if found is not None else None


def field_behind(block: Block, attribute: str) -> str | None:
    """Return the field that a module's attribute uses unchanged, as `each.value.NAME`, or None."""
    found = attribute_of(block, attribute)
    field = field_read(block.document, found.value) if found is not None else None
    return field.name if field is not None else None


SWITCHES = {"login_profile": "create_iam_user_login_profile", "access_key": "create_iam_access_key"}
"""The switches of terraform-aws-iam, modules/iam-user, by what they switch."""

SWITCHED = {"login_profile": "console password", "access_key": "access key"}
"""What the switches switch, as displayed."""

_OFF = frozenset({"count", "create", "create_user"})
"""Attributes that switch off a whole module of users or a group (`create` since 6, `create_user` before)."""
_NONE = (0, "0", "false")
"""Values that switch it off; False equals 0."""

_PLAIN_KEY = re.compile(r'(?:file|filebase64)\("([^"]*)"\)')
KEY = "\x00key\x00"
"""The placeholder for `each.key` in an evaluated template."""
VALUE = "\x00value\x00"
"""The placeholder for `each.value` in an evaluated template."""


class UserModule(NamedTuple):
    """A module block that makes IAM users, and what it repeats over.

    Attributes:
        block: the module block.
        style: how its people are declared.
        document: the document with the list or map; the block's own for the block style.
        container: the tuple or object that names the people; None if there is none to read.
        reason: why the people cannot be edited here, as a sentence without a full stop; "" if they can.
        source: the list, map or expression; for the block style, nothing.
    """

    block: Block
    style: Style
    document: Document
    container: Node | None
    reason: Sentence
    source: Source

    @property
    def label(self) -> str:
        """The module's label."""
        return self.block.label

    @property
    def place(self) -> Place:
        """The place of the list, map or expression that declares the people, or else of the block."""
        return self.source.place or place_of(self.block)

    def entry(self, declaration: str) -> Node | None:
        """Return the list entry or map element for a name, or None."""
        keys = entry_keys(self.document, self.container) if self.container is not None else []
        if self.container is None or declaration not in keys:
            return None
        return self.document.elements(self.container)[keys.index(declaration)]

    @property
    def refusal(self) -> Sentence:
        """The reason with the module's name; "" if people can be added and removed here."""
        return f"In module {self.label}: {self.reason}" if self.reason else ""

    @property
    def holds_objects(self) -> bool:
        """Whether each person is an object in a map, with its own name, switches and key file."""
        if self.container is None or self.container.type != "object":
            return False
        is_empty = not self.document.elements(self.container)
        return bool(fields_of(self.block)) if is_empty else _first_is_object(self.document, self.container)


def switched_off(block: Block, names: Mapping[str, object]) -> str:
    """Return the source text that switches a module off, such as `count = 0`, or "".

    Args:
        names: constant names and their values, from `constants`.
    """
    if _OFF.isdisjoint(block.names):
        return ""
    off = (name for name in block.names if name in _OFF and value_of(block.attributes[name], names) in _NONE)
    return next((f"{name} = {block.source_of(name)}" for name in off), "")


def constants(files: FileSet, variables: Mapping[str, object]) -> dict[str, object]:
    """Return the values of the layer's constant names: `var.…` with the project's values, plain `local.…`.

    Args:
        files: the layer's files.
        variables: the values of the variables files, which override the layer's defaults.
    """
    names: dict[str, object] = {"path.module": ".", "path.root": "."}
    for block in files.blocks_of("variable"):
        default = block.attributes.get("default")
        if default is not None and default.value.type not in {"tuple", "object"}:
            names[f"var.{block.label}"] = value_of(default, {})
    names.update({f"var.{name}": value for name, value in variables.items()})
    for block in files.blocks_of("locals"):
        for name, attribute in block.attributes.items():
            is_single = attribute.value.type not in {"tuple", "object"}
            if is_single and (value := value_of(attribute, names)) is not UNKNOWN:
                names[f"local.{name}"] = value
    return names


@remembered
def user_modules(files: FileSet) -> list[UserModule]:
    """Return the module blocks that make IAM users, in file order, without override files."""
    labels = Counter(block.label for document in _documents(files) for block in document.blocks_of("module"))
    return [
        _user_module(files, block, twice=labels[block.label] > 1) for block in _modules(files, Subject.USER)
    ]


def module_of(files: FileSet, label: str) -> UserModule:
    """Return the module of users with a label, as in `Person.module`."""
    return _by_label(files)[label]


@remembered
def _by_label(files: FileSet) -> Mapping[str, UserModule]:
    """Return the modules of users by label; of several with one label, the first."""
    return {module.label: module for module in reversed(user_modules(files))}


def group_modules(files: FileSet) -> list[Block]:
    """Return the module blocks that make IAM groups, in file order, without override files."""
    return _modules(files, Subject.GROUP)


def account_module(files: FileSet) -> Block | None:
    """Return the module block with the account's alias and password policy, or None."""
    return next(iter(_modules(files, Subject.ACCOUNT)), None)


def _modules(files: FileSet, makes: Subject) -> list[Block]:
    return [block for document in _documents(files) for block in _modules_in(document).get(makes, ())]


def _documents(files: FileSet) -> Iterator[Document]:
    return (document for document in files.documents.values() if not is_override(document.name))


@remembered
def _modules_in(document: Document) -> Mapping[Subject | None, list[Block]]:
    """Return the module blocks of a document by what they make; an edit leaves most documents unchanged."""
    return by_key((made_by(block), block) for block in document.blocks_of("module"))


def overridden(files: FileSet, block: Block) -> Place | None:
    """Return where an override file changes a block, or None."""
    twins = files.overriding.get(block.header)
    return place_of(twins[0]) if twins else None


def uneditable(files: FileSet, document: Document, block: Block) -> Sentence:
    """Return why a block can't be edited, as a sentence without a full stop; "" if it can."""
    if why := unwritable(files, document):
        return why
    if block.duplicates:
        return f"it sets {block.duplicates[0].name} twice, again at {place_of(block.duplicates[0])}"
    place = overridden(files, block)
    return f"an override file changes it at {place}" if place else ""


def _user_module(files: FileSet, block: Block, *, twice: bool) -> UserModule:
    document = block.document
    for_each = block.attribute("for_each")
    own = files if for_each is None else replace(files, linked=frozenset())  # only the list is edited
    several = "there are several modules of that name" if twice else ""
    reason = several or uneditable(own, document, block)
    if for_each is None and "count" in block.names:
        source = counted(files, document, bare(block.attributes["count"].value))
        return UserModule(block, Style.COMPUTED, document, None, reason or source.why, source)
    if for_each is None:
        nothing = Source(document, None, "")
        return UserModule(block, Style.BLOCK, document, None, reason or _not_plain(block), nothing)
    call, arguments = function_call(document, for_each.value)
    inner = arguments[0] if call == "toset" and len(arguments) == 1 else for_each.value
    found = resolve(files, document, inner)
    home, container, why = found.document, found.container, found.why
    if container is None:
        return UserModule(block, Style.COMPUTED, document, None, reason or why, found)
    why = why or impurity(home, container)
    if container.type == "tuple":
        style, why = Style.LIST, why or ("" if call or found.as_set else "its for_each is not a toset(…)")
    elif document.text(inner).startswith("var.") or _first_is_object(home, container):
        style = Style.VARIABLE_MAP
    else:
        style = Style.MACHINE_MAP
    return UserModule(block, style, home, container, reason or why, found)


def _first_is_object(document: Document, container: Node) -> bool:
    entries = document.elements(container)
    return bool(entries) and unwrap(entries[0].children[2]).type == "object"


def _not_plain(block: Block) -> Sentence:
    """Return why a block of one user can't be edited: it lacks a plain name, which everything else needs."""
    if _plain_text(block, "name") is not None:
        return ""
    name = block.attributes.get("name")
    if name is None:
        return "it has no name, so iam-onboard can't tell which users it makes"
    is_plain = plain_string(block.document, name.node.children[-1]) is not None
    return "" if is_plain else "the user's name is computed"


def template(module: UserModule, attribute: str, names: Mapping[str, object]) -> str | None:
    """Return a user module's attribute with `KEY`, `VALUE` and field placeholders, or None if computed.

    For `pgp_key = file("keys/${each.key}")`, that is the path inside `file(…)`.
    """
    block = module.block
    if (known := _plain_text(block, attribute)) is not None:
        return known
    found = block.attributes.get(attribute)
    node = key_path_node(block) if attribute == "pgp_key" else found.value if found else None
    if node is None:
        return None
    marks: dict[str, object] = {"each.key": KEY, "each.value": VALUE}
    if module.source.counted:
        marks |= marks_of(module.source.counted, KEY, VALUE)
    if module.container is not None:
        marks |= {f"each.value.{name}": field_mark(name) for name in fields_of(block)}
    value = evaluate(block.document, node, {**marks, **names})
    return value if isinstance(value, str) else None


def _plain_text(block: Block, attribute: str) -> str | None:
    """Return the text of a plain file's attribute without parsing a tree; None if a tree may be needed."""
    text = (block.plain_values or {}).get(attribute, "")
    if attribute == "pgp_key":
        path = _PLAIN_KEY.fullmatch(text)
        return path[1] if path is not None else None
    return text[1:-1] if text[:1] == '"' else None


def key_path_node(block: Block) -> Node | None:
    """Return the expression inside `pgp_key = file(…)`, or None for a key that isn't from a file."""
    found = block.attributes.get("pgp_key")
    if found is None:
        return None
    call, arguments = function_call(block.document, bare(found.value))
    return arguments[0] if call in {"file", "filebase64"} and len(arguments) == 1 else None
