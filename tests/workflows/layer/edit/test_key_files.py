"""The files of PGP keys: their names, their form, and what a module's path to them allows."""

from __future__ import annotations

import pytest
from support.edits import propose
from support.layers import USERS, edit_layer, layer_of

from workflows.layer.edit.key_files import RenameKeyFile, ReplaceKey
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson
from workflows.layer.model import Layer

KEY = "QUJD\n"
BLOCK = """module "user_jane_doe" {
  source = "../modules/iam-user"
  name   = "jane.doe"

  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("${path.module}/keys/jane.doe.asc")
}
"""


@pytest.mark.parametrize("wrapped", ["KEYx.y\n", "KEY\nx.y", "  KEYx.y\r\n"])
def test_the_same_key_in_other_wraps_is_left_alone(wrapped: str) -> None:
    layer = layer_of(
        {"users.tf": USERS + 'locals {\n  users = ["x.y"]\n  machine_users = {}\n}\n'}, {"x.y": "KEYx.y\n"}
    )
    assert propose([(layer, [ReplaceKey("x.y", wrapped)])]).is_empty
    assert not propose([(layer, [ReplaceKey("x.y", "OTHER\n")])]).is_empty


@pytest.mark.parametrize(
    ("others", "on_one_line", "end"),
    [
        (("QUJD" * 40, "QUJE" * 40), True, ""),
        (("QUJD" * 40 + "\n", "QUJE" * 40 + "\n"), True, "\n"),
        (("QUJD" * 40, "QUJE" * 19 + "\nQUJE\n"), False, "\n"),
        (("QUJD\n", "QUJE\n"), False, "\n"),
    ],
    ids=["one line", "with a newline", "both forms", "too short to tell"],
)
def test_a_key_file_is_on_one_line_if_all_are(
    others: tuple[str, str], *, on_one_line: bool, end: str
) -> None:
    text = "QUJG" * 19 + "\nQUJH\n"
    layer = layer_of(
        {"users.tf": USERS + 'locals {\n  users = ["x.x", "y.y"]\n  machine_users = {}\n}\n'},
        {"x.x": others[0], "y.y": others[1]},
    )
    expected = (text.replace("\n", "") + end if on_one_line else text).encode()
    edited = edit_layer(layer, [AddPerson("z.z", text), ReplaceKey("x.x", text)])
    assert edited.files.keys == {
        "keys/x.x": expected,
        "keys/y.y": others[1].encode(),
        "keys/z.z": expected,
    }


def text(layer: Layer, name: str) -> str:
    return layer.files.documents[name].data.decode()


def test_a_key_in_the_modules_folder_is_renamed_and_followed_with_its_ending() -> None:
    layer = layer_of({"users.tf": BLOCK}, {"jane.doe.asc": KEY})
    renamed = edit_layer(layer, [RenameKeyFile("jane.doe", "jane.asc")])
    assert text(renamed, "users.tf") == BLOCK.replace("keys/jane.doe.asc", "keys/jane.asc")
    assert dict(renamed.files.keys) == {"keys/jane.asc": KEY.encode()}
    added = edit_layer(layer, [AddPerson("juan.delacruz", "QUJE\n")])
    assert 'file("${path.module}/keys/juan.delacruz.asc")' in text(added, "users.tf")
    assert "keys/juan.delacruz.asc" in added.files.keys
    other = layer_of({"users.tf": BLOCK.replace("path.module", "var.folder")}, {"jane.doe.asc": KEY})
    with pytest.raises(EditRefused):
        edit_layer(other, [RenameKeyFile("jane.doe", "jane.asc")])


@pytest.mark.parametrize(
    ("path", "value", "made"),
    [
        ("keys/${each.value.key}.asc", "jd", "keys/maria.sosa.asc"),
        ("keys/${each.value.key}.asc", "jane.doe", "keys/maria.sosa.asc"),
        ("keys/k-${each.value.key}", "jd", "keys/k-maria.sosa"),
        ("keys/${each.value.name}.gpg", "-", "keys/maria.sosa.gpg"),
    ],
)
def test_what_the_module_puts_around_a_key_files_field_is_not_put_there_twice(
    path: str, value: str, made: str
) -> None:
    users = f"""module "user" {{
  source   = "../modules/iam-user"
  for_each = local.users
  name     = each.value.name
  pgp_key  = file("{path}")
}}

locals {{
  users = {{
    jane_doe = {{ name = "jane.doe", key = "{value}" }}
  }}
}}
"""
    added = edit_layer(layer_of({"users.tf": users}), [AddPerson("maria.sosa", "QUJD\n")])
    person = added.person("maria.sosa")
    assert person is not None
    assert person.key_file == made
    assert made in added.files.keys


def test_a_key_files_name_of_two_fields_is_refused() -> None:
    users = """module "user" {
  source   = "../modules/iam-user"
  for_each = local.users
  name     = each.key
  pgp_key  = file("keys/${each.key}-${each.value.key}")
}

locals {
  users = {
    "jane.doe" = { key = "1" }
  }
}
"""
    with pytest.raises(EditRefused, match="key"):
        edit_layer(layer_of({"users.tf": users}), [AddPerson("maria.sosa", "QUJD\n")])
