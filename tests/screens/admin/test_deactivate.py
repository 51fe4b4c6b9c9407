"""Those who leave: what still works is stopped first, and only what can be removed is offered for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.fakes import fake_environment
from support.given import Given
from support.panes import SECONDS, PaneHost, new_session, rest, settle, until
from support.steps import step_of

from screens.admin.deactivate import DeactivatePane
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.text import OptionList, Text
from tui.app.stage import note_of
from workflows.aws.iam import AccessKey, Holding, HoldingKind
from workflows.core.sentences import OnboardError
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.run import SessionRun
from workflows.steps.admin import deactivate
from workflows.steps.admin.deactivate import Findings, Leaver, Mention, Mentioned
from workflows.steps.shared.module import stopped

NAME, KEY = "sam.okafor", StepKey("deactivate", "management")
HOLDINGS = tuple(Holding(HoldingKind.INLINE_POLICY, f"by-hand-{at}") for at in range(12))
PLACES = tuple(Mention(f"README.md:{line}", "name", f"ask {NAME}") for line in range(1, 8))


def opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Findings, more: Mapping[str, Any] | None = None
) -> tuple[Session, PaneHost]:
    """The step of an account from which somebody leaves, and what is found there."""
    facts: dict[str, Any] = {name: [] for name in step_of(deactivate).needs}
    facts |= {"project_root": str(tmp_path), "project": "bb", "layers": ["management"], "leaving": [NAME]}
    facts |= {"user_changes": {"add": {}, "remove": {"management": [NAME]}}, **(more or {})}
    modules: list[Any] = [Given(facts), deactivate]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), facts)
    monkeypatch.setattr(deactivate, "survey", lambda *_: found)
    panes = {"deactivate": DeactivatePane}
    app = PaneHost(session, fake_environment(tmp_path, {}), modules, panes, KEY)
    return session, app


async def test_keys_that_may_not_be_listed_are_not_said_to_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen = Leaver(NAME, True, None, None, denied=(HoldingKind.ACCESS_KEY,))
    session, app = opened(tmp_path, monkeypatch, Findings((unseen,)))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert "✓" not in str(app.pane.query_one("#standing", Text).content)
        assert unseen.denied[0].plural in app.text()
    session.close()


async def test_the_mentions_are_shown_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Findings((Leaver(NAME, True, blocking=HOLDINGS),), {NAME: Mentioned(PLACES)})
    session, app = opened(tmp_path, monkeypatch, found)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert f"{len(PLACES)} " in str(app.pane.query_one("#mentioned", Text).content)
        assert "README.md" not in app.text()
        await pilot.press("v")
        await rest(pilot)
        assert all(place.place in app.text() for place in PLACES)
        assert PLACES[0].text in app.text()
    session.close()


async def test_what_somebody_has_continues_below_its_own_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = datetime(2026, 1, 2, tzinfo=UTC)
    key = AccessKey("AKIAEXAMPLEEXAMPLE01", True, used, used, "organizations")
    session, app = opened(tmp_path, monkeypatch, Findings((Leaver(NAME, True, keys=(key,)),)))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        row = str(app.pane.query_one("#things", OptionList).get_option_at_index(1).prompt)
        first, *rest_of_it = row.splitlines()
        assert rest_of_it
        assert all(line.find(line.strip()) == first.index(key.access_key_id) for line in rest_of_it)
    session.close()


async def test_keys_that_work_are_stopped_by_next_or_recorded_and_left_to_the_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = AccessKey("AKIAEXAMPLE", True, datetime(2026, 1, 2, tzinfo=UTC), None, "")
    session, app = opened(tmp_path, monkeypatch, Findings((Leaver(NAME, True, keys=(key,)),)))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert not app.pane.query_one("#remove").display
        assert not app.pane.query_one("#skip").display
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, Confirm)
        assert not app.pane.warned
        await pilot.press("escape", "w")
        await rest(pilot)
    assert session.status(KEY) is Status.DONE
    assert session.facts("management")["deactivated"]["people"][NAME]["active"] == ["AKIAEXAMPLE"]
    session.close()


async def test_next_after_a_warning_about_kept_keys_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = AccessKey("AKIAEXAMPLE", True, datetime(2026, 1, 2, tzinfo=UTC), None, "")
    found = Findings((Leaver(NAME, True, keys=(key,), blocking=HOLDINGS),))
    session, app = opened(tmp_path, monkeypatch, found)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await pilot.press("w")
        await rest(pilot)
        assert app.pane.warned
        await pilot.press("ctrl+n")
        await rest(pilot)
    assert session.status(KEY) is Status.DONE
    assert session.facts("management")["deactivated"]["people"][NAME]["active"] == ["AKIAEXAMPLE"]
    session.close()


async def test_a_question_to_aws_that_is_stopped_leaves_the_focus_on_asking_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = Event(), Event()

    def survey(*_: object) -> Findings:
        asked.set()
        answer.wait(SECONDS)
        raise stopped()

    session, app = opened(tmp_path, monkeypatch, Findings(()))
    monkeypatch.setattr(deactivate, "survey", survey)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, asked.is_set)
        await pilot.pause()
        while_asked = app.focused
        await pilot.press("escape")
        answer.set()
        await rest(pilot)
        assert app.focused is app.screen.query_one("#primary")
        assert while_asked in {None, app.focused}
    session.close()


async def test_the_first_look_leaves_the_result_of_the_step_before_in_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[str] = []
    session, app = opened(tmp_path, monkeypatch, Findings(()))
    monkeypatch.setattr(DeactivatePane, "drop_result", lambda pane: dropped.append(pane.running_move))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not dropped
        await pilot.press("r")
        await rest(pilot)
        assert dropped
    session.close()


async def test_where_nothing_is_left_there_is_nothing_to_remove_and_nothing_to_skip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, Findings((Leaver(NAME, True, keys=()),)))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        offered = ("#remove", "#stop", "#keep", "#skip")
        assert not any(app.pane.query_one(selector).display for selector in offered)
    session.close()


@pytest.mark.parametrize("over", ["", "Removed since."])
async def test_a_session_that_is_over_keeps_no_key_for_an_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over: str
) -> None:
    key = AccessKey("AKIAEXAMPLE", True, datetime(2026, 1, 2, tzinfo=UTC), None, "")
    monkeypatch.setattr(SessionRun, "why_over", lambda _: over)
    session, app = opened(tmp_path, monkeypatch, Findings((Leaver(NAME, True, keys=(key,)),)))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await app.wizard.go_to(KEY)
        await rest(pilot)
        await rest(pilot)
        assert app.pane.query_one("#stop").display
        assert app.pane.query_one("#keep").display is not bool(over)
    session.close()


@pytest.mark.parametrize("left", [(), HOLDINGS[:1]])
async def test_a_reason_to_open_it_again_is_shown_until_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: tuple[Holding, ...]
) -> None:
    session, app = opened(tmp_path, monkeypatch, Findings((Leaver(NAME, True, blocking=left),)))
    settle(session, KEY, {"deactivated": {"at": "2026-03-02T12:00:00+00:00", "people": {}}})
    session.reopen(KEY, "AWS has something new")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert app.pane.query_one(".pane-note").display is bool(left)
    session.close()


@pytest.mark.parametrize("kept", [True, False])
async def test_once_the_removal_is_applied_nothing_is_said_to_be_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    monkeypatch.setattr(SessionRun, "overtaken", lambda *_: True)
    facts = {"applied": {"at": "2026-03-02T12:00:00+00:00"}}
    session, app = opened(tmp_path, monkeypatch, Findings(()), facts)
    people = {NAME: {"inactive": [], "active": ["AKIA1"], "blocking": []}}
    if kept:
        settle(session, KEY, {"deactivated": {"at": "2026-03-02T12:00:00+00:00", "people": people}})
    else:
        session.skip(KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        first, *rest_ = str(app.pane.query_one("#standing", Text).content).splitlines()
        assert first.startswith("–")
        assert bool(rest_) is kept
        assert "^r" not in note_of(app.wizard.run, KEY)
    session.close()


async def test_another_look_takes_back_what_the_last_one_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, Findings((Leaver(NAME, True, blocking=HOLDINGS[:1]),)))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        for _ in range(2):
            app.pane.post_message(app.pane.Submitted(app.pane.request()))
            await rest(pilot)
            assert app.pane.warned
            app.pane.action_look()  # type: ignore[attr-defined]
            await rest(pilot)
            await rest(pilot)
            assert not app.pane.problems
            assert session.record(KEY) is None
    session.close()


async def test_the_first_line_with_something_to_remove_is_selected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, Findings((Leaver(NAME, True, blocking=HOLDINGS[:1]),)))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert app.pane.query_one("#remove").display
        await pilot.press("up")
        assert not app.pane.query_one("#remove").display
    session.close()


async def test_a_done_step_says_what_was_found_and_has_the_focus_on_the_primary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, Findings(()))
    person = {"inactive": ["AKIA1"], "active": [], "blocking": []}
    fact = {"at": "2026-03-02T12:00:00+00:00", "people": {NAME: person}}
    settle(session, KEY, {"deactivated": fact})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert NAME in str(app.pane.query_one("#standing", Text).content)
        assert app.focused is app.screen.query_one("#primary")
    session.close()


async def test_a_look_that_fails_by_itself_is_said_in_the_page_and_not_begun_again_after_a_skip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, Findings(()))
    asked: list[object] = []

    def refuse(*_: object) -> Findings:
        asked.append(_)
        raise OnboardError("No profile", "It isn't there.")

    monkeypatch.setattr(deactivate, "survey", refuse)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert not isinstance(app.screen, ErrorDialog)
        assert len(app.pane.problems) == len(asked) == 1
        await pilot.press("ctrl+s")
        await rest(pilot)
        await app.wizard.go_to(KEY)
        await rest(pilot)
        await rest(pilot)
        assert len(asked) == 1
        assert not app.pane.query_one("#skip").display
    session.close()
