"""One process owns a session: an advisory lock that the system releases when the process dies."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import cause_of, load_file
from workflows.core.locks import FileLock


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


class NotLockable(OnboardError):  # noqa: N818 - a state, shown to a person
    """A session's lock file can't be opened, or its file system has no locks."""


class SessionLock(FileLock):
    """A lock on a session's folder, held until `release()` or the end of the process.

    Args:
        path: the lock file, made with mode 0600; it holds the owner's process id and host, and stays behind.

    Raises:
        SessionInUse: another process holds it.
        NotLockable: the file can't be opened, or its file system has no locks.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            if self.try_acquire():
                path.write_text(f"{os.getpid()} {os.uname().nodename}")
                return
            pid, _, host = load_file(path, 512).decode(errors="replace").partition(" ")
            since = datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone()
        except OSError as error:
            self.release()
            raise NotLockable(
                "Can't lock this session",
                f"{path} can't be used as a lock.",
                why=cause_of(error),
                next="Check that the folder exists, is yours, and is on a local disk with room.",
            ) from error
        raise SessionInUse(int(pid) if pid.isascii() and pid.isdigit() else None, host, since)
