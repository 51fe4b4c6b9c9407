"""A tiny parent for Terraform that outlives the wizard: it waits, and writes the exit status into a file.

Run as `python -I -S supervisor.py FOLDER TEMPORARY TELL GO PROGRAM ARGUMENT…`, in a session of its own, with
stdin empty, and stdout and stderr already in the run's output file. It splits in two: the first process ends
at once, so that the wizard has nothing to reap; the second waits for Terraform and leaves `exit.json` in
FOLDER (0600, replaced as a whole): {"exit_code"}, negative for the signal that ended Terraform. The wizard
may be killed meanwhile: nothing here depends on it. Signals that hit the whole session do not end this
process, so that the exit status is always recorded.

TEMPORARY is Terraform's own TMPDIR; it is removed when Terraform has ended, since plugins leave sockets.

No Terraform runs that is not noted: the process that will become Terraform waits. TELL and GO are
descriptors of pipes. Into TELL go its process id and the supervisor's; once the wizard has both on the disk,
it writes a byte into GO. Where it can't, or is killed before, GO ends, and so does the waiting process; what
describes the run is removed, so that nobody takes it for one that was begun, and TEMPORARY, which is empty.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing. A handler, not SIG_IGN: that would be inherited, and Terraform must hear its SIGINT."""


def supervise(folder: str, temporary: str, argv: list[str], tell: int, go: int) -> None:
    """Run `argv` to its end and record how it ended.

    Args:
        folder: the run's folder.
        temporary: Terraform's TMPDIR.
        argv: the program and its arguments.
        tell: a pipe that gets the two process ids, separated by a blank.
        go: a pipe that gives one byte once they are noted, or nothing.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Until the fork the signals do what they do by default: a SIGINT ends the process that only waits yet.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    may_start, let_start = os.pipe()
    pid = os.fork()
    if pid == 0:
        for end in (let_start, tell, go):
            os.close(end)
        _become(argv, may_start)
    for number in SIGNALS:
        signal.signal(number, _ignore)
    os.write(tell, f"{pid} {os.getpid()}".encode())
    os.close(tell)
    noted = os.read(go, 1)
    # `may_start` is still open here too, so that this cannot fail if the waiting process was ended meanwhile.
    os.write(let_start, noted)
    os.close(let_start)
    os.close(may_start)
    if noted:
        _note_the_end(folder, temporary, pid)
        return
    for remove, path in ((os.unlink, f"{folder}/run.json"), (os.rmdir, temporary)):
        try:
            remove(path)
        except FileNotFoundError:
            continue  # it wasn't written yet; a wizard that only failed removes both itself


def _become(argv: list[str], may_start: int) -> NoReturn:
    """Wait for the word, then be the program; without the word, or if there is no such program, end."""
    if not os.read(may_start, 1):
        os._exit(1)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - an argument list, as everywhere
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _note_the_end(folder: str, temporary: str, pid: int) -> None:
    import shutil  # noqa: PLC0415 - loaded while there is time
    from pathlib import Path  # noqa: PLC0415 - as above

    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from workflows.core.processes import write_record  # noqa: PLC0415 - as above

    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # Noted last: whoever waits for it finds nothing left.
    shutil.rmtree(temporary, ignore_errors=True)
    write_record(Path(folder, "exit.json"), {"exit_code": exit_code})


def main(folder: str, temporary: str, tell: str, go: str, *argv: str) -> None:
    """Split in two, and return in the first process."""
    if os.fork() == 0:
        supervise(folder, temporary, [*argv], int(tell), int(go))


if __name__ == "__main__":
    main(*sys.argv[1:])
