"""Which OpenPGP library a version of the AWS provider has inside: that decides which keys it takes.

It was changed from Keybase's fork of Go's openpgp to ProtonMail's in 4.2.0 (hashicorp/terraform-provider-aws,
pull request 23185) and, for the last release of the 3.x line, in 3.76.0 (pull request 27275).
"""

from __future__ import annotations

import enum


class OpenPgpLibrary(enum.Enum):
    """The OpenPGP library inside a version of the AWS provider."""

    KEYBASE = "before 3.76.0, and from 4.0.0 to 4.1.0"
    PROTONMAIL = "3.76.x, and from 4.2.0"
    UNKNOWN = "no provider version is known"


def library_of(provider_version: str | None) -> OpenPgpLibrary:
    """The OpenPGP library of an AWS provider version.

    Args:
        provider_version: three numbers with dots, possibly with a suffix ("5.0.0-beta1"); None, or anything
            that does not begin so, is `UNKNOWN`.
    """
    numbers = (provider_version or "").strip().lstrip("v").partition("-")[0].split(".")
    if len(numbers) < 2 or not all(number.isascii() and number.isdigit() for number in numbers):
        return OpenPgpLibrary.UNKNOWN
    version = tuple(int(number) for number in numbers)
    if version >= (4, 2) or (3, 76) <= version < (4,):
        return OpenPgpLibrary.PROTONMAIL
    return OpenPgpLibrary.KEYBASE
