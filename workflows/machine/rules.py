"""The one table that says which event is legal in which status, and the refusal in words."""

from __future__ import annotations

from collections.abc import Mapping

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
)
from workflows.machine.state import State, Status

_OPEN = frozenset({Status.READY, Status.FAILED, Status.STALE, Status.INTERRUPTED})

LEGAL: Mapping[type[Event], frozenset[Status]] = {
    Started: _OPEN,
    Succeeded: frozenset({Status.RUNNING}),
    Failed: frozenset({Status.RUNNING}),
    Skipped: _OPEN,
    Reopened: frozenset({Status.DONE, Status.SKIPPED}),
    Acknowledged: frozenset({Status.DONE}),
    Moved: frozenset({Status.DONE}),
}

_NOT_STARTED = "{title} has not been started"
_IS_OPEN = "{title} is open already"
_IS_RUNNING = "{title} is running; stop it first"

REFUSALS: Mapping[type[Event], Mapping[Status, str]] = {
    Started: {
        Status.RUNNING: "{title} is running already",
        Status.DONE: "{title} is done; reopen it to do it again",
        Status.SKIPPED: "{title} was skipped; reopen it to do it after all",
    },
    Succeeded: {
        Status.READY: _NOT_STARTED,
        Status.DONE: "{title} is done already",
        Status.SKIPPED: "{title} was skipped; reopen it to do it after all",
        Status.FAILED: "{title} has failed; start it again",
        Status.STALE: "{title} is out of date; start it again",
        Status.INTERRUPTED: "{title} was interrupted; start it again",
    },
    Failed: {
        Status.READY: _NOT_STARTED,
        Status.DONE: "{title} is done; it cannot fail any more",
        Status.SKIPPED: "{title} was skipped; it cannot fail",
        Status.FAILED: "{title} has failed already",
        Status.STALE: "{title} is out of date; start it again",
        Status.INTERRUPTED: "{title} was interrupted; start it again",
    },
    Skipped: {
        Status.RUNNING: _IS_RUNNING,
        Status.DONE: "{title} is done; there is nothing to skip",
        Status.SKIPPED: "{title} was skipped already",
    },
    Reopened: {
        Status.READY: _IS_OPEN,
        Status.RUNNING: _IS_RUNNING,
        Status.FAILED: _IS_OPEN,
        Status.STALE: _IS_OPEN,
        Status.INTERRUPTED: _IS_OPEN,
    },
    Acknowledged: {
        Status.READY: _IS_OPEN,
        Status.RUNNING: _IS_RUNNING,
        Status.SKIPPED: "{title} was skipped; there is nothing to confirm",
        Status.FAILED: _IS_OPEN,
        Status.STALE: _IS_OPEN,
        Status.INTERRUPTED: _IS_OPEN,
    },
    Moved: {
        Status.READY: _IS_OPEN,
        Status.RUNNING: _IS_RUNNING,
        Status.SKIPPED: "{title} was skipped; it found no folder",
        Status.FAILED: _IS_OPEN,
        Status.STALE: _IS_OPEN,
        Status.INTERRUPTED: _IS_OPEN,
    },
}


class IllegalTransition(ValueError):  # noqa: N818 - the design's name for it
    """An event that the rules do not allow now; its text is the reason in words."""


def refusal(state: State, event: Event) -> Sentence:
    """Why an event is not legal now, in words; "" when it is legal.

    Legality is judged from the run that the event happened in. A step that is running may end even if it has
    stopped being part of the work meanwhile: what happened, happened.
    """
    key = event.key
    try:
        step = state.workflow.step(key.step)
    except KeyError:
        return f"There is no step called {key.step} in {state.workflow.title}"
    status = state.recorded_status(key, event.run)
    if key not in state.knowledge.laid_out and status is not Status.RUNNING:
        return f"{step.title} is not part of what is to be done"
    if isinstance(event, Skipped) and not step.skippable:
        return f"{step.title} cannot be skipped"
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
    unknown = [str(name) for name in facts if name not in step.gives]
    if unknown:
        return f"{step.title} does not give {', '.join(sorted(unknown))}"
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
    """Why a step has to wait, in words."""
    step = state.workflow.step(key.step)
    if step.blocked_words:
        return step.blocked_words
    ahead = state.open_needs(key)
    direct = [one for one in ahead if one in state.givers(key)]
    steps = dict.fromkeys(one.step for one in direct or ahead[:1])
    titles = (state.workflow.step(one).title for one in steps)
    return f"{step.title} has to wait for {joined(titles, ' and ')}"
