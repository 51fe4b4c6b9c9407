"""The record of writes to the layers, file by file: to put them back, and to finish what was cut off.

Nothing uses files that a killed process left half written until they are complete.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

from workflows.core.files import FileError, write_atomically
from workflows.core.processes import read_record
from workflows.core.sentences import OnboardError, Sentence
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


_CHANGED_SINCE: Sentence = (
    "warning: an earlier change was cut off between two files, and they have been changed since: "
    "it isn't finished. Check `git diff`."
)


class HalfWritten(OnboardError):  # noqa: N818 - the name says the state
    """A change was cut off between two files, and the caller may not finish it."""


def writes_of(state: Path, root: Path) -> WriteJournal:
    """Return the write journal of commands in the project with this root.

    Args:
        state: the program's state folder, which holds the sessions too.
        root: the project's root.
    """
    folder = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:32]
    return WriteJournal(state / "layer-writes" / folder / "writing.json")


def refuse_half_written(state: Path, root: Path) -> None:
    """Refuse to read or plan half-written files.

    Raises:
        HalfWritten: a command or a session was killed between two files of the project.
        FileError: the record of a write can't be read.
    """
    if (cut_off := writes_of(state, root).cut_off()) and cut_off.is_half_written:
        raise HalfWritten(
            "The layer is half written",
            f"The last command that changed {root} was cut off between two files.",
            why="Nobody decided who is in a half-written layer, or what its plan would do.",
            next="Run that command again: it finishes the change. `iam-onboard plan` does too.",
        )
    for session in _half_written_sessions(state, root):
        raise HalfWritten(
            "The layer is half written",
            f"Session {session} was cut off between two files of {root}.",
            why="Nobody decided who is in a half-written layer, or what its plan would do.",
            next=f"Open it with `iam-onboard resume {session}` and go to Review, which finishes the change.",
        )


def finish_half_written(state: Path, root: Path) -> Sentence:
    """Finish what a command left half written.

    Returns:
        A sentence on what was done; "" if there was nothing.

    Raises:
        HalfWritten: a session left it; its Review finishes it.
        OnboardError: the disk fails again, or the record of the write can't be read.
    """
    said: Sentence = ""
    writes = writes_of(state, root)
    if writes.cut_off() is not None:
        with writes.alone():
            said, _ = finish(writes)
    refuse_half_written(state, root)
    return said


def finish(writes: WriteJournal) -> tuple[Sentence, tuple[ChangeSet, list[str]] | None]:
    """Finish an interrupted change, while nobody else writes with the same record.

    Returns:
        A sentence on what was done, or "", and the finished change with its request.

    Raises:
        OnboardError: as `WriteJournal.finish`.
    """
    cut_off = writes.cut_off()
    changed = cut_off is not None and cut_off.standing()["other"]
    finished = writes.finish()
    if finished is not None:
        files = ", ".join(f"{change.layer}/{change.name}" for change in finished[0].changes)
        return f"An earlier change was cut off between two files; it is finished now: {files}", finished
    return _CHANGED_SINCE if changed else "", None


def _half_written_sessions(state: Path, root: Path) -> Iterator[str]:
    for record in sorted((state / "sessions").glob("*/writing.json")):
        cut_off = WriteJournal(record).cut_off()
        changes = cut_off.changes if cut_off is not None and cut_off.is_half_written else ()
        if any(change.path.is_relative_to(root) for change in changes):
            yield record.parent.name
