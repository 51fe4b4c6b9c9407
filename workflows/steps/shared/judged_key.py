"""A PGP key with what is to be said of it, as the admin and its owner see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from workflows.core.sentences import Sentence, count
from workflows.gpg.inspect import KeyDetails
from workflows.gpg.verdict import Headline, Verdict, VerdictKind

SEVERITY = {
    VerdictKind.WORKS: 0,
    VerdictKind.UNVERIFIED: 1,
    VerdictKind.REFUSED_BY_US: 2,
    VerdictKind.REFUSED_BY_PROVIDER: 3,
}
"""The worse a verdict, the higher."""


class Mark(Enum):
    """A verdict at a glance: a sign, and a word for it."""

    REFUSED = "✗", "refused"
    LOOK = "!", "see below"
    WORKS = "✓", "works"

    def __init__(self, sign: str, word: str) -> None:
        self.sign = sign
        self.word = word

    @classmethod
    def of(cls, verdict: Verdict) -> Mark:
        """The mark of a verdict; one with warnings is to be looked at."""
        if not verdict.accepted:
            return cls.REFUSED
        return cls.LOOK if verdict.warnings or verdict.kind is VerdictKind.UNVERIFIED else cls.WORKS

    def __str__(self) -> str:
        return f"{self.sign} {self.word}"


@dataclass(frozen=True, kw_only=True)
class JudgedKey:
    """A key with the verdict on it; where a file holds no key, only with that.

    Attributes:
        verdict: what is to be said about it, for all layers that it is for.
        fingerprint: of the primary key, 40 upper-case hexadecimal digits, or "".
        algorithm: as "RSA 4096", or "".
        expires: when it stops being usable, UTC, or None for never.
        expired: whether that is over.
        user_ids: the user ids in it.
    """

    verdict: Verdict
    fingerprint: str = ""
    algorithm: str = ""
    expires: datetime | None = None
    expired: bool = False
    user_ids: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether it may be written, or the provider can use the file."""
        return self.verdict.accepted

    @property
    def mark(self) -> Mark:
        """The verdict at a glance."""
        return Mark.of(self.verdict)

    @property
    def glance(self) -> Sentence:
        """What stands beside the mark: the headline, or how many warnings there are on a key that works."""
        warned = self.verdict.warnings and self.verdict.headline is Headline.WORKS
        return count(len(self.verdict.warnings), "warning") if warned else self.verdict.headline


def contents_of(details: KeyDetails, now: datetime) -> dict[str, Any]:
    """What is in a key, as `JudgedKey` has it."""
    part, expires = details.encryption_part(now) or details.primary, details.expires(now)
    return {
        "fingerprint": details.fingerprint,
        "algorithm": part.description,
        "expires": expires,
        "expired": expires is not None and expires <= now,
        "user_ids": tuple(user_id.text for user_id in details.user_ids if user_id.holds),
    }
