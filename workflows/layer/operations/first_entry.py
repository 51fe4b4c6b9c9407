"""The first person of a map of objects, without a sibling to follow: its shape is what the module asks for.

Every field that the module reads from an entry gets a value: the name, the two switches, the key's path, and
the module's own defaults for what it sets besides. A field that nothing is known of is not invented.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.declarations import KEY, field_behind
from workflows.layer.facts import PersonFacts
from workflows.layer.operations.home_blocks import SWITCHES
from workflows.layer.operations.spelling import spellings
from workflows.layer.read_people import flags_of
from workflows.layer.values import field_mark, fields_of, fields_with_default, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.layer.declarations import UserModule

_DEFAULTS = {
    "force_destroy": "false",
    "password_reset_required": "true",
    "password_length": "20",
    "upload_iam_user_ssh_key": "false",
    "path": '"/"',
}
"""terraform-aws-iam, modules/iam-user, variables.tf: what the module takes where nothing is set."""
_OPTIONAL = re.compile(r"(\w+)\s*=\s*optional\(")


class FirstEntry(NamedTuple):
    """An entry for a person.

    Attributes:
        key: the map's key.
        fields: the fields with their values as HCL, in the order of the module's attributes.
        facts: the person's facts afterwards.
    """

    key: str
    fields: tuple[tuple[str, str], ...]
    facts: PersonFacts

    def text(self, indent: str, newline: str) -> str:
        """The entry as HCL, without a comma; its lines after the first are indented."""
        width = max((len(name) for name, _ in self.fields), default=0)
        lines = [f"{indent}  {name.ljust(width)} = {value}" for name, value in self.fields]
        return newline.join([f"{self.key} = {{", *lines, f"{indent}}}"])


def first_entry(
    module: UserModule, key_path: str | None, names: Mapping[str, object], name: str, *, machine: bool
) -> FirstEntry | str:
    """The entry of a person in an empty map, or why there can be none, as a sentence without its end.

    Args:
        module: the module that repeats over the map.
        key_path: the template of its key files' path, from `declarations.template`.
        names: constant names and their values.
        name: the IAM user name.
        machine: whether it is a machine user.
    """
    if key_path is None:
        return f"The module {module.label} does not read its PGP key from a file of the layer"
    key = name if field_behind(module.block, "name") is None else spellings(name)[0]
    path, path_values = _key_path(key_path, key, name)
    if path is None:
        return f"The module {module.label} makes the path of a key from more than one field"
    values = {**path_values, **_switches(module, machine=machine), **_defaults(module)}
    named = field_behind(module.block, "name")
    if named is not None:
        values[named] = quote(name)
    optional = set(_OPTIONAL.findall(module.document.data.decode("utf-8", "replace")))
    optional |= fields_with_default(module.block)
    wanted = [one for one in fields_of(module.block) if one not in optional or one in values]
    unknown = [one for one in wanted if one not in values]
    if unknown:
        return f"The map is empty, so there is no entry that shows what {', '.join(unknown)} should be"
    flags = _flags(module, names, values)
    if (flags == (False, True)) is not machine:
        return ""
    facts = PersonFacts(module.label, key, path, *flags)
    return FirstEntry(
        key if key.isidentifier() else quote(key), tuple((one, values[one]) for one in wanted), facts
    )


def _key_path(template: str, key: str, name: str) -> tuple[str | None, dict[str, str]]:
    """The path of the key file, and the field that it is made from with its value."""
    marks = re.findall("\x00\\.(\\w+)\x00", template)
    text = template.replace(KEY, key)
    if not marks:
        return posixpath.normpath(text), {}
    if len(set(marks)) > 1:
        return None, {}
    mark = field_mark(marks[0])
    lead, _, tail = text.partition(mark)
    value = name if lead or tail else f"keys/{name}"
    return posixpath.normpath(text.replace(mark, value)), {marks[0]: quote(value)}


def _switches(module: UserModule, *, machine: bool) -> dict[str, str]:
    wanted = {"login_profile": not machine, "access_key": machine}
    fields = {field_behind(module.block, attribute): wanted[fact] for fact, attribute in SWITCHES.items()}
    return {field: str(value).lower() for field, value in fields.items() if field is not None}


def _defaults(module: UserModule) -> dict[str, str]:
    fields = {field_behind(module.block, attribute): value for attribute, value in _DEFAULTS.items()}
    return {field: value for field, value in fields.items() if field is not None}


def _flags(
    module: UserModule, names: Mapping[str, object], values: Mapping[str, str]
) -> tuple[bool | None, bool | None]:
    switches = {"true": True, "false": False}
    bound = {f"each.value.{field}": switches.get(value, value) for field, value in values.items()}
    return flags_of(module, {**names, **bound})
