"""How the applies of a layer ended, kept beside its runs, so that a wizard that comes later finds it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from workflows.services.terraform.outcome import Kind
from workflows.services.terraform.record import PlanRecord
from workflows.services.terraform.results import ApplyResult
from workflows.services.terraform.runner import Run


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
    try:
        return ApplyResult.from_facts(json.loads((folder / "apply.json").read_text("utf-8"))["result"])
    except FileNotFoundError:
        return None


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
    with contextlib.suppress(FileNotFoundError):
        kept = json.loads((folder / "apply.json").read_text("utf-8"))
        if kept["plan_sha256"] == record.plan_sha256:
            return ApplyResult.from_facts(kept["result"])
    return None
