"""What the wizard says of a step that is not simply open: why it waits, is out of date, or failed."""

from __future__ import annotations

from datetime import datetime

from screens.moments import told_moment
from workflows.core.sentences import joined
from workflows.machine.events import StepKey
from workflows.machine.observations import Observation
from workflows.machine.state import Status
from workflows.walk import Walk

KEPT = "What you entered here last has not taken effect yet: Next (^n) does the step again with it."


def note_of(walk: Walk, key: StepKey) -> str:
    """The note of a step, or ""."""
    session = walk.session
    match session.status(key):
        case Status.LOCKED:
            return f"Waits: {session.refusal(key)}."
        case Status.STALE:
            changed = joined(session.stale_reasons(key), " and ")
            return f"Out of date: {changed} changed since this was done. Next (^n) does it again."
        case Status.INTERRUPTED:
            return "This was interrupted before it ended. Start it again with Next (^n)."
        case Status.FAILED if record := session.record(key):
            return f"The last try failed: {record.error.get('what', '')}"
        case (Status.CONTRADICTED | Status.UNCONFIRMED) as status:
            return _seen(session.state.observed[key], status, walk.world.now())
        case Status.SKIPPED:
            return "You skipped this. ^r opens it again."
        case _:
            return ""


def _seen(look: Observation, status: Status, now: datetime) -> str:
    """What the last look at a done step says about it."""
    if status is Status.CONTRADICTED:
        return f"{look.words} Next (^n) asks how to continue."
    if look.contradicts:
        return f"{look.words} You chose to continue as it is."
    return f"Done, last confirmed {told_moment(look.at, now)}. {look.words}".rstrip()
