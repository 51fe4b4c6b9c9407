"""Changes of people's sign-in methods: their effect, rejected ones, and what the state lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import fake_environment
from support.layers import Habits, edit_layer, group, layer_of
from support.styles import Written, files_of

from workflows.core.sentences import text_of
from workflows.layer.edit.key_files import RenameKeyFile
from workflows.layer.edit.people import RemovePerson, SetAccess
from workflows.layer.model import Layer, Person
from workflows.steps.admin import state_now, users
from workflows.steps.admin.edits import operations
from workflows.steps.admin.users import WORDS
from workflows.steps.decisions import DecidedKey, Decisions, UserChanges
from workflows.steps.shared.module import Context
from workflows.terraform.state import LoginProfile, State

ACCOUNT = "security"


@pytest.fixture
def layer() -> Layer:
    return layer_with("keys/machine.a")


def layer_with(key_of_b: str) -> Layer:
    """Return a layer with three people and two machine users; the second of these has this key."""
    written = [
        Written("block", ["a.a", "b.b"]),
        Written("objects", ["machine.a", "machine.b"], machine=True),
        Written("list", ["l.l"]),
    ]
    files = files_of(written, [group("devops", [], Habits())])
    files["values.tf"] = files["values.tf"].replace("keys/machine.b", key_of_b)
    return layer_of(files, {name: f"KEY{name}\n" for name in ("a.a", "machine.a", "l.l")})


def person(layer: Layer, name: str) -> Person:
    found = layer.person(name)
    assert found is not None
    return found


def test_a_switch_of_ones_own_is_allowed_and_one_for_all_refused(layer: Layer) -> None:
    assert users.switch_refusal(layer, person(layer, "a.a"), "access_key", wanted=True) is None
    assert users.switch_refusal(layer, person(layer, "machine.a"), "login_profile", wanted=True) is None
    refusal = users.switch_refusal(layer, person(layer, "l.l"), "access_key", wanted=True)
    assert refusal is not None
    assert refusal.place is not None
    assert layer.files.documents[refusal.place.file].data.splitlines()[refusal.place.line - 1] == (
        b"  create_iam_access_key         = false"
    )


def test_nothing_is_switched_on_without_a_key_to_encrypt_it_for(layer: Layer) -> None:
    refusal = users.switch_refusal(layer, person(layer, "b.b"), "access_key", wanted=True)
    assert refusal is not None
    assert {"b.b", "PGP"} <= set(text_of(refusal.what).split())
    assert users.switch_refusal(layer, person(layer, "b.b"), "login_profile", wanted=False) is None


def test_a_machine_user_without_a_key_file_can_share_another_ones_and_nobody_else_can() -> None:
    layer = layer_with("keys/machine.b")
    assert not users.wrong_file(layer, person(layer, "machine.b"), "machine.a")
    edited = edit_layer(layer, [RenameKeyFile("machine.b", "machine.a")])
    assert person(edited, "machine.b").key_file == "keys/machine.a"
    assert dict(edited.files.keys) == dict(layer.files.keys)
    for name, file in (
        ("machine.b", "a.a"),
        ("b.b", "machine.a"),
        ("a.a", "machine.a"),
        ("machine.a", "a.a"),
    ):
        assert users.wrong_file(layer, person(layer, name), file)


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


def test_turning_a_switch_back_decides_nothing_unless_it_was_written(layer: Layer) -> None:
    nothing, user = UserChanges(), person(layer, "a.a")
    turned = users.switched(nothing, ACCOUNT, user, "login_profile", nothing)
    assert turned.access == {ACCOUNT: {"a.a": {"login_profile": False}}}
    assert users.switched(turned, ACCOUNT, user, "login_profile", nothing) == nothing
    written = edit_layer(layer, [SetAccess("a.a", login_profile=False)])
    after = users.switched(turned, ACCOUNT, person(written, "a.a"), "login_profile", turned)
    assert after.access == {ACCOUNT: {"a.a": {"login_profile": True}}}
    again = users.switched(after, ACCOUNT, person(written, "a.a"), "login_profile", turned)
    assert again == turned


def test_what_switching_does_is_said(layer: Layer) -> None:
    machine = person(layer, "machine.a")
    assert users.sharing(layer, machine) == ("machine.b",)
    told = users.consequence(
        machine, "access_key", wanted=True, left=False, shared=users.sharing(layer, machine)
    )
    assert all(part in told for part in (" keys/machine.a", " machine.b"))
    gone = users.consequence(machine, "access_key", wanted=False, left=False)
    assert gone != users.consequence(machine, "access_key", wanted=False, left=True), "nothing is left"


def test_the_state_lacks_what_is_not_applied_yet(tmp_path: Path) -> None:
    changes = {"access": {ACCOUNT: {"a.a": {"login_profile": False, "access_key": True}}}}
    profile = LoginProfile("a.a", "x", "", "", clear=False)
    facts = {"user_changes": changes}
    context = Context(fake_environment(tmp_path, {}), facts, facts, ACCOUNT, tmp_path)
    kept, lacking = state_now.not_applied(State(login_profiles={"a.a": profile}), context)
    assert kept.startswith("a.a ")
    assert WORDS["login_profile"] in kept
    assert WORDS["access_key"] in lacking
    assert context.decisions.of(ACCOUNT).switched == {"a.a"}
    assert context.decisions.of("management").switched == set()
