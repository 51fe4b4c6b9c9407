from __future__ import annotations

import pytest
from support.declarations import WorkflowError, check_workflow

from workflows.catalogue import WORKFLOWS
from workflows.machine.declaration import Step, Workflow


def workflow(*steps: Step) -> Workflow:
    return Workflow("w", "W", steps)


def step(step_id: str, **more: object) -> Step:
    return Step(step_id, step_id.title(), "For a test.", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((step("a"), step("a")), "two steps are called a"),
        ((step("A b"),), "is no step id"),
        ((step("a@b"),), "is no step id"),
        ((step(""),), "is no step id"),
        ((step("a", gives=("x@y",)),), "no name for a fact"),
        ((step("a", gives=("",)),), "no name for a fact"),
        ((step("a", gives=("x",)), step("b", gives=("x",))), "a and b both give x"),
        ((step("a", gives=("x", "x")),), "a and a both give x"),
        ((step("a", needs=("x",)), step("b", gives=("x",))), "a needs x, which no earlier step gives"),
        ((step("a", needs=("x",), gives=("x",)),), "a needs x, which no earlier step gives"),
        ((step("a", repeats_over="x"),), "a needs x, which no earlier step gives"),
        (
            (
                step("lists", gives=("m", "n")),
                step("a", gives=("x",), repeats_over="m"),
                step("b", needs=("x",), repeats_over="n"),
            ),
            "b and a, which gives x, repeat over different things",
        ),
        (
            (
                step("lists", gives=("m",)),
                step("a", gives=("x",), repeats_over="m"),
                step("b", repeats_over="x"),
            ),
            "repeat over different things",
        ),
        (
            (step("a", gives=("x",), asked_for=True), step("b", needs=("x",))),
            "b needs x, and a is done only when asked for",
        ),
    ],
)
def test_a_workflow_that_could_strand_a_person_is_refused(steps: tuple[Step, ...], words: str) -> None:
    with pytest.raises(WorkflowError, match=words):
        check_workflow(workflow(*steps))


@pytest.mark.parametrize("made", WORKFLOWS, ids=lambda made: made.id)
def test_no_workflow_of_the_program_could_strand_a_person(made: Workflow) -> None:
    check_workflow(made)


def test_a_step_may_need_what_a_step_gives_that_repeats_over_the_same_list() -> None:
    made = workflow(
        step("lists", gives=("m",)),
        step("a", gives=("x",), repeats_over="m"),
        step("b", needs=("x",), repeats_over="m"),
        step("c", needs=("x",)),
    )
    check_workflow(made)
    assert [[each.id for each in block] for block in made.blocks] == [["lists"], ["a", "b"], ["c"]]
    assert made.repeated_over == {"m"}


def test_neighbours_that_repeat_over_different_lists_do_not_take_turns() -> None:
    made = workflow(step("lists", gives=("m", "n")), step("a", repeats_over="m"), step("b", repeats_over="n"))
    assert [[each.id for each in block] for block in made.blocks] == [["lists"], ["a"], ["b"]]


def test_steps_and_givers_are_found_by_name() -> None:
    made = workflow(step("a", gives=("x",)), step("b", needs=("x",)))
    assert made.step("b") is made.steps[1]
    assert made.giver("x") is made.steps[0]
    with pytest.raises(KeyError):
        made.step("c")
    with pytest.raises(KeyError):
        made.giver("y")
