"""Completion on Tab, asked as a shell asks: the program itself answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tui.cli.arguments import DONE, SHELLS
from tui.cli.main import main

PROGRAM = Path(sys.executable).with_name("iam-onboard")


def answers(line: str, tmp_path: Path) -> list[str]:
    """What the program proposes at the end of a command line."""
    told = tmp_path / "told"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(told),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "iam_onboard"],
        env={**os.environ, **asked},
        capture_output=True,
        check=False,
    )
    assert done.stdout == b""
    return [answer.strip() for answer in told.read_text().splitlines()]


def test_commands_and_options_are_proposed(tmp_path: Path) -> None:
    assert answers("iam-onboard ses", tmp_path) == ["sessions"]
    assert {"admin", "join", "layer", "doctor"} <= set(answers("iam-onboard ", tmp_path))
    assert answers("iam-onboard sessions --j", tmp_path) == ["--json"]
    assert set(answers("iam-onboard completion ", tmp_path)) >= set(SHELLS)


def test_sessions_to_resume_are_proposed_those_of_sandboxes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    assert answers("iam-onboard resume 2026", tmp_path) == []
    for folder in ("sessions/20260102-a", "sessions/20250102-b", "sandboxes/x.sessions/20260103-c"):
        (state / "iam-onboard" / folder).mkdir(parents=True)
    assert answers("iam-onboard resume 2026", tmp_path) == ["20260102-a", "20260103-c"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_lines_for_each_shell_name_the_program(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == DONE
    told = capsys.readouterr().out
    assert told.endswith("\n")
    assert "iam-onboard" in told
    assert "_ARGCOMPLETE" in told


def test_bash_completes_a_command_with_them(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    asking = (
        f'eval "$({PROGRAM} completion bash)"; complete -p iam-onboard >&2; '
        'COMP_LINE="iam-onboard doc"; COMP_POINT=15; '
        "COMP_TYPE=9; COMP_WORDS=(iam-onboard doc); COMP_CWORD=1; "
        '_python_argcomplete iam-onboard doc iam-onboard; printf "%s|" "${COMPREPLY[@]}"'
    )
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(
        [bash, "--norc", "-c", asking],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    assert "iam-onboard" in done.stderr
    assert done.stdout.strip("|").strip() == "doctor"
