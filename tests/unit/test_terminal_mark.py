"""A terminal in which a wizard was killed is put in order; every other terminal is left as it is."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tui.terminal_mark import UNDO

# What a wizard does, as far as its terminal goes: marks it, makes it raw, and waits for its end.
_WIZARD = """
import sys, time, tty
from pathlib import Path
from tui.terminal_mark import marked_terminal
with marked_terminal(Path(sys.argv[1])):
    tty.setraw(0)
    print("up", flush=True)
    time.sleep(60)
"""
# A shell that mends nothing: starts it, kills it, and starts the program again.
_SHELL = """
import os, signal, subprocess, sys, termios
from pathlib import Path
from tui.terminal_mark import mend_terminal
folder, end = Path(sys.argv[1]), sys.argv[2]
child = subprocess.Popen([sys.executable, "-c", os.environ["WIZARD"], str(folder)], stdout=1)
while not list(folder.glob("*.mark")) or termios.tcgetattr(0)[3] & termios.ECHO:
    pass
def modes():
    local = termios.tcgetattr(0)[3]
    return bool(local & termios.ECHO), bool(local & termios.ICANON)
print("while", mend_terminal(folder), modes())
child.send_signal(signal.SIGKILL)
child.wait()
if end == "elsewhere":
    (mark,) = folder.glob("*.mark")
    mark.write_text(mark.read_text().replace('"session": [', '"session": [9'))
if end == "damaged":
    (mark,) = folder.glob("*.mark")
    mark.write_text("{")
print("after", mend_terminal(folder), modes(), len(list(folder.glob("*.mark"))))
print("again", mend_terminal(folder))
"""


def at_a_terminal(folder: Path, *arguments: str) -> str:
    """All that a `_SHELL` shows at a terminal of its own."""
    child, terminal = pty.fork()
    if child == 0:
        command = [sys.executable, "-c", textwrap.dedent(_SHELL), str(folder), *arguments]
        os.execve(command[0], command, {**os.environ, "WIZARD": _WIZARD})  # noqa: S606 - a pty needs it
    said, end = b"", time.monotonic() + 30
    try:
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                chunk = os.read(terminal, 4096)
                if not chunk:
                    break
                said += chunk
    except OSError:
        pass  # Linux tells the end of a terminal as an error
    finally:
        os.close(terminal)
        os.kill(child, signal.SIGHUP)
        os.waitpid(child, 0)
    return said.decode()


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    return tmp_path / "terminals"


def test_after_a_kill_the_modes_are_undone_once_and_typing_is_shown_again(marks: Path) -> None:
    said = at_a_terminal(marks, "")
    assert "while False (False, False)" in said
    assert "after True (True, True) 0" in said
    assert "again False" in said
    assert said.count(UNDO) == 1
    assert marks.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("end", ["elsewhere", "damaged"])
def test_another_window_of_the_same_name_is_left_as_it_is(marks: Path, end: str) -> None:
    said = at_a_terminal(marks, end)
    assert "after False (False, False) 0" in said
    assert UNDO not in said
