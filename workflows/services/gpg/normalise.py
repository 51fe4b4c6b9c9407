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

from workflows.services.gpg import not_keys, pasted
from workflows.services.gpg.key_packets import keys_in
from workflows.services.gpg.packets import Tag, split
from workflows.services.gpg.refusals import (
    DamagedKey,
    EmptyKey,
    KeybaseName,
    KeyRefused,
    KeyTooLarge,
    NotAPublicKey,
    OtherSecretKey,
    SecretKeyGiven,
    SeveralKeys,
)

INPUT_LIMIT: Final = 2_000_000
"""Bytes or characters of one key; what is larger is refused before anything reads it.

A usual key has two kilobytes; one with a photograph and thousands of signatures, all left out, a million.
"""

KEYRING_LIMIT: Final = 10_000_000
"""Bytes or characters of a whole keyring."""

_LINE_WIDTH = 76  # as `base64` of coreutils wraps, which is what the documentation has people run
_SHORTEST = 100  # a text with fewer characters is a word or two, and not the base64 of a key
_NESTING_LIMIT = 3  # a request that holds base64 of armored text


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
    keys = _keys(data)
    if len(keys) > 1:
        raise SeveralKeys(len(keys))
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
        raise KeyTooLarge(len(data), KEYRING_LIMIT)
    return _keys(data)


def _keys(data: bytes | str) -> tuple[PublicKeyText, ...]:
    found = [key for binary in _binaries(data, depth=0) for key in keys_in(binary)]
    return tuple(PublicKeyText(key) for key in dict.fromkeys(found))


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


def holds(existing: bytes | str, new: PublicKeyText) -> bool:
    """Whether a key file holds all that would be written, in whatever wrapping and with whatever more.

    Stricter than `same_key`: a date of expiry that was prolonged is a signature that the file lacks.

    Args:
        existing: the content of `keys/NAME` as it is, base64, armored or binary.
        new: the key that would be written.

    Returns:
        False also for a file that holds no readable key, or several.
    """
    try:
        present = normalise(existing)
    except KeyRefused:
        return False
    there = {(packet.tag, packet.body) for packet in split(present.binary)}
    return present.key_material == new.key_material and all(
        (packet.tag, packet.body) in there for packet in split(new.binary)
    )


def _binaries(data: bytes | str, depth: int) -> tuple[bytes, ...]:
    """The binary OpenPGP data in `data`, a piece for each armored block, not yet looked into."""
    text = pasted.as_text(data)
    if text is None:
        assert isinstance(data, bytes)  # noqa: S101 - only bytes can be other than text
        return (data,)
    text = pasted.unquoted(text)
    if not text.strip():
        raise EmptyKey
    if depth > _NESTING_LIMIT:
        raise NotAPublicKey("text packed into text, again and again")
    _refuse_other_kinds(text)
    requested = _key_of_request(text)
    if requested is not None:
        return _binaries(requested, depth + 1)
    text = pasted.unescaped(text)
    blocks = pasted.armored_blocks(text)
    if blocks:
        return _from_blocks(blocks)
    try:
        binary = pasted.bare_base64(text)
    except pasted.MalformedBase64 as error:
        if len(text) < _SHORTEST:
            raise NotAPublicKey("a text without a key in it") from error
        raise DamagedKey(f"The base64 text cannot be decoded: {error}.") from error
    if not binary:
        raise NotAPublicKey("a text without a key in it")
    # Base64 of armored text is text again; a binary packet never is (its first byte has the high bit set).
    return _binaries(binary, depth + 1) if binary[0] < 0x80 else (binary,)


def _from_blocks(blocks: tuple[pasted.ArmoredBlock, ...]) -> tuple[bytes, ...]:
    """The data of the public keys among armored blocks."""
    if any("PRIVATE KEY" in block.label or "SECRET KEY" in block.label for block in blocks):
        raise SecretKeyGiven
    # `gpg --enarmor`, taken for `gpg --armor --export`, calls whatever it is given an armored file.
    keys = [block for block in blocks if block.label.startswith(("PUBLIC KEY BLOCK", "ARMORED FILE"))]
    if not keys:
        raise NotAPublicKey(_noun_for_label(blocks[0].label))
    if not all(key.complete for key in keys):
        raise DamagedKey("Its last line, -----END PGP PUBLIC KEY BLOCK-----, is missing.")
    try:
        return tuple(key.decode() for key in keys)
    except pasted.MalformedBase64 as error:
        raise DamagedKey(f"The armored block cannot be decoded: {error}.") from error


def _noun_for_label(label: str) -> str:
    if label == "SIGNATURE":
        return "a signature"
    if label == "SIGNED MESSAGE":
        return "a signed message without a key in it"
    return "an encrypted message" if label.startswith("MESSAGE") else "another kind of PGP block"


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


def _refuse_other_kinds(text: str) -> None:
    """Refuse by name what people take for a PGP key, or for its name."""
    _refuse_keybase_name(text)
    if not_keys.is_other_secret(text):
        raise OtherSecretKey
    kind = not_keys.other_kind(text)
    if kind:
        raise NotAPublicKey(kind)


def _refuse_keybase_name(text: str) -> None:
    word = text.strip(" \n\"'")
    if word[:8].lower() != "keybase:":
        return
    name = word[8:].strip()
    if name and len(name) <= 64 and name.isascii() and name.replace("_", "").isalnum():
        raise KeybaseName(name)
