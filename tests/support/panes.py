"""A small application that shows a workflow's wizard with a real session and a fake environment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from support.steps import step_of
from textual.app import App
from textual.pilot import Pilot
from textual.worker import WorkerCancelled

from screens.step.page import StepPane
from tui.app.wizard import WizardScreen
from workflows.environment import Environment
from workflows.machine.declaration import Workflow
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions
from workflows.machine.state import Status
from workflows.run import SessionRun

SECONDS = 300.0
"""The time limit for conditions that must become true, even on a busy machine."""


def new_session(
    folder: Path, modules: Sequence[Any], drafts: Mapping[str, Mapping[str, Any]] | None = None
) -> Session:
    """Return a new session of a workflow that consists of these step modules."""
    workflow = Workflow("test", "Test", tuple(step_of(module) for module in modules))
    session = Sessions(folder, [workflow], lambda: datetime.now(UTC)).create("test", {})
    for step, draft in (drafts or {}).items():
        session.drafts.save(StepKey(step), draft)
    return session


def by_id(modules: Iterable[Any]) -> dict[str, Any]:
    """Return step id -> step module, as a run needs them."""
    return {step_of(module).id: module for module in modules}


def settle(session: Session, key: StepKey, facts: Mapping[str, Any]) -> None:
    """Mark a step as done with these facts."""
    session.start(key)
    session.succeed(key, facts)


class PaneHost(App[None]):
    """An application that shows the wizard of a session."""

    def __init__(
        self,
        session: Session,
        environment: Environment,
        modules: Sequence[Any],
        panes: Mapping[str, type[StepPane]],
        at: StepKey | None = None,
        **of_the_frame: Any,
    ) -> None:
        super().__init__(**of_the_frame)
        self.session = session
        self.wizard = WizardScreen(SessionRun(session, environment, by_id(modules)), panes, at)

    def on_mount(self) -> None:
        self.push_screen(self.wizard)

    def marked(self, step: str) -> Status:
        """Return the status with which the list of steps shows a step."""
        return next(entry.status for entry in self.wizard._steps if entry.key.step == step)

    @property
    def pane(self) -> StepPane:
        pane = self.wizard.pane
        assert pane is not None, "the wizard shows no step"
        return pane

    def text(self) -> str:
        """Return the whole screen as plain text."""
        width, height = self.size
        lines = self.screen._compositor.render_strips()
        assert (width, height) != (0, 0)
        return "\n".join(strip.text.rstrip() for strip in lines)


async def rest(pilot: Pilot[Any]) -> None:
    """Wait until no worker runs and every message has been handled."""
    while True:
        await pilot.pause()
        running = [worker for worker in pilot.app.workers if not worker.is_finished]
        if not running:
            return
        with contextlib.suppress(WorkerCancelled):  # an exclusive worker is cancelled by its successor
            await pilot.app.workers.wait_for_complete(running)


async def until(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    """Wait until a condition holds that a timer, a thread or several moves make true."""
    deadline = monotonic() + SECONDS
    while not condition():
        assert monotonic() < deadline, "it did not come to that in time"
        await pilot.pause(0.01)
    await pilot.pause()
