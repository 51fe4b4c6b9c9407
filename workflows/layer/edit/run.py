"""Run operations on layers in memory, and compare each result with its intent.

Three guards stand between an operation and the disk: the edited files must parse with tree-sitter as a
whole, the changed parts also with pygohcl, because tree-sitter accepts some text that Terraform rejects, and
the layer read back from them must have exactly the facts that the operation intends. If anything fails,
nothing has been written.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from workflows.core.garbage import collection_paused
from workflows.core.sentences import Problem, Sentence, joined, listed
from workflows.hcl.document import Document
from workflows.hcl.index import Item
from workflows.hcl.parsing import parse_hcl
from workflows.hcl.values import quote
from workflows.layer.edit.account import short_passwords
from workflows.layer.edit.cloning import spellings, where_named
from workflows.layer.edit.operation import EditRefused, Operation, facts_of, refuse
from workflows.layer.model import Layer, Person, Place
from workflows.layer.names import short_policy
from workflows.layer.read.layer import read_files
from workflows.layer.write import FileChange, refuse_protected

_LONG = 600
"""Lists and maps shorter than this, in bytes, are checked whole."""

_NAMED = 3
_ADMIN = "AdministratorAccess"
_NEIGHBOURS = 3
"""How many entries on either side of a change are checked with it."""


class EditUnsafe(EditRefused):
    """An edit did not do exactly what was intended, so it was discarded."""


def check(layer: Layer, operations: Sequence[Operation]) -> list[Problem]:
    """Return what is wrong with a sequence of operations, each checked on the result of those before.

    Raises:
        EditRefused: the layer's shape does not allow one of them.
    """
    problems: list[Problem] = []
    for number, operation in enumerate(operations, 1):
        found = list(operation.check(layer))
        problems += found
        if any(problem.fatal for problem in found):
            break
        if number < len(operations):
            layer = _run(layer, operation)
    return problems


@dataclass(frozen=True)
class Edit:
    """The result of some operations on a layer, in memory.

    Attributes:
        before: the layer on disk.
        after: the edited layer.
        warnings: non-fatal problems from the operations' checks.
    """

    before: Layer
    after: Layer
    warnings: tuple[Problem, ...]

    @property
    def left_sentences(self) -> tuple[Sentence, ...]:
        """Where the edited files still name removed people, or keep comments above their former lines."""
        return (*_left_behind(self.before, self.after), *_left_above(self.before, self.after))

    @property
    def emptied_sentences(self) -> tuple[Sentence, ...]:
        """One sentence naming the groups that stay but lose their last member, or nothing."""
        after = {group.name: group for group in self.after.groups}
        there = [group.name for group in self.before.groups if group.members and group.name in after]
        emptied = [name for name in there if not after[name].members and not after[name].computed]
        stays = "The empty group stays." if len(emptied) == 1 else "Empty groups stay."
        return (f"nobody is left in {listed(emptied, _NAMED)}. {stays}",) if emptied else ()

    @property
    def alone_sentences(self) -> tuple[Sentence, ...]:
        """One sentence naming the people who join without a group or leave their last one, or nothing."""
        were = {person.iam_name: person.groups for person in self.before.people}
        alone = [
            each.iam_name for each in self.after.people if not each.groups and were.get(each.iam_name, True)
        ]
        return (f"{listed(alone, _NAMED)} will be in no group.",) if alone else ()

    @property
    def administrator_sentences(self) -> tuple[Sentence, ...]:
        """A sentence each naming those who lose or get their only group of administrators, and stay."""
        were, are = _administrators(self.before), _administrators(self.after)
        changed = (
            ([name for name in were if name not in are and self.after.person(name)], "no"),
            ([name for name in are if name not in were and self.before.person(name)], "a"),
        )
        return tuple(
            f"{listed(names, _NAMED)} will be in {any_} group with {_ADMIN}."
            for names, any_ in changed
            if names
        )


def _administrators(layer: Layer) -> list[str]:
    """Return the IAM names of people in groups with AWS's policy for administrators."""
    groups = {group.name for group in layer.groups if _ADMIN in map(short_policy, group.policies)}
    return [person.iam_name for person in layer.people if not groups.isdisjoint(person.groups)]


def edit(layer: Layer, operations: Iterable[Operation]) -> Edit:
    """Run some operations in memory.

    Raises:
        EditRefused: an operation's request is wrong, or the layer's shape does not allow it.
        EditUnsafe: the result is not what was intended; the editor's fault, not the person's.
    """
    after, warnings = layer, list[Problem]()
    with collection_paused():
        for operation in operations:
            problems = list(operation.check(after))
            if fatal := [problem.message for problem in problems if problem.fatal]:
                raise EditRefused(
                    "Can't make this change", joined(fatal), next="Change the request and try again."
                )
            warnings += problems
            after = _run(after, operation)
        for name, document in after.files.documents.items():
            if (before := layer.files.documents.get(name)) is not document:
                _check_syntax(before, document)
    return Edit(layer, after, tuple(warnings))


def changes_of(made: Edit, getting: Iterable[str] | None = None) -> list[FileChange]:
    """Return the changes of an edit, file by file; nothing is written.

    Args:
        getting: IAM names that get a password, which AWS must accept; by default the new users.

    Raises:
        EditRefused: AWS would reject a password, or a changed file is a symbolic link.
        Protected: a changed file can't be written.
    """
    layer, edited = made.before, made.after
    new = [person.iam_name for person in edited.people if layer.person(person.iam_name) is None]
    for short in short_passwords(edited, new if getting is None else getting):
        raise short.refusal()
    changes: list[FileChange] = []
    present, wanted = layer.files.contents, edited.files.contents
    for name in {**present, **wanted}:
        before, after = present.get(name), wanted.get(name)
        if before != after:
            location = layer.location
            path = Path(os.path.normpath(location.path / name))
            if path.is_symlink():
                raise refuse(
                    f"iam-onboard leaves {name} alone.",
                    "It is a symbolic link: other layers may use the file that it leads to.",
                    Place(name, 1),
                )
            changes.append(FileChange(location.relative, name, path, before, after))
    refuse_protected({change.shown: change.path for change in changes})
    return changes


def _run(layer: Layer, operation: Operation) -> Layer:
    intended, change = facts_of(layer).copy(), operation.intend(layer)
    intended.subtract(change.lost)
    intended.update(change.gained)
    edited = read_files(layer.location, operation.apply(layer))
    if dict(facts := facts_of(edited)) != dict(intended := +intended):  # Counter compares slowly
        different = (intended - facts) + (facts - intended)
        named = (
            f"{kind}: {' '.join(part for part in fact[:2] if isinstance(part, str))}"
            for kind, fact in different
        )
        raise EditUnsafe(
            "The edit was discarded",
            f"{type(operation).__name__} wouldn't have done exactly what it should.",
            why="The edited layer, read back, differs from the intended one.",
            next="Nothing was written. Make this change by hand, and report it with the lines below.",
            detail=joined(named, "\n"),
        )
    return edited


def _check_syntax(before: Document | None, after: Document) -> None:
    text = _changed_part(before, after)
    error = f"{after.name}:{after.broken_at}: not HCL" if after.broken else ""
    if not error:
        try:
            parse_hcl(text.decode())
        except ValueError as reason:
            error = str(reason)
    if error:
        raise EditUnsafe(
            "The edit was discarded",
            f"{after.name} wouldn't have been valid HCL.",
            next="Nothing was written. Make this change by hand, and report it with the lines below.",
            detail=error,
        )


def _changed_part(before: Document | None, after: Document) -> bytes:
    """Return the changed top-level blocks, without most unchanged entries of long lists.

    All other blocks keep their bytes, and the changed ones stand on lines of their own, so the file is
    exactly as valid as these blocks.
    """
    old = before.data if before is not None else b""
    start, end = _difference(old, after.data)
    items = before.items if before is not None else ()
    old_end = len(old) - len(after.data) + end
    near = _near(items, start, old_end)
    known = {old[item.start_byte : item.end_byte] for item in near}
    earlier = {item.header: old[item.start_byte : item.end_byte] for item in near if item.header}
    parts = [
        _part(after, item, earlier.get(item.header, b""))
        for item in _near(after.items, start, end)
        if after.data[item.start_byte : item.end_byte] not in known
    ]
    return b"\n".join(parts).replace(b"\r\n", b"\n")


def _near(items: Sequence[Item], start: int, end: int) -> list[Item]:
    """Return the items that a byte range touches."""
    first = bisect_left(items, start, key=lambda item: item.end_byte)
    return list(takewhile(lambda item: item.start_byte <= end, items[first:]))


def _part(after: Document, item: Item, old: bytes) -> bytes:
    first, last = after.line_start(item.start_byte), after.line_end(item.end_byte)
    start, end = _difference(old, after.data[item.start_byte : item.end_byte])
    text = after.data[first:last]
    for cut_start, cut_end in reversed(_same_entries(after, item.start_byte + start, item.start_byte + end)):
        text = text[: cut_start - first] + b"\n" + text[cut_end - first :]
    return text


def _same_entries(after: Document, start: int, end: int) -> list[tuple[int, int]]:
    """Return the spans of unchanged entries around a change in a long list or map, except near neighbours.

    They are separate expressions with unchanged bytes, so the change is just as valid without them; parsing
    thousands of them would take longer than everything else.
    """
    if after.is_plain or end - start > _LONG or after.broken:
        return []
    node = after.root.descendant_for_byte_range(start, max(start, end - 1))
    while node is not None and (
        node.type not in {"tuple", "object"} or node.end_byte - node.start_byte < _LONG
    ):
        node = node.parent
    if node is None:
        return []
    entries = after.elements(node)
    starts = [entry.start_byte for entry in entries]
    low = max(0, bisect_left(starts, start) - _NEIGHBOURS)
    high = min(len(entries) - 1, bisect_left(starts, end) + _NEIGHBOURS)
    before = (node.start_byte + 1, starts[low])
    behind = (entries[high].end_byte, node.end_byte - 1)
    return [span for span in (before, behind) if span[1] - span[0] > _LONG // 2]


def _difference(left: bytes, right: bytes) -> tuple[int, int]:
    """Return the range of `right` that differs from `left`."""
    start = _common_prefix(left, right)
    return start, len(right) - _common_prefix(left[start:][::-1], right[start:][::-1])


def _common_prefix(left: bytes, right: bytes) -> int:
    """Return the length of the common prefix."""
    same, most = 0, min(len(left), len(right))
    while same < most:  # binary search: each byte is compared once
        half = (same + most + 1) // 2
        if left.startswith(right[same:half], same):
            same = half
        else:
            most = half - 1
    return same


# -- what still names removed people --------------------------------------------------------------------

_MOST_PLACES = 5
"""How many places to list."""
_STAYING = {
    True: "Comments that name {} stay: {}. Clean them up by hand.",
    False: "Other lines that name {} stay: {}. Check whether they're still wanted.",
}


def _left_behind(before: Layer, after: Layer) -> Iterator[Sentence]:
    """Yield the places, in the edited files, that name people who were removed.

    Lines that name a group are skipped unless they are comments: they concern that group.
    """
    staying = {person.iam_name for person in after.people}
    of_groups = [quote(word).encode() for group in before.groups for word in (group.name, group.label)]
    for name in (person.iam_name for person in before.people if person.iam_name not in staying):
        found = [
            each for document in after.files.documents.values() for each in _lines_naming(document, name)
        ]
        for in_comments, remark in _STAYING.items():
            places = [
                str(place)
                for place, line, in_comment in found
                if in_comment is in_comments and (in_comment or not any(word in line for word in of_groups))
            ]
            if places:
                yield remark.format(name, listed(places, _MOST_PLACES))


_ABOVE = "Comments above lines of {} stay: {}. Check whether they still fit what follows."
_SUBJECT = re.compile(rb"[\w-]+(?==)")
"""What a line is about if an attribute or a bare key begins it, without blanks."""


def _left_above(before: Layer, after: Layer) -> Iterator[Sentence]:
    """Yield the comments that stood directly above lines of people who left, and that now precede others."""
    both = [(document, after.files.documents.get(name)) for name, document in before.files.documents.items()]
    changed = [(old, new) for old, new in both if new is not None and new is not old]
    for person in before.people:
        now = after.person(person.iam_name)
        if changed and (now is None or now.groups != person.groups):
            found = [str(place) for pair in changed for place in _comments_above(*pair, person)]
            if found:
                yield _ABOVE.format(person.iam_name, listed(found, _MOST_PLACES))


def _comments_above(before: Document, after: Document, person: Person) -> Iterator[Place]:
    """Yield where such comments are after the edit, except those that name the person."""
    old, new = (
        [b"".join(line.split()).rstrip(b",") for line in (document.data + b"\n").split(b"\n")]
        for document in (before, after)
    )
    spans = list(where_named(before.data.decode("latin-1"), person.iam_name))
    rows = {before.data.count(b"\n", 0, start) for start, _ in spans}
    own = {person.place.line - 1} if person.place.file == before.name else set[int]()
    for row in sorted((rows | own) - {0}):
        comment, line = old[row - 1], old[row]
        there = [at for at, text in enumerate(new) if text == comment]
        if (
            re.match(rb"(?:#|//|/\*).*\w", comment)
            and row - 1 not in rows
            and len(there) == old.count(comment)
            and _subject(new[(at := there[old[: row - 1].count(comment)]) + 1]) != _subject(line)
        ):
            yield Place(after.name, at + 1)


def _subject(line: bytes) -> bytes:
    return found[0] if (found := _SUBJECT.match(line)) else line


def _lines_naming(document: Document, name: str) -> list[tuple[Place, bytes, bool]]:
    """Return the lines that name a user, with their text and whether the name is in a comment.

    A one-word name is only searched for in comments: elsewhere it may mean anything.
    """
    lines: dict[int, tuple[bytes, bool]] = {}
    for start, end in where_named(document.data.decode("latin-1"), name):
        line = document.data[document.line_start(start) : document.line_end(end)]
        in_comment = _in_comment(document, start, end, line)
        if in_comment or len(spellings(name)[0].split("_")) > 1:
            lines.setdefault(document.data.count(b"\n", 0, start), (line, in_comment))
    return [(Place(document.name, row + 1), line, kind) for row, (line, kind) in lines.items()]


def _in_comment(document: Document, start: int, end: int, line: bytes) -> bool:
    """Return whether bytes are in a comment, parsing the tree only if top-level comments don't decide."""
    number = bisect_right(document.comments, start, key=lambda comment: comment.start_byte) - 1
    if number >= 0 and end <= document.comments[number].end_byte:
        return True
    if b"#" not in line and b"//" not in line and document.data.find(b"/*", 0, start) < 0:
        return False
    node = document.root.descendant_for_byte_range(start, end)
    return node is not None and node.type == "comment"
