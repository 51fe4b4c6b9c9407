"""The state of a workflow, and the statuses that are derived from it.

Nothing here is stored: the state is what the journal's events add up to, and a status is computed from the
state when somebody asks. So the two can never disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workflows.machine.declaration import Workflow
from workflows.machine.events import JsonValue, StepKey


class Status(StrEnum):
    """Where a step stands."""

    LOCKED = "locked"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    STALE = "stale"
    INTERRUPTED = "interrupted"


SETTLED = frozenset({Status.DONE, Status.SKIPPED})


class Phase(StrEnum):
    """What the last event of a step made of it."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    REOPENED = "reopened"


_OPEN_AFTER: Mapping[Phase, Status] = {
    Phase.STARTED: Status.INTERRUPTED,
    Phase.SUCCEEDED: Status.STALE,
    Phase.FAILED: Status.FAILED,
    Phase.REOPENED: Status.READY,
}


@dataclass(frozen=True)
class Record:
    """What is known of one step.

    Attributes:
        phase: what its last event was.
        run: the process that works or worked on it.
        at: when its last event happened, ISO 8601 in UTC.
        error: the last failure, for `Phase.FAILED`.
        reason: why it was skipped or reopened.
        used: each fact the step needed when it was last started, with the number of the event that set it.
    """

    phase: Phase
    run: str = ""
    at: str = ""
    error: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    used: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownFact:
    """A fact's value, and the number of the event that last changed it."""

    value: JsonValue
    since: int


@dataclass(frozen=True)
class State:
    """A workflow and all that has happened in it; immutable.

    Attributes:
        workflow: its declaration.
        events: how many events it consists of.
        records: what is known of each step that anything happened to.
        known: each fact under its scoped name ("layers", or "plan@management" for a repeated step's fact).
    """

    workflow: Workflow
    events: int = 0
    records: Mapping[StepKey, Record] = field(default_factory=dict)
    known: Mapping[str, KnownFact] = field(default_factory=dict)

    def facts(self, item: str = "") -> dict[str, JsonValue]:
        """The facts that a step may read: those given once, and those given for the same item."""
        found: dict[str, JsonValue] = {}
        for name, fact in self.known.items():
            plain, _, scope = name.partition("@")
            if not scope or scope == item:
                found[plain] = fact.value
        return found

    def layout(self) -> tuple[StepKey, ...]:
        """The steps of the workflow as it is laid out now, in order."""
        return tuple(self.workflow.keys(self.facts()))

    def scoped(self, fact: str, item: str) -> str:
        """The name under which a step of an item gives a fact."""
        return f"{fact}@{item}" if self.workflow.giver(fact).repeats_over else fact

    def sources(self, fact: str, item: str) -> dict[str, StepKey]:
        """Where a step of an item finds a fact: each scoped name with the step that gives it.

        A step that happens once and needs what a repeated one gives finds it once for each item.
        """
        giver = self.workflow.giver(fact)
        if not giver.repeats_over:
            return {fact: StepKey(giver.id)}
        items = [item] if item else self.facts().get(giver.repeats_over) or ()
        return {f"{fact}@{each}": StepKey(giver.id, str(each)) for each in items}

    def needed(self, key: StepKey) -> dict[str, StepKey]:
        """All facts that a step needs, by scoped name, each with the step that gives it."""
        found: dict[str, StepKey] = {}
        for fact in self.workflow.step(key.step).needs:
            found.update(self.sources(fact, key.item))
        return found

    def status(self, key: StepKey, run: str) -> Status:
        """Where a step stands, seen from the process that calls itself `run`.

        A step that another process had started, and did not end, is interrupted: a session's lock sees to it
        that no other process is still at work on it.
        """
        record = self.records.get(key)
        if record is not None:
            if record.phase is Phase.STARTED and record.run == run:
                return Status.RUNNING
            if record.phase is Phase.SKIPPED:
                return Status.SKIPPED
            if record.phase is Phase.SUCCEEDED and not self.changed_since(key):
                return Status.DONE
        if self.open_needs(key, run):
            return Status.LOCKED
        return _OPEN_AFTER[record.phase] if record else Status.READY

    def changed_since(self, key: StepKey) -> tuple[str, ...]:
        """The scoped names of facts that a step used and that have changed, come or gone since it was done."""
        record = self.records.get(key)
        if record is None or record.phase is not Phase.SUCCEEDED:
            return ()
        now = {name: self.known[name].since for name in self.needed(key) if name in self.known}
        names = {*now, *record.used}
        return tuple(sorted(name for name in names if now.get(name) != record.used.get(name)))

    def open_needs(self, key: StepKey, run: str) -> tuple[StepKey, ...]:
        """The steps that have to be settled before this one can begin.

        A giver that does not apply counts as settled: there is nothing to wait for.
        """
        layout = set(self.layout())
        return tuple(
            giver
            for giver in dict.fromkeys(self.needed(key).values())
            if giver in layout and self.status(giver, run) not in SETTLED
        )
