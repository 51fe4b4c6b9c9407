"""What still names removed people in an edited layer: lines for somebody to look at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from workflows.core.sentences import Sentence, listed
from workflows.hcl.document import Document
from workflows.hcl.values import quote
from workflows.layer.edit.cloning import spellings, where_named
from workflows.layer.model import Layer, Place

_MOST = 5
"""How many places to list."""
_STAYING = {
    True: "Comments that name {} stay: {}. Clean them up by hand.",
    False: "Other lines that name {} stay: {}. Check whether they're still wanted.",
}


def left_behind(before: Layer, after: Layer) -> Iterator[Sentence]:
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
                yield remark.format(name, listed(places, _MOST))


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
