"""The rail: every step of the workflow with its status, and the way to go to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from textual import events, on
from textual.content import Content
from textual.message import Message

from screens.widgets.text import Option, OptionList, in_line, styled
from workflows.core.sentences import Sentence, text_of
from workflows.machine.events import StepKey
from workflows.machine.state import SETTLED, Status

MARKS: dict[Status, str] = {
    Status.DONE: "✓",
    Status.SKIPPED: "–",
    Status.READY: "○",
    Status.LOCKED: "·",
    Status.RUNNING: "…",
    Status.FAILED: "✗",
    Status.STOPPED: "■",
    Status.STALE: "~",
    Status.INTERRUPTED: "!",
    Status.CONTRADICTED: "≠",
    Status.UNCONFIRMED: "?",
}


WORDS: dict[Status, str] = {
    Status.DONE: "done",
    Status.READY: "open",
    Status.LOCKED: "waits",
    Status.RUNNING: "runs",
    Status.SKIPPED: "skipped",
    Status.STALE: "out of date",
    Status.INTERRUPTED: "interrupted",
    Status.FAILED: "failed",
    Status.STOPPED: "stopped",
    Status.CONTRADICTED: "changed",
    Status.UNCONFIRMED: "unconfirmed",
}
STYLES: dict[Status, str] = {
    Status.DONE: "$success",
    Status.FAILED: "$error",
    Status.STALE: "$warning",
    Status.INTERRUPTED: "$warning",
    Status.CONTRADICTED: "$warning",
    Status.UNCONFIRMED: "$warning",
}
"""The colours of the marks; all others are quiet."""
_IN_FOLDS = (
    Status.DONE,
    Status.UNCONFIRMED,
    Status.SKIPPED,
    Status.STALE,
    Status.CONTRADICTED,
    Status.LOCKED,
    Status.READY,
)
"""The marks of folded steps, in order; the end of the line counts all steps."""
ON_YOUR_WORD = "on your word"
_COMMON = {Status.DONE, Status.LOCKED}
_EXPLAINS = 50
"""The width from which the list explains the other marks."""
_HERE = "▸"
_AFTER_THE_ITEMS = "afterwards"
_END = "@"
"""The key of the closing page in the list; no step has it."""


def legend() -> str:
    """Explain the marks in a line."""
    return "  ".join([f"{_HERE} here", *(f"{MARKS[status]} {words}" for status, words in WORDS.items())])


@dataclass(frozen=True)
class RailEntry:
    """A line of the rail.

    Attributes:
        key: the step.
        title: its title.
        status: its status.
        foreseen: whether it is only likely to come, so that nobody can go there yet.
        said_so: whether it is unconfirmed because there is only the user's word.
    """

    key: StepKey
    title: Sentence
    status: Status
    foreseen: bool = False
    said_so: bool = False

    @property
    def words(self) -> str:
        """What its mark means."""
        return ON_YOUR_WORD if self.said_so else WORDS[self.status]


_EARLIER = 2
"""How many steps before the current one are named if there is space."""


@dataclass(frozen=True)
class _Part:
    """A part of the stepper: a step, or all the steps of another account.

    Attributes:
        content: its text when shown by name.
        statuses: the statuses of its steps; none for the end.
    """

    content: Content
    statuses: tuple[Status, ...] = ()


def stepper(entries: Sequence[RailEntry], current: StepKey | None, width: int) -> Content:
    """Draw the steps around the current one on a line; the oldest are folded first, then the far end.

    Args:
        entries: all steps of the workflow; the steps of another item are a single part.
        current: the step shown; None for the closing page.
        width: in cells.
    """
    parts, at = _parts(entries, current)
    first, last = max(0, at - _EARLIER), len(parts)
    while True:
        before, after = parts[:first], parts[last:]
        shown = [part.content for part in parts[first:last]]
        line = in_line([*_before(before), *shown, *_after(after)], gap="  ")
        if line.cell_length <= width or (first == at and last == at + 1):
            return line
        if first < at and last - at <= _EARLIER + 1:
            first += 1
        else:
            last -= 1


def _parts(entries: Sequence[RailEntry], current: StepKey | None) -> tuple[list[_Part], int]:
    """Return the parts, with the end as the last one, and the index of the current one."""
    own, parts, at = current.item if current else "", list[_Part](), -1
    for item, group in groupby(entries, key=lambda entry: entry.key.item):
        of_item = list(group)
        if item not in {"", own}:
            statuses = tuple(entry.status for entry in of_item)
            settled = sum(status in SETTLED for status in statuses)
            far = f" {settled}/{len(statuses)}" if 0 < settled < len(statuses) else ""
            parts.append(_Part(_marked(_together(statuses), f"{item}{far}"), statuses))
            continue
        for entry in of_item:
            here = entry.key == current
            at = len(parts) if here else at
            parts.append(_Part(_step_line(entry, here=here), (entry.status,)))
    return [*parts, _Part(_end(entries, here=current is None))], len(parts) if at < 0 else at


def _together(statuses: Sequence[Status]) -> Status:
    """Combine the statuses of several steps: the first one to act on, else the least certain."""
    found = {*statuses}
    if found <= SETTLED:
        return next(
            (status for status in (Status.UNCONFIRMED, Status.SKIPPED) if status in found), Status.DONE
        )
    return next((status for status in statuses if status not in SETTLED | {Status.LOCKED}), Status.LOCKED)


def _marked(status: Status, words: str) -> Content:
    return styled((MARKS[status], STYLES.get(status, "$text-muted")), (f" {words}", "$text-muted"))


def _end(entries: Iterable[RailEntry], *, here: bool) -> Content:
    """Draw the closing page's line; it opens once all steps are settled."""
    if here:
        return styled((f"{_HERE} End", "bold $accent"))
    over = all(entry.status in SETTLED for entry in entries)
    return _marked(Status.READY if over else Status.LOCKED, "End")


def _before(folded: Sequence[_Part]) -> list[Content]:
    statuses = [status for part in folded for status in part.statuses]
    standing = {status if status in _IN_FOLDS else Status.READY for status in statuses}
    return [_marked(status, "earlier") for status in _IN_FOLDS if status in standing][-1:]


def _after(folded: Sequence[_Part]) -> list[Content]:
    statuses = [status for part in folded for status in part.statuses]
    if not statuses:
        return [part.content for part in folded]
    return [_marked(_together(statuses), "more")]


class StepRail(OptionList, can_focus=False):
    """The steps, with the current one marked; Enter or a click asks to go to one.

    It takes the focus only while the user chooses a step: widgets that lose the focus must not pass it here.
    """

    DEFAULT_CSS = """
    StepRail {
        width: 25; height: 1fr; border: none; margin-top: 1; background: $background; scrollbar-size: 0 0;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    StepRail:focus { border: none; background-tint: transparent; }
    """

    @dataclass
    class Chosen(Message):
        """The user wants to go to a step; None for the closing page."""

        key: StepKey | None

    def __init__(self) -> None:
        super().__init__()
        self.tooltip = f"Enter goes to a step.  {legend()}"
        self._names: dict[str, Sentence] = {}
        self._entries: Sequence[RailEntry] = ()
        self._here = ""

    @property
    def highlighted_name(self) -> Sentence:
        """The title and item of the step that Enter would open."""
        option = self.highlighted_option
        return self._names.get(str(option.id), "") if option else ""

    def show(
        self,
        title: Sentence,
        entries: Sequence[RailEntry],
        current: StepKey | None,
        *,
        over: bool,
    ) -> None:
        """Replace the steps; when everything is over, the closing page can be chosen."""
        self.clear_options()
        self._entries, self._here = entries, str(current or _END)
        self._names = {
            str(entry.key): f"{entry.title} ({entry.key.item})" if entry.key.item else entry.title
            for entry in entries
        } | {_END: "End"}
        self.add_option(Option(styled((title, "bold")), disabled=True))
        item = ""
        for entry in entries:
            if entry.key.item != item:
                item = entry.key.item
                self.add_option(Option(f"─ {item or _AFTER_THE_ITEMS}", disabled=True))
            self.add_option(Option(self._line(entry), str(entry.key), disabled=entry.foreseen))
        if item:
            self.add_option(Option(f"─ {_AFTER_THE_ITEMS}", disabled=True))
        self.add_option(Option(_end(entries, here=current is None), _END, disabled=not over))
        self.go_here()

    def _line(self, entry: RailEntry) -> Content:
        """Draw a step's line; if there is space, with what a rare mark means."""
        line = _step_line(entry, here=str(entry.key) == self._here)
        rare = self.size.width >= _EXPLAINS and entry.status not in _COMMON
        return in_line([line, styled((entry.words, "$text-muted"))], gap="  ") if rare else line

    def go_here(self) -> None:
        """Highlight the current step."""
        self.highlighted = self.get_option_index(self._here)
        self.call_after_refresh(self.scroll_to_highlight)  # however long the list is

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002 - Textual's handler
        """Keep the current step in view in a lower terminal, and explain marks in a wider list."""
        for entry in self._entries:
            self.replace_option_prompt(str(entry.key), self._line(entry))
        self.call_after_refresh(self.scroll_to_highlight)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(
            self.Chosen(None if event.option_id == _END else StepKey.parse(str(event.option_id)))
        )


def _step_line(entry: RailEntry, *, here: bool) -> Content:
    """Draw a step's line; the current one has its status behind the name."""
    if not here:
        return _marked(entry.status, text_of(entry.title))
    style = STYLES.get(entry.status, "$text-muted")
    standing = "" if entry.status in {Status.READY, Status.LOCKED} else f" {MARKS[entry.status]}"
    return styled((f"{_HERE} {entry.title}", "bold $accent"), (standing, style))
