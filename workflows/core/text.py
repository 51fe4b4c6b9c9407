"""Make foreign text safe to show: characters that a terminal acts on, or hides, become visible signs.

Names, paths, messages and other programs' output are untrusted. Everything that people read (pages, the
command line, exported Markdown, the sandbox's pages) passes through `safe`.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from textwrap import TextWrapper, wrap

MOST_CHARACTERS = 100_000
"""Per text. Our longest, a diff of a large layer, is shorter."""

_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    *(
        map(chr, range(first, last + 1))
        for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0D), (0xE0100, 0xE01EF))
    )
)
"""Characters that Unicode calls printable but nobody sees: fillers, and selectors that can carry hidden
text."""
_MARKED = re.compile(r"^ *(?:[✓✗!•…●○–?~≠-] +)?")
_TOGETHER = re.compile(r"(?:[0-9A-F]{4} ){4}[0-9A-F]{4}\b|“[^”]{1,40}”|(?:^|(?<=\S))  (\S+(?: \S+)*)(?:  |$)")
"""Half a fingerprint, a button's label, or a command after two blanks."""
_CONTROLS = {number: chr(0x2400 + number) for number in range(32)} | {127: "␡"}


def safe(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text of visible characters and newlines only; it may be longer than the input.

    Control characters become their Unicode picture, tabs and unusual blanks become plain blanks; escape
    sequences, bidirectional controls, zero-width and tag characters, unassigned ones and lone surrogates
    become a sign. Emoji sequences fall apart.

    Args:
        most: how many characters to show; the rest is only counted.
    """
    more = len(text) - most
    if more > 0:
        return f"{safe(text[:most], most)}… ({more:,} more characters)"
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_sign, text.expandtabs() if "\t" in text else text))


def safe_to_paste(text: str) -> str:
    """Return the whole text with its tabs, safe to paste into a terminal.

    An escape sequence could end the terminal's paste mode, and what follows would count as typed.
    """
    return "\t".join(safe(part, len(part)) for part in text.split("\t"))


def one_line(text: str, most: int) -> str:
    """Return a safe text on one line, for a name or a title.

    Args:
        most: how many characters to keep; a longer text ends with an ellipsis.
    """
    shown = safe(text[: most + 1]).replace("\n", "␊")
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def indent_of(line: str) -> int:
    """Return the width before a line's first word: blanks, or a mark with its blank."""
    return len(line) - len(_MARKED.sub("", line))


class _ByFolder(TextWrapper):
    """Breaks a path after slashes."""

    wordsep_simple_re = re.compile(r"(?<=/)")


def folded(line: str, width: int, *, breaks: bool = True) -> str:
    """Fold a line into rows, indented below its first word; a path continues below its own start.

    Half a fingerprint stays in one row, and so does a button's label or a command if it fits.

    Args:
        line: a safe text without line ends.
        breaks: whether to break a word or a command that doesn't fit a row; otherwise its row is longer.
    """
    width = max(width, 1)
    indent = min(indent_of(line), width - 1)
    whole = _TOGETHER.sub(lambda found: _bound(found, width - indent if breaks else len(line)), line)
    rows: list[str] = []
    for long, parts in groupby(whole.split(" "), lambda word: breaks and len(word) > width - indent):
        for piece in parts if long else (" ".join(parts),):
            begun = f"{rows.pop()} " if rows else ""
            if long and len(begun) > width // 3:
                rows.append(begun.rstrip())
                begun = " " * indent
            if long:  # a path starts on this row and continues below its start
                first, *rest = _ByFolder(width - len(begun), break_on_hyphens=False).wrap(piece)
                rows += [f"{begun}{first}", *(f"{' ' * len(begun)}{part}" for part in rest)]
            else:
                text = f"{begun}{piece}".lstrip(" ")
                rows += wrap(
                    text,
                    width,
                    initial_indent=" " * (len(begun) + len(piece) - len(text)),
                    subsequent_indent=" " * indent,
                    break_on_hyphens=False,
                    break_long_words=breaks,
                )
    return "\n".join(rows).replace("\xa0", " ") or line


def _bound(found: re.Match[str], room: int) -> str:
    """Return the match with non-breaking blanks, if it fits in one row."""
    together = found[1] or found[0]
    fits = len(together) <= room
    return found[0].replace(together, together.replace(" ", "\xa0"), 1) if fits else found[0]


def _sign(character: str) -> str:
    if (character.isprintable() and character not in _UNSEEN) or character == "\n":
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return _CONTROLS.get(ord(character), "�")
