"""A run of gpg: what is read of it, what its environment is, and why it did not start or was ended."""

from __future__ import annotations

import errno
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.pgp import ENVIRONMENT

from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, OnboardError
from workflows.gpg.tools import (
    PASSPHRASE_LIMIT,
    GpgFailed,
    GpgMissing,
    GpgRun,
    GpgTooSlow,
    gpg_environment,
    gpg_version,
    not_started,
    run_gpg,
)


def test_the_installed_gpg_is_found_with_its_version() -> None:
    assert gpg_version(ENVIRONMENT).split(".")[0] == "2"


def test_a_run_never_shows_its_output() -> None:
    assert "canary" not in repr(GpgRun(exit_status=0, output=b"canary", statuses=(), messages=""))


def scripted(folder: Path, script: str) -> dict[str, str]:
    """Return the environment in which this shell script is gpg."""
    (folder / "gpg").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "gpg").chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "GPG_TTY": "/dev/inherited", "AWS_SECRET_ACCESS_KEY": "canary"}


def test_status_lines_are_told_from_messages() -> None:
    errors = b"gpg: [GNUPG:] ENC_TO EF\n[GNUPG:] ENC_TO AB 1 0\n[GNUPG:] ENC_TO CD 1 0\n[GNUPG:]\ngpg: \xff\n"
    run = GpgRun.read(2, b"", errors)
    assert run.statuses == (("ENC_TO", "AB", "1", "0"), ("ENC_TO", "CD", "1", "0"))
    assert run.messages == "gpg: [GNUPG:] ENC_TO EF\n[GNUPG:]\ngpg: \ufffd"
    assert (run.has("ENC_TO"), run.has("ENC")) == (True, False)
    assert run.arguments("ENC_TO") == [("AB", "1", "0"), ("CD", "1", "0")]


@pytest.mark.parametrize("tty", [None, "/dev/pts/77"])
def test_gpg_gets_a_terminal_only_where_it_may_ask_and_no_secret_of_the_shell(
    tmp_path: Path, tty: str | None
) -> None:
    environment = gpg_environment(scripted(tmp_path, ""), tty)
    assert environment.get("GPG_TTY") == tty
    assert environment["LC_ALL"] == "C.UTF-8"
    assert "canary" not in environment.values()


def test_a_passphrase_comes_through_a_pipe_and_a_folder_as_an_argument(tmp_path: Path) -> None:
    script = 'while [ "$1" != --passphrase-fd ]; do shift; done; cat /dev/fd/$2 -; exit 3'
    environment = scripted(tmp_path, script)
    run = run_gpg(
        [], gnupg_home=None, environment=environment, stdin=b"in", passphrase=Secret("of four words")
    )
    assert (run.exit_status, run.output) == (3, b"of four words\nin")
    run = run_gpg(["-x"], gnupg_home=tmp_path, environment=scripted(tmp_path, 'echo "$@"'))
    assert run.output.decode().split() == [
        *("--batch", "--no-tty", "--status-fd", "2", "--homedir", str(tmp_path), "-x")
    ]


@pytest.mark.parametrize("passphrase", ["two\nlines", "a\r", "x" * (PASSPHRASE_LIMIT + 1)])
def test_what_is_no_passphrase_starts_nothing(tmp_path: Path, passphrase: str) -> None:
    environment = scripted(tmp_path, f"touch {tmp_path}/started")
    with pytest.raises(OnboardError):
        run_gpg([], gnupg_home=None, environment=environment, passphrase=Secret(passphrase))
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(("more", "kind"), [({"seconds": 0.0}, GpgTooSlow), ({"cancelled": True}, Cancelled)])
def test_a_gpg_that_does_not_end_is_ended(
    tmp_path: Path, more: dict[str, Any], kind: type[Exception]
) -> None:
    if "cancelled" in more:
        more = {"cancelled": Event()}
        more["cancelled"].set()
    with pytest.raises(kind):
        run_gpg([], gnupg_home=None, environment=scripted(tmp_path, "exec sleep 600"), **more)


def test_a_gpg_that_is_ended_may_tidy_up(tmp_path: Path) -> None:
    begun, tidied, cancelled = tmp_path / "begun", tmp_path / "tidied", Event()
    script = f"trap 'touch {tidied}; exit' TERM; touch {begun}; while :; do sleep 0.05; done"
    with pytest.raises(Cancelled):
        run_gpg(
            [],
            gnupg_home=None,
            environment=scripted(tmp_path, script),
            cancelled=cancelled,
            progress=lambda _seconds: cancelled.set() if begun.exists() else None,
        )
    assert tidied.exists()


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (FileNotFoundError(), GpgMissing),
        (PermissionError(), GpgMissing),
        (OSError(errno.ENOEXEC, "no program"), GpgFailed),
        (OSError(errno.EMFILE, "too many files"), OSError),
    ],
)
def test_why_gpg_did_not_start_is_told_apart(cause: OSError, kind: type[Exception]) -> None:
    assert type(not_started(cause)) is kind
