"""`decrypt` with real gpg: what goes to standard output, and who is asked."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gpg_commands import on_terminal, run
from support.message_samples import identity
from support.pgp import GpgHome, gpg_home

from tui.cli.arguments import DONE, REFUSED
from workflows.messages.handoff import Handoff

PASSPHRASE = "canary passphrase of four words"
PASSWORD = "canary-Passw0rd!"


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        folder.key("jane.doe", passphrase=PASSPHRASE)
        yield folder


@pytest.fixture(scope="module")
def message(home: GpgHome) -> str:
    return base64.b64encode(home.encrypt("jane.doe", PASSWORD)).decode()


def test_the_password_goes_to_standard_output_and_the_passphrase_is_not_shown(
    home: GpgHome, message: str, tmp_path: Path
) -> None:
    home.forget_passphrases()
    file = tmp_path / "password.txt"
    file.write_text(message)
    question = "Passphrase of your PGP key"
    code, told, shown = on_terminal(home, [(question, "wrong"), (question, PASSPHRASE)], "decrypt", str(file))
    assert (code, told) == (DONE, PASSWORD)
    assert shown.count(question) == 2
    assert PASSPHRASE not in shown
    assert PASSWORD not in shown
    home.forget_passphrases()
    code, told, _ = on_terminal(home, [(question, PASSPHRASE)], "decrypt", given=f"> {message}%\n".encode())
    assert (code, told) == (DONE, PASSWORD)


def test_without_a_terminal_nobody_is_asked(home: GpgHome, message: str) -> None:
    home.forget_passphrases()
    done = run(home, "decrypt", given=message.encode())
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "passphrase" in done.stderr


def test_a_passphrase_that_the_agent_remembers_is_not_asked_for(home: GpgHome, message: str) -> None:
    home.run("--decrypt", stdin=base64.b64decode(message), passphrase=PASSPHRASE)
    done = run(home, "decrypt", given=message.encode())
    assert (done.returncode, done.stdout, done.stderr) == (DONE, PASSWORD, "")


def test_a_handoff_is_opened_and_its_account_chosen(home: GpgHome, message: str) -> None:
    home.run("--decrypt", stdin=base64.b64decode(message), passphrase=PASSPHRASE)
    fingerprint = home.fingerprint("jane.doe")
    both = [
        identity(
            account_name=name,
            account_id=account_id,
            encrypted_password=message,
            key_fingerprint=fingerprint,
            profiles=(),
        )
        for name, account_id in (("management", "111111111111"), ("security", "222222222222"))
    ]
    handoff = Handoff("bb", tuple(both[:1])).render().encode()
    two = Handoff("bb", tuple(both)).render().encode()
    assert run(home, "decrypt", given=handoff).stdout == PASSWORD
    done = run(home, "decrypt", given=two)
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "--account" in done.stderr
    assert run(home, "decrypt", "--account", "security", given=two).stdout == PASSWORD
    assert run(home, "decrypt", "--account", "shared", given=two).returncode == REFUSED
