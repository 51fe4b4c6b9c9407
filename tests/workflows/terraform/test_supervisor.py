"""The supervisor: the program starts only once it is recorded, and its end is always on the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from workflows.terraform.runner import SUPERVISOR


@dataclass
class Run:
    """What a supervised program has left, once all processes have ended.

    Attributes:
        folder: the run's folder.
        temporary: the program's own TMPDIR.
        output: what it wrote.
        told: the process ids.
    """

    folder: Path
    temporary: Path
    output: str
    told: str


def supervised(tmp_path: Path, *argv: str, go: bool = True) -> Run:
    folder, temporary = tmp_path / "run", tmp_path / "temporary"
    for made in (folder, temporary):
        made.mkdir()
    (folder / "run.json").touch()
    (told, tell), (wait, start) = os.pipe(), os.pipe()
    if go:
        os.write(start, b"1")
    os.close(start)
    own = [str(folder), str(temporary), str(tell), str(wait)]
    command = [sys.executable, "-I", "-S", str(SUPERVISOR), *own, *argv]
    ended = subprocess.run(  # until nobody has its output open
        command, pass_fds=(tell, wait), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True
    )
    os.close(tell)
    os.close(wait)
    with os.fdopen(told) as pids:
        return Run(folder, temporary, ended.stdout.decode(), pids.read())


@pytest.mark.parametrize(
    ("script", "exit_code"), [("exit 0", 0), ("touch $0/socket; exit 3", 3), ("kill -TERM $$", -15)]
)
def test_the_end_is_recorded_and_the_temporary_folder_goes(
    tmp_path: Path, script: str, exit_code: int
) -> None:
    run = supervised(tmp_path, "sh", "-c", script, str(tmp_path / "temporary"))
    record = run.folder / "exit.json"
    assert json.loads(record.read_text()) == {"exit_code": exit_code}
    assert record.stat().st_mode & 0o777 == 0o600
    assert (run.folder / "run.json").exists()
    assert not run.temporary.exists()


def test_the_ids_of_both_processes_are_told(tmp_path: Path) -> None:
    run = supervised(tmp_path, "sh", "-c", "echo $$ $PPID")
    assert run.told.split() == run.output.split()


def test_a_program_that_is_missing_is_an_end_too(tmp_path: Path) -> None:
    run = supervised(tmp_path, str(tmp_path / "missing"))
    assert json.loads((run.folder / "exit.json").read_text()) == {"exit_code": 127}
    assert str(tmp_path / "missing") in run.output


def test_without_the_go_nothing_runs_and_nothing_is_left(tmp_path: Path) -> None:
    run = supervised(tmp_path, "sh", "-c", "echo it runs", go=False)
    assert (run.output, [*run.folder.iterdir()], run.temporary.exists()) == ("", [], False)
