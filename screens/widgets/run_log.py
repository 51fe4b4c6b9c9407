"""What Terraform says while it runs: its lines, redacted, and its resources with a mark each."""

from __future__ import annotations

from itertools import chain, islice

from screens.widgets.lists import Log
from screens.widgets.text import Text
from workflows.terraform.events import Progress
from workflows.terraform.redaction import redact
from workflows.terraform.runner import Update

_MOST_LINES = 5_000
_MOST_RESOURCES = 12


class RunLog(Log):
    """The lines of a run, without account ids, keys and encrypted texts; hidden until it is asked for.

    Attributes:
        filled: whether anything was written into it.
    """

    DEFAULT_CSS = """
    RunLog { display: none; scrollbar-size: 1 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="log", max_lines=_MOST_LINES)
        self.filled = False

    def take(self, update: Update) -> None:
        """Add what came since the last update; lines about refreshing are left out."""
        for line in update.lines:
            self._add(redact(line))

    def show_text(self, text: str) -> None:
        """Show a whole log, redacted already, in place of what is there."""
        self.clear()
        for line in text.splitlines() or ["Nothing was logged yet."]:
            self._add(line)

    def _add(self, line: str) -> None:
        self.filled = True
        if line.strip():
            self.add(line)


class ResourceList(Text):
    """The resources of an apply: what runs now on top, then what failed, what is done, what waits."""

    DEFAULT_CSS = """
    ResourceList { height: auto; margin-top: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__("", id="resources")

    def show(self, progress: Progress) -> None:
        """Show how far an apply is; of thousands of resources only what is seen becomes a line."""
        waiting = (one for one in progress.remaining if one not in progress.running)
        lines = chain(
            (f"… {address}  {seconds:.0f} s" for address, seconds in progress.running.items()),
            (f"✗ {address}" for address in progress.failed),
            (f"✓ {address}" for address in reversed(progress.done)),
            (f"· {address}" for address in waiting),
        )
        shown = list(islice(lines, _MOST_RESOURCES))
        more = sum(1 for _ in lines)
        self.update("\n".join([*shown, *([f"  and {more} more"] if more else [])]))
