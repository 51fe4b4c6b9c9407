"""The names of role profiles in a Leverage project: the convention, and what an account's backend says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workflows.layer.values import read_variables

if TYPE_CHECKING:
    from workflows.layer.project import Account, Project

_SHORT: Final = {"OrganizationAccountAccessRole": "oaar"}
"""Roles that Leverage's profiles call by another name."""


def account_profile(project: Project, account: str, role: str) -> str:
    """The profile that takes on a role in an account.

    By convention `<project>-<account>-<role in lower case>` (`bb-shared-devops`), or `-oaar` for the
    organisation's role. Where the account's own `backend.tfvars` names a profile for the same role by a
    longer or shorter word (`bb-management-administrator` for Admin), that one is taken.

    Args:
        project: the project.
        account: the account's name in it.
        role: the role's name in IAM.

    Raises:
        BadVariables: the account's backend file cannot be read.
    """
    word = _SHORT.get(role, role.lower())
    lead = f"{project.name}-{account}-"
    named = backend_profile(project, account)
    suffix = named.removeprefix(lead) if named.startswith(lead) else ""
    if suffix and (suffix.startswith(word) or word.startswith(suffix)):
        return named
    return lead + word


def backend_profile(project: Project, account: str) -> str:
    """The profile that an account's backend file names, or "".

    Raises:
        BadVariables: the file cannot be read.
    """
    folder = project.root / account / "config"
    for name in ("backend.tfvars", "backend.config"):
        if (folder / name).is_file():
            return str(read_variables(folder / name).get("profile") or "")
    return ""


def account_in_name(project: Project, profile: str) -> Account | None:
    """The account that a profile's name says it is for (`bb-apps-devstg-devops`); None if it says none.

    Account names may have dashes, so the longest one that fits is meant.
    """
    fitting = [one for one in project.accounts if f"{profile}-".startswith(f"{project.name}-{one.name}-")]
    return max(fitting, key=lambda one: len(one.name), default=None)
