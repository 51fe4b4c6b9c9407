"""Foreign text made safe to show: what a terminal would act upon, or not show, becomes a visible sign.

Names, paths, messages and other programs' words come from strangers. Every sink that people read (pages, the
command line, exported Markdown, the sandbox's pages) passes its texts through `safe`.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from textwrap import TextWrapper, wrap

MOST_CHARACTERS = 100_000
"""Of one text. The longest that is ours, a diff of a large layer, has less."""

_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    *(
        map(chr, range(first, last + 1))
        for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0D), (0xE0100, 0xE01EF))
    )
)
"""What Unicode counts as printable and nobody sees: fillers, and selectors that can carry hidden text."""
_MARKED = re.compile(r"^ *(?:[✓✗!•…●○–?~≠-] +)?")
_TOGETHER = re.compile(r"(?:[0-9A-F]{4} ){4}[0-9A-F]{4}\b|(?:^|(?<=\S))  (\S+(?: \S+)*)(?:  |$)")
"""Half a fingerprint; and a command, that two blanks stand before."""
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


def indent_of(line: str) -> int:
    """How much stands before the first word of a line: blanks, or a mark with one."""
    return len(line) - len(_MARKED.sub("", line))


class _ByFolder(TextWrapper):
    """Breaks a path behind its slashes."""

    wordsep_simple_re = re.compile(r"(?<=/)")


def folded(line: str, width: int, *, breaks: bool = True) -> str:
    """A line in rows that go on below its first word, and a path below its own beginning.

    Half of a fingerprint stays in one row, and so does a command that has room in it.

    Args:
        line: a safe text without line ends.
        width: of a row.
        breaks: whether a word or a command without room in a row is broken; else its row is longer.
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
            if long:  # a path begins on this row, and goes on below its beginning
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
    """What is found with blanks that no row ends at, if it has room in one."""
    together = found[1] or found[0]
    fits = len(together) <= room
    return found[0].replace(together, together.replace(" ", "\xa0"), 1) if fits else found[0]


def _sign(character: str) -> str:
    if (character.isprintable() and character not in _UNSEEN) or character == "\n":
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return _CONTROLS.get(ord(character), "�")
