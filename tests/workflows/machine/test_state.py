from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import pytest
from support.machine_samples import GIVEN, PROJECT, SAMPLE, after

from workflows.core.secret import Secret
from workflows.machine.declaration import Step, Workflow
from workflows.machine.events import (
    STOPPED,
    Event,
    Failed,
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
    UnstorableFactError,
)
from workflows.machine.rules import reduce
from workflows.machine.state import SETTLED, State, Status


def finished() -> State:
    state = State.beginning(SAMPLE)
    while open_keys := [key for key in state.layout() if state.status(key, "r") not in SETTLED]:
        state = after(state, open_keys[0])
    return state


def again(state: State, step: str, facts: Mapping[str, object]) -> State:
    return after(reduce(state, Reopened(StepKey(step), "r", "", "")), step, facts)


def statuses(state: State) -> dict[str, str]:
    return {str(key): state.status(key, "r").value for key in state.layout()}


def test_repeated_neighbours_take_turns() -> None:
    assert [str(key) for key in finished().layout()] == [
        "project",
        "users",
        "account",
        "review",
        "plan@management",
        "apply@management",
        "plan@security",
        "apply@security",
        "report",
    ]


def test_doing_a_step_again_with_the_same_outcome_changes_nothing() -> None:
    state = again(finished(), "users", GIVEN["users"])
    assert set(statuses(state).values()) == {"done"}


def test_a_fact_that_gets_back_its_earlier_value_makes_nothing_stale() -> None:
    state = again(finished(), "users", {"people": ["a.example"]})
    assert statuses(state)["review"] == "stale"
    state = again(state, "users", GIVEN["users"])
    assert set(statuses(state).values()) == {"done"}


def test_doing_a_step_again_makes_stale_what_used_its_changed_facts() -> None:
    state = again(finished(), "users", {"people": ["a.example"]})
    assert [key for key, status in statuses(state).items() if status != "done"] == ["review"]
    assert statuses(state)["review"] == "stale"
    assert state.changed_since(StepKey("review")) == ("people",)
    state = again_review(state)
    assert [key for key, status in statuses(state).items() if status == "stale"] == [
        "plan@management",
        "plan@security",
    ]


def again_review(state: State) -> State:
    return after(state, "review", {"diff": "+ nobody"})


def test_only_the_same_item_of_a_repeated_step_becomes_stale_and_the_one_that_reads_all() -> None:
    state = finished()
    key = StepKey("plan", "security")
    state = after(reduce(state, Reopened(key, "r", "", "")), key, {"planned": "3 to add"})
    not_done = {each: status for each, status in statuses(state).items() if status != "done"}
    assert not_done == {"apply@security": "stale"}
    state = after(state, StepKey("apply", "security"), {"applied": 3})
    assert statuses(state)["report"] == "stale"
    assert state.changed_since(StepKey("report")) == ("applied@security",)


@pytest.mark.parametrize(
    ("before", "now"), [(1, True), (1, 1.0), (0, False), ([1], [True]), ({"a": 0}, {"a": False})]
)
def test_values_that_python_takes_for_equal_are_different_facts(before: object, now: object) -> None:
    state = again(finished(), "users", {"people": before})
    state = after(state, "review")
    assert statuses(again(state, "users", {"people": now}))["review"] == "stale"


def test_a_fact_that_is_not_given_this_time_is_gone() -> None:
    state = again(finished(), "users", {})
    assert "people" not in state.facts()
    assert statuses(state)["review"] == "stale"


def test_skipping_takes_the_facts_away() -> None:
    state = finished()
    account = StepKey("account")
    state = reduce(reduce(state, Reopened(account, "r", "", "")), Skipped(account, "r", "", "not now"))
    assert "alias" not in state.facts()
    assert statuses(state)["account"] == "skipped"
    assert statuses(state)["review"] == "stale"


def test_facts_of_a_step_that_does_not_apply_any_more_are_out_of_force_and_come_back() -> None:
    done = finished()
    state = again(done, "project", {**PROJECT, "account_wanted": False})
    assert "alias" not in state.facts()
    assert "account" not in statuses(state)
    assert statuses(state)["review"] == "stale"
    state = again(state, "project", PROJECT)
    assert state.facts()["alias"] == "bb-management"
    assert set(statuses(state).values()) == {"done"}


def test_a_condition_sees_the_facts_of_the_same_item() -> None:
    state = finished()
    key = StepKey("plan", "management")
    state = after(reduce(state, Reopened(key, "r", "", "")), key, {"planned": "nothing"})
    assert "apply@management" not in statuses(state)
    assert "apply@security" in statuses(state)


def test_an_item_that_is_gone_takes_its_steps_and_facts_along() -> None:
    state = again(finished(), "project", {**PROJECT, "layers": ["security"]})
    assert [key for key in statuses(state) if "@" in key] == ["plan@security", "apply@security"]
    assert "planned" not in state.facts("management")
    assert statuses(state)["report"] == "stale"


def test_a_failure_is_remembered_until_the_next_try() -> None:
    key = StepKey("project")
    state = reduce(State.beginning(SAMPLE), Started(key, "r", "then"))
    failed = Failed(key, "r", "later", {"title": "No project"})
    state = reduce(state, failed)
    assert state.status(key, "r") is Status.FAILED
    assert state.records[key].last == failed
    again = Started(key, "r", "")
    assert reduce(state, again).records[key].last == again


def test_a_kind_of_failure_that_is_no_text_is_a_failure_like_any_other() -> None:
    key = StepKey("project")
    error: Any = {"kind": [STOPPED]}
    started = reduce(State.beginning(SAMPLE), Started(key, "r", ""))
    assert reduce(started, Failed(key, "r", "", error)).status(key, "r") is Status.FAILED


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ([], Status.INTERRUPTED),
        ([Failed(StepKey("apply", "security"), "dead", "", {})], Status.FAILED),
        ([Failed(StepKey("apply", "security"), "dead", "", {"kind": STOPPED})], Status.STOPPED),
    ],
)
def test_a_try_that_ended_badly_is_history_once_a_fact_that_it_used_is_another(
    end: list[Event], status: Status
) -> None:
    key, plan = StepKey("apply", "security"), StepKey("plan", "security")
    events = [Reopened(key, "r", "", ""), Started(key, "dead", ""), *end, Reopened(plan, "r", "", "")]
    replanned = functools.reduce(reduce, events, finished())
    assert after(replanned, plan).status(key, "r") is status
    assert after(replanned, plan, {"planned": "3 to add"}).status(key, "r") is Status.READY


def test_a_failure_is_past_once_a_step_that_it_needs_is_done_again() -> None:
    """Its files may have been put back, although the fact about them is the same."""
    key, review = StepKey("plan", "security"), StepKey("review")
    events = [Reopened(key, "r", "", ""), Started(key, "r", ""), Failed(key, "r", "", {})]
    failed = functools.reduce(reduce, [*events, Reopened(review, "r", "", "")], finished())
    assert failed.records[key].last == events[-1]
    assert after(failed, review).status(key, "r") is Status.READY


def test_a_failed_try_again_leaves_the_earlier_facts() -> None:
    key = StepKey("users")
    events = [Reopened(key, "r", "", ""), Started(key, "r", ""), Failed(key, "r", "", {})]
    state = functools.reduce(reduce, events, finished())
    assert state.facts()["people"] == GIVEN["users"]["people"]
    assert statuses(state)["review"] == "done"


def test_what_changed_while_a_step_ran_makes_it_stale_when_it_ends() -> None:
    review = StepKey("review")
    state = reduce(reduce(finished(), Reopened(review, "r", "", "")), Started(review, "r", ""))
    state = again(state, "users", {"people": []})
    state = reduce(state, Succeeded(review, "r", "", GIVEN["review"]))
    assert state.status(review, "r") is Status.STALE


def test_a_step_started_by_another_run_is_interrupted() -> None:
    key = StepKey("project")
    state = reduce(State.beginning(SAMPLE), Started(key, "one", ""))
    assert state.status(key, "one") is Status.RUNNING
    assert state.status(key, "two") is Status.INTERRUPTED


def test_reducing_changes_no_earlier_state_and_keeps_no_hold_of_what_it_was_given() -> None:
    people = ["a.example"]
    before = after(State.beginning(SAMPLE), "project")
    now = after(before, "users", {"people": people})
    people.append("b.sample")
    assert now.facts()["people"] == ["a.example"]
    assert "people" not in before.facts()
    assert before.events == 2


@pytest.mark.parametrize("secret", [Secret("x"), [Secret("x")], {"deep": ({"er": Secret("x")},)}])
def test_a_secret_is_never_a_fact_nor_in_an_error(secret: object) -> None:
    key = StepKey("project")
    state = reduce(State.beginning(SAMPLE), Started(key, "r", ""))
    for fact in PROJECT:
        with pytest.raises(UnstorableFactError, match=fact):
            reduce(state, Succeeded(key, "r", "", {**PROJECT, fact: secret}))
    with pytest.raises(UnstorableFactError, match="detail"):
        reduce(state, Failed(key, "r", "", {"detail": secret}))  # type: ignore[dict-item]


def test_many_needs_do_not_make_a_status_dear() -> None:
    steps = [Step("s0", "S0", "", gives=("f0",))]
    for number in range(1, 40):
        needs = tuple(f"f{each}" for each in range(number))
        steps.append(Step(f"s{number}", "S", "", needs=needs, gives=(f"f{number}",)))
    state = State.beginning(Workflow("deep", "Deep", tuple(steps)))
    assert state.status(StepKey("s39"), "r") is Status.LOCKED
    assert len(state.open_needs(StepKey("s39"))) == 39
