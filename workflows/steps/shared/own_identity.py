"""The new user's identity that a repeated step is about: who it is, and where its profiles are.

The steps after the handoff all work on one identity of it (a user in the management or the security account);
they agree here on how it is found in the facts and what its things are called.
"""

from __future__ import annotations

from workflows.aws.clients import USUAL, ClientFactory, Patience, ProfileFiles
from workflows.core.errors import OnboardError
from workflows.core.processes import child_environment
from workflows.environment import Environment
from workflows.messages.handoff import Handoff, Identity, handoff_from
from workflows.profiles.plan import base_name
from workflows.profiles.write import ProfilePaths, profile_paths
from workflows.steps.shared.module import Context


def handoff_of(context: Context) -> Handoff:
    """The handoff that the session keeps, checked again as on its arrival; or the one that a command made.

    Raises:
        MessageError: what the session keeps is no handoff (the session's file was damaged).
    """
    handoff = context.facts["handoff"]
    return handoff if isinstance(handoff, Handoff) else handoff_from(handoff)


def identity_of(context: Context, account: str = "") -> Identity:
    """The identity of an account.

    Args:
        context: of the step.
        account: the account's name, or "" for the one that the step is repeated for.

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
        next="Do the step “Handoff” again with the newest message of your admin.",
    )


def fingerprint_of(context: Context, identity: Identity) -> str:
    """The fingerprint of the person's own PGP key: the chosen one, else the one the handoff is for."""
    return str(context.facts.get("fingerprint") or identity.key_fingerprint)


def base_profile_of(context: Context, identity: Identity) -> str:
    """The name of the identity's base profile, as "bb-security"; a command may give another one."""
    return str(context.facts.get("base_profile") or base_name(project_of(context), identity.account_name))


def project_of(context: Context) -> str:
    """The project's short name, as the handoff says it."""
    return handoff_of(context).project


def paths_of(context: Context) -> ProfilePaths:
    """Where the project's two profile files are, in the person's home."""
    return profile_paths(context.environment.home, project_of(context))


def files_of(context: Context) -> ProfileFiles:
    """The same two files, as the AWS clients take them."""
    paths = paths_of(context)
    return ProfileFiles(paths.config, paths.credentials)


def clients_for(environment: Environment, region: str, patience: Patience = USUAL) -> ClientFactory:
    """What makes AWS clients in a person's environment."""
    variables = child_environment(environment.variables)
    return ClientFactory(environment.endpoint_url, region, environment=variables, patience=patience)


def sign_in_page(context: Context, identity: Identity) -> str:
    """What the browser opens to sign in; "" for a user without a password for the console."""
    return context.environment.open_page(identity.sign_in_url) if identity.sign_in_url else ""


def account_label(identity: Identity) -> str:
    """The account for people: its alias and number, or the number alone."""
    if identity.account_alias:
        return f"{identity.account_alias} ({identity.account_id})"
    return identity.account_id
