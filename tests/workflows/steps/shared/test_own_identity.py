"""Whose step it is in the new user's workflow, and what the user's things are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment
from support.message_samples import FINGERPRINT, identity
from support.new_user import environment_of
from support.pgp import gpg_home

from workflows.aws.clients import ProfileFiles
from workflows.core.sentences import OnboardError
from workflows.messages.envelope import MessageError
from workflows.messages.handoff import Handoff
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_identity import (
    account_label,
    base_profile_of,
    files_of,
    fingerprint_of,
    handoff_of,
    identity_of,
    sign_in_page,
)
from workflows.stores.key_records import KeyRecord, KeyRecords
from workflows.stores.key_store import KEPT_IN_PGP_FILE

MANAGEMENT = identity(
    account_name="management", account_alias="", account_id="111111111111", sign_in_url="", profiles=()
)
HANDOFF = Handoff("bb", (identity(encrypted_password=None), MANAGEMENT))


def context(home: Path, **facts: Any) -> Context:
    known = {"handoff": HANDOFF, **facts}
    return Context(fake_environment(home, {}), known, {}, "security", home)


def test_a_sessions_handoff_is_checked_again_and_a_commands_is_taken(tmp_path: Path) -> None:
    sent = Handoff("bb", (identity(),))
    assert handoff_of(context(tmp_path, handoff=sent.payload())) == sent
    assert handoff_of(context(tmp_path)) is HANDOFF
    with pytest.raises(MessageError):
        handoff_of(context(tmp_path, handoff={**sent.payload(), "project": "../x"}))


def test_an_identity_is_that_of_the_items_account_or_the_named_one(tmp_path: Path) -> None:
    own = context(tmp_path)
    assert identity_of(own) == HANDOFF.identities[0]
    assert identity_of(own, "management") == MANAGEMENT
    with pytest.raises(OnboardError):
        identity_of(own, "shared")


def test_what_was_chosen_comes_before_what_the_handoff_says(tmp_path: Path) -> None:
    own, chosen = context(tmp_path), context(tmp_path, fingerprint="A" * 40, base_profile="mine")
    assert [fingerprint_of(each, identity()) for each in (own, chosen)] == [FINGERPRINT, "A" * 40]
    assert [base_profile_of(each, identity()) for each in (own, chosen)] == ["bb-security", "mine"]


def test_without_either_it_is_a_usable_key_in_the_keyring_best_that_of_the_kept_access_key(
    tmp_path: Path,
) -> None:
    with gpg_home() as gpg:
        unnamed, home = identity(key_fingerprint="", encrypted_password=None), environment_of(tmp_path, gpg)
        own = replace(context(tmp_path), environment=home)
        assert fingerprint_of(own, unnamed) == ""
        first, second = gpg.key("jane"), gpg.key("other")
        assert fingerprint_of(own, unnamed) == first
        record = KeyRecord(
            *("bb", "bb-security", "AKIAIOSFODNN7EXAMPLE", KEPT_IN_PGP_FILE),
            *("jane.doe", "222222222222", "us-east-1"),
            kept_at=home.now(),
            fingerprint=second,
        )
        KeyRecords(home.key_records_folder).put(record)
        assert fingerprint_of(own, unnamed) == second
        gpg.revoke(second)
        assert fingerprint_of(own, unnamed) == first, "nothing can be encrypted to the other one"


def test_the_profile_files_are_the_projects_own_in_the_users_home(tmp_path: Path) -> None:
    folder = tmp_path / ".aws" / "bb"
    assert files_of(context(tmp_path)) == ProfileFiles(folder / "config", folder / "credentials")


def test_a_user_without_a_password_has_no_sign_in_page(tmp_path: Path) -> None:
    environment = replace(fake_environment(tmp_path, {}), open_page=lambda page: f"sandbox {page}")
    own = replace(context(tmp_path), environment=environment)
    assert sign_in_page(own, identity()) == f"sandbox {identity().sign_in_url}"
    assert sign_in_page(own, MANAGEMENT) == ""


def test_an_account_without_an_alias_is_shown_by_its_number() -> None:
    assert account_label(MANAGEMENT) == "111111111111"
    assert {"bb-security", "(222222222222)"} == {*account_label(identity()).split()}
