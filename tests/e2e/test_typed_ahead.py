"""Keys that come faster than a person types: all at once, as over a slow connection or from a script."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.terminal import terminal

from tui.host import Machine

PROGRAM = Path(sys.executable).with_name("iam-onboard")
TIMES = 10

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed; `make test` asks for it"),
]


def test_what_was_typed_before_next_is_handled_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first step asks for its version each time, and the real one takes half a second of the processor.
    aws = tmp_path / "bin" / "aws"
    aws.parent.mkdir()
    aws.write_text("#!/bin/sh\necho aws-cli/2.15.0 Python/3.11.6\n")
    aws.chmod(0o755)
    monkeypatch.setenv("PATH", f"{aws.parent}{os.pathsep}{os.environ['PATH']}")
    assert tmp_path.parent in Machine.this().home.parents, "the test would touch the developer's own things"
    with terminal(tmp_path) as screen:
        screen.run(f"clear; {PROGRAM} join --project bb")
        screen.wait_for("▸ Before", "phone")
        for number in range(TIMES):
            # The next step's file is named after the person whom this step has noted.
            screen.press("Tab", "End", "C-u", *f"jane.d{number}", "C-n")
            screen.wait_for("▸ PGP key", "Your name")
            screen.press("Escape")
            screen.wait_for("▸ Before", "phone")
        screen.press("C-q")
        screen.wait_for_shell()
    done = subprocess.run([PROGRAM, "sessions", "--json"], capture_output=True, text=True, check=True)
    (session,) = json.loads(done.stdout)
    assert session["facts"]["user"] == f"jane.d{TIMES - 1}"
