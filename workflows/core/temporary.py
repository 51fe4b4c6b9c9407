"""Short-lived private folders, removed after use or else at the program's next start."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workflows.core.files import FileError, explained
from workflows.core.processes import process_started_at

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_NAME = re.compile(r"io\.([1-9][0-9]{0,8})\.[^.]+")


@contextlib.contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """Create a folder with mode 0700, the pid in its name, and a path short enough for sockets.

    Args:
        parent: the folder to create it in; None for the system's temporary folder.

    Raises:
        FileError: there is no folder for temporary files, or it can't be written, now or during the block.
    """
    place, prefix = parent or Path(_system_folder()), f"io.{os.getpid()}."
    with explained(place, "written"):
        made = tempfile.mkdtemp(prefix=prefix, dir=place)
    try:
        yield Path(made)
    except OSError as error:
        if not _is_about(error, made):
            raise
        with explained(place, "written"):
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)  # whatever stays is removed at the next start


def _is_about(error: OSError, folder: str) -> bool:
    """Return whether an error concerns a file in the folder; a failed write names no file."""
    if error.filename is None:
        return error.errno in _FULL
    return os.fsdecode(error.filename).startswith(folder)


def _system_folder() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        raise FileError(
            "There is no place for temporary files",
            "iam-onboard can't write to any of the usual folders: TMPDIR, /tmp, /var/tmp, /usr/tmp.",
            why="They are missing, full or not writable, or files may not grow here (`ulimit -f`).",
            next="Set TMPDIR to a folder that you can write to, for example: export TMPDIR=~/tmp",
        ) from error


def remove_leftover_folders(parent: Path | None = None) -> None:
    """Remove the folders that this user's killed processes left; those that can't be removed stay.

    Args:
        parent: as for `temporary_folder`.
    """
    with contextlib.suppress(OSError), os.scandir(parent or tempfile.gettempdir()) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match and _is_own_folder(entry) and process_started_at(int(match[1])) is None:
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_own_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()
