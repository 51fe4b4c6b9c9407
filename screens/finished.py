"""The page at the end of a workflow: what was done, and what may be done next."""

from __future__ import annotations

from collections.abc import Iterator
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
        for words in (*_next(self._walk), _AFTERWARDS):
            yield Static(words + "\n", markup=False)
        yield Static("\n".join(f"✓ {title}" for title in done), markup=False)
        if skipped:
            yield Static("\nSkipped: " + ", ".join(skipped), markup=False)


_AFTERWARDS = (
    "Every step can be looked at, or done again, from the list on the left (F2).\n"
    "^q saves and quits; the session stays in the list until you delete it there."
)


def _next(walk: Walk) -> Iterator[str]:
    """What the person may do now, outside the wizard."""
    facts, every = walk.session.facts(), walk.session.state.known
    written = facts.get("changed_files")
    if written and not facts.get("commit"):
        count = len(written) if isinstance(written, list) else 0
        yield f"{count} files of the project are changed and not committed yet (git status tells which)."
    names = [known.value["names"][-1] for name, known in every.items() if name.startswith("profiles@")]
    if names:
        yield (
            "Try it in a new terminal that has the lines of Verify:\n"
            f"aws --profile {names[-1]} sts get-caller-identity"
        )
    if walk.world.sandbox:
        yield "F3 lists the sessions: begin there as the other person, or go on with their session."
