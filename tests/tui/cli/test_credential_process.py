"""`iam-onboard credential-process`."""

from __future__ import annotations

import json

import pytest
from support.own_machine import Keyring

from tui.cli import credential_process
from tui.cli.arguments import DONE, REFUSED
from tui.cli.main import main
from workflows.core.secret import Credentials, Secret
from workflows.stores import system_keyring
from workflows.stores.system_keyring import KeyringVault
from workflows.stores.vault import VaultUnavailable, store_access_key


def test_an_access_key_from_the_keyring_is_printed_as_the_sdks_want_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = Keyring()
    store_access_key(KeyringVault(backend), "bb", "bb-security", Credentials("AKIAEXAMPLE", Secret("canary")))
    monkeypatch.setattr(system_keyring, "system_keyrings", lambda: (backend,))
    assert main(["credential-process", "--project", "bb", "--profile", "bb-security"]) == DONE
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "Version": 1,
        "AccessKeyId": "AKIAEXAMPLE",
        "SecretAccessKey": "canary",
    }
    assert told.err == ""


def test_no_access_key_is_told_with_where_it_was_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system_keyring, "system_keyrings", lambda: (Keyring(),))
    assert main(["credential-process", "--project", "bb", "--profile", "bb-security"]) == REFUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert all(name in told.err for name in (" bb-security ", " bb."))


def test_a_keyring_that_does_not_answer_does_not_hide_the_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Deaf:
        description = "a deaf vault"

        def load(self, name: str) -> Secret | None:  # noqa: ARG002
            raise VaultUnavailable("Deaf", "It's deaf.")

    class Filled(Deaf):
        description = "a filled vault"

        def load(self, name: str) -> Secret | None:  # noqa: ARG002
            return Secret(json.dumps({"id": "AKIAEXAMPLE", "secret": "canary"}))

    for vaults, code in (([Deaf(), Filled()], DONE), ([Deaf()], REFUSED)):
        monkeypatch.setattr(credential_process, "_vaults", lambda *_, vaults=vaults: vaults)
        assert main(["credential-process", "--project", "bb", "--profile", "p"]) == code
    assert "It's deaf." in capsys.readouterr().err
