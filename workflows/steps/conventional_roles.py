"""The roles that a Leverage project has by convention, for a state that names none.

Where a layer gives its groups no `sts:AssumeRole` at all (the policies are made elsewhere, or by hand), the
names that projects of this kind use are the best guess; whoever hands over is told, and may leave them out.
"""

from __future__ import annotations

from collections.abc import Iterator

from workflows.layer.profile_names import account_profile
from workflows.layer.project import Project
from workflows.messages.handoff import RoleProfile
from workflows.services.terraform.state import State

_ORGANISATION = frozenset({"management", "root"})


def are_needed(state: State) -> bool:
    """Whether the state shows no role that anybody may assume."""
    return not state.group_roles


def conventional_profiles(project: Project, account: str) -> tuple[RoleProfile, ...]:
    """The profiles that people of an account have by convention; none for an account without users' roles.

    From management (or root) the organisation's role in every other account, from security DevOps in every
    account but management.

    Raises:
        BadVariables: an account's backend file cannot be read.
    """
    return tuple(
        RoleProfile(account_profile(project, name, role), role, name, account_id)
        for role, name, account_id in _roles(project, account)
    )


def _roles(project: Project, account: str) -> Iterator[tuple[str, str, str]]:
    if account in _ORGANISATION:
        role = "OrganizationAccountAccessRole"
    elif account == "security":
        role = "DevOps"
    else:
        return
    for other in project.accounts:
        if other.id and other.name not in _ORGANISATION:
            yield role, other.name, other.id
