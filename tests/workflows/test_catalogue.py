from __future__ import annotations

import pytest

from screens.registry import PANES
from screens.step.page import StepPane
from workflows.catalogue import WORKFLOWS
from workflows.core.later import Later
from workflows.step_modules import MODULES

STEPS = [(workflow.id, step) for workflow in WORKFLOWS for step in workflow.steps]


@pytest.mark.parametrize(("workflow", "step"), STEPS)
def test_a_step_has_its_code_and_its_page(workflow: str, step: object) -> None:
    module = MODULES[workflow][step.id]
    assert all(callable(getattr(module, name)) for name in ("Request", "validate", "perform", "observe"))
    assert issubclass(PANES[step.id], StepPane)


def test_there_is_no_code_or_page_of_a_step_that_is_not() -> None:
    assert {(workflow, step) for workflow, modules in MODULES.items() for step in modules} == {
        (workflow, step.id) for workflow, step in STEPS
    }
    assert set(PANES) == {step.id for _, step in STEPS}


def test_what_is_named_is_found_only_when_it_is_asked_for() -> None:
    places = Later({"a": "workflows.core.later:Later", "b": "no.such.module"})
    assert (len(places), list(places)) == (2, ["a", "b"])
    assert places["a"] is Later
    with pytest.raises(KeyError):
        places["c"]
    with pytest.raises(ModuleNotFoundError):
        places["b"]
