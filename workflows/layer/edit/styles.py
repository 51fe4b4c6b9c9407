"""Where a new person is declared: what all styles share, and the list of names or map of key files."""

from __future__ import annotations

import posixpath
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from tree_sitter import Node

from workflows.core.sentences import Sentence
from workflows.hcl.document import Document
from workflows.hcl.lists import edited_list, entry_keys, insert_entry, position_for
from workflows.hcl.values import quote
from workflows.layer.edit.cloning import Renaming
from workflows.layer.edit.facts import PersonFacts
from workflows.layer.edit.operation import EditRefused, refuse
from workflows.layer.model import Layer, Owner, Person, Place
from workflows.layer.read.declarations import KEY, VALUE, UserModule, constants, template
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
        facts: the person's facts afterwards; the key file is where its key goes.
        owner: what a reference to the person names.
        siblings: the people of its kind declared in the same way, as IAM names.
        edit: makes the edited document.
        sibling: the IAM name of the one that is followed; "" where nobody is.
        copied: the fields that it would take over from the sibling, though they may be the sibling's own:
            groups, policies, an SSH key, a mail address. What they should be for somebody new is not known.
    """

    facts: PersonFacts
    owner: Owner
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


def facts_like(sibling: Person, module: str, declaration: str, path: str, *, machine: bool) -> PersonFacts:
    """The facts of a new person that is declared as another one is, with switches for its own kind."""
    login_profile, access_key = sibling.login_profile, sibling.access_key
    if sibling.machine is not machine:
        login_profile, access_key = not machine, machine
    return PersonFacts(module, declaration, path, login_profile, access_key)


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
        del machine  # a list is for one kind only, and `refusal` has asked which
        module = self.module
        path = template(module, "pgp_key", self.names)
        if path is None:
            why = f"The module {module.label} does not read its PGP key from a file of the layer."
            where = self.layer.location.relative
            raise refuse(f"The key of {name} has no place in {where}.", why, self.place)
        if key_file and (VALUE not in path or self.container.type == "tuple"):
            raise self.cannot_share(name, key_file)
        value = key_file or name
        path = posixpath.normpath(path.replace(KEY, name).replace(VALUE, value))
        facts = PersonFacts(module.label, name, path, *flags_of(module, self.names))
        siblings = tuple(one.iam_name for one in self.people)
        return NewDeclaration(facts, (module.label, name), siblings, lambda: self._with_name(name, value))

    def _with_name(self, name: str, value: str) -> Document:
        keys = entry_keys(self.module.document, self.container)
        if self.container.type == "tuple":
            return self.with_entry(quote(name), position_for(keys, name))
        sharing = [keys.index(one.declaration) for one in self.people if one.key_name == value]
        position = position_for([keys[one] for one in sharing], name) if sharing else position_for(keys, name)
        if sharing:  # beside those who share the key, wherever the map's sections put them
            position = sharing[position] if position < len(sharing) else sharing[-1] + 1
        return self.with_entry(f"{quote(name)} = {quote(value)}", position)
