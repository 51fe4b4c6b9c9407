"""The map of objects: each person an entry with name, switches and key file.

The first person of a map has no sibling to follow: the shape of its entry is what the module asks for. Every
field that the module reads gets a value: the name, the two switches, the key's path, and the module's own
defaults for what it sets besides. A field that nothing is known of is not invented.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tree_sitter import Node

from workflows.core.sentences import Sentence
from workflows.hcl.document import Attribute, Document, Splice
from workflows.hcl.lists import position_for
from workflows.hcl.values import field_mark, fields_at, fields_of, fields_with_default, plain_string, quote
from workflows.layer.edit.cloning import Renaming, cloned, in_place_of, replacing, spellings
from workflows.layer.edit.facts import PersonFacts
from workflows.layer.edit.key_files import key_file_name
from workflows.layer.edit.operation import refuse
from workflows.layer.edit.styles import NEAR, Declarations, NewDeclaration, copied_fields, facts_like
from workflows.layer.model import Person
from workflows.layer.read.declarations import KEY, SWITCHES, UserModule, field_behind, template
from workflows.layer.read.people import flags_of

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_OPTIONAL = re.compile(r"(\w+)\s*=\s*optional\(")
_DEFAULTS = {
    "force_destroy": "false",
    "password_reset_required": "true",
    "password_length": "20",
    "upload_iam_user_ssh_key": "false",
    "path": '"/"',
}
"""terraform-aws-iam, modules/iam-user, variables.tf: what the module takes where nothing is set."""


class ObjectStyle(Declarations):
    """People as objects of a map."""

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Why the map cannot take such a person."""
        module = self.module
        if module.reason:
            return module.refusal
        if not self.people and self._is_empty():
            first = first_entry(module, self.names, "somebody", machine=machine)
            return None if isinstance(first, FirstEntry) else first
        if not self.people:
            return "The map has no entry to follow"
        if self._name_field is None and template(module, "name", self.names) != KEY:
            return f"The module {module.label} makes names of its own from the entries"
        if not self.of_kind(machine=machine) and not self._switchable():
            return ""
        return None

    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """How a person would be declared: as the nearest sibling of its kind is.

        Raises:
            EditRefused: no sibling has its key in a file, or in one whose name is its own.
        """
        if self._is_empty():
            if key_file:
                raise self.cannot_share(name, key_file)
            return self._plan_first(name, machine=machine)
        own_kind = self.of_kind(machine=machine)
        kin = own_kind or self.people
        declared = [one.declaration for one in self.people]
        key = self._key(kin, name)
        position = position_for(declared, key)
        sibling = self._sibling(kin, declared, position)
        fields = self._fields(sibling)
        key_field = self._key_field(fields)
        wanted = key_file or key_file_name(own_kind, name)
        own_file = self._file_name(key_field, name, wanted) if key_field else ""
        if key_file and own_file != key_file:
            raise self.cannot_share(name, key_file)
        path = posixpath.join(posixpath.dirname(str(sibling.key_file)), own_file)
        if key_field is None:
            path = (template(self.module, "pgp_key", self.names) or "").replace(KEY, key)
            path = path.replace(field_mark(self._name_field), name) if self._name_field else path
        label = self.module.label
        facts = facts_like(sibling, label, key, posixpath.normpath(path), machine=machine)
        known = {self._name_field, key_field, *self._switch_fields().values()}
        others = [self._texts(self._fields(one)) for one in kin[:NEAR]]
        return NewDeclaration(
            facts,
            (label, key),
            tuple(one.iam_name for one in kin),
            lambda: self.with_entry(self._clone(sibling, name, facts), position),
            sibling.iam_name,
            copied_fields(self._texts(fields), others, known, Renaming(sibling.iam_name, name)),
        )

    def _plan_first(self, name: str, *, machine: bool) -> NewDeclaration:
        first = first_entry(self.module, self.names, name, machine=machine)
        if not isinstance(first, FirstEntry):
            raise refuse(f"{name} cannot be added.", f"{first}.", self.place)
        text = first.text(self.module.document, self.container)
        owner = (self.module.label, first.facts.declaration)
        return NewDeclaration(first.facts, owner, (), lambda: self.with_entry(text, 0))

    def _is_empty(self) -> bool:
        return not self.module.document.elements(self.container)

    @property
    def _name_field(self) -> str | None:
        return field_behind(self.module.block, "name")

    def _switch_fields(self) -> dict[str, str | None]:
        """The fields that the switches are taken from, by what they switch."""
        return {fact: field_behind(self.module.block, attribute) for fact, attribute in SWITCHES.items()}

    def _switchable(self) -> bool:
        """Whether an entry of one kind can be made one of the other: its own fields are the switches."""
        wanted = set(self._switch_fields().values())
        return None not in wanted and all(wanted <= self._fields(one).keys() for one in self.people[:NEAR])

    def _entry(self, person: Person) -> Node:
        entry = self.module.entry(person.declaration)
        if entry is None:
            raise refuse(f"{person.iam_name} cannot be followed.", "It has no entry.", self.place)
        return entry

    def _fields(self, person: Person) -> dict[str, Attribute]:
        return fields_at(self.module.document, self._entry(person))

    def _texts(self, fields: Mapping[str, Attribute]) -> dict[str, str]:
        return {name: self.module.document.text(one.value) for name, one in fields.items()}

    def _key_field(self, fields: Mapping[str, Attribute]) -> str | None:
        """The field that the path of a person's key is made from; None if it is made from the map's key."""
        text = template(self.module, "pgp_key", self.names)
        if text is None:
            why = f"The module {self.module.label} does not read its PGP key from a file of the layer."
            raise refuse("The key of a new user has no place.", why, self.place)
        names = fields_of(self.module.block)
        return next((one for one in names if field_mark(one) in text and one in fields), None)

    def _around(self, field: str) -> tuple[str, str]:
        """What the module puts before and after a field in the name of a key file.

        Raises:
            EditRefused: more of the name differs from entry to entry.
        """
        before, _, after = (template(self.module, "pgp_key", self.names) or "").partition(field_mark(field))
        lead = before.rpartition("/")[2]
        if "\x00" in lead + after or "/" in after:
            why = f"The module {self.module.label} makes the name of a key file from more than {field}."
            raise refuse("The key of a new user has no place.", why, self.place)
        return lead, after

    def _file_name(self, field: str, name: str, wanted: str) -> str:
        """The name of a new key file, as the module makes it of a field; the wanted one where that can be."""
        lead, tail = self._around(field)
        stem = name if field == self._name_field else wanted.removeprefix(lead).removesuffix(tail)
        return f"{lead}{stem}{tail}"

    def _sibling(self, kin: Sequence[Person], declared: Sequence[str], position: int) -> Person:
        """The nearest person of the kind with the usual fields; the one before goes before the one after."""
        places = {key: number for number, key in enumerate(declared)}
        near = sorted(kin, key=lambda one: _distance(places[one.declaration], position))[:NEAR]
        forms = {one.declaration: tuple(self._fields(one)) for one in near}
        usual = Counter(forms.values()).most_common(1)[0][0]
        return next(one for one in near if forms[one.declaration] == usual)

    def _key(self, kin: Sequence[Person], name: str) -> str:
        """The map's key for a name, as the first has it of whose name it can differ, of the kind or not."""
        people = (*kin, *self.people)
        sibling = next((one for one in people if spellings(one.iam_name)[0] != one.iam_name), kin[0])
        if self._name_field is None or sibling.declaration == sibling.iam_name:
            return name
        key = in_place_of(sibling.declaration, sibling.iam_name, name)
        return key if key is not None else spellings(name)[0]

    def _clone(self, sibling: Person, name: str, facts: PersonFacts) -> str:
        document, entry = self.module.document, self._entry(sibling)
        changes = self._changes(entry, name, facts)
        return cloned(document, entry, changes, Renaming(sibling.iam_name, name)).decode()

    def _changes(self, entry: Node, name: str, facts: PersonFacts) -> list[Splice]:
        document = self.module.document
        fields = fields_at(document, entry)
        key, named, keyed = entry.children[0], self._name_field, self._key_field(fields)
        quoted = document.text(key).startswith('"') or not _IDENTIFIER.fullmatch(facts.declaration)
        changes = [replacing(key, quote(facts.declaration) if quoted else facts.declaration)]
        if named is not None and named in fields:
            changes.append(replacing(fields[named].value, quote(name)))
        if keyed is not None and keyed != named:
            text = plain_string(document, fields[keyed].node.children[-1])
            if text is None:
                why = "Its sibling's key file is an expression."
                raise refuse(f"{name} cannot be added.", why, self.place)
            lead, tail = self._around(keyed)
            own = posixpath.basename(str(facts.key_file)).removeprefix(lead).removesuffix(tail)
            path = text[: text.rfind("/") + 1] + own
            changes.append(replacing(fields[keyed].value, quote(path)))
        for fact, field in self._switch_fields().items():
            wanted = getattr(facts, fact)
            if field in fields and isinstance(wanted, bool) and fields[field].value.type == "bool_lit":
                changes.append(replacing(fields[field].value, str(wanted).lower()))
        return changes


def _distance(place: int, position: int) -> tuple[int, int]:
    return (position - 1 - place, 0) if place < position else (place - position, 1)


class FirstEntry(NamedTuple):
    """An entry for a person.

    Attributes:
        fields: the fields with their values as HCL, in the order of the module's attributes.
        facts: the person's facts afterwards.
    """

    fields: Mapping[str, str]
    facts: PersonFacts

    def text(self, document: Document, container: Node) -> str:
        """The entry as HCL for a map, without a comma; its lines after the first are indented."""
        line = document.data[document.line_start(container.start_byte) : container.start_byte].decode()
        indent = line[: len(line) - len(line.lstrip())] + "  "
        width = max(map(len, self.fields), default=0)
        lines = [f"{indent}  {name.ljust(width)} = {value}" for name, value in self.fields.items()]
        key = self.facts.declaration
        head = f"{key if key.isidentifier() else quote(key)} = {{"
        return document.newline.decode().join([head, *lines, f"{indent}}}"])


def first_entry(
    module: UserModule, names: Mapping[str, object], name: str, *, machine: bool
) -> FirstEntry | Sentence:
    """The entry of a person in an empty map, or why there can be none, as a sentence without its end.

    Args:
        module: the module that repeats over the map.
        names: constant names and their values.
        name: the IAM user name.
        machine: whether it is a machine user.
    """
    block = module.block
    path = template(module, "pgp_key", names)
    if path is None:
        return f"The module {module.label} does not read its PGP key from a file of the layer"
    key = name if field_behind(block, "name") is None else spellings(name)[0]
    path_fields = set(re.findall("\x00\\.(\\w+)\x00", path))
    if len(path_fields) > 1:
        return f"The module {module.label} makes the path of a key from more than one field"
    values = _known_values(module, name, machine=machine)
    path = path.replace(KEY, key)
    for field in path_fields:
        value = name if path != field_mark(field) else f"keys/{name}"
        path = path.replace(field_mark(field), value)
        values.setdefault(field, quote(value))
    optional = set(_OPTIONAL.findall(module.document.data.decode("utf-8", "replace")))
    optional |= fields_with_default(block)
    wanted = [one for one in fields_of(block) if one not in optional or one in values]
    unknown = [one for one in wanted if one not in values]
    if unknown:
        return f"The map is empty, so there is no entry that shows what {', '.join(unknown)} should be"
    switches = {"true": True, "false": False}
    bound = {f"each.value.{field}": switches.get(value, value) for field, value in values.items()}
    flags = flags_of(module, {**names, **bound})
    if (flags == (False, True)) is not machine:
        return ""
    facts = PersonFacts(module.label, key, posixpath.normpath(path), *flags)
    return FirstEntry({one: values[one] for one in wanted}, facts)


def _known_values(module: UserModule, name: str, *, machine: bool) -> dict[str, str]:
    """The values of the fields that the module takes an attribute from as it is."""
    wanted = {"login_profile": not machine, "access_key": machine}
    switches = {attribute: str(wanted[fact]).lower() for fact, attribute in SWITCHES.items()}
    found = {
        field_behind(module.block, attribute): value
        for attribute, value in {**switches, **_DEFAULTS, "name": quote(name)}.items()
    }
    return {field: value for field, value in found.items() if field is not None}
