"""The profiles for roles that a user may assume: those in the state, or else the usual ones.

Commands write them for an identity from the handoff, or one that the project's own list of accounts implies.
"""

from __future__ import annotations

from dataclasses import replace

from workflows.core.sentences import OnboardError
from workflows.layer.mentioned import account_in_name, account_profile
from workflows.layer.model import Project
from workflows.messages.handoff import Handoff, Identity, RoleProfile
from workflows.profiles.plan import base_name, partition_of_region
from workflows.terraform.state import Role

_ORGANISATION = frozenset({"management", "root"})
_ROLES = {**dict.fromkeys(_ORGANISATION, "OrganizationAccountAccessRole"), "security": "DevOps"}
"""The role that users of an account assume by convention, in every member account."""


def role_profiles(project: Project, roles: tuple[Role, ...], own_account: str) -> tuple[RoleProfile, ...]:
    """Return the profiles for roles in the project's accounts, each name once.

    A role in any account (`*`) counts for every account of the project but the user's own. A role in an
    account that the project doesn't know is named by the account's id.
    """
    found: dict[str, RoleProfile] = {}
    for role in roles:
        for account_name, account_id in _accounts(project, role, own_account):
            profile = account_profile(project, account_name, role.name)
            found.setdefault(profile, RoleProfile(profile, role.name, account_name, account_id))
    return tuple(found.values())


def _accounts(project: Project, role: Role, own_account: str) -> list[tuple[str, str]]:
    if role.account_id == "*":
        return [(each.name, each.id) for each in project.accounts if each.id not in {"", own_account}]
    named = (each.name for each in project.accounts if each.id == role.account_id)
    return [(next(named, role.account_id), role.account_id)]


def conventional_profiles(project: Project, account: str) -> tuple[RoleProfile, ...]:
    """Return the profiles that users of an account have by convention; none if its users assume no roles.

    From management (or root) the organisation's role in every other account, from security DevOps in every
    account but management.

    Raises:
        BadVariables: an account's backend file can't be read.
    """
    return tuple(
        RoleProfile(account_profile(project, name, role), role, name, account_id)
        for role, name, account_id in _roles(project, account)
    )


def has_by_convention(project: Project, account: str, profile: str) -> bool:
    """Return whether users of an account have a profile by convention, for their user or a role.

    Only the backend file of the account in the profile's name is read.

    Raises:
        BadVariables: it can't be read.
    """
    roles, target = _roles(project, account), account_in_name(project, profile)
    if not roles or target is None:
        return False
    return profile == base_name(project.name, account) or any(
        name == target.name and profile == account_profile(project, name, role) for role, name, _ in roles
    )


def _roles(project: Project, account: str) -> list[tuple[str, str, str]]:
    members = [each for each in project.accounts if each.id and each.name not in _ORGANISATION]
    return [(_ROLES[account], each.name, each.id) for each in members] if account in _ROLES else []


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
        usual = [listed.name for listed in project.accounts if _roles(project, listed.name)]
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
