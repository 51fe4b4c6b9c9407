"""A dialog that shows a text to read, however long it is, and nothing else."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen

from screens.widgets.text import Button, Log

_STYLES = {"+": "green", "-": "red", "~": "yellow"}


class TextDialog(ModalScreen[None]):
    """Shows a text whose lines can begin with a mark; the marks are coloured besides.

    Args:
        title: what it is.
        text: the text.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", id="text.close")]
    DEFAULT_CSS = """
    TextDialog { align: center middle; }
    TextDialog > Vertical {
        width: 96; max-width: 96%; height: 92%; border: round $primary;
        background: $surface; padding: 0 1;
    }
    TextDialog RichLog {
        height: 1fr; background: $surface; scrollbar-size: 1 1;
    }
    TextDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    """

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = self._title
            yield Log(auto_scroll=False, id="text")
            with Horizontal():
                yield Button("Close (esc)", id="close", variant="primary")

    def on_mount(self) -> None:
        """Write the text, and let it be scrolled at once."""
        log = self.query_one(Log)
        for line in self._text.splitlines():
            log.add(line, _STYLES.get(line.strip()[:1], ""), scroll_end=False)
        log.focus()

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        """Close it."""
        self.dismiss(None)
