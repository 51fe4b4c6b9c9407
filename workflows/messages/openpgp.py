"""Just enough of OpenPGP (RFC 9580) to tell ciphertext from plaintext and a public key from a secret one.

A message must never carry a password in clear or somebody's secret key, and gpg is not needed to see that:
the packet tags say it. Whether a key is any good, and decrypting, are gpg's business.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

PUBLIC_KEY_ENCRYPTED = 1
SECRET_KEY = 5
PUBLIC_KEY = 6
ENCRYPTED_DATA = frozenset({9, 18, 20})
MARKER_PACKET = 10


@dataclass(frozen=True)
class Packet:
    """One packet: its tag (RFC 9580, section 5) and its body."""

    tag: int
    body: bytes


def decode(text: str) -> bytes:
    """The bytes of base64 text; blanks and line breaks in it do not count.

    Raises:
        ValueError: it is not base64.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is not base64") from None


def packets(data: bytes) -> Iterator[Packet]:
    """The packets of a binary OpenPGP message or key, in order.

    Raises:
        ValueError: the data is not OpenPGP, or ends in the middle of a packet.
    """
    position = 0
    while position < len(data):
        header = data[position]
        if not header & 0x80:
            raise ValueError("it is not OpenPGP data")
        new_format = bool(header & 0x40)
        tag = header & 0x3F if new_format else (header & 0x3C) >> 2
        body, position = _body(data, position + 1, None if new_format else header & 3)
        yield Packet(tag, body)


def _body(data: bytes, position: int, old_length_type: int | None) -> tuple[bytes, int]:
    """The body that starts with its length at `position`, and the position after it."""
    if old_length_type == 3:
        return data[position:], len(data)
    if old_length_type is not None:
        size = 1 << old_length_type
        length = int.from_bytes(_take(data, position, size))
        return _take(data, position + size, length), position + size + length
    body = b""
    while True:
        first = _take(data, position, 1)[0]
        if first < 192:
            length, size, partial = first, 1, False
        elif first < 224:
            length, size, partial = ((first - 192) << 8) + _take(data, position + 1, 1)[0] + 192, 2, False
        elif first < 255:
            length, size, partial = 1 << (first & 0x1F), 1, True
        else:
            length, size, partial = int.from_bytes(_take(data, position + 1, 4)), 5, False
        body += _take(data, position + size, length)
        position += size + length
        if not partial:
            return body, position


def _take(data: bytes, position: int, length: int) -> bytes:
    if position + length > len(data):
        raise ValueError("it ends too early")
    return data[position : position + length]


def ciphertext_problem(text: str) -> str:
    """Why a base64 text is no whole OpenPGP message encrypted to a public key (half a sentence), or ""."""
    try:
        tags = [packet.tag for packet in packets(decode(text)) if packet.tag != MARKER_PACKET]
    except ValueError as error:
        return str(error)
    if not tags:
        return "it is empty"
    if SECRET_KEY in tags:
        return "it is a secret key"
    if tags[0] != PUBLIC_KEY_ENCRYPTED or tags[-1] not in ENCRYPTED_DATA:
        return "it is not a message that was encrypted to a public key"
    return ""


def public_key_problem(text: str, fingerprint: str) -> str:
    """Why a base64 text is not the one public key with this fingerprint, (half a sentence), or ""."""
    try:
        found = list(packets(decode(text)))
    except ValueError as error:
        return str(error)
    tags = [packet.tag for packet in found]
    if any(tag in {SECRET_KEY, 7} for tag in tags):
        return "it holds a SECRET key; never send that to anybody"
    if not tags or tags[0] != PUBLIC_KEY:
        return "it is not a public key"
    if tags.count(PUBLIC_KEY) > 1:
        return "it holds more than one public key"
    body = found[0].body
    if body[:1] == b"\x04":
        framed = b"\x99" + len(body).to_bytes(2) + body
        actual = hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()
        if actual != fingerprint:
            return f"its fingerprint is {actual}, not {fingerprint}"
    return ""
