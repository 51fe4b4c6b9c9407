"""The dialog that asks which place is to be opened in the editor."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult

from screens.widgets.dialogs import Dialog
from screens.widgets.text import OptionList, Text
from workflows.steps.by_hand import Spot


class SpotDialog(Dialog[Spot]):
    """Offers places; Enter opens the marked one.

    Args:
        spots: at least one, the likeliest first.
    """

    AUTO_FOCUS = "#spots"
    DEFAULT_CSS = """
    SpotDialog Text { color: $text-muted; }
    SpotDialog OptionList { height: auto; max-height: 14; border: none; padding: 0; }
    """

    def __init__(self, spots: Sequence[Spot]) -> None:
        super().__init__("Edit by hand")
        self._spots = spots

    def body(self) -> ComposeResult:
        yield OptionList(*map(str, self._spots), id="spots")
        yield Text("Enter opens your editor there.")

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._spots[event.option_index])
