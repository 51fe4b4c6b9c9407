"""Entries that are commented out in lists and maps are reported; other words in comments are not."""

from __future__ import annotations

from support.layers import USERS, layer_of

LOCALS = """locals {
  users = [
    "a.a", # "not.me" is what he calls himself
    #"b.b",
    // "c.c", "d.d"
    /* "e.e" */
    /*
    "f.f",
    "g.g"
    */
    # nobody yet
    # "really nobody"
    # see "x.x" in the list below
    "z.z" # "since 2020"
  ]

  machine_users = {
    "machine.a" = "a"
    # "machine.b" = "b"
    # the old one: "machine.c"
    /* machine_d = "d" */
  }
}
"""
GROUPS = """module "iam_group_ops" {
  source = "../modules/iam-group"
  name   = "ops"

  group_users = [
    module.user["a.a"].iam_user_name, # back in May
    # module.user["h.h"].iam_user_name,
    // module.user_i_i.this_iam_user_name
    # "j.j"
  ]
}
"""


def test_what_is_commented_out_is_told_with_its_place() -> None:
    layer = layer_of({"locals.tf": LOCALS, "users.tf": USERS, "groups.tf": GROUPS})
    told = [
        (finding.label, finding.subject, str(finding.place)) for finding in layer.findings if finding.hidden
    ]
    assert told == [
        ("b.b", "user", "locals.tf:4"),
        ("c.c", "user", "locals.tf:5"),
        ("d.d", "user", "locals.tf:5"),
        ("e.e", "user", "locals.tf:6"),
        ("f.f", "user", "locals.tf:8"),
        ("g.g", "user", "locals.tf:9"),
        ("machine.b", "user", "locals.tf:19"),
        ("machine_d", "user", "locals.tf:21"),
        ("h.h", "member", "groups.tf:7"),
        ("user_i_i", "member", "groups.tf:8"),
        ("j.j", "member", "groups.tf:9"),
    ]
    assert [person.iam_name for person in layer.people] == ["a.a", "z.z", "machine.a"]


def test_of_an_object_the_key_alone_is_somebody() -> None:
    users = (
        'variable "users" {\n  default = {\n    a_a = {\n      name = "a.a"\n    }\n'
        '    # b_b = {\n    #   name = "b.b"\n    # }\n    /*\n    c_c = {\n      name = "c.c"\n    }\n'
        '    d_d = { name = "d.d" }\n    */\n  }\n}\n'
    )
    module = (
        'module "user" {\n  source = "../modules/iam-user"\n  for_each = var.users\n\n'
        "  name = each.value.name\n}\n"
    )
    layer = layer_of({"variables.tf": users, "users.tf": module})
    told = [finding.label for finding in layer.findings if finding.hidden]
    assert told == ["b_b", "c_c", "d_d"]
