"""The lines of a unified diff, each with its place before and after the change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_ENDS = ("\ud800", "\ud801")
"""Stand before the first and after the last line; no decoded text holds them."""


class DiffLine(NamedTuple):
    """A line of a unified diff.

    Attributes:
        mark: "+", "-", " "; "@" for a hunk's header, a backslash for a remark, and "=" for the two lines with
            the file's name.
        text: the whole line with its mark, without its end.
        old: the line's number before, from 1; of an added line, the one that it stands before.
        new: the line's number after, from 1; of a removed line, the one that it stood before.
    """

    mark: str
    text: str
    old: int
    new: int


def diff_lines(path: str, before: bytes | None, after: bytes | None) -> Iterator[DiffLine]:
    """The unified diff of a file, as `git apply` takes it.

    Args:
        path: the file relative to where the diff is applied.
        before: its bytes, or None if it is not there.
        after: its bytes, or None if it goes.
    """
    yield DiffLine("=", f"--- {'/dev/null' if before is None else f'a/{path}'}", 1, 1)
    yield DiffLine("=", f"+++ {'/dev/null' if after is None else f'b/{path}'}", 1, 1)
    old, new = _lines(before), _lines(after)
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes():
        hunk = list(_hunk(group, old, new))
        removed = _range(hunk[0].old, sum(line.mark in "- " for line in hunk))
        added = _range(hunk[0].new, sum(line.mark in "+ " for line in hunk))
        yield DiffLine("@", f"@@ -{removed} +{added} @@", hunk[0].old, hunk[0].new)
        yield from hunk


def _hunk(
    group: Sequence[tuple[str, int, int, int, int]], old: Sequence[str], new: Sequence[str]
) -> Iterator[DiffLine]:
    for tag, old_start, old_end, new_start, new_end in group:
        if tag == "equal":
            found = [(" ", old[at], at, at - old_start + new_start) for at in range(old_start, old_end)]
        else:
            found = [("-", old[at], at, new_start) for at in range(old_start, old_end)]
            found += [("+", new[at], old_end, at) for at in range(new_start, new_end)]
        for mark, line, old_at, new_at in found:
            if line not in _ENDS:
                yield DiffLine(mark, f"{mark}{line}".removesuffix("\n"), old_at, new_at)
                if not line.endswith("\n"):
                    yield DiffLine("\\", "\\ No newline at end of file", old_at, new_at)


def _range(first: int, length: int) -> str:
    """A range as unified diffs give it (POSIX diff, "Diff -u Output Format")."""
    return str(first) if length == 1 else f"{first if length else first - 1},{length}"


def _lines(data: bytes | None) -> list[str]:
    """The lines from 1 on, between two that are in every file.

    In a long file difflib only finds lines that occur often (`}`, blank lines) beside one that does not.
    """
    lines = (data or b"").decode("utf-8", "replace").split("\n")
    return [_ENDS[0], *(f"{line}\n" for line in lines[:-1]), *filter(None, lines[-1:]), _ENDS[1]]
