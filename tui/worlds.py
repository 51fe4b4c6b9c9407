"""What opens the world: the person's own machine, or a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from workflows.steps.base import Report
from workflows.world import World


class WorldSource(Protocol):
    """Opens a world and closes it again."""

    sandbox: bool
    words: str

    def open(self, report: Report) -> World:
        """The world; may take seconds, and is called in a thread.

        Raises:
            OnboardError: it cannot be had.
        """

    def drafts(self, workflow: str) -> Mapping[str, Mapping[str, Any]]:
        """Input that a new session of a workflow begins with, by step id."""

    def close(self) -> None:
        """Give back what was opened; called once, after the application has ended."""
