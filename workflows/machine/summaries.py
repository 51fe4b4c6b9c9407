"""A line of the list of sessions, and its copy beside the journal, so that no list replays a journal twice.

A copy counts only for the very journal and looks that it was made from, and for the program that made it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from workflows.core.errors import OnboardError
from workflows.core.files import OWN_LIMIT, load_file, replace_file
from workflows.core.parsing import parse_json
from workflows.core.sentences import Sentence
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
        created: when it was begun, ISO 8601 in UTC.
        changed: when its last event happened, ISO 8601 in UTC.
        details: what its header says (project, sandbox).
        facts: its facts, for a few words about it.
        next_title: the step to continue with, as "Plan (security)" if it is repeated; "" when all is done.
        damage: why it cannot be read, "" when it can.
        newer: whether that is because a newer version of the program wrote it.
        next_step: the id of that step; "" when all is done.
        confirmed: whether the last look at the world confirmed every step that is done.
        awaited: the people who have not done their part yet, by that look.
        draft: what is half filled in of the first step, as long as there is no fact.
        settled: the steps that are done and not skipped, as "apply@security" if they are repeated, each with
            when that was, ISO 8601 in UTC.
        gave: the facts that those of them gave which other sessions ask about (`Step.compared`), by the same
            names.
        done: how many steps are done, without those that are skipped or not confirmed.
        interrupted: whether the step to continue with was begun, and the journal doesn't say how it ended.
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
    interrupted: bool = False

    @property
    def about(self) -> Mapping[str, Any]:
        """Its facts, or what may become of them."""
        return self.facts or self.draft


def made_from(folder: Path) -> list[Any]:
    """What a summary depends on, as JSON: the session's files as they are now, and the program."""
    return [*(_mark(folder / name) for name in (JOURNAL, OBSERVED, DRAFTS)), _program()]


def kept_summary(folder: Path, *, of_old: bool = False) -> Summary | None:
    """The copy of a session's summary by its folder; None where there is none that still counts.

    Args:
        folder: the session's.
        of_old: whether one counts too that the session has gone on from.
    """
    try:
        kept = parse_json(load_file(folder / _COPY, OWN_LIMIT).decode())
        return read(Summary, kept["summary"]) if of_old or kept["of"] == made_from(folder) else None
    except (OnboardError, OSError, ValueError, TypeError, KeyError):
        return None


def keep_summary(folder: Path, summary: Summary, of: list[Any]) -> None:
    """Keep a copy of a summary, if the folder takes it.

    Args:
        folder: the session's.
        summary: its summary.
        of: what `made_from` said before it was made.
    """
    data = json.dumps({"of": of, "summary": asdict(summary)}).encode()
    with suppress(OSError):  # the next list makes it again
        replace_file(folder / _COPY, data, synced=False)


def _mark(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:  # a file that can't be read counts as none, whatever stands in its place
        return []
    return [found.st_size, found.st_mtime_ns]


@cache
def _program() -> list[int]:
    """The size and last change of this program's rules and declarations: another version has others."""
    kinds = ("*.py", "machine/*.py", "steps/*.py")
    found = [path.stat() for kind in kinds for path in Path(__file__).parents[1].glob(kind)]
    return [sum(status.st_size for status in found), max((status.st_mtime_ns for status in found), default=0)]
