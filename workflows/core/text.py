"""Foreign text made safe to show: what a terminal would act upon, or not show, becomes a visible sign.

Names, paths, messages and other programs' words come from strangers. Every sink that people read (pages, the
command line, exported Markdown, the sandbox's pages) passes its texts through `safe`.
"""

from __future__ import annotations

import unicodedata

MOST_CHARACTERS = 100_000
"""Of one text. The longest that is ours, a diff of a large layer, has less."""

_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    *(
        map(chr, range(first, last + 1))
        for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0D), (0xE0100, 0xE01EF))
    )
)
"""What Unicode counts as printable and nobody sees: fillers, and selectors that can carry hidden text."""
_CONTROLS = {number: chr(0x2400 + number) for number in range(32)} | {127: "␡"}


def safe(text: str, most: int = MOST_CHARACTERS) -> str:
    """A text of visible characters and line ends; it may be longer than what was given.

    Control characters get their Unicode picture, tabs become blanks, odd blanks a plain one; escape
    sequences, bidirectional controls, zero-width and tag characters, unassigned ones and lone surrogates
    become a sign. Emoji of several parts fall into their parts.

    Args:
        text: any text.
        most: how many characters of it are shown; the rest is counted.
    """
    more = len(text) - most
    if more > 0:
        return f"{safe(text[:most], most)}… ({more:,} more characters)"
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_sign, text.expandtabs() if "\t" in text else text))


def safe_to_paste(text: str) -> str:
    """All of a text, with its tabs and without what would act upon the terminal that it is pasted into.

    An escape sequence in it could end what the terminal takes as pasted, and what follows would be typed.
    """
    return "\t".join(safe(part, len(part)) for part in text.split("\t"))


def one_line(text: str, most: int) -> str:
    """The same on one line, for a name or a title.

    Args:
        text: any text.
        most: how many characters are kept; a longer one ends with an ellipsis.
    """
    shown = safe(text[: most + 1]).replace("\n", "␊")
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _sign(character: str) -> str:
    if (character.isprintable() and character not in _UNSEEN) or character == "\n":
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return _CONTROLS.get(ord(character), "�")
