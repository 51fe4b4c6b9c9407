"""The map of objects: each person an entry with name, switches and key file."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.core.sentences import Sentence
from workflows.layer.declarations import KEY, field_behind, template
from workflows.layer.document import Attribute
from workflows.layer.facts import PersonFacts
from workflows.layer.lists import aligned_as, entry_keys, insert_entry, position_for
from workflows.layer.operations.base import refuse
from workflows.layer.operations.cloning import cloned, replacing
from workflows.layer.operations.copied import copied_values
from workflows.layer.operations.first_entry import FirstEntry, first_entry
from workflows.layer.operations.home import NewDeclaration, of_kind
from workflows.layer.operations.home_blocks import SWITCHES
from workflows.layer.operations.key_path import key_file_name
from workflows.layer.operations.spelling import Renaming, in_place_of, spellings
from workflows.layer.values import field_mark, fields_of, object_key, plain_string, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tree_sitter import Node

    from workflows.layer.declarations import UserModule
    from workflows.layer.document import Document, Splice
    from workflows.layer.model import Layer, Person, Place

_NEAR = 50
"""So many neighbours are looked at for the one to follow."""
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class ObjectsHome:
    """People as objects of a map.

    Attributes:
        layer: the layer.
        module: the module that repeats over the map.
        names: constant names and their values.
    """

    layer: Layer
    module: UserModule
    names: Mapping[str, object]

    @property
    def place(self) -> Place:
        """Where the map is."""
        return self.module.place

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Why the map cannot take such a person."""
        module = self.module
        if module.reason:
            return module.refusal
        people = self._people()
        if not people and self._is_empty():
            first = self._first("somebody", machine=machine)
            return first if isinstance(first, str) else None
        if not people:
            return "The map has no entry to follow"
        if self._name_field() is None and template(module, "name", self.names) != KEY:
            return f"The module {module.label} makes names of its own from the entries"
        if not of_kind(people, machine=machine) and not self._switchable():
            return ""
        return None

    def rank(self, *, machine: bool) -> tuple[int, int]:
        """By the number of people of the kind; without any, entries can still be made to fit."""
        return len(of_kind(self._people(), machine=machine)), 0

    def plan(self, name: str, *, machine: bool) -> NewDeclaration:
        """How a person would be declared: as the nearest sibling of its kind is.

        Raises:
            EditRefused: no sibling has its key in a file.
        """
        if self._is_empty():
            return self._plan_first(name, machine=machine)
        kin = of_kind(self._people(), machine=machine) or self._people()
        declared = [one.declaration for one in self._people()]
        key = self._key(kin, name)
        position = position_for(declared, key)
        sibling = self._sibling(kin, declared, position)
        folder = posixpath.dirname(str(sibling.key_file))
        path = posixpath.normpath(
            posixpath.join(folder, key_file_name(of_kind(self._people(), machine=machine), name))
        )
        if self._key_field(sibling, self._fields(sibling)) is None:
            path = self._path_by_key(key, name)
        login_profile, access_key = sibling.login_profile, sibling.access_key
        if sibling.machine is not machine:
            login_profile, access_key = not machine, machine
        facts = PersonFacts(self.module.label, key, path, login_profile, access_key)
        siblings = tuple(one.iam_name for one in kin)
        return NewDeclaration(
            facts,
            (self.module.label, key),
            siblings,
            lambda: self._with_entry(position, sibling, name, facts),
            sibling.iam_name,
            self._copied(sibling, kin, name),
        )

    def _copied(self, sibling: Person, kin: tuple[Person, ...], name: str) -> tuple[str, ...]:
        fields = self._fields(sibling)
        switches = [field_behind(self.module.block, one) for one in SWITCHES.values()]
        known = {self._name_field(), self._key_field(sibling, fields), *switches}
        others = [self._texts(self._fields(one)) for one in kin[:_NEAR]]
        return copied_values(self._texts(fields), others, known, Renaming(sibling.iam_name, name))

    def _texts(self, fields: Mapping[str, Attribute]) -> dict[str, str]:
        return {name: self.module.document.text(one.value) for name, one in fields.items()}

    def _is_empty(self) -> bool:
        container = self.module.container
        return container is not None and not self.module.document.elements(container)

    def _first(self, name: str, *, machine: bool) -> FirstEntry | str:
        text = template(self.module, "pgp_key", self.names)
        return first_entry(self.module, text, self.names, name, machine=machine)

    def _plan_first(self, name: str, *, machine: bool) -> NewDeclaration:
        first, container = self._first(name, machine=machine), self.module.container
        if isinstance(first, str) or container is None:
            raise refuse(f"{name} cannot be added.", f"{first}.", self.place)
        entry = first

        def edit() -> Document:
            document = self.module.document
            start = document.line_start(container.start_byte)
            line = document.data[start : container.start_byte].decode("utf-8", "replace")
            indent = line[: len(line) - len(line.lstrip())] + "  "
            text = entry.text(indent, document.newline.decode())
            edited = document.splice(insert_entry(document, container, text, 0))
            return aligned_as(document, edited, container.start_byte)

        return NewDeclaration(entry.facts, (self.module.label, entry.facts.declaration), (), edit)

    def _people(self) -> tuple[Person, ...]:
        return tuple(one for one in self.layer.people if one.module == self.module.label)

    def _entry(self, person: Person) -> Node:
        container = self.module.container
        if container is None:
            raise refuse(f"{person.iam_name} cannot be followed.", "There is no map.", self.place)
        position = entry_keys(self.module.document, container).index(person.declaration)
        return self.module.document.elements(container)[position]

    def _fields(self, person: Person) -> dict[str, Attribute]:
        return fields_at(self.module.document, self._entry(person))

    def _name_field(self) -> str | None:
        return field_behind(self.module.block, "name")

    def _switchable(self) -> bool:
        """Whether an entry of one kind can be made one of the other: its own fields are the switches."""
        wanted = {field_behind(self.module.block, one) for one in SWITCHES.values()}
        near = self._people()[:_NEAR]
        return None not in wanted and all(wanted <= self._fields(one).keys() for one in near)

    def _key_field(self, person: Person, fields: Mapping[str, Attribute]) -> str | None:
        """The field that the path of a person's key is made from; None if it is made from the map's key."""
        text = template(self.module, "pgp_key", self.names)
        if text is None:
            why = f"The module {self.module.label} does not read its PGP key from a file of the layer."
            raise refuse(f"The key of {person.iam_name} has no place.", why, self.place)
        names = fields_of(self.module.block)
        return next((one for one in names if field_mark(one) in text and one in fields), None)

    def _path_by_key(self, key: str, name: str) -> str:
        text = template(self.module, "pgp_key", self.names) or ""
        field = self._name_field()
        text = text.replace(KEY, key)
        return posixpath.normpath(text.replace(field_mark(field), name) if field else text)

    def _sibling(self, kin: tuple[Person, ...], declared: list[str], position: int) -> Person:
        """The nearest person of the kind with the usual fields; the one before goes before the one after."""
        places = {key: number for number, key in enumerate(declared)}
        near = sorted(kin, key=lambda one: _distance(places[one.declaration], position))[:_NEAR]
        forms = {one.declaration: tuple(self._fields(one)) for one in near}
        usual = Counter(forms.values()).most_common(1)[0][0]
        return next(one for one in near if forms[one.declaration] == usual)

    def _key(self, kin: tuple[Person, ...], name: str) -> str:
        """The map's key for a name, as the first has it of whose name it can differ, of the kind or not."""
        if self._name_field() is None:
            return name
        people = (*kin, *self._people())
        sibling = next((one for one in people if spellings(one.iam_name)[0] != one.iam_name), kin[0])
        key = in_place_of(sibling.declaration, sibling.iam_name, name)
        if sibling.declaration == sibling.iam_name:
            return name
        return key if key is not None else spellings(name)[0]

    def _with_entry(self, position: int, sibling: Person, name: str, facts: PersonFacts) -> Document:
        document, container = self.module.document, self.module.container
        if container is None:
            raise refuse(f"{name} cannot be added.", "There is no map to add to.", self.place)
        entry = self._entry(sibling)
        changes = self._changes(entry, sibling, name, facts)
        text = cloned(document, entry, changes, Renaming(sibling.iam_name, name)).decode()
        edited = document.splice(insert_entry(document, container, text, position))
        return aligned_as(document, edited, container.start_byte)

    def _changes(self, entry: Node, sibling: Person, name: str, facts: PersonFacts) -> list[Splice]:
        document = self.module.document
        fields = fields_at(document, entry)
        written = entry.children[0]
        quoted = document.text(written).startswith('"') or not _IDENTIFIER.fullmatch(facts.declaration)
        changes = [replacing(written, quote(facts.declaration) if quoted else facts.declaration)]
        named = self._name_field()
        if named is not None and named in fields:
            changes.append(replacing(fields[named].value, quote(name)))
        keyed = self._key_field(sibling, fields)
        if keyed is not None and keyed != named:
            text = plain_string(document, fields[keyed].node.children[-1])
            if text is None:
                why = "Its sibling's key file is an expression."
                raise refuse(f"{name} cannot be added.", why, self.place)
            lead = text[: text.rfind("/") + 1]
            changes.append(
                replacing(fields[keyed].value, quote(lead + posixpath.basename(str(facts.key_file))))
            )
        for fact, attribute in SWITCHES.items():
            field, wanted = field_behind(self.module.block, attribute), getattr(facts, fact)
            if field in fields and isinstance(wanted, bool):
                node = fields[field].value
                if node.type == "bool_lit":
                    changes.append(replacing(node, str(wanted).lower()))
        return changes


def fields_at(document: Document, entry: Node) -> dict[str, Attribute]:
    """The fields of an entry whose value is an object, by name."""
    found: dict[str, Attribute] = {}
    value = Attribute(document, entry).value
    for one in document.elements(value) if value.type == "object" else ():
        name = object_key(document, one)
        if name is not None:
            found[name] = Attribute(document, one)
    return found


def _distance(place: int, position: int) -> tuple[int, int]:
    return (position - 1 - place, 0) if place < position else (place - position, 1)
