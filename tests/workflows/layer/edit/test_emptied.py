"""A list, map or group that was emptied can get another person, and stays correctly formatted."""

from __future__ import annotations

import pytest
from support.layers import USERS, contents, edit_layer, layer_of
from support.terraform import terraform_argv, terraform_environment

from workflows.layer.edit.groups import AddGroup, AddGroupPolicy, RemoveGroupPolicy, SetGroups
from workflows.layer.edit.operation import EditRefused, Operation
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.formatting import fmt_clean
from workflows.layer.model import Layer

KEY = "QUJD\n"
LISTS = {
    "users.tf": USERS,
    "locals.tf": """locals {
  one = 1
  users = [
    "jane.doe",
  ]
  machine_users = {}
  three         = 3
}
""",
    "groups.tf": """module "iam_group_devops" {
  source = "../modules/iam-group-with-policies"
  name   = "devops"
  group_users = [
    module.user["jane.doe"].iam_user_name
  ]
  tags = {}
}
""",
}
OBJECTS = {
    "users.tf": """module "user" {
  source   = "../modules/iam-user"
  for_each = var.users

  name                          = each.value.name
  force_destroy                 = each.value.force_destroy
  create_iam_user_login_profile = each.value.create_iam_user_login_profile
  create_iam_access_key         = each.value.create_iam_access_key
  pgp_key                       = file(each.value.pgp_key)
}
""",
    "variables.tf": 'variable "users" {\n  type    = map(any)\n  default = {}\n}\n',
}
FIRST = """variable "users" {
  type = map(any)
  default = {
    jane_doe = {
      name                          = "jane.doe"
      force_destroy                 = false
      create_iam_user_login_profile = true
      create_iam_access_key         = false
      pgp_key                       = "keys/jane.doe"
    }
  }
}
"""


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[str, ...], dict[str, str]]:
    folder = tmp_path_factory.mktemp("terraform")
    return terraform_argv(folder), terraform_environment(folder)


def text(layer: Layer, name: str) -> str:
    return layer.files.documents[name].data.decode()


@pytest.mark.parametrize(
    "operations",
    [
        [RemovePerson("jane.doe")],
        [RemovePerson("jane.doe"), AddPerson("machine.ci", KEY, ("devops",), machine=True)],
        [SetGroups("jane.doe", remove=("devops",)), AddGroup("auditors", "devops")],
        [AddPerson("machine.ci", KEY, machine=True), RemovePerson("jane.doe")],
    ],
)
def test_what_is_emptied_or_filled_is_formatted_as_before(
    operations: list[Operation], binary: tuple[tuple[str, ...], dict[str, str]]
) -> None:
    layer = layer_of(LISTS, {"jane.doe": KEY})
    files = {name: document.data for name, document in edit_layer(layer, operations).files.documents.items()}
    assert fmt_clean(binary[0], files, environment=binary[1]) == {}


def test_policies_are_attached_and_taken_off_in_the_formatters_columns(
    binary: tuple[tuple[str, ...], dict[str, str]],
) -> None:
    policies = (
        '  tags = {}\n  custom_group_policy_arns = [\n    "aws_iam_policy.own.arn",\n  ]\n  path = "/"\n}\n'
    )
    layer = layer_of({**LISTS, "groups.tf": LISTS["groups.tf"].replace("  tags = {}\n}\n", policies)})
    emptied = edit_layer(layer, [RemoveGroupPolicy("devops", "aws_iam_policy.own.arn")])
    filled = edit_layer(emptied, [AddGroupPolicy("devops", "arn:aws:iam::aws:policy/ReadOnlyAccess")])
    columns = ("  custom_group_policy_arns = []\n  path                     = ", "  ]\n  path = ")
    for version, column in zip((emptied, filled), columns, strict=True):
        assert column in text(version, "groups.tf")
        data = {"groups.tf": version.files.documents["groups.tf"].data}
        assert fmt_clean(binary[0], data, environment=binary[1]) == {}


def test_a_list_and_a_group_that_were_emptied_are_as_they_were_when_filled_again() -> None:
    with_comma = LISTS["groups.tf"].replace("name\n  ]", "name,\n  ]")
    layer = layer_of({**LISTS, "groups.tf": with_comma}, {"jane.doe": KEY})
    emptied = edit_layer(layer, [RemovePerson("jane.doe")])
    assert emptied.people == ()
    assert "  users         = []\n  machine_users = {}\n" in text(emptied, "locals.tf")
    again = edit_layer(emptied, [AddPerson("jane.doe", KEY, ("devops",))])
    assert contents(again) == contents(layer)


@pytest.mark.parametrize(
    ("version", "attribute"), [("v3.16.0", "this_iam_user_name"), ("v5.9.2", "iam_user_name")]
)
def test_the_first_member_is_named_by_the_output_that_the_module_has(version: str, attribute: str) -> None:
    files = {
        **LISTS,
        "users.tf": USERS.replace(
            '"../modules/iam-user"', f'"github.com/x/iam.git//modules/iam-user?ref={version}"'
        ),
        "groups.tf": LISTS["groups.tf"].replace('[\n    module.user["jane.doe"].iam_user_name\n  ]', "[]"),
    }
    edited = edit_layer(layer_of(files, {"jane.doe": KEY}), [SetGroups("jane.doe", add=("devops",))])
    assert f'module.user["jane.doe"].{attribute},' in text(edited, "groups.tf")


def test_the_first_person_of_a_map_of_objects_has_what_the_module_asks_for(
    binary: tuple[tuple[str, ...], dict[str, str]],
) -> None:
    layer = layer_of(OBJECTS)
    edited = edit_layer(layer, [AddPerson("jane.doe", KEY)])
    assert text(edited, "variables.tf") == FIRST
    assert fmt_clean(binary[0], {"v.tf": FIRST.encode()}, environment=binary[1]) == {}
    (person,) = edited.people
    assert (person.key_file, person.login_profile, person.access_key) == ("keys/jane.doe", True, False)
    assert contents(edit_layer(edited, [RemovePerson("jane.doe")])) == contents(layer)
    (machine,) = edit_layer(layer, [AddPerson("machine.ci", KEY, machine=True)]).people
    assert (machine.declaration, machine.machine, machine.access_key) == ("machine_ci", True, True)


def test_an_optional_field_is_left_out_and_an_unknown_one_refuses() -> None:
    asks = OBJECTS["users.tf"].replace(
        "  pgp_key", "  tags                          = each.value.team\n  pgp_key"
    )
    with pytest.raises(EditRefused) as refusal:
        edit_layer(layer_of({**OBJECTS, "users.tf": asks}), [AddPerson("jane.doe", KEY)])
    assert " team " in refusal.value.why
    assert "variables.tf:3" in refusal.value.next
    typed = OBJECTS["variables.tf"].replace("map(any)", "map(object({ team = optional(string) }))")
    edited = edit_layer(layer_of({"users.tf": asks, "variables.tf": typed}), [AddPerson("jane.doe", KEY)])
    assert "team " not in text(edited, "variables.tf").partition("default")[2]
