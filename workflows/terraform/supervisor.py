"""A tiny parent for Terraform that outlives the wizard: it waits, and writes the exit status into a file.

Run as `python -I -S supervisor.py FOLDER TEMPORARY PROGRAM ARGUMENT…`, in a session of its own, with stdin
empty, and stdout and stderr already in the run's output file. It splits in two: the first process ends as
soon as it is noted who runs, so that the wizard has nothing to reap; the second waits for Terraform and
leaves `exit.json`. The wizard may be killed meanwhile: nothing here depends on it. Signals that hit the
whole session do not end this process, so that the exit status is always recorded.

Files in FOLDER (0700), each 0600 and replaced as a whole:
    process.json  {"pid", "started_at", "supervisor_pid", "supervisor_started_at"}
    exit.json     {"exit_code"}; a negative exit code is the signal that ended Terraform
TEMPORARY is Terraform's own TMPDIR; it is removed when Terraform has ended, since plugins leave sockets.

No Terraform runs that is not noted: the process that will become Terraform waits until `process.json` is on
the disk, and ends without having started it if that cannot be written. The first process then ends with
`NOT_NOTED` plus the error's number.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

NOT_NOTED = 100
"""Added to an errno, the exit status of the first process when nothing was started."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing. A handler, not SIG_IGN: that would be inherited, and Terraform must hear its SIGINT."""


def supervise(folder: str, temporary: str, argv: list[str], noted: int) -> None:
    """Run `argv` to its end and record how it ended.

    Args:
        folder: the run's folder.
        temporary: Terraform's TMPDIR.
        argv: the program and its arguments.
        noted: a pipe that gets one byte: 0 once it is written down who runs, or the errno that prevented it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Until the fork the signals do what they do by default: a SIGINT ends the process that only waits yet.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    may_start, let_start = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(let_start)
        os.close(noted)
        _become(argv, may_start)
    for number in SIGNALS:
        signal.signal(number, _ignore)
    try:
        _note_who_runs(folder, pid)
    except OSError as error:
        os.close(let_start)
        os.waitpid(pid, 0)
        os.write(noted, bytes([error.errno or errno.EIO]))
        return
    # `may_start` is still open here too, so that this cannot fail if the waiting process was ended meanwhile.
    os.write(let_start, b"\0")
    os.close(let_start)
    os.close(may_start)
    os.write(noted, b"\0")
    os.close(noted)
    import shutil  # noqa: F401, PLC0415 - loaded while there is time

    _note_the_end(folder, temporary, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _become(argv: list[str], may_start: int) -> NoReturn:
    """Wait for the word, then be the program; without the word, or if there is no such program, end."""
    if not os.read(may_start, 1):
        os._exit(NOT_NOTED)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - an argument list, as everywhere
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _note_who_runs(folder: str, pid: int) -> None:
    from pathlib import Path  # noqa: PLC0415 - costs nothing to the process that waits

    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from workflows.core.processes import process_started_at, write_record  # noqa: PLC0415 - as above

    record = {
        "pid": pid,
        "started_at": process_started_at(pid),
        "supervisor_pid": os.getpid(),
        "supervisor_started_at": process_started_at(os.getpid()),
    }
    write_record(Path(folder, "process.json"), record)


def _note_the_end(folder: str, temporary: str, exit_code: int) -> None:
    import shutil  # noqa: PLC0415 - loaded before
    from pathlib import Path  # noqa: PLC0415 - as above

    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from workflows.core.processes import write_record  # noqa: PLC0415 - as above

    # Noted last: whoever waits for it finds nothing left.
    shutil.rmtree(temporary, ignore_errors=True)
    write_record(Path(folder, "exit.json"), {"exit_code": exit_code})


def main(folder: str, temporary: str, argv: list[str]) -> int:
    """Split in two, and return in the first process when it is noted who runs.

    Returns:
        0, or `NOT_NOTED` plus the errno (0 if unknown) when that could not be noted, and nothing was started.
    """
    wait_until_noted, noted = os.pipe()
    if os.fork() == 0:
        os.close(wait_until_noted)
        supervise(folder, temporary, argv, noted)
        return 0
    os.close(noted)
    said = os.read(wait_until_noted, 1)
    return 0 if said == b"\0" else NOT_NOTED + (said[0] if said else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
