"""The identity whose profiles a command writes: from the handoff, or implied by the project.

Without a handoff, the project's own list of accounts and the usual names are used.
"""

from __future__ import annotations

from dataclasses import replace

from workflows.core.errors import OnboardError
from workflows.layer.model import Project
from workflows.messages.handoff import Handoff, Identity
from workflows.profiles.plan import partition_of_region
from workflows.steps.shared.role_profiles import conventional_profiles


def identity_in(handoff: Handoff, account: str) -> Identity:
    """Return the identity of an account in a handoff; "" selects the only one.

    Raises:
        OnboardError: the handoff has none there, or several accounts and none is named.
    """
    found = [identity for identity in handoff.identities if account in {"", identity.account_name}]
    if found and (account or len(found) == 1):
        return found[0]
    known = ", ".join(identity.account_name for identity in handoff.identities)
    raise OnboardError(
        "Not in the handoff" if account else "Which account?",
        f"The handoff has no user in {account}." if account else "The handoff is for several accounts.",
        next=f"It has one in: {known}. Use `--as` with one of them, or join with the newest handoff first.",
    )


def usual_identity(project: Project, account: str) -> Identity:
    """Return an identity of an account with the roles that are usual there; its user is unknown.

    Raises:
        OnboardError: the project has no such account, nobody assumes roles from it by convention, or none is
            named.
        BadVariables: an account's backend file can't be read.
    """
    if not account:
        usual = [listed.name for listed in project.accounts if conventional_profiles(project, listed.name)]
        raise OnboardError(
            "Which account?",
            "Without a handoff, iam-onboard doesn't know which account your user is in.",
            next=f"Name it with `--as`. People usually have their user in: {', '.join(usual)}.",
        )
    found = project.account(account)
    if found is None:
        known = ", ".join(listed.name for listed in project.accounts)
        raise OnboardError(
            "No such account",
            f"The project has no account {account}.",
            next=f"Its accounts: {known}.",
        )
    profiles = conventional_profiles(project, account)
    if not profiles:
        raise OnboardError(
            "No roles by convention",
            f"No file says which roles the users of {account} may assume.",
            why="By convention only users of management and security assume roles.",
            next="Use `--as security` or `--as management`, or join with the handoff from your admin.",
        )
    region = project.region_of(account)
    somebody = unknown_user(account, region)
    partition = partition_of_region(region)
    return replace(
        somebody, account_id=found.id, partition=partition, profiles=profiles, mfa_names=project.mfa_enabled
    )


def unknown_user(account: str, region: str) -> Identity:
    """Return an identity known only by its account's name and its layer's region."""
    return Identity(
        account,
        account_alias="",
        account_id="",
        user="",
        sign_in_url="",
        encrypted_password=None,
        key_fingerprint="",
        region=region,
    )
