"""What a handoff says of one person in one account: from the state, checked against the key that was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflows.core.errors import OnboardError
from workflows.core.openpgp import grouped
from workflows.layer.model import Layer
from workflows.layer.profile_names import account_profile
from workflows.layer.project import Project
from workflows.messages.handoff import Identity, RoleProfile, sign_in_url
from workflows.services.gpg.decrypt import NotAMessage, clean_ciphertext, is_for
from workflows.services.gpg.details import KeyDetails
from workflows.services.gpg.inspect import inspect_key
from workflows.services.gpg.normalise import normalise
from workflows.services.password_policy import describe_password_policy
from workflows.services.terraform.state import AccessKey, Role, State
from workflows.steps.handed import ACCESS_KEY, BOTH, PASSWORD

_POLICY_DEFAULTS: Mapping[str, object] = {
    "minimum_password_length": 8,
    "require_lowercase_characters": True,
    "require_uppercase_characters": True,
    "require_numbers": True,
    "require_symbols": True,
}
"""What terraform-aws-iam's module iam-account does where a layer says nothing (its variables.tf, 5.60)."""


class NotForThisKey(OnboardError):  # noqa: N818 - it says what is wrong
    """Something in the state is not encrypted to the key that it should be for."""


@dataclass(frozen=True)
class Source:
    """Where a person's identity in one account comes from.

    Attributes:
        project: the project.
        layer: the layer's files, read.
        state: what its state says.
    """

    project: Project
    layer: Layer
    state: State


def identity(
    source: Source,
    name: str,
    key_text: str,
    environment: Mapping[str, str],
    parts: frozenset[str] = BOTH,
) -> Identity:
    """One person's identity in one account, for a handoff.

    Args:
        source: the account's layer and state.
        name: the IAM user.
        key_text: the public key that everything has to be encrypted to, as its key file holds it.
        environment: for gpg.
        parts: what is to be handed over, of `PASSWORD` and `ACCESS_KEY`.

    Raises:
        NotForThisKey: a password or secret is in clear, or encrypted to another key.
        OnboardError: the state does not have the person, or nothing to hand over.
    """
    state, account = source.state, source.layer.location.account
    if name not in state.users:
        raise OnboardError(
            "Not in the state",
            f"The state of {account} has no user {name}.",
            next="Check that the apply went through; plan again to see what is left.",
        )
    details = inspect_key(normalise(key_text).binary, environment=environment)
    password = _password(state, name, details) if PASSWORD in parts else None
    key = _access_key(state, name, details) if ACCESS_KEY in parts else None
    if password is None and key is None:
        raise OnboardError(
            "Nothing to hand over",
            f"The state of {account} has no {' and no '.join(sorted(parts))} of {name}.",
            next="Check the layer: create_iam_user_login_profile has to be true for people.",
        )
    partition = state.partition or "aws"
    account_id = state.account_id or source.layer.location.account_id or ""
    return Identity(
        account_name=account,
        account_alias=state.account_alias,
        account_id=account_id,
        user=name,
        sign_in_url=sign_in_url(state.account_alias or account_id, partition) if password else "",
        encrypted_password=password,
        key_fingerprint=details.fingerprint,
        region=source.project.region_primary,
        partition=partition,
        mfa_required=password is not None,
        password_policy=policy_words(source.layer) if password else (),
        profiles=role_profiles(source.project, state.roles_of(name), account_id),
        access_key_id=key.access_key_id if key else None,
        encrypted_secret=_one_line(key.encrypted_secret) if key else None,
        mfa_names=source.project.mfa_enabled,
    )


def _password(state: State, name: str, details: KeyDetails) -> str | None:
    profile = state.login_profiles.get(name)
    if profile is None:
        return None
    if profile.clear:
        raise _in_clear(f"The console password of {name}")
    _check(profile.encrypted_password, details, f"The console password of {name}")
    return _one_line(profile.encrypted_password)


def _access_key(state: State, name: str, details: KeyDetails) -> AccessKey | None:
    keys = [key for key in state.access_keys.get(name, ()) if key.status != "Inactive"]
    if not keys:
        return None
    key = keys[-1]
    if key.clear:
        raise _in_clear(f"The secret access key of {name}")
    _check(key.encrypted_secret, details, f"The secret access key of {name}")
    return key


def _check(ciphertext: str, details: KeyDetails, what: str) -> None:
    """Refuse what the owner of the key cannot open.

    Raises:
        NotForThisKey: it is empty, no message, or for another key.
    """
    try:
        meant = bool(ciphertext) and is_for(clean_ciphertext(ciphertext), details)
    except NotAMessage as error:
        raise NotForThisKey("Not an encrypted text", f"{what} in the state: {error.what}") from error
    if not meant:
        raise NotForThisKey(
            "Not for this key",
            f"{what} in the state is not encrypted to the key {grouped(details.fingerprint)}.",
            why="It was made with another key, perhaps before the key file was replaced.",
            next="Plan again: a changed key file makes a new password. Nothing was handed over.",
        )


def _in_clear(what: str) -> NotForThisKey:
    return NotForThisKey(
        "A secret in clear",
        f"{what} is in the state unencrypted: it was made without a PGP key.",
        why="Whoever can read the state can read it, so it is not handed over.",
        next="Give the user a key file in the layer, and plan again: it will be made anew.",
    )


def _one_line(base64_text: str) -> str:
    return "".join(base64_text.split())


def policy_words(layer: Layer) -> tuple[str, ...]:
    """The account's password policy as sentences, from the layer; AWS's default where it makes none."""
    settings = layer.account
    if settings is None:
        return ()
    values: dict[str, object] = {**_POLICY_DEFAULTS, **{one.name: one.value for one in settings.policy}}
    if values.get("create_account_password_policy") is False:
        return tuple(describe_password_policy({}))
    return tuple(describe_password_policy(values))


def role_profiles(project: Project, roles: tuple[Role, ...], own_account: str) -> tuple[RoleProfile, ...]:
    """The profiles for roles of the project's accounts, each name once.

    A role in any account (`*`) counts for every account of the project but the user's own. One in an account
    that the project does not know is named by the account's id.
    """
    found: dict[str, RoleProfile] = {}
    for role in roles:
        for account_name, account_id in _accounts(project, role, own_account):
            profile = account_profile(project, account_name, role.name)
            found.setdefault(profile, RoleProfile(profile, role.name, account_name, account_id))
    return tuple(found.values())


def _accounts(project: Project, role: Role, own_account: str) -> Iterator[tuple[str, str]]:
    if role.account_id == "*":
        yield from ((one.name, one.id) for one in project.accounts if one.id and one.id != own_account)
        return
    known = next((one.name for one in project.accounts if one.id == role.account_id), role.account_id)
    yield known, role.account_id
