"""A line of the list of sessions, and its copy beside the journal, so that no list replays a journal twice.

A copy counts only for exactly the journal and looks that it was made from, and for the same program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from workflows.core.files import OWN_LIMIT, load_file, replace_file
from workflows.core.parsing import parse_json
from workflows.core.sentences import OnboardError, Sentence
from workflows.core.shapes import read

JOURNAL = "journal.jsonl"
OBSERVED = "observed.json"
DRAFTS = "drafts"
_COPY = "summary.json"


@dataclass(frozen=True)
class Summary:
    """A line of the list of sessions.

    Attributes:
        id: its id.
        workflow: the workflow's id.
        created: when it began, ISO 8601 in UTC.
        changed: when its last event happened, ISO 8601 in UTC.
        details: details from its header (project, sandbox).
        facts: its facts, for a short description.
        next_title: the step to continue with, such as "Plan (security)"; "" if everything is done.
        damage: why it can't be read, "" if it can.
        newer: whether that is because a newer version of the program wrote it.
        next_step: the id of that step; "" if everything is done.
        confirmed: whether the last looks confirmed every done step.
        awaited: people who haven't done their part yet, by those looks.
        draft: the draft of the first step, as long as there are no facts.
        settled: the steps that are done and not skipped, such as "apply@security", each with its time, ISO
            8601 in UTC.
        gave: the facts of those steps that other sessions need (`Step.compared`), by the same names.
        done: the number of done steps, without skipped or unconfirmed ones.
        skipped: the titles of the skipped steps.
        unseen: the settled steps that nobody has looked at since, such as "apply@security".
        interrupted: whether the step to continue with was started, and the journal doesn't say how it ended.
    """

    id: str
    workflow: str = ""
    created: str = ""
    changed: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    next_title: Sentence = ""
    damage: Sentence = ""
    newer: bool = False
    next_step: str = ""
    confirmed: bool = True
    awaited: tuple[str, ...] = ()
    draft: Mapping[str, Any] = field(default_factory=dict)
    settled: Mapping[str, str] = field(default_factory=dict)
    gave: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    done: int = 0
    skipped: tuple[Sentence, ...] = ()
    unseen: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def about(self) -> Mapping[str, Any]:
        """Its facts, or else its draft."""
        return self.facts or self.draft


def made_from(folder: Path) -> list[Any]:
    """Return what a summary depends on, as JSON: the session's current files, and the program."""
    return [*(_mark(folder / name) for name in (JOURNAL, OBSERVED, DRAFTS)), _program()]


def kept_summary(folder: Path, *, of_old: bool = False) -> Summary | None:
    """Return the copy of a session's summary from its folder; None if there is none that still counts.

    Args:
        folder: the session's.
        of_old: whether an outdated copy counts, too.
    """
    try:
        kept = parse_json(load_file(folder / _COPY, OWN_LIMIT).decode())
        return read(Summary, kept["summary"]) if of_old or kept["of"] == made_from(folder) else None
    except (OnboardError, OSError, ValueError, TypeError, KeyError):
        return None


def keep_summary(folder: Path, summary: Summary, of: list[Any]) -> None:
    """Keep a copy of a summary, if the folder can be written.

    Args:
        folder: the session's.
        of: the result of `made_from` before it was made.
    """
    data = json.dumps({"of": of, "summary": asdict(summary)}).encode()
    with suppress(OSError):  # the next list makes it again
        replace_file(folder / _COPY, data, synced=False)


def _mark(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:  # an unreadable file counts as none, whatever is in its place
        return []
    return [found.st_size, found.st_mtime_ns]


@cache
def _program() -> list[int]:
    """Return the size and last change of this program's rules and declarations: other versions differ."""
    kinds = ("*.py", "machine/*.py", "steps/*.py")
    found = [path.stat() for kind in kinds for path in Path(__file__).parents[1].glob(kind)]
    return [sum(status.st_size for status in found), max((status.st_mtime_ns for status in found), default=0)]
