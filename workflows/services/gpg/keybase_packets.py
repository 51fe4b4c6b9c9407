"""What Keybase's OpenPGP library gives up at: it reads every packet of a key, also those that it needs not.

GnuPG passes over a signature or a part that it does not understand. This library, which is in the older AWS
providers, refuses the whole key. What it does and does not know was found with one apply of provider 3.39.0
and a key for each case; `tests/e2e/test_provider_verdicts.py` holds some of them against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from workflows.services.gpg.packets import Packet, Tag
from workflows.services.gpg.signature_parts import CRITICAL, subpackets
from workflows.services.gpg.verdict_case import UNREAD_CURVES

_UNSUPPORTED: Final = "openpgp: unsupported feature: "
_IN_SUBKEY: Final = "openpgp: invalid data: subkey signature invalid: "
_KEYS: Final = frozenset({Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY})
# RFC 9580, sections 9.1, 9.5 and 5.2.3.7, by number.
_KEY_ALGORITHMS: Final = frozenset({1, 2, 3, 16, 17, 18, 19, 22})
_SIGNATURE_ALGORITHMS: Final = frozenset({1, 2, 3, 17, 19, 22})
_HASHES: Final = frozenset({1, 2, 3, 8, 9, 10, 11})
_SUBPACKETS: Final = frozenset({2, 3, 9, 11, 16, 21, 22, 24, 25, 26, 27, 29, 30, 32})
_REGULAR_EXPRESSION: Final = 6
_CURVES: Final = tuple(bytes([len(one) // 2]) + bytes.fromhex(one) for one in UNREAD_CURVES.values())


def unread(packets: Iterable[Packet]) -> str:
    """Why the library refuses to read a key, as its error has it; "" where it reads all packets.

    Args:
        packets: those of one public key, in their order.
    """
    after_subkey = False
    for packet in packets:
        if packet.tag in _KEYS:
            after_subkey = packet.tag == Tag.PUBLIC_SUBKEY
            if packet.body[6:].startswith(_CURVES):
                return ""  # it stops here, too; a rule of its own says so
            algorithm = packet.body[5] if packet.body[:1] == b"\x04" and len(packet.body) > 5 else 1
            if algorithm not in _KEY_ALGORITHMS:
                return f"{_UNSUPPORTED}public key type: {algorithm}"
        elif packet.tag == Tag.SIGNATURE:
            reason = _unread_signature(packet.body)
            if reason:
                return f"{_IN_SUBKEY if after_subkey else ''}{_UNSUPPORTED}{reason}"
    return ""


def _unread_signature(body: bytes) -> str:
    version = body[0] if body else 4
    if version in {2, 3} or len(body) < 6:
        return ""
    if version != 4:
        return f"signature packet version {version}"
    if body[2] not in _SIGNATURE_ALGORITHMS:
        return f"public key algorithm {body[2]}"
    if body[3] not in _HASHES:
        return f"hash function {body[3]}"
    hashed_end = 6 + int.from_bytes(body[4:6])
    unhashed_end = hashed_end + 2 + int.from_bytes(body[hashed_end : hashed_end + 2])
    for area in (body[6:hashed_end], body[hashed_end + 2 : unhashed_end]):
        for kind, _ in subpackets(area):
            number = kind & ~CRITICAL
            if kind & CRITICAL and number not in _SUBPACKETS:
                odd = f"unknown critical signature subpacket type {number}"
                return "regex support is stubbed out" if number == _REGULAR_EXPRESSION else odd
    return ""
