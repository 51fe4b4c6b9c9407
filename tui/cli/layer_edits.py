"""The parts of `iam-onboard layer` that write: what was asked for, checked, written whole, and told."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from tui.cli.exit_codes import DONE
from tui.cli.output import hand_out, note, say, say_json
from tui.places import Machine
from workflows.core.sentences import Sentence
from workflows.layer.change_set import ChangeSet
from workflows.layer.write import Standing, WriteJournal

CutOff = tuple[ChangeSet, list[str]]


def warn_of_half_written(writes: WriteJournal) -> None:
    """Say on standard error that the files which are shown are half written, if they are."""
    if writes.standing() is Standing.HALF:
        note(
            "warning: the last change was cut off between two files, and is half there; the next command "
            "that edits a layer of this project finishes it."
        )


def writes_of(machine: Machine, root: Path) -> WriteJournal:
    """The writes of the project with this root."""
    folder = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:32]
    return WriteJournal(machine.places.sessions.with_name("layer-writes") / folder / "writing.json")


def propose_and_write(
    writes: WriteJournal,
    request: Sequence[object],
    make: Callable[[], tuple[ChangeSet, list[Sentence]]],
    words: str,
    options: argparse.Namespace,
) -> int:
    """Make a change set and write it, or show it; what a killed command left is finished first.

    Args:
        writes: the project's writes.
        request: what is asked for; the same as that of a killed command, it is done when that is finished.
        make: reads the files and gives the changes and the warnings.
        words: what was done, as a sentence.
        options: `dry_run` and `json`.

    Raises:
        OnboardError: the request is refused, or the disk refuses.
    """
    if options.dry_run:
        warn_of_half_written(writes)
        changes, warnings = make()
        return _tell(changes, warnings, words, options)
    digest = [hashlib.sha256(repr(list(request)).encode()).hexdigest()]
    with writes.alone():
        finished = _finish(writes)
        if finished is not None and finished[1] == digest:
            return _tell(finished[0], [], words, options)
        changes, warnings = make()
        if not changes.is_empty:
            writes.write(changes, digest)
    return _tell(changes, warnings, words, options)


def _finish(writes: WriteJournal) -> CutOff | None:
    if writes.standing() is Standing.CHANGED:
        note(
            "warning: an earlier change was cut off between two files, and they have been changed since: "
            "it is not finished. Look at `git diff`."
        )
    finished = writes.finish()
    if finished is not None:
        files = ", ".join(f"{one.layer}/{one.name}" for one in finished[0].changes)
        note(f"An earlier change was cut off between two files; it is finished now: {files}")
    return finished


def _tell(changes: ChangeSet, warnings: list[Sentence], words: str, options: argparse.Namespace) -> int:
    if options.json:
        say_json(
            {
                "done": words,
                "written": not options.dry_run and not changes.is_empty,
                "changes": changes.summary(),
                "diff": changes.diff(),
                "warnings": warnings,
            }
        )
        return DONE
    note(*(f"warning: {warning}" for warning in warnings))
    if options.dry_run:
        hand_out(changes.diff())
    elif changes.is_empty:
        say("Nothing to change.")
    else:
        files = changes.summary()
        say(words, *(f"  {one['layer']}/{one['file']}  +{one['added']} -{one['removed']}" for one in files))
    return DONE
