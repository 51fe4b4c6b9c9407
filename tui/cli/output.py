"""The one writer of the command line: answers to standard output, remarks to standard error.

No other module of `tui` writes to either; a test holds that. Foreign text is made safe here on its way to a
terminal.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from workflows.core.sentences import text_of
from workflows.core.text import folded, safe

if TYPE_CHECKING:
    from rich.table import Table

    from workflows.core.sentences import Sentence

Row = Sequence[str]

_STYLES = {"✓": "green", "✗": "red", "·": "dim"}
"""How a row of a filling table looks, by the mark that it begins with."""
_NARROWEST = 40


class OutputLost(Exception):  # noqa: N818 - it names what is lost
    """Standard output takes nothing any more. Without arguments: its reader has gone away, as `head` does."""


def prepare_streams() -> None:
    """Make input and output usable for what follows, however the program was started.

    A stream that is closed is no file that is opened next: it leads nowhere, and input is empty. A character
    that the output's encoding does not have becomes a question mark, not a failure.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - for the whole run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def moves_cursor(environment: Mapping[str, str]) -> bool:
    """Whether the terminal can do more than print line after line, by what TERM calls it."""
    return environment.get("TERM", "") not in {"", "dumb", "unknown"}


def on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def encoding() -> str:
    """The encoding of standard output, in small letters."""
    return (sys.stdout.encoding or "").lower()


def say(*lines: Sentence) -> None:
    """Answer with lines for people.

    Raises:
        OutputLost: standard output does not take them.
    """
    _write(_laid_out(lines, fold=on_terminal()))


def _laid_out(lines: Iterable[Sentence], *, fold: bool) -> str:
    """Lines for people; for a terminal they are folded between words, and what may be pasted is not."""
    room = shutil.get_terminal_size().columns
    rows = [row for line in lines for row in safe(text_of(line)).split("\n")]
    return "".join(f"{folded(row, room, breaks=False) if fold else row}\n" for row in rows)


def hand_out(text: str) -> None:
    """Answer with a text as it is, for whatever it is piped into; a terminal gets it as `say` would give it.

    Raises:
        OutputLost: standard output does not take it.
    """
    _write(safe(text, len(text)) if on_terminal() else text)


def _write(text: str) -> None:
    try:
        if sys.stdout is None:
            raise OutputLost("The output could not be written\n\nThere is no standard output.")
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _write_no_more(sys.stdout)
        raise OutputLost from None
    except OSError as error:
        _write_no_more(sys.stdout)
        raise OutputLost(
            f"The output could not be written\n\nStandard output: {error.strerror}. What the command did is "
            "done; only its output is lost.\n\nWhat next: Free some space, or send the output elsewhere."
        ) from None


def say_json(value: object) -> None:
    """Answer with JSON for programs.

    Raises:
        OutputLost: standard output does not take it.
    """
    _write(f"{json_text(value)}\n")


def answer(record: object, lines: Iterable[Sentence], *, as_json: bool) -> None:
    """Answer with JSON for programs or with lines for people.

    Raises:
        OutputLost: standard output does not take it.
    """
    if as_json:
        say_json(record)
    else:
        say(*lines)


def json_text(value: object) -> str:
    """JSON for programs, without a newline at its end; it is printable ASCII, whatever it is about."""
    return json.dumps(value, indent=2).replace("\x7f", r"\u007f")


def note(*lines: Sentence) -> None:
    """Remark on something for people; a remark that nobody can get stops nothing."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(_laid_out(lines, fold=watched()))
        sys.stderr.flush()
    except OSError:  # the terminal may be gone while an apply still goes on
        _write_no_more(sys.stderr)


def note_at_once(line: str) -> None:
    """As `note`, for a signal handler: standard error may be in the middle of a write."""
    with suppress(OSError):
        os.write(2, f"\n{safe(line)}\n".encode(errors="replace"))


def flush() -> None:
    """Write what is still held back, where the process ends without the interpreter's own end."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, full or not there
            stream.flush()


def watched() -> bool:
    """Whether somebody is there to see remarks as they come."""
    return sys.stderr is not None and sys.stderr.isatty()


def columns(rows: Sequence[Row], indent: str = "  ") -> list[str]:
    """Rows with their columns in line, a string each; empty columns are left out.

    In a terminal that is too narrow, cells go on below, so there are more lines than rows. Elsewhere a row is
    one line, however long.
    """
    rows = [[safe(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        indent + "  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True) if wide).rstrip()
        for row in rows
    ]
    room = max(shutil.get_terminal_size().columns, _NARROWEST)
    if not on_terminal() or max(map(len, lines), default=0) <= room:
        return lines
    from rich.console import Console

    shown = [[cell for cell, wide in zip(row, widths, strict=True) if wide] for row in rows]
    console = Console(file=io.StringIO(), width=room - len(indent), color_system=None)
    with console.capture() as capture:
        console.print(_grid(shown))
    return [indent + line.rstrip() for line in capture.get().splitlines()]


@contextmanager
def filling(rows: Callable[[], Sequence[Row]], *, shown: bool) -> Iterator[Callable[[], None]]:
    """A table that fills while the block runs: on a terminal in its place, elsewhere it comes at the end.

    Args:
        rows: gives the rows as they are now, the first cell of each being its mark.
        shown: whether anything is shown at all.

    Yields:
        To be called when the rows have changed.
    """
    if not (shown and on_terminal()):
        yield lambda: None
        say(*columns(rows(), indent="") if shown else ())
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(file=sys.stdout, highlight=False, markup=False)
    with Live(_grid(rows()), console=console, auto_refresh=False, redirect_stderr=False) as live:
        live.refresh()
        yield lambda: live.update(_grid(rows()), refresh=True)


def _grid(rows: Sequence[Row]) -> Table:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for _ in rows[0]:
        grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*(Text(safe(text)) for text in row), style=_STYLES.get(row[0]))
    return grid


def finish_help() -> None:
    """Write out what the parser answered with by itself: a help, a version.

    Raises:
        OutputLost: standard output does not take it.
    """
    if sys.stdout is not None:
        _write("")


def _write_no_more(stream: TextIO) -> None:
    """Let the flush at the interpreter's exit be quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
