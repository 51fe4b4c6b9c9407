"""One process owns a session: an advisory lock that the system releases when the process dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from workflows.core.files import FileError, explained, load_file
from workflows.core.locks import FileLock
from workflows.core.sentences import OnboardError


class SessionInUse(OnboardError):  # noqa: N818 - a state, shown to a person
    """Another process has the session open.

    Attributes:
        pid: its process id, or None if unknown.
    """

    def __init__(self, pid: int | None, host: str, since: datetime) -> None:
        who = f"Process {pid}{f' on {host}' if host else ''}" if pid else "Another process"
        super().__init__(
            "This session is open elsewhere",
            f"{who} has had it open since {since:%H:%M} on {since.day} {since:%B}.",
            next="Continue in that window, or quit it there (^q saves everything) and try again.",
        )
        self.pid = pid


class SessionLock(FileLock):
    """A lock on a session's folder, held until `release()` or the end of the process.

    Args:
        path: the lock file, made with mode 0600; it holds the owner's process id and host, and stays behind.

    Raises:
        SessionInUse: another process holds it.
        FileError: the file can't be opened, or its file system has no locks.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            with explained(path, "locked"):
                if self.try_acquire() or self._acquire_after_visit():
                    path.write_text(f"{os.getpid()} {os.uname().nodename}")
                    return
                pid, _, host = load_file(path, 512).decode(errors="replace").partition(" ")
                since = datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone()
        except FileError:
            self.release()
            raise
        raise SessionInUse(int(pid) if pid.isascii() and pid.isdigit() else None, host, since)

    def _acquire_after_visit(self) -> bool:
        """Wait while somebody visits the session, and try again."""
        with FileLock(self._path.parent):
            return self.try_acquire()


@contextmanager
def visited(path: Path) -> Iterator[bool]:
    """Lock a session for a moment, and yield whether nobody has it open; opening it waits for the end.

    Args:
        path: the lock file.

    Raises:
        FileError: as for `SessionLock`.
    """
    visit, lock = FileLock(path.parent), FileLock(path)
    try:
        yield visit.try_acquire() and lock.try_acquire()
    finally:
        lock.release()
        visit.release()
