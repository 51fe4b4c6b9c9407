"""A tiny parent for Terraform that outlives the wizard: it waits, and writes the exit status into a file.

Run as `python -I -S supervisor.py FOLDER TEMPORARY PROGRAM ARGUMENT…`, in a session of its own, with stdout
and stderr already in the run's output file. It splits in two: the first process ends as soon as Terraform
has been started, so that the wizard has nothing to reap; the second waits for Terraform and leaves
`exit.json`. The wizard may be killed meanwhile: nothing here depends on it. Signals that hit the whole
session do not end this process, so that the exit status is always told.

Files in FOLDER (0700), each 0600 and replaced as a whole:
    process.json  {"pid", "started_at", "supervisor_pid", "supervisor_started_at"}
    exit.json     {"exit_code", "seconds"}; a negative exit code is the signal that ended Terraform
TEMPORARY is Terraform's own TMPDIR; it is removed when Terraform has ended, since plugins leave sockets
behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from workflows.services.processes import disable_core_dumps, process_started_at, write_record


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing. A handler, not SIG_IGN: that would be inherited, and Terraform must hear its SIGINT."""


def supervise(folder: Path, temporary: Path, argv: list[str], started: int) -> None:
    """Run `argv` to its end and record how it ended; `started` is closed once it runs."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, _ignore)
    disable_core_dumps()
    began = time.monotonic()
    try:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.stderr.flush()
        exit_code = 127
    else:
        record = {
            "pid": process.pid,
            "started_at": process_started_at(process.pid),
            "supervisor_pid": os.getpid(),
            "supervisor_started_at": process_started_at(os.getpid()),
        }
        write_record(folder / "process.json", record)
        os.close(started)
        exit_code = process.wait()
    shutil.rmtree(temporary, ignore_errors=True)
    write_record(folder / "exit.json", {"exit_code": exit_code, "seconds": time.monotonic() - began})


def main(folder: Path, temporary: Path, argv: list[str]) -> int:
    """Split in two, and return in the first process when Terraform runs (or could not be started)."""
    wait_for_start, started = os.pipe()
    if os.fork() == 0:
        os.close(wait_for_start)
        supervise(folder, temporary, argv, started)
        return 0
    os.close(started)
    os.read(wait_for_start, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
