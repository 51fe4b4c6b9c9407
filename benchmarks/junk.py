"""Times texts that no person would send, read as a message or as a key, at the maximum accepted length.

Run it with `python benchmarks/junk.py`. Every reader has to be linear, whatever the text; the time is the
processor's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from benchmarks.form import amount, status
from workflows.core.sentences import OnboardError
from workflows.gpg.normalise import KEYRING_LIMIT, public_keys
from workflows.messages.envelope import MAX_TEXT, extract_block

SIZE: Final = amount(10_000_000, 100_000)
BUDGET: Final = 1.0

_BLOCK = '{"iam-onboard": "handoff", "schema": 1, "a": '
_MAIL = "Content-Type: text/plain"
_ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    "blanks in a string": (f'{_BLOCK}"', " "),
    "blanks in a block": (_BLOCK, " "),
    "line breaks in a string": (f'{_BLOCK}"', "a \n"),
    "backslashes": (f'{_BLOCK}"', "\\"),
    "torn escapes": (f'{_BLOCK}"', "\\u   "),
    "quotes": (_BLOCK, '"'),
    "strings": (_BLOCK, '"a b": "c",'),
    "brackets": (_BLOCK, "["),
    "braces": (_BLOCK, "{"),
    "objects": (_BLOCK, "{}"),
    "blocks in blocks": ("", _BLOCK),
    "blocks": ("", f"{_BLOCK}1}}\n"),
    "links": ("", '"<http://a'),
    "quote marks": ("", "> "),
    "entities": ("", "&#99;"),
    "long numbers": ("", "&#" + "9" * 6_000),
    "invisible characters": (_BLOCK, "\u200b"),
    "parameters of a header": (_MAIL, ";a=b"),
    "parameters over lines": (_MAIL, ";\n a=b"),
    "parentheses in a header": (f"{_MAIL}; a=", "("),
    "headers": (f"{_MAIL}\n", "a:\n"),
    "parts": ("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n"),
    "mails in mails": ("", "Content-Type: message/rfc822\n\n"),
    "a character set for hosts": (f"{_MAIL}; charset=punycode\n\n", "a-b"),
    "base64 in a mail": (f"{_MAIL}\nContent-Transfer-Encoding: base64\n\n", "QUJD\n"),
}
"""The beginning of each kind of text, and its repeated part."""

KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "blanks": ("x", " "),
    "line breaks": ("x", "\n"),
    "letters": ("", "a+"),
    "words": ("", "abc "),
    "base64": ("", f"{'A' * 76}\n"),
    "small packets": ("", "zQDNAM0A"),
    "base64 of small packets": ("", f"{'zRx4eHh4' + 'eHh4' * 10}\n\n"),
    "beginnings": ("", _ARMOR),
    "beginnings without an end": ("", "-----BEGIN PGP "),
    "a block without an end": (_ARMOR, f"{'A' * 64}\n"),
    "headers": (_ARMOR, "a: b\n"),
    "soft line breaks": ("", "=\n"),
    "marks of HTML": ("", "</"),
    "line breaks of HTML": ("", "<br>"),
    "entities": ("", "&#99;"),
    "literal line breaks": ("", "\\n"),
    "requests": ("", '```{"public_key"}'),
    "brackets in a request": ('{"public_key":', "["),
}


def filled(kind: tuple[str, str], size: int) -> str:
    """Return a text of a kind with that many characters."""
    head, unit = kind
    return (head + unit * (size // len(unit) + 1))[:size]


def read_message(text: str) -> None:
    """Read a text as a message, ignoring the result."""
    try:
        extract_block(text, "handoff")
    except OnboardError:
        return


def read_keys(text: str) -> None:
    """Read a text as keys, ignoring the result."""
    try:
        public_keys(text)
    except OnboardError:
        return


def seconds(read: Callable[[str], None], kind: tuple[str, str], most: int) -> float:
    """Return the processor time for `SIZE` characters, in texts of the maximum length."""
    text = filled(kind, min(SIZE, most))
    begun = time.process_time()
    for _ in range(SIZE // len(text)):
        read(text)
    return time.process_time() - begun


def main() -> int:
    good = True
    for reader, read, kinds, most in (
        ("message", read_message, MESSAGES, MAX_TEXT),
        ("key", read_keys, KEYS, KEYRING_LIMIT),
    ):
        times = {name: seconds(read, kind, most) for name, kind in kinds.items()}
        good &= max(times.values()) <= BUDGET
        for name, spent in sorted(times.items(), key=lambda item: -item[1]):
            print(f"{reader:<8} {name:<28} {spent:6.2f} s   budget {BUDGET} s")
    return status(good)


if __name__ == "__main__":
    sys.exit(main())
