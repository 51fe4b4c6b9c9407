"""The new user's workflow: the declaration of each step, and the list of all at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from workflows.core.shapes import WrongShape, reading
from workflows.machine.declaration import Step, Workflow
from workflows.machine.events import Facts


def _read_handoff(facts: Facts) -> object:
    """Check the facts of the step Handoff, and return the handoff, or None if there is none.

    Raises:
        WrongShape: the step would not accept the handoff, or the facts name accounts that it lacks.
    """
    reading(
        handoff=Mapping[str, Any], accepted_at=datetime, replaced_passwords=list[str], left_out=list[str]
    )(facts)
    if facts.get("handoff") is None:
        return None
    from workflows.messages.envelope import MessageError  # noqa: PLC0415 - not to list sessions without one
    from workflows.messages.handoff import handoff_from  # noqa: PLC0415

    try:
        handoff = handoff_from(facts["handoff"])
    except MessageError as error:
        raise WrongShape("handoff", "what your admin sent") from error
    lacking = set(facts.get("identities") or ()) - {identity.account_name for identity in handoff.identities}
    if lacking:
        raise WrongShape("identities", "the accounts of the handoff")
    return handoff


def _identity(handoff: Mapping[str, Any], account: str, of: Callable[[str], bool]) -> list[object]:
    """Return the handoff's project, and one account's fields for which `of` is true."""
    return [
        handoff["project"],
        *(
            {name: value for name, value in identity.items() if of(name)}
            for identity in handoff["identities"]
            if isinstance(identity, Mapping) and identity["account_name"] == account
        ),
    ]


_OF_THE_PASSWORD = {"encrypted_password", "key_fingerprint", "password_policy"}
_SIGNS_IN = {"account_id", "user", "sign_in_url", "encrypted_password"}
_USER = {"account_id", "user", "partition"}
_KEY_OF_THE_LAYER = {"access_key_id", "encrypted_secret"}


def _sign_in(handoff: Mapping[str, Any], account: str) -> list[object]:
    """Return the fields that Sign in depends on; for example, another role does not require a new sign-in."""
    return _identity(handoff, account, lambda name: name in _SIGNS_IN)


def _account(handoff: Mapping[str, Any], account: str) -> list[object]:
    """Return the fields that Profiles depends on: all but those about the password."""
    return _identity(handoff, account, lambda name: name not in _OF_THE_PASSWORD)


def _user(handoff: Mapping[str, Any], account: str) -> list[object]:
    """Return the fields that MFA depends on: not the roles or the password."""
    return _identity(handoff, account, lambda name: name in _USER)


def _user_with_key(handoff: Mapping[str, Any], account: str) -> list[object]:
    """Return the same, and the access key that the layer made for a machine user."""
    return _identity(handoff, account, lambda name: name in _USER | _KEY_OF_THE_LAYER)


def _kept(access_key: Any, _item: str) -> Any:
    """Return the key's id, its place and the device that AWS named, without any times."""
    if not isinstance(access_key, Mapping):
        return access_key  # the step Access keys reports that it is damaged
    return [access_key.get(name) for name in ("id", "kept", "mfa_serial")]


def _every_account(handoff: Mapping[str, Any], _item: str) -> list[object]:
    """Return the same as `_account` for all accounts."""
    given = (identity for identity in handoff["identities"] if isinstance(identity, Mapping))
    return [_account(handoff, identity["account_name"]) for identity in given]


def _device(mfa: Any, _item: str) -> Any:
    """Return the device's serial number, or the whole fact if AWS has not named the device."""
    return (isinstance(mfa, Mapping) and mfa.get("serial")) or mfa


def _done(_fact: Any, _item: str) -> bool:
    """Return a constant, so that only whether the fact exists counts, not its value."""
    return True


_OF_THE_SIGN_IN = {"handoff": _sign_in}
_OF_THE_DEVICE = {"handoff": _user, "signed_in": _done}
_OF_THE_KEY = {"handoff": _user_with_key, "signed_in": _done, "mfa": _done}
_OF_THE_PROFILES = {"handoff": _account, "access_key": _kept, "mfa": _device}


BEFORE_YOU_START = Step(
    id="before-you-start",
    title="Before you start",
    heading="Enter your project and user name",
    purpose="Ten minutes until your request is out, and ten more once you have a handoff.",
    gives=("project", "user", "tools"),
    reads=reading(project=str, user=str, tools=Mapping[str, str]),
)

PGP_KEY = Step(
    id="pgp-key",
    title="PGP key",
    heading="Choose your PGP key",
    purpose="Your first password is encrypted to it, so only you can read it.",
    needs=("project", "user"),
    gives=(
        "fingerprint",
        "replaced",
        "key_made",
        "request_sent",
        "request_file",
        "request_copied",
        "sent_at",
    ),
    skippable=True,
    reads=reading(
        fingerprint=str,
        replaced=list[str],
        key_made=bool,
        request_sent=str,
        request_file=str,
        request_copied=str,
        sent_at=datetime,
    ),
)

HANDOFF = Step(
    id="handoff",
    title="Handoff",
    purpose="It names your accounts and roles; any password is encrypted to your key.",
    heading="Read the handoff from your admin",
    needs=("project", "user", "fingerprint"),
    gives=("handoff", "identities", "accepted_at", "replaced_passwords", "left_out"),
    blocked_words="Choose your PGP key first; skip that step if your admin has it already",
    reads=_read_handoff,
)

SIGN_IN = Step(
    id="sign-in",
    title="Sign in",
    purpose="Unlock your one-time password here, then choose your own in the browser.",
    heading="Sign in to {item}",
    needs=("handoff",),
    gives=("signed_in",),
    repeats_over="identities",
    parts=_OF_THE_SIGN_IN,
    blocked_words="Read the handoff from your admin first",
    reads=reading(
        signed_in={
            "at": str | None,
            "since": str | None,
            "proof": str | None,
            "recorded": str | None,
            "seen": bool | None,
        }
    ),
)

MFA = Step(
    id="mfa",
    title="MFA",
    heading="Register an authenticator app for {item}",
    purpose="With it, nobody can sign in with your password alone.",
    needs=("handoff", "signed_in"),
    gives=("mfa",),
    skippable=True,
    repeats_over="identities",
    parts=_OF_THE_DEVICE,
    blocked_words="Sign in to this account first",
    reads=reading(mfa={"serial": str | None, "how": str | None, "at": str | None}),
)

ACCESS_KEYS = Step(
    id="access-keys",
    title="Access keys",
    heading="Keep an access key for {item}",
    purpose="For the aws command, and to confirm your sign-in. Console only? Skip (^s).",
    needs=("handoff", "signed_in", "mfa"),
    gives=("access_key",),
    skippable=True,
    repeats_over="identities",
    parts=_OF_THE_KEY,
    blocked_words="Do or skip MFA first",
    reads=reading(
        access_key={
            "id": str | None,
            "kept": str,
            "how": str | None,
            "file": str | None,
            "mfa_serial": str | None,
            "at": str | None,
            "signed_in": str | None,
            "old_ids": list[str] | None,
            "old_seen": bool | None,
            "told": list[str] | None,
        }
    ),
)

PROFILES = Step(
    id="profiles",
    title="Profiles",
    heading="Write your profiles for {item}",
    purpose="For the aws command. Profiles that you made yourself stay as they are.",
    needs=("handoff", "mfa", "access_key"),
    gives=("profiles",),
    skippable=True,
    repeats_over="identities",
    parts=_OF_THE_PROFILES,
    blocked_words="Do or skip Access keys first",
    reads=reading(
        profiles={
            "names": list[str],
            "config": str,
            "credentials": str,
            "region": str | None,
            "mfa_names": bool | None,
            "left": list[str] | None,
        }
    ),
)

VERIFY = Step(
    id="verify",
    title="Verify",
    heading="Test your profiles and set up your shell",
    purpose="iam-onboard tests every profile, then shows the lines for your shell.",
    needs=("handoff", "mfa", "access_key", "profiles"),
    gives=("verified",),
    skippable=True,
    tests=True,
    parts={"handoff": _every_account, "access_key": _kept},
    blocked_words="Do or skip Profiles first",
    reads=reading(
        verified={
            "total": int | None,
            "results": [
                {
                    "profile": str,
                    "arn": str | None,
                    "problem": str | None,
                    "title": str | None,
                    "for_admin": bool | None,
                },
            ],
            "chosen": str | None,
            "at": str | None,
        }
    ),
)

NEW_USER = Workflow(
    "new-user",
    "New user",
    (
        BEFORE_YOU_START,  # what is needed, and what is installed
        PGP_KEY,  # a PGP key, whose public key goes to the admin; then a wait
        HANDOFF,  # what the admin sent back
        SIGN_IN,  # for each identity: decrypt the password, sign in, choose another
        MFA,  # … register an authenticator app
        ACCESS_KEYS,  # … create an access key, if one is needed
        PROFILES,  # … write ~/.aws/<project>/
        VERIFY,  # try every profile
    ),
)
