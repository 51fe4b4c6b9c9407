"""The page at the end of a workflow: what was done, and what may be done next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message

from screens.step.times import told_moment
from screens.widgets.text import Button, Text
from workflows.core.counts import count
from workflows.core.sentences import joined, text_of
from workflows.machine.events import StepKey
from workflows.machine.state import SETTLED, Status
from workflows.run import Walk
from workflows.steps.admin.status_grid import Everybody, everybody


def as_lines(grid: Everybody, most: int) -> tuple[str, ...]:
    """The grid as lines of text, of at most so many people; those who are not done come first."""
    rows = sorted(grid.rows, key=lambda row: all(one.settled for one in row[1]))[:most]
    if not rows:
        return ()
    table = [("", *grid.accounts), *((name, *(text_of(one.told) for one in stands)) for name, stands in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    more = len(grid.rows) - len(rows)
    return (*(line.rstrip() for line in lines), *([f"and {more} more"] if more else []))


class Finished(VerticalScroll):
    """Everything is settled.

    Args:
        walk: the session that is finished.
    """

    can_focus = True
    DEFAULT_CSS: ClassVar[str] = """
    Finished { padding: 1 2; }
    Finished .finished-title { text-style: bold; color: $text-success; margin-bottom: 1; }
    Finished Button { margin-bottom: 1; }
    """

    @dataclass
    class Wanted(Message):
        """The person asks for a step that is done only when asked for."""

        key: StepKey

    def __init__(self, walk: Walk) -> None:
        super().__init__(id="finished")
        self._walk = walk

    def compose(self) -> ComposeResult:
        session = self._walk.session
        done = [self._walk.title(key) for key in session.layout() if session.status(key) is Status.DONE]
        open_to_doubt = [key for key in session.layout() if session.status(key) is Status.UNCONFIRMED]
        skipped = [self._walk.title(key) for key in session.layout() if session.status(key) is Status.SKIPPED]
        title = "? Done, and not all of it confirmed" if open_to_doubt else "✓ All done"
        yield Text(title, classes="finished-title")
        for key in self._left():
            yield Text(f"If you like: {self._walk.step(key).purpose}")
            yield Button(f"{self._walk.title(key)} (Enter)", id=f"ask-{key.step}")
        for words in (*_next(self._walk), _AFTERWARDS):
            yield Text(words + "\n")
        if lines := as_lines(everybody(self._walk.whole()), _MOST_PEOPLE):
            yield Text("\n".join(lines) + "\n", id="everybody")
        yield Text("\n".join(f"✓ {title}" for title in done))
        for key in open_to_doubt:
            look = session.state.observed[key]
            when = told_moment(look.at, self._walk.world.now())
            yield Text(joined((f"? {self._walk.title(key)}: last confirmed {when}.", look.words)))
        if skipped:
            yield Text(f"\nSkipped: {joined(skipped, ', ')}")

    def _left(self) -> tuple[StepKey, ...]:
        """The steps that nobody has asked for yet."""
        session = self._walk.session
        expected = session.state.expected()
        open_keys = [key for key in session.layout() if session.status(key) not in SETTLED | {Status.LOCKED}]
        return tuple(key for key in open_keys if key not in expected)

    @on(Button.Pressed)
    def _ask(self, event: Button.Pressed) -> None:
        for key in self._left():
            if event.button.id == f"ask-{key.step}":
                self.post_message(self.Wanted(key))


_MOST_PEOPLE = 12
"""Of a longer list only the beginning is shown here; F5 shows it all."""

_AFTERWARDS = (
    "Every step can be looked at, or done again, from the list on the left (F2).\n"
    "^q saves and quits; the session stays in the list until you delete it there."
)


def _next(walk: Walk) -> Iterator[str]:
    """What the person may do now, outside the wizard."""
    facts, every = walk.session.facts(), walk.session.state.known
    written = facts.get("changed_files")
    if written and not facts.get("commit"):
        changed = count(len(written) if isinstance(written, list) else 0, "file")
        yield f"{changed} of the project changed. Commit them, if nobody has yet (git status shows which)."
    written_names = [known.value["names"] for name, known in every.items() if name.startswith("profiles@")]
    names = [names[-1] for names in written_names if names]
    if names:
        yield (
            "Try it in a new terminal that has the lines of Verify:\n"
            f"aws --profile {names[-1]} sts get-caller-identity"
        )
    if walk.world.sandbox:
        yield "F3 lists the sessions: start there as the other person, or resume their session."
