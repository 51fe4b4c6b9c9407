"""Whose profiles are written without a screen: an identity of the handoff, or one that the project implies.

Somebody without a handoff has the project's own list of accounts, and the names that are usual.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflows.core.errors import OnboardError
from workflows.layer.project import Project
from workflows.messages.handoff import Handoff, RoleProfile
from workflows.profiles.plan import partition_of_region
from workflows.steps.shared.role_profiles import conventional_profiles


@dataclass(frozen=True)
class ProfileOwner:
    """An identity whose profiles are wanted (an `IdentityLike`).

    Attributes:
        account_name: the account that its user is in.
        account_id: its twelve digits.
        user: the IAM user, or "" where unknown.
        region: the region of the account's layer, or the project's.
        partition: the AWS partition.
        profiles: the roles.
        source: where the roles are known from, in words.
        mfa_names: whether the project's Leverage CLI reads role profiles named `…-mfa`.
    """

    account_name: str
    account_id: str
    user: str
    region: str
    partition: str
    profiles: tuple[RoleProfile, ...]
    source: str
    mfa_names: bool


def owner_of_handoff(handoff: Handoff, account: str) -> ProfileOwner:
    """The identity of an account in a handoff.

    Raises:
        OnboardError: the handoff has none there.
    """
    for one in handoff.identities:
        if one.account_name == account:
            source = f"the handoff for {one.user}"
            place = (account, one.account_id, one.user, one.region, one.partition)
            return ProfileOwner(*place, one.profiles, source, one.mfa_names)
    known = ", ".join(one.account_name for one in handoff.identities)
    raise OnboardError(
        "Not in the handoff",
        f"The handoff has no user in {account}.",
        next=f"It has one in: {known}. Use `--as` with one of them, or join with the newest handoff first.",
    )


def owner_by_convention(project: Project, account: str) -> ProfileOwner:
    """Somebody of an account, with the roles that are usual there.

    Raises:
        OnboardError: the project has no such account, or nobody assumes roles from it by convention.
        BadVariables: an account's backend file cannot be read.
    """
    found = project.account(account)
    if found is None:
        known = ", ".join(one.name for one in project.accounts)
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
    region, source = project.region_of(account), "`accounts` in the project's common variables"
    place = (account, found.id, "", region, partition_of_region(region))
    return ProfileOwner(*place, profiles, source, project.mfa_enabled)
