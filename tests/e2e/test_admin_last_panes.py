# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""Plan, Apply and Hand over through their screens, by keys, with the real Terraform in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.admin_runs import joining
from support.given import Given
from support.panes import PaneHost, new_session, rest, until
from support.pgp import gpg_home
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401
from textual.pilot import Pilot

from screens.admin.apply import ApplyPane
from screens.admin.hand_over import HandOverPane
from screens.admin.plan import PlanPane
from screens.step.page import StepPane
from workflows.machine.events import StepKey, Verdict
from workflows.machine.state import Status
from workflows.messages.handoff import open_handoff
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, hand_over, plan

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PANES: dict[str, type[StepPane]] = {"plan": PlanPane, "apply": ApplyPane, "hand-over": HandOverPane}


async def press(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await rest(pilot)
    await rest(pilot)


async def test_both_accounts_are_planned_applied_and_handed_over_by_keys(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    with gpg_home() as home:
        home.key("jane.doe")
        prepared = tmp_path / "prepared"
        prepared.mkdir(mode=0o700)
        runs = joining(sandbox, prepared, "jane.doe", home.export("jane.doe"), "admins")
    given = Given(runs.once)
    modules: list[Any] = [given, plan, apply, hand_over]
    session = new_session(tmp_path / "sessions", modules)
    session.start(StepKey("given"))
    session.succeed(StepKey("given"), given.facts)
    app = PaneHost(session, runs.environment, modules, PANES, StepKey("plan", "management"))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for account in ("management", "security"):
            assert app.pane.opening.title == f"Plan ({account})"
            await press(pilot, "ctrl+n")
            assert "+ admins" in app.text()
            await press(pilot, "ctrl+n")
            assert app.pane.opening.title == f"Apply ({account})"
            await press(pilot, "ctrl+n", "left", "enter")
            assert session.facts(account)["applied"]["added"] > 0
            assert app.pane.opening.title == f"Hand over ({account})"
            if account == "management":
                assert app.pane.query_one("#skip").display
                await press(pilot, "ctrl+s")
                assert session.status(StepKey("hand-over", account)) is Status.SKIPPED
        assert " management, security" in app.text()
        await press(pilot, "m")
        await press(pilot, "ctrl+n")
        key = StepKey("hand-over", "security")
        await until(pilot, lambda: key in session.state.observed)
        assert session.state.observed[key].verdict is Verdict.AWAITED  # AWS says that she has not come yet
    handoff = open_handoff((sandbox.mailbox / "handoff-jane.doe.txt").read_text())
    assert [identity.account_name for identity in handoff.identities] == ["management", "security"]
    assert session.facts("security")["handed_over"]["people"]["jane.doe"]["sent_at"]
    session.close()
