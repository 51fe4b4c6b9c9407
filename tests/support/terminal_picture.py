"""A picture of a terminal's screen, drawn cell by cell, and the QR codes in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import zxingcpp
from rich.ansi import AnsiDecoder
from rich.color import Color
from rich.console import Console
from rich.segment import Segment

_INK, _PAPER = 200, 20
"""The default colours of a dark terminal."""


def rows_of_capture(text: str) -> list[list[Segment]]:
    """Return the rows in the output of `tmux capture-pane -e`."""
    console = Console(width=1000, color_system="truecolor")
    return [list(line.render(console)) for line in AnsiDecoder().decode(text)]


def codes_in(
    rows: Iterable[Sequence[Segment]], width: int = 80, cell: tuple[int, int] = (8, 16)
) -> list[str]:
    """Return the texts of the QR codes in a picture of these rows.

    Args:
        rows: the rows of the screen.
        width: the number of columns.
        cell: a cell's width and height in pixels.
    """
    lines = [line for row in rows for line in _drawn(row, width, *cell)]
    picture = memoryview(b"".join(lines)).cast("B", (len(lines), width * cell[0]))
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    return [code.text for code in found]


def _drawn(row: Sequence[Segment], columns: int, width: int, height: int) -> list[bytes]:
    """Return the lines of pixels of one row: half blocks exactly, other characters as a bar of ink."""
    lines = [bytearray() for _ in range(height)]
    for segment in row:
        style = segment.style
        ink = _grey(style.color if style else None, _INK)
        paper = _grey(style.bgcolor if style else None, _PAPER)
        for sign in segment.text:
            for number, line in enumerate(lines):
                line.extend(_slice(sign, ink, paper, width, number / height))
    length = columns * width
    return [bytes(line[:length]).ljust(length, bytes([_PAPER])) for line in lines]


def _slice(sign: str, ink: int, paper: int, width: int, at: float) -> bytes:
    """Return the line of pixels at a height of a cell (0 to 1, from the top)."""
    if sign == "▀":
        return bytes([ink if at < 0.5 else paper]) * width
    if sign == " " or not 0.2 < at < 0.8:
        return bytes([paper]) * width
    return bytes([paper, *[ink] * (width - 2), paper])


def _grey(color: Color | None, otherwise: int) -> int:
    if color is None or color.is_default:
        return otherwise
    red, green, blue = color.get_truecolor()
    return (red * 299 + green * 587 + blue * 114) // 1000
