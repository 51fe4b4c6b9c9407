"""A file's unified diff, line by line, with what is needed to show it: numbers, and the words' kinds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.highlight import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from workflows.layer.change_set import FileChange
    from workflows.layer.highlight import Token

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_HCL = (".tf", ".tfvars", ".hcl")


class DiffLine(NamedTuple):
    """A line of a unified diff.

    Attributes:
        mark: "+", "-", " "; "@" for a hunk's head, a backslash for a remark, and "=" for the two lines with
            the file's name.
        text: the whole line with its mark, without its end.
        old: the line's number before, from 1; of a line that is new, the one that it stands before.
        tokens: the parts of the text behind the mark that have a kind.
    """

    mark: str
    text: str
    old: int
    tokens: Sequence[Token] = ()


def diff_lines(change: FileChange) -> tuple[DiffLine, ...]:
    """The lines of a file's diff, in order."""
    numbered = list(_numbered(change.diff().split("\n")[:-1]))
    if not change.name.endswith(_HCL):
        return tuple(DiffLine(mark, text, old) for mark, text, old, _ in numbered)
    before = _coloured(change.before, [old for mark, _, old, _ in numbered if mark == "-"])
    after = _coloured(change.after, [new for mark, _, _, new in numbered if mark in "+ "])
    return tuple(
        DiffLine(mark, text, old, before.get(old, ()) if mark == "-" else after.get(new, ()))
        if mark in "+- "
        else DiffLine(mark, text, old)
        for mark, text, old, new in numbered
    )


def _numbered(lines: Sequence[str]) -> Iterator[tuple[str, str, int, int]]:
    """Mark, text, and the line's numbers before and after; only a hunk's own lines move them."""
    old = new = 1
    left = 0
    for text in lines:
        head = _HUNK.match(text) if not left else None
        if head is not None:
            old, new = (int(head[1]), int(head[3]))
            left = int(head[2] or 1) + int(head[4] or 1)
            yield "@", text, old, new
        elif not left:
            yield ("\\" if text.startswith("\\") else "="), text, old, new
        else:
            mark = text[:1]
            yield mark, text, old, new
            old, new = old + (mark in "- "), new + (mark in "+ ")
            left -= {" ": 2, "\\": 0}.get(mark, 1)


def _coloured(data: bytes | None, numbers: Sequence[int]) -> Mapping[int, Sequence[Token]]:
    """The tokens of some lines by their numbers from 1, which rise."""
    if data is None or not numbers:
        return {}
    found = tokens(data, ((first - 1, last - 1) for first, last in _runs(numbers)))
    return {row + 1: some for row, some in found.items()}


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of neighbours."""
    first = last = -1
    for number in numbers:
        if number != last + 1:
            if first >= 0:
                yield first, last
            first = number
        last = number
    if first >= 0:
        yield first, last
