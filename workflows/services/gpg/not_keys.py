"""What people send in place of a PGP key, by its look: an SSH key, a fingerprint, a link, a picture.

Nothing is decoded here. A name for what was sent helps its sender more than "no key".
"""

from __future__ import annotations

import string
from typing import Final

_SSH_KINDS: Final = ("ssh-rsa ", "ssh-ed25519 ", "ssh-dss ", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")
_SSH_BLOCK: Final = "---- BEGIN SSH2 PUBLIC KEY ----"
_PRIVATE: Final = "PRIVATE KEY-----"
_FINGERPRINT_DIGITS: Final = frozenset({8, 16, 32, 40, 64})  # short and long ids, and versions 3, 4 and 5
_LONGEST_LINE: Final = 300


def is_other_secret(text: str) -> bool:
    """Whether a text holds the private half of a key of another kind: OpenSSH's, or PEM (RFC 7468)."""
    return _PRIVATE in text and any(
        _PRIVATE in line and line.startswith("-----BEGIN ") and "PGP" not in line for line in text.split("\n")
    )


def other_kind(text: str) -> str:
    """What a text is instead of a key, as a noun; "" if it does not look like any of these.

    Args:
        text: a text that went through `pasted.unquoted`.
    """
    bare = text.strip()
    if bare.startswith(_SSH_KINDS) or _SSH_BLOCK in bare:
        return "an SSH key, which is of another kind: nothing can be encrypted to it here"
    if "-----BEGIN CERTIFICATE-----" in bare:
        return "a certificate, as of TLS or S/MIME, which is of another kind"
    if "\0" in text and "-----BEGIN PGP" not in text:
        return "a file of another kind, neither text nor PGP data"
    if "\n" in bare:
        lines = bare.split("\n")
        listed = any(line.startswith(("pub ", "sec ")) for line in lines) and "-----BEGIN" not in bare
        return "gpg's list of keys, without the keys themselves" if listed else ""
    return _kind_of_line(bare) if len(bare) <= _LONGEST_LINE else ""


def _kind_of_line(line: str) -> str:
    digits = "".join(line.replace(":", " ").split()).removeprefix("0x")
    if len(digits) in _FINGERPRINT_DIGITS and set(string.hexdigits).issuperset(digits):
        return "the fingerprint of a key, which only names it"
    if line.startswith(("https://", "http://", "hkps://", "hkp://")):
        return "a link. Nothing is fetched here: open it in a browser, and give what is there"
    if "@" in line and "." in line and " " not in line.strip("<>"):
        return "a mail address"
    return ""
