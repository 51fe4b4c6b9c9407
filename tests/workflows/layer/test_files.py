"""Only targets of symbolic links stay unchanged, as other layers may use them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.edits import propose
from support.layers import USERS, location

from workflows.layer.discover import find_project
from workflows.layer.edit.key_files import RenameKeyFile, ReplaceKey
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.edit.run import check
from workflows.layer.files import LeadsOutside
from workflows.layer.mentioned import account_mentions
from workflows.layer.model import Layer
from workflows.layer.read.layer import read_layer
from workflows.sandbox.project import lay_out

LAYER = "global/base-identities"


@pytest.fixture(params=["folder", "file"])
def layer(request: pytest.FixtureRequest, tmp_path: Path) -> Layer:
    folder, common = tmp_path / "layer", tmp_path / "common-keys"
    folder.mkdir()
    common.mkdir()
    for name in ("a.a", "b.b", "free.key"):
        (common / name).write_text(f"KEY OF {name}\n")
    if request.param == "folder":
        (folder / "keys").symlink_to("../common-keys")
    else:
        (folder / "keys").mkdir()
        for path in common.iterdir():
            (folder / "keys" / path.name).symlink_to(path)
    (folder / "locals.tf").write_text('locals {\n  users = ["a.a", "b.b"]\n\n  machine_users = {}\n}\n')
    (folder / "users.tf").write_text(USERS)
    return read_layer(location(folder))


def test_a_linked_key_stays_when_its_user_goes(layer: Layer) -> None:
    changes = propose([(layer, [RemovePerson("a.a")])]).changes
    assert [change.name for change in changes] == ["locals.tf"]
    told = check(layer, [RemovePerson("a.a")])
    (warning,) = (problem for problem in told if not problem.fatal)
    assert "keys/a.a " in warning.message


def test_a_linked_key_is_not_written_over(layer: Layer) -> None:
    for operation in (AddPerson("free.key", "ANOTHER\n"), ReplaceKey("a.a", "ANOTHER\n")):
        with pytest.raises(EditRefused, match=": keys/"):
            propose([(layer, [operation])])


def test_a_linked_key_serves_a_new_user_as_it_is(layer: Layer) -> None:
    changes = propose([(layer, [AddPerson("free.key", "KEY OF free.key\n")])]).changes
    assert [change.name for change in changes] == ["locals.tf"]


def test_a_new_key_file_can_go_to_a_linked_folder(layer: Layer) -> None:
    changes = propose([(layer, [AddPerson("c.c", "NEW\n")])]).changes
    assert [change.name for change in changes] == ["locals.tf", "keys/c.c"]


def test_the_layers_own_folder_may_be_a_link(layer: Layer, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "keys").mkdir()
    (own / "keys" / "a.a").write_text("K\n")
    for name in ("locals.tf", "users.tf"):
        (own / name).write_bytes(layer.files.documents[name].data)
    (tmp_path / "link").symlink_to(own)
    read = read_layer(location(tmp_path / "link"))
    assert [change.name for change in propose([(read, [RemovePerson("a.a")])]).changes] == [
        "locals.tf",
        "keys/a.a",
    ]


def test_a_block_users_linked_key_is_not_removed_when_it_gets_another_name(tmp_path: Path) -> None:
    folder = tmp_path / "layer"
    folder.mkdir()
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "a.a").write_text("K\n")
    (folder / "keys").symlink_to("../common")
    (folder / "users.tf").write_text(
        'module "user_a_a" {\n  source = "../modules/iam-user"\n  name   = "a.a"\n\n'
        '  pgp_key = file("keys/a.a")\n}\n'
    )
    layer = read_layer(location(folder))
    changes = propose([(layer, [RenameKeyFile("a.a", "machine.a")])]).changes
    assert [(change.name, change.after) for change in changes if change.name.startswith("keys/")] == [
        ("keys/machine.a", b"K\n")
    ]


@pytest.mark.parametrize(
    ("linked", "refused"), [("users.tf", False), ("locals.tf", True), ("groups.tf", True)]
)
def test_only_what_would_be_edited_must_not_be_a_link(tmp_path: Path, linked: str, refused: bool) -> None:
    folder = tmp_path / "layer"
    folder.mkdir()
    (folder / "locals.tf").write_text('locals {\n  users = ["a.a"]\n\n  machine_users = {}\n}\n')
    (folder / "users.tf").write_text(USERS)
    (folder / "groups.tf").write_text(
        'module "iam_group_ops" {\n  source = "../modules/iam-group"\n  name = "ops"\n  group_users = []\n}\n'
    )
    (folder / linked).rename(tmp_path / linked)
    (folder / linked).symlink_to(tmp_path / linked)
    edits = [(read_layer(location(folder)), [AddPerson("b.b", "B\n", ("ops",))])]
    if refused:
        with pytest.raises(EditRefused) as refusal:
            propose(edits)
        assert f"{linked} " in f"{refusal.value.what} {refusal.value.why}"
    else:
        names = [change.name for change in propose(edits).changes]
        assert names == ["groups.tf", "locals.tf", "keys/b.b"]


def read_all(root: Path) -> list[Layer]:
    return [read_layer(location) for location in find_project(root).layers]


@pytest.mark.parametrize(
    "linked",
    [
        *("security", f"security/{LAYER}", f"security/{LAYER}/keys", f"security/{LAYER}/keys/alex.kim"),
        *(f"security/{LAYER}/users.tf", "security/config/account.tfvars", "security/config/backend.tfvars"),
        *("config/common.tfvars", "build.env"),
    ],
)
@pytest.mark.parametrize("how", ["absolute", "relative", "over another link"])
def test_what_leads_out_of_the_project_is_refused_with_both_paths(
    tmp_path: Path, linked: str, how: str
) -> None:
    root = tmp_path / "project"
    lay_out(root)
    place, outside = root / linked, tmp_path / "outside"
    outside.mkdir()
    place.rename(outside / place.name)
    target = outside / place.name
    if how == "over another link":
        (root / "hop").symlink_to(target)
        target = root / "hop"
    place.symlink_to(os.path.relpath(target, place.parent) if how == "relative" else target)
    with pytest.raises(LeadsOutside) as refused:
        read_all(root)
    assert str(place) in refused.value.what
    assert str(outside / place.name) in refused.value.what
    if linked != f"security/{LAYER}":  # whose own links are relative
        place.unlink()
        target = root / f"moved-{place.name}"
        (outside / place.name).rename(target)
        place.symlink_to(target)
        assert any(layer.person("alex.kim") for layer in read_all(root))


def test_a_search_through_the_whole_project_stays_in_it(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside.tf"
    lay_out(root)
    outside.write_text("x = var.accounts.security.id\n")
    (root / "docs").mkdir()
    (root / "docs" / "x.tf").symlink_to(outside)
    project = find_project(root)
    with pytest.raises(LeadsOutside, match=r"outside\.tf"):
        account_mentions(project, "security")


OBJECTS = """module "user" {
  source   = "../modules/iam-user"
  for_each = var.users
  name     = each.value.name
  pgp_key  = file("keys/${each.value.name}")
}

variable "users" {
  default = {
    a_a = { name = "a.a" }
  }
}
"""
BLOCK = """module "user_a_a" {
  source = "../modules/iam-user"
  name   = "a.a"

  pgp_key = file("keys/a.a")
}
"""


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (USERS + 'locals {\n  users = ["a.a"]\n  machine_users = {}\n}\n', "user"),
        (OBJECTS, "user"),
        (BLOCK, "user_a_a"),
    ],
    ids=["list", "objects", "blocks"],
)
def test_a_refusal_names_the_module_and_its_reason(tmp_path: Path, text: str, label: str) -> None:
    folder = tmp_path / "layer"
    folder.mkdir()
    (tmp_path / "users.tf").write_text(text)
    (folder / "users.tf").symlink_to(tmp_path / "users.tf")
    read = read_layer(location(folder))
    why = f"In module {label}: users.tf is shared with other layers."
    with pytest.raises(EditRefused) as refusal:
        propose([(read, [AddPerson("b.b", "B\n")])])
    assert refusal.value.why == why
    (problem,) = check(read, [RemovePerson("a.a")])
    assert problem.message.endswith(f". {why}")
