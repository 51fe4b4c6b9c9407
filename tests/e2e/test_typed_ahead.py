"""Keys that come faster than a person types: all at once, as over a slow connection or from a script."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.terminal import terminal

from tui.places import Machine

PROGRAM = Path(sys.executable).with_name("iam-onboard")
TIMES = 10

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed; `make test` asks for it"),
]


def test_what_was_typed_before_next_is_handled_before_it(tmp_path: Path) -> None:
    assert tmp_path.parent in Machine.this().home.parents, "the test would touch the developer's own things"
    with terminal(tmp_path) as screen:
        for number in range(TIMES):
            screen.run(f"clear; {PROGRAM} join --project bb")
            screen.wait_for("Before you start", "What you need", "phone")
            screen.press("Tab", *f"jane.d{number}", "C-n")
            screen.wait_for("▸ PGP key")
            screen.press("C-q")
            screen.wait_for_shell()
    done = subprocess.run([PROGRAM, "sessions", "--json"], capture_output=True, text=True, check=True)
    users = {session["facts"]["user"] for session in json.loads(done.stdout)}
    assert users == {f"jane.d{number}" for number in range(TIMES)}
