"""Giving a person's key file another name; the key stays, so nothing is made anew in AWS."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.core.errors import Problem
from workflows.core.openpgp import holds
from workflows.layer.facts import facts_of
from workflows.layer.operations.base import check_known_person, find_person, refuse
from workflows.layer.operations.keys import key_goes
from workflows.layer.operations.values_of_person import own_key_path

if TYPE_CHECKING:
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer, Person

_FILE_NAME = re.compile(r"[A-Za-z0-9_+=,@-][A-Za-z0-9_+=,.@-]*")


@dataclass(frozen=True)
class RenameKeyFile:
    """Rename a person's key file in its folder; one that others use too stays for them.

    Attributes:
        name: the IAM user name.
        file_name: the file's new name, without folders.
    """

    name: str
    file_name: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the names."""
        problems = check_known_person(layer, self.name)
        if not _FILE_NAME.fullmatch(self.file_name):
            message = "A key file's name has letters, digits and  + = , . @ _ -  only, and no dot first."
            problems.append(Problem(message, "file_name"))
        person = layer.person(self.name)
        if problems or person is None:
            return problems
        present, there = layer.files.keys.get(str(person.key_file)), layer.files.keys.get(self._path(person))
        if there is not None and (present is None or not holds(there, present)):
            problems.append(Problem(f"There is a file {self._path(person)} already.", "file_name"))
        elif present is None and there is None:
            message = f"Neither {person.key_file} nor {self._path(person)} is there."
            problems.append(Problem(message, "file_name"))
        return problems

    def apply(self, layer: Layer) -> FileSet:
        """The files with the key under its new name.

        Raises:
            EditRefused: the module makes the path from the name for all alike, or it is an expression.
        """
        person = find_person(layer, self.name)
        own = own_key_path(layer, person)
        path = self._path(person)
        text = own.path.named(self.file_name).removesuffix(own.tail)
        inside = text if own.path.quoted else text.removeprefix("/")  # it follows ${path.module}
        if posixpath.normpath(f"{own.lead}{inside}{own.tail}") != path:
            what = f"The key file of {person.iam_name} cannot be named {self.file_name}."
            raise refuse(what, f"The module asks for {own.lead}…{own.tail}.", person.place)
        files = layer.files.with_document(own.document.splice([own.path.replaced(text)]))
        for name, data in self._keys(layer, person).items():
            files = files.with_key(name, data)
        return files

    def intend(self, layer: Layer) -> Facts:
        """The facts with the key in another file."""
        facts, person = facts_of(layer), find_person(layer, self.name)
        keys = {**facts.keys, **self._keys(layer, person)}
        renamed = facts.people[person.iam_name]._replace(key_file=self._path(person))
        return replace(
            facts,
            people={**facts.people, person.iam_name: renamed},
            keys={name: data for name, data in keys.items() if data is not None},
        )

    def _path(self, person: Person) -> str:
        return posixpath.join(posixpath.dirname(str(person.key_file)), self.file_name)

    def _keys(self, layer: Layer, person: Person) -> dict[str, bytes | None]:
        """The key files that change: the new one, and the old one if nobody else uses it."""
        old, new = str(person.key_file), self._path(person)
        if old == new:
            return {}
        changed: dict[str, bytes | None] = {}
        if new not in layer.files.keys:
            changed[new] = layer.files.keys[old]
        if key_goes(layer, person):
            changed[old] = None
        return changed
