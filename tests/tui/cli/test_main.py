from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest
from support.repository import ROOT, TESTS
from support.served_aws import jane
from support.small_steps import NOT_THERE

from tui.cli import doctor, wizard
from tui.cli.arguments import DONE, REFUSED, USAGE
from tui.cli.main import main
from tui.cli.output import say
from tui.host import Machine
from workflows.core.files import private_folder
from workflows.core.openpgp import grouped
from workflows.machine.summaries import JOURNAL
from workflows.messages.handoff import Handoff


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "iam_onboard", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture
def sessions_folder() -> Path:
    folder = Machine.this().places.sessions
    assert Path.home() in folder.parents, "the test would touch the developer's own sessions"
    return folder


def a_session(folder: Path, session_id: str, *events: Mapping[str, object], workflow: str = "admin") -> None:
    private_folder(folder / session_id)
    header = {
        "schema": 1,
        "session": session_id,
        "workflow": workflow,
        "created": "2026-01-02T03:04:05+00:00",
        "details": {},
    }
    lines = [json.dumps(line) for line in (header, *events)]
    (folder / session_id / "journal.jsonl").write_text("\n".join(lines) + "\n")


def test_the_version_is_that_of_the_distribution() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (DONE, f"iam-onboard {version('iam-onboard')}\n")


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = run("--help")
    assert done.returncode == DONE
    for name in (
        "admin",
        "join",
        "resume",
        "sessions",
        "demo",
        "doctor",
        "completion",
        "credential-process",
        "exit codes",
    ):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("arguments", "program"),
    [
        (["nonsense"], "iam-onboard"),
        (["sessions", "--nonsense"], "iam-onboard sessions"),
        (["credential-process"], "iam-onboard credential-process"),
        (["access-key", "list", "nonsense"], "iam-onboard access-key list"),
        (["profiles", "nonsense"], "iam-onboard profiles"),
    ],
)
def test_wrong_usage_is_told_by_the_command_itself_on_standard_error(
    arguments: list[str], program: str
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.startswith(f"usage: {program} [")
    assert f"\n{program}: " in done.stderr


@pytest.mark.parametrize("arguments", [[], ["admin"], ["join"], ["demo"], ["join", "--user", "jane.doe"]])
def test_the_wizard_without_a_terminal_says_so(arguments: list[str], sessions_folder: Path) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "terminal" in done.stderr
    assert not sessions_folder.exists()


def test_a_session_that_is_not_there_is_refused(sessions_folder: Path) -> None:
    done = run("resume", "unknown")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "'unknown'" in done.stderr
    assert "Traceback" not in done.stderr
    done = run("resume")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "Traceback" not in done.stderr


def test_a_handoff_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    done = run("join", str(tmp_path))
    assert done.returncode == REFUSED
    assert f"{tmp_path} " in done.stderr
    (tmp_path / "text").write_text("Hello, this is no handoff.")
    done = run("join", str(tmp_path / "text"))
    assert done.returncode == REFUSED
    assert "Traceback" not in done.stderr


def test_a_handoff_for_a_key_that_is_not_here_begins_nothing(tmp_path: Path, sessions_folder: Path) -> None:
    (tmp_path / "handoff.txt").write_text(Handoff("bb", (jane(),)).render())
    done = run("join", str(tmp_path / "handoff.txt"))
    assert done.returncode == REFUSED
    assert jane().key_fingerprint[-4:] in done.stderr
    assert "--user jane.doe" in done.stderr
    assert not sessions_folder.exists()


def test_sessions_are_listed_the_latest_first_and_damaged_ones_say_so(
    sessions_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sessions"]) == DONE
    assert len(capsys.readouterr().out.splitlines()) == 1
    started = {"event": "started", "step": "project", "run": "r", "at": "2026-01-03T00:00:00+00:00"}
    a_session(sessions_folder, "early")
    a_session(sessions_folder, "late", started)
    a_session(sessions_folder, "new", workflow="new-user")
    (sessions_folder / "broken").mkdir()
    (sessions_folder / "broken" / "journal.jsonl").write_text("no header\nno event\n")
    assert main(["sessions"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("broken")
    assert "damaged: " in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["late", "new", "early"]
    assert "Project" in lines[1]
    assert " 3 Jan " in lines[1]


def test_sessions_as_json(sessions_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_session(sessions_folder, "one")
    assert main(["sessions", "--json"]) == DONE
    (record,) = json.loads(capsys.readouterr().out)
    expected = {"id": "one", "workflow": "admin", "next_title": "Project", "damage": "", "sandbox": ""}
    assert {name: record[name] for name in expected} == expected


def test_one_session_is_shown_with_whom_it_let_in(
    sessions_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private_folder(sessions_folder / "done")
    shutil.copy(TESTS / "journals" / "admin-done.jsonl", sessions_folder / "done" / JOURNAL)
    a_session(sessions_folder, "empty")
    assert main(["sessions", "done", "--json"]) == DONE
    record = json.loads(capsys.readouterr().out)
    (jane,) = record["admitted"]["people"]
    assert (record["id"], jane["person"]) == ("done", "jane.doe")
    assert isinstance(record["settled"], list)
    assert ("apply@security" in record["settled"], record["undone_by"]) == (True, [])
    assert jane["accounts"]["security"] == {"at": "2026-11-26T21:34:51+00:00", "outcome": "applied"}
    assert main(["sessions", "done"]) == DONE
    assert grouped(jane["fingerprint"]) in capsys.readouterr().out
    assert main(["sessions", "empty", "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["admitted"]["people"] == []
    assert main(["sessions", "nowhere"]) == REFUSED


def test_a_session_is_archived_brought_back_and_reported(
    sessions_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_session(sessions_folder, "one")

    def listed(*more: str) -> list[str]:
        assert main(["sessions", "--json", *more]) == DONE
        return [row["id"] for row in json.loads(capsys.readouterr().out)]

    assert main(["sessions", "one", "--archive", "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["archived"] is True
    assert (listed(), listed("--all")) == ([], ["one"])
    assert main(["sessions", "one", "--bring-back"]) == DONE
    capsys.readouterr()
    assert listed() == ["one"]
    assert main(["sessions", "one", "--report"]) == DONE
    assert '"workflow": "admin"' in capsys.readouterr().out
    assert main(["sessions", "--archive"]) == USAGE


def test_a_reader_that_goes_away_gets_no_traceback(sessions_folder: Path) -> None:
    for number in range(400):
        a_session(sessions_folder, f"session-number-{number}")
    with subprocess.Popen(
        [sys.executable, "-m", "iam_onboard", "sessions", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read().decode()
    assert told == ""
    assert process.returncode == REFUSED


def test_marks_that_the_output_cannot_show_are_replaced() -> None:
    done = run("doctor", PYTHONIOENCODING="ascii")
    assert "UnicodeEncodeError" not in done.stderr
    assert "gpg" in done.stdout


def test_lines_for_a_terminal_end_between_words_and_others_are_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    line = "words " * 20
    say(line)
    assert capsys.readouterr().out == f"{line}\n"
    monkeypatch.setattr("tui.cli.output.on_terminal", lambda: True)
    say(line)
    rows = capsys.readouterr().out.splitlines()
    assert " ".join(rows).split() == line.split()
    assert max(map(len, rows)) <= 40


def test_an_unforeseen_failure_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> int:
        raise LookupError("canary-secret")

    monkeypatch.setattr(wizard, "sessions", broken)
    assert main(["sessions"]) == REFUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert "LookupError" in told.err
    assert "canary-secret" not in told.err
    assert "Traceback" not in told.err


def test_a_command_runs_without_the_garbage_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[bool] = []
    monkeypatch.setattr(wizard, "sessions", lambda *_: collected.append(gc.isenabled()))
    assert main(["sessions"]) == DONE
    assert collected == [False]
    assert gc.isenabled()


def test_a_refusal_of_a_command_is_printed_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(*_: object) -> int:
        raise NOT_THERE

    monkeypatch.setattr(doctor, "doctor", refuses)
    assert main(["doctor"]) == REFUSED
    assert capsys.readouterr().err == NOT_THERE.as_text() + "\n"


@pytest.mark.parametrize("command", [("sessions",), ("admin", "project")])
def test_a_folder_that_was_removed_under_the_shell_is_told(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(command) == REFUSED
    told = capsys.readouterr().err
    assert "folder" in told.splitlines()[0]
    assert "Traceback" not in told
    assert main(["completion", "bash"]) == DONE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("buffered", [{}, {"PYTHONUNBUFFERED": "1"}])
@pytest.mark.parametrize("words", [["completion", "bash"], ["--version"], ["layer", "--help"]])
def test_a_full_disk_behind_standard_output_is_told_in_words(
    words: list[str], buffered: dict[str, str]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "iam_onboard", *words],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **buffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == REFUSED
    assert os.strerror(errno.ENOSPC) in done.stderr
    assert "OSError" not in done.stderr
