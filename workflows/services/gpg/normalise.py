"""Any form in, one form out: what people hand over becomes the one public key, as `keys/NAME` wants it.

People send base64, armored text, base64 of armored text, files, whole mails, a request of this program, a
Keybase name, and sometimes their secret key. The AWS provider takes only base64 of one binary public key, and
finds out late: after it has created the user. So everything is turned into that form here, or refused with
the reason. No child process is run; `inspect` asks GnuPG what is in the key.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Final

from workflows.services.gpg import pasted
from workflows.services.gpg.packets import MalformedPackets, Packet, Tag, split
from workflows.services.gpg.refusals import (
    DamagedKey,
    EmptyKey,
    KeybaseName,
    KeyRefused,
    KeyTooLarge,
    NotAPublicKey,
    SecretKeyGiven,
    SeveralKeys,
)

INPUT_LIMIT: Final = 1_000_000
"""Bytes or characters; what is larger is refused before anything reads it."""

_LINE_WIDTH = 76  # as `base64` of coreutils wraps, which is what the documentation has people run
_NESTING_LIMIT = 3  # a request that holds base64 of armored text
_KEY_TAGS = frozenset({Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY, Tag.USER_ID, Tag.USER_ATTRIBUTE, Tag.SIGNATURE})
_IGNORED_TAGS = frozenset({Tag.MARKER, Tag.TRUST, Tag.PADDING})
_SECRET_TAGS = frozenset({Tag.SECRET_KEY, Tag.SECRET_SUBKEY})
_KEY_VERSIONS = frozenset({3, 4, 5, 6})
_MESSAGE_TAGS = frozenset(
    {
        Tag.PUBLIC_KEY_ENCRYPTED_SESSION_KEY,
        Tag.PASSPHRASE_ENCRYPTED_SESSION_KEY,
        Tag.ENCRYPTED_WITHOUT_INTEGRITY,
        Tag.ENCRYPTED,
        Tag.AEAD_ENCRYPTED,
    }
)


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
        """The file `keys/NAME`: base64 in lines of 76 characters, the last one ended by a newline."""
        encoded = base64.b64encode(self.binary).decode("ascii")
        lines = (encoded[start : start + _LINE_WIDTH] for start in range(0, len(encoded), _LINE_WIDTH))
        return "".join(f"{line}\n" for line in lines)

    @property
    def key_material(self) -> frozenset[bytes]:
        """The primary key and the subkeys themselves, without user ids, signatures and dates of expiry."""
        return frozenset(
            packet.body for packet in split(self.binary) if packet.tag in {Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY}
        )


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
        KeyRefused: there is not exactly one public key in it. Its subclass tells which case it is:
            `EmptyKey`, `KeyTooLarge`, `SecretKeyGiven`, `NotAPublicKey`, `SeveralKeys`, `DamagedKey`,
            `KeybaseName`.
    """
    if len(data) > INPUT_LIMIT:
        raise KeyTooLarge(len(data), INPUT_LIMIT)
    return PublicKeyText(_key_from_packets(_binary_key(data, depth=0)))


def same_key(existing: bytes | str, new: PublicKeyText) -> bool:
    """Whether a key file already holds this key, so that it must not be written again.

    A changed `pgp_key` makes Terraform replace the login profile and reset the password, so a file is left
    alone when its primary key and subkeys are the same, however it is wrapped. A date of expiry that was
    prolonged is *not* told apart here: the key material is the same. Compare the `KeyDetails` for that.

    Args:
        existing: the content of `keys/NAME` as it is.
        new: the key that would be written.

    Returns:
        False also for a file that holds no readable key.
    """
    try:
        present = normalise(existing)
    except KeyRefused:
        return False
    return present.key_material == new.key_material


def _binary_key(data: bytes | str, depth: int) -> bytes:
    """The binary OpenPGP data in `data`, not yet looked into."""
    text = pasted.as_text(data)
    if text is None:
        assert isinstance(data, bytes)  # noqa: S101 - only bytes can be other than text
        return data
    text = pasted.unquoted(text)
    if not text.strip():
        raise EmptyKey
    if depth > _NESTING_LIMIT:
        raise NotAPublicKey("text packed into text, again and again")
    _refuse_keybase_name(text)
    requested = _key_of_request(text)
    if requested is not None:
        return _binary_key(requested, depth + 1)
    text = pasted.unescaped(text)
    blocks = pasted.armored_blocks(text)
    if blocks:
        return _from_blocks(blocks)
    try:
        binary = pasted.bare_base64(text)
    except pasted.MalformedBase64 as error:
        raise DamagedKey(f"The base64 text cannot be decoded: {error}.") from error
    if not binary:
        raise NotAPublicKey("a text without a key in it")
    # Base64 of armored text is text again; a binary packet never is (its first byte has the high bit set).
    return _binary_key(binary, depth + 1) if binary[0] < 0x80 else binary


def _from_blocks(blocks: tuple[pasted.ArmoredBlock, ...]) -> bytes:
    """The data of the one public key among armored blocks."""
    if any("PRIVATE KEY" in block.label or "SECRET KEY" in block.label for block in blocks):
        raise SecretKeyGiven
    keys = [block for block in blocks if block.label.startswith("PUBLIC KEY BLOCK")]
    if not keys:
        raise NotAPublicKey(_noun_for_label(blocks[0].label))
    if not all(key.complete for key in keys):
        raise DamagedKey("Its last line, -----END PGP PUBLIC KEY BLOCK-----, is missing.")
    try:
        decoded = {key.decode() for key in keys}
    except pasted.MalformedBase64 as error:
        raise DamagedKey(f"The armored block cannot be decoded: {error}.") from error
    if len(decoded) > 1:
        raise SeveralKeys(len(decoded))
    return decoded.pop()


def _noun_for_label(label: str) -> str:
    if label == "SIGNATURE":
        return "a signature"
    if label == "SIGNED MESSAGE":
        return "a signed message without a key in it"
    return "an encrypted message" if label.startswith("MESSAGE") else "another kind of PGP block"


def _key_from_packets(binary: bytes) -> bytes:
    """The packets that make up the key, after making sure that it is exactly one public key, and whole."""
    if not binary:
        raise DamagedKey("There is nothing between its first and its last line.")
    try:
        packets = [packet for packet in split(binary) if packet.tag not in _IGNORED_TAGS]
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
    primary = packets[0].body
    # A version (RFC 9580, section 5.5.2), four bytes of date, an algorithm, and at least some of a key.
    if len(primary) < 12 or primary[0] not in _KEY_VERSIONS:
        raise DamagedKey("Its first part is not a key of any known format.")
    count = sum(packet.tag == Tag.PUBLIC_KEY for packet in packets)
    if count > 1:
        raise SeveralKeys(count)
    if not all(packet.tag in _KEY_TAGS for packet in packets):
        raise DamagedKey("There is something in it that does not belong into a public key.")
    return b"".join(packet.raw for packet in _without_photographs(packets))


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


def _key_of_request(text: str) -> str | None:
    """The `public_key` of the first fenced JSON object that has one, or None."""
    if '"public_key"' not in text:
        return None
    for candidate in (*text.split("```")[1::2], text):
        start, end = candidate.find("{"), candidate.rfind("}")
        if start < 0 or end < start or '"public_key"' not in candidate:
            continue
        try:
            document = json.loads(candidate[start : end + 1], strict=False)
        except (ValueError, RecursionError):
            continue  # Not JSON after all; the armored block or the base64 in the text is looked for instead.
        if isinstance(document, dict) and isinstance(document.get("public_key"), str):
            return str(document["public_key"])
    return None


def _refuse_keybase_name(text: str) -> None:
    word = text.strip(" \n\"'")
    if word[:8].lower() != "keybase:":
        return
    name = word[8:].strip()
    if name and len(name) <= 64 and name.isascii() and name.replace("_", "").isalnum():
        raise KeybaseName(name)
