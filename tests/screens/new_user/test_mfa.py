"""The page of MFA, driven by keys against a strict AWS."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.credential_pages import (
    KEYS,
    MFA,
    MODULES,
    PROFILES,
    SERIAL,
    VERIFY,
    begin,
    everything_written,
    field,
    host,
    kept,
    written,
)
from support.panes import new_session, rest, settle
from support.served_aws import ITEM, NewUserAws, jane, user_key
from support.terminal_picture import codes_in
from textual.widgets import Button, Static

from screens.new_user.mfa import QrDialog
from screens.step.page import StepPane, is_displayed
from screens.widgets.checklist import Checklist
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.fields import Choices
from screens.widgets.text import Text
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.steps.new_user import mfa
from workflows.steps.new_user.sign_in import Proof


async def test_mfa_in_the_console_is_claimed_only_once_the_list_is_done(
    new_user: NewUserAws, session: Session
) -> None:
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == MFA
        for _ in range(8):  # no browser opens, so the address is copied
            assert not app.pane.primary().ready
            assert app.pane.query_one("#before").display
            await pilot.press("enter")
            await rest(pilot)
        assert app.pane.query_one(Checklist).finished
        assert app.pane.primary().ready
        assert not app.pane.query_one("#before").display, "the primary action says the same"
        await pilot.press("enter")
        await rest(pilot)
        made = session.facts(ITEM)["mfa"]
        assert (made["serial"], made["how"]) == (None, "console")
        assert app.wizard.current == KEYS
        assert session.state.observed[MFA].said_so, "as it will be when they come back"
        await app.wizard.go_to(MFA)
        await rest(pilot)
        assert not app.wizard._turn().yours, "there is nothing to do"
        assert not app.pane.query("#tasks"), "it is made when it is asked for"
        app.pane.query_one("#again", Button).press()
        await rest(pilot)
        assert app.focused is not None
        assert app.pane.query_one(Checklist) in app.focused.ancestors
        assert not app.pane.query("#source")


@pytest.mark.parametrize(("step", "presses"), [(MFA, 3), (KEYS, 5)])
async def test_what_was_ticked_is_ticked_when_the_person_comes_back(
    new_user: NewUserAws, session: Session, step: StepKey, presses: int
) -> None:
    if step == KEYS:
        settle(session, MFA, {"mfa": {"serial": None, "how": "console", "at": "2026-11-28T10:00:00+00:00"}})
    app = host(new_user, session, step)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for _ in range(presses):
            await pilot.press("enter")
            await rest(pilot)
        ticks = app.pane.query_one(Checklist).ticks
        assert ticks
        await app.wizard.go_to(VERIFY)
        await rest(pilot)
        await app.wizard.go_to(step)
        await rest(pilot)
        tasks = app.pane.query_one(Checklist)
        assert (tasks.ticks, is_displayed(tasks)) == (ticks, True)
        assert app.focused is not None
        assert tasks in app.focused.ancestors


async def test_the_other_way_of_mfa_is_one_question_that_escape_closes(
    new_user: NewUserAws, session: Session
) -> None:
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#other-way").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert app.focused is app.pane.query_one("#how")
        assert not app.pane.query_one("#console").display
        await pilot.press("escape")
        await pilot.pause()
        assert app.wizard.current == MFA
        assert app.pane.query_one("#console").display
        app.pane.query_one("#other-way").focus()
        await pilot.press("enter", "down", "enter")
        await pilot.pause()
        assert app.focused is app.pane.query_one("#source")


async def test_a_device_that_was_registered_before_is_said_and_no_list_is_gone_through(
    new_user: NewUserAws, session: Session
) -> None:
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for answer, status in (("close", Status.READY), ("yes", Status.UNCONFIRMED)):
            app.pane.query_one("#before").focus()
            await pilot.press("enter")
            await pilot.pause()
            app.screen.query_one(f"#{answer}").focus()
            await pilot.press("enter")
            await rest(pilot)
            assert session.status(MFA) is status
        assert session.facts(ITEM)["mfa"]["how"] == mfa.CONSOLE


@pytest.mark.parametrize(("changes", "focused"), [({}, "open"), ({"encrypted_password": None}, "primary")])
async def test_who_got_only_roles_is_led_to_the_device_that_they_have(
    new_user: NewUserAws, tmp_path: Path, changes: dict[str, Any], focused: str
) -> None:
    new_user.identities = (jane(**changes),)
    session = new_session(tmp_path / "other", MODULES)
    begin(session, new_user)
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.focused is app.screen.query_one(f"#{focused}")
        before = app.pane.query_one("#before")
        assert is_displayed(before) is (focused == "open"), "the primary action says the same"
        title, registers = app.pane.query_one(".pane-title", Text), StepPane.heading(app.pane)
        assert (str(title.visual) == registers) is (focused == "open"), "there is nothing to register"
        app.pane.query_one("#signed-in", Button).press()
        await rest(pilot)
        assert is_displayed(before)
        assert not app.pane.primary().ready, "the list is begun"
        assert str(title.visual) == registers
    session.close()


async def test_mfa_can_be_skipped(new_user: NewUserAws, session: Session) -> None:
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for answer, status in (("close", Status.READY), ("yes", Status.SKIPPED)):
            await pilot.press("ctrl+s")
            await pilot.pause()
            assert isinstance(app.screen, Confirm)
            if answer == "yes":
                app.screen.query_one("#yes").focus()
            await pilot.press("enter")
            await rest(pilot)
            assert session.status(MFA) is status
        assert app.wizard.current == KEYS
        assert is_displayed(app.pane.query_one("#skipped")), "AWS may deny it without a code"
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == MFA
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == KEYS, "a skipped step is left again"
        await pilot.press("escape")
        await rest(pilot)
        app.pane.query_one(Checklist).did(1)
        await pilot.pause()
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == MFA, "who begins with it is not sent on"


@pytest.mark.parametrize(
    ("step", "how", "proof", "minutes", "ticks"),
    [
        (MFA, "", Proof.DECRYPTED, 5, [1]),
        (MFA, "", Proof.BEFORE, 5, []),
        (MFA, "", Proof.CHOSEN, 90, []),
        (KEYS, "console", Proof.CHOSEN, 20, [1]),
        (KEYS, "api", Proof.CHOSEN, 20, []),
        (MFA, "console", Proof.CHOSEN, 5, []),  # open again
    ],
)
async def test_who_has_just_signed_in_is_not_asked_to_again(
    new_user: NewUserAws,
    session: Session,
    step: StepKey,
    how: str,
    proof: Proof,
    minutes: int,
    ticks: list[int],
) -> None:
    at = (new_user.environment.now() - timedelta(minutes=minutes)).isoformat()
    session.reopen(StepKey("sign-in", ITEM))
    settle(session, StepKey("sign-in", ITEM), {"signed_in": {"at": at, "since": "", "proof": proof}})
    if how:
        settle(session, MFA, {"mfa": {"serial": SERIAL, "how": how, "at": at}})
    if how and step == MFA:
        session.reopen(MFA)
    app = host(new_user, session, step)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.draft()["ticks"] == ticks
        assert not any(tasks.worked_on for tasks in app.pane.query(Checklist))


async def test_who_is_signed_in_already_opens_no_page(new_user: NewUserAws, session: Session) -> None:
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#signed-in").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert app.pane.query_one(Checklist).ticks == [1]


@pytest.mark.parametrize("again", [False, True])
async def test_an_address_leaves_the_buttons_in_view(
    new_user: NewUserAws, session: Session, *, again: bool
) -> None:
    page = f"http://127.0.0.1:34567/{'t' * 16}/console?account=bb-security"
    new_user.environment = replace(new_user.environment, open_page=lambda _url: page)
    if again:
        settle(session, MFA, {"mfa": {"serial": None, "how": "console", "at": "2026-11-28T10:00:00+00:00"}})
        session.reopen(MFA, "Your admin removed your MFA device in security, so register another one here.")
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("enter")
        await rest(pilot)
        assert app.pane.query_one(Checklist).has_class("-addressed")
        assert app.pane.max_scroll_y == 0
        assert is_displayed(app.pane.query_one("#other-way"))


async def test_mfa_from_here_shows_the_qr_code_whole_and_takes_two_codes(
    new_user: NewUserAws, session: Session
) -> None:
    path = new_user.csv(user_key(new_user))
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query("#api Choices"), "it is made when it is asked for"
        app.pane.query_one("#how", Choices).choose("api")
        await rest(pilot)
        assert app.pane.query_one("#source", Choices).value == "file"
        shown = {}
        for place in ("typed", "kept", "file"):
            app.pane.query_one("#source", Choices).choose(place)
            await rest(pilot)
            shown[place] = [name for name in ("path", "key-id", "secret") if is_displayed(field(app, name))]
        assert shown == {"typed": ["key-id", "secret"], "kept": [], "file": ["path"]}
        field(app, "path").value = str(path)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, QrDialog)
        seed = json.loads(new_user.environment.vault("").vault.kept["bb/security/mfa-seed"])["seed"]  # type: ignore[attr-defined]
        lines = app.text().splitlines()
        assert sum("▀" * 3 in line for line in lines) == 21
        uri = f"otpauth://totp/jane.doe@bb-security?secret={seed}"
        assert codes_in(app.screen._compositor.render_strips()) == [uri]
        assert f"{seed[:4]} {seed[4:8]} {seed[8:12]} {seed[12:16]}" in app.text()
        await pilot.press("c")
        await rest(pilot)
        assert new_user.environment.clipboard.content == seed  # type: ignore[attr-defined]
        await pilot.press("escape")
        await rest(pilot)
        field(app, "first-code").value = new_user.code(seed, -6)
        await rest(pilot)
        check = app.pane.query_one("#check", Static)
        assert "180" in str(check.content)
        field(app, "second-code").value = new_user.code(seed, -5)
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.problems
        assert str(check.content) == "", "it is said once"
        field(app, "second-code").value = ""
        field(app, "first-code").value = new_user.code(seed, -1)
        await rest(pilot)
        assert "✓" in str(check.content)
        field(app, "second-code").value = new_user.code(seed)
        await pilot.press("ctrl+n")
        await rest(pilot)
        made = session.facts(ITEM)["mfa"]
        assert (made["serial"], made["how"]) == (SERIAL, "api")
        assert session.status(MFA) is Status.DONE, "AWS has it"
    assert seed not in everything_written(session.folder)


async def test_a_device_that_was_deleted_over_the_codes_is_made_anew_by_next(
    new_user: NewUserAws, session: Session
) -> None:
    path = new_user.csv(user_key(new_user))
    session.drafts.save(MFA, {"how": "api", "place": "file", "path": str(path)})
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        dialog = app.screen
        assert isinstance(dialog, QrDialog)
        seed = dialog._seed.reveal()
        await pilot.press("escape")
        new_user.aws.administrator("iam").delete_virtual_mfa_device(SerialNumber=SERIAL)
        for name, step in (("first-code", -1), ("second-code", 0)):
            field(app, name).value = new_user.code(seed, step)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        await pilot.press("escape")
        await rest(pilot)
        assert is_displayed(app.pane.query_one("#path"))
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, QrDialog)
        assert seed[:4] not in app.text()


@pytest.mark.parametrize("seen", [False, True], ids=["removed by the admin", "gone in AWS"])
async def test_a_device_that_is_gone_is_not_offered(
    new_user: NewUserAws, session: Session, *, seen: bool
) -> None:
    kept(new_user, session, user_key(new_user))
    if seen:
        session.observe({MFA: Observation(Verdict.GONE, "It is gone.", (SERIAL,))})
    session.do_again(MFA, "" if seen else "your admin removed it")
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#before", Button).press()
        await rest(pilot)
        await pilot.press("left", "enter")
        await rest(pilot)
        assert session.facts(ITEM)["mfa"].get("at"), "another one is registered"


async def test_the_title_of_a_done_page_asks_for_no_device_until_another_is_wanted(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        title, registers = app.pane.query_one(".pane-title", Text), StepPane.heading(app.pane)
        assert str(title.visual) != registers
        app.pane.query_one("#again", Button).press()
        await rest(pilot)
        assert str(title.visual) == registers


@pytest.mark.parametrize("device", [{"serial": None, "how": "console"}, {"serial": SERIAL, "how": "api"}])
async def test_who_still_has_the_device_has_nothing_to_do_again_after_it(
    new_user: NewUserAws, session: Session, device: dict[str, str | None]
) -> None:
    key = user_key(new_user)
    new_user.aws.device()
    kept(new_user, session, key, device={**device, "at": "2026-03-01T10:00:00+00:00"})
    written(new_user, session)
    session.reopen(MFA)
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        before = app.pane.query_one("#before", Button)
        assert is_displayed(before)
        before.press()
        await rest(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("left", "enter")
        await rest(pilot)
        assert [session.status(key) for key in (KEYS, PROFILES)] == [Status.DONE] * 2
        assert session.status(MFA) in {Status.DONE, Status.UNCONFIRMED}
