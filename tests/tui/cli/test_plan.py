"""`plan` from its arguments to what it keeps; Terraform runs in the end-to-end tests."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from support.kept_plans import keep
from support.own_machine import parsed

from tui.cli import layer_run, plan
from tui.cli.arguments import UsageError
from tui.host import Machine
from workflows.core.sentences import OnboardError
from workflows.steps.admin import (
    judged_plan,
    plan as plan_step,
)
from workflows.steps.admin.accepted_plan import Planned


def test_a_plan_in_a_checkout_is_warned_of_unless_git_ignores_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise OnboardError("Stopped here", "Terraform is not run in this test.")

    monkeypatch.setattr(plan_step, "make", stop)
    monkeypatch.setattr(layer_run, "asked_code", lambda _context: None)
    for name, warned in [("plan.out", True), (".terraform/plan.tfplan", False), ("../plan.tfplan", False)]:
        (machine.working_folder / ".terraform").mkdir(exist_ok=True)
        with pytest.raises(OnboardError, match="Stopped here"):
            plan.plan(machine, parsed("plan", "security", "--out", name))
        assert (Path(name).name in capsys.readouterr().err) is warned, name


def test_a_plan_is_not_kept_if_its_keys_cannot_be_checked(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = keep(machine, target.with_name("other.tfplan"))

    def made(*_: object) -> Planned:
        planned.record.plan.write_bytes(b"a plan")
        return planned

    def unread(*_: object) -> NoReturn:
        raise OnboardError("The layer can't be read", "")

    monkeypatch.setattr(plan_step, "make", made)
    monkeypatch.setattr(layer_run, "asked_code", lambda _context: None)
    plan.plan(machine, parsed("plan", "security", "--out", str(target)))
    assert target.exists()
    target.unlink()
    monkeypatch.setattr(judged_plan, "doubted_keys", unread)
    with pytest.raises(OnboardError):
        plan.plan(machine, parsed("plan", "security", "--out", str(target)))
    assert not target.exists()


def test_a_plan_is_written_to_no_stream(machine: Machine) -> None:
    with pytest.raises(UsageError, match="--out"):
        plan.plan(machine, parsed("plan", "security", "--out", "-"))
