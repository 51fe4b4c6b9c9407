from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest
from support.machine_samples import GIVEN, PROJECT, SAMPLE, after

from workflows.core.sentences import text_of
from workflows.machine.events import (
    STOPPED,
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
from workflows.machine.rules import LEGAL, NOT_PART, REFUSALS, IllegalTransition, reduce, refusal
from workflows.machine.state import State, Status

BEGINNING = State.beginning(SAMPLE)
ACCOUNT = StepKey("account")
IN_PROJECT = after(BEGINNING, "project")
RECORDED = set(Status) - {Status.CONTRADICTED, Status.UNCONFIRMED}  # these two are results of looks


def words(kind: type[Event], status: Status) -> str:
    """Return the table's message for an event of the step Account."""
    return REFUSALS[kind][status].format(title="Account")


def event_of(kind: type[Event], key: StepKey, run: str = "r") -> Event:
    if kind is Succeeded:
        return Succeeded(key, run, "now", GIVEN[key.step])
    if kind is Failed:
        return Failed(key, run, "now", {"title": "No", "what": "It did not work."})
    if kind is Skipped:
        return Skipped(key, run, "now", "")
    if kind is Acknowledged:
        return Acknowledged(key, run, "now", "gone\njane.doe")
    if kind is Moved:
        return Moved(key, run, "now", "/before", "/now")
    if kind is Reopened:
        return Reopened(key, run, "now", "")
    return Started(key, run, "now")


def in_status(status: Status) -> State:
    """Return a state in which the step Account has this status, seen from run "r"."""
    started = reduce(IN_PROJECT, event_of(Started, ACCOUNT))
    done = reduce(started, event_of(Succeeded, ACCOUNT))
    states = {
        Status.LOCKED: reduce(IN_PROJECT, event_of(Reopened, StepKey("project"))),
        Status.READY: IN_PROJECT,
        Status.RUNNING: started,
        Status.DONE: done,
        Status.SKIPPED: reduce(IN_PROJECT, event_of(Skipped, ACCOUNT)),
        Status.FAILED: reduce(started, event_of(Failed, ACCOUNT)),
        Status.STOPPED: reduce(started, replace(event_of(Failed, ACCOUNT), error={"kind": STOPPED})),
        Status.STALE: after(
            reduce(done, event_of(Reopened, StepKey("project"))), "project", {**PROJECT, "project": "le"}
        ),
        Status.INTERRUPTED: reduce(IN_PROJECT, event_of(Started, ACCOUNT, run="dead")),
    }
    assert states[status].status(ACCOUNT, "r") is status
    return states[status]


@pytest.mark.parametrize(("kind", "status"), list(product(get_args(Event), sorted(RECORDED))))
def test_the_table_alone_decides_what_may_happen(kind: type[Event], status: Status) -> None:
    state = in_status(status)
    event = event_of(kind, ACCOUNT)
    if status in LEGAL[kind]:
        assert refusal(state, event) == ""
        assert reduce(state, event).events == state.events + 1
        return
    with pytest.raises(IllegalTransition, match="Account") as refused:
        reduce(state, event)
    assert str(refused.value) == refusal(state, event)
    assert "{" not in str(refused.value)


def test_every_refusal_has_its_own_words() -> None:
    for kind, status in product(get_args(Event), RECORDED - {Status.LOCKED}):
        assert (status in LEGAL[kind]) != (status in REFUSALS[kind]), (kind, status)


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (event_of(Started, StepKey("users")), {"Users", "Project"}),
        (Started(StepKey("nowhere"), "r", ""), {"nowhere", "Admin"}),
        (Skipped(StepKey("project"), "r", "", ""), {"Project"}),
    ],
)
def test_an_event_out_of_place_is_refused_by_name(event: Event, named: set[str]) -> None:
    words = text_of(refusal(BEGINNING, event))
    assert named <= set(words.split())
    assert words != NOT_PART.format(title="Project")


@pytest.mark.parametrize("key", [StepKey("plan", "shared"), StepKey("plan"), StepKey("users", "management")])
def test_a_step_that_is_no_part_of_the_work_says_so(key: StepKey) -> None:
    title = SAMPLE.step(key.step).title
    assert refusal(BEGINNING, Started(key, "r", "")) == NOT_PART.format(title=title)


def test_a_step_says_in_its_own_words_what_blocks_it() -> None:
    state = after(after(after(IN_PROJECT, "users"), "account"), "review")
    event = Started(StepKey("apply", "security"), "r", "")
    assert refusal(state, event) == SAMPLE.step("apply").blocked_words != ""


def test_a_wait_for_several_items_of_one_step_names_it_once() -> None:
    state = after(after(after(IN_PROJECT, "users"), "account"), "review")
    words = text_of(refusal(state, Started(StepKey("report"), "r", ""))).split()
    assert (words.count("Report"), words.count("Apply")) == (1, 1)


@pytest.mark.parametrize("layers", ["security", ["a", "a"], ["a", ""], [1], [["a"]], {"a": 1}, None, 3])
def test_a_list_that_steps_repeat_over_holds_different_texts(layers: object) -> None:
    state = reduce(BEGINNING, event_of(Started, StepKey("project")))
    facts: Facts = {**PROJECT, "layers": layers}
    assert " layers " in refusal(state, Succeeded(StepKey("project"), "r", "", facts))
    assert refusal(state, Succeeded(StepKey("project"), "r", "", PROJECT)) == ""


def test_what_another_run_started_can_only_be_started_again_or_skipped() -> None:
    state = reduce(IN_PROJECT, event_of(Started, ACCOUNT, run="dead"))
    assert refusal(state, event_of(Succeeded, ACCOUNT)) == words(Succeeded, Status.INTERRUPTED)
    assert refusal(state, event_of(Failed, ACCOUNT)) == words(Failed, Status.INTERRUPTED)
    assert refusal(state, event_of(Started, ACCOUNT)) == ""
    assert refusal(state, event_of(Skipped, ACCOUNT)) == ""


def test_a_running_step_cannot_be_skipped_away() -> None:
    state = reduce(IN_PROJECT, event_of(Started, ACCOUNT))
    assert refusal(state, event_of(Skipped, ACCOUNT)) == words(Skipped, Status.RUNNING)


def test_what_runs_may_end_after_it_stopped_being_part_of_the_work() -> None:
    state = reduce(IN_PROJECT, event_of(Started, ACCOUNT))
    state = reduce(state, event_of(Reopened, StepKey("project")))
    state = after(state, "project", {**PROJECT, "account_wanted": False})
    assert ACCOUNT not in state.layout()
    state = reduce(state, event_of(Succeeded, ACCOUNT))
    assert "alias" not in state.facts()
    assert refusal(state, event_of(Reopened, ACCOUNT)) == NOT_PART.format(title="Account")
