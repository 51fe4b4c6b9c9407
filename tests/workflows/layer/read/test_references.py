from __future__ import annotations

from collections.abc import Callable

import pytest
from support.layers import USERS, contents, edit_layer, layer_of

from workflows.layer.edit.groups import SetGroups
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.model import Layer
from workflows.layer.read.references import Reference, parsed_reference, written

KEY = "QUJD\n"
LOCALS = 'locals {\n  users = [\n    "alex.kim",\n    "jane.doe",\n  ]\n  machine_users = {}\n}\n'
BLOCK = """module "user_SLUG" {
  source = "../modules/iam-user"
  name   = "NAME"

  create_iam_user_login_profile = true
  create_iam_access_key         = false
  pgp_key                       = file("keys/NAME")
}
"""


def group(*members: str) -> str:
    lines = "".join(f"    {member},\n" for member in members)
    return (
        f'module "iam_group_ops" {{\n  source = "x"\n  name   = "ops"\n\n  group_users = [\n{lines}  ]\n}}\n'
    )


def outputs(name: str, reference: str) -> str:
    slug = name.replace(".", "_")
    return f'output "user_{slug}_name" {{\n  value = {reference}\n}}\n'


def listed(form: str) -> Layer:
    names = ("alex.kim", "jane.doe")
    members = [form.replace("NAME", name) for name in names]
    pairs = [outputs(name, member) for name, member in zip(names, members, strict=True)]
    return layer_of(
        {"users.tf": USERS, "locals.tf": LOCALS, "groups.tf": group(*members), "out.tf": "\n".join(pairs)},
        dict.fromkeys(names, KEY),
    )


def blocks() -> Layer:
    names = ("alex.kim", "jane.doe")
    members = [f'module.user_{name.replace(".", "_")}["iam_user_name"]' for name in names]
    users = [BLOCK.replace("NAME", name).replace("SLUG", name.replace(".", "_")) for name in names]
    pairs = [outputs(name, member) for name, member in zip(names, members, strict=True)]
    return layer_of(
        {"users.tf": "\n".join(users), "groups.tf": group(*members), "out.tf": "\n".join(pairs)},
        dict.fromkeys(names, KEY),
    )


@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        (
            listed('module.user["NAME"]["iam_user_name"]'),
            'module.user["kim.lee"]["iam_user_name"]',
        ),
        (listed('module.user["NAME"]["name"]'), 'module.user["kim.lee"]["name"]'),
        (listed('module.user[ "NAME" ][ "iam_user_name" ]'), 'module.user["kim.lee"]["iam_user_name"]'),
        (listed('"${module.user["NAME"]["iam_user_name"]}"'), '"${module.user["kim.lee"]["iam_user_name"]}"'),
        (blocks(), 'module.user_kim_lee["iam_user_name"]'),
    ],
    ids=["usual", "short", "blanks", "wrapped", "blocks"],
)
def test_an_attribute_in_brackets_is_read_and_written_as_the_siblings_are(read: Layer, wanted: str) -> None:
    (ops,) = read.groups
    assert (ops.members, ops.editable) == (("alex.kim", "jane.doe"), True)
    assert [output.person for output in read.outputs] == ["alex.kim", "jane.doe"]
    edited = edit_layer(read, [AddPerson("kim.lee", KEY, ("ops",))])
    assert edited.files.documents["groups.tf"].data.decode().count(f"    {wanted},\n") == 1
    assert edited.files.documents["out.tf"].data.decode().count(f"value = {wanted}\n") == 1
    assert contents(edit_layer(edited, [RemovePerson("kim.lee")])) == contents(read)
    left = edit_layer(read, [SetGroups("jane.doe", remove=("ops",))])
    assert left.groups[0].members == ("alex.kim",)


def test_a_key_alone_is_no_attribute() -> None:
    assert parsed_reference('module.user["alex.kim"]') is None
    assert parsed_reference('module.user["iam_user_bob"]') is None
    assert parsed_reference('module.user_a["iam_user_name"]') == Reference(
        "user_a", None, "iam_user_name", bracketed=True
    )


def test_a_bracket_that_could_be_taken_for_a_key_is_not_written() -> None:
    reference = Reference("user", "alex.kim", "name", bracketed=True)
    assert written(reference) == 'module.user["alex.kim"]["name"]'
    assert written(reference.to(("user_kim_lee", None))) == "module.user_kim_lee.name"


@pytest.mark.parametrize(
    "members",
    [
        '[for one in module.user : one["iam_user_name"]]',
        'values(module.user)[*]["iam_user_name"]',
        '[for one in local.users : module.user[one]["iam_user_name"]]',
    ],
)
def test_members_that_follow_the_users_are_known_by_brackets_too(members: str) -> None:
    text = f'module "iam_group_ops" {{\n  source = "x"\n  name = "ops"\n  group_users = {members}\n}}\n'
    read = layer_of({"users.tf": USERS, "locals.tf": LOCALS, "groups.tf": text})
    assert read.groups[0].members == ("alex.kim", "jane.doe")
    assert "kim.lee" in edit_layer(read, [AddPerson("kim.lee", KEY)]).groups[0].members


OPERATIONS = [
    'REF == "" ? null : 1',
    "!REF",
    '"${REF == "" ? 1 : 2}"',
    '"%{ if REF == "" }a%{ endif }"',
    "-REF + 1",
    "REF[0]",
]


@pytest.mark.parametrize("expression", OPERATIONS)
@pytest.mark.parametrize("make", [blocks, lambda: listed('module.user["NAME"].iam_user_name')])
def test_a_reference_in_an_operation_is_followed_like_any_other(
    expression: str, make: Callable[[], Layer]
) -> None:
    layer = make()
    own = "module.user_jane_doe" if make is blocks else 'module.user["jane.doe"]'
    value = expression.replace("REF", f"{own}.iam_user_arn")
    files = {name: document.data.decode() for name, document in layer.files.documents.items()}
    resource = f'resource "x" "y" {{\n  z = {value}\n}}\n'
    with pytest.raises(EditRefused, match=r": jane\.doe ") as refusal:
        edit_layer(layer_of({**files, "x.tf": resource}), [RemovePerson("jane.doe")])
    assert str(refusal.value.place) == "x.tf:2"
    output = f'output "user_jane_doe_check" {{\n  value = {value}\n}}\n'
    outputs = "\n".join([files["out.tf"], output, output.replace("jane", "alex").replace("doe", "kim")])
    added = edit_layer(layer_of({**files, "out.tf": outputs}), [AddPerson("lee.x", KEY)])
    text = added.files.documents["out.tf"].data.decode()
    assert output.replace("jane_doe", "lee_x").replace("jane.doe", "lee.x") in text


@pytest.mark.parametrize("form", [".sign-in", " . sign-in", '["sign-in"]'])
def test_an_attribute_with_a_hyphen_is_an_attribute(form: str) -> None:
    layer = layer_of(
        {
            "users.tf": USERS,
            "locals.tf": LOCALS,
            "out.tf": outputs("jane.doe", f'module.user["jane.doe"]{form}'),
        },
        dict.fromkeys(("alex.kim", "jane.doe"), KEY),
    )
    (output,) = layer.outputs
    assert (output.person, output.attribute) == ("jane.doe", "sign-in")
