from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.admin_project import AdminProject, decide, put, quiet, write

from workflows.errors import OnboardError
from workflows.steps import groups, users
from workflows.steps.edits import read_layers
from workflows.steps.groups import LayerChoice, NewGroup
from workflows.steps.users import Request

Keys = Mapping[str, bytes]


def groups_of(admin: AdminProject, account: str, name: str) -> set[str]:
    person = read_layers(admin.context())[account].person(name)
    assert person is not None
    return set(person.groups)


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
    assert [one.message.partition(",")[0] for one in problems] == ["alex.kim leaves"]


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
    views = users.look(admin_project.context(), quiet)
    assert users.written(admin_project.context(), views) == Request(
        add={"management": ("jane.doe",), "security": ("jane.doe",)},
        remove={"management": ("alex.kim",), "security": ("alex.kim",)},
    )


def test_a_layer_that_went_away_is_told(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    folder = admin_project.root / "security" / "global"
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(OnboardError, match="A layer is gone"):
        users.look(admin_project.context(), quiet)


def test_people_are_put_into_groups_and_taken_out(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), regrouping=("sam.okafor",))
    put(
        admin_project,
        {
            "management": {"jane.doe": {"auditors"}, "sam.okafor": set()},
            "security": {"jane.doe": {"devops", "auditors"}, "sam.okafor": {"devops"}},
        },
    )
    assert admin_project.facts["memberships"]["security"] == {
        "jane.doe": {"add": ["auditors", "devops"], "remove": []},
        "sam.okafor": {"add": ["devops"], "remove": ["auditors"]},
    }
    assert groups.observe(admin_project.context()).holds is True
    write(admin_project)
    assert groups_of(admin_project, "security", "jane.doe") == {"devops", "auditors"}
    assert groups_of(admin_project, "security", "sam.okafor") == {"devops"}
    assert groups_of(admin_project, "management", "sam.okafor") == set()


def test_machine_groups_are_kept_apart_and_groups_come_with_their_policies(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    management, security = groups.look(admin_project.context(), quiet)
    assert [group.name for group in security.groups] == ["admins", "auditors", "devops"]
    assert security.machine_groups == ("deploymaster",)
    assert management.machine_groups == ("github-automation",)
    assert security.groups[0].policies[0].endswith("AdministratorAccess")


def test_a_new_group_is_made_like_its_sibling_and_joined(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(
        admin_project,
        {"security": {"jane.doe": {"observers"}}},
        security={"add": (NewGroup("observers", "auditors"),)},
    )
    write(admin_project)
    layer = read_layers(admin_project.context())["security"]
    new, sibling = layer.group("observers"), layer.group("auditors")
    assert new is not None
    assert sibling is not None
    assert new.members == ("jane.doe",)
    assert new.policies == sibling.policies


def test_a_group_is_renamed_with_somebody_joining_it(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(
        admin_project,
        {"security": {"jane.doe": {"devops"}}},
        security={"rename": {"devops": "platform"}},
    )
    assert admin_project.facts["memberships"]["security"]["jane.doe"]["add"] == ["platform"]
    (view,) = (one for one in groups.look(admin_project.context(), quiet) if one.account == "security")
    assert groups.decided(admin_project.context(), view).members["jane.doe"] == {"devops"}
    write(admin_project)
    assert groups_of(admin_project, "security", "jane.doe") == {"platform"}
    assert groups_of(admin_project, "security", "alex.kim") == {"platform"}
    (view,) = (one for one in groups.look(admin_project.context(), quiet) if one.account == "security")
    assert groups.decided(admin_project.context(), view).members["jane.doe"] == {"platform"}
    assert groups.observe(admin_project.context()).holds is True


def test_a_group_is_removed_with_its_members(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(admin_project, {"security": {"jane.doe": {"admins"}}}, security={"remove": ("auditors",)})
    write(admin_project)
    assert read_layers(admin_project.context())["security"].group("auditors") is None
    assert groups_of(admin_project, "security", "sam.okafor") == set()


def test_somebody_in_no_group_is_warned_about(admin_project: AdminProject) -> None:
    choice = LayerChoice(members={"jane.doe": frozenset({"auditors"})}, remove=("auditors",))
    problems = groups.validate(groups.Request({"security": choice}), admin_project.context())
    assert [(one.fatal, "jane.doe is in no group" in one.message) for one in problems] == [(False, True)]


@pytest.mark.parametrize("name", ["", "two words", "x" * 129])
def test_a_group_name_that_iam_refuses_is_refused(admin_project: AdminProject, name: str) -> None:
    for choice in (LayerChoice(add=(NewGroup(name, "auditors"),)), LayerChoice(rename={"auditors": name})):
        (problem,) = groups.validate(groups.Request({"security": choice}), admin_project.context())
        assert problem.fatal


def test_a_new_group_cannot_take_the_name_of_one_that_is_there(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    choice = LayerChoice(members={"jane.doe": frozenset({"admins"})}, rename={"devops": "ADMINS"})
    with pytest.raises(OnboardError, match="Not possible in security"):
        groups.perform(groups.Request({"security": choice}), admin_project.context(), quiet)


def test_a_chosen_group_that_went_away_is_noticed(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(admin_project, {"security": {"jane.doe": {"auditors"}}})
    admin_project.replace("security", "groups.tf", 'name = "auditors"', 'name = "readers"')
    seen = groups.observe(admin_project.context())
    assert seen.holds is False
    assert "auditors" in seen.words


def test_a_group_that_is_still_to_be_made_is_simply_called_otherwise_or_forgotten() -> None:
    choice = LayerChoice(
        members={"jane.doe": frozenset({"new", "devops"})},
        add=(NewGroup("new", "devops"), NewGroup("next", "new")),
    )
    renamed = groups.renamed(choice, "new", "newer")
    assert renamed.add == (NewGroup("newer", "devops"), NewGroup("next", "newer"))
    assert renamed.members == {"jane.doe": {"newer", "devops"}}
    assert renamed.rename == {}
    forgotten = groups.removed(renamed, "newer")
    assert [one.name for one in forgotten.add] == ["next"]
    assert forgotten.members == {"jane.doe": {"devops"}}
    assert forgotten.remove == ()


def test_a_renamed_group_can_get_its_old_name_back_or_be_removed() -> None:
    renamed = groups.renamed(LayerChoice(), "devops", "platform")
    assert renamed.rename == {"devops": "platform"}
    assert groups.renamed(renamed, "devops", "devops").rename == {}
    removed = groups.removed(renamed, "devops")
    assert (removed.rename, removed.remove) == ({}, ("devops",))


def test_a_new_group_is_made_like_one_that_is_renamed_in_the_same_review(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    changes = {"add": (NewGroup("observers", "auditors"),), "rename": {"auditors": "readers"}}
    put(admin_project, {"security": {"jane.doe": {"observers"}}}, security=changes)
    (view,) = groups.look(admin_project.context(), quiet)
    assert groups.decided(admin_project.context(), view).add == (NewGroup("observers", "auditors"),)
    write(admin_project)
    names = [group.name for group in read_layers(admin_project.context())["security"].groups]
    assert {"observers", "readers"} <= set(names)
    assert "auditors" not in names
