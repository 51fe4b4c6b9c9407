"""A workflow is a tuple of step declarations that reads like the list in the documentation.

A declaration says what the step needs and gives. From that the machine derives which steps are open, and
which ones a change makes stale. Declarations that could lead to a dead end fail when the workflow is created,
not when somebody reaches them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from workflows.core.sentences import Sentence
from workflows.machine.events import Facts, JsonValue, StepKey


@dataclass(frozen=True)
class Condition:
    """When a step applies: as a phrase for the documentation, and as a function of the facts.

    The functions see, by plain name, the facts that earlier steps gave (for a repeated step also those of the
    same item); unknown facts are missing. They must depend on nothing else.

    Attributes:
        words: the phrase.
        holds: whether the step applies at all.
        holds_for: whether it applies to an item of a repeated step.
    """

    words: Sentence
    holds: Callable[[Facts], bool]
    holds_for: Callable[[Facts, str], bool] = lambda _facts, _item: True


ALWAYS = Condition("always", lambda _facts: True)


@dataclass(frozen=True)
class Step:
    """One step of a workflow.

    Attributes:
        id: short, stable, lower case with dashes; stored in the journal.
        title: its title in the rail.
        purpose: what the step is for, in one line.
        heading: of its page, verb first; "{item}" stands for the item; "" for the title.
        needs: names of facts that must exist before it begins; each is given by an earlier step.
        gives: names of the facts that it gives; no other step gives them.
        skippable: whether a person may skip it.
        asked_for: whether it is done only on request: it is never proposed, and the work is finished without
            it.
        asked_by: the name of a fact that requests it, making it a normal step.
        not_needed: whether an item can do without it, so that it is done only on request there, too.
        repeats_over: the name of a fact, a list of distinct texts; the step is done for each. "" for once.
        applies: when the step is part of the workflow.
        outlives: whether its work may continue without this program; then its result comes before everything
            else when the person is back.
        seals: whether its work is final, whatever is decided again before it (an apply). Later steps wait for
            it, and for nothing before it.
        tests: whether it tests what the steps that it needs gave, so that it isn't confirmed while the world
            contradicts one of them.
        spends: the id of the step whose outcome it uses up (a plan can be applied once), so that repeating it
            begins with that step, for the same item; "" for none.
        parts: functions of fact and item that return the part of a fact that a repeated step uses. A change
            elsewhere in the fact doesn't make the step stale.
        compared: whether other sessions need what it gave, so that the list of sessions has it.
        passed_on: whether a later item's step also does what is skipped for an item (a text to send).
        blocked_words: why it has to wait while a need is open ("Make and review a plan first").
        reads: reads the facts that it gives; raises `WrongShape` for invalid ones.
    """

    id: str
    title: Sentence
    purpose: Sentence
    heading: Sentence = field(default="", kw_only=True)
    needs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    skippable: bool = False
    asked_for: bool = False
    asked_by: str = field(default="", kw_only=True)
    not_needed: Callable[[Facts, str], bool] = field(default=lambda _facts, _item: False, kw_only=True)
    repeats_over: str = ""
    applies: Condition = ALWAYS
    outlives: bool = False
    seals: bool = False
    tests: bool = field(default=False, kw_only=True)
    spends: str = field(default="", kw_only=True)
    compared: bool = False
    passed_on: bool = False
    parts: Mapping[str, Callable[[JsonValue, str], JsonValue]] = field(default_factory=dict)
    blocked_words: Sentence = ""
    reads: Callable[[Facts], object] = dict


@dataclass(frozen=True)
class Workflow:
    """The steps of one person's work, in order.

    Step ids and given facts are unique, and each step needs only what an earlier one surely gives: a test
    checks this for all workflows of the program.
    """

    id: str
    title: Sentence
    steps: tuple[Step, ...]

    def step(self, step_id: str) -> Step:
        """Return the declaration with that id.

        Raises:
            KeyError: there is none.
        """
        return self._by_id[step_id]

    def title_of(self, key: StepKey) -> Sentence:
        """Return a step's title, with the item of a repeated one: "Plan (security)"."""
        title = self.step(key.step).title
        return f"{title} ({key.item})" if key.item else title

    def giver(self, fact: str) -> Step:
        """Return the step that gives a fact.

        Raises:
            KeyError: none does.
        """
        return self._givers[fact]

    @cached_property
    def repeated_over(self) -> frozenset[str]:
        """The facts that steps repeat over."""
        return frozenset(step.repeats_over for step in self.steps if step.repeats_over)

    @cached_property
    def blocks(self) -> tuple[tuple[Step, ...], ...]:
        """The steps in groups that are done together: neighbours that repeat over the same list take turns.

        With layers management and security, the order is plan@management, apply@management, plan@security,
        apply@security. A step that happens once is a group of its own.
        """
        together = groupby(self.steps, lambda step: step.repeats_over or step.id)
        return tuple(tuple(block) for _, block in together)

    @cached_property
    def _by_id(self) -> Mapping[str, Step]:
        return {step.id: step for step in self.steps}

    @cached_property
    def _givers(self) -> Mapping[str, Step]:
        return {fact: step for step in self.steps for fact in step.gives}
