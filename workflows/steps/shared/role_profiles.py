"""The profiles for roles that a user may assume: those in the state, or else the usual ones."""

from __future__ import annotations

from workflows.layer.mentioned import account_in_name, account_profile
from workflows.layer.model import Project
from workflows.messages.handoff import RoleProfile
from workflows.profiles.plan import base_name
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
    known = [each.name for each in project.accounts if each.id == role.account_id]
    return [((*known, role.account_id)[0], role.account_id)]


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
