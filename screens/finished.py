"""The page at the end of a workflow: what was done, and what may be done next."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from workflows.machine.state import Status
from workflows.walk import Walk


class Finished(VerticalScroll):
    """Everything is settled.

    Args:
        walk: the session that is finished.
    """

    can_focus = True
    DEFAULT_CSS: ClassVar[str] = """
    Finished { padding: 1 2; }
    Finished .finished-title { text-style: bold; color: $text-success; margin-bottom: 1; }
    """

    def __init__(self, walk: Walk) -> None:
        super().__init__(id="finished")
        self._walk = walk

    def compose(self) -> ComposeResult:
        session = self._walk.session
        done = [self._walk.title(key) for key in session.layout() if session.status(key) is Status.DONE]
        skipped = [self._walk.title(key) for key in session.layout() if session.status(key) is Status.SKIPPED]
        yield Static("✓ All done", classes="finished-title")
        yield Static("\n".join(f"✓ {title}" for title in done), markup=False)
        if skipped:
            yield Static("\nSkipped: " + ", ".join(skipped), markup=False)
        yield Static(
            "\nEvery step can be looked at, or done again, from the list on the left (F2).\n"
            "^q saves and quits; the session stays in the list until you delete it there.",
            markup=False,
        )
        if self._walk.world.sandbox:
            words = "\nF3 lists the sessions: begin there as the other person, or go on with their session."
            yield Static(words, markup=False)
