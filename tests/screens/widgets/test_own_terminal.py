"""The terminal lent to another program: suspended meanwhile, and Ctrl-C does not end the wizard."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual.app import App, SuspendNotSupported

from screens.widgets.own_terminal import lend_terminal


class Suspendable(App[None]):
    """An application whose suspension is watched."""

    def __init__(self) -> None:
        super().__init__()
        self.happened: list[str] = []

    @contextmanager
    def suspend(self) -> Iterator[None]:
        self.happened.append("suspended")
        yield  # as Textual's own: a failure in here would end it before the screen is taken back
        self.happened.append("back")


def test_ctrl_c_is_swallowed_here_and_works_in_the_child(capsys: pytest.CaptureFixture[str]) -> None:
    app, before = Suspendable(), signal.getsignal(signal.SIGINT)

    def work(_tty: str | None) -> int:
        app.happened.append("working")
        os.kill(os.getpid(), signal.SIGINT)
        child = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('survived')"
        return subprocess.run([sys.executable, "-c", child], capture_output=True, check=False).returncode

    assert lend_terminal(app, "gpg asks", work) == -signal.SIGINT
    assert app.happened == ["suspended", "working", "back"]
    assert signal.getsignal(signal.SIGINT) is before
    assert "gpg asks" in capsys.readouterr().out


def test_a_failure_comes_out_and_the_application_comes_back() -> None:
    app, before = Suspendable(), signal.getsignal(signal.SIGINT)

    def work(_tty: str | None) -> Any:
        raise LookupError("no such key")

    with pytest.raises(LookupError):
        lend_terminal(app, "", work)
    assert app.happened == ["suspended", "back"]
    assert signal.getsignal(signal.SIGINT) is before


async def test_a_driver_without_a_terminal_says_so() -> None:
    app = App[None]()
    async with app.run_test():
        with pytest.raises(SuspendNotSupported):
            lend_terminal(app, "", lambda tty: tty)


def test_the_modes_that_the_other_program_leaves_are_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    try:
        with os.fdopen(slave, "r", closefd=False) as keyboard:
            monkeypatch.setattr(sys, "__stdin__", keyboard)
            before = termios.tcgetattr(slave)

            def killed_in_the_middle(tty: str | None) -> None:
                assert tty == os.ttyname(slave)
                modes = termios.tcgetattr(slave)
                modes[3] &= ~(termios.ECHO | termios.ICANON)
                termios.tcsetattr(slave, termios.TCSANOW, modes)
                raise LookupError("killed")

            with pytest.raises(LookupError):
                lend_terminal(Suspendable(), "", killed_in_the_middle)
            assert termios.tcgetattr(slave) == before
    finally:
        os.close(slave)
        os.close(master)
