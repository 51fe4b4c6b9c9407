"""Predict what the AWS provider will do with a key or its file, and what to send to the key's owner.

A bad key passes `terraform plan` and fails in `apply`, after the IAM user was created. One table of rules,
keyed by the OpenPGP library of the layer's provider version, gives the verdict. Sources: every row for
Keybase's library was tried with provider 3.39.0, which `tests/e2e/test_provider_verdicts.py` repeats.
cv25519 keys are in use in layers that lock 4.67.0. Nothing else was tried with ProtonMail's library, so
it is "not verified".

This program writes normalised files, for which only the key matters. A file from somebody else may be
armored, binary or broken, and must not be rewritten without need (a changed `pgp_key` resets the
password). So `judge_file` also checks how the provider decodes the exact file; every case was tried with
provider 3.39.0.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

from workflows.core.openpgp import MalformedPackets, Packet, Tag, decode_key_file, grouped, walk
from workflows.core.sentences import Sentence, count, day, joined
from workflows.core.text import one_line
from workflows.gpg.inspect import CheckedKey, KeyDetails, KeyPart, as_keybase_sees, check_key
from workflows.gpg.provider_library import UNREAD_CURVES, OpenPgpLibrary, keybase_reads, library_of
from workflows.gpg.refusals import KeybaseName, KeyRefused, OtherKeyVersion, SecretKeyGiven, SeveralKeys

EXPIRES_SOON: Final = timedelta(days=30)
"""A key that expires sooner than this causes a warning."""

FEWEST_BITS: Final = 2048
"""A shorter key that isn't of an elliptic curve is rejected (NIST SP 800-131A: disallowed since 2014)."""

RECOMMENDED_RSA_BITS: Final = 3072
"""A shorter RSA key causes a warning (NIST SP 800-57: 3072 bits for use after 2030)."""

REJECTION: Final = "The apply would fail on this key, perhaps after it created the user."
"""The last sentence in the explanation of a `REFUSED_BY_PROVIDER` verdict."""


class VerdictKind(enum.Enum):
    """The result of a verdict."""

    WORKS = "works"
    UNVERIFIED = "reported to work, or not verified for this provider version"
    REFUSED_BY_PROVIDER = "the provider fails on it"
    REFUSED_BY_US = "the provider accepts it, but you must not use it"


ACCEPTED: Final = frozenset({VerdictKind.WORKS, VerdictKind.UNVERIFIED})
"""The kinds of verdicts that allow writing a key into a layer."""


@enum.unique
class Headline(enum.StrEnum):
    """A verdict's headline for code and people, unless it is the title of an error."""

    WORKS = "Works"
    REVOKED = "Revoked"
    NEWER_FORMAT = "A newer key format"
    UNREADABLE_PART = "A part that the provider can't read"
    BAD_SIGNATURE = "Its own signature is invalid"
    NO_USER_ID = "No user id"
    USER_IDS_REVOKED = "Every user id revoked"
    TOO_SHORT = "Too short to be safe"
    CURVE = "Elliptic curve"
    CURVE_DEPENDS = "Elliptic curve: depends on the provider"
    CURVE_REPORTED = "Elliptic curve: reported to work"
    CURVE_UNVERIFIED = "Elliptic curve: not verified"
    EXPIRED = "Expired"
    SUBKEY_REVOKED = "Encryption subkey revoked"
    NO_SUBKEY = "No encryption subkey"
    MISREAD = "A signature that the provider misreads"
    UNUSUAL = "An unusual key: not verified"
    OLD_ALGORITHM = "Old algorithm: not verified"
    FUTURE = "Made in the future: not verified"
    HALF_ELSEWHERE = "Its secret half isn't on this computer"
    BINARY_FILE = "A binary file"
    ARMORED = "Armored text"
    BASE64_OF_ARMORED = "Base64 of armored text"
    NOT_BASE64 = "Not plain base64"
    DAMAGED = "Damaged"
    EMPTY = "Empty"
    NO_KEY = "Not a key"


@dataclass(frozen=True)
class Verdict:
    """The verdict on a key.

    Attributes:
        kind: the result.
        headline: a few words.
        explanation: why, in a sentence or two.
        sentence_for_owner: a text for the key's owner with what to do; "" if there is nothing to say.
        warnings: what a person should know although the key may be used, a sentence each.
    """

    kind: VerdictKind
    headline: Sentence
    explanation: Sentence
    sentence_for_owner: Sentence = ""
    warnings: tuple[Sentence, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the key may be written into a layer."""
        return self.kind in ACCEPTED


class Remedy(NamedTuple):
    """What the owner of a key can do about it: the request, and the commands for it."""

    asks_for: Sentence
    commands: tuple[str, ...]


_PROLONGING: Final = (
    "gpg --quick-set-expire {fingerprint} 2y",
    # Named, because gpg's "*" only covers subkeys that have not expired yet.
    "gpg --quick-set-expire {fingerprint} 2y {subkey}",
    "gpg --armor --export {fingerprint}",
)
_NEW_KEY: Final = Remedy(
    "Please make an RSA key with\n  iam-onboard pgp request --new\nor as below; send the last output:",
    (
        'gpg --quick-generate-key "YOUR NAME <YOUR EMAIL>" rsa4096 cert,sign 2y',
        "gpg --quick-add-key NEW_FINGERPRINT rsa4096 encrypt 2y",
        "gpg --armor --export NEW_FINGERPRINT",
    ),
)
_ADD_SUBKEY: Final = Remedy(
    "Please add an encryption subkey to it and send the output of the last command:",
    ("gpg --quick-add-key {fingerprint} rsa4096 encrypt 2y", "gpg --armor --export {fingerprint}"),
)
_PROLONG_AND_ADD_SUBKEY: Final = Remedy(
    "Please extend its expiry, add an encryption subkey, and send the output of the last command:",
    ("gpg --quick-set-expire {fingerprint} 2y", *_ADD_SUBKEY.commands),
)
_SEND_AGAIN: Final = Remedy(
    "Please send it again, preferably as a file:", ("gpg --armor --export {fingerprint} > key.asc",)
)
_PROLONG: Final = Remedy("Please extend its expiry and send the output of the last command:", _PROLONGING)
_SIGN_AGAIN: Final = Remedy(
    "Please extend its expiry, which signs it again, and send the output of the last command:", _PROLONGING
)


_OLD: Final = frozenset({"DSA", "ElGamal"})
_COUNTED: Final = _OLD | {"RSA"}
"""The algorithms whose safety goes by the number of bits; a curve has its own."""


@dataclass(frozen=True)
class _Case:
    """A key to judge for a provider at a time."""

    key: KeyDetails
    library: OpenPgpLibrary
    now: datetime

    @property
    def part(self) -> KeyPart | None:
        """The part that gpg would encrypt to."""
        return self.key.encryption_part(self.now)

    @property
    def usable(self) -> list[KeyPart]:
        """The currently usable encryption parts, whatever their algorithm."""
        return [part for part in self.key.encryption_parts if part.is_usable(self.now)]

    @property
    def keybase(self) -> bool:
        """Whether the provider has Keybase's library."""
        return self.library is OpenPgpLibrary.KEYBASE

    @property
    def has_newer_format(self) -> bool:
        """Whether a part is not of version 4 (only version 4 has fingerprints of 40 digits)."""
        return any(len(part.fingerprint) != 40 for part in self.key.parts)

    @property
    def unread_curve(self) -> bool:
        """Whether a curve in the key makes Keybase's library give up on the whole key."""
        return any(part.curve in UNREAD_CURVES for part in self.key.parts)

    @property
    def keybase_overlooks_expiry(self) -> bool:
        """Whether only the primary key has expired: Keybase's library only checks the subkeys."""
        return self.key.primary.is_expired(self.now) and any(
            self.keybase_encrypts_to(part)
            for part in self.key.encryption_parts
            if part is not self.key.primary
        )

    @property
    def keybase_misreads(self) -> bool:
        """Whether Keybase's library can use none of the usable parts, as it can't verify their signatures."""
        return bool(self.usable) and not any(self.keybase_encrypts_to(part) for part in self.usable)

    @property
    def keybase_finds_only_curves(self) -> bool:
        """Whether all encryption parts have a curve; Keybase's library only encrypts to RSA and ElGamal."""
        parts = self.usable or self.key.encryption_parts
        return bool(parts) and all(part.curve for part in parts)

    @property
    def expires(self) -> datetime | None:
        """When it stops being usable, None for never."""
        return self.key.expires(self.now)

    @property
    def expired(self) -> datetime | None:
        """When the primary key expired, or else its last encryption part; None if neither did."""
        over = [part for part in self.key.encryption_parts if part.is_expired(self.now)]
        primary = self.key.primary
        return max(
            (part.expires for part in ([primary] if primary.is_expired(self.now) else over) if part.expires),
            default=None,
        )

    @property
    def expires_soon(self) -> bool:
        """Whether it is usable now, but not for long."""
        return self.expires is not None and self.now < self.expires < self.now + EXPIRES_SOON

    @property
    def too_short(self) -> bool:
        """Whether the primary key, or the part that gpg would encrypt to, has too few bits to be safe."""
        used = filter(None, (self.key.primary, self.part))
        return any(part.algorithm in _COUNTED and part.bits < FEWEST_BITS for part in used)

    @property
    def short_rsa(self) -> int:
        """The size in bits of the shortest RSA part that is too short; 0 for none."""
        sizes = (part.bits for part in self.key.parts if part.algorithm == "RSA")
        return min((bits for bits in sizes if bits < RECOMMENDED_RSA_BITS), default=0)

    @property
    def old_algorithms(self) -> bool:
        """Whether any part is DSA or ElGamal."""
        return any(part.algorithm in _OLD for part in self.key.parts)

    def keybase_encrypts_to(self, part: KeyPart) -> bool:
        """Return whether Keybase's library would encrypt to a part that gpg lists as an encryption part."""
        flawed = part.revoked or part.invalid or part.curve or part.dropped or self.key.names_dropped
        return not flawed and (part.own_expires is None or part.own_expires > self.now)

    def lacks_because(self, flaw: Callable[[KeyPart], bool]) -> bool:
        """Return whether no encryption part is usable, and one of them has this flaw."""
        return not self.usable and any(flaw(part) for part in self.key.encryption_parts)


@dataclass(frozen=True)
class _Rule:
    """One row of the table."""

    applies: Callable[[_Case], bool]
    kind: VerdictKind
    headline: Sentence
    explanation: str
    reason: str = ""
    remedy: Remedy | None = None


_RULES: Final[tuple[_Rule, ...]] = (
    _Rule(
        lambda case: case.key.primary.revoked,
        VerdictKind.REFUSED_BY_US,
        Headline.REVOKED,
        "Its owner revoked this key. Older provider versions don't notice and would encrypt to it.",
        reason="it is revoked",
        remedy=_NEW_KEY,
    ),
    _Rule(
        lambda case: case.keybase and case.has_newer_format,
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.NEWER_FORMAT,
        "It isn't a version 4 key, and {provider} reads no others.",
        reason="it is in a newer format that the AWS provider doesn't read",
        remedy=_NEW_KEY,
    ),
    _Rule(
        lambda case: case.has_newer_format,
        VerdictKind.REFUSED_BY_US,
        Headline.NEWER_FORMAT,
        "It isn't a version 4 key. No known provider version reads others.",
        reason="it is in a newer format that the AWS provider doesn't read",
        remedy=_NEW_KEY,
    ),
    _Rule(
        lambda case: case.keybase and case.key.unread,
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.UNREADABLE_PART,
        "{provider} doesn't know the kind of one of the key's signatures or parts.",
        reason="it has a part that our AWS provider can't read",
        remedy=_NEW_KEY,
    ),
    _Rule(
        lambda case: bool(case.key.user_ids) and not any(user_id.signed for user_id in case.key.user_ids),
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.BAD_SIGNATURE,
        "No user id is signed by the key itself: it was damaged on the way, or changed.",
        reason="it came damaged: its signature on its own name is invalid",
        remedy=_SEND_AGAIN,
    ),
    _Rule(
        lambda case: not case.key.user_ids,
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.NO_USER_ID,
        "The key has no user id, and the provider needs one.",
        reason="it has no user id",
        remedy=_NEW_KEY,
    ),
    _Rule(
        lambda case: not any(user_id.holds for user_id in case.key.user_ids),
        VerdictKind.REFUSED_BY_US,
        Headline.USER_IDS_REVOKED,
        "Its owner revoked every user id, so nothing in it says whose it is. Older providers don't notice.",
        reason="all of its user ids are revoked",
        remedy=_NEW_KEY,
    ),
    _Rule(
        lambda case: case.too_short,
        VerdictKind.REFUSED_BY_US,
        Headline.TOO_SHORT,
        f"It has fewer than {FEWEST_BITS} bits, so others may be able to read what is encrypted to it.",
        reason=f"it has fewer than {FEWEST_BITS} bits, which is no longer safe",
        remedy=_NEW_KEY,
    ),
    _Rule(
        lambda case: case.keybase and case.unread_curve,
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.CURVE,
        "{provider} can't read keys with this curve, which GnuPG uses by default.",
        reason="it uses an elliptic curve that our AWS provider can't read",
        remedy=_NEW_KEY,
    ),
    _Rule(
        lambda case: case.keybase and case.keybase_finds_only_curves,
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.CURVE,
        "{provider} can't encrypt to keys with an elliptic curve.",
        reason="it uses an elliptic curve that our AWS provider can't encrypt to",
        remedy=_NEW_KEY,
    ),
    _Rule(
        lambda case: (
            case.key.primary.is_expired(case.now) and all(part.revoked for part in case.key.encryption_parts)
        ),
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.EXPIRED,
        "The key expired on {expired}, and it can't encrypt.",
        reason="it expired on {expired} and has no encryption subkey",
        remedy=_PROLONG_AND_ADD_SUBKEY,
    ),
    _Rule(
        lambda case: case.library is not OpenPgpLibrary.PROTONMAIL and case.keybase_overlooks_expiry,
        VerdictKind.REFUSED_BY_US,
        Headline.EXPIRED,
        "The key expired on {expired}. Older provider versions look only at its subkey, and would encrypt to "
        "it.",
        reason="it expired on {expired}",
        remedy=_PROLONG,
    ),
    _Rule(
        lambda case: (
            case.key.primary.is_expired(case.now)
            or case.lacks_because(lambda part: part.is_expired(case.now))
        ),
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.EXPIRED,
        "The key, or its encryption subkey, expired on {expired}.",
        reason="it expired on {expired}",
        remedy=_PROLONG,
    ),
    _Rule(
        lambda case: case.lacks_because(lambda part: part.revoked),
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.SUBKEY_REVOKED,
        "Its only encryption subkey is revoked.",
        reason="its encryption subkey is revoked",
        remedy=_ADD_SUBKEY,
    ),
    _Rule(
        lambda case: not case.usable,
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.NO_SUBKEY,
        "The key can sign, but not encrypt.",
        reason="it has no encryption subkey",
        remedy=_ADD_SUBKEY,
    ),
    _Rule(
        lambda case: case.keybase and case.keybase_misreads,
        VerdictKind.REFUSED_BY_PROVIDER,
        Headline.MISREAD,
        "{provider} wrongly rejects one Ed25519 signature in 128, and this key has one.",
        reason="a bug in our AWS provider makes it misread one of its signatures",
        remedy=_SIGN_AGAIN,
    ),
    _Rule(
        lambda case: (
            case.library is OpenPgpLibrary.UNKNOWN
            and (case.unread_curve or case.keybase_finds_only_curves or case.keybase_misreads)
        ),
        VerdictKind.UNVERIFIED,
        Headline.CURVE_DEPENDS,
        "AWS provider versions before 3.76.0, and 4.0 and 4.1, fail on it; {provider} may be one of them.",
    ),
    _Rule(
        lambda case: not case.keybase and case.key.unread,
        VerdictKind.UNVERIFIED,
        Headline.UNUSUAL,
        "Older AWS providers can't read a part of it; this version isn't verified.",
    ),
    _Rule(
        lambda case: not case.keybase and case.part is not None and case.part.curve == "cv25519",
        VerdictKind.UNVERIFIED,
        Headline.CURVE_REPORTED,
        "Keys with the curve cv25519 are in use with this provider version, but it isn't verified here.",
    ),
    _Rule(
        lambda case: not case.keybase and any(part.curve for part in case.key.parts),
        VerdictKind.UNVERIFIED,
        Headline.CURVE_UNVERIFIED,
        "It isn't verified whether this provider version accepts a key with this curve.",
    ),
    _Rule(
        lambda case: not case.keybase and any(part.algorithm != "RSA" for part in case.key.parts),
        VerdictKind.UNVERIFIED,
        Headline.OLD_ALGORITHM,
        "Provider versions before 3.76.0 accept such a key; this version isn't verified.",
    ),
    _Rule(
        lambda case: not case.keybase and case.key.primary.created > case.now,
        VerdictKind.UNVERIFIED,
        Headline.FUTURE,
        "Provider versions before 3.76.0 don't notice; this version isn't verified.",
    ),
    _Rule(
        lambda _: True,
        VerdictKind.WORKS,
        Headline.WORKS,
        "Terraform can encrypt to it.",
    ),
)
"""All rules; the first that applies counts, and the last one always applies."""


def judge(
    details: KeyDetails, provider_version: str | None, now: datetime, *, in_use: bool = False
) -> Verdict:
    """Predict what the provider will do with a key.

    Args:
        details: the key, from `inspect.check_key` or `inspect.inspect_key`.
        provider_version: the AWS provider's version in the layer's lock file ("4.67.0"), or None.
        now: the time to judge for, with time zone.
        in_use: whether the layer has other keys of this kind, so that nothing is advised against it.

    Returns:
        The verdict of the first rule that applies, with all warnings.
    """
    case = _Case(details, library_of(provider_version), now)
    rule = next(rule for rule in _RULES if rule.applies(case))
    if rule.kind in {VerdictKind.WORKS, VerdictKind.UNVERIFIED}:
        to_owner = _advice(case, unsure=rule.kind is VerdictKind.UNVERIFIED and not in_use)
    else:
        reason = rule.reason.format(expired=day(case.expired))
        to_owner = _to_owner(details, f"can't be used for AWS, because {reason}.", rule.remedy)
    rejected = (REJECTION,) if rule.kind is VerdictKind.REFUSED_BY_PROVIDER else ()
    explanation = rule.explanation.format(provider=named(provider_version), expired=day(case.expired))
    return Verdict(rule.kind, rule.headline, joined((explanation, *rejected)), to_owner, _warnings(case))


_MOST_OF_A_VERSION = 40
"""Maximum characters to show of a version or constraint from a project's files."""


def named(provider_version: str | None) -> str:
    """Name the AWS provider with its version or constraint, if known."""
    version = one_line(provider_version or "", _MOST_OF_A_VERSION) or "of an unknown version"
    return f"AWS provider {version}"


def _warnings(case: _Case) -> tuple[Sentence, ...]:
    warnings = (
        (
            case.key.primary.created > case.now,
            "It was made in the future: the clock of its owner's computer, or of this one, is wrong.",
        ),
        (case.expires_soon, f"It expires soon, on {day(case.expires)}: its owner should extend it."),
        (
            case.short_rsa,
            f"RSA with {case.short_rsa} bits is short; {RECOMMENDED_RSA_BITS} or 4096 are recommended.",
        ),
        (case.old_algorithms, "DSA and ElGamal are old algorithms; RSA with 4096 bits is recommended."),
    )
    return tuple(warning for applies, warning in warnings if applies)


def _advice(case: _Case, *, unsure: bool) -> Sentence:
    """Return the most urgent advice for the owner of a usable key, or ""."""
    if case.expires_soon:
        but, remedy = f"But it expires on {day(case.expires)}.", _PROLONG
    elif case.key.primary.created > case.now:
        made = day(case.key.primary.created)
        but = f"But it says that it was made on {made}, in the future: please check your computer's clock."
        remedy = None
    elif unsure:
        but = "But I can't be sure that our AWS provider accepts this kind of key. RSA is sure to work."
        remedy = _NEW_KEY
    elif case.short_rsa or case.old_algorithms:
        but, remedy = "But it is weaker than what is recommended today.", _NEW_KEY
    else:
        return ""
    return _to_owner(case.key, f"can be used for AWS. {but}", remedy)


def arrival_words(details: KeyDetails) -> Sentence:
    """Return a text for the owner of a good key: it has arrived, and how to compare its fingerprint."""
    return (
        "Your PGP key arrived and can be used for AWS. Its fingerprint should be\n"
        f"  {grouped(details.fingerprint)}\n"
        "Please compare it with yours, and tell me if it differs:\n"
        "  gpg --fingerprint YOUR_EMAIL"
    )


def _to_owner(details: KeyDetails, verdict: Sentence, remedy: Remedy | None) -> Sentence:
    """Return a sentence or two about a key, the request, and the commands on separate lines."""
    head = f"Your PGP key {details.fingerprint[-16:]} {verdict}"
    if remedy is None:
        return head
    subkeys = [part for part in details.subkeys if part in details.encryption_parts and not part.revoked]
    subkey = max(subkeys, key=lambda part: part.created).fingerprint if subkeys else ""
    lines = [
        f"{head} {remedy.asks_for}",
        *(
            f"  {command.format(fingerprint=details.fingerprint, subkey=subkey)}"
            for command in remedy.commands
            if subkey or "{subkey}" not in command
        ),
    ]
    return "\n".join(lines)


SEVERITY = {
    VerdictKind.WORKS: 0,
    VerdictKind.UNVERIFIED: 1,
    VerdictKind.REFUSED_BY_US: 2,
    VerdictKind.REFUSED_BY_PROVIDER: 3,
}
"""The severity of each kind of verdict; higher is worse."""


class Mark(enum.Enum):
    """A verdict's sign and short label."""

    REFUSED = "✗", "unusable"
    LOOK = "!", "see below"
    WORKS = "✓", "works"

    def __init__(self, sign: str, word: str) -> None:
        self.sign = sign
        self.word = word

    @classmethod
    def of(cls, verdict: Verdict) -> Mark:
        """Return the mark of a verdict; one with warnings needs a look."""
        if not verdict.accepted:
            return cls.REFUSED
        return cls.LOOK if verdict.warnings or verdict.kind is VerdictKind.UNVERIFIED else cls.WORKS

    def __str__(self) -> str:
        return f"{self.sign} {self.word}"


@dataclass(frozen=True, kw_only=True)
class JudgedKey:
    """A key with its verdict; for a file without a key, only the verdict.

    Attributes:
        verdict: the verdict for all layers that the key is for.
        fingerprint: of the primary key, 40 upper-case hexadecimal digits, or "".
        algorithm: such as "RSA 4096", or "".
        expires: when it expires, UTC, or None for never.
        expired: whether it has expired.
        soon: whether it expires in less than thirty days, or has expired.
        user_ids: the user ids in it.
    """

    verdict: Verdict
    fingerprint: str = ""
    algorithm: str = ""
    expires: datetime | None = None
    expired: bool = False
    soon: bool = False
    user_ids: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the key may be written, or the provider can use the file."""
        return self.verdict.accepted

    @property
    def mark(self) -> Mark:
        """The verdict at a glance."""
        return Mark.of(self.verdict)

    @property
    def glance(self) -> Sentence:
        """The text beside the mark: the headline, or the number of warnings on a key that works."""
        warned = self.verdict.warnings and self.verdict.headline is Headline.WORKS
        return count(len(self.verdict.warnings), "warning") if warned else self.verdict.headline


def contents_of(details: KeyDetails, now: datetime) -> dict[str, Any]:
    """Return the contents of a key, as fields of `JudgedKey`."""
    part, expires = details.encryption_part(now) or details.primary, details.expires(now)
    return {
        "fingerprint": details.fingerprint,
        "algorithm": part.description,
        "expires": expires,
        "expired": expires is not None and expires <= now,
        "soon": expires is not None and expires < now + EXPIRES_SOON,
        "user_ids": tuple(user_id.text for user_id in details.user_ids if user_id.holds),
    }


_READABLE: Final = "The key in it works: `iam-onboard pgp check --text` prints it in the right form."
_PRIMARY: Final = frozenset({Tag.PUBLIC_KEY, Tag.SECRET_KEY})


@dataclass(frozen=True)
class JudgedFile:
    """A key file and the verdict on it.

    Attributes:
        verdict: the verdict on the unchanged file.
        key: the key in it, normalised and read; None unless the file has exactly one public key.
    """

    verdict: Verdict
    key: CheckedKey | None


def judge_file(
    data: bytes,
    provider_version: str | None,
    now: datetime,
    *,
    environment: Mapping[str, str],
) -> JudgedFile:
    """Predict what the provider does with an unchanged file in `keys/`.

    Args:
        data: the file's content.
        provider_version: as for `judge`.
        now: the time to judge for, with time zone.
        environment: the person's environment.

    Raises:
        GpgMissing: gpg is not installed.
    """
    try:
        key = check_key(data, environment=environment)
    except (SecretKeyGiven, KeybaseName) as refused:
        return JudgedFile(_must_not_be(refused), None)
    except KeyRefused as refused:
        found = _form(data) or _content(data, provider_version)
        if found is None and isinstance(refused, SeveralKeys | OtherKeyVersion):
            return JudgedFile(_must_not_be(refused), None)
        verdict = found or _rejected(refused.title, refused.what)
        return JudgedFile(replace(verdict, sentence_for_owner=refused.for_owner), None)
    found = _form(data, _READABLE) or _content(data, provider_version, _READABLE)
    if found is None:
        packets, _ = _first_key(decode_key_file(data))
        found = judge(as_keybase_sees(key.details, packets), provider_version, now)
    return JudgedFile(found, key)


def _form(data: bytes, remark: str = "") -> Verdict | None:
    """Return why the provider can't even decode the file, or None if it can."""
    try:
        decode_key_file(data)
    except UnicodeDecodeError:
        what = joined(("Terraform's file() only reads text, so even the plan fails.", remark))
        return Verdict(VerdictKind.REFUSED_BY_PROVIDER, Headline.BINARY_FILE, what)
    except ValueError:
        if b"-----BEGIN PGP" in data:
            headline, what = Headline.ARMORED, "It is armored text, but the provider"
        else:
            headline, what = Headline.NOT_BASE64, "The provider"
        return _rejected(headline, joined((f"{what} accepts only base64 of the binary key.", remark)))
    return None


def _content(data: bytes, provider_version: str | None, remark: str = "") -> Verdict | None:
    """Return why the provider finds no key in the decoded data, or None; it reads only the first one."""
    binary = decode_key_file(data)
    seen, whole = _first_key(binary)
    if found := _unread(seen, provider_version):
        return found
    if binary.startswith(b"-----BEGIN PGP"):
        return _rejected(
            Headline.BASE64_OF_ARMORED,
            f"It is base64 of armored text, but the provider needs base64 of the binary key. {remark}",
        )
    if not whole:
        return _rejected(Headline.DAMAGED, "The key in the file is incomplete.")
    if not seen:  # nothing, or only markers
        return _rejected(Headline.EMPTY, "There is no key in the file.")
    is_named = (Tag.USER_ID, Tag.SIGNATURE) in pairwise(packet.tag for packet in seen)
    if seen[0].body[:1] == b"\x04" and not is_named:
        return _rejected(
            Headline.NO_USER_ID, "The key has no self-signed user id, and the provider needs one."
        )
    return None


def _first_key(binary: bytes) -> tuple[list[Packet], bool]:
    """Return the packets of the first key without markers, and whether all of them are complete."""
    seen: list[Packet] = []
    try:
        for packet in walk(binary):
            if seen and packet.tag in _PRIMARY:
                break
            if packet.tag != Tag.MARKER:
                seen.append(packet)
    except MalformedPackets:
        return seen, False
    return seen, True


def _unread(packets: list[Packet], provider_version: str | None) -> Verdict | None:
    """Return why the provider gives up at a packet, or None; packets after it don't matter."""
    if not packets:
        return None
    version = packets[0].body[:1]
    if packets[0].tag not in _PRIMARY or version in {b"\x02", b"\x03"}:
        return _rejected(
            Headline.NO_KEY, "The file doesn't hold a public key, or its format is from before 1998."
        )
    if library_of(provider_version) is not OpenPgpLibrary.KEYBASE:
        return None
    if version not in {b"\x04", b""}:
        return _rejected(
            Headline.NEWER_FORMAT, f"It isn't a version 4 key, and {named(provider_version)} reads no others."
        )
    if not keybase_reads(packets):
        return _rejected(
            Headline.UNREADABLE_PART,
            f"{named(provider_version)} doesn't know the kind of one of the key's signatures or parts.",
        )
    return None


def _rejected(headline: Sentence, explanation: Sentence) -> Verdict:
    return Verdict(VerdictKind.REFUSED_BY_PROVIDER, headline, joined((explanation, REJECTION)))


def _must_not_be(refusal: KeyRefused) -> Verdict:
    """Return the verdict on a file that the provider accepts but that must not be in a layer."""
    what = joined((refusal.what, refusal.why))
    return Verdict(VerdictKind.REFUSED_BY_US, refusal.title, what, refusal.for_owner)
