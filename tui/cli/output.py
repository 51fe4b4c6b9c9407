"""The one writer of the command line: answers to standard output, remarks to standard error.

No other module of `tui` writes to either; a test checks that. Foreign text is made safe here on its way to a
terminal.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from workflows.core.later import on_demand
from workflows.core.sentences import Sentence, text_of

with on_demand():
    import shutil

    from rich import console as rich_console, live as rich_live, table as rich_table, text as rich_text

    from workflows.core import text as texts

Row = Sequence[str]

_STYLES = {"✓": "green", "✗": "red", "·": "dim"}
"""The style of a row in a filling table, by its mark."""
_NARROWEST = 40


class OutputLost(Exception):  # noqa: N818 - the name says what is lost
    """Standard output accepts nothing any more. Without arguments: its reader has gone, as `head` does."""


def prepare_streams() -> None:
    """Make input and output usable, however the program was started.

    A file opened later doesn't take the place of a closed stream: output leads nowhere, and input is empty. A
    character that the output's encoding lacks becomes a question mark, not a failure.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor: this one
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - for the whole run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def moves_cursor(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal can do more than print lines, by its TERM."""
    return environment.get("TERM", "") not in {"", "dumb", "unknown"}


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def encoding() -> str:
    """Return the encoding of standard output, in lower case."""
    return (sys.stdout.encoding or "").lower()


def say(*lines: Sentence) -> None:
    """Answer with lines of text.

    Raises:
        OutputLost: standard output doesn't accept them.
    """
    _write(_laid_out(lines, fold=on_terminal()))


def _laid_out(lines: Iterable[Sentence], *, fold: bool) -> str:
    """Return lines of text, wrapped between words for a terminal, except text for pasting."""
    room = shutil.get_terminal_size().columns
    rows = [row for line in lines for row in texts.safe(text_of(line)).split("\n")]
    return "".join(f"{texts.folded(row, room, breaks=False) if fold else row}\n" for row in rows)


def hand_out(text: str) -> None:
    """Answer with literal text for a pipe; a terminal gets it as `say` would write it.

    Raises:
        OutputLost: standard output doesn't accept it.
    """
    _write(texts.safe(text, len(text)) if on_terminal() else text)


def _write(text: str) -> None:
    try:
        if sys.stdout is None:
            raise OutputLost("Can't write the output\n\nThere is no standard output.")
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _write_no_more(sys.stdout)
        raise OutputLost from None
    except OSError as error:
        _write_no_more(sys.stdout)
        raise OutputLost(
            f"Can't write the output\n\nStandard output: {error.strerror}. What the command did is "
            "done; only its output is lost.\n\nWhat next: Free some space, or send the output elsewhere."
        ) from None


def say_json(value: object) -> None:
    """Answer with JSON.

    Raises:
        OutputLost: standard output doesn't accept it.
    """
    _write(f"{json_text(value)}\n")


def answer(record: object, lines: Iterable[Sentence], *, as_json: bool) -> None:
    """Answer with JSON or with lines of text.

    Raises:
        OutputLost: standard output doesn't accept it.
    """
    if as_json:
        say_json(record)
    else:
        say(*lines)


def json_text(value: object) -> str:
    """Return JSON without a final newline, always in printable ASCII."""
    return json.dumps(value, indent=2).replace("\x7f", r"\u007f")


def note(*lines: Sentence) -> None:
    """Write a remark; failing to write it stops nothing."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(_laid_out(lines, fold=watched()))
        sys.stderr.flush()
    except OSError:  # the terminal may be gone while an apply continues
        _write_no_more(sys.stderr)


def note_at_once(line: str) -> None:
    """Write a remark from a signal handler, when standard error may be in the middle of a write."""
    with suppress(OSError):
        os.write(2, f"\n{texts.safe(line)}\n".encode(errors="replace"))


def flush() -> None:
    """Flush pending output before the process ends without the interpreter's own shutdown."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, full or missing
            stream.flush()


def watched() -> bool:
    """Return whether somebody can see remarks as they come."""
    return sys.stderr is not None and sys.stderr.isatty()


def columns(rows: Sequence[Row], indent: str = "  ") -> list[str]:
    """Align rows in columns, a string each, without empty columns.

    In a terminal that is too narrow, cells wrap, so there are more lines than rows. Elsewhere a row is one
    line of any length.
    """
    rows = [[texts.safe(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        indent + "  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True) if wide).rstrip()
        for row in rows
    ]
    room = max(shutil.get_terminal_size().columns, _NARROWEST)
    if not on_terminal() or max(map(len, lines), default=0) <= room:
        return lines
    shown = [[cell for cell, wide in zip(row, widths, strict=True) if wide] for row in rows]
    console = rich_console.Console(file=io.StringIO(), width=room - len(indent), color_system=None)
    with console.capture() as capture:
        console.print(_grid(shown))
    return [indent + line.rstrip() for line in capture.get().splitlines()]


@contextmanager
def filling(rows: Callable[[], Sequence[Row]], *, shown: bool) -> Iterator[Callable[[], None]]:
    """Show a table that fills while the block runs: on a terminal in place, elsewhere at the end.

    Args:
        rows: returns the current rows, each starting with its mark.
        shown: whether to show anything at all.

    Yields:
        A function to call when the rows have changed.
    """
    if not (shown and on_terminal()):
        yield lambda: None
        say(*columns(rows(), indent="") if shown else ())
        return
    console = rich_console.Console(file=sys.stdout, highlight=False, markup=False)
    with rich_live.Live(_grid(rows()), console=console, auto_refresh=False, redirect_stderr=False) as live:
        live.refresh()
        yield lambda: live.update(_grid(rows()), refresh=True)


def _grid(rows: Sequence[Row]) -> rich_table.Table:
    grid = rich_table.Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for _ in rows[0]:
        grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*(rich_text.Text(texts.safe(text)) for text in row), style=_STYLES.get(row[0]))
    return grid


def finish_help() -> None:
    """Write out the parser's own answers: a help, a version.

    Raises:
        OutputLost: standard output doesn't accept it.
    """
    if sys.stdout is not None:
        _write("")


def _write_no_more(stream: TextIO) -> None:
    """Keep the interpreter's flush at exit quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
