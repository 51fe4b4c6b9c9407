"""A step that replaces all earlier steps of a test and gives their facts."""

# ruff: noqa: ARG002 - the parameters are those of a step module
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.core.sentences import Problem
from workflows.machine.declaration import Step
from workflows.machine.events import AGREES, Facts, Observation
from workflows.steps.shared.module import Context, Report


class Given:
    """A step module with fixed facts.

    Args:
        facts: the facts that it gives.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.STEP = Step("given", "Given", "What was decided before.", gives=tuple(facts))
        self.facts = dict(facts)

    def validate(self, request: Any, context: Context) -> list[Problem]:
        return []

    def perform(self, request: Any, context: Context, report: Report) -> Facts:
        return self.facts

    def observe(self, context: Context) -> Observation:
        return AGREES
