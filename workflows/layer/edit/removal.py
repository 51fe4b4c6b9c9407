"""Removing a person: entry, key file, groups and outputs, and what of them stays behind."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from workflows.core.counts import listed
from workflows.core.errors import Problem
from workflows.core.sentences import Sentence
from workflows.hcl.document import Document, remembered
from workflows.hcl.lists import edited_list, entry_keys, remove_entry
from workflows.hcl.values import fields_at
from workflows.layer.edit.block_style import without_block
from workflows.layer.edit.cloning import spellings, where_named
from workflows.layer.edit.facts import Facts, facts_of
from workflows.layer.edit.key_files import key_goes
from workflows.layer.edit.members import remove_member
from workflows.layer.edit.operation import check_known_person, find_person, refuse
from workflows.layer.edit.outputs import remove_outputs, without_outputs
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Owner, Person, Place, Style
from workflows.layer.read.declarations import module_of, user_modules
from workflows.layer.read.instances import shortened
from workflows.layer.read.references import mentions, place_on_disk

_MOST = 5
"""So many places are named."""
_STAYING = {
    True: "Comments that name {} stay: {}. Clean them up by hand.",
    False: "Other lines that name {} stay: {}. Check whether they're still wanted.",
}
_LONGEST = 200
"""Letters of a value, which may be the address of a module."""


@dataclass(frozen=True)
class RemovePerson:
    """Remove a person.

    Attributes:
        name: the IAM user name.
    """

    name: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name; what stays behind and what a later user lacks, as warnings.

        Raises:
            EditRefused: as for `apply`.
        """
        problems = check_known_person(layer, self.name)
        person = layer.person(self.name)
        if problems or person is None:
            return problems
        notes: list[Sentence] = []
        if person.key_file in layer.files.linked:
            notes.append(f"{person.key_file} stays: a symbolic link leads to it, so other layers may use it.")
        left = list(_left(layer.files, self.apply(layer), person))
        for in_comments, words in _STAYING.items():
            places = [str(place) for place, in_comment in left if in_comment is in_comments]
            if places:
                notes.append(words.format(person.iam_name, listed(places, _MOST)))
        notes += _last_of_a_kind(layer, person)
        return [Problem(one, "name", fatal=False) for one in notes]

    def apply(self, layer: Layer) -> FileSet:
        """The files without the person; a key file that others use stays.

        Raises:
            EditRefused: a group that the person is in cannot be edited, or something else refers to the
                person.
        """
        person = find_person(layer, self.name)
        known = _removals_of(layer.files)
        if person.owner not in known:
            known[person.owner] = self._removed(layer, person)
        return known[person.owner]

    def _removed(self, layer: Layer, person: Person) -> FileSet:
        what = f"{person.iam_name} cannot be removed."
        inside = [one for one in layer.groups if person.iam_name in one.members]
        joined = [one for one in inside if person.iam_name not in one.followed]
        for group in joined:
            if not group.editable:
                why = f"It is in the group {group.name}, whose members are not edited: {group.reason}."
                raise refuse(what, why, group.place)
        files = remove_member(layer.files, {one.label for one in joined}, person)
        files = remove_outputs(files, person.owner)
        files = _undeclared(files, person)
        if key_goes(layer, person):
            files = files.with_key(str(person.key_file), None)
        left = next(mentions(files, *person.owner), None)
        if left is not None:
            why = "Something else in the layer refers to it, and Terraform would fail on that."
            raise refuse(what, why, place_on_disk(layer.files, files, left, *person.owner))
        return files

    def intend(self, layer: Layer) -> Facts:
        """The facts without the person."""
        facts, person = facts_of(layer), find_person(layer, self.name)
        name = person.iam_name
        gone = person.key_file if key_goes(layer, person) else None
        return replace(
            without_outputs(facts, name),
            people={other: one for other, one in facts.people.items() if other != name},
            groups={
                label: group._replace(members=tuple(one for one in group.members if one != name))
                for label, group in facts.groups.items()
            },
            keys={path: data for path, data in facts.keys.items() if path != gone},
        )


@remembered
def _removals_of(_: FileSet) -> dict[Owner, FileSet]:
    """A layer's files without each person, which checking and editing ask for in turn."""
    return {}


def _left(before: FileSet, after: FileSet, person: Person) -> Iterator[tuple[Place, bool]]:
    """Where a removed person is still named, in the files as they are, and whether that is in a comment."""
    for name, document in before.documents.items():
        there = _lines_naming(document, person.iam_name)
        rest = _lines_naming(after.documents[name], person.iam_name) if there else []
        left = Counter(line for _, line, _ in rest)
        for place, line, in_comment in there:
            if left[line]:
                left[line] -= 1
                yield place, in_comment


def _lines_naming(document: Document, name: str) -> list[tuple[Place, bytes, bool]]:
    """The lines that name a user, with their text and whether a comment does.

    For a name of a single word the search covers comments only: elsewhere it may be anything.
    """
    lines: dict[int, tuple[bytes, bool]] = {}
    for start, end in where_named(document.data.decode("latin-1"), name):
        first = document.line_start(start)
        line = document.data[first : document.line_end(end)]
        in_comment = _in_comment(document, start, end, line)
        if in_comment or len(spellings(name)[0].split("_")) > 1:
            lines.setdefault(document.data.count(b"\n", 0, start), (line, in_comment))
    return [(Place(document.name, row + 1), line, kind) for row, (line, kind) in lines.items()]


def _in_comment(document: Document, start: int, end: int, line: bytes) -> bool:
    """Whether some bytes of a line are in a comment; the tree is asked where the top level can't tell."""
    number = bisect_right(document.comments, start, key=lambda one: one.start_byte) - 1
    if number >= 0 and end <= document.comments[number].end_byte:
        return True
    if b"#" not in line and b"//" not in line and document.data.find(b"/*", 0, start) < 0:
        return False
    node = document.root.descendant_for_byte_range(start, end)
    return node is not None and node.type == "comment"


def _last_of_a_kind(layer: Layer, person: Person) -> Iterator[Sentence]:
    """What a later user would have been made like, where nobody is left to follow."""
    single = person.style is Style.BLOCK
    alike = (one for one in layer.people if one.style is person.style)
    kin = [one for one in alike if single or one.module == person.module]
    module = module_of(layer.files, person.module)
    entry = module.entry(person.declaration)
    attributes = module.block.attributes if single else fields_at(module.document, entry) if entry else {}
    if len(kin) > 1 or not attributes:
        return
    sets = [
        f"{name} = {shortened(one.document, one.value, _LONGEST)}"
        for name, one in attributes.items()
        if name not in {"name", "pgp_key"}
    ]
    key = f" The key file {person.key_file} {'is deleted' if key_goes(layer, person) else 'stays'}."
    yield (
        f"After {person.iam_name} there is nobody left to make a new user like. Keep a note of what is set: "
        f"{', '.join(sets)}.{key if person.key_file else ''}"
    )


def _undeclared(files: FileSet, person: Person) -> FileSet:
    """The files without what declares a person, however often it is declared."""
    if person.style is Style.BLOCK:
        return without_block(files, person)
    while True:
        modules = [one for one in user_modules(files) if one.label == person.module]
        module = next((one for one in modules if one.entry(person.declaration) is not None), None)
        if module is None or module.container is None:
            return files
        document, container = module.document, module.container
        position = entry_keys(document, container).index(person.declaration)
        splices = remove_entry(document, container, position)
        files = files.with_document(edited_list(document, container, splices))
