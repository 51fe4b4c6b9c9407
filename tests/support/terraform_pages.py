"""The pages of plan, apply and hand over, with recorded events in place of a running Terraform."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.panes import PaneHost, rest
from textual.pilot import Pilot

from screens.admin.apply import ApplyPane
from screens.admin.hand_over import HandOverPane
from screens.admin.plan import PlanPane
from workflows.core.sentences import OnboardError
from workflows.environment import Environment
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions
from workflows.machine.state import Status
from workflows.steps.admin import apply
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.shared.module import Context, Progress, Report
from workflows.terraform.events import Progress as Applying, message_of, parse_line
from workflows.terraform.record import file_sha256, hash_sources
from workflows.terraform.results import ApplyFailed, ApplyResult
from workflows.terraform.runner import Update

PANES = {"plan": PlanPane, "apply": ApplyPane, "hand-over": HandOverPane}
USER = 'module.user["jane.doe"].aws_iam_user.this[0]'
PASSWORD = 'module.user["jane.doe"].aws_iam_user_login_profile.this[0]'


def event(kind: str, message: str, **fields: Any) -> str:
    return json.dumps({"@level": "info", "@message": message, "type": kind, **fields})


def hook(kind: str, address: str, **fields: Any) -> str:
    resource = {"addr": address, "resource_type": "aws_iam_user"}
    return event(kind, f"{address}: {kind}", hook={"resource": resource, "action": "create", **fields})


def planned_change(address: str) -> str:
    resource = {"addr": address, "resource_type": "aws_iam_user"}
    return event(
        "planned_change", f"{address}: Plan to create", change={"resource": resource, "action": "create"}
    )


PLANNING = (
    event("version", "Terraform 1.15.5", terraform="1.15.5", ui="1.2"),
    event("log", "arn:aws:iam::111111111111:user/dana.lopez is read"),
    planned_change(USER),
    planned_change(PASSWORD),
)
APPLYING = (*PLANNING, hook("apply_start", USER), hook("apply_complete", USER, elapsed_seconds=1))


def replay(lines: tuple[str, ...], report: Report) -> None:
    """Report recorded lines, one update each."""
    tracker = Applying()
    for line in lines:
        events = tuple(event for event in (parse_line(line),) if event is not None)
        for event in events:
            tracker.add(event)
        report(Progress("", payload=Update((message_of(line),), events, tracker.snapshot())))


def moment_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class Desk:
    """A session whose files are written, and what its Terraform will say."""

    session: Session
    environment: Environment
    layer: Path
    modules: list[Any]
    planned: Planned
    made: list[Context] = field(default_factory=list)

    def host(self, step: str) -> PaneHost:
        return PaneHost(self.session, self.environment, self.modules, PANES, StepKey(step, "management"))

    def status(self, step: str) -> Status:
        return self.session.status(StepKey(step, "management"))

    def accept(self, planned: Planned) -> None:
        key = StepKey("plan", "management")
        self.session.start(key)
        self.session.succeed(key, {"plan": {**planned.as_facts(), "acknowledged": []}})

    def come_back(self) -> None:
        """The program ends, and another one opens the session."""
        self.session.close()
        sessions = Sessions(
            self.session.folder.parent, [self.session.state.workflow], lambda: datetime.now(UTC)
        )
        self.session = sessions.open(self.session.header.session)

    def applied(self, at: str = "") -> None:
        key = StepKey("apply", "management")
        self.session.start(key)
        facts = {"at": at or moment_now(), "added": 2, "changed": 0, "destroyed": 0}
        self.session.succeed(key, {"applied": {**facts, "elsewhere": False}})


def written(desk: Desk) -> Planned:
    """The desk's plan, with its file and hashes as they are now."""
    record = desk.planned.record
    record.plan.write_bytes(b"a plan")
    fresh = replace(
        record, plan_sha256=file_sha256(record.plan), sources=hash_sources(record.layer, record.inputs)
    )
    return replace(desk.planned, record=fresh)


async def press(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await rest(pilot)


def play_apply(monkeypatch: pytest.MonkeyPatch, end: Callable[[], dict[str, Any]]) -> list[apply.Request]:
    requests = []

    def perform(request: apply.Request, context: Context, report: Report) -> dict[str, Any]:
        requests.append(request)
        replay(APPLYING, report)
        return end()

    monkeypatch.setattr(apply, "perform", perform)
    return requests


def done() -> dict[str, Any]:
    facts = {"at": moment_now(), "added": 2, "changed": 0, "destroyed": 0, "elsewhere": False}
    return {"applied": facts}


def fail() -> dict[str, Any]:
    result = ApplyResult(1, (USER,), (PASSWORD,), ())
    error = OnboardError("Can't use a PGP key", "Not done: jane.doe.", next="Replace the key.")
    raise ApplyFailed(error, result)
