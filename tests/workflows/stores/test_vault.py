from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from keyring.errors import InitError, KeyringLocked
from support.vaults import FakeKeyring, decrypt, encrypt

from workflows.core import files as core_files
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError
from workflows.stores.system_keyring import (
    SERVICE,
    KeyringVault,
    choose_vault,
    system_keyrings,
)
from workflows.stores.vault import PgpFileVault, VaultLocked, VaultUnavailable


class ForgetfulKeyring(FakeKeyring):
    __module__ = FakeKeyring.__module__

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store nothing."""


def test_a_keyring_keeps_replaces_and_forgets() -> None:
    backend = FakeKeyring()
    vault = KeyringVault(backend)
    assert vault.load("bb/seed") is None
    vault.store("bb/seed", Secret("one"))
    vault.store("bb/seed", Secret("two"))
    assert backend.kept == {(SERVICE, "bb/seed"): "two"}
    found = vault.load("bb/seed")
    assert found is not None
    assert found.reveal() == "two"
    vault.delete("bb/seed")
    vault.delete("bb/seed")
    assert backend.kept == {}
    assert "Secret Service" in vault.description


@pytest.mark.parametrize("text", [b"no INI\n", b"\xff", b"[backend]\na=1\n[backend]\n"])
def test_settings_that_cannot_be_read_are_named(sly: Path, text: bytes) -> None:
    sly.write_bytes(text)
    with pytest.raises(VaultUnavailable, match="settings") as caught:
        system_keyrings()
    assert str(sly) in caught.value.what
    assert caught.value.next


def test_a_keyring_that_keeps_nothing_is_found_out() -> None:
    with pytest.raises(VaultUnavailable) as caught:
        KeyringVault(ForgetfulKeyring()).store("bb/seed", Secret("canary"))
    assert "canary" not in caught.value.as_text()


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (KeyringLocked("dismissed"), VaultLocked),
        (InitError("no bus"), VaultUnavailable),
        (OSError("connection reset with canary"), VaultUnavailable),
    ],
)
def test_each_failure_of_a_keyring_is_told(failure: Exception, kind: type[VaultUnavailable]) -> None:
    backend = FakeKeyring()
    vault = KeyringVault(backend)
    backend.failure = failure
    with pytest.raises(kind) as caught:
        vault.store("bb/seed", Secret("canary"))
    assert "canary" not in caught.value.as_text()
    assert caught.value.next


def test_files_keep_replace_and_forget(files: PgpFileVault, tmp_path: Path) -> None:
    assert files.load("bb/seed") is None
    files.store("bb/seed", Secret("one"))
    files.store("bb/seed", Secret("two"))
    found = files.load("bb/seed")
    assert found is not None
    assert found.reveal() == "two"
    (path,) = (tmp_path / "vault").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert b"two" not in path.read_bytes()
    files.delete("bb/seed")
    files.delete("bb/seed")
    assert list((tmp_path / "vault").iterdir()) == []
    assert str(tmp_path / "vault") in files.description


def test_nothing_is_written_when_it_was_not_encrypted(tmp_path: Path) -> None:
    for broken in (lambda plain: plain, lambda _: b""):
        with pytest.raises(VaultUnavailable) as caught:
            PgpFileVault(tmp_path / "vault", broken, decrypt).store("bb/seed", Secret("canary"))
        assert "canary" not in caught.value.as_text()
    assert not (tmp_path / "vault").exists()


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_name_leaves_the_folder_or_meets_another(first: str, second: str) -> None:
    vault = PgpFileVault(Path("/vault"), encrypt, decrypt)
    paths = vault._path(first), vault._path(second)
    assert all(path.parent == Path("/vault") and path.name.endswith(".gpg") for path in paths)
    assert all(len(path.name.encode()) < 100 for path in paths)
    assert (paths[0] == paths[1]) is (first == second)


def test_a_file_that_was_swapped_or_damaged_is_not_believed(files: PgpFileVault, tmp_path: Path) -> None:
    files.store("a", Secret("canary"))
    files.store("b", Secret("other"))
    files._path("a").replace(files._path("b"))
    with pytest.raises(VaultUnavailable) as caught:
        files.load("b")
    assert "canary" not in caught.value.as_text()
    for content in (b"nonsense", encrypt(b"[1]"), encrypt(b'{"name": "b", "secret": 1}')):
        files._path("b").write_bytes(content)
        with pytest.raises(VaultUnavailable):
            files.load("b")


@pytest.mark.parametrize("failure", [None, KeyringLocked("locked"), InitError("none")])
def test_the_files_come_second_and_say_why(files: PgpFileVault, failure: Exception | None) -> None:
    backend = FakeKeyring()
    backend.failure = failure
    choice = choose_vault([backend] if failure else [], files)
    assert choice.vault is files
    assert choice.passed_over is not None
    assert isinstance(choice.passed_over, VaultLocked) is isinstance(failure, KeyringLocked)


def test_without_either_the_reason_is_told() -> None:
    with pytest.raises(VaultUnavailable, match="No keyring"):
        choose_vault([], None)
    backend = FakeKeyring()
    backend.failure = KeyringLocked("locked")
    with pytest.raises(VaultLocked):
        choose_vault([backend], None)


def test_a_file_that_is_in_place_is_kept_although_its_folder_cannot_be_synced(
    files: PgpFileVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(folder: Path) -> None:
        raise OSError(errno.EIO, "not on the disk", str(folder))

    monkeypatch.setattr(core_files, "sync_folder", failing)
    assert isinstance(files.store("bb/key", Secret("canary")), core_files.NotSynced)
    kept = files.load("bb/key")
    assert kept is not None
    assert kept.reveal() == "canary"
    monkeypatch.setattr(Path, "replace", lambda self, _target: failing(self))
    with pytest.raises(OnboardError):
        files.store("bb/key", Secret("another"))
