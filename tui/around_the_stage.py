"""What the wizard shows around the step: the top line, the list of steps, help, where everybody stands."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Resize
from textual.screen import Screen

from screens.help import HelpScreen
from screens.widgets.dialogs import ask
from screens.widgets.everybody_dialog import EverybodyDialog
from screens.widgets.key_line import KeyLine
from screens.widgets.rail import RailEntry, StepRail
from tui.stage import Stage
from tui.top_line import TopLine
from workflows.machine.events import StepKey
from workflows.steps.everybody import everybody
from workflows.walk import Walk

_NARROW = 70
_SMALLEST = (50, 14)


class AroundTheStage(Screen[None]):
    """A screen around the stage of a session; which step is on the stage is the subclass's business.

    Args:
        walk: the session with its step modules.
        stage: shows the step.
    """

    def __init__(self, walk: Walk, stage: Stage) -> None:
        super().__init__()
        self.walk = walk
        self._stage = stage

    def compose(self) -> ComposeResult:
        yield TopLine()
        with Horizontal(id="middle"):
            yield StepRail()
            yield self._stage
        yield KeyLine(
            first=("wizard.next", "wizard.back"),
            last=("wizard.help", "app.quit"),
            first_to_go=("app.commands", "app.sessions"),
        )

    def on_resize(self, event: Resize) -> None:
        """In a narrow terminal the rail gives its room to the step; F2 shows it in the step's place."""
        width, height = event.size
        self.set_class(width < _NARROW, "-narrow")
        self.set_class(width < _SMALLEST[0] or height < _SMALLEST[1], "-tiny")
        if self.is_mounted:
            self._refresh_top()

    @property
    def current(self) -> StepKey | None:
        """The step that is shown; None for the closing page."""
        return self._stage.key

    async def visit(self, key: StepKey) -> None:
        """Show a step because the person asked for it."""
        raise NotImplementedError

    def refresh_rail(self) -> None:
        """Bring the rail and the top line up to what the session says."""
        session = self.walk.session
        entries = [
            RailEntry(key, self.walk.module(key).STEP.title, session.status(key)) for key in session.layout()
        ]
        self.query_one(StepRail).show(session.state.workflow.title, entries, self.current)
        self._refresh_top()
        self.refresh_bindings()

    def _refresh_top(self) -> None:
        self.query_one(TopLine).show(self.walk, self.current, tiny=self.has_class("-tiny"))

    def action_help(self) -> None:
        """Explain the step and its keys."""
        step = self.walk.module(self.current).STEP if self.current else None
        self.app.push_screen(HelpScreen(step.id if step else "", step.title if step else "The wizard", self))

    def action_rail(self) -> None:
        """Put the focus on the list of steps, or back on the step."""
        rail = self.query_one(StepRail)
        if rail.has_focus:
            self.remove_class("-steps")
            self._stage.focus_first()
            return
        self.set_class(self.has_class("-narrow"), "-steps")
        self.call_after_refresh(rail.focus)

    def action_everybody(self) -> None:
        """Show where everybody stands, and go on with the account that is chosen there."""
        grid = everybody(self.walk.whole())
        if not grid.rows:
            self.notify("Nobody has been named yet.")
            return

        async def chosen(account: str) -> None:
            key = self.walk.next_of(account)
            if key is not None:
                await self.visit(key)

        ask(self, EverybodyDialog(grid), chosen)

    def action_page(self, direction: int) -> None:
        """Scroll the step a page, whatever has the focus in it."""
        self._stage.scroll_page(direction)
