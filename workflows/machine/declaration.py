"""What a workflow is: a tuple of step declarations that reads like the list in the documentation.

A declaration promises what the step needs and gives, so that the machine can tell by itself which steps are
open, and which ones a change makes stale. Declarations that could lead to a dead end are refused when the
workflow is made, not when a person stands in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workflows.machine.events import Facts, StepKey


@dataclass(frozen=True)
class Condition:
    """When a step applies: in words for the documentation, and as a function of the facts."""

    words: str
    holds: Callable[[Facts], bool]


ALWAYS = Condition("always", lambda _facts: True)


@dataclass(frozen=True)
class Step:
    """One step of a workflow.

    Attributes:
        id: short, stable, lower case with dashes; the journal stores it.
        title: as the rail shows it.
        purpose: two lines at most: what the step is for.
        needs: names of facts without which it cannot begin; each is given by an earlier step.
        gives: names of the facts that it gives; no other step gives them.
        skippable: whether a person may leave it out.
        repeats_over: the name of a fact, a list of texts, for each of which it is done once; "" for once.
        applies: when the step is part of the workflow at all.
        blocked_words: the reason, in words, that it is refused while a need is open ("Apply needs a plan …").
    """

    id: str
    title: str
    purpose: str
    needs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    skippable: bool = False
    repeats_over: str = ""
    applies: Condition = ALWAYS
    blocked_words: str = ""


class WorkflowError(ValueError):
    """A workflow that is declared in a way that could strand a person; a defect of the program."""


@dataclass(frozen=True)
class Workflow:
    """The steps of one person's work, in their order.

    Raises:
        WorkflowError: two steps share an id or a fact, a need is given by no earlier step, a repeated step
            needs what repeats over something else, or the list it repeats over is unknown.
    """

    id: str
    title: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        given: dict[str, Step] = {}
        seen: set[str] = set()
        for step in self.steps:
            if step.id in seen:
                raise WorkflowError(f"two steps are called {step.id}")
            seen.add(step.id)
            self._check_needs(step, given)
            for fact in step.gives:
                if fact in given:
                    raise WorkflowError(f"{given[fact].id} and {step.id} both give {fact}")
                given[fact] = step

    @staticmethod
    def _check_needs(step: Step, given: dict[str, Step]) -> None:
        for fact in (*step.needs, *filter(None, [step.repeats_over])):
            giver = given.get(fact)
            if giver is None:
                raise WorkflowError(f"{step.id} needs {fact}, which no earlier step gives")
            if giver.repeats_over and step.repeats_over not in {"", giver.repeats_over}:
                raise WorkflowError(
                    f"{step.id} and {giver.id}, which gives {fact}, repeat over different things"
                )
            if fact == step.repeats_over and giver.repeats_over:
                raise WorkflowError(f"{step.id} repeats over {fact}, which is itself repeated")

    def step(self, step_id: str) -> Step:
        """The declaration with that id.

        Raises:
            KeyError: there is none.
        """
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def giver(self, fact: str) -> Step:
        """The step that gives a fact.

        Raises:
            KeyError: none does.
        """
        for step in self.steps:
            if fact in step.gives:
                return step
        raise KeyError(fact)

    def keys(self, facts: Facts) -> Iterator[StepKey]:
        """The steps that these facts lay out, in order; neighbours that repeat over one list take turns.

        With layers management and security, plan and apply come as plan@management, apply@management,
        plan@security, apply@security.
        """
        position = 0
        while position < len(self.steps):
            step = self.steps[position]
            block = [step]
            position += 1
            if not step.repeats_over:
                if step.applies.holds(facts):
                    yield StepKey(step.id)
                continue
            while position < len(self.steps) and self.steps[position].repeats_over == step.repeats_over:
                block.append(self.steps[position])
                position += 1
            yield from self._repeated(block, facts)

    @staticmethod
    def _repeated(block: list[Step], facts: Facts) -> Iterator[StepKey]:
        items = facts.get(block[0].repeats_over) or ()
        for item in items:
            for step in block:
                if step.applies.holds(facts):
                    yield StepKey(step.id, str(item))
