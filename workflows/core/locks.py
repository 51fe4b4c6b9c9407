"""Advisory locks, `flock(2)`, on files and folders: the system drops them with the process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from workflows.core.files import explained


class FileLock:
    """A lock on a file of its own, made with mode 0600 and left behind, or on a folder.

    The descriptor is not inherited by the programs that this process starts, so the lock says that *this*
    process is alive, nothing else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, *, shared: bool = False) -> None:
        """Take the lock and wait for it as long as it needs.

        Raises:
            OSError: the file cannot be opened, or its file system knows no locks.
        """
        self._take(fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Take the lock if that needs no waiting, and say whether that worked.

        Raises:
            OSError: as for `acquire`.
        """
        try:
            self._take((fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let go of the lock; letting go twice is allowed."""
        if self._descriptor is not None:
            # Unlocked first: a child that is just being started holds a copy of the descriptor for a moment.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, operation: int) -> None:
        self.release()
        how = os.O_RDONLY if self._path.is_dir() else os.O_RDWR | os.O_CREAT
        descriptor = os.open(self._path, how | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, operation)
        except BaseException:  # Ctrl-C while it waits, too: nobody else would close the descriptor
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        if self._descriptor is None:
            self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@contextlib.contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Hold a folder for this process alone while files in it are read and written; leaves no lock file.

    Waits for another process that holds it.

    Raises:
        FileError: the folder cannot be opened or locked.
    """
    lock = FileLock(path)
    with explained(path, "locked"):
        lock.acquire()
    with lock:
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds the lock of that file."""
    probe = FileLock(path)
    try:
        return not probe.try_acquire()
    finally:
        probe.release()


def is_shared(path: Path) -> bool:
    """Whether some process holds the lock of that file as one of several that may."""
    probe = FileLock(path)
    try:
        return not probe.try_acquire() and probe.try_acquire(shared=True)
    finally:
        probe.release()
