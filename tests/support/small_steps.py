"""A small workflow with its own step modules and panes, for tests of the wizard.

The ids are those of real steps, so that each has a help text.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from textual.app import ComposeResult
from textual.widgets import Checkbox, DataTable, Input, SelectionList, Static, TextArea
from textual.widgets.selection_list import Selection

from screens.step.page import StepPane
from screens.widgets.fields import SecretInput
from workflows.core.sentences import OnboardError, Problem
from workflows.machine.declaration import Step
from workflows.machine.events import AGREES, Observation
from workflows.steps.shared.module import Context, Progress, Report


@dataclass(frozen=True)
class Request:
    """The text in a pane's field."""

    text: str


@dataclass
class SmallStep:
    """A step module that gives the typed text as its fact."""

    STEP: Step
    observation: Observation = AGREES
    failure: Exception | None = None
    holds: threading.Event | None = None
    result: Mapping[str, Any] | None = None
    performed: list[str] = field(default_factory=list)

    def validate(self, request: Request, context: Context) -> list[Problem]:  # noqa: ARG002
        problems = []
        if request.text == "bad":
            problems.append(Problem("bad is not accepted; type anything else.", "text"))
        if "odd" in request.text:
            problems.append(Problem("That is odd.", "text", fatal=False))
        return problems

    def perform(self, request: Request, context: Context, report: Report) -> Mapping[str, Any]:
        self.performed.append(request.text)
        report(Progress("Doing it"))
        if self.holds is not None:
            while not self.holds.wait(0.01):
                context.raise_if_cancelled()
        if self.failure is not None:
            raise self.failure
        return self.result if self.result is not None else dict.fromkeys(self.STEP.gives, request.text)

    def observe(self, context: Context) -> Observation:  # noqa: ARG002
        return self.observation


class SmallPane(StepPane):
    """A pane with one field."""

    def compose_body(self) -> ComposeResult:
        given = self.context.facts.get(self.opening.step.gives[0], "") if self.opening.step.gives else ""
        yield Input(value=str(self.opening.draft.get("text", given)), id="text")

    def request(self) -> Request:
        return Request(self.query_one("#text", Input).value)

    def draft(self) -> Mapping[str, Any]:
        return {"text": self.request().text}

    def on_input_changed(self) -> None:
        self.keep_draft()


class EverythingPane(SmallPane):
    """A pane with one widget of each kind that handles keys."""

    def compose_body(self) -> ComposeResult:
        yield from super().compose_body()
        yield TextArea(id="area")
        yield DataTable[str](id="table")
        yield SelectionList[str](Selection("one", "one"), Selection("two", "two"), id="selection")
        yield Checkbox("Tick", id="tick")
        yield SecretInput(id="secret")
        yield Static("tall\n" * 40)

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("a", "b")
        table.add_row("1", "2")


def once(step_id: str, gives: str, *needs: str, **more: Any) -> Step:
    """Return the declaration of a small step."""
    return Step(step_id, step_id.capitalize(), f"The {step_id} step.", needs, (gives,), **more)


def small_workflow() -> list[SmallStep]:
    """Return project and users, two steps for each of two layers, and an optional account."""
    project = SmallStep(Step("project", "Project", "Find it.", (), ("project", "layers")))
    project.result = {"project": "bb", "layers": ["management", "security"]}
    return [
        project,
        SmallStep(once("users", "people", "project")),
        SmallStep(once("groups", "planned", "people", repeats_over="layers")),
        SmallStep(once("review", "applied", "planned", repeats_over="layers")),
        SmallStep(once("account", "alias", "project", skippable=True)),
    ]


def panes_for(modules: Sequence[SmallStep], **special: type[StepPane]) -> dict[str, type[StepPane]]:
    """Return step id -> pane: a special one, or the small pane."""
    return {module.STEP.id: special.get(module.STEP.id, SmallPane) for module in modules}


NOT_THERE = OnboardError("It is not there", "The thing is not there.", why="Nobody made it.", next="Make it.")
