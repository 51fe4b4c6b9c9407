"""Vaults of a test."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.vaults import decrypt, encrypt

from workflows.stores.vault import PgpFileVault


@pytest.fixture
def files(tmp_path: Path) -> PgpFileVault:
    return PgpFileVault(tmp_path / "vault", encrypt, decrypt)


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
