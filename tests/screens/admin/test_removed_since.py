"""An open session whose people a later session removed: its first page, its notes and its end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from support.admin_project import MODULES, AdminProject
from support.admin_wizard import PANES
from support.panes import PaneHost, by_id, new_session, rest, settle
from support.steps import step_of
from textual.pilot import Pilot
from textual.widgets import Input

from screens.admin.plan import PlanPane
from screens.step.finished import Finished
from screens.widgets.rail import StepRail
from screens.widgets.text import Button, Text
from workflows.core.sentences import text_of
from workflows.core.shapes import moment
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.run import PROJECT, SessionRun
from workflows.steps.admin import groups, mfa_reset, plan, users
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.kinds import work_of

PLAN = StepKey("plan", "security")


def flat(text: Text) -> str:
    """What a text says, wherever its lines end."""
    return " ".join(str(text.render()).split())


@asynccontextmanager
async def resumed(
    admin: AdminProject,
    name: str = "jane.doe",
    ahead: tuple[str, ...] = (),
    *,
    written: bool = False,
    **facts: object,
) -> AsyncIterator[PaneHost]:
    """A session of these facts, resumed after a later one removed somebody from security.

    It is also to remove them from the accounts `ahead`, and has `written` that to their files.
    """
    admin.begin()
    admin.facts |= {"layers": ["security"], **facts}
    modules = (*MODULES, mfa_reset, plan)
    session = new_session(admin.folder / "sessions", modules)
    known = {name: admin.facts[name] for name in step_of(MODULES[0]).gives if name in admin.facts}
    settle(session, PROJECT, known)
    if devices := facts.get("mfa_devices_reset"):
        settle(session, StepKey("mfa-reset", "security"), {"mfa_devices_reset": devices})
    for module in (users, groups):
        if given := {name: facts[name] for name in step_of(module).gives if name in facts}:
            settle(session, StepKey(step_of(module).id), given)
    remove_later(name, ahead, session, admin, written=written)
    run = SessionRun(session, admin.environment, by_id(modules))
    run.observe()
    app = PaneHost(session, admin.environment, modules, {**PANES, "plan": PlanPane})
    try:
        async with app.run_test(size=(100, 30)) as pilot:
            await rest(pilot)
            yield app
    finally:
        session.close()


def remove_later(
    name: str, ahead: tuple[str, ...], session: Session, admin: AdminProject, *, written: bool
) -> None:
    own = Summary(session.folder.name, "admin", session.header.created, facts=session.facts())
    keep_summary(session.folder, own, made_from(session.folder))
    later = (moment(own.created, "created") + timedelta(days=1)).isoformat()
    facts = {
        "project_root": str(admin.root),
        "layers": ["security", *ahead],
        "leaving": [name],
        "user_changes": {"remove": {account: [name] for account in ("security", *ahead)}},
    }
    settled = {"apply@security": later}
    if written:
        facts["changed_files"] = []
        settled["review"] = later
    removal = Summary("later", "admin", later, facts=facts, settled=settled)
    folder = session.folder.with_name("later")
    folder.mkdir()
    keep_summary(folder, removal, made_from(folder))


def at_the_end(app: PaneHost) -> str:
    """Return the page's lines, those that wrap unwrapped."""
    shown = "\n".join(str(text.render()) for text in app.wizard.query_one(Finished).query(Text))
    return re.sub(r"\n +", " ", shown)


@pytest.mark.parametrize(
    "facts",
    [
        {"resetting": ["jane.doe"]},
        {
            "regrouping": ["jane.doe"],
            "user_changes": {},
            "memberships": {"security": {"jane.doe": {"add": ["auditors"], "remove": []}}},
            "group_changes": {},
        },
        {"joining": ["jane.doe"]},
    ],
    ids=["reset", "groups", "add"],
)
async def test_a_session_is_over_once_a_later_one_removed_the_only_person(
    admin_project: AdminProject, facts: dict[str, object]
) -> None:
    async with resumed(admin_project, **facts) as app:
        assert app.wizard.query(Finished)
        title = str(app.wizard.query_one(".finished-title", Text).render())
        seen = app.session.state.observed[PROJECT]
        assert (seen.verdict, seen.about) == (Verdict.REVERTED, ("jane.doe",))
        assert "Remove jane.doe" in title
        assert "removed since" in app.text() or "joining" in facts
        assert "Archive" in str(app.wizard.query_one("#primary", Button).label)
        assert not any(app.session.state.contradicted(key) for key in app.session.layout())


async def test_the_pages_of_a_session_that_is_over_lead_to_its_end(admin_project: AdminProject) -> None:
    async with resumed(admin_project, resetting=["jane.doe"]) as app:
        await app.wizard.go_to(PROJECT)
        assert str(PLAN) not in {option.id for option in app.wizard.query_one(StepRail).options}
        assert app.wizard.run.next_of("security") is None
        assert app.wizard.run.after(PROJECT) is None


@pytest.mark.parametrize("key", [PROJECT, PLAN])
async def test_neither_an_open_page_nor_a_changed_one_offers_work_that_is_over(
    key: StepKey, admin_project: AdminProject
) -> None:
    async with resumed(admin_project, resetting=["jane.doe"]) as app:
        await app.wizard.go_to(key)
        await rest(Pilot(app))
        if key == PROJECT:
            app.pane.query_one("#resetting", Input).value = "alex.kim"
        status = app.session.status(key)
        assert not app.wizard.check_action("reopen", ())
        assert not app.wizard.check_action("skip", ())
        await app.wizard.action_next()
        assert app.wizard.query(Finished)
        assert app.session.status(key) is status


async def test_the_others_of_a_session_go_on_and_its_pages_say_who_is_gone(
    admin_project: AdminProject,
) -> None:
    async with resumed(admin_project, resetting=["jane.doe", "alex.kim"]) as app:
        assert app.wizard.current == PLAN
        words = text_of(app.session.state.observed[PROJECT].words)
        assert words in flat(app.pane.query_one(".pane-note", Text))


@pytest.mark.parametrize("left", ["in the files", "until an apply", ""])
async def test_who_is_left_in_another_account_is_said_to_be_gone_on_the_pages_of_this_one(
    admin_project: AdminProject, left: str
) -> None:
    facts = {
        "layers": ["management", "security"],
        "resetting": ["alex.kim" if left == "in the files" else "jane.doe"],
    }
    ahead = ("management",) if left == "until an apply" else ()
    async with resumed(admin_project, *facts["resetting"], ahead=ahead, **facts) as app:
        seen = app.session.state.observed[PROJECT]
        assert bool(app.wizard.query(Finished)) is not bool(left)
        assert (bool(seen.about), [*seen.by_item]) == (not left, ["security"])
        if left:
            assert not app.pane.query(".pane-note")
            await app.wizard.go_to(PLAN)
            assert text_of(seen.words) in flat(app.pane.query_one(".pane-note", Text))


async def test_a_session_is_over_once_the_files_of_the_other_account_lack_the_person(
    admin_project: AdminProject,
) -> None:
    facts = {"layers": ["management", "security"], "resetting": ["jane.doe"]}
    async with resumed(admin_project, ahead=("management",), written=True, **facts) as app:
        seen = app.session.state.observed[PROJECT]
        assert app.wizard.query(Finished)
        both = dict.fromkeys(("management", "security"), ("jane.doe",))
        assert (seen.verdict, seen.about, seen.by_item) == (Verdict.REVERTED, ("jane.doe",), both)
        rows = status_grid(app.wizard.run.session_context()).rows
        assert rows == (("jane.doe", (PersonStatus.GONE_FROM_FILES, PersonStatus.REMOVED_SINCE)),)


async def test_the_end_names_whatever_a_later_session_took_back(admin_project: AdminProject) -> None:
    async with resumed(admin_project, resetting=["jane.doe", "alex.kim"]) as app:
        session = app.session
        session.skip(PLAN)
        session.observe({PROJECT: replace(session.state.observed[PROJECT], words="Before.")})
        await app.wizard.go_to(None)
        seen = session.state.observed[PROJECT]
        assert (seen.verdict, seen.about) == (Verdict.REVERTED, ("jane.doe",))
        assert text_of(seen.words) in at_the_end(app)
        assert "Before." not in at_the_end(app)
        assert not app.wizard.query("#look")
        session.observe({PROJECT: Observation(Verdict.UNKNOWN, "No answer.")})
        await app.wizard.go_to(None)
        assert "No answer." in at_the_end(app)


@pytest.mark.parametrize(("by_item", "times"), [({"security": ("jane.doe",)}, 1), ({}, 2)])
async def test_the_end_says_once_of_files_and_accounts_who_was_removed(
    admin_project: AdminProject, by_item: dict[str, tuple[str, ...]], times: int
) -> None:
    moves = {name: {"add": ["auditors"], "remove": []} for name in ("jane.doe", "alex.kim")}
    facts = {"user_changes": {}, "memberships": {"security": moves}, "group_changes": {}}
    async with resumed(admin_project, regrouping=[*moves], **facts) as app:
        session, key = app.session, StepKey("review")
        settle(session, key, {"changed_files": []})
        session.skip(PLAN)
        words = text_of(session.state.observed[PROJECT].words)
        both = f"{words} {words} It wrote over 2 files."
        session.observe({key: Observation(Verdict.REVERTED, both, by_item=by_item)})
        await app.wizard.go_to(None)
        lines = at_the_end(app).splitlines()
        assert sum(words in line for line in lines) == times


async def test_the_next_steps_are_for_nobody_who_was_removed_since(admin_project: AdminProject) -> None:
    people = ["jane.doe", "alex.kim"]
    devices = {
        "at": "2026-03-01T10:00:00+00:00",
        "people": {name: ["a-device"] for name in people},
        "none": [],
    }
    async with resumed(admin_project, mfa_reset=people, mfa_devices_reset=devices) as app:
        await app.wizard.go_to(None)
        following = str(app.wizard.query_one("#next", Text).render())
        assert "alex.kim" in following
        assert "jane.doe" not in following


async def test_the_next_step_is_a_later_session_that_has_a_text_to_send(admin_project: AdminProject) -> None:
    async with resumed(admin_project, "alex.kim", resetting=["jane.doe"]) as app:
        session = app.session
        session.skip(PLAN)
        later = (moment(session.header.created, "created") + timedelta(days=1)).isoformat()
        facts = {**session.facts(), "resetting": ["jane.doe", "tom.roe"]}
        settled = {"apply@security": later}
        reset = Summary("reset", "admin", later, facts=facts, next_step="hand-over", settled=settled)
        folder = session.folder.with_name("reset")
        folder.mkdir()
        for summary, is_next in ((reset, True), (replace(reset, next_step=""), False)):
            keep_summary(folder, summary, made_from(folder))
            await app.wizard.go_to(None)
            following = str(app.wizard.query_one("#next", Text).render())
            assert (work_of(reset) in following) is is_next
