"""Files with arbitrary bytes are read without an exception, and edited byte for byte or rejected."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from support.examples import examples
from support.growth import growth
from support.layers import ACCOUNT, USERS, contents, edit_layer, layer_of, pair
from support.mutations import mutated

from workflows.core.sentences import OnboardError
from workflows.hcl import document
from workflows.layer.discover import find_project
from workflows.layer.edit.account import SetSetting
from workflows.layer.edit.groups import SetGroups
from workflows.layer.edit.operation import Operation
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.model import Layer
from workflows.layer.read.layer import read_layer
from workflows.sandbox.project import lay_out

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.tf"))
WHOLE = "\n".join(
    [
        USERS,
        'locals {\n  users = [\n    "jane.doe", # first\n    "juan.delacruz"\n  ]\n  machine_users = {}\n}\n',
        'module "iam_group_devops" {\n  group_users = [module.user["jane.doe"].iam_user_name]\n}\n',
        pair("jane.doe"),
        ACCOUNT,
        'resource "x" "y" {\n  policy = <<-EOF\n    { "a": "*/" }\n  EOF\n}\n/* output "old" {\n} */\n',
    ]
).encode()
OPERATIONS: tuple[Operation, ...] = (
    AddPerson("maria.sosa", "QUJD\n", ("devops",)),
    RemovePerson("jane.doe"),
    SetGroups("juan.delacruz", add=("devops",)),
    SetSetting("max_password_age", 90),
    SetSetting("account_alias", "other-alias"),
)
SEEDS = st.sampled_from([WHOLE, *(sample.read_bytes() for sample in CORPUS)])


def tried(layer: Layer, operation: Operation) -> None:
    """Do the operation, which may raise an OnboardError but no other error."""
    with suppress(OnboardError):
        edit_layer(layer, [operation])


@given(mutated(SEEDS))
@settings(
    max_examples=examples(100, 250),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_damaged_files_are_read_and_edited_or_refused(data: bytes) -> None:
    layer = layer_of({"users.tf": data}, {"jane.doe": "QUJD\n"})
    assert contents(layer)["users.tf"] == data
    assert edit_layer(layer, []).files.documents["users.tf"].data == data
    for operation in OPERATIONS:
        tried(layer, operation)


@given(st.binary(max_size=300))
@settings(max_examples=examples(80, 200), deadline=None)
def test_bytes_of_any_kind_are_read(data: bytes) -> None:
    layer = layer_of({"users.tf": data, "locals.tf": WHOLE})
    assert layer.files.documents["users.tf"].data == data
    for operation in OPERATIONS:
        tried(layer, operation)


LOCK = b"""provider "registry.opentofu.org/hashicorp/aws" {
  version     = "4.67.0"
  constraints = "~> 4.10"
  hashes = [
    "h1:abc=",
  ]
}
"""
PROJECT_FILES = (
    "config/common.tfvars",
    "security/config/account.tfvars",
    "security/config/backend.tfvars",
    "build.env",
    "security/global/base-identities/.terraform.lock.hcl",
    "security/global/base-identities/config.tf",
)


@given(st.data())
@settings(max_examples=examples(60, 150), deadline=None)
def test_damaged_files_of_a_project_are_read_or_refused_in_words(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "project"
        lay_out(root)
        path = root / data.draw(st.sampled_from(PROJECT_FILES))
        path.write_bytes(data.draw(mutated(st.just(path.read_bytes() if path.is_file() else LOCK))))
        with suppress(OnboardError):
            for layer in find_project(root).layers:
                read_layer(layer)


_MANY: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "lists": (20_000, lambda n: b"locals {\n  users = " + b"[" * n + b"]" * n + b"\n}\n"),
    "blocks": (5_000, lambda n: b"a {\n" * n + b"}\n" * n),
    "templates": (3_000, lambda n: b'x = "' + b"${" * n + b"a" + b"}" * n + b'"\n'),
    "brackets": (5_000, lambda n: b"locals {\n  users = " + b"(" * n + b"1" + b")" * n + b"\n}\n"),
    "comments": (40_000, lambda n: b"# a comment\n" * n),
    "open": (40_000, lambda n: b"/*" * n),
    "quotes": (100_000, lambda n: b'"' * n),
    "nul": (1_000_000, lambda n: b"\x00" * n),
    "people": (10_000, lambda n: b"locals {\n  users = [\n" + b'    "somebody.else",\n' * n + b"  ]\n}\n"),
    "blank": (5_000_000, lambda n: b" " * n),
    "unclosed": (5_000, lambda n: b'output "a" {\n  value = 1\n' * n),
}


@pytest.mark.parametrize("kind", _MANY)
def test_deep_and_huge_files_take_ten_times_as_long_as_a_tenth_of_them(kind: str) -> None:
    size, data = _MANY[kind]

    def read(count: int) -> None:
        document._tree_of_small.cache_clear()  # each call is to parse
        layer = layer_of({"users.tf": USERS, "odd.tf": data(count)}, {"jane.doe": "QUJD\n"})
        assert layer.files.documents["odd.tf"].data == data(count)
        tried(layer, AddPerson("maria.sosa", "QUJD\n"))

    assert growth(lambda: read(size // 10), lambda: read(size), 40) < 40


def test_a_reference_that_begins_like_a_template_is_computed_and_ends() -> None:
    group = 'module "iam_group_a" {\n  group_users = ["${module.user_a.iam_user_name}" + "x"]\n}\n'
    (found,) = layer_of({"groups.tf": group}).groups
    assert not found.editable
