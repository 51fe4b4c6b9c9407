"""The declarations of step modules."""

from __future__ import annotations

from typing import Any

from workflows.catalogue import WORKFLOWS
from workflows.machine.declaration import Step
from workflows.step_modules import MODULES


def step_of(module: Any) -> Step:
    """Return the declaration of a step module: in its workflow, or the `STEP` of a test's module."""
    if hasattr(module, "STEP"):
        return module.STEP
    every = ((workflow.id, step) for workflow in WORKFLOWS for step in workflow.steps)
    return next(step for workflow, step in every if MODULES[workflow][step.id] is module)
