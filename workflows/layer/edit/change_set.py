"""A set of file changes over one or several layers: one diff to review, and which files may be changed.

A file is replaced by renaming another one over it, which its own mode does not hinder. A team that marked a
file read-only means it, so such a file is left alone, also for root.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import OWN_LIMIT, load_file
from workflows.core.sentences import Sentence
from workflows.hcl.diff import DiffLine, diff_lines

_WRITABLE = 0o222


class Protected(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A file that would be changed is read-only; nothing was written."""


def protection(path: Path) -> Sentence:
    """Why a file is not to be changed, as a sentence that says how to allow it; "" for any other file.

    Args:
        path: the file; one that is not there is not protected.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""  # not there, or not to be reached: reading or writing it tells
    if not mode & _WRITABLE:
        words = f"Its mode is {mode & 0o7777:04o}: somebody took away the permission to write it."
        return f"{words} `chmod u+w {path.name}` in its folder gives it back, if it is meant to be changed."
    if not os.access(path, os.W_OK):
        return "You have no permission to write it: it belongs to somebody else, or its disk is read-only."
    return ""


def refuse_protected(paths: Iterable[Path]) -> None:
    """Refuse to change files that are protected.

    Raises:
        Protected: one is, with all of them named.
    """
    found = {path: why for path in paths if (why := protection(path))}
    if found:
        raise Protected(
            "A file is read-only",
            f"{', '.join(map(str, found))} would be changed, and is read-only.",
            why=next(iter(found.values())),
            next="Nothing was written. Ask the person who protected it, or make it writable and try again.",
        )


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

    def standing(self) -> str:
        """Whether the file on disk is "before", "after" or "other"."""
        try:
            present: bytes | None = load_file(self.path, OWN_LIMIT)
        except (FileNotFoundError, NotADirectoryError):
            present = None
        except OSError:
            return "other"
        if present == self.after:
            return "after"
        return "before" if present == self.before else "other"

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

    @property
    def digest(self) -> str:
        """A digest of the whole diff, hexadecimal."""
        return hashlib.sha256(self.diff().encode()).hexdigest()

    def summary(self) -> list[dict[str, str | int]]:
        """For each file its layer, name and the number of lines added and removed: plain JSON values."""
        return [
            {"layer": one.layer, "file": one.name, "added": added, "removed": removed}
            for one in self.changes
            for added, removed in (one.counts(),)
        ]

    def standing(self) -> Counter[str]:
        """How many files on disk are `before`, `after` or `other`: what a resumed session asks first."""
        return Counter(one.standing() for one in self.changes)
