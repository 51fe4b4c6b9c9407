"""Which public keys there are in binary OpenPGP data, after making sure that there is nothing else in it.

A keyring is nothing but one key after the other (RFC 9580, section 10.1).
"""

from __future__ import annotations

from typing import Final

from workflows.services.gpg.packets import MalformedPackets, Packet, Tag, split
from workflows.services.gpg.refusals import DamagedKey, NotAPublicKey, SecretKeyGiven

_KEY_TAGS: Final = frozenset(
    {Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY, Tag.USER_ID, Tag.USER_ATTRIBUTE, Tag.SIGNATURE}
)
_IGNORED_TAGS: Final = frozenset({Tag.MARKER, Tag.TRUST, Tag.PADDING})
_SECRET_TAGS: Final = frozenset({Tag.SECRET_KEY, Tag.SECRET_SUBKEY})
_KEY_VERSIONS: Final = frozenset({2, 3, 4, 5, 6})
_UNKNOWN_TAGS: Final = frozenset({15, 16, *range(22, 64)})  # no OpenPGP before RFC 9580 had a packet of these
_MESSAGE_TAGS: Final = frozenset(
    {
        Tag.PUBLIC_KEY_ENCRYPTED_SESSION_KEY,
        Tag.PASSPHRASE_ENCRYPTED_SESSION_KEY,
        Tag.ENCRYPTED_WITHOUT_INTEGRITY,
        Tag.ENCRYPTED,
        Tag.AEAD_ENCRYPTED,
    }
)


def keys_in(binary: bytes) -> list[bytes]:
    """The public keys in binary data, in their order, without photographs and local trust marks.

    Packets of types that nobody knows are left out, too, and a line break behind the last one.

    Raises:
        KeyRefused: there is none, or anything else is in it, or it is not whole.
    """
    if not binary:
        raise DamagedKey("There is nothing between its first and its last line.")
    try:
        packets = _packets(binary)
    except MalformedPackets as error:
        _refuse_by_first_packet(binary)
        if error.truncated:
            raise DamagedKey("It ends too early: the end is missing.") from error
        raise DamagedKey("After a good beginning it is no longer a PGP key.") from error
    if not packets:
        raise NotAPublicKey("PGP data without a key in it")
    if any(packet.tag in _SECRET_TAGS for packet in packets):
        raise SecretKeyGiven
    _refuse_unless_key(packets[0].tag)
    if not all(packet.tag in _KEY_TAGS for packet in packets):
        raise DamagedKey("There is something in it that does not belong into a public key.")
    keys: list[list[Packet]] = []
    for packet in packets:
        if packet.tag == Tag.PUBLIC_KEY:
            # A version (RFC 9580, section 5.5.2), four bytes of date, an algorithm, and some of a key.
            if len(packet.body) < 12 or packet.body[0] not in _KEY_VERSIONS:
                raise DamagedKey("Its first part is not a key of any known format.")
            keys.append([])
        keys[-1].append(packet)
    return [b"".join(packet.raw for packet in _without_photographs(key)) for key in keys]


def _packets(binary: bytes) -> list[Packet]:
    try:
        packets = split(binary)
    except MalformedPackets as error:
        if error.truncated or not binary.endswith((b"\n", b"\r")):
            raise
        packets = split(binary.rstrip(b"\r\n"))  # an editor's or a shell's line break behind a binary key
    return [packet for packet in packets if packet.tag not in _IGNORED_TAGS | _UNKNOWN_TAGS]


def is_minimal(key: bytes) -> bool:
    """Whether gpg would write the very same bytes when it reduces a key: there is nothing to leave out.

    That is so for most keys, and spares the longer of two ways to read them: a primary key, user ids and
    subkeys with one signature each, every packet with the header that gpg writes (RFC 9580, section 4.2.2).

    Args:
        key: one whole binary public key.
    """
    packets = split(key)
    head, rest = packets[:1], packets[1:]
    pairs = list(zip(rest[::2], rest[1::2], strict=False))
    names = [first.tag for first, _ in pairs]
    split_at = names.count(Tag.USER_ID)
    return (
        len(rest) == 2 * len(pairs)
        and split_at > 0
        and names == [Tag.USER_ID] * split_at + [Tag.PUBLIC_SUBKEY] * (len(names) - split_at)
        and all(second.tag == Tag.SIGNATURE for _, second in pairs)
        and all(_has_header_of_gpg(packet) for packet in (*head, *rest))
    )


def _has_header_of_gpg(packet: Packet) -> bool:
    """Whether a packet has an old format header with the shortest length that fits."""
    length = len(packet.body)
    size = next(size for size in (1, 2, 4) if length < 256**size)
    header = bytes([0x80 | packet.tag << 2 | {1: 0, 2: 1, 4: 2}[size]]) + length.to_bytes(size)
    return packet.raw[: len(header)] == header


def _refuse_by_first_packet(binary: bytes) -> None:
    """Refuse damaged data by the type that its first byte names, unless that is a public key."""
    first = binary[0]
    if not first & 0x80:
        raise NotAPublicKey("some other data")
    _refuse_unless_key(first & 0x3F if first & 0x40 else (first >> 2) & 0x0F)


def _refuse_unless_key(tag: int) -> None:
    if tag in _SECRET_TAGS:
        raise SecretKeyGiven
    if tag in _MESSAGE_TAGS:
        raise NotAPublicKey("an encrypted message")
    if tag == Tag.SIGNATURE:
        raise NotAPublicKey("a signature (a revocation certificate is one, too)")
    if tag != Tag.PUBLIC_KEY:
        raise NotAPublicKey("some other data")


def _without_photographs(packets: list[Packet]) -> list[Packet]:
    """The packets without user attributes (only photographs are defined) and the signatures on them."""
    kept: list[Packet] = []
    skipping = False
    for packet in packets:
        if packet.tag != Tag.SIGNATURE:
            skipping = packet.tag == Tag.USER_ATTRIBUTE
        if not skipping:
            kept.append(packet)
    return kept
