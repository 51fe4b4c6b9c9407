"""The verdict on a PGP key, as text and JSON values, with what it is judged for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from workflows.core.openpgp import grouped
from workflows.core.sentences import OnboardError, Sentence, day, joined, text_of
from workflows.gpg.inspect import CheckedKey, check_key
from workflows.gpg.many_keys import likeness
from workflows.gpg.refusals import KeyRefused
from workflows.gpg.verdict import Verdict, VerdictKind, judge, judge_file
from workflows.layer.discover import ProjectError, provider_wanted


def provider_of(layer: Path | None) -> str | None:
    """Return the AWS provider for judging a layer's keys, a version or a constraint; None if unknown.

    Raises:
        OnboardError: the files that name it can't be read.
    """
    if layer is None:
        return None
    try:
        return provider_wanted(layer)
    except ProjectError as error:
        raise OnboardError(
            "The layer's AWS provider is unknown",
            joined((error.what, error.why)),
            why="The version decides which keys work; the lock file or required_providers names it.",
            next="Fix that file, or name the version with --provider-version.",
        ) from error


@dataclass(frozen=True)
class Source:
    """Where a key comes from, and what it is judged for.

    Attributes:
        name: the file's name, or "standard input".
        user: the IAM user who should own the key, or "".
        provider_version: of the AWS provider, a version or a constraint; None if unknown.
        now: the current time, timezone aware.
    """

    name: str
    user: str
    provider_version: str | None
    now: datetime


@dataclass(frozen=True)
class KeyReport:
    """A key, or why there is none, with its verdict.

    Attributes:
        source: where it comes from.
        verdict: on the input.
        key: the key, normalised, or None.
        same: the names of other files with the same key.
    """

    source: Source
    verdict: Verdict
    key: CheckedKey | None
    same: tuple[str, ...] = ()

    @classmethod
    def of(cls, key: CheckedKey | KeyRefused, source: Source) -> KeyReport:
        """Create the report on a key that would be written in its normal form."""
        if isinstance(key, KeyRefused):
            return cls.unreadable(key, source)
        return cls(source, judge(key.details, source.provider_version, source.now), key)

    @classmethod
    def unreadable(cls, error: OnboardError, source: Source) -> KeyReport:
        """Create the report on input without a key, from an error."""
        explanation = joined((error.what, error.why))
        for_owner = error.for_owner if isinstance(error, KeyRefused) else error.next
        return cls(source, Verdict(VerdictKind.REFUSED_BY_US, error.title, explanation, for_owner, ()), None)

    @property
    def key_accepted(self) -> bool:
        """Whether the key itself may be used, whatever its form."""
        return self.key is not None and KeyReport.of(self.key, self.source).verdict.accepted

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """Everything the user should know although the key may be used."""
        found = list(self.verdict.warnings)
        if self.same:
            found.append(f"The same key is in {', '.join(self.same)}.")
        if self.source.user and self.key and not likeness(self.source.user, self.key.details):
            found.append(
                f"None of its user ids looks like {self.source.user}: compare the fingerprint by phone."
            )
        return tuple(found)

    def as_text(self) -> str:
        """Return some lines of text, the last one with a newline."""
        verdict = self.verdict
        mark = "✓" if verdict.accepted else "✗"
        lines = [f"{mark} {self.source.name}: {verdict.headline}", f"    {verdict.explanation}"]
        if self.key is not None:
            details = self.key.details
            expires = details.expires(self.source.now)
            part = details.encryption_part(self.source.now) or details.primary
            until = f"until {day(expires)}" if expires else "without expiry"
            lines.append(f"    {part.description}, {until}")
            lines.append(f"    Fingerprint {grouped(details.fingerprint)}")
            lines += [f"    {user_id.text}" for user_id in details.user_ids if user_id.holds]
        lines.append(
            f"    Checked for the AWS provider {self.source.provider_version or '(version unknown)'}"
        )
        lines += [f"  ! {warning}" for warning in self.warnings]
        if verdict.sentence_for_owner and not verdict.accepted:  # the JSON has the advice on a good key
            lines += [
                f"  → {line}" if line else "" for line in text_of(verdict.sentence_for_owner).split("\n")
            ]
        return "".join(f"{line}\n" for line in lines)

    def as_record(self) -> dict[str, Any]:
        """Return the report as plain JSON values; `key_file` is the content for a file in `keys/`."""
        verdict, now = self.verdict, self.source.now
        details = self.key.details if self.key else None
        part = (details.encryption_part(now) or details.primary) if details else None
        expires = details.expires(now) if details else None
        return {
            "source": self.source.name,
            "accepted": verdict.accepted,
            "verdict": verdict.kind.name.lower(),
            "headline": verdict.headline,
            "explanation": verdict.explanation,
            "provider_version": self.source.provider_version,
            "sentence_for_owner": verdict.sentence_for_owner,
            "warnings": list(self.warnings),
            "fingerprint": details.fingerprint if details else None,
            "algorithm": part.description if part else None,
            "expires": expires.isoformat() if expires else None,
            "user_ids": [user_id.text for user_id in details.user_ids if user_id.holds] if details else [],
            "same_key_as": list(self.same),
            "key_file": self.key.key.text if self.key and self.key_accepted else None,
        }


def report_on(data: bytes, source: Source, environment: Mapping[str, str], *, as_it_is: bool) -> KeyReport:
    """Report on a file.

    Args:
        data: its content.
        source: where it comes from.
        environment: the user's environment.
        as_it_is: True judges the file as it lies in a layer, False the key in its normal form.

    Raises:
        GpgMissing: gpg isn't installed.
    """
    if as_it_is:
        judged = judge_file(data, source.provider_version, source.now, environment=environment)
        return KeyReport(source, judged.verdict, judged.key)
    try:
        return KeyReport.of(check_key(data, environment=environment), source)
    except KeyRefused as refused:
        return KeyReport.unreadable(refused, source)
