"""Key files: their paths in the configuration, whether two hold the same key, replacing and renaming one."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tree_sitter import Node

from workflows.core.openpgp import holds
from workflows.core.sentences import Problem
from workflows.hcl.document import Block, Document, Splice, unwrap
from workflows.hcl.values import field_mark, fields_at, fields_of, plain_string, quote
from workflows.layer.edit.cloning import replacing
from workflows.layer.edit.operation import (
    Change,
    check_known_person,
    find_person,
    key_facts,
    person_fact,
    refuse,
)
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Person, Place, Style, place_of
from workflows.layer.read.declarations import (
    VALUE,
    key_path_node,
    module_of,
    template,
)

_QUOTES = {"quoted_template_start", "quoted_template_end"}
_IN_FOLDER = ["template_interpolation", "template_literal"]
_FOLDER = {"${path.module}", "${path.root}"}
_MACHINE = "machine."


class PathText(NamedTuple):
    """The literal text of a path: the whole string, or the part after `${path.module}` or `${path.root}`.

    Attributes:
        document: the document that contains it.
        node: its node.
        text: the text without quotes.
        quoted: whether the node includes the quotes.
        lead: the prefix that the module adds.
        tail: the suffix that the module adds.
    """

    document: Document
    node: Node
    text: str
    quoted: bool
    lead: str = ""
    tail: str = ""

    def replaced(self, text: str) -> Splice:
        """Return the splice that replaces the text."""
        return replacing(self.node, quote(text) if self.quoted else text)

    def named(self, file_name: str) -> str:
        """Return the same path with another file name; `./keys/` stays `./keys/`."""
        return self.text[: self.text.rfind("/") + 1] + file_name


def written_path(block: Block) -> PathText | None:
    """Return the literal path of the key of a block of one user, or None if it is computed in another way."""
    document, node = block.document, key_path_node(block)
    if node is None:
        return None
    if plain_string(document, node) is not None:
        return PathText(document, node, document.text(node)[1:-1], quoted=True)
    parts = [child for child in unwrap(node).children if child.type not in _QUOTES]
    first = document.text(parts[0]).replace(" ", "") if parts else ""
    if [part.type for part in parts] == _IN_FOLDER and first in _FOLDER:
        return PathText(document, parts[1], document.text(parts[1]), quoted=False)
    return None


def own_key_path(layer: Layer, person: Person) -> PathText:
    """Find where the path of a person's key file is written.

    Raises:
        EditRefused: the module derives all users' paths from their names, or the path is an expression.
    """
    module = module_of(layer.files, person.module)
    document, entry = module.document, module.entry(person.declaration)
    what = f"The key file of {person.iam_name} can't be renamed."
    place = place_of(module.block.attributes.get("pgp_key") or module.block)
    if module.style is Style.BLOCK:
        own = written_path(module.block)
        if own is None:
            raise refuse(what, "Its path is an expression.", place)
        return own
    marks: dict[str, Node] = {}
    if entry is not None and module.holds_objects:
        fields = fields_at(document, entry)
        marks = {
            field_mark(field): fields[field].value for field in fields_of(module.block) if field in fields
        }
    elif entry is not None and entry.type == "object_elem":
        marks = {VALUE: unwrap(entry.children[2])}
    text = template(module, "pgp_key", layer.names) or ""
    for mark, node in marks.items():
        lead, found, tail = text.partition(mark)
        if found and "\x00" not in lead + tail and node.type == "string_lit":
            return PathText(document, node, document.text(node)[1:-1], True, lead, tail)
    why = f"The Terraform module “{module.label}” names every key file after its user."
    raise refuse(what, why, place)


def key_file_name(siblings: Iterable[Person], name: str) -> str:
    """Name a new key file like most siblings' files: `machine.NAME`, `NAME.asc`, or `NAME`."""
    people = list(siblings)
    parted = (person.key_name.partition(person.iam_name) for person in people)
    habits = Counter((lead, tail) for lead, found, tail in parted if found)
    (lead, tail), number = habits.most_common(1)[0] if habits else (("", ""), 0)
    if number * 2 <= len(people):
        lead = tail = ""
    if lead == _MACHINE and name.startswith(_MACHINE):
        lead = ""
    return lead + name + tail


LONGEST_KEY = 1_000_000
"""More bytes than any person's public key; a guard against a wrong file."""


def check_key_text(text: str) -> Iterator[Problem]:
    """Yield what is obviously wrong with a key file's text; only gpg can judge the key."""
    if not text.strip():
        yield Problem("Add a public PGP key.", "key")
    elif len(text) > LONGEST_KEY:
        yield Problem("This is far larger than a public PGP key.", "key")


def key_goes(layer: Layer, person: Person) -> bool:
    """Return whether to remove a key file with its person: nobody else uses it, here or through a link."""
    shared = person.key_file in layer.files.linked or sharing_key(layer, person.key_file, person.iam_name)
    return person.key_file is not None and not shared


def sharing_key(layer: Layer, path: str | None, name: str = "") -> tuple[str, ...]:
    """Return the IAM names of a key file's users, except `name`; none if the path is unknown."""
    users = (person.iam_name for person in layer.people if path is not None and person.key_file == path)
    return tuple(user for user in users if user != name)


def why_not_shared(layer: Layer, path: str, *, machine: bool) -> str:
    """Return why a user can't share a key file with its current users, or ""."""
    owners = [person.iam_name for person in layer.people if person.key_file == path and not person.machine]
    if machine and not owners:
        return ""
    whose = f"{path} is the key of {', '.join(owners)}. " if owners else ""
    return f"{whose}Only machine users share a key, and only with each other."


def refuse_binary(name: str, block: Block) -> None:
    """Reject writing a key file that the module would encode a second time.

    Raises:
        EditRefused: the module encodes the file itself; the provider would fail on iam-onboard's format.
    """
    if (block.source_of("pgp_key") or "").lstrip('"${ ').startswith("filebase64"):
        raise refuse(
            f"The key of {name} can't be written.",
            f"The Terraform module “{block.label}” reads it with filebase64: iam-onboard writes it for file.",
            place_of(block.attributes["pgp_key"]),
        )


_WIDTH = 76
"""The length of a full line in `key_text`."""


def key_data(files: FileSet, path: str, text: str) -> bytes:
    """Return a key file's content: the current one if it has the same key; on one line if all files are."""
    present, data = files.keys.get(path), text.encode()
    if present is not None and holds(present, data):
        return present
    there = list(files.keys.values())
    on_one_line = there and all(b"\n" not in key.strip() and len(key) > _WIDTH for key in there)
    if not on_one_line or b"-" in data:  # armored text needs its lines
        return data
    return b"".join(data.split()) + (b"\n" if there[-1].endswith(b"\n") else b"")


def with_key_text(files: FileSet, path: str, text: str) -> FileSet:
    """Write a key to its file, but leave a file alone that other layers may use.

    Raises:
        EditRefused: such a file holds another key.
    """
    data = key_data(files, path, text)
    if path in files.linked and files.keys.get(path) != data:
        raise refuse(
            f"{path} is a different key, so iam-onboard leaves it alone.",
            "A symbolic link leads to it, so other layers may use it.",
            Place(path, 1),
        )
    return files.with_key(path, data)


@dataclass(frozen=True)
class ReplaceKey:
    """Replace a person's key file, which resets every password and access key encrypted to it.

    Attributes:
        name: the IAM user name.
        key_text: the new file content; if it is the same key, the file stays unchanged.
    """

    name: str
    key_text: str

    def check(self, layer: Layer) -> Iterator[Problem]:
        """Yield what is wrong with the name or the key, and a warning naming others with the same file."""
        yield from (*check_known_person(layer, self.name), *check_key_text(self.key_text))
        person = layer.person(self.name)
        if person is not None and (sharing := sharing_key(layer, person.key_file, person.iam_name)):
            yield Problem(
                f"The same key file serves {', '.join(sharing)}: their secrets are reset too.",
                "key",
                fatal=False,
            )

    def apply(self, layer: Layer) -> FileSet:
        """Return the files with the key replaced, or unchanged if it is the same key.

        Raises:
            EditRefused: the layer does not show where the person's key is, or other layers may use the file.
        """
        return with_key_text(layer.files, self._path(layer), self.key_text)

    def intend(self, layer: Layer) -> Change:
        """Return the change: the new key."""
        path = self._path(layer)
        present = layer.files.keys.get(path)
        return Change(key_facts(path, present), key_facts(path, key_data(layer.files, path, self.key_text)))

    def _path(self, layer: Layer) -> str:
        person = find_person(layer, self.name)
        if person.key_file is None:
            raise refuse(f"The key file of {self.name} is unknown.", "It is computed.", person.place)
        refuse_binary(self.name, module_of(layer.files, person.module).block)
        return person.key_file


@dataclass(frozen=True)
class RenameKeyFile:
    """Rename a person's key file within its folder; if others use it, it stays for them.

    A machine user whose key file is missing can share an existing one.

    Attributes:
        name: the IAM user name.
        file_name: the file's new name, without folders.
    """

    name: str
    file_name: str

    def check(self, layer: Layer) -> Iterator[Problem]:
        """Yield what is wrong with the names."""
        yield from check_known_person(layer, self.name)
        is_name = re.fullmatch(r"[A-Za-z0-9_+=,@-][A-Za-z0-9_+=,.@-]*", self.file_name) is not None
        if not is_name:
            yield Problem(
                (
                    "A key file's name has only letters, digits and  + = , . @ _ -  and doesn't begin with "
                    "a dot."
                ),
                "file_name",
            )
        person = layer.person(self.name)
        if person is None or not person.editable or not is_name:
            return
        path = self._path(person)
        present, there = layer.files.keys.get(str(person.key_file)), layer.files.keys.get(path)
        if there is not None and present is not None and not holds(there, present):
            yield Problem(
                f"There is already a file {path}, with another key. It would reset what {self.name} has.",
                "file_name",
            )
        elif present is None and there is None:
            yield Problem(f"Neither {person.key_file} nor {path} exists.", "file_name")
        elif present is None and (why := why_not_shared(layer, path, machine=person.machine)):
            yield Problem(f"{person.key_file} doesn't exist. {why}", "file_name")

    def apply(self, layer: Layer) -> FileSet:
        """Return the files with the key under its new name.

        Raises:
            EditRefused: the module derives all users' paths from their names, or the path is an expression.
        """
        person = find_person(layer, self.name)
        own = own_key_path(layer, person)
        path = self._path(person)
        text = own.named(self.file_name).removesuffix(own.tail)
        inside = text if own.quoted else text.removeprefix("/")  # it follows ${path.module}
        if posixpath.normpath(f"{own.lead}{inside}{own.tail}") != path:
            raise refuse(
                f"The key file of {person.iam_name} can't be named {self.file_name}.",
                f"The module asks for {own.lead}…{own.tail}.",
                person.place,
            )
        files = layer.files.spliced(own.document, [own.replaced(text)])
        for name, data in self._keys(layer, person).items():
            files = files.with_key(name, data)
        return files

    def intend(self, layer: Layer) -> Change:
        """Return the change: the key under its new name."""
        person, known = find_person(layer, self.name), layer.files.keys
        keys = self._keys(layer, person)
        lost = [fact for path in keys for fact in key_facts(path, known.get(path))]
        gained = [fact for key in keys.items() for fact in key_facts(*key)]
        renamed = person_fact(person._replace(key_file=self._path(person)))
        return Change([person_fact(person), *lost], [renamed, *gained])

    def _path(self, person: Person) -> str:
        return posixpath.join(posixpath.dirname(str(person.key_file)), self.file_name)

    def _keys(self, layer: Layer, person: Person) -> dict[str, bytes | None]:
        """Return the key files that change: the new one, and the old one if nobody else uses it."""
        old, new = str(person.key_file), self._path(person)
        if old == new:
            return {}
        written = {new: layer.files.keys[old]} if new not in layer.files.keys else {}
        goes = old in layer.files.keys and key_goes(layer, person)
        return {**written, **({old: None} if goes else {})}
