"""A tiny parent for Terraform that outlives the wizard: it waits, and writes the exit status to a file.

Run as `python -I -S supervisor.py FOLDER TEMPORARY TELL GO PROGRAM ARGUMENT…`, in its own session, with empty
stdin, and stdout and stderr redirected to the run's output file. It forks: the first process ends at once, so
that the wizard has nothing to reap; the second waits for Terraform and writes `exit.json` to FOLDER (0600,
replaced atomically): {"exit_code"}, the negated signal if one ended Terraform. The wizard may be killed
meanwhile: nothing here depends on it. Signals to the whole session don't end this process, so the exit status
is always recorded.

TEMPORARY is Terraform's own TMPDIR, removed when Terraform has ended, since plugins leave sockets.

Terraform never runs unrecorded: the process that will become Terraform waits. TELL and GO are pipe
descriptors. TELL gets its process id and the supervisor's; once the wizard has both on the disk, it writes a
byte to GO. If it can't, or is killed before, GO is closed, and the waiting process ends. Then the description
of the run is removed, so that it doesn't count as started, and so is the empty TEMPORARY.
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
    """Do nothing. A handler, not SIG_IGN: that would be inherited, and Terraform must get its SIGINT."""


def supervise(folder: str, temporary: str, argv: list[str], tell: int, go: int) -> None:
    """Run `argv` to its end and record its exit status.

    Args:
        folder: the run's folder.
        temporary: Terraform's TMPDIR.
        argv: the program and its arguments.
        tell: a pipe that gets the two process ids, separated by a blank.
        go: a pipe with one byte once they are recorded, or nothing.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Default signal handlers until the fork, so that a SIGINT ends the process that is still waiting.
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
    # `may_start` is still open here, so this can't fail even if the waiting process has ended.
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
            continue  # not written yet, or removed by the failed wizard


def _become(argv: list[str], may_start: int) -> NoReturn:
    """Wait for the go, then become the program; end without the go, or if there is no such program."""
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
    from workflows.core.files import replace_file  # noqa: PLC0415 - as above

    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # Recorded last: when it appears, nothing is left over.
    shutil.rmtree(temporary, ignore_errors=True)
    replace_file(Path(folder, "exit.json"), b'{"exit_code": %d}' % exit_code)


def main(folder: str, temporary: str, tell: str, go: str, *argv: str) -> None:
    """Fork, and return in the first process."""
    if os.fork() == 0:
        supervise(folder, temporary, [*argv], int(tell), int(go))


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)  # the wizard waits for this
