"""New console passwords: what is replaced, and that a password of before isn't taken for a new one."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.sample_plan import context

from workflows.steps.admin import new_passwords
from workflows.steps.admin.new_passwords import Note, note_of
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.shared.module import Context
from workflows.terraform.state import LoginProfile, State

JANE = LoginProfile("jane.doe", "module.jane", "en\ncrypted", "", clear=False)
SAM = LoginProfile("sam.lee", "module.sam", "other", "", clear=False)
STATE = State(login_profiles={"jane.doe": JANE, "sam.lee": SAM})


def resetting(tmp_path: Path, *names: str, **facts: Any) -> Context:
    return context(tmp_path, resetting=list(names), **facts)


def test_only_chosen_people_with_a_password_get_another(tmp_path: Path) -> None:
    own = resetting(tmp_path, "jane.doe", "mary")
    assert new_passwords.addresses(STATE, own) == ("module.jane",)
    note = note_of(own)
    assert (note.asked, list(note.before)) == (("jane.doe", "mary"), ["jane.doe"])
    (file,) = run_folder(own).iterdir()
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    assert JANE.encrypted_password not in file.read_text()


def test_a_plan_without_new_passwords_forgets_the_note_of_the_one_before(tmp_path: Path) -> None:
    new_passwords.addresses(STATE, resetting(tmp_path, "jane.doe"))
    nobody = resetting(tmp_path)
    assert new_passwords.outdated(nobody)
    assert new_passwords.addresses(STATE, nobody) == ()
    assert (note_of(nobody), new_passwords.outdated(nobody)) == (Note(), "")


def test_a_plan_is_outdated_by_another_choice_in_any_order(tmp_path: Path) -> None:
    new_passwords.write(Note(("jane.doe", "sam.lee")), context(tmp_path))
    assert not new_passwords.outdated(resetting(tmp_path, "sam.lee", "jane.doe"))
    assert new_passwords.outdated(resetting(tmp_path, "sam.lee"))


def test_a_password_is_new_if_it_was_planned_and_is_another_one_now(tmp_path: Path) -> None:
    own = resetting(tmp_path, "jane.doe")
    new_passwords.addresses(STATE, own)
    wrapped = replace(JANE, encrypted_password="encrypt\r\ned")
    for profile, is_new in ((JANE, False), (wrapped, False), (replace(JANE, encrypted_password="new"), True)):
        state = State(login_profiles={"jane.doe": profile})
        assert ("jane.doe" not in new_passwords.unchanged(state, own, "security")) is is_new
    both = resetting(tmp_path, "jane.doe", "sam.lee", "mary")
    assert [*new_passwords.unchanged(STATE, both, "security")] == ["jane.doe", "sam.lee"]
    another = State(login_profiles={"jane.doe": replace(JANE, encrypted_password="new")})
    assert [*new_passwords.unchanged(another, own, "management")] == ["jane.doe"], "it isn't planned there"
    named = resetting(tmp_path, "jane.doe", named=["jane.doe"])
    assert new_passwords.unchanged(STATE, named, "security") == {}, "a command's user says that it is new"
