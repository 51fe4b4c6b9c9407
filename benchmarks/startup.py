"""Times the start of the program against the least that a program of its kind has to do, in one run.

- `iam-onboard --help`, as installed, against an empty Python that builds the same argument parser (≤ 2).
- The first paint of the wizard in a terminal of 80×24 against that of a minimal Textual application (≤ 1.3);
  and, without a budget, when the home screen is there, with every step loaded behind it.
- From a key press to the paint, in the wizard and in the minimal application.

Run it with `python benchmarks/startup.py`; it needs an installed `iam-onboard` beside this Python, and writes
only below a temporary folder.
"""

from __future__ import annotations

import fcntl
import inspect
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from benchmarks.form import amount, status
from tui.cli import completion, exit_codes, parser

HELP_BUDGET = 2.0
PAINT_BUDGET = 1.3
RUNS = amount(15, 1)
LIMIT_SECONDS = 30.0
PROGRAM = Path(sys.executable).with_name("iam-onboard")


def _without_imports(module: ModuleType) -> str:
    """The source of a module of the argument parser, to be put together with others in one file."""
    lines = inspect.getsource(module).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("from __future__", "from tui.")))


SAME_PARSER = "\n".join(
    [
        "from __future__ import annotations",
        *map(_without_imports, (exit_codes, completion, parser)),
        'build_parser().parse_args(["--help"])',
    ]
)

MINIMAL = """
from textual.app import App
from textual.widgets import Footer, Input, Static

class Minimal(App):
    def compose(self):
        yield Static("Opening")
        yield Input()
        yield Footer()

Minimal().run()
"""


class Terminal:
    """A program in a pseudo terminal of 80×24."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self._main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._since = time.perf_counter()
        self._process = subprocess.Popen(
            argv,
            stdin=other,
            stdout=other,
            stderr=other,
            env=dict(environment),
            start_new_session=True,
            close_fds=True,
        )
        os.close(other)
        self._seen = b""

    def until(self, words: str) -> float:
        """The seconds from the start, or from the last key, until these words have been painted.

        Raises:
            TimeoutError: they were not.
        """
        wanted = words.encode()
        while wanted not in self._seen:
            left = LIMIT_SECONDS - (time.perf_counter() - self._since)
            ready, _, _ = select.select([self._main], [], [], max(0.0, left))
            if not ready:
                raise TimeoutError(f"{words!r} was not painted; seen: {self._seen[-500:]!r}")
            self._seen += os.read(self._main, 1 << 16)
        return time.perf_counter() - self._since

    def press(self, keys: str) -> None:
        """Press keys; the time counts from here."""
        self._seen = b""
        self._since = time.perf_counter()
        os.write(self._main, keys.encode())

    def end(self) -> None:
        """End the program and wait for it."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._main)


def seconds(argv: Sequence[str], environment: Mapping[str, str]) -> float:
    """How long a program takes from start to end."""
    start = time.perf_counter()
    subprocess.run(argv, env=dict(environment), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def interleaved(actions: Sequence[Callable[[], float]]) -> list[float]:
    """The median of each action, taking turns so that all meet the same machine."""
    for action in actions:
        action()  # warms the caches of the file system and of Python's bytecode
    rounds = [[action() for action in actions] for _ in range(RUNS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def compare(what: str, base: float, ours: float, budget: float | None) -> bool:
    """Print a line; tell whether the budget is met."""
    ratio = ours / base
    met = budget is None or ratio <= budget
    wanted = "" if budget is None else f", budget {budget:g}: {'met' if met else 'MISSED'}"
    print(f"{what}: {ours * 1000:.0f} ms against {base * 1000:.0f} ms, ratio {ratio:.2f}{wanted}")
    return met


def main() -> int:
    """Measure; 0 if every budget is met."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        python = [sys.executable, "-c"]

        def painted(argv: Sequence[str], words: str) -> Callable[[], float]:
            def measured() -> float:
                terminal = Terminal(argv, environment)
                try:
                    return terminal.until(words)
                finally:
                    terminal.end()

            return measured

        def answered(argv: Sequence[str], shown: str, keys: str, words: str) -> Callable[[], float]:
            def measured() -> float:
                terminal = Terminal(argv, environment)
                try:
                    terminal.until(shown)
                    time.sleep(0.3)
                    terminal.press(keys)
                    return terminal.until(words)
                finally:
                    terminal.end()

            return measured

        base, ours = interleaved(
            [
                lambda: seconds([*python, SAME_PARSER], environment),
                lambda: seconds([str(PROGRAM), "--help"], environment),
            ]
        )
        good = compare("iam-onboard --help", base, ours, HELP_BUDGET)
        base, first, home = interleaved(
            [
                painted([*python, MINIMAL], "Opening"),
                painted([str(PROGRAM)], "Opening"),
                painted([str(PROGRAM)], "I am an admin"),
            ]
        )
        good &= compare("first paint", base, first, PAINT_BUDGET)
        compare("home screen", base, home, None)
        base, ours = interleaved(
            [
                answered([*python, MINIMAL], "Opening", "xyz", "z"),
                answered([str(PROGRAM)], "I am an admin", "\x1bOP", "Close (esc)"),
            ]
        )
        compare("key press to paint (a letter; the help of the home screen)", base, ours, None)
    return status(good)


if __name__ == "__main__":
    sys.exit(main())
