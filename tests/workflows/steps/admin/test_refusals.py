"""Layers that cannot be read in full: every error says what, why and what next, and no file is written."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from support.admin_project import AdminProject, decide
from support.styled_project import Styling, restyle

from workflows.core.sentences import OnboardError, text_of
from workflows.layer.model import Subject
from workflows.steps.admin.edits import read_layers
from workflows.steps.shared.by_hand import NotPossible

Keys = Mapping[str, bytes]


def refused(admin: AdminProject, people_keys: Keys, **request: object) -> OnboardError:
    """Return the error for these decisions, and check that the checkout is unchanged."""
    before = admin.git("status", "--porcelain")
    with pytest.raises(OnboardError) as caught:
        decide(admin, people_keys, layers=("security",), **request)
    assert admin.git("status", "--porcelain") == before
    error = caught.value
    assert error.what
    assert error.next
    return error


def compute_users(admin: AdminProject, expression: str = r"[for one in [\1] : lower(one)]") -> None:
    text = admin.text("security", "locals.tf")
    text = re.sub(r"users = \[(.*?)\]", f"users = {expression}", text, flags=re.DOTALL)
    admin.file("security", "locals.tf").write_text(text)


def test_a_computed_list_is_named_where_somebody_is_not_found(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    compute_users(admin_project)
    error = refused(admin_project, people_keys, leaving=("alex.kim",))
    assert error.field == "leaving"
    assert "local.users " in error.why
    line = admin_project.text("security", "locals.tf").partition("users = ")[0].count("\n") + 1
    assert f"security locals.tf:{line}" in error.why
    assert "by hand" in error.next


def test_somebody_in_joined_lists_is_known_and_left_to_be_edited_by_hand(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    compute_users(admin_project, r'concat([\1], ["b.sample"])')
    error = refused(admin_project, people_keys, leaving=("b.sample",))
    assert isinstance(error, NotPossible)
    assert "b.sample:" in error.what
    line = admin_project.text("security", "locals.tf").partition('"b.sample"')[0].count("\n") + 1
    assert f"locals.tf:{line}" in error.what
    assert "local.users " in error.why
    assert "by hand" in error.next


def test_a_name_that_is_wrong_is_told_without_such_words(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    error = refused(admin_project, people_keys, leaving=("nobody.here",))
    assert "nobody.here" in text_of(error.what)
    assert "alex.kim" in text_of(error.next)


def test_an_override_file_is_given_as_the_reason(admin_project: AdminProject, people_keys: Keys) -> None:
    restyle(admin_project.root / "security/global/base-identities", Styling("objects", "objects"))
    override = admin_project.file("security", "users_override.tf")
    override.write_text('module "user" {\n  force_destroy = true\n}\n')
    error = refused(admin_project, people_keys, leaving=("alex.kim",))
    assert " users_override.tf:1" in error.why


def test_what_is_no_hcl_is_the_first_reason(admin_project: AdminProject, people_keys: Keys) -> None:
    compute_users(admin_project)
    admin_project.replace("security", "groups.tf", 'name = "admins"', 'name = "admins')
    error = refused(admin_project, people_keys, leaving=("alex.kim",))
    assert "groups.tf " in error.why


def test_of_a_string_that_is_not_closed_no_name_is_made(admin_project: AdminProject) -> None:
    admin_project.replace("security", "groups.tf", 'name = "admins"', 'name = "admins')
    admin_project.facts.update(project_root=str(admin_project.root), layers=["security"])
    layer = read_layers(admin_project.context())["security"]
    assert [group.name for group in layer.groups if "\n" in group.name] == []
    assert (Subject.FILE, "groups.tf") in [(finding.subject, finding.label) for finding in layer.findings]
