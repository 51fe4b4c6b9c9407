from __future__ import annotations

import re

import pytest
from support.layers import edit_layer
from support.nasty_layers import GROUP, users_of, with_users

from workflows.layer.edit.groups import RemoveGroup, SetGroups
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.model import Subject


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_would_make_the_key_file_a_folder_is_refused(name: str) -> None:
    layer = with_users('["a.a"]')
    with pytest.raises(EditRefused, match=f": {re.escape(name)} "):
        edit_layer(layer, [AddPerson(name, "K")])


def test_a_name_listed_twice_goes_wholly() -> None:
    layer = with_users('["a.a", "b.b", "a.a"]')
    assert [(finding.subject, finding.label) for finding in layer.findings] == [(Subject.USER, "a.a")]
    assert users_of(edit_layer(layer, [RemovePerson("a.a")])) == '["b.b"]'


@pytest.mark.parametrize(
    "users", ['concat(["a.a"], var.more)', "[for one in var.all : one]", '["a.a", var.other]']
)
def test_computed_lists_are_shown_and_refused_with_the_place(users: str) -> None:
    layer = with_users(users)
    assert any(
        finding.hand_edit and finding.place.file in {"locals.tf", "users.tf"} for finding in layer.findings
    )
    with pytest.raises(EditRefused) as refusal:
        edit_layer(layer, [AddPerson("b.b", "KEY\n")])
    assert f" {refusal.value.place}." in refusal.value.next


def test_a_group_with_a_computed_list_holds_its_members() -> None:
    members = 'concat([module.user["a.a"].iam_user_name], var.more)'
    layer = with_users('["a.a"]', groups_tf=GROUP.replace("MEMBERS", members))
    with pytest.raises(EditRefused, match="computed"):
        edit_layer(layer, [SetGroups("a.a", add=("ops",))])
    with pytest.raises(EditRefused):
        edit_layer(layer, [RemovePerson("a.a")])


def test_a_group_that_an_output_shows_is_not_removed() -> None:
    output = 'output "ops" {\n  value = module.iam_group_ops.group_name\n}\n'
    layer = with_users('["a.a"]', groups_tf=GROUP.replace("MEMBERS", "[]"), outputs_tf=output)
    with pytest.raises(EditRefused) as refusal:
        edit_layer(layer, [RemoveGroup("ops")])
    assert "outputs.tf:2" in refusal.value.next


def test_an_override_file_makes_its_target_read_only() -> None:
    layer = with_users('["a.a"]', zz_override_tf='module "user" {\n  source = "x"\n}\n')
    assert (Subject.FILE, "zz_override.tf") in [
        (finding.subject, finding.label) for finding in layer.findings
    ]
    with pytest.raises(EditRefused):
        edit_layer(layer, [AddPerson("b.b", "KEY\n")])


def test_a_list_in_an_override_file_is_the_one_that_counts() -> None:
    layer = with_users('["a.a", "b.b"]', zz_override_tf='locals {\n  users = ["a.a"]\n}\n')
    assert [(person.iam_name, person.place.file, person.editable) for person in layer.people] == [
        ("a.a", "zz_override.tf", True)
    ]
    assert layer.findings == ()


def test_an_override_file_of_providers_and_backends_alone_is_nothing_to_tell() -> None:
    text = 'terraform {\n  backend "s3" {}\n}\nprovider "aws" {\n  region = "x"\n}\n'
    providers = with_users('["a.a"]', zz_override_tf=text)
    assert not [finding for finding in providers.findings if finding.subject is Subject.FILE]
    edit_layer(providers, [AddPerson("b.b", "KEY\n")])


def test_a_file_that_does_not_parse_is_not_edited() -> None:
    layer = with_users('["a.a"')
    assert any(finding.hand_edit for finding in layer.findings)
    with pytest.raises(EditRefused):
        edit_layer(layer, [AddPerson("b.b", "KEY\n")])
