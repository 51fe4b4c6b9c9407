"""Terraform's failures in words: the cause where it is known, what to do, and the whole diagnostic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workflows.core.errors import OnboardError
from workflows.services.terraform.causes import InitWay, cause_of
from workflows.services.terraform.state_lock import LockHeld, read_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.services.terraform.events import Diagnostic


class InitRefused(OnboardError):  # noqa: N818 - named as what happened
    """An init (or what needed one) that only another way of initialising mends; `way` says which."""

    def __init__(self, error: OnboardError, way: InitWay) -> None:
        super().__init__(error.title, error.what, why=error.why, next=error.next, detail=error.detail)
        self.way = way


def failure(
    operation: str, layer: str, diagnostics: Sequence[Diagnostic], text: str, program: str = "Terraform"
) -> OnboardError:
    """Put a failed run into words.

    Args:
        operation: what failed ("init", "plan", "apply", …).
        layer: where.
        diagnostics: Terraform's errors, if it spoke in events.
        text: its output as text, for what has no diagnostics; "" if there is none.
        program: which of the two programs it was.

    Returns:
        An error with Terraform's own words as detail; `LockHeld` or `InitRefused` if that is what it is.
    """
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.is_error]
    detail = "\n\n".join(diagnostic.as_text() for diagnostic in errors) or from_first_error(text)
    lock = read_lock(detail)
    if lock is not None:
        return LockHeld(lock, detail)
    cause = cause_of(detail)
    what = f"{program}'s {operation} failed in {layer}."
    if cause is None:
        return OnboardError(
            f"The {operation} failed",
            what,
            next=f"Read {program}'s own words below, put it right, and try again.",
            detail=detail,
        )
    error = OnboardError(cause.title, what, why=cause.why, next=cause.next, detail=detail)
    return InitRefused(error, cause.way) if cause.way else error


def from_first_error(text: str) -> str:
    """A text output from its first error on, without the frame that Terraform draws around errors."""
    lines = [re.sub(r"^[╷╵│]\s?", "", line) for line in text.splitlines()]
    first = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), None)
    return "\n".join(lines if first is None else lines[first:]).strip()


def is_stale(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether an apply failed since the state is another one now: its plan can never be applied any more."""
    return any(one.is_error and "plan is stale" in one.summary.lower() for one in diagnostics)


def needs_init(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether a plan failed only because the layer has to be initialised."""
    asked = re.compile(r"terraform init|tofu init", re.IGNORECASE)
    return any(
        diagnostic.is_error and asked.search(f"{diagnostic.summary}\n{diagnostic.detail}")
        for diagnostic in diagnostics
    )
