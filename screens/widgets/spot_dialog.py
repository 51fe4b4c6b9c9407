"""The dialog that asks which place is to be opened in the editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from screens.widgets.text import OptionList, Text
from workflows.steps.by_hand import Spot


class SpotDialog(ModalScreen[Spot | None]):
    """Offers places; Enter opens the marked one.

    Args:
        spots: at least one, the likeliest first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", id="spot.cancel")]
    DEFAULT_CSS = """
    SpotDialog { align: center middle; }
    SpotDialog > Vertical {
        width: 76; max-width: 96%; height: auto; max-height: 92%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    SpotDialog Static { height: auto; color: $text-muted; }
    SpotDialog OptionList { height: auto; max-height: 14; border: none; padding: 0; }
    """

    def __init__(self, spots: Sequence[Spot]) -> None:
        super().__init__()
        self._spots = spots

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = "Edit by hand"
            yield OptionList(*map(str, self._spots), id="spots")
            yield Text("Enter opens your editor there; esc goes back.")

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = 0

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._spots[event.option_index])

    def action_cancel(self) -> None:
        """Close without a place."""
        self.dismiss(None)
