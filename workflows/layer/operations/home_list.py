"""The list of names, and the map of names and key files."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.core.sentences import Sentence
from workflows.layer.declarations import KEY, VALUE, template
from workflows.layer.facts import PersonFacts
from workflows.layer.lists import aligned_as, entry_keys, insert_entry, position_for
from workflows.layer.operations.base import refuse
from workflows.layer.operations.home import NewDeclaration
from workflows.layer.read_people import flags_of, is_machine
from workflows.layer.values import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.layer.declarations import UserModule
    from workflows.layer.document import Document
    from workflows.layer.model import Layer, Person, Place


@dataclass(frozen=True)
class ListHome:
    """People named in a list, or in a map that gives each a key file.

    Attributes:
        layer: the layer.
        module: the module that repeats over the list or map.
        names: constant names and their values.
    """

    layer: Layer
    module: UserModule
    names: Mapping[str, object]

    @property
    def place(self) -> Place:
        """Where the list or map is."""
        return self.module.place

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

    def rank(self, *, machine: bool) -> tuple[int, int]:
        """By the number of people; a list for this kind goes before what could be made to fit."""
        del machine  # a list is for one kind only, and `refusal` has asked which
        return len(self._people()), 1

    def plan(self, name: str, *, machine: bool) -> NewDeclaration:
        """How a person would be declared; its key file is where the module looks for it.

        Raises:
            EditRefused: the module does not read keys from files.
        """
        module = self.module
        del machine  # as in `rank`
        login_profile, access_key = flags_of(module, self.names)
        facts = PersonFacts(module.label, name, self._key_path(name), login_profile, access_key)
        siblings = tuple(one.iam_name for one in self._people())
        return NewDeclaration(facts, (module.label, name), siblings, lambda: self._with_entry(name))

    def _people(self) -> list[Person]:
        return [one for one in self.layer.people if one.module == self.module.label]

    def _key_path(self, name: str) -> str:
        text = template(self.module, "pgp_key", self.names)
        if text is None:
            why = f"The module {self.module.label} does not read its PGP key from a file of the layer."
            where = self.layer.location.relative
            raise refuse(f"The key of {name} has no place in {where}.", why, self.place)
        return posixpath.normpath(text.replace(KEY, name).replace(VALUE, name))

    def _with_entry(self, name: str) -> Document:
        container, document = self.module.container, self.module.document
        if container is None:
            raise refuse(f"{name} cannot be added.", "There is no list to add to.", self.place)
        position = position_for(entry_keys(document, container), name)
        text = quote(name) if container.type == "tuple" else f"{quote(name)} = {quote(name)}"
        edited = document.splice(insert_entry(document, container, text, position))
        return aligned_as(document, edited, container.start_byte)
