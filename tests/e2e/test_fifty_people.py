# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""Fifty people who join at once, planned and applied through the panes in a small terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.admin_runs import AdminRuns, administrator
from support.given import Given
from support.panes import PaneHost, new_session, rest, settle, until
from support.repository import TESTS
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401
from support.steps import step_of
from textual.widgets import Static

from screens.admin.apply import ApplyPane
from screens.admin.plan import PlanPane
from workflows.gpg.normalise import normalise
from workflows.machine.events import StepKey
from workflows.machine.state import Status
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, plan

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
NAMES = [f"person.number{number:02}" for number in range(50)]
KEY = TESTS / "support" / "keys" / "jane.doe.asc"
PLAN, APPLY = StepKey("plan", "management"), StepKey("apply", "management")


def runs_of(sandbox: Sandbox, folder: Path) -> AdminRuns:
    key = normalise(KEY.read_bytes()).text
    member = {"add": ["admins"], "remove": []}
    once: dict[str, Any] = {
        name: [] for name in (*step_of(plan).needs, *step_of(apply).needs) if name != "plan"
    }
    once |= {
        "project_root": str(sandbox.project_root),
        "project": "bb",
        "layers": ["management"],
        "joining": NAMES,
        "leaving": [],
        "regrouping": [],
        "rekeying": [],
        "keys": {name: {"text": key} for name in NAMES},
        "user_changes": {"add": {"management": NAMES}, "remove": {}},
        "memberships": {"management": dict.fromkeys(NAMES, member)},
        "group_changes": {},
    }
    made = AdminRuns(administrator(sandbox, folder), folder, once)
    made.write_files()
    return made


async def test_fifty_people_join_at_once_in_a_small_terminal(sandbox: Sandbox, tmp_path: Path) -> None:
    runs = runs_of(sandbox, tmp_path)
    modules: list[Any] = [Given(runs.once), plan, apply]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), runs.once)
    app = PaneHost(session, runs.environment, modules, {"plan": PlanPane, "apply": ApplyPane}, PLAN)
    seen: list[str] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "100 to add" in app.text())
        await rest(pilot)
        assert "person.number00" in app.text()
        await pilot.press("ctrl+n")
        await until(pilot, lambda: session.status(PLAN) is Status.DONE)
        await rest(pilot)
        assert isinstance(app.pane, ApplyPane)
        await pilot.press("ctrl+n", "left", "enter")

        def over() -> bool:
            pane = app.wizard.pane  # none on the closing page
            if pane is not None and pane.query("#pace"):
                seen.append(f"{pane.query_one('#pace', Static).render()}\n{app.text()}")
            return session.status(APPLY) in {Status.DONE, Status.FAILED}

        await until(pilot, over)
        assert session.status(APPLY) is Status.DONE
        assert session.facts("management")["applied"]["added"] == 100
        running = [text for text in seen if "done ·" in text]
        assert any("left" in text for text in running)  # the estimate
        assert any("… person." in text for text in running)  # for whom something runs now
        assert all(len(line) <= 80 for text in running for line in text.splitlines()[1:])
    session.close()
