from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from support.fakes import fake_environment
from support.machine_samples import SAMPLE, do
from support.panes import by_id, new_session, settle
from support.small_steps import NOT_THERE, SmallStep, small_workflow
from support.steps import step_of

from workflows.core.sentences import text_of
from workflows.machine.declaration import Step, Workflow
from workflows.machine.events import (
    AGREES,
    NOT_ASKED,
    SAID_SO,
    Observation,
    StepKey,
    Verdict,
    dated,
    unknown,
)
from workflows.machine.rules import IllegalTransition
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions
from workflows.machine.state import Status
from workflows.run import SessionRun
from workflows.steps.shared.module import Context

PROJECT, USERS, ACCOUNT = StepKey("project"), StepKey("users"), StepKey("account")
GROUPS, REVIEW = StepKey("groups", "security"), StepKey("review", "security")
GONE = Observation(Verdict.GONE, "She is gone.", about=("jane",), continuing="Nothing is made for her.")
LAYERS = {"project": "bb", "layers": ["management", "security"]}


class Looking(SmallStep):
    """A step whose look raises an error."""

    error: Exception = NOT_THERE

    def observe(self, context: Context) -> Observation:  # noqa: ARG002
        raise self.error


@pytest.fixture
def modules() -> list[SmallStep]:
    return small_workflow()


@pytest.fixture
def session(tmp_path: Path, modules: list[SmallStep]) -> Session:
    session = new_session(tmp_path / "sessions", modules)
    settle(session, PROJECT, LAYERS)
    return session


@pytest.fixture
def run(tmp_path: Path, session: Session, modules: list[SmallStep]) -> SessionRun:
    return SessionRun(session, fake_environment(tmp_path, {}), by_id(modules))


def proposal_after_a_look(run: SessionRun) -> StepKey | None:
    run.observe()
    return run.session.proposal()


def test_a_title_tells_the_item(run: SessionRun) -> None:
    assert run.title(USERS) == "Users"
    assert run.title(GROUPS) == "Groups (security)"
    with pytest.raises(KeyError):
        run.title(StepKey("unknown"))


def test_a_context_holds_the_facts_of_its_item_and_all_by_scoped_name(
    run: SessionRun, session: Session
) -> None:
    settle(session, USERS, {"people": "jane"})
    for layer in ("management", "security"):
        settle(session, StepKey("groups", layer), {"planned": layer})
    context = run.context(REVIEW)
    assert context.facts["planned"] == "security"
    assert context.every["planned@management"] == "management"
    assert (context.item, context.folder) == ("security", session.folder)
    assert not context.cancelled.is_set()
    assert not context.leaving.is_set()


def test_a_look_asks_done_steps_only_and_tells_what_does_not_agree(
    run: SessionRun, session: Session, modules: list[SmallStep]
) -> None:
    for module in modules:
        module.observation = Observation(Verdict.CHANGED, f"{step_of(module).id} differs")
    session.skip(ACCOUNT)
    changes = run.observe()
    assert [(change.key, change.title, change.observation.words) for change in changes] == [
        (PROJECT, "Project", "project differs")
    ]


def test_a_contradiction_of_what_a_step_gave_counts_while_it_is_open_again(
    run: SessionRun, session: Session
) -> None:
    settle(session, USERS, {"people": "jane"})
    session.reopen(USERS)
    (question,) = run.given(USERS.step)
    for look, refuted in ((AGREES, False), (GONE, True), (AGREES, False)):
        run.save_checks([(question, look)])
        assert session.state.refuted(USERS) is refuted
        assert not session.state.contradicted(USERS)
        assert run.session_context().contradicted == ({USERS} if refuted else set())
    session.start(USERS)
    assert run.given(USERS.step) == run.given(ACCOUNT.step) == ()


def test_who_comes_back_is_told_what_was_done_last_and_what_the_checkout_gained(tmp_path: Path) -> None:
    modules = [SmallStep(Step("project", "Project", "Find it.", (), ("project_root",)))]
    session = new_session(tmp_path / "sessions", modules)
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    run = SessionRun(session, fake_environment(tmp_path, variables), by_id(modules))
    assert (run.come_back().last, run.come_back().at) == ("", "")
    settle(session, PROJECT, {"project_root": str(tmp_path)})
    who = ("-c", "user.name=Mary", "-c", "user.email=mary@example.org")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, env=variables, check=True)
    commit = ("git", *who, "commit", "-q", "--allow-empty", "-m")
    for year in ("2020", "2099"):
        dated = {**variables, "GIT_COMMITTER_DATE": f"{year}-01-01T00:00:00Z"}
        subprocess.run([*commit, year], cwd=tmp_path, env=dated, check=True)
    back = run.come_back()
    assert (back.last, back.at) == ("Project", session.state.records[PROJECT].last.at)
    assert [(commit.author, commit.subject) for commit in back.commits] == [("Mary", "2099")]


def test_what_had_to_be_opened_again_is_news_and_not_what_the_person_did_last(
    run: SessionRun, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = (f"2099-01-01T00:00:{second:02}+00:00" for second in range(60))
    monkeypatch.setattr(session, "_stamp", partial(next, times))
    settle(session, USERS, {"people": "jane"})
    settle(session, ACCOUNT, {})
    session.reopen(USERS, "jane is gone")
    back = run.come_back()
    assert (back.last, back.at) == (run.title(ACCOUNT), session.state.records[ACCOUNT].last.at)
    assert [(change.key, change.observation.verdict) for change in back.changes] == [(USERS, Verdict.UNDONE)]
    session.reopen(ACCOUNT)
    back = run.come_back()
    assert (back.at, back.changes) == (session.state.records[ACCOUNT].last.at, ())


@pytest.mark.parametrize("look", [NOT_ASKED, SAID_SO])
def test_a_look_that_says_nothing_is_no_change(
    run: SessionRun, modules: list[SmallStep], look: Observation
) -> None:
    modules[0].observation = look
    assert run.observe() == ()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NOT_THERE, "The thing is not there."),
        (KeyError("canary"), "iam-onboard couldn't check it (KeyError)."),
    ],
)
def test_a_look_that_fails_is_told_and_keeps_nobody_out(
    tmp_path: Path, session: Session, modules: list[SmallStep], error: Exception, words: str
) -> None:
    looking = Looking(modules[0].STEP)
    looking.error = error
    (change,) = SessionRun(session, fake_environment(tmp_path, {}), by_id([looking, *modules[1:]])).observe()
    assert change.observation == unknown(words)


def test_it_goes_on_at_the_first_step_that_is_contradicted_or_open(
    run: SessionRun, session: Session, modules: list[SmallStep]
) -> None:
    assert proposal_after_a_look(run) == USERS
    settle(session, USERS, {"people": "jane"})
    modules[0].observation = unknown("could not be asked")
    assert proposal_after_a_look(run) == StepKey("groups", "management")
    modules[1].observation = Observation(Verdict.CHANGED, "she is gone")
    assert [run.come_back().instead for _look in range(2)] == ["Groups (management)", ""]
    assert run.proposal() == USERS


def test_what_may_still_go_on_without_the_wizard_comes_before_what_changed(
    tmp_path: Path, session: Session, modules: list[SmallStep]
) -> None:
    settle(session, USERS, {"people": "jane"})
    session.start(GROUPS)
    session.close()
    workflow = Workflow("test", "Test", tuple(step_of(module) for module in modules))
    back = Sessions(tmp_path / "sessions", [workflow], lambda: datetime.now(UTC)).open(session.header.session)
    run = SessionRun(back, fake_environment(tmp_path, {}), by_id(modules))
    modules[0].observation = Observation(Verdict.CHANGED, "project differs")
    assert back.status(GROUPS) is Status.INTERRUPTED
    assert proposal_after_a_look(run) == PROJECT
    back.close()
    groups = next(module for module in modules if step_of(module).id == "groups")
    groups.STEP = replace(groups.STEP, outlives=True)
    (tmp_path / "sessions" / session.header.session / "summary.json").unlink()
    workflow = Workflow("test", "Test", tuple(step_of(module) for module in modules))
    sessions = Sessions(tmp_path / "sessions", [workflow], lambda: datetime.now(UTC))
    assert sessions.summaries()[0].next_title == "Groups (security)"
    again = sessions.open(session.header.session)
    assert proposal_after_a_look(SessionRun(again, fake_environment(tmp_path, {}), by_id(modules))) == GROUPS
    again.close()


def test_what_failed_and_used_up_another_step_is_named_with_that_one(tmp_path: Path) -> None:
    session = Sessions(tmp_path, [SAMPLE], lambda: datetime.now(UTC)).create("admin", {}, "s")
    run = SessionRun(session, fake_environment(tmp_path, {}), {})
    plan, apply = StepKey("plan", "management"), StepKey("apply", "management")
    while (key := session.proposal()) not in {apply, None}:
        do(session, key)
    session.start(apply)
    session.fail(apply, NOT_THERE.as_record())
    alone = text_of(run.first_words(apply))
    assert alone == text_of(run.title(apply))
    session.observe({plan: Observation(Verdict.CHANGED, "It is used up.", about=("plan",))})
    assert session.proposal() == apply
    assert text_of(run.first_words(apply)).startswith(alone)
    assert text_of(run.step(plan).title) in text_of(run.first_words(apply))


def test_when_all_is_done_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    modules = small_workflow()[:1]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, PROJECT, LAYERS)
    assert SessionRun(session, fake_environment(tmp_path, {}), by_id(modules)).session.proposal() is None


def test_a_contradicted_step_is_open_until_the_person_decides_and_locks_what_needs_it(
    run: SessionRun, session: Session, modules: list[SmallStep]
) -> None:
    settle(session, USERS, {"people": "jane"})
    modules[1].observation = GONE
    run.observe()
    assert session.status(USERS) is Status.CONTRADICTED
    assert session.status(StepKey("groups", "management")) is Status.LOCKED
    assert run.after(PROJECT) == run.after(USERS) == USERS
    with pytest.raises(IllegalTransition):
        session.start(StepKey("groups", "management"))
    session.acknowledge(USERS, replace(GONE, about=("john",)))
    assert session.status(USERS) is Status.CONTRADICTED, "the one that was shown is another one"
    session.acknowledge(USERS, GONE)
    assert session.status(USERS) is Status.UNCONFIRMED
    assert session.status(StepKey("groups", "management")) is Status.READY
    run.observe()
    assert session.status(USERS) is Status.UNCONFIRMED
    modules[1].observation = replace(GONE, about=("jane", "john"))
    run.observe()
    assert session.status(USERS) is Status.CONTRADICTED


def test_what_is_open_before_a_contradiction_comes_first(run: SessionRun, session: Session) -> None:
    settle(session, USERS, {"people": "jane"})
    first = StepKey("groups", "management")
    for key in (ACCOUNT, first, StepKey("review", "management"), GROUPS):
        settle(session, key, {})
    session.observe({GROUPS: GONE})
    assert run.after(USERS) == GROUPS
    session.reopen(first)
    assert run.after(USERS) == first


def test_a_contradiction_ends_when_the_world_agrees_again_or_the_step_is_done_again(
    run: SessionRun, session: Session, modules: list[SmallStep]
) -> None:
    settle(session, USERS, {"people": "jane"})
    modules[1].observation = GONE
    run.observe()
    modules[1].observation = AGREES
    run.observe()
    assert session.status(USERS) is Status.DONE
    modules[1].observation = GONE
    run.observe()
    session.reopen(USERS)
    assert session.status(USERS) is Status.READY
    settle(session, USERS, {"people": "jane"})
    assert session.status(USERS) is Status.DONE


@pytest.mark.parametrize("here", [NOT_ASKED, AGREES])
def test_what_the_network_said_against_a_step_stays_until_it_says_otherwise_or_the_step_is_done_again(
    run: SessionRun,
    session: Session,
    modules: list[SmallStep],
    here: Observation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle(session, USERS, {"people": "jane"})
    modules[1].observation = here
    monkeypatch.setattr(modules[1], "inquire", lambda _: GONE, raising=False)
    run.observe()
    assert run.save_answer(run.question(USERS), GONE)
    run.observe()
    assert session.status(USERS) is Status.CONTRADICTED, "a look at this machine says nothing about it"
    assert USERS in {question.key for question in run.questions()}, "so it is asked again"
    assert not run.save_answer(run.question(USERS), unknown("No code."))
    assert session.status(USERS) is Status.CONTRADICTED
    assert run.save_answer(run.question(USERS), AGREES)
    run.observe()
    assert session.status(USERS) is not Status.CONTRADICTED
    run.save_answer(run.question(USERS), GONE)
    session.reopen(USERS)
    assert run.context(USERS).observed[USERS].verdict is GONE.verdict, (
        "so that it is known while it is repeated"
    )
    settle(session, USERS, {"people": "jane"})
    run.observe()
    assert session.status(USERS) is not Status.CONTRADICTED
    run.save_answer(run.question(USERS), Observation(Verdict.AWAITED, "", ("jane",)))
    run.observe()
    run.save_answer(run.question(USERS), unknown("No code."))
    assert session.state.awaited() == ("jane",)


def test_what_the_network_could_not_confirm_on_request_stays_unconfirmed_when_the_session_is_opened_again(
    tmp_path: Path, run: SessionRun, session: Session, modules: list[SmallStep]
) -> None:
    settle(session, USERS, {"people": "jane"})
    for confirmed_here in (AGREES, replace(AGREES, at=session.state.records[USERS].last.at), NOT_ASKED):
        modules[1].observation = confirmed_here
        run.save_answer(run.question(USERS), AGREES)
        assert session.status(USERS) is Status.DONE
        run.save_answer(run.question(USERS), unknown("AWS can't be reached."), unsure=True)
        for nobody_asked in (unknown("AWS can't be reached."), NOT_ASKED):
            run.observe()
            run.save_answer(run.question(USERS), nobody_asked)
        run.observe()
        assert session.status(USERS) is Status.UNCONFIRMED
    session.close()
    workflow = Workflow("test", "Test", tuple(step_of(module) for module in modules))
    sessions = Sessions(tmp_path / "sessions", [workflow], lambda: datetime.now(UTC))
    assert not sessions.summaries()[0].confirmed
    assert sessions.open(session.header.session).status(USERS) is Status.UNCONFIRMED


def test_what_confirms_a_step_later_ends_the_doubt_of_an_earlier_answer(
    run: SessionRun, session: Session, modules: list[SmallStep]
) -> None:
    settle(session, USERS, {"people": "jane"})
    modules[1].observation = AGREES
    run.save_answer(run.question(USERS), unknown("AWS can't be reached."), unsure=True)
    modules[1].observation = replace(AGREES, at="9999-01-01T00:00:00+00:00")
    run.observe()
    assert session.status(USERS) is Status.DONE


def test_what_a_look_at_this_machine_said_against_a_step_stays_whatever_the_network_confirms(
    run: SessionRun, session: Session, modules: list[SmallStep]
) -> None:
    settle(session, USERS, {"people": "jane"})
    modules[1].observation = GONE
    run.observe()
    session.acknowledge(USERS, session.state.observed[USERS])
    assert session.status(USERS) is Status.UNCONFIRMED
    assert not run.save_answer(run.question(USERS), NOT_ASKED)
    assert session.status(USERS) is Status.UNCONFIRMED
    assert not run.save_answer(run.question(USERS), AGREES)
    for _again in range(2):
        seen = session.state.observed[USERS]
        assert (session.status(USERS), seen.verdict, seen.confirmed) == (Status.DONE, GONE.verdict, True)
        run.observe()
    modules[1].observation = replace(GONE, about=("something else",))
    run.observe()
    assert session.status(USERS) is Status.CONTRADICTED


def test_decisions_and_looks_outlive_the_process_and_the_list_of_sessions_knows_them(
    tmp_path: Path, run: SessionRun, session: Session, modules: list[SmallStep]
) -> None:
    settle(session, USERS, {"people": "jane"})
    modules[0].observation = unknown("The disk is away.")
    modules[1].observation = GONE
    run.observe()
    session.close()
    workflow = Workflow("test", "Test", tuple(step_of(module) for module in modules))
    sessions = Sessions(tmp_path / "sessions", [workflow], lambda: datetime.now(UTC))
    assert sessions.summaries()[0].next_title == "Users"
    back = sessions.open(session.header.session)
    assert back.status(PROJECT) is Status.UNCONFIRMED
    assert back.status(USERS) is Status.CONTRADICTED
    back.acknowledge(USERS, GONE)
    back.close()
    again = sessions.open(session.header.session)
    assert again.status(USERS) is Status.UNCONFIRMED
    again.reopen(USERS)
    settle(again, USERS, {"people": "jane"})
    assert again.status(USERS) is Status.DONE
    again.close()
    assert sessions.summaries()[0].next_title == "Groups (management)"
    for damaged in (b"{", b"[]", b'{"users": 1}', b'{"users": {"verdict": "other"}}', b"\xff"):
        (session.folder / "observed.json").write_bytes(damaged)
        assert sessions.summaries()[0].next_title == "Groups (management)"


def test_a_look_that_gave_no_answer_keeps_the_time_of_the_last_one(
    run: SessionRun, session: Session, modules: list[SmallStep]
) -> None:
    settle(session, USERS, {"people": "jane"})
    record = session.record(USERS)
    assert record is not None
    modules[1].observation = unknown("not asked")
    run.observe()
    assert session.state.observed[USERS].at == record.last.at
    before = replace(AGREES, at="9999-01-01T00:00:00+00:00")
    assert dated(unknown(), before, record.last.at, "now").at == before.at
    assert dated(AGREES, None, record.last.at, "now").at == "now"
