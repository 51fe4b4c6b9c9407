"""Half-written files that a killed process left in a project; nothing uses them until they are complete."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence
from workflows.layer.write import ChangeSet, WriteJournal

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
