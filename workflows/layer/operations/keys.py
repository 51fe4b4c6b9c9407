"""Key files: what a person's file may hold, and replacing one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.core.errors import Problem
from workflows.core.openpgp import holds
from workflows.layer.facts import facts_of
from workflows.layer.model import Place
from workflows.layer.operations.base import check_known_person, find_person, refuse

if TYPE_CHECKING:
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer, Person

LONGEST_KEY = 1_000_000
"""More bytes than any public key that a person has; a guard against a wrong file."""


def check_key_text(text: str) -> list[Problem]:
    """What is plainly wrong with a key file's text; whether the key is good is gpg's to say."""
    if not text.strip():
        return [Problem("A public PGP key is needed.", "key")]
    if len(text) > LONGEST_KEY:
        return [Problem("This is far larger than a public PGP key.", "key")]
    return []


def key_goes(layer: Layer, person: Person) -> bool:
    """Whether a person's key file goes with the person: nobody else uses it, here or by a symbolic link."""
    path = person.key_file
    return (
        path is not None
        and path not in layer.files.linked
        and not any(one.key_file == path and one.iam_name != person.iam_name for one in layer.people)
    )


def with_key_text(files: FileSet, path: str, data: bytes) -> FileSet:
    """The files with a key written to its place; a file that other layers may use is left alone.

    Raises:
        EditRefused: it holds another key and other layers may use it.
    """
    if path in files.linked:
        what = f"{path} is another key, and is left alone."
        raise refuse(what, "A symbolic link leads to it, so other layers may use it.", Place(path, 1))
    return files.with_key(path, data)


@dataclass(frozen=True)
class ReplaceKey:
    """Replace a person's key file; every password and access key made with it is then made anew.

    Attributes:
        name: the IAM user name.
        key_text: the new public key, as the file will hold it; the same key leaves the file alone.
    """

    name: str
    key_text: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name or the key; whom else it is about, as a warning."""
        problems = [*check_known_person(layer, self.name), *check_key_text(self.key_text)]
        sharing = self.shared_with(layer)
        if sharing:
            message = f"The same key file serves {', '.join(sharing)}: their secrets are made anew too."
            problems.append(Problem(message, "key", fatal=False))
        return problems

    def shared_with(self, layer: Layer) -> tuple[str, ...]:
        """The other users of the same key file."""
        person = layer.person(self.name)
        if person is None or person.key_file is None:
            return ()
        return tuple(
            one.iam_name
            for one in layer.people
            if one.key_file == person.key_file and one.iam_name != person.iam_name
        )

    def apply(self, layer: Layer) -> FileSet:
        """The files with the key replaced; the very same files if it is the same key.

        Raises:
            EditRefused: the layer does not say where the person's key is, or other layers may use the file.
        """
        path, data = self._path(layer), self.key_text.encode()
        present = layer.files.keys.get(path)
        unchanged = present is not None and holds(present, data)
        return layer.files if unchanged else with_key_text(layer.files, path, data)

    def intend(self, layer: Layer) -> Facts:
        """The facts with another key in the file."""
        facts, path, data = facts_of(layer), self._path(layer), self.key_text.encode()
        present = facts.keys.get(path)
        unchanged = present is not None and holds(present, data)
        return facts if unchanged else replace(facts, keys={**facts.keys, path: data})

    def _path(self, layer: Layer) -> str:
        person = find_person(layer, self.name)
        if person.key_file is None:
            raise refuse(f"The key file of {self.name} is not known.", "It is computed.", person.place)
        return person.key_file
