"""What is kept beside the runs of a layer: how its applies ended, and what its next plan is to replace.

A wizard that comes later finds how an apply ended. A recovery notes the resources that it has imported and
that have to be made again; whoever plans next, today or after a restart, plans with `-replace` for them.
"""

from __future__ import annotations

from pathlib import Path

from workflows.core.processes import read_record, write_record
from workflows.core.shapes import read
from workflows.services.terraform.record import PlanRecord
from workflows.services.terraform.results import ApplyResult
from workflows.services.terraform.runner import Kind, Run

_REPLACE = "replace.json"


def apply_begun(folder: Path, record: PlanRecord) -> bool:
    """Whether an apply of this plan was begun whose end nobody has taken in yet, or that went through.

    `Terraform.apply` of the same record then starts nothing: it gives the end of that one. Reads files only.

    Args:
        folder: the private folder of the layer's runs.
        record: the plan.
    """
    run = Run.attach(folder / Kind.APPLY)
    if run is not None and run.facts.get("plan_sha256") == record.plan_sha256:
        return True
    return earlier_result(folder, record) is not None


def last_result(folder: Path) -> ApplyResult | None:
    """How the last apply of a layer ended that has been taken in, or None."""
    kept = read_record(folder / "apply.json")
    return None if kept is None else read(ApplyResult, kept["result"], "result")


def begun_at(folder: Path) -> float | None:
    """When the apply that is not taken in yet was begun, in seconds since the epoch, or None."""
    try:
        return (folder / Kind.APPLY / "run.json").stat().st_mtime
    except FileNotFoundError:
        return None


def earlier_result(folder: Path, record: PlanRecord) -> ApplyResult | None:
    """The result of an apply of this plan that went through, if there was one."""
    result = result_of(folder, record)
    return result if result is not None and result.succeeded else None


def result_of(folder: Path, record: PlanRecord) -> ApplyResult | None:
    """How the last apply of this very plan ended that has been taken in, or None."""
    kept = read_record(folder / "apply.json")
    if kept is None or kept["plan_sha256"] != record.plan_sha256:
        return None
    return read(ApplyResult, kept["result"], "result")


def pending_replacements(folder: Path) -> tuple[str, ...]:
    """The addresses that were noted, in order.

    Args:
        folder: the private folder of the layer's runs.
    """
    record = read_record(folder / _REPLACE)
    return tuple(record["addresses"]) if record is not None else ()


def replace_next(folder: Path, address: str) -> None:
    """Note that the next plan is to make a resource anew.

    Args:
        folder: the private folder of the layer's runs.
        address: the resource's address.
    """
    addresses = dict.fromkeys((*pending_replacements(folder), address))
    write_record(folder / _REPLACE, {"addresses": list(addresses)})


def forget_replacements(folder: Path) -> None:
    """Forget what was noted: an apply went through."""
    (folder / _REPLACE).unlink(missing_ok=True)
