"""`reduce(state, event) -> state`: pure, total over legal events, and refusing with a reason for the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from workflows.core.parsing import parse_json
from workflows.machine.events import (
    Acknowledged,
    Event,
    Failed,
    Moved,
    Reopened,
    Skipped,
    Started,
    Succeeded,
    checked_facts,
    in_folder,
)
from workflows.machine.rules import IllegalTransition, refusal
from workflows.machine.state import Phase, Record, State

_BECOMES: Mapping[type[Event], Phase] = {
    Started: Phase.STARTED,
    Succeeded: Phase.SUCCEEDED,
    Failed: Phase.FAILED,
    Skipped: Phase.SKIPPED,
    Reopened: Phase.REOPENED,
}


def reduce(state: State, event: Event) -> State:
    """The state after an event.

    Doing a step again changes only the facts that come out different, so exactly the steps that used one of
    those become stale. Leaving a step out takes its facts away.

    Raises:
        IllegalTransition: the event is not legal now; the reason in words.
        UnstorableFactError: a fact is no JSON value, or is a secret.
    """
    event = _storable(event)
    reason = refusal(state, event)
    if reason:
        raise IllegalTransition(reason)
    knowledge, number = state.knowledge, state.events + 1
    before = state.records.get(event.key)
    if isinstance(event, Acknowledged) and before is not None:
        record = replace(before, acknowledged=event.seen)
        return replace(state, events=number, records={**state.records, event.key: record})
    if isinstance(event, Moved):
        return _moved(state, event, number)
    record = Record(_BECOMES[type(event)], run=event.run, at=event.at)
    match event:
        case Started(key):
            record = replace(record, used=knowledge.used_by(key))
        case Succeeded(key):
            record = replace(record, used=before.used if before else {})
            knowledge = knowledge.learned(key, event.facts, number)
        case Failed():
            record = replace(record, error=event.error)
        case Skipped(key):
            record = replace(record, reason=event.reason)
            knowledge = knowledge.learned(key, {}, number)
        case Reopened():
            record = replace(record, reason=event.reason)
    observed = {key: one for key, one in state.observed.items() if key != event.key}
    return State(knowledge, number, {**state.records, event.key: record}, observed)


def _moved(state: State, event: Moved, number: int) -> State:
    """The state about the same folder elsewhere; what was seen of the one before is no look at this one."""
    records = {}
    for key, record in state.records.items():
        parts = {name: part for name, part in record.used.items() if isinstance(part, str)}
        moved = {name: in_folder(parse_json(part), event.before, event.now) for name, part in parts.items()}
        texts = {name: json.dumps(part, sort_keys=True) for name, part in moved.items()}
        records[key] = replace(record, used={**record.used, **texts})
    return State(state.knowledge.moved(event.before, event.now), number, records)


def _storable(event: Event) -> Event:
    """The event with a copy of its facts that nobody else can change."""
    match event:
        case Succeeded():
            return replace(event, facts=checked_facts(event.facts))
        case Failed():
            return replace(event, error=checked_facts(event.error))
    return event
