"""Base64 as the AWS provider decodes a key file: Go's `base64.StdEncoding`, its error and its offset.

The provider takes blanks off both ends of the file (`strings.TrimSpace`) and then decodes strictly, skipping
only line breaks. Where it stops is part of its error message, so the same steps are taken here (Go's
`encoding/base64`, `decodeQuantum`); `tests/e2e/test_provider_verdicts.py` compares them.
"""

from __future__ import annotations

import base64
import string
from typing import Final

_ALPHABET: Final = frozenset((string.ascii_letters + string.digits + "+/").encode())
_BREAKS: Final = frozenset(b"\r\n")
_PAD: Final = ord("=")
# What `unicode.IsSpace` of Go calls a blank.
_BLANKS: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


class IllegalBase64(ValueError):  # noqa: N818 - Go's own words for it
    """Go would refuse it.

    Attributes:
        offset: the byte that it names.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(f"illegal base64 data at input byte {offset}")
        self.offset = offset


def decode(text: str) -> bytes:
    """Decode a key file's text as the provider does.

    Raises:
        IllegalBase64: the provider would refuse it.
    """
    data = text.strip(_BLANKS).encode("utf-8")
    letters = bytearray()
    for position, byte in enumerate(data):
        if byte in _ALPHABET:
            letters.append(byte)
        elif byte == _PAD:
            _check_padding(data, position, len(letters) % 4)
            break
        elif byte not in _BREAKS:
            raise IllegalBase64(position)
    else:
        _check_end(data, len(letters) % 4)
    return base64.b64decode(bytes(letters) + b"=" * (-len(letters) % 4))


def _check_end(data: bytes, count: int) -> None:
    """Refuse text without padding whose last group of four has only `count` letters."""
    if count:
        raise IllegalBase64(len(data) - count)


def _check_padding(data: bytes, position: int, count: int) -> None:
    """Refuse wrong padding: its first sign is at `position`, after `count` letters of a group of four."""
    if count < 2:
        raise IllegalBase64(position)
    after = _skip_breaks(data, position + 1)
    if count == 2:
        if after == len(data):
            raise IllegalBase64(after)
        if data[after] != _PAD:
            raise IllegalBase64(after - 1)
        after = _skip_breaks(data, after + 1)
    if after < len(data):
        raise IllegalBase64(after)


def _skip_breaks(data: bytes, position: int) -> int:
    while position < len(data) and data[position] in _BREAKS:
        position += 1
    return position
