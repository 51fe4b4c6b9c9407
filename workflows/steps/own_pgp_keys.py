"""The person's own PGP keys, good ones first, each with what it is good for or what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence
from workflows.services.gpg.keyring import OwnKey, list_secret_keys
from workflows.services.gpg.verdict import VerdictKind, judge
from workflows.steps.base import Context, Progress, Report

_RANKS = {VerdictKind.WORKS: 0, VerdictKind.UNVERIFIED: 1}


@dataclass(frozen=True)
class OwnChoice:
    """One of the person's keys as the screen shows it.

    Attributes:
        fingerprint: of the primary key, 40 upper-case hexadecimal digits.
        user_id: its first user id, as "Jane Doe <jane@a.example>".
        algorithm: as "RSA 4096".
        expires: the date on which it stops being usable, as "2027-11-25", or "" for never.
        accepted: whether a password can be encrypted to it and decrypted here.
        headline: the verdict in a few words.
        explanation: why, in a sentence or two.
        warnings: what to know although it may be used.
        rank: 0 for the best; the list is in this order.
        mails: the mail addresses in its user ids, in lower case.
    """

    fingerprint: str
    user_id: str
    algorithm: str
    expires: str
    accepted: bool
    headline: Sentence
    explanation: Sentence
    warnings: tuple[Sentence, ...]
    rank: int
    mails: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The person's name in the user id, or ""."""
        return self.user_id.partition("<")[0].strip() if "<" in self.user_id else ""


def own_keys(context: Context, report: Report) -> tuple[OwnChoice, ...]:
    """The person's keys with a secret half, good ones first, and what is wrong with the others.

    Raises:
        OnboardError: the keyring cannot be read, or gpg is not installed.
    """
    report(Progress("Looking at your PGP keys"))
    world = context.world
    found = [_choice(key, context) for key in list_secret_keys(world.gnupg_home, world.environment)]
    return tuple(sorted(found, key=lambda choice: choice.rank))


def _choice(key: OwnKey, context: Context) -> OwnChoice:
    details, now = key.details, context.world.now()
    verdict = judge(details, None, now)
    part = details.encryption_part(now)
    accepted, headline, explanation = verdict.accepted, verdict.headline, verdict.explanation
    if accepted and part is not None and part.key_id not in key.present:
        accepted, headline = False, "Its secret half is not here"
        explanation = "You could not decrypt on this computer what is encrypted to it."
    expires = details.expires(now)
    return OwnChoice(
        fingerprint=details.fingerprint,
        user_id=next((user_id.text for user_id in details.user_ids), "(no user id)"),
        mails=tuple(mail.casefold() for mail in details.mails),
        algorithm=(part or details.primary).description,
        expires=f"{expires:%Y-%m-%d}" if expires else "",
        accepted=accepted,
        headline=headline,
        explanation=explanation,
        warnings=verdict.warnings,
        rank=_RANKS.get(verdict.kind, 2) if accepted else 3,
    )


def own_key(fingerprint: str, context: Context, report: Report) -> OwnChoice:
    """The person's key of a fingerprint.

    Raises:
        OnboardError: it is not in their keyring, or the keyring cannot be read.
    """
    for key in own_keys(context, report):
        if key.fingerprint == fingerprint:
            return key
    raise OnboardError(
        "This key is not here",
        f"Your keyring has no secret key with the fingerprint {fingerprint}.",
        next="Choose another key, or make a new one.",
    )
