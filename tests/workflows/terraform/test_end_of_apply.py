"""What is left of a plan once its apply has ended, with the run of another program in Terraform's place."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workflows.terraform.binary import Binary, Product
from workflows.terraform.record import PLAN_FILE, PlanRecord, file_sha256
from workflows.terraform.results import ApplyCancelled
from workflows.terraform.runner import Kind, Run
from workflows.terraform.service import Terraform


def test_a_stopped_apply_ends_its_plan_although_no_resource_was_begun(tmp_path: Path) -> None:
    plan, environment = tmp_path / PLAN_FILE, {"PATH": "/usr/bin:/bin"}
    plan.write_bytes(b"a plan")
    record = PlanRecord(plan, file_sha256(plan), tmp_path, (), {}, "", "Terraform 1.15.5", "now")
    run = Run.start(
        [sys.executable, "-c", "raise SystemExit(1)"],
        kind=Kind.APPLY,
        folder=tmp_path / Kind.APPLY,
        cwd=tmp_path,
        environment=environment,
        facts={"plan_sha256": record.plan_sha256},
    )
    (run.folder / "cancelled").touch()
    terraform = Terraform(
        Binary(("terraform",), Product.TERRAFORM, "1.15.5"),
        tmp_path,
        tmp_path,
        environment=environment,
        variables={},
        backend_configs=(),
        var_files=(),
        now=lambda: datetime(2026, 3, 1, tzinfo=UTC),
    )
    with pytest.raises(ApplyCancelled) as stopped:
        terraform.apply(record)
    assert stopped.value.result.untouched
    assert not plan.exists()
