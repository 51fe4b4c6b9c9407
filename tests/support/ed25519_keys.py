"""A key whose signatures are made here, so that each can be as short as a test needs.

The two halves of an EdDSA signature, R and S, have 32 bytes each. OpenPGP writes them as numbers, without
leading zeros (RFC 9580, section 3.2), so one in 256 signatures has a short R, and one in 256 a short S.
"""

from __future__ import annotations

import enum
import hashlib
from itertools import count

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workflows.core.openpgp import Packet, Tag, fingerprint_of

MADE = 1_700_000_000
"""When the key was made, in seconds since 1970; its signatures are at least a second younger."""

_SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_POINT = b"\x40" + _SECRET.public_key().public_bytes_raw()
_EDDSA = bytes([22])
_SHA256 = bytes([8])
_CURVE = bytes.fromhex("092b06010401da470f01")


class Short(enum.Enum):
    """The halves of a signature that begin with a zero byte."""

    NEITHER = (False, False)
    R = (True, False)
    S = (False, True)


class Kind(enum.Enum):
    """The type of a signature, and the key flags that it sets (RFC 9580, sections 5.2.1, 5.2.3.29)."""

    CERTIFICATION = (0x10, 0)
    SELF_CERTIFICATION = (0x13, 0x01 | 0x02)
    BINDING = (0x18, 0x04 | 0x08)


def packet_as_gpg(tag: int, body: bytes) -> Packet:
    """Return a packet with the header that gpg writes (RFC 9580, section 4.2.2)."""
    size = next(size for size in (1, 2, 4) if len(body) < 256**size)
    header = bytes([0x80 | tag << 2 | size >> 1]) + len(body).to_bytes(size)
    return Packet(tag, header + body, body)


def number(data: bytes) -> bytes:
    """Return a number as OpenPGP writes it: its length in bits, and its bytes without leading zeros."""
    bits = int.from_bytes(data).bit_length()
    return bits.to_bytes(2) + data[len(data) - (bits + 7) // 8 :]


PRIMARY = packet_as_gpg(Tag.PUBLIC_KEY, b"\x04" + MADE.to_bytes(4) + _EDDSA + _CURVE + number(_POINT))


def signature(kind: Kind, *signed: Packet, short: Short = Short.NEITHER, after: int = MADE) -> bytes:
    """Return a signature of this key, made at the first second at which its halves are as short as asked for.

    Args:
        kind: the type of the signature.
        signed: a primary key, and its user id or subkey if the type has one.
        short: the halves that begin with a zero byte.
        after: the time before the signature is made, in seconds since 1970.
    """
    content = b"".join(_framed(packet) for packet in signed)
    return next(
        packet
        for moment in count(after + 1)
        for packet, halves in [_signature_at(moment, kind, content)]
        if halves == short.value
    )


def ed25519_keys(subkey: Packet) -> dict[str, bytes]:
    """Return keys by name, with short signatures in places where that matters and where it does not.

    Args:
        subkey: another key's RSA subkey, which becomes the encryption subkey of each.
    """
    return {
        "ed25519-long": ed25519_key(subkey),
        "ed25519-certificate-with-short-r": ed25519_key(subkey, names=((Short.R,),)),
        "ed25519-certificate-with-short-s": ed25519_key(subkey, names=((Short.S,),)),
        "ed25519-binding-with-short-r": ed25519_key(subkey, bindings=(Short.R,)),
        "ed25519-binding-with-short-s": ed25519_key(subkey, bindings=(Short.S,)),
        "ed25519-one-name-short": ed25519_key(subkey, names=((Short.R,), (Short.NEITHER,))),
        "ed25519-newer-certificate-short": ed25519_key(subkey, names=((Short.R, Short.NEITHER),)),
        "ed25519-newer-binding-short": ed25519_key(subkey, bindings=(Short.S, Short.NEITHER)),
    }


def ed25519_key(
    subkey: Packet,
    *,
    names: tuple[tuple[Short, ...], ...] = ((Short.NEITHER,),),
    bindings: tuple[Short, ...] = (Short.NEITHER,),
) -> bytes:
    """Return a public key whose names and subkey have signatures as short as given, the newest first."""
    parts = [PRIMARY.raw]
    for number_of_name, shorts in enumerate(names):
        name = packet_as_gpg(Tag.USER_ID, f"ed{number_of_name} <ed{number_of_name}@a.example>".encode())
        parts += [name.raw, *_newest_first(Kind.SELF_CERTIFICATION, name, shorts)]
    return b"".join([*parts, subkey.raw, *_newest_first(Kind.BINDING, subkey, bindings)])


def _newest_first(kind: Kind, on: Packet, shorts: tuple[Short, ...]) -> list[bytes]:
    day = 24 * 60 * 60
    return [
        signature(kind, PRIMARY, on, short=short, after=MADE + day * age)
        for age, short in reversed(list(enumerate(reversed(shorts))))
    ]


def secret_ed25519_key() -> bytes:
    """Return the secret primary key, without a passphrase (RFC 9580, section 5.5.3)."""
    secret = number(_SECRET.private_bytes_raw())
    return packet_as_gpg(
        Tag.SECRET_KEY, PRIMARY.body + b"\0" + secret + (sum(secret) % 65536).to_bytes(2)
    ).raw


def _signature_at(moment: int, kind: Kind, content: bytes) -> tuple[bytes, tuple[bool, bool]]:
    """Return the signature made at this second, and whether R and S begin with a zero byte."""
    fingerprint = bytes.fromhex(fingerprint_of(PRIMARY) or "")
    number_of_kind, flags = kind.value
    hashed = _subpacket(33, b"\x04" + fingerprint) + _subpacket(2, moment.to_bytes(4))
    hashed += _subpacket(27, bytes([flags])) if flags else b""
    head = bytes([4, number_of_kind]) + _EDDSA + _SHA256 + len(hashed).to_bytes(2) + hashed
    digest = hashlib.sha256(content + head + b"\x04\xff" + len(head).to_bytes(4)).digest()
    raw = _SECRET.sign(digest)
    unhashed = _subpacket(16, fingerprint[-8:])
    tail = len(unhashed).to_bytes(2) + unhashed + digest[:2] + number(raw[:32]) + number(raw[32:])
    return packet_as_gpg(Tag.SIGNATURE, head + tail).raw, (raw[0] == 0, raw[32] == 0)


def _subpacket(kind: int, data: bytes) -> bytes:
    return bytes([len(data) + 1, kind]) + data


def _framed(packet: Packet) -> bytes:
    """Return the bytes of a packet that are hashed (RFC 9580, section 5.2.4)."""
    if packet.tag == Tag.USER_ID:
        return b"\xb4" + len(packet.body).to_bytes(4) + packet.body
    return b"\x99" + len(packet.body).to_bytes(2) + packet.body
