"""A pane whose step is partly done in the browser: opens the sign-in page, copies, tells how that went."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.widgets import Input

from screens.base import StepPane
from screens.unlocking import UnlockingPane
from screens.widgets.text import Button
from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence, text_of
from workflows.messages.handoff import Identity
from workflows.steps.own_identity import sign_in_page

_OPEN = "open-page"


class BrowsingPane(UnlockingPane):
    """What the panes of MFA, access keys and Verify share; the button `#open` opens the sign-in page."""

    def sign_in_identity(self) -> Identity:
        """Whose sign-in page is opened; a pane with that button tells it."""
        raise NotImplementedError

    def told_by(self, work: Callable[[], Sentence]) -> None:
        """Do something quick (a copy) and tell how it went in its own words."""
        try:
            self.notify(text_of(work()))
        except OnboardError as error:
            self.notify(f"{error.what} {error.why}", severity="warning")

    @on(Button.Pressed, "#open")
    def _open_page(self) -> None:
        world, identity = self.context.world, self.sign_in_identity()
        self.run_move(_OPEN, lambda _report: world.browser.open(identity.sign_in_url))

    @on(StepPane.MoveDone)
    def _page_opened(self, message: StepPane.MoveDone) -> None:
        if message.name == _OPEN and not message.result:
            page = sign_in_page(self.context, self.sign_in_identity())
            self.notify(f"No browser opens from here. Open this yourself: {page}", severity="warning")

    @on(Input.Submitted)
    def _go_down(self) -> None:
        """Enter in a field goes to the next one."""
        self.screen.focus_next()
