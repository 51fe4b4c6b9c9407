"""How commands end when they are asked to, whatever they do, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.repository import ROOT

from workflows.core.processes import child_environment

SECONDS = 60.0

STUCK = """
import re, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tui.ending
from tui.cli import wizard
from tui.cli.main import main
from workflows.core.processes import capture


class Begun:
    def is_set(self):
        Path("begun").touch()


def stuck(*_):
    try:
        {how}
    finally:
        Path("unwound").touch()


wizard.sessions = stuck
sys.argv[1:] = ["sessions"]
sys.exit(main())
"""
WAYS = {
    "sleeps": "Begun().is_set(); time.sleep(100_000)",
    "spins in C": "Begun().is_set(); re.match('(a+)+$', 'a' * 80 + 'b')",
    "waits for a child": ("capture(['sleep', '100000'], cwd=Path.cwd(), environment={}, cancelled=Begun())"),
    "waits for a thread": (
        "with ThreadPoolExecutor() as pool: pool.submit(threading.Event().wait); Begun().is_set()"
    ),
}
"""What a command may be at; what never unwinds is ended all the same."""
SHRUGGED = """tui.ending.SECONDS_TO_END = 100_000
        Begun().is_set()
        time.sleep(100_000)
    except KeyboardInterrupt:
        Path('shrugged').touch()
        time.sleep(100_000)"""
ASKED = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "terminal"}


def begin(folder: Path, how: str) -> subprocess.Popen[str]:
    """The command, once it is at it."""
    program = folder / "stuck.py"
    program.write_text(STUCK.format(how=how))
    process = subprocess.Popen(
        [sys.executable, str(program)],
        cwd=folder,
        env=child_environment(os.environ, {"PYTHONPATH": str(ROOT)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (folder / "begun").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("number", ASKED, ids=lambda number: number.name)
@pytest.mark.parametrize("how", WAYS)
def test_a_command_ends_in_words_with_the_code_of_the_signal(
    how: str, number: signal.Signals, tmp_path: Path
) -> None:
    process = begin(tmp_path, WAYS[how])
    children = psutil.Process(process.pid).children()
    process.send_signal(number)
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number
    assert ASKED[number] in errors
    assert "Traceback" not in errors
    assert how == "waits for a thread" or (tmp_path / "unwound").exists()
    _, alive = psutil.wait_procs(children, SECONDS)
    assert not alive


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    process = begin(tmp_path, SHRUGGED)
    process.send_signal(signal.SIGTERM)
    while not (tmp_path / "shrugged").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGTERM
    assert "SIGTERM" in errors


def test_a_command_writes_out_what_it_said_and_ends_at_once() -> None:
    program = "import atexit, sys; atexit.register(print, 'late'); print('said', end=''); "
    program += "from tui.ending import leave; leave(3, sys.stdout.flush)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (3, b"said")


def test_what_is_ignored_stays_so(tmp_path: Path) -> None:
    program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    program += (
        "from tui.ending import unwinding\nwith unwinding(print):\n  signal.raise_signal(signal.SIGHUP)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
