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
from workflows.machine.knowledge import Knowledge, KnownFact
from workflows.machine.observations import Observation, Verdict


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
    CONTRADICTED = "contradicted"
    UNCONFIRMED = "unconfirmed"


SETTLED = frozenset({Status.DONE, Status.SKIPPED, Status.UNCONFIRMED})
_CUT_OFF = frozenset({Status.INTERRUPTED, Status.FAILED})


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
        used: each fact the step needed when it was last started, as `Knowledge.used_by` gave it.
        acknowledged: the contradiction that the person continued in spite of (`Observation.identity`).
    """

    phase: Phase
    run: str = ""
    at: str = ""
    error: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    used: Mapping[str, int | str] = field(default_factory=dict)
    acknowledged: str = ""


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
        """The layout without the steps that are done only when asked for."""
        return tuple(key for key in self.layout() if not self.workflow.step(key.step).asked_for)

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
        if status not in _OPEN_AFTER.values() or self._left_something(key, status):
            return status
        return Status.LOCKED if self.open_needs(key) else status

    def _left_something(self, key: StepKey, status: Status) -> bool:
        """Whether a step's last run may have left something to recover, whatever is open before it."""
        failed = status is Status.FAILED and self.workflow.step(key.step).outlives
        return failed or status is Status.INTERRUPTED

    def _confirmed(self, key: StepKey) -> Status:
        observation = self.observed.get(key)
        if observation is None or observation.verdict is Verdict.AS_DECIDED:
            return Status.DONE
        return Status.CONTRADICTED if self.contradicted(key) else Status.UNCONFIRMED

    def contradicted(self, key: StepKey) -> bool:
        """Whether the world disagrees with a done step, and the person has not decided about that."""
        observation, record = self.observed.get(key), self.records.get(key)
        if observation is None or record is None or not observation.contradicts:
            return False
        return record.phase is Phase.SUCCEEDED and record.acknowledged != observation.identity

    def recorded_status(self, key: StepKey, run: str) -> Status:
        """Where a step stands by the journal alone, seen from the process that calls itself `run`.

        A step that another process had started, and did not end, is interrupted: a session's lock sees to it
        that no other process is still at work on it.
        """
        record = self.records.get(key)
        if record is not None and record.phase is Phase.STARTED and record.run == run:
            return Status.RUNNING
        if record is not None and self._up_to_date(key):
            return Status.SKIPPED if record.phase is Phase.SKIPPED else Status.DONE
        if not all(map(self._up_to_date, self.givers(key))):
            return Status.LOCKED
        return _OPEN_AFTER[record.phase] if record else Status.READY

    def settled(self, key: StepKey) -> bool:
        """Whether a step is skipped, or done, not stale and not contradicted."""
        return self._up_to_date(key) and not self.contradicted(key)

    def _up_to_date(self, key: StepKey) -> bool:
        record = self.records.get(key)
        if record is None or record.phase not in {Phase.SKIPPED, Phase.SUCCEEDED}:
            return False
        return record.phase is Phase.SKIPPED or not self.changed_since(key)

    def changed_since(self, key: StepKey) -> tuple[str, ...]:
        """The scoped names of facts that a step used and that changed, came or went since it was started."""
        record = self.records.get(key)
        if record is None or record.phase is not Phase.SUCCEEDED:
            return ()
        now = self.knowledge.used_by(key)
        if now == record.used:
            return ()
        names = {*now, *record.used}
        return tuple(sorted(name for name in names if now.get(name) != record.used.get(name)))

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
        return tuple(one for one in self.layout() if one in found and not self.settled(one))

    def givers(self, key: StepKey) -> tuple[StepKey, ...]:
        """The steps that give what this one needs; one that does not apply is nothing to wait for."""
        needed = dict.fromkeys(self.knowledge.needed(key).values())
        return tuple(giver for giver in needed if giver in self.knowledge.laid_out)
