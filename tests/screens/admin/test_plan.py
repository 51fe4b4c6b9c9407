"""The page of plan, with recorded events in place of a running Terraform."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from support.fakes import FakeClipboard
from support.given import Given
from support.panes import rest
from support.terraform_pages import Desk, done, play_apply, press, written
from textual.widgets import Button, Input

from screens.admin.apply import ApplyPane
from screens.admin.plan import PlanPane, ResourceBrowser
from screens.step import terraform
from screens.step.page import YOURS
from screens.step.terraform import CompareDialog, RunLog
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.text import Text
from workflows.admin import HAND_OVER
from workflows.core.files import write_atomically
from workflows.core.openpgp import grouped
from workflows.core.sentences import OnboardError, text_of
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.machine.state import Status
from workflows.machine.summaries import Summary, keep_summary
from workflows.run import SessionRun
from workflows.steps.admin import judged_plan, plan, terraform_runs
from workflows.steps.admin.accepted_plan import ChangeLine, PersonChange, Planned, RoleChange
from workflows.steps.admin.edits import LeftOut
from workflows.steps.admin.other_sessions import answers_kept, replaced_before_sent
from workflows.steps.admin.terraform_runs import CodeWanted, run_folder
from workflows.steps.decisions import Decisions, LayerDecisions
from workflows.steps.shared.module import Context, Report
from workflows.terraform.record import PLAN_FILE, StateMark
from workflows.terraform.state import State, StoredState

_LONG_AGO = "2020-01-01T00:00:00+00:00"


async def test_next_plans_then_shows_people_in_words_then_accepts(desk: Desk) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert desk.made == []
        await press(pilot, "ctrl+n")
        assert len(desk.made) == 1
        assert "+ admins" in app.text()
        assert not app.pane.query_one("#verdict").has_class("-empty")
        assert desk.status("plan") is Status.READY
        await press(pilot, "l")
        log = app.pane.query_one(RunLog)
        assert any("<arn:user/dana.lopez>" in line.text for line in log.lines)
        assert log.size.height > 10
        await press(pilot, "escape")
        assert not log.size
        await press(pilot, "ctrl+n")
        assert desk.status("plan") is Status.DONE
        kept = desk.session.facts("management")["plan"]
        assert kept["passwords"] == ["jane.doe"]
        assert isinstance(app.pane, ApplyPane)


async def test_resources_have_the_width_of_a_wide_terminal(desk: Desk) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(200, 50)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        beside = app.pane.region.x
        assert app.pane.query_one(ResourceBrowser).region.right > 200 - beside / 2


async def test_a_page_that_is_read_late_leaves_the_focus_in_the_log_that_covers_it(desk: Desk) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await press(pilot, "l")
        focused = app.screen.focused
        assert isinstance(focused, RunLog)
        app.pane.look_again()
        await rest(pilot)
        assert app.screen.focused is focused


async def test_what_nobody_chose_is_marked_one_by_one_before_next_accepts(desk: Desk) -> None:
    foreign = ChangeLine("aws_iam_group.other", "group other: aws_iam_group.other is destroyed")
    desk.planned = replace(desk.planned, foreign=(foreign,), destroys=(foreign,))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert app.focused is app.pane.query_one("#foreign")
        assert app.text().count("group other: ") == 1
        assert not app.pane.primary().ready
        await press(pilot, "ctrl+n")
        assert desk.status("plan") is Status.READY
        assert app.pane.query_one("#problems").has_class("-fatal")
        await press(pilot, "space")
        assert app.pane.primary().ready
        await press(pilot, "ctrl+n")
        assert desk.session.facts("management")["plan"]["acknowledged"] == ["aws_iam_group.other"]
    again = desk.host("plan")
    async with again.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert again.pane.query_one("#foreign").disabled
        await press(pilot, "p")
        assert not again.pane.query_one("#foreign").disabled


async def test_changes_that_nobody_chose_leave_the_buttons_in_view(desk: Desk) -> None:
    """The height is what the wizard leaves a page of 24 lines."""
    users = [f"sam.{number}" for number in range(4)]
    words = "gets a new password"
    desk.planned = replace(
        desk.planned,
        foreign=tuple(ChangeLine(f"module.{user}", f"user {user}: {words}", (user,)) for user in users),
        people=tuple(PersonChange(user, password="replace") for user in users),
    )
    app = desk.host("plan")
    async with app.run_test(size=(80, 18)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        for key in ("space", "ctrl+n"):  # with the problem, too
            again = app.pane.query_one("#again")
            assert app.screen.find_widget(again).visible_region.area, app.text()
            await press(pilot, key)


async def test_what_lies_in_files_is_read_beside_the_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def watched(module: Any, name: str, found: Any) -> None:
        def reads(*_given: Any) -> Any:
            assert threading.current_thread() is not threading.main_thread()
            read.append(name)
            return found

        monkeypatch.setattr(module, name, reads)

    watched(plan, "forget", None)
    watched(judged_plan, "sessions_that_can_undo", {"Remove alex.kim": False})
    foreign = ChangeLine("aws_iam_group.other", "group other: aws_iam_group.other is destroyed")
    desk.planned = replace(desk.planned, foreign=(foreign,))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await press(pilot, "ctrl+n")  # the plan is there
        assert read == ["forget", "sessions_that_can_undo"]
        assert "Remove alex.kim" in app.text()


async def test_a_plan_that_changes_nothing_goes_on_through_apply_by_itself(desk: Desk) -> None:
    desk.planned = replace(
        desk.planned, summary=("Nothing changes.",), counts=dict.fromkeys(("add", "change", "destroy"), 0)
    )
    desk.planned = replace(desk.planned, empty=True, owners={}, passwords=())
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await rest(pilot)
        assert desk.status("plan") is Status.DONE
        assert desk.status("apply") is Status.DONE
        assert desk.session.facts("management")["applied"]["added"] == 0
        assert not desk.planned.record.plan.exists()


@pytest.mark.parametrize("empty", [True, False])
async def test_nothing_is_accepted_of_a_plan_without_changes_that_stays_for_what_drifted(
    desk: Desk, *, empty: bool
) -> None:
    desk.planned = replace(desk.planned, empty=empty, drift=("group admins: members changed",))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert (app.pane.primary().effect == "Continue") is empty
        assert app.pane.query_one("#verdict").has_class("-empty") is empty


async def test_an_accepted_plan_says_when_its_files_changed_and_next_plans_again(desk: Desk) -> None:
    desk.accept(written(desk))
    (desk.layer / "users.tf").write_text("# other people\n")
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "layer/users.tf" in str(app.pane.query_one("#standing", Text).content)
        assert app.marked("plan") is Status.STALE
        await press(pilot, "ctrl+n")
        assert (len(desk.made), desk.status("plan")) == (1, Status.READY)
        await press(pilot, "ctrl+n")
        assert (len(desk.made), desk.status("plan")) == (1, Status.DONE)
        assert app.marked("plan") is Status.DONE


async def test_a_plan_that_was_applied_elsewhere_is_not_called_unapplied(desk: Desk) -> None:
    desk.accept(written(desk))
    there = Observation(Verdict.ELSEWHERE, "It is applied.", asked_at=desk.planned.record.made_at)
    desk.session.observe({StepKey("plan", "management"): there})
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.opening.asks
        assert app.pane.turn() == YOURS


async def test_a_plan_that_leaves_out_a_decision_keeps_the_cause_and_leads_to_where_it_is_corrected(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(*_: Any) -> NoReturn:
        raise LeftOut("Left out", "No jane.doe.")

    given = next(module for module in desk.modules if isinstance(module, Given))
    monkeypatch.setattr(plan, "make", make)
    monkeypatch.setattr(LeftOut, "step", "given")
    monkeypatch.setattr(given, "observe", lambda _context: Observation(Verdict.CHANGED, "It is gone."))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, ErrorDialog)
        await press(pilot, "escape")
        assert "No jane.doe." in str(app.pane.query_one("#standing", Text).content)
        assert app.wizard._waits
        assert desk.session.towards(StepKey("plan", "management")) == StepKey("given")


async def test_a_plan_that_could_not_be_accepted_is_made_again_by_next(desk: Desk) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert len(desk.made) == 1
        (desk.layer / "users.tf").write_text("# other people\n")
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, ErrorDialog)
        await press(pilot, "escape", "ctrl+n")
        assert (len(desk.made), desk.status("plan")) == (2, Status.READY)


@pytest.mark.parametrize("waits", [True, False])
async def test_a_plan_that_waits_for_its_review_was_not_interrupted(desk: Desk, *, waits: bool) -> None:
    key = StepKey("plan", "management")
    desk.session.start(key)
    if waits:
        desk.session.rest(key)
        desk.session.drafts.save(key, {"planned": written(desk).as_facts(), "acknowledged": []})
    desk.come_back()
    assert desk.status("plan") is (Status.READY if waits else Status.INTERRUPTED)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert bool(app.pane.query(".pane-note")) is not waits
        await press(pilot, "ctrl+n")
        assert (desk.made == [], desk.status("plan") is Status.DONE) == (waits, waits)


@pytest.mark.parametrize("file", ["there", "gone", "another"])
async def test_after_an_interrupted_plan_next_accepts_the_one_before_only_with_its_file(
    desk: Desk, file: str
) -> None:
    key = StepKey("plan", "management")
    before = written(desk)
    desk.session.drafts.save(key, {"planned": before.as_facts(), "acknowledged": []})
    desk.session.start(key)
    desk.come_back()
    if file == "gone":
        before.record.plan.unlink()
    elif file == "another":
        before.record.plan.write_bytes(b"another plan")
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert any(note.display for note in app.pane.query(".pane-note")) == (file != "there")
        await press(pilot, "ctrl+n")
        assert (len(desk.made), desk.status("plan") is Status.DONE) == (file != "there", file == "there")


@pytest.mark.parametrize("now", [1, 2])
async def test_a_plan_that_waits_for_its_review_while_somebody_applies_is_made_again(
    desk: Desk, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = written(desk)
    made = replace(made, record=replace(made.record, state=StateMark("lineage", 1)))
    there = StoredState(StateMark("lineage", now), State())
    monkeypatch.setattr(plan.state_now, "stored", lambda _context: there)
    desk.session.drafts.save(StepKey("plan", "management"), {"planned": made.as_facts(), "acknowledged": []})
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert (len(desk.made), desk.status("plan") is Status.DONE) == (now - 1, now == 1)


async def test_an_accepted_plan_is_no_draft_and_doing_it_again_begins_without_it(desk: Desk) -> None:
    key = StepKey("plan", "management")
    desk.accept(written(desk))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.draft() == {}
        app.pane.keep_draft()
        await rest(pilot)
    desk.session.do_again(key)
    app = desk.host("plan")
    kept = desk.session.folder / "terraform" / "management" / PLAN_FILE
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"a plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not kept.exists(), "it can carry the state"
        await press(pilot, "ctrl+n")
        assert len(desk.made) == 1


async def test_only_before_the_apply_a_plan_leads_to_the_handoff_about_roles(desk: Desk) -> None:
    change = RoleChange({"DevOps": ("shared",)})
    desk.accept(replace(written(desk), roles={"jane.doe": change}))
    words = list[str]()
    for applied in (False, True):
        if applied:
            desk.applied()
        app = desk.host("plan")
        async with app.run_test(size=(80, 24)) as pilot:
            await rest(pilot)
            words.append(str(app.pane.query_one("#roles", Text).render()))
    assert [HAND_OVER.title in text for text in words] == [True, False]


@pytest.mark.parametrize("since", [{}, {"jane.doe": _LONG_AGO}])
async def test_a_new_plan_announces_no_handoff_that_was_sent_already(
    desk: Desk, since: dict[str, str]
) -> None:
    given = replace(written(desk), roles={"jane.doe": RoleChange({"DevOps": ("shared",)})})
    desk.accept(given)
    desk.applied(_LONG_AGO)
    handed_over, key = StepKey("hand-over", "management"), StepKey("plan", "management")
    desk.session.start(handed_over)
    mark = {"sent_at": _LONG_AGO, "how": "copied"}
    desk.session.succeed(handed_over, {"handed_over": {"people": {"jane.doe": mark}}})
    desk.session.do_again(key)
    desk.planned = replace(given, roles_since=since)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert (HAND_OVER.title in str(app.pane.query_one("#roles", Text).render())) is not bool(since)


async def test_a_damaged_record_of_a_run_leaves_an_old_plan_and_the_page_opens(desk: Desk) -> None:
    run = desk.session.folder / "terraform" / "management" / "plan"
    run.mkdir(parents=True)
    for name in ("run.json", "process.json", f"../{PLAN_FILE}"):
        (run / name).write_text("damaged")
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert (run.parent / PLAN_FILE).exists()
        assert app.pane.primary().effect == "Plan management"


async def test_a_plan_that_failed_shows_terraforms_words_and_leaves_the_step_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(context: Context, report: Report, code: object = None) -> Planned:
        raise OnboardError("The plan failed", "Terraform's plan failed.", detail="Error: unsupported")

    monkeypatch.setattr(plan, "make", fail)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert "Error: unsupported" in app.text()
        assert desk.status("plan") is Status.FAILED


@pytest.mark.parametrize("file", ["there", "gone", "another"])
async def test_a_plan_is_still_shown_if_another_one_failed_and_its_file_is_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    tries: list[Context] = []

    def fail(context: Context, report: Report, code: object = None) -> Planned:
        tries.append(context)
        if file == "gone":
            desk.planned.record.plan.unlink()
        elif file == "another":
            desk.planned.record.plan.write_bytes(b"another plan")
        raise OnboardError("The checkout is behind", "Its upstream has commits that are not here.")

    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        monkeypatch.setattr(plan, "make", fail)
        app.pane.action_plan_again()
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        await press(pilot, "escape", "ctrl+n")
        expected = (1, Status.DONE) if file == "there" else (2, Status.FAILED)
        assert (len(tries), desk.status("plan")) == expected


async def test_the_plan_is_exported_for_a_pull_request(desk: Desk) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        folder = run_folder(desk.made[0])
        folder.mkdir(parents=True)
        write_atomically(folder / "plan.md", b"# Plan\n")
        await press(pilot, "x")
        assert "~/plan-bb-management.md" in app.text()
        await press(pilot, "enter")
        assert (desk.environment.home / "plan-bb-management.md").read_text() == "# Plan\n"
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert desk.environment.clipboard.content == "# Plan\n"
        (desk.environment.home / "mine.md").write_text("mine")
        await press(pilot, "x", *["backspace"] * 30, *"mine.md", "enter")
        assert isinstance(app.screen, ErrorDialog)
        assert (desk.environment.home / "mine.md").read_text() == "mine"


async def test_a_profile_with_a_device_asks_for_its_code(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    serial = "arn:aws:iam::111111111111:mfa/dana.lopez"
    codes: list[Any] = []

    def make(context: Context, report: Report, code: Any = None) -> Planned:
        codes.append(code.reveal())
        return written(desk)

    monkeypatch.setattr(terraform_runs, "code_wanted", lambda _context: serial)
    monkeypatch.setattr(plan, "make", make)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert serial in app.text()
        app.pane.query_one("#code", Input).value = "123 456"
        await press(pilot, "ctrl+n")
        assert codes == ["123 456"]
        assert not app.pane.query("#code")
        assert "123 456" not in json.dumps(desk.session.drafts.load(StepKey("plan", "management")))


async def test_a_session_that_ended_meanwhile_is_told_and_the_code_asked_for_where_the_person_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = "arn:aws:iam::111111111111:mfa/dana.lopez"

    def make(context: Context, report: Report, code: Any = None) -> Planned:
        if code is None:
            raise CodeWanted("bb-management-administrator", serial)
        return written(desk)

    monkeypatch.setattr(plan, "make", make)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query("#code")
        await press(pilot, "ctrl+n")
        assert app.focused is app.pane.query_one("#code", Input)
        assert serial in app.text()
        assert desk.status("plan") is Status.READY
        await press(pilot, *"123456", "ctrl+n")
        assert app.pane.has_class("-planned")
        assert not app.pane.query("#code")


async def test_that_it_is_not_applied_elsewhere_is_a_line_of_the_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def layer(*_: Any, **_by_name: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr(plan, "open_layer", layer)
    monkeypatch.setattr(plan, "read_state", lambda *_: None)
    monkeypatch.setattr(plan.state_now, "not_applied", lambda *_: ["jane.doe is not in it"])
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "e")
        assert not isinstance(app.screen, ErrorDialog)
        assert [problem.field for problem in app.pane.problems] == ["elsewhere"]
        assert desk.status("plan") is Status.READY
        await press(pilot, "ctrl+n")
        assert not app.pane.problems
        await press(pilot, "e")
        assert not isinstance(app.screen, ErrorDialog)
        assert [problem.field for problem in app.pane.problems] == ["elsewhere"]


@pytest.mark.parametrize(("name", "value"), [("people", frozenset()), ("beside_people", True)])
async def test_the_state_is_asked_about_a_pull_request_only_where_it_shows_all_of_it(
    name: str, value: object, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LayerDecisions, name, value)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#elsewhere").display
        await press(pilot, "e")
        assert not app.pane.problems


@pytest.mark.parametrize("settled", ["", "apply", "hand-over"])
async def test_plan_and_apply_name_the_session_whose_unsent_password_they_replace(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, settled: str
) -> None:
    sent = settled == "hand-over"
    folder = desk.session.folder.with_name("other")
    folder.mkdir()
    facts = {**desk.session.facts(), "joining": [], "user_changes": {}, "resetting": ["jane.doe"]}
    steps = ["plan", "apply", "hand-over"]
    at = steps.index(settled or "plan") + 1
    done_at = {f"{step}@management": "2026-01-01" for step in steps[:at]}
    other = Summary("other", "admin", facts=facts, next_step="".join(steps[at : at + 1]), settled=done_at)
    keep_summary(folder, other, [])
    play_apply(monkeypatch, done)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        words = list(replaced_before_sent(["jane.doe"], desk.made[0]))
        assert len(words) == (not sent)
        since = app.pane.query_one("#since", Text)
        assert since.display is not sent
        await press(pilot, "ctrl+n")
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        body = " ".join(str(app.screen.query_one(".dialog-body", Text).content).split())
        assert all(text_of(sentence) in body for sentence in words)


async def test_plan_and_apply_say_what_another_session_leaves_open_about_a_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubt = text_of("Nobody has compared it yet (Add jane.doe).")
    monkeypatch.setattr(judged_plan, "doubted_keys", lambda *_: {"jane.doe": doubt})
    desk.planned = replace(desk.planned, passwords=("ann", "jane.doe"))

    def keys(names: Collection[str], *_: object) -> dict[tuple[str, str], str]:
        return {(name, "management"): ("A" if name == "jane.doe" else "B") * 40 for name in sorted(names)}

    monkeypatch.setattr(terraform, "to_compare", keys)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#not-compared").display, "there is no plan yet"
        for page in (PlanPane, ApplyPane):
            await press(pilot, "ctrl+n")
            assert isinstance(app.pane, page)
            assert app.pane.query_one("#not-compared").display
            await press(pilot, "k")
            await rest(pilot)
            assert isinstance(app.screen, CompareDialog)
            shown = str(app.screen.query_one(".dialog-body", Text).content).split()
            assert [*grouped("A" * 40).split()] == [group for group in shown if group == "AAAA"]
            await press(pilot, "escape")
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        assert doubt in " ".join(str(app.screen.query_one(".dialog-body", Text).content).split())


@pytest.mark.parametrize("answer", ["same", "differs"])
async def test_an_answer_about_a_key_that_the_session_did_not_accept_is_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    keys = {("jane.doe", "management"): "A" * 40, ("jane.doe", "security"): "A" * 40, ("ann", "x"): "B" * 40}
    monkeypatch.setattr(terraform, "to_compare", lambda *_: keys)
    monkeypatch.setattr(judged_plan, "doubted_keys", lambda *_: {"jane.doe": "A doubt."})

    def rejected(*_: object) -> set[tuple[str, str]]:
        return {part for part, (said, _at) in answers_kept(desk.session.folder).items() if said == "differs"}

    monkeypatch.setattr(judged_plan, "rejected_elsewhere", rejected)
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await press(pilot, "k")
        await rest(pilot)
        monkeypatch.setattr(judged_plan, "doubted_keys", lambda *_: {})
        app.screen.query_one(f"#{answer}", Button).press()
        await rest(pilot)
        assert isinstance(app.screen, CompareDialog), "the other key comes next"
        await press(pilot, "escape")
        await rest(pilot)
        assert not app.pane.query_one("#not-compared").display
        differs = answer == "differs"
        assert bool(app.pane._found.refusal) is differs
        assert (app.pane.primary().act == app.pane.action_compare) is differs
        vars(app.pane.context.decisions)["keys"] = {"jane.doe": "accepted here"}
        assert (app.pane.primary().act == app.pane.go_to_keys) is differs
        kept = answers_kept(app.pane.context.folder)
    assert {part: said for part, (said, _at) in kept.items()} == {("jane.doe", "A" * 40): answer}


async def test_the_plan_reminds_of_a_fingerprint_that_nobody_compared(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#compare").display
    monkeypatch.setattr(Decisions, "not_compared", ("jane.doe",))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#compare").display
        assert app.pane.query_one("#not-compared").display
    desk.accept(written(desk))
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.opening.done
        assert app.pane.query_one("#compare").display, "an accepted plan is still to be applied"
    desk.applied()
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#compare").display
    monkeypatch.setattr(Decisions, "keyed_in", lambda _decisions, _account: frozenset())
    app = desk.host("plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#compare").display


@pytest.mark.parametrize("step", ["plan", "apply"])
async def test_nobody_is_to_compare_the_fingerprint_of_who_was_removed_since(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(Decisions, "not_compared", ("jane.doe",))
    if step == "apply":
        desk.accept(written(desk))
    app = desk.host(step)
    gone = Observation(Verdict.REVERTED, "", by_item={"management": ("jane.doe",)})
    monkeypatch.setattr(SessionRun, "removed", lambda _run: gone)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#compare").display
