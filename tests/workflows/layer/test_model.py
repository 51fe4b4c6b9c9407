"""What is looked up in a layer: people and groups by name, keys, and who the outputs are like."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.layers import USERS, layer_of, location

from workflows.hcl.document import Document
from workflows.layer.model import Layer, Place, Style, place_of

LOCALS = 'locals {\n  users = ["Ann.One"]\n\n  machine_users = { "machine.ci" = "ci" }\n}\n'
BLOCK = 'module "user_bo" {\n  source = "../modules/iam-user"\n  name = "bo"\n}\n'
GROUP = 'module "iam_group_ops" {\n  source = "../modules/iam-group"\n  name = "Ops"\n  group_users = []\n}\n'


@pytest.fixture(scope="module")
def layer() -> Layer:
    files = {"locals.tf": LOCALS, "users.tf": USERS + BLOCK, "groups.tf": GROUP}
    return layer_of(files, {"Ann.One": "ANN", "ci": "CI", "bo": "BO"})


def test_a_name_is_found_in_any_case_as_iam_does(layer: Layer) -> None:
    ann, group = layer.person("ann.one"), layer.group("OPS")
    assert (ann and ann.iam_name, group and group.name) == ("Ann.One", "Ops")
    assert (layer.person("ann"), layer.group("op")) == (None, None)


def test_of_two_of_a_name_the_first_one_is_meant(layer: Layer) -> None:
    ann = layer.people[0]
    twice = replace(layer, people=(ann, ann._replace(iam_name="ann.one", module="other")))
    assert twice.person("ANN.ONE") is ann


def test_the_owner_of_a_block_has_no_key(layer: Layer) -> None:
    owners = {person.iam_name: person.owner for person in layer.people}
    assert owners == {
        "Ann.One": ("user", "Ann.One"),
        "machine.ci": ("machine_user", "machine.ci"),
        "bo": ("user_bo", None),
    }
    assert {person.style for person in layer.people if person.owner[1] is None} == {Style.BLOCK}


def test_a_key_is_found_where_the_layer_says_or_by_its_usual_name(layer: Layer) -> None:
    names = [person.key_name for person in layer.people]
    assert names == ["Ann.One", "ci", ""]
    assert [layer.key_of(name) for name in ("ann.one", "machine.ci", "bo", "eve")] == [
        b"ANN",
        b"CI",
        b"BO",
        None,
    ]


def test_machines_are_no_humans_and_have_outputs_of_another_kind(layer: Layer) -> None:
    assert [person.iam_name for person in layer.humans] == ["Ann.One", "bo"]
    assert [person.kind for person in layer.people[:2]] == [(False, True, False), (True, False, True)]


def test_a_place_is_a_file_and_its_line() -> None:
    _, second = Document("users.tf", (BLOCK + "\n" + BLOCK).encode()).blocks
    assert place_of(second) == Place("users.tf", 6)
    assert str(place_of(second.attributes["name"])) == "users.tf:8"


@pytest.mark.parametrize(
    ("named", "profile"), [({"profile": "bb-x"}, "bb-x"), ({"profile": None}, ""), ({}, "")]
)
def test_a_layers_profile_is_the_one_of_its_backend_file(named: dict[str, object], profile: str) -> None:
    assert replace(location(), backend=named).profile == profile
