"""Notices the access key file that the browser downloads, so that nobody has to look for it.

The folder is looked at again and again: it may be on any file system, and a look takes a millisecond. Only a
regular file in the folder itself counts, never a link, since what is found is read and later deleted.
"""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

from workflows.core.files import explained

LARGEST = 16_384
CLOCK_GRAIN_SECONDS = 2
"""File systems keep times as coarsely as this, so a new file can seem a little older than it is."""
_HEADER = "accesskeyid"
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def find_access_keys(folder: Path, since: datetime) -> list[Path]:
    """The files in the folder, written since then, that look like an access key; the newest first.

    That is: the name ends in .csv (in any case), at most 16 KiB, its first line names an access key id in
    any of the forms that browsers and spreadsheets leave, and a line follows it.
    """
    earliest = since.timestamp() - CLOCK_GRAIN_SECONDS
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _may_be_one(entry.name) and entry.is_file(follow_symlinks=False):
                    written = entry.stat(follow_symlinks=False).st_mtime
                    if written >= earliest and looks_like_access_key(Path(entry.path)):
                        found.append((written, Path(entry.path)))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    return [path for _, path in sorted(found, reverse=True)]


def looks_like_access_key(path: Path) -> bool:
    """Whether the file has the header of an access key file and a line below it; False if unreadable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= LARGEST:
            return False
        lines = [line for line in _decoded(stream.read(LARGEST)).splitlines() if line.strip()]
    return len(lines) >= 2 and _HEADER in "".join(lines[0].casefold().split())


def delete_access_key_file(path: Path) -> str:
    """Delete the downloaded file; a link is removed as such, never what it points to.

    The data is not overwritten: on today's disks and file systems that does not reach the old blocks.

    Returns:
        What was done and where copies may remain, for the person.

    Raises:
        FileError: it cannot be deleted.
    """
    with explained(path, "deleted"):
        path.unlink()
    return (
        f"{path.name} is deleted. Copies may remain where this program cannot reach: a backup, a synchronised"
        " folder, unused blocks of the disk. If you doubt it, rotate the key."
    )


def _may_be_one(name: str) -> bool:
    """A finished CSV file by its name: browsers write to `….csv.crdownload` or `….csv.part` first."""
    lowered = name.lower()
    return lowered.endswith(".csv") and not lowered.startswith((".", "~"))


def _decoded(data: bytes) -> str:
    unmarked = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be" if data[:1] == b"\0" else "utf-8"
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), unmarked)
    return data.decode(encoding, errors="replace")
