from __future__ import annotations

import mmap
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tui.app.guard import COPIED_SIZE, WORDS_SIZE, Guard

_WIZARD = """
import os, signal, sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tui.app.guard import Guard
from tui.environments import clear_left, clipboard_of
from tui.host import Machine
from workflows.core.secret import Secret

machine = Machine.this()
guard = Guard.start(partial(clear_left, machine))
board = clipboard_of(machine, lambda _text: None, guard.remember)
for secret in ("first", "canary"):
    board.copy(Secret(secret))
if sys.argv[1]:
    Path(sys.argv[2]).write_text(sys.argv[1])
os.kill(os.getpid(), signal.SIGKILL)
"""
_HANGS = """
import signal, sys, time
from tui.app.guard import SHOWN, Guard

guard = Guard.start(lambda _digests: None)
guard.hear_signals()
signal.signal(signal.SIGHUP, lambda *_: sys.exit(3))
guard.say(SHOWN)
print("shown", flush=True)
time.sleep(60)
"""
_XCLIP = """#!/bin/sh
case "$*" in
  *-o*) cat {board} ;;
  *) cat > {board} ;;
esac
"""


def test_the_last_words_are_safe_to_show_and_fit_whatever_is_in_them() -> None:
    words = mmap.mmap(-1, WORDS_SIZE)
    guard = Guard(0, 0, 0, words, mmap.mmap(-1, COPIED_SIZE))
    for given in ("Resume with: iam-onboard --binary '\udcff\x1b[2J'", "é" * WORDS_SIZE, "short"):
        guard.last_words(given)
        said = words[:].rstrip(b"\0").decode(errors="ignore")
        assert said.isprintable()
        assert said.startswith(given[0])
    assert said == "short", "nothing of those before is left"


def test_a_closed_terminal_ends_a_wizard_that_the_kernel_does_not_tell() -> None:
    main, terminal = pty.openpty()
    command = [sys.executable, "-c", _HANGS]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, cwd=root) as wizard:
        os.close(terminal)
        assert wizard.stdout is not None
        assert wizard.stdout.readline() == b"shown\n"
        os.close(main)
        assert wizard.wait(60) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="xclip is for X11")
@pytest.mark.parametrize("copied_since", ["", "something else"])
def test_a_secret_that_a_killed_wizard_copied_leaves_the_clipboard(copied_since: str, tmp_path: Path) -> None:
    xclip, board = tmp_path / "xclip", tmp_path / "board"
    xclip.write_text(_XCLIP.format(board=board))
    xclip.chmod(0o755)
    run_killed(copied_since, str(board), PATH=f"{tmp_path}:{os.defpath}", HOME=str(tmp_path), DISPLAY=":99")
    assert board.read_text() == copied_since


def test_it_leaves_tmux_and_what_others_put_there_stays(tmp_path: Path) -> None:
    def tmux(*arguments: str) -> str:
        command = ["tmux", "-S", "s", "-f", os.devnull, *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    tmux("new-session", "-d")
    try:
        tmux("set-buffer", "-b", "mine", "not the secret")
        server = f"{tmp_path / 's'},{tmux('display-message', '-p', '#{pid}').strip()},0"
        run_killed("", "", PATH=os.environ["PATH"], HOME=str(tmp_path), SSH_CONNECTION="x", TMUX=server)
        assert tmux("list-buffers", "-F", "#{buffer_name}").split() == ["mine"]
    finally:
        tmux("kill-server")


def run_killed(*arguments: str, **environment: str) -> None:
    """Run a wizard that copies a secret and is killed, until the process beside it has ended, too."""
    ended, write = os.pipe()
    main, terminal = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", _WIZARD, *arguments],
        stdin=terminal,
        pass_fds=[write],
        env=environment,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    os.close(write)
    assert os.read(ended, 1) == b""
    for descriptor in (ended, main, terminal):
        os.close(descriptor)
