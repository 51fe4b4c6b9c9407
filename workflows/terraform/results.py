"""How runs of a layer ended: as a value, as the error that a person sees, and as records for later.

A later wizard finds how an apply ended, and which lock it may have left. A recovery notes imported resources
that must be replaced; the next plan, today or after a restart, uses `-replace` for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workflows.core.files import explained
from workflows.core.processes import read_record, write_record
from workflows.core.sentences import Cancelled, OnboardError, Sentence
from workflows.core.shapes import plain, read
from workflows.terraform.events import Diagnostic, Progress, moment_of
from workflows.terraform.failures import PLAN_AGAIN, Failure, LockInfo, failure, failure_of, read_lock
from workflows.terraform.record import PlanRecord
from workflows.terraform.redaction import redact
from workflows.terraform.runner import Kind, Outcome, Run

RESULT = "apply.json"
"""The file with the result of the last apply, in the folder of a layer's runs."""
_REPLACE = "replace.json"
_LEFT = "left-lock.json"
_LOCKING = (Kind.APPLY, Kind.PLAN)
"""Runs that lock the state and report events, which show when they had the lock."""
_OPERATIONS = {Kind.APPLY: "OperationTypeApply", Kind.PLAN: "OperationTypePlan"}


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
            next="Recover it: release its lock, import what exists, then plan again.",
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


@dataclass(frozen=True)
class EndedRun:
    """A finished run on this computer that certainly had the state's lock; times have a time zone.

    Attributes:
        kind: the kind of run.
        holder: Terraform's name for the holder of its locks ("jane@laptop").
        begun_at: when it was started.
        locked_at: when it first did something that needs the lock.
        ended_at: when it ended, or last wrote output.
        killed: whether it was ended from outside.
    """

    kind: str
    holder: str
    begun_at: datetime
    locked_at: datetime
    ended_at: datetime
    killed: bool

    @property
    def ending(self) -> Sentence:
        """How it ended; the time goes after it."""
        return "was killed" if self.killed else "ended without releasing it"

    def left(self, lock: LockInfo) -> bool:
        """Return whether a lock is the one that this run took.

        Only one run can hold it at a time, so a lock with this person and computer, created between the run's
        start and its first locked action, is the run's own.
        """
        made = lock.made_at
        return (
            made is not None
            and lock.who == self.holder
            and lock.operation == _OPERATIONS[Kind(self.kind)]
            and self.begun_at <= made <= self.locked_at
        )


def apply_begun(folder: Path, record: PlanRecord) -> bool:
    """Return whether an apply of this plan was started and is not recorded yet, or was successful.

    `Terraform.apply` of the same record then starts nothing, but returns the result of that apply. Only reads
    files.

    Args:
        folder: the private folder of the layer's runs.
    """
    run = apply_run(folder)
    begun = run is not None and run.description.facts.get("plan_sha256") == record.plan_sha256
    return begun or earlier_result(folder, record) is not None


def apply_run(folder: Path) -> Run | None:
    """Return the apply whose result isn't recorded yet, or None."""
    return Run.attach(folder / Kind.APPLY)


def run_that_left(lock: LockInfo, folder: Path) -> EndedRun | None:
    """Return the finished run that left this lock; None if it is somebody else's or unknown.

    Args:
        folder: the private folder of the layer's runs.
    """
    record = read_record(folder / _LEFT)
    ended = [] if record is None else [read(EndedRun, record, "left lock")]
    runs = (Run.attach(folder / kind) for kind in _LOCKING)
    ended += [ended_run for run in runs if run is not None and (ended_run := _ended(run))]
    return next((ended_run for ended_run in ended if ended_run.left(lock)), None)


def note_lock(run: Run, folder: Path) -> None:
    """Record that a finished run had the state's lock and may have left it.

    A run that never had the lock changes nothing about an earlier record.

    Args:
        run: the run, before its output is put away.
        folder: the private folder of the layer's runs.
    """
    ended = _ended(run)
    if ended is not None and run.exit_code == 0:
        forget_lock(folder)
    elif ended is not None:
        with explained(folder / _LEFT, "written"):
            write_record(folder / _LEFT, plain(ended))


def forget_lock(folder: Path) -> None:
    """Remove the record of a run that may have left the lock: it is free, or somebody else's."""
    (folder / _LEFT).unlink(missing_ok=True)


def _ended(run: Run) -> EndedRun | None:
    """Describe a finished run that had the lock; None while it runs, or without the lock."""
    if run.description.kind not in _LOCKING or run.description.begun_at is None or run.is_running():
        return None
    with run.output.open(encoding="utf-8", errors="replace") as lines:
        locked_at = next((found for line in lines if (found := moment_of(line))), None)
    if locked_at is None:
        return None
    exit_code = run.exit_code
    return EndedRun(
        run.description.kind,
        run.description.holder,
        datetime.fromtimestamp(run.description.begun_at, UTC),
        locked_at,
        datetime.fromtimestamp(run.output.stat().st_mtime, UTC),
        exit_code is None or exit_code < 0,
    )


def earlier_result(folder: Path, record: PlanRecord) -> ApplyResult | None:
    """Return the result of a successful apply of this plan, or None."""
    result = result_of(folder, record)
    return result if result is not None and result.succeeded else None


def result_of(folder: Path, record: PlanRecord | None = None) -> ApplyResult | None:
    """Return the last recorded result of an apply, of this plan if given; or None."""
    kept = read_record(folder / RESULT)
    if kept is None or (record is not None and kept.get("plan_sha256") != record.plan_sha256):
        return None
    return read(ApplyResult, kept.get("result"), "result")


def keep_repairs_left(folder: Path, repairs: Iterable[str]) -> None:
    """Record which repairs are left after the last recorded apply; another apply forgets them.

    Args:
        folder: the private folder of the layer's runs.
        repairs: an id of each.
    """
    if (kept := read_record(folder / RESULT)) is not None:
        write_record(folder / RESULT, {**kept, "left": sorted(repairs)})


def repairs_left(folder: Path) -> frozenset[str] | None:
    """Return the repairs left after the last recorded apply; None if nobody has looked for them."""
    kept = read_record(folder / RESULT) or {}
    return frozenset(kept["left"]) if "left" in kept else None


def pending_replacements(folder: Path) -> tuple[str, ...]:
    """Return the recorded addresses in order.

    Args:
        folder: the private folder of the layer's runs.
    """
    record = read_record(folder / _REPLACE)
    return tuple(record["addresses"]) if record is not None else ()


def replace_next(folder: Path, address: str) -> None:
    """Record that the next plan must replace a resource.

    Args:
        folder: the private folder of the layer's runs.
        address: the resource's address.
    """
    addresses = dict.fromkeys((*pending_replacements(folder), address))
    write_record(folder / _REPLACE, {"addresses": list(addresses)})


def forget_replacements(folder: Path, result: ApplyResult) -> None:
    """Remove the recorded addresses that an apply has replaced, even if it failed elsewhere."""
    pending = () if result.succeeded else pending_replacements(folder)
    if left := [address for address in pending if address not in result.done]:
        write_record(folder / _REPLACE, {"addresses": left})
    else:
        (folder / _REPLACE).unlink(missing_ok=True)
