"""What differs between two texts, line by line, in time that grows with their length.

`difflib` compares every pair of equal lines, and a layer is full of them (`}`, blank lines, the attributes
that all users have): two changes in a file of 10,000 lines took it minutes. Here the lines that occur once in
both texts are found first and cut the texts into pieces (the patience diff of Bram Cohen); what is left
between them is small, and difflib does it well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_PAIRS = 1_000_000
"""A piece with more pairs of lines than this, and no line of its own, is told as replaced whole."""


class Difference(NamedTuple):
    """A range of lines before and the range that stands in its place, half open and from 0.

    Attributes:
        old_start: where it begins before.
        old_end: where it ends before.
        new_start: where it begins after.
        new_end: where it ends after.
    """

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def differences(old: Sequence[str], new: Sequence[str]) -> list[Difference]:
    """What differs between two sequences of lines, in order; at least one equal line lies between two."""
    return list(_between(old, new))


def _between(old: Sequence[str], new: Sequence[str]) -> Iterator[Difference]:
    """The differences of all pieces; a stack in place of recursion, which deep texts would exhaust."""
    pieces = [Difference(0, len(old), 0, len(new))]
    while pieces:
        piece = _trimmed(pieces.pop(), old, new)
        if piece.old_start == piece.old_end and piece.new_start == piece.new_end:
            continue
        anchors = _anchors(piece, old, new)
        if anchors:
            pieces.extend(reversed(_cut(piece, anchors, old, new)))
        else:
            yield from _matched(piece, old, new)


def _trimmed(piece: Difference, old: Sequence[str], new: Sequence[str]) -> Difference:
    """The piece without what is equal at both ends."""
    old_start, old_end, new_start, new_end = piece
    while old_start < old_end and new_start < new_end and old[old_start] == new[new_start]:
        old_start, new_start = old_start + 1, new_start + 1
    while old_start < old_end and new_start < new_end and old[old_end - 1] == new[new_end - 1]:
        old_end, new_end = old_end - 1, new_end - 1
    return Difference(old_start, old_end, new_start, new_end)


def _anchors(piece: Difference, old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of lines that occur once on either side, as many as keep their order; rising on both sides."""
    lines_old, lines_new = old[piece.old_start : piece.old_end], new[piece.new_start : piece.new_end]
    counts_old, counts_new = Counter(lines_old), Counter(lines_new)
    once = {line: at for at, line in enumerate(lines_new, piece.new_start) if counts_new[line] == 1}
    pairs = [
        (at, once[line])
        for at, line in enumerate(lines_old, piece.old_start)
        if counts_old[line] == 1 and line in once
    ]
    return _longest_rise(pairs)


def _longest_rise(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs that rises on its second side too (patience sorting)."""
    tops: list[int] = []
    last_of: list[int] = []
    before: list[int] = []
    for index, (_, at) in enumerate(pairs):
        pile = bisect_left(tops, at)
        before.append(last_of[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(at)
            last_of.append(index)
        else:
            tops[pile], last_of[pile] = at, index
    rise: list[tuple[int, int]] = []
    index = last_of[-1] if last_of else -1
    while index >= 0:
        rise.append(pairs[index])
        index = before[index]
    return rise[::-1]


def _cut(
    piece: Difference, anchors: Sequence[tuple[int, int]], old: Sequence[str], new: Sequence[str]
) -> list[Difference]:
    """What lies before, between and behind the anchors, without the equal lines that follow each of them."""
    pieces = []
    old_start, new_start = piece.old_start, piece.new_start
    for old_at, new_at in (*anchors, (piece.old_end, piece.new_end)):
        while old_start < old_at and new_start < new_at and old[old_start] == new[new_start]:
            old_start, new_start = old_start + 1, new_start + 1
        if old_start < old_at or new_start < new_at:
            pieces.append(Difference(old_start, old_at, new_start, new_at))
        old_start, new_start = old_at + 1, new_at + 1
    return pieces


def _matched(piece: Difference, old: Sequence[str], new: Sequence[str]) -> Iterator[Difference]:
    """The differences in a piece without anchors."""
    old_start, old_end, new_start, new_end = piece
    if (old_end - old_start) * (new_end - new_start) > _MOST_PAIRS:
        yield piece
        return
    matcher = SequenceMatcher(None, old[old_start:old_end], new[new_start:new_end], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield Difference(a + old_start, b + old_start, c + new_start, d + new_start)
