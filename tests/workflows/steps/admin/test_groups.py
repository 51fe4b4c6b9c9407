from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from support.admin_project import AdminProject, decide, put, quiet, write

from workflows.core.sentences import text_of
from workflows.machine.events import Verdict
from workflows.steps.admin import groups
from workflows.steps.admin.edits import operations, read_layers
from workflows.steps.admin.groups import LayerChoice
from workflows.steps.admin.judged_plan import judged
from workflows.steps.decisions import NewGroup, PolicyChanges
from workflows.steps.shared.by_hand import NotPossible
from workflows.terraform.plan import GROUP_MEMBERS, Action, Plan, ResourceChange
from workflows.terraform.record import PlanRecord

Keys = Mapping[str, bytes]


def groups_of(admin: AdminProject, account: str, name: str) -> set[str]:
    person = read_layers(admin.context())[account].person(name)
    assert person is not None
    return set(person.groups)


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
    assert groups.observe(admin_project.context()).verdict is Verdict.AS_DECIDED
    write(admin_project)
    assert groups_of(admin_project, "security", "jane.doe") == {"devops", "auditors"}
    assert groups_of(admin_project, "security", "sam.okafor") == {"devops"}
    assert groups_of(admin_project, "management", "sam.okafor") == set()


def test_machine_groups_are_kept_apart_and_groups_come_with_their_policies(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    management, security = groups.survey(admin_project.context(), quiet)
    assert [group.name for group in security.groups] == ["admins", "auditors", "devops"]
    assert [group.name for group in security.machine_groups] == ["deploymaster"]
    assert [group.name for group in management.machine_groups] == ["github-automation"]
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


def test_a_chosen_group_that_a_colleague_renamed_is_told_and_no_longer_chosen(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(admin_project, {"security": {"jane.doe": {"auditors", "devops"}}})
    admin_project.replace("security", "groups.tf", '"auditors"', '"reviewers"')
    context = admin_project.context()
    (view,) = (layer_view for layer_view in groups.survey(context, quiet) if layer_view.account == "security")
    assert groups.decided(context, view).members["jane.doe"] == {"devops"}
    draft = groups.LayerChoice(members={"jane.doe": frozenset({"auditors", "reviewers"})})
    assert groups.drafted(view, groups.decided(context, view), draft).members["jane.doe"] == {"reviewers"}
    assert groups.lost_groups(context, view, draft) == ["auditors"]
    put(admin_project, {"security": {"jane.doe": {"reviewers"}}})
    assert groups.lost_groups(admin_project.context(), view, None) == []


def test_a_group_is_renamed_with_somebody_joining_it(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(
        admin_project,
        {"security": {"jane.doe": {"devops"}}},
        security={"rename": {"devops": "platform"}},
    )
    assert admin_project.facts["memberships"]["security"]["jane.doe"]["add"] == ["platform"]
    (view,) = (
        layer_view
        for layer_view in groups.survey(admin_project.context(), quiet)
        if layer_view.account == "security"
    )
    assert groups.decided(admin_project.context(), view).members["jane.doe"] == {"devops"}
    write(admin_project)
    assert groups_of(admin_project, "security", "jane.doe") == {"platform"}
    assert groups_of(admin_project, "security", "alex.kim") == {"platform"}
    (view,) = (
        layer_view
        for layer_view in groups.survey(admin_project.context(), quiet)
        if layer_view.account == "security"
    )
    assert groups.decided(admin_project.context(), view).members["jane.doe"] == {"platform"}
    assert groups.observe(admin_project.context()).verdict is Verdict.AS_DECIDED


def test_a_group_is_removed_with_its_members(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(admin_project, {"security": {"jane.doe": {"admins"}}}, security={"remove": ("auditors",)})
    write(admin_project)
    assert read_layers(admin_project.context())["security"].group("auditors") is None
    assert groups_of(admin_project, "security", "sam.okafor") == set()


def test_somebody_in_no_group_is_warned_about(admin_project: AdminProject) -> None:
    choice = LayerChoice(members={"jane.doe": frozenset({"auditors"})}, remove=("auditors",))
    problems = groups.validate(groups.Request({"security": choice}), admin_project.context())
    (problem,) = problems
    assert not problem.fatal
    assert "jane.doe" in problem.message


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
    with pytest.raises(NotPossible):
        groups.perform(groups.Request({"security": choice}), admin_project.context(), quiet)


def test_a_chosen_group_that_went_away_is_noticed(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(admin_project, {"security": {"jane.doe": {"auditors"}}})
    admin_project.replace("security", "groups.tf", 'name = "auditors"', 'name = "readers"')
    seen = groups.observe(admin_project.context())
    assert seen.contradicts
    assert "auditors" in seen.words
    assert seen.by_item == {"security": ("jane.doe",)}


def test_a_person_to_regroup_who_was_removed_meanwhile_is_noticed(admin_project: AdminProject) -> None:
    decide(admin_project, {}, regrouping=("sam.okafor",), layers=("security",))
    put(admin_project, {"security": {"sam.okafor": {"devops"}}})
    (view,) = groups.survey(admin_project.context(), quiet)
    assert groups.gone(admin_project.context(), [view], view, ()) == []
    admin_project.replace("security", "locals.tf", '    "sam.okafor",\n', "")
    seen = groups.observe(admin_project.context())
    assert seen.contradicts
    assert seen.by_item == {"security": ("sam.okafor",)}
    (view,) = groups.survey(admin_project.context(), quiet)
    assert groups.gone(admin_project.context(), [view], view, ()) == ["sam.okafor"]


def test_a_group_that_is_still_to_be_made_is_simply_called_otherwise_or_forgotten() -> None:
    choice = LayerChoice(
        members={"jane.doe": frozenset({"new", "devops"})},
        add=(NewGroup("new", "devops"), NewGroup("next", "new")),
    )
    renamed = groups.renamed(choice, "new", "newer", written=False)
    assert renamed.add == (NewGroup("newer", "devops"), NewGroup("next", "newer"))
    assert renamed.members == {"jane.doe": {"newer", "devops"}}
    assert renamed.rename == {}
    forgotten = groups.removed(renamed, "newer", written=False)
    assert [group.name for group in forgotten.add] == ["next"]
    assert forgotten.members == {"jane.doe": {"devops"}}
    assert forgotten.remove == ()


def test_a_renamed_group_can_get_its_old_name_back_or_be_removed() -> None:
    renamed = groups.renamed(LayerChoice(), "devops", "platform", written=True)
    assert renamed.rename == {"devops": "platform"}
    assert groups.renamed(renamed, "devops", "devops", written=True).rename == {}
    removed = groups.removed(renamed, "devops", written=True)
    assert (removed.rename, removed.remove) == ({}, ("devops",))


def test_a_new_group_is_made_like_one_that_is_renamed_in_the_same_review(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    changes = {"add": (NewGroup("observers", "auditors"),), "rename": {"auditors": "readers"}}
    put(admin_project, {"security": {"jane.doe": {"observers"}}}, security=changes)
    (view,) = groups.survey(admin_project.context(), quiet)
    assert groups.decided(admin_project.context(), view).add == (NewGroup("observers", "auditors"),)
    write(admin_project)
    names = [group.name for group in read_layers(admin_project.context())["security"].groups]
    assert {"observers", "readers"} <= set(names)
    assert "auditors" not in names


def test_everybody_can_be_regrouped_and_only_those_who_change_are_told(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    put(
        admin_project,
        {"security": {"jane.doe": {"admins"}, "sam.okafor": {"devops"}, "alex.kim": {"devops"}}},
    )
    assert admin_project.facts["memberships"]["security"] == {
        "jane.doe": {"add": ["admins"], "remove": []},
        "sam.okafor": {"add": ["devops"], "remove": ["auditors"]},
    }
    write(admin_project)
    assert groups_of(admin_project, "security", "sam.okafor") == {"devops"}


def test_a_written_change_stays_decided_and_can_be_taken_back(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    put(admin_project, {"security": {"jane.doe": {"admins"}, "sam.okafor": {"devops"}}})
    decision = admin_project.facts["memberships"]
    write(admin_project)
    put(admin_project, {})
    assert admin_project.facts["memberships"] == decision
    put(admin_project, {"security": {"sam.okafor": {"auditors"}}})
    assert admin_project.facts["memberships"]["security"]["sam.okafor"] == {
        "add": ["auditors"],
        "remove": ["devops"],
    }
    write(admin_project)
    assert groups_of(admin_project, "security", "sam.okafor") == {"auditors"}


def test_policies_are_changed_also_of_a_group_that_is_new_or_called_otherwise(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    added = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    (view,) = groups.survey(admin_project.context(), quiet)
    loses = view.by_name["devops"].policies[0]
    changes = {
        "add": (NewGroup("observers", "auditors"),),
        "rename": {"devops": "platform"},
        "policies": {
            "observers": PolicyChanges(add=(added,)),
            "devops": PolicyChanges(add=(added,), remove=(loses,)),
        },
    }
    put(admin_project, {"security": {"jane.doe": {"observers"}}}, security=changes)
    assert admin_project.facts["group_changes"]["security"]["policies"] == {
        "observers": {"add": [added], "remove": []},
        "platform": {"add": [added], "remove": [loses]},
    }
    choice = groups.decided(admin_project.context(), view)
    assert choice.policies == changes["policies"]
    assert view.pending(choice) == 6
    write(admin_project)
    layer = read_layers(admin_project.context())["security"]
    groups_now = {group.name: group for group in layer.groups}
    assert added in groups_now["observers"].policies
    assert added in groups_now["platform"].policies
    assert loses not in groups_now["platform"].policies
    assert added not in groups_now["auditors"].policies
    (view,) = groups.survey(admin_project.context(), quiet)
    assert view.pending(groups.decided(admin_project.context(), view)) == 0
    assert groups.observe(admin_project.context()).verdict is Verdict.AS_DECIDED
    put(admin_project, {})
    assert operations(layer, admin_project.context().decisions) == []


def test_a_group_that_was_written_can_be_called_otherwise_in_the_same_session(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    put(
        admin_project,
        {"security": {"jane.doe": {"observers"}}},
        security={"add": (NewGroup("observers", "auditors"),)},
    )
    write(admin_project)
    (view,) = groups.survey(admin_project.context(), quiet)
    choice = groups.decided(admin_project.context(), view)
    choice = groups.renamed(choice, "observers", "viewers", written=True)
    admin_project.run(groups, groups.Request({"security": choice}))
    write(admin_project)
    assert groups_of(admin_project, "security", "jane.doe") == {"viewers"}
    layer = read_layers(admin_project.context())["security"]
    assert layer.group("observers") is None
    assert operations(layer, admin_project.context().decisions) == []


def test_a_group_whose_policies_were_to_change_and_went_away_is_noticed(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    policies = {"devops": PolicyChanges(add=("arn:aws:iam::aws:policy/ReadOnlyAccess",))}
    put(admin_project, {"security": {"jane.doe": {"auditors"}}}, security={"policies": policies})
    admin_project.replace("security", "groups.tf", 'name = "devops"', 'name = "platform"')
    seen = groups.observe(admin_project.context())
    assert seen.contradicts
    assert {"security", "devops,"} <= set(text_of(seen.words).split())
    assert seen.by_item == {"security": ()}


def test_what_was_changed_here_belongs_to_the_plan(admin_project: AdminProject) -> None:
    facts = {
        "memberships": {"security": {"sam.okafor": {"add": ["devops"], "remove": []}}},
        "group_changes": {"security": {"policies": {"admins": {"add": ["x"], "remove": []}}}},
    }
    policy = "aws_iam_group_policy_attachment"
    plan = Plan(
        (
            ResourceChange("a", GROUP_MEMBERS, Action.UPDATE, group="devops", joining=("sam.okafor",)),
            ResourceChange("b", policy, Action.CREATE, group="admins"),
            ResourceChange("c", policy, Action.CREATE, group="auditors"),
        )
    )
    record = PlanRecord(admin_project.folder, "", admin_project.root, (), {}, "", "", "")
    context = replace(admin_project.context(**facts), item="security")
    assert [change.address for change in judged(record, plan, context).foreign] == ["c"]


@pytest.mark.parametrize("arn", ["ReadOnlyAccess", "arn:aws:iam::aws:policy/aws-service-role/AccessAnalyzer"])
def test_an_arn_that_aws_refuses_is_refused(admin_project: AdminProject, arn: str) -> None:
    choice = LayerChoice(policies={"devops": PolicyChanges(add=(arn,))})
    (problem,) = groups.validate(groups.Request({"security": choice}), admin_project.context())
    assert problem.fatal


def test_drafts_keep_all_that_was_chosen() -> None:
    choice = LayerChoice(
        members={"jane.doe": frozenset({"b", "a"})},
        add=(NewGroup("new", "a"),),
        remove=("b",),
        rename={"a": "c"},
        policies={"a": PolicyChanges(("x",), ("y",))},
    )
    draft = json.loads(json.dumps(groups.as_draft(choice)))
    assert groups.from_draft(draft) == choice
    del draft["policies"]  # a draft of an earlier version
    assert groups.from_draft(draft).policies == {}
