"""The profiles for roles, from the state and by convention."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.message_samples import identity

from workflows.core.sentences import OnboardError
from workflows.layer.discover import find_project
from workflows.layer.model import Project
from workflows.messages.handoff import Handoff
from workflows.sandbox.project import lay_out
from workflows.steps.shared.role_profiles import has_by_convention, identity_in, role_profiles, usual_identity
from workflows.terraform.state import Role


@pytest.fixture
def project(tmp_path: Path) -> Project:
    lay_out(tmp_path / "bb")
    return find_project(tmp_path / "bb")


def test_a_role_in_any_account_counts_for_every_other_account_of_the_project(project: Project) -> None:
    roles = (
        Role("*", "OrganizationAccountAccessRole"),
        Role("999999999999", "Auditor"),
    )
    found = {
        role_profile.profile: role_profile.account_id
        for role_profile in role_profiles(project, roles, "111111111111")
    }
    assert found == {
        "bb-security-oaar": "222222222222",
        "bb-shared-oaar": "333333333333",
        "bb-apps-devstg-oaar": "444444444444",
        "bb-apps-prd-oaar": "555555555555",
        "bb-999999999999-auditor": "999999999999",
    }


@pytest.mark.parametrize(
    ("account", "profiles"),
    [
        ("management", ["bb-security-oaar", "bb-shared-oaar", "bb-apps-devstg-oaar", "bb-apps-prd-oaar"]),
        ("security", [f"bb-{name}-devops" for name in ("security", "shared", "apps-devstg", "apps-prd")]),
    ],
)
def test_users_of_two_accounts_have_roles_by_convention(
    project: Project, account: str, profiles: list[str]
) -> None:
    found = usual_identity(project, account)
    assert [each.profile for each in found.profiles] == profiles
    assert (found.account_name, found.user, found.encrypted_password) == (account, "", None)
    own = project.account(account)
    assert own is not None
    assert found.account_id == own.id
    for profile in (*profiles, f"bb-{account}"):
        assert has_by_convention(project, account, profile)
    for profile in ("bb-shared-auditor", "bb-nowhere-devops", "cc-shared-devops", "default"):
        assert not has_by_convention(project, account, profile)


@pytest.mark.parametrize("account", ["", "nowhere", "shared"])
def test_elsewhere_nobody_has_roles_by_convention(project: Project, account: str) -> None:
    with pytest.raises(OnboardError):
        usual_identity(project, account)
    assert not has_by_convention(project, account, "bb-shared-devops")


def test_an_account_need_not_be_named_where_the_handoff_has_one_alone() -> None:
    security, management = identity(), identity(account_name="management", account_id="111111111111")
    assert identity_in(Handoff("bb", (security,)), "") is security
    both = Handoff("bb", (security, management))
    assert identity_in(both, "management") is management
    for account in ("", "shared"):
        with pytest.raises(OnboardError):
            identity_in(both, account)
