"""Copies of a file before it is changed, named by the time, never over another one."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from workflows.core.files.causes import explained
from workflows.core.files.folders import sync_folder

BACKUPS_KEPT = 10
"""So many backups of one file are kept, the newest."""


def timestamped_backup(path: Path, now: datetime) -> Path:
    """Copy a file to `NAME.backup-20260131T235959Z` beside it (0600), never over another one; ten are kept.

    Args:
        path: a file that exists.
        now: the time for the name, with a time zone.

    Returns:
        The path of the copy.

    Raises:
        FileError: the file cannot be read, or the copy cannot be written.
    """
    with explained(path, "backed up"):
        data = path.read_bytes()
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        backup, descriptor = _new_backup(path, stamp)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        except BaseException:
            backup.unlink(missing_ok=True)
            raise
        for old in backups(path)[:-BACKUPS_KEPT]:
            old.unlink(missing_ok=True)
        sync_folder(path.parent)
    return backup


def backups(path: Path) -> list[Path]:
    """The backups of a file that `timestamped_backup` made, oldest first."""
    pattern = re.compile(re.escape(path.name) + r"\.backup-(\d{8}T\d{6}Z)(?:-(\d+))?")
    found = [
        (match[1], int(match[2] or 1), candidate)
        for candidate in path.parent.iterdir()
        if (match := pattern.fullmatch(candidate.name))
    ]
    return [candidate for _, _, candidate in sorted(found)]


def _new_backup(path: Path, stamp: str) -> tuple[Path, int]:
    """The first free name for a backup, created, and its descriptor."""
    number = 1
    while True:
        suffix = "" if number == 1 else f"-{number}"
        backup = path.with_name(f"{path.name}.backup-{stamp}{suffix}")
        try:
            return backup, os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
