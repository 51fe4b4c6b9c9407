"""The OpenPGP library inside a version of the AWS provider, and the keys that the library can read.

It was changed from Keybase's fork of Go's openpgp to ProtonMail's in 4.2.0 (hashicorp/terraform-provider-aws,
pull request 23185) and, for the last release of the 3.x line, in 3.76.0 (pull request 27275).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import Final

from workflows.core.openpgp import (
    CRITICAL,
    KEYS,
    Packet,
    Signature,
    Tag,
    fingerprint_of,
    signature_in,
    subpackets,
)
from workflows.core.versions import VersionNumber, allows


class OpenPgpLibrary(enum.Enum):
    """The OpenPGP library inside a version of the AWS provider."""

    KEYBASE = "before 3.76.0, and from 4.0.0 to 4.1.0"
    PROTONMAIL = "3.76.x, and from 4.2.0"
    UNKNOWN = "the provider version is unknown"


# The first version of each range of versions with the same library.
_FIRST: Final = ("0.0.0", "3.76.0", "4.0.0", "4.2.0")

UNREAD_CURVES: Final = {"cv25519": "2b060104019755010501", "secp256k1": "2b8104000a"}
"""Object identifiers of the curves that Keybase's library does not know, by gpg's names."""

_CURVES: Final = tuple(
    bytes([len(identifier) // 2]) + bytes.fromhex(identifier) for identifier in UNREAD_CURVES.values()
)
# What Keybase's library knows, by number: RFC 9580, sections 9.1, 9.5 and 5.2.3.7.
_KEY_ALGORITHMS: Final = frozenset({1, 2, 3, 16, 17, 18, 19, 22})
_SIGNATURE_ALGORITHMS: Final = frozenset({1, 2, 3, 17, 19, 22})
_HASHES: Final = frozenset({1, 2, 3, 8, 9, 10, 11})
_SUBPACKETS: Final = frozenset({2, 3, 9, 11, 16, 21, 22, 24, 25, 26, 27, 29, 30, 32})

_EDDSA: Final = 22
# The self-signatures that count: on a user id, on a subkey (RFC 9580, section 5.2.1).
_OWN: Final = frozenset({0x10, 0x13, 0x18})
_SIGNED: Final = frozenset({Tag.USER_ID, Tag.USER_ATTRIBUTE, Tag.PUBLIC_SUBKEY})


def library_of(provider_version: str | None) -> OpenPgpLibrary:
    """Return the OpenPGP library of an AWS provider version, or of all versions that a constraint allows.

    Args:
        provider_version: a version from a lock file ("4.67.0", "5.0.0-beta1"), or a constraint from a layer
            ("~> 3.27, < 3.38"). A constraint that allows versions with either library, None, and
            anything else are `UNKNOWN`.
    """
    text = (provider_version or "").strip()
    if re.fullmatch(r"v?[0-9]+(\.[0-9]+){1,2}(-[0-9A-Za-z.-]+)?", text):
        return _library(VersionNumber.parse(text.lstrip("v")))
    try:
        allowed = {_library(version) for version in _candidates(text) if allows(text, version)}
    except ValueError:
        return OpenPgpLibrary.UNKNOWN
    return allowed.pop() if text and len(allowed) == 1 else OpenPgpLibrary.UNKNOWN


def check_version(text: str) -> bool:
    """Return whether a person's input is a provider version or a constraint."""
    try:
        allows(text, VersionNumber.parse("0.0.0"))
    except ValueError:
        return False
    return bool(text.strip())


def _library(version: VersionNumber) -> OpenPgpLibrary:
    numbers = version.numbers
    if numbers >= (4, 2) or (3, 76) <= numbers < (4,):
        return OpenPgpLibrary.PROTONMAIL
    return OpenPgpLibrary.KEYBASE


def _candidates(constraint: str) -> list[VersionNumber]:
    """Return at least one version from every range that the constraint reaches into.

    A range begins with its first version, with a version in the constraint, or right after that one.
    """
    named = re.findall(r"[0-9]+(?:\.[0-9]+){0,2}", constraint)
    versions = [VersionNumber.parse(text) for text in (*_FIRST, *named)]
    after = [VersionNumber((*version.numbers[:2], version.numbers[2] + 1)) for version in versions]
    return [*versions, *after]


def keybase_reads(packets: Iterable[Packet]) -> bool:
    """Return whether Keybase's library can read every packet of a public key, even those it does not need.

    GnuPG skips a signature or a part that it does not understand; this library gives up on the whole key.
    Each case was determined by an apply with provider 3.39.0; `tests/e2e/test_provider_verdicts.py` repeats
    some of them. The library also gives up at a curve of `UNREAD_CURVES`, but that has a separate verdict, so
    such a curve and the packets after it do not count here.

    Args:
        packets: the packets of one public key, in order.
    """
    for packet in packets:
        if packet.tag in KEYS:
            if packet.body[6:].startswith(_CURVES):
                return True
            if packet.body[:1] == b"\x04" and len(packet.body) > 5 and packet.body[5] not in _KEY_ALGORITHMS:
                return False
        elif packet.tag == Tag.SIGNATURE and not _keybase_reads_signature(packet):
            return False
    return True


def _keybase_reads_signature(packet: Packet) -> bool:
    signature = signature_in(packet)
    if signature is None:
        return len(packet.body) < 6 or packet.body[0] in {2, 3}
    if signature.algorithm not in _SIGNATURE_ALGORITHMS or signature.hash_algorithm not in _HASHES:
        return False
    return not any(
        kind & CRITICAL and kind & ~CRITICAL not in _SUBPACKETS
        for area in (signature.hashed, signature.unhashed)
        for kind, _ in subpackets(area)
    )


def keybase_verifies(signature: Signature) -> bool:
    """Return whether Keybase's library can verify a valid signature.

    The halves of an EdDSA signature, R and S, have 32 bytes each. OpenPGP writes them as numbers without
    leading zeros (RFC 9580, section 3.2), and this library concatenates them unpadded. If one begins with a
    zero byte, as in one signature of 128, the result has less than 64 bytes and verification fails. Then the
    library drops a user id or subkey without another signature ("entity without any identities", "has no
    encryption keys"), overlooks the revocation of a subkey, and gives up on a revoked key. Other people's
    signatures do not matter, nor do short numbers in RSA.

    All AWS providers with this library have the same version: keybase/go-crypto 93f5b35093ba of October 2016,
    function `edDSAkey.Verify` in openpgp/packet/public_key.go (checked in the programs 2.70.0 and 3.39.0, and
    in the code that pull request 27275 replaced). Later versions pad the halves, and so does ProtonMail's
    library (openpgp/internal/ecc/ed25519.go). Tried with provider 3.39.0, also with keys that GnuPG 2.4
    signed repeatedly until a half was short; `tests/e2e/test_provider_verdicts.py` repeats user ids and
    subkeys.
    """
    return signature.algorithm != _EDDSA or all(bits > 31 * 8 for bits in signature.bit_lengths)


def keybase_drops(packets: Iterable[Packet]) -> tuple[tuple[int, bool], ...]:
    """Find the user ids and subkeys that Keybase's library drops, as it can verify none of their signatures.

    Args:
        packets: the packets of one public key, in order.

    Returns:
        The tag of each user id, picture and subkey, and whether it is dropped.
    """
    key_id = b""
    found: list[tuple[int, list[bool]]] = []
    for packet in packets:
        if packet.tag == Tag.PUBLIC_KEY:
            key_id = bytes.fromhex(fingerprint_of(packet) or "")[-8:]
        elif packet.tag in _SIGNED:
            found.append((packet.tag, []))
        elif (
            found
            and (signature := signature_in(packet))
            and signature.kind in _OWN
            and signature.issuer in {key_id, b""}
        ):
            found[-1][1].append(keybase_verifies(signature))
    return tuple((tag, bool(verified) and not any(verified)) for tag, verified in found)
