"""The result of an apply, as a value that the session keeps, and as the error that a person sees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workflows.core.errors import Cancelled, OnboardError
from workflows.core.sentences import Sentence
from workflows.terraform.events import Diagnostic, Progress
from workflows.terraform.failures import PLAN_AGAIN, Failure, failure, failure_of, read_lock
from workflows.terraform.redaction import redact
from workflows.terraform.runner import Outcome


@dataclass(frozen=True)
class Trouble:
    """What went wrong with one resource, without Terraform's own message, which may quote anything.

    Attributes:
        address: the resource, or "" if Terraform names none.
        title: the cause in a few words; Terraform's redacted headline if unknown.
        why: what that means, or "".
        next: what a person can do, or "".
        in_use: whether AWS kept it, because something that Terraform doesn't know is attached to it.
    """

    address: str
    title: Sentence
    why: Sentence = ""
    next: Sentence = ""
    in_use: bool = False


@dataclass(frozen=True)
class ApplyResult:
    """The result of an apply.

    Attributes:
        exit_code: Terraform's exit status; None if it was killed and the status is unknown.
        done: addresses of resources that are now as planned.
        failed: addresses that failed.
        remaining: addresses that were not reached.
        begun: addresses that Terraform started, whether or not it reported their end.
        existing: addresses that failed because AWS already has something of that name.
        troubles: what went wrong, resource by resource.
        unwritten: whether the state could not be written and is in the layer's folder instead.
        stopped: whether the person stopped it and Terraform wrote the state before it ended; False if it was
            stopped while waiting for another run's lock.
    """

    exit_code: int | None
    done: tuple[str, ...]
    failed: tuple[str, ...]
    remaining: tuple[str, ...]
    begun: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    unwritten: bool = False
    stopped: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether everything was applied."""
        return self.exit_code == 0

    @property
    def untouched(self) -> bool:
        """Whether it ended before it started any resource, for example because the plan was stale."""
        return not (self.succeeded or self.killed or self.done or self.failed or self.begun)

    @property
    def killed(self) -> bool:
        """Whether Terraform was killed, or its end is unknown."""
        return self.exit_code is None or self.exit_code < 0


class ApplyFailed(OnboardError):  # noqa: N818 - named as what happened
    """An apply that failed part-way; `result` says what is done and what is not."""

    def __init__(self, error: OnboardError, result: ApplyResult) -> None:
        super().__init__(error.title, error.what, why=error.why, next=error.next, detail=error.detail)
        self.result = result


class ApplyCancelled(Cancelled):
    """An apply that the person stopped; `result` says what is done and what is not."""

    def __init__(self, result: ApplyResult) -> None:
        done, rest = len(result.done), len(result.remaining) + len(result.failed)
        super().__init__(
            "The apply was stopped",
            f"{done} of {done + rest} resources are done; the state is complete and not locked.",
            next=PLAN_AGAIN,
        )
        self.result = result


def apply_result(outcome: Outcome) -> ApplyResult:
    """Return the result of a finished apply."""
    progress = outcome.progress
    unwritten = any(failure_of(error.as_text()) is Failure.STATE_UNWRITTEN for error in progress.errors)
    locked = any(read_lock(error.as_text()) for error in progress.errors)
    return ApplyResult(
        exit_code=outcome.exit_code,
        done=tuple(progress.done),
        failed=tuple(progress.failed),
        remaining=progress.remaining,
        begun=tuple(progress.begun),
        existing=tuple(
            error.address
            for error in progress.errors
            if error.address and failure_of(error.as_text()) in {Failure.EXISTS, Failure.ALIAS_TAKEN}
        ),
        troubles=tuple(_troubles(progress)),
        unwritten=unwritten,
        stopped=outcome.cancelled and outcome.exit_code == 1 and not (unwritten or locked),
    )


def _troubles(progress: Progress) -> Iterator[Trouble]:
    # A halt is no error but the requested stop, which the result reports.
    errors = [error for error in progress.errors if failure_of(error.as_text()) is not Failure.HALTED]
    named = {error.address for error in errors}
    unnamed = [address for address in progress.failed if address not in named]
    alone = sum(not error.address for error in errors) == 1
    for error in errors:
        address, known = error.address or _failed_at(error, unnamed, alone=alone), failure_of(error.as_text())
        if known is None:
            yield Trouble(address, redact(error.summary))
        else:
            cause, in_use = known.value, known is Failure.IN_USE
            yield Trouble(address, cause.title, cause.why, cause.next, in_use)


def _failed_at(diagnostic: Diagnostic, failed: Sequence[str], *, alone: bool) -> str:
    """Return the failed resource for a diagnostic without an address, as for a destroy; "" if unknown."""
    words = diagnostic.as_text()
    for address in failed:
        keys = re.findall(r'\["([^"]+)"\]', address)
        if any(re.search(rf"(?<![\w.-]){re.escape(key)}(?![\w-])", words) for key in keys):
            return address
    return failed[0] if alone and len(failed) == 1 else ""


def apply_failure(outcome: Outcome, layer: str, program: str) -> OnboardError:
    """Return the error for an apply that was not successful."""
    if outcome.exit_code is None or outcome.exit_code < 0:
        return OnboardError(
            "The apply was killed",
            f"Something killed {program} while it worked in {layer}.",
            why="The state may lack its last changes, and may still be locked.",
            next="Recover it in the Apply step: release its lock, import what exists, plan again.",
            detail=outcome.text,
        )
    return failure("apply", layer, outcome.progress.diagnostics, outcome.text, program)


class PlanOutdated(OnboardError):  # noqa: N818 - it says what is wrong
    """A plan whose sources changed since it was made."""


def older_than_files(changed: Sequence[str]) -> PlanOutdated:
    """Return the error for a plan whose sources have changed."""
    shown = [*changed[:10], *([f"and {len(changed) - 10} more"] if len(changed) > 10 else [])]
    return PlanOutdated(
        "The plan is older than the files",
        f"{len(changed)} file{'s' if len(changed) > 1 else ''} changed after the plan.",
        why="It would apply the files as they were before they changed.",
        next="Plan again, and review the new plan.",
        detail="\n".join(shown),
    )
