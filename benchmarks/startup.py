"""Times the start of the program against the least that a program of its kind has to do, in one run.

- `iam-onboard --help`, as installed, against an empty Python that builds the same argument parser (≤ 2).
- Home, usable: from exec until the first arrow key on it has been painted, in a terminal of 80×24 with 20
  sessions to resume, against the first paint of a minimal Textual application (≤ 1.5). The key is pressed as
  soon as the list is there. A minimal application with as long a list, timed to its first arrow key, and the
  processor time of each stand beside it, without a budget.
- From a key press to the paint, in the wizard and in the minimal application.

Run it with `python benchmarks/startup.py`; it needs an installed `iam-onboard` beside this Python, and writes
only below a temporary folder.
"""

from __future__ import annotations

import argparse
import fcntl
import math
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from benchmarks.form import amount, status
from screens.widgets.text import BAR
from tui.cli.parser import build_parser
from tui.host import Places
from workflows.core.files import private_folder

HELP_BUDGET = 2.0
HOME_BUDGET = 1.5
SESSIONS = 20
RUNS = amount(15, 1)
LIMIT_SECONDS = 30.0
PROGRAM = Path(sys.executable).with_name("iam-onboard")
LAST_STEPS = 8
"""The number of events of the last four steps in that session."""
JOURNAL = Path(__file__).parents[1] / "tests" / "journals" / "admin-done.jsonl"
JOURNAL_ID = "20261126-213349-29a4"


def _source_of(parser: argparse.ArgumentParser, name: str = "parser") -> Iterator[str]:
    """Yield code that builds the same parser, with its commands and arguments, without our modules."""
    for number, action in enumerate(parser._actions):  # noqa: SLF001 - there is no other way to list them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield f"parts = {name}.add_subparsers(dest={action.dest!r}, metavar={action.metavar!r})"
            lines = {choice.dest: choice.help for choice in action._choices_actions}  # noqa: SLF001
            for part, made in action.choices.items():
                own = f"{name}_{number}_{part}".replace("-", "_")
                texts = f"help={lines[part]!r}, description={made.description!r}, epilog={made.epilog!r}"
                yield f"{own} = parts.add_parser({part!r}, {texts})"
                yield from _source_of(made, own)
                yield f"parts = {name}._actions[{number}]"
        elif action.dest != "help":
            takes = "" if action.nargs == 0 else f", nargs={action.nargs!r}, metavar={action.metavar!r}"
            kind = "store_true" if action.nargs == 0 else "store"
            names = ", ".join(map(repr, action.option_strings or [action.dest]))
            yield f"{name}.add_argument({names}, action={kind!r}, help={action.help!r}{takes})"


SAME_PARSER = "\n".join(
    [
        "import argparse",
        "parser = argparse.ArgumentParser(prog='iam-onboard')",
        *_source_of(build_parser()),
        'parser.parse_args(["--help"])',
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

WITH_LIST = f"""
from textual.app import App
from textual.widgets import Footer, OptionList, Static

class WithList(App):
    def compose(self):
        yield Static("Opening", id="marked")
        yield OptionList(*(f"Session {{number}}" for number in range({SESSIONS})))
        yield Footer()

    def on_mount(self):
        self.query_one(OptionList).highlighted = 0

    def on_option_list_option_highlighted(self, event):
        self.query_one("#marked", Static).update(f"Marked {{event.option_index}}")

WithList().run()
"""

DOWN = "\x1b[B"
MARKED_SECOND = rf"{BAR}(?:\x1b\[[0-9;]*m|[^\x1b\n])*bb-01"
"""How Home shows the selected second session."""


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of the processor; NaN if unknown."""

    clock: float
    processor: float = float("nan")


class Terminal:
    """A program in a pseudo terminal of 80×24."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self._since = time.perf_counter()
        self._process, self._main = pty.fork()
        if self._process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execve(argv[0], list(argv), dict(environment))  # noqa: S606 - no shell is wanted
        self._seen = b""

    def until(self, pattern: str) -> float:
        """Return the seconds from the start, or the last `restart`, until this has been painted.

        Args:
            pattern: a regular expression.

        Raises:
            TimeoutError: it wasn't painted.
        """
        wanted = re.compile(pattern.encode())
        end = time.perf_counter() + LIMIT_SECONDS
        while not wanted.search(self._seen):
            ready, _, _ = select.select([self._main], [], [], max(0.0, end - time.perf_counter()))
            if not ready:
                raise TimeoutError(f"{pattern!r} was not painted; seen: {self._seen[-500:]!r}")
            self._seen += os.read(self._main, 1 << 16)
        return time.perf_counter() - self._since

    def press(self, keys: str) -> None:
        """Press keys; earlier paints no longer count."""
        self._seen = b""
        os.write(self._main, keys.encode())

    def restart(self) -> None:
        """Restart the clock."""
        self._since = time.perf_counter()

    def end(self) -> float:
        """End the program, and return the processor seconds that it used."""
        os.kill(self._process, signal.SIGKILL)
        _, _, used = os.wait4(self._process, 0)
        os.close(self._main)
        return used.ru_utime + used.ru_stime


def make_sessions(folder: Path) -> None:
    """Create sessions of an admin who has an account to plan; the first in the list is of project bb-00."""
    text = "".join(JOURNAL.read_text().splitlines(keepends=True)[:-LAST_STEPS])
    private_folder(folder.parent)
    private_folder(folder)
    for number in range(SESSIONS):
        session = folder / f"20261126-213349-{SESSIONS - number:04x}"
        private_folder(session)
        own = text.replace(JOURNAL_ID, session.name).replace('"project":"bb"', f'"project":"bb-{number:02d}"')
        (session / "journal.jsonl").write_text(own)


def seconds(argv: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Return how long a program takes from start to end."""
    start = time.perf_counter()
    subprocess.run(argv, env=dict(environment), stdout=subprocess.DEVNULL, check=True)
    return Cost(time.perf_counter() - start)


def painted(argv: Sequence[str], environment: Mapping[str, str], shown: str, *more: str) -> Cost:
    """Time from exec until something is shown and, optionally, until a key pressed at once has shown more.

    Args:
        argv: the program.
        environment: its environment.
        shown: a regular expression.
        more: a key, and a regular expression.
    """
    terminal = Terminal(argv, environment)
    try:
        clock = terminal.until(shown)
        if more:
            terminal.press(more[0])
            clock = terminal.until(more[1])
    finally:
        used = terminal.end()
    return Cost(clock, used)


def answered(argv: Sequence[str], environment: Mapping[str, str], shown: str, key: str, more: str) -> Cost:
    """Time from a key press, shortly after something is shown, until it has shown more."""
    terminal = Terminal(argv, environment)
    try:
        terminal.until(shown)
        time.sleep(0.3)
        terminal.press(key)
        terminal.restart()
        return Cost(terminal.until(more))
    finally:
        terminal.end()


def interleaved(actions: Sequence[Callable[[], Cost]]) -> list[Cost]:
    """Return the median of each action, alternating so that all meet the same machine."""
    for action in amount(actions, ()):
        action()  # warms up the caches of the file system and of Python's bytecode
    rounds = [[action() for action in actions] for _ in range(RUNS)]
    return [
        Cost(
            statistics.median(cost.clock for cost in costs),
            statistics.median(cost.processor for cost in costs),
        )
        for costs in zip(*rounds, strict=True)
    ]


def compare(what: str, base: Cost, ours: Cost, budget: float | None) -> bool:
    """Print a line; return whether the budget is met."""
    ratio = ours.clock / base.clock
    met = budget is None or ratio <= budget
    wanted = "" if budget is None else f", budget {budget:g}: {'met' if met else 'MISSED'}"
    processor = ours.processor / base.processor
    work = "" if math.isnan(processor) else f" (processor time {processor:.2f} ×)"
    print(
        f"{what}: {ours.clock * 1000:.0f} ms against {base.clock * 1000:.0f} ms, "
        f"ratio {ratio:.2f}{wanted}{work}"
    )
    return met


def main() -> int:
    """Measure; return 0 if every budget is met."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        with mock.patch.dict(os.environ, environment, clear=True):
            make_sessions(Places.of_this_machine().sessions)
        python, ours = [sys.executable, "-c"], [str(PROGRAM)]
        base, our_help = interleaved(
            [
                lambda: seconds([*python, SAME_PARSER], environment),
                lambda: seconds([*ours, "--help"], environment),
            ]
        )
        good = compare("iam-onboard --help", base, our_help, HELP_BUDGET)
        base, with_list, home = interleaved(
            [
                lambda: painted([*python, MINIMAL], environment, "Opening"),
                lambda: painted([*python, WITH_LIST], environment, "Session 9", DOWN, "Marked 1"),
                lambda: painted(ours, environment, "bb-01", DOWN, MARKED_SECOND),
            ]
        )
        good &= compare("home, usable, against a first paint", base, home, HOME_BUDGET)
        compare("home, usable, against a list that is usable", with_list, home, None)
        base, our_key = interleaved(
            [
                lambda: answered([*python, MINIMAL], environment, "Opening", "xyz", "z"),
                lambda: answered(ours, environment, "bb-01", "\x1bOP", "Help: The wizard"),
            ]
        )
        compare("key press to paint (a letter; the help of the home screen)", base, our_key, None)
    return status(good)


if __name__ == "__main__":
    sys.exit(main())
