"""A dialog that asks for one name or path, and says what is not right with it while it is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from screens.widgets.text import Button, Text


def _nothing_wrong(_value: str) -> str:
    return ""


class NameDialog(ModalScreen[str | None]):
    """Asks for a name; gives None if the person goes back.

    Args:
        title: what it is for.
        words: what comes of it, or "".
        value: the name to begin with.
        wrong: says what is wrong with a name, "" if nothing is.
        example: shown as long as nothing is entered.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", id="name.cancel")]
    DEFAULT_CSS = """
    NameDialog { align: center middle; }
    NameDialog > Vertical {
        width: 66; max-width: 96%; height: auto; border: round $primary; background: $surface; padding: 0 1;
    }
    NameDialog Static { height: auto; }
    NameDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    NameDialog Button { margin-left: 2; }
    NameDialog #problem { color: $text-error; }
    """

    def __init__(
        self,
        title: str,
        words: str,
        value: str,
        wrong: Callable[[str], str] = _nothing_wrong,
        example: str = "",
    ) -> None:
        super().__init__()
        self._title = title
        self._words = words
        self._value = value
        self._wrong = wrong
        self._example = example

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = self._title
            if self._words:
                yield Text(self._words)
            yield Input(
                value=self._value,
                placeholder=self._example,
                id="name",
                compact=True,
                select_on_focus=False,
            )
            yield Text("", id="problem")
            with Horizontal():
                yield Button("OK", id="ok", variant="primary")
                yield Button("Cancel (esc)", id="cancel")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#ok")
    def _accept(self) -> None:
        value = self.query_one(Input).value.strip()
        wrong = self._wrong(value) if value else "A name is needed."
        if wrong:
            self.query_one("#problem", Text).update(f"✗ {wrong}")
        else:
            self.dismiss(value)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close without a name."""
        self.dismiss(None)
