"""Changes of people's sign-in methods: their effect, rejected ones, and what the state lacks."""

from __future__ import annotations

from pathlib import Path

from support.fakes import fake_environment
from support.layers import edit_layer, person
from support.styles import layer_with

from workflows.core.sentences import text_of
from workflows.layer.edit.key_files import RenameKeyFile
from workflows.layer.edit.people import SetAccess
from workflows.layer.model import Layer
from workflows.steps.admin import state_now, users
from workflows.steps.admin.users import WORDS
from workflows.steps.decisions import UserChanges
from workflows.steps.shared.module import Context
from workflows.terraform.state import LoginProfile, State

ACCOUNT = "security"


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
