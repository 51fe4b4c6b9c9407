"""An application with everything around it: small steps, sessions in a folder, environments of fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.fakes import fake_environment
from support.panes import by_id, rest
from support.small_steps import SmallStep, panes_for, small_workflow
from support.steps import step_of
from textual.pilot import Pilot

from tui.app.application import OnboardApp
from tui.app.session_control import (
    Parts,
    Start,
)
from tui.host import Machine, Places
from tui.session_catalogue import SessionCatalogue
from workflows.desktop.clipboard import Clipboard
from workflows.environment import Environment
from workflows.machine.declaration import Workflow
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.steps.shared.module import Report

PROJECT, USERS = StepKey("project"), StepKey("users")
LAYERS = {"project": "bb", "layers": ["management"]}
BEGUN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


class FakeSource:
    """An environment of fakes."""

    def __init__(self, folder: Path, sandbox: Path | None = None) -> None:
        self.sandbox = sandbox is not None
        self.folder = sandbox
        self.opened = 0
        self.words = "Opening the world of the test"
        self.failure: Exception | None = None
        self.closed = 0
        self._folder = folder

    def open(self, report: Report) -> None:  # noqa: ARG002
        self.opened += 1
        if self.failure is not None:
            raise self.failure

    def environment(self, workflow: str, clipboard: Clipboard) -> Environment:  # noqa: ARG002
        mailbox = self._folder / "mailbox" if self.sandbox else None
        return fake_environment(self._folder, {}, clipboard=clipboard, sandbox=self.sandbox, mailbox=mailbox)

    @property
    def key_records(self) -> Path:
        return self._folder / "access-keys"

    def drafts(self, workflow: str) -> Mapping[str, Mapping[str, Any]]:
        return {"project": {"text": f"source-{workflow}"}}

    def close(self) -> None:
        self.closed += 1


class House:
    """Everything around an application, in a folder of the test."""

    def __init__(self, folder: Path, modules: list[SmallStep] | None = None) -> None:
        self.modules = modules or small_workflow()
        self.panes = panes_for(self.modules)
        self.source = FakeSource(folder)
        self.clock = BEGUN
        places = Places(folder / "sessions", folder / "sandboxes", folder / "vault", folder / "cache")
        self.machine = Machine(places, folder, folder / "Downloads", folder, {}, lambda: self.clock)
        steps = tuple(step_of(module) for module in self.modules)
        workflows = [Workflow("admin", "Admin", steps), Workflow("new-user", "New user", steps)]
        self.catalogue = SessionCatalogue(self.machine, workflows)
        self.sessions = self.catalogue.sessions_of()
        self.other = FakeSource(folder, folder / "sandboxes" / "20260101-000000")

    def parts(self) -> Parts:
        modules = by_id(self.modules)
        both = {"admin": modules, "new-user": modules}
        return Parts(self.catalogue, both, self.panes, self.sandbox_world)

    def sandbox_world(self, folder: Path) -> FakeSource:
        assert folder == self.other.folder
        return self.other

    def session(self, *done: tuple[StepKey, Mapping[str, Any]]) -> str:
        """A session that was left after these steps."""
        session = self.sessions.create("admin", {})
        for key, facts in done:
            session.start(key)
            session.succeed(key, facts)
        session.close()
        return session.folder.name

    def app(self, load: Callable[[], Parts] | None = None, **start: Any) -> OnboardApp:
        return OnboardApp(self.machine, load or self.parts, self.source, Start(**start))

    def sandbox_app(self, **start: Any) -> OnboardApp:
        """The application begun in the sandbox."""
        return OnboardApp(self.machine, self.parts, self.other, Start(**start))

    def reopened(self) -> Session:
        return self.sessions.open(self.sessions.summaries()[0].id)

    def sandbox_session(self, *done: tuple[StepKey, Mapping[str, Any]]) -> str:
        """A session in a sandbox that was left after these steps."""
        folder = self.other.folder
        assert folder is not None
        folder.mkdir(parents=True)
        (folder / "sandbox.json").write_text("{}")
        session = self.catalogue.sessions_of(folder).create("admin", {"sandbox": True})
        for key, facts in done:
            session.start(key)
            session.succeed(key, facts)
        session.close()
        return session.folder.name


def text_of(app: OnboardApp) -> str:
    """Return what is on the screen."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


async def settled(pilot: Pilot[Any]) -> None:
    """Wait for what the application does, and for what comes of that."""
    await rest(pilot)
    await rest(pilot)
