"""One process has a session: an advisory lock that the system itself takes back when the process dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from workflows.core.errors import OnboardError


class SessionInUse(OnboardError):  # noqa: N818 - a state, told to a person
    """Another process has the session open.

    Attributes:
        pid: its process id, or None where it cannot be told.
    """

    def __init__(self, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            "This session is open elsewhere",
            f"It is in use by {who}.",
            next="Go on in that window, or quit it there (^q saves everything) and try again.",
        )
        self.pid = pid


class SessionLock:
    """A lock on a session's folder (`flock(2)`), held until `release()` or the end of the process.

    Args:
        path: the lock file, made with mode 0600; it holds the owner's process id and stays behind.

    Raises:
        SessionInUse: another process holds it.
        OnboardError: the file cannot be opened, or its file system knows no locks.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
        except BlockingIOError as error:
            owner = os.pread(self._descriptor, 32, 0)
            self._close()
            raise SessionInUse(int(owner) if owner.isdigit() else None) from error
        except OSError as error:
            self._close()
            raise OnboardError(
                "This session cannot be locked",
                f"{path} cannot be used as a lock.",
                why=str(error),
                next="Check that the folder is there, is yours, and is on a local disk with room.",
            ) from error

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._descriptor >= 0:
            # Unlocked first: a child that is just being started holds a copy of the descriptor for a moment.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
