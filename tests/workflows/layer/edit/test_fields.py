"""The fields of `each.value`, in all forms in which modules read them, and key paths from `format`."""

from __future__ import annotations

import pytest
from support.layers import contents, edit_layer, layer_of

from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson, SetAccess

MAP = """variable "users" {
  default = {
    ann_one = {
      name       = "ann.one"
      login      = true
      access_key = false
      key        = "ann.one"
    }
    bob_two = {
      name       = "bob.two"
      login      = true
      access_key = false
      key        = "bob.two"
    }
  }
}
"""
MODULE = """module "user" {{
  source   = "../modules/iam-user"
  for_each = var.users

  name                          = {name}
  create_iam_user_login_profile = {login}
  create_iam_access_key         = {access_key}

  pgp_key = file({key})
}}
"""
USUAL = {
    "name": "each.value.name",
    "login": "each.value.login",
    "access_key": "each.value.access_key",
    "key": '"keys/${each.value.key}"',
}
READS = {
    "usual": {},
    "by index": {"name": 'each.value["name"]', "key": '"keys/${each.value["key"]}"'},
    "lookup": {
        "login": 'lookup(each.value, "login", false)',
        "access_key": 'lookup(each.value,"access_key")',
    },
    "try": {"login": "try(each.value.login, true)", "access_key": 'try(each.value["access_key"], false)'},
    "format": {"key": 'format("keys/%s", each.value.key)'},
}


def module(**reads: str) -> str:
    return MODULE.format(**USUAL) if not reads else MODULE.format(**{**USUAL, **reads})


@pytest.mark.parametrize("form", READS)
def test_however_a_field_is_read_people_are_known_and_edited(form: str) -> None:
    layer = layer_of(
        {"users.tf": module(**READS[form]), "variables.tf": MAP}, {"ann.one": "A", "bob.two": "B"}
    )
    ann = layer.people[0]
    assert ann[:6] == ("ann.one", "ann_one", "user", "keys/ann.one", True, False)
    edited = edit_layer(layer, [AddPerson("machine.cat", "C", machine=True)])
    cat = edited.people[2]
    assert cat[:6] == ("machine.cat", "machine_cat", "user", "keys/machine.cat", False, True)
    assert contents(edit_layer(edited, [RemovePerson("machine.cat")])) == contents(layer)
    switched = edit_layer(layer, [SetAccess("ann.one", access_key=True)])
    assert switched.people[0].access_key is True


def test_the_default_stands_in_for_a_field_that_an_entry_lacks() -> None:
    users = MAP.replace("      access_key = false\n", "").replace("      login      = true\n", "", 1)
    reads = {"login": 'lookup(each.value, "login", false)', "access_key": "try(each.value.access_key, true)"}
    layer = layer_of({"users.tf": module(**reads), "variables.tf": users}, {"ann.one": "A"})
    assert [(person.login_profile, person.access_key) for person in layer.people] == [
        (False, True),
        (True, True),
    ]
    with pytest.raises(EditRefused, match=r" ann\.one "):
        edit_layer(layer, [SetAccess("ann.one", login_profile=True)])


def test_a_field_without_a_value_in_the_layer_is_not_guessed() -> None:
    users = MAP.replace("access_key = false", "access_key = var.keys")
    reads = {
        "access_key": "try(each.value.access_key, false)",
        "login": "try(each.value.login, var.login, true)",
    }
    layer = layer_of({"users.tf": module(**reads), "variables.tf": users})
    assert [(person.login_profile, person.access_key) for person in layer.people] == [
        (None, None),
        (None, None),
    ]


@pytest.mark.parametrize(
    "path", ['format("keys/%d", each.key)', 'format("keys/%s%s", each.key)', "format(var.x)"]
)
def test_a_format_that_is_not_plain_is_not_guessed(path: str) -> None:
    layer = layer_of({"users.tf": module(key=path), "variables.tf": MAP})
    assert layer.people[0].key_file is None


def test_the_first_entry_of_a_map_leaves_fields_with_a_default_out() -> None:
    empty = 'variable "users" {\n  default = {}\n}\n'
    text = module().replace("\n  pgp_key", '\n  tags = lookup(each.value, "tags", {})\n\n  pgp_key')
    layer = layer_of({"users.tf": text, "variables.tf": empty})
    edited = edit_layer(layer, [AddPerson("ann.one", "A")])
    assert edited.people[0].iam_name == "ann.one"
    assert b"tags" not in edited.files.documents["variables.tf"].data
