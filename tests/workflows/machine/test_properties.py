"""Random use of the machine on a real disk: its state matches the journal, and no person gets stuck."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.examples import examples
from support.machine_samples import sessions_in
from support.workflow_strategies import ITEMS, VALUES, item_lists, workflows

from workflows.core.secret import Secret
from workflows.machine.declaration import Workflow
from workflows.machine.events import Facts, JsonValue, Started, StepKey, Succeeded, UnstorableFactError
from workflows.machine.journal import read_journal
from workflows.machine.rules import IllegalTransition, reduce
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions
from workflows.machine.state import SETTLED, State, Status
from workflows.machine.summaries import JOURNAL

CANARY = "canary-7f3a"
MAY: Mapping[str, frozenset[str]] = {
    "start": frozenset({"ready", "failed", "stale", "interrupted"}),
    "succeed": frozenset({"running"}),
    "fail": frozenset({"running"}),
    "skip": frozenset({"ready", "failed", "stale", "interrupted"}),
    "reopen": frozenset({"done", "skipped"}),
}


class Machine(RuleBasedStateMachine):
    """A session of a random workflow, and a person who does random things with it."""

    workflow: Workflow
    sessions: Sessions
    session: Session

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="io-machine-"))

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.close()
        shutil.rmtree(self.folder)

    @initialize(workflow=workflows())
    def begin(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.sessions = sessions_in(self.folder, workflow)
        self.session = self.sessions.create(workflow.id, {}, "s")

    # -- what a person and a program can do, sensible or not --------------------------------------

    @rule(
        kind=st.sampled_from(sorted(MAY)),
        step=st.integers(0, 6),
        item=st.sampled_from(("", *ITEMS)),
        data=st.data(),
    )
    def anything(self, kind: str, step: int, item: str, data: st.DataObject) -> None:
        """Try any event for any step and item, most of them invalid."""
        key = StepKey(self.workflow.steps[step % len(self.workflow.steps)].id, item)
        self.attempt(kind, key, data)

    @rule(kind=st.sampled_from(sorted(MAY)), data=st.data())
    def something_laid_out(self, kind: str, data: st.DataObject) -> None:
        """Try any event for a step in the layout."""
        self.attempt(kind, data.draw(st.sampled_from(self.session.layout())), data)

    @rule(data=st.data())
    def proposed(self, data: st.DataObject) -> None:
        """Do the proposed step successfully."""
        key = self.session.proposal()
        if key is None:
            return
        if self.session.status(key) is not Status.RUNNING:
            self.attempt("start", key, data)
        self.attempt("succeed", key, data)

    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        """Do a done step again: exactly the steps that used its changed facts become stale."""
        done = [key for key in self.session.layout() if self.session.status(key) is Status.DONE]
        assume(done)
        key = data.draw(st.sampled_from(done))
        assume(not self.session.state.open_needs(key))
        before, needed_before = self.values(), {other: self.needed(other) for other in done}
        self.session.reopen(key)
        self.session.start(key)
        self.session.succeed(key, self.draw_facts(key, data))
        now = self.values()
        for other in set(done) & set(self.session.layout()):
            names = needed_before[other] | self.needed(other)
            changed = any(before.get(name) != now.get(name) for name in names)
            assert (self.session.status(other) is not Status.DONE) == changed, (key, other)

    @rule(data=st.data())
    def leak(self, data: st.DataObject) -> None:
        """Try to store a secret; nothing may be written and nothing may change."""
        key = data.draw(st.sampled_from(self.session.layout()))
        fact = data.draw(st.sampled_from(self.workflow.step(key.step).gives))
        value = data.draw(
            st.sampled_from([Secret(CANARY), [Secret(CANARY)], {"a": (1, {"b": Secret(CANARY)})}])
        )
        attempts: tuple[Callable[[], None], ...] = (
            lambda: self.session.succeed(key, {fact: value}),
            lambda: self.session.fail(key, {"detail": value}),  # type: ignore[dict-item]
            lambda: self.session.drafts.save(key, {fact: value}),
        )
        self.unchanged(data.draw(st.sampled_from(attempts)), UnstorableFactError)

    @rule()
    def leave_and_resume(self) -> None:
        """Continue in another process; steps that were running are interrupted."""
        state = self.session.state
        self.session.close()
        self.session = self.sessions.open("s")
        assert self.session.state == state
        self.nothing_runs()

    @precondition(lambda self: self.session.state.events > 0)
    @rule(torn=st.integers(1, 30))
    def die_while_writing(self, torn: int) -> None:
        """Simulate a process that dies while it writes its next event: all earlier events remain."""
        state, line = self.session.state, self.content().splitlines(keepends=True)[-1]
        self.session.close()
        with (self.session.folder / JOURNAL).open("ab") as file:
            file.write(line[: min(torn, len(line) - 1)])
        self.session = self.sessions.open("s")
        assert self.session.state == state
        self.nothing_runs()

    # -- what must hold whatever happened ---------------------------------------------------------

    @invariant()
    def journal_and_state_agree(self) -> None:
        if not hasattr(self, "session"):
            return
        loaded = read_journal(self.session.folder / JOURNAL)
        assert functools.reduce(reduce, loaded.events, State.beginning(self.workflow)) == self.session.state
        assert len(loaded.events) == self.session.state.events
        assert CANARY.encode() not in self.content()

    @invariant()
    def nobody_is_stranded(self) -> None:
        """Check that doing the proposed steps settles all steps."""
        if not hasattr(self, "session"):
            return
        state, run = self.session.state, "another"
        for _ in range(200):
            unsettled = [key for key in state.layout() if state.status(key, run) not in SETTLED]
            if not unsettled:
                return
            key = unsettled[0]
            assert state.status(key, run) is not Status.LOCKED
            facts = {
                fact: ["a", "b"] if key.step == "lists" else 1 for fact in self.workflow.step(key.step).gives
            }
            state = reduce(reduce(state, Started(key, run, "")), Succeeded(key, run, "", facts))
        pytest.fail("the proposal goes round in circles")

    @invariant()
    def the_proposal_is_the_first_open_step(self) -> None:
        if not hasattr(self, "session"):
            return
        unsettled = [key for key in self.session.layout() if self.session.status(key) not in SETTLED]
        assert self.session.proposal() == (unsettled[0] if unsettled else None)

    # -- help ---------------------------------------------------------------------------------------

    def attempt(self, kind: str, key: StepKey, data: st.DataObject) -> None:
        """Apply an event if the test's table allows it; else check that it is rejected with a message."""
        calls: dict[str, Callable[[], None]] = {
            "start": lambda: self.session.start(key),
            "succeed": lambda: self.session.succeed(key, facts),
            "fail": lambda: self.session.fail(key, {"title": "No"}),
            "skip": lambda: self.session.skip(key, "not now"),
            "reopen": lambda: self.session.reopen(key, "again"),
        }
        facts = self.draw_facts(key, data)
        status = self.session.status(key)
        part = key in self.session.layout() or status is Status.RUNNING
        skippable = kind != "skip" or self.workflow.step(key.step).skippable
        if part and skippable and status in MAY[kind]:
            assert kind != "start" or self.session.refusal(key) == ""
            events = self.session.state.events
            calls[kind]()
            assert self.session.state.events == events + 1
        else:
            self.unchanged(calls[kind], IllegalTransition)

    def unchanged(self, call: Callable[[], None], error: type[Exception]) -> None:
        state, content = self.session.state, self.content()
        with pytest.raises(error) as refused:
            call()
        assert " " in str(refused.value)
        assert CANARY not in str(refused.value)
        assert self.session.state is state
        assert self.content() == content

    def draw_facts(self, key: StepKey, data: st.DataObject) -> Facts:
        gives = self.workflow.step(key.step).gives
        if key.step == "lists":
            return {fact: data.draw(item_lists()) for fact in gives}
        return {fact: data.draw(VALUES) for fact in gives if data.draw(st.integers(0, 4))}

    def content(self) -> bytes:
        return (self.session.folder / JOURNAL).read_bytes()

    def nothing_runs(self) -> None:
        for key, record in self.session.state.records.items():
            if isinstance(record.last, Started):
                same = record.used == self.session.state.knowledge.used_by(key)
                open_ = Status.INTERRUPTED if same else Status.READY  # a try with other facts is history
                assert self.session.status(key) in {open_, Status.LOCKED}

    def values(self) -> dict[str, str]:
        """Return the current facts as JSON, so that 1 and true differ."""
        return {name: json.dumps(fact.value) for name, fact in self.session.state.knowledge.in_force.items()}

    def needed(self, key: StepKey) -> frozenset[str]:
        """Return the scoped names of a step's needs, from its declaration only."""
        names: set[str] = set()
        for fact in self.workflow.step(key.step).needs:
            over = next(step.repeats_over for step in self.workflow.steps if fact in step.gives)
            items: list[JsonValue] = [key.item] if key.item else self.session.facts().get(over, [])
            names |= {f"{fact}@{item}" for item in items} if over else {fact}
        return frozenset(names)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=examples(30, 100),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
