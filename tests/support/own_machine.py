"""A machine for tests of the command line: a keyring in memory and a terminal with prepared answers."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import pytest
from support.admin_project import AdminProject
from support.served_aws import NewUserAws

from tui.cli import asking
from tui.cli.parser import build_parser
from tui.host import Machine, Places
from workflows.core.secret import Secret
from workflows.environment import Environment
from workflows.stores import system_keyring


class Keyring:
    """A keyring in memory."""

    __module__ = "keyring.backends.SecretService"  # only known keyrings are used

    name = "a keyring of the test"

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """Replace the system's keyring by one in memory."""
    found = Keyring()
    monkeypatch.setattr(system_keyring, "system_keyrings", lambda: (found,))
    return found


class Terminal:
    """The answers to questions, in order; without any left there is no terminal."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.asked: list[str] = []

    def ask(self, question: str) -> str:
        self.asked.append(question)
        return self.answers.pop(0)

    def ask_secret(self, question: str) -> Secret:
        return Secret(self.ask(question))

    def ask_code(self, serial: str, environment: Environment, *, or_none: bool = False) -> Secret:
        del environment
        return self.ask_secret(f"{serial}{' or none' if or_none else ''}")

    def is_there(self) -> bool:
        return bool(self.answers)

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace the real terminal wherever the command line asks."""
        monkeypatch.setattr(asking, "ask", self.ask)
        monkeypatch.setattr(asking, "ask_secret", self.ask_secret)
        monkeypatch.setattr(asking, "ask_code", self.ask_code)
        monkeypatch.setattr(asking, "has_terminal", self.is_there)


def answering(monkeypatch: pytest.MonkeyPatch, *answers: str) -> Terminal:
    """Replace the real terminal by one at which this is answered, in order."""
    made = Terminal()
    made.answers = list(answers)
    made.stand_in(monkeypatch)
    return made


def parsed(*words: str) -> argparse.Namespace:
    """Return the options of a command."""
    return build_parser().parse_args(words)


def own_machine(made: NewUserAws) -> Machine:
    """Return the new user's machine; its clock is the current one of `made.environment`."""

    def now() -> datetime:
        return made.environment.now()

    places = Places(*(made.folder / name for name in ("state/sessions", "sandboxes", "vault", "cache")))
    environment = {**made.environment.variables, "AWS_ENDPOINT_URL": made.environment.endpoint_url or ""}
    return Machine(places, made.environment.home, made.environment.downloads, made.folder, environment, now)


def admins_machine(admin: AdminProject, folder: Path) -> Machine:
    """Return the admin's machine, with the project as working folder and its own files in `folder`."""
    places = Places(*(folder / name for name in ("sessions", "sandboxes", "vault", "cache")))
    home = admin.environment.home
    return Machine(places, home, home, admin.root, admin.environment.variables)
