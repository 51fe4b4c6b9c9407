"""OpenPGP data (RFC 9580): packets, signature subpackets, fingerprints and key files.

GnuPG answers every question about a key's meaning. This module answers the ones that come first, in
microseconds and without a child process: is this a public key, a secret key or a message, and is it whole? No
Python library does so for every key in use (pgpy does not import on Python 3.13, pysequoia rejects SHA-1
self-signatures). Nothing is unpacked: a packet inside another one stays data.
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
"""No person's key, keyring or message has more packets (a signature is one packet)."""

SIZE_LIMIT: Final = 10_000_000
"""Bytes; a whole keyring is smaller."""

CRITICAL: Final = 0x80
"""The bit of a subpacket's type that forbids accepting the signature if the subpacket is unknown."""


class Tag(enum.IntEnum):
    """The packet types that matter here, numbered as in section 5."""

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
        kind: the signature type, numbered as in section 5.2.1.
        algorithm: the signing key's algorithm, numbered as in section 9.1.
        hash_algorithm: the hash algorithm, numbered as in section 9.5.
        hashed: the subpackets that the signature covers.
        unhashed: the subpackets that it does not cover.
        numbers: the algorithm's output, each number preceded by its length (section 3.2).
    """

    kind: int
    algorithm: int
    hash_algorithm: int
    hashed: bytes
    unhashed: bytes
    numbers: bytes

    @property
    def issuer(self) -> bytes:
        """The id of the signing key, 8 bytes, or b""."""
        areas = (*subpackets(self.hashed), *subpackets(self.unhashed))
        return next((data for kind, data in areas if kind & ~CRITICAL == _ISSUER), b"")

    @property
    def bit_lengths(self) -> tuple[int, ...]:
        """The lengths of `numbers` in bits; leading zeros are never written."""
        found, rest = [], self.numbers
        while len(rest) >= 2:
            found.append(int.from_bytes(rest[:2]))
            rest = rest[2 + (found[-1] + 7) // 8 :]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet.

    Attributes:
        tag: the packet type; possibly a number that `Tag` does not list.
        raw: all bytes, including the header.
        body: the bytes after the header (partial bodies joined).
    """

    tag: int
    raw: bytes
    body: bytes


class MalformedPackets(ValueError):  # noqa: N818 - a fact about the data; the callers word the error
    """The data is not a sequence of OpenPGP packets.

    Attributes:
        truncated: True if the data starts as valid packets and ends too early.
    """

    def __init__(self, message: str, *, truncated: bool = False) -> None:
        super().__init__(message)
        self.truncated = truncated


def split(data: bytes) -> tuple[Packet, ...]:
    """Cut OpenPGP data into its packets.

    Args:
        data: binary (not armored) data.

    Returns:
        The packets in order; none for empty data.

    Raises:
        MalformedPackets: a header is wrong, the data ends inside a packet, or exceeds `PACKET_LIMIT` or
            `SIZE_LIMIT`.
    """
    return tuple(walk(data))


def walk(data: bytes) -> Iterator[Packet]:
    """Yield the packets one by one, up to the first malformed one.

    Args:
        data: binary (not armored) data.

    Raises:
        MalformedPackets: as for `split`, when the fault is reached.
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


def tag_in(header: int) -> int:
    """Return the packet type in a packet's first byte."""
    return header & 0x3F if header & 0x40 else (header >> 2) & 0x0F


def body_begin(data: bytes) -> bytes:
    """Return the data after its first packet's header, also where the packet ends too early."""
    first = data[0]
    if not first & 0x40:
        return data[1 + (1, 2, 4, 0)[first & 0x03] :]
    length = data[1] if len(data) > 1 else 0
    return data[6 if length == 255 else 3 if 192 <= length < 224 else 2 :]


def _packet_at(data: bytes, start: int) -> tuple[Packet, int]:
    """Return the packet at `start`, and where the next one begins."""
    header = data[start]
    if not header & 0x80:
        raise MalformedPackets(f"no packet begins at byte {start}")
    position = start + 1
    tag = tag_in(header)
    if header & 0x40:
        body, position = _new_format_body(data, position)
    else:
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
    """Return the body whose length field is at `position` (section 4.2.1), and where the body ends."""
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
    """Yield the type and data of each subpacket in an area; the last may be cut off.

    Args:
        area: a signature's hashed or unhashed subpackets (section 5.2.3.7).

    Yields:
        The type including its `CRITICAL` bit, and the data.
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
    """Return the version 4 signature in a packet; None for other packets and truncated heads."""
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
    """Return a version 4 key's fingerprint (section 5.5.4.2), 40 upper-case hex digits; None for others."""
    if key.body[:1] != b"\x04" or len(key.body) > 0xFFFF:
        return None
    framed = b"\x99" + len(key.body).to_bytes(2) + key.body
    return hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()


def grouped(fingerprint: str) -> str:
    """Return a fingerprint in groups of four digits, for comparing it over the phone."""
    return " ".join(fingerprint[start : start + 4] for start in range(0, len(fingerprint), 4))


def in_two_lines(fingerprint: str) -> str:
    """Return a fingerprint's groups in two lines, for comparing it on the screen."""
    groups = grouped(fingerprint).split()
    half = (len(groups) + 1) // 2
    return "\n".join(map("  ".join, (groups[:half], groups[half:])))


def key_material(packets: Iterable[Packet]) -> frozenset[bytes]:
    """Return the primary key and subkeys of a public key, without user ids, signatures and expiry dates."""
    return frozenset(packet.body for packet in packets if packet.tag in KEYS)


def decode_key_file(data: bytes) -> bytes:
    """Decode a key file as strictly as the AWS provider does.

    The provider strips blanks at both ends and skips line breaks (Go's `base64.StdEncoding`); blanks inside,
    armor, missing padding and the URL alphabet are errors.

    Raises:
        UnicodeDecodeError: it is not UTF-8, so Terraform's `file()` fails.
        ValueError: the provider cannot decode it.
    """
    letters = _letters(data)
    if len(letters) % 4 or not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", letters):
        raise ValueError("the provider can't decode it")
    return binascii.a2b_base64(letters)


def fingerprint_in(key_file: bytes) -> str:
    """Return the fingerprint of a key file's primary key, 40 upper-case hexadecimal digits, or ""."""
    try:
        packets = split(decode_key_file(key_file))
    except ValueError:
        return ""
    primary = next((packet for packet in packets if packet.tag in KEYS), None)
    return (fingerprint_of(primary) or "") if primary else ""


def _letters(key_file: bytes) -> str:
    return key_file.decode("utf-8").strip().replace("\r", "").replace("\n", "")


def holds(present: bytes, new: bytes) -> bool:
    """Return whether a key file can stay: the provider can decode it, and it contains all of a new key.

    A changed `pgp_key` resets the password, so different line wraps and further signatures don't matter. An
    extended expiry date is a signature that the file lacks.

    Args:
        present: the current file `keys/NAME`.
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
