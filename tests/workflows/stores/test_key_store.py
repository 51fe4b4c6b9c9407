"""A store keeps one access key of one profile, and a backup copy of the one that it replaces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from support.fakes import MemoryVault
from support.vaults import FakeKeyring

from workflows.core.secret import Credentials, Secret
from workflows.profiles.write import profile_paths
from workflows.stores.key_store import (
    KEPT_IN_FILE,
    KEPT_IN_KEYRING,
    KEPT_IN_PGP_FILE,
    FileStore,
    KeyStore,
    VaultStore,
)
from workflows.stores.system_keyring import KeyringVault
from workflows.stores.vault import PgpFileVault

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD, NEW = "AKIAOLDOLDOLDOLDOLD1", "AKIANEWNEWNEWNEWNEW1"


def key(access_key_id: str) -> Credentials:
    return Credentials(access_key_id, Secret(access_key_id[-4:] * 10))


def shown(found: Credentials | None) -> tuple[str, str] | None:
    return (found.access_key_id, found.secret_access_key.reveal()) if found else None


def file_store(home: Path) -> FileStore:
    seconds = count()
    return FileStore(
        profile_paths(home, "bb"),
        "bb-security",
        "us-east-1",
        lambda: NOW + timedelta(seconds=next(seconds)),
        "a file",
    )


@pytest.fixture(params=["vault", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> KeyStore:
    if request.param == "file":
        return file_store(tmp_path)
    return VaultStore(MemoryVault(), "bb", "bb-security")


def test_a_replaced_key_comes_back_from_its_backup_by_its_id(store: KeyStore) -> None:
    assert (store.load(), store.aside(OLD)) == (None, None)
    old, new = key(OLD), key(NEW)
    assert store.keep(old, None) is None
    store.put_aside(old)
    assert store.keep(new, None) is None
    assert (shown(store.load()), shown(store.aside(OLD))) == (shown(key(NEW)), shown(key(OLD)))
    assert store.aside("AKIAOTHEROTHEROTHER1") is None


def test_a_vault_forgets_the_backup_alone(files: PgpFileVault) -> None:
    store = VaultStore(files, "bb", "bb-security")
    store.keep(key(NEW), None)
    store.put_aside(key(OLD))
    store.forget_aside()
    assert (store.aside(OLD), shown(store.load())) == (None, shown(key(NEW)))


def test_each_profile_has_a_key_of_its_own(tmp_path: Path) -> None:
    vault = MemoryVault()
    VaultStore(vault, "bb", "bb-security").keep(key(OLD), None)
    for project, profile in (("bb", "bb-management"), ("cc", "bb-security")):
        assert VaultStore(vault, project, profile).load() is None
    file_store(tmp_path).keep(key(OLD), None)
    paths = profile_paths(tmp_path, "bb")
    assert FileStore(paths, "bb-management", "us-east-1", lambda: NOW, "a file").load() is None


def test_a_file_keeps_what_else_the_base_profile_has(tmp_path: Path) -> None:
    paths = profile_paths(tmp_path, "bb")
    paths.config.parent.mkdir(parents=True)
    paths.config.write_text("[profile bb-security]\nregion = eu-west-1\noutput = json\n")
    file_store(tmp_path).keep(key(OLD), "arn:aws:iam::222222222222:mfa/jane.doe")
    lines = paths.config.read_text().splitlines()
    assert {"region = eu-west-1", "output = json"} < {*lines}
    assert "mfa_serial = arn:aws:iam::222222222222:mfa/jane.doe" in lines


def test_a_key_comes_back_from_the_newest_backup_that_has_it(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    store.keep(Credentials(OLD, Secret("w" * 40)), None)
    for each in (OLD, NEW, NEW):
        store.keep(key(each), None)
    assert shown(store.aside(OLD)) == shown(key(OLD))


def test_half_a_key_in_a_file_is_none(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    store.keep(key(OLD), None)
    store.paths.credentials.write_text(f"[bb-security]\naws_access_key_id = {OLD}\n")
    assert store.load() is None


def test_the_kind_of_a_store_is_recorded_with_its_keyring(files: PgpFileVault, tmp_path: Path) -> None:
    keyring = KeyringVault(FakeKeyring())
    found = [VaultStore(vault, "bb", "bb-security") for vault in (keyring, files)]
    kinds = [(store.kind, store.backend) for store in (*found, file_store(tmp_path))]
    assert kinds == [(KEPT_IN_KEYRING, keyring.backend_class), (KEPT_IN_PGP_FILE, ""), (KEPT_IN_FILE, "")]
