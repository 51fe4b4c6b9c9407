"""A tiny parent for Terraform that outlives the wizard: it waits, and writes the exit status into a file.

Run as `python -I -S supervisor.py FOLDER TEMPORARY PROGRAM ARGUMENT…`, in a session of its own, with stdin
empty, and stdout and stderr already in the run's output file. It splits in two: the first process ends as
soon as it is noted who runs, so that the wizard has nothing to reap; the second waits for Terraform and
leaves `exit.json`. The wizard may be killed meanwhile: nothing here depends on it. Signals that hit the
whole session do not end this process, so that the exit status is always told.

Files in FOLDER (0700), each 0600 and replaced as a whole:
    process.json  {"pid", "started_at", "supervisor_pid", "supervisor_started_at"}
    exit.json     {"exit_code", "seconds"}; a negative exit code is the signal that ended Terraform
TEMPORARY is Terraform's own TMPDIR; it is removed when Terraform has ended, since plugins leave sockets.

Terraform is started before anything but the interpreter's own modules is imported: the other imports
happen while it starts, and cost it nothing.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing. A handler, not SIG_IGN: that would be inherited, and Terraform must hear its SIGINT."""


def supervise(folder: str, temporary: str, argv: list[str], noted: int) -> None:
    """Run `argv` to its end and record how it ended; `noted` is closed once it is written down who runs."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, _ignore)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    began = time.monotonic()
    try:
        pid = os.posix_spawnp(argv[0], argv, os.environ)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        exit_code = 127
    else:
        _note_who_runs(folder, pid)
        os.close(noted)
        import shutil  # noqa: F401, PLC0415 - loaded while there is time

        exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    _note_the_end(folder, temporary, exit_code, time.monotonic() - began)


def _note_who_runs(folder: str, pid: int) -> None:
    from pathlib import Path  # noqa: PLC0415 - while Terraform starts

    sys.path.append(str(Path(__file__).resolve().parents[3]))
    from workflows.services.processes import process_started_at, write_record  # noqa: PLC0415 - as above

    record = {
        "pid": pid,
        "started_at": process_started_at(pid),
        "supervisor_pid": os.getpid(),
        "supervisor_started_at": process_started_at(os.getpid()),
    }
    write_record(Path(folder, "process.json"), record)


def _note_the_end(folder: str, temporary: str, exit_code: int, seconds: float) -> None:
    import shutil  # noqa: PLC0415 - loaded before, if Terraform ran
    from pathlib import Path  # noqa: PLC0415 - as above

    sys.path.append(str(Path(__file__).resolve().parents[3]))
    from workflows.services.processes import write_record  # noqa: PLC0415 - as above

    shutil.rmtree(temporary, ignore_errors=True)
    write_record(Path(folder, "exit.json"), {"exit_code": exit_code, "seconds": seconds})


def main(folder: str, temporary: str, argv: list[str]) -> int:
    """Split in two, and return in the first process when Terraform runs (or could not be started)."""
    wait_until_noted, noted = os.pipe()
    if os.fork() == 0:
        os.close(wait_until_noted)
        supervise(folder, temporary, argv, noted)
        return 0
    os.close(noted)
    os.read(wait_until_noted, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
