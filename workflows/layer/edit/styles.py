"""Where a new person is declared: in a list or map of names, key files or objects, or as a separate block.

The first person in a map of objects has no sibling to clone, so the module determines the entry's shape.
Every field that the module reads gets a value: the name, the two switches, the key's path, and the module's
own defaults for its other settings. Values of unknown fields are never invented.

A user's block usually has a comment with the name above it, a banner, which is cloned with the block.
"""

from __future__ import annotations

import posixpath
import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, islice

from tree_sitter import Node

from workflows.core.sentences import Sentence
from workflows.hcl.blocks import hiding_starts, insert_after, insert_before, remove_items
from workflows.hcl.document import Attribute, Block, Document, Splice, walk
from workflows.hcl.index import Item
from workflows.hcl.lists import entry_keys, position_for, with_entry
from workflows.hcl.values import field_mark, fields_at, fields_of, plain_string, quote
from workflows.layer.edit.cloning import (
    Renaming,
    beside_name,
    cloned,
    in_place_of,
    mentions_name,
    prefix_of,
    replacing,
    spellings,
    spliced,
)
from workflows.layer.edit.key_files import key_file_name, written_path
from workflows.layer.edit.operation import EditRefused, refuse
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Person, Place, Style
from workflows.layer.read.declarations import (
    KEY,
    SWITCHES,
    VALUE,
    UserModule,
    field_behind,
    module_of,
    name_in,
    template,
    user_modules,
)
from workflows.layer.read.people import flags_of, is_machine

NEAR = 50
"""How many neighbours to search for a sibling to clone."""
_OF_A_SHAPE = 200
"""How many blocks to search for the shape of a team's banners."""

_OWN = re.compile(r"group|polic|boundary|role|ssh|mail|phone|full_?name", re.IGNORECASE)
"""Names of fields with a user's identity or permissions."""

_NOTHING = frozenset({"false", '"false"', "null", "[]", "{}", '""'})


@dataclass(frozen=True)
class NewDeclaration:
    """How a new person would be declared.

    Attributes:
        person: the new person, with the path for the key.
        siblings: the people of the same kind declared in the same way.
        edit: returns the edited document.
        sibling: the IAM name of the sibling to clone, or "".
        copied: the fields copied from the sibling that may be the sibling's own: groups, policies, an SSH
            key, a mail address. The right values for a new person are unknown.
        among: the siblings whose order decides the place: those of one section, or all.
    """

    person: Person
    siblings: tuple[Person, ...]
    edit: Callable[[], Document]
    sibling: str = ""
    copied: tuple[str, ...] = ()
    among: Sequence[Person] = ()


@dataclass(frozen=True)
class Declarations(ABC):
    """People declared in one style.

    Attributes:
        layer: the layer.
        modules: the module that repeats over a list or map, or the modules of single users, in file order.
    """

    layer: Layer
    modules: tuple[UserModule, ...]

    @property
    def place(self) -> Place:
        """The place to edit by hand."""
        return self.modules[-1].place

    @property
    def module(self) -> UserModule:
        """The module that repeats over a list or map."""
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
        """The path of a key, with placeholders for the parts that differ between people.

        Raises:
            EditRefused: the module doesn't read the key from a file of the layer.
        """
        text = template(self.module, "pgp_key", self.layer.names)
        if text is None:
            raise refuse(
                "There is no place for a new user's key.",
                f"The Terraform module “{self.module.label}” doesn't read its PGP key from a layer file.",
                self.place,
            )
        return text

    @cached_property
    def people(self) -> tuple[Person, ...]:
        """The people declared here."""
        labels = {module.label for module in self.modules}
        return tuple(person for person in self.layer.people if person.module in labels)

    def of_kind(self, *, machine: bool) -> tuple[Person, ...]:
        """Return the machine users declared here, or the others."""
        return tuple(person for person in self.people if person.machine is machine)

    @abstractmethod
    def refusal(self, *, machine: bool) -> Sentence | None:
        """Return why such a person doesn't fit, as a sentence without a full stop.

        None if the person fits; "" if these declarations are simply for the other kind.
        """

    @abstractmethod
    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """Plan the declaration of a new person.

        Args:
            machine: whether it is a machine user.
            key_file: the name of an existing key file; "" for a new file named after the person.

        Raises:
            EditRefused: it is impossible; the error has the place to edit by hand.
        """

    def cannot_share(self, name: str, key_file: str) -> EditRefused:
        """Return an error: a key file can't be chosen if the person's key path isn't written out."""
        return refuse(
            f"{name} can't share the key file {key_file}.",
            "The path of the key is made from the name, or is an expression.",
            self.place,
        )

    def with_entry(self, text: str, position: int) -> Document:
        """Insert an entry into the list or map at a position."""
        return with_entry(self.module.document, self.container, text, position)


def person_like(sibling: Person, name: str, declaration: str, key_file: str, *, machine: bool) -> Person:
    """Return a new person declared like a sibling, with the switches of the new person's kind."""
    person = sibling._replace(iam_name=name, declaration=declaration, key_file=posixpath.normpath(key_file))
    if sibling.machine is machine:
        return person
    return person._replace(machine=machine, login_profile=not machine, access_key=machine)


Fields = Mapping[str, Attribute]
"""The attributes of a user's block, or the fields of its entry, by name."""


def switched(fields: Fields, switches: Mapping[str, str | None], person: Person) -> list[Splice]:
    """Return the splices that set a new person's switches, if they are plain values.

    Args:
        fields: the sibling's fields.
        switches: the field of each of `SWITCHES`.
    """
    found = {fact: fields[name].value for fact, name in switches.items() if name and name in fields}
    return [
        replacing(node, str(wanted).lower())
        for fact, node in found.items()
        if isinstance(wanted := getattr(person, fact), bool) and node.type == "bool_lit"
    ]


def copied_fields(
    sibling: Mapping[str, str],
    fields_of_kin: Sequence[Mapping[str, str]],
    known: Collection[str | None],
    renaming: Renaming,
) -> tuple[str, ...]:
    """Return the fields whose values are copied unchanged although they differ between people.

    Args:
        sibling: the source texts of the sibling's fields.
        fields_of_kin: those of others of the same kind.
        known: the fields written for the new person: name, key and switches.
        renaming: replaces the sibling's name; a value that contains the name is not copied unchanged.
    """
    return tuple(
        field
        for field, text in sibling.items()
        if field not in known
        and renaming.plainly(text) == text
        and (
            (_OWN.search(field) is not None and text not in _NOTHING)
            or any(fields.get(field) != text for fields in fields_of_kin)
        )
    )


def _texts_of(fields: Fields) -> dict[str, str]:
    return {name: attribute.document.text(attribute.value) for name, attribute in fields.items()}


def new_person(
    module: UserModule,
    name: str,
    declaration: str,
    key_file: str,
    flags: tuple[bool | None, bool | None],
    *,
    machine: bool,
) -> Person:
    """Return a new person of a module without a sibling."""
    path = posixpath.normpath(key_file)
    return Person(
        name, declaration, module.label, path, *flags, machine, (), module.style, True, module.place
    )


class ListStyle(Declarations):
    """People in a list of names, or in a map from names to key files."""

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Return why such a person doesn't fit; "" if the list is for the other kind."""
        module = self.module
        if is_machine(module, flags_of(module, self.layer.names)) is not machine:
            return ""
        if module.reason:
            return module.refusal
        if template(module, "name", self.layer.names) not in {KEY, VALUE}:
            return f"The Terraform module “{module.label}” makes names of its own from the entries"
        return None

    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """Plan the declaration; the key goes where the module reads it.

        Raises:
            EditRefused: the module does not read keys from files, or the file name can't be chosen.
        """
        module = self.module
        path = self.key_path
        if key_file and (VALUE not in path or self.container.type == "tuple"):
            raise self.cannot_share(name, key_file)
        value = key_file or name
        path = path.replace(KEY, name).replace(VALUE, value)
        person = new_person(module, name, name, path, flags_of(module, self.layer.names), machine=machine)
        section = [
            sibling
            for sibling in self.people
            if self.container.type == "object"
            if sibling.key_name == (sibling.declaration if value == name else value)
        ]
        edit = partial(self._with_name, name, value, section)
        return NewDeclaration(person, self.people, edit, among=section or self.people)

    def _with_name(self, name: str, value: str, section: Sequence[Person]) -> Document:
        keys = entry_keys(self.module.document, self.container)
        if self.container.type == "tuple":
            return self.with_entry(quote(name), position_for(keys, name))
        alike = [keys.index(person.declaration) for person in section]
        position = position_for([keys[index] for index in alike] if alike else keys, name)
        if alike:  # in the map's section of users who share that key, or who have their own
            position = alike[position] if position < len(alike) else alike[-1] + 1
        return self.with_entry(f"{quote(name)} = {quote(value)}", position)


_DEFAULTS = {
    "force_destroy": "false",
    "password_reset_required": "true",
    "password_length": "20",
    "upload_iam_user_ssh_key": "false",
    "path": '"/"',
}
"""terraform-aws-iam, modules/iam-user, variables.tf: the module's defaults."""


class ObjectStyle(Declarations):
    """People as objects of a map."""

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Return why such a person doesn't fit the map."""
        module = self.module
        if module.reason:
            return module.refusal
        if not self.people and self._is_empty():
            first = self._first("somebody", machine=machine)
            return None if isinstance(first, NewDeclaration) else first
        if not self.people:
            return "The map has no entry to follow"
        if self._name_field is None and template(module, "name", self.layer.names) != KEY:
            return f"The Terraform module “{module.label}” makes names of its own from the entries"
        if not self.of_kind(machine=machine) and not self._switchable():
            return ""
        return None

    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """Plan the declaration like that of the nearest sibling of the same kind.

        Raises:
            EditRefused: the key has no file of the layer, or its file name can't be chosen.
        """
        if self._is_empty():
            if key_file:
                raise self.cannot_share(name, key_file)
            first = self._first(name, machine=machine)
            if not isinstance(first, NewDeclaration):
                raise refuse(f"{name} can't be added.", f"{first}.", self.place)
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
        fields_of_kin = [_texts_of(self._fields(sibling)) for sibling in kin[:NEAR]]
        return NewDeclaration(
            person,
            kin,
            lambda: self.with_entry(self._clone(sibling, person), position),
            sibling.iam_name,
            copied_fields(_texts_of(fields), fields_of_kin, known, Renaming(sibling.iam_name, name)),
        )

    def _first(self, name: str, *, machine: bool) -> NewDeclaration | Sentence:
        """Plan the first entry of a map, or return why it can't be, as a sentence without a full stop."""
        module, block, names = self.module, self.module.block, self.layer.names
        path = template(module, "pgp_key", names)
        if path is None:
            return f"The Terraform module “{module.label}” doesn't read its PGP key from a layer file"
        key = name if self._name_field is None else spellings(name)[0]
        path_fields = set(re.findall("\x00\\.(\\w+)\x00", path))
        if len(path_fields) > 1:
            return f"The Terraform module “{module.label}” makes the path of a key from more than one field"
        values = _known_values(module, name, machine=machine)
        path = path.replace(KEY, key)
        for field in path_fields:
            value = name if path != field_mark(field) else f"keys/{name}"
            path = path.replace(field_mark(field), value)
            values.setdefault(field, quote(value))
        optional = {*re.findall(r"(\w+)\s*=\s*optional\(", module.document.data.decode("utf-8", "replace"))}
        optional |= {*fields_of(block, with_default=True)}
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
        """Return a map entry as HCL without a comma; lines after the first are indented."""
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
        """Return the field behind each switch."""
        return {fact: field_behind(self.module.block, attribute) for fact, attribute in SWITCHES.items()}

    def _switchable(self) -> bool:
        """Return whether entries contain both switches, so that cloning can change the kind."""
        wanted = set(self._switch_fields().values())
        return None not in wanted and all(
            wanted <= self._fields(person).keys() for person in self.people[:NEAR]
        )

    def _entry(self, person: Person) -> Node:
        entry = self.module.entry(person.declaration)
        if entry is None:
            raise refuse(
                f"iam-onboard can't add a user like {person.iam_name}.", "It has no entry.", self.place
            )
        return entry

    def _fields(self, person: Person) -> dict[str, Attribute]:
        return fields_at(self.module.document, self._entry(person))

    def _key_field(self, fields: Mapping[str, Attribute]) -> str | None:
        """Return the field in the path of a person's key; None if the path uses the map's key."""
        names = fields_of(self.module.block)
        return next((name for name in names if field_mark(name) in self.key_path and name in fields), None)

    def _around(self, field: str) -> tuple[str, str]:
        """Return what the module adds before and after a field in a key file's name.

        Raises:
            EditRefused: the name depends on more than this field.
        """
        before, _, after = self.key_path.partition(field_mark(field))
        lead = before.rpartition("/")[2]
        if "\x00" in lead + after or "/" in after:
            raise refuse(
                "There is no place for a new user's key.",
                f"The Terraform module “{self.module.label}” names a key file by more than {field}.",
                self.place,
            )
        return lead, after

    def _file_name(self, field: str, name: str, wanted: str) -> str:
        """Return the name of a new key file as the module derives it from a field; `wanted` if possible."""
        lead, tail = self._around(field)
        stem = name if field == self._name_field else wanted.removeprefix(lead).removesuffix(tail)
        return f"{lead}{stem}{tail}"

    def _sibling(self, kin: Sequence[Person], declared: Sequence[str], position: int) -> Person:
        """Return the nearest person with the usual fields; the one before wins over the one after."""
        places = {key: number for number, key in enumerate(declared)}
        near = sorted(kin, key=lambda person: abs(places[person.declaration] - position + 0.5))[:NEAR]
        forms = {person.declaration: tuple(self._fields(person)) for person in near}
        usual = Counter(forms.values()).most_common(1)[0][0]
        return next(person for person in near if forms[person.declaration] == usual)

    def _key(self, kin: Sequence[Person], name: str) -> str:
        """Return the map key for a name, like that of the first person whose key can differ from the name."""
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
                    f"{person.iam_name} can't be added.",
                    "Its sibling's key file is an expression.",
                    self.place,
                )
            lead, tail = self._around(keyed)
            own = person.key_name.removeprefix(lead).removesuffix(tail)
            changes.append(replacing(fields[keyed].value, quote(text[: text.rfind("/") + 1] + own)))
        return changes + switched(fields, self._switch_fields(), person)


def _known_values(module: UserModule, name: str, *, machine: bool) -> dict[str, str]:
    """Return the values of the fields that the module passes on to known attributes unchanged."""
    wanted = {"login_profile": not machine, "access_key": machine}
    switches = {attribute: str(wanted[fact]).lower() for fact, attribute in SWITCHES.items()}
    found = {
        field_behind(module.block, attribute): value
        for attribute, value in {**switches, **_DEFAULTS, "name": quote(name)}.items()
    }
    return {field: value for field, value in found.items() if field is not None}


Shape = tuple[str, ...]
"""The common shape of a team's banners: ruled lines, and "" for each line of text."""

_RULED = re.compile(r"^(?P<head>[#/*\s]*[^\w\s])(?P<body>(?P<one>[^\w\s])(?P=one)*)(?P<tail>.?)$")

_NOBODY = (
    "No user's block can serve as an example: one with a label made from the name, and a plain name, "
    "switches and key file"
)

_OF_THE_MODULE = ("source", "version", "providers", "depends_on", "name", "pgp_key")
"""Attributes that are independent of the person, or rewritten for the new one."""


class BlockStyle(Declarations):
    """All single-user blocks of a layer."""

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Return why no block can be cloned."""
        if any(self._fits(person, machine=machine) for person in self.people):
            return None
        return next((module.refusal for module in self.modules if module.reason), _NOBODY)

    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """Plan the declaration like that of the nearest usual sibling.

        Raises:
            EditRefused: no sibling can be cloned, or the file name of the key can't be chosen.
        """
        kin = self.of_kind(machine=machine) or self.people
        file = Counter(person.place.file for person in kin).most_common(1)[0][0]
        siblings = [person for person in kin if person.place.file == file]
        position = _position(siblings, name) if siblings[0].machine is machine else len(siblings)
        sibling = self._sibling(siblings, position, machine=machine)
        block, renaming = self._block(sibling), Renaming(sibling.iam_name, name)
        label = in_place_of(sibling.module, sibling.iam_name, name) or f"user_{spellings(name)[0]}"
        own_file = key_file or key_file_name(self.of_kind(machine=machine), name)
        if written_path(block) is None:
            if key_file:
                raise self.cannot_share(name, key_file)
            own_file = sibling.key_name.removesuffix(sibling.iam_name) + name
        path = posixpath.join(posixpath.dirname(str(sibling.key_file)), own_file)
        person = person_like(sibling, name, label, path, machine=machine)._replace(module=label)
        known = {*_OF_THE_MODULE, *(name_in(block, switch) for switch in SWITCHES.values())}
        fields_of_kin = [self._block(person).sources for person in kin[:NEAR]]
        return NewDeclaration(
            person,
            kin,
            lambda: self._with_block(siblings, position, self._clone(sibling, person)),
            sibling.iam_name,
            (
                *copied_fields(block.sources, fields_of_kin, known, renaming),
                *self._own_comments(block, kin, renaming),
            ),
        )

    def _own_comments(self, block: Block, kin: Sequence[Person], renaming: Renaming) -> Iterator[str]:
        """Return the comments inside a block that no other block has, and that would be cloned unchanged."""
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
        """Return whether a block can be cloned: editable, labelled after the name, the key's path plain."""
        block, key_file = self._block(person), person.key_file
        if not person.editable or key_file is None:
            return False
        switches = (block.source_of(name_in(block, switch)) for switch in SWITCHES.values())
        return (
            # a composed path must end in the name to be adapted
            (key_file.endswith(person.iam_name) or written_path(block) is not None)
            and (person.machine is machine or all(switch in {"true", "false"} for switch in switches))
            and prefix_of(person.module, person.iam_name) is not None
        )

    def _sibling(self, siblings: Sequence[Person], position: int, *, machine: bool) -> Person:
        """Return the nearest sibling of the usual form; the one before wins over the one after."""
        near = [*reversed(siblings[:position]), *siblings[position:]]
        fitting = [person for person in near[:NEAR] if self._fits(person, machine=machine)]
        fitting = fitting or [person for person in self.people if self._fits(person, machine=machine)]
        if not fitting:
            raise refuse("The user can't be added.", f"{_NOBODY}.", self.place)
        forms = {person.module: _form(self._block(person), person, self._shape) for person in fitting[:NEAR]}
        usual = Counter(form[:-1] for form in forms.values()).most_common(1)[0][0]
        alike = [person for person in fitting[:NEAR] if forms[person.module][:-1] == usual]
        # prefer one whose banner names it
        return next((person for person in alike if forms[person.module][-1]), alike[0])

    def _clone(self, sibling: Person, person: Person) -> bytes:
        """Return the sibling's banner and block for another person."""
        block, renaming = self._block(sibling), Renaming(sibling.iam_name, person.iam_name)
        banner = None if self._says_more(sibling) else _banner(block, renaming, self._shape)
        if banner is None:  # it lacks the name or has extra words: use another banner
            banners = (
                _banner(self._block(other), Renaming(other.iam_name, renaming.new), self._shape)
                for other in self.people[:NEAR]
                if not self._says_more(other)
            )
            banner = next(filter(None, banners), b"")
        return banner + cloned(block.document, block.node, _changes(block, person), renaming)

    def _says_more(self, person: Person) -> bool:
        """Return whether a person's banner has words, besides the name, that no other banner has.

        If the others have no words, words before the name are taken as a general heading.
        """
        before, behind = self._said(person)
        others = {
            word for other in self.people[:NEAR] if other != person for word in chain(*self._said(other))
        }
        dated = [word for word in before if others or word.isdigit()]
        return not {*dated, *behind} <= others

    def _said(self, person: Person) -> tuple[list[str], list[str]]:
        """Return the words of a person's banner before and after the name."""
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
    """Remove a person's block and its banner."""
    shape = usual_shape(module.block for module in user_modules(files) if module.style is Style.BLOCK)
    block = module_of(files, person.module).block
    banner = banner_of(block, (person.iam_name, person.module), shape)
    return files.spliced(block.document, remove_items(block.document, [*banner, block.item]))


def _position(siblings: Sequence[Person], name: str) -> int:
    """Return a person's position among siblings, sorted by name or by label."""
    names, labels = [sibling.iam_name for sibling in siblings], [sibling.module for sibling in siblings]
    if labels == sorted(labels) and names != sorted(names):
        return position_for(labels, f"{prefix_of(labels[0], names[0]) or 'user_'}{spellings(name)[0]}")
    return position_for(names, name)


def _form(block: Block, person: Person, shape: Shape | None) -> tuple[object, ...]:
    """Return a block's form: attributes in order, source, a banner; last, whether it names the user."""
    banner = banner_of(block, (person.iam_name, person.module), shape)
    text = "\n".join(block.document.data[line.start_byte : line.end_byte].decode() for line in banner)
    return (*block.names, block.source_of("source"), bool(banner), mentions_name(text, person.iam_name))


def _changes(block: Block, person: Person) -> list[Splice]:
    changes = [
        replacing(block.label_node, quote(person.module)),
        replacing(block.attributes["name"].value, quote(person.iam_name)),
    ]
    if (written := written_path(block)) is not None:
        changes.append(written.replaced(written.named(person.key_name)))
    return changes + switched(
        block.attributes, {fact: name_in(block, switch) for fact, switch in SWITCHES.items()}, person
    )


def _banner(block: Block, renaming: Renaming, usual: Shape | None) -> bytes | None:
    """Return the banner for a new person and the newline after it.

    Returns:
        b"" if the sibling has no banner; None if the banner does not name the sibling.
    """
    banner = banner_of(block, (renaming.old, block.label), usual)
    if not banner:
        return b""
    text = renamed(block.document, banner, renaming)
    if text is None:
        return None
    return text + block.document.data[banner[-1].end_byte : block.item.start_byte]


def banner_of(block: Block, names: Iterable[str], usual: Shape | None) -> tuple[Item, ...]:
    """Return the banner of a person's block, without a headline above it; empty if there is none.

    Args:
        names: the person's IAM name and label.
        usual: the usual shape of banners, or None; a comment of that shape counts even with another name.
    """
    found = _box_above(block)
    text = " ".join(block.document.text(line) for line in found)
    if found and (any(mentions_name(text, name) for name in names) or _shape(block.document, found) == usual):
        return found
    return ()


def usual_shape(blocks: Iterable[Block]) -> Shape | None:
    """Return the commonest shape of banners among the first blocks; None if no two are alike."""
    near = islice(blocks, _OF_A_SHAPE)
    shapes = Counter(_shape(block.document, found) for block in near if (found := _box_above(block)))
    shape, number = shapes.most_common(1)[0] if shapes else ((), 0)
    return shape if number > 1 else None


def renamed(document: Document, banner: tuple[Item, ...], renaming: Renaming) -> bytes | None:
    """Return a banner's text for another person; its box only widens if the name needs it.

    Returns:
        The bytes, or None if the banner does not name the sibling.
    """
    lines = [document.text(item) for item in banner]
    width = max((len(line) for line in lines if _is_ruled(line)), default=0)
    changed = [line if _is_ruled(line) else _filled(line, renaming) for line in lines]
    if changed == lines:
        return None
    wider = max(len(line) for line in changed) - width
    if width and wider > 0:
        changed = [_stretched(line, wider) if len(line) == width else line for line in changed]
    splices = [
        Splice(item.start_byte, item.end_byte, line.encode())
        for item, line in zip(banner, changed, strict=True)
    ]
    return spliced(document.data[banner[0].start_byte : banner[-1].end_byte], splices, banner[0].start_byte)


def _filled(line: str, renaming: Renaming) -> str:
    """Replace the name in a line; a closing mark keeps its column if there is room."""
    new = renaming.in_words(line)
    closing = re.search(r"^(.*?) +(\S?[#*/=|]+)$", new, re.DOTALL)
    if closing is None or not re.search(r" +\S?[#*/=|]+$", line):
        return new
    body, mark = closing.groups()
    return body + " " * max(1, len(line) - len(body) - len(mark)) + mark


def _box_above(block: Block) -> tuple[Item, ...]:
    """Return the comment directly above a block: its last ruled box, or the lines of text."""
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
    """Return whether a comment line has no text: `#`, `#=====#`, `# -----`."""
    return not any(character.isalnum() for character in line)


def _stretched(line: str, by: int) -> str:
    """Lengthen a ruled line."""
    match = _RULED.match(line) if _is_ruled(line) else None
    return match["head"] + match["body"] + match["one"] * by + match["tail"] if match else line
