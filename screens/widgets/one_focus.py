"""What all screens have in common; home loads it without the dialogs."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.screen import Screen


class OneFocus(Screen[Any]):
    """A screen that shows its focus and keys only while no other screen covers it.

    It may have a place for the results of its work.
    """

    def show_result(self, text: str, severity: str, *, passing: bool = False) -> bool:  # noqa: ARG002
        """Show a result, until the next one or another step.

        Args:
            severity: Textual's name for it.
            passing: whether it disappears with the next key, because the page may need the space.

        Returns:
            Whether it is visible here.
        """
        return False

    def drop_result(self, *, passing: bool = False) -> None:
        """Remove a result as other work begins; with `passing`, one shown briefly, after a key press."""

    def on_resize(self, event: events.Resize) -> None:
        """Don't draw a page twice: the terminal's first report of its size comes when the page has it."""
        if event.size == self.outer_size:
            event.prevent_default()

    def on_screen_suspend(self) -> None:
        self.query("KeyLine").set(visible=False)
        self._show_focus()

    def on_screen_resume(self) -> None:
        self.query("KeyLine").set(visible=True)
        self._show_focus()

    def on_descendant_focus(self) -> None:
        """Work that ends below a dialog may move the focus there."""
        self._show_focus()

    def _show_focus(self) -> None:
        here = self.app.screen is self
        if self.focused is not None and self.focused.has_focus is not here:
            self.focused.has_focus = here
            self.focused.refresh()
