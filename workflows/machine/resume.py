"""From a journal back to the state: replaying it, and telling where a replay stops being possible."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.machine.declaration import Workflow
from workflows.machine.events import UnstorableFactError
from workflows.machine.journal import DamagedJournal, Loaded, read_journal
from workflows.machine.reducer import reduce
from workflows.machine.rules import IllegalTransition
from workflows.machine.state import State


def replayed(path: Path, workflows: Mapping[str, Workflow]) -> tuple[Loaded, State]:
    """A journal and the state that it adds up to.

    Raises:
        DamagedJournal: with as much of it as can be both read and replayed.
        OnboardError: as `read_journal` says, or it is of none of these workflows (by id).
    """
    try:
        loaded = read_journal(path)
    except DamagedJournal as damage:
        if damage.sound is not None:
            state_of(path, damage.sound, workflows)
        raise
    return loaded, state_of(path, loaded, workflows)


def state_of(path: Path, loaded: Loaded, workflows: Mapping[str, Workflow]) -> State:
    """The state that a journal's events add up to.

    Raises:
        DamagedJournal: an event is not legal where it stands; what comes before it is sound.
        OnboardError: the journal is of none of these workflows.
    """
    workflow = workflows.get(loaded.header.workflow)
    if workflow is None:
        raise OnboardError(
            "This session is of an unknown kind",
            f"It is about the workflow {loaded.header.workflow!r}, which this program does not have.",
            next="Update iam-onboard and resume it then. Nothing was changed.",
        )
    state = State.beginning(workflow)
    for number, event in enumerate(loaded.events):
        try:
            state = reduce(state, event)
        except (IllegalTransition, UnstorableFactError) as error:
            raise DamagedJournal(path, str(error), loaded.first(number)) from error
    return state
