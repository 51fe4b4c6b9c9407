"""A person who uses the wizard, for tests that read like the documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.fakes import FakeBrowser, FakeClipboard
from support.recording import READ, TYPED, Recording
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, TextArea
from textual.widgets._toggle_button import ToggleButton

from screens.registry import PANES
from screens.step.page import StepPane
from screens.widgets.checklist import Checklist
from screens.widgets.dialogs import Confirm, ErrorDialog, Notice
from tui.app.application import OnboardApp, Start
from tui.app.session_control import Parts
from tui.app.wizard import WizardScreen
from tui.environments import SandboxEnvironments
from tui.host import Machine
from tui.session_catalogue import SessionCatalogue
from workflows.desktop.clipboard import Clipboard
from workflows.environment import Environment
from workflows.machine.state import Status
from workflows.sandbox.sandbox import Sandbox
from workflows.step_modules import MODULES

SECONDS = 300.0
_POLL = 0.05


class WatchedEnvironments(SandboxEnvironments):
    """Sandbox environments with a clipboard that can be read and a browser that opens nothing."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        super().__init__(machine, folder)
        self.board = FakeClipboard()

    def environment(self, workflow: str, clipboard: Clipboard) -> Environment:
        environment = super().environment(workflow, clipboard)
        return replace(environment, clipboard=self.board, browser=FakeBrowser(opens=True))


class Walker:
    """Drives an application; every wait has a time limit, and an error dialog fails the test."""

    def __init__(
        self, app: OnboardApp, pilot: Pilot[None], source: WatchedEnvironments, recording: Recording
    ) -> None:
        self._recording = recording
        self.app = app
        self.pilot = pilot
        self._source = source

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox, which is open once the wizard is shown."""
        return self._source._sandbox

    def clipboard(self) -> str:
        """The last copied text."""
        return self._source.board.content

    @property
    def wizard(self) -> WizardScreen:
        for screen in reversed(self.app.screen_stack):
            if isinstance(screen, WizardScreen):
                return screen
        raise AssertionError(f"no wizard is shown:\n{self.text()}")

    @property
    def opened(self) -> bool:
        """Whether a wizard is shown."""
        return any(isinstance(screen, WizardScreen) for screen in self.app.screen_stack)

    @property
    def pane(self) -> StepPane:
        pane = self.wizard.pane
        assert pane is not None, self.text()
        return pane

    def text(self) -> str:
        """Return the text on the screen."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    def facts(self, item: str = "") -> dict[str, Any]:
        return self.wizard.run.session.facts(item)

    async def until(self, condition: Any, what: str, seconds: float = SECONDS) -> None:
        """Wait until a condition holds; an error dialog fails the test with its text."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition():
            if isinstance(self.app.screen, ErrorDialog):
                raise TypeError(self.app.screen._error.as_text())
            if isinstance(self.app.screen, Notice) and not self.opened:
                await self.pilot.press("enter")  # a notice of changes precedes the wizard
            assert asyncio.get_running_loop().time() < deadline, f"waited for {what}:\n{self.text()}"
            await asyncio.sleep(_POLL)
            await self.pilot.pause()

    async def rest(self) -> None:
        """Wait until nothing runs in the pane, and copying has ended."""

        def resting() -> bool:
            copying = (worker for worker in self.app.workers if worker.group == "in turn")
            return not self.pane.running_move and all(worker.is_finished for worker in copying)

        await self.pilot.pause()
        await self.until(resting, "the pane to rest")
        await self.pilot.pause()

    async def at(self, title: str) -> None:
        """Wait until the step with this title, such as `Plan (security)`, is shown and at rest."""

        def shown() -> bool:
            pane = self.wizard.pane if self.opened else None
            return pane is not None and pane.opening.title == title

        await self.until(shown, f"the step {title}")
        await self.rest()
        self._recording.keep(self.app, READ)

    async def next(self) -> None:
        """Press Next and wait for its effect."""
        self._recording.keep(self.app, READ)
        await self.pilot.press("ctrl+n")
        await self.pilot.pause()

    async def confirm(self) -> None:
        """Wait for a question and answer yes."""
        await self.until(lambda: isinstance(self.app.screen, Confirm), "a question")
        self._recording.keep(self.app, READ)
        await self.pilot.press("left", "enter")
        await self.pilot.pause()

    async def fill(self, selector: str, text: str) -> None:
        """Put a text into a field of the pane, as if pasted."""
        widget = self.pane.query_one(selector)
        if isinstance(widget, TextArea):
            widget.text = text
        elif isinstance(widget, Input):
            widget.value = text
        else:
            raise TypeError(f"{selector} is a {type(widget).__name__}")
        await self.pilot.pause()
        self._recording.keep(self.app, TYPED)

    async def press(self, selector: str) -> None:
        """Press a button or toggle a checkbox of the pane, and wait for its effect."""
        widget = self.pane.query_one(selector)
        if isinstance(widget, Button):
            assert widget.display, f"{selector} is hidden"
            assert not widget.disabled, f"{selector} cannot be pressed"
            widget.press()
        elif isinstance(widget, ToggleButton):
            widget.toggle()
        else:
            raise TypeError(f"{selector} is a {type(widget).__name__}")
        await self.rest()
        self._recording.keep(self.app, TYPED)

    async def choose(self, selector: str, option: str) -> None:
        """Highlight an option of a list in the pane."""
        options = self.pane.query_one(selector, OptionList)
        options.highlighted = options.get_option_index(option)
        await self.pilot.pause()

    async def work_down(self) -> None:
        """Do the tasks in the page's checklist one after the other, until all are done."""
        tasks = self.pane.query_one(Checklist)
        while not tasks.finished:
            assert tasks.focus_next(), self.text()
            await self.pilot.pause()
            await self.pilot.press("enter")
            await self.rest()

    async def quit(self) -> None:
        """Save and quit, as ^q does."""
        self._recording.keep(self.app, READ)
        await self.pilot.press("ctrl+q")
        await self.pilot.pause()

    def statuses(self) -> dict[str, Status]:
        """Return the status of every step."""
        session = self.wizard.run.session
        return {str(key): session.status(key) for key in session.layout()}


@asynccontextmanager
async def wizard(
    machine: Machine,
    sandbox: Path,
    start: Start,
    size: tuple[int, int] = (80, 24),
    recording: Recording | None = None,
) -> AsyncIterator[Walker]:
    """Run the application with a sandbox, as `iam-onboard demo` does."""
    source = WatchedEnvironments(machine, sandbox)
    parts = Parts(
        SessionCatalogue(machine), MODULES, PANES, lambda folder: WatchedEnvironments(machine, folder)
    )
    app = OnboardApp(machine, lambda: parts, source, start)
    try:
        async with app.run_test(size=size) as pilot:
            yield Walker(app, pilot, source, recording or Recording())
    finally:
        source.close()
        if app.failure is not None:
            raise app.failure
