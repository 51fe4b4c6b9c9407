"""What the AWS provider will make of a key, said before the key is written.

A bad key passes `terraform plan` and fails in `apply`, after the IAM user was created. One table of rules,
keyed by the OpenPGP library of the layer's locked provider version, gives the verdict.

Sources: each row for the older library was applied with provider 3.39.0. cv25519 keys are in use in layers
that lock 4.67.0. Nothing else was tried with the newer library, hence "not verified".
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workflows.services.gpg.advice import Remedy, sentence_for_owner
from workflows.services.gpg.details import KeyDetails, KeyPart
from workflows.services.gpg.provider_library import OpenPgpLibrary, library_of

EXPIRES_SOON: Final = timedelta(days=30)
"""A key that expires sooner than this is warned about."""

RECOMMENDED_RSA_BITS: Final = 3072
"""A shorter RSA key is warned about (NIST SP 800-57: 3072 bits for use after 2030)."""


class VerdictKind(enum.Enum):
    """How a verdict ends."""

    WORKS = "works"
    UNVERIFIED = "reported to work, or not verified for this provider version"
    REFUSED_BY_PROVIDER = "the provider fails on it"
    REFUSED_BY_US = "the provider takes it, and it must not be used"


@dataclass(frozen=True)
class Verdict:
    """What is to be said about a key.

    Attributes:
        kind: how it ends.
        headline: a few words.
        explanation: why, in a sentence or two.
        provider_error: the error that `apply` would end with after creating the user, or "".
        sentence_for_owner: a text to send to the key's owner with what to do, or "".
        warnings: what a person should know although the key may be used, a sentence each.
    """

    kind: VerdictKind
    headline: str
    explanation: str
    provider_error: str
    sentence_for_owner: str
    warnings: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether the key may be written into a layer."""
        return self.kind in {VerdictKind.WORKS, VerdictKind.UNVERIFIED}


@dataclass(frozen=True)
class _Case:
    """A key in front of a provider at a moment."""

    key: KeyDetails
    library: OpenPgpLibrary
    now: datetime

    @property
    def part(self) -> KeyPart | None:
        return self.key.encryption_part(self.now)

    @property
    def usable(self) -> list[KeyPart]:
        return [part for part in self.key.encryption_parts if part.is_usable(self.now)]

    @property
    def keybase(self) -> bool:
        return self.library is OpenPgpLibrary.KEYBASE

    @property
    def has_curve(self) -> bool:
        return any(part.curve for part in self.key.parts)

    @property
    def only_curves(self) -> bool:
        parts = self.key.encryption_parts
        return bool(parts) and all(part.curve for part in parts)

    def lacks_because(self, flaw: Callable[[KeyPart], bool]) -> bool:
        """Whether nothing can be encrypted to, and a part that could have been has this flaw."""
        return not self.usable and any(flaw(part) for part in self.key.encryption_parts)


@dataclass(frozen=True)
class _Rule:
    """One row of the table."""

    applies: Callable[[_Case], bool]
    kind: VerdictKind
    headline: str
    explanation: str
    error: Callable[[_Case], str] = lambda _: ""
    reason: str = ""
    remedy: Remedy = Remedy.NONE


def judge(details: KeyDetails, provider_version: str | None, now: datetime) -> Verdict:
    """Say what the provider will make of a key.

    Args:
        details: the key, from `inspect.check_key` or `inspect.inspect_key`.
        provider_version: the AWS provider's version as the layer's lock file has it ("4.67.0"), or None.
        now: the moment to judge for, timezone aware.

    Returns:
        The verdict of the first row of the table that applies, with all warnings.
    """
    case = _Case(details, library_of(provider_version), now)
    rule = next(rule for rule in _RULES if rule.applies(case))
    return Verdict(
        kind=rule.kind,
        headline=rule.headline,
        explanation=rule.explanation,
        provider_error=rule.error(case),
        sentence_for_owner=sentence_for_owner(details, rule.reason, rule.remedy),
        warnings=_warnings(case),
    )


def _oid_error(_: _Case) -> str:
    return "error parsing given PGP key: openpgp: unsupported feature: unsupported oid: 2b060104019755010501"


def _identity_error(_: _Case) -> str:
    return "error parsing given PGP key: openpgp: invalid data: entity without any identities"


def _no_encryption_error(case: _Case) -> str:
    valid = "valid " if case.library is OpenPgpLibrary.PROTONMAIL else ""
    key_id = case.key.primary.key_id.lstrip("0").lower()  # as Go's strconv.FormatUint writes it
    return (
        "error setting up encryption for PGP message: openpgp: invalid argument: "
        f"cannot encrypt a message to key id {key_id} because it has no {valid}encryption keys"
    )


_RULES: Final[tuple[_Rule, ...]] = (
    _Rule(
        lambda case: case.key.primary.revoked,
        VerdictKind.REFUSED_BY_US,
        "Revoked",
        "Its owner revoked this key. The provider does not notice and would encrypt to it.",
        reason="it is revoked",
        remedy=Remedy.NEW_KEY,
    ),
    _Rule(
        lambda case: len(case.key.fingerprint) != 40,
        VerdictKind.REFUSED_BY_US,
        "A newer key format",
        "It is not a version 4 key. No provider version is known to read another one.",
        reason="it is in a newer format that the AWS provider does not read",
        remedy=Remedy.NEW_KEY,
    ),
    _Rule(
        lambda case: not case.key.user_ids,
        VerdictKind.REFUSED_BY_PROVIDER,
        "No user id",
        "The key has no user id, and the provider demands one.",
        error=_identity_error,
        reason="it has no user id",
        remedy=Remedy.NEW_KEY,
    ),
    _Rule(
        lambda case: case.keybase and any(part.curve == "cv25519" for part in case.key.parts),
        VerdictKind.REFUSED_BY_PROVIDER,
        "Elliptic curve",
        "The locked AWS provider cannot read keys with the curve cv25519, which GnuPG makes by default.",
        error=_oid_error,
        reason="it uses an elliptic curve that our AWS provider cannot read",
        remedy=Remedy.NEW_KEY,
    ),
    _Rule(
        lambda case: case.keybase and case.only_curves,
        VerdictKind.REFUSED_BY_PROVIDER,
        "Elliptic curve",
        "The locked AWS provider cannot encrypt to keys with an elliptic curve.",
        error=_no_encryption_error,
        reason="it uses an elliptic curve that our AWS provider cannot encrypt to",
        remedy=Remedy.NEW_KEY,
    ),
    _Rule(
        lambda case: (
            case.key.primary.is_expired(case.now)
            or case.lacks_because(lambda part: part.is_expired(case.now))
        ),
        VerdictKind.REFUSED_BY_PROVIDER,
        "Expired",
        "The key, or the part of it that is encrypted to, has expired.",
        error=_no_encryption_error,
        reason="it has expired",
        remedy=Remedy.PROLONG,
    ),
    _Rule(
        lambda case: case.lacks_because(lambda part: part.revoked),
        VerdictKind.REFUSED_BY_PROVIDER,
        "Encryption subkey revoked",
        "The only part of it that could be encrypted to is revoked.",
        error=_no_encryption_error,
        reason="its encryption subkey is revoked",
        remedy=Remedy.ADD_SUBKEY,
    ),
    _Rule(
        lambda case: not case.usable,
        VerdictKind.REFUSED_BY_PROVIDER,
        "No encryption subkey",
        "The key can sign, but nothing can be encrypted to it.",
        error=_no_encryption_error,
        reason="it has no encryption subkey",
        remedy=Remedy.ADD_SUBKEY,
    ),
    _Rule(
        lambda case: case.library is OpenPgpLibrary.UNKNOWN and case.has_curve,
        VerdictKind.UNVERIFIED,
        "Elliptic curve: depends on the provider",
        "AWS provider versions before 3.76.0, and 4.0 and 4.1, fail on it; no locked version was found.",
    ),
    _Rule(
        lambda case: not case.keybase and case.part is not None and case.part.curve == "cv25519",
        VerdictKind.UNVERIFIED,
        "Elliptic curve: reported to work",
        "Keys with the curve cv25519 are in use with this provider version; it was not verified here.",
    ),
    _Rule(
        lambda case: case.has_curve,
        VerdictKind.UNVERIFIED,
        "Elliptic curve: not verified",
        "Whether this provider version takes a key with this curve was not tried.",
    ),
    _Rule(
        lambda case: (
            not case.keybase and not all(part.is_rsa and part.bits >= 2048 for part in case.key.parts)
        ),
        VerdictKind.UNVERIFIED,
        "Old algorithm: not verified",
        "Provider versions before 3.76.0 take such a key; for this one it was not tried.",
    ),
    _Rule(
        lambda case: not case.keybase and case.key.created > case.now,
        VerdictKind.UNVERIFIED,
        "Made in the future: not verified",
        "Provider versions before 3.76.0 do not notice; for this one it was not tried.",
    ),
    _Rule(
        lambda _: True,
        VerdictKind.WORKS,
        "Works",
        "The provider encrypts to this kind of key.",
    ),
)
"""Every row that a key can meet, the first that applies counts; the last one always does."""


def _warnings(case: _Case) -> tuple[str, ...]:
    found: list[str] = []
    if case.key.created > case.now:
        found.append(
            "It was made in the future: the clock of its owner's computer, or of this one, is wrong."
        )
    expires = case.key.expires(case.now)
    if expires is not None and case.now < expires < case.now + EXPIRES_SOON:
        found.append(f"It expires soon, on {expires:%Y-%m-%d}. Ask its owner to prolong it.")
    short = sorted({part.bits for part in case.key.parts if part.is_rsa and part.bits < RECOMMENDED_RSA_BITS})
    if short:
        found.append(f"RSA with {short[0]} bits is short; {RECOMMENDED_RSA_BITS} or 4096 are recommended.")
    if any(part.algorithm in {"DSA", "ElGamal"} for part in case.key.parts):
        found.append("DSA and ElGamal are old algorithms; RSA with 4096 bits is recommended.")
    return tuple(found)
