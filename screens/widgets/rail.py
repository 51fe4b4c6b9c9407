"""The rail: every step of the workflow with a mark for where it stands, and the way to go to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

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
}


@dataclass(frozen=True)
class RailEntry:
    """A line of the rail."""

    key: StepKey
    title: str
    status: Status


class StepRail(OptionList):
    """The steps, with the current one marked; Enter or a click asks to go to one."""

    DEFAULT_CSS = """
    StepRail { width: 23; height: 1fr; border: none; padding: 0; background: $surface; scrollbar-size: 1 1; }
    StepRail:focus { border: none; background-tint: $foreground 4%; }
    """

    @dataclass
    class Chosen(Message):
        """The person wants to go to a step."""

        key: StepKey

    def __init__(self) -> None:
        super().__init__(compact=True)
        self.tooltip = "Enter goes to a step: ✓ done  ○ open  · waits  ~ out of date  ! interrupted  ✗ failed"

    def show(self, title: str, entries: Sequence[RailEntry], current: StepKey | None) -> None:
        """Show these steps in place of the ones before."""
        self.clear_options()
        self.add_option(Option(Text(title, style="bold"), disabled=True))
        item = ""
        for entry in entries:
            if entry.key.item != item:
                item = entry.key.item
                self.add_option(Option(Text(f"─ {item}" if item else "─"), disabled=True))
            here = entry.key == current
            mark = "▸" if here else MARKS[entry.status]
            style = "bold" if here else "dim" if entry.status is Status.LOCKED else ""
            self.add_option(Option(Text(f"{mark} {entry.title}", style=style), id=str(entry.key)))
        if current is not None:
            self.highlighted = self.get_option_index(str(current))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Chosen(StepKey.parse(event.option_id)))
