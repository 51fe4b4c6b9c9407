"""A set of file changes over one or several layers: one diff to review, written file by file, atomically."""

from __future__ import annotations

import errno
import posixpath
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from workflows.core import files
from workflows.core.errors import OnboardError
from workflows.core.files import cause_of, replace_file, sync_folder
from workflows.layer.diff import diff_lines
from workflows.layer.protected import refuse_protected

if TYPE_CHECKING:
    from pathlib import Path

    from workflows.layer.diff import DiffLine


class ChangedMeanwhile(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A file is no longer what the change was made from; nothing was written."""


class WriteFailed(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A file could not be written; says which were written before it."""


@dataclass(frozen=True)
class FileChange:
    """One file before and after.

    Attributes:
        layer: the layer folder relative to the project's root.
        name: the file relative to the layer folder.
        path: the file, absolute.
        before: its bytes, or None if it is not there.
        after: its bytes, or None if it goes.
    """

    layer: str
    name: str
    path: Path
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)

    @cached_property
    def lines(self) -> tuple[DiffLine, ...]:
        """The lines of the change's unified diff."""
        path = posixpath.normpath(f"{self.layer}/{self.name}")
        return tuple(diff_lines(path, self.before, self.after))

    def counts(self) -> tuple[int, int]:
        """How many lines are added and removed."""
        marks = Counter(one.mark for one in self.lines)
        return marks["+"], marks["-"]

    def diff(self) -> str:
        """The change as a unified diff that `git apply` takes at the project's root."""
        return "".join(f"{one.text}\n" for one in self.lines)


@dataclass(frozen=True)
class ChangeSet:
    """The changes of one review, over all layers."""

    changes: tuple[FileChange, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not self.changes

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers with changes, in their order."""
        return tuple(dict.fromkeys(one.layer for one in self.changes))

    def diff(self) -> str:
        """All changes as one unified diff."""
        return "".join(one.diff() for one in self.changes)

    def summary(self) -> list[dict[str, str | int]]:
        """For each file its layer, name and the number of lines added and removed: plain JSON values."""
        return [
            {"layer": one.layer, "file": one.name, "added": added, "removed": removed}
            for one in self.changes
            for added, removed in (one.counts(),)
        ]

    def standing(self) -> Counter[str]:
        """How many files on disk are `before`, `after` or `other`: what a resumed session asks first."""
        return Counter(_standing(one) for one in self.changes)


def write(change_set: ChangeSet) -> tuple[Path, ...]:
    """Write the changes: each file atomically, new and changed ones first, removals last.

    A file that is already as it should be is left alone, so writing again after a crash finishes the set.

    Returns:
        The paths that were written or removed, in that order.

    Raises:
        ChangedMeanwhile: a file is neither as before nor as afterwards; nothing was written.
        Protected: a file is read-only; nothing was written.
        WriteFailed: the disk or its permissions; the message names what was written.
    """
    foreign = [one for one in change_set.changes if _standing(one) == "other" or one.path.is_symlink()]
    if foreign:
        raise ChangedMeanwhile(
            "A file was changed meanwhile",
            f"{', '.join(str(one.path) for one in foreign)} is not what the review was made from.",
            why="Somebody or something edited it after it was read, or put a symbolic link in its place.",
            next="Nothing was written. Go back one step: the layer is read again and the review made anew.",
        )
    refuse_protected(one.path for one in change_set.changes if _standing(one) == "before")
    done: list[Path] = []
    for one in sorted(change_set.changes, key=lambda change: change.after is None):
        if _standing(one) == "after":
            continue
        try:
            _write_one(one)
        except OSError as error:
            raise WriteFailed(
                "A file could not be written",
                f"{one.path} could not be {'written' if one.after is not None else 'removed'}.",
                why=_why(error, one.path.parent),
                next="Repair the cause and write again: what is written already is left as it is.",
                detail="\n".join(f"written: {path}" for path in done),
            ) from error
        done.append(one.path)
    return tuple(done)


def _why(error: OSError, folder: Path) -> str:
    """The cause in words; a file is written beside its place and renamed, so its folder has to allow it."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"You need the permission to write in the folder {folder}."
    return cause_of(error)


def remove_leftovers(change_set: ChangeSet) -> None:
    """Remove the temporary files beside the set's files that a killed `write` left.

    Raises:
        FileError: one cannot be removed.
    """
    for one in change_set.changes:
        if not one.path.is_symlink():
            files.remove_leftovers(one.path)


def _write_one(change: FileChange) -> None:
    path = change.path
    if change.after is None:
        path.unlink()
        sync_folder(path.parent)
    else:
        path.parent.mkdir(exist_ok=True)
        replace_file(path, change.after, mode=None)


def _standing(change: FileChange) -> str:
    try:
        present: bytes | None = change.path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        present = None
    except OSError:
        return "other"
    if present == change.after:
        return "after"
    return "before" if present == change.before else "other"
