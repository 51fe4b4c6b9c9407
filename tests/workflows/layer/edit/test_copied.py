"""A problem names the groups, policies and keys that a new person copies from a sibling."""

from __future__ import annotations

import re

from support.layers import layer_of

from workflows.core.sentences import text_of
from workflows.layer.edit.people import AddPerson
from workflows.layer.edit.run import check
from workflows.layer.model import Layer

MODULE = """module "user" {
  source   = "../modules/iam-user"
  for_each = local.users

  name           = each.key
  ssh_public_key = each.value.ssh
  tags           = { Team = each.value.team, Mail = each.value.mail }

  pgp_key = file(each.value.key)
}
"""


def told(layer: Layer, sibling: str, name: str = "b.b") -> list[str]:
    """Return the names in the problem about what a new person copies from a sibling."""
    problems = check(layer, [AddPerson(name, "K", ("ops",))])
    assert not any(problem.fatal for problem in problems)
    words = [re.findall(r"[\w.]*\w", text_of(problem.message)) for problem in problems]
    return next((found for found in words if {name, sibling} <= set(found)), [])


def with_users(*entries: str) -> Layer:
    users = "\n".join(
        f'    "{name}" = {{\n      {text}\n      key = "keys/{name}"\n    }}'
        for name, _, text in (entry.partition(" ") for entry in entries)
    )
    group = (
        'module "iam_group_ops" {\n  source = "../modules/iam-group"\n  name = "ops"\n  group_users = []\n}\n'
    )
    return layer_of(
        {"locals.tf": f"locals {{\n  users = {{\n{users}\n  }}\n}}\n", "users.tf": MODULE + group}
    )


def test_groups_of_a_sibling_are_told_even_if_all_have_the_same() -> None:
    assert "groups" in told(with_users('a.a groups = ["admins"]'), "a.a")


def test_a_value_that_is_not_everybodys_is_told() -> None:
    layer = with_users('a.a team = "red"', 'c.c team = "blue"')
    assert "team" in told(layer, "a.a")


def test_what_all_have_alike_and_what_holds_the_name_is_not_told() -> None:
    layer = with_users(
        'a.a team = "red"\n      mail = "a.a@example.org"', 'c.c team = "red"\n      mail = "c.c@example.org"'
    )
    assert told(layer, "a.a") == []
    assert told(with_users("a.a groups = []", "c.c groups = []"), "a.a") == []


def test_an_ssh_key_of_a_block_is_told() -> None:
    users = "".join(
        f'module "user_{name}" {{\n  source = "../modules/iam-user?ref=v{number}"\n  name = "{name}"\n\n'
        f'  force_destroy  = true\n  ssh_public_key = "ssh-ed25519 AAAA{number}"\n\n'
        f'  pgp_key = file("keys/{name}")\n}}\n'
        for number, name in enumerate(("ann", "cat"))
    )
    group = (
        'module "iam_group_ops" {\n  source = "../modules/iam-group"\n  name = "ops"\n  group_users = []\n}\n'
    )
    layer = layer_of({"users.tf": users + group})
    assert "ssh_public_key" in told(layer, "ann", "bob")


def test_a_comment_that_only_the_followed_block_has_is_said_to_be_taken_over() -> None:
    def block(name: str, own: str) -> str:
        slug = name.replace(".", "_")
        return (
            f'module "user_{slug}" {{ {own}\n  source  = "../modules/iam-user"\n  name    = "{name}"\n'
            f'  # the key\n  pgp_key = file("keys/{name}")\n}}\n'
        )

    users = f"{block('alex.kim', '// the lead')}\n{block('zoe.lin', '')}"
    layer = layer_of({"users.tf": users})
    messages = [str(problem.message) for problem in check(layer, [AddPerson("jane.doe", "QUJD\n")])]
    assert any("// the lead" in message for message in messages)
    assert not any("# the key" in message for message in messages)
