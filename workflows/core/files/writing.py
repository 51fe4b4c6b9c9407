"""Writing files whole: each is complete beside its target, synced, and renamed over it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workflows.core.files.causes import explained
from workflows.core.files.folders import sync_folder


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
    this is sound; a file may be there twice, with what it holds meanwhile first. A failure there puts the
    earlier ones back.

    Raises:
        FileError: one cannot be written; every target is as it was and no temporary file is left. (Where only
            the last step fails, syncing the folder, the new files are in place.)
    """
    with contextlib.ExitStack() as cleanup:
        staged = []
        for write in writes:
            with explained(write.path, "written"):
                target = _target(write.path)
            with explained(target, "written"):
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
                    undo.callback(target.unlink, missing_ok=True)
            undo.pop_all()
        for folder in {target.parent for _, target, _, _ in staged}:
            with explained(folder, "synced to the disk"):
                sync_folder(folder)


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
