"""What a run is for, what is told while it goes on, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workflows.core.errors import Cancelled
from workflows.services.terraform.events import Event
from workflows.services.terraform.progress import Progress


class Kind(StrEnum):
    """What a run is for."""

    INIT = "init"
    PLAN = "plan"
    APPLY = "apply"
    IMPORT = "import"
    PUSH = "push"
    OTHER = "other"


class LeftRunning(Cancelled):
    """The wizard stopped watching; Terraform goes on, and the next start picks it up."""


@dataclass(frozen=True)
class Update:
    """What came since the last update.

    Attributes:
        lines: the new lines as a person reads them (an event's own message, or the line itself).
        events: the same as events.
        progress: the state of the whole run after them.
    """

    lines: tuple[str, ...]
    events: tuple[Event, ...]
    progress: Progress


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        exit_code: Terraform's exit status; negative for the signal that ended it; None if nobody knows.
        inferred: True if the exit status was not recorded but follows from Terraform's last words.
        cancelled: True if it had been asked to stop.
        seconds: how long it ran, or None.
        progress: what it did.
        text: its last lines as a person reads them, joined by line ends.
    """

    exit_code: int | None
    inferred: bool
    cancelled: bool
    seconds: float | None
    progress: Progress
    text: str

    @property
    def succeeded(self) -> bool:
        """Whether it went through to its end."""
        return self.exit_code == 0
