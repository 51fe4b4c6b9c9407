"""A new user for tests: a home, an environment of fakes, a gpg folder, and handoffs made with real gpg."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.fakes import fake_environment
from support.message_samples import identity
from support.panes import PaneHost
from support.pgp import ENVIRONMENT, GpgHome

from workflows.environment import Environment
from workflows.messages.handoff import Handoff, Identity
from workflows.steps.shared.module import Context, Progress

PASSPHRASE = "canary-passphrase-71c4"
PASSWORD = "canary-Passw0rd-9e2b!"


def nothing(_progress: Progress) -> None:
    """Ignore a progress report."""


def environment_of(tmp_path: Path, gpg: GpgHome | None = None, **changes: Any) -> Environment:
    """Return a person's environment, with a home below `tmp_path` and this gpg folder."""
    home = tmp_path / "person"
    home.mkdir(exist_ok=True)
    return fake_environment(home, ENVIRONMENT, **{"gnupg_home": gpg.path if gpg else None, **changes})


def context_of(environment: Environment, folder: Path, facts: Mapping[str, Any], item: str = "") -> Context:
    return Context(environment=environment, facts=facts, every={}, item=item, folder=folder)


def encrypted(gpg: GpgHome, name: str, plain: str = PASSWORD) -> str:
    """Return a message that is encrypted to the key of `name`, in base64."""
    return base64.b64encode(gpg.encrypt(name, plain)).decode()


def handoff_for(gpg: GpgHome, name: str, **changes: Any) -> Handoff:
    """Return a handoff of project bb with one identity, whose password is encrypted to the key of `name`."""
    return Handoff("bb", (identity_for(gpg, name, **changes),))


def identity_for(gpg: GpgHome, name: str, **changes: Any) -> Identity:
    values = {
        "key_fingerprint": gpg.fingerprint(name),
        "encrypted_password": encrypted(gpg, name),
        "password_policy": ("at least 16 characters, at most 128", "a digit (0 to 9)"),
    }
    return identity(**{**values, **changes})


def written(folder: Path) -> str:
    """Return the contents of all files below a folder, as text."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return "\n".join(path.read_bytes().decode("utf-8", errors="replace") for path in files)


def said(app: PaneHost) -> str:
    """Return the text on the step's side of the screen as one line, so that wraps do not matter."""
    page = app.wizard.query_one("#stage").region
    rows = app.text().splitlines()[page.y : page.bottom]
    return " ".join(" ".join(row[page.x : page.right] for row in rows).split())


def notices(app: PaneHost) -> str:
    """Return the texts of the visible notices."""
    return "\n".join(notice.message for notice in app._notifications)
