"""Read and write whole files so that none is lost, torn or readable by others.

A file is written beside its target, synced and renamed over it. Whatever kills the process, a reader finds
the old file or the new one. Errors name the path, the cause and what to do.

This module imports little, and only from the standard library: Terraform's supervisor has nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workflows.core.sentences import OnboardError, Sentence, joined

if TYPE_CHECKING:
    from datetime import datetime

BACKUPS_KEPT = 10
"""How many backups of one file are kept; the oldest are removed."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
OWN_LIMIT = 100_000_000
"""Maximum bytes of a file that this program wrote itself (a journal, a record) or is about to replace."""

_UNSAFE = re.compile(r"[^A-Za-z0-9.@_-]+")
_NO_ROOM = "Make room, then try again. Nothing was changed."
_NO_PERMISSION = (
    "You don't have permission.",
    "Check with `ls -ld` who owns the path, and what its mode is.",
)
_CAUSES = {
    errno.ENOSPC: ("The disk is full.", _NO_ROOM),
    errno.EDQUOT: ("Your disk quota is used up.", _NO_ROOM),
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: ("The file system is read-only.", "Choose another place, or mount it writable."),
    errno.ENOENT: ("There is no such file or folder.", "Check the path."),
    errno.ENOTDIR: (
        "Part of the path is a file, not a folder.",
        "Move that file away, then try again.",
    ),
    errno.EISDIR: ("This is a folder, not a file.", "Move the folder away, or give the path of a file."),
    errno.ENXIO: (  # opening a socket raises this
        "It is a device, a pipe or a socket.",
        "Replace it with a regular file, or give the path of one.",
    ),
    errno.EEXIST: (
        "There is a file where a folder should be.",
        "Move that file away, then try again.",
    ),
    errno.ELOOP: ("The path is a symbolic link that leads back to itself.", "Remove the link."),
}


class FileError(OnboardError):
    """A file or folder could not be read or written; names it, the cause and what to do."""

    field = "path"

    @property
    def brief(self) -> Sentence:
        """As of every error, but with the cause in place of the title, which names none."""
        return self.sentences


class NotSynced(FileError):  # noqa: N818 - it says what is missing
    """A file is in place, but its folder could not be synced: a power failure may lose the file."""

    def risk(self, what: Sentence) -> Sentence:
        """A warning that `what`, which the file holds, may be lost."""
        return f"A power failure may lose {what}: {joined((self.what, self.why))}"


class NotAccepted(OSError):  # noqa: N818 - it says what is wrong
    """A readable file that this program rejects: it is too large or nested too deeply.

    Attributes:
        why: what is wrong with the file.
    """

    def __init__(self, path: Path, why: Sentence) -> None:
        super().__init__(errno.EINVAL, "not accepted", str(path))
        self.why = why


def expanded(text: str) -> Path:
    """Return the path with `~` expanded; an unknown user's `~name` stays as it is."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises for an unknown user


@contextlib.contextmanager
def explained(path: Path, participle: str, kind: type[FileError] = FileError) -> Iterator[None]:
    """Turn an OSError into a `FileError` that names the path, the cause and what to do.

    Args:
        path: the file or folder.
        participle: what could not be done: "read", "written".
    """
    try:
        yield
    except OSError as error:
        why, remedy = _cause_and_remedy(error)
        raise kind("File error", f"{path} can't be {participle}.", why=why, next=remedy) from error


def cause_of(error: OSError) -> Sentence:
    """The cause as a sentence, without error number and path."""
    return _cause_and_remedy(error)[0]


def _cause_and_remedy(error: OSError) -> tuple[Sentence, Sentence]:
    if isinstance(error, NotAccepted):
        return error.why, "Check that it is the right file."
    unknown = f"{error.strerror or error}.", "Check the path, then try again."
    return _CAUSES.get(error.errno or 0, unknown)


def is_there(path: Path) -> bool:
    """Return whether a file or folder exists; a link counts if its target exists.

    Raises:
        FileError: a parent folder can't be entered, so existence is unknown.
    """
    with explained(path, "read"):
        return path.exists()


def read_text(path: Path, limit: int) -> str:
    """Return the text of a UTF-8 file, line endings unchanged.

    Args:
        path: a regular file, or a symbolic link to one.
        limit: the maximum size in bytes.

    Raises:
        FileError: it is missing, not a regular file, too large, unreadable, or not UTF-8.
    """
    data = read_bytes(path, limit)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(
            "This isn't a text file",
            f"{path} isn't UTF-8 text: byte {error.start + 1}, in line {line}, is invalid.",
            next="Check that it is the right file, or save it as UTF-8.",
        ) from None


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the bytes of a file.

    Args:
        path: a regular file, or a symbolic link to one.
        limit: the maximum size in bytes.

    Raises:
        FileError: it is missing, not a regular file, too large, or unreadable.
    """
    with explained(path, "read"):
        return load_file(path, limit)


def load_file(path: Path, limit: int, *, follow: bool = True) -> bytes:
    """Return the bytes of a file as `read_bytes` does, for callers that explain failures themselves.

    Args:
        limit: the maximum size in bytes.
        follow: whether the path may be a symbolic link.

    Raises:
        NotAccepted: it is too large.
        OSError: it is missing, not a regular file, or unreadable.
    """
    with open_file(path, follow=follow) as stream:
        size = os.fstat(stream.fileno()).st_size
        data = stream.read(limit + 1) if size <= limit else b""  # files without a size (/proc) are read, too
    if size > limit or len(data) > limit:
        raise NotAccepted(path, f"It is larger than {limit:,} bytes, the most that iam-onboard accepts here.")
    return data


def open_file(path: Path, *, follow: bool = True) -> BufferedReader:
    """Open a regular file for reading, without ever blocking on a pipe or a device.

    Args:
        follow: whether the path may be a symbolic link.

    Raises:
        OSError: it is missing, not a regular file, or unreadable.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder", str(path))
    raise OSError(errno.ENXIO, "no regular file", str(path))


class FileWrite(NamedTuple):
    """One file to write.

    Attributes:
        path: the target; a link is followed and stays a link.
        data: the whole new content.
        mode: the mode of the new file, whatever the umask.
    """

    path: Path
    data: bytes
    mode: int = 0o600


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a whole file and sync it to the disk; readers see the old content or the new, never a part.

    Args:
        path: the target, in an existing folder; a link is followed and stays a link.
        data: the whole new content.
        mode: the mode of the new file, whatever the umask.

    Raises:
        FileError: it cannot be written; the target is unchanged and no temporary file is left.
        NotSynced: only syncing the folder failed; the new file is in place.
    """
    write_all_atomically([FileWrite(path, data, mode)])


def write_all_atomically(writes: Sequence[FileWrite]) -> None:
    """Write several files, all or none: every one is complete on the disk before the first is renamed.

    A kill between two renames leaves the earlier files new and the later ones old, so choose an order in
    which that is safe. A file may appear twice, with its interim content first. A failed rename restores the
    earlier files.

    Raises:
        FileError: one cannot be written; every target is unchanged and no temporary file is left.
        NotSynced: only syncing a folder failed; the new files are in place.
    """
    with staged(writes) as put:
        put()


@contextlib.contextmanager
def staged(writes: Sequence[FileWrite]) -> Iterator[Callable[[], None]]:
    """Write several files to the disk beside their targets, and remove those not put in place.

    Yields:
        A function that puts them in place as `write_all_atomically` does, even on a full disk.

    Raises:
        FileError: one cannot be written; every target is unchanged and no temporary file is left.
    """
    with contextlib.ExitStack() as stack:
        ready = []
        for write in writes:
            with explained(write.path, "written"):
                target = _target(write.path)
            with explained(target, "written"):
                temporary = stack.enter_context(_staged(target, write.data, write.mode))
                former = None
                if len(writes) > 1 and target.exists():
                    before = load_file(target, OWN_LIMIT)
                    former = stack.enter_context(_staged(target, before, None, "old"))
            ready.append((write.path, target, temporary, former))
        yield lambda: _put(ready)


def _put(ready: Sequence[tuple[Path, Path, Path, Path | None]]) -> None:
    """Put staged files in place, all or none: (path, target, staged file, copy of the old file)."""
    with contextlib.ExitStack() as undo:
        for path, target, temporary, former in ready:
            with explained(path, "written"):
                temporary.replace(target)
            if len(ready) > 1:
                undo.callback(_put_back, target, former)
        undo.pop_all()
    for folder in {target.parent for _, target, _, _ in ready}:
        with explained(folder, "synced to the disk", NotSynced):
            sync_folder(folder)


def _put_back(target: Path, former: Path | None) -> None:
    with explained(target, "put back as it was"):
        if former is None:
            target.unlink(missing_ok=True)
        else:
            former.replace(target)


def replace_file(path: Path, data: bytes, *, mode: int | None = 0o600, synced: bool = True) -> None:
    """Write a whole file as `write_atomically` does, for callers that explain failures themselves.

    Args:
        path: the target, in an existing folder; a link is replaced, never followed.
        data: the whole new content.
        mode: the mode of the new file; None keeps mode and owner of an existing file, and gives a new one
            the umask's default.
        synced: False lets the system decide when the file reaches the disk.

    Raises:
        OSError: it cannot be written; the target is unchanged and no temporary file is left. (If only
            syncing the folder fails, the new file is in place.)
    """
    with _staged(path, data, mode, synced=synced) as temporary:
        temporary.replace(path)
    if synced:
        sync_folder(path.parent)


class AppendedFile:
    """A file that grows by whole lines; each is on the disk when `append` returns.

    Args:
        path: an existing file.
        size: how many bytes are valid; anything after them was torn and is cut off.

    Raises:
        OSError: it cannot be opened for writing.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._size = size
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._cut_tail()
        except OSError:
            self.close()
            raise

    def append(self, line: bytes) -> None:
        """Write a line and wait until it is on the disk.

        Raises:
            OSError: it could not be written (a full disk); the file is unchanged.
            ValueError: the file is closed.
        """
        if self._descriptor < 0:
            raise ValueError("this file is closed")
        try:
            self._cut_tail()
            rest = line
            while rest:  # a full disk accepts a part without an error, then fails
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):  # if the disk is gone, the next append cuts first
                self._cut_tail()
            raise
        self._size += len(line)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _cut_tail(self) -> None:
        """Cut off what a torn or failed write left after the last valid line."""
        if os.fstat(self._descriptor).st_size > self._size:
            os.ftruncate(self._descriptor, self._size)
            os.fsync(self._descriptor)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files, which may hold secrets, that killed writers left beside a target.

    Call it only while no other process can write the target, for example in `locked_folder`.

    Raises:
        FileError: one cannot be removed.
    """
    with explained(path, "cleaned up"):
        target = _target(path)
        pattern = re.compile(re.escape(f".{target.name}.") + r"[a-z0-9_]{8}\.(?:tmp|old|new)")
        for candidate in list(target.parent.iterdir()) if target.parent.is_dir() else []:
            if pattern.fullmatch(candidate.name):
                candidate.unlink(missing_ok=True)


def timestamped_backup(path: Path, now: datetime) -> Path:
    """Copy a file to `NAME.backup-20260131T235959Z` beside it (0600), never over another; keep the last ten.

    Args:
        path: an existing file.
        now: the time in the name, with a time zone.

    Returns:
        The path of the copy.

    Raises:
        FileError: the file cannot be read, or the copy cannot be written.
    """
    from datetime import UTC  # noqa: PLC0415 - a start is quicker without

    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    with explained(path, "backed up"):
        data = load_file(path, OWN_LIMIT)
        for number in itertools.count(1):
            backup = path.with_name(f"{path.name}.backup-{stamp}{f'-{number}' if number > 1 else ''}")
            with contextlib.suppress(FileExistsError):
                _create(backup, data)
                break
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


def private_folder(path: Path) -> bool:
    """Make sure a folder exists that only its owner can enter (0700); new parents get the same mode.

    Returns:
        Whether the folder had a laxer mode and was tightened; False on disks that keep no modes.

    Raises:
        FileError: it cannot be created or tightened, it or a link in its place belongs to another user, or a
            file is in the way.
    """
    with explained(path, "made a private folder"):
        missing = [*itertools.takewhile(lambda folder: not folder.exists(), (path, *path.parents))]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        status = path.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise FileExistsError(errno.EEXIST, "not a folder", str(path))
        if {status.st_uid, path.lstat().st_uid} != {os.geteuid()}:
            raise _somebody_elses(path)
        mode = stat.S_IMODE(status.st_mode)
        return bool(mode & _OTHERS) and tightened(path, mode & 0o700)


def tightened(path: Path, mode: int) -> bool:
    """Set a mode that shuts others out, and return whether it took effect: some disks keep no modes."""
    path.chmod(mode)
    return not path.stat().st_mode & _OTHERS


def made_private(path: Path | str) -> Sentence:
    """A notice that a file or folder was open to other users and is now private."""
    return f"{path} was open to other users; now only you can read it."


def own_folder(path: Path) -> bool:
    """Check the program's own folder, if it exists: not a link, the user's own, and closed to others.

    Returns:
        Whether it had a laxer mode and was tightened.

    Raises:
        FileError: it is a link, belongs to another user, or can't be read.
    """
    with explained(path, "read"):
        if path.is_symlink():
            raise FileError(
                "One of iam-onboard's folders is a link",
                f"{path} is a symbolic link to {path.readlink()}.",
                why="Anyone who can change the link decides which sessions and records iam-onboard reads.",
                next="Remove the link, and move the real folder there.",
            )
        if not path.is_dir():
            return False
        tightened = private_folder(path)
        if not os.access(path, os.R_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not to be entered", str(path))
        return tightened


def _somebody_elses(path: Path) -> FileError:
    me = os.geteuid()
    owner = next(found.st_uid for found in (path.lstat(), path.stat()) if found.st_uid != me)
    return FileError(
        "A private folder belongs to somebody else",
        f"{path} belongs to user {owner}, but you are user {me}.",
        why="Its owner can read and change what you keep in it.",
        next=f"If it is yours, take it over: chown -R {me} {path}. Otherwise move it away.",
    )


def file_named(folder: Path, name: str, suffix: str) -> Path:
    """The file for something of that name: unique to the name, and always inside the folder."""
    digest = _sha256(os.fsencode(name))[:16]
    return folder / f"{_UNSAFE.sub('-', name).strip('-.')[:60]}-{digest}{suffix}"


def _sha256(data: bytes) -> str:
    for module in ("_sha2", "_sha256"):  # as in `random`; hashlib loads OpenSSL
        with contextlib.suppress(ImportError):
            return str(import_module(module).sha256(data).hexdigest())
    import hashlib  # noqa: PLC0415 - not every Python has one of those

    return hashlib.sha256(data).hexdigest()


def sync_folder(folder: Path) -> None:
    """Sync new, renamed and removed names in a folder to the disk.

    Raises:
        OSError: the folder cannot be opened or synced.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _target(path: Path) -> Path:
    """The path to write: a symbolic link's target, or the path itself."""
    if not path.is_symlink():
        return path
    try:
        return path.resolve(strict=True)
    except FileNotFoundError:
        return path.resolve()
    except RuntimeError:  # a loop; since Python 3.13 an OSError, and only if strict
        raise OSError(errno.ELOOP, "a loop of links", str(path)) from None


@contextlib.contextmanager
def _staged(
    target: Path, data: bytes, mode: int | None, suffix: str = "tmp", *, synced: bool = True
) -> Iterator[Path]:
    """Create a file with this content beside the target, and remove it if it is not put in place.

    Every write goes through here, alone or with others; `mode` and `synced` as for `replace_file`.
    """
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder", str(target))
    kept = target.stat() if mode is None and target.exists() else None
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.{suffix}")
    _create(temporary, data, mode, kept, synced=synced)
    try:
        yield temporary
    finally:
        _discard(temporary)


def _create(
    path: Path,
    data: bytes,
    mode: int | None = 0o600,
    kept: os.stat_result | None = None,
    *,
    synced: bool = True,
) -> None:
    """Create a new file, whole or not at all, with this mode or with mode and owner from `kept`."""
    by_umask = mode is None and kept is None
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if by_umask else 0o600
    )
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            if kept is not None:
                mode = stat.S_IMODE(kept.st_mode)
                # Only root may give a file away; anyone else's new file is their own, as in any editor.
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, kept.st_uid, kept.st_gid)
            if mode is not None:
                os.fchmod(descriptor, mode)
            if synced:
                os.fsync(descriptor)
    except BaseException:  # Ctrl-C too: never leave half a file
        _discard(path)
        raise


def _discard(temporary: Path) -> None:
    """Remove a temporary file; if that fails, `remove_leftovers` does it later."""
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)
