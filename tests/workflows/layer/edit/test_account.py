"""The settings of an account, and the length of new passwords compared with the password policy."""

from __future__ import annotations

import pytest
from support.edits import propose
from support.layers import ACCOUNT, USERS, edit_layer, layer_of
from support.nasty_layers import with_users
from support.styles import Written

from workflows.layer.edit.account import LEAST, SetSetting, least_length, short_passwords
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson
from workflows.layer.edit.run import check
from workflows.layer.model import Layer, Place

KEY = "QUJD\n"
STRICT = ACCOUNT.replace("= 16", "= 30")
RESOURCE = 'resource "aws_iam_account_password_policy" "this" {\n  minimum_password_length = 30\n}\n'
MACHINE = """module "machine_ci" {
  source = "../modules/iam-user"

  name                          = "machine.ci"
  create_iam_user_login_profile = false
  create_iam_access_key         = true
  pgp_key                       = file("keys/machine.ci")
}
"""


def people(written: Written, account: str = STRICT) -> Layer:
    return layer_of({"users.tf": written.users_tf(), "locals.tf": written.values_tf(), "account.tf": account})


def lengths(layer: Layer, name: str) -> list[tuple[int, int]]:
    return [
        (short_password.length, short_password.least) for short_password in short_passwords(layer, (name,))
    ]


@pytest.mark.parametrize(
    ("account", "least"),
    [
        (ACCOUNT, 16),
        (STRICT, 30),
        (RESOURCE, 30),
        (ACCOUNT.replace("  minimum_password_length      = 16\n", ""), 8),
        (ACCOUNT.replace("}\n", "  create_account_password_policy = false\n}\n"), None),
        ("", None),
    ],
)
def test_the_policy_is_read_from_the_module_or_the_resource(account: str, least: int | None) -> None:
    assert least_length(layer_of({"account.tf": account})) == least


@pytest.mark.parametrize("style", ["block", "objects", "list"])
def test_the_default_of_the_module_is_compared_with_the_policy(style: str) -> None:
    names = ("jane.doe", "sam.poe")
    assert lengths(people(Written(style, names)), "jane.doe") == [(20, 30)]
    assert lengths(people(Written(style, names), ACCOUNT), "jane.doe") == []
    assert lengths(people(Written(style, ("ci",), machine=True)), "ci") == []


@pytest.mark.parametrize("style", ["block", "objects", "list"])
def test_a_policy_that_rejects_the_passwords_made_later_is_warned_about(style: str) -> None:
    layer = people(Written(style, ("jane.doe", "sam.poe")), ACCOUNT)
    counts = [len(check(layer, [SetSetting(LEAST, least)])) for least in (20, 21)]
    assert counts == [0, 1]


def test_a_new_block_takes_a_length_that_the_policy_allows() -> None:
    layer = people(Written("block", ("jane.doe", "sam.poe")))
    edited = edit_layer(layer, [AddPerson("kim.lee", KEY)])
    assert lengths(edited, "kim.lee") == []
    assert lengths(edited, "jane.doe") == [(20, 30)]
    text = edited.files.documents["users.tf"].data.decode()
    assert text.count("password_length") == 1
    assert "password_length = 30" in text


def test_somebody_new_whose_password_is_refused_is_not_proposed() -> None:
    layer = people(Written("list", ("jane.doe", "sam.poe")))
    with pytest.raises(EditRefused, match=r"kim\.lee: \D*20 "):
        propose([(layer, [AddPerson("kim.lee", KEY)])])


def test_a_new_block_does_not_follow_a_length_that_is_too_small() -> None:
    users = Written("block", ("jane.doe",)).users_tf().replace("  force", "  password_length = 20\n  force")
    edited = edit_layer(layer_of({"users.tf": users, "account.tf": STRICT}), [AddPerson("kim.lee", KEY)])
    assert lengths(edited, "kim.lee") == []
    (short,) = short_passwords(edited, ("jane.doe",))
    assert short.refusal().place == Place("users.tf", 8)


def test_the_entry_of_a_map_gets_its_own_length() -> None:
    written = Written("objects", ("jane.doe",))
    users = written.users_tf().replace("  pgp_key", "  password_length = each.value.size\n  pgp_key")
    values = written.values_tf().replace("      pgp_key", "      size       = 20\n      pgp_key")
    layer = layer_of({"users.tf": users, "locals.tf": values, "account.tf": STRICT})
    edited = edit_layer(layer, [AddPerson("kim.lee", KEY)])
    assert lengths(edited, "kim.lee") == []
    (short,) = short_passwords(edited, ("jane.doe",))
    assert (short.length, short.refusal().place) == (20, Place("locals.tf", 7))


@pytest.mark.parametrize("names", [[], ["jane.doe"]])
def test_a_module_of_others_with_passwords_is_left_alone(names: list[str]) -> None:
    listed = ", ".join(f'"{name}"' for name in names)
    files = {"locals.tf": f"locals {{\n  users = [{listed}]\n  machine_users = {{}}\n}}\n"}
    layer = layer_of({"users.tf": USERS, "account.tf": STRICT, **files})
    edited = edit_layer(layer, [AddPerson("kim.lee", KEY)])
    assert lengths(edited, "kim.lee") == ([(20, 30)] if names else [])
    changed = edited.files.documents["users.tf"].data != USERS.encode()
    assert changed is not bool(names)


def test_the_first_person_beside_a_machine_of_a_member_account_gets_the_length() -> None:
    layer = layer_of({"users.tf": MACHINE, "account.tf": STRICT})
    edited = edit_layer(layer, [AddPerson("kim.lee", KEY)])
    assert lengths(edited, "kim.lee") == []
    assert "password_length" in edited.files.documents["users.tf"].data.decode()
    assert lengths(edited, "machine.ci") == []


def test_a_literal_alias_is_set_and_an_expression_is_left_alone() -> None:
    text = 'module "account" {\n  source        = "x/iam-account"\n  account_alias = ALIAS\n}\n'
    literal = with_users("[]", account_tf=text.replace("ALIAS", '"old-alias"'))
    changed = edit_layer(literal, [SetSetting("account_alias", "new-alias")])
    assert changed.account is not None
    assert changed.account.alias is not None
    assert changed.account.alias.value == "new-alias"
    expression = with_users("[]", account_tf=text.replace("ALIAS", '"${var.project}-x"'))
    with pytest.raises(EditRefused, match="leaves alone"):
        edit_layer(expression, [SetSetting("account_alias", "new-alias")])


def test_a_policy_attribute_that_is_new_joins_the_column_of_the_others() -> None:
    text = 'module "account" {\n  source = "x/iam-account"\n\n  hard_expiry = true # now\n}\n'
    changed = edit_layer(with_users("[]", account_tf=text), [SetSetting("max_password_age", 90)])
    assert changed.files.documents["account.tf"].data.decode() == (
        'module "account" {\n  source = "x/iam-account"\n\n'
        "  hard_expiry      = true # now\n  max_password_age = 90\n}\n"
    )
