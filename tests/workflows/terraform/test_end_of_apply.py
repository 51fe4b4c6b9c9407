"""The remains of a plan after its apply has ended, with another program in place of Terraform."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workflows.core.sentences import Cancelled, OnboardError
from workflows.terraform.binary import Binary, Product
from workflows.terraform.failures import UNWRITTEN_STATE, LockHeld
from workflows.terraform.record import PLAN_FILE, PlanRecord, file_sha256
from workflows.terraform.results import ApplyCancelled
from workflows.terraform.runner import Kind, Run
from workflows.terraform.service import Terraform

LOCK = "Error message: ConditionalCheckFailedException\\nLock Info:\\n  ID: 1a2b\\n  Who: bob@desk\\n"
LOCKED_TEXT = "Error: Error acquiring the state lock\n\n" + LOCK.replace("\\n", "\n")
LOCKED = (
    '{"type": "diagnostic", "diagnostic": {"severity": "error", '
    f'"summary": "Error acquiring the state lock", "detail": "{LOCK}"}}}}'
)


def take_in_a_stopped_apply(folder: Path, said: str = "") -> None:
    """Handle the end of a stopped apply with this output."""
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
    service(folder, "terraform").apply(record)


def service(folder: Path, *program: str) -> Terraform:
    """Return the service of a layer in a folder, with this program in place of Terraform."""
    return Terraform(
        Binary(program, Product.TERRAFORM, "1.15.5"),
        folder,
        folder,
        environment={"PATH": "/usr/bin:/bin"},
        variables={},
        backend_configs=(),
        backend={},
        var_files=(),
        now=lambda: datetime(2026, 3, 1, tzinfo=UTC),
    )


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


@pytest.mark.parametrize("kind", [Kind.IMPORT, Kind.PUSH])
@pytest.mark.parametrize(("said", "error"), [(LOCKED_TEXT, LockHeld), ("", Cancelled)])
def test_who_stops_writing_the_state_reads_that_it_is_not_locked_only_where_it_is_not(
    tmp_path: Path, kind: Kind, said: str, error: type[OnboardError]
) -> None:
    (tmp_path / UNWRITTEN_STATE).touch()
    stop = f"open({str(tmp_path / kind / 'cancelled')!r}, 'w')"
    terraform = service(tmp_path, sys.executable, "-c", f"{stop}; print({said!r}); raise SystemExit(1)")
    with pytest.raises(error):
        terraform.import_("aws_iam_user.jane", "jane") if kind is Kind.IMPORT else terraform.push_unwritten()
    assert (tmp_path / UNWRITTEN_STATE).exists()
