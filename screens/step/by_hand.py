"""F4 opens the user's own editor where something can only be changed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType

from screens.step.page import StepPane
from screens.widgets.dialogs import Dialog, ErrorDialog, ask
from screens.widgets.failure import as_error
from screens.widgets.own_terminal import lend_terminal
from screens.widgets.text import Button, OptionList, Text
from workflows.core.errors import OnboardError
from workflows.core.sentences import text_of
from workflows.steps.shared import by_hand
from workflows.steps.shared.by_hand import NotPossible, Spot


class SpotDialog(Dialog[Spot]):
    """Offers places; Enter opens the selected one.

    Args:
        spots: at least one, the most likely first.
    """

    AUTO_FOCUS = "#spots"
    DEFAULT_CSS = """
    SpotDialog Text { color: $text-muted; }
    SpotDialog OptionList { height: auto; max-height: 14; border: none; padding: 0; }
    """

    def __init__(self, spots: Sequence[Spot]) -> None:
        choices = OptionList(*map(str, spots), id="spots")
        super().__init__("Edit by hand", body=(choices, Text("Enter opens your editor there.")))
        self._spots = spots

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._spots[event.option_index])


class ByHandPane(StepPane):
    """A pane with places to edit by hand; F4 opens the editor at one of them.

    It reads the files when it opens. Subclasses define `places`, `read` and, if they take input,
    `read_again`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f4",
            "edit_by_hand",
            "Edit by hand",
            id="pane.by-hand",
            show=False,
            tooltip="Open your editor where something can only be changed by hand",
        )
    ]
    _refused_at: Spot | None = None

    def places(self) -> Sequence[Spot]:
        """The places in the current view, the most likely first."""
        raise NotImplementedError

    def read(self) -> None:
        """Read and show the files."""
        raise NotImplementedError

    def read_again(self) -> None:
        """Show files that may have changed, keeping the input."""
        self.read()

    def on_mount(self) -> None:
        self.read()

    @on(StepPane.MoveFailed)
    def _show_refused(self, message: StepPane.MoveFailed) -> None:
        """Offer first the place that stopped a move; a step's own places may be in other files."""
        if isinstance(message.error, NotPossible):
            self._refused_at = message.error.spot
            if message.name == "perform":
                self.call_later(self.read_again)

    @on(Button.Pressed, "#edit_by_hand")
    def action_edit_by_hand(self) -> None:
        """Open the editor at the only place, or at the one that the user chooses."""
        if self.running_move:
            self.notify("Something is running here; esc stops it.", severity="warning")
            return
        refused = [self._refused_at] if self._refused_at else []
        spots = list(dict.fromkeys([*refused, *self.places()]))
        if not spots:
            self.notify("Nothing here has to be changed by hand.")
        elif len(spots) == 1 or refused:
            self.edit_at(spots[0])
        else:
            ask(self, SpotDialog(spots), self.edit_at)

    def edit_at(self, spot: Spot) -> None:
        """Lend the terminal to the editor, say what changed, and show the files again."""
        self._refused_at = None
        words = f"{spot.words}\nYour editor opens {spot.path}; close it to come back."
        try:
            outcome = lend_terminal(self.app, words, lambda _terminal: by_hand.edit(spot, self.context))
        except SuspendNotSupported:
            self._tell(_elsewhere(spot))
        except Exception as failure:  # noqa: BLE001 - an editor's failure is shown like a move's
            self._tell(as_error(failure))
        else:
            self.notify(text_of(outcome))
            self.read_again()

    def _tell(self, error: OnboardError) -> None:
        dialog = ErrorDialog(error, self.context.environment.copy)
        self.app.push_screen(dialog, lambda _answer: self.read_again())


def _elsewhere(spot: Spot) -> OnboardError:
    return OnboardError(
        "Edit it in another window",
        f"{spot.path}, line {spot.place.line}",
        why=f"iam-onboard can't open an editor in this terminal. {spot.words}",
        next="Save the file there, then close this: iam-onboard reads the layer again.",
    )
