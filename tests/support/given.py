"""A step that stands for all the steps before the ones of a test: it gives their facts."""

# ruff: noqa: ARG002 - a step module's functions take what they take
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.core.errors import Problem
from workflows.machine.declaration import Step
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation
from workflows.steps.shared.module import Context, Report


class Given:
    """A step module whose facts are known from the start.

    Args:
        facts: what it gives.
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
