"""The lines of a unified diff, each with its line numbers before and after the change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_ENDS = ("\ud800", "\ud801")
"""Sentinels before the first and after the last line; decoded text never contains them."""


class DiffLine(NamedTuple):
    """A line of a unified diff.

    Attributes:
        mark: "+", "-", " "; "@" for a hunk's header, a backslash for a remark, and "=" for the two lines with
            the file's name.
        text: the whole line with its mark, without its newline.
        old: the old line number, from 1; for an added line, that of the next old line.
        new: the new line number, from 1; for a removed line, that of the next new line.
    """

    mark: str
    text: str
    old: int
    new: int


def diff_lines(path: str, before: bytes | None, after: bytes | None) -> Iterator[DiffLine]:
    """Yield the unified diff of a file, as `git apply` accepts it.

    Args:
        path: the file, relative to the folder where the diff is applied.
        before: its old bytes, or None for a new file.
        after: its new bytes, or None for a removed file.
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
    """Format a range for a unified diff (POSIX diff, "Diff -u Output Format")."""
    return str(first) if length == 1 else f"{first if length else first - 1},{length}"


def _lines(data: bytes | None) -> list[str]:
    """Return the lines, numbered from 1, between two sentinels that every file shares.

    In a long file difflib matches frequent lines (`}`, blank lines) only next to a rare one.
    """
    lines = (data or b"").decode("utf-8", "replace").split("\n")
    return [_ENDS[0], *(f"{line}\n" for line in lines[:-1]), *filter(None, lines[-1:]), _ENDS[1]]
