"""Writing a project's layers from the command line: one command at a time, and all files of it or none.

A script can be killed between two files, and nobody looks at what it left. So the whole set is recorded in
the program's state folder first, and the next command that edits the project finishes it before anything
else. A write that the disk refuses is taken back at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import FileError, private_folder, write_atomically
from workflows.core.locks import locked_folder
from workflows.layer.change_record import as_bytes, from_bytes, reversed_set
from workflows.layer.change_set import ChangeSet, WriteFailed, remove_leftovers, write


class Standing(Enum):
    """What became of a set that was recorded and not seen to its end."""

    NONE = "nothing was cut off"
    UNTOUCHED = "it was cut off before its first file"
    HALF = "it was cut off between two files"
    CHANGED = "its files have been changed since"


class ProjectWrites:
    """The writes of one project's layers.

    Args:
        state: the program's folder for these records.
        root: the project's root.
    """

    def __init__(self, state: Path, root: Path) -> None:
        digest = hashlib.sha256(str(root.resolve()).encode()).hexdigest()
        self._folder = state / digest[:32]
        self._record = self._folder / "writing.json"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other commands that edit the project waiting, from reading it to writing it.

        Raises:
            FileError: the state folder cannot be made or locked.
        """
        private_folder(self._folder)
        with locked_folder(self._folder):
            yield

    def standing(self) -> Standing:
        """Whether a set was cut off, and how far it had come."""
        loaded = self._load()
        if loaded is None:
            return Standing.NONE
        found = loaded[0].standing()
        if found["other"]:
            return Standing.CHANGED
        return Standing.HALF if found["after"] else Standing.UNTOUCHED

    def finish(self) -> tuple[ChangeSet, list[str]] | None:
        """Finish the set that was cut off between two files; one not begun, or changed since, is given up.

        Returns:
            The finished set with the words that had asked for it; None if nothing was finished.

        Raises:
            WriteFailed: the disk refuses again; the record stays.
        """
        loaded, standing = self._load(), self.standing()
        if loaded is None:
            return None
        remove_leftovers(loaded[0])
        if standing is Standing.HALF:
            write(loaded[0])
        self._record.unlink()
        return loaded if standing is Standing.HALF else None

    def write(self, change_set: ChangeSet, request: Sequence[str]) -> None:
        """Record a set, write it, and forget the record.

        Args:
            change_set: what to write.
            request: the words that asked for it, to know the same command when it is given again.

        Raises:
            ChangedMeanwhile: a file is not as it was read; nothing was written.
            WriteFailed: the disk refused; what was written before was taken back.
        """
        write_atomically(self._record, as_bytes(change_set, list(request)))
        try:
            write(change_set)
        except WriteFailed as failure:
            self._take_back(change_set, failure)
        except Exception:
            self._record.unlink()  # refused before the first file
            raise
        self._record.unlink()

    def _take_back(self, change_set: ChangeSet, failure: WriteFailed) -> None:
        done = [one for one in change_set.changes if _is_after(one.path, one.after)]
        try:
            write(reversed_set(ChangeSet(tuple(done))))
        except OnboardError as second:
            raise WriteFailed(
                "The layer is half written",
                failure.what,
                why=failure.why,
                next="Repair the cause and give the same command again: it writes what is missing.",
                detail=f"{failure.detail}\nnot taken back: {second.what}".strip(),
            ) from second
        self._record.unlink()
        raise WriteFailed(
            "A file could not be written",
            failure.what,
            why=failure.why,
            next="Nothing was changed: what was written before it has been taken back. Repair the cause and "
            "try again.",
        ) from failure

    def _load(self) -> tuple[ChangeSet, list[str]] | None:
        try:
            return from_bytes(self._record.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError) as error:
            raise FileError(
                "A record of a write cannot be read",
                f"{self._record} cannot be read.",
                why=str(error),
                next="Look at `git status` in the project, then remove that file.",
            ) from error


def _is_after(path: Path, after: bytes | None) -> bool:
    try:
        return path.read_bytes() == after
    except FileNotFoundError:
        return after is None
    except OSError:
        return False
