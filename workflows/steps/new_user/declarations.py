"""The new user's steps as the machine knows them: what each needs and gives, and when it applies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workflows.core.shapes import WrongShape, reading
from workflows.machine.declaration import Step
from workflows.machine.events import Facts


def _read_handoff(facts: Facts) -> object:
    """Refuse a handoff that its step would not take, and accounts that it does not have."""
    if facts.get("handoff") is None:
        return None
    from workflows.messages.envelope import MessageError  # noqa: PLC0415 - not to list sessions without one
    from workflows.messages.handoff import handoff_from  # noqa: PLC0415

    reading(handoff=Mapping[str, Any])(facts)
    try:
        handoff = handoff_from(facts["handoff"])
    except MessageError as error:
        raise WrongShape("handoff", "what your admin sent") from error
    lacking = set(facts.get("identities") or ()) - {identity.account_name for identity in handoff.identities}
    if lacking:
        raise WrongShape("identities", "the accounts of the handoff")
    return handoff


BEFORE_YOU_START = Step(
    id="before-you-start",
    title="Before you start",
    heading="Say who you are in AWS",
    purpose="Ten minutes now, a wait for your admin, then ten minutes more.",
    gives=("project", "user", "tools"),
    reads=reading(project=str, user=str, tools=Mapping[str, str]),
)

PGP_KEY = Step(
    id="pgp-key",
    title="PGP key",
    heading="Choose your PGP key",
    purpose="Your first password comes encrypted to it, so that only you can read it.",
    needs=("project", "user"),
    gives=("fingerprint", "key_made", "request_sent", "sent_at"),
    skippable=True,
    reads=reading(fingerprint=str, key_made=bool, request_sent=str, sent_at=datetime),
)

HANDOFF = Step(
    id="handoff",
    title="Handoff",
    purpose="It holds your accounts and your first password, encrypted to your key.",
    heading="Read the handoff from your admin",
    needs=("project", "user", "fingerprint"),
    gives=("handoff", "identities"),
    blocked_words="A handoff needs your PGP key first; skip that step if your admin has it already",
    reads=_read_handoff,
)

SIGN_IN = Step(
    id="sign-in",
    title="Sign in",
    purpose="Unlock your one-time password here, then choose your own in the browser.",
    heading="Sign in to {item}",
    needs=("handoff", "identities"),
    gives=("signed_in",),
    repeats_over="identities",
    blocked_words="Signing in needs the handoff from your admin",
    reads=reading(signed_in={"proof": str | None, "recorded": str | None}),
)

MFA = Step(
    id="mfa",
    title="MFA",
    heading="Register an authenticator app for {item}",
    purpose="With it, your password alone opens nothing.",
    needs=("handoff", "signed_in"),
    gives=("mfa",),
    skippable=True,
    repeats_over="identities",
    blocked_words="MFA needs that you have signed in",
    reads=reading(mfa={"serial": str | None, "how": str | None}),
)

ACCESS_KEYS = Step(
    id="access-keys",
    title="Access keys",
    heading="Keep an access key for {item}",
    purpose="For the aws command and programs. Only the console? Then skip this (^s).",
    needs=("handoff", "signed_in", "mfa"),
    gives=("access_key",),
    skippable=True,
    repeats_over="identities",
    blocked_words="Access keys needs that MFA is done or skipped",
    reads=reading(
        access_key={
            "id": str | None,
            "kept": str,
            "how": str | None,
            "mfa_serial": str | None,
            "told": list[str] | None,
        }
    ),
)

PROFILES = Step(
    id="profiles",
    title="Profiles",
    heading="Write your profiles for {item}",
    purpose="For the aws command. Everything else in these files stays as it is.",
    needs=("handoff", "mfa", "access_key"),
    gives=("profiles",),
    skippable=True,
    repeats_over="identities",
    blocked_words="Profiles needs that Access keys is done or skipped",
    reads=reading(
        profiles={
            "names": list[str],
            "config": str,
            "credentials": str,
            "region": str | None,
            "mfa_names": bool | None,
        }
    ),
)

VERIFY = Step(
    id="verify",
    title="Verify",
    heading="Use your profiles in your shell",
    purpose="iam-onboard tries every profile, then shows the lines for your shell.",
    needs=("handoff", "profiles"),
    gives=("verified",),
    skippable=True,
    blocked_words="Verify needs that Profiles is done or skipped",
    reads=reading(
        verified={
            "results": [
                {"profile": str, "arn": str | None, "problem": str | None, "title": str | None},
            ],
            "chosen": str | None,
        }
    ),
)
