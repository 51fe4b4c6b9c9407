from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.fakes import fake_world
from support.panes import new_session, settle
from support.small_steps import NOT_THERE, SmallStep, small_workflow

from workflows.machine.declaration import Workflow
from workflows.machine.events import StepKey
from workflows.machine.session import Session, Sessions
from workflows.machine.state import Status
from workflows.steps.base import Context, Observation
from workflows.walk import Walk

PROJECT, USERS, ACCOUNT = StepKey("project"), StepKey("users"), StepKey("account")
GROUPS, REVIEW = StepKey("groups", "security"), StepKey("review", "security")
LAYERS = {"project": "bb", "layers": ["management", "security"]}


class Looking(SmallStep):
    """Raises when it looks."""

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
def walk(tmp_path: Path, session: Session, modules: list[SmallStep]) -> Walk:
    return Walk(session, fake_world(tmp_path, {}), modules)


def test_a_title_tells_the_item(walk: Walk) -> None:
    assert walk.title(USERS) == "Users"
    assert walk.title(GROUPS) == "Groups (security)"
    with pytest.raises(KeyError):
        walk.title(StepKey("unknown"))


def test_a_context_holds_the_facts_of_its_item_and_all_by_scoped_name(walk: Walk, session: Session) -> None:
    settle(session, USERS, {"people": "jane"})
    for layer in ("management", "security"):
        settle(session, StepKey("groups", layer), {"planned": f"plan of {layer}"})
    context = walk.context(REVIEW)
    assert context.facts["planned"] == "plan of security"
    assert context.every["planned@management"] == "plan of management"
    assert (context.item, context.folder) == ("security", session.folder)
    assert not context.cancelled.is_set()
    assert not context.leaving.is_set()


def test_a_look_asks_done_steps_only_and_tells_what_does_not_agree(
    walk: Walk, session: Session, modules: list[SmallStep]
) -> None:
    for module in modules:
        module.observation = Observation(holds=False, words=f"{module.STEP.id} differs")
    session.skip(ACCOUNT)
    changes = walk.look()
    assert [(change.key, change.title, change.observation.words) for change in changes] == [
        (PROJECT, "Project", "project differs")
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [(NOT_THERE, "The thing is not there."), (KeyError("canary"), "It could not be looked at (KeyError).")],
)
def test_a_look_that_fails_is_told_and_keeps_nobody_out(
    tmp_path: Path, session: Session, modules: list[SmallStep], error: Exception, words: str
) -> None:
    looking = Looking(modules[0].STEP)
    looking.error = error
    (change,) = Walk(session, fake_world(tmp_path, {}), [looking, *modules[1:]]).look()
    assert change.observation == Observation(holds=None, words=words)


def test_it_goes_on_at_the_first_step_that_is_contradicted_or_open(
    walk: Walk, session: Session, modules: list[SmallStep]
) -> None:
    assert walk.proposal(walk.look()) == USERS
    settle(session, USERS, {"people": "jane"})
    modules[0].observation = Observation(holds=None, words="could not be asked")
    assert walk.proposal(walk.look()) == StepKey("groups", "management")
    modules[1].observation = Observation(holds=False, words="she is gone")
    assert walk.proposal(walk.look()) == USERS


def test_what_may_still_go_on_without_the_wizard_comes_before_what_changed(
    tmp_path: Path, session: Session, modules: list[SmallStep]
) -> None:
    settle(session, USERS, {"people": "jane"})
    session.start(GROUPS)
    session.close()
    workflow = Workflow("test", "Test", tuple(module.STEP for module in modules))
    back = Sessions(tmp_path / "sessions", [workflow], lambda: datetime.now(UTC)).open(session.header.session)
    walk = Walk(back, fake_world(tmp_path, {}), modules)
    modules[0].observation = Observation(holds=False, words="project differs")
    assert back.status(GROUPS) is Status.INTERRUPTED
    assert walk.proposal(walk.look()) == PROJECT
    groups = next(module for module in modules if module.STEP.id == "groups")
    groups.STEP = replace(groups.STEP, outlives=True)
    assert walk.proposal(walk.look()) == GROUPS
    back.close()


def test_when_all_is_done_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    modules = small_workflow()[:1]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, PROJECT, LAYERS)
    assert Walk(session, fake_world(tmp_path, {}), modules).proposal() is None
