"""A terminal that a killed wizard left raw is usable after the next wizard; any other keeps its modes."""

from __future__ import annotations

import os
import pty
import termios
import tty
from collections.abc import Iterator

import pytest

from tui.cli import wizard
from tui.cli.arguments import UsageError

USABLE = termios.ICANON | termios.ECHO | termios.IEXTEN | termios.ISIG


@pytest.fixture
def terminal() -> Iterator[int]:
    main, other = pty.openpty()
    yield other
    os.close(main)
    os.close(other)


def take(terminal: int, monkeypatch: pytest.MonkeyPatch, kind: str = "xterm") -> None:
    """What the wizard does first, with the terminal as standard input and output."""
    with os.fdopen(os.dup(terminal), "rb+", buffering=0) as both, monkeypatch.context() as patched:
        patched.setattr("sys.stdin", both)
        patched.setattr("sys.stdout", both)
        wizard._take_terminal({"TERM": kind})


def test_raw_modes_are_not_what_the_wizard_restores_in_the_end(
    terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tty.setraw(terminal)
    take(terminal, monkeypatch)
    modes = termios.tcgetattr(terminal)
    assert modes[3] & USABLE == USABLE
    assert modes[0] & termios.ICRNL


def test_modes_of_a_persons_own_stay(terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = termios.tcgetattr(terminal)
    modes[0] &= ~termios.IXON
    modes[3] &= ~termios.IEXTEN
    termios.tcsetattr(terminal, termios.TCSANOW, modes)
    take(terminal, monkeypatch)
    assert termios.tcgetattr(terminal) == modes


@pytest.mark.parametrize("kind", ["", "dumb", "unknown"])
def test_a_terminal_that_only_prints_line_after_line_is_left_as_it_is(
    terminal: int, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    tty.setraw(terminal)
    modes = termios.tcgetattr(terminal)
    with pytest.raises(UsageError):
        take(terminal, monkeypatch, kind)
    assert termios.tcgetattr(terminal) == modes
