"""The one table that says which event is legal in which status, and the refusal in words."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.machine.events import Event, Failed, Reopened, Skipped, Started, StepKey, Succeeded
from workflows.machine.state import State, Status

_OPEN = frozenset({Status.READY, Status.FAILED, Status.STALE, Status.INTERRUPTED})

LEGAL: Mapping[type[Event], frozenset[Status]] = {
    Started: _OPEN,
    Succeeded: frozenset({Status.RUNNING}),
    Failed: frozenset({Status.RUNNING}),
    Skipped: _OPEN,
    Reopened: frozenset({Status.DONE, Status.SKIPPED}),
}

_REFUSALS: Mapping[type[Event], Mapping[Status, str]] = {
    Started: {
        Status.RUNNING: "{title} is running already",
        Status.DONE: "{title} is done; reopen it to do it again",
        Status.SKIPPED: "{title} was skipped; reopen it to do it after all",
    },
    Succeeded: {
        Status.READY: "{title} has not been started",
        Status.DONE: "{title} is done already",
        Status.INTERRUPTED: "{title} was interrupted; start it again",
    },
    Failed: {Status.READY: "{title} has not been started", Status.INTERRUPTED: "{title} was interrupted"},
    Skipped: {
        Status.RUNNING: "{title} is running; stop it first",
        Status.DONE: "{title} is done; there is nothing to skip",
        Status.SKIPPED: "{title} was skipped already",
    },
    Reopened: {
        Status.READY: "{title} is open already",
        Status.FAILED: "{title} is open already",
        Status.STALE: "{title} is open already",
        Status.INTERRUPTED: "{title} is open already",
        Status.RUNNING: "{title} is running; stop it first",
    },
}


class IllegalTransition(ValueError):  # noqa: N818 - the design's name for it
    """An event that the rules do not allow now; its text is the reason in words."""


def refusal(state: State, event: Event, run: str) -> str:
    """Why an event is not legal now, in words; "" when it is legal."""
    key = event.key
    try:
        step = state.workflow.step(key.step)
    except KeyError:
        return f"There is no step called {key.step} in {state.workflow.title}"
    if key not in state.layout():
        return f"{step.title} is not part of what is to be done"
    if isinstance(event, Skipped) and not step.skippable:
        return f"{step.title} cannot be skipped"
    unknown = set(event.facts) - set(step.gives) if isinstance(event, Succeeded) else set()
    if unknown:
        return f"{step.title} does not give {', '.join(sorted(unknown))}"
    status = state.status(key, run)
    if status in LEGAL[type(event)]:
        return ""
    if status is Status.LOCKED:
        return _locked_words(state, key, run)
    return _REFUSALS[type(event)].get(status, "{title} is " + status.value).format(title=step.title)


def _locked_words(state: State, key: StepKey, run: str) -> str:
    step = state.workflow.step(key.step)
    if step.blocked_words:
        return step.blocked_words
    titles = [state.workflow.step(open_key.step).title for open_key in state.open_needs(key, run)]
    return f"{step.title} has to wait for {' and '.join(titles)}"
