"""The review's screen: the whole diff, file by file, and whether to use a branch and a commit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from itertools import accumulate
from pathlib import PurePath
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Input

from screens.step.by_hand import ByHandPane
from screens.step.page import YOURS, Opening, Primary, StepPane, Turn
from screens.widgets.dialogs import Confirm, NameDialog, Notice, ask
from screens.widgets.fields import FieldRow, SentenceField
from screens.widgets.line_list import DrawnLines
from screens.widgets.lists import MarkBox
from screens.widgets.text import Button, ButtonRow, Lines, OptionList, Text, segment, shortened, shown, styled
from workflows.core.garbage import collection_paused
from workflows.core.openpgp import fingerprint_in, grouped
from workflows.core.sentences import Cancelled, Sentence, count, listed, text_of
from workflows.layer.highlight import KINDS, Token, diff_tokens
from workflows.layer.model import Place
from workflows.layer.write import ChangeSet, DiffLine, FileChange
from workflows.machine.events import AGREES, NOT_ASKED, Observation, StepKey
from workflows.steps.admin import review
from workflows.steps.decisions import Comparison
from workflows.steps.shared.by_hand import Spot
from workflows.steps.shared.module import Report

_MARKS = {"+", "-"}
_LINES = {"+": "added", "-": "removed", "@": "hunk", "=": "file", "\\": "hunk"}


@dataclass(frozen=True)
class FileDiff:
    """The diff of one file.

    Attributes:
        change: the file before and after.
        added: the number of added lines.
        removed: the number of removed lines.
        begin: its first line, among those of all files.
        lines: its lines as shown.
        tokens: the tokens of each of these lines.
    """

    change: FileChange
    added: int
    removed: int
    begin: int
    lines: Sequence[DiffLine]
    tokens: Sequence[Sequence[Token]]

    @cached_property
    def over(self) -> int:
        """The line after its last changed one."""
        changed = (at for at, line in enumerate(self.lines, 1) if line.mark in _MARKS)
        return self.begin + max(changed, default=len(self.lines))

    @property
    def readable(self) -> bool:
        """Whether a person can read it, unlike a key."""
        return not _is_key(self.change)

    @cached_property
    def first(self) -> int:
        return self.begin + next((at for at, line in enumerate(self.lines) if line.mark in _MARKS), 0)

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
            lines = _folded(change) if _is_key(change) else change.lines
            tokens = [()] * len(lines) if _is_key(change) else diff_tokens(change)
            found.append(FileDiff(change, *change.counts(), begin, lines, tokens))
            begin += len(lines)
    return tuple(found)


def _is_key(change: FileChange) -> bool:
    return PurePath(change.name).parent.name == "keys"


def _folded(change: FileChange) -> list[DiffLine]:
    """Return a key file's lines, with one for each key: nobody can read its base64."""
    keys = {"-": fingerprint_in(change.before or b""), "+": fingerprint_in(change.after or b"")}
    folded: list[DiffLine] = []
    for line in change.lines:
        key = keys.get(line.mark)
        text = f"{line.mark}PGP key {grouped(key)}, in base64" if key else line.text
        if not (key and folded and folded[-1].text == text):
            folded.append(line._replace(text=text))
    return folded


class FileDiffs(DrawnLines):
    """Scrolls down, and from file to file; a long line wraps into rows, which show that it continues.

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
        self._lines = [line for file in files for line in file.lines]
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
        return next((line.old for line in below if line.mark in _MARKS), 1)

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

        Forward first shows the rest of an unseen file. It skips seen files while there are others; after the
        last file comes the first unseen one.
        """
        here, row = self.at, round(self.scroll_y)
        if direction > 0 and here in self.unseen:
            end = self.row_of(self.files[here].over)
            self.scroll_to(
                0, min(row + self.size.height, end - self.size.height), animate=False, immediate=True
            )
            return
        inside = direction < 0 and here >= 0 and row > self._top_of(self.files[here])
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
        """Keep the line at the top when the size changes, or the file that the user went to."""
        aimed = self._aimed
        if self._wrapped_at != self.scrollable_content_region.width:
            line = self._line_at(round(self.scroll_y))
            self._wrap()
            self.scroll_to(0, self.row_of(line), animate=False, immediate=True)
        if aimed >= 0:
            self.go_to_file(aimed)
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
        begin, end = [0, *_row_ends(_drawn(line), self._wrapped_at)][nth : nth + 2]
        more = [segment(f"{line.mark if line.mark in _MARKS else ' '}…", self._mark_style(line, style))]
        return Strip([*(more if nth else ()), *whole.crop(begin, end)]).adjust_cell_length(width, style)

    def _mark_style(self, line: DiffLine, style: Style) -> Style:
        return style + Style(reverse=True, bold=True) if line.mark in _MARKS else style

    def _segments(self, line: DiffLine, tokens: Sequence[Token], style: Style) -> list[Segment]:
        text, at = _drawn(line), 1
        segments = [segment(text[:1], self._mark_style(line, style))]
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
    """Return the cell at which each row of a line ends; no letter is split.

    The first row begins with the line's mark; the others also have the sign that the line continues.
    """
    cells, first, rest = cell_len(text), max(2, width), max(1, width - 2)
    if cells == len(text):  # one cell per letter
        return [*range(first, cells, rest), cells]
    ends, at = list[int](), 0
    for wide in map(cell_len, text):
        if at + wide > (ends[-1] + rest if ends else first):
            ends.append(at)
        at += wide
    return [*ends, at]


def _drawn(line: DiffLine) -> str:
    """Return a line with signs for what a terminal wouldn't show; each letter keeps its place."""
    return shown(line.text.replace("\t", "⇥"))


_SEEN, _UNSEEN, _KEY = "✓", "○", "·"
_COMPARED = {
    Comparison.DIFFERS: "  NOT theirs",
    Comparison.LATER: "  NOT compared",
    Comparison.SAME: "  compared in PGP keys",
}
"""The text of a key file's line; one person's “Not yet” outweighs another's “Yes” to the same key."""
_STOPPED = ["○ You stopped this before the difference was ready."]
_REVIEW = StepKey("review")
_LAYERS_NAMED = 3
_ROWS_OF_NOTES, _ROW = 3, 74
"""The maximum number of rows for notes above the diff, and the characters in a row at 80 columns."""
_FILES_SHOWN, _BESIDE_COMMIT = 9, 3
_PATH_WIDTH = 70


class ReviewPane(ByHandPane):
    """Shows the diff when it opens; Next writes exactly that."""

    FITS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "file(1)", "Next changes", id="diff.next", tooltip="To the next changes"),
        Binding("p", "file(-1)", "Previous file", id="diff.before", tooltip="To the previous file"),
        Binding("pagedown", "page(1)", "Next lines", id="diff.down", show=False, priority=True),
        Binding("pageup", "page(-1)", "Previous lines", id="diff.up", show=False, priority=True),
        Binding(
            "v",
            "alone",
            "Full screen",
            id="review.alone",
            tooltip="Show the difference full screen",
        ),
        Binding("l", "files", "Files", id="review.files", tooltip="Choose a file from the list"),
        Binding("c", "copy", "Copy", id="review.copy", tooltip="Copy the whole difference"),
        Binding("s", "save", "Save", id="review.save", tooltip="Save the whole difference as a file"),
        Binding("e", "edit_by_hand", "Edit", id="review.by-hand", tooltip="Open this file in your editor"),
        Binding("u", "undo", "Put back", id="review.undo", tooltip="Put the files back as they were before"),
        Binding("w", "notes", "Warnings", id="review.notes", show=False, tooltip="Read all warnings"),
    ]
    DEFAULT_CSS = """
    ReviewPane > .pane-head { margin-bottom: 0; }
    ReviewPane #summary { height: auto; }
    ReviewPane #files { height: auto; max-height: 5; display: none; }
    ReviewPane.-tall #files { max-height: 12; }
    ReviewPane #files.-listed, ReviewPane.-tall #files { display: block; }
    ReviewPane #diff { height: 1fr; min-height: 5; border: round $border-blurred; }
    ReviewPane #diff:focus { border: round $accent; }
    ReviewPane.-alone > * { display: none !important; }
    ReviewPane.-alone { padding: 0; }
    ReviewPane.-alone > #diff {  /* without frame: a line of a key has 76 columns */
        display: block !important; border-left: none; border-right: none;
    }
    ReviewPane #commit-fields { height: auto; display: none; }
    ReviewPane #commit-fields.-wanted { display: block; }
    ReviewPane.-nothing #diff, ReviewPane.-nothing #files, ReviewPane.-nothing #buttons,
    ReviewPane.-committed #commit, ReviewPane.-committed #others-too,
    ReviewPane.-unread #diff, ReviewPane.-unmade #diff, ReviewPane.-unmade #files, ReviewPane.-unmade #commit,
    ReviewPane.-unmade #others-too, ReviewPane.-unmade #commit-fields,
    ReviewPane.-committed #commit-fields { display: none !important; }
    ReviewPane #written, ReviewPane #taken-in { height: auto; }
    ReviewPane #body { padding-left: 19; color: $text-muted; }
    ReviewPane #taken-in { color: $text-warning; }
    ReviewPane #written { margin-bottom: 1; }
    ReviewPane.-full #written, ReviewPane.-full #buttons { margin: 0; }
    """

    alone = reactive(False, toggle_class="-alone")
    """Whether the diff is shown full screen."""

    _shown: ChangeSet | None = None
    _notes: Sequence[str] = ()
    _marked: Collection[int] = ()
    _beside = review.Beside()
    _again = False

    _diff = getters.query_one(FileDiffs)
    _files = getters.query_one("#files", OptionList)

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.add_class("-unread")
        self._start: Mapping[str, Any] = {
            "commit": bool(opening.context.facts.get("commit")),
            "branch": "",
            "message": review.proposed_message(opening.context),
            "others_too": None,  # as soon as it is known whether a commit has other lines of these files
            "seen": (),
            **opening.draft,
        }

    def compose_body(self) -> ComposeResult:
        yield Lines(id="summary")
        yield Text("", id="written", classes="-empty")
        yield OptionList(id="files")
        yield FileDiffs(id="diff")
        commit = bool(self._start["commit"])
        yield MarkBox("Commit these files too", value=commit, id="commit")
        yield MarkBox("", bool(self._start["others_too"]), id="others-too")
        yield Text("", id="taken-in", classes="-empty")
        with Vertical(id="commit-fields", classes="-wanted" if commit else ""):
            yield FieldRow("On a new branch", self._field("branch"))
            yield FieldRow("Message", self._field("message", SentenceField))
            yield Text(id="body")
        yield ButtonRow(
            Button("Previous", id="before", key="p", act=partial(self.action_file, -1)),
            Button("Next", id="next", key="n", act=partial(self.action_file, 1)),
            Button("Files", id="list", key="l", act=self.action_files),
            Button("Copy", id="copy", key="c", act=self.action_copy),
            Button("Save", id="save", key="s", act=self.action_save),
            Button("Edit", id="edit", key="e", act=self.action_edit_by_hand),
            id="buttons",
        )
        yield Button("Put the files back", id="undo", key="u", act=self.action_undo)

    def _field(self, name: str, kind: type[Input] = Input) -> Input:
        return kind(value=str(self._start[name]), id=name, compact=True, select_on_focus=False)

    @on(Input.Changed, "#message")
    def _show_body(self, event: Input.Changed) -> None:
        body = review.message_body(event.value.strip(), self.context)
        self.query_one("#body", Text).update("Its body has a line for each change." if body else "")

    @on(MarkBox.Changed, "#commit")
    def _offer_commit(self, event: MarkBox.Changed) -> None:
        self.query_one("#commit-fields").set_class(event.value, "-wanted")
        self._show_written()
        self._show_commit()
        self.make_room()

    @on(MarkBox.Changed, "#others-too")
    def _show_commit(self) -> None:
        """Say what a commit includes and omits beside the diff."""
        others = self._beside.others
        commit = self.query_one("#commit", MarkBox).value and not self.has_class("-committed")
        box = self.query_one("#others-too", MarkBox)
        accounts = list(dict.fromkeys(other.account for other in others))
        names = [other.name for other in sorted(others, key=lambda other: "/" in other.name)]
        which = f"those of {listed(accounts, 2)}" if len(accounts) > 1 else listed(names, 2)
        box.label = f"Commit {count(len(others), 'other file')} too: {which}"
        box.display = commit and bool(others)
        lines: list[Sentence] = []
        if commit and self._beside.lines:
            number, files = sum(self._beside.lines.values()), list(self._beside.lines)
            parts = [path.relative_to(self.context.root).parts for path in files]
            where = listed([f"{of[-1]} ({of[0]})" for of in parts], 2)
            lines.append(f"! The commit includes {count(number, 'other uncommitted line')} in {where}.")
        if commit and others and not box.value:
            lines.append(f"! A plan of the commit alone may fail: it lacks {which}.")
        if commit and self._beside.ignored:
            lines.append(f"! The commit includes {self._ignored}, which git ignores.")
        self.query_one("#taken-in", Text).show_lines(lines)

    def on_mount(self) -> None:
        self.query("#undo, #others-too").set(display=False)

    def read(self) -> None:
        def work(report: Report) -> tuple[review.Prepared, Sequence[FileDiff], review.Beside, Observation]:
            prepared = review.prepare(self.context, report)
            diffs = file_diffs(prepared.change_set)
            doubted = self.opening.done if diffs else self.opening.asks
            look = review.observe(self.context) if doubted else AGREES
            return prepared, diffs, review.beside(prepared.change_set, self.context), look

        def show(found: tuple[review.Prepared, Sequence[FileDiff], review.Beside, Observation]) -> None:
            prepared, diffs, beside, look = found
            self._show(prepared, diffs, beside)
            # a step with something left to write isn't done; one whose files are back is
            if look.contradicts != (self.opening.asks and not diffs):
                self.post_message(self.Observed({_REVIEW: replace(look, here=True)}))

        self.run_move("prepare", work, show, looks=True)

    @on(StepPane.MoveFailed)
    def _outdated(self, message: StepPane.MoveFailed) -> None:
        """Handle that the diff may no longer be what would be written now."""
        if message.name == "perform":
            self._again = True
            self.call_later(self.read)
        if message.name == "prepare":
            # a dialog would cover the result in view, such as that the files were put back
            message.handled = self._again or bool(self.screen.query("#result.-shown"))
            message.shown = True
            self.add_class("-unmade")
            self.alone = False
            error, again = message.error, "Fix that, then look again."
            advice = (error.next or again) if message.handled else again
            failed = [f"✗ {error.what}", advice]
            self.query_one("#summary", Lines).show_lines(_STOPPED if isinstance(error, Cancelled) else failed)
            self.focus_primary()

    @property
    def decides(self) -> bool:
        """Whether writing the difference again is the only answer to a contradiction; then Next does that."""
        asked = self.context.observed.get(_REVIEW, NOT_ASKED).asks
        return self.opened and self.opening.asks and not asked and bool(self._diff.files)

    def primary(self) -> Primary:
        if self.has_class("-unmade"):
            return Primary("Look again", act=self._look_again)
        if unseen := self._unseen:
            return Primary(f"{self._what}, {unseen} to read", act=self._ask_about_unseen)
        if self._diff.files:
            return Primary(self._what)
        written = self._beside.written
        uncommitted = self.query_one("#commit", MarkBox).value and written and not self._committed
        return Primary(f"Commit {count(len(written), 'file')}" if uncommitted else "Continue")

    @property
    def _what(self) -> str:
        """What Next does with the diff."""
        commit = " and commit" if self.query_one("#commit", MarkBox).value else ""
        return f"Write {count(len(self._diff.files), 'file')}{commit}"

    def turn(self) -> Turn:
        read = not self._unseen or self.has_class("-unmade")
        return YOURS if read or self._types else Turn("n shows the rest")

    @property
    def _types(self) -> bool:
        """Whether the diff's keys are letters for a field."""
        return isinstance(self.screen.focused, Input)

    @property
    def _unseen(self) -> int:
        return len(self._diff.unseen)

    @property
    def _committed(self) -> Mapping[str, str]:
        """The commit with the written files; empty if they weren't committed from here."""
        commit = self.context.facts.get("commit") or {}
        return commit if commit.get("sha") else {}

    @property
    def _ignored(self) -> str:
        return listed([f"{path.parent.name}/{path.name}" for path in self._beside.ignored], 2)

    @on(StepPane.MoveDone)
    def _say_written(self, message: StepPane.MoveDone) -> None:
        if message.name == "perform":
            commit = message.result["commit"]
            if not (commit or self._diff.files):
                return  # they were written before
            gone = [file.change.after is None for file in self._diff.files]
            gone = gone or [not file["sha256"] for file in message.result["changed_files"]]
            where = f"committed to {commit['branch'] or commit['sha'][:8]}" if commit else "not committed"
            others = len(self.request().others) if commit else 0
            also = f", with {count(others, 'other file')}" if others else ""
            self.parting = f"✓ {_written_text(gone)}, {where}{also}."

    def advance(self) -> None:
        self.alone = False  # the result is shown beside the diff
        super().advance()

    def _look_again(self) -> None:
        self._again = False
        self.read()

    def _ask_about_unseen(self) -> None:
        question = Confirm(f"{self._what}?", self._unseen_words(), self._what, no="Not yet")
        ask(self, question, lambda _yes: self.submit())

    def _unseen_words(self) -> str:
        """List what would be written although nobody has read it to the end."""
        unseen = [_file_line(self._diff.files[at]) for at in self._diff.unseen]
        keys = "Key files don't count: they aren't readable text."
        return "\n".join(
            [
                "You haven't seen all changed lines in:",
                *_first(unseen, _FILES_SHOWN),
                *([] if all(file.readable for file in self._diff.files) else [keys]),
            ]
        )

    def _show(self, prepared: review.Prepared, diffs: Sequence[FileDiff], beside: review.Beside) -> None:
        change_set, notes = prepared
        self._beside = beside
        self._again = False
        self._shown = change_set
        decisions = self.context.decisions
        said = [(key.fingerprint, decisions.comparison(name)) for name, key in decisions.keys.items()]
        self._files.clear_options().add_options(_unseen_line(file, said) for file in diffs)
        self._marked = set()
        self._files.disabled = len(diffs) < 2
        resumed = self.opening.interrupted and not diffs
        repaired = self.has_class("-unmade") or (diffs and self.opening.failed)
        if resumed or repaired:  # its note asks for work that is done already
            self.drop_note()
        self.remove_class("-unmade", "-unread")
        summary = _summary(diffs, [path in beside.deleted for path in beside.written], resumed=resumed)
        if beside.gone_since and not diffs:
            summary = "There is nothing to write."
        noted = bool(self.opening.note) and (self.opening.asks or self.opening.done)
        removed = "" if noted else beside.gone_since
        warnings = (beside.consequence, removed, *notes) if diffs else (removed,)
        self._notes = [f"! {text_of(warning)}" for warning in warnings if warning]
        self.query_one("#summary", Lines).show_lines([*_fitting(self._notes), summary])
        diff, seen = self._diff, self.draft()["seen"]
        diff.show(diffs, [at for at, file in enumerate(diffs) if file.identity in seen])
        self._show_written()
        if self._start["others_too"] is None:  # a commit with a part of another change would not fit together
            self._start = {**self._start, "others_too": bool(beside.lines)}
            self.query_one("#others-too", MarkBox).value = bool(beside.lines)
        self._show_commit()
        self.query_one("#branch", Input).placeholder = shown(f"empty: stay on {beside.branch or 'no branch'}")
        if not diffs:
            self.alone = False
            self.focus_primary()
        elif not self._types:
            diff.focus()
        self._remember()

    def _show_written(self) -> None:
        """Show, instead of an empty diff, what was written and whether it was committed."""
        written = self._beside.written if not self._diff.files else ()
        self.set_class(not self._diff.files, "-nothing")
        paths = [shortened(str(path.relative_to(self.context.root)), _PATH_WIDTH) for path in written]
        signs = ["-" if path in self._beside.deleted else " " for path in written]
        most = _BESIDE_COMMIT if self.request().commit and not self._committed else _FILES_SHOWN
        lines = _first([f"{sign} {path}" for sign, path in zip(signs, paths, strict=True)], most)
        if written and (commit := self._committed):
            lines.append(f"✓ Committed to {commit.get('branch') or 'no branch'} as {commit['sha'][:8]}.")
        elif written and self._beside.in_git:
            lines.append("✓ Nothing left to commit: git already has these files.")
        elif written:
            lines.append("○ Not committed. You can do that here or with git.")
            if self._beside.ignored:
                lines.append(f"! Git ignores {self._ignored}. By hand, use `git add -f`.")
        nothing = not (self._diff.files or written)
        self.set_class(nothing or bool(written and (self._committed or self._beside.in_git)), "-committed")
        self.query_one("#written", Text).show_lines(lines)
        self.query_one("#undo").display = bool(written and self._beside.undone)

    def action_notes(self) -> None:
        """Show all warnings about the diff, which may not fit on the page."""
        if self._notes:
            self.app.push_screen(Notice("Before you write", "\n\n".join(self._notes)))

    # -- from file to file -------------------------------------------------------------------------

    def action_file(self, direction: int) -> None:
        self._leave_list().action_file(direction)

    def action_page(self, direction: int) -> None:
        """Page through the diff, whatever has the focus beside it."""
        diff = self._leave_list()
        diff.scroll_page_down() if direction > 0 else diff.scroll_page_up()

    def _leave_list(self) -> FileDiffs:
        """Return the diff; if the file list had the focus, the diff has it now, and the list follows."""
        if self._in_list:
            self.screen.set_focus(self._diff)
        return self._diff

    @property
    def _in_list(self) -> bool:
        """Whether the file list has the focus, so that the diff follows it."""
        return self.screen.focused is self.query_one("#files")

    def action_alone(self) -> None:
        """Show the diff on the whole page, or the page again."""
        if self._diff.files:
            self.alone = not self.alone
            self.screen.set_focus(self._diff)
            self.primary_changed()

    def watch_alone(self) -> None:
        """Name, below the diff, the key that shows more of it."""
        way = "Esc shows the page again" if self.alone else "v shows it full screen"
        self._diff.border_subtitle = styled((way, ""))

    def action_files(self) -> None:
        """Show or hide the list of files."""
        self.alone = False
        shown = self._files.toggle_class("-listed").has_class("-listed") or self.has_class("-tall")
        self.call_after_refresh((self._files if shown else self._diff).focus)
        self.primary_changed()

    @property
    def inside(self) -> bool:
        listed_files = self.query_one("#files").has_class("-listed") and not self.has_class("-tall")
        return self.alone or listed_files

    def go_back(self) -> None:
        self.action_alone() if self.alone else self.action_files()

    @on(OptionList.OptionHighlighted, "#files")
    def _jump(self, event: OptionList.OptionHighlighted) -> None:
        if self._in_list:
            self._diff.go_to_file(event.option_index)

    @on(OptionList.OptionSelected, "#files")
    def _read(self, event: OptionList.OptionSelected) -> None:
        self._diff.go_to_file(event.option_index)
        self._diff.focus()

    @on(FileDiffs.AtFile)
    def _name_file(self, message: FileDiffs.AtFile) -> None:
        """Name the current file above the diff and in the list."""
        diff, files = self._diff, self._files
        here = 0 <= message.index < len(diff.files)
        title = (
            f"{message.index + 1} of {len(diff.files)}: {_file_line(diff.files[message.index])}"
            if here
            else ""
        )
        diff.border_title = styled((title, ""))
        for seen in diff.seen.difference(self._marked):
            files.replace_option_prompt_at_index(seen, f"{_SEEN} {_file_line(diff.files[seen])}")
        self._marked = set(diff.seen)
        if here and not self._in_list:
            files.highlighted = message.index

    # -- copying and saving ------------------------------------------------------------------------

    @property
    def _text(self) -> str:
        return self._shown.diff() if self._shown else ""

    def action_copy(self) -> None:
        if text := self._text:
            self.show_result_of(lambda _report: self.context.environment.copy(text))

    def action_save(self) -> None:
        """Save the whole diff where the user wants it."""
        if text := self._text:
            words = "A path in your home folder. Run `git apply` on it at the project's root."
            project = self.context.facts.get("project", "project")
            name = self.context.environment.in_home(f"review-{project}.diff")
            ask(
                self,
                NameDialog("Save the difference", words, name),
                lambda target: self.show_result_of(lambda _report: review.save(target, text, self.context)),
            )

    def action_undo(self) -> None:
        """Ask, then restore the files as they were before this session first wrote to them."""
        if self.query_one("#undo").display:
            self.run_move("undoable", partial(review.undoable, self.context), self._ask_to_put_back)

    def _ask_to_put_back(self, change_set: ChangeSet) -> None:
        def work(report: Report) -> tuple[ChangeSet, str]:
            undone = review.undo(self.context, report)
            return undone, review.uncommitted_on(undone, self.context)

        stays = " The commit stays." if self._committed else ""
        number = count(len(change_set.changes), "file")
        body = f"{number} would go back to before this session, which has applied nothing.{stays}"
        question = Confirm("Put the files back?", body, "Put back", no="Not yet")
        ask(self, question, lambda _yes: self.run_move("undo", work, self._put_back))

    def _put_back(self, done: tuple[ChangeSet, str]) -> None:
        undone, branch = done
        number = count(len(undone.changes), "file")
        if branch:
            said = f"✓ {number} put back, but not committed: you are still on {branch}."
        else:
            said = f"✓ {number} put back. To make the same changes after all, write them again."
        if self.opening.done:
            self.parting = said
            self.screen.call_later(self.screen.run_action, "reopen")
        else:
            self.read()
            self.app.notify(said)

    def places(self) -> Sequence[Spot]:
        if self._diff.at < 0 or self._diff.files[self._diff.at].change.before is None:
            return []
        change = self._diff.files[self._diff.at].change
        words = "The file as it is on disk; Review reads it again."
        return [Spot(words, change.layer.partition("/")[0], Place(change.name, self._diff.line), change.path)]

    # -- the request -------------------------------------------------------------------------------

    def changed(self) -> bool:
        """Return False if the step is done and there is nothing more to write: Next just continues."""
        return bool(super().changed()) or not self.opening.done

    @property
    def _others_too(self) -> bool:
        return self.query_one("#others-too", MarkBox).value

    def request(self) -> review.Request:
        return review.Request(
            shown=self._shown,
            branch=self.query_one("#branch", Input).value.strip(),
            commit=self.query_one("#commit", MarkBox).value,
            message=self.query_one("#message", Input).value.strip(),
            others=tuple(other.path for other in self._beside.others if self._others_too),
        )

    def draft(self) -> Mapping[str, Any]:
        request, diff = self.request(), self._diff
        return {
            "commit": request.commit,
            "branch": request.branch,
            "message": request.message,
            "others_too": self._others_too if self._start["others_too"] is not None else None,
            "seen": [diff.files[at].identity for at in sorted(diff.seen)] or list(self._start["seen"]),
        }


def _file_line(diff: FileDiff) -> str:
    """Describe a file's changes, for the list."""
    what = "new" if diff.change.before is None else "gone" if diff.change.after is None else ""
    account = diff.change.layer.partition("/")[0]
    counts = f"+{diff.added:,} -{diff.removed:,}"
    return f"{account}  {diff.change.name}  {counts}{f'  {what}' if what else ''}"


def _unseen_line(diff: FileDiff, said: Collection[tuple[str, Comparison | None]]) -> str:
    """Describe an unseen file; for a key, which nobody can read, say whether its fingerprint was compared."""
    if diff.readable:
        return f"{_UNSEEN} {_file_line(diff)}"
    fingerprint = fingerprint_in(diff.change.after or b"")
    comparisons = {comparison for taken_in, comparison in said if taken_in == fingerprint}
    words = next((_COMPARED[comparison] for comparison in _COMPARED if comparison in comparisons), "")
    return f"{_KEY} {_file_line(diff)}{words}"


def _fitting(notes: Sequence[str]) -> list[str]:
    """Return the notes that fit, each in full, and how to read the rest."""
    whole = sum(row <= _ROWS_OF_NOTES for row in accumulate(-(-len(note) // _ROW) for note in notes))
    more = count(len(notes) - whole, "more warning" if whole else "warning")
    return [*notes[:whole], *([f"! {more}: w shows all."] if whole < len(notes) else [])]


def _first(lines: Sequence[str], most: int) -> list[str]:
    """Return the first lines and the number of others; a single other line is shown itself."""
    more = len(lines) - most
    return [*lines[:most], f"  and {more} more"] if more > 1 else [*lines]


def _written_text(gone: Sequence[bool]) -> str:
    """Say how many files were written and how many deleted, from whether each is gone."""
    deleted = sum(gone)
    written = len(gone) - deleted
    if not deleted:
        return f"{count(written, 'file')} written"
    return (
        f"{count(written, 'file')} written, {deleted} deleted"
        if written
        else f"{count(deleted, 'file')} deleted"
    )


def _summary(diffs: Sequence[FileDiff], gone: Sequence[bool], *, resumed: bool = False) -> str:
    """Say how much changes, or that the session has written everything, even after a kill."""
    if resumed and gone:
        return f"✓ {_written_text(gone)}, although this was interrupted."
    if not diffs and gone:
        return f"✓ {_written_text(gone)}, as you decided."
    if not diffs:
        return "✓ The files already say what you decided. There is nothing to write."
    layers = list(dict.fromkeys(diff.change.layer.partition("/")[0] for diff in diffs))
    where = listed(layers, _LAYERS_NAMED) if len(layers) <= _LAYERS_NAMED else f"{len(layers)} layers"
    return f"{_counts(diffs)}, in {where}"


def _counts(diffs: Sequence[FileDiff]) -> str:
    added, removed = sum(diff.added for diff in diffs), sum(diff.removed for diff in diffs)
    return f"{count(len(diffs), 'file')}, +{added:,} -{removed:,}"
