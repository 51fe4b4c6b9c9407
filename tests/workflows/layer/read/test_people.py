from __future__ import annotations

from dataclasses import replace

import pytest
from support.layers import edit_layer, layer_of

from workflows.layer.edit.groups import SetGroups
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.edit.run import check
from workflows.layer.model import Layer, Style, Subject
from workflows.layer.read.layer import read_files

KEY = "QUJD\n"
USERS = """module "user" {
  source = "../modules/iam-user"
  count  = length(LIST)

  name                          = EACH
  create_iam_user_login_profile = true
  create_iam_access_key         = false
  pgp_key                       = file("keys/${EACH}")
}
"""
PLAIN = 'variable "users" {\n  default = [\n    "alex.kim",\n    "jane.doe",\n  ]\n}\n'
MAP = 'locals {\n  users = {\n    "alex.kim" = "ak"\n    "jane.doe" = "jd"\n  }\n}\n'
GROUP = 'module "iam_group_ops" {\n  source = "x"\n  name = "ops"\n  group_users = MEMBERS\n}\n'


def layer(listed: str, each: str, rest: str = PLAIN, members: str = "[]") -> Layer:
    users = USERS.replace("LIST", listed).replace("EACH", each)
    return layer_of({"users.tf": users, "lists.tf": rest, "groups.tf": GROUP.replace("MEMBERS", members)})


@pytest.mark.parametrize(
    ("listed", "each", "rest", "keys"),
    [
        ("var.users", "var.users[count.index]", PLAIN, "keys/alex.kim keys/jane.doe"),
        ("var.users", "element(var.users, count.index)", PLAIN, "keys/alex.kim keys/jane.doe"),
        ("var.users", '"${var.users[count.index]}"', PLAIN, "keys/alex.kim keys/jane.doe"),
        ("local.users", "keys(local.users)[count.index]", MAP, "keys/alex.kim keys/jane.doe"),
        ("keys(local.users)", "element(keys(local.users), count.index)", MAP, "keys/alex.kim keys/jane.doe"),
        ('concat(var.users, ["b.b"])', 'concat(var.users, ["b.b"])[count.index]', PLAIN, ""),
    ],
)
def test_the_people_of_a_count_are_shown_with_their_places_and_not_edited(
    listed: str, each: str, rest: str, keys: str
) -> None:
    read = layer(listed, each, rest)
    names = ["alex.kim", "jane.doe", *(["b.b"] if "concat" in listed else [])]
    assert [member.iam_name for member in read.people] == names
    if keys:
        assert [member.key_file for member in read.people] == keys.split()
    for person in read.people:
        assert (person.style, person.editable) == (Style.COMPUTED, False)
        line = read.files.documents[person.place.file].data.decode().splitlines()[person.place.line - 1]
        assert person.iam_name in line
        with pytest.raises(EditRefused, match=rf" {person.place}\."):
            edit_layer(read, [RemovePerson(person.iam_name)])
    (finding,) = [output for output in read.findings if output.hand_edit]
    assert f"length({listed})" in finding.message
    assert finding.place.file == ("users.tf" if "(" in listed else "lists.tf")
    with pytest.raises(EditRefused) as refusal:
        edit_layer(read, [AddPerson("maria.sosa", KEY)])
    assert refusal.value.place == finding.place


def test_a_list_that_cannot_be_told_is_named() -> None:
    read = layer("var.users", "var.users[count.index]", "")
    assert read.people == ()
    (finding,) = [output for output in read.findings if output.hand_edit]
    assert " var.users " in finding.message
    assert str(finding.place) == "users.tf:3"


def test_a_count_that_is_no_length_stays_a_finding() -> None:
    text = USERS.replace("length(LIST)", "var.create ? 1 : 0").replace("EACH", "var.name")
    read = layer_of({"users.tf": text, "lists.tf": PLAIN})
    assert read.people == ()
    assert [finding.subject for finding in read.findings] == [Subject.USER]


@pytest.mark.parametrize("members", ["module.user[*].iam_user_name", "module.user.*.iam_user_name"])
def test_all_numbered_users_are_the_members_of_a_splat(members: str) -> None:
    read = layer("var.users", "var.users[count.index]", members=members)
    assert read.groups[0].members == ("alex.kim", "jane.doe")
    assert not read.groups[0].editable


def test_a_numbered_user_joins_a_group_of_strings_and_none_of_references() -> None:
    strings = layer("var.users", "var.users[count.index]", members='["alex.kim"]')
    joined = edit_layer(strings, [SetGroups("jane.doe", add=("ops",))])
    assert joined.groups[0].members == ("alex.kim", "jane.doe")
    references = layer("var.users", "var.users[count.index]")
    (problem,) = check(references, [SetGroups("jane.doe", add=("ops",))])
    assert (problem.fatal, str(problem.place)) == (True, "groups.tf:1")
    with pytest.raises(EditRefused, match=r" groups\.tf:1"):
        edit_layer(references, [SetGroups("jane.doe", add=("ops",))])


def test_a_later_variables_file_tells_who_is_counted() -> None:
    read = layer("var.users", "var.users[count.index]")
    documents = {**read.files.documents}
    more = layer_of({"more.tfvars": 'users = ["kim.lee"]\n'}).files.documents["more.tfvars"]
    files = replace(
        read.files, documents={**documents, "more.tfvars": more}, variables=frozenset({"more.tfvars"})
    )
    again = read_files(read.location, files)
    assert [(person.iam_name, str(person.place)) for person in again.people] == [("kim.lee", "more.tfvars:1")]


SWITCH = 'variable "create" {\n  default = SET\n}\n'


@pytest.mark.parametrize(
    "off",
    ["count = 0", "count = var.create ? 1 : 0", "create_user = false", "create = var.create"],
)
def test_a_module_that_is_switched_off_is_no_person_and_takes_none(off: str) -> None:
    users = USERS.replace("count  = length(LIST)", off).replace("EACH", '"jane.doe"')
    group = GROUP.replace("MEMBERS", "[]")
    files = {
        "users.tf": users,
        "groups.tf": group.replace("name =", f"{off}\n  name =") if "user" not in off else group,
        "variables.tf": SWITCH.replace("SET", "false"),
    }
    read = layer_of(files)
    assert (read.people, bool(read.groups)) == ((), "user" in off)
    assert all(off in finding.message and not finding.hand_edit for finding in read.findings)
    with pytest.raises(EditRefused) as refusal:
        edit_layer(read, [AddPerson("maria.sosa", KEY)])
    assert off in refusal.value.why


@pytest.mark.parametrize("one", ["count = 1", "count = var.create ? 1 : 0"])
def test_the_person_of_a_module_that_is_switched_on_is_shown_and_not_edited(one: str) -> None:
    users = USERS.replace("count  = length(LIST)", one).replace("EACH", '"jane.doe"')
    read = layer_of({"users.tf": users, "variables.tf": SWITCH.replace("SET", "true")})
    (person,) = read.people
    assert (person.iam_name, person.editable, person.place.line) == ("jane.doe", False, 1)
    with pytest.raises(EditRefused):
        edit_layer(read, [RemovePerson("jane.doe")])
    assert [problem.field for problem in check(read, [AddPerson("jane.doe", KEY)])] == ["name"]


def test_a_count_written_as_terraform_0_11_wanted_it_is_read_like_any_other() -> None:
    users = USERS.replace("length(LIST)", '"${length(var.users)}"')
    users = users.replace("= EACH", '= "${var.users[count.index]}"').replace(
        "${EACH}", "${var.users[count.index]}"
    )
    read = layer_of({"users.tf": users, "lists.tf": PLAIN})
    assert [person.iam_name for person in read.people] == ["alex.kim", "jane.doe"]
    assert [person.key_file for person in read.people] == ["keys/alex.kim", "keys/jane.doe"]


USER = 'module "LABEL" {\n  source = "./modules/iam-user"\nREST}\n'


def test_a_module_that_names_nobody_is_no_person_and_no_group() -> None:
    group = USER.replace("iam-user", "iam-group").replace("LABEL", "many").replace("REST", "  groups = {}\n")
    users = USER.replace("LABEL", "people").replace("REST", "  users = { jane = {} }\n")
    read = layer_of({"users.tf": users, "groups.tf": group})
    assert (read.people, read.groups) == ((), ())
    assert {(finding.subject, finding.label) for finding in read.findings if finding.hand_edit} == {
        (Subject.USER, "people"),
        (Subject.GROUP, "many"),
    }


def test_an_entry_that_is_switched_off_is_no_person() -> None:
    rest = "  for_each = local.users\n  name = each.key\n  create_user = try(each.value.create_user, true)\n"
    entries = 'locals {\n  users = {\n    jane = { create_user = false }\n    john = { team = "x" }\n  }\n}\n'
    read = layer_of({"users.tf": USER.replace("LABEL", "user").replace("REST", rest), "locals.tf": entries})
    assert [person.iam_name for person in read.people] == ["john"]
