"""A program in a child process that is killed, or whose disk fails, at any of its acts.

An act changes something outside the process: opening a file for writing, a write, an fsync, a rename, a
removal, a new folder, the start of a child. Most acts are audit events of Python; `os.write` and `os.fsync`
are wrapped. A write counts twice: before it and in its middle.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import faulthandler
import os
import re
import selectors
import signal
import stat
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

import psutil
from support.fork_server import ForkServer

_CHANGES = {
    "os.rename": "rename to",
    "os.remove": "remove",
    "os.mkdir": "make folder",
    "os.rmdir": "remove folder",
    "os.link": "link",
    "os.symlink": "link",
    "os.truncate": "cut",
    "os.chmod": "chmod",
}
_TO_ANOTHER = ("os.rename", "os.link", "os.symlink")
_STARTS = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_NO_FILES = re.compile(
    r"/dev/(?!shm/)|/proc|/sys|pipe:|socket:|anon_inode:"
)  # the folders of tests are in /dev/shm
_OF_ITS_OWN = re.compile(
    r"(?<=^io)[.-].*|(?<=^tmp)\w{8}$|(?<=\.)\w{8}(?=\.(tmp|old|new)$)|[0-9a-fA-F-]{8,}|\d+"
)
"""Matches the parts of names that differ in each run: of temporary folders and files, numbers, times."""
_HERE = "here: "
ALIKE = 3
"""The number of times that an act counts as a new place in one stage of a life."""
_SUBREAPER = 36
_SECONDS_TO_END = 30.0
_SILENT_SECONDS = 300.0
"""The time without output or acts after which a child counts as stuck, on the busiest machine."""
OF_GPG = ("gpg-agent", "scdaemon", "keyboxd", "dirmngr")
"""Daemons that gpg starts, and that outlive the process."""

At = Callable[[str], None]
"""Called before each act; it may end the process, or raise an error."""


@dataclass(frozen=True)
class Life:
    """The life of a child that has ended.

    Attributes:
        code: the exit code; None if the child was killed.
        acts: the acts, including the one before which it was killed.
        said: its standard output and standard error.
    """

    code: int | None
    acts: tuple[str, ...]
    said: str

    @property
    def killed(self) -> bool:
        return self.code is None

    @property
    def place(self) -> str:
        """Return the act at which `KilledAnew` or `FailingAnew` struck, or ""."""
        return next((act.removeprefix(_HERE) for act in self.acts if act.startswith(_HERE)), "")


class Killed:
    """Kills the process at its n-th act."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, _act: str) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class KilledAnew:
    """Kills the process at its first act that is not in `known`, so that each place is tried once.

    Attributes:
        stage: the current part of the program; acts in different stages are different. While it is "", acts
            do not count.
    """

    def __init__(self, known: set[str]) -> None:
        self.stage = ""
        self._known = known
        self._times: Counter[str] = Counter()

    def __call__(self, act: str) -> None:
        if not self.stage:
            return
        key = f"{self.stage}: {act}"
        self._times[key] += 1
        place = f"{key} ({min(self._times[key], ALIKE)})"
        if place not in self._known:
            os.write(_report, f"{_HERE}{place}\n".encode())
            self.meet(act)

    def meet(self, _act: str) -> None:
        """Handle an act that is not in `known`."""
        os.kill(os.getpid(), signal.SIGKILL)


class Failing:
    """Makes the disk fail from the n-th act on.

    Args:
        number: the first act that fails, among those that need the disk.
        error: ENOSPC, EROFS or EACCES.
    """

    def __init__(self, number: int, error: int) -> None:
        self._left = number
        self._error = error

    def __call__(self, act: str) -> None:
        if needs_disk(act, self._error):
            self._left -= 1
            if self._left <= 0:
                raise OSError(self._error, os.strerror(self._error))


def needs_disk(act: str, error: int) -> bool:
    """Return whether the act fails on a disk with this error; a full disk can still rename and remove."""
    free = ("start", "remove", "rename", "cut", "chmod") if error == errno.ENOSPC else ("start",)
    return not act.startswith(free)


class FailingAnew(KilledAnew):
    """Makes the disk fail from the first act on that is not in `known`."""

    def __init__(self, known: set[str], error: int) -> None:
        super().__init__(known)
        self._disk: Failing | None = None
        self._error = error

    def __call__(self, act: str) -> None:
        if self._disk is not None:
            self._disk(act)
        elif needs_disk(act, self._error):
            super().__call__(act)

    def meet(self, act: str) -> None:
        self._disk = Failing(1, self._error)
        self._disk(act)


_report = -1


@cache
def fork_server() -> ForkServer:
    """Return the process that forks the children; its users must call `end_fork_server`."""
    return ForkServer()


def end_fork_server() -> None:
    """End the fork server, if it was started."""
    if fork_server.cache_info().currsize:
        fork_server().close()
        fork_server.cache_clear()


def live(run: Callable[[], int], at: At | None = None) -> Life:
    """Run a function in a child process, and return its life.

    Args:
        run: the function, which returns the exit code; it is pickled together with `at`.
        at: called in the child before each of its acts.
    """
    acts, report = os.pipe()
    words, output = os.pipe()
    child = fork_server().fork(partial(_live, run, at or _nothing), report, output)
    os.close(report)
    os.close(output)
    done, said = _read_both(child, acts, words)
    status = fork_server().wait()
    code = None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)
    assert code is not None or os.WTERMSIG(status) == signal.SIGKILL, said
    return Life(code, tuple(done.splitlines()), said)


def _nothing(_act: str) -> None: ...


def _live(run: Callable[[], int], at: At, report: int, output: int) -> NoReturn:
    """Run the function in the child. It starts processes without vfork: with it, a new process shares the
    locks of its parent until it executes a program, and waits for them forever if the parent was killed.
    """
    global _report  # noqa: PLW0603 - of this child only
    code = 70
    try:
        for standard in (1, 2):
            os.dup2(output, standard)
        os.close(output)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - open as long as the child runs
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        faulthandler.enable(2)
        subprocess._USE_VFORK = False  # type: ignore[attr-defined]
        _report = report
        tempfile.gettempdir()  # Python tests the folder once, with a file of any name
        _watch(lambda act: (os.write(report, f"{act}\n".encode()), at(act)))
        code = run()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - the test searches for tracebacks
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _read_both(child: int, *pipes: int) -> list[str]:
    """Return the output of two pipes once both are closed; make a stuck child print a traceback and end."""
    found = dict.fromkeys(pipes, b"")
    with selectors.DefaultSelector() as waiting:
        for pipe in pipes:
            waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(_SILENT_SECONDS)
            if not ready:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGABRT)
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                found[key.fd] += data
                if not data:
                    waiting.unregister(key.fd)
                    os.close(key.fd)
    return [found[pipe].decode(errors="replace") for pipe in pipes]


def _watch(at: At) -> None:
    """Call `at` before every act of this process from now on."""
    busy = []

    def tell(act: str, path: object) -> None:
        if busy or not _counts(path):
            return
        busy.append(act)
        try:
            at(f"{act} {_name(path)}")
        finally:
            busy.pop()

    def heard(event: str, given: tuple[Any, ...]) -> None:
        if (act := _act_of(event, given)) is not None:
            tell(*act)

    write, fsync = os.write, os.fsync

    def written(descriptor: int, data: Any) -> int:
        if busy or not _is_file(descriptor):
            return write(descriptor, data)
        tell("write", descriptor)
        half = bytes(data)[: len(data) // 2]
        done = write(descriptor, half) if half else 0
        tell("write the rest of", descriptor)
        return done + write(descriptor, bytes(data)[done:])

    def synced(descriptor: int) -> None:
        tell("fsync", descriptor)
        fsync(descriptor)

    os.write, os.fsync = written, synced
    sys.addaudithook(heard)


def _act_of(event: str, given: tuple[Any, ...]) -> tuple[str, object] | None:
    """Return the act and the path of an audit event, or None if it is not an act."""
    if event == "open":
        return ("open", given[0]) if given[2] & _WRITING else None
    if event == "os.mkdir" and Path(_path(given[0])).exists():
        return None  # that fails, whatever the disk's state
    if event in _STARTS:
        words = given[1] if event == "subprocess.Popen" else given[0]
        return "start", words if isinstance(words, str) else os.fsdecode(words[0])
    if event in _CHANGES:
        return _CHANGES[event], given[event in _TO_ANOTHER]
    return None


def _is_file(descriptor: int) -> bool:
    return descriptor > 2 and stat.S_ISREG(os.fstat(descriptor).st_mode)


def _path(path: object) -> str:
    if isinstance(path, int):
        try:
            return str(Path(f"/proc/self/fd/{path}").readlink())
        except OSError:
            return ""
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""


def _counts(path: object) -> bool:
    name = _path(path)
    return not _NO_FILES.match(name) and "__pycache__" not in name


def _name(path: object) -> str:
    """Return the last two parts of a path, without what differs in each run."""
    return "/".join(_OF_ITS_OWN.sub("*", part) for part in Path(_path(path)).parts[-2:])


@contextmanager
def orphans_here() -> Iterator[Callable[[], list[str]]]:
    """Become the parent of orphaned processes; yield a function that describes those that do not end."""
    fork_server()  # start it first, as it is not an orphan
    library = ctypes.CDLL(None)
    if not hasattr(library, "prctl"):
        yield list
        return
    me, before = psutil.Process(), set(psutil.Process().children(recursive=True))

    def left() -> list[str]:
        mine = [process for process in me.children(recursive=True) if process not in before]
        _, alive = psutil.wait_procs(
            [process for process in mine if not _of_gpg(process)], timeout=_SECONDS_TO_END
        )
        return [" ".join(process.cmdline()) for process in alive]

    library.prctl(_SUBREAPER, 1)
    try:
        yield left
    finally:
        library.prctl(_SUBREAPER, 0)


def _of_gpg(process: psutil.Process) -> bool:
    try:
        return process.name() in OF_GPG
    except psutil.Error:
        return False
