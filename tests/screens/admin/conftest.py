"""A session whose files are written, for the pages of plan, apply and hand over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.fakes import fake_environment
from support.given import Given
from support.panes import new_session
from support.terraform_pages import PASSWORD, PLANNING, USER, Desk, moment_now, replay, written

from workflows.machine.events import StepKey
from workflows.steps.admin import apply, hand_over, plan, terraform_runs
from workflows.steps.admin.accepted_plan import PersonChange, Planned
from workflows.steps.shared.module import Context, Report
from workflows.terraform.record import PlanRecord


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    layer, home = tmp_path / "layer", tmp_path / "home"
    layer.mkdir()
    home.mkdir()
    (layer / "users.tf").write_text("# people\n")
    facts = {
        "project_root": str(tmp_path),
        "project": "bb",
        "layers": ["management"],
        "joining": ["jane.doe"],
        "leaving": [],
        "rekeying": [],
        "resetting": [],
        "keys": {},
        "user_changes": {"add": {"management": ["jane.doe"]}, "remove": {}},
        "changed_files": [],
    }
    given = Given(facts)
    modules: list[Any] = [given, plan, apply, hand_over]
    session = new_session(tmp_path / "sessions", modules)
    session.start(StepKey("given"))
    session.succeed(StepKey("given"), facts)
    record = PlanRecord(tmp_path / "plan.tfplan", "", layer, (), {}, "", "Terraform 1.15.5", moment_now())
    planned = Planned(
        record,
        ("jane.doe: new user; gets a console password; joins admins",),
        {"add": 2, "change": 0, "destroy": 0},
        owners={USER: ("jane.doe",), PASSWORD: ("jane.doe",)},
        passwords=("jane.doe",),
        people=(PersonChange("jane.doe", "create", "create", joins=("admins",)),),
    )
    environment = fake_environment(home, {"PATH": "/usr/bin:/bin"})
    made = Desk(session, environment, layer, modules, planned)

    def make(context: Context, report: Report, code: object = None) -> Planned:
        made.made.append(context)
        replay(PLANNING, report)
        return written(made)

    monkeypatch.setattr(plan, "make", make)
    monkeypatch.setattr(terraform_runs, "code_wanted", lambda _context: "")
    monkeypatch.setattr(apply, "located", lambda _context: (None, SimpleNamespace(account_id="111111111111")))
    yield made
    session.close()
