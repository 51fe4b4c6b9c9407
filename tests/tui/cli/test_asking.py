"""Questions at a real terminal: the countdown above a code that is typed, and no question without one."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time

import pytest

# A clock that begins 2.1 s before the app's next code, and is half a second later whenever it is looked at.
_ASK = """
import itertools, sys
from datetime import datetime, timezone
from types import SimpleNamespace
from tui.cli.asking import ask_code
looks = itertools.count()
def now():
    return datetime.fromtimestamp(27.9 + next(looks) / 2, timezone.utc)
environment = SimpleNamespace(now=now, variables={"TERM": sys.argv[1]})
answer = ask_code(sys.argv[2], environment, or_none=sys.argv[3:] == ["or none"])
print(f"answered <{answer.reveal()}>")
"""
WRONG = "A code is six digits and nothing else."
DEVICE = "arn:aws:iam::222222222222:mfa/jane.doe"


def at_a_terminal(kind: str, *arguments: str, until: str, typed: tuple[str, str], times: int = 1) -> str:
    """All that is shown; the first part is typed at once, the second one when `until` was shown so often."""
    deadline = time.monotonic() + 120
    child, terminal = pty.fork()
    if child == 0:
        command = [sys.executable, "-c", _ASK, kind, *arguments]
        plain = {**os.environ, "PYTHON_COLORS": "0"}  # from 3.13 on, tracebacks have colours
        os.execve(sys.executable, command, plain)  # noqa: S606 - a pty needs it
    termios.tcsetwinsize(terminal, (24, 80))
    os.write(terminal, typed[0].encode())
    said, rest = "", typed[1]
    try:
        while True:
            assert time.monotonic() < deadline, said
            if select.select([terminal], [], [], 0.2)[0]:
                said += os.read(terminal, 4096).decode()
            if rest and said.count(until) >= times:
                os.write(terminal, rest.encode())
                rest = ""
    except OSError:
        pass  # Linux tells the end of a terminal as an error
    finally:
        os.close(terminal)  # which ends a child that still asks
        os.waitpid(child, 0)
    return said.replace("\r\n", "\n")


def test_the_countdown_goes_on_above_what_is_typed() -> None:
    last = "comes in 30 s."
    said = at_a_terminal("xterm", DEVICE, until=last, typed=("123", "456\n"))
    head = said.partition("\n")[0]
    assert all(part in head for part in ("jane.doe", "222222222222"))
    over = re.findall(r"\0337\033\[A\r[^\033]* (\d+) s\.\033\[K\0338", said)
    assert [seconds for seconds in over if seconds in {"2", "1", "30"}] == ["2", "1", "30"]
    assert said.endswith("answered <123456>\n")


@pytest.mark.parametrize("kind", ["dumb", ""])
def test_a_terminal_that_cannot_go_up_is_told_once(kind: str) -> None:
    question = "Code (Enter for none): "
    said = at_a_terminal(kind, "GAHT12345678", "or none", until=question, typed=("", "\n"))
    head, countdown, asked = said.splitlines()[:3]
    assert "GAHT12345678" in head
    assert "3 s." in countdown
    assert asked.startswith("Code ")
    assert said.count("next code") == 1
    assert "\033" not in said
    assert said.endswith("answered <>\n")


def test_what_is_no_code_is_asked_for_again() -> None:
    said = at_a_terminal("dumb", DEVICE, until=WRONG, typed=("12345\n", "123 456\n"))
    assert said.count("comes in") == 2
    assert said.endswith("answered <123 456>\n")


def test_a_third_mistake_is_the_last_one() -> None:
    said = at_a_terminal("dumb", DEVICE, until=WRONG, typed=("1\n12\n", "123\n"), times=2)
    assert said.count("comes in") == 3
    assert "NoCode: " in said
    assert "answered" not in said
    said = at_a_terminal("dumb", DEVICE, "or none", until=WRONG, typed=("1\n12\n", "123\n"), times=2)
    assert said.endswith("answered <>\n")


def test_without_a_terminal_nobody_is_asked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ASK, "xterm", DEVICE],
        input="123456\n",
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert done.returncode != 0
    assert "NoTerminal" in done.stderr
    assert all(name in done.stderr for name in (" jane.doe ", " 222222222222"))
    assert "answered" not in done.stdout
