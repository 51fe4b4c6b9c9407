"""Puts the profiles on the disk: both files or neither, private, with a backup that nothing overwrites."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from workflows.core import files
from workflows.core.files import FileWrite
from workflows.core.locks import locked_folder
from workflows.services.profiles.paths import ProfilePaths, profile_paths
from workflows.services.profiles.plan import WantedProfiles
from workflows.services.profiles.prepare import (
    EVERYTHING,
    MAX_BYTES,
    Decisions,
    Prepared,
    prepare,
    preview,
)
from workflows.services.profiles.record import record_bytes

__all__ = [
    "EVERYTHING",
    "MAX_BYTES",
    "Decisions",
    "Prepared",
    "ProfilePaths",
    "Written",
    "prepare",
    "preview",
    "profile_paths",
    "write_profiles",
]


@dataclass(frozen=True)
class Written:
    """What writing did.

    Attributes:
        paths: the two files.
        changed: the files that were written.
        backups: copies of what they were.
        tightened: files and folders whose mode let others in, and no longer does.
        added: names of new profiles.
        updated: names of profiles that had other values.
        removed: names of profiles that were taken out.
        kept: names of profiles that somebody changed by hand and that stay as they are.
    """

    paths: ProfilePaths
    changed: tuple[Path, ...]
    backups: tuple[Path, ...]
    tightened: tuple[Path, ...]
    added: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]


def write_profiles(
    paths: ProfilePaths, wanted: WantedProfiles, now: datetime, decided: Decisions = EVERYTHING
) -> Written:
    """Merge the profiles into both files on the disk.

    `credentials` takes its place first: a kill before `config` follows leaves a key that no profile uses yet.
    The record is written before both and after both, so that a kill in between is known by the next run.
    The folder is locked meanwhile, so several processes follow each other and none loses another's profiles.

    Args:
        paths: the two files; a symbolic link stays one.
        wanted: the profiles.
        now: the time for the backups' names, with a time zone.
        decided: what becomes of profiles that are there already; what somebody changed by hand after the
            decision was made stays as it is.

    Raises:
        FileError: a file cannot be read or written; both are as they were.
        ProfileFileError: a file is not what botocore accepts, or holds a profile twice.
        ValueError: a value holds a line break or another control character.
    """
    tightened = [paths.folder] if files.private_folder(paths.folder) else []
    with locked_folder(paths.folder):
        for path in (paths.credentials, paths.config, paths.record):
            files.remove_leftovers(path)
        prepared = prepare(paths, wanted, decided)
        pairs = (
            (paths.credentials, prepared.credentials_before, prepared.credentials),
            (paths.config, prepared.config_before, prepared.config),
        )
        changes = [(path, before, merged) for path, before, merged in pairs if merged.text != (before or "")]
        tightened += [path for path, before, _ in pairs if before is not None and _lax(path)]
        backups = [files.timestamped_backup(path, now) for path, before, _ in changes if before is not None]
        writes = [FileWrite(path, merged.text.encode()) for path, _, merged in changes]
        if prepared.record != prepared.record_before or prepared.interrupted:
            begun = FileWrite(paths.record, record_bytes(prepared.record_before, prepared.record))
            writes = [begun, *writes, FileWrite(paths.record, record_bytes(prepared.record))]
        files.write_all_atomically(writes)
        for path in tightened:
            if path != paths.folder and _lax(path):
                with files.explained(path, "made private"):
                    path.chmod(0o600)
    return Written(
        paths=paths,
        changed=tuple(path for path, _, _ in changes),
        backups=tuple(backups),
        tightened=tuple(tightened),
        added=prepared.config.added,
        updated=tuple(dict.fromkeys(prepared.config.updated + prepared.credentials.updated)),
        removed=prepared.config.removed,
        kept=prepared.kept,
    )


def _lax(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
