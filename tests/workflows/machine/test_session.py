from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from support import journal_writer
from support.journals import in_version_1
from support.machine_samples import GIVEN, PROJECT, SAMPLE, do, do_all, sessions_in
from support.session_journals import PROJECT_KEY, REVIEW, USERS, journal_of

from workflows.core.files import FileError, cause_of
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, text_of
from workflows.machine.declaration import ALWAYS, Step, Workflow
from workflows.machine.events import (
    Failed,
    Observation,
    Reopened,
    Started,
    StepKey,
    UnstorableFactError,
    Verdict,
    unknown,
)
from workflows.machine.journal import (
    SCHEMA,
    BadLineError,
    DamagedJournal,
    FromNewerVersion,
    Journal,
    JournalFailed,
    read_journal,
)
from workflows.machine.rules import IllegalTransition
from workflows.machine.session import NotStarted, Session
from workflows.machine.sessions import Sessions
from workflows.machine.state import Status


def resumed(sessions: Sessions, session: Session) -> Session:
    session.close()
    return sessions.open(session.header.session)


def test_a_session_is_walked_by_following_the_proposal(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    assert session.proposal() == PROJECT_KEY
    assert {"Users", "Project"} <= set(text_of(session.refusal(USERS)).split())
    do_all(session)
    assert session.proposal() is None
    assert session.facts()["people"] == ["a.example", "b.sample"]
    assert session.facts("security")["planned"] == "2 to add"
    state = session.state
    session = resumed(sessions, session)
    assert session.state == state
    session.close()


def test_a_session_may_be_left_in_the_middle_of_a_step(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    session.start(USERS)
    session.drafts.save(USERS, {"typed": "a.exa"})
    session = resumed(sessions, session)
    assert session.status(USERS) is Status.INTERRUPTED
    assert session.proposal() == USERS
    assert session.drafts.load(USERS) == {"typed": "a.exa"}
    with pytest.raises(IllegalTransition, match="interrupted"):
        session.succeed(USERS, GIVEN["users"])
    do(session, USERS)
    assert session.drafts.load(USERS) == {}
    session.close()


def test_a_stale_step_says_whose_outcome_changed(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do_all(session)
    assert session.stale_reasons(REVIEW) == ()
    do(session, USERS, {"people": []})
    do(session, "account", {"alias": "other"})
    assert session.status(REVIEW) is Status.STALE
    assert session.stale_reasons(REVIEW) == ("Users", "Account")
    session.close()


def test_a_failure_and_a_reason_are_on_the_record(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    assert session.record(PROJECT_KEY) is None
    session.start(PROJECT_KEY)
    session.fail(PROJECT_KEY, OnboardError("No project", "There is none.", next="Choose one.").as_record())
    session = resumed(sessions, session)
    record = session.record(PROJECT_KEY)
    assert record is not None
    assert isinstance(record.last, Failed)
    assert record.last.error["next"] == "Choose one."
    assert session.status(PROJECT_KEY) is Status.FAILED
    do(session, PROJECT_KEY)
    session.reopen(PROJECT_KEY, "other people")
    session.close()
    assert b'"other people"' in journal_of(sessions).read_bytes()


def test_what_used_up_another_steps_outcome_is_done_again_from_that_one_on(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do_all(session)
    plan, apply = StepKey("plan", "security"), StepKey("apply", "security")
    assert session.do_again(USERS) == USERS
    do(session, USERS)
    assert session.do_again(apply, "contradicted") == plan == session.proposal()
    assert (session.status(plan), session.status(apply)) == (Status.READY, Status.LOCKED)
    assert session.status(StepKey("plan", "management")) is Status.DONE
    do(session, plan)
    assert session.do_again(plan) == plan, "the apply is open already"
    session.close()


def test_a_fact_is_amended_in_a_step_that_stays_done_or_open(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do_all(session)
    session.observe({USERS: unknown("no network")})
    session.amend(USERS, lambda facts: {"people": [*facts["people"], "c.third"]})
    assert session.facts()["people"] == [*GIVEN["users"]["people"], "c.third"]
    assert session.status(USERS) is Status.UNCONFIRMED, "the last look still counts"
    assert session.status(REVIEW) is Status.STALE
    gone = Observation(Verdict.GONE, "Somebody removed them.")
    session.observe({USERS: gone})
    session.acknowledge(USERS, session.state.observed[USERS])
    session.amend(USERS, lambda _: {"people": ["b.sample"]})
    assert session.status(USERS) is Status.UNCONFIRMED, "the person continued despite it"
    session.reopen(USERS, "changed")
    session.drafts.save(USERS, {"people": ["d.fourth"]})
    session.amend(USERS, lambda _: {"people": ["e.fifth"]})
    assert session.state.observed[USERS].identity == gone.identity
    session = resumed(sessions, session)
    assert session.status(USERS) is Status.READY
    record = session.record(USERS)
    assert record is not None
    assert isinstance(record.last, Reopened)
    assert record.last.reason == "changed"
    assert session.facts()["people"] == ["e.fifth"]
    assert session.drafts.load(USERS) == {"people": ["d.fourth"]}
    session.close()


def test_what_waits_for_the_person_from_now_on_is_interrupted_by_nothing(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    session.start(USERS)
    session = resumed(sessions, session)
    assert session.status(USERS) is Status.INTERRUPTED
    session.start(USERS)
    session.rest(USERS)
    session = resumed(sessions, session)
    assert session.status(USERS) is Status.READY
    with pytest.raises(IllegalTransition):
        session.rest(USERS)
    session.close()


def test_what_would_use_up_a_skipped_steps_outcome_is_skipped_with_it(tmp_path: Path) -> None:
    changed = {"plan": {"skippable": True}, "apply": {"applies": ALWAYS}}
    steps = tuple(replace(step, **changed.get(step.id, {})) for step in SAMPLE.steps)
    session = sessions_in(tmp_path, replace(SAMPLE, steps=steps)).create("admin", {}, "s")
    plan, apply = StepKey("plan", "security"), StepKey("apply", "security")
    while (proposed := session.proposal()) not in {plan, None}:
        do(session, proposed)
    assert session.towards(apply) == plan
    session.skip(plan)
    assert (session.status(plan), session.status(apply)) == (Status.SKIPPED, Status.SKIPPED)
    assert session.proposal() not in {plan, apply}
    assert session.do_again(apply) == plan
    assert (session.status(plan), session.status(apply)) == (Status.READY, Status.LOCKED)
    session.close()


@pytest.mark.parametrize("value", [Secret("canary"), [{"a": Secret("canary")}], b"canary", float("nan")])
def test_a_secret_is_never_stored(value: object, sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    session.start(USERS)
    before, state = journal_of(sessions).read_bytes(), session.state
    attempts: list[Callable[[], None]] = [
        lambda: session.succeed(USERS, {"people": value}),
        lambda: session.succeed(USERS, {"people": {"a": [value]}}),
        lambda: session.fail(USERS, {"detail": value}),  # type: ignore[dict-item]
        lambda: session.drafts.save(USERS, {"passphrase": value}),
        lambda: sessions.create("admin", {"sandbox": value}, "other").close(),
    ]
    for attempt in attempts:
        with pytest.raises(UnstorableFactError):
            attempt()
    assert journal_of(sessions).read_bytes() == before
    assert session.state == state
    assert session.status(USERS) is Status.RUNNING
    assert [entry.name for entry in sessions.folder.iterdir()] == ["s"]
    session.close()


def test_a_secret_as_a_reason_is_refused_too(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    state = session.state
    with pytest.raises(UnstorableFactError, match="reason"):
        session.reopen(PROJECT_KEY, Secret("canary"))  # type: ignore[arg-type]
    assert session.state == state
    session.close()


def test_an_event_that_could_not_be_written_did_not_happen(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    session = sessions.create("admin", {}, "s")
    session.start(PROJECT_KEY)
    before, state = journal_of(sessions).read_bytes(), session.state
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(JournalFailed):
            session.succeed(PROJECT_KEY, PROJECT)
    assert journal_of(sessions).read_bytes() == before
    assert session.state is state
    session.succeed(PROJECT_KEY, PROJECT)
    assert resumed_and_closed(sessions, session) == 2


def resumed_and_closed(sessions: Sessions, session: Session) -> int:
    session = resumed(sessions, session)
    session.close()
    return session.state.events


def test_a_disk_that_is_really_full_leaves_the_journal_whole(sessions: Sessions) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    command = [sys.executable, "-B", journal_writer.__file__, str(sessions.folder), "write"]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{JournalFailed.__name__}: " in done.stderr
    assert journal_of(sessions).stat().st_size <= 4096
    assert journal_of(sessions).read_bytes().endswith(b"}\n")
    session = sessions.open("s")
    assert session.state.events == int(done.stdout.split()[-1])
    do(session, PROJECT_KEY)
    session.close()


def damage(path: Path, number: int, line: bytes = b"damaged") -> bytes:
    """Replace a line, in version 1 of the format, so that its content is checked, not only a checksum."""
    lines = in_version_1(path.read_bytes()).splitlines(keepends=True)
    lines[number - 1] = line + b"\n"
    path.write_bytes(b"".join(lines))
    return path.read_bytes()


ILLEGAL = json.dumps(
    {"event": "succeeded", "step": "users", "run": "r", "at": "", "facts": {"people": []}}
).encode()
INFINITE = json.dumps(
    {"event": "succeeded", "step": "project", "run": "RUN", "at": "", "facts": {"project": 1}}
).replace("1}}", "1e999}}")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (b"garbage", BadLineError),
        (ILLEGAL, IllegalTransition),
        (ILLEGAL.replace(b"users", b"nowhere"), IllegalTransition),
        (INFINITE.encode(), UnstorableFactError),
    ],
)
def test_a_damaged_session_is_told_listed_and_repaired_with_a_copy_kept(
    line: bytes, cause: type[Exception], sessions: Sessions
) -> None:
    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    do(session, USERS)
    session.close()
    path = journal_of(sessions)
    damaged = damage(path, 5, line)
    with pytest.raises(DamagedJournal) as found:
        sessions.open("s")
    assert (found.value.line, type(found.value.__cause__)) == (5, cause)
    assert path.read_bytes() == damaged
    (listed,) = sessions.summaries()
    assert text_of(found.value.why) in listed.damage
    assert listed.changed.endswith("+00:00")

    session = sessions.open("s", repair=True)
    assert session.state.events == 3
    assert session.status(PROJECT_KEY) is Status.DONE
    assert session.status(USERS) is Status.INTERRUPTED
    do(session, USERS)
    session.close()
    (copy,) = path.parent.glob("journal.jsonl.damaged-*")
    assert copy.read_bytes() == damaged
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    sessions.open("s").close()


def test_the_first_of_several_damages_counts_and_one_copy_is_kept(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do_all(session)
    session.close()
    path = journal_of(sessions)
    damage(path, 3, ILLEGAL)
    damage(path, 6)
    with pytest.raises(DamagedJournal, match="Line 3 of"):
        sessions.open("s")
    session = sessions.open("s", repair=True)
    assert session.state.events == 1
    session.close()
    assert len(list(path.parent.glob("*.damaged-*"))) == 1


def test_a_session_that_cannot_be_copied_is_not_cut(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    session.close()
    damaged = damage(journal_of(sessions), 2)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copy2", fail)
        with pytest.raises(FileError):
            sessions.open("s", repair=True)
    assert journal_of(sessions).read_bytes() == damaged
    sessions.open("s", repair=True).close()


def test_a_session_without_a_header_is_not_repaired(sessions: Sessions) -> None:
    sessions.create("admin", {}, "s").close()
    damaged = damage(journal_of(sessions), 1)
    with pytest.raises(DamagedJournal, match="Line 1"):
        sessions.open("s", repair=True)
    assert journal_of(sessions).read_bytes() == damaged
    sessions.delete("s")


def test_a_session_of_a_newer_version_or_unknown_workflow_is_left_alone(sessions: Sessions) -> None:
    sessions.create("admin", {}, "s").close()
    header = json.loads(in_version_1(journal_of(sessions).read_bytes()))
    changes = [({"schema": SCHEMA + 1}, "newer version"), ({"workflow": "gardening"}, "Unknown kind")]
    for change, title in changes:
        content = json.dumps({**header, **change}).encode() + b"\n"
        journal_of(sessions).write_bytes(content)
        for attempt in (sessions.open, partial(sessions.open, repair=True)):
            with pytest.raises(OnboardError, match=title) as refused:
                attempt("s")
            assert not isinstance(refused.value, DamagedJournal)
        assert journal_of(sessions).read_bytes() == content
        assert [summary.damage != "" for summary in sessions.summaries()] == [True]


def test_the_list_names_the_version_that_reads_a_newer_session(sessions: Sessions) -> None:
    session = sessions.create("admin", {})
    session.close()
    journal = session.folder / "journal.jsonl"
    header, *rest = journal.read_bytes().splitlines(keepends=True)
    values = {**json.loads(header), "schema": SCHEMA + 1, "needs": "99.1"}
    journal.write_bytes(json.dumps(values).encode() + b"\n" + b"".join(rest))
    (session.folder / "summary.json").unlink(missing_ok=True)
    (found,) = sessions.summaries()
    assert found.newer
    assert "99.1" in str(found.damage)


def test_a_step_that_only_a_newer_version_has_is_no_damage(sessions: Sessions) -> None:
    sessions.create("admin", {}, "s").close()
    journal = Journal.resume(journal_of(sessions), read_journal(journal_of(sessions)))
    journal.add(Started(StepKey("gardening"), "r", "2026-01-02T03:04:05+00:00"))
    journal.close()
    content = journal_of(sessions).read_bytes()
    for attempt in (sessions.open, partial(sessions.open, repair=True)):
        with pytest.raises(FromNewerVersion, match="gardening"):
            attempt("s")
    assert journal_of(sessions).read_bytes() == content
    assert sessions.summaries()[0].newer


def test_the_list_tells_each_session_and_the_last_changed_comes_first(sessions: Sessions) -> None:
    assert sessions.summaries() == ()
    first = sessions.create("admin", {"project_root": "/srv/bb"}, "first")
    sessions.create("admin", {}, "second").close()
    do(first, PROJECT_KEY)
    first.close()
    (sessions.folder / "no-session").mkdir()
    (sessions.folder / "a-file").write_text("")
    summaries = sessions.summaries()
    assert [summary.id for summary in summaries] == ["first", "second"]
    told = summaries[0]
    assert (told.workflow, told.next_title, told.damage) == ("admin", "Users", "")
    assert told.details == {"project_root": "/srv/bb"}
    assert told.facts["project"] == "bb"
    assert told.created < told.changed
    assert not told.interrupted
    begun = sessions.open("first")
    begun.start(StepKey("users"))
    begun.close()
    assert sessions.summaries()[0].interrupted
    done = sessions.open("first")
    do_all(done)
    done.close()
    assert sessions.summaries()[0].next_title == ""


@pytest.mark.parametrize(("skipped", "left_out"), [("management", 1), ("security", 2)])
def test_the_list_counts_no_skipped_step_as_done_unless_a_later_one_takes_it_along(
    skipped: str, left_out: int, tmp_path: Path
) -> None:
    changed = {"plan": {"skippable": True, "passed_on": True}, "apply": {"applies": ALWAYS}}
    steps = tuple(replace(step, **changed.get(step.id, {})) for step in SAMPLE.steps)
    sessions = sessions_in(tmp_path, replace(SAMPLE, steps=steps))
    session = sessions.create("admin", {}, "s")
    while (proposed := session.proposal()) is not None:
        if proposed == StepKey("plan", skipped):
            session.skip(proposed)
        else:
            do(session, proposed)
    session.close()
    (summary,) = sessions.summaries()
    assert summary.done == len(session.layout()) - left_out  # its apply is skipped with it
    assert len(summary.settled) == len(session.layout()) - 2
    assert f"apply@{skipped}" not in summary.settled
    assert [skipped in title for title in summary.skipped] == [True, True]


def test_the_list_has_the_facts_that_other_sessions_ask_about(tmp_path: Path) -> None:
    steps = tuple(replace(step, compared=step.id == "plan") for step in SAMPLE.steps)
    sessions = sessions_in(tmp_path, replace(SAMPLE, steps=steps))
    session = sessions.create("admin", {}, "s")
    do_all(session)
    session.close()
    for _ in range(2):  # the second time, the copy is read
        (summary,) = sessions.summaries()
        gives = {*SAMPLE.step("plan").gives}
        assert summary.gave
        assert {key: {*facts} for key, facts in summary.gave.items()} == {
            key: gives for key in summary.settled if key.startswith("plan@")
        }


def test_a_session_that_cannot_be_begun_leaves_nothing(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(NotStarted) as refused:
            sessions.create("admin", {}, "s")
    assert refused.value.why == cause_of(OSError(errno.ENOSPC, ""))
    assert list(sessions.folder.iterdir()) == []
    sessions.create("admin", {}, "s").close()


def test_a_failed_resume_gives_the_lock_back(sessions: Sessions) -> None:
    sessions.create("admin", {}, "s").close()
    whole = journal_of(sessions).read_bytes()
    journal_of(sessions).write_bytes(b"garbage\n")
    with pytest.raises(DamagedJournal):
        sessions.open("s")
    journal_of(sessions).write_bytes(whole)
    sessions.open("s").close()


def test_a_workflow_that_grew_a_step_goes_on_with_old_sessions(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do_all(session)
    session.close()
    grown = Workflow("admin", "Admin", (*SAMPLE.steps, Step("regions", "Regions", "", needs=("told",))))
    session = sessions_in(sessions.folder, grown).open("s")
    assert session.proposal() == StepKey("regions")
    session.close()


def test_a_session_is_finished_without_the_steps_that_are_done_only_when_asked_for(tmp_path: Path) -> None:
    steps = (Step("a", "A", ""), Step("b", "B", "", skippable=True, asked_for=True))
    found = Sessions(tmp_path / "state", [Workflow("w", "W", steps)], lambda: datetime.now(UTC))
    session = found.create("w", {}, "s")
    session.start(StepKey("a"))
    session.succeed(StepKey("a"), {})
    assert session.proposal() is None
    assert session.status(StepKey("b")) is Status.READY
    assert found.summaries()[0].next_title == ""
    session.close()


def test_facts_that_a_later_version_gave_are_kept_and_no_damage(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    session.close()
    path = journal_of(sessions)
    content = in_version_1(path.read_bytes()).replace(b'"facts":{', b'"facts":{"unheard_of":[1],', 1)
    path.write_bytes(content)
    session = sessions.open("s")
    assert session.status(PROJECT_KEY) is Status.DONE
    assert "unheard_of" not in session.facts()
    session.close()
    assert path.read_bytes() == content


def test_a_step_may_only_give_what_it_declares(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    session.start(PROJECT_KEY)
    with pytest.raises(IllegalTransition, match=r" extra, more$"):
        session.succeed(PROJECT_KEY, {"more": 1, "extra": 2})
    session.close()
