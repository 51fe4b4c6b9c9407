"""OpenPGP data (RFC 9580): its packets, the subpackets of a signature, fingerprints, and key files.

GnuPG answers every question about a key's meaning. This module answers those that come before it, in
microseconds and without a child process: is this a public key, a secret key, a message, and is it whole? No
library of Python does it for every key that is met (pgpy does not import on Python 3.13, pysequoia rejects
SHA-1 self-signatures). Nothing is unpacked: a packet inside another one stays data.
"""

from __future__ import annotations

import binascii
import enum
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

PACKET_LIMIT: Final = 100_000
"""More packets than this are no key, keyring or message that a person has (a signature is one packet)."""

SIZE_LIMIT: Final = 10_000_000
"""Bytes; a whole keyring has fewer."""

CRITICAL: Final = 0x80
"""The bit of a subpacket's type: who does not know the subpacket must not accept the signature."""


class Tag(enum.IntEnum):
    """The packet types that matter here, by their number in section 5."""

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


KEYS: Final = frozenset({Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY})
SECRET_KEYS: Final = frozenset({Tag.SECRET_KEY, Tag.SECRET_SUBKEY})
_ISSUER: Final = 16  # a subpacket, section 5.2.3.12
ENCRYPTED_DATA: Final = frozenset({Tag.ENCRYPTED, Tag.ENCRYPTED_WITHOUT_INTEGRITY, Tag.AEAD_ENCRYPTED})


@dataclass(frozen=True, slots=True)
class Signature:
    """A version 4 signature (section 5.2.3), as far as it is whole.

    Attributes:
        kind: what it says, by its number in section 5.2.1.
        algorithm: of the key that made it, by its number in section 9.1.
        hash_algorithm: by its number in section 9.5.
        hashed: the area of subpackets that it covers itself.
        unhashed: the other one.
        numbers: what the algorithm made, one number after another, each behind its length (section 3.2).
    """

    kind: int
    algorithm: int
    hash_algorithm: int
    hashed: bytes
    unhashed: bytes
    numbers: bytes

    @property
    def issuer(self) -> bytes:
        """The id of the key that made it, 8 bytes, or b""."""
        areas = (*subpackets(self.hashed), *subpackets(self.unhashed))
        return next((data for kind, data in areas if kind & ~CRITICAL == _ISSUER), b"")

    @property
    def bit_lengths(self) -> tuple[int, ...]:
        """The lengths of its numbers in bits; they are written without leading zeros."""
        found, rest = [], self.numbers
        while len(rest) >= 2:
            found.append(int.from_bytes(rest[:2]))
            rest = rest[2 + (found[-1] + 7) // 8 :]
        return tuple(found)


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
        MalformedPackets: a header is wrong, the data ends inside a packet, or it is over `PACKET_LIMIT` or
            `SIZE_LIMIT`.
    """
    return tuple(walk(data))


def walk(data: bytes) -> Iterator[Packet]:
    """The packets one by one, as far as they are whole.

    Args:
        data: binary (not armored) data.

    Raises:
        MalformedPackets: as for `split`, where the fault is met.
    """
    if len(data) > SIZE_LIMIT:
        raise MalformedPackets(f"more than {SIZE_LIMIT} bytes")
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
    """The body whose length begins at `position` (section 4.2.1), and where it ends."""
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


def subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and data of each subpacket of an area; what is cut off at the end is left out.

    Args:
        area: a signature's hashed or unhashed subpackets (section 5.2.3.7).

    Returns:
        The type with its `CRITICAL` bit, and the data.
    """
    position = 0
    while position < len(area):
        length, size = area[position], 1
        if length == 255:
            length, size = int.from_bytes(area[position + 1 : position + 5]), 5
        elif length >= 192:
            length, size = ((length - 192) << 8) + int.from_bytes(area[position + 1 : position + 2]) + 192, 2
        start, position = position + size, position + size + length
        if length:
            yield area[start] if start < len(area) else 0, area[start + 1 : position]


def signature_in(packet: Packet) -> Signature | None:
    """The version 4 signature in a packet; None for another packet, and for one that ends in its head."""
    body = packet.body
    if packet.tag != Tag.SIGNATURE or len(body) < 6 or body[0] != 4:
        return None
    hashed_end = 6 + int.from_bytes(body[4:6])
    unhashed = hashed_end + 2
    unhashed_end = unhashed + int.from_bytes(body[hashed_end:unhashed])
    beginning_of_digest = 2
    return Signature(
        kind=body[1],
        algorithm=body[2],
        hash_algorithm=body[3],
        hashed=body[6:hashed_end],
        unhashed=body[unhashed:unhashed_end],
        numbers=body[unhashed_end + beginning_of_digest :],
    )


def fingerprint_of(key: Packet) -> str | None:
    """The fingerprint of a version 4 key packet (section 5.5.4.2), 40 upper-case digits; None for others."""
    if key.body[:1] != b"\x04" or len(key.body) > 0xFFFF:
        return None
    framed = b"\x99" + len(key.body).to_bytes(2) + key.body
    return hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()


def grouped(fingerprint: str) -> str:
    """A fingerprint in groups of four digits, to compare it over the phone."""
    return " ".join(fingerprint[start : start + 4] for start in range(0, len(fingerprint), 4))


def key_material(packets: Iterable[Packet]) -> frozenset[bytes]:
    """The primary key and the subkeys of a public key, without user ids, signatures and dates of expiry."""
    return frozenset(packet.body for packet in packets if packet.tag in KEYS)


def decode_key_file(data: bytes) -> bytes:
    """The binary data of a key file, decoded as strictly as the AWS provider does.

    The provider strips blanks at both ends and skips line breaks (Go's `base64.StdEncoding`); blanks inside,
    armor, missing padding and the alphabet for URLs are errors.

    Raises:
        UnicodeDecodeError: it is no text, so Terraform's `file()` fails.
        ValueError: the provider cannot decode it.
    """
    letters = _letters(data)
    if len(letters) % 4 or not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", letters):
        raise ValueError("the provider cannot decode it")
    return binascii.a2b_base64(letters)


def fingerprint_in(key_file: bytes) -> str:
    """The fingerprint of the primary key in a key file, 40 upper-case hexadecimal digits, or ""."""
    try:
        packets = split(decode_key_file(key_file))
    except ValueError:
        return ""
    primary = next((packet for packet in packets if packet.tag in KEYS), None)
    return (fingerprint_of(primary) or "") if primary else ""


def _letters(key_file: bytes) -> str:
    return key_file.decode("utf-8").strip().replace("\r", "").replace("\n", "")


def holds(present: bytes, new: bytes) -> bool:
    """Whether a key file may stay as it is, because all of a new key is in it and the provider can decode it.

    A changed `pgp_key` resets the password, so neither other line wraps nor further signatures count. A date
    of expiry that was prolonged is a signature that the file lacks.

    Args:
        present: the file `keys/NAME` as it is.
        new: the file that would be written.
    """
    try:
        if _letters(present) == _letters(new):
            return True
        there, wanted = (split(decode_key_file(file)) for file in (present, new))
    except ValueError:
        return False
    found = {(packet.tag, packet.body) for packet in there}
    return key_material(there) == key_material(wanted) and found.issuperset(
        (packet.tag, packet.body) for packet in wanted
    )
