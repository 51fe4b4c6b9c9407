"""The small file primitives that everybody uses, so that no file is ever lost, torn or readable by others.

A file is written beside its target, synced and renamed over it: whoever looks and whatever kills the process,
it is the old file or the new one. What goes wrong is told with the path and with what to do.
"""

from __future__ import annotations

from workflows.core.files.backups import BACKUPS_KEPT, backups, timestamped_backup
from workflows.core.files.causes import FileError, explained
from workflows.core.files.folders import locked_folder, private_folder
from workflows.core.files.reading import read_bytes, read_text
from workflows.core.files.writing import (
    FileWrite,
    remove_leftovers,
    write_all_atomically,
    write_atomically,
)

__all__ = [
    "BACKUPS_KEPT",
    "FileError",
    "FileWrite",
    "backups",
    "explained",
    "locked_folder",
    "private_folder",
    "read_bytes",
    "read_text",
    "remove_leftovers",
    "timestamped_backup",
    "write_all_atomically",
    "write_atomically",
]
