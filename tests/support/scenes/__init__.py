"""Scenes: every screen in a typical state, for the snapshots and for the pictures in docs/.

A scene is an application and the actions that bring it into its state. Its picture is always the same: the
clock stands still, keys and fingerprints are committed, Terraform's events are recorded, and no network is
used.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, ClassVar, TypeVar
from unittest import mock

from support.fakes import MemoryVault, fake_environment
from support.panes import PaneHost, rest, settle, until
from textual.app import App
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.widgets import ProgressBar
from textual.worker import WorkerCancelled, get_current_worker

from screens.registry import PANES
from screens.widgets.progress import ProgressLine
from tui.app.application import OnboardApp
from tui.app.frame import Frame
from tui.host import Machine
from workflows.catalogue import WORKFLOWS
from workflows.environment import Environment
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions
from workflows.step_modules import MODULES
from workflows.stores.vault import VaultChoice

NOW = datetime(2026, 3, 2, 9, 30, 12, tzinfo=UTC)
SMALL, LARGE = (80, 24), (120, 36)
Kind = TypeVar("Kind")
Before = Callable[[Pilot[Any]], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """A screen for a picture.

    Attributes:
        app: the application.
        before: brings the application into its state.
    """

    app: App[Any]
    before: Before


class Framed(PaneHost, Frame):
    """A `PaneHost` with the title, the footer's keys and the frame of the real application."""

    TITLE = OnboardApp.TITLE
    BINDINGS: ClassVar[list[BindingType]] = [
        binding
        for binding in OnboardApp.BINDINGS
        if not (isinstance(binding, Binding) and binding.id == "app.swap")
    ]


class Keyring(MemoryVault):
    """A vault with the description of the most common one."""

    description = "in this computer's keyring (recommended)"


def now() -> datetime:
    return NOW


class Stage:
    """The stage of a scene: its folder, and what must be undone after it.

    Args:
        folder: the scene's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._undo = ExitStack()
        self._held = Event()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def foreign(self, value: Kind) -> Kind:
        """Return a value with foreign texts, as the scene shows it."""
        return value

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute until the scene is over."""
        self._undo.enter_context(mock.patch.object(owner, name, value))

    def afterwards(self, undo: Callable[..., object], *given: object) -> None:
        """Call a function after the scene."""
        self._undo.callback(undo, *given)

    def environment(self, **changes: Any) -> Environment:
        """Return a person's environment, with a keyring."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        parts = {"now": now, "vault": lambda _fingerprint: VaultChoice(Keyring()), **changes}
        return fake_environment(home, {"PATH": "/usr/bin:/bin", "SHELL": "/bin/bash"}, **parts)

    def session(self, workflow: str, facts: Mapping[str, Any], *done: str) -> Session:
        """Return a session in which these steps are done ("apply@security" for a repeated step)."""
        session = Sessions(self.folder / "sessions", WORKFLOWS, now).create(workflow, {})
        facts = self.foreign(facts)
        self._undo.callback(session.close)
        gives = {
            step.id: step.gives
            for declared in WORKFLOWS
            if declared.id == workflow
            for step in declared.steps
        }
        for told in done:
            step, _, item = told.partition("@")
            settle(session, StepKey(step, item), {name: facts[name] for name in gives[step] if name in facts})
        return session

    def wizard(
        self, session: Session, environment: Environment, at: str, before: Before | None = None
    ) -> Scene:
        """Return a scene of the wizard at a step ("plan@security"), or at the closing page for ""."""
        step, _, item = at.partition("@")
        modules = list(MODULES[session.header.workflow].values())
        key = StepKey(step, item) if at else None
        machine = Machine.this()._replace(environment={"TERM": "xterm-256color"})
        app = Framed(session, environment, modules, PANES, key, machine=machine)

        async def then(pilot: Pilot[Any]) -> None:
            await rest(pilot)
            if before is not None:
                await before(pilot)

        return Scene(app, then)

    def hold(self) -> None:
        """Block a worker's thread until the scene is over."""
        self._held.set()
        worker = get_current_worker()
        while not worker.cancelled_event.wait(0.02):
            pass
        raise WorkerCancelled

    def held(self, *pressed: str) -> Before:
        """Press keys, and wait until `hold` blocks the work, so that all earlier reports are shown."""

        async def before(pilot: Pilot[Any]) -> None:
            await pilot.press(*pressed)
            await until(pilot, self._held.is_set)

        return before


def keys(*pressed: str) -> Before:
    """Press keys, and wait for the effect of each."""

    async def before(pilot: Pilot[Any]) -> None:
        for key in pressed:
            await pilot.press(key)
            await rest(pilot)
            await rest(pilot)  # a look after a failure starts once that is shown

    return before


def then(scene: Scene, *pressed: str) -> Scene:
    """Return the scene with keys that are pressed in it."""

    async def before(pilot: Pilot[Any]) -> None:
        await scene.before(pilot)
        await keys(*pressed)(pilot)

    return Scene(scene.app, before)


async def freeze(pilot: Pilot[Any]) -> None:
    """Stop animations: a spinner stays at its first frame.

    A progress bar rounds differently if its progress is set before it has its size, so it is set again.
    """
    bars = [(bar, bar.progress) for screen in pilot.app.screen_stack for bar in screen.query(ProgressBar)]
    for bar, _ in bars:
        bar.update(progress=0)
    await pilot.pause()
    for bar, progress in bars:
        bar.update(progress=progress)
    for screen in pilot.app.screen_stack:
        for line in screen.query(ProgressLine):
            if line.has_class("-running"):
                line._timer.pause()
                line._frame, line._since = 0, monotonic()
                line._turn()
    await pilot.pause()


def in_state(scene: Scene) -> Before:
    """Return a function that brings a scene into its state and stops its animations."""

    async def before(pilot: Pilot[Any]) -> None:
        await scene.before(pilot)
        await freeze(pilot)

    return before


def picture(scene: Scene, size: tuple[int, int]) -> str:
    """Return the scene as SVG, which is the same each time."""
    from textual._doc import take_svg_screenshot  # noqa: PLC0415 - what the snapshot plugin uses, too

    svg = take_svg_screenshot(scene.app, terminal_size=size, run_before=in_state(scene))
    return re.sub(r"\bterminal-\d+-", "terminal-", svg)
