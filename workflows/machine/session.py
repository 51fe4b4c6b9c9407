"""Sessions: the one that this process has open, and how they are begun, resumed and summarised.

A session is a person's way through a workflow, which they can leave and resume at any time. It is a private
folder with a journal, a lock, drafts, and whatever its steps keep there. Its state always equals the replay
of its journal: an event is checked, then written, and counts only once it is on the disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from workflows.core.files import (
    OWN_LIMIT,
    FileError,
    cause_of,
    explained,
    load_file,
    private_folder,
    sync_folder,
    write_atomically,
)
from workflows.core.parsing import parse_json
from workflows.core.sentences import OnboardError, Sentence
from workflows.machine.declaration import Workflow
from workflows.machine.drafts import Drafts
from workflows.machine.events import (
    RESTED,
    Acknowledged,
    Event,
    Facts,
    Failed,
    Header,
    JsonValue,
    Moved,
    Observation,
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
    UnstorableFactError,
    checked_facts,
    dated,
    in_folder,
    keep_observations,
    kept_observations,
)
from workflows.machine.journal import SCHEMA, DamagedJournal, FromNewerVersion, Journal, Loaded, read_journal
from workflows.machine.lock import SessionLock
from workflows.machine.rules import IllegalTransition, locked_words, reduce, refusal
from workflows.machine.state import SETTLED, Record, State, Status
from workflows.machine.summaries import DRAFTS, JOURNAL, Summary, keep_summary, made_from

Clock = Callable[[], datetime]


class NotStarted(OnboardError):  # noqa: N818 - the name says what happened
    """A session's folder couldn't be made."""


class Session:
    """A session that this process has open.

    Attributes:
        folder: its folder (mode 0700); steps may keep private files there.
        header: describes it.
        drafts: half-filled input.
    """

    def __init__(
        self, folder: Path, header: Header, state: State, journal: Journal, lock: SessionLock, now: Clock
    ) -> None:
        self.folder = folder
        self.header = header
        self.drafts = Drafts(folder / DRAFTS)
        self._state = replace(state, observed=kept_observations(folder))
        self._journal = journal
        self._lock = lock
        self._now = now
        self._run = os.urandom(8).hex()
        self._closed = False

    @property
    def state(self) -> State:
        """The state after the last event."""
        return self._state

    def layout(self) -> tuple[StepKey, ...]:
        """Return the steps of the workflow as currently laid out, in order."""
        return self._state.layout()

    def status(self, key: StepKey) -> Status:
        """Return a step's status."""
        return self._state.status(key, self._run)

    def standing(self, key: StepKey) -> Status:
        """Return a step's status for display, as `State.standing`."""
        return self._state.standing(key, self._run)

    def record(self, key: StepKey) -> Record | None:
        """Return a step's record, or None if nothing happened to it."""
        return self._state.records.get(key)

    def facts(self, item: str = "") -> dict[str, JsonValue]:
        """Return the facts that a step (of an item) may read: a copy, so that nobody can change the state."""
        return checked_facts(self._state.facts(item))

    def refusal(self, key: StepKey) -> Sentence:
        """Return why a step can't start now; "" if it can."""
        return self._waits(key) or refusal(self._state, Started(key, self._run, ""))

    def _waits(self, key: StepKey) -> Sentence:
        """Return why a step has to wait; "" if it doesn't.

        This is stricter than the rules, which have to accept every journal ever written.
        """
        return locked_words(self._state, key) if self.status(key) is Status.LOCKED else ""

    def observe(self, looks: Mapping[StepKey, Observation]) -> None:
        """Add looks at the world; steps without a new look keep their last one.

        For a step that is open again, only a contradiction of what it gave counts.

        Raises:
            OnboardError: they couldn't be saved for the list of sessions.
        """
        now = self._stamp()
        before = {key: seen for key, seen in self._state.observed.items() if key not in looks}
        observed = before | {
            key: dated(look, self._state.observed.get(key), record.last.at, now)
            for key, look in looks.items()
            if (record := self.record(key)) is not None
            and (isinstance(record.last, Succeeded) or look.contradicts)
        }
        self._state = replace(self._state, observed=observed)
        keep_observations(self.folder, observed)

    def acknowledge(self, key: StepKey, shown: Observation) -> None:
        """Continue although the world contradicts a step: the contradiction shown no longer stops it.

        A newer contradiction, which nobody was asked about, still does.

        Raises:
            IllegalTransition: nothing contradicts it, or it isn't done.
            OnboardError: the journal couldn't be written, and nothing has changed.
        """
        if not self._state.contradicted(key):
            raise IllegalTransition(f"Nothing contradicts {key}")
        self._happen(Acknowledged(key, self._run, self._stamp(), shown.identity))

    def move(self, key: StepKey, before: Path, now: Path) -> None:
        """Continue in a step's folder at its new place; nothing has to be redone.

        The session's files beside the journal change first, so that a crash in between asks again.

        Raises:
            IllegalTransition: the step isn't done.
            OnboardError: a file couldn't be written.
        """
        event = Moved(key, self._run, self._stamp(), str(before), str(now))
        reduce(self._state, event)
        for path in self.folder.glob("*.json"):
            _move_in(path, str(before), str(now))
        self.drafts.move(str(before), str(now))
        self._happen(event)

    def stale_reasons(self, key: StepKey) -> tuple[Sentence, ...]:
        """Return the titles of the steps whose outcome changed after a stale step was done."""
        givers = {
            self._state.workflow.giver(name.partition("@")[0]).id for name in self._state.changed_since(key)
        }
        return tuple(step.title for step in self._state.workflow.steps if step.id in givers)

    def proposal(self) -> StepKey | None:
        """Return where to continue; None if everything is done."""
        return self._state.proposal(self._run)

    def towards(self, key: StepKey | None) -> StepKey | None:
        """Return where to continue so that a waiting step can begin, else where to continue at all."""
        ahead = self._state.open_needs(key) if key is not None else ()
        return next((needed for needed in ahead if self.status(needed) is not Status.LOCKED), self.proposal())

    def start(self, key: StepKey) -> None:
        """Start a step.

        Raises:
            IllegalTransition: it can't start now, with the reason.
            OnboardError: the journal couldn't be written, and nothing has changed.
        """
        if waits := self._waits(key):
            raise IllegalTransition(waits)
        self._happen(Started(key, self._run, self._stamp()))

    def succeed(self, key: StepKey, facts: Facts) -> None:
        """End a step successfully with its facts; its draft is deleted.

        Raises:
            IllegalTransition: this process isn't working on it, or it doesn't give such facts.
            UnstorableFactError: a fact isn't JSON, or is a secret.
            OnboardError: the journal couldn't be written, and nothing has changed.
        """
        step = self._state.workflow.step(key.step)
        if unknown := facts.keys() - step.gives:
            raise IllegalTransition(f"{step.title} doesn't give {', '.join(sorted(unknown))}")
        self._happen(Succeeded(key, self._run, self._stamp(), self._state.knowledge.kept(facts)))
        self.drafts.drop(key)

    def fail(self, key: StepKey, error: Mapping[str, str]) -> None:
        """End a step with an error, as in `Failed`; it stays open.

        Raises:
            IllegalTransition: this process isn't working on it.
            UnstorableFactError: the error isn't JSON, or holds a secret.
            OnboardError: the journal couldn't be written, and nothing has changed.
        """
        self._happen(Failed(key, self._run, self._stamp(), error))

    def rest(self, key: StepKey) -> None:
        """Put a running step to rest that only waits for the person from now on: nothing interrupts that.

        Steps that outlive the wizard never rest.

        Raises:
            IllegalTransition: this process isn't working on it.
            OnboardError: the journal couldn't be written.
        """
        if not self._state.workflow.step(key.step).outlives:
            self._happen(Failed(key, self._run, self._stamp(), {"kind": RESTED}))

    def skip(self, key: StepKey, reason: str = "") -> None:
        """Skip an optional step; its earlier facts are removed.

        Raises:
            IllegalTransition: it isn't optional, is running, is settled or has to wait.
            OnboardError: the journal couldn't be written, and nothing has changed.
        """
        self._happen(Skipped(key, self._run, self._stamp(), reason))

    def reopen(self, key: StepKey, reason: str = "") -> None:
        """Open a settled step again; its facts stay until it is done again.

        Raises:
            IllegalTransition: it isn't settled.
            OnboardError: the journal couldn't be written.
        """
        self._happen(Reopened(key, self._run, self._stamp(), reason))

    def do_again(self, key: StepKey, reason: str = "") -> StepKey:
        """Open a settled step again, and first the step whose outcome it used up.

        Returns:
            The step to begin with.

        Raises:
            IllegalTransition, OnboardError: as `reopen`.
        """
        spent = self._state.workflow.step(key.step).spends
        first = StepKey(spent, key.item) if spent else key
        if first != key and self.status(first) in SETTLED | {Status.CONTRADICTED}:
            self.reopen(first, reason)
        if self.record(key) is not None:  # otherwise it was skipped only through that step
            self.reopen(key, reason)
        return first

    def amend(self, key: StepKey, changed: Callable[[Facts], Facts]) -> None:
        """Record at once that some facts of a step have changed: its status, its reason and its draft stay.

        Args:
            changed: makes the changed facts from the current ones.

        Raises:
            IllegalTransition: it has to wait or is running.
            UnstorableFactError: a fact isn't JSON, or is a secret.
            OnboardError: the journal couldn't be written.
        """
        before, seen = self.record(key), self._state.observed.get(key)
        done = self.status(key) in SETTLED | {Status.CONTRADICTED}
        if done:
            self.reopen(key)
        self.start(key)
        gives, facts = self._state.workflow.step(key.step).gives, self.facts(key.item)
        facts = {**{name: fact for name, fact in facts.items() if name in gives}, **changed(facts)}
        self._happen(Succeeded(key, self._run, self._stamp(), self._state.knowledge.kept(facts)))
        if seen is not None:
            self.observe({key: seen})
            if before and before.acknowledged == seen.identity:
                self.acknowledge(key, seen)
        if not done:
            last = before.last if before else None
            self.reopen(key, last.reason if isinstance(last, Reopened) else "")

    def close(self) -> None:
        """Close the journal and release the lock; a second call does nothing."""
        self._journal.close()
        if not self._closed:
            self._closed = True
            workflow = self._state.workflow
            summarised(self.folder, {workflow.id: workflow}, self._now)  # saves the next list the work
        self._lock.release()

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="seconds")

    def _happen(self, event: Event) -> None:
        state = reduce(self._state, event)
        if state.observed != self._state.observed:
            keep_observations(self.folder, state.observed)
        self._journal.add(event)
        self._state = state
        if not isinstance(event, Started | Failed):  # other wizards read what is settled here
            summary = _summary(self.folder, self.header, state, event.at)
            keep_summary(self.folder, summary, made_from(self.folder))


def begun(folder: Path, declaration: Workflow, details: Facts, at: datetime, now: Clock) -> Session:
    """Begin a session in a new folder.

    Args:
        folder: the session's; its name is the session's id.
        details: further facts for the list of sessions.
        at: the current time.
        now: the clock, in UTC.

    Raises:
        FileExistsError: a session of that id exists already.
        UnstorableFactError: a detail isn't JSON, or is a secret.
        OnboardError: its folder couldn't be written, and is removed again.
    """
    created = at.isoformat(timespec="seconds")
    header = Header(SCHEMA, folder.name, declaration.id, created, checked_facts(details))
    with contextlib.ExitStack() as undo:
        try:
            private_folder(folder.parent)
            folder.mkdir(mode=0o700)
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            lock = undo.enter_context(SessionLock(folder / "lock"))
            journal = Journal.create(folder / JOURNAL, header)
            sync_folder(folder.parent)
        except FileExistsError:
            raise
        except (OSError, OnboardError) as error:
            raise NotStarted(
                "Couldn't start the session",
                f"Its folder in {folder.parent} couldn't be written.",
                why=cause_of(error) if isinstance(error, OSError) else error.why,
                next="Check that the folder is yours and that its disk has room.",
            ) from error
        undo.pop_all()
    return Session(folder, header, State.beginning(declaration), journal, lock, now)


def resumed(folder: Path, workflows: Mapping[str, Workflow], now: Clock, *, repair: bool) -> Session:
    """Resume the session in a folder.

    Args:
        folder: the session's.
        workflows: the possible workflows, by id.
        now: the clock, in UTC.
        repair: whether to cut a damaged one off after its last sound event, keeping a copy beside it.

    Raises:
        OnboardError: its journal can't be read (DamagedJournal), or comes from a newer version.
        SessionInUse: another process has it open.
    """
    path = folder / JOURNAL
    with contextlib.ExitStack() as undo:
        lock = undo.enter_context(SessionLock(folder / "lock"))
        try:
            loaded, state = _replayed(path, workflows)
        except DamagedJournal as damage:
            if not repair or damage.sound is None:
                raise
            _keep_copy(path, now)
            loaded, state = damage.sound, _state_of(path, damage.sound, workflows)
        journal = Journal.resume(path, loaded)
        undo.pop_all()
    return Session(folder, loaded.header, state, journal, lock, now)


def _keep_copy(path: Path, now: Clock) -> None:
    stamp = f"{now():%Y%m%d-%H%M%S}-{os.urandom(2).hex()}"
    with explained(path, "copied, and is left as it is"):
        shutil.copy2(path, path.with_name(f"{path.name}.damaged-{stamp}"))


def _move_in(path: Path, before: str, now: str) -> None:
    """Replace the paths in a kept JSON file; a torn one counts as none, and is left alone."""
    with explained(path, "read"):
        text = load_file(path, OWN_LIMIT).decode("utf-8", "surrogatepass")
    try:
        kept = parse_json(text)
    except (ValueError, RecursionError):
        return
    moved = in_folder(kept, before, now)
    if moved != kept:
        write_atomically(path, json.dumps(moved, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _replayed(path: Path, workflows: Mapping[str, Workflow]) -> tuple[Loaded, State]:
    """Return a journal and its replayed state.

    Raises:
        DamagedJournal: with the part that can be read and replayed.
        OnboardError: as `read_journal`, or it belongs to none of these workflows (by id).
    """
    try:
        loaded = read_journal(path)
    except DamagedJournal as damage:
        if damage.sound is not None:
            _state_of(path, damage.sound, workflows)
        raise
    return loaded, _state_of(path, loaded, workflows)


def _state_of(path: Path, loaded: Loaded, workflows: Mapping[str, Workflow]) -> State:
    """Replay a journal's events.

    Raises:
        DamagedJournal: an event isn't legal where it stands; everything before it is sound.
        FromNewerVersion: an event is about a step that no workflow of this version has.
        OnboardError: the journal belongs to none of these workflows.
    """
    workflow = workflows.get(loaded.header.workflow)
    if workflow is None:
        raise OnboardError(
            "Unknown kind of session",
            f"It belongs to the workflow {loaded.header.workflow!r}, which this iam-onboard doesn't have.",
            next="Update iam-onboard, then resume it. Nothing was changed.",
        )
    state = State.beginning(workflow)
    known = {step.id for step in workflow.steps}
    for number, event in enumerate(loaded.events):
        if loaded.sums and event.key.step not in known:
            raise FromNewerVersion(f"It has a step that this iam-onboard doesn't know: {event.key.step}.")
        try:
            state = reduce(_open_for(state, event), event)
        except (IllegalTransition, UnstorableFactError) as error:
            raise DamagedJournal(path, str(error), loaded.first(number)) from error
    return state


def _open_for(state: State, event: Event) -> State:
    """Return the state in which a recorded event could happen.

    An earlier version may have considered a step stale that now counts as done: it was open then.
    """
    key, run = event.key, event.run
    if isinstance(event, Started | Skipped) and state.recorded_status(key, run) is Status.DONE:
        return replace(reduce(state, Reopened(key, run, event.at, "")), events=state.events)
    return state


def summarised(folder: Path, workflows: Mapping[str, Workflow], now: Clock) -> Summary | None:
    """Summarise the session in a folder, and keep the summary beside it; None if it holds none (any more).

    Args:
        folder: the session's.
        workflows: the possible workflows, by id.
        now: the clock, for its time zone.
    """
    of, journal = made_from(folder), folder / JOURNAL
    try:
        loaded, state = _replayed(journal, workflows)
    except OnboardError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        newer, why = isinstance(error, FromNewerVersion), error.why or error.what
        if isinstance(error, FromNewerVersion) and error.needs:
            why = f"{why} It needs iam-onboard {error.needs} or later."
        return Summary(folder.name, changed=_changed(journal, now), damage=why, newer=newer)
    changed = loaded.events[-1].at if loaded.events else loaded.header.created
    summary = _summary(folder, loaded.header, replace(state, observed=kept_observations(folder)), changed)
    keep_summary(folder, summary, of)
    return summary


def _summary(folder: Path, header: Header, state: State, changed: str) -> Summary:
    ahead = state.proposal("")
    settled = {
        key: record.last
        for key in state.layout()
        if state.settled(key) and state.status(key, "") is not Status.SKIPPED
        if (record := state.records.get(key)) is not None
    }
    return Summary(
        folder.name,
        header.workflow,
        header.created,
        changed,
        header.details,
        state.facts(),
        state.workflow.title_of(ahead) if ahead else "",
        next_step=ahead.step if ahead else "",
        confirmed=all(state.standing(key, "") is not Status.UNCONFIRMED for key in state.layout()),
        awaited=state.awaited(),
        draft=_draft(folder, ahead) if ahead and not state.facts() else {},
        settled={str(key): last.at for key, last in settled.items()},
        gave={
            str(key): last.facts
            for key, last in settled.items()
            if isinstance(last, Succeeded) and state.workflow.step(key.step).compared
        },
        done=_done(state),
        skipped=tuple(
            state.workflow.title_of(key) for key in state.layout() if state.status(key, "") is Status.SKIPPED
        ),
        unseen=tuple(str(key) for key in settled if key not in state.observed),
        interrupted=ahead is not None and state.status(ahead, "") is Status.INTERRUPTED,
    )


def _done(state: State) -> int:
    """Count the done steps; one left to a later item counts as soon as that is done."""
    done, later = 0, set[str]()
    for key in reversed(state.layout()):
        status = state.standing(key, "")
        done += status is Status.DONE or (status is Status.SKIPPED and key.step in later)
        if status is Status.DONE and state.workflow.step(key.step).passed_on:
            later.add(key.step)
    return done


def _draft(folder: Path, key: StepKey) -> Facts:
    try:
        return Drafts(folder / DRAFTS).load(key)
    except FileError:  # the step reports it once it is opened
        return {}


def _changed(journal: Path, now: Clock) -> str:
    try:
        seconds = journal.stat().st_mtime
    except OSError:
        return ""
    return datetime.fromtimestamp(seconds, tz=now().tzinfo).isoformat(timespec="seconds")
