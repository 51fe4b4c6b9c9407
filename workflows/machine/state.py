"""The state of a workflow, and the statuses that are derived from it.

Nothing here is stored: the state is what the journal's events add up to, and a status is computed from the
state when somebody asks. So the two can never disagree.

What a session knows and the steps that this lays out depend on each other: a step's condition reads facts,
and a fact counts only as long as the step that gave it is part of the work. So both are worked out together,
in the order of the steps: a condition sees what the steps before it gave. Facts of a step that does not apply
any more are remembered, but are out of force until it applies again.
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
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
    in_folder,
)
from workflows.machine.observations import Observation, Verdict


class Status(StrEnum):
    """Where a step stands."""

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
"""The fact that is the project's folder, and what stands for it in the paths of all later facts."""
SETTLED = frozenset({Status.DONE, Status.SKIPPED, Status.UNCONFIRMED})
_ENDED_BADLY = frozenset({Status.FAILED, Status.STOPPED})
_CUT_OFF = _ENDED_BADLY | {Status.INTERRUPTED}
_WAITS = _CUT_OFF | {Status.READY, Status.STALE}
"""Where a step stands that is not begun while something which it needs is open."""


_OPEN_AFTER: Mapping[type[Event], Status] = {
    Started: Status.INTERRUPTED,
    Succeeded: Status.STALE,
    Failed: Status.FAILED,
    Reopened: Status.READY,
}
_AFTER_KIND = {STOPPED: Status.STOPPED, RESTED: Status.READY}


@dataclass(frozen=True)
class Record:
    """What is known of one step.

    Attributes:
        last: the last event that its status is derived from.
        used: each fact the step needed when it was last started, as `Knowledge.used_by` gave it.
        acknowledged: the contradiction that the person continued in spite of (`Observation.identity`).
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
        """The value as JSON: the same for the same value only. Python takes 1, 1.0 and true for equal."""
        return json.dumps(self.value, sort_keys=True)


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
            known = self.in_force.get(giver.repeats_over)
            items = [key.item] if key.item else known.value if known else ()
            found |= {f"{fact}@{item}": StepKey(giver.id, item) for item in items}
        return found

    def used_by(self, key: StepKey) -> Mapping[str, str]:
        """The facts in force that a step needs, by scoped name: each as JSON, or the part that is used."""
        if key not in self._used:
            self._used[key] = self._used_now(key)
        return self._used[key]

    @cached_property
    def _used(self) -> dict[StepKey, dict[str, str]]:
        """What `used_by` was asked so far: a replay asks for every step at every event."""
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
        """Facts as the journal keeps them: relative to the project's folder, as soon as that is known."""
        root = self.remembered.get(_ROOT)
        return facts if root is None or _ROOT in facts else in_folder(facts, root.value, _IN_ROOT)

    def learned(self, key: StepKey, facts: Facts) -> Knowledge:
        """What is known after a step gave these facts; one that it does not give this time goes."""
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
        """What will be known once these facts are given; a list that nobody knows yet has one item."""
        one_item: Facts = {name: [""] for name in self.workflow.repeated_over}
        guessed = {name: KnownFact(value) for name, value in {**one_item, **likely}.items()}
        return replace(self, remembered={**guessed, **self.remembered})

    def moved(self, before: str, now: str) -> Knowledge:
        """The same facts about a folder that is elsewhere now: nobody has to use them again for that."""
        after = {
            name: replace(known, value=in_folder(known.value, before, now))
            for name, known in self.remembered.items()
        }
        return replace(self, remembered=after)


@dataclass(frozen=True)
class State:
    """A workflow and all that has happened in it; immutable.

    Attributes:
        knowledge: the workflow, what its steps gave, and the layout that follows from it.
        events: how many events the state consists of.
        records: what is known of each step that anything happened to.
        observed: the last look at the world of each step that was looked at; not from the journal.
    """

    knowledge: Knowledge
    events: int = 0
    records: Mapping[StepKey, Record] = field(default_factory=dict)
    observed: Mapping[StepKey, Observation] = field(default_factory=dict)

    @classmethod
    def beginning(cls, workflow: Workflow) -> State:
        """The state in which nothing has happened yet."""
        return cls(Knowledge(workflow))

    @property
    def workflow(self) -> Workflow:
        """The declaration."""
        return self.knowledge.workflow

    @property
    def known(self) -> Mapping[str, KnownFact]:
        """The facts in force, by scoped name ("layers", or "plan@management" for a repeated step's fact)."""
        return self.knowledge.in_force

    def facts(self, item: str = "") -> dict[str, JsonValue]:
        """The facts that a step may read: those given once, and those given for the same item."""
        return self.knowledge.facts(item)

    def layout(self) -> tuple[StepKey, ...]:
        """The steps of the workflow as it is laid out now, in order."""
        return self.knowledge.layout

    def expected(self) -> tuple[StepKey, ...]:
        """The layout without the steps that are done only when asked for, and that nothing asks for."""
        facts, steps = self.facts(), self.workflow.step
        return tuple(
            key
            for key in self.layout()
            if not steps(key.step).asked_for or facts.get(steps(key.step).asked_by)
            if not steps(key.step).not_needed(self.facts(key.item) if key.item else facts, key.item)
        )

    def proposal(self, run: str) -> StepKey | None:
        """Where to continue, seen from the process that calls itself `run`; None when all is done.

        A run that was cut off or failed comes first, however often the person leaves: its end has to be
        known, and what it left recovered, whatever else is to be done. Then the first step that the world
        contradicts or that is open; one that is done only when asked for is not proposed.
        """
        for key in self.layout():
            if self.workflow.step(key.step).outlives and self.status(key, run) in _CUT_OFF:
                return key
        done = SETTLED | {Status.LOCKED}
        return next((key for key in self.expected() if self.status(key, run) not in done), None)

    def status(self, key: StepKey, run: str) -> Status:
        """Where a step stands, in the journal and in the world as last looked at.

        An open step also waits for what comes before the steps that it needs, down to one that seals what it
        did, and for contradictions there.
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
        """Where a step stands for the person: done here is done, though somebody is awaited or took it back.

        What rests on something that is out of date is out of date too.
        """
        status, look = self.status(key, run), self.observed.get(key)
        if status in {Status.DONE, Status.UNCONFIRMED} and key in self.outdated:
            return Status.STALE
        settled = look is not None and look.verdict in {Verdict.AWAITED, Verdict.TAKEN_BACK}
        return Status.DONE if status is Status.UNCONFIRMED and settled else status

    def _confirmed(self, key: StepKey) -> Status:
        observation = self.observed.get(key)
        if observation is None or observation.verdict is Verdict.AS_DECIDED:
            return Status.DONE
        if self.contradicted(key):
            return Status.CONTRADICTED
        return Status.DONE if observation.confirmed else Status.UNCONFIRMED

    def awaited(self) -> tuple[str, ...]:
        """The people who have not done their part yet, by the last look at the steps that are done."""
        awaited = (self.observed[key] for key in self.seen_as(Verdict.AWAITED))
        return tuple(dict.fromkeys(name for look in awaited for name in look.about))

    def seen_as(self, verdict: Verdict) -> tuple[StepKey, ...]:
        """The done steps whose last look said this."""
        return tuple(
            key
            for key in self.layout()
            if (look := self.observed.get(key)) is not None and look.verdict is verdict
        )

    def contradicted(self, key: StepKey) -> bool:
        """Whether the world disagrees with a done step, and the person has not decided about that."""
        observation, record = self.observed.get(key), self.records.get(key)
        if observation is None or record is None or not observation.contradicts:
            return False
        return isinstance(record.last, Succeeded) and record.acknowledged != observation.identity

    def recorded_status(self, key: StepKey, run: str) -> Status:
        """Where a step stands by the journal alone, seen from the process that calls itself `run`.

        A step that another process had started, and did not end, is interrupted: a session's lock sees to it
        that no other process is still at work on it. A try that ended badly counts as long as the facts that
        it used do.
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
            return Status.READY  # a try with other facts is history
        kind = record.last.error.get("kind") if isinstance(record.last, Failed) else ""
        return _AFTER_KIND.get(str(kind)) or _OPEN_AFTER[type(record.last)]

    def settled(self, key: StepKey) -> bool:
        """Whether a step is skipped, or done, not stale and not contradicted."""
        return self._up_to_date(key) and not self.contradicted(key)

    def _up_to_date(self, key: StepKey) -> bool:
        record = self.records.get(key)
        done = record is not None and isinstance(record.last, Succeeded) and not self.changed_since(key)
        return done or self._is_skipped(key)

    def _is_skipped(self, key: StepKey) -> bool:
        """Whether a step was skipped, or the one was whose outcome it would use up."""
        records = map(self.records.get, (key, StepKey(self.workflow.step(key.step).spends, key.item)))
        return any(record is not None and isinstance(record.last, Skipped) for record in records)

    def changed_since(self, key: StepKey) -> tuple[str, ...]:
        """The scoped names of facts that a step used and that changed, came or went since it was started."""
        record = self.records.get(key)
        if record is None or not isinstance(record.last, Succeeded):
            return ()
        now = self.knowledge.used_by(key)
        if now == record.used:
            return ()
        names = {*now, *record.used}
        return tuple(sorted(name for name in names if now.get(name) != record.used.get(name)))

    @cached_property
    def outdated(self) -> frozenset[StepKey]:
        """The steps that used a fact that changed since, and those that rest on them.

        One that uses a part of a fact rests on nothing here: the part may stay as it is.
        """
        found = set[StepKey]()
        for key in self.layout():
            parts, needed = self.workflow.step(key.step).parts, self.knowledge.needed(key)
            whole = (giver for fact, giver in needed.items() if fact.partition("@")[0] not in parts)
            if self.changed_since(key) or not found.isdisjoint(whole):
                found.add(key)
        return frozenset(found)

    def open_needs(self, key: StepKey) -> tuple[StepKey, ...]:
        """The steps that have to be settled before this one can begin, in the order of the work.

        Those that it needs, and those that these need in turn, since what is decided again there changes them
        too; not what comes before a settled one that seals what it did.
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
        """The steps that give what this one needs; one that does not apply is nothing to wait for."""
        needed = dict.fromkeys(self.knowledge.needed(key).values())
        return tuple(giver for giver in needed if giver in self.knowledge.laid_out)
