"""Plans of a layer in the form in which `plan --out` keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.own_machine import parsed

from tui.cli.layer_run import layer_alone, plans_of
from tui.host import Machine
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.new_passwords import Note
from workflows.steps.admin.terraform_runs import run_folder
from workflows.terraform.record import PlanRecord, file_sha256, hash_sources


def planned_in(file: Path, layer: Path, content: bytes = b"a plan", **parts: Any) -> Planned:
    """Return a plan of a layer whose file has this content."""
    file.write_bytes(content)
    record = PlanRecord(file, file_sha256(file), layer, (), hash_sources(layer, ()), "", "x", "now")
    return Planned(record, ("a line",), {"add": 1, "change": 0, "destroy": 0}, **parts)


def keep(machine: Machine, target: Path, **parts: Any) -> Planned:
    """Return a plan of the security layer, kept as `plan --out` keeps it."""
    with layer_alone(machine, parsed("plan", "security")) as context:
        run_folder(context).mkdir(parents=True, exist_ok=True)
        file = run_folder(context) / "plan.tfplan"
        planned = planned_in(file, machine.working_folder / "security/global/base-identities", **parts)
        plans_of(machine).keep(planned, "security", target, machine.now(), Note())
        file.unlink()
    return planned
