"""Advisory locks, `flock(2)`, on files and folders; the system releases them when the process ends."""

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
    """A lock on a folder, or on its own lock file, which it creates (0600) and leaves behind.

    Child processes don't inherit the descriptor, so the lock only says that *this* process is alive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, *, shared: bool = False) -> None:
        """Take the lock, waiting as long as necessary.

        Raises:
            FileError: the file cannot be opened, or its file system has no locks.
        """
        with explained(self._path, "locked"):
            self._take(fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Take the lock without waiting, and return whether that worked.

        Raises:
            FileError: as for `acquire`.
        """
        with explained(self._path, "locked"), contextlib.suppress(BlockingIOError):
            self._take((fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return True
        return False

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._descriptor is not None:
            # Unlock before closing: a child being started holds a copy of the descriptor for a moment.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, operation: int) -> None:
        self.release()
        how = os.O_RDONLY if self._path.is_dir() else os.O_RDWR | os.O_CREAT
        descriptor = os.open(self._path, how | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, operation)
        except BaseException:  # including Ctrl-C while waiting: nothing else closes the descriptor
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
    """Lock a folder for this process while it reads and writes files there; leaves no lock file.

    Waits while another process holds the lock.

    Raises:
        FileError: the folder cannot be opened or locked.
    """
    with FileLock(path):
        yield


def is_held(path: Path) -> bool:
    """Return whether any process holds the file's lock."""
    probe = FileLock(path)
    try:
        return not probe.try_acquire()
    finally:
        probe.release()


def is_shared(path: Path) -> bool:
    """Return whether any process holds the file's lock, shared."""
    probe = FileLock(path)
    try:
        return not probe.try_acquire() and probe.try_acquire(shared=True)
    finally:
        probe.release()
