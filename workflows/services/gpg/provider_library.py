"""Which OpenPGP library a version of the AWS provider has inside: that decides which keys it takes.

It was changed from Keybase's fork of Go's openpgp to ProtonMail's in 4.2.0 (hashicorp/terraform-provider-aws,
pull request 23185) and, for the last release of the 3.x line, in 3.76.0 (pull request 27275).
"""

from __future__ import annotations

import enum
import re
from typing import Final

from workflows.services.terraform.version import VersionNumber, allows


class OpenPgpLibrary(enum.Enum):
    """The OpenPGP library inside a version of the AWS provider."""

    KEYBASE = "before 3.76.0, and from 4.0.0 to 4.1.0"
    PROTONMAIL = "3.76.x, and from 4.2.0"
    UNKNOWN = "no provider version is known"


# The first version of each stretch of versions with one library.
_FIRST: Final = ("0.0.0", "3.76.0", "4.0.0", "4.2.0")


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
