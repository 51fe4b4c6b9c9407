"""The new user's workflow: what each step needs and gives, and when it applies; at the end their list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from workflows.core.shapes import WrongShape, reading
from workflows.machine.declaration import Step, Workflow
from workflows.machine.events import Facts


def _read_handoff(facts: Facts) -> object:
    """Refuse a handoff that its step would not take, and accounts that it does not have."""
    reading(handoff=Mapping[str, Any], accepted_at=datetime, left_out=list[str])(facts)
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
    """What a handoff says of one account in these fields, and of no other account."""
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
    """Who signs in where with which password: a role more makes nobody use a spent password again."""
    return _identity(handoff, account, lambda name: name in _SIGNS_IN)


def _account(handoff: Mapping[str, Any], account: str) -> list[object]:
    """What it says besides the password: a reset changes nothing here."""
    return _identity(handoff, account, lambda name: name not in _OF_THE_PASSWORD)


def _user(handoff: Mapping[str, Any], account: str) -> list[object]:
    """Whose device it is: a role more, or another password, registers none."""
    return _identity(handoff, account, lambda name: name in _USER)


def _user_with_key(handoff: Mapping[str, Any], account: str) -> list[object]:
    """The same, with the access key that the layer made: machine users keep that one."""
    return _identity(handoff, account, lambda name: name in _USER | _KEY_OF_THE_LAYER)


def _kept(access_key: Any, _item: str) -> Any:
    """Which key is kept where, and the device that AWS named: not when it was kept or looked at."""
    if not isinstance(access_key, Mapping):
        return access_key  # its own step says that it is damaged
    return [access_key.get(name) for name in ("id", "kept", "mfa_serial")]


def _every_account(handoff: Mapping[str, Any], _item: str) -> list[object]:
    """The same of all its accounts."""
    given = (identity for identity in handoff["identities"] if isinstance(identity, Mapping))
    return [_account(handoff, identity["account_name"]) for identity in given]


def _device(mfa: Any, _item: str) -> Any:
    """Which device it is, where AWS has named it: not when."""
    return (isinstance(mfa, Mapping) and mfa.get("serial")) or mfa


def _done(_fact: Any, _item: str) -> bool:
    """Only that it was done: another password or another device changes nothing here."""
    return True


_OF_THE_SIGN_IN = {"handoff": _sign_in}
_OF_THE_DEVICE = {"handoff": _user, "signed_in": _done}
_OF_THE_KEY = {"handoff": _user_with_key, "signed_in": _done, "mfa": _done}
_OF_THE_PROFILES = {"handoff": _account, "access_key": _kept, "mfa": _device}


BEFORE_YOU_START = Step(
    id="before-you-start",
    title="Before you start",
    heading="Enter your project and user name",
    purpose="Ten minutes now, and ten more once your admin has answered.",
    gives=("project", "user", "tools"),
    reads=reading(project=str, user=str, tools=Mapping[str, str]),
)

PGP_KEY = Step(
    id="pgp-key",
    title="PGP key",
    heading="Choose your PGP key",
    purpose="Your first password is encrypted to it, so only you can read it.",
    needs=("project", "user"),
    gives=("fingerprint", "replaced", "key_made", "request_sent", "request_copied", "sent_at"),
    skippable=True,
    reads=reading(
        fingerprint=str,
        replaced=list[str],
        key_made=bool,
        request_sent=str,
        request_copied=str,
        sent_at=datetime,
    ),
)

HANDOFF = Step(
    id="handoff",
    title="Handoff",
    purpose="It holds your accounts and a one-time password, encrypted to your key.",
    heading="Read the handoff from your admin",
    needs=("project", "user", "fingerprint"),
    gives=("handoff", "identities", "accepted_at", "left_out"),
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
    interrupted_words="Unlock the password again; gpg may still remember your passphrase.",
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
    purpose="From then on, nobody can sign in with your password alone.",
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
    purpose="For the aws command. Skip this (^s) if you only use the console.",
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
    purpose="For the aws command. Your other profiles stay as they are.",
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
    parts={"handoff": _every_account, "access_key": _kept},
    blocked_words="Do or skip Profiles first",
    reads=reading(
        verified={
            "total": int | None,
            "results": [
                {"profile": str, "arn": str | None, "problem": str | None, "title": str | None},
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
        BEFORE_YOU_START,  # what is needed, what is here
        PGP_KEY,  # a good PGP key, its public half to the admin; then a wait
        HANDOFF,  # what the admin sent back
        SIGN_IN,  # for each identity: decrypt, sign in, choose a password
        MFA,  # … register an authenticator app
        ACCESS_KEYS,  # … an access key, if one is needed
        PROFILES,  # … ~/.aws/<project>/
        VERIFY,  # every profile says who it is
    ),
)
