"""Any form in, one form out: turn people's input into one public key in the form of `keys/NAME`.

People send base64, armored text, base64 of armored text, files, whole mails, a request of this program, a
Keybase name, and sometimes their secret key. The AWS provider accepts only base64 of one binary public key,
and fails late: after it has created the user. So every input is converted to that form here, or rejected with
the reason. This runs no child process; `inspect` asks GnuPG about the key's content.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from workflows.core.openpgp import (
    ENCRYPTED_DATA,
    KEYS,
    SECRET_KEYS,
    SIZE_LIMIT,
    MalformedPackets,
    Packet,
    Tag,
    body_begin,
    key_material,
    split,
    tag_in,
    walk,
)
from workflows.core.parsing import parse_json
from workflows.gpg import pasted
from workflows.gpg.refusals import (
    DamagedKey,
    EmptyKey,
    Found,
    KeybaseName,
    KeyTooLarge,
    NotAPublicKey,
    OtherSecretKey,
    SecretKeyGiven,
    SeveralKeys,
)

KEYRING_LIMIT: Final = SIZE_LIMIT
"""Bytes or characters of a whole keyring."""

PARTS_LIMIT: Final = 500
"""Subkeys plus user ids of one key; gpg's work grows with their square."""

KEYS_LIMIT: Final = 3_000
"""Keys of a keyring; each needs a run of gpg."""

MARKS_LIMIT: Final = 500_000
"""Line breaks, HTML markup and the like in a text; a whole keyring as an HTML mail has 300 thousand."""

_MARKS: Final = ("\n", "\r", "\\n", "<", "&")  # each starts a piece that is processed separately
_MOST_FENCES: Final = 100  # in a text that may be a request
_SHORTEST = 100  # a shorter text is a word or two, not the base64 of a key
_NESTING_LIMIT = 3  # a request that contains base64 of armored text
_KEY_TAGS: Final = KEYS | {Tag.USER_ID, Tag.USER_ATTRIBUTE, Tag.SIGNATURE}
_IGNORED_TAGS: Final = frozenset({Tag.MARKER, Tag.TRUST, Tag.PADDING})
_KEY_VERSIONS: Final = frozenset({2, 3, 4, 5, 6})
_UNKNOWN_TAGS: Final = frozenset({15, 16, *range(22, 64)})  # no packet types before RFC 9580
_OTHER_BLOCKS: Final = {
    "SIGNATURE": Found.SIGNATURE,
    "SIGNED MESSAGE": Found.TEXT,
}
_OTHER_DATA: Final[Mapping[int, Found]] = {
    **dict.fromkeys(
        (*ENCRYPTED_DATA, Tag.PUBLIC_KEY_ENCRYPTED_SESSION_KEY, Tag.PASSPHRASE_ENCRYPTED_SESSION_KEY),
        Found.MESSAGE,
    ),
    Tag.SIGNATURE: Found.SIGNATURE,
}
_VERSIONS: Final[Mapping[int, frozenset[int]]] = {
    **dict.fromkeys((*KEYS, *SECRET_KEYS), _KEY_VERSIONS),
    Tag.SIGNATURE: frozenset({3, 4, 5, 6}),
    Tag.PUBLIC_KEY_ENCRYPTED_SESSION_KEY: frozenset({2, 3, 6}),
    Tag.PASSPHRASE_ENCRYPTED_SESSION_KEY: frozenset({4, 5, 6}),
    Tag.ENCRYPTED: frozenset({1, 2}),
    Tag.AEAD_ENCRYPTED: frozenset({1}),
}
"""The versions with which each packet type's body begins; other data has that type only by chance."""
_SSH_KINDS: Final = ("ssh-rsa ", "ssh-ed25519 ", "ssh-dss ", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")
_SSH_BLOCK: Final = "---- BEGIN SSH2 PUBLIC KEY ----"
_PRIVATE: Final = "PRIVATE KEY-----"
_FINGERPRINT_DIGITS: Final = frozenset({8, 16, 32, 40, 64})  # short and long ids, and versions 3, 4 and 5
_LONGEST_LINE: Final = 300


@dataclass(frozen=True)
class PublicKeyText:
    """One OpenPGP public key.

    Attributes:
        binary: its packets, without photographs and local trust packets; `inspect.check_key` also drops
            other people's signatures.
    """

    binary: bytes

    @property
    def text(self) -> str:
        """The file `keys/NAME`: base64 in lines of 76 characters, like coreutils' `base64`."""
        return base64.encodebytes(self.binary).decode("ascii")

    @property
    def key_material(self) -> frozenset[bytes]:
        """The primary key and the subkeys themselves, without user ids, signatures and expiry dates."""
        return key_material(split(self.binary))


def normalise(data: bytes | str) -> PublicKeyText:
    """Extract the one public key from a person's input.

    Accepted: binary; base64 with or without wraps, padding, either alphabet; armored text; base64 of armored
    text; each of them inside a mail, with quote marks, carriage returns, a byte order mark, UTF-16, a shell's
    trailing `%`; a request of this program (a fenced JSON object with a `public_key`).

    Args:
        data: the content of a file, or a pasted text.

    Returns:
        The key, with complete packets. `verdict.judge` decides whether it is usable.

    Raises:
        KeyRefused: the input doesn't have exactly one public key. The subclass says what it is:
            `EmptyKey`, `KeyTooLarge`, `SecretKeyGiven`, `NotAPublicKey`, `SeveralKeys`, `DamagedKey`,
            `KeybaseName`.
    """
    keys = _keys(data, pasted.INPUT_LIMIT)
    if len(keys) > 1:
        raise SeveralKeys(count=len(keys))
    return keys[0]


def public_keys(data: bytes | str) -> tuple[PublicKeyText, ...]:
    """Extract every public key from a person's input: a whole keyring, or several blocks in one text.

    Args:
        data: any form that `normalise` accepts.

    Returns:
        At least one key, without repetitions, in order.

    Raises:
        KeyRefused: the input has no public key, or something else (`SecretKeyGiven`).
    """
    return _keys(data, KEYRING_LIMIT)


def _keys(data: bytes | str, limit: int) -> tuple[PublicKeyText, ...]:
    if len(data) > limit:
        raise KeyTooLarge(parts="bytes", count=len(data), limit=limit)
    found = [key for binary in _binaries(data, depth=0) for key in _keys_in(binary)]
    return tuple(PublicKeyText(key) for key in dict.fromkeys(found))


def _binaries(data: bytes | str, depth: int) -> tuple[bytes, ...]:
    """Return the unparsed binary OpenPGP data in `data`, one piece per armored block."""
    text = pasted.as_text(data)
    if text is None:
        assert isinstance(data, bytes)  # noqa: S101 - only bytes can be binary
        return (data,)
    marks = sum(map(text.count, _MARKS))
    if marks > MARKS_LIMIT:
        raise KeyTooLarge(parts="line breaks and marks", count=marks, limit=MARKS_LIMIT)
    text = pasted.unquoted(text)
    if not text.strip():
        raise EmptyKey
    if depth > _NESTING_LIMIT:
        raise NotAPublicKey(Found.TEXT)
    _refuse_other_kinds(text)
    requested = _key_of_request(text)
    if requested is not None:
        return _binaries(requested, depth + 1)
    text = pasted.unescaped(text)
    blocks = pasted.armored_blocks(text)
    if blocks:
        return _from_blocks(blocks)
    try:
        binary = pasted.bare_base64(text) if len(text) >= _SHORTEST else None
    except pasted.MalformedBase64 as error:
        raise DamagedKey(flaw=f"The base64 text can't be decoded: {error}.") from error
    if not binary:
        raise NotAPublicKey(Found.TEXT)
    # Base64 of armored text decodes to text; a binary packet never does (its first byte has the high bit).
    return _binaries(binary, depth + 1) if binary[0] < 0x80 else (binary,)


def _from_blocks(blocks: tuple[pasted.ArmoredBlock, ...]) -> tuple[bytes, ...]:
    """Return the data of the public keys among armored blocks."""
    if any("PRIVATE KEY" in block.label or "SECRET KEY" in block.label for block in blocks):
        raise SecretKeyGiven
    # `gpg --enarmor`, mistaken for `gpg --armor --export`, labels any input an armored file.
    keys = [block for block in blocks if block.label.startswith(("PUBLIC KEY BLOCK", "ARMORED FILE"))]
    if not keys:
        label = blocks[0].label
        kind = Found.MESSAGE if label.startswith("MESSAGE") else Found.OTHER_BLOCK
        raise NotAPublicKey(_OTHER_BLOCKS.get(label, kind))
    if not all(key.complete for key in keys):
        raise DamagedKey(flaw="Its last line, -----END PGP PUBLIC KEY BLOCK-----, is missing.")
    try:
        return tuple(key.decode() for key in keys)
    except pasted.MalformedBase64 as error:
        raise DamagedKey(flaw=f"The armored block can't be decoded: {error}.") from error


def _key_of_request(text: str) -> str | None:
    """Return the `public_key` of the first fenced JSON object that has one, or None."""
    if '"public_key"' not in text:
        return None
    for candidate in (*text.split("```", 2 * _MOST_FENCES)[1::2], text):
        start, end = candidate.find("{"), candidate.rfind("}")
        if start < 0 or end < start or '"public_key"' not in candidate:
            continue
        try:
            document = parse_json(candidate[start : end + 1], strict=False)
        except ValueError:
            continue  # Not JSON; search the text for an armored block or base64 instead.
        if isinstance(document, dict) and isinstance(document.get("public_key"), str):
            return str(document["public_key"])
    return None


def _refuse_other_kinds(text: str) -> None:
    """Reject inputs that people mistake for a PGP key or its name, without decoding anything."""
    bare = text.strip()
    word = text.strip(" \n\"'")
    name = word[8:].strip() if word[:8].lower() == "keybase:" else ""
    if 0 < len(name) <= 64 and name.isascii() and name.replace("_", "").isalnum():
        raise KeybaseName(name=name)
    if _PRIVATE in text and any(
        _PRIVATE in line and line.startswith("-----BEGIN ") and "PGP" not in line for line in text.split("\n")
    ):
        raise OtherSecretKey
    lines = bare.split("\n")
    line = bare if len(lines) == 1 and len(bare) <= _LONGEST_LINE else ""
    digits = "".join(line.replace(":", " ").split()).removeprefix("0x")
    looks = {
        Found.SSH_KEY: bare.startswith(_SSH_KINDS) or _SSH_BLOCK in bare,
        Found.CERTIFICATE: "-----BEGIN CERTIFICATE-----" in bare,
        Found.OTHER_DATA: "\0" in text and "-----BEGIN PGP" not in text,
        Found.LIST: len(lines) > 1
        and "-----BEGIN" not in bare
        and any(row.startswith(("pub ", "sec ")) for row in lines),
        Found.FINGERPRINT: len(digits) in _FINGERPRINT_DIGITS and set(string.hexdigits).issuperset(digits),
        Found.LINK: line.startswith(("https://", "http://", "hkps://", "hkp://")),
        Found.MAIL_ADDRESS: "@" in line and "." in line and " " not in line.strip("<>"),
    }
    for found, fits in looks.items():
        if fits:
            raise NotAPublicKey(found)


def _keys_in(binary: bytes) -> list[bytes]:
    """Return the public keys in binary data, in order, without photographs and local trust packets.

    Packets of unknown types and a line break at the end are left out, too.

    Raises:
        KeyRefused: the data has no public key, anything else, or is incomplete.
    """
    if not binary:
        raise DamagedKey(flaw="There is nothing between its first and its last line.")
    try:
        packets = _packets(binary)
    except MalformedPackets as error:
        _refuse_by_first_packet(binary)
        if error.truncated:
            raise DamagedKey(flaw="It ends too early: the end is missing.") from error
        raise DamagedKey(flaw="It begins well, but then is no longer a PGP key.") from error
    if not packets:
        raise NotAPublicKey(Found.OTHER_DATA)
    if any(packet.tag in SECRET_KEYS and _begins_as(packet.tag, packet.body) for packet in packets):
        raise SecretKeyGiven
    _refuse_unless_key(packets[0].tag, packets[0].body)
    if not all(packet.tag in _KEY_TAGS for packet in packets):
        raise DamagedKey(flaw="It holds something that doesn't belong in a public key.")
    keys: list[list[Packet]] = []
    for packet in packets:
        if packet.tag == Tag.PUBLIC_KEY:
            # A version (RFC 9580, section 5.5.2), a four-byte date, an algorithm, and part of a key.
            if len(packet.body) < 12 or packet.body[0] not in _KEY_VERSIONS:
                raise DamagedKey(flaw="Its first part isn't a key of any known format.")
            keys.append([])
        keys[-1].append(packet)
    _refuse_excess(keys)
    return [b"".join(packet.raw for packet in _without_photographs(key)) for key in keys]


def _refuse_excess(keys: list[list[Packet]]) -> None:
    if len(keys) > KEYS_LIMIT:
        raise KeyTooLarge(parts="keys", count=len(keys), limit=KEYS_LIMIT)
    parts = max(sum(packet.tag in {Tag.PUBLIC_SUBKEY, Tag.USER_ID} for packet in key) for key in keys)
    if parts > PARTS_LIMIT:
        raise KeyTooLarge(parts="subkeys and names", count=parts, limit=PARTS_LIMIT)


def _packets(binary: bytes) -> list[Packet]:
    packets: list[Packet] = []
    try:
        packets.extend(walk(binary))
    except MalformedPackets:
        behind = binary[sum(len(packet.raw) for packet in packets) :]
        if behind.strip(b"\r\n"):  # otherwise an editor's or a shell's line break
            raise
    return [packet for packet in packets if packet.tag not in _IGNORED_TAGS | _UNKNOWN_TAGS]


def _refuse_by_first_packet(binary: bytes) -> None:
    """Reject damaged data by the type of its first packet, unless that begins as a public key."""
    tag, body = tag_in(binary[0]), body_begin(binary)
    if not (binary[0] & 0x80 and _begins_as(tag, body)):
        raise NotAPublicKey(Found.OTHER_DATA)
    _refuse_unless_key(tag, body)


def _refuse_unless_key(tag: int, body: bytes) -> None:
    named = _OTHER_DATA if _begins_as(tag, body) else {}
    if tag in SECRET_KEYS and named:
        raise SecretKeyGiven
    if tag != Tag.PUBLIC_KEY:
        raise NotAPublicKey(named.get(tag, Found.OTHER_DATA))


def _begins_as(tag: int, body: bytes) -> bool:
    """Return whether a packet's body begins as its type has to."""
    return bool(body) and body[0] in _VERSIONS.get(tag, ())


def _without_photographs(packets: list[Packet]) -> Iterator[Packet]:
    """Yield the packets without user attributes (only photographs are defined) and their signatures."""
    skipping = False
    for packet in packets:
        if packet.tag != Tag.SIGNATURE:
            skipping = packet.tag == Tag.USER_ATTRIBUTE
        if not skipping:
            yield packet
