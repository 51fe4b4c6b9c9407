"""A PGP key with its verdict, for the admin and its owner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from workflows.core.sentences import Sentence, count
from workflows.gpg.inspect import KeyDetails
from workflows.gpg.verdict import EXPIRES_SOON, Headline, Verdict, VerdictKind

SEVERITY = {
    VerdictKind.WORKS: 0,
    VerdictKind.UNVERIFIED: 1,
    VerdictKind.REFUSED_BY_US: 2,
    VerdictKind.REFUSED_BY_PROVIDER: 3,
}
"""The severity of each kind of verdict; higher is worse."""


class Mark(Enum):
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
