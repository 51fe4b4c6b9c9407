"""The decisions as operations on a layer, without those that it has already."""

from __future__ import annotations

import gc
from collections.abc import Mapping

import pytest
from support.admin_project import AdminProject, decide
from support.layers import edit_layer, person

from workflows.layer.edit.key_files import RenameKeyFile, ReplaceKey
from workflows.layer.edit.people import RemovePerson, SetAccess
from workflows.layer.model import Layer
from workflows.steps.admin import edits
from workflows.steps.admin.edits import KeyToCorrect, LeftOut, operations, read_layers
from workflows.steps.decisions import DecidedKey, Decisions, Reset, UserChanges

ACCOUNT = "security"


def test_what_is_decided_leads_to_operations_that_the_layer_takes_once(layer: Layer) -> None:
    changes = UserChanges(
        remove={ACCOUNT: ("b.b",)},
        access={ACCOUNT: {"a.a": {"access_key": True}, "b.b": {"access_key": True}}},
        key_files={ACCOUNT: {"a.a": "a", "machine.b": "shared"}},
    )
    decisions = Decisions(user_changes=changes)
    wanted = operations(layer, decisions)
    assert wanted == [
        SetAccess("a.a", access_key=True),
        RenameKeyFile("a.a", "a"),
        RenameKeyFile("machine.b", "shared"),
        RemovePerson("b.b"),
    ]
    edited = edit_layer(layer, wanted)
    assert person(edited, "machine.b").key_file == "keys/shared"
    assert edited.files.keys["keys/machine.a"] == edited.files.keys["keys/shared"]  # machine.a still uses it
    assert operations(edited, decisions) == []


@pytest.mark.parametrize(
    ("name", "key", "file"),
    [
        ("machine.c", "KEYmachine.a\n", "keys/machine.a"),
        ("machine.c", "KEYa.a\n", "keys/machine.c"),
        ("machine.c", "KEYof-its-own\n", "keys/machine.c"),
        ("c.c", "KEYmachine.a\n", "keys/c.c"),
    ],
    ids=["another machine's", "a person's", "its own", "a person with a machine's"],
)
def test_a_machine_user_with_the_key_of_another_one_shares_its_file(
    layer: Layer, name: str, key: str, file: str
) -> None:
    decisions = Decisions(
        user_changes=UserChanges(add={ACCOUNT: (name,)}), joining=(name,), keys={name: DecidedKey(key)}
    )
    edited = edit_layer(layer, operations(layer, decisions))
    assert person(edited, name).key_file == file
    assert edited.files.keys == {**layer.files.keys, file: key.encode()}
    assert operations(edited, decisions) == []


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        ({"machine.c": "KEYnew\n", "machine.d": "KEYnew\n"}, {"keys/machine.c"}),
        ({"machine.c": "KEYmachine.a\n", "machine.d": "KEYmachine.a\n"}, {"keys/machine.a"}),
        ({"machine.c": "KEYnew\n", "machine.d": "KEYother\n"}, {"keys/machine.c", "keys/machine.d"}),
        ({"c.c": "KEYnew\n", "machine.d": "KEYnew\n"}, {"keys/c.c", "keys/machine.d"}),
        (
            {"machine.c": "KEYnew\n", "machine.d": "KEYnew\n", "machine.e": "KEYnew\n"},
            {"keys/machine.c"},
        ),
    ],
)
def test_machine_users_who_join_together_with_one_key_share_its_file(
    layer: Layer, keys: dict[str, str], files: set[str]
) -> None:
    names = tuple(keys)
    decided = {name: DecidedKey(key) for name, key in keys.items()}
    decisions = Decisions(user_changes=UserChanges(add={ACCOUNT: names}), joining=names, keys=decided)
    edited = edit_layer(layer, operations(layer, decisions))
    assert {person(edited, name).key_file for name in names} == files
    assert edited.files.keys.keys() == layer.files.keys.keys() | files
    assert operations(edited, decisions) == []


Keys = Mapping[str, bytes]


@pytest.mark.parametrize(("many", "apart"), [(3, True), (500, False)])
def test_large_layers_are_set_apart_from_the_garbage_collector(
    admin_project: AdminProject,
    people_keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
    many: int,
    apart: bool,
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    monkeypatch.setattr(edits, "_MANY", many)
    set_apart: list[None] = []
    monkeypatch.setattr(gc, "freeze", lambda: set_apart.append(None))
    read_layers(admin_project.context())
    assert bool(set_apart) is apart


def test_another_key_in_the_place_of_a_decided_one_stops_unless_it_is_known(layer: Layer) -> None:
    decisions = Decisions(
        user_changes=UserChanges(add={ACCOUNT: ("a.a", "l.l")}),
        joining=("a.a", "l.l"),
        keys={"a.a": DecidedKey("OTHER\n"), "l.l": DecidedKey("KEYl.l\n")},
    )
    (other,) = edits.other_keys(layer, decisions)
    assert (other.name, other.file, other.rewritten) == ("a.a", "keys/a.a", False)
    with pytest.raises(KeyToCorrect):
        operations(layer, decisions)
    edits.refuse_other_keys(layer, decisions, {("a.a", "")})
    taken = edits.with_keys_in_place(layer, decisions, {("a.a", "")})
    assert edits.with_keys_in_place(layer, decisions, ()) == decisions
    assert (taken.keys["a.a"].text, taken.keys["l.l"]) == ("KEYa.a\n", decisions.keys["l.l"])


def test_a_key_that_review_replaces_stops_only_once_it_was_written(layer: Layer) -> None:
    key = DecidedKey("OTHER\n", resets={ACCOUNT: Reset("keys/a.a")})
    decisions = Decisions(rekeying=("a.a",), keys={"a.a": key})
    assert operations(layer, decisions) == [ReplaceKey("a.a", key.text)]
    with pytest.raises(LeftOut):
        edits.refuse_other_keys(layer, decisions, written=True)
    written = edit_layer(layer, [ReplaceKey("a.a", key.text)])
    edits.refuse_other_keys(written, decisions, written=True)
    assert operations(written, decisions) == []
