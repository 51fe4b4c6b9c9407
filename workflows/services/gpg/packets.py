"""The outer framing of OpenPGP data: which packets there are, and how long each is.

GnuPG answers every question about a key's meaning. This module answers only the one that comes before it, in
microseconds and without a child process: is this a public key, a secret key, a message, and is it whole? No
library of Python does it for every key that is met (pgpy does not import on Python 3.13, pysequoia rejects
SHA-1 self-signatures). Facts from RFC 9580, sections 4.2 (headers) and 5 (packets).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

PACKET_LIMIT = 100_000
"""More packets than this are no key, keyring or message that a person has (a signature is one packet)."""


class Tag(enum.IntEnum):
    """The packet types that matter here, by their number in RFC 9580, section 5."""

    PUBLIC_KEY_ENCRYPTED_SESSION_KEY = 1
    SIGNATURE = 2
    PASSPHRASE_ENCRYPTED_SESSION_KEY = 3
    SECRET_KEY = 5
    PUBLIC_KEY = 6
    SECRET_SUBKEY = 7
    ENCRYPTED_WITHOUT_INTEGRITY = 9
    MARKER = 10
    TRUST = 12
    USER_ID = 13
    PUBLIC_SUBKEY = 14
    USER_ATTRIBUTE = 17
    ENCRYPTED = 18
    AEAD_ENCRYPTED = 20
    PADDING = 21


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet.

    Attributes:
        tag: its type; a number that `Tag` may not name.
        raw: all of its bytes, header included.
        body: its bytes after the header (the pieces joined, when it came in pieces).
    """

    tag: int
    raw: bytes
    body: bytes


class MalformedPackets(ValueError):  # noqa: N818 - a fact about the data; the callers word the error
    """The data is not a sequence of OpenPGP packets.

    Attributes:
        truncated: True when it begins like one and ends too early.
    """

    def __init__(self, message: str, *, truncated: bool = False) -> None:
        super().__init__(message)
        self.truncated = truncated


def split(data: bytes) -> tuple[Packet, ...]:
    """Cut OpenPGP data into its packets.

    Args:
        data: binary (not armored) data.

    Returns:
        The packets in their order; none for empty data.

    Raises:
        MalformedPackets: a header is wrong, the data ends inside a packet, or there are over `PACKET_LIMIT`.
    """
    return tuple(walk(data))


def walk(data: bytes) -> Iterator[Packet]:
    """The packets one by one, as far as they are whole.

    Args:
        data: binary (not armored) data.

    Raises:
        MalformedPackets: as for `split`, where the fault is met.
    """
    position = count = 0
    while position < len(data):
        if count == PACKET_LIMIT:
            raise MalformedPackets(f"more than {PACKET_LIMIT} packets")
        packet, position = _packet_at(data, position)
        count += 1
        yield packet


def _packet_at(data: bytes, start: int) -> tuple[Packet, int]:
    """The packet that begins at `start`, and where the next one begins."""
    header = data[start]
    if not header & 0x80:
        raise MalformedPackets(f"no packet begins at byte {start}")
    position = start + 1
    if header & 0x40:
        tag = header & 0x3F
        body, position = _new_format_body(data, position)
    else:
        tag = (header >> 2) & 0x0F
        size_of_length = (1, 2, 4, 0)[header & 0x03]
        if size_of_length == 0:
            body, position = data[position:], len(data)
        else:
            length = int.from_bytes(_take(data, position, size_of_length))
            position += size_of_length
            body = _take(data, position, length)
            position += length
    if tag == 0:
        raise MalformedPackets(f"packet type 0 at byte {start} is reserved")
    return Packet(tag, data[start:position], body), position


def _new_format_body(data: bytes, position: int) -> tuple[bytes, int]:
    """The body whose length begins at `position` (RFC 9580, section 4.2.1), and where it ends."""
    pieces: list[bytes] = []
    while True:
        first = _take(data, position, 1)[0]
        position += 1
        partial = 224 <= first < 255
        if first < 192:
            length = first
        elif first < 224:
            length = ((first - 192) << 8) + _take(data, position, 1)[0] + 192
            position += 1
        elif partial:
            length = 1 << (first & 0x1F)
        else:
            length = int.from_bytes(_take(data, position, 4))
            position += 4
        pieces.append(_take(data, position, length))
        position += length
        if not partial:
            return b"".join(pieces), position


def _take(data: bytes, position: int, length: int) -> bytes:
    """Exactly `length` bytes from `position`."""
    piece = data[position : position + length]
    if len(piece) < length:
        raise MalformedPackets(f"the data ends inside a packet, at byte {len(data)}", truncated=True)
    return piece
