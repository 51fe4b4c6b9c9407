"""A set of file changes in one or several layers: one diff to review, then written all or none.

Files are replaced by renaming, which their own mode doesn't prevent. A team that marked a file read-only
means it, so such a file is left alone, even as root.

The whole set (public keys and HCL, nothing secret) is first recorded in a private folder. The next writer
with the same record finishes a set that was cut off between two files, and drops one that had not begun or
whose files have changed since. If the disk fails, files already written are restored at once.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import posixpath
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from workflows.core.files import (
    OWN_LIMIT,
    FileError,
    cause_of,
    explained,
    load_file,
    private_folder,
    remove_leftovers,
    replace_file,
    sync_folder,
    write_atomically,
)
from workflows.core.locks import locked_folder
from workflows.core.parsing import parse_json
from workflows.core.sentences import OnboardError, Sentence, joined, listed


class Protected(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A file to change is read-only; nothing was written."""


def refuse_protected(files: Mapping[str, Path]) -> None:
    """Check that files can be written.

    Args:
        files: the files, by layer and name.

    Raises:
        Protected: one can't.
    """
    if found := {name: why for name, path in files.items() if (why := protection(path))}:
        raise Protected(
            "A file is read-only",
            f"iam-onboard can't write {', '.join(found)}.",
            why=next(iter(found.values())),
            next="Nothing was written. Allow changes, or ask the person who protected it; then write again.",
        )


def protection(path: Path) -> Sentence:
    """Return why a file is protected, in sentences that say how to allow changes; "" for any other file.

    Args:
        path: the file; a missing one is not protected.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""  # missing or unreachable: reading or writing it will fail
    if not mode & 0o222:
        return (
            f"Its mode is {mode & 4095:04o}: somebody removed the permission to write it. If it is meant to "
            f"change, restore that with `chmod u+w {path.name}` in its folder."
        )
    if not os.access(path, os.W_OK):
        return (
            "You don't have permission to write it: it belongs to somebody else, its disk is read-only, or "
            "it is locked (`lsattr` shows an i)."
        )
    return ""


@dataclass(frozen=True)
class FileChange:
    """One file before and after.

    Attributes:
        layer: the layer folder relative to the project's root.
        name: the file relative to the layer folder.
        path: the file, absolute.
        before: its old bytes, or None for a new file.
        after: its new bytes, or None for a removed file.
    """

    layer: str
    name: str
    path: Path
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)

    @cached_property
    def lines(self) -> tuple[DiffLine, ...]:
        """The lines of the change's unified diff."""
        return tuple(diff_lines(self.shown, self.before, self.after))

    @property
    def shown(self) -> str:
        """The file relative to the project's root."""
        return posixpath.normpath(f"{self.layer}/{self.name}")

    def standing(self) -> str:
        """Return whether the file on disk is "before", "after" or "other"."""
        try:
            present: bytes | None = load_file(self.path, OWN_LIMIT)
        except (FileNotFoundError, NotADirectoryError):
            present = None
        except OSError:
            return "other"
        if present == self.after:
            return "after"
        return "before" if present == self.before else "other"

    def after_another(self, earlier: FileChange | None) -> FileChange:
        """Merge this change with an earlier one of the same file, unless that was undone."""
        return replace(self, before=earlier.before) if earlier and earlier.before != earlier.after else self

    def undone(self) -> FileChange:
        """Return the reverse of the change."""
        return replace(self, before=self.after, after=self.before)

    def as_record(self) -> dict[str, Any]:
        """Return the change as plain JSON values."""
        return {
            "layer": self.layer,
            "name": self.name,
            "path": str(self.path),
            **{
                side: None if data is None else b64encode(data).decode()
                for side, data in (("before", self.before), ("after", self.after))
            },
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> FileChange:
        """Restore a change from `as_record`."""
        before, after = (
            None if record[side] is None else b64decode(record[side]) for side in ("before", "after")
        )
        return cls(record["layer"], record["name"], Path(record["path"]), before, after)

    def counts(self) -> tuple[int, int]:
        """Return how many lines are added and removed."""
        marks = Counter(line.mark for line in self.lines)
        return marks["+"], marks["-"]

    def diff(self) -> str:
        """Return the change as a unified diff for `git apply` at the project's root."""
        return "".join(f"{line.text}\n" for line in self.lines)


@dataclass(frozen=True)
class ChangeSet:
    """The changes of one review, over all layers."""

    changes: tuple[FileChange, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not self.changes

    def diff(self) -> str:
        """Return all changes as one unified diff."""
        return "".join(change.diff() for change in self.changes)

    @property
    def digest(self) -> str:
        """The hexadecimal SHA-256 of the whole diff."""
        return hashlib.sha256(self.diff().encode()).hexdigest()

    def differing(self, other: ChangeSet) -> set[Path]:
        """Return the files that the two sets change differently."""
        own, others = ({(change.path, change.diff()) for change in each.changes} for each in (self, other))
        return {path for path, _diff in own ^ others}

    def summary(self) -> list[dict[str, str | int]]:
        """Return layer, name, and numbers of added and removed lines of each file, as plain JSON values."""
        return [
            {"layer": change.layer, "file": change.name, "added": added, "removed": removed}
            for change in self.changes
            for added, removed in (change.counts(),)
        ]

    def standing(self) -> Counter[str]:
        """Count the files on disk that are `before`, `after` or `other`, for a resumed session."""
        return Counter(change.standing() for change in self.changes)

    @property
    def is_half_written(self) -> bool:
        """Whether writing was cut off after at least one file, and no file has changed since."""
        found = self.standing()
        return bool(found["after"]) and not found["other"]


class ChangedMeanwhile(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A file has changed since it was read; nothing was written."""


class WriteFailed(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A file could not be written; lists the files written before it."""


class WriteJournal:
    """Writes sets of changes, each recorded until it is complete.

    Args:
        record: the file of the record, with no other writer (a session's own, or one used within `alone`).
        on_written: called with each written set before the record is removed; after a kill perhaps twice.
    """

    def __init__(self, record: Path, on_written: Callable[[ChangeSet], None] = lambda _: None) -> None:
        self._record = record
        self._on_written = on_written

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Make other processes with this record wait, from reading the files to writing them.

        Raises:
            FileError: the record's folder cannot be created or locked.
        """
        private_folder(self._record.parent)
        with locked_folder(self._record.parent):
            yield

    def cut_off(self) -> ChangeSet | None:
        """Return the set that was recorded but not completed, or None.

        Raises:
            FileError: the record cannot be read.
        """
        loaded = self._load()
        return loaded[0] if loaded else None

    def write(self, change_set: ChangeSet, request: Sequence[str] = ()) -> None:
        """Record a set, write it, and remove the record.

        Args:
            request: the request for it, to recognise a repeated one.

        Raises:
            ChangedMeanwhile: a file has changed since it was read; nothing was written.
            Protected: a file is read-only; nothing was written.
            WriteFailed: the disk failed; files written before were restored, or else the record stays.
        """
        record = {"request": list(request), "changes": [change.as_record() for change in change_set.changes]}
        write_atomically(self._record, json.dumps(record).encode())
        _remove_leftovers(change_set)
        try:
            write(change_set)
        except OnboardError as failure:  # rejected before the first file, or failed
            if isinstance(failure, WriteFailed):
                _take_back(change_set, failure)
            self._give_up()
            raise
        self._end(change_set)

    def finish(self) -> tuple[ChangeSet, list[str]] | None:
        """Finish a set that was cut off between two files; drop one not begun, or changed since.

        Returns:
            The finished set with its request; None if nothing was finished.

        Raises:
            FileError: the record cannot be read, or a killed process's leftovers cannot be removed.
            WriteFailed: the disk failed again; the record stays.
        """
        remove_leftovers(self._record)
        loaded = self._load()
        if loaded is None:
            return None
        _remove_leftovers(loaded[0])
        if not loaded[0].is_half_written:
            self._give_up()
            return None
        write(loaded[0])
        self._end(loaded[0])
        return loaded

    def _end(self, change_set: ChangeSet) -> None:
        self._on_written(change_set)
        with explained(self._record, "removed"):
            self._record.unlink()

    def _give_up(self) -> None:
        """Drop the record of a set not begun; if that fails, the next writer does it."""
        with contextlib.suppress(OSError):
            self._record.unlink()

    def _load(self) -> tuple[ChangeSet, list[str]] | None:
        try:
            record = parse_json(load_file(self._record, OWN_LIMIT))
            if isinstance(record, list):  # the older format
                record = {"request": [], "changes": record}
            return ChangeSet(tuple(map(FileChange.from_record, record["changes"]))), record["request"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileError(
                "Can't read the record of a write",
                f"{self._record} can't be read.",
                why=cause_of(error) if isinstance(error, OSError) else "It is damaged.",
                next="Look at `git status` in the project, then remove that file.",
            ) from error


def write(change_set: ChangeSet) -> tuple[Path, ...]:
    """Write the changes: each file atomically, new and changed ones first, removals last.

    Finished files are skipped, so writing again after a crash completes the set.

    Returns:
        The paths that were written or removed, in that order.

    Raises:
        ChangedMeanwhile: a file is neither in its old nor in its new state; nothing was written.
        Protected: a file is read-only; nothing was written.
        WriteFailed: the disk or a permission; the detail lists the files written.
    """
    foreign = [
        change for change in change_set.changes if change.standing() == "other" or change.path.is_symlink()
    ]
    if foreign:
        are = "is" if len(foreign) == 1 else "are"
        raise ChangedMeanwhile(
            "A file has changed meanwhile",
            f"{listed([str(change.path) for change in foreign], 3)} {are} not what you reviewed.",
            why="Somebody or something edited it after it was read, or put a symbolic link in its place.",
            next="Nothing was written. Go back one step to review the files as they are now.",
        )
    unwritten = (change for change in change_set.changes if change.standing() == "before")
    refuse_protected({change.shown: change.path for change in unwritten})
    done: list[Path] = []
    for change in sorted(change_set.changes, key=lambda change: change.after is None):
        if change.standing() == "after":
            continue
        try:
            _write_one(change)
        except OSError as error:
            raise WriteFailed(
                "Can't write a file",
                f"{change.path} couldn't be {'written' if change.after is not None else 'removed'}.",
                why=(
                    f"You need permission to write in the folder {change.path.parent}."
                    if error.errno in {errno.EACCES, errno.EPERM}
                    else cause_of(error)
                ),
                next="Fix the cause and write again. Files that are already written stay as they are.",
                detail="\n".join(f"written: {path}" for path in done),
            ) from error
        done.append(change.path)
    return tuple(done)


def _write_one(change: FileChange) -> None:
    path = change.path
    if change.after is None:
        path.unlink()
        sync_folder(path.parent)
    else:
        path.parent.mkdir(exist_ok=True)
        replace_file(path, change.after, mode=None)


def _take_back(change_set: ChangeSet, failure: WriteFailed) -> None:
    """Restore the files written before a failure, and say so in its error.

    Raises:
        WriteFailed: restoring failed too.
    """
    done = [change for change in reversed(change_set.changes) if change.standing() == "after"]
    try:
        write(ChangeSet(tuple(change.undone() for change in done)))
    except OnboardError as second:
        raise WriteFailed(
            "The layer is half written",
            failure.what,
            why=failure.why,
            next="Fix the cause, then do the same again: that writes what is missing.",
            detail=joined((failure.detail, f"not undone: {second.what}"), "\n"),
        ) from second
    failure.detail = ""
    failure.next = (
        "Nothing was changed: iam-onboard undid what it had written. Fix the cause, then try again."
    )


def _remove_leftovers(change_set: ChangeSet) -> None:
    for change in change_set.changes:
        if not change.path.is_symlink():
            remove_leftovers(change.path)


_ENDS = ("\ud800", "\ud801")
"""Sentinels before the first and after the last line; decoded text never contains them."""


class DiffLine(NamedTuple):
    """A line of a unified diff.

    Attributes:
        mark: "+", "-", " "; "@" for a hunk's header, a backslash for a remark, and "=" for the two lines with
            the file's name.
        text: the whole line with its mark, without its newline.
        old: the old line number, from 1; for an added line, that of the next old line.
        new: the new line number, from 1; for a removed line, that of the next new line.
    """

    mark: str
    text: str
    old: int
    new: int


def diff_lines(path: str, before: bytes | None, after: bytes | None) -> Iterator[DiffLine]:
    """Yield the unified diff of a file, as `git apply` accepts it.

    Args:
        path: the file, relative to the folder where the diff is applied.
        before: its old bytes, or None for a new file.
        after: its new bytes, or None for a removed file.
    """
    yield DiffLine("=", f"--- {'/dev/null' if before is None else f'a/{path}'}", 1, 1)
    yield DiffLine("=", f"+++ {'/dev/null' if after is None else f'b/{path}'}", 1, 1)
    old, new = _lines(before), _lines(after)
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes():
        hunk = list(_hunk(group, old, new))
        removed = _range(hunk[0].old, sum(line.mark in "- " for line in hunk))
        added = _range(hunk[0].new, sum(line.mark in "+ " for line in hunk))
        yield DiffLine("@", f"@@ -{removed} +{added} @@", hunk[0].old, hunk[0].new)
        yield from hunk


def _hunk(
    group: Sequence[tuple[str, int, int, int, int]], old: Sequence[str], new: Sequence[str]
) -> Iterator[DiffLine]:
    for tag, old_start, old_end, new_start, new_end in group:
        if tag == "equal":
            found = [(" ", old[at], at, at - old_start + new_start) for at in range(old_start, old_end)]
        else:
            found = [("-", old[at], at, new_start) for at in range(old_start, old_end)]
            found += [("+", new[at], old_end, at) for at in range(new_start, new_end)]
        for mark, line, old_at, new_at in found:
            if line not in _ENDS:
                yield DiffLine(mark, f"{mark}{line}".removesuffix("\n"), old_at, new_at)
                if not line.endswith("\n"):
                    yield DiffLine("\\", "\\ No newline at end of file", old_at, new_at)


def _range(first: int, length: int) -> str:
    """Format a range for a unified diff (POSIX diff, "Diff -u Output Format")."""
    return str(first) if length == 1 else f"{first if length else first - 1},{length}"


def _lines(data: bytes | None) -> list[str]:
    """Return the lines, numbered from 1, between two sentinels that every file shares.

    In a long file difflib matches frequent lines (`}`, blank lines) only next to a rare one.
    """
    lines = (data or b"").decode("utf-8", "replace").split("\n")
    return [_ENDS[0], *(f"{line}\n" for line in lines[:-1]), *filter(None, lines[-1:]), _ENDS[1]]
