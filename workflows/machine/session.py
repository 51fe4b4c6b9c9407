"""A session: one person's way through a workflow, that can be left at any time and resumed.

`Session` is the live one, with its lock and journal; `Sessions` is the folder that they are kept in. What the
state says is always what replaying the journal would say, since every event is written before it counts.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workflows.errors import OnboardError
from workflows.machine.declaration import Workflow
from workflows.machine.drafts import Drafts
from workflows.machine.events import (
    Event,
    Facts,
    Failed,
    Header,
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
)
from workflows.machine.journal import SCHEMA, DamagedJournal, Journal, Loaded, read_journal
from workflows.machine.lock import SessionLock
from workflows.machine.reducer import reduce, replay
from workflows.machine.rules import IllegalTransition, refusal
from workflows.machine.state import SETTLED, Record, State, Status

JOURNAL = "journal.jsonl"
Clock = Callable[[], datetime]


class Session:
    """A session that this process has open.

    Attributes:
        folder: where it lives (mode 0700); steps may keep private files of theirs in it.
        header: what it is.
        drafts: half-filled input.
    """

    def __init__(
        self, folder: Path, header: Header, state: State, journal: Journal, lock: SessionLock, now: Clock
    ) -> None:
        self.folder = folder
        self.header = header
        self.drafts = Drafts(folder / "drafts")
        self._state = state
        self._journal = journal
        self._lock = lock
        self._now = now
        self._run = secrets.token_hex(8)

    @property
    def state(self) -> State:
        """The state as of the last event."""
        return self._state

    def layout(self) -> tuple[StepKey, ...]:
        """The steps of the workflow as it is laid out now, in order."""
        return self._state.layout()

    def status(self, key: StepKey) -> Status:
        """Where a step stands."""
        return self._state.status(key, self._run)

    def record(self, key: StepKey) -> Record | None:
        """What is known of a step, or None if nothing happened to it."""
        return self._state.records.get(key)

    def facts(self, item: str = "") -> dict[str, object]:
        """The facts that a step (of an item) may read."""
        return self._state.facts(item)

    def refusal(self, key: StepKey) -> str:
        """Why a step cannot be started now, in words; "" when it can."""
        return refusal(self._state, Started(key, self._run, ""), self._run)

    def stale_reasons(self, key: StepKey) -> tuple[str, ...]:
        """The titles of the steps whose outcome changed since a stale step was done."""
        givers = {
            self._state.workflow.giver(name.partition("@")[0]).id for name in self._state.changed_since(key)
        }
        return tuple(step.title for step in self._state.workflow.steps if step.id in givers)

    def proposal(self) -> StepKey | None:
        """Where to go on: the first step that is not settled and not locked; None when all is done."""
        for key in self.layout():
            if self.status(key) not in SETTLED | {Status.LOCKED}:
                return key
        return None

    def start(self, key: StepKey) -> None:
        """Begin a step. Raises IllegalTransition with the reason in words."""
        self._happen(Started(key, self._run, self._stamp()))

    def succeed(self, key: StepKey, facts: Facts) -> None:
        """End a step well, with what it gives; its draft is dropped. Raises IllegalTransition."""
        self._happen(Succeeded(key, facts, self._stamp()))
        self.drafts.drop(key)

    def fail(self, key: StepKey, error: Mapping[str, str]) -> None:
        """End a step badly; it stays open. Raises IllegalTransition."""
        self._happen(Failed(key, error, self._stamp()))

    def skip(self, key: StepKey, reason: str = "") -> None:
        """Leave out an optional step. Raises IllegalTransition."""
        self._happen(Skipped(key, reason, self._stamp()))

    def reopen(self, key: StepKey, reason: str = "") -> None:
        """Make a settled step open again. Raises IllegalTransition."""
        self._happen(Reopened(key, reason, self._stamp()))

    def close(self) -> None:
        """Close the journal and give the lock back; a second time does nothing."""
        self._journal.close()
        self._lock.release()

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="seconds")

    def _happen(self, event: Event) -> None:
        state = reduce(self._state, event)
        self._journal.append(event)
        self._state = state


@dataclass(frozen=True)
class Summary:
    """A line of the list of sessions.

    Attributes:
        id: its id.
        workflow: the workflow's id.
        created: when it was begun, ISO 8601 in UTC.
        changed: when its last event happened, ISO 8601 in UTC.
        details: what its header says (project, sandbox).
        facts: its facts, for a few words about it.
        next_title: the step to go on with, "" when all is done.
        damage: why it cannot be read, "" when it can.
    """

    id: str
    workflow: str = ""
    created: str = ""
    changed: str = ""
    details: Facts = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    next_title: str = ""
    damage: str = ""


class Sessions:
    """The folder of sessions.

    Args:
        folder: the program's state folder; made with mode 0700.
        workflows: those that sessions can be of.
        now: the clock, in UTC.
    """

    def __init__(self, folder: Path, workflows: Iterable[Workflow], now: Clock) -> None:
        self.folder = folder
        self._workflows = {workflow.id: workflow for workflow in workflows}
        self._now = now

    def create(self, workflow: str, details: Facts, session_id: str = "") -> Session:
        """Begin a session.

        Raises:
            KeyError: there is no such workflow.
            FileExistsError: a session of that id is there already.
        """
        now = self._now()
        session_id = session_id or f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        folder = self.folder / session_id
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        lock = SessionLock(folder / "lock")
        header = Header(SCHEMA, session_id, workflow, now.isoformat(timespec="seconds"), dict(details))
        journal = Journal.create(folder / JOURNAL, header)
        return Session(folder, header, State(self._workflows[workflow]), journal, lock, self._now)

    def open(self, session_id: str) -> Session:
        """Resume a session.

        Raises:
            OnboardError: there is none of that id, or its journal cannot be read (DamagedJournal).
            SessionInUse: another process has it open.
        """
        folder = self._existing(session_id)
        lock = SessionLock(folder / "lock")
        try:
            loaded = read_journal(folder / JOURNAL)
            state = self._replayed(folder / JOURNAL, loaded)
            journal = Journal.resume(folder / JOURNAL, loaded.sound_bytes)
        except OnboardError:
            lock.release()
            raise
        return Session(folder, loaded.header, state, journal, lock, self._now)

    def repair(self, session_id: str) -> Session:
        """Resume a damaged session from its last sound event; the damaged file is kept beside it.

        Raises:
            OnboardError: not even its first line can be read.
        """
        folder = self._existing(session_id)
        path = folder / JOURNAL
        lock = SessionLock(folder / "lock")
        try:
            self.open_damaged(path)
        finally:
            lock.release()
        return self.open(session_id)

    def open_damaged(self, path: Path) -> None:
        """Cut a damaged journal to its sound beginning, keeping a copy of all of it."""
        while True:
            try:
                self._replayed(path, read_journal(path))
            except DamagedJournal as damage:
                if damage.good == 0:
                    raise
                stamp = self._now().strftime("%Y%m%d-%H%M%S")
                copy = path.with_name(f"{path.name}.damaged-{stamp}-{secrets.token_hex(2)}")
                shutil.copy2(path, copy)
                Journal.resume(path, damage.good).close()
            else:
                return

    def summaries(self) -> tuple[Summary, ...]:
        """All sessions, the most recently changed first; damaged ones are listed with their damage."""
        if not self.folder.is_dir():
            return ()
        found = [self._summary(entry) for entry in self.folder.iterdir() if (entry / JOURNAL).exists()]
        return tuple(sorted(found, key=lambda summary: summary.changed, reverse=True))

    def delete(self, session_id: str) -> None:
        """Delete a session and all that it keeps.

        Raises:
            SessionInUse: another process has it open.
            OnboardError: there is none of that id.
        """
        folder = self._existing(session_id)
        lock = SessionLock(folder / "lock")
        try:
            shutil.rmtree(folder)
        finally:
            lock.release()

    def _existing(self, session_id: str) -> Path:
        folder = self.folder / session_id
        if session_id in {"", ".", ".."} or "/" in session_id or not (folder / JOURNAL).exists():
            raise OnboardError(
                "No such session",
                f"There is no session {session_id!r}.",
                next="`iam-onboard sessions` lists those that can be resumed.",
            )
        return folder

    def _replayed(self, path: Path, loaded: Loaded) -> State:
        workflow = self._workflows.get(loaded.header.workflow)
        if workflow is None:
            raise DamagedJournal(path, 1, f"There is no workflow {loaded.header.workflow!r}.", 0)
        state = State(workflow)
        good = self._offsets(path)
        for index, event in enumerate(loaded.events):
            try:
                state = replay(state, [event])
            except IllegalTransition as error:
                raise DamagedJournal(path, index + 2, str(error), good[index]) from error
        return state

    @staticmethod
    def _offsets(path: Path) -> list[int]:
        """Where each line ends: before event `i` the file has `result[i]` sound bytes."""
        offsets, total = [], 0
        for line in path.read_bytes().splitlines(keepends=True):
            total += len(line)
            offsets.append(total)
        return offsets

    def _summary(self, folder: Path) -> Summary:
        path = folder / JOURNAL
        try:
            loaded = read_journal(path)
            state = self._replayed(path, loaded)
        except OnboardError as error:
            changed = datetime.fromtimestamp(path.stat().st_mtime, tz=self._now().tzinfo)
            return Summary(
                folder.name, changed=changed.isoformat(timespec="seconds"), damage=error.why or error.what
            )
        header = loaded.header
        open_keys = [key for key in state.layout() if state.status(key, "") not in SETTLED | {Status.LOCKED}]
        return Summary(
            header.session,
            header.workflow,
            header.created,
            loaded.events[-1].at if loaded.events else header.created,
            header.details,
            state.facts(),
            state.workflow.step(open_keys[0].step).title if open_keys else "",
        )
