"""What the AWS provider will make of a key, said before the key is written.

A bad key passes `terraform plan` and fails in `apply`, after the IAM user was created. One table of rules
(`verdict_rules`), keyed by the OpenPGP library of the layer's provider version, gives the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workflows.services.gpg.advice import Remedy, advice_for_owner, sentence_for_owner
from workflows.services.gpg.details import KeyDetails
from workflows.services.gpg.provider_library import library_of
from workflows.services.gpg.verdict_case import Case
from workflows.services.gpg.verdict_rules import RULES, Rule, VerdictKind

__all__ = ["ACCEPTED", "EXPIRES_SOON", "RECOMMENDED_RSA_BITS", "Verdict", "VerdictKind", "judge"]

EXPIRES_SOON: Final = timedelta(days=30)
"""A key that expires sooner than this is warned about."""

RECOMMENDED_RSA_BITS: Final = 3072
"""A shorter RSA key is warned about (NIST SP 800-57: 3072 bits for use after 2030)."""


ACCEPTED: Final = frozenset({VerdictKind.WORKS, VerdictKind.UNVERIFIED})
"""The kinds of verdicts with which a key may be written into a layer."""


@dataclass(frozen=True)
class Verdict:
    """What is to be said about a key.

    Attributes:
        kind: how it ends.
        headline: a few words.
        explanation: why, in a sentence or two.
        provider_error: the error that `apply` would end with after creating the user, or "".
        sentence_for_owner: a text to send to the key's owner with what to do; "" for a key that nothing is to
            be said about.
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
        return self.kind in ACCEPTED


def judge(details: KeyDetails, provider_version: str | None, now: datetime) -> Verdict:
    """Say what the provider will make of a key.

    Args:
        details: the key, from `inspect.check_key` or `inspect.inspect_key`.
        provider_version: the AWS provider's version as the layer's lock file has it ("4.67.0"), or None.
        now: the moment to judge for, timezone aware.

    Returns:
        The verdict of the first row of the table that applies, with all warnings.
    """
    case = Case(details, library_of(provider_version), now)
    rule = next(rule for rule in RULES if rule.applies(case))
    return Verdict(
        kind=rule.kind,
        headline=rule.headline,
        explanation=rule.explanation,
        provider_error=rule.error(case),
        sentence_for_owner=sentence_for_owner(details, rule.reason, rule.remedy) or _advice(case, rule),
        warnings=_warnings(case),
    )


def _warnings(case: Case) -> tuple[str, ...]:
    found: list[str] = []
    if case.key.created > case.now:
        found.append(
            "It was made in the future: the clock of its owner's computer, or of this one, is wrong."
        )
    expires = case.key.expires(case.now)
    if expires is not None and case.now < expires < case.now + EXPIRES_SOON:
        found.append(f"It expires soon, on {expires:%Y-%m-%d}: its owner should prolong it.")
    short = _short_rsa(case)
    if short:
        found.append(f"RSA with {short[0]} bits is short; {RECOMMENDED_RSA_BITS} or 4096 are recommended.")
    if _old_algorithms(case):
        found.append("DSA and ElGamal are old algorithms; RSA with 4096 bits is recommended.")
    return tuple(found)


def _short_rsa(case: Case) -> list[int]:
    """The sizes of RSA parts that are too short, in bits, the shortest first."""
    return sorted({part.bits for part in case.key.parts if part.is_rsa and part.bits < RECOMMENDED_RSA_BITS})


def _old_algorithms(case: Case) -> bool:
    return any(part.algorithm in {"DSA", "ElGamal"} for part in case.key.parts)


def _advice(case: Case, rule: Rule) -> str:
    """What to tell the owner of a key that may be used: the most pressing of what there is to know."""
    expires = case.key.expires(case.now)
    if expires is not None and case.now < expires < case.now + EXPIRES_SOON:
        return advice_for_owner(case.key, f"But it expires on {expires:%Y-%m-%d}.", Remedy.PROLONG)
    if case.key.created > case.now:
        made = f"{case.key.created:%Y-%m-%d}"
        reason = f"But it says that it was made on {made}, in the future: please check your computer's clock."
        return advice_for_owner(case.key, reason, Remedy.NONE)
    if rule.kind is VerdictKind.UNVERIFIED:
        reason = "But nobody has tried this kind of key with our AWS provider, and RSA is sure to work."
        return advice_for_owner(case.key, reason, Remedy.NEW_KEY)
    if _short_rsa(case) or _old_algorithms(case):
        reason = "But it is weaker than what is recommended today."
        return advice_for_owner(case.key, reason, Remedy.NEW_KEY)
    return ""
