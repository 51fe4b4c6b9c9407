"""What a command passes to a step: the environment seen from this terminal, and a progress report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui.cli.asking import terminal_name
from tui.cli.output import note, watched
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, joined

with on_demand():
    from tui import environments, host
    from workflows import environment
    from workflows.core import openpgp
    from workflows.gpg import many_keys
    from workflows.steps.new_user import pgp_key
    from workflows.steps.shared import module


def own_world(machine: host.Machine, binary: str = "") -> environment.Environment:
    """Return the user's environment, in which gpg may ask for a passphrase on this terminal."""
    return environments.OwnMachine(machine, binary).environment(
        "", environments.clipboard_of(machine, lambda _text: None), tty=terminal_name(machine.environment)
    )


def own_context(
    machine: host.Machine, facts: Mapping[str, object] | None = None, folder: Path | None = None
) -> module.Context:
    """Return the context with facts from the command line; its default folder is that of all sessions."""
    known = facts or {}
    return module.Context(own_world(machine), known, known, "", folder or machine.places.sessions)


def refuse_problems(step: module.StepModule, request: object, context: module.Context) -> None:
    """Raise an error with the problems of a request.

    Raises:
        OnboardError: there are problems.
    """
    if problems := [problem.message for problem in step.validate(request, context) if problem.fatal]:
        raise OnboardError("Can't do this", joined(problems), next="Correct it, then try again.")


def performed(
    step: module.StepModule, request: object, context: module.Context, fact: str
) -> Mapping[str, Any]:
    """Do a step, and return the named fact.

    Raises:
        OnboardError: the request has problems, or the step failed.
    """
    refuse_problems(step, request, context)
    done: Mapping[str, Any] = step.perform(request, context, report_progress)[fact]
    return done


def own_key(context: module.Context, wanted: str, option: str, otherwise: str) -> pgp_key.OwnChoice:
    """Return the named PGP key of the user, or the only usable one.

    Args:
        context: of the user.
        wanted: its fingerprint or the end of it (8 digits or more), or an email address; "" for any.
        otherwise: what to do if there is none.

    Raises:
        OnboardError: it is missing or unusable, or there are several.
    """
    fitting = [
        key
        for key in pgp_key.own_keys(context, report_progress)
        if not wanted or many_keys.is_named(key.fingerprint, key.mails, wanted)
    ]
    good = [key for key in fitting if key.accepted]
    if len(good) == 1:
        return good[0]
    title = "Which PGP key?" if good else "No PGP key of your own"
    what = "You have no PGP key that you can use."
    if good:
        what, otherwise = (
            f"{len(good)} of your keys work.",
            f"Choose one with {option} and its fingerprint.",
        )
    elif wanted and not fitting:
        title = "No such PGP key"
        what = f"No key in your keyring matches {wanted}."
        otherwise = f"Name one with {option}: its fingerprint or an email address. {otherwise}"
    lines = (f"{openpgp.grouped(key.fingerprint)}  {key.user_id}: {key.verdict.headline}" for key in fitting)
    raise OnboardError(title, what, next=otherwise, detail="\n".join(lines))


def report_progress(progress: module.Progress) -> None:
    """Report progress if somebody is watching, without every single answer."""
    if watched() and progress.payload is None:
        note(f"{progress.words} …")
