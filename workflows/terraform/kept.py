"""What is kept beside the runs of a layer: how they ended, and what its next plan is to replace.

A wizard that comes later finds how an apply ended, and which lock it may have left. A recovery notes the
resources that it has imported and that have to be made again; the next plan, today or after a restart,
has `-replace` for them.
"""

from __future__ import annotations

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

_REPLACE = "replace.json"
_LEFT = "left-lock.json"
_LOCKING = (Kind.APPLY, Kind.PLAN)
"""Runs that hold the state's lock and say when they had it: their output is in events."""
_OPERATIONS = {Kind.APPLY: "OperationTypeApply", Kind.PLAN: "OperationTypePlan"}


@dataclass(frozen=True)
class EndedRun:
    """A run of this computer that is over, and that surely had the state's lock.

    Attributes:
        kind: what it was for.
        holder: whom Terraform names as the holder of its locks ("jane@laptop").
        begun_at: when it was started, aware.
        locked_at: when it first did what takes the lock, likewise.
        ended_at: when it ended, or last said something, likewise.
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
        """How it ended, to be followed by when."""
        return "was killed" if self.killed else "ended without releasing it"

    def left(self, lock: LockInfo) -> bool:
        """Whether a lock is the one that this run took.

        Only one run can hold it at a time, so that a lock which this person made on this computer after this
        run began and before it had the lock is this run's own.
        """
        made = lock.made_at
        return (
            made is not None
            and lock.who == self.holder
            and lock.operation == _OPERATIONS[Kind(self.kind)]
            and self.begun_at <= made <= self.locked_at
        )


def apply_begun(folder: Path, record: PlanRecord) -> bool:
    """Whether an apply of this plan was begun whose end nobody has taken in yet, or that went through.

    `Terraform.apply` of the same record then starts nothing: it gives the end of that one. Reads files only.

    Args:
        folder: the private folder of the layer's runs.
        record: the plan.
    """
    run = apply_run(folder)
    begun = run is not None and run.description.facts.get("plan_sha256") == record.plan_sha256
    return begun or earlier_result(folder, record) is not None


def apply_run(folder: Path) -> Run | None:
    """The apply whose end isn't recorded yet, or None."""
    return Run.attach(folder / Kind.APPLY)


def run_that_left(lock: LockInfo, folder: Path) -> EndedRun | None:
    """The run that is over and left this lock; None where it is another's, or nobody can say so.

    Args:
        lock: the lock that was met.
        folder: the private folder of the layer's runs.
    """
    record = read_record(folder / _LEFT)
    ended = [] if record is None else [read(EndedRun, record, "left lock")]
    runs = (Run.attach(folder / kind) for kind in _LOCKING)
    ended += [ended_run for run in runs if run is not None and (ended_run := _ended(run))]
    return next((ended_run for ended_run in ended if ended_run.left(lock)), None)


def note_lock(run: Run, folder: Path) -> None:
    """Note that a run which is over had the state's lock, if it did and may have left it.

    One that never had it says nothing of a lock that was left before it.

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
    """Forget which run may have left the state's lock: it is free, or somebody else's."""
    (folder / _LEFT).unlink(missing_ok=True)


def _ended(run: Run) -> EndedRun | None:
    """What is known of a run that is over and had the lock; None while it goes on, or where it had none."""
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
    """The result of an apply of this plan that went through, if there was one."""
    result = result_of(folder, record)
    return result if result is not None and result.succeeded else None


def result_of(folder: Path, record: PlanRecord | None = None) -> ApplyResult | None:
    """How the last apply, of this very plan or of any, ended that has been taken in; None where none has."""
    kept = read_record(folder / "apply.json")
    if kept is None or (record is not None and kept.get("plan_sha256") != record.plan_sha256):
        return None
    return read(ApplyResult, kept.get("result"), "result")


def pending_replacements(folder: Path) -> tuple[str, ...]:
    """The addresses that were noted, in order.

    Args:
        folder: the private folder of the layer's runs.
    """
    record = read_record(folder / _REPLACE)
    return tuple(record["addresses"]) if record is not None else ()


def replace_next(folder: Path, address: str) -> None:
    """Note that the next plan is to replace a resource.

    Args:
        folder: the private folder of the layer's runs.
        address: the resource's address.
    """
    addresses = dict.fromkeys((*pending_replacements(folder), address))
    write_record(folder / _REPLACE, {"addresses": list(addresses)})


def forget_replacements(folder: Path) -> None:
    """Forget what was noted: an apply went through."""
    (folder / _REPLACE).unlink(missing_ok=True)
