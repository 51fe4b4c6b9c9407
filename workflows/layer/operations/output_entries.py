"""A person's entries in the outputs that collect people: cloned from a sibling's, and taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.collected import collections_of
from workflows.layer.operations.cloning import cloned, replacing
from workflows.layer.operations.entries import aligned_as
from workflows.layer.operations.spelling import Renaming, in_place_of
from workflows.layer.references import references_in, written
from workflows.layer.sequences import insert_entry, position_for, remove_entry
from workflows.layer.values import object_key, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workflows.layer.collected import CollectedEntry, Collection, Owner
    from workflows.layer.files import FileSet
    from workflows.layer.operations.person_outputs import Somebody
    from workflows.layer.syntax import Document, Splice


def outputs_to_join(files: FileSet, person: Somebody, siblings: Sequence[Somebody]) -> list[str]:
    """The labels of the outputs that a person gets an entry in: at least half of its siblings have one."""
    return [one.block.label for one, _, _ in _to_join(files, person, siblings)]


def add_entries(files: FileSet, person: Somebody, siblings: Sequence[Somebody]) -> FileSet:
    """The files with a person's entries in the outputs of `outputs_to_join`."""
    for label in outputs_to_join(files, person, siblings):
        found = next(one for one in _to_join(files, person, siblings) if one[0].block.label == label)
        files = files.with_document(_with_entry(*found, person))
    return files


def remove_entries(files: FileSet, owner: Owner) -> FileSet:
    """The files without a person's entries in the outputs that collect people."""
    while True:
        found = [
            (one, entry) for one in collections_of(files) for entry in one.entries if entry.owner == owner
        ]
        if not found:
            return files
        collection, entry = found[0]
        document, container = collection.document, collection.container
        edited = document.splice(remove_entry(document, container, entry.position))
        files = files.with_document(aligned_as(document, edited, container.start_byte))


def _to_join(
    files: FileSet, person: Somebody, siblings: Sequence[Somebody]
) -> Iterator[tuple[Collection, CollectedEntry, Somebody]]:
    """The outputs to join, each with the entry to follow and whose it is."""
    by_owner = {one.owner: one for one in siblings}
    for collection in collections_of(files):
        present = {one.owner: one for one in collection.entries if one.owner in by_owner}
        if person.owner in {one.owner for one in collection.entries} or len(present) * 2 < len(by_owner):
            continue
        fitting = [
            one for one in present.values() if _key(collection, one, by_owner[one.owner], person) is not None
        ]
        if fitting:
            key = _key(collection, fitting[0], by_owner[fitting[0].owner], person) or person.sorted_by
            nearest = fitting[max(_position(collection, fitting, key) - 1, 0)]
            yield collection, nearest, by_owner[nearest.owner]


def _position(collection: Collection, entries: Sequence[CollectedEntry], key: str) -> int:
    """Before which of some entries one goes; in a list, they are sorted by whose they are."""
    document = collection.document
    if collection.container.type == "tuple":
        return position_for([one.owner[1] or one.owner[0] for one in entries], key)
    return position_for([object_key(document, one.node) or "" for one in entries], key)


def _key(collection: Collection, entry: CollectedEntry, sibling: Somebody, person: Somebody) -> str | None:
    """The key of the person's entry by a sibling's example; "" in a list, None if there is none to follow."""
    if collection.container.type == "tuple":
        return ""
    key = object_key(collection.document, entry.node) or ""
    for mine, theirs in (
        (sibling.owner[1], person.owner[1]),
        (sibling.owner[0], person.owner[0]),
        (sibling.name, person.name),
    ):
        if key == mine:
            return theirs
    return in_place_of(key, sibling.name, person.name)


def _with_entry(
    collection: Collection, entry: CollectedEntry, sibling: Somebody, person: Somebody
) -> Document:
    document, container = collection.document, collection.container
    key = _key(collection, entry, sibling, person)
    changes: list[Splice] = []
    if key:
        node = entry.node.children[0]
        quoted = document.text(node).startswith('"') or not key.isidentifier()
        changes.append(replacing(node, quote(key) if quoted else key))
    for reference, node in references_in(document, entry.node):
        changes.append(replacing(node, written(reference.to(person.owner))))
    text = cloned(document, entry.node, changes, Renaming(sibling.name, person.name)).decode()
    place = _position(collection, collection.entries, key or person.sorted_by)
    followers = collection.entries[place:]
    position = followers[0].position if followers else collection.entries[-1].position + 1
    edited = document.splice(insert_entry(document, container, text, position))
    return aligned_as(document, edited, container.start_byte)
