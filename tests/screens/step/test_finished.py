"""The grid of people and accounts over the wizard, and the way from it to an account's next step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment
from support.given import Given
from support.panes import PaneHost, by_id, new_session, rest, settle
from support.steps import step_of

from screens.admin.apply import ApplyPane
from screens.admin.hand_over import HandOverPane
from screens.admin.plan import PlanPane
from screens.step import finished
from screens.step.finished import EverybodyDialog, Finished
from screens.widgets.lists import TextDialog
from screens.widgets.rail import MARKS, StepRail
from screens.widgets.text import Button, Text
from tui.app import wizard
from workflows.core.openpgp import grouped
from workflows.core.sentences import OnboardError, text_of
from workflows.core.shapes import plain, read
from workflows.machine.events import AGREES, Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.run import SessionRun
from workflows.steps.admin import apply, deactivate, hand_over, plan, terraform_runs
from workflows.steps.admin.accepted_plan import HandedOver, Made, Planned, Sent
from workflows.steps.admin.admissions import Admission, Admissions
from workflows.steps.admin.status_grid import PersonStatus, StatusGrid, status_grid
from workflows.steps.decisions import Comparison, Decisions
from workflows.steps.kinds import work_of
from workflows.steps.new_user import pgp_key
from workflows.steps.shared.module import Context
from workflows.steps.shared.to_send import ToSend
from workflows.terraform.record import PlanRecord

PEOPLE = [f"person.{number:02}" for number in range(1, 31)]
PANES = {"plan": PlanPane, "apply": ApplyPane, "hand-over": HandOverPane}
APPLIED = {"at": "2026-03-01T10:00:00+00:00", "added": 60, "changed": 0, "destroyed": 0, "elsewhere": False}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Session, PaneHost]]:
    layers = ["management", "security", "apps-devstg"]
    facts: dict[str, Any] = {name: [] for name in (*step_of(plan).needs, *step_of(hand_over).needs)}
    facts |= {
        "project_root": str(tmp_path),
        "project": "bb",
        "layers": layers,
        "joining": PEOPLE,
        "keys": {name: {"text": "x"} for name in PEOPLE},
        "user_changes": {"add": dict.fromkeys(layers, PEOPLE), "remove": {}},
        "memberships": {},
    }
    facts.pop("applied", None)
    modules: list[Any] = [Given(facts), plan, apply, hand_over]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), facts)
    record = PlanRecord(tmp_path / "p.tfplan", "", tmp_path, (), {}, "", "Terraform 1.15.5", "now")
    made = Planned(record, ("30 people join",), {"add": 60, "change": 0, "destroy": 0})
    planned = {**made.as_facts(), "acknowledged": []}
    monkeypatch.setattr(terraform_runs, "code_wanted", lambda _context: "")
    settle(session, StepKey("plan", "management"), {"plan": planned})
    settle(
        session,
        StepKey("apply", "management"),
        {"applied": APPLIED},
    )
    settle(session, StepKey("plan", "security"), {"plan": planned})
    environment = fake_environment(tmp_path / "home", {"PATH": "/usr/bin:/bin"})
    yield session, PaneHost(session, environment, modules, PANES, StepKey("plan", "apps-devstg"))
    session.close()


async def test_what_changed_since_is_said_below_the_grid(desk: tuple[Session, PaneHost]) -> None:
    session, app = desk
    session.observe({StepKey("plan", "security"): Observation(Verdict.CHANGED, "Changed.")})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("f5")
        await rest(pilot)
        assert "≠ Plan (security): Changed." in app.text()
        (line,) = (line for line in app.text().splitlines() if "person.01" in line)
        assert line.split("│")[1].startswith(" ▌")


async def test_f5_shows_everybody_and_enter_goes_on_with_the_account(
    desk: tuple[Session, PaneHost],
) -> None:
    session, app = desk
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("f5")
        await rest(pilot)
        assert isinstance(app.screen, EverybodyDialog)
        text = app.text()
        (line,) = (line for line in text.splitlines() if "person.01" in line)
        stands = (PersonStatus.TO_HAND_OVER, PersonStatus.PLANNED, PersonStatus.WRITTEN)
        assert [" ".join(stand.value) in line for stand in stands] == [True] * 3
        await pilot.press("right", "enter")
        await rest(pilot)
        assert app.wizard.current == StepKey("apply", "security")
        await pilot.press("f5", "end", "ctrl+end")
        await rest(pilot)
        assert "person.30" in app.text()
        await pilot.press("f5")
        await rest(pilot)
        assert app.wizard.current == StepKey("apply", "security")
    assert session.status(StepKey("plan", "apps-devstg")) is Status.READY


@pytest.mark.parametrize("left", ["Push your commit: git push", OnboardError("No git", "git can't say.")])
async def test_the_closing_page_says_what_git_says_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str | OnboardError
) -> None:
    def look(_context: object) -> str:
        if isinstance(left, OnboardError):
            raise left
        return left

    monkeypatch.setattr(finished, "left_in_git", look)
    facts = {"project_root": str(tmp_path), "project": "bb", "layers": [], "changed_files": [{"path": "x"}]}
    modules: list[Any] = [Given(facts)]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), facts)
    app = PaneHost(session, fake_environment(tmp_path, {}), modules, PANES, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await app.wizard.go_to(None)
        await rest(pilot)
        said = str(app.wizard.query_one("#next", Text).render())
        assert (said == left) is isinstance(left, str)
        assert said
    session.close()


@pytest.mark.parametrize("roles", [{}, {"jane.doe": {"went": {"DevOps": ["shared"]}}}])
async def test_who_can_use_other_roles_is_handed_that_over_and_the_closing_page_names_them(
    tmp_path: Path, roles: dict[str, Any]
) -> None:
    facts: dict[str, Any] = {name: [] for name in (*step_of(plan).needs, *step_of(hand_over).needs)}
    facts |= {"keys": {}, "project_root": str(tmp_path), "project": "bb", "layers": ["security"]}
    facts |= {"regrouping": ["jane.doe"], "memberships": {"security": {"jane.doe": {"add": ["ops"]}}}}
    facts.pop("applied")
    modules: list[Any] = [Given(facts), plan, apply, hand_over]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), facts)
    record = PlanRecord(tmp_path / "p.tfplan", "", tmp_path, (), {}, "", "Terraform 1.15.5", "now")
    made = Planned(record, (), {"change": 1}, roles=read(Made, {"roles": roles}).roles).as_facts()
    for step, given in (("plan", {"plan": made}), ("apply", {"applied": APPLIED})):
        settle(session, StepKey(step, "security"), given)
    sends = StepKey("hand-over", "security")
    assert (sends in session.layout()) is bool(roles)
    if roles:
        assert session.status(sends) is Status.READY
        settle(
            session, sends, {"handed_over": plain(HandedOver({"jane.doe": Sent(APPLIED["at"], "copied")}))}
        )
    app = PaneHost(session, fake_environment(tmp_path, {}), modules, PANES, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await app.wizard.go_to(None)
        await rest(pilot)
        assert bool(app.wizard.query("#settings")) is bool(roles)
        assert app.wizard.query_one(".finished-title").classes == {"finished-title"}
        ((_, (stand,)),) = status_grid(app.wizard.run.session_context()).rows
        assert stand is (PersonStatus.HANDED_OVER if roles else PersonStatus.APPLIED)
    session.close()


@pytest.mark.parametrize("unread", [True, False])
async def test_a_sandbox_plays_who_got_other_roles_until_they_are_through_with_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, unread: bool
) -> None:
    facts: dict[str, Any] = {name: [] for name in step_of(hand_over).needs if name != "applied"}
    facts |= {"keys": {}, "project_root": str(tmp_path), "layers": ["security"], "regrouping": ["jane.doe"]}
    facts |= {"plan": {"roles": {"jane.doe": {"went": {"DevOps": ["shared"]}}}}, "applied": APPLIED}
    modules: list[Any] = [Given(facts), hand_over]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), facts)
    monkeypatch.setattr(hand_over, "has_unread_roles", lambda *_: unread)
    app = PaneHost(session, fake_environment(tmp_path, {}, sandbox=True), modules, PANES, None)
    monkeypatch.setattr(app, "check_action", lambda *_: True)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        sent = HandedOver({"jane.doe": Sent(APPLIED["at"], "copied")})
        for key in [key for key in session.layout() if key.step == "hand-over"]:
            settle(session, key, {"handed_over": plain(sent)})
            session.observe({key: AGREES})
        await app.wizard.go_to(None)
        await rest(pilot)
        assert ("F6" in str(app.wizard.query_one("#next", Text).render())) is unread
    session.close()


async def test_where_only_sts_regions_are_checked_f5_is_not_offered(tmp_path: Path) -> None:
    facts = {name: [] for name in step_of(hand_over).needs}
    facts |= {"keys": {}, "project_root": str(tmp_path), "layers": ["management"], "regions_wanted": True}
    modules: list[Any] = [Given(facts), plan]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), facts)
    app = PaneHost(session, fake_environment(tmp_path, {}), modules, PANES, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.wizard.check_action("everybody", ())
        await pilot.press("f5")
        await rest(pilot)
        assert app.wizard.query_one("#result").has_class("-shown"), "what F5 is for"
    session.close()


async def test_the_record_of_the_keys_is_shown_over_the_grid_and_copied(
    desk: tuple[Session, PaneHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    _session, app = desk
    fingerprint, at = "0123456789ABCDEF0123456789ABCDEF01234567", "2026-03-01T10:00:00+00:00"
    admission = Admission(PEOPLE[0], fingerprint, "pasted", at, Comparison.SAME, at, {"security": None})
    monkeypatch.setattr(wizard, "admissions", lambda _folder: Admissions("admin@host", (admission,)))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("f5", "w", "c")
        await rest(pilot)
        assert isinstance(app.screen, TextDialog)
        clipboard: Any = app.wizard.run.environment.clipboard
        assert grouped(fingerprint) in clipboard.content
        await pilot.press("escape")
        await rest(pilot)
        assert isinstance(app.screen, EverybodyDialog)


async def test_the_closing_page_shows_who_was_handed_what(desk: tuple[Session, PaneHost]) -> None:
    session, app = desk
    plan_facts = {"plan": session.facts("management")["plan"]}
    for account in ("apps-devstg", "security"):
        if account == "apps-devstg":
            settle(session, StepKey("plan", account), plan_facts)
        settle(session, StepKey("apply", account), {"applied": APPLIED})
    for account in ("management", "security", "apps-devstg"):
        sent = {"people": {PEOPLE[0]: {"sent_at": "2026-03-01T10:00:00+00:00", "how": "copied"}}}
        settle(session, StepKey("hand-over", account), {"handed_over": sent})
    async with app.run_test(size=(100, 40)) as pilot:
        await rest(pilot)
        await app.wizard.go_to(None)
        await rest(pilot)
        assert app.wizard.query_one(Finished).query_one(".finished-title").has_class("-unsure")
        words = app.text()
        assert "person.02" in words
        assert PersonStatus.TO_HAND_OVER.sentence in words
        assert " 24 " in words
        assert app.wizard.query("#remove")
        buttons = app.wizard.query_one(Finished).query(Button)
        assert buttons
        assert {button.shortcut for button in buttons} <= {*app.screen.active_bindings}
        await pilot.press("w")
        await rest(pilot)
        assert isinstance(app.screen, TextDialog)


async def test_the_closing_page_awaits_nobody_whom_later_sessions_removed_everywhere(
    desk: tuple[Session, PaneHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = desk
    settle(session, StepKey("apply", "security"), {"applied": APPLIED})
    sent = {"people": {name: {"sent_at": "2026-03-01T10:00:00+00:00", "how": ""} for name in PEOPLE}}
    settle(session, StepKey("hand-over", "security"), {"handed_over": sent})
    awaited = Observation(Verdict.AWAITED, "Not yet.", tuple(PEOPLE[:3]))
    session.observe({StepKey("hand-over", "security"): awaited})
    removed = (PersonStatus.REMOVED_SINCE, PersonStatus.GONE_FROM_FILES, PersonStatus.NOT_HERE)
    partly = (PersonStatus.REMOVED_SINCE, PersonStatus.AWAITED, PersonStatus.NOT_HERE)
    others = dict.fromkeys(PEOPLE, (PersonStatus.AWAITED,) * 3)
    rows = {**others, PEOPLE[0]: removed, PEOPLE[1]: partly}
    accounts = ("management", "security", "apps-devstg")
    monkeypatch.setattr(finished, "status_grid", lambda _: StatusGrid(accounts, tuple(rows.items())))
    reminded: list[tuple[str, ...]] = []

    def remind(names: tuple[str, ...], _context: object) -> ToSend:
        reminded.append(names)
        raise OnboardError("Not copied", "No clipboard.")

    monkeypatch.setattr(hand_over, "remind", remind)
    async with app.run_test(size=(100, 40)) as pilot:
        await rest(pilot)
        await app.wizard.go_to(None)
        await rest(pilot)
        app.wizard.query_one("#remind", Button).press()
        await rest(pilot)
        assert reminded == [tuple(PEOPLE[1:3])]


async def test_the_closing_page_leads_to_a_fingerprint_that_nobody_compared(
    desk: tuple[Session, PaneHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    _session, app = desk
    monkeypatch.setattr(Finished, "_achieved", lambda *_: "✓ Done")
    monkeypatch.setattr(finished, "_settled", lambda _stands: True)
    monkeypatch.setattr(Decisions, "not_compared", tuple(PEOPLE[:1]))
    async with app.run_test(size=(100, 40)) as pilot:
        await rest(pilot)
        await app.wizard.go_to(None)
        await rest(pilot)
        page = app.wizard.query_one(Finished)
        assert page.query_one(".finished-title").has_class("-unsure")
        assert page.query_one("#ask-pgp-keys").has_focus
        assert app.wizard._turn().yours
        keys = StepKey("pgp-keys")
        assert finished._not_compared(app.wizard.run, keys)
        removed = Observation(Verdict.REVERTED, about=tuple(PEOPLE[:1]))
        monkeypatch.setattr(app.wizard.run, "removed", lambda: removed)
        assert not finished._not_compared(app.wizard.run, keys), "a later session removed them"


async def test_the_closing_page_names_a_plan_that_was_skipped_where_all_else_is_done(
    desk: tuple[Session, PaneHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = desk
    settle(session, StepKey("apply", "security"), {"applied": APPLIED})
    session.skip(StepKey("plan", "apps-devstg"))
    nothing = (PersonStatus.APPLIED, PersonStatus.APPLIED, PersonStatus.NOT_HERE)
    accounts = ("management", "security", "apps-devstg")
    monkeypatch.setattr(finished, "status_grid", lambda _: StatusGrid(accounts, ((PEOPLE[0], nothing),)))
    async with app.run_test(size=(100, 40)) as pilot:
        await rest(pilot)
        page = Finished(app.wizard.run)
        assert text_of(app.wizard.run.title(StepKey("plan", "apps-devstg"))) in page._achieved(
            finished.status_grid(app.wizard.run.session_context())
        )


def test_deactivate_is_offered_only_until_the_removal_is_applied(tmp_path: Path) -> None:
    facts: dict[str, Any] = {name: [] for name in (*step_of(plan).needs, *step_of(deactivate).needs)}
    facts |= {"project_root": str(tmp_path), "project": "bb", "layers": ["management"], "leaving": PEOPLE[:1]}
    modules: list[Any] = [Given(facts), deactivate, plan, apply]
    session, skipped = new_session(tmp_path / "sessions", modules), StepKey("deactivate", "management")
    settle(session, StepKey("given"), facts)
    session.skip(skipped)
    run = SessionRun(session, fake_environment(tmp_path, {}), by_id(modules))
    settle(session, StepKey("plan", "management"), {"plan": {}})
    assert (Finished(run)._to_revisit(), run.overtaken(skipped)) == ([skipped], False)
    settle(session, StepKey("apply", "management"), {"applied": APPLIED})
    assert (Finished(run)._to_revisit(), run.overtaken(skipped)) == ([], True)
    session.close()


@pytest.mark.parametrize("handed", [False, True])
def test_a_key_that_the_handoff_did_not_need_is_not_called_skipped(tmp_path: Path, *, handed: bool) -> None:
    given = {"project": "bb", "user": "jane.doe", **({"handoff": {}} if handed else {})}
    modules: list[Any] = [Given(given), pgp_key]
    session = new_session(tmp_path / "sessions", modules)
    run = SessionRun(session, fake_environment(tmp_path, {}), by_id(modules))
    settle(session, StepKey("given"), given)
    session.skip(StepKey("pgp-key"))
    assert Finished(run)._skipped() == ([] if handed else [StepKey("pgp-key")])
    assert not finished._has_handoff(run, StepKey("profiles")), "that leaves something out all the same"
    session.close()


@pytest.mark.parametrize(("added", "at", "named"), [(0, 2, True), (60, 2, False), (0, 4, False)])
def test_the_session_that_applied_what_this_one_wrote_is_named(
    tmp_path: Path, *, added: int, at: int, named: bool
) -> None:
    def summary(name: str, at: int) -> Summary:
        settled = {f"{step}@security": str(at) for step in ("plan", "apply")}
        facts = {"project_root": "/p", "layers": ["security"], "regrouping": [name]}
        found = Summary(name, "admin", facts=facts, settled={"review": "1", **settled})
        (tmp_path / name).mkdir()
        keep_summary(tmp_path / name, found, made_from(tmp_path / name))
        return found

    own, other = summary("own", 3), summary("other", at)
    facts = {**own.facts, "applied": {**APPLIED, "at": "3", "added": added}}
    every = {**own.facts, "applied@security": facts["applied"]}
    context = Context(fake_environment(tmp_path, {}), every, every, "", tmp_path / "own", threading.Event())
    found = [*finished._applied_by_others(context)]
    assert len(found) == named
    assert all(text_of(work_of(other)) in text_of(said) for said in found)


async def test_what_is_left_to_a_later_text_is_not_called_skipped(
    desk: tuple[Session, PaneHost],
) -> None:
    session, app = desk
    settle(session, StepKey("apply", "security"), {"applied": APPLIED})
    handing_over = [StepKey("hand-over", account) for account in ("management", "security")]
    for key in handing_over:
        session.skip(key)
    async with app.run_test(size=(120, 40)) as pilot:
        await rest(pilot)
        assert [finished.standing(app.wizard.run, key) for key in handing_over] == [Status.LOCKED] * 2
        assert "skipped" not in app.text()
        await app.wizard.go_to(handing_over[0])
        await rest(pilot)
        assert app.text().count(" with apps-devstg") == 1
        last = StepKey("hand-over", "apps-devstg")
        settle(session, StepKey("plan", last.item), {"plan": session.facts("management")["plan"]})
        settle(session, StepKey("apply", last.item), {"applied": APPLIED})
        session.skip(last)
        assert [finished.standing(app.wizard.run, key) for key in (*handing_over, last)] == [
            Status.SKIPPED
        ] * 3
        session.reopen(last)
        sent = {name: {"sent_at": "2026-03-01T10:00:00+00:00", "how": "copied"} for name in PEOPLE}
        settle(session, last, {"handed_over": {"people": sent}})
        assert [finished.standing(app.wizard.run, key) for key in (*handing_over, last)] == [Status.DONE] * 3
        await app.wizard.go_to(handing_over[1])
        await rest(pilot)
        assert "skipped" not in app.text()


async def test_what_went_out_with_a_later_text_does_not_go_out_with_one_after_that(
    desk: tuple[Session, PaneHost],
) -> None:
    session, app = desk
    settle(session, StepKey("apply", "security"), {"applied": APPLIED})
    left, carrying = StepKey("hand-over", "management"), StepKey("hand-over", "security")
    session.skip(left)
    async with app.run_test(size=(120, 40)) as pilot:
        await rest(pilot)
        assert finished.goes_out_with(app.wizard.run, left)
        sent = {name: {"sent_at": "2026-03-01T11:00:00+00:00", "how": "copied"} for name in PEOPLE}
        settle(session, carrying, {"handed_over": {"people": sent}})
        assert not finished.goes_out_with(app.wizard.run, left)


async def test_a_text_that_is_marked_as_sent_ends_what_was_left_to_it_in_the_list_of_steps_at_once(
    desk: tuple[Session, PaneHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = desk
    left, last = StepKey("hand-over", "management"), StepKey("hand-over", "apps-devstg")
    settle(session, StepKey("apply", "security"), {"applied": APPLIED})
    settle(session, StepKey("plan", last.item), {"plan": session.facts("management")["plan"]})
    settle(session, StepKey("apply", last.item), {"applied": APPLIED})
    session.skip(left)
    sent = {name: {"sent_at": "2026-03-01T11:00:00+00:00", "how": "copied"} for name in PEOPLE}
    async with app.run_test(size=(120, 40)) as pilot:
        await app.wizard.go_to(last)
        await rest(pilot)
        rail = app.wizard.query_one(StepRail)
        assert mark_of(left, rail) == MARKS[Status.LOCKED]
        monkeypatch.setattr(app.pane, "draft", lambda: {"people": sent})
        app.pane.keep_draft()
        await rest(pilot)
        assert mark_of(left, rail) == MARKS[Status.DONE]


def mark_of(key: StepKey, rail: StepRail) -> str:
    """The mark of a step in the list."""
    return str(rail.get_option(str(key)).prompt)[0]


async def test_the_end_and_the_list_beside_it_make_the_grid_once_each(
    desk: tuple[Session, PaneHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = desk
    settle(session, StepKey("apply", "security"), {"applied": APPLIED})
    for account in ("management", "security"):
        session.skip(StepKey("hand-over", account))
    made: list[Context] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        monkeypatch.setattr(finished, "status_grid", lambda whole: made.append(whole) or status_grid(whole))
        await app.wizard.go_to(None)
        assert len(made) == 2


async def test_an_account_stops_while_another_goes_on_and_each_is_found_again(
    desk: tuple[Session, PaneHost], tmp_path: Path
) -> None:
    session, app = desk
    session.start(StepKey("plan", "apps-devstg"))
    session.fail(StepKey("plan", "apps-devstg"), {"title": "Stopped", "what": "You stopped it."})
    settle(session, StepKey("apply", "security"), {"applied": APPLIED})
    found = {key: session.status(key) for key in session.layout() if key.item}
    assert found[StepKey("plan", "apps-devstg")] is Status.FAILED
    assert found[StepKey("apply", "apps-devstg")] is Status.LOCKED
    assert found[StepKey("hand-over", "management")] is Status.READY
    assert found[StepKey("hand-over", "security")] is Status.READY
    run = app.wizard.run
    assert run.next_of("management") == StepKey("hand-over", "management")
    assert run.next_of("apps-devstg") == StepKey("plan", "apps-devstg")
    assert run.next_of("nowhere") is None
