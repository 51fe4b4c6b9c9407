"""What a session knows, and the steps that this lays out.

The two depend on each other: a step's condition reads facts, and a fact counts only as long as the step that
gave it is part of the work. So both are worked out together, in the order of the steps: a condition sees what
the steps before it gave. Facts of a step that does not apply any more are remembered, but are out of force
until it applies again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from workflows.machine.declaration import Workflow
from workflows.machine.events import Facts, JsonValue, StepKey, in_folder


@dataclass(frozen=True)
class KnownFact:
    """A fact's value, and the number of the event that last changed it."""

    value: JsonValue
    since: int


@dataclass(frozen=True)
class Knowledge:
    """All that the steps of a workflow gave; immutable.

    Attributes:
        workflow: the declaration.
        remembered: each fact under its scoped name ("layers", or "plan@management" for a repeated step's
            fact), in force or not.
    """

    workflow: Workflow
    remembered: Mapping[str, KnownFact] = field(default_factory=dict)

    @cached_property
    def _laid_out(self) -> tuple[tuple[StepKey, ...], Mapping[str, KnownFact]]:
        keys: list[StepKey] = []
        in_force: dict[str, KnownFact] = {}
        seen: dict[str, dict[str, JsonValue]] = {"": {}}
        for block in self.workflow.blocks:
            repeats_over = block[0].repeats_over
            for item in (seen[""].get(repeats_over) or ()) if repeats_over else ("",):
                facts = {**seen[""], **seen.get(item, {})}
                for step in block:
                    if not step.applies.holds(facts):
                        continue
                    keys.append(StepKey(step.id, item))
                    for fact in step.gives:
                        name = f"{fact}@{item}" if item else fact
                        if name in self.remembered:
                            in_force[name] = self.remembered[name]
                            facts[fact] = in_force[name].value
                            seen.setdefault(item, {})[fact] = facts[fact]
        return tuple(keys), in_force

    @property
    def layout(self) -> tuple[StepKey, ...]:
        """The steps as they are laid out now, in order."""
        return self._laid_out[0]

    @cached_property
    def laid_out(self) -> frozenset[StepKey]:
        """The same steps, to ask whether one is among them."""
        return frozenset(self.layout)

    @property
    def in_force(self) -> Mapping[str, KnownFact]:
        """The facts that count now, by scoped name."""
        return self._laid_out[1]

    def facts(self, item: str = "") -> dict[str, JsonValue]:
        """The facts that a step may read, by plain name: those given once, and those of the same item."""
        found: dict[str, JsonValue] = {}
        for name, fact in self.in_force.items():
            plain, _, scope = name.partition("@")
            if not scope or scope == item:
                found[plain] = fact.value
        return found

    def needed(self, key: StepKey) -> dict[str, StepKey]:
        """All facts that a step needs, by scoped name, each with the step that gives it.

        A step that happens once and needs what a repeated one gives needs it once for each item.
        """
        found: dict[str, StepKey] = {}
        for fact in self.workflow.step(key.step).needs:
            giver = self.workflow.giver(fact)
            if not giver.repeats_over:
                found[fact] = StepKey(giver.id)
                continue
            for item in [key.item] if key.item else self._items(giver.repeats_over):
                found[f"{fact}@{item}"] = StepKey(giver.id, item)
        return found

    def used_by(self, key: StepKey) -> Mapping[str, int | str]:
        """The facts in force that a step needs: each scoped name with the number of the event that set it.

        Where the step uses only a part of a fact, that part itself stands for it, as JSON.
        """
        if key not in self._used:
            self._used[key] = self._used_now(key)
        return self._used[key]

    @cached_property
    def _used(self) -> dict[StepKey, dict[str, int | str]]:
        """What `used_by` was asked so far: a replay asks for every step at every event."""
        return {}

    def _used_now(self, key: StepKey) -> dict[str, int | str]:
        parts = self.workflow.step(key.step).parts
        used: dict[str, int | str] = {}
        for name in self.needed(key):
            if name not in self.in_force:
                continue
            part, known = parts.get(name.partition("@")[0]), self.in_force[name]
            used[name] = (
                known.since if part is None else json.dumps(part(known.value, key.item), sort_keys=True)
            )
        return used

    def learned(self, key: StepKey, facts: Facts, number: int) -> Knowledge:
        """What is known after a step gave these facts with event `number`.

        A fact with the same value keeps its number, one that the step does not give this time goes.
        """
        after = dict(self.remembered)
        for fact in self.workflow.step(key.step).gives:
            name = f"{fact}@{key.item}" if key.item else fact
            if fact not in facts:
                after.pop(name, None)
            elif name not in after or not _same(after[name].value, facts[fact]):
                after[name] = KnownFact(facts[fact], number)
        return self if after == self.remembered else replace(self, remembered=after)

    def moved(self, before: str, now: str) -> Knowledge:
        """The same facts about a folder that is elsewhere now: nobody has to use them again for that."""
        after = {
            name: replace(known, value=in_folder(known.value, before, now))
            for name, known in self.remembered.items()
        }
        return replace(self, remembered=after)

    def _items(self, fact: str) -> tuple[str, ...]:
        return tuple(self.in_force[fact].value) if fact in self.in_force else ()


def _same(one: JsonValue, other: JsonValue) -> bool:
    """Whether two values are the same JSON; Python alone would take 1, 1.0 and true for equal."""
    return bool(one == other) and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
