"""Where a new person is declared: what all styles share, and the list or map of names, key files or objects.

The first person of a map of objects has no sibling to follow: the shape of its entry is what the module asks
for. Every field that the module reads gets a value: the name, the two switches, the key's path, and the
module's own defaults for what it sets besides. A field that nothing is known of is not invented.
"""

from __future__ import annotations

import posixpath
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

from tree_sitter import Node

from workflows.core.sentences import Sentence
from workflows.hcl.document import Attribute, Document, Splice
from workflows.hcl.lists import edited_list, entry_keys, insert_entry, position_for
from workflows.hcl.values import field_mark, fields_at, fields_of, fields_with_default, plain_string, quote
from workflows.layer.edit.cloning import Renaming, cloned, in_place_of, replacing, spellings
from workflows.layer.edit.key_files import key_file_name
from workflows.layer.edit.operation import EditRefused, refuse
from workflows.layer.model import Layer, Person, Place
from workflows.layer.read.declarations import (
    KEY,
    SWITCHES,
    VALUE,
    UserModule,
    constants,
    field_behind,
    template,
)
from workflows.layer.read.people import flags_of, is_machine

NEAR = 50
"""So many neighbours are looked at for the one to follow."""

_OWN = re.compile(r"group|polic|boundary|role|ssh|mail|phone|full_?name", re.IGNORECASE)
"""Names of fields that say who somebody is or what somebody may."""

_NOTHING = frozenset({"false", '"false"', "null", "[]", "{}", '""'})


@dataclass(frozen=True)
class NewDeclaration:
    """How a new person would be declared.

    Attributes:
        person: the new person; the key file is where its key goes.
        siblings: the people of its kind declared in the same way, as IAM names.
        edit: makes the edited document.
        sibling: the IAM name of the one that is followed; "" where nobody is.
        copied: the fields that it would take over from the sibling, though they may be the sibling's own:
            groups, policies, an SSH key, a mail address. What they should be for somebody new is not known.
    """

    person: Person
    siblings: tuple[str, ...]
    edit: Callable[[], Document]
    sibling: str = ""
    copied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declarations(ABC):
    """People declared in one style.

    Attributes:
        layer: the layer.
        modules: the module that repeats over a list or map, or those of single users, in the order of the
            files.
    """

    layer: Layer
    modules: tuple[UserModule, ...]

    rank: ClassVar[int] = 0
    """Of two with as many people of the kind, the higher one takes somebody new."""

    @property
    def place(self) -> Place:
        """Where it is, for a person who edits it by hand."""
        return self.modules[-1].place

    @property
    def module(self) -> UserModule:
        """The module that repeats."""
        return self.modules[0]

    @property
    def container(self) -> Node:
        """The list or map.

        Raises:
            EditRefused: there is none.
        """
        container = self.module.container
        if container is None:
            raise refuse("Nobody can be added here.", "There is no list or map to add to.", self.place)
        return container

    @cached_property
    def names(self) -> Mapping[str, object]:
        """Constant names and their values."""
        return constants(self.layer.files, self.layer.location.variables)

    @cached_property
    def people(self) -> tuple[Person, ...]:
        """Who is declared here."""
        labels = {one.label for one in self.modules}
        return tuple(one for one in self.layer.people if one.module in labels)

    def of_kind(self, *, machine: bool) -> tuple[Person, ...]:
        """The machine users among them, or the others."""
        return tuple(one for one in self.people if one.machine is machine)

    @abstractmethod
    def refusal(self, *, machine: bool) -> Sentence | None:
        """Why it cannot take such a person, as a sentence without its end.

        None when it can; "" when it simply is for others.
        """

    @abstractmethod
    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """How a person of that IAM name would be declared here.

        Args:
            name: the IAM name.
            machine: whether it is a machine user.
            key_file: the name of a key file that is there already; "" for the one that goes with the name.

        Raises:
            EditRefused: it cannot be, with the place to edit by hand.
        """

    def cannot_share(self, name: str, key_file: str) -> EditRefused:
        """The refusal of a key file's name where the path of the key is not a person's own."""
        why = "The path of the key is made from the name, or is an expression."
        return refuse(f"{name} cannot share the key file {key_file}.", why, self.place)

    def with_entry(self, text: str, position: int) -> Document:
        """The document with an entry put into the list or map, before another or at the end."""
        document, container = self.module.document, self.container
        return edited_list(document, container, insert_entry(document, container, text, position))


def person_like(sibling: Person, name: str, declaration: str, key_file: str, *, machine: bool) -> Person:
    """A new person that is declared as another one is, with switches for its own kind."""
    person = sibling._replace(iam_name=name, declaration=declaration, key_file=posixpath.normpath(key_file))
    if sibling.machine is machine:
        return person
    return person._replace(machine=machine, login_profile=not machine, access_key=machine)


def copied_fields(
    sibling: Mapping[str, str],
    others: Sequence[Mapping[str, str]],
    known: Collection[str | None],
    renaming: Renaming,
) -> tuple[str, ...]:
    """The fields whose values are taken over as they are, though not everybody has the same.

    Args:
        sibling: the fields of the sibling that is followed, as source texts by name.
        others: those of the others of its kind.
        known: the fields that are written for the new person: name, key and switches.
        renaming: how the sibling's name is put in the new person's; a value that holds it is not copied.
    """
    return tuple(
        field
        for field, text in sibling.items()
        if field not in known
        and renaming.plainly(text) == text
        and (
            (_OWN.search(field) is not None and text not in _NOTHING)
            or any(one.get(field) != text for one in others)
        )
    )


def new_person(
    module: UserModule,
    name: str,
    declaration: str,
    key_file: str,
    flags: tuple[bool | None, bool | None],
    *,
    machine: bool,
) -> Person:
    """A person of a module that follows no sibling."""
    path = posixpath.normpath(key_file)
    return Person(
        name, declaration, module.label, path, *flags, machine, (), module.style, True, module.place
    )


class ListStyle(Declarations):
    """People named in a list, or in a map that gives each a key file."""

    rank = 1  # a list for this kind goes before what could be made to fit

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Why the list cannot take such a person; "" when it is for others."""
        module = self.module
        if is_machine(module, flags_of(module, self.names)) is not machine:
            return ""
        if module.reason:
            return module.refusal
        if template(module, "name", self.names) not in {KEY, VALUE}:
            return f"The module {module.label} makes names of its own from the entries"
        return None

    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """How a person would be declared; its key file is where the module looks for it.

        Raises:
            EditRefused: the module does not read keys from files, or not from one of another name.
        """
        module = self.module
        path = template(module, "pgp_key", self.names)
        if path is None:
            why = f"The module {module.label} does not read its PGP key from a file of the layer."
            where = self.layer.location.relative
            raise refuse(f"The key of {name} has no place in {where}.", why, self.place)
        if key_file and (VALUE not in path or self.container.type == "tuple"):
            raise self.cannot_share(name, key_file)
        value = key_file or name
        path = path.replace(KEY, name).replace(VALUE, value)
        person = new_person(module, name, name, path, flags_of(module, self.names), machine=machine)
        siblings = tuple(one.iam_name for one in self.people)
        return NewDeclaration(person, siblings, lambda: self._with_name(name, value))

    def _with_name(self, name: str, value: str) -> Document:
        keys = entry_keys(self.module.document, self.container)
        if self.container.type == "tuple":
            return self.with_entry(quote(name), position_for(keys, name))
        sharing = [keys.index(one.declaration) for one in self.people if one.key_name == value]
        position = position_for([keys[one] for one in sharing], name) if sharing else position_for(keys, name)
        if sharing:  # beside those who share the key, wherever the map's sections put them
            position = sharing[position] if position < len(sharing) else sharing[-1] + 1
        return self.with_entry(f"{quote(name)} = {quote(value)}", position)


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
        person = person_like(sibling, name, key, path, machine=machine)
        known = {self._name_field, key_field, *self._switch_fields().values()}
        others = [self._texts(self._fields(one)) for one in kin[:NEAR]]
        return NewDeclaration(
            person,
            tuple(one.iam_name for one in kin),
            lambda: self.with_entry(self._clone(sibling, person), position),
            sibling.iam_name,
            copied_fields(self._texts(fields), others, known, Renaming(sibling.iam_name, name)),
        )

    def _plan_first(self, name: str, *, machine: bool) -> NewDeclaration:
        first = first_entry(self.module, self.names, name, machine=machine)
        if not isinstance(first, FirstEntry):
            raise refuse(f"{name} cannot be added.", f"{first}.", self.place)
        text = first.text(self.module.document, self.container)
        return NewDeclaration(first.person, (), lambda: self.with_entry(text, 0))

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

    def _clone(self, sibling: Person, person: Person) -> str:
        document, entry = self.module.document, self._entry(sibling)
        renaming = Renaming(sibling.iam_name, person.iam_name)
        return cloned(document, entry, self._changes(entry, person), renaming).decode()

    def _changes(self, entry: Node, person: Person) -> list[Splice]:
        document = self.module.document
        fields = fields_at(document, entry)
        key, named, keyed = entry.children[0], self._name_field, self._key_field(fields)
        quoted = document.text(key).startswith('"') or not _IDENTIFIER.fullmatch(person.declaration)
        changes = [replacing(key, quote(person.declaration) if quoted else person.declaration)]
        if named is not None and named in fields:
            changes.append(replacing(fields[named].value, quote(person.iam_name)))
        if keyed is not None and keyed != named:
            text = plain_string(document, fields[keyed].node.children[-1])
            if text is None:
                why = "Its sibling's key file is an expression."
                raise refuse(f"{person.iam_name} cannot be added.", why, self.place)
            lead, tail = self._around(keyed)
            own = person.key_name.removeprefix(lead).removesuffix(tail)
            path = text[: text.rfind("/") + 1] + own
            changes.append(replacing(fields[keyed].value, quote(path)))
        for fact, field in self._switch_fields().items():
            wanted = getattr(person, fact)
            if field in fields and isinstance(wanted, bool) and fields[field].value.type == "bool_lit":
                changes.append(replacing(fields[field].value, str(wanted).lower()))
        return changes


def _distance(place: int, position: int) -> tuple[int, int]:
    return (position - 1 - place, 0) if place < position else (place - position, 1)


class FirstEntry(NamedTuple):
    """An entry for a person.

    Attributes:
        fields: the fields with their values as HCL, in the order of the module's attributes.
        person: the person.
    """

    fields: Mapping[str, str]
    person: Person

    def text(self, document: Document, container: Node) -> str:
        """The entry as HCL for a map, without a comma; its lines after the first are indented."""
        line = document.data[document.line_start(container.start_byte) : container.start_byte].decode()
        indent = line[: len(line) - len(line.lstrip())] + "  "
        width = max(map(len, self.fields), default=0)
        lines = [f"{indent}  {name.ljust(width)} = {value}" for name, value in self.fields.items()]
        key = self.person.declaration
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
    person = new_person(module, name, key, path, flags, machine=machine)
    return FirstEntry({one: values[one] for one in wanted}, person)


def _known_values(module: UserModule, name: str, *, machine: bool) -> dict[str, str]:
    """The values of the fields that the module takes an attribute from as it is."""
    wanted = {"login_profile": not machine, "access_key": machine}
    switches = {attribute: str(wanted[fact]).lower() for fact, attribute in SWITCHES.items()}
    found = {
        field_behind(module.block, attribute): value
        for attribute, value in {**switches, **_DEFAULTS, "name": quote(name)}.items()
    }
    return {field: value for field, value in found.items() if field is not None}
