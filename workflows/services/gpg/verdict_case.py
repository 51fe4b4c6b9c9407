"""A key in front of an AWS provider: the questions that the table of rules asks about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from workflows.services.gpg.details import KeyDetails, KeyPart
from workflows.services.gpg.provider_library import OpenPgpLibrary

UNREAD_CURVES: Final = {"cv25519": "2b060104019755010501", "secp256k1": "2b8104000a"}
"""The object identifiers of curves that Keybase's library does not know, as its error names them."""


@dataclass(frozen=True)
class Case:
    """A key in front of a provider at a moment."""

    key: KeyDetails
    library: OpenPgpLibrary
    now: datetime

    @property
    def part(self) -> KeyPart | None:
        """What gpg would encrypt to."""
        return self.key.encryption_part(self.now)

    @property
    def usable(self) -> list[KeyPart]:
        """The parts that can be encrypted to now, whatever their algorithm."""
        return [part for part in self.key.encryption_parts if part.is_usable(self.now)]

    @property
    def keybase(self) -> bool:
        """Whether the provider has Keybase's library."""
        return self.library is OpenPgpLibrary.KEYBASE

    @property
    def protonmail(self) -> bool:
        """Whether the provider has ProtonMail's library."""
        return self.library is OpenPgpLibrary.PROTONMAIL

    @property
    def unknown(self) -> bool:
        """Whether nothing is known of the provider's version."""
        return self.library is OpenPgpLibrary.UNKNOWN

    @property
    def has_newer_format(self) -> bool:
        """Whether a part is not of version 4 (only those have fingerprints of 40 digits)."""
        return any(len(part.fingerprint) != 40 for part in self.key.parts)

    @property
    def has_curve(self) -> bool:
        """Whether any part is on an elliptic curve."""
        return any(part.curve for part in self.key.parts)

    @property
    def unread_curve(self) -> str:
        """A curve in the key that makes Keybase's library give up the whole key, or ""."""
        return next((part.curve for part in self.key.parts if part.curve in UNREAD_CURVES), "")

    @property
    def keybase_overlooks_expiry(self) -> bool:
        """Whether only the primary key has expired: Keybase's library looks at the subkeys alone."""
        return self.key.primary.is_expired(self.now) and any(
            not (part.revoked or part.invalid or part.curve)
            and (part.own_expires is None or part.own_expires > self.now)
            for part in self.key.encryption_parts
            if part is not self.key.primary
        )

    @property
    def keybase_finds_only_curves(self) -> bool:
        """Whether only curves could be encrypted to; Keybase's library knows RSA and ElGamal."""
        parts = self.usable or self.key.encryption_parts
        return bool(parts) and all(part.curve for part in parts)

    def lacks_because(self, flaw: Callable[[KeyPart], bool]) -> bool:
        """Whether nothing can be encrypted to, and a part that could have been has this flaw."""
        return not self.usable and any(flaw(part) for part in self.key.encryption_parts)
