"""Lost MFA devices: Next removes the selected one, and Skip is there as long as one is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Never

import pytest
from rich.cells import cell_len
from support.fakes import fake_environment
from support.given import Given
from support.panes import PaneHost, new_session, rest, settle
from support.steps import step_of

from screens.admin.mfa_reset import MfaResetPane, _afterwards
from screens.step.finished import EverybodyDialog, Finished
from screens.widgets.dialogs import Confirm
from screens.widgets.lists import TextDialog
from screens.widgets.text import Button, OptionList, Text
from workflows.machine.events import AGREES, NOT_ASKED, Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.steps.admin import apply, hand_over, mfa_reset
from workflows.steps.admin.mfa_reset import Device, DeviceChanged, Found, Owner
from workflows.steps.admin.status_grid import PersonStatus, status_grid

NAMES = ("jane.doe", "sam.okafor")
ACCOUNT = "222222222222"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


def opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *having: str, layers: tuple[str, ...] = ("management",)
) -> tuple[Session, PaneHost]:
    """The step of the first account, in which some of those who lost a device have one."""
    facts: dict[str, Any] = {name: [] for name in step_of(mfa_reset).needs}
    facts |= {"project_root": str(tmp_path), "project": "bb", "layers": [*layers]}
    facts |= {"mfa_reset": list(NAMES)}
    modules: list[Any] = [Given(facts), mfa_reset]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), facts)
    devices = {
        name: (Device(f"arn:aws:iam::{ACCOUNT}:mfa/{name}", "virtual device", None),) for name in having
    }
    found = Found(tuple(Owner(name, True, devices.get(name, ()), "aws") for name in NAMES), ACCOUNT)
    monkeypatch.setattr(mfa_reset, "survey", lambda *_: found)
    environment, at = fake_environment(tmp_path, {}), StepKey("mfa-reset", layers[0])
    return session, PaneHost(session, environment, modules, {"mfa-reset": MfaResetPane}, at)


async def test_next_asks_about_the_device_that_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, "sam.okafor")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        pane = app.pane
        assert not pane.query_one("#remove").display
        assert pane.query_one("#skip").display
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, Confirm)
        assert pane.query_one("#devices", OptionList).highlighted == 1
    session.close()


def test_removing_a_device_warns_only_if_no_other_one_is_asked_for() -> None:
    lost, never, other = (
        Device(serial, "virtual device", enabled)
        for serial, enabled in (
            ("a", datetime(2026, 3, 1, tzinfo=UTC)),
            ("b", None),
            ("c", datetime.now(UTC)),
        )
    )
    said = {
        _afterwards(Owner("jane.doe", True, devices, "aws"), device)
        for devices, device in (((lost, never), lost), ((lost, never), never), ((lost, other), lost))
    }
    assert len(said) == 3
    assert _afterwards(Owner("jane.doe", True, (lost,), "aws"), lost) in said


async def test_the_rest_is_kept_and_what_was_removed_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, *NAMES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        pane = app.pane
        assert isinstance(pane, MfaResetPane)
        monkeypatch.setattr(mfa_reset, "remove", lambda *_: pane.found)
        assert not pane.query_one("#copy").display
        await pilot.press("d", *NAMES[0], "enter")
        await rest(pilot)
        assert isinstance(app.screen, TextDialog)
        await pilot.press("escape")
        await rest(pilot)
        assert pane.query_one("#copy").display
        assert not pane.query_one("#skip").display
        await pilot.press("k")
        await rest(pilot)
        assert pane.warned
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert set(session.facts("management")["mfa_devices_reset"]["people"]) == {NAMES[0]}
    session.close()


async def test_a_device_that_was_registered_again_is_shown_and_not_recorded_as_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, NAMES[0])

    def changed(*_: object) -> Never:
        monkeypatch.setattr(mfa_reset, "survey", lambda *_: Found((Owner(NAMES[0], True),), ACCOUNT))
        raise DeviceChanged("Nothing was removed", "It is another one.")

    monkeypatch.setattr(mfa_reset, "remove", changed)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        app.pane.query_one("#devices").focus()
        await pilot.press("enter", *NAMES[0], "enter")
        await rest(pilot)
        await rest(pilot)
        pane = app.pane
        assert isinstance(pane, MfaResetPane)
        assert [owner.devices for owner in pane.found.owners] == [()]
        assert not pane.request().removed
    session.close()


async def test_what_was_removed_stays_so_where_the_owner_has_registered_again_and_one_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, NAMES[0])
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/{NAMES[0]}"
    session.drafts.save(StepKey("mfa-reset", "management"), {"people": {NAMES[0]: [serial]}, "none": []})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert app.pane.primary().effect == "Continue"
        assert app.pane.request().removed == ((NAMES[0], serial),)
    session.close()


@pytest.mark.parametrize("still_there", [(), (NAMES[0],)])
async def test_a_removal_that_the_wizard_did_not_live_to_see_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, still_there: tuple[str, ...]
) -> None:
    session, app = opened(tmp_path, monkeypatch, *still_there)
    asked = [NAMES[0], f"arn:aws:iam::{ACCOUNT}:mfa/{NAMES[0]}"]
    session.drafts.save(StepKey("mfa-reset", "management"), {"asked": [asked]})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert (app.pane.primary().effect == "Continue") is not bool(still_there)
        if not still_there:
            await pilot.press("ctrl+n")
            await rest(pilot)
            assert session.facts("management")["mfa_devices_reset"]["people"] == {asked[0]: [asked[1]]}
    session.close()


async def test_where_nobody_has_a_device_there_is_nothing_to_remove_and_nothing_to_skip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert not any(app.pane.query_one(selector).display for selector in ("#remove", "#skip"))
        await pilot.press("f5")
        await rest(pilot)
        assert {stands for _, stands in status_grid(app.wizard.run.session_context()).rows} == {
            (PersonStatus.NO_DEVICE,)
        }
        await pilot.press("escape")
        await pilot.press("ctrl+n")
        await rest(pilot)
        app.wizard.run.observe()
        assert session.status(StepKey("mfa-reset", "management")) is Status.DONE
        await app.wizard.go_to(None)
        await rest(pilot)
        assert "no device" in app.text()
        await pilot.press("f5")
        await rest(pilot)
        assert isinstance(app.screen, EverybodyDialog)
    session.close()


async def test_at_80_columns_the_turn_of_a_done_step_stands_whole_beside_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, layers=("security", "apps-devstg"))
    none = {"at": "2026-03-01T10:00:00+00:00", "people": {}, "none": []}
    settle(session, StepKey("mfa-reset", "security"), {"mfa_devices_reset": none})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "apps-devstg" in str(app.screen.query_one("#primary", Button).label)
        turn = app.screen.query_one("#turn", Text)
        assert cell_len(str(turn.content)) <= turn.size.width
    session.close()


async def test_the_end_has_the_next_steps_for_who_has_no_other_device_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, app = opened(tmp_path, monkeypatch, layers=("management", "security"))
    at, page = "2026-03-01T10:00:00+00:00", "https://{}.example.com/console"
    for account in ("management", "security"):
        there = {"account_id": ACCOUNT, "sign_in": page.format(account)}
        reset = {"at": at, **there, "people": {NAMES[0]: ["a-device"]}, "none": []}
        settle(session, StepKey("mfa-reset", account), {"mfa_devices_reset": reset})
    waits = {
        account: Observation(Verdict.AWAITED, about=(NAMES[0],), waits=(("Nothing yet", NAMES[0], account),))
        for account in ("management", "security")
    }
    async with app.run_test(size=(80, 24)) as pilot:
        for looks, places in (
            ({"management": AGREES, "security": AGREES}, set()),
            ({**waits, "management": AGREES}, {"security"}),
            (waits, {"management", "security"}),
        ):
            session.observe({StepKey("mfa-reset", account): look for account, look in looks.items()})
            await app.wizard.go_to(None)
            await rest(pilot)
            assert bool(app.wizard.query("#next-steps")) is bool(places)
            assert (NAMES[0] in str(app.wizard.query_one("#next", Text).render())) is bool(places)
            lines = [str(text.content) for text in app.wizard.query_one(Finished).query(Text)]
            named = [{name for name in looks if name in line} for line in lines if "Nothing yet" in line]
            assert named == ([places] if places else []), "one line for both accounts"
            if places:
                await pilot.press("c")
                await rest(pilot)
                copied = str(app.wizard.run.environment.clipboard.content)  # type: ignore[attr-defined]
                assert all((page.format(name) in copied) is (name in places) for name in looks)
    session.close()


@pytest.mark.parametrize(("sandbox", "plays"), [(True, True), (True, False), (False, True)])
async def test_the_end_leads_to_who_needs_another_device_where_a_sandbox_plays_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: bool, plays: bool
) -> None:
    session, app = opened(tmp_path, monkeypatch)
    there = {"at": "2026-03-01T10:00:00+00:00", "people": {NAMES[0]: ["a-device"]}, "none": []}
    settle(session, StepKey("mfa-reset", "management"), {"mfa_devices_reset": there})
    monkeypatch.setattr(app, "check_action", lambda action, _parameters: action != "swap" or plays)
    async with app.run_test(size=(80, 24)) as pilot:
        run = app.wizard.run
        run.environment = replace(run.environment, sandbox=sandbox)
        for observed, needs in ((NOT_ASKED, True), (AGREES, False)):
            session.observe({StepKey("mfa-reset", "management"): observed})
            await app.wizard.go_to(None)
            await rest(pilot)
            following = str(app.wizard.query_one("#next", Text).render())
            assert ("F6" in following) is (sandbox and plays and needs)
    session.close()


@pytest.mark.parametrize(
    ("look", "waits"),
    [(NOT_ASKED, True), (Observation(Verdict.AWAITED, "Not yet.", (NAMES[0],)), True), (AGREES, False)],
)
async def test_the_end_leads_to_nobody_who_has_signed_in_and_awaits_who_may_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Observation, waits: bool
) -> None:
    facts: dict[str, Any] = {name: [] for name in step_of(hand_over).needs}
    facts |= {"project_root": str(tmp_path), "project": "bb", "layers": ["security"], "keys": {}}
    facts |= {"joining": [NAMES[0]], "user_changes": {"add": {"security": [NAMES[0]]}, "remove": {}}}
    modules: list[Any] = [Given(facts), hand_over]
    session, key = new_session(tmp_path / "sessions", modules), StepKey("hand-over", "security")
    settle(session, StepKey("given"), facts)
    settle(session, key, {"handed_over": {"people": {NAMES[0]: {"sent_at": "2026-03-01T11:00:00+00:00"}}}})
    environment = replace(fake_environment(tmp_path, {}), sandbox=True)
    app = PaneHost(session, environment, modules, {}, None)
    session.observe({key: look})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert ("F6" in str(app.wizard.query_one("#next", Text).render())) is waits
        following = set[str]()
        monkeypatch.setattr(app, "check_action", lambda action, _parameters: action != "swap")
        for sandbox in (True, False):
            app.wizard.run.environment = replace(environment, sandbox=sandbox)
            await app.wizard.go_to(None)
            await rest(pilot)
            following.add(str(app.wizard.query_one("#next", Text).render()))
        assert len(following) == (2 if look.verdict is Verdict.AWAITED else 1), (
            "a sandbox plays not everybody"
        )
    session.close()


@pytest.mark.parametrize("move", [{"add": ["devops"], "remove": []}, {"add": [], "remove": ["devops"]}])
async def test_the_end_says_whom_to_tell_about_other_groups(
    move: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    facts: dict[str, Any] = {name: [] for name in step_of(apply).needs}
    facts |= {"project_root": str(tmp_path), "project": "bb", "layers": ["security"], "changed_files": []}
    facts |= {"regrouping": [*NAMES], "user_changes": {"add": {}, "remove": {}}, "group_changes": {}}
    facts |= {"memberships": {"security": {NAMES[0]: move, NAMES[1]: {"add": [], "remove": []}}}}
    facts["plan"] = {}
    modules: list[Any] = [Given(facts), apply]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), facts)
    at = {"at": "2026-03-01T11:00:00+00:00", "added": 0, "changed": 1, "destroyed": 0, "elsewhere": False}
    settle(session, StepKey("apply", "security"), {"applied": at})
    app = PaneHost(session, fake_environment(tmp_path, {}), modules, {}, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        following = str(app.wizard.query_one("#next", Text).render())
        assert (NAMES[0] in following, NAMES[1] in following) == (True, False)
    session.close()
