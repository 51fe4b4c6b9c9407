"""The administrator's screens up to Review for a project, for tests that press keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from support.admin_project import MODULES, AdminProject
from support.panes import PaneHost, new_session, rest, settle
from support.steps import step_of
from textual.pilot import Pilot
from textual.widgets import Input

from screens.admin.account import AccountPane
from screens.admin.groups import GroupsPane
from screens.admin.pgp_keys import PgpKeysPane
from screens.admin.project import ProjectPane
from screens.admin.review import ReviewPane
from screens.admin.users import UsersPane
from screens.step.page import StepPane
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.steps.shared.module import StepModule

PANES: Mapping[str, type[StepPane]] = {
    "project": ProjectPane,
    "pgp-keys": PgpKeysPane,
    "users": UsersPane,
    "groups": GroupsPane,
    "account": AccountPane,
    "review": ReviewPane,
}


class Wizard:
    """A wizard driven by a pilot."""

    def __init__(self, app: PaneHost, pilot: Pilot[Any], session: Session) -> None:
        self.app = app
        self.pilot = pilot
        self.session = session

    @property
    def text(self) -> str:
        return self.app.text()

    @property
    def focused(self) -> str:
        """Return the id of the focused widget, or ""."""
        widget = self.app.screen.focused
        return (widget.id or "") if widget else ""

    def status(self, step: str) -> Status:
        return self.session.status(StepKey(step))

    def field(self, name: str) -> Input:
        return self.app.pane.query_one(f"#{name}", Input)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.rest()

    async def go_to(self, step: str) -> None:
        await self.app.wizard.visit(StepKey(step))
        await self.rest()

    async def rest(self) -> None:
        """Wait until the pane is painted and nothing runs in it."""
        await rest(self.pilot)


@asynccontextmanager
async def wizard(
    admin: AdminProject,
    *done: StepModule,
    drafts: Mapping[str, Mapping[str, Any]] | None = None,
    at: str = "",
    size: tuple[int, int] = (80, 24),
) -> AsyncIterator[Wizard]:
    """Open the wizard at a step or the proposed one; `done` steps have the facts of the project."""
    session = new_session(admin.folder / "sessions", MODULES, drafts)
    try:
        for module in done:
            facts = {name: admin.facts[name] for name in step_of(module).gives if name in admin.facts}
            settle(session, StepKey(step_of(module).id), facts)
        app = PaneHost(session, admin.environment, MODULES, PANES, StepKey(at) if at else None)
        async with app.run_test(size=size) as pilot:
            driven = Wizard(app, pilot, session)
            await driven.rest()
            yield driven
    finally:
        session.close()
