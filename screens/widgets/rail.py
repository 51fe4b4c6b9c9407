"""The rail: every step of the workflow with a mark for where it stands, and the way to go to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.events import Resize
from textual.message import Message

from screens.widgets.text import Option, OptionList, styled
from workflows.core.sentences import Sentence
from workflows.machine.events import StepKey
from workflows.machine.state import Status

MARKS: dict[Status, str] = {
    Status.DONE: "✓",
    Status.SKIPPED: "–",
    Status.READY: "○",
    Status.LOCKED: "·",
    Status.RUNNING: "…",
    Status.FAILED: "✗",
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
    Status.CONTRADICTED: "changed outside",
    Status.UNCONFIRMED: "done, not confirmed",
}
_HERE = "▸"
_AFTER_THE_ITEMS = "at the end"


def legend() -> str:
    """What the marks say, in a line."""
    return "  ".join([f"{_HERE} here", *(f"{MARKS[status]} {words}" for status, words in WORDS.items())])


@dataclass(frozen=True)
class RailEntry:
    """A line of the rail."""

    key: StepKey
    title: Sentence
    status: Status


class StepRail(OptionList):
    """The steps, with the current one marked; Enter or a click asks to go to one."""

    DEFAULT_CSS = """
    StepRail {
        width: 23; height: 1fr; border: none; padding: 0; background: $surface; scrollbar-size: 1 1;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    StepRail:focus { border: none; background-tint: $foreground 4%; }
    """

    @dataclass
    class Chosen(Message):
        """The person wants to go to a step."""

        key: StepKey

    def __init__(self) -> None:
        super().__init__()
        self.tooltip = f"Enter goes to a step.  {legend()}"

    def show(self, title: Sentence, entries: Sequence[RailEntry], current: StepKey | None) -> None:
        """Show these steps in place of the ones before."""
        self.clear_options()
        self.add_option(Option(styled((title, "bold")), disabled=True))
        item = ""
        for entry in entries:
            if entry.key.item != item:
                item = entry.key.item
                self.add_option(Option(f"─ {item or _AFTER_THE_ITEMS}", disabled=True))
            self.add_option(Option(_told(entry, here=entry.key == current), str(entry.key)))
        if current is not None:
            self.highlighted = self.get_option_index(str(current))
        self._show_here()

    def on_resize(self, event: Resize) -> None:
        """A lower terminal must not hide the current step."""
        del event
        self._show_here()

    def _show_here(self) -> None:
        """However long the list is, the current step is in view."""
        self.call_after_refresh(self.scroll_to_highlight)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Chosen(StepKey.parse(event.option_id)))


def _told(entry: RailEntry, *, here: bool) -> Content:
    """A step's line: the one that is shown says where it stands after its name."""
    mark = MARKS[entry.status]
    if here:
        standing = "" if entry.status is Status.READY else f" {mark}"
        return styled((f"{_HERE} {entry.title}{standing}", "bold"))
    return styled((f"{mark} {entry.title}", "dim" if entry.status is Status.LOCKED else ""))
