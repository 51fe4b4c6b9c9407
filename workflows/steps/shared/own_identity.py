"""The new user's identity in a repeated step: who it is, and where its profiles are.

Each step after the handoff works on one of its identities (a user in the management or the security account).
This module defines how to find it in the facts and what its things are called.
"""

from __future__ import annotations

from contextlib import suppress

from workflows.aws.authenticator import entry_name
from workflows.aws.clients import USUAL, ClientFactory, Patience, ProfileFiles
from workflows.core.processes import child_environment
from workflows.core.sentences import OnboardError
from workflows.environment import Environment
from workflows.gpg.keyring import list_secret_keys
from workflows.gpg.verdict import judge
from workflows.messages.handoff import Handoff, Identity, handoff_from
from workflows.profiles.plan import base_name
from workflows.profiles.write import ProfilePaths, profile_paths
from workflows.steps.shared.module import Context
from workflows.stores.key_records import KeyRecords

NEW_HANDOFF = "If your roles changed, you need a new handoff from your admin. Read it on Handoff (F2)."


def handoff_of(context: Context) -> Handoff:
    """Return the session's handoff, checked again as on arrival, or a command's.

    Raises:
        MessageError: the session holds no handoff (its file was damaged).
    """
    handoff = context.facts["handoff"]
    return handoff if isinstance(handoff, Handoff) else handoff_from(handoff)


def identity_of(context: Context, account: str = "") -> Identity:
    """Return the identity of an account.

    Args:
        account: the account's name, or "" for the step's item.

    Raises:
        OnboardError: the handoff has no identity there.
    """
    wanted = account or context.item
    for identity in handoff_of(context).identities:
        if identity.account_name == wanted:
            return identity
    raise OnboardError(
        "Not in the handoff",
        f"The handoff has no user in {wanted}.",
        next="Do the step “Handoff” again with your admin's newest message.",
    )


def fingerprint_of(context: Context, identity: Identity) -> str:
    """Return the fingerprint of the user's own PGP key: the chosen one, else the handoff's, else one here.

    Without any, "".
    """
    return named_fingerprint(context, identity) or next(iter(usable_here(context, identity)), "")


def named_fingerprint(context: Context, identity: Identity) -> str:
    """Return the fingerprint of the key that was chosen or is in the handoff, or ""."""
    return str(context.facts.get("fingerprint") or identity.key_fingerprint)


def usable_here(context: Context, identity: Identity) -> tuple[str, ...]:
    """Return the fingerprints of the usable keys in the keyring, first that of the kept access key."""
    environment, now = context.environment, context.environment.now()
    with suppress(OnboardError):  # without gpg there is none
        keys = list_secret_keys(environment.gnupg_home, environment.variables)
        fits = (key.details for key in keys if key.opens(now) and judge(key.details, None, now).accepted)
        usable = [details.fingerprint for details in fits]
        records = KeyRecords(environment.key_records_folder)
        record = records.get(project_of(context), base_profile_of(context, identity))
        first = record.fingerprint if record else ""
        return (*sorted(usable, key=lambda fingerprint: fingerprint != first),)
    return ()


def base_profile_of(context: Context, identity: Identity) -> str:
    """Return the name of the identity's base profile, such as "bb-security"; a command may set another."""
    return str(context.facts.get("base_profile") or base_name(project_of(context), identity.account_name))


def project_of(context: Context) -> str:
    """Return the project's short name from the handoff."""
    return handoff_of(context).project


def paths_of(context: Context) -> ProfilePaths:
    """Return the paths of the project's two profile files in the user's home."""
    return profile_paths(context.environment.home, project_of(context))


def files_of(context: Context) -> ProfileFiles:
    """Return the same two files as the AWS clients take them."""
    paths = paths_of(context)
    return ProfileFiles(paths.config, paths.credentials)


def clients_for(environment: Environment, region: str, patience: Patience = USUAL) -> ClientFactory:
    """Return a factory of AWS clients in a user's environment."""
    variables = child_environment(environment.variables)
    return ClientFactory(environment.endpoint_url, region, environment=variables, patience=patience)


def sign_in_page(context: Context, identity: Identity) -> str:
    """Return the sign-in page; "" for a user without a console password."""
    return context.environment.open_page(identity.sign_in_url) if identity.sign_in_url else ""


def entry_in_app(serial: str, identity: Identity) -> str:
    """Return the name of a device's entry in the authenticator app."""
    return entry_name(serial.rsplit("/", 1)[-1], identity.account_alias or identity.account_id)


def account_label(identity: Identity) -> str:
    """Return the account for display: its alias and number, or the number alone."""
    if identity.account_alias:
        return f"{identity.account_alias} ({identity.account_id})"
    return identity.account_id
