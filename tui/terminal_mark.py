"""A terminal that a killed wizard left behind is put in order by the next start of the program.

SIGKILL gives nobody the time to tidy up: the alternate screen, mouse reports, bracketed paste, the kitty
keyboard and a hidden cursor stay, and where the shell does not mend it, typing is not even shown. So a wizard
leaves a mark of its terminal while it runs, and a later start that finds the mark of a dead wizard for the
same terminal undoes what Textual switches on.

It is done only with such a mark. Leaving an alternate screen that was never entered moves the cursor in some
terminals (xterm restores a position that nobody saved), so undoing at every start would not be harmless.

Every start at a terminal passes by here, so little is imported, and most of it only once there is a mark.
"""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

_LOCAL_MODES = 3  # the place of lflag in what tcgetattr gives
_CONTROL_CHARACTERS = 6  # the place of cc

UNDO: Final = (
    "\x1b[?2026l"  # no longer hold back what is painted
    "\x1b[<u"  # the kitty keyboard; kept for each screen, so while the alternate one is still shown
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # the mouse
    "\x1b[?1004l"  # focus reports
    "\x1b[?2004l"  # bracketed paste
    "\x1b[?2048l"  # size reports
    "\x1b[?7h"  # wrap long lines
    "\x1b[?1049l"  # the ordinary screen, with the cursor where it was
    "\x1b[?25h"  # a cursor that is seen
    "\x1b[0m"  # ordinary colours
)
"""What switches off all that Textual (8.2) switches on in a terminal."""


def mend_terminal_here() -> None:
    """As `mend_terminal`, for this machine; nothing without a terminal that has a name."""
    if sys.stdout is not None and sys.stdout.isatty():
        with suppress(OSError):  # no name, or no way to read the marks: as without a mark
            mend_terminal(marks_folder())


def marks_folder() -> Path:
    """Where the marks of this machine are."""
    from platformdirs import user_state_path  # noqa: PLC0415 - not where there is no terminal

    return user_state_path("iam-onboard", appauthor=False) / "terminals"


@contextmanager
def marked_terminal(folder: Path) -> Iterator[None]:
    """While the block runs, a mark says that this process has changed the terminal of standard output.

    Where there is no terminal, or the mark cannot be written, the block runs without one: then a kill leaves
    the terminal as it is.

    Args:
        folder: where marks are kept; made (0700) if it does not exist.
    """
    mark = _leave_mark(folder)
    try:
        yield
    finally:
        if mark is not None:
            mark.unlink(missing_ok=True)


def mend_terminal(folder: Path) -> bool:
    """Put the terminal of standard output in order if a wizard was killed in it.

    Args:
        folder: where marks are kept.

    Returns:
        True if there was one. Marks of wizards that still run are left alone.
    """
    found = sorted(folder.glob(f"{_name_of(sys.stdout.fileno())}.*.mark"))
    dead = [mark for mark in found if not _runs(mark)]
    here = [record for record in map(_taken, dead) if record is not None]
    if not here or os.tcgetpgrp(sys.stdout.fileno()) != os.getpgrp():
        return False
    sys.stdout.write(UNDO)
    sys.stdout.flush()
    _restore(sys.stdout.fileno(), here[0]["attributes"])
    return True


def _leave_mark(folder: Path) -> Path | None:
    from workflows.core.processes import write_record  # noqa: PLC0415 - not for every start

    descriptor = sys.stdout.fileno()
    if not os.isatty(descriptor):
        return None
    try:
        mark = folder / f"{_name_of(descriptor)}.{os.getpid()}.mark"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_record(
            mark,
            {
                "process": _identity(os.getpid()),
                "session": _identity(os.getsid(0)),
                "attributes": _attributes(descriptor),
            },
        )
    except OSError:
        return None
    return mark


def _runs(mark: Path) -> bool:
    record = _read(mark)
    return record is not None and _identity(record["process"][0]) == record["process"]


def _taken(mark: Path) -> dict[str, Any] | None:
    """A dead wizard's mark, if it was in this login of this terminal; it is removed in any case.

    The name of a terminal is used again for another window. The login (its session) is not.
    """
    record = _read(mark)
    mark.unlink(missing_ok=True)
    return record if record is not None and record["session"] == _identity(os.getsid(0)) else None


def _read(mark: Path) -> dict[str, Any] | None:
    """What a mark holds; None for one that is gone or that nobody can read."""
    import json  # noqa: PLC0415 - not for every start

    with suppress(FileNotFoundError, ValueError, KeyError):
        record: dict[str, Any] = json.loads(mark.read_bytes())
        return {name: record[name] for name in ("process", "session", "attributes")}
    return None


def _identity(pid: int) -> list[Any]:
    """A process so that another one of the same number is told from it."""
    from workflows.core.processes import process_started_at  # noqa: PLC0415 - not for every start

    return [pid, process_started_at(pid)]


def _name_of(descriptor: int) -> str:
    """The terminal's device as a file name: "/dev/pts/3" is "dev-pts-3"."""
    return os.ttyname(descriptor).strip("/").replace("/", "-")


def _attributes(descriptor: int) -> list[Any]:
    """The terminal's modes as JSON holds them."""
    modes: list[Any] = list(termios.tcgetattr(descriptor))
    modes[_CONTROL_CHARACTERS] = [
        one.decode("latin-1") if isinstance(one, bytes) else one for one in modes[_CONTROL_CHARACTERS]
    ]
    return modes


def _restore(descriptor: int, attributes: list[Any]) -> None:
    """Set the modes of before, unless the shell has made the terminal usable already."""
    needed = termios.ECHO | termios.ICANON
    missing = needed & ~termios.tcgetattr(descriptor)[_LOCAL_MODES]
    if not missing & attributes[_LOCAL_MODES]:
        return
    controls = [
        one.encode("latin-1") if isinstance(one, str) else one for one in attributes[_CONTROL_CHARACTERS]
    ]
    termios.tcsetattr(descriptor, termios.TCSADRAIN, [*attributes[:_CONTROL_CHARACTERS], controls])
