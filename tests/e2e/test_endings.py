"""The wizard in a real terminal is asked to end while a worker is at something that never ends."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support.terminal import Terminal, terminal

from tui.host import Machine
from workflows.sandbox.project import lay_out

PROGRAM = Path(sys.executable).with_name("iam-onboard")
SECONDS = 60.0
"""A hang guard, not the promise: docs/performance.md has what was measured."""

STUCK = """
import re, subprocess, sys, time
from pathlib import Path

from tui.cli.main import main
from workflows.steps.admin import project


def stuck(*_):
    Path({begun!r}).touch()
    {how}
    return survey(*_)


survey, project.survey = project.survey, stuck
sys.exit(main())
"""
WAYS = {
    "sleeps": "time.sleep(100_000)",
    "holds the interpreter": "re.match('(a+)+$', 'a' * 80 + 'b')",
}
ASKED: dict[str, Callable[[Terminal], object]] = {
    "^q": lambda screen: screen.press("C-q"),
    "SIGTERM": lambda screen: screen.program().send_signal(signal.SIGTERM),
    "SIGHUP": lambda screen: screen.program().send_signal(signal.SIGHUP),
}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed; `make test` asks for it"),
]


def begin(screen: Terminal, folder: Path, how: str) -> psutil.Process:
    """The wizard at its first step, whose worker has begun what never ends."""
    machine = Machine.this()
    assert folder.parent in machine.home.parents, "the test would touch the developer's own things"
    begun, program = folder / "begun", folder / "stuck.py"
    program.write_text(STUCK.format(begun=str(begun), how=how))
    lay_out(folder / "bb")
    screen.run(f"{sys.executable} {program} admin bb")
    deadline = time.monotonic() + SECONDS
    while not begun.exists():
        assert time.monotonic() < deadline, screen.text()
        time.sleep(0.02)
    return screen.program()


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("how", WAYS)
def test_it_ends_whatever_a_worker_does_and_gives_the_terminal_back(
    how: str, asked: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with terminal(tmp_path) as screen:
        wizard = begin(screen, tmp_path, WAYS[how])
        children = wizard.children(recursive=True)
        start = time.monotonic()
        ASKED[asked](screen)
        if asked == "^q":
            with contextlib.suppress(psutil.TimeoutExpired):
                wizard.wait(SECONDS / 6)
            if wizard.is_running():  # the key was read in the moment before the interpreter was held
                ASKED[asked](screen)
        wizard.wait(SECONDS)
        with capsys.disabled():
            print(f"\n{how}, {asked}: {time.monotonic() - start:.2f} s")
        screen.wait_for("Resume with:")
        screen.wait_for_modes("0 0 1 1")
        _, alive = psutil.wait_procs(children, SECONDS)
        assert not alive
        screen.run("clear; stty -a | tr ' ;' '\\n' | grep -x -e echo -e icanon; echo usable $((6*7))")
        assert screen.wait_for("usable 42").split()[:4] == ["icanon", "echo", "usable", "42"]
        screen.run(f"clear; {PROGRAM} sessions")
        assert re.search(r"next: +Project", screen.wait_for("next: "))
        screen.wait_for_shell()


def test_what_is_typed_while_nothing_can_be_read_is_handled_afterwards(tmp_path: Path) -> None:
    with terminal(tmp_path) as screen:
        begin(screen, tmp_path, "re.match('(a+)+$', 'a' * 26 + 'b')")
        screen.press(*"typed-ahead")
        screen.wait_for("typed-ahead")
        screen.press("C-q")
        screen.wait_for_shell()
