"""Each step of the catalogue has its code, and there is no other."""

from __future__ import annotations

import pytest

from workflows.catalogue import WORKFLOWS
from workflows.step_modules import MODULES

STEPS = [(workflow.id, step.id) for workflow in WORKFLOWS for step in workflow.steps]


@pytest.mark.parametrize(("workflow", "step"), STEPS)
def test_a_step_has_its_code(workflow: str, step: str) -> None:
    module = MODULES[workflow][step]
    assert all(callable(getattr(module, name)) for name in ("Request", "validate", "perform", "observe"))


def test_there_is_no_code_of_a_step_that_is_not() -> None:
    assert [(workflow, step) for workflow, modules in MODULES.items() for step in modules] == STEPS
