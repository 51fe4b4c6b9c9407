"""The date of expiry that a subkey has of its own, which gpg does not list.

Of a primary key that has expired, gpg lists the subkeys as expired on the same day. The OpenPGP library of
older AWS providers looks at the subkey alone and takes it. To say beforehand what such a provider does, the
date is read where it stands: in the newest signature that binds the subkey (RFC 9580, sections 5.2.3 and
5.2.3.13).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from workflows.services.gpg.packets import Packet, Tag, split
from workflows.services.gpg.signature_parts import subpackets

_BINDING: Final = 0x18  # a subkey binding signature, section 5.2.1.9
_CREATED: Final = 2  # subpackets, section 5.2.3.7
_LIFETIME: Final = 9
_WANTED: Final = frozenset({_CREATED, _LIFETIME})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BEYOND: Final = 2 * 2**32  # the latest date of birth and the longest life that four bytes each can say


def own_expiries(key: bytes) -> tuple[datetime | None, ...]:
    """For each subkey, in its order, when it expires by itself, UTC; None for never.

    Args:
        key: a binary public key.

    Raises:
        MalformedPackets: it is no sequence of packets.
    """
    found: list[datetime | None] = []
    made, newest = 0, -1
    for packet in split(key):
        if packet.tag == Tag.PUBLIC_SUBKEY:
            found.append(None)
            made, newest = int.from_bytes(packet.body[1:5]), -1
        elif packet.tag == Tag.SIGNATURE and found:
            signature = _binding(packet)
            created = signature.get(_CREATED, -1)
            if created >= newest and signature:
                newest, lifetime = created, signature.get(_LIFETIME, 0)
                found[-1] = _moment(made + lifetime) if lifetime else None
    return tuple(found)


def _moment(seconds: int) -> datetime | None:
    """That many seconds after 1970, UTC; None for a day beyond the calendar, as far off as never.

    OpenPGP's numbers have four bytes; a damaged signature may hold a longer one.
    """
    return _EPOCH + timedelta(seconds=seconds) if seconds < _BEYOND else None


def _binding(packet: Packet) -> dict[int, int]:
    """The numbers in the hashed subpackets of a binding signature by their type; {} for any other packet."""
    body = packet.body
    if len(body) < 6 or body[0] != 4 or body[1] != _BINDING:
        return {}
    area = body[6 : 6 + int.from_bytes(body[4:6])]
    return {kind & 0x7F: int.from_bytes(data) for kind, data in subpackets(area) if kind & 0x7F in _WANTED}
