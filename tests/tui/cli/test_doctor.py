"""`iam-onboard doctor`."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest
from support import own_machine

from tui.cli import doctor
from tui.cli.arguments import DONE, REFUSED
from tui.cli.main import main
from tui.host import Machine
from workflows.core.installation import COMMANDS
from workflows.stores import system_keyring


class Keyring(own_machine.Keyring):
    """A keyring in memory whose service can be dead."""

    __module__ = own_machine.Keyring.__module__

    dead = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.dead:
            raise OSError("no bus")
        return super().get_password(service, username)


def test_the_doctor_tells_each_thing_with_its_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["doctor", "--json"]) == REFUSED
    findings = {found["subject"]: found for found in json.loads(capsys.readouterr().out)}
    assert not findings["gpg"]["good"]
    assert findings["gpg"]["needed"]
    assert all(command in findings["gpg"]["fix"] for _, command in COMMANDS["gpg"])
    bad = {subject for subject, found in findings.items() if not found["good"]}
    assert bad >= {"git", "Keyring", "Clipboard"}
    assert any(subject.startswith("Terraform") for subject in bad)
    assert "Terminal" in findings
    assert all(found["good"] or found["fix"] for found in findings.values())
    assert main(["doctor"]) == REFUSED
    told = capsys.readouterr().out
    assert "✗ gpg: " in told
    assert "! git: " in told
    assert " 1 " in told.splitlines()[-1]


def test_the_doctor_says_what_of_the_shell_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "http://127.0.0.1:4566")
    monkeypatch.setenv("TF_VAR_token", "canary")
    main(["doctor", "--json"])
    told = capsys.readouterr().out
    findings = {found["subject"]: found for found in json.loads(told)}
    assert "http://127.0.0.1:4566" in findings["AWS_ENDPOINT_URL_IAM"]["words"]
    assert not findings["AWS_ENDPOINT_URL_IAM"]["good"]
    assert findings["TF_VAR_token"]["good"]
    assert "canary" not in told


def test_the_doctor_is_content_without_what_is_only_nice_to_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor"]) == DONE
    told = capsys.readouterr().out
    assert "✓ gpg: GnuPG 2" in told
    assert "✗" not in told
    assert "! Keyring: " in told


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_the_doctor_says_why_no_session_can_be_kept(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "in-the-way"
    if kind == "file":
        place.write_text("a file")
    else:
        place.symlink_to(tmp_path / "nowhere")
    monkeypatch.setenv("XDG_STATE_HOME", str(place))
    assert main(["doctor", "--json"]) == REFUSED
    found = next(row for row in json.loads(capsys.readouterr().out) if row["subject"] == "Sessions")
    assert (found["good"], found["needed"]) == (False, True)
    assert str(place) in found["fix"]


def test_the_doctor_asks_a_keyring_whether_it_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = Keyring()
    monkeypatch.setattr(system_keyring, "system_keyrings", lambda: (backend,) if backend else ())
    main(["doctor", "--json"])
    keyring = next(f for f in json.loads(capsys.readouterr().out) if f["subject"] == "Keyring")
    assert keyring["good"]
    assert not backend.kept


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"COLORTERM": "truecolor", "TERM": "xterm-256color"}, "16 million colours"),
        ({"TERM": "screen-256color"}, "256 colours"),
        ({"TERM": "linux"}, "16 colours"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "no colours (NO_COLOR is set)"),
    ],
)
def test_the_doctor_tells_how_many_colours_there_are(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: str
) -> None:
    machine = Machine.this()._replace(environment=environment)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    findings = {found.subject: found for found in doctor.examine(machine, on_terminal=True)}
    assert findings["Terminal"].words.endswith(words)


@pytest.mark.parametrize(
    ("kind", "good", "needed"),
    [("xterm-256color", True, False), ("dumb", False, True), ("unknown", False, True), ("", False, True)],
)
def test_the_doctor_looks_at_the_terminal(
    monkeypatch: pytest.MonkeyPatch, kind: str, good: bool, needed: bool
) -> None:
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    findings = {found.subject: found for found in doctor.examine(Machine.this(), on_terminal=True)}
    assert (findings["Terminal"].good, findings["Terminal"].needed) == (good, needed)


def test_the_doctor_tells_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    findings = {found.subject: found for found in doctor.examine(Machine.this(), on_terminal=False)}
    assert os.strerror(errno.ENOSPC) in findings["Sessions"].words
    assert findings["Sessions"].needed
