"""Any form in, one form out: what people hand over becomes the one public key, as `keys/NAME` wants it.

People send base64, armored text, base64 of armored text, files, whole mails, a request of this program, a
Keybase name, and sometimes their secret key. The AWS provider takes only base64 of one binary public key, and
finds out late: after it has created the user. So everything is turned into that form here, or refused with
the reason. No child process is run; `inspect` asks GnuPG what is in the key.
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
    key_material,
    split,
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
"""Subkeys and names of one key, together; gpg's work for them grows with their square."""

KEYS_LIMIT: Final = 3_000
"""Keys of a keyring; each is a run of gpg."""

MARKS_LIMIT: Final = 500_000
"""Line breaks, marks of HTML and the like in a text; a whole keyring as a mail in HTML has 300 thousand."""

_MARKS: Final = ("\n", "\r", "\\n", "<", "&")  # each of them is a piece that is looked at alone
_MOST_FENCES: Final = 100  # of a text that may be a request
_SHORTEST = 100  # a text with fewer characters is a word or two, and not the base64 of a key
_NESTING_LIMIT = 3  # a request that holds base64 of armored text
_KEY_TAGS: Final = KEYS | {Tag.USER_ID, Tag.USER_ATTRIBUTE, Tag.SIGNATURE}
_IGNORED_TAGS: Final = frozenset({Tag.MARKER, Tag.TRUST, Tag.PADDING})
_KEY_VERSIONS: Final = frozenset({2, 3, 4, 5, 6})
_UNKNOWN_TAGS: Final = frozenset({15, 16, *range(22, 64)})  # no OpenPGP before RFC 9580 had a packet of these
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
_SSH_KINDS: Final = ("ssh-rsa ", "ssh-ed25519 ", "ssh-dss ", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")
_SSH_BLOCK: Final = "---- BEGIN SSH2 PUBLIC KEY ----"
_PRIVATE: Final = "PRIVATE KEY-----"
_FINGERPRINT_DIGITS: Final = frozenset({8, 16, 32, 40, 64})  # short and long ids, and versions 3, 4 and 5
_LONGEST_LINE: Final = 300


@dataclass(frozen=True)
class PublicKeyText:
    """One OpenPGP public key.

    Attributes:
        binary: its packets. Photographs and local trust marks are left out; `inspect.check_key` also drops
            the signatures of other people.
    """

    binary: bytes

    @property
    def text(self) -> str:
        """The file `keys/NAME`: base64 in lines of 76 characters, as coreutils' `base64` has it."""
        return base64.encodebytes(self.binary).decode("ascii")

    @property
    def key_material(self) -> frozenset[bytes]:
        """The primary key and the subkeys themselves, without user ids, signatures and dates of expiry."""
        return key_material(split(self.binary))


def normalise(data: bytes | str) -> PublicKeyText:
    """The one public key in whatever a person handed over.

    Accepted: binary; base64 with or without wraps, padding, either alphabet; armored text; base64 of armored
    text; each of them inside a mail, with quote marks, carriage returns, a byte order mark, UTF-16, a shell's
    trailing `%`; a request of this program (a fenced JSON object with a `public_key`).

    Args:
        data: the content of a file, or a pasted text.

    Returns:
        The key, whole by its framing. Whether it is of any use is for `verdict.judge` to say.

    Raises:
        KeyRefused: there is not exactly one public key in it. Its subclass says which case it is:
            `EmptyKey`, `KeyTooLarge`, `SecretKeyGiven`, `NotAPublicKey`, `SeveralKeys`, `DamagedKey`,
            `KeybaseName`.
    """
    if len(data) > pasted.INPUT_LIMIT:
        raise KeyTooLarge(parts="bytes", count=len(data), limit=pasted.INPUT_LIMIT)
    keys = _keys(data)
    if len(keys) > 1:
        raise SeveralKeys(count=len(keys))
    return keys[0]


def public_keys(data: bytes | str) -> tuple[PublicKeyText, ...]:
    """Every public key in whatever a person handed over: a whole keyring, or several blocks in one text.

    Args:
        data: in any form that `normalise` takes.

    Returns:
        At least one key, each of them once, in their order.

    Raises:
        KeyRefused: there is none, or something else is among them (`SecretKeyGiven`).
    """
    if len(data) > KEYRING_LIMIT:
        raise KeyTooLarge(parts="bytes", count=len(data), limit=KEYRING_LIMIT)
    return _keys(data)


def _keys(data: bytes | str) -> tuple[PublicKeyText, ...]:
    found = [key for binary in _binaries(data, depth=0) for key in _keys_in(binary)]
    return tuple(PublicKeyText(key) for key in dict.fromkeys(found))


def _binaries(data: bytes | str, depth: int) -> tuple[bytes, ...]:
    """The binary OpenPGP data in `data`, a piece for each armored block, not yet looked into."""
    text = pasted.as_text(data)
    if text is None:
        assert isinstance(data, bytes)  # noqa: S101 - only bytes can be other than text
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
    # Base64 of armored text is text again; a binary packet never is (its first byte has the high bit set).
    return _binaries(binary, depth + 1) if binary[0] < 0x80 else (binary,)


def _from_blocks(blocks: tuple[pasted.ArmoredBlock, ...]) -> tuple[bytes, ...]:
    """The data of the public keys among armored blocks."""
    if any("PRIVATE KEY" in block.label or "SECRET KEY" in block.label for block in blocks):
        raise SecretKeyGiven
    # `gpg --enarmor`, taken for `gpg --armor --export`, calls whatever it is given an armored file.
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
    """The `public_key` of the first fenced JSON object that has one, or None."""
    if '"public_key"' not in text:
        return None
    for candidate in (*text.split("```", 2 * _MOST_FENCES)[1::2], text):
        start, end = candidate.find("{"), candidate.rfind("}")
        if start < 0 or end < start or '"public_key"' not in candidate:
            continue
        try:
            document = parse_json(candidate[start : end + 1], strict=False)
        except ValueError:
            continue  # Not JSON after all; the armored block or the base64 in the text is looked for instead.
        if isinstance(document, dict) and isinstance(document.get("public_key"), str):
            return str(document["public_key"])
    return None


def _refuse_other_kinds(text: str) -> None:
    """Refuse by name what people take for a PGP key, or for its name; nothing is decoded for it."""
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
    """The public keys in binary data, in their order, without photographs and local trust marks.

    Packets of types that nobody knows are left out, too, and a line break behind the last one.

    Raises:
        KeyRefused: there is none, or anything else is in it, or it is not whole.
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
        raise NotAPublicKey(Found.NO_KEY)
    if any(packet.tag in SECRET_KEYS for packet in packets):
        raise SecretKeyGiven
    _refuse_unless_key(packets[0].tag)
    if not all(packet.tag in _KEY_TAGS for packet in packets):
        raise DamagedKey(flaw="It holds something that doesn't belong in a public key.")
    keys: list[list[Packet]] = []
    for packet in packets:
        if packet.tag == Tag.PUBLIC_KEY:
            # A version (RFC 9580, section 5.5.2), four bytes of date, an algorithm, and some of a key.
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
        if behind.strip(b"\r\n"):  # else it is an editor's or a shell's line break
            raise
    return [packet for packet in packets if packet.tag not in _IGNORED_TAGS | _UNKNOWN_TAGS]


def _refuse_by_first_packet(binary: bytes) -> None:
    """Refuse damaged data by the type that its first byte names, unless that is a public key."""
    first = binary[0]
    if not first & 0x80:
        raise NotAPublicKey(Found.OTHER_DATA)
    _refuse_unless_key(first & 0x3F if first & 0x40 else (first >> 2) & 0x0F)


def _refuse_unless_key(tag: int) -> None:
    if tag in SECRET_KEYS:
        raise SecretKeyGiven
    if tag != Tag.PUBLIC_KEY:
        raise NotAPublicKey(_OTHER_DATA.get(tag, Found.OTHER_DATA))


def _without_photographs(packets: list[Packet]) -> Iterator[Packet]:
    """The packets without user attributes (only photographs are defined) and the signatures on them."""
    skipping = False
    for packet in packets:
        if packet.tag != Tag.SIGNATURE:
            skipping = packet.tag == Tag.USER_ATTRIBUTE
        if not skipping:
            yield packet
