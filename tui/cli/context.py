"""What a command gives to a step: the person's world seen from this terminal, and who hears of progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cli.asking import terminal_name
from tui.cli.output import note, watched
from workflows.core.errors import OnboardError
from workflows.core.sentences import joined

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tui.host import Machine
    from workflows.environment import World
    from workflows.steps.shared.module import Context, Progress, StepModule


def own_world(machine: Machine, binary: str = "") -> World:
    """The person's world, in which gpg may ask for a passphrase on this terminal."""
    from tui.environments import OwnMachine, clipboard_of

    clipboard = clipboard_of(machine, lambda _text: None)
    return OwnMachine(machine, binary).world("", clipboard, tty=terminal_name(machine.environment))


def own_context(
    machine: Machine, facts: Mapping[str, object] | None = None, folder: Path | None = None
) -> Context:
    """The person's world with what the command line gave; the folder is by default that of all sessions."""
    from workflows.steps.shared.module import Context

    known = facts or {}
    return Context(own_world(machine), known, known, "", folder or machine.places.sessions)


def refuse_problems(step: StepModule, request: object, context: Context) -> None:
    """Raise what a step finds wrong with a request.

    Raises:
        OnboardError: something is.
    """
    if problems := [one.message for one in step.validate(request, context) if one.fatal]:
        raise OnboardError("Can't do this", joined(problems), next="Correct it, then try again.")


def performed(step: StepModule, request: object, context: Context, fact: str) -> Mapping[str, Any]:
    """Do a step, and give the fact of this name.

    Raises:
        OnboardError: the request is not right, or doing it failed.
    """
    refuse_problems(step, request, context)
    done: Mapping[str, Any] = step.perform(request, context, report_progress)[fact]
    return done


def report_progress(progress: Progress) -> None:
    """Report what is being done to somebody who watches; each single answer would be too much."""
    if watched() and progress.payload is None:
        note(f"{progress.words} …")
