from __future__ import annotations

import re

import pytest
from support.layers import USERS, edit_layer, layer_of

from workflows.layer.edit.groups import SetGroups
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.edit.run import check
from workflows.layer.model import Layer, Style, Subject

KEY = "QUJD\n"
GROUP = """module "iam_group_ops" {
  source      = "../modules/iam-group-with-policies"
  name        = "ops"
  group_users = MEMBERS
}
"""
LOCALS = """locals {
  admins = ["alex.kim"]
  users = EXPRESSION
  teams = { red = ["red.one", "red.two"], blue = ["blue.one"] }
  by_name = { "map.one" = "a", map_two = "b" }
  loop = concat(local.loop, ["in.loop"])
  machine_users = {}
}
"""


def layer(expression: str, users: str = USERS, members: str = "[]", **extra: str) -> Layer:
    files = {
        "users.tf": users,
        "locals.tf": LOCALS.replace("EXPRESSION", expression),
        "groups.tf": GROUP.replace("MEMBERS", members),
    }
    return layer_of({**files, **{f"{name}.tf": text for name, text in extra.items()}})


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('concat(local.admins, ["jane.doe"])', "alex.kim jane.doe"),
        ('concat(\n    local.admins,\n    ["jane.doe", # new\n    ],\n  )', "alex.kim jane.doe"),
        ('setunion(["jane.doe", "alex.kim"], local.admins)', "alex.kim jane.doe"),
        ('toset(concat(["b.b"], distinct(["a.a", "a.a"])))', "a.a b.b"),
        ('sort(compact(["a.a", ""]))', "a.a"),
        ("local.admins", "alex.kim"),
        ("flatten(values(local.teams))", "blue.one red.one red.two"),
        ('flatten([local.admins, ["a.a"], "b.b"])', "a.a alex.kim b.b"),
        ("keys(local.by_name)", "map.one map_two"),
        ("values(local.by_name)", "a b"),
        ('["alex.kim", "${var.project}.bot"]', "alex.kim bb.bot"),
        ('concat(local.admins, ["${var.project}.bot"])', "alex.kim bb.bot"),
        ('"${concat(local.admins, ["jane.doe"])}"', "alex.kim jane.doe"),
        ('[for one in concat(local.admins, ["b.b"]) : one]', "alex.kim b.b"),
        ("[for name, key in local.by_name : name]", "map.one map_two"),
        ("[for key in local.by_name : key]", "a b"),
        ('[for one in [{ name = "a.a", x = 1 }, { name = "b.b" }] : one.name]', "a.a b.b"),
    ],
)
def test_whom_a_computed_list_names_is_shown_and_not_edited(expression: str, names: str) -> None:
    read = layer(expression)
    assert sorted(member.iam_name for member in read.people) == names.split()
    for person in read.people:
        assert not person.editable
        assert person.key_file == f"keys/{person.iam_name}"
        assert (person.login_profile, person.access_key, person.machine) == (True, False, False)
        line = read.files.documents[person.place.file].data.decode().splitlines()[person.place.line - 1]
        assert person.iam_name in line or "${var.project}" in line
        (problem, *_) = check(read, [RemovePerson(person.iam_name)])
        assert problem.place == person.place
        assert "computed" in problem.message
        with pytest.raises(EditRefused, match=f" {re.escape(str(person.place))}"):
            edit_layer(read, [RemovePerson(person.iam_name)])
    with pytest.raises(EditRefused) as refusal:
        edit_layer(read, [AddPerson("maria.sosa", KEY)])
    assert refusal.value.place is not None
    assert refusal.value.place.file == "locals.tf"
    assert refusal.value.why
    assert f" {refusal.value.place}." in refusal.value.next
    assert [finding.place.file for finding in read.findings if finding.hand_edit] == ["locals.tf"]


@pytest.mark.parametrize(
    ("expression", "names", "unknown"),
    [
        ('concat(["a.a"], var.more)', "a.a", "var.more"),
        (
            'concat(["a.a"], [for one in local.admins : lower(one)])',
            "a.a",
            "[for one in local.admins : lower(one)]",
        ),
        ('setsubtract(local.admins, ["alex.kim"])', "", "setsubtract"),
        ('[for one in local.admins : "${one}.x"]', "", "for one in"),
        ("local.loop", "in.loop", "local.loop"),
        ('true ? ["a.a"] : []', "", "true ?"),
        pytest.param("concat(" * 2000 + '["a.a"]' + ")" * 2000, "", "concat(concat(", id="deep calls"),
        pytest.param("flatten(" + "[" * 2000 + '"a.a"' + "]" * 2000 + ")", "", "[[[", id="deep lists"),
        ('yamldecode(file("users.yaml"))', "", "yamldecode"),
    ],
)
def test_what_cannot_be_evaluated_stays_a_finding(expression: str, names: str, unknown: str) -> None:
    read = layer(expression)
    assert [person.iam_name for person in read.people] == names.split()
    (finding,) = [output for output in read.findings if output.hand_edit]
    assert unknown in finding.message
    assert len(finding.message) < 300
    assert ("is unknown" in finding.message) is bool(names)


def test_the_expression_of_for_each_itself_is_followed() -> None:
    text = USERS.replace("toset(local.users)", 'toset(concat(local.users, ["jane.doe"]))')
    read = layer('["alex.kim"]', text)
    assert {person.iam_name: str(person.place) for person in read.people} == {
        "alex.kim": "locals.tf:3",
        "jane.doe": "users.tf:3",
    }
    assert {person.style for person in read.people} == {Style.COMPUTED}


def test_joined_maps_say_what_each_person_has_and_the_last_one_counts() -> None:
    users = """module "user" {
  source   = "../modules/iam-user"
  for_each = merge(local.users, { "jane.doe" = { key = "new", console = false } })
  name     = each.key
  pgp_key  = file("keys/${each.value.key}")

  create_iam_user_login_profile = each.value.console
  create_iam_access_key         = true
}
"""
    old = (
        '{\n    "jane.doe" = { key = "old", console = true }\n    "a.a" = { key = "a", console = true }\n  }'
    )
    read = layer(old, users)
    assert [(person.iam_name, person.key_file, person.login_profile) for person in read.people] == [
        ("jane.doe", "keys/new", False),
        ("a.a", "keys/a", True),
    ]
    assert not any(person.editable for person in read.people)


@pytest.mark.parametrize(
    ("members", "names"),
    [
        ('concat(local.admins, ["b.b"])', ["alex.kim", "b.b"]),
        ('distinct(concat([module.user["alex.kim"].iam_user_name], local.admins))', ["alex.kim"]),
        ("local.admins", ["alex.kim"]),
        ('compact([module.user["alex.kim"].iam_user_name, ""])', ["alex.kim"]),
    ],
)
def test_the_members_of_a_computed_group_are_shown_and_not_edited(members: str, names: list[str]) -> None:
    read = layer('["alex.kim", "b.b"]', members=members)
    (group,) = read.groups
    assert list(group.members) == names
    assert not group.editable
    alex = read.person("alex.kim")
    assert alex is not None
    assert alex.groups == ("ops",)
    (finding,) = [output for output in read.findings if output.hand_edit]
    assert (finding.subject, finding.group) == (Subject.MEMBER, group.label)
    assert "computed" in finding.message
    for operation in (SetGroups("alex.kim", remove=("ops",)), RemovePerson("alex.kim")):
        with pytest.raises(EditRefused, match=r"computed|: alex\.kim "):
            edit_layer(read, [operation])


def test_a_part_of_a_computed_group_that_cannot_be_told_is_named() -> None:
    members = "concat(local.admins, values(module.user)[*].iam_user_name)"
    read = layer('["alex.kim"]', members=members)
    assert read.groups[0].members == ("alex.kim",)
    (finding,) = [output for output in read.findings if output.hand_edit]
    assert " values(module.user)[*].iam_user_name " in finding.message


def test_somebody_of_a_computed_list_still_joins_a_plain_group() -> None:
    read = layer('concat(local.admins, ["jane.doe"])')
    edited = edit_layer(read, [SetGroups("jane.doe", add=("ops",))])
    assert edited.groups[0].members == ("jane.doe",)
    assert edited.files.documents["locals.tf"] is read.files.documents["locals.tf"]


MODULE = """module "user" {
  source   = "../modules/iam-user"
  for_each = FOR_EACH

  name                  = NAME
  create_iam_access_key = false

  pgp_key = file("keys/${KEY}")
}
"""


@pytest.mark.parametrize(
    ("for_each", "name", "key", "files"),
    [
        ("{ for one in local.all : one => one }", "each.key", "each.value", "keys/a.a keys/b.b"),
        ("{ for u in local.people : u.name => u }", "each.value.name", "each.value.key", "keys/1 keys/2"),
        ("{ for u in local.people : u.name => u }", "each.key", "each.key", "keys/a.a keys/b.b"),
        ("{ for name, file in local.files : name => file }", "each.key", "each.value", "keys/1 keys/2"),
    ],
)
def test_people_that_a_for_hands_on_are_edited_and_others_are_shown(
    for_each: str, name: str, key: str, files: str
) -> None:
    module = MODULE.replace("FOR_EACH", for_each).replace("NAME", name).replace("KEY", key)
    locals_text = (
        'locals {\n  all    = ["a.a", "b.b"]\n  files  = { "a.a" = "1", "b.b" = "2" }\n'
        '  people = [{ name = "a.a", key = "1" }, { name = "b.b", key = "2" }]\n}\n'
    )
    read = layer_of({"users.tf": module, "locals.tf": locals_text})
    assert [(person.iam_name, person.key_file) for person in read.people] == list(
        zip(("a.a", "b.b"), files.split(), strict=True)
    )
    plain = "u.name" not in for_each
    assert [person.editable for person in read.people] == [plain, plain]
    assert any("is computed" in finding.message for finding in read.findings) is not plain
    if plain:
        added = edit_layer(read, [AddPerson("c.c", "QUJD\n")])
        assert '"c.c"' in added.files.documents["locals.tf"].data.decode()
        removed = edit_layer(added, [RemovePerson("c.c")])
        assert removed.files.documents["locals.tf"].data == read.files.documents["locals.tf"].data


@pytest.mark.parametrize(
    "expression",
    [
        "[for one in local.admins : upper(one)]",
        '[for one in local.admins : one if one != "alex.kim"]',
        "{ for one in local.admins : one => one... }",
        '[for name, key in local.by_name : "${name}-${key}"]',
        "[for one in local.loop : one]",
    ],
)
def test_a_for_that_makes_something_else_is_told_not_guessed(expression: str) -> None:
    read = layer(expression)
    assert not {"alex.kim", "map.one", "a"} & {person.iam_name for person in read.people}
    assert any("is computed" in finding.message for finding in read.findings)


@pytest.mark.parametrize(
    ("members", "names"),
    [
        ("[for one in local.admins : module.user[one].iam_user_name]", "alex.kim"),
        ('concat([for one in local.admins : module.user[one].iam_user_name], ["x.x"])', "alex.kim x.x"),
        ('[for one in keys({ "alex.kim" = 1 }) : module.user[one].iam_user_name]', "alex.kim"),
        ("[for one in module.user : one.iam_user_name]", "alex.kim jane.doe"),
        ("[for name, one in module.user : one.iam_user_name]", "alex.kim jane.doe"),
        ("values(module.user)[*].iam_user_name", "alex.kim jane.doe"),
        ("[for one in module.user : two.iam_user_name]", ""),
        ("[for one in module.user : one.iam_user_name if true]", ""),
    ],
)
def test_members_that_a_for_makes_are_shown_and_not_edited(members: str, names: str) -> None:
    read = layer('["alex.kim", "jane.doe"]', members=members)
    group = read.groups[0]
    assert (sorted(group.members), group.editable) == (names.split(), False)
    assert "computed" in group.reason


@pytest.mark.parametrize(
    "members",
    [
        "[for one in module.user : one.iam_user_name]",
        "values(module.user)[*].iam_user_name",
        "[for one in local.users : module.user[one].iam_user_name]",
        'concat([for one in local.users : module.user[one].iam_user_name], ["x.x"])',
    ],
)
def test_members_that_follow_the_users_come_and_go_with_them(members: str) -> None:
    read = layer('["alex.kim", "jane.doe"]', members=members)
    edited = edit_layer(read, [AddPerson("kim.lee", KEY)])
    assert "kim.lee" in edited.groups[0].members
    left = edit_layer(edited, [RemovePerson("kim.lee"), RemovePerson("jane.doe")])
    assert {"alex.kim"} == {member for member in left.groups[0].members if member != "x.x"}


def test_nobody_is_warned_of_no_group_whom_a_computed_one_takes_in() -> None:
    everybody = layer('["alex.kim"]', members="[for one in module.user : one.iam_user_name]")
    assert AddPerson("kim.lee", KEY).taken_in_by(everybody) == ("ops",)
    assert check(everybody, [AddPerson("kim.lee", KEY)]) == []
    some = layer('["alex.kim"]', members='concat(["alex.kim"], [])')
    for read in (some, layer('["alex.kim"]')):
        (warning,) = check(read, [AddPerson("kim.lee", KEY)])
        assert (warning.field, warning.fatal) == ("groups", False)


def test_a_name_that_another_list_holds_too_does_not_go_with_its_user() -> None:
    members = "[for one in local.admins : module.user[one].iam_user_name]"
    read = layer('["alex.kim", "jane.doe"]', members=members)
    edit_layer(read, [RemovePerson("jane.doe")])
    with pytest.raises(EditRefused, match=r": alex\.kim "):
        edit_layer(read, [RemovePerson("alex.kim")])
    mixed = layer(
        '["a.a", "b.b"]', members='concat([for one in local.users : module.user[one].name], ["a.a"])'
    )
    with pytest.raises(EditRefused, match=r": a\.a "):
        edit_layer(mixed, [RemovePerson("a.a")])


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [
        ("users = EXPRESSION", "users EXPRESSION", 3),
        ("users = EXPRESSION", 'users = ["alex.kim"', 4),
        ("users = EXPRESSION", 'users = concat(["alex.kim"]', 4),
        ("locals {", "locals ", 2),
    ],
)
def test_a_file_with_a_mistake_is_not_called_computed_and_its_line_is_told(
    good: str, bad: str, line: int
) -> None:
    text = LOCALS.replace(good, bad).replace("EXPRESSION", '["alex.kim"]')
    read = layer_of({"users.tf": USERS, "locals.tf": text})
    told = " ".join(finding.message for finding in read.findings)
    assert "computed" not in told
    assert all(part in told for part in ("locals.tf", f" line {line} "))


@pytest.mark.parametrize(
    "expression",
    [
        '{ for one in yamldecode(file("${path.module}/users.yaml")).users : one.name => one }',
        "{ for one in local.config.users : one.name => one }",
    ],
)
def test_the_file_that_users_are_decoded_from_is_named(expression: str) -> None:
    users = USERS.replace("toset(local.users)", expression)
    read = layer("[]", users, data='locals {\n  config = yamldecode(file("./users.yaml"))\n}\n')
    assert any(finding.message.endswith(" users.yaml.") for finding in read.findings)
    with pytest.raises(EditRefused) as refusal:
        edit_layer(read, [AddPerson("jane.doe", "QUJD\n")])
    assert "users.yaml" in refusal.value.why
