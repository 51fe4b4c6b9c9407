"""A QR code that a phone can scan from the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

_STYLES = {
    (above, below): Style(color="#000000" if above else "#ffffff", bgcolor="#000000" if below else "#ffffff")
    for above in (False, True)
    for below in (False, True)
}


def drawn(matrix: Sequence[Sequence[bool]]) -> Text:
    """The matrix (True is dark) as half blocks, two rows a line, with both colours given explicitly.

    Half-block text without explicit colours does not scan in a terminal of either brightness (measured).
    """
    text = Text(no_wrap=True)
    width = len(matrix[0]) if matrix else 0
    for row in range(0, len(matrix), 2):
        below = matrix[row + 1] if row + 1 < len(matrix) else [False] * width
        for upper, lower in zip(matrix[row], below, strict=True):
            text.append("▀", style=_STYLES[bool(upper), bool(lower)])
        text.append("\n")
    text.rstrip()
    return text


class QrCode(Static):
    """Draws a QR code; 41 columns by 21 lines for most AWS devices."""

    DEFAULT_CSS = """
    QrCode { width: auto; height: auto; }
    """

    def show(self, matrix: Sequence[Sequence[bool]]) -> None:
        """Show this matrix in place of the one before."""
        self.update(drawn(matrix))

    def forget(self) -> None:
        """Show nothing: the code holds the seed."""
        self.update("")
