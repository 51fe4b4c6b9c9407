"""Commands of the program with real gpg, without a terminal and with one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import time

from support.pgp import GpgHome


def run(home: GpgHome, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal, with the gpg of this home."""
    done = subprocess.run(
        [sys.executable, "-m", "iam_onboard", *arguments],
        input=given,
        capture_output=True,
        env={**os.environ, "GNUPGHOME": str(home.path)},
        start_new_session=True,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def on_terminal(
    home: GpgHome, answers: list[tuple[str, str]], *arguments: str, given: bytes = b""
) -> tuple[int, str, str]:
    """Run with a terminal for questions and a pipe as output: exit code, output, what was shown."""
    reading, writing = os.pipe()
    child, terminal = pty.fork()
    if child == 0:
        os.dup2(writing, 1)
        if given:
            taking, giving = os.pipe()
            os.write(giving, given)
            os.close(giving)
            os.dup2(taking, 0)
        environment = {**os.environ, "GNUPGHOME": str(home.path)}
        os.execve(  # noqa: S606 - a child of a forked terminal
            sys.executable, [sys.executable, "-m", "iam_onboard", *arguments], environment
        )
    os.close(writing)
    shown = ""
    for question, answer in answers:
        shown = _until(terminal, shown, question)
        os.write(terminal, f"{answer}\n".encode())
    with os.fdopen(reading, "rb") as output:
        told = output.read().decode()
    shown += _rest(terminal)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told, shown


def _until(terminal: int, shown: str, words: str) -> str:
    start = len(shown)
    while words not in shown[start:]:
        shown += os.read(terminal, 4096).decode()
    while "assphrase" in words and termios.tcgetattr(terminal)[3] & termios.ECHO:
        time.sleep(0.01)  # the echo is switched off around the time when the question is written
    return shown


def _rest(terminal: int) -> str:
    rest = ""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            return rest  # the last process that had it open has ended
        if not data:
            return rest
        rest += data.decode()
