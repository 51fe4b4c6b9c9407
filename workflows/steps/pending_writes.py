"""The set of files that Review is about to write, kept until all are written.

A kill between two files leaves a half-written layer, from which the review could not be made again. So the
whole set (public keys and HCL, nothing secret) is recorded in the session's private folder first, and a
resumed session finishes it before anything else. Which files the session has written is kept as well: where
only the commit after it failed, the next try knows that the files are as they were shown.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from workflows.core.files import write_atomically
from workflows.layer.change_record import as_records, from_records
from workflows.layer.change_set import ChangeSet, remove_leftovers, write


class PendingWrites:
    """The recorded set of one session.

    Args:
        folder: the session's private folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "writing.json"
        self._written = folder / "written.json"

    def write(self, change_set: ChangeSet) -> tuple[Path, ...]:
        """Record the set, write it, keep what was written; gives the paths written or removed.

        Raises:
            OnboardError: a file was changed meanwhile, or the disk refused; the record stays for later.
        """
        write_atomically(self._path, json.dumps(as_records(change_set)).encode(), mode=0o600)
        written = write(change_set)
        remove_leftovers(change_set)
        self._keep(change_set)
        return written

    def files(self) -> set[tuple[str, str]]:
        """Layer folder and path of every file that this session has written."""
        return {(layer, path) for layer, path in self._kept()["files"]}

    def was_written(self, digest: str) -> bool:
        """Whether the set with this digest is the last that was written."""
        return bool(self._kept()["digest"] == digest)

    def _kept(self) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads(self._written.read_bytes())
        except FileNotFoundError:
            return {"digest": "", "files": []}
        return kept

    def _keep(self, change_set: ChangeSet) -> None:
        files = self.files() | {(one.layer, str(one.path)) for one in change_set.changes}
        kept = {"digest": digest_of(change_set), "files": sorted(files)}
        write_atomically(self._written, json.dumps(kept).encode(), mode=0o600)
        self._path.unlink()

    def load(self) -> ChangeSet | None:
        """The set whose writing was cut off, or None."""
        try:
            records = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        return from_records(records)

    def finish(self) -> None:
        """Write what was cut off, if anything was, and remove the temporary file that the cut left.

        A set of which nothing was written, or that is not on disk any more as it was, because somebody took
        the files back or went on editing, is given up: the review is made anew from what is there.
        """
        change_set = self.load()
        if change_set is None:
            return
        remove_leftovers(change_set)
        standing = change_set.standing()
        if standing["after"] and not standing["other"]:
            write(change_set)
            self._keep(change_set)
        else:
            self._path.unlink()


def digest_of(change_set: ChangeSet) -> str:
    """A digest of the whole diff, hexadecimal."""
    return hashlib.sha256(change_set.diff().encode()).hexdigest()
