"""The table of rules: what each OpenPGP library inside the AWS provider makes of each kind of key.

Sources: every row for Keybase's library was applied with provider 3.39.0, and is again by
`tests/e2e/test_provider_verdicts.py`. cv25519 keys are in use in layers that lock 4.67.0. Nothing else was
tried with ProtonMail's library, hence "not verified".
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from workflows.services.gpg.advice import Remedy
from workflows.services.gpg.provider_library import OpenPgpLibrary
from workflows.services.gpg.verdict_case import UNREAD_CURVES, Case


class VerdictKind(enum.Enum):
    """How a verdict ends."""

    WORKS = "works"
    UNVERIFIED = "reported to work, or not verified for this provider version"
    REFUSED_BY_PROVIDER = "the provider fails on it"
    REFUSED_BY_US = "the provider takes it, and it must not be used"


@dataclass(frozen=True)
class Rule:
    """One row of the table."""

    applies: Callable[[Case], bool]
    kind: VerdictKind
    headline: str
    explanation: str
    error: Callable[[Case], str] = lambda _: ""
    reason: str = ""
    remedy: Remedy = Remedy.NONE


def _oid_error(case: Case) -> str:
    oid = UNREAD_CURVES[case.unread_curve]
    return f"error parsing given PGP key: openpgp: unsupported feature: unsupported oid: {oid}"


def _version_error(_: Case) -> str:
    return "error parsing given PGP key: openpgp: unsupported feature: public key version"


def _identity_error(_: Case) -> str:
    return "error parsing given PGP key: openpgp: invalid data: entity without any identities"


def _unread_error(case: Case) -> str:
    return f"error parsing given PGP key: {case.key.unread}"


def _no_encryption_error(case: Case) -> str:
    valid = "valid " if case.library is OpenPgpLibrary.PROTONMAIL else ""
    key_id = case.key.primary.key_id.lstrip("0").lower()  # as Go's strconv.FormatUint writes it
    return (
        "error setting up encryption for PGP message: openpgp: invalid argument: "
        f"cannot encrypt a message to key id {key_id} because it has no {valid}encryption keys"
    )


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        lambda case: case.key.primary.revoked,
        VerdictKind.REFUSED_BY_US,
        "Revoked",
        "Its owner revoked this key. Older provider versions do not notice and would encrypt to it.",
        reason="it is revoked",
        remedy=Remedy.NEW_KEY,
    ),
    Rule(
        lambda case: case.keybase and case.has_newer_format,
        VerdictKind.REFUSED_BY_PROVIDER,
        "A newer key format",
        "It is not a version 4 key, and the locked AWS provider reads no other.",
        error=_version_error,
        reason="it is in a newer format that the AWS provider does not read",
        remedy=Remedy.NEW_KEY,
    ),
    Rule(
        lambda case: case.has_newer_format,
        VerdictKind.REFUSED_BY_US,
        "A newer key format",
        "It is not a version 4 key. No provider version is known to read another one.",
        reason="it is in a newer format that the AWS provider does not read",
        remedy=Remedy.NEW_KEY,
    ),
    Rule(
        lambda case: case.keybase and bool(case.key.unread),
        VerdictKind.REFUSED_BY_PROVIDER,
        "A part that the provider cannot read",
        "A signature or a part of the key is of a kind that the locked AWS provider does not know.",
        error=_unread_error,
        reason="it has a part that our AWS provider cannot read",
        remedy=Remedy.NEW_KEY,
    ),
    Rule(
        lambda case: bool(case.key.user_ids) and not any(one.signed for one in case.key.user_ids),
        VerdictKind.REFUSED_BY_PROVIDER,
        "Its own signature does not hold",
        "No user id is signed by the key itself: it was damaged on the way, or changed.",
        error=_identity_error,
        reason="it came damaged: its signature on its own name does not hold",
        remedy=Remedy.SEND_AGAIN,
    ),
    Rule(
        lambda case: not case.key.user_ids,
        VerdictKind.REFUSED_BY_PROVIDER,
        "No user id",
        "The key has no user id, and the provider demands one.",
        error=_identity_error,
        reason="it has no user id",
        remedy=Remedy.NEW_KEY,
    ),
    Rule(
        lambda case: not any(user_id.holds for user_id in case.key.user_ids),
        VerdictKind.REFUSED_BY_US,
        "Every user id revoked",
        "Its owner revoked every user id, so nothing in it says whose it is. Older providers do not notice.",
        reason="all of its user ids are revoked",
        remedy=Remedy.NEW_KEY,
    ),
    Rule(
        lambda case: case.keybase and bool(case.unread_curve),
        VerdictKind.REFUSED_BY_PROVIDER,
        "Elliptic curve",
        "The locked AWS provider cannot read keys with this curve, as GnuPG makes them by default.",
        error=_oid_error,
        reason="it uses an elliptic curve that our AWS provider cannot read",
        remedy=Remedy.NEW_KEY,
    ),
    Rule(
        lambda case: case.keybase and case.keybase_finds_only_curves,
        VerdictKind.REFUSED_BY_PROVIDER,
        "Elliptic curve",
        "The locked AWS provider cannot encrypt to keys with an elliptic curve.",
        error=_no_encryption_error,
        reason="it uses an elliptic curve that our AWS provider cannot encrypt to",
        remedy=Remedy.NEW_KEY,
    ),
    Rule(
        lambda case: not case.protonmail and case.keybase_overlooks_expiry,
        VerdictKind.REFUSED_BY_US,
        "Expired",
        "The key has expired. Older provider versions look only at its subkey and would encrypt to it.",
        reason="it has expired",
        remedy=Remedy.PROLONG,
    ),
    Rule(
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
    Rule(
        lambda case: case.lacks_because(lambda part: part.revoked),
        VerdictKind.REFUSED_BY_PROVIDER,
        "Encryption subkey revoked",
        "The only part of it that could be encrypted to is revoked.",
        error=_no_encryption_error,
        reason="its encryption subkey is revoked",
        remedy=Remedy.ADD_SUBKEY,
    ),
    Rule(
        lambda case: not case.usable,
        VerdictKind.REFUSED_BY_PROVIDER,
        "No encryption subkey",
        "The key can sign, but nothing can be encrypted to it.",
        error=_no_encryption_error,
        reason="it has no encryption subkey",
        remedy=Remedy.ADD_SUBKEY,
    ),
    Rule(
        lambda case: case.unknown and (bool(case.unread_curve) or case.keybase_finds_only_curves),
        VerdictKind.UNVERIFIED,
        "Elliptic curve: depends on the provider",
        "AWS provider versions before 3.76.0, and 4.0 and 4.1, fail on it; no locked version was found.",
    ),
    Rule(
        lambda case: not case.keybase and bool(case.key.unread),
        VerdictKind.UNVERIFIED,
        "An unusual key: not verified",
        "Older AWS providers cannot read a part of it; whether this provider can was not tried.",
    ),
    Rule(
        lambda case: not case.keybase and case.part is not None and case.part.curve == "cv25519",
        VerdictKind.UNVERIFIED,
        "Elliptic curve: reported to work",
        "Keys with the curve cv25519 are in use with this provider version; it was not verified here.",
    ),
    Rule(
        lambda case: not case.keybase and case.has_curve,
        VerdictKind.UNVERIFIED,
        "Elliptic curve: not verified",
        "Whether this provider version takes a key with this curve was not tried.",
    ),
    Rule(
        lambda case: (
            not case.keybase and not all(part.is_rsa and part.bits >= 2048 for part in case.key.parts)
        ),
        VerdictKind.UNVERIFIED,
        "Old algorithm: not verified",
        "Provider versions before 3.76.0 take such a key; for this one it was not tried.",
    ),
    Rule(
        lambda case: not case.keybase and case.key.created > case.now,
        VerdictKind.UNVERIFIED,
        "Made in the future: not verified",
        "Provider versions before 3.76.0 do not notice; for this one it was not tried.",
    ),
    Rule(
        lambda _: True,
        VerdictKind.WORKS,
        "Works",
        "The provider encrypts to this kind of key.",
    ),
)
"""Every row that a key can meet, the first that applies counts; the last one always does."""
