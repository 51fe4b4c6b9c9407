"""The diffs of many files below each other; only the lines in view are drawn.

Every line keeps its mark from the unified diff; colours only add to that. Anything but text in a file
(control characters, marks that change the writing direction) is shown as a sign, since a reviewer must see
what is there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from pathlib import PurePath
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from screens.widgets.line_list import DrawnLines
from screens.widgets.text import segment, shown
from workflows.core.garbage import collection_paused
from workflows.layer.highlight import KINDS, Token, diff_tokens
from workflows.layer.write import ChangeSet, DiffLine, FileChange

_LINES = {"+": "added", "-": "removed", "@": "hunk", "=": "file", "\\": "hunk"}


@dataclass(frozen=True)
class FileDiff:
    """The diff of one file.

    Attributes:
        change: the file before and after.
        added: the number of added lines.
        removed: the number of removed lines.
        begin: its first line, among those of all files.
        tokens: the tokens of each of the change's lines.
    """

    change: FileChange
    added: int
    removed: int
    begin: int
    tokens: Sequence[Sequence[Token]]

    @cached_property
    def over(self) -> int:
        """The line after its last changed one."""
        changed = (at for at, line in enumerate(self.change.lines, 1) if line.mark in "+-")
        return self.begin + max(changed, default=len(self.change.lines))

    @property
    def readable(self) -> bool:
        """Whether a person can read it, unlike a key."""
        return PurePath(self.change.name).parent.name != "keys"

    @cached_property
    def first(self) -> int:
        return self.begin + next((at for at, line in enumerate(self.change.lines) if line.mark in "+-"), 0)

    @cached_property
    def identity(self) -> str:
        """A digest unique to this diff."""
        change = self.change
        parts = (str(change.path).encode(), change.before or b"", change.after or b"")
        return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()


def file_diffs(change_set: ChangeSet) -> tuple[FileDiff, ...]:
    """Return the diffs of all files of a set, in order; slow for large files."""
    found: list[FileDiff] = []
    begin = 0
    with collection_paused():
        for change in change_set.changes:
            found.append(FileDiff(change, *change.counts(), begin, diff_tokens(change)))
            begin += len(change.lines)
    return tuple(found)


class FileDiffs(DrawnLines):
    """Scrolls down, and from file to file; a long line wraps into rows, each with its mark.

    Attributes:
        files: the files shown.
        seen: files whose last changed line was in view.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"lines--{name}" for name in {*_LINES.values(), *KINDS}),
    }
    DEFAULT_CSS = """
    FileDiffs { overflow-x: hidden; scrollbar-gutter: stable; }
    FileDiffs > .lines--file { text-style: bold; background: $boost; }
    FileDiffs > .lines--hunk { color: $text-accent; }
    FileDiffs > .lines--added { color: $text-success; background: $success 12%; }
    FileDiffs > .lines--removed { color: $text-warning; background: $warning 12%; }
    FileDiffs:ansi > .lines--added, FileDiffs:ansi > .lines--removed { background: $background; }
    FileDiffs > .lines--comment { color: $text-muted; text-style: italic; }
    FileDiffs > .lines--string { color: $text-accent; }
    FileDiffs > .lines--number { color: $text-accent; }
    FileDiffs > .lines--constant { color: $text-accent; }
    FileDiffs > .lines--keyword { color: $text-primary; text-style: bold; }
    FileDiffs > .lines--name { color: $text-secondary; }
    FileDiffs > .lines--function { color: $text-primary; }
    """

    @dataclass
    class AtFile(Message):
        """Another file is at the top, or was seen."""

        index: int

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.files: Sequence[FileDiff] = ()
        self.seen: set[int] = set()
        self._lines: list[DiffLine] = []
        self._tokens: list[Sequence[Token]] = []
        self._starts: list[int] = [0]  # the first row of each line, and the row after the last
        self._wrapped_at = 0
        self._at = self._aimed = -1

    def show(self, files: Sequence[FileDiff], seen: Iterable[int] = ()) -> None:
        """Show these files from the top; some may have been seen before."""
        self.files = files
        self.seen = {*seen}
        self._lines = [line for file in files for line in file.change.lines]
        self._tokens = [tokens for file in files for tokens in file.tokens]
        self._wrap()
        self._at = self._aimed = -1
        self.scroll_home(animate=False, immediate=True)
        self.call_after_refresh(self._tell_file)
        self.refresh()

    def _wrap(self) -> None:
        """Compute the rows of each line."""
        self._wrapped_at = width = self.scrollable_content_region.width
        rows = (len(_row_ends(_drawn(line), width)) if width else 1 for line in self._lines)
        self._starts = [*accumulate(rows, initial=0)]
        self.virtual_size = Size(width, self._starts[-1])

    def row_of(self, line: int) -> int:
        """Return the first row of a line."""
        return self._starts[line]

    def _line_at(self, row: int) -> int:
        """Return the line that a row belongs to."""
        return bisect_right(self._starts, row) - 1

    @property
    def unseen(self) -> tuple[int, ...]:
        """The files still to be read."""
        return tuple(at for at, file in enumerate(self.files) if file.readable and at not in self.seen)

    @property
    def at(self) -> int:
        """The current file; -1 without files.

        It is the first with a changed line at or below the top. At the end, where the last ones can't reach
        the top, it is the file that the user went to, else the last.
        """
        row = round(self.scroll_y)
        if 0 < self.max_scroll_y <= row:
            return self._aimed if self._aimed >= 0 else len(self.files) - 1
        past = sum(self.row_of(file.over) <= row for file in self.files)
        return max(self._aimed, min(past, len(self.files) - 1))

    @property
    def line(self) -> int:
        """The number, before the change, of that file's first changed line in view; 1 if there is none."""
        top = round(self.scroll_y)
        first = max(self._line_at(top), self.files[self.at].begin if self.files else 0)
        below = self._lines[first : self._line_at(top + max(1, self.size.height) - 1) + 1]
        return next((line.old for line in below if line.mark in {"+", "-"}), 1)

    def go_to_file(self, index: int) -> None:
        """Show a file's beginning at the top, as far as there are lines."""
        self._aimed = index
        self.scroll_to(0, self._top_of(self.files[index]), animate=False, immediate=True)
        self._tell_file()

    def _top_of(self, file: FileDiff) -> int:
        """Return the line to show a file from, such that a changed line is in view even in little space."""
        begin, end = self.row_of(file.begin), self.row_of(file.first + 1)
        return max(begin, end - max(1, self.size.height))

    def action_file(self, direction: int) -> None:
        """Go to the next or previous file; from within a file, back first means its beginning.

        Forward skips seen files while there are others; after the last file comes the first unseen one.
        """
        here = self.at
        inside = direction < 0 and here >= 0 and round(self.scroll_y) > self._top_of(self.files[here])
        index = here if inside else here + direction
        if direction > 0:
            ahead = (at for at in range(index, len(self.files)) if at not in self.seen)
            index = next((at for at in (*ahead, *self.unseen) if at != here), index)
        if 0 <= index < len(self.files):
            self.go_to_file(index)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Report when another file is at the top."""
        super().watch_scroll_y(old_value, new_value)
        if self._aimed >= 0 and round(new_value) != min(
            self._top_of(self.files[self._aimed]), self.max_scroll_y
        ):
            self._aimed = -1
        self._tell_file()

    def on_resize(self) -> None:
        """Keep the line at the top when the size changes."""
        if self._wrapped_at != self.scrollable_content_region.width:
            line = self._line_at(round(self.scroll_y))
            self._wrap()
            self.scroll_to(0, self.row_of(line), animate=False, immediate=True)
        self._tell_file()

    def _tell_file(self) -> None:
        below = round(self.scroll_y) + self.size.height
        ends = [self.row_of(file.over) for file in self.files]
        seen = {index for index, end in enumerate(ends) if self.scroll_y < end <= below} if below else set()
        if self.at != self._at or not seen <= self.seen:
            self._at = self.at
            self.seen |= seen
            self.post_message(self.AtFile(self._at))

    # -- drawing -----------------------------------------------------------------------------------

    def style_of(self, name: str) -> Style:
        """Return the style of a kind of line, with its background; of a kind of word, only the word's own."""
        style = super().style_of(name)
        return Style(color=style.color, bold=style.bold, italic=style.italic) if name in KINDS else style

    def render_line(self, y: int) -> Strip:
        width, row = self.scrollable_content_region.width, round(self.scroll_y) + y
        base = self.rich_style
        if row >= self._starts[-1]:
            return Strip.blank(width, base)
        at = self._line_at(row)
        line = self._lines[at]
        style = self.style_of(_LINES[line.mark]) if line.mark in _LINES else base
        whole, nth = Strip(self._segments(line, self._tokens[at], style)), row - self._starts[at]
        begin, end = [1, *_row_ends(_drawn(line), width)][nth : nth + 2]
        part = Strip([*whole.crop(0, 1), *whole.crop(begin, end)])
        return part.adjust_cell_length(width, style)

    def _segments(self, line: DiffLine, tokens: Sequence[Token], style: Style) -> list[Segment]:
        text, at = _drawn(line), 1
        mark = style + Style(reverse=True, bold=True) if line.mark in {"+", "-"} else style
        segments = [segment(text[:1], mark)]
        if not tokens:
            return [*segments, segment(text[1:], style)]
        plain = style + Style(color=self.rich_style.color)  # the mark and the background show what kind it is
        for token in tokens:
            start, end = token.start + 1, token.end + 1
            if start >= at:
                segments.append(segment(text[at:start], plain))
                segments.append(segment(text[start:end], plain + self.style_of(token.kind)))
                at = end
        return [*segments, segment(text[at:], plain)]


def _row_ends(text: str, width: int) -> list[int]:
    """Return the cell at which each row of a line ends; each row has its mark, and no letter is split."""
    cells, rest = cell_len(text), max(1, width - 1)
    if cells == len(text):  # one cell per letter
        return [*range(1 + rest, cells, rest), cells]
    ends, begin, at = list[int](), 1, 1
    for wide in map(cell_len, text[1:]):
        if begin < at and at + wide > begin + rest:
            ends.append(begin := at)
        at += wide
    return [*ends, at]


def _drawn(line: DiffLine) -> str:
    """Return a line with signs for what a terminal wouldn't show; each letter keeps its place."""
    return shown(line.text.replace("\t", "⇥"))
