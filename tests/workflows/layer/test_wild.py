"""Small versions of forms in many teams' layers since 2019: edited in the same form, or rejected."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.edits import propose
from support.layers import USERS, edit_layer, layer_of, location

from workflows.layer.discover import find_project
from workflows.layer.edit.groups import SetGroups
from workflows.layer.edit.key_files import ReplaceKey
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson, SetAccess
from workflows.layer.edit.run import check
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Subject
from workflows.layer.read.layer import declares_people, lone_layer, read_files, read_layer

KEY = "QUJD\n"
BLOCKS_2020 = """#
# AWS IAM Users (alphabetically ordered)
#

#==========================#
# User: Jane Doe           #
#==========================#
module "user_jane_doe" {
  source = "github.com/team/iam.git//modules/iam-user?ref=v2.12.0"

  name                    = "jane.doe"
  password_reset_required = true

  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = "${file("keys/jane.doe")}"
}
"""
OUTPUTS_2020 = """#
# users.tf sensitive data output (alphabetically ordered)
#
output "user_jane_doe_name" {
  value = "${module.user_jane_doe.this_iam_user_name}"
}

# output "user_jane_doe_password" {
#   value     = module.user_jane_doe.this_iam_user_login_profile_encrypted_password
#   sensitive = true
# }
"""
GROUPS_2020 = """module "iam_group_devops" {
  source = "github.com/team/iam.git//modules/iam-group-with-policies?ref=v2.9.0"
  name = "devops"

  group_users = [
    module.user_jane_doe.this_iam_user_name,
  ]
}

/*module "iam_group_demo" {
  name = "demo"
  group_users = [module.user_jane_doe.this_iam_user_name]
}*/
"""
MEMBERSHIP = """
resource "aws_iam_group_membership" "auditors" {
  name  = "auditors"
  group = aws_iam_group.auditors.name
  users = [module.user_jane_doe.this_iam_user_name]
}
"""
VERSION_6 = """module "user" {
  source   = "terraform-aws-modules/iam/aws//modules/iam-user"
  version  = "~> 6.2"
  for_each = toset(["jane.doe"])

  name                 = each.key
  create_login_profile = true
  create_access_key    = false
  pgp_key              = file("keys/${each.key}")
}

module "devops" {
  source = "terraform-aws-modules/iam/aws//modules/iam-group"
  name   = "devops"
  users  = []
}
"""
SECTIONS = """locals {
  users = ["jane.doe"]

  machine_users = {
    # each with a key of its own
    "machine.ci" = "machine.ci"
    "machine.s3" = "machine.s3"

    # one key for all
    "machine.atlantis" = "machine.infra"
  }
}
"""


def text(layer: Layer, name: str) -> str:
    return layer.files.documents[name].data.decode()


def blocks(groups: str = GROUPS_2020) -> Layer:
    files = {"users.tf": BLOCKS_2020, "outputs.tf": OUTPUTS_2020, "groups.tf": groups}
    return layer_of(files, {"jane.doe": KEY})


def test_blocks_of_2020_are_cloned_with_banner_template_and_commented_output() -> None:
    edited = edit_layer(blocks(), [AddPerson("maria.sosa", KEY, ("devops",))])
    users = BLOCKS_2020.partition("#===")[1] + BLOCKS_2020.partition("#===")[2]
    new = (
        users.replace("jane_doe", "maria_sosa")
        .replace("jane.doe", "maria.sosa")
        .replace("Jane Doe  ", "Maria Sosa")
    )
    assert text(edited, "users.tf") == f"{BLOCKS_2020}\n{new}"
    own = OUTPUTS_2020.partition("#\noutput")[2].replace("jane_doe", "maria_sosa")
    assert text(edited, "outputs.tf") == f"{OUTPUTS_2020}\noutput{own}"
    assert text(edited, "groups.tf") == GROUPS_2020.replace(
        "_name,\n", "_name,\n    module.user_maria_sosa.this_iam_user_name,\n", 1
    )


def test_a_membership_resource_refuses_a_removal_with_its_place() -> None:
    layer = blocks(GROUPS_2020 + MEMBERSHIP)
    assert (Subject.MEMBER, "auditors") in [(finding.subject, finding.label) for finding in layer.findings]
    with pytest.raises(EditRefused) as refusal:
        edit_layer(layer, [RemovePerson("jane.doe")])
    line = (GROUPS_2020 + MEMBERSHIP)[: (GROUPS_2020 + MEMBERSHIP).index("  users = [")].count("\n") + 1
    assert f"groups.tf:{line}" in refusal.value.next


def test_the_shorter_names_of_version_6_are_read_and_written() -> None:
    layer = layer_of({"main.tf": VERSION_6}, {"jane.doe": KEY})
    (person,) = layer.people
    assert (person.login_profile, person.access_key, person.machine) == (True, False, False)
    edited = edit_layer(layer, [AddPerson("maria.sosa", KEY), SetGroups("jane.doe", add=("devops",))])
    wanted = VERSION_6.replace('["jane.doe"]', '["jane.doe", "maria.sosa"]')
    wanted = wanted.replace("users  = []", 'users = [\n    module.user["jane.doe"].name,\n  ]')
    assert text(edited, "main.tf") == wanted
    single = 'module "user_jo" {\n  source = "x//modules/iam-user?ref=v6.0.1"\n  name = "jo"\n}\n'
    switched = edit_layer(layer_of({"main.tf": single}), [SetAccess("jo", access_key=False)])
    assert "create_access_key = false" in text(switched, "main.tf")


def test_a_map_in_sections_grows_where_keys_are_kept_the_same_way() -> None:
    layer = layer_of({"users.tf": USERS, "locals.tf": SECTIONS})
    edited = edit_layer(layer, [AddPerson("machine.zeta", KEY, machine=True)])
    line = '    "machine.zeta" = "machine.zeta"\n'
    grown = SECTIONS.replace('"machine.s3"\n', f'"machine.s3"\n{line}')
    for name in ('"machine.ci"', '"machine.s3"'):
        grown = grown.replace(f"{name} =", f"{name:14} =")
    assert text(edited, "locals.tf") == grown


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('file("keys/${each.key}")', '"keybase:${each.key}"', "doesn't read its PGP key from a"),
        ("= each.key", '= "${each.key}-admin"', "makes names of its own"),
        ("toset(local.users)", "{ for one in var.users : one.name => one }", "for_each is computed"),
        ("toset(local.users)", 'toset(yamldecode(file("users.yaml")))', "for_each is computed"),
        ("toset(local.users)", "toset(concat(local.users, var.more))", "for_each is computed"),
    ],
)
def test_what_no_person_can_be_added_to_says_why_and_where(before: str, after: str, words: str) -> None:
    users = USERS.partition('module "machine_user"')[0].replace(before, after, 1)
    layer = layer_of({"users.tf": users, "locals.tf": 'locals {\n  users = ["jane.doe"]\n}\n'})
    with pytest.raises(EditRefused) as refusal:
        edit_layer(layer, [AddPerson("maria.sosa", KEY)])
    assert words in refusal.value.why
    assert ".tf:" in refusal.value.next
    if "names" in words or "computed" in words:
        assert any(finding.hand_edit for finding in layer.findings)


def test_keys_in_another_folder_are_written_and_removed_there(tmp_path: Path) -> None:
    (tmp_path / "users.tf").write_text(
        USERS.replace("keys/${each.key}", "${path.module}/pgp/${each.key}.asc")
    )
    (tmp_path / "locals.tf").write_text('locals {\n  users = ["jane.doe"]\n  machine_users = {}\n}\n')
    (tmp_path / "pgp").mkdir()
    (tmp_path / "pgp" / "jane.doe.asc").write_text(KEY)
    layer = read_files(location(tmp_path), FileSet.load(tmp_path))
    edited = edit_layer(layer, [AddPerson("maria.sosa", "QUJE\n"), RemovePerson("jane.doe")])
    assert dict(edited.files.keys) == {"pgp/maria.sosa.asc": b"QUJE\n"}


def test_files_in_another_form_are_told(tmp_path: Path) -> None:
    (tmp_path / "users.tf").write_text(USERS)
    for name in ("more.tf.json", "groups.tofu"):
        (tmp_path / name).write_text("{}")
    layer = read_files(location(tmp_path), FileSet.load(tmp_path))
    told = [finding for finding in layer.findings if finding.hand_edit]
    assert {"more.tf.json", "groups.tofu"} <= {remark.place.file for remark in told}


@pytest.mark.parametrize(
    "entry", ['    # "jane.doe",\n', '    "juan.delacruz", # was "jane.doe"\n', '    /* "jane.doe", */\n']
)
def test_somebody_who_is_commented_out_is_added_with_a_word_about_it(entry: str) -> None:
    layer = layer_of(
        {"users.tf": USERS, "locals.tf": f"locals {{\n  users = [\n{entry}  ]\n  machine_users = {{}}\n}}\n"}
    )
    warned = [problem.message for problem in check(layer, [AddPerson("jane.doe", KEY)]) if not problem.fatal]
    assert any(" locals.tf:3" in message for message in warned)
    edited = edit_layer(layer, [AddPerson("jane.doe", KEY)])
    assert entry in text(edited, "locals.tf")
    assert edited.person("jane.doe") is not None


def test_a_layer_is_read_without_a_complete_project(tmp_path: Path) -> None:
    folder = tmp_path / "security" / "us-east-1" / "base-identities"
    folder.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    assert not declares_people(folder)
    (folder / "users.tf").write_text(BLOCKS_2020)
    assert declares_people(folder)
    alone = lone_layer(folder)
    assert (alone.account, alone.relative) == ("security", "security/us-east-1/base-identities")
    assert [person.iam_name for person in read_layer(alone).people] == ["jane.doe"]


def test_a_project_of_2020_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "security" / "us-east-1" / "base-identities"
    folder.mkdir(parents=True)
    (folder / "users.tf").write_text(BLOCKS_2020)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "common.config").write_text(
        'project = "bb"\nproject_long = "binbash"\nsecurity_account_id = "222222222222"\n'
    )
    (tmp_path / "security" / "config").mkdir()
    (tmp_path / "security" / "config" / "backend.config").write_text(
        'profile = "bb-security-devops"\nbucket = "b"\nenvironment = "security"\n'
    )
    project = find_project(folder)
    (layer,) = project.layers
    assert (layer.relative, layer.account_id) == ("security/us-east-1/base-identities", "222222222222")
    assert layer.backend["profile"] == "bb-security-devops"


def test_a_linked_key_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "users.tf").write_text(USERS)
    (tmp_path / "locals.tf").write_text('locals {\n  users = ["jane.doe"]\n  machine_users = {}\n}\n')
    (tmp_path / "keys").mkdir()
    (tmp_path / "shared.key").write_text(KEY)
    (tmp_path / "keys" / "jane.doe").symlink_to(tmp_path / "shared.key")
    layer = read_files(location(tmp_path), FileSet.load(tmp_path))
    changes = propose([(layer, [RemovePerson("jane.doe")])]).changes
    assert [change.name for change in changes] == ["locals.tf"]


SET = 'locals {\n  users = toset([\n    "jane.doe",\n  ])\n}\n'


def test_a_set_in_a_local_is_a_list_like_any_other() -> None:
    files = {"users.tf": USERS.replace("toset(local.users)", "local.users"), "locals.tf": SET}
    layer = layer_of(files, {"jane.doe": KEY})
    added = edit_layer(layer, [AddPerson("maria.sosa", KEY)])
    assert added.files.documents["locals.tf"].data.decode() == SET.replace(
        '"jane.doe",\n', '"jane.doe",\n    "maria.sosa",\n'
    )
    plain = SET.replace("toset([", "[").replace("])", "]")
    assert not layer_of({**files, "locals.tf": plain}).people[0].editable


def test_users_that_are_resources_are_named_where_nobody_can_be_added() -> None:
    layer = layer_of({"users.tf": 'resource "aws_iam_user" "jane" {\n  name = "jane.doe"\n}\n'})
    with pytest.raises(EditRefused) as refusal:
        edit_layer(layer, [AddPerson("maria.sosa", KEY)])
    assert "users.tf:1" in refusal.value.why


def test_a_switch_in_quotes_is_nothing_that_somebody_new_would_take_over() -> None:
    quoted = BLOCKS_2020.replace("\n  pgp_key", '  upload_iam_user_ssh_key       = "false"\n\n  pgp_key')
    layer = layer_of({"users.tf": quoted}, {"jane.doe": KEY})
    assert not any("ssh_key" in problem.message for problem in check(layer, [AddPerson("maria.sosa", KEY)]))


def test_a_key_file_that_the_module_encodes_itself_is_not_written() -> None:
    users = USERS.replace('file("keys/${each.key}")', 'filebase64("${path.root}/keys/${each.key}")')
    layer = layer_of({"users.tf": users, "locals.tf": 'locals {\n  users = ["jane.doe"]\n}\n'})
    assert layer.people[0].key_file == "keys/jane.doe"
    for operation in (AddPerson("maria.sosa", KEY), ReplaceKey("jane.doe", KEY)):
        with pytest.raises(EditRefused) as refusal:
            edit_layer(layer, [operation])
        assert "filebase64" in refusal.value.why
        assert str(refusal.value.place) == "users.tf:9"


def test_users_that_a_module_of_the_project_makes_by_resources_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "security" / "base-identities"
    inner = tmp_path / "modules" / "people"
    for path in (folder, inner, tmp_path / ".git"):
        path.mkdir(parents=True)
    (folder / "main.tf").write_text(
        'module "people" {\n  source = "../../modules/people"\n  users  = ["jane.doe"]\n}\n\n'
        'module "gone" {\n  source = "../../modules/gone"\n}\n'
    )
    (inner / "main.tf").write_text('resource "aws_iam_user" "it" {\n  for_each = toset(var.users)\n}\n')
    (found,) = read_layer(lone_layer(folder)).findings
    assert (found.subject, found.label, found.hand_edit) == (Subject.USER, "people", True)
    assert str(found.place) == "main.tf:1"
    (inner / "main.tf").write_text('# resource "aws_iam_user" is elsewhere\n')
    assert read_layer(lone_layer(folder)).findings == ()
