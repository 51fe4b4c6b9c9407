"""The state of a workflow, and the statuses derived from it.

Nothing here is stored: the state is the sum of the journal's events, and a status is computed from the state
on demand. So the two can never disagree.

A session's facts and its layout of steps depend on each other: a step's condition reads facts, and a fact
counts only while the step that gave it is part of the work. So both are worked out together, in the order of
the steps: a condition sees the facts of earlier steps. Facts of a step that no longer applies are remembered,
but not in force until it applies again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from workflows.machine.declaration import Workflow
from workflows.machine.events import (
    RESTED,
    STOPPED,
    Event,
    Facts,
    Failed,
    JsonValue,
    Observation,
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
    Verdict,
    in_folder,
)


class Status(StrEnum):
    """A step's status."""

    LOCKED = "locked"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    STOPPED = "stopped"
    STALE = "stale"
    INTERRUPTED = "interrupted"
    CONTRADICTED = "contradicted"
    UNCONFIRMED = "unconfirmed"


_ROOT, _IN_ROOT = "project_root", "{project}"
"""The fact with the project's folder, and the placeholder for it in the paths of all later facts."""
SETTLED = frozenset({Status.DONE, Status.SKIPPED, Status.UNCONFIRMED})
_ENDED_BADLY = frozenset({Status.FAILED, Status.STOPPED})
_CUT_OFF = _ENDED_BADLY | {Status.INTERRUPTED}
_WAITS = _CUT_OFF | {Status.READY, Status.STALE}
"""Statuses of a step that has to wait while something it needs is open."""


_OPEN_AFTER: Mapping[type[Event], Status] = {
    Started: Status.INTERRUPTED,
    Succeeded: Status.STALE,
    Failed: Status.FAILED,
    Reopened: Status.READY,
}
_AFTER_KIND = {STOPPED: Status.STOPPED, RESTED: Status.READY}


@dataclass(frozen=True)
class Record:
    """Everything known about one step.

    Attributes:
        last: the last event that determines its status.
        used: each fact the step needed when it last started, from `Knowledge.used_by`.
        acknowledged: the contradiction despite which the person continued (`Observation.identity`).
    """

    last: Event
    used: Mapping[str, str] = field(default_factory=dict)
    acknowledged: str = ""


@dataclass(frozen=True)
class KnownFact:
    """A fact's value."""

    value: JsonValue

    @cached_property
    def text(self) -> str:
        """The value as JSON, which is equal only for equal values. Python considers 1, 1.0 and true equal."""
        return json.dumps(self.value, sort_keys=True)


@dataclass(frozen=True)
class Knowledge:
    """All facts from the steps of a workflow; immutable.

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
                    if not (step.applies.holds(facts) and step.applies.holds_for(facts, item)):
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
        """The steps as currently laid out, in order."""
        return self._laid_out[0]

    @cached_property
    def laid_out(self) -> frozenset[StepKey]:
        """The same steps as a set."""
        return frozenset(self.layout)

    @property
    def in_force(self) -> Mapping[str, KnownFact]:
        """The facts that count now, by scoped name."""
        return self._laid_out[1]

    def facts(self, item: str = "") -> dict[str, JsonValue]:
        """Return the facts that a step may read, by plain name: one-time ones, and those of the same item."""
        found: dict[str, JsonValue] = {}
        for name, fact in self.in_force.items():
            plain, _, scope = name.partition("@")
            if not scope or scope == item:
                found[plain] = fact.value
        return found

    def needed(self, key: StepKey) -> dict[str, StepKey]:
        """Return all facts that a step needs, by scoped name, with the step that gives each.

        A one-time step that needs a repeated step's fact needs it for each item.
        """
        found: dict[str, StepKey] = {}
        for fact in self.workflow.step(key.step).needs:
            giver = self.workflow.giver(fact)
            if not giver.repeats_over:
                found[fact] = StepKey(giver.id)
                continue
            known = self.in_force.get(giver.repeats_over)
            items = [key.item] if key.item else known.value if known else ()
            found |= {f"{fact}@{item}": StepKey(giver.id, item) for item in items}
        return found

    def used_by(self, key: StepKey) -> Mapping[str, str]:
        """Return the facts in force that a step needs, by scoped name, as JSON, or the part that it uses."""
        if key not in self._used:
            self._used[key] = self._used_now(key)
        return self._used[key]

    @cached_property
    def _used(self) -> dict[StepKey, dict[str, str]]:
        """A cache of `used_by`, since a replay asks for every step at every event."""
        return {}

    def _used_now(self, key: StepKey) -> dict[str, str]:
        parts = self.workflow.step(key.step).parts
        used: dict[str, str] = {}
        for name in self.needed(key):
            if name not in self.in_force:
                continue
            part, known = parts.get(name.partition("@")[0]), self.in_force[name]
            used[name] = (known if part is None else KnownFact(part(known.value, key.item))).text
        return used

    def kept(self, facts: Facts) -> Facts:
        """Return facts as the journal stores them: relative to the project's folder, once that is known."""
        root = self.remembered.get(_ROOT)
        return facts if root is None or _ROOT in facts else in_folder(facts, root.value, _IN_ROOT)

    def learned(self, key: StepKey, facts: Facts) -> Knowledge:
        """Return the knowledge after a step gave these facts; its facts missing this time are removed."""
        if root := self.remembered.get(_ROOT):
            facts = in_folder(facts, _IN_ROOT, root.value)
        after = dict(self.remembered)
        for fact in self.workflow.step(key.step).gives:
            name = f"{fact}@{key.item}" if key.item else fact
            if fact not in facts:
                after.pop(name, None)
            elif name not in after or after[name].text != KnownFact(facts[fact]).text:
                after[name] = KnownFact(facts[fact])
        new = any(after.get(name) is not self.remembered.get(name) for name in {*after, *self.remembered})
        return replace(self, remembered=after) if new else self

    def foreseen(self, likely: Facts) -> Knowledge:
        """Return the expected knowledge once these facts are given; a list still unknown has one item."""
        one_item: Facts = {name: [""] for name in self.workflow.repeated_over}
        guessed = {name: KnownFact(value) for name, value in {**one_item, **likely}.items()}
        return replace(self, remembered={**guessed, **self.remembered})

    def moved(self, before: str, now: str) -> Knowledge:
        """Return the same facts with a folder moved; no step becomes stale through that."""
        after = {
            name: replace(known, value=in_folder(known.value, before, now))
            for name, known in self.remembered.items()
        }
        return replace(self, remembered=after)


@dataclass(frozen=True)
class State:
    """A workflow and everything that has happened in it; immutable.

    Attributes:
        knowledge: the workflow, the facts of its steps, and the resulting layout.
        events: the number of events so far.
        records: the record of each step to which anything happened.
        observed: the last look at the world for each step that has one; not from the journal.
    """

    knowledge: Knowledge
    events: int = 0
    records: Mapping[StepKey, Record] = field(default_factory=dict)
    observed: Mapping[StepKey, Observation] = field(default_factory=dict)

    @classmethod
    def beginning(cls, workflow: Workflow) -> State:
        """Return the initial state."""
        return cls(Knowledge(workflow))

    @property
    def workflow(self) -> Workflow:
        """The declaration."""
        return self.knowledge.workflow

    def facts(self, item: str = "") -> dict[str, JsonValue]:
        """Return the facts that a step may read: one-time facts, and those of the same item."""
        return self.knowledge.facts(item)

    def layout(self) -> tuple[StepKey, ...]:
        """Return the steps of the workflow as currently laid out, in order."""
        return self.knowledge.layout

    def expected(self) -> tuple[StepKey, ...]:
        """Return the layout without steps that are done only on request and haven't been requested."""
        facts, steps = self.facts(), self.workflow.step
        return tuple(
            key
            for key in self.layout()
            if not steps(key.step).asked_for or facts.get(steps(key.step).asked_by)
            if not steps(key.step).not_needed(self.facts(key.item) if key.item else facts, key.item)
        )

    def proposal(self, run: str) -> StepKey | None:
        """Return where to continue for the process called `run`; None if everything is done.

        A run that was cut off or failed comes first, however often the person leaves: its result has to be
        known, and its leftovers recovered, before anything else. Then comes the first step that is open or
        that the world contradicts; steps done only on request aren't proposed.
        """
        for key in self.layout():
            if self.workflow.step(key.step).outlives and self.status(key, run) in _CUT_OFF:
                return key
        done = SETTLED | {Status.LOCKED}
        return next((key for key in self.expected() if self.status(key, run) not in done), None)

    def status(self, key: StepKey, run: str) -> Status:
        """Return a step's status, from the journal and from the last look at the world.

        An open step also waits for everything before the steps that it needs, down to one whose work is
        final, and for contradictions there.
        """
        status = self.recorded_status(key, run)
        if status is Status.DONE:
            return self._confirmed(key)
        # A run that may have left something has to be recovered, whatever is open before it.
        cut_off = status in _CUT_OFF and self.workflow.step(key.step).outlives
        if status not in _WAITS or cut_off:
            return status
        return Status.LOCKED if self.open_needs(key) else status

    def standing(self, key: StepKey, run: str) -> Status:
        """Return a step's status for display: done even if somebody is awaited or a later session undid it.

        A step that rests on a stale one is stale, too.
        """
        status, look = self.status(key, run), self.observed.get(key)
        if status in {Status.DONE, Status.UNCONFIRMED} and key in self.outdated:
            return Status.STALE
        settled = look is not None and look.verdict in {Verdict.AWAITED, Verdict.REVERTED}
        return Status.DONE if status is Status.UNCONFIRMED and settled else status

    def _confirmed(self, key: StepKey) -> Status:
        observation = self.observed.get(key)
        if self.contradicted(key):
            return Status.CONTRADICTED
        if self.workflow.step(key.step).tests and any(map(self.contradicted, self.givers(key))):
            return Status.UNCONFIRMED
        if observation is None or observation.verdict is Verdict.AS_DECIDED:
            return Status.DONE
        return Status.DONE if observation.confirmed else Status.UNCONFIRMED

    def awaited(self) -> tuple[str, ...]:
        """Return the people who haven't done their part yet, from the last looks at done steps."""
        awaited = (self.observed[key] for key in self.seen_as(Verdict.AWAITED))
        return tuple(dict.fromkeys(name for look in awaited for name in look.about))

    def seen_as(self, verdict: Verdict) -> tuple[StepKey, ...]:
        """Return the steps whose last look has this verdict."""
        return tuple(
            key
            for key in self.layout()
            if (look := self.observed.get(key)) is not None and look.verdict is verdict
        )

    def contradicted(self, key: StepKey) -> bool:
        """Return whether the world disagrees with a done step and the person hasn't decided about it."""
        record = self.records.get(key)
        return record is not None and isinstance(record.last, Succeeded) and self.refuted(key)

    def refuted(self, key: StepKey) -> bool:
        """Return the same for what a step gave, even if it is open again."""
        observation, record = self.observed.get(key), self.records.get(key)
        if observation is None or record is None or not observation.contradicts:
            return False
        return record.acknowledged != observation.identity

    def recorded_status(self, key: StepKey, run: str) -> Status:
        """Return a step's status by the journal alone, for the process called `run`.

        A step that another process started and didn't end is interrupted: a session's lock ensures that no
        other process is still working on it. A failed try counts as long as the facts that it used do.
        """
        record = self.records.get(key)
        if record is not None and isinstance(record.last, Started) and record.last.run == run:
            return Status.RUNNING
        if self._up_to_date(key):
            return Status.SKIPPED if self._is_skipped(key) else Status.DONE
        if not all(map(self._up_to_date, self.givers(key))):
            return Status.LOCKED
        if record is None:
            return Status.READY
        if isinstance(record.last, Started | Failed) and record.used != self.knowledge.used_by(key):
            return Status.READY  # a try with other facts no longer counts
        kind = record.last.error.get("kind") if isinstance(record.last, Failed) else ""
        return _AFTER_KIND.get(str(kind)) or _OPEN_AFTER[type(record.last)]

    def settled(self, key: StepKey) -> bool:
        """Return whether a step is skipped, or done, not stale and not contradicted."""
        return self._up_to_date(key) and not self.contradicted(key)

    def _up_to_date(self, key: StepKey) -> bool:
        record = self.records.get(key)
        done = record is not None and isinstance(record.last, Succeeded) and not self.changed_since(key)
        return done or self._is_skipped(key)

    def _is_skipped(self, key: StepKey) -> bool:
        """Return whether a step was skipped, or the step whose outcome it would use up was."""
        records = map(self.records.get, (key, StepKey(self.workflow.step(key.step).spends, key.item)))
        return any(record is not None and isinstance(record.last, Skipped) for record in records)

    def changed_since(self, key: StepKey) -> tuple[str, ...]:
        """Return the scoped names of facts used by a step that changed, came or went after it started."""
        record = self.records.get(key)
        if record is None or not isinstance(record.last, Succeeded):
            return ()
        now = self.knowledge.used_by(key)
        if now == record.used:
            return ()
        return tuple(sorted(name for name in {*now, *record.used} if now.get(name) != record.used.get(name)))

    @cached_property
    def outdated(self) -> frozenset[StepKey]:
        """The steps that used a fact that has since changed, and those that rest on them.

        A step that uses part of a fact doesn't rest on it here, since the part may be unchanged.
        """
        found = set[StepKey]()
        for key in self.layout():
            parts, needed = self.workflow.step(key.step).parts, self.knowledge.needed(key)
            whole = (giver for fact, giver in needed.items() if fact.partition("@")[0] not in parts)
            if self.changed_since(key) or not found.isdisjoint(whole):
                found.add(key)
        return frozenset(found)

    def open_needs(self, key: StepKey) -> tuple[StepKey, ...]:
        """Return the steps that must be settled before this one can begin, in working order.

        These are the steps that it needs and, in turn, those that they need, since deciding there again
        changes them too; but nothing before a settled step whose work is final.
        """
        found, ahead = set(), list(self.givers(key))
        while ahead:
            giver = ahead.pop()
            if giver in found:
                continue
            found.add(giver)
            if not (self.workflow.step(giver.step).seals and self.settled(giver)):
                ahead.extend(self.givers(giver))
        return tuple(needed for needed in self.layout() if needed in found and not self.settled(needed))

    def givers(self, key: StepKey) -> tuple[StepKey, ...]:
        """Return the steps that give what this one needs, except those that don't apply."""
        needed = dict.fromkeys(self.knowledge.needed(key).values())
        return tuple(giver for giver in needed if giver in self.knowledge.laid_out)
