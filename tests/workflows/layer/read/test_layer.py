from __future__ import annotations

import errno
import gc
import weakref
from pathlib import Path

import pytest
from support.layers import ACCOUNT, USERS, edit_layer, layer_of, location

from workflows.core.files import cause_of
from workflows.core.sentences import OnboardError
from workflows.layer.edit.people import AddPerson
from workflows.layer.model import Style, Subject
from workflows.layer.read.layer import read_layer

LOCALS = """locals {
  users = [
    "jane.doe",
    "a.b",
  ]

  machine_users = {
    "machine.ci" = "infra"
    "machine.x"  = "infra"
  }
}
"""
GROUPS = """module "iam_group_devops" {
  name = "devops"
  group_users = [
    module.user["jane.doe"].iam_user_name,
    "a.b",
    module.user["gone.one"].iam_user_name,
  ]
  custom_group_policy_arns = ["arn:aws:iam::aws:policy/X", aws_iam_policy.y.arn]
}

/*module "iam_group_old" {
  name        = "old"
  group_users = []
}*/

# module "iam_group_older" {
#   group_users = []
# }

module "iam_group_deploymaster" {
  name        = "${var.project}-deploy"
  group_users = [module.machine_user["machine.ci"].iam_user_name]
}
"""


def test_the_list_style_and_the_machine_map_are_read() -> None:
    layer = layer_of(
        {"locals.tf": LOCALS, "users.tf": USERS, "groups.tf": GROUPS, "account.tf": ACCOUNT},
        {"jane.doe": "K"},
    )
    jane = layer.person("Jane.Doe")
    assert jane is not None
    assert (jane.module, jane.declaration, jane.key_file) == ("user", "jane.doe", "keys/jane.doe")
    assert (jane.login_profile, jane.access_key, jane.machine) == (True, False, False)
    assert (jane.style, jane.editable, jane.groups) == (Style.LIST, True, ("devops",))
    assert str(jane.place) == "locals.tf:3"
    machine = layer.person("machine.ci")
    assert machine is not None
    assert (machine.key_file, machine.machine, machine.style) == ("keys/infra", True, Style.MACHINE_MAP)
    assert (machine.login_profile, machine.access_key) == (False, True)
    assert [(group.name, group.members, group.machine, group.editable) for group in layer.groups] == [
        ("devops", ("jane.doe", "a.b"), False, True),
        ("bb-deploy", ("machine.ci",), True, True),
    ]
    assert layer.groups[0].policies == ("arn:aws:iam::aws:policy/X", "aws_iam_policy.y.arn")
    hidden = {(str(found.place), found.subject, found.label) for found in layer.findings if found.hidden}
    assert ("groups.tf:11", Subject.GROUP, "iam_group_old") in hidden
    assert ("groups.tf:16", Subject.GROUP, "iam_group_older") in hidden
    assert any(str(found.place) == "groups.tf:6" and "gone.one" in found.message for found in layer.findings)
    assert layer.account is not None
    assert layer.account.alias is not None
    assert (layer.account.alias.value, layer.account.alias.literal) == ("binbash-security", False)
    assert {setting.name: (setting.value, setting.literal) for setting in layer.account.policy} == {
        "minimum_password_length": (16, True),
        "require_lowercase_characters": (True, True),
    }
    assert layer.files.keys == {"keys/jane.doe": b"K"}


def test_a_block_for_each_user_is_read() -> None:
    text = """module "user_marcos_pagnuco" {
  source                  = "x//modules/iam-user?ref=v1"
  name                    = "marcos.pagnucco"
  create_iam_access_key   = false
  pgp_key                 = file("keys/marcos.pagnucco")
}

module "iam_group_devops" {
  name        = "devops"
  group_users = [module.user_marcos_pagnuco.this_iam_user_name]
}
"""
    layer = layer_of({"users.tf": text})
    (person,) = layer.people
    assert (person.iam_name, person.declaration, person.style) == (
        "marcos.pagnucco",
        "user_marcos_pagnuco",
        Style.BLOCK,
    )
    assert (person.login_profile, person.access_key) == (True, False)
    assert person.editable
    assert person.groups == ("devops",)


def test_a_map_in_a_variable_is_read() -> None:
    text = """variable "users" {
  default = {
    auditor_ci = { name = "auditor.ci", login = false, pgp_key = "keys/machine.auditor.ci" }
  }
}

module "user" {
  source                        = "x//modules/iam-user"
  for_each                      = var.users
  name                          = each.value.name
  create_iam_user_login_profile = each.value.login
  pgp_key                       = file(each.value.pgp_key)
}
"""
    (person,) = layer_of({"variables.tf": text}).people
    assert (person.iam_name, person.declaration, person.style) == (
        "auditor.ci",
        "auditor_ci",
        Style.VARIABLE_MAP,
    )
    assert (person.key_file, person.login_profile, person.editable) == (
        "keys/machine.auditor.ci",
        False,
        True,
    )


def test_a_layer_of_something_else_is_empty_and_harmless() -> None:
    layer = layer_of({"main.tf": 'resource "aws_iam_user" "x" {\n  name = "x"\n}\n', "empty.tf": ""})
    assert (layer.people, layer.groups, layer.outputs, layer.account) == ((), (), (), None)
    assert [str(finding.place) for finding in layer.findings if finding.hand_edit] == ["main.tf:1"]


def test_a_linked_file_is_read_and_never_edited(tmp_path: Path) -> None:
    folder = tmp_path / "layer"
    (folder / "keys").mkdir(parents=True)
    shared = tmp_path / "shared.tf"
    shared.write_text(LOCALS)
    (folder / "locals.tf").symlink_to(shared)
    (folder / "users.tf").write_text(USERS)
    (folder / "keys" / "jane.doe").write_bytes(b"\xff\xfeKEY")
    layer = read_layer(location(folder))
    assert len(layer.people) == 4
    assert not any(person.editable for person in layer.people)
    assert b"KEY" in layer.files.keys["keys/jane.doe"]


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "common-variables.tf").symlink_to(tmp_path / "gone.tf")
    with pytest.raises(OnboardError) as caught:
        read_layer(location(tmp_path))
    link = tmp_path / "common-variables.tf"
    assert str(link) in caught.value.what
    assert caught.value.why == cause_of(OSError(errno.ENOENT, ""))


def test_what_was_remembered_of_a_layer_goes_with_it() -> None:
    layer = layer_of({"users.tf": USERS, "locals.tf": LOCALS, "groups.tf": GROUPS}, {"jane.doe": "QUJD\n"})
    edited = edit_layer(layer, [AddPerson("maria.sosa", "QUJD\n", ("devops",))])
    files = [*layer.files.documents.values(), *edited.files.documents.values(), layer.files, edited.files]
    left = [weakref.ref(file) for file in files]
    del layer, edited, files
    gc.collect()
    assert [layer() for layer in left if layer() is not None] == []
