"""The QR code of a new MFA device on the whole terminal: it needs up to 45 columns and 23 lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.style import Style

from screens.widgets.dialogs import Dialog, tell
from screens.widgets.text import Button, Text, styled
from workflows.aws.authenticator import grouped_seed
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence

_GROUPS_PER_LINE = 4
_WORDS = (
    "Scan it with the authenticator app, not with the camera. If that doesn't work, make the font "
    "larger.\n\nOr type this key into the app (“enter a setup key”, time based):"
)
_STYLES = {
    (above, below): Style(foreground=Color.parse(upper), background=Color.parse(lower))
    for above, upper in ((False, "#ffffff"), (True, "#000000"))
    for below, lower in ((False, "#ffffff"), (True, "#000000"))
}


def drawn(matrix: Sequence[Sequence[bool]]) -> Content:
    """Draw the matrix (True is dark) as half blocks, two rows per line, with both colours given explicitly.

    Half-block text without explicit colours doesn't scan in a light or a dark terminal (measured).
    """
    cells: list[tuple[str, Style]] = []
    width = len(matrix[0]) if matrix else 0
    for row in range(0, len(matrix), 2):
        below = matrix[row + 1] if row + 1 < len(matrix) else [False] * width
        for upper, lower in zip(matrix[row], below, strict=True):
            cells.append(("▀", _STYLES[bool(upper), bool(lower)]))
        cells.append(("\n", Style()))
    return styled(*cells[:-1])


class QrDialog(Dialog[bool]):
    """The code at the left, the text and the seed at the right; both are forgotten when it closes.

    Args:
        matrix: the code; True is dark.
        seed: the device's seed, for typing.
        name: the entry's name in the app.
        copy: copies a text and returns the result.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "close", "Close", id="qr.close"),
        Binding("c", "copy", "Copy the key", id="qr.copy"),
    ]
    DEFAULT_CSS = """
    QrDialog { background: $surface; align: left top; }
    QrDialog #code { width: auto; }
    QrDialog > Horizontal > Vertical { width: 1fr; min-width: 28; padding: 0 1; height: 100%; }
    QrDialog #seed { margin: 1 0; text-style: bold; }
    QrDialog Button { height: 1; margin-top: 1; }
    """

    def __init__(
        self,
        matrix: Sequence[Sequence[bool]],
        seed: Secret,
        name: str,
        copy: Callable[[str | Secret], Sentence],
    ) -> None:
        super().__init__(
            name,
            "",
            Button("Type its codes", id="close", key="enter", variant="primary"),
            Button("Copy the key", id="copy", key="c"),
            close="",
        )
        self._matrix = matrix
        self._seed = seed
        self._copy = copy

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Text("", id="code")
            with Vertical():
                yield Text(self._title, classes="dialog-title")
                yield Text(_WORDS)
                yield Text("", id="seed")
                yield from self._buttons

    def on_mount(self) -> None:
        """Fill in what must not be part of the widgets' construction."""
        self.query_one("#code", Text).update(drawn(self._matrix))
        grouped = grouped_seed(self._seed)
        groups = grouped.reveal().split()
        grouped.drop()
        lines = [
            " ".join(groups[start : start + _GROUPS_PER_LINE])
            for start in range(0, len(groups), _GROUPS_PER_LINE)
        ]
        self.query_one("#seed", Text).update("\n".join(lines))

    def action_close(self) -> None:
        """Forget the code and go back."""
        for text in self.query("#code, #seed").results(Text):
            text.update("")
        self._matrix = ()
        super().action_close()

    def action_copy(self) -> None:
        tell(self, lambda: self._copy(self._seed))
