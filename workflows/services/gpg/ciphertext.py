"""The encrypted password as people paste it, and for whom it is: no child process, and no secret yet."""

from __future__ import annotations

from typing import Final

from workflows.services.gpg import pasted
from workflows.services.gpg.decrypt_errors import NotAMessage
from workflows.services.gpg.details import KeyDetails
from workflows.services.gpg.normalise import INPUT_LIMIT
from workflows.services.gpg.packets import MalformedPackets, Tag, split

_ENCRYPTED: Final = frozenset({Tag.ENCRYPTED, Tag.ENCRYPTED_WITHOUT_INTEGRITY, Tag.AEAD_ENCRYPTED})

HIDDEN_RECIPIENT: Final = "0" * 16
"""The key id of a recipient that the sender left out (RFC 9580, section 5.1)."""


def clean_ciphertext(text: bytes | str) -> bytes:
    r"""The binary message in a text as people paste it.

    Accepted: base64 with wraps, quote marks, quotation signs, a shell's trailing `%`, literal `\n`; a block
    of it inside a mail; an armored message; a binary file.

    Raises:
        NotAMessage: there is not exactly one encrypted message in it, or it is damaged.
    """
    if len(text) > INPUT_LIMIT:
        raise NotAMessage(f"It is too large: {len(text):,} characters, where some hundred are usual.")
    binary = _binary_message(text)
    if binary.startswith(b"-----BEGIN PGP MESSAGE"):  # base64 of armored text
        binary = _binary_message(binary)
    try:
        packets = split(binary)
    except MalformedPackets as error:
        if error.truncated:
            raise NotAMessage("Its end is missing.") from error
        raise NotAMessage("It is not OpenPGP data.") from error
    tags = {packet.tag for packet in packets}
    if sum(packet.tag in _ENCRYPTED for packet in packets) > 1:
        raise NotAMessage("There is more than one encrypted message in it; give one at a time.")
    if tags & {Tag.PUBLIC_KEY, Tag.SECRET_KEY}:
        raise NotAMessage("It is a key, not a message.")
    if not tags & _ENCRYPTED:
        raise NotAMessage("Its encrypted part is missing.")
    if not recipients(binary):
        raise NotAMessage("It is not encrypted to any key.")
    return binary


def recipients(ciphertext: bytes) -> tuple[str, ...]:
    """The ids of the keys that can open a message, in their order, without asking gpg.

    Args:
        ciphertext: a binary message.

    Returns:
        Key ids of 16 upper-case hexadecimal digits, usually of subkeys; `HIDDEN_RECIPIENT` for a hidden one.

    Raises:
        NotAMessage: it is not OpenPGP data.
    """
    try:
        packets = split(ciphertext)
    except MalformedPackets as error:
        raise NotAMessage("It is not OpenPGP data, or its end is missing.") from error
    return tuple(
        _recipient(packet.body)
        for packet in packets
        if packet.tag == Tag.PUBLIC_KEY_ENCRYPTED_SESSION_KEY and len(packet.body) > 9
    )


def is_for(ciphertext: bytes, details: KeyDetails) -> bool:
    """Whether the owner of a key can open a message.

    Args:
        ciphertext: a binary message.
        details: the key.

    Returns:
        True also for a message with a hidden recipient: it cannot be ruled out.

    Raises:
        NotAMessage: it is not OpenPGP data.
    """
    own = {part.key_id for part in details.parts}
    return any(key_id in own or key_id == HIDDEN_RECIPIENT for key_id in recipients(ciphertext))


def _recipient(body: bytes) -> str:
    """The key id in a session key packet of version 3 (RFC 9580, section 5.1.1) or 6 (section 5.1.2)."""
    if body[0] != 6:
        return body[1:9].hex().upper()
    fingerprint = body[3 : 2 + body[1]]
    if not fingerprint:
        return HIDDEN_RECIPIENT
    # A key id is the end of a version 4 fingerprint, and the beginning of a later one.
    return (fingerprint[-8:] if body[2] == 4 else fingerprint[:8]).hex().upper()


def _binary_message(data: bytes | str) -> bytes:
    text = pasted.as_text(data)
    if text is None:
        return data if isinstance(data, bytes) else b""
    text = pasted.unescaped(pasted.unquoted(text))
    if not text.strip():
        raise NotAMessage("It is empty.")
    blocks = pasted.armored_blocks(text)
    messages = [block for block in blocks if block.label == "MESSAGE"]
    if blocks and not messages:
        raise NotAMessage("It is another kind of PGP block, not an encrypted message.")
    if len(messages) > 1:
        raise NotAMessage("There is more than one encrypted message in it; give one at a time.")
    if messages and not messages[0].complete:
        raise NotAMessage("Its last line, -----END PGP MESSAGE-----, is missing.")
    try:
        binary = messages[0].decode() if messages else pasted.bare_base64(text)
    except pasted.MalformedBase64 as error:
        raise NotAMessage(f"The text cannot be decoded: {error}.") from error
    if not binary:
        raise NotAMessage("There is no encrypted text in it.")
    return binary
