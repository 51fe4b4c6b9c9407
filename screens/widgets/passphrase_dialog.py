"""Asks for the passphrase of the person's own PGP key, where gpg-agent has forgotten it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from screens.widgets.dialogs import Dialog
from screens.widgets.secret_input import SecretInput
from screens.widgets.text import Button, Text
from workflows.core.secret import Secret


class PassphraseDialog(ModalScreen[Secret | None]):
    """A masked field; escape gives none.

    Args:
        why: what it is needed for, as a sentence.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", id="passphrase.cancel")]
    DEFAULT_CSS = Dialog.DEFAULT_CSS.replace("Dialog", "PassphraseDialog")

    def __init__(self, why: str) -> None:
        super().__init__()
        self._why = why

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text("The passphrase of your PGP key", classes="dialog-title")
            yield Text(self._why, classes="dialog-body")
            yield SecretInput(id="passphrase")
            with Horizontal():
                yield Button("Unlock", id="unlock", variant="primary")
                yield Button("Cancel (esc)", id="cancel")

    def on_mount(self) -> None:
        """The field has the focus."""
        self.query_one(SecretInput).focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#unlock")
    def _unlock(self) -> None:
        self.dismiss(self.query_one(SecretInput).take())

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Give none."""
        self.query_one(SecretInput).clear()
        self.dismiss(None)
