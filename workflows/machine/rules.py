"""The one table that says which events are legal in which status, and how an event changes the state.

`reduce(state, event) -> state` is pure, total over legal events, and rejects all others with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workflows.core.parsing import parse_json
from workflows.core.sentences import Sentence, joined
from workflows.core.shapes import WrongShape
from workflows.machine.declaration import Step, Workflow
from workflows.machine.events import (
    Acknowledged,
    Event,
    Facts,
    Failed,
    Moved,
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
    checked_facts,
    in_folder,
)
from workflows.machine.state import KnownFact, Record, State, Status

_OPEN = frozenset({Status.READY, Status.FAILED, Status.STOPPED, Status.STALE, Status.INTERRUPTED})

LEGAL: Mapping[type[Event], frozenset[Status]] = {
    Started: _OPEN,
    Succeeded: frozenset({Status.RUNNING}),
    Failed: frozenset({Status.RUNNING}),
    Skipped: _OPEN,
    Reopened: frozenset({Status.DONE, Status.SKIPPED}),
    Acknowledged: frozenset({Status.DONE}),
    Moved: frozenset({Status.DONE}),
}

NOT_PART = "{title} isn't part of this task"
_NOT_STARTED = "{title} has not been started"
_IS_OPEN = "{title} is already open"
_IS_RUNNING = "{title} is running; stop it first"

REFUSALS: Mapping[type[Event], Mapping[Status, str]] = {
    Started: {
        Status.RUNNING: "{title} is already running",
        Status.DONE: "{title} is done; reopen it to do it again",
        Status.SKIPPED: "{title} was skipped; reopen it to do it after all",
    },
    Succeeded: {
        Status.READY: _NOT_STARTED,
        Status.DONE: "{title} is already done",
        Status.SKIPPED: "{title} was skipped; reopen it to do it after all",
        Status.FAILED: "{title} has failed; start it again",
        Status.STOPPED: "{title} was stopped; start it again",
        Status.STALE: "{title} is out of date; start it again",
        Status.INTERRUPTED: "{title} was interrupted; start it again",
    },
    Failed: {
        Status.READY: _NOT_STARTED,
        Status.DONE: "{title} is done; it can't fail any more",
        Status.SKIPPED: "{title} was skipped; it can't fail",
        Status.FAILED: "{title} has already failed",
        Status.STOPPED: "{title} was stopped; start it again",
        Status.STALE: "{title} is out of date; start it again",
        Status.INTERRUPTED: "{title} was interrupted; start it again",
    },
    Skipped: {
        Status.RUNNING: _IS_RUNNING,
        Status.DONE: "{title} is done; there is nothing to skip",
        Status.SKIPPED: "{title} was already skipped",
    },
    Reopened: {
        Status.READY: _IS_OPEN,
        Status.RUNNING: _IS_RUNNING,
        Status.FAILED: _IS_OPEN,
        Status.STOPPED: _IS_OPEN,
        Status.STALE: _IS_OPEN,
        Status.INTERRUPTED: _IS_OPEN,
    },
    Acknowledged: {
        Status.READY: _IS_OPEN,
        Status.RUNNING: _IS_RUNNING,
        Status.SKIPPED: "{title} was skipped; there is nothing to confirm",
        Status.FAILED: _IS_OPEN,
        Status.STOPPED: _IS_OPEN,
        Status.STALE: _IS_OPEN,
        Status.INTERRUPTED: _IS_OPEN,
    },
    Moved: {
        Status.READY: _IS_OPEN,
        Status.RUNNING: _IS_RUNNING,
        Status.SKIPPED: "{title} was skipped; it found no folder",
        Status.FAILED: _IS_OPEN,
        Status.STOPPED: _IS_OPEN,
        Status.STALE: _IS_OPEN,
        Status.INTERRUPTED: _IS_OPEN,
    },
}


class IllegalTransition(ValueError):  # noqa: N818 - the design's name for it
    """An event that the rules don't allow now; its text is the reason."""


def refusal(state: State, event: Event) -> Sentence:
    """Return why an event isn't legal now; "" if it is.

    Legality is judged from the run in which the event happened. A running step may end even if it is no
    longer part of the work: what happened, happened.
    """
    key = event.key
    try:
        step = state.workflow.step(key.step)
    except KeyError:
        return f"There is no step called {key.step} in {state.workflow.title}"
    status = state.recorded_status(key, event.run)
    if key not in state.knowledge.laid_out and status is not Status.RUNNING:
        return NOT_PART.format(title=step.title)
    if isinstance(event, Skipped) and not step.skippable:
        return f"{step.title} can't be skipped"
    if isinstance(event, Succeeded):
        wrong = _wrong_facts(state.workflow, step, event.facts)
        if wrong:
            return wrong
    if status in LEGAL[type(event)]:
        return ""
    if status is Status.LOCKED:
        return locked_words(state, key)
    return REFUSALS[type(event)][status].format(title=step.title)


def _wrong_facts(workflow: Workflow, step: Step, facts: Facts) -> Sentence:
    for fact in workflow.repeated_over & facts.keys():
        items = facts[fact]
        texts = isinstance(items, list | tuple) and all(isinstance(item, str) and item for item in items)
        if not texts or len(set(items)) < len(items):
            return f"{step.title} has to give {fact} as a list of different texts, since steps repeat over it"
    try:
        step.reads(facts)
    except WrongShape as error:
        return error.what
    return ""


def locked_words(state: State, key: StepKey) -> Sentence:
    """Return why a step has to wait."""
    step, ahead = state.workflow.step(key.step), state.open_needs(key)
    for needed in ahead:
        if state.contradicted(needed):
            return f"{state.workflow.title_of(needed)} has changed since it was done"
    givers = state.givers(key)
    if step.blocked_words and any(needed.step == givers[-1].step for needed in ahead):
        return step.blocked_words
    direct = [needed for needed in ahead if needed in givers]
    steps = dict.fromkeys(needed.step for needed in direct or ahead[:1])
    titles = (state.workflow.step(step).title for step in steps)
    return f"{step.title} has to wait for {joined(titles, ' and ')}"


def reduce(state: State, event: Event) -> State:
    """Return the state after an event.

    Doing a step again changes only the facts that come out different, so exactly the steps that used one of
    those become stale. Skipping a step removes its facts.

    Raises:
        IllegalTransition: the event isn't legal now, with the reason.
        UnstorableFactError: a fact isn't JSON, or is a secret.
    """
    event = _storable(event)
    reason = refusal(state, event)
    if reason:
        raise IllegalTransition(reason)
    knowledge, number, records = state.knowledge, state.events + 1, state.records
    before = state.records.get(event.key)
    if isinstance(event, Acknowledged) and before is not None:
        record = replace(before, acknowledged=event.seen)
        return replace(state, events=number, records={**state.records, event.key: record})
    if isinstance(event, Moved):
        return _moved(state, event, number)
    record = Record(event)
    match event:
        case Started(key):
            record = Record(event, knowledge.used_by(key))
        case Succeeded(key):
            record = Record(event, before.used if before else {})
            knowledge = knowledge.learned(key, event.facts)
            records = {of: known for of, known in records.items() if not _is_past(of, known, key, state)}
        case Failed():
            record = Record(event, before.used if before else {})
        case Skipped(key):
            knowledge = knowledge.learned(key, {})
    settles = isinstance(event, Succeeded | Skipped)
    observed = {  # while a contradicted step is done again, it knows why
        key: look
        for key, look in state.observed.items()
        if key != event.key or (look.contradicts and not settles)
    }
    return State(knowledge, number, {**records, event.key: record}, observed)


def _is_past(key: StepKey, record: Record, done: StepKey, state: State) -> bool:
    """Return whether a step's failure is past, since a step that it needs has been done again."""
    leaves_nothing = not state.workflow.step(key.step).outlives
    return isinstance(record.last, Failed) and leaves_nothing and done in state.givers(key)


def _moved(state: State, event: Moved, number: int) -> State:
    """Return the state with a folder moved; looks at the old place don't count for the new one."""
    records = {}
    for key, record in state.records.items():
        used = {name: parse_json(text) for name, text in record.used.items()}
        moved = {
            name: KnownFact(in_folder(value, event.before, event.now)).text for name, value in used.items()
        }
        records[key] = replace(record, used=moved)
    return State(state.knowledge.moved(event.before, event.now), number, records)


def _storable(event: Event) -> Event:
    """Return the event with a private copy of its facts."""
    match event:
        case Succeeded():
            return replace(event, facts=checked_facts(event.facts))
        case Failed():
            return replace(event, error=checked_facts(event.error))
    return event
