"""Outputs that collect people: a map or list with an entry for each, written out by hand.

`value = { "jane.doe" = module.user["jane.doe"].iam_user_name, … }`. One that a `for` makes needs no entries
and is none of these; neither is an output about one person alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from workflows.layer.references import references_in
from workflows.layer.values import object_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

    from workflows.layer.files import FileSet
    from workflows.layer.syntax import Block, Document

Owner = tuple[str, str | None]
"""A module's label and an instance's key (None without instances): what a reference names."""
_APART = re.compile(r"[^0-9A-Za-z]+")


class CollectedEntry(NamedTuple):
    """A person's entry.

    Attributes:
        position: which of the container's entries it is.
        node: its node: a list's expression, or a map's element.
        owner: whose it is.
    """

    position: int
    node: Node
    owner: Owner


class Collection(NamedTuple):
    """An output that collects people.

    Attributes:
        block: the output.
        container: its list or map.
        entries: those of people, in their order; there may be others between them.
    """

    block: Block
    container: Node
    entries: tuple[CollectedEntry, ...]

    @property
    def document(self) -> Document:
        """The document that it is in."""
        return self.block.document


def collections_of(files: FileSet) -> list[Collection]:
    """The outputs that collect people, in the order of the files."""
    if files not in _known:
        _known[files] = [
            found
            for document in files.documents.values()
            for block in (() if document.is_plain else document.blocks_of("output"))
            if (found := collection_of(block)) is not None
        ]
    return _known[files]


_known: WeakKeyDictionary[FileSet, list[Collection]] = WeakKeyDictionary()


def collection_of(block: Block) -> Collection | None:
    """What an output collects; None if it does not collect people."""
    value = block.attributes.get("value")
    container = value.value if value is not None else None
    if container is None or container.type not in {"tuple", "object"}:
        return None
    document = block.document
    found = []
    for position, node in enumerate(document.elements(container)):
        owners = {reference.owner for reference, _ in references_in(document, node)}
        if len(owners) == 1:
            found.append(CollectedEntry(position, node, owners.pop()))
    if container.type == "object":
        found = [one for one in found if _is_keyed(document, one)]
    elif not _is_for_several(block, found):
        found = []
    return Collection(block, container, tuple(found)) if found else None


def _is_keyed(document: Document, entry: CollectedEntry) -> bool:
    """Whether an entry's key names the person: `auditor_ci` for `module.user_auditor_ci`, not `username`."""
    key = object_key(document, entry.node)
    return key is not None and _names(key, entry.owner)


def _is_for_several(block: Block, entries: Sequence[CollectedEntry]) -> bool:
    """Whether a list is for several people: it repeats nobody, and is not labelled after its only one."""
    owners = [one.owner for one in entries]
    if len(set(owners)) < len(owners):
        return False
    return len(owners) > 1 or not any(_slug(one[1] or one[0]) in _slug(block.label) for one in owners)


def _names(text: str, owner: Owner) -> bool:
    mine, theirs = _slug(text), _slug(owner[1] or owner[0])
    return mine == theirs or mine.endswith(f"_{theirs}") or theirs.endswith(f"_{mine}")


def _slug(text: str) -> str:
    return _APART.sub("_", text).lower()
