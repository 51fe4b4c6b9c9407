"""Decrypt and sign in: the one-time password from the handoff, exchanged for one of the user's own.

The password is never a fact: the screen gets it as a `Secret`. Only the user's report of the sign-in is
recorded, and AWS's if a kept key can ask.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum, unique

from workflows.aws import iam
from workflows.aws.iam import PasswordState
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem, Sentence
from workflows.core.shapes import moment
from workflows.gpg import keyring
from workflows.gpg.decrypt import clean_ciphertext, decrypt
from workflows.machine.events import AGREES, NOT_ASKED, SAID_SO, Facts, Observation, Verdict, seen_at, unknown
from workflows.messages.handoff import NEW_KEY, NEW_PASSWORD
from workflows.steps.new_user.handoff import renewed
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.own_access_key import (
    NOT_REPLACED,
    TAKEN_AWAY,
    SignInSeen,
    client_without_asking,
    not_asked,
    sign_in_seen_with_kept_key,
)
from workflows.steps.shared.own_identity import handoff_of, identity_of

_REPLACED = "Your password no longer works: a newer handoff has another."
_LASTS = timedelta(hours=1)
"""How long a sign-in counts as current; AWS ends console sessions after 12 hours, browsers maybe earlier."""
_RECORDED = "AWS has recorded your sign-in."
_NEEDED = "Takes the new password from another handoff."
_NOT_NEEDED = "Leaves it as it is: you don't sign in to the console."


@unique
class Proof(StrEnum):
    """Evidence of a sign-in besides AWS's."""

    NONE_CAME = "this user got no password, so there is nothing to sign in with"
    AS_IT_WAS = "your password stays as it was"
    BEFORE = "you already signed in"
    DECRYPTED = "decrypted here, and you chose a new password"
    CHOSEN = "you chose a new password"


@dataclass(frozen=True)
class Request:
    """The user's report of the sign-in.

    Attributes:
        chosen: they have signed in and chosen a new password.
        already: they had signed in with this user before, so the one-time password is used up.
        decrypted: the password was decrypted here.
    """

    chosen: bool = False
    already: bool = False
    decrypted: bool = False


def decrypt_password(
    passphrase: Secret | None, context: Context, report: Report, *, tty: str | None = None
) -> Secret:
    """Decrypt the one-time password. The passphrase is always dropped.

    Args:
        passphrase: for the PGP key, "" for a key without one; None lets gpg ask with its pinentry.
        tty: the terminal for pinentry; the application is suspended meanwhile.

    Raises:
        OnboardError: it couldn't be decrypted; usually `WrongPassphrase`.
    """
    try:
        report(Progress("Decrypting the password"))
        plain = decrypt(
            clean_ciphertext(identity_of(context).encrypted_password or ""),
            passphrase=passphrase,
            gnupg_home=context.environment.gnupg_home,
            environment=context.environment.variables,
            tty=tty,
            cancelled=context.cancelled,
        )
    finally:
        if passphrase is not None:
            passphrase.drop()
    # A password never ends with a line break; encrypting it by hand with `echo` adds one.
    with plain:
        return Secret(plain.reveal().rstrip("\r\n"))


def has_passphrase(context: Context) -> bool | None:
    """Return whether the key of the password has a passphrase; None if gpg doesn't say."""
    environment = context.environment
    with suppress(OnboardError):
        key = identity_of(context).key_fingerprint
        return keyring.has_passphrase(key, environment.gnupg_home, environment.variables)
    return None


def has_password(context: Context) -> bool:
    """Return whether the handoff has a password; a machine user gets none, and other roles bring none."""
    return identity_of(context).encrypted_password is not None


def replaces_password(context: Context) -> bool:
    """Return whether there was an earlier password, which an earlier sign-in may have used."""
    return handoff_of(context).occasion in {NEW_PASSWORD, NEW_KEY}


def replaces_key(context: Context) -> bool:
    """Return whether the password came for a new PGP key."""
    return handoff_of(context).occasion == NEW_KEY


def validate(request: Request, context: Context) -> list[Problem]:
    """Require the user's report of a sign-in, now or earlier."""
    if request.chosen or request.already or not has_password(context):
        return []
    return [
        Problem(
            "First sign in with the password and choose a new one.",
            "chosen",
        )
    ]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Record the sign-in as the user reports it, and as AWS does if a kept key can ask."""
    seen, proof = SignInSeen(), Proof.AS_IT_WAS if identity_of(context).sign_in_url else Proof.NONE_CAME
    first = not has_password(context) or (request.already and not replaces_password(context))
    since = "" if first else str(context.facts.get("accepted_at") or "")
    if has_password(context):
        report(Progress("Looking for a key to ask AWS with"))
        seen = sign_in_seen_with_kept_key(context, identity_of(context), since, report)
        now = Proof.DECRYPTED if request.decrypted else Proof.CHOSEN
        proof = Proof.BEFORE if request.already else now
    at = context.environment.now().isoformat(timespec="seconds")
    signed_in = {"at": at, "since": since, "proof": proof, "recorded": seen.words, "seen": seen.recorded}
    return {"signed_in": signed_in}


def evidence(context: Context) -> tuple[str, Sentence]:
    """Return when AWS last confirmed the sign-in, and how; both "" on the user's word alone.

    AWS was asked when the user signed in, when they kept an access key after the password came, or in a look.
    """
    signed_in, key = context.facts.get("signed_in") or {}, context.facts.get("access_key") or {}
    confirmed = context.confirmed("sign-in")
    if signed_in.get("seen"):
        return max(str(signed_in["at"]), confirmed), signed_in["recorded"]
    since = str(signed_in.get("since", signed_in.get("at")) or "")
    if key.get("signed_in") and (
        not since or moment(key["at"], "access_key.at") >= moment(since, "signed_in.since")
    ):
        return max(str(key["at"]), confirmed), key["signed_in"]
    return confirmed, _RECORDED if confirmed else ""


def _without_looking(context: Context) -> Observation | None:
    """Say that there is no password, or that a newer handoff makes it void; None if neither is so."""
    if not identity_of(context).sign_in_url:
        return AGREES
    return unknown(_REPLACED) if context.item in renewed(context) else None


def just_now(context: Context) -> bool:
    """Return whether the user signed in so recently that the console is still open."""
    signed_in = context.facts.get("signed_in") or {}
    if signed_in.get("proof") not in {Proof.DECRYPTED, Proof.CHOSEN}:
        return False
    return context.environment.now() - moment(signed_in["at"], "signed_in.at") < _LASTS


def observe(context: Context) -> Observation:
    """Use AWS's record of the sign-in: only a sign-in shows whether a password still works."""
    if known := _without_looking(context):
        return known
    at, _ = evidence(context)
    return seen_at(at, context.environment.now()) if at else SAID_SO


def inquire(context: Context) -> Observation:
    """Check what AWS has recorded of the sign-in, if the kept key can be read without asking.

    Raises:
        OnboardError: the key can't be read, or AWS can't be asked.
    """
    if known := _without_looking(context):
        return known
    with client_without_asking("iam", context) as client:
        if client is None:
            return not_asked(context)
        password = iam.password_state(client)
        if password is PasswordState.NONE:
            return Observation(Verdict.GONE, TAKEN_AWAY, continuing=_NOT_NEEDED, redoing=_NEEDED)
        if password is PasswordState.ONE_TIME:
            return Observation(Verdict.UNDONE, NOT_REPLACED)
        used, since = iam.password_last_used(client), context.facts["signed_in"].get("since")
    if used is None or (since and used < moment(since, "signed_in.since")):
        return replace(NOT_ASKED, remedy="AWS records sign-ins a few minutes late: look again then.")
    # Unless AWS says that the password wasn't reset after it, the sign-in confirms only its own time.
    at = (
        ""
        if password is PasswordState.CHOSEN
        else max(used.isoformat(timespec="seconds"), evidence(context)[0])
    )
    return replace(AGREES, at=at)
