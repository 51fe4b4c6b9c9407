"""Reading whole files, no larger than what is expected of them."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from workflows.core.files.causes import FileError, explained


def read_text(path: Path, limit: int) -> str:
    """The text of a UTF-8 file, its line ends as they are.

    Args:
        path: a regular file, or a symbolic link to one.
        limit: the most bytes that are accepted.

    Raises:
        FileError: it is not there, no regular file, larger than that, unreadable, or no UTF-8 text.
    """
    data = read_bytes(path, limit)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(
            "This is not a text file",
            f"{path} cannot be read as UTF-8 text: byte {error.start + 1}, in line {line}, does not fit.",
            next="Check that it is the right file, or save it as UTF-8.",
        ) from None


def read_bytes(path: Path, limit: int) -> bytes:
    """The bytes of a file.

    Args:
        path: a regular file, or a symbolic link to one.
        limit: the most bytes that are accepted.

    Raises:
        FileError: it is not there, no regular file, larger than that, or unreadable.
    """
    with explained(path, "read"):
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "a folder", str(path))
        if not stat.S_ISREG(status.st_mode):
            raise FileError(
                "This is not a file",
                f"{path} is a device, a pipe or a socket.",
                next="Give the path of a regular file.",
            )
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    if len(data) > limit:
        raise FileError(
            "This file is too large",
            f"{path} has more than {limit:,} bytes, the most that is accepted here.",
            next="Check that it is the right file.",
        )
    return data
