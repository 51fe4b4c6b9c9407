"""Removing a person: what still refers to them, and what later users would lack."""

from __future__ import annotations

import re

import pytest
from support.layers import USERS, edit_layer, layer_of

from workflows.layer.edit.groups import SetGroups
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.edit.run import edit
from workflows.layer.model import Layer

KEY = "QUJD\n"
HEAD = """# Users. Jane Doe looks after them, and old.jane.doe and jane.doe.jr did.

"""
JANE = """#
# User: jane.doe
#
module "user_jane_doe" {
  source        = "github.com/x/iam.git//modules/iam-user?ref=v4.1.0"
  name          = "jane.doe"
  force_destroy = true

  pgp_key = file("keys/jane.doe") # jane.doe's own
}
# Here ends jane_doe.
"""
GROUP = """module "iam_group_ops" {
  source = "x"
  name   = "ops"
  group_users = [
    # module.user_jane_doe.iam_user_name, # jane.doe
  ]
}
"""
OBJECTS = """module "user" {
  source   = "../modules/iam-user"
  for_each = local.users

  name    = each.value.name
  tags    = { team = each.value.team }
  pgp_key = file("keys/${each.value.name}")
}

locals {
  users = {
    jane = { name = "jane.doe", team = "ops" }
  }
}
"""


def notes(layer: Layer, *names: str) -> list[str]:
    made = edit(layer, [RemovePerson(name) for name in names or ("jane.doe",)])
    return [*map(str, made.left_sentences), *(str(problem.message) for problem in made.warnings)]


def test_comments_that_stay_are_listed_and_those_that_go_are_not() -> None:
    layer = layer_of({"users.tf": HEAD + JANE, "groups.tf": GROUP}, {"jane.doe": KEY})
    comments = notes(layer)[0]
    assert "groups.tf:5, users.tf:1, users.tf:3." in comments, "the lines are those of the edited files"
    edited = edit_layer(layer, [RemovePerson("jane.doe")])
    left = edited.files.documents["users.tf"].data.decode()
    assert "Jane Doe" in left
    assert "User:" not in left


def test_other_lines_that_still_name_somebody_are_listed_too() -> None:
    policy = 'resource "x" "jane_doe" {\n  user = "jane.doe"\n  other = "not.jane.doe"\n}\n'
    layer = layer_of({"users.tf": HEAD + JANE, "policies.tf": policy}, {"jane.doe": KEY})
    others = next(note for note in notes(layer) if note.startswith("Other lines"))
    assert "policies.tf:1, policies.tf:2." in others


def test_a_group_that_is_called_like_somebody_is_no_line_about_them() -> None:
    group = GROUP.replace("iam_group_ops", "iam_group_jane_doe").replace('"ops"', '"jane_doe"')
    layer = layer_of({"users.tf": JANE, "groups.tf": group}, {"jane.doe": KEY})
    assert not any(place in note for note in notes(layer) for place in ("groups.tf:1", "groups.tf:3"))


@pytest.mark.parametrize("name", ["machine.ci", "jane", "---"])
def test_a_name_of_one_word_is_not_found_in_other_names(name: str) -> None:
    text = f'# CI, jane.doe, {name.replace("jane", "x")}-1\nlocals {{\n  users = ["{name}"]\n}}\n'
    layer = layer_of({"users.tf": USERS, "locals.tf": text})
    assert notes(layer, name) == []


@pytest.mark.parametrize(
    ("users", "places"),
    [
        ('users = [\n    "al",\n    # on leave\n    "jane",\n    # new\n    "john",\n  ]', ["locals.tf:5"]),
        ('users = [\n    # ill\n    "al",\n    # ill\n    "jane",\n    "john"\n  ]', ["locals.tf:6"]),
        (
            'machine_users = {\n    "al" = "a"\n    // ill\n    jane = "b"\n    john = "c"\n  }',
            ["locals.tf:5"],
        ),
        ('users = [\n    "al",\n    "jane", # on leave\n    # new\n    "john",\n  ]', []),
        ('users = [\n    "al",\n    #\n    "jane",\n    # new\n    "john",\n  ]', []),
        ('users = ["al", "jane", "john"]', []),
    ],
    ids=["list", "the same comment twice", "map", "on the line", "without a word", "all on one line"],
)
def test_a_comment_directly_above_a_removed_line_is_listed(users: str, places: list[str]) -> None:
    layer = layer_of({"users.tf": USERS, "locals.tf": f"locals {{\n  # all\n  {users}\n}}\n"})
    found = "".join(map(str, edit(layer, [RemovePerson("jane")]).left_sentences))
    assert re.findall(r"locals\.tf:\d", found) == places


def test_a_comment_above_the_line_of_somebody_who_leaves_a_group_is_listed() -> None:
    group = GROUP.replace(
        "    # module.user_jane_doe.iam_user_name, # jane.doe\n", '    # ill\n    "jane.doe"\n'
    )
    layer = layer_of({"users.tf": JANE, "groups.tf": group}, {"jane.doe": KEY})
    (left,) = edit(layer, [SetGroups("jane.doe", remove=("ops",))]).left_sentences
    assert "groups.tf:5" in str(left)


def test_a_machine_user_is_named_with_its_prefix_and_a_group_of_the_same_words_is_not_it() -> None:
    group = """/*module "iam_group_s3_demo" {
  name = "s3_demo"
  group_users = [
    module.machine_user["machine.s3.demo"].iam_user_name
  ]
}*/
# module.user_s3_demo writes to S3 demo
"""
    people = 'locals {\n  users = ["jane.doe", "machine.s3.demo"]\n}\n'
    layer = layer_of({"users.tf": USERS + "# jane.doe\n", "locals.tf": people, "groups.tf": group})
    found = notes(layer, "jane.doe", "machine.s3.demo")
    assert [name for name in ("groups.tf:4, groups.tf:7.", "groups.tf:1") if name in "".join(found)] == [
        "groups.tf:4, groups.tf:7."
    ]


def test_the_last_block_says_what_a_later_one_needs_and_whether_the_key_goes() -> None:
    layer = layer_of({"users.tf": JANE}, {"jane.doe": KEY})
    last = notes(layer)[-1]
    assert "iam-user?ref=v4.1.0" in last
    assert "force_destroy = true" in last
    assert "keys/jane.doe " in last
    two = layer_of({"users.tf": JANE + JANE.replace("jane", "john")}, {"jane.doe": KEY, "john.doe": KEY})
    assert not any("force_destroy" in note for note in notes(two))


def test_the_last_entry_of_a_map_says_what_its_fields_were() -> None:
    assert 'team = "ops"' in notes(layer_of({"users.tf": OBJECTS}))[-1]


def test_adding_to_an_emptied_layer_says_how() -> None:
    emptied = edit_layer(layer_of({"users.tf": JANE}, {"jane.doe": KEY}), [RemovePerson("jane.doe")])
    with pytest.raises(EditRefused) as refusal:
        edit_layer(emptied, [AddPerson("jane.doe", KEY)])
    assert "git" in refusal.value.next
