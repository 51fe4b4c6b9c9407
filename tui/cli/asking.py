"""A user's input for a command: answers on the terminal itself (so that pipes stay free), files and pipes.

A passphrase is read without echo.
"""

from __future__ import annotations

import os
import select
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from tui.cli.output import moves_cursor, note
from workflows.core.later import on_demand
from workflows.core.secret import Secret
from workflows.core.sentences import DeclaredError, OnboardError, Texts

with on_demand():
    import getpass

    from tui import host
    from workflows.aws import authenticator, sts
    from workflows.core import files, text
    from workflows.environment import Environment

if TYPE_CHECKING:
    from datetime import datetime

Done = TypeVar("Done")
_TRIES = 3  # for a code that is invalid, or that AWS rejects
_TERMINAL = Path("/dev/tty")
_ROOM = 40  # columns for the countdown and the question below it, each on its own line
# Save the cursor, go up a line, rewrite it, and return: the text being typed below stays as it is.
_ABOVE = "\0337\033[A\r{}\033[K\0338"


class NoTerminal(OnboardError):  # noqa: N818 - the name says what is missing
    """There is nobody to ask, because the process has no terminal.

    `what` is needed, as a sentence's beginning.
    """

    def __init__(self, what: str = "iam-onboard needs an answer from you") -> None:
        super().__init__(
            "There is no terminal to ask on",
            f"{what}, but it isn't running in a terminal.",
            next="Run it in a terminal window.",
        )


class NoCode(DeclaredError):  # noqa: N818 - the name says what is missing
    """No input for an MFA device was six digits.

    Args:
        device: the device.
    """

    texts = Texts(
        title="There is no MFA code",
        what="What you typed for {device} isn't a six-digit code.",
        next="Run the same command again, and enter the six digits that the device shows.",
    )


def has_terminal() -> bool:
    """Return whether there is a terminal to ask on, wherever input and output go."""
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
        words.write(text.safe(question))
        words.flush()
        return lines.readline().rstrip("\n")


def yes(question: str) -> bool:
    """Ask a question whose answer is no unless it is "y" or "yes".

    Raises:
        NoTerminal: there is none.
    """
    return ask(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


def ask_code(serial: str, environment: Environment, *, or_none: bool = False) -> Secret:
    """Ask for an MFA device's code, counting down to its next one, as each works once.

    Invalid input is asked for again, three times in all.

    Args:
        serial: the device's serial number: an ARN, or the number printed on a hardware token.
        environment: its clock, and its variables, which show what the terminal can do.
        or_none: whether the user may do without; the answer is then empty.

    Raises:
        NoTerminal: there is none.
        NoCode: no input was six digits, and the user may not do without.
    """
    if not has_terminal():
        raise NoTerminal(f"iam-onboard needs the MFA code of {_device(serial)}")
    with _TERMINAL.open("r", encoding="utf-8") as lines, _TERMINAL.open("w", encoding="utf-8") as words:
        words.write(text.safe(f"MFA code of {_device(serial)}\n"))
        for _ in range(_TRIES):
            typed = _typed_code(lines, words, environment, or_none=or_none)
            if (problem := authenticator.code_problem(typed)) is None:
                return Secret(typed.strip())
            if not typed or (or_none and not typed.strip()):
                break  # Ctrl-D, or no code
            words.write(f"{problem.message}\n")
    if or_none:
        return Secret("")
    raise NoCode(device=_device(serial))


class Tries:
    """Counts the codes that AWS rejected, which changes nothing; each device has three tries."""

    def __init__(self) -> None:
        self._refused: Counter[str] = Counter()

    def another(self, error: sts.WrongCode | sts.RepeatedCode) -> bool:
        """Return whether to ask for another code, after saying why."""
        self._refused[error.serial] += 1
        if not error.serial or self._refused[error.serial] == _TRIES or not has_terminal():
            return False
        note(f"{error.what} {error.next}")
        return True


def with_code(act: Callable[[Secret | None], Done], code: Secret | None, environment: Environment) -> Done:
    """Act with a code; if AWS rejects it, which changes nothing, ask for another, three times in all.

    Args:
        code: the first code, or None if none is needed.
        environment: as for `ask_code`.

    Raises:
        WrongCode, RepeatedCode: all codes were rejected.
    """
    tries = Tries()
    while True:
        try:
            return act(code)
        except (sts.WrongCode, sts.RepeatedCode) as error:
            if not tries.another(error):
                raise
            code = ask_code(error.serial, environment)


def _typed_code(lines: TextIO, words: TextIO, environment: Environment, *, or_none: bool) -> str:
    """Return a line as typed, including its end; "" at the end of the input."""
    words.write(f"{_next_code(environment.now())}\nCode{' (Enter for none)' if or_none else ''}: ")
    words.flush()
    if moves_cursor(environment.variables) and _columns(words) >= _ROOM:
        _count_down(lines, words, environment)
    return lines.readline()


def _device(serial: str) -> str:
    """Name a device as its app lists it: "the device jane.doe in the account 222222222222"."""
    arn, mark, name = serial.partition(":mfa/")
    return f"the device {name} in the account {arn.rpartition(':')[2]}" if mark else f"the device {serial}"


def _next_code(now: datetime) -> str:
    return f"The app's next code comes in {authenticator.seconds_left(now)} s."


def _columns(words: TextIO) -> int:
    try:
        return os.get_terminal_size(words.fileno()).columns
    except OSError:
        return 0  # a terminal of unknown size shows the text once


def _count_down(lines: TextIO, words: TextIO, environment: Environment) -> None:
    """Update the line above the question each second until there is an answer."""
    while not select.select([lines], [], [], 1 - environment.now().microsecond / 1_000_000)[0]:
        words.write(_ABOVE.format(_next_code(environment.now())))
        words.flush()


def ask_secret(question: str) -> Secret:
    """Ask for a passphrase on the terminal, without echo.

    Raises:
        NoTerminal: there is none; standard input is never read instead.
    """
    if not has_terminal():
        raise NoTerminal
    try:
        return Secret(getpass.getpass(text.safe(question)))
    except EOFError:
        raise KeyboardInterrupt from None  # Ctrl-D at a question means "no", like Ctrl-C


def given(machine: host.Machine, name: str, limit: int, what: str) -> bytes:
    """Return the content of a file, a pipe (as from `<(gpg --export jane)`), or standard input for "-".

    Args:
        machine: its folder resolves relative names.
        name: as typed.
        limit: the maximum number of bytes; a stream returns one more, so that the caller can detect an
            excess.
        what: what to paste if standard input is a terminal, such as "the key".

    Raises:
        FileError: the file can't be read, or is larger.
    """
    if name == "-":
        if sys.stdin.isatty():
            note(f"Paste {what}, then press Ctrl-D on a line of its own.")
        return sys.stdin.buffer.read(limit + 1)
    path = machine.path(name)
    if not path.is_fifo():
        return files.read_bytes(path, limit)
    with path.open("rb") as pipe:
        return pipe.read(limit + 1)


def given_text(machine: host.Machine, name: str, limit: int, what: str) -> str:
    """Return `given` as text, with invalid UTF-8 replaced."""
    return given(machine, name, limit, what).decode("utf-8", errors="replace")


def keyboard_as_input() -> None:
    """Make the keyboard the input, if there is one, after a pipe has been read."""
    try:
        keyboard = os.open(_TERMINAL, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return  # no terminal at all: the caller detects and reports that
    os.dup2(keyboard, 0)
    os.close(keyboard)


def terminal_name(variables: Mapping[str, str]) -> str | None:
    """Return this process's terminal device, for pinentry in another process; None without one."""
    for stream in (sys.stdin, sys.stderr, sys.stdout):
        try:
            return os.ttyname(stream.fileno())
        except (AttributeError, OSError, ValueError):
            continue  # closed or redirected; another stream may have it
    return variables.get("GPG_TTY") if has_terminal() else None
