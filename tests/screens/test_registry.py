"""Each step of the catalogue has its page, and there is no other."""

from __future__ import annotations

import pytest

from screens.registry import PANES
from screens.step.page import StepPane
from workflows.catalogue import WORKFLOWS

STEPS = [step.id for workflow in WORKFLOWS for step in workflow.steps]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_has_its_page(step: str) -> None:
    assert issubclass(PANES[step], StepPane)


def test_there_is_no_page_of_a_step_that_is_not() -> None:
    assert sorted(PANES) == sorted(STEPS)
