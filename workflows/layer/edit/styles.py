"""Where a new person is declared: in a list or map of names, key files or objects, or as a block of its own.

The first person of a map of objects has no sibling to follow: the shape of its entry is what the module asks
for. Every field that the module reads gets a value: the name, the two switches, the key's path, and the
module's own defaults for what it sets besides. A field that nothing is known of is not invented.

A user's block is usually under a comment with the name, a banner, which is cloned with it.
"""

from __future__ import annotations

import posixpath
import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import ClassVar

from tree_sitter import Node

from workflows.core.sentences import Sentence
from workflows.hcl.blocks import hiding_starts, insert_after, insert_before, remove_items
from workflows.hcl.document import Attribute, Block, Document, Splice, walk
from workflows.hcl.index import Item
from workflows.hcl.lists import entry_keys, position_for, with_entry
from workflows.hcl.values import field_mark, fields_at, fields_of, fields_with_default, plain_string, quote
from workflows.layer.edit.cloning import (
    Renaming,
    beside_name,
    cloned,
    in_place_of,
    mentions_name,
    prefix_of,
    replacing,
    spellings,
)
from workflows.layer.edit.key_files import PathText, key_file_name, path_text
from workflows.layer.edit.operation import EditRefused, refuse
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Person, Place, Style
from workflows.layer.read.declarations import (
    KEY,
    SWITCHES,
    VALUE,
    UserModule,
    field_behind,
    key_path_node,
    module_of,
    name_in,
    template,
    user_modules,
)
from workflows.layer.read.people import flags_of, is_machine

NEAR = 50
"""So many neighbours are looked at for the one to follow."""
_OF_A_SHAPE = 200
"""How many blocks are looked at for the shape of a team's banners."""

_OWN = re.compile(r"group|polic|boundary|role|ssh|mail|phone|full_?name", re.IGNORECASE)
"""Names of fields that say who somebody is or what somebody may."""

_NOTHING = frozenset({"false", '"false"', "null", "[]", "{}", '""'})


@dataclass(frozen=True)
class NewDeclaration:
    """How a new person would be declared.

    Attributes:
        person: the new person; the key file is where its key goes.
        siblings: the people of its kind declared in the same way.
        edit: makes the edited document.
        sibling: the IAM name of the one that is followed; "" where nobody is.
        copied: the fields that it would take over from the sibling, though they may be the sibling's own:
            groups, policies, an SSH key, a mail address. What they should be for somebody new is not known.
    """

    person: Person
    siblings: tuple[Person, ...]
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
    def key_path(self) -> str:
        """The path of a key with marks for what differs from person to person.

        Raises:
            EditRefused: it is not one of a file of the layer.
        """
        text = template(self.module, "pgp_key", self.layer.names)
        if text is None:
            raise refuse(
                "The key of a new user has no place.",
                f"The module {self.module.label} does not read its PGP key from a file of the layer.",
                self.place,
            )
        return text

    @cached_property
    def people(self) -> tuple[Person, ...]:
        """Who is declared here."""
        labels = {module.label for module in self.modules}
        return tuple(person for person in self.layer.people if person.module in labels)

    def of_kind(self, *, machine: bool) -> tuple[Person, ...]:
        """The machine users among them, or the others."""
        return tuple(person for person in self.people if person.machine is machine)

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
        return refuse(
            f"{name} cannot share the key file {key_file}.",
            "The path of the key is made from the name, or is an expression.",
            self.place,
        )

    def with_entry(self, text: str, position: int) -> Document:
        """The document with an entry put into the list or map, before another or at the end."""
        return with_entry(self.module.document, self.container, text, position)


def person_like(sibling: Person, name: str, declaration: str, key_file: str, *, machine: bool) -> Person:
    """A new person that is declared as another one is, with switches for its own kind."""
    person = sibling._replace(iam_name=name, declaration=declaration, key_file=posixpath.normpath(key_file))
    if sibling.machine is machine:
        return person
    return person._replace(machine=machine, login_profile=not machine, access_key=machine)


Fields = Mapping[str, Attribute]
"""The attributes of a user's block, or the fields of its entry, by name."""


def switched(fields: Fields, switches: Mapping[str, str | None], person: Person) -> list[Splice]:
    """What differs in the switches of a new person, where they are plain values.

    Args:
        fields: those of the sibling that is followed.
        switches: the field by what it switches, one of `SWITCHES`.
        person: the new person.
    """
    found = {fact: fields[name].value for fact, name in switches.items() if name and name in fields}
    return [
        replacing(node, str(wanted).lower())
        for fact, node in found.items()
        if isinstance(wanted := getattr(person, fact), bool) and node.type == "bool_lit"
    ]


def copied_fields(
    sibling: Fields, fields_of_kin: Iterable[Fields], known: Collection[str | None], renaming: Renaming
) -> tuple[str, ...]:
    """The fields whose values are taken over as they are, though not everybody has the same.

    Args:
        sibling: the fields of the sibling that is followed.
        fields_of_kin: those of the others of its kind.
        known: the fields that are written for the new person: name, key and switches.
        renaming: how the sibling's name is put in the new person's; a value that holds it is not copied.
    """
    texts, *known_texts = (
        {name: attribute.document.text(attribute.value) for name, attribute in fields.items()}
        for fields in (sibling, *fields_of_kin)
    )
    return tuple(
        field
        for field, text in texts.items()
        if field not in known
        and renaming.plainly(text) == text
        and (
            (_OWN.search(field) is not None and text not in _NOTHING)
            or any(kin_texts.get(field) != text for kin_texts in known_texts)
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
        if is_machine(module, flags_of(module, self.layer.names)) is not machine:
            return ""
        if module.reason:
            return module.refusal
        if template(module, "name", self.layer.names) not in {KEY, VALUE}:
            return f"The module {module.label} makes names of its own from the entries"
        return None

    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """How a person would be declared; its key file is where the module looks for it.

        Raises:
            EditRefused: the module does not read keys from files, or not from one of another name.
        """
        module = self.module
        path = self.key_path
        if key_file and (VALUE not in path or self.container.type == "tuple"):
            raise self.cannot_share(name, key_file)
        value = key_file or name
        path = path.replace(KEY, name).replace(VALUE, value)
        person = new_person(module, name, name, path, flags_of(module, self.layer.names), machine=machine)
        return NewDeclaration(person, self.people, lambda: self._with_name(name, value))

    def _with_name(self, name: str, value: str) -> Document:
        keys = entry_keys(self.module.document, self.container)
        if self.container.type == "tuple":
            return self.with_entry(quote(name), position_for(keys, name))
        alike = [
            keys.index(person.declaration)
            for person in self.people
            if person.key_name == (person.declaration if value == name else value)
        ]
        position = position_for([keys[index] for index in alike] if alike else keys, name)
        if alike:  # beside those who share the key, or have their own, wherever the map's sections put them
            position = alike[position] if position < len(alike) else alike[-1] + 1
        return self.with_entry(f"{quote(name)} = {quote(value)}", position)


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
            first = self._first("somebody", machine=machine)
            return None if isinstance(first, NewDeclaration) else first
        if not self.people:
            return "The map has no entry to follow"
        if self._name_field is None and template(module, "name", self.layer.names) != KEY:
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
            first = self._first(name, machine=machine)
            if not isinstance(first, NewDeclaration):
                raise refuse(f"{name} cannot be added.", f"{first}.", self.place)
            return first
        own_kind = self.of_kind(machine=machine)
        kin = own_kind or self.people
        declared = [person.declaration for person in self.people]
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
            path = self.key_path.replace(KEY, key)
            path = path.replace(field_mark(self._name_field), name) if self._name_field else path
        person = person_like(sibling, name, key, path, machine=machine)
        known = {self._name_field, key_field, *self._switch_fields().values()}
        fields_of_kin = [self._fields(sibling) for sibling in kin[:NEAR]]
        return NewDeclaration(
            person,
            kin,
            lambda: self.with_entry(self._clone(sibling, person), position),
            sibling.iam_name,
            copied_fields(fields, fields_of_kin, known, Renaming(sibling.iam_name, name)),
        )

    def _first(self, name: str, *, machine: bool) -> NewDeclaration | Sentence:
        """How a person is declared in an empty map; why there can be none, as a sentence without its end."""
        module, block, names = self.module, self.module.block, self.layer.names
        path = template(module, "pgp_key", names)
        if path is None:
            return f"The module {module.label} does not read its PGP key from a file of the layer"
        key = name if self._name_field is None else spellings(name)[0]
        path_fields = set(re.findall("\x00\\.(\\w+)\x00", path))
        if len(path_fields) > 1:
            return f"The module {module.label} makes the path of a key from more than one field"
        values = _known_values(module, name, machine=machine)
        path = path.replace(KEY, key)
        for field in path_fields:
            value = name if path != field_mark(field) else f"keys/{name}"
            path = path.replace(field_mark(field), value)
            values.setdefault(field, quote(value))
        optional = {*re.findall(r"(\w+)\s*=\s*optional\(", module.document.data.decode("utf-8", "replace"))}
        optional |= fields_with_default(block)
        wanted = [field for field in fields_of(block) if field not in optional or field in values]
        if unknown := [field for field in wanted if field not in values]:
            return f"The map is empty, so there is no entry that shows what {', '.join(unknown)} should be"
        switches = {"true": True, "false": False}
        bound = {f"each.value.{field}": switches.get(value, value) for field, value in values.items()}
        flags = flags_of(module, {**names, **bound})
        if (flags == (False, True)) is not machine:
            return ""
        person = new_person(module, name, key, path, flags, machine=machine)
        text = self._written(key, {field: values[field] for field in wanted})
        return NewDeclaration(person, (), lambda: self.with_entry(text, 0))

    def _written(self, key: str, fields: Mapping[str, str]) -> str:
        """An entry as HCL for the map, without a comma; its lines after the first are indented."""
        document, start = self.module.document, self.container.start_byte
        line = document.data[document.line_start(start) : start].decode()
        indent = line[: len(line) - len(line.lstrip())] + "  "
        width = max(map(len, fields), default=0)
        lines = [f"{indent}  {name.ljust(width)} = {value}" for name, value in fields.items()]
        head = f"{key if key.isidentifier() else quote(key)} = {{"
        return document.newline.decode().join([head, *lines, f"{indent}}}"])

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
        return None not in wanted and all(
            wanted <= self._fields(person).keys() for person in self.people[:NEAR]
        )

    def _entry(self, person: Person) -> Node:
        entry = self.module.entry(person.declaration)
        if entry is None:
            raise refuse(f"{person.iam_name} cannot be followed.", "It has no entry.", self.place)
        return entry

    def _fields(self, person: Person) -> dict[str, Attribute]:
        return fields_at(self.module.document, self._entry(person))

    def _key_field(self, fields: Mapping[str, Attribute]) -> str | None:
        """The field that the path of a person's key is made from; None if it is made from the map's key."""
        names = fields_of(self.module.block)
        return next((name for name in names if field_mark(name) in self.key_path and name in fields), None)

    def _around(self, field: str) -> tuple[str, str]:
        """What the module puts before and after a field in the name of a key file.

        Raises:
            EditRefused: more of the name differs from entry to entry.
        """
        before, _, after = self.key_path.partition(field_mark(field))
        lead = before.rpartition("/")[2]
        if "\x00" in lead + after or "/" in after:
            raise refuse(
                "The key of a new user has no place.",
                f"The module {self.module.label} makes the name of a key file from more than {field}.",
                self.place,
            )
        return lead, after

    def _file_name(self, field: str, name: str, wanted: str) -> str:
        """The name of a new key file, as the module makes it of a field; the wanted one where that can be."""
        lead, tail = self._around(field)
        stem = name if field == self._name_field else wanted.removeprefix(lead).removesuffix(tail)
        return f"{lead}{stem}{tail}"

    def _sibling(self, kin: Sequence[Person], declared: Sequence[str], position: int) -> Person:
        """The nearest person of the kind with the usual fields; the one before goes before the one after."""
        places = {key: number for number, key in enumerate(declared)}
        near = sorted(kin, key=lambda person: _distance(places[person.declaration], position))[:NEAR]
        forms = {person.declaration: tuple(self._fields(person)) for person in near}
        usual = Counter(forms.values()).most_common(1)[0][0]
        return next(person for person in near if forms[person.declaration] == usual)

    def _key(self, kin: Sequence[Person], name: str) -> str:
        """The map's key for a name, as the first has it of whose name it can differ, of the kind or not."""
        sibling = next(
            (person for person in (*kin, *self.people) if spellings(person.iam_name)[0] != person.iam_name),
            kin[0],
        )
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
        is_identifier = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", person.declaration)
        quoted = document.text(key).startswith('"') or not is_identifier
        changes = [replacing(key, quote(person.declaration) if quoted else person.declaration)]
        if named is not None and named in fields:
            changes.append(replacing(fields[named].value, quote(person.iam_name)))
        if keyed is not None and keyed != named:
            text = plain_string(document, fields[keyed].node.children[-1])
            if text is None:
                raise refuse(
                    f"{person.iam_name} cannot be added.",
                    "Its sibling's key file is an expression.",
                    self.place,
                )
            lead, tail = self._around(keyed)
            own = person.key_name.removeprefix(lead).removesuffix(tail)
            changes.append(replacing(fields[keyed].value, quote(text[: text.rfind("/") + 1] + own)))
        return changes + switched(fields, self._switch_fields(), person)


def _distance(place: int, position: int) -> tuple[int, int]:
    return (position - 1 - place, 0) if place < position else (place - position, 1)


def _known_values(module: UserModule, name: str, *, machine: bool) -> dict[str, str]:
    """The values of the fields that the module takes an attribute from as it is."""
    wanted = {"login_profile": not machine, "access_key": machine}
    switches = {attribute: str(wanted[fact]).lower() for fact, attribute in SWITCHES.items()}
    found = {
        field_behind(module.block, attribute): value
        for attribute, value in {**switches, **_DEFAULTS, "name": quote(name)}.items()
    }
    return {field: value for field, value in found.items() if field is not None}


Shape = tuple[str, ...]
"""What is alike in the banners of one team: their ruled lines, and "" for each line in words."""

_RULED = re.compile(r"^(?P<head>[#/*\s]*[^\w\s])(?P<body>(?P<one>[^\w\s])(?P=one)*)(?P<tail>.?)$")

_NOBODY = (
    "No user's block has a label made from the name, and a plain name, switches and key file, to be followed"
)

_OF_THE_MODULE = ("source", "version", "providers", "depends_on", "name", "pgp_key")
"""Attributes that say nothing of the person, or that are written for the new one."""


class BlockStyle(Declarations):
    """All blocks of single users in a layer."""

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Why no block can be followed."""
        if any(self._fits(person, machine=machine) for person in self.people):
            return None
        return next((module.refusal for module in self.modules if module.reason), _NOBODY)

    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """How a person would be declared: as the nearest usual sibling is.

        Raises:
            EditRefused: no sibling can be followed, or its key's path is an expression.
        """
        kin = self.of_kind(machine=machine) or self.people
        file = Counter(person.place.file for person in kin).most_common(1)[0][0]
        siblings = [person for person in kin if person.place.file == file]
        position = _position(siblings, name) if siblings[0].machine is machine else len(siblings)
        sibling = self._sibling(siblings, position, machine=machine)
        block, renaming = self._block(sibling), Renaming(sibling.iam_name, name)
        label = in_place_of(sibling.module, sibling.iam_name, name) or f"user_{spellings(name)[0]}"
        own_file = key_file or key_file_name(self.of_kind(machine=machine), name)
        if _key_path(block) is None:
            if key_file:
                raise self.cannot_share(name, key_file)
            own_file = sibling.key_name.removesuffix(sibling.iam_name) + name
        path = posixpath.join(posixpath.dirname(str(sibling.key_file)), own_file)
        person = person_like(sibling, name, label, path, machine=machine)._replace(module=label)
        known = {*_OF_THE_MODULE, *(name_in(block, switch) for switch in SWITCHES.values())}
        fields_of_kin = [self._block(person).attributes for person in kin[:NEAR]]
        return NewDeclaration(
            person,
            kin,
            lambda: self._with_block(siblings, position, self._clone(sibling, person)),
            sibling.iam_name,
            (
                *copied_fields(block.attributes, fields_of_kin, known, renaming),
                *self._own_comments(block, kin, renaming),
            ),
        )

    def _own_comments(self, block: Block, kin: Sequence[Person], renaming: Renaming) -> Iterator[str]:
        """The comments inside a block that no other one has, and that would be cloned as they are."""
        found = (block.document.text(child) for child in walk(block.node) if child.type == "comment")
        texts = [text for text in found if renaming.plainly(text) == text]
        near = [self._block(person) for person in kin[:NEAR]] if texts and len(kin) > 1 else []
        texts_of_kin = [module.document.text(module.node) for module in near if module.label != block.label]
        return (
            shown
            for shown in dict.fromkeys(texts)
            if texts_of_kin and not any(shown in text for text in texts_of_kin)
        )

    @cached_property
    def _shape(self) -> Shape | None:
        return usual_shape(module.block for module in self.modules)

    @cached_property
    def _blocks(self) -> dict[str, Block]:
        return {module.label: module.block for module in reversed(self.modules)}

    def _block(self, person: Person) -> Block:
        return self._blocks[person.module]

    def _fits(self, person: Person, *, machine: bool) -> bool:
        """Whether a block can be followed: editable, labelled after the name, the key's path plain."""
        block = self._block(person)
        if not person.editable or key_path_node(block) is None or person.key_file is None:
            return False
        if _key_path(block) is None and not person.key_file.endswith(person.iam_name):
            return False  # a path in parts that does not end in the name cannot be made another's
        switches = (block.source_of(name_in(block, switch)) for switch in SWITCHES.values())
        of_kind = person.machine is machine or all(switch in {"true", "false"} for switch in switches)
        return of_kind and prefix_of(person.module, person.iam_name) is not None

    def _sibling(self, siblings: Sequence[Person], position: int, *, machine: bool) -> Person:
        """The nearest sibling of the usual form; the one before goes before the one after."""
        near = [*reversed(siblings[:position]), *siblings[position:]]
        fitting = [person for person in near[:NEAR] if self._fits(person, machine=machine)]
        fitting = fitting or [person for person in self.people if self._fits(person, machine=machine)]
        if not fitting:
            raise refuse("The user cannot be added.", f"{_NOBODY}.", self.place)
        forms = {person.module: _form(self._block(person), person, self._shape) for person in fitting[:NEAR]}
        usual = Counter(form[:-1] for form in forms.values()).most_common(1)[0][0]
        alike = [person for person in fitting[:NEAR] if forms[person.module][:-1] == usual]
        # rather with its own banner
        return next((person for person in alike if forms[person.module][-1]), alike[0])

    def _clone(self, sibling: Person, person: Person) -> bytes:
        """The sibling's banner and block for another person."""
        block, renaming = self._block(sibling), Renaming(sibling.iam_name, person.iam_name)
        banner = None if self._says_more(sibling) else _banner(block, renaming, self._shape)
        if banner is None:  # it names somebody else, or says more: another one of the same shape is followed
            banners = (
                _banner(self._block(other), Renaming(other.iam_name, renaming.new), self._shape)
                for other in self.people[:NEAR]
                if not self._says_more(other)
            )
            banner = next(filter(None, banners), b"")
        return banner + cloned(block.document, block.node, _changes(block, person), renaming)

    def _says_more(self, person: Person) -> bool:
        """Whether a person's banner says more of them than the name: what no other one says.

        Where the others say nothing, what stands before the name says what it is the name of.
        """
        before, behind = self._said(person)
        others = {
            word for other in self.people[:NEAR] if other != person for word in chain(*self._said(other))
        }
        dated = [word for word in before if others or word.isdigit()]
        return not {*dated, *behind} <= others

    def _said(self, person: Person) -> tuple[list[str], list[str]]:
        """The words of a person's banner, before and behind the name."""
        block = self._block(person)
        banner = banner_of(block, (person.iam_name, person.module), self._shape)
        return beside_name(" ".join(block.document.text(line) for line in banner), person.iam_name)

    def _with_block(self, siblings: Sequence[Person], position: int, text: bytes) -> Document:
        beside = self._block(siblings[max(position - 1, 0)])
        if position:
            return beside.document.splice([insert_after(beside.document, beside.item, text)])
        banner = banner_of(beside, (siblings[0].iam_name, siblings[0].module), self._shape)
        first = banner[0] if banner else beside.item
        return beside.document.splice([insert_before(beside.document, first, text)])


def without_block(files: FileSet, person: Person) -> FileSet:
    """The files without a person's block and its banner."""
    shape = usual_shape(module.block for module in user_modules(files) if module.style is Style.BLOCK)
    block = module_of(files, person.module).block
    banner = banner_of(block, (person.iam_name, person.module), shape)
    return files.spliced(block.document, remove_items(block.document, [*banner, block.item]))


def _key_path(block: Block) -> PathText | None:
    node = key_path_node(block)
    return path_text(block.document, node) if node is not None else None


def _position(siblings: Sequence[Person], name: str) -> int:
    """Where a person goes among siblings: by name or by label, whichever they are sorted by."""
    names, labels = [sibling.iam_name for sibling in siblings], [sibling.module for sibling in siblings]
    if labels == sorted(labels) and names != sorted(names):
        return position_for(labels, f"{prefix_of(labels[0], names[0]) or 'user_'}{spellings(name)[0]}")
    return position_for(names, name)


def _form(block: Block, person: Person, shape: Shape | None) -> tuple[object, ...]:
    """What is alike in a team's blocks: attributes in order, source, a banner; last, if it names the user."""
    banner = banner_of(block, (person.iam_name, person.module), shape)
    text = "\n".join(block.document.data[line.start_byte : line.end_byte].decode() for line in banner)
    return (*block.attributes, block.source_of("source"), bool(banner), mentions_name(text, person.iam_name))


def _changes(block: Block, person: Person) -> list[Splice]:
    changes = [
        replacing(block.label_node, quote(person.module)),
        replacing(block.attributes["name"].value, quote(person.iam_name)),
    ]
    if (written := _key_path(block)) is not None:
        changes.append(written.replaced(written.named(person.key_name)))
    return changes + switched(
        block.attributes, {fact: name_in(block, switch) for fact, switch in SWITCHES.items()}, person
    )


def _banner(block: Block, renaming: Renaming, usual: Shape | None) -> bytes | None:
    """The banner for a new person with the line end after it.

    Returns:
        The bytes: none where the sibling has no banner to follow; None where its banner does not name it.
    """
    banner = banner_of(block, (renaming.old, block.label), usual)
    if not banner:
        return b""
    text = renamed(block.document, banner, renaming)
    if text is None:
        return None
    return text + block.document.data[banner[-1].end_byte : block.item.start_byte]


def banner_of(block: Block, names: Iterable[str], usual: Shape | None) -> tuple[Item, ...]:
    """The comment that belongs to a person's block, without a headline above it; empty if there is none.

    Args:
        block: the block.
        names: what the person is called: IAM name, label.
        usual: the shape of most banners there, or None; of that shape, one that names another is one too.
    """
    found = _box_above(block)
    text = " ".join(block.document.text(line) for line in found)
    if found and (any(mentions_name(text, name) for name in names) or _shape(block.document, found) == usual):
        return found
    return ()


def usual_shape(blocks: Iterable[Block]) -> Shape | None:
    """The shape that most banners of the first blocks have; None if fewer than two are alike."""
    near = islice(blocks, _OF_A_SHAPE)
    shapes = Counter(_shape(block.document, found) for block in near if (found := _box_above(block)))
    shape, number = shapes.most_common(1)[0] if shapes else ((), 0)
    return shape if number > 1 else None


def renamed(document: Document, banner: tuple[Item, ...], renaming: Renaming) -> bytes | None:
    """A banner's text for another person, in a box as wide; wider where the name needs it.

    Returns:
        The bytes from its first to its last, or None if it does not name the person it is said to.
    """
    lines = [document.text(item) for item in banner]
    width = max((len(line) for line in lines if _is_ruled(line)), default=0)
    changed = [line if _is_ruled(line) else _filled(line, renaming) for line in lines]
    if changed == lines:
        return None
    wider = max(len(line) for line in changed) - width
    if width and wider > 0:
        changed = [_stretched(line, wider) if len(line) == width else line for line in changed]
    parts = [changed[0]]
    for previous, item, line in zip(banner, banner[1:], changed[1:], strict=False):
        parts += [document.data[previous.end_byte : item.start_byte].decode(), line]
    return "".join(parts).encode()


def _filled(line: str, renaming: Renaming) -> str:
    """The line with the other name; what closes it stays in its column if there is room."""
    new = renaming.in_words(line)
    closing = re.search(r"^(.*?) +(\S?[#*/=|]+)$", new, re.DOTALL)
    if closing is None or not re.search(r" +\S?[#*/=|]+$", line):
        return new
    body, mark = closing.groups()
    return body + " " * max(1, len(line) - len(body) - len(mark)) + mark


def _box_above(block: Block) -> tuple[Item, ...]:
    """The lines of comment directly above a block: the last ruled box of them, or the lines in words."""
    run = _run_above(block)
    ruled = [number for number, line in enumerate(run) if _is_ruled(block.document.text(line))]
    if not run or not ruled:
        return run
    if ruled[-1] < len(run) - 1:
        return run[ruled[-1] + 1 :]
    return run[ruled[-2] :] if len(ruled) > 1 else run


def _run_above(block: Block) -> tuple[Item, ...]:
    document, items = block.document, block.document.items
    hiding = hiding_starts(document)
    index = bisect_left(items, block.item.start_byte, key=lambda item: item.start_byte)
    first, row = index, block.item.row
    while first:
        item = items[first - 1]
        alone = not document.data[document.line_start(item.start_byte) : item.start_byte].strip()
        if item.kind != "comment" or item.end_row + 1 != row or not alone or item.start_byte in hiding:
            break
        first, row = first - 1, item.row
    return items[first:index]


def _shape(document: Document, banner: tuple[Item, ...]) -> Shape:
    return tuple(
        re.sub(r"(\S)\1+", r"\1", line) if _is_ruled(line) else ""
        for line in (document.text(item) for item in banner)
    )


def _is_ruled(line: str) -> bool:
    """Whether a line of comment says nothing: `#`, `#=====#`, `# -----`."""
    return not any(character.isalnum() for character in line)


def _stretched(line: str, by: int) -> str:
    """A ruled line, longer."""
    match = _RULED.match(line) if _is_ruled(line) else None
    return match["head"] + match["body"] + match["one"] * by + match["tail"] if match else line
