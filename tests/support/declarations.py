"""Checks of a workflow's declarations: every step must be reachable."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workflows.machine.declaration import Step, Workflow


class WorkflowError(ValueError):
    """A step of the workflow may be unreachable, or a name is unusable."""


def check_workflow(workflow: Workflow) -> None:
    """Reject unusable and repeated names, and needs that earlier steps may not give.

    Raises:
        WorkflowError: the name of a step or a fact is unusable or repeated; no earlier step gives a need; a
            repeated step needs a fact that repeats over another list; the list that a step repeats over comes
            from no earlier step or from a repeated one; or a step that is done only on request gives a need.
    """
    given: dict[str, Step] = {}
    seen: set[str] = set()
    for step in workflow.steps:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", step.id):
            raise WorkflowError(f"{step.id!r} is no step id: lower case letters, digits and dashes")
        if step.id in seen:
            raise WorkflowError(f"two steps are called {step.id}")
        seen.add(step.id)
        _check_needs(step, given)
        for fact in step.gives:
            if not fact.isidentifier():
                raise WorkflowError(f"{step.id} gives {fact!r}, which is no name for a fact")
            if fact in given:
                raise WorkflowError(f"{given[fact].id} and {step.id} both give {fact}")
            given[fact] = step


def _check_needs(step: Step, given: Mapping[str, Step]) -> None:
    for fact in (*step.needs, *filter(None, [step.repeats_over])):
        giver = given.get(fact)
        if giver is None:
            raise WorkflowError(f"{step.id} needs {fact}, which no earlier step gives")
        if giver.repeats_over and step.repeats_over not in {"", giver.repeats_over}:
            raise WorkflowError(f"{step.id} and {giver.id}, which gives {fact}, repeat over different things")
        if giver.asked_for:
            raise WorkflowError(f"{step.id} needs {fact}, and {giver.id} is done only when asked for")
        if fact == step.repeats_over and giver.repeats_over:
            raise WorkflowError(f"{step.id} repeats over {fact}, which is itself repeated")
