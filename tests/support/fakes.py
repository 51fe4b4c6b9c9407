"""Fakes of what a test cannot use: clipboard, browser, vault."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workflows.core.secret import Secret
from workflows.desktop.clipboard import Copied
from workflows.environment import Environment
from workflows.stores.vault import VaultChoice


class FakeClipboard:
    """A clipboard in memory."""

    certain = True

    def __init__(self) -> None:
        self.content = ""
        self.expires_at: datetime | None = None

    def copy(self, text: str | Secret) -> Copied:
        self.content = text.reveal() if isinstance(text, Secret) else text
        return Copied("Copied to the clipboard.", self.certain)

    def clear_if_ours(self) -> bool:
        was = bool(self.content)
        self.content = ""
        return was


class FakeBrowser:
    """Records the addresses, without a window."""

    def __init__(self, opens: bool = False) -> None:
        self.opened: list[str] = []
        self._opens = opens

    def open(self, url: str) -> bool:
        self.opened.append(url)
        return self._opens


class MemoryVault:
    """A vault in memory."""

    description = "a vault of the test"

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def store(self, name: str, secret: Secret) -> None:
        self.kept[name] = secret.reveal()

    def load(self, name: str) -> Secret | None:
        value = self.kept.get(name)
        return None if value is None else Secret(value)

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)


def fake_environment(home: Path, variables: Mapping[str, str], **changes: Any) -> Environment:
    """Return an environment of fakes with a home folder; `changes` replaces single attributes."""
    vault = MemoryVault()
    parts: dict[str, Any] = {
        "home": home,
        "variables": variables,
        "gnupg_home": None,
        "downloads": home / "Downloads",
        "endpoint_url": None,
        "binary": None,
        "mailbox": None,
        "sandbox": False,
        "now": lambda: datetime.now(UTC),
        "clipboard": FakeClipboard(),
        "browser": FakeBrowser(),
        "vault": lambda _fingerprint: VaultChoice(vault),
    }
    return Environment(**{**parts, **changes})
