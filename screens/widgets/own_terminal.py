"""Lends the terminal to another program: suspends the application and shields it from Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from textual.app import App

from workflows.core.text import safe

T = TypeVar("T")

_SECONDS_TO_END = 2.0
_BETWEEN_LOOKS = 0.02


def lend_terminal(app: App[Any], words: str, work: Callable[[str | None], T]) -> T:
    """Suspend the application, do something that needs the terminal, and resume.

    SIGINT goes to everything on the terminal, so a handler swallows it here meanwhile; children would inherit
    an ignored signal as ignored.

    Args:
        app: the application; must be called on its own thread.
        words: printed before the work begins.
        work: receives the path of the terminal's device, or None if there is none.

    Raises:
        SuspendNotSupported: this terminal or driver can't be suspended.
    """
    failure: BaseException | None = None
    with app.suspend():
        # A failure must not leave this block: Textual (8.2) wouldn't restore its screen then.
        try:
            result = _with_terminal(words, work)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failure = error
    if failure is not None:
        raise failure
    return result


def _with_terminal(words: str, work: Callable[[str | None], T]) -> T:
    sys.stdout.write(f"\n{safe(words)}\n")
    sys.stdout.flush()
    before = signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    try:
        with _modes_kept():
            return work(_terminal())
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _modes_kept() -> Iterator[None]:
    """Restore the terminal's modes whatever the other program does to them.

    A pinentry that is stopped midway leaves the echo off, and Textual would consider that the original state
    and restore it in the end. A pinentry that is still ending (Ctrl-C ends gpg first, then gpg-agent ends
    pinentry) restores the modes late, which would take the keyboard from the wizard; so it is waited for.
    """
    if sys.__stdin__ is None or not sys.__stdin__.isatty():
        yield
        return
    descriptor = sys.__stdin__.fileno()
    modes = termios.tcgetattr(descriptor)
    try:
        yield
    finally:
        end = time.monotonic() + _SECONDS_TO_END
        while termios.tcgetattr(descriptor) != modes and time.monotonic() < end:
            time.sleep(_BETWEEN_LOOKS)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, modes)


def _terminal() -> str | None:
    streams = filter(None, (sys.__stdin__, sys.__stdout__, sys.__stderr__))
    return next((os.ttyname(stream.fileno()) for stream in streams if stream.isatty()), None)
