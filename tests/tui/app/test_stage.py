"""The note of a step: why it stands where it does, and what to do about that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.fakes import FakeClipboard
from support.house import LAYERS, PROJECT, USERS, House

from tui.app.session_control import SessionControl, Start
from tui.app.stage import note_of, reopened_because
from workflows.machine.events import AGREES, Observation, StepKey, Verdict
from workflows.machine.state import Status
from workflows.run import SessionRun

GROUPS, REVIEW = StepKey("groups", "management"), StepKey("review", "management")
ACCOUNT = StepKey("account")
GONE = Observation(Verdict.GONE, "jane.doe is not there.", about=("jane.doe",))


@pytest.fixture
def run(house: House) -> Iterator[SessionRun]:
    control = SessionControl(house.parts(), house.source, FakeClipboard())
    yield control.resume(Start(session=house.session((PROJECT, LAYERS), (USERS, {"people": "jane.doe"}))))
    control.leave()


def test_what_is_ready_or_done_and_confirmed_needs_no_note(run: SessionRun) -> None:
    assert [run.session.status(key) for key in (USERS, GROUPS)] == [Status.DONE, Status.READY]
    assert [note_of(run, key) for key in (USERS, GROUPS)] == ["", ""]


def test_a_locked_step_names_the_one_that_it_waits_for(run: SessionRun) -> None:
    assert run.session.status(REVIEW) is Status.LOCKED
    assert run.step(GROUPS).title in note_of(run, REVIEW)


def test_a_step_that_failed_or_was_opened_again_says_why(run: SessionRun) -> None:
    run.session.start(GROUPS)
    run.session.fail(GROUPS, {"what": "The lock is taken."})
    assert (run.session.status(GROUPS), "The lock is taken." in note_of(run, GROUPS)) == (Status.FAILED, True)
    run.session.reopen(USERS, "sam.lee joins too")
    assert reopened_because(run.session.record(USERS)) == "sam.lee joins too"
    assert "sam.lee joins too" in note_of(run, USERS)
    assert reopened_because(run.session.record(GROUPS)) == reopened_because(None) == ""


def test_a_step_that_is_out_of_date_says_what_changed(run: SessionRun) -> None:
    run.session.start(GROUPS)
    run.session.succeed(GROUPS, {"planned": "yes"})
    run.session.reopen(USERS)
    run.session.start(USERS)
    run.session.succeed(USERS, {"people": "sam.lee"})
    assert run.session.status(GROUPS) is Status.STALE
    (reason,) = run.session.stale_reasons(GROUPS)
    assert str(reason) in note_of(run, GROUPS)


def test_a_skipped_step_says_that_it_can_still_be_done(run: SessionRun) -> None:
    run.session.skip(ACCOUNT)
    assert "^r" in note_of(run, ACCOUNT)


def test_what_a_look_said_against_a_step_is_its_note_until_it_is_accepted(run: SessionRun) -> None:
    run.session.observe({USERS: GONE})
    open_note = note_of(run, USERS)
    assert (run.session.status(USERS), GONE.words in open_note) == (Status.CONTRADICTED, True)
    run.session.acknowledge(USERS, GONE)
    accepted = note_of(run, USERS)
    assert GONE.words in accepted
    assert accepted != open_note
    run.session.observe({USERS: AGREES})
    assert note_of(run, USERS) == ""
