"""A secret that is shown for a moment on request, and cannot be selected: only a copy key copies it."""

from __future__ import annotations

from typing import ClassVar

from textual.selection import Selection
from textual.timer import Timer

from screens.widgets.text import Text
from workflows.core.secret import Secret

MASK = "••••••••••••"
SHOWN_SECONDS = 15.0


class SecretText(Text):
    """Shows dots, and on request the secret for `SHOWN_SECONDS`.

    What is selected with the mouse goes to Textual's clipboard on ctrl+c, where nothing would clear it again;
    so this cannot be selected.
    """

    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(MASK, id=id)
        self._hiding: Timer | None = None

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Nothing: a selection of the whole screen (Textual's `text_select_all`) leaves it out."""
        del selection
        return None

    def toggle(self, secret: Secret) -> None:
        """Show the secret, or hide it if it is shown."""
        if self._hiding is not None:
            self.hide()
            return
        self.update(secret.reveal())
        self._hiding = self.set_timer(SHOWN_SECONDS, self.hide)

    def hide(self) -> None:
        """Show dots; the secret is no longer in the widget."""
        if self._hiding is not None:
            self._hiding.stop()
            self._hiding = None
        self.update(MASK)
