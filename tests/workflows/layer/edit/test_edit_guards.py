from __future__ import annotations

from dataclasses import dataclass

import pytest
from support.layers import USERS, edit_layer, layer_of, pair

from workflows.core.sentences import Problem, text_of
from workflows.hcl.document import Splice
from workflows.layer.edit.operation import Change
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.edit.run import EditUnsafe, check
from workflows.layer.files import FileSet
from workflows.layer.model import Layer


@dataclass(frozen=True)
class Clumsy:
    """A faulty operation, which should change nothing but replaces a text."""

    file: str
    old: bytes
    new: bytes

    def check(self, layer: Layer) -> list[Problem]:  # noqa: ARG002 - the protocol names it
        return []

    def apply(self, layer: Layer) -> FileSet:
        document = layer.files.documents[self.file]
        start = document.data.index(self.old)
        return layer.files.with_document(document.splice([Splice(start, start + len(self.old), self.new)]))

    def intend(self, layer: Layer) -> Change:  # noqa: ARG002 - the protocol names it
        return Change()


@pytest.fixture
def layer() -> Layer:
    return layer_of(
        {
            "locals.tf": 'locals {\n  users = ["a.a", "b.b"]\n  machine_users = {}\n  x = 1\n}\n',
            "users.tf": USERS,
            "outputs.tf": pair("a.a") + "\n",
        },
        {"a.a": "K\n"},
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("locals.tf", b'"a.a", ', b"", "people: a.a"),
        ("locals.tf", b'"b.b"', b'"b.c"', "people: b.c"),
        ("outputs.tf", b"sensitive   = true", b"sensitive   = false", "outputs: user_a_a_password"),
        (
            "users.tf",
            b"create_iam_access_key         = false",
            b"create_iam_access_key = true",
            "people: a.a",
        ),
    ],
)
def test_an_edit_that_does_something_else_is_thrown_away(
    layer: Layer, file: str, old: bytes, new: bytes, told: str
) -> None:
    with pytest.raises(EditUnsafe) as failure:
        edit_layer(layer, [Clumsy(file, old, new)])
    assert told in failure.value.detail


@pytest.mark.parametrize(
    "new",
    [
        b"x = 1\n  x = 2",  # a duplicate attribute, which tree-sitter accepts and Terraform does not
        b"x = ",
        b"x = 1 }",
    ],
)
def test_an_edit_that_is_not_hcl_is_thrown_away(layer: Layer, new: bytes) -> None:
    with pytest.raises(EditUnsafe):
        edit_layer(layer, [Clumsy("locals.tf", b"x = 1", new)])


def test_problems_are_those_of_the_layer_as_the_operations_before_leave_it(layer: Layer) -> None:
    again = [RemovePerson("a.a"), AddPerson("A.A", "K\n")]
    assert [problem.fatal for problem in check(layer, again)] == [False]
    assert [problem.field for problem in check(layer, again[1:]) if problem.fatal] == ["name"]
    twice = [AddPerson("c.c", "K\n"), AddPerson("C.C", "K\n")]
    assert any(problem.fatal for problem in check(layer, twice))


def test_lines_left_of_an_edit_are_listed_before_the_person_is_added_again() -> None:
    files = {
        "locals.tf": 'locals {\n  users = ["a.a"]\n  machine_users = {}\n}\n',
        "users.tf": USERS,
        "outputs.tf": pair("a.a") + "\n" + pair("b.b") + "\n",
    }
    (problem,) = [
        found_problem
        for found_problem in check(layer_of(files, {"a.a": "K\n"}), [AddPerson("b.b", "K\n")])
        if found_problem.fatal
    ]
    assert problem.field == "name"
    assert "outputs.tf:" in text_of(problem.message)


def test_the_first_one_of_an_emptied_layer_gets_no_outputs_and_is_told_so() -> None:
    files = {"locals.tf": "locals {\n  users = []\n  machine_users = {}\n}\n", "users.tf": USERS}
    found = check(layer_of(files), [AddPerson("a.a", "K\n")])
    assert "outputs" in {problem.field for problem in found}
    assert not any(problem.fatal for problem in found)
