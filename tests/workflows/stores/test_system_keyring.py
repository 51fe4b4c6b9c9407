"""Which keyrings of the system are used, and what is never imported."""

from __future__ import annotations

import sys
from pathlib import Path

import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.errors import KeyringLocked
from support.vaults import FakeKeyring

from workflows.stores import system_keyring
from workflows.stores.system_keyring import (
    SERVICE,
    KeyringVault,
    choose_vault,
    chosen_backend,
    keeps_secrets,
    named_keyring,
    system_keyrings,
)
from workflows.stores.vault import PgpFileVault, VaultLocked, VaultUnavailable


class PlaintextKeyring(FakeKeyring):
    """A keyring of keyrings.alt."""

    __module__ = "keyrings.alt.file"


class Chain(FakeKeyring):
    def __init__(self, *backends: FakeKeyring) -> None:
        super().__init__()
        self.backends = backends


def from_module(module: str) -> FakeKeyring:
    return type("Keyring", (FakeKeyring,), {"__module__": module})()


@pytest.mark.parametrize(
    "backend",
    [
        from_module("keyrings.alt.file"),
        from_module("keyrings.cryptfile.cryptfile"),
        from_module("somebody.elses.keyring"),
        PlaintextKeyring(),
        keyring.backends.null.Keyring(),
        keyring.backends.fail.Keyring(),
        Chain(FakeKeyring(), PlaintextKeyring()),
    ],
)
def test_a_keyring_that_protects_nothing_is_refused(backend: FakeKeyring) -> None:
    assert not keeps_secrets(backend)
    with pytest.raises(VaultUnavailable) as caught:
        KeyringVault(backend)
    assert caught.value.next


@pytest.mark.usefixtures("sly")
def test_a_name_out_of_a_record_imports_no_module() -> None:
    assert named_keyring("sly.Keyring") is None
    assert "sly" not in sys.modules


@pytest.mark.usefixtures("sly")
def test_a_name_out_of_settings_imports_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(sys.path)
    assert system_keyrings() == ()
    assert chosen_backend() == "sly.Keyring"
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "sly.Other")
    assert system_keyrings() == ()
    assert chosen_backend() == "sly.Other"
    assert "sly" not in sys.modules
    assert sys.path == before


def test_a_package_that_registers_a_backend_is_not_imported(
    sly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sly.unlink()
    package = tmp_path / "sly-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Name: sly\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[keyring.backends]\nsly = sly\n")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    assert system_keyrings() == ()
    assert "sly" not in sys.modules


@pytest.mark.parametrize("named", [0, 1, 2])
def test_of_those_that_are_here_the_best_comes_first_and_a_choice_alone(
    named: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, better, other = (
        from_module(f"keyring.backends.{name}") for name in ("SecretService", "kwallet", "libsecret")
    )
    names = [
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.libsecret.Keyring",
    ]
    here = dict(zip(names, (good, better, other), strict=True))
    for backend, priority in zip(here.values(), (2, 3, 1), strict=True):
        monkeypatch.setattr(backend, "priority", priority, raising=False)
    monkeypatch.setattr(system_keyring, "named_keyring", here.get)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.chainer.ChainerBackend")
    assert system_keyrings() == (better, good)  # libsecret is another name of the Secret Service
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", names[named])
    assert system_keyrings() == (here[names[named]],)


@pytest.mark.parametrize(
    "name", ["keyring.backends.macOS.api", "keyring.backends.Windows.Persistence", "keyring.backend.log", ""]
)
def test_a_record_names_no_other_class_of_a_known_module(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(system_keyring, "import_module", loaded.append)
    assert named_keyring(name) is None
    assert loaded == []


def test_a_chain_of_good_keyrings_is_good() -> None:
    assert keeps_secrets(Chain(FakeKeyring(), FakeKeyring()))


def test_the_keyring_comes_first_and_the_files_are_a_choice(files: PgpFileVault) -> None:
    choice = choose_vault([FakeKeyring()], files)
    assert isinstance(choice.vault, KeyringVault)
    assert choice.passed_over is None
    assert choice.others == (files,)


def test_of_several_keyrings_the_locked_one_is_passed_over_and_the_others_are_choices() -> None:
    locked, first, second = FakeKeyring(), FakeKeyring(), FakeKeyring()
    locked.failure = KeyringLocked("locked")
    choice = choose_vault([locked, first, second], None)
    assert isinstance(choice.passed_over, VaultLocked)
    first.kept[SERVICE, "which"] = "first"
    second.kept[SERVICE, "which"] = "second"
    kept = [vault.load("which") for vault in choice.all]
    assert [secret.reveal() for secret in kept if secret] == ["first", "second"]
