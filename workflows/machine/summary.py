"""A line of the list of sessions: enough for a person to recognise one, without opening it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence
from workflows.machine.declaration import Workflow
from workflows.machine.events import Facts
from workflows.machine.live import Clock
from workflows.machine.observations import kept_observations
from workflows.machine.resume import replayed
from workflows.machine.state import SETTLED, State, Status


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
        next_title: the step to go on with, as "Plan (security)" if it is repeated; "" when all is done.
        damage: why it cannot be read, "" when it can.
    """

    id: str
    workflow: str = ""
    created: str = ""
    changed: str = ""
    details: Facts = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    next_title: Sentence = ""
    damage: Sentence = ""


def summary_of(folder: Path, journal: Path, workflows: Mapping[str, Workflow], now: Clock) -> Summary | None:
    """The summary of the session in a folder, or None if it holds none (any more).

    Args:
        folder: the session's folder.
        journal: its journal.
        workflows: those that sessions can be of, by id.
        now: the clock, for its time zone.
    """
    try:
        loaded, state = replayed(journal, workflows)
    except OnboardError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        return Summary(folder.name, changed=_changed(journal, now), damage=error.why or error.what)
    state = replace(state, observed=kept_observations(folder))
    header = loaded.header
    return Summary(
        folder.name,
        header.workflow,
        header.created,
        loaded.events[-1].at if loaded.events else header.created,
        header.details,
        state.facts(),
        _next_title(state),
    )


def _next_title(state: State) -> Sentence:
    for key in state.expected():
        if state.status(key, "") not in SETTLED | {Status.LOCKED}:
            title = state.workflow.step(key.step).title
            return f"{title} ({key.item})" if key.item else title
    return ""


def _changed(journal: Path, now: Clock) -> str:
    try:
        seconds = journal.stat().st_mtime
    except OSError:
        return ""
    return datetime.fromtimestamp(seconds, tz=now().tzinfo).isoformat(timespec="seconds")
