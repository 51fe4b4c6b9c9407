"""Folders that only their owner may enter, that one process holds alone, and that are synced."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from workflows.core.files.causes import explained


def private_folder(path: Path) -> bool:
    """Make sure that a folder is there and that only its owner can enter it (0700), its new parents likewise.

    Returns:
        True when the folder was there with a laxer mode, which was tightened.

    Raises:
        FileError: it cannot be made or tightened, or a file is in the way.
    """
    with explained(path, "made private"):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        status = path.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise FileExistsError(errno.EEXIST, "not a folder", str(path))
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o077:
            path.chmod(mode & 0o700)
            return True
        return False


@contextlib.contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Hold a folder for this process alone while files in it are read and written; leaves no lock file.

    Waits for another process that holds it. The lock is advisory and ends with the process.

    Raises:
        FileError: the folder cannot be opened.
    """
    with explained(path, "locked"):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make sure that new, renamed and removed names in a folder are on the disk.

    Raises:
        OSError: the folder cannot be opened or synced.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
