"""The QR code of a new MFA device over the whole terminal: it needs up to 45 columns and 23 lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen

from screens.widgets.qr_code import QrCode
from screens.widgets.text import Button, Text
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, text_of
from workflows.services.authenticator import grouped_seed

_GROUPS_PER_LINE = 4
_WORDS = (
    "Scan it with the authenticator app, not with the camera. If it does not take it, enlarge the font.\n\n"
    "Or type this key into the app (“enter a setup key”, time based):"
)


class QrDialog(ModalScreen[None]):
    """The code at the left, the words and the seed at the right; both are forgotten when it closes.

    Args:
        matrix: the code; True is dark.
        seed: the device's seed, for somebody who types it.
        name: how the app will call the entry.
        copy: copies a text and tells what it did.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "close", "Done", id="qr.close"),
        Binding("c", "copy", "Copy the key", id="qr.copy"),
    ]
    DEFAULT_CSS = """
    QrDialog { background: $surface; align: left top; }
    QrDialog QrCode { width: auto; }
    QrDialog Vertical { width: 1fr; min-width: 28; padding: 0 1; height: 100%; }
    QrDialog .qr-title { text-style: bold; height: auto; margin-bottom: 1; }
    QrDialog .qr-words { height: auto; }
    QrDialog #seed { height: auto; margin: 1 0; text-style: bold; }
    QrDialog Button { height: 1; margin-top: 1; }
    """

    def __init__(
        self,
        matrix: Sequence[Sequence[bool]],
        seed: Secret,
        name: str,
        copy: Callable[[str | Secret], Sentence],
    ) -> None:
        super().__init__()
        self._matrix = matrix
        self._seed = seed
        self._entry = name
        self._copy = copy

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield QrCode()
            with Vertical():
                yield Text(self._entry, classes="qr-title")
                yield Text(_WORDS, classes="qr-words")
                yield Text("", id="seed")
                yield Button("It is in the app (esc)", id="close", variant="primary")
                yield Button("Copy the key (c)", id="copy")

    def on_mount(self) -> None:
        """Show what is never part of the widgets' construction."""
        self.query_one(QrCode).show(self._matrix)
        grouped = grouped_seed(self._seed)
        groups = grouped.reveal().split()
        grouped.drop()
        lines = [
            " ".join(groups[start : start + _GROUPS_PER_LINE])
            for start in range(0, len(groups), _GROUPS_PER_LINE)
        ]
        self.query_one("#seed", Text).update("\n".join(lines))
        self.query_one("#close").focus()

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        """Forget the code and go back."""
        self.query_one(QrCode).forget()
        self.query_one("#seed", Text).update("")
        self._matrix = ()
        self.dismiss(None)

    @on(Button.Pressed, "#copy")
    def action_copy(self) -> None:
        """Copy the seed."""
        try:
            self.notify(text_of(self._copy(self._seed)))
        except OnboardError as error:
            self.notify(f"{error.what} {error.why}", severity="warning")
