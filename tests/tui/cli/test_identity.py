"""An identity without a session: where its profiles' values and the place of its key come from."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.fakes import MemoryVault, fake_environment
from support.message_samples import identity
from support.own_machine import answering

from tui.cli.identity import given_key, identity_context, typed_path, wish, with_store
from tui.host import Machine, Places
from workflows.core.sentences import OnboardError
from workflows.messages.handoff import Handoff
from workflows.profiles.write import profile_paths, write_profiles
from workflows.sandbox.project import lay_out
from workflows.steps.new_user.access_keys import CONSOLE, TYPED
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_access_key import CREDENTIALS_FILE, VAULT
from workflows.stores.key_records import KeyRecord, KeyRecords
from workflows.stores.key_store import KEPT_IN_PGP_FILE
from workflows.stores.vault import VaultChoice, VaultLocked, VaultUnavailable

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BASE = "bb-security"
SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose working folder is a checkout."""
    lay_out(tmp_path / "bb")
    places = Places(*(tmp_path / name for name in ("state/sessions", "sandboxes", "vault", "cache")))
    return Machine(places, tmp_path, tmp_path, tmp_path / "bb", {}, lambda: NOW)


def options(**changes: Any) -> argparse.Namespace:
    usual = {"project": "", "account": "security", "region": "", "mfa_serial": None, "mfa_names": False}
    return argparse.Namespace(**{**usual, **changes})


def test_a_kept_keys_record_is_part_of_the_context(machine: Machine) -> None:
    empty = identity_context(machine, "bb", identity(), BASE)
    assert (empty.item, empty.facts["fingerprint"], empty.facts["access_key"]) == ("security", "", {})
    KeyRecords(machine.places.key_records).put(
        KeyRecord(
            *("bb", BASE, "AKIAEXAMPLEEXAMPLE01", KEPT_IN_PGP_FILE, "jane.doe", "222222222222", "us-east-1"),
            kept_at=NOW,
            fingerprint="A" * 40,
        )
    )
    known = identity_context(machine, "bb", identity(), BASE)
    assert (known.facts["fingerprint"], known.facts["access_key"]) == ("A" * 40, {"kept": KEPT_IN_PGP_FILE})


def test_an_option_comes_before_what_was_written_and_that_before_the_layer(machine: Machine) -> None:
    of_the_layer = wish(machine, options())
    assert of_the_layer.request.region == of_the_layer.identity.region == "us-east-1"
    assert (of_the_layer.request.mfa_serial, of_the_layer.request.mfa_names) == ("", False)
    chosen = wish(machine, options(region="eu-west-1", mfa_serial=SERIAL, mfa_names=True))
    assert chosen.identity.region == "eu-west-1"
    write_profiles(profile_paths(machine.home, "bb"), chosen.wanted, NOW)
    request = wish(machine, options()).request
    assert (request.region, request.mfa_serial, request.mfa_names) == ("eu-west-1", SERIAL, True)
    assert wish(machine, options(region="us-west-2", mfa_serial="")).request == replace(
        request, region="us-west-2", mfa_serial=""
    )


@pytest.mark.parametrize("changes", [{"account": "nowhere"}, {"account": ""}, {"region": "no region"}])
def test_what_cannot_be_meant_is_refused(machine: Machine, changes: dict[str, str]) -> None:
    with pytest.raises(OnboardError):
        wish(machine, options(**changes))


def test_outside_of_a_checkout_a_handoff_is_needed(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / ".aws" / "bb").mkdir(parents=True)
    (tmp_path / ".aws" / "bb" / "config").touch()
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(OnboardError):
        wish(machine._replace(working_folder=tmp_path / "elsewhere"), options(project="bb"))


def stored(home: Path, failure: VaultUnavailable | None, **asked: Any) -> str:
    def vault(_fingerprint: str) -> VaultChoice:
        if failure is not None:
            raise failure
        return VaultChoice(MemoryVault())

    own = Context(
        fake_environment(home, {}, vault=vault),
        {"handoff": Handoff("bb", (identity(),))},
        {},
        "security",
        home,
    )
    usual = {"keyring": False, "pgp_file": "", "credentials_file": False}
    return with_store(argparse.Namespace(**{**usual, **asked}), own)[0]


def test_plain_text_is_only_chosen_by_name(tmp_path: Path) -> None:
    assert stored(tmp_path, None) == VAULT
    assert stored(tmp_path, None, credentials_file=True) == CREDENTIALS_FILE
    none, locked = VaultUnavailable("None", "No keyring."), VaultLocked("Locked", "It is locked.")
    assert stored(tmp_path, none, credentials_file=True) == CREDENTIALS_FILE
    for failure, asked in ((locked, {}), (none, {"keyring": True})):
        with pytest.raises(VaultUnavailable) as refused:
            stored(tmp_path, failure, **asked)
        assert refused.value is failure


def test_a_key_comes_from_the_named_file_or_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    request = given_key("~/keys.csv", VAULT, delete=True)
    assert (request.how, request.path, request.delete_file) == (CONSOLE, str(Path.home() / "keys.csv"), True)
    terminal = answering(monkeypatch, " AKIAEXAMPLEEXAMPLE01 ", "s" * 40)
    typed = given_key("", VAULT)
    assert (typed.how, typed.key_id, typed.path) == (TYPED, "AKIAEXAMPLEEXAMPLE01", "")
    assert typed.secret is not None
    assert typed.secret.reveal() == "s" * 40
    assert terminal.answers == []
    assert typed_path("") == ""
