"""What a command gives to a step: the person's world seen from this terminal, and who hears of progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli.asking import terminal_name
from tui.cli.output import note, watched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tui.host import Machine
    from workflows.environment import World
    from workflows.steps.shared.module import Context, Progress


def own_world(machine: Machine, binary: str = "") -> World:
    """The person's world, in which gpg may ask for a passphrase on this terminal."""
    from tui.environments import OwnMachine, clipboard_of

    clipboard = clipboard_of(machine, lambda _text: None)
    return OwnMachine(machine, binary).world("", clipboard, tty=terminal_name(machine.environment))


def own_context(
    machine: Machine, facts: Mapping[str, str] | None = None, folder: Path | None = None
) -> Context:
    """The person's world with what the command line gave; the folder is by default that of all sessions."""
    from workflows.steps.shared.module import Context

    known = facts or {}
    return Context(own_world(machine), known, known, "", folder or machine.places.sessions)


def report_progress(progress: Progress) -> None:
    """Report what is being done to somebody who watches; each single answer would be too much."""
    if watched() and progress.payload is None:
        note(f"{progress.words} …")
