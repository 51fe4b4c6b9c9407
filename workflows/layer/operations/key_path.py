"""The path of a key file as it is written: where its literal text stands, and how a team names the files."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.document import unwrap
from workflows.layer.operations.cloning import replacing
from workflows.layer.values import plain_string, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

    from workflows.layer.document import Document, Splice
    from workflows.layer.model import Person

_QUOTES = {"quoted_template_start", "quoted_template_end"}
_IN_FOLDER = ["template_interpolation", "template_literal"]
_MACHINE = "machine."


class PathText(NamedTuple):
    """The literal text of a path: the whole string, or what follows `${path.module}` in it.

    Attributes:
        node: where it stands.
        text: what it says, without quotes.
        quoted: whether the node has quotes of its own.
    """

    node: Node
    text: str
    quoted: bool

    def replaced(self, text: str) -> Splice:
        """The splice that puts another text in its place."""
        return replacing(self.node, quote(text) if self.quoted else text)

    def named(self, file_name: str) -> str:
        """The same path with another file name, as it is written: `./keys/` stays `./keys/`."""
        return self.text[: self.text.rfind("/") + 1] + file_name


def path_text(document: Document, node: Node) -> PathText | None:
    """The literal text of a path; None where it is computed in another way."""
    if plain_string(document, node) is not None:
        return PathText(node, document.text(node)[1:-1], quoted=True)
    parts = [one for one in unwrap(node).children if one.type not in _QUOTES]
    first = document.text(parts[0]).replace(" ", "") if parts else ""
    if [one.type for one in parts] == _IN_FOLDER and first == "${path.module}":
        return PathText(parts[1], document.text(parts[1]), quoted=False)
    return None


def key_file_name(siblings: Iterable[Person], name: str) -> str:
    """The name of a new key file, as most siblings' are made: `machine.NAME`, `NAME.asc`, or `NAME`."""
    people = list(siblings)
    habits = Counter(habit for one in people if (habit := _habit(one)) is not None)
    (lead, tail), number = habits.most_common(1)[0] if habits else (("", ""), 0)
    if number * 2 <= len(people):
        lead = tail = ""
    if lead == _MACHINE and name.startswith(_MACHINE):
        lead = ""
    return lead + name + tail


def _habit(person: Person) -> tuple[str, str] | None:
    """What stands before and behind a person's name in the name of its key file."""
    lead, found, tail = posixpath.basename(person.key_file or "").partition(person.iam_name)
    return (lead, tail) if found else None
