"""What is left of a plan once its apply has ended, with the run of another program in Terraform's place."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workflows.terraform.binary import Binary, Product
from workflows.terraform.failures import LockHeld
from workflows.terraform.record import PLAN_FILE, PlanRecord, file_sha256
from workflows.terraform.results import ApplyCancelled
from workflows.terraform.runner import Kind, Run
from workflows.terraform.service import Terraform

LOCK = "Error message: ConditionalCheckFailedException\\nLock Info:\\n  ID: 1a2b\\n  Who: bob@desk\\n"
LOCKED = (
    '{"type": "diagnostic", "diagnostic": {"severity": "error", '
    f'"summary": "Error acquiring the state lock", "detail": "{LOCK}"}}}}'
)


def take_in_a_stopped_apply(folder: Path, said: str = "") -> None:
    """Take in the end of an apply that was stopped and had said only this."""
    plan, environment = folder / PLAN_FILE, {"PATH": "/usr/bin:/bin"}
    plan.write_bytes(b"a plan")
    record = PlanRecord(plan, file_sha256(plan), folder, (), {}, "", "Terraform 1.15.5", "now")
    run = Run.start(
        [sys.executable, "-c", f"print({said!r}); raise SystemExit(1)"],
        kind=Kind.APPLY,
        folder=folder / Kind.APPLY,
        cwd=folder,
        environment=environment,
        facts={"plan_sha256": record.plan_sha256},
    )
    (run.folder / "cancelled").touch()
    terraform = Terraform(
        Binary(("terraform",), Product.TERRAFORM, "1.15.5"),
        folder,
        folder,
        environment=environment,
        variables={},
        backend_configs=(),
        var_files=(),
        now=lambda: datetime(2026, 3, 1, tzinfo=UTC),
    )
    terraform.apply(record)


def test_a_stopped_apply_ends_its_plan_although_no_resource_was_begun(tmp_path: Path) -> None:
    with pytest.raises(ApplyCancelled) as stopped:
        take_in_a_stopped_apply(tmp_path)
    assert stopped.value.result.untouched
    assert not (tmp_path / PLAN_FILE).exists()


def test_who_stops_waiting_for_a_lock_reads_whose_it_is_and_keeps_the_plan(tmp_path: Path) -> None:
    with pytest.raises(LockHeld) as held:
        take_in_a_stopped_apply(tmp_path, LOCKED)
    assert held.value.lock.who == "bob@desk"
    assert (tmp_path / PLAN_FILE).exists()
