"""`reduce(state, event) -> state`: pure, total over legal events, and refusing with a reason for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workflows.machine.events import (
    Event,
    Facts,
    Failed,
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
    checked_facts,
)
from workflows.machine.rules import IllegalTransition, refusal
from workflows.machine.state import KnownFact, Phase, Record, State


def reduce(state: State, event: Event) -> State:
    """The state after an event.

    Doing a step again changes only the facts that come out different, so exactly the steps that used one of
    those become stale. Legality is judged from the run that started the step.

    Raises:
        IllegalTransition: the event is not legal now; the reason in words.
        UnstorableFactError: a fact is no JSON value, or is a secret.
    """
    reason = refusal(state, event, _run_of(state, event))
    if reason:
        raise IllegalTransition(reason)
    return _apply(state, event)


def replay(state: State, events: Iterable[Event]) -> State:
    """The state after many events, as from a journal.

    Raises:
        IllegalTransition: an event was not legal where it stands.
    """
    for event in events:
        state = reduce(state, event)
    return state


def _run_of(state: State, event: Event) -> str:
    if isinstance(event, Started):
        return event.run
    record = state.records.get(event.key)
    return record.run if record and not isinstance(event, Skipped) else ""


def _apply(state: State, event: Event) -> State:
    before = state.records.get(event.key, Record(Phase.REOPENED))
    known = dict(state.known)
    match event:
        case Started(key, run, at):
            record = Record(Phase.STARTED, run=run, at=at, used=_used(state, key))
        case Succeeded(key, facts, at):
            record = replace(before, phase=Phase.SUCCEEDED, at=at)
            _learn(state, key, checked_facts(facts), known)
        case Failed(_, error, at):
            record = replace(before, phase=Phase.FAILED, at=at, error=dict(error))
        case Skipped(_, reason, at):
            record = Record(Phase.SKIPPED, at=at, reason=reason)
        case Reopened(_, reason, at):
            record = Record(Phase.REOPENED, at=at, reason=reason)
    return replace(state, events=state.events + 1, records={**state.records, event.key: record}, known=known)


def _used(state: State, key: StepKey) -> dict[str, int]:
    """The facts that a step begins with, each with the number of the event that set it."""
    return {name: state.known[name].since for name in state.needed(key) if name in state.known}


def _learn(state: State, key: StepKey, facts: Facts, known: dict[str, KnownFact]) -> None:
    """Take in what a step gave: a fact with the same value keeps its number, one that is gone goes."""
    for fact in state.workflow.step(key.step).gives:
        name = state.scoped(fact, key.item)
        if fact not in facts:
            known.pop(name, None)
        elif name not in known or known[name].value != facts[fact]:
            known[name] = KnownFact(facts[fact], state.events + 1)
