"""A corpus of difficult layers, one per file: each is edited byte for byte, or rejected clearly."""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path

import pytest
from support.edits import propose
from support.layers import contents, edit_layer, layer_of

from workflows.hcl.document import Document, Splice
from workflows.layer.edit.groups import SetGroups
from workflows.layer.edit.operation import EditRefused, is_for_others
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.edit.run import EditUnsafe
from workflows.layer.model import Layer

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path.name for path in CORPUS.glob("*.tf"))
REFUSED = {
    "computed.tf",
    "duplicate_attributes.tf",
    "duplicate_blocks.tf",
    "for_expression.tf",
    "open_comment.tf",
    "open_string.tf",
    "spliced_names.tf",
    "syntax_error.tf",
}
"""Files to which nobody can be added."""


def read(name: str) -> Layer:
    layer = layer_of({"main.tf": (CORPUS / name).read_bytes()})
    keys = {str(person.key_file).removeprefix("keys/"): f"KEY {person.key_file}\n" for person in layer.people}
    return layer_of({"main.tf": (CORPUS / name).read_bytes()}, keys)


@pytest.mark.parametrize("name", FILES)
def test_it_is_read_and_doing_nothing_changes_no_byte(name: str) -> None:
    layer = read(name)
    assert propose([(layer, [])]).is_empty
    document = layer.files.documents["main.tf"]
    assert document.splice([Splice(0, 0, b"")]).data == document.data
    assert Document("x", document.data).items == document.items


@pytest.mark.parametrize("name", [file for file in FILES if file not in REFUSED])
def test_somebody_comes_as_an_insertion_and_goes_without_a_trace(name: str) -> None:
    layer = read(name)
    group = layer.groups[0].name
    added = edit_layer(layer, [AddPerson("bob.new", "KEY\n", (group,))])
    assert added.person("bob.new").groups == (group,)  # type: ignore[union-attr]
    before, after = (version.files.documents["main.tf"].data for version in (layer, added))
    tags = {tag for tag, *_ in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()}
    assert tags <= {"equal", "insert"} or name == "empty_lists.tf"
    left = edit_layer(added, [RemovePerson("bob.new")])
    if name != "empty_lists.tf":  # a list over two lines without entries is closed
        assert contents(left) == contents(layer)


@pytest.mark.parametrize("name", [file for file in FILES if file not in REFUSED | {"empty_lists.tf"}])
def test_everybody_can_go_one_by_one(name: str) -> None:
    layer = read(name)
    for person in layer.people:
        layer = edit_layer(layer, [RemovePerson(person.iam_name)])
    assert layer.people == ()
    assert layer.files.keys == {}
    assert not any(group.members for group in layer.groups)
    assert not [output for output in layer.outputs if output.person]


@pytest.mark.parametrize("name", [file for file in FILES if file not in REFUSED | {"empty_lists.tf"}])
def test_somebody_leaves_a_group_and_comes_back(name: str) -> None:
    layer = read(name)
    group = layer.groups[0]
    member = group.members[-1]
    left = edit_layer(layer, [SetGroups(member, remove=(group.name,))])
    assert left.group(group.name).members == group.members[:-1]  # type: ignore[union-attr]
    back, person = left.group(group.name), left.person(member)
    assert back
    assert person
    if is_for_others(back, machine=person.machine):  # it had both kinds
        with pytest.raises(EditRefused):
            edit_layer(left, [SetGroups(member, add=(group.name,))])
        return
    again = edit_layer(left, [SetGroups(member, add=(group.name,))])
    assert sorted(again.group(group.name).members) == sorted(group.members)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_edited_is_refused_with_the_place(name: str) -> None:
    layer = read(name)
    with pytest.raises(EditRefused) as refusal:
        edit_layer(layer, [AddPerson("bob.new", "KEY\n")])
    assert not isinstance(refusal.value, EditUnsafe)
    assert "main.tf:" in refusal.value.next


def test_a_comment_around_two_people_loses_the_one_who_goes() -> None:
    layer = read("blocks_odd.tf")
    left = edit_layer(layer, [RemovePerson("mark.pain")])
    text = left.files.documents["main.tf"].data.decode()
    assert "mark" not in text
    assert '/*\noutput "user_gull_ci_name" {' in text
    other = edit_layer(layer, [RemovePerson("gull.ci")]).files.documents["main.tf"].data.decode()
    assert "gull" not in other
    assert '/*\noutput "user_mark_paint_name" {' in other
    assert other.count("BeeCI") == 1


def test_a_shared_key_file_stays_and_a_banner_of_another_goes() -> None:
    layer = read("blocks_odd.tf")
    left = edit_layer(layer, [RemovePerson("bee.ci")])
    assert "keys/machine.bee.ci" in left.files.keys
    text = edit_layer(layer, [RemovePerson("mark.pain")]).files.documents["main.tf"].data.decode()
    assert text.count("# User: Cat Two") == 1
    assert "# Machines\n" in text
