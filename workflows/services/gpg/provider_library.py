"""Which OpenPGP library a version of the AWS provider has inside, and which keys that library reads.

It was changed from Keybase's fork of Go's openpgp to ProtonMail's in 4.2.0 (hashicorp/terraform-provider-aws,
pull request 23185) and, for the last release of the 3.x line, in 3.76.0 (pull request 27275).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import Final

from workflows.core.openpgp import CRITICAL, KEYS, Packet, Tag, subpackets
from workflows.core.versions import VersionNumber, allows


class OpenPgpLibrary(enum.Enum):
    """The OpenPGP library inside a version of the AWS provider."""

    KEYBASE = "before 3.76.0, and from 4.0.0 to 4.1.0"
    PROTONMAIL = "3.76.x, and from 4.2.0"
    UNKNOWN = "no provider version is known"


# The first version of each stretch of versions with one library.
_FIRST: Final = ("0.0.0", "3.76.0", "4.0.0", "4.2.0")

UNREAD_CURVES: Final = {"cv25519": "2b060104019755010501", "secp256k1": "2b8104000a"}
"""The object identifiers of the curves that Keybase's library does not know, by gpg's names for them."""

_CURVES: Final = tuple(bytes([len(one) // 2]) + bytes.fromhex(one) for one in UNREAD_CURVES.values())
# What Keybase's library knows, by number: RFC 9580, sections 9.1, 9.5 and 5.2.3.7.
_KEY_ALGORITHMS: Final = frozenset({1, 2, 3, 16, 17, 18, 19, 22})
_SIGNATURE_ALGORITHMS: Final = frozenset({1, 2, 3, 17, 19, 22})
_HASHES: Final = frozenset({1, 2, 3, 8, 9, 10, 11})
_SUBPACKETS: Final = frozenset({2, 3, 9, 11, 16, 21, 22, 24, 25, 26, 27, 29, 30, 32})


def library_of(provider_version: str | None) -> OpenPgpLibrary:
    """The OpenPGP library of an AWS provider version, or of all versions that a constraint allows.

    Args:
        provider_version: a version as lock files have it ("4.67.0", "5.0.0-beta1"), or a constraint as layers
            have it ("~> 3.27, < 3.38"). A constraint that allows versions with either library, None, and
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
    """Whether a person's text is a provider version or a constraint at all."""
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
    """Versions of which one is in every stretch that the constraint reaches into.

    A stretch begins with its first version, or with one that the constraint names, or right after that one.
    """
    named = re.findall(r"[0-9]+(?:\.[0-9]+){0,2}", constraint)
    versions = [VersionNumber.parse(text) for text in (*_FIRST, *named)]
    after = [VersionNumber((*version.numbers[:2], version.numbers[2] + 1)) for version in versions]
    return [*versions, *after]


def keybase_reads(packets: Iterable[Packet]) -> bool:
    """Whether Keybase's library can read every packet of a public key, also those that it does not need.

    GnuPG passes over a signature or a part that it does not understand; this library gives up the whole key.
    What it knows was found with one apply of provider 3.39.0 and a key for each case;
    `tests/e2e/test_provider_verdicts.py` compares some of them. It gives up at a curve of `UNREAD_CURVES`,
    too: that has a verdict of its own, so such a curve and the packets after it do not count here.

    Args:
        packets: those of one public key, in their order.
    """
    for packet in packets:
        if packet.tag in KEYS:
            if packet.body[6:].startswith(_CURVES):
                return True
            if packet.body[:1] == b"\x04" and len(packet.body) > 5 and packet.body[5] not in _KEY_ALGORITHMS:
                return False
        elif packet.tag == Tag.SIGNATURE and not _keybase_reads_signature(packet.body):
            return False
    return True


def _keybase_reads_signature(body: bytes) -> bool:
    if len(body) < 6 or body[0] in {2, 3}:
        return True
    if body[0] != 4 or body[2] not in _SIGNATURE_ALGORITHMS or body[3] not in _HASHES:
        return False
    hashed_end = 6 + int.from_bytes(body[4:6])
    unhashed_end = hashed_end + 2 + int.from_bytes(body[hashed_end : hashed_end + 2])
    return not any(
        kind & CRITICAL and kind & ~CRITICAL not in _SUBPACKETS
        for area in (body[6:hashed_end], body[hashed_end + 2 : unhashed_end])
        for kind, _ in subpackets(area)
    )
