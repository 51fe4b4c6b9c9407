"""What changed while nobody was looking: shown when a session is resumed, with where to go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll

from screens.widgets.dialogs import Dialog
from screens.widgets.text import Button, Text
from workflows.core.sentences import Sentence
from workflows.walk import Change


class WelcomeBack(Dialog):
    """The looks at the world that did not agree with the journal.

    Args:
        changes: those looks.
        goes_on_with: the title of the step that is proposed, "" when all is done.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "go_on", "Go on", id="welcome.close")]

    def __init__(self, changes: Sequence[Change], goes_on_with: Sentence) -> None:
        super().__init__()
        self._changes = changes
        self._goes_on_with = goes_on_with

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text("Welcome back", classes="dialog-title")
            with VerticalScroll():
                yield Text(self._text(), classes="dialog-body")
            with Horizontal():
                yield Button("Go on", id="go-on", variant="primary")

    def on_mount(self) -> None:
        self.query_one("#go-on").focus()

    def _text(self) -> str:
        lines = []
        for change in self._changes:
            mark = "~" if change.observation.contradicts else "?"
            lines.append(f"{mark} {change.title}: {change.observation.words}")
        if self._goes_on_with:
            lines += ["", f"It goes on with: {self._goes_on_with}"]
        return "Since you left:\n\n" + "\n".join(lines)

    @on(Button.Pressed, "#go-on")
    def action_go_on(self) -> None:
        """Go on."""
        self.dismiss(True)
