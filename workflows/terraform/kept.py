"""Records beside the runs of a layer: how they ended, and what the next plan must replace.

A later wizard finds how an apply ended, and which lock it may have left. A recovery notes imported resources
that must be replaced; the next plan, today or after a restart, uses `-replace` for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workflows.core.files import explained
from workflows.core.processes import read_record, write_record
from workflows.core.sentences import Sentence
from workflows.core.shapes import plain, read
from workflows.terraform.events import moment_of
from workflows.terraform.failures import LockInfo
from workflows.terraform.record import PlanRecord
from workflows.terraform.results import ApplyResult
from workflows.terraform.runner import Kind, Run

RESULT = "apply.json"
"""The file with the result of the last apply, in the folder of a layer's runs."""
_REPLACE = "replace.json"
_LEFT = "left-lock.json"
_LOCKING = (Kind.APPLY, Kind.PLAN)
"""Runs that lock the state and report events, which show when they had the lock."""
_OPERATIONS = {Kind.APPLY: "OperationTypeApply", Kind.PLAN: "OperationTypePlan"}


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


def forget_replacements(folder: Path) -> None:
    """Remove the recorded addresses after a successful apply."""
    (folder / _REPLACE).unlink(missing_ok=True)
