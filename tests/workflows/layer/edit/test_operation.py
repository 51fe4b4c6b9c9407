from __future__ import annotations

import pytest
from support import layers
from support.layers import layer_of

from workflows.layer.edit.groups import SetGroups
from workflows.layer.edit.people import AddPerson
from workflows.layer.edit.run import check
from workflows.layer.model import Layer
from workflows.steps.admin.groups import LayerChoice, view_of

KEY = "KEY\n"
LOCALS = """locals {
  users = ["sam.okafor", "alex.kim"]
  machine_users = {
    "machine.ci"   = "machine.ci"
    "machine.logs" = "machine.logs"
  }
}

"""
GROUPS = {
    "devops": ['module.user["alex.kim"].iam_user_name'],
    "machines": ['module.machine_user["machine.ci"].iam_user_name'],
    "empty": [],
}


def layer() -> Layer:
    groups = "\n".join(
        f'module "iam_group_{name}" {{\n  source = "../modules/iam-group-with-policies"\n  name = "{name}"\n'
        f"  group_users = [{', '.join(members)}]\n}}\n"
        for name, members in GROUPS.items()
    )
    return layer_of({"users.tf": LOCALS + layers.USERS, "groups.tf": groups})


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", ["alex.kim", "sam.okafor", "machine.ci", "machine.logs"])
def test_an_edit_refuses_the_groups_that_the_wizard_refuses(name: str, group: str) -> None:
    refused = any(problem.fatal for problem in check(layer(), [SetGroups(name, add=(group,))]))
    shown = view_of(layer(), (), (), ())
    assert refused is bool(shown.refusal(LayerChoice(), name, group))
    others = {"devops": "machine.", "machines": ("alex.", "sam."), "empty": ()}
    assert refused is name.startswith(others[group])


@pytest.mark.parametrize(("name", "group"), [("kim.lee", "machines"), ("machine.new", "devops")])
def test_nobody_is_added_to_a_group_for_others(name: str, group: str) -> None:
    added = AddPerson(name, KEY, (group,), machine=name.startswith("machine."))
    assert [problem.field for problem in check(layer(), [added]) if problem.fatal] == ["groups"]


def test_leaving_a_group_for_others_changes_nothing_and_is_no_problem() -> None:
    assert not any(
        problem.fatal for problem in check(layer(), [SetGroups("sam.okafor", remove=("machines",))])
    )
