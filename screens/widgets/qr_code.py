"""A QR code that a phone can scan from the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from textual.color import Color
from textual.content import Content
from textual.style import Style

from screens.widgets.text import Text, styled

_STYLES = {
    (above, below): Style(foreground=Color.parse(upper), background=Color.parse(lower))
    for above, upper in ((False, "#ffffff"), (True, "#000000"))
    for below, lower in ((False, "#ffffff"), (True, "#000000"))
}


def drawn(matrix: Sequence[Sequence[bool]]) -> Content:
    """The matrix (True is dark) as half blocks, two rows a line, with both colours given explicitly.

    Half-block text without explicit colours does not scan in a terminal of either brightness (measured).
    """
    cells: list[tuple[str, Style]] = []
    width = len(matrix[0]) if matrix else 0
    for row in range(0, len(matrix), 2):
        below = matrix[row + 1] if row + 1 < len(matrix) else [False] * width
        for upper, lower in zip(matrix[row], below, strict=True):
            cells.append(("▀", _STYLES[bool(upper), bool(lower)]))
        cells.append(("\n", Style()))
    return styled(*cells[:-1])


class QrCode(Text):
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
