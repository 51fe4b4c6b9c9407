"""The record of a session's writes to the layers, file by file, for putting them back."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from workflows.core.files import FileError, write_atomically
from workflows.core.processes import read_record
from workflows.layer.write import ChangeSet, FileChange, WriteJournal
from workflows.steps.shared.leftovers import RUNS
from workflows.terraform.runner import Kind

_RECORD = "written.json"


def journal_of(folder: Path) -> WriteJournal:
    """Return the write journal in the session's private folder; resuming it finishes an interrupted write."""
    return WriteJournal(folder / "writing.json", lambda change_set: _keep(folder, change_set))


def files_written(folder: Path) -> set[tuple[str, str]]:
    """Return the layer folder and path of every file that the session in this folder has written."""
    return {(layer, path) for layer, path in _kept(folder)["files"]}


def files_left(folder: Path) -> set[tuple[str, str]]:
    """Return the files written and not put back.

    Raises:
        FileError: the record is damaged.
    """
    changes = net_changes(folder).values()
    return files_written(folder) - {
        (change.layer, str(change.path)) for change in changes if change.before == change.after
    }


def holds_files(folder: Path, known: Container[str]) -> bool:
    """Return whether files still hold what a session wrote: it has written, and not put everything back.

    Args:
        folder: the session's.
        known: the names of its facts.
    """
    if "changed_files" not in known:
        return False
    try:
        return bool(files_left(folder)) or not files_written(folder)  # older versions kept no record
    except FileError:
        return True  # the damaged session's own Review reports it


def to_undo(folder: Path, known: Iterable[str]) -> ChangeSet:
    """Return the changes that put the layers' files back as they were before the session first wrote.

    Empty once an apply has begun, here or elsewhere, because AWS may then match the files.

    Args:
        folder: the session's.
        known: the names of its facts, or of its finished steps with their accounts.

    Raises:
        FileError: the record is damaged.
    """
    begun = any((folder / RUNS).glob(f"*/{Kind.APPLY}"))
    if begun or any(name.startswith(("applied@", "apply@")) for name in known):
        return ChangeSet(())
    changes = net_changes(folder).values()
    return ChangeSet(tuple(change.undone() for change in changes if change.before != change.after))


def offered_undo(folder: Path, known: Iterable[str]) -> tuple[FileChange, ...]:
    """Return the changes of `to_undo`; none if the record is damaged, which the session's Review reports."""
    try:
        return to_undo(folder, known).changes
    except FileError:
        return ()


def net_changes(folder: Path) -> dict[str, FileChange]:
    """Return each file's change from before the session's first write to after its last, by path.

    Raises:
        FileError: the record is damaged.
    """
    try:
        return {change["path"]: FileChange.from_record(change) for change in _kept(folder).get("changes", ())}
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(
            "A record of what was written is damaged",
            f"{folder / _RECORD} can't be read.",
            why="The file was edited, or damaged by the disk.",
            next="Move it away, and undo this session's part with git.",
        ) from error


def _keep(folder: Path, change_set: ChangeSet) -> None:
    """Record what was written, and the content before the first write.

    If only the commit fails, the next try can tell from the record that the files are as shown.
    """
    files = files_written(folder)
    changes = net_changes(folder)
    for change in change_set.changes:
        path = str(change.path)
        # otherwise an older version began the record
        if path in changes or (change.layer, path) not in files:
            changes[path] = change.after_another(changes.get(path))
        files.add((change.layer, path))
    record = {
        "digest": change_set.digest,
        "files": sorted(files),
        "changes": [change.as_record() for change in changes.values()],
    }
    write_atomically(folder / _RECORD, json.dumps(record).encode())


def last_digest(folder: Path) -> str:
    """Return the digest of the diff that the session last wrote; "" if it never did."""
    return str(_kept(folder)["digest"])


def _kept(folder: Path) -> dict[str, Any]:
    return read_record(folder / _RECORD) or {"digest": "", "files": []}


def written_at(folder: Path) -> int:
    """Return when a session last wrote, in nanoseconds; 0 if it never did."""
    try:
        return (folder / _RECORD).stat().st_mtime_ns
    except OSError:  # also if the session is deleted meanwhile
        return 0
