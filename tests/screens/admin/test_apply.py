"""The page of apply, with recorded events in place of a running Terraform."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from support.panes import SECONDS, by_id, rest, until
from support.terraform_pages import (
    APPLYING,
    PASSWORD,
    USER,
    Desk,
    done,
    fail,
    play_apply,
    press,
    replay,
    written,
)
from textual.widgets import Button

from screens.admin.apply import ApplyPane, PeopleProgress
from screens.admin.plan import PlanPane
from screens.step.asking import Contradiction
from screens.step.page import is_displayed
from screens.step.terraform import amounts
from screens.widgets.dialogs import Confirm
from screens.widgets.text import Text
from tui.app.wizard import WizardScreen
from workflows.core.processes import write_record
from workflows.core.sentences import OnboardError, text_of
from workflows.core.shapes import plain
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.machine.state import Status
from workflows.run import SessionRun
from workflows.steps.admin import apply
from workflows.steps.admin.accepted_plan import PersonChange, Planned, nothing_changed
from workflows.steps.decisions import Decisions
from workflows.steps.shared.leftovers import RUNS
from workflows.steps.shared.module import Context, Progress, Report, stopped
from workflows.terraform.plan import Action, Line, Sort
from workflows.terraform.results import ApplyCancelled, ApplyFailed, ApplyResult, Trouble


def earlier_run(*, ended: bool) -> SimpleNamespace:
    return SimpleNamespace(description=SimpleNamespace(begun_at=None), is_running=lambda: not ended)


def keep_end(desk: Desk, planned: Planned, result: ApplyResult) -> None:
    """What Terraform's service leaves of an apply once its end was taken in."""
    folder = desk.session.folder / RUNS / "management"
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder / "apply.json", {"plan_sha256": planned.record.plan_sha256, "result": plain(result)})
    planned.record.plan.unlink()


async def test_an_apply_whose_plan_was_skipped_is_skipped_too_and_nothing_else(desk: Desk) -> None:
    desk.session.skip(StepKey("plan", "management"))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#standing", Text).content
        assert desk.status("apply") is Status.SKIPPED
        assert not app._notifications, "nothing was tried"


async def test_next_applies_the_accepted_plan(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Line(Sort.RESOURCE, "The password policy will be changed in place")
    desk.accept(replace(written(desk), besides=(policy,)))
    requests = play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "ctrl+n")
        assert isinstance(app.screen, Confirm)
        asked = str(app.screen.query_one(".dialog-body", Text).content)
        named = ("management", "111111111111", amounts(desk.planned.counts), text_of(policy.words))
        assert all(words in asked for words in named)
        await press(pilot, "enter")
        assert desk.status("apply") is Status.READY
        assert requests == []
        await press(pilot, "ctrl+n", "left", "enter")
        assert len(requests) == 1
        assert desk.status("apply") is Status.DONE


async def test_a_finished_apply_is_not_offered_again_while_other_steps_are_looked_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[str] = []

    async def look(screen: WizardScreen, _key: StepKey) -> None:
        offered.append(str(screen.query_one("#primary", Button).label))

    monkeypatch.setattr(WizardScreen, "_look_after", look)
    desk.accept(written(desk))
    play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        effect = app.pane.primary().effect
        await press(pilot, "ctrl+n", "ctrl+n", "left", "enter")
        assert [label.startswith(text_of(effect)) for label in offered] == [False]


async def test_an_apply_that_failed_while_nobody_watched_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    play_apply(monkeypatch, fail)
    begun = [True]
    monkeypatch.setattr(apply, "apply_begun", lambda _folder, _record: bool(begun and begun.pop()))
    monkeypatch.setattr(apply, "apply_run", lambda _folder: earlier_run(ended=True))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await until(pilot, lambda: desk.status("apply") is Status.FAILED)
        await press(pilot, "escape")
        assert "iam-onboard" in str(app.pane.query_one("#ended", Text).content)


async def test_a_failure_that_was_taken_in_and_not_recorded_is_one_that_nobody_watched(desk: Desk) -> None:
    planned, key = written(desk), StepKey("apply", "management")
    desk.accept(planned)
    desk.session.start(key)
    keep_end(desk, planned, ApplyResult(1, (USER,), (PASSWORD,), ()))
    desk.come_back()
    assert desk.status("apply") is Status.INTERRUPTED
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        ended = app.pane.query_one("#ended", Text)
        assert ended.display
        assert all(words in str(ended.content) for words in ("iam-onboard", "jane.doe"))
        assert not any(note.display for note in app.pane.query(".pane-note"))
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)


def test_after_an_apply_that_used_up_its_plan_every_page_leads_to_how_it_ended(desk: Desk) -> None:
    key, planned = StepKey("apply", "management"), written(desk)
    desk.accept(planned)
    desk.session.start(key)
    keep_end(desk, planned, ApplyResult(1, (USER,), (PASSWORD,), ()))
    desk.session.fail(key, {"what": "It stopped."})
    run = SessionRun(desk.session, desk.environment, by_id(desk.modules))
    run.observe()
    assert desk.status("plan") is Status.CONTRADICTED
    assert run.after(StepKey("given")) == run.proposal() == key


async def test_an_apply_that_ended_shows_no_progress_while_the_wizard_looks_around(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[bool] = []

    async def look_after(screen: WizardScreen, _key: StepKey) -> None:
        assert isinstance(screen.pane, ApplyPane)
        shown.append(screen.pane.query_one("#pace").display)

    monkeypatch.setattr(WizardScreen, "_look_after", look_after)
    desk.accept(written(desk))
    play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "left", "enter")
    assert shown == [False]


async def test_a_failed_apply_shows_its_resources_and_who_is_not_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    play_apply(monkeypatch, fail)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "left", "enter")
        assert desk.status("apply") is Status.FAILED
        await press(pilot, "escape")
        assert re.search(r"! [^:\n]*: jane\.doe\.", app.text())
        assert str(app.pane.query_one(PeopleProgress).content).split()[:5] == [
            "·",
            "jane.doe",
            "1",
            "of",
            "2",
        ]
        assert not app.pane.query_one("#pace").display
        await press(pilot, "p")
        assert isinstance(app.pane, PlanPane)


async def test_a_failed_apply_says_once_what_failed_then_and_when_one_comes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = written(desk)
    desk.accept(planned)

    def fail_for_good() -> dict[str, Any]:
        result = ApplyResult(1, (USER,), (PASSWORD,), (), troubles=(Trouble(PASSWORD, "No key"),))
        keep_end(desk, planned, result)
        raise ApplyFailed(OnboardError("Apply failed", "Not done: jane.doe."), result)

    play_apply(monkeypatch, fail_for_good)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "left", "enter")
        await press(pilot, "escape")
        for _ in range(2):
            shown = [text for text in app.pane.query(".pane-note, #standing, #ended") if is_displayed(text)]
            assert [text.id for text in shown] == ["ended"]
            assert app.text().count("No key") == 1
            assert app.pane.primary().act == app.pane.action_to_plan
            await app.wizard.go_to(StepKey("plan", "management"))
            await app.wizard.go_to(StepKey("apply", "management"))
            await rest(pilot)


async def test_a_stopped_apply_leads_back_to_its_plan_and_says_so_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = written(desk)
    desk.accept(planned)

    def stop() -> dict[str, Any]:
        result = ApplyResult(1, (), (), (USER, PASSWORD), stopped=True)
        keep_end(desk, planned, result)
        raise ApplyCancelled(result)

    play_apply(monkeypatch, stop)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n", "left", "enter")
        assert app.pane.primary().act == app.pane.action_to_plan
        assert "You stopped" in app.text()
        assert app.text().count("Go back to Plan") == 1
        assert not app._notifications, "the page says it"
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)
        desk.planned = replace(desk.planned, summary=("jane.doe: gets a console password",))
        await press(pilot, "ctrl+n")
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, ApplyPane)
        assert desk.status("apply") is Status.READY
        assert not app.pane.query(".pane-note")
        assert not app.pane.query_one("#ended").display


async def test_that_the_last_try_was_stopped_is_not_said_while_the_next_one_runs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    tries: list[apply.Request] = []

    def perform(request: apply.Request, context: Context, report: Report) -> dict[str, Any]:
        tries.append(request)
        report(Progress("Checking the plan"))
        context.cancelled.wait(SECONDS)
        raise stopped()

    monkeypatch.setattr(apply, "perform", perform)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        ended = app.pane.query_one("#ended", Text)
        for number in range(2):
            app.pane.advance()
            await pilot.pause()
            await pilot.press("left", "enter")
            await until(pilot, lambda before=number: len(tries) > before)  # type: ignore[misc]
            assert not ended.display
            app.pane.stop_move()
            await rest(pilot)
            assert ended.display


async def test_a_removal_is_applied_only_after_the_name_was_typed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.planned = replace(desk.planned, gone=("alex.kim",))
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "alex.kim" in str(app.pane.query_one("#gone", Text).content)
        await press(pilot, "ctrl+n")
        assert app.screen.query_one("#typed")
        await press(pilot, "escape")
        assert requests == []
        await press(pilot, "ctrl+n")
        await press(pilot, *"alex.kim", "tab", "enter")
        assert [request.removals for request in requests] == [("alex.kim",)]
        assert desk.status("apply") is Status.DONE


@pytest.mark.parametrize(("action", "lost"), [(Action.CREATE, False), (Action.REPLACE, True)])
async def test_only_somebody_with_a_password_in_this_account_loses_it(
    desk: Desk, action: Action, *, lost: bool
) -> None:
    desk.planned = replace(desk.planned, people=(PersonChange("jane.doe", password=action),))
    desk.accept(written(desk))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#gone", Text).display is lost
    plan_page = desk.host("plan")
    async with plan_page.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert plan_page.pane.query_one("#destroys", Text).display is lost


async def test_enter_in_the_name_of_a_removal_answers_as_the_button_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.planned = replace(desk.planned, gone=("alex.kim",))
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await press(pilot, *"alex", "enter")
        wrong = app.screen.query_one("#wrong", Text)
        assert wrong.content
        assert requests == []
        await press(pilot, ".")
        assert not wrong.content
        await press(pilot, *"kim", "enter")
        assert [request.removals for request in requests] == [("alex.kim",)]


async def test_that_an_apply_goes_on_alone_is_said_only_once_terraform_runs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    before, after = threading.Event(), threading.Event()

    def perform(_request: apply.Request, _context: Context, report: Report) -> dict[str, Any]:
        report(Progress("Asking AWS"))
        before.wait(SECONDS)
        replay(APPLYING, report)
        after.wait(SECONDS)
        return done()

    monkeypatch.setattr(apply, "perform", perform)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await pilot.pause()
        await pilot.press("left", "enter")
        await until(pilot, lambda: app.pane.has_class("-applying"))
        standing = app.pane.query_one("#standing")
        assert standing.has_class("-empty")
        before.set()
        await until(pilot, lambda: not standing.has_class("-empty"))
        after.set()


@pytest.mark.parametrize("ended", [False, True])
async def test_an_apply_that_was_begun_before_is_attached_to_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, ended: bool
) -> None:
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    monkeypatch.setattr(apply, "apply_begun", lambda _folder, _record: True)
    monkeypatch.setattr(apply, "apply_run", lambda _folder: earlier_run(ended=ended))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert len(requests) == 1
        assert desk.status("apply") is Status.DONE
        said = [notice.message for notice in app._notifications]
        assert any("iam-onboard" in message for message in said) is ended


async def test_an_apply_whose_end_was_taken_in_and_not_recorded_ended_while_nobody_watched(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = written(desk)
    desk.accept(planned)
    requests = play_apply(monkeypatch, done)
    keep_end(desk, planned, ApplyResult(0, (USER,), (), ()))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert len(requests) == 1
        assert any("iam-onboard" in notice.message for notice in app._notifications)


async def test_an_apply_whose_end_cannot_be_taken_in_is_not_tried_by_itself_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    tries: list[object] = []

    def full(*_: object) -> NoReturn:
        tries.append(None)
        raise OnboardError("A file problem", "apply.json can't be written.", why="The disk is full.")

    monkeypatch.setattr(apply, "perform", full)
    monkeypatch.setattr(apply, "apply_begun", lambda _folder, _record: True)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "escape")
        assert len(tries) == 1
        await press(pilot, "ctrl+n")
        assert len(tries) == 2


async def test_an_apply_that_the_world_contradicts_waits_for_the_persons_decision(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    desk.applied()
    requests = play_apply(monkeypatch, done)
    monkeypatch.setattr(apply, "apply_begun", lambda _folder, _record: True)
    key = StepKey("apply", "management")
    seen = Observation(Verdict.UNDONE, "AWS no longer has jane.doe.", ("jane.doe",), continuing="Leaves it.")
    desk.session.observe({key: seen})
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert requests == []
        assert app.wizard.current == key
        assert desk.status("apply") is Status.CONTRADICTED
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Contradiction)


async def test_a_plan_older_than_its_files_is_not_applied(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    (desk.layer / "users.tf").write_text("# other people\n")
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "layer/users.tf" in app.text()
        assert app.marked("plan") is Status.STALE
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)
        assert requests == []
        assert desk.status("apply") is Status.READY


async def test_a_later_plan_older_than_its_files_is_planned_again_by_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    desk.applied("2026-03-01T10:00:00+00:00")
    desk.session.do_again(StepKey("apply", "management"))
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    (desk.layer / "users.tf").write_text("# other people\n")
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)
        assert "layer/users.tf" in str(app.pane.query_one("#standing", Text).content)
        await press(pilot, "ctrl+n")
        assert (len(desk.made), requests, desk.status("plan")) == (1, [], Status.READY)


async def test_a_fingerprint_that_nobody_compared_is_in_the_one_question_of_the_apply(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decisions, "not_compared", ("jane.doe",))
    desk.accept(written(desk))
    requests = play_apply(monkeypatch, done)
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        (reminder,) = Decisions().not_compared_sentences()
        assert app.pane.query_one("#compare").display
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        assert text_of(reminder) in " ".join(str(app.screen.query_one(".dialog-body", Text).content).split())
        await press(pilot, "left", "enter")
        assert len(requests) == 1
        assert desk.status("apply") is Status.DONE


async def test_an_apply_without_a_change_is_called_none(desk: Desk) -> None:
    desk.accept(replace(written(desk), empty=True, counts={"add": 0, "change": 0, "destroy": 0}))
    app = desk.host("apply")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert desk.status("apply") is Status.DONE
        assert nothing_changed(desk.session.facts("management")["applied"])
