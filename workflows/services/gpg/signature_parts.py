"""The parts of a signature packet that matter here: its subpackets."""

from __future__ import annotations

from collections.abc import Iterator

CRITICAL = 0x80
"""The bit of a subpacket's type that says: whoever does not know it must not take the signature."""


def subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and data of each subpacket of an area; what is cut off at the end is left out.

    Args:
        area: a signature's hashed or unhashed subpackets (RFC 9580, section 5.2.3.7).

    Returns:
        The type with its critical bit (0x80), and the data.
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
