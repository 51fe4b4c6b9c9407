from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.admin_project import AdminProject, decide, put, quiet, write

from workflows.core.sentences import OnboardError
from workflows.steps.admin import groups, users
from workflows.steps.admin.edits import read_layers
from workflows.steps.admin.users import Request

Keys = Mapping[str, bytes]


def test_the_proposal_adds_where_missing_and_removes_where_present(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin_project.replace("management", "locals.tf", '    "alex.kim",\n', "")
    for file, name in (("groups.tf", "alex.kim"),):
        admin_project.replace("management", file, f'    module.user["{name}"].iam_user_name,\n', "")
    decide(admin_project, people_keys, joining=("jane.doe",), leaving=("alex.kim",))
    assert admin_project.facts["user_changes"] == {
        "add": {"management": ["jane.doe"], "security": ["jane.doe"]},
        "remove": {"security": ["alex.kim"]},
    }


def test_everybody_named_needs_a_layer(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), leaving=("alex.kim",))
    problems = users.validate(Request(add={"security": ("jane.doe",)}), admin_project.context())
    assert [(problem.field, "alex.kim" in str(problem.message)) for problem in problems] == [("people", True)]


def test_a_layer_of_another_style_is_refused_with_the_place_to_edit(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin_project.replace("security", "locals.tf", "users = [", 'users = concat(["b.sample"], [')
    admin_project.replace("security", "locals.tf", '"sam.okafor",\n  ]', '"sam.okafor",\n  ])')
    with pytest.raises(OnboardError) as caught:
        decide(admin_project, people_keys, joining=("jane.doe",))
    assert "security/global/base-identities" in caught.value.as_text()
    assert "locals.tf:" in caught.value.as_text()


def test_what_was_written_stays_decided(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), leaving=("alex.kim",))
    put(admin_project, {"security": {"jane.doe": {"devops"}}})
    write(admin_project)
    views = users.survey(admin_project.context(), quiet)
    assert users.written(admin_project.context(), views) == Request(
        add={"management": ("jane.doe",), "security": ("jane.doe",)},
        remove={"management": ("alex.kim",), "security": ("alex.kim",)},
    )


def test_a_layer_that_went_away_is_told(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    folder = admin_project.root / "security" / "global"
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(OnboardError, match=": security "):
        users.survey(admin_project.context(), quiet)


def test_who_is_called_a_machine_joins_as_one(admin_project: AdminProject, people_keys: Keys) -> None:
    name = "machine.gitlab"
    decide(admin_project, {name: people_keys["jane.doe"]}, joining=(name,), layers=("security",))
    (view,) = groups.survey(admin_project.context(), quiet)
    assert view.is_machine(name)
    put(admin_project, {"security": {name: {"deploymaster"}}})
    write(admin_project)
    person = read_layers(admin_project.context())["security"].person(name)
    assert person is not None
    assert (person.module, person.login_profile, person.access_key) == ("machine_user", False, True)
    assert person.groups == ("deploymaster",)
