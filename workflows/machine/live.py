"""The session that this process has open.

What its state says is always what replaying its journal would say: an event is checked first, then written,
and counts only once it is on the disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from workflows.core.sentences import Sentence
from workflows.machine.drafts import Drafts
from workflows.machine.events import (
    Acknowledged,
    Event,
    Facts,
    Failed,
    Header,
    JsonValue,
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
    checked_facts,
)
from workflows.machine.journal import Journal
from workflows.machine.lock import SessionLock
from workflows.machine.observations import Observation, dated, keep_observations, kept_observations
from workflows.machine.reducer import reduce
from workflows.machine.rules import IllegalTransition, locked_words, refusal
from workflows.machine.state import SETTLED, Phase, Record, State, Status

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
        self._state = replace(state, observed=kept_observations(folder))
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

    def facts(self, item: str = "") -> dict[str, JsonValue]:
        """The facts that a step (of an item) may read: a copy, so that nobody can change the state by it."""
        return checked_facts(self._state.facts(item))

    def refusal(self, key: StepKey) -> Sentence:
        """Why a step cannot be started now, in words; "" when it can."""
        return self._waits(key) or refusal(self._state, Started(key, self._run, ""))

    def _waits(self, key: StepKey) -> Sentence:
        """Why a step has to wait, in words; "" when it need not.

        This is stricter than the rules, which have to accept every journal that was ever written.
        """
        return locked_words(self._state, key) if self.status(key) is Status.LOCKED else ""

    def observe(self, looks: Mapping[StepKey, Observation]) -> None:
        """Take in looks at the world; a step that was done again meanwhile is looked at the next time.

        Raises:
            OnboardError: they could not be kept for the list of sessions.
        """
        now = self._stamp()
        observed = {
            key: dated(look, self._state.observed.get(key), record.at, now)
            for key, look in looks.items()
            if (record := self.record(key)) is not None and record.phase is Phase.SUCCEEDED
        }
        self._state = replace(self._state, observed=observed)
        keep_observations(self.folder, observed)

    def acknowledge(self, key: StepKey) -> None:
        """Continue although the world contradicts a step: this contradiction does not stop it any more.

        Raises:
            IllegalTransition: nothing contradicts it, or it is not done.
            OnboardError: the journal could not be written, and nothing has changed.
        """
        if not self._state.contradicted(key):
            raise IllegalTransition(f"Nothing contradicts {key}")
        self._happen(Acknowledged(key, self._run, self._stamp(), self._state.observed[key].identity))

    def stale_reasons(self, key: StepKey) -> tuple[Sentence, ...]:
        """The titles of the steps whose outcome changed since a stale step was done."""
        givers = {
            self._state.workflow.giver(name.partition("@")[0]).id for name in self._state.changed_since(key)
        }
        return tuple(step.title for step in self._state.workflow.steps if step.id in givers)

    def proposal(self) -> StepKey | None:
        """Where to go on: the first step that is not settled and not locked; None when all is done.

        A step that is done only when asked for is not proposed.
        """
        return next((key for key in self._state.expected() if self._open(key)), None)

    def _open(self, key: StepKey) -> bool:
        return self.status(key) not in SETTLED | {Status.LOCKED}

    def start(self, key: StepKey) -> None:
        """Begin a step.

        Raises:
            IllegalTransition: it cannot be started now; the reason in words.
            OnboardError: the journal could not be written, and nothing has changed.
        """
        if waits := self._waits(key):
            raise IllegalTransition(waits)
        self._happen(Started(key, self._run, self._stamp()))

    def succeed(self, key: StepKey, facts: Facts) -> None:
        """End a step well, with what it gives; its draft is dropped.

        Raises:
            IllegalTransition: this process is not at work on it, or it does not give such facts.
            UnstorableFactError: a fact is no JSON value, or is a secret.
            OnboardError: the journal could not be written, and nothing has changed.
        """
        self._happen(Succeeded(key, self._run, self._stamp(), facts))
        self.drafts.drop(key)

    def fail(self, key: StepKey, error: Mapping[str, str]) -> None:
        """End a step badly, with what `OnboardError.as_record` says; it stays open.

        Raises:
            IllegalTransition: this process is not at work on it.
            UnstorableFactError: the error is no JSON value, or holds a secret.
            OnboardError: the journal could not be written, and nothing has changed.
        """
        self._happen(Failed(key, self._run, self._stamp(), error))

    def skip(self, key: StepKey, reason: str = "") -> None:
        """Leave out an optional step; what it gave earlier is gone.

        Raises:
            IllegalTransition: it is not optional, is running, is settled or has to wait.
            OnboardError: the journal could not be written, and nothing has changed.
        """
        self._happen(Skipped(key, self._run, self._stamp(), reason))

    def reopen(self, key: StepKey, reason: str = "") -> None:
        """Make a settled step open again; what it gave stays until it is done again.

        Raises:
            IllegalTransition: it is not settled.
            OnboardError: the journal could not be written, and nothing has changed.
        """
        self._happen(Reopened(key, self._run, self._stamp(), reason))

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
