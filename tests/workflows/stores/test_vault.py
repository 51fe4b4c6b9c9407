from __future__ import annotations

import errno
import stat
import sys
from pathlib import Path

import keyring.backends.fail
import keyring.backends.null
import pytest
from hypothesis import given, strategies as st
from keyring.errors import InitError, KeyringLocked

from workflows.core import files as core_files
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
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


class FakeKeyring:
    __module__ = "keyring.backends.SecretService"  # only known ones are used
    name = "a keyring for tests"

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.failure: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self.fail()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.fail()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.fail()
        del self.kept[service, username]

    def fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class ForgetfulKeyring(FakeKeyring):
    __module__ = FakeKeyring.__module__

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store nothing."""


class PlaintextKeyring(FakeKeyring):
    """A keyring of keyrings.alt."""

    __module__ = "keyrings.alt.file"


class Chain(FakeKeyring):
    def __init__(self, *backends: FakeKeyring) -> None:
        super().__init__()
        self.backends = backends


def encrypt(plain: bytes) -> bytes:
    return b"PGP" + bytes(byte ^ 0x5A for byte in plain)


def decrypt(message: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in message.removeprefix(b"PGP"))


def from_module(module: str) -> FakeKeyring:
    return type("Keyring", (FakeKeyring,), {"__module__": module})()


@pytest.fixture
def files(tmp_path: Path) -> PgpFileVault:
    return PgpFileVault(tmp_path / "vault", encrypt, decrypt)


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


@pytest.fixture
def sly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with settings that name a backend in the same folder, which must not be imported."""
    (tmp_path / "sly.py").write_text("class Keyring: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
    (tmp_path / "python_keyring").mkdir()
    settings = tmp_path / "python_keyring" / "keyringrc.cfg"
    settings.write_text(f"[backend]\ndefault-keyring=sly.Keyring\nkeyring-path={tmp_path}/more\n")
    return settings


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


@pytest.mark.parametrize("text", [b"no INI\n", b"\xff", b"[backend]\na=1\n[backend]\n"])
def test_settings_that_cannot_be_read_are_named(sly: Path, text: bytes) -> None:
    sly.write_bytes(text)
    with pytest.raises(VaultUnavailable, match="settings") as caught:
        system_keyrings()
    assert str(sly) in caught.value.what
    assert caught.value.next


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
