"""The small file primitives that everybody uses, so that no file is ever lost, torn or readable by others.

A file is written beside its target, synced and renamed over it: whoever looks and whatever kills the process,
it is the old file or the new one. What goes wrong is told with the path and with what to do.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workflows.errors import OnboardError

BACKUPS_KEPT = 10

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


@dataclass(frozen=True)
class FileWrite:
    """One file to write.

    Attributes:
        path: the target; a link stays one, and what it points to is written.
        data: the whole new content.
        mode: the mode of the new file.
        keep_mode: True keeps the mode of a target that exists.
    """

    path: Path
    data: bytes
    mode: int = 0o600
    keep_mode: bool = False


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600, keep_mode: bool = False) -> None:
    """Write a whole file so that it is the old one or the new one, never a part; synced to the disk.

    Args:
        path: the target, in a folder that exists; a link stays one, and what it points to is written.
        data: the whole new content.
        mode: the mode of the new file.
        keep_mode: True keeps the mode of a target that exists.

    Raises:
        FileError: it cannot be written; the target is as it was and no temporary file is left. (Where only
            the last step fails, syncing the folder, the new file is in place.)
    """
    write_all_atomically([FileWrite(path, data, mode=mode, keep_mode=keep_mode)])


def write_all_atomically(writes: Sequence[FileWrite]) -> None:
    """Write several files, all or none: each is complete on the disk before the first takes its place.

    A kill between two renames leaves the earlier files new and the later ones old, so order them such that
    this is sound. A failure there puts the earlier ones back.

    Raises:
        FileError: one cannot be written; every target is as it was and no temporary file is left. (Where only
            the last step fails, syncing the folder, the new files are in place.)
    """
    with contextlib.ExitStack() as cleanup:
        staged = []
        for write in writes:
            with explained(write.path, "written"):
                target = _target(write.path)
                temporary = _stage(target, write)
                cleanup.callback(temporary.unlink, missing_ok=True)
                former = _copy_of(target) if len(writes) > 1 else None
                if former is not None:
                    cleanup.callback(former.unlink, missing_ok=True)
            staged.append((write.path, target, temporary, former))
        with contextlib.ExitStack() as undo:
            for path, target, temporary, former in staged:
                with explained(path, "written"):
                    temporary.replace(target)
                if former is not None:
                    undo.callback(former.replace, target)
                elif len(writes) > 1:
                    undo.callback(target.unlink)
            undo.pop_all()
        for folder in {target.parent for _, target, _, _ in staged}:
            with explained(folder, "synced to the disk"):
                _sync_folder(folder)


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
        _sync_folder(path.parent)
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


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files beside a target that killed writers of it left; they may hold secrets.

    Call it only while no other process can be writing the target, for example in `locked_folder`.

    Raises:
        FileError: one cannot be removed.
    """
    with explained(path, "cleaned up"):
        target = _target(path)
        pattern = re.compile(re.escape(f".{target.name}.") + r"[a-z0-9_]{8}\.(?:tmp|old)")
        for candidate in list(target.parent.iterdir()) if target.parent.is_dir() else []:
            if pattern.fullmatch(candidate.name):
                candidate.unlink(missing_ok=True)


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
        raise FileError(
            "This is not a text file",
            f"{path} cannot be read as UTF-8 text: byte {error.start + 1} does not fit.",
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


def _target(path: Path) -> Path:
    """Where a write goes: through a symbolic link, to what it points to."""
    if not path.is_symlink():
        return path
    try:
        return path.resolve(strict=True)
    except FileNotFoundError:
        return path.resolve()
    except RuntimeError:  # for a loop; from Python 3.13 on it is an OSError, and only where it is strict
        raise OSError(errno.ELOOP, "a loop of links", str(path)) from None


def _stage(target: Path, write: FileWrite) -> Path:
    """The complete new content beside its target, synced."""
    mode = write.mode
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder", str(target))
    if write.keep_mode and target.exists():
        mode = stat.S_IMODE(target.stat().st_mode)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(write.data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _copy_of(target: Path) -> Path | None:
    """A copy of what is at the target now, to put back if a later file fails; None where nothing is there."""
    if not target.exists():
        return None
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent)
    os.close(descriptor)
    copy = Path(name)
    try:
        shutil.copy2(target, copy)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return copy


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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
