"""Questions on the terminal itself, so that pipes stay free: the passphrase is read with its echo off."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from workflows.errors import OnboardError
from workflows.secret import Secret

_TERMINAL = Path("/dev/tty")


class NoTerminal(OnboardError):  # noqa: N818 - it names what is missing
    """There is nobody to ask: the process has no terminal."""

    def __init__(self) -> None:
        super().__init__(
            "There is no terminal to ask on",
            "A question has to be answered, and this program was started without a terminal.",
            next="Run it in a terminal window.",
        )


def has_terminal() -> bool:
    """Whether there is a terminal to ask on, wherever input and output go."""
    try:
        descriptor = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    os.close(descriptor)
    return True


def ask(question: str) -> str:
    """Ask for one line on the terminal.

    Raises:
        NoTerminal: there is none.
    """
    if not has_terminal():
        raise NoTerminal
    with _TERMINAL.open("r", encoding="utf-8") as lines, _TERMINAL.open("w", encoding="utf-8") as words:
        words.write(question)
        words.flush()
        return lines.readline().rstrip("\n")


def ask_secret(question: str) -> Secret:
    """Ask for a passphrase on the terminal, its echo off.

    Raises:
        NoTerminal: there is none; standard input is never read instead.
    """
    if not has_terminal():
        raise NoTerminal
    try:
        return Secret(getpass.getpass(question))
    except EOFError:
        raise KeyboardInterrupt from None  # Ctrl-D at a question is a "no", as Ctrl-C is


def terminal_name(environment: Mapping[str, str]) -> str | None:
    """The device of this process's terminal, for pinentry, which is a process elsewhere; None without one."""
    for stream in (sys.stdin, sys.stderr, sys.stdout):
        try:
            return os.ttyname(stream.fileno())
        except (OSError, ValueError):
            continue  # redirected; another one may lead there
    return environment.get("GPG_TTY") if has_terminal() else None
