"""What went wrong with a file, told with its path, the cause in words and what to do."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from workflows.core.errors import OnboardError

_CAUSES = {
    errno.ENOSPC: ("The disk is full.", "Make room, then try again. Nothing was changed."),
    errno.EDQUOT: ("Your disk quota is used up.", "Make room, then try again. Nothing was changed."),
    errno.EACCES: (
        "You do not have the permission.",
        "Look at `ls -ld` of the path: who owns it, and what is its mode?",
    ),
    errno.EPERM: (
        "You do not have the permission.",
        "Look at `ls -ld` of the path: who owns it, and what is its mode?",
    ),
    errno.EROFS: ("The file system is read-only.", "Choose another place, or mount it writable."),
    errno.ENOENT: ("There is no such file or folder.", "Check the path."),
    errno.ENOTDIR: (
        "A part of the path is a file, not a folder.",
        "Move that file away, or choose another path.",
    ),
    errno.EISDIR: ("This is a folder, not a file.", "Give the path of a file."),
    errno.EEXIST: (
        "There is a file where a folder has to be.",
        "Move that file away, or choose another path.",
    ),
    errno.ELOOP: ("The path is a symbolic link that leads back to itself.", "Remove the link."),
}


class FileError(OnboardError):
    """A file or folder could not be read or written; says which, why, and what to do."""


@contextlib.contextmanager
def explained(path: Path, participle: str) -> Iterator[None]:
    """Turn an OSError into a `FileError` that names the path, the cause and what to do.

    Args:
        path: what it is about.
        participle: what could not be done: "read", "written".
    """
    try:
        yield
    except OSError as error:
        why, what_next = _CAUSES.get(
            error.errno or 0, (f"{error.strerror or error}.", "Check the path, then try again.")
        )
        raise FileError(
            "A file problem", f"{path} cannot be {participle}.", why=why, next=what_next
        ) from error
