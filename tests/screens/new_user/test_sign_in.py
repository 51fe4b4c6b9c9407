"""Sign in, driven by keys, with real gpg; neither passphrase nor password gets anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest
from support.fakes import FakeBrowser, FakeClipboard
from support.fitting import misfits
from support.new_user import (
    PASSPHRASE,
    PASSWORD,
    encrypted,
    environment_of,
    handoff_for,
    said,
    written,
)
from support.panes import PaneHost, new_session, rest, settle, until
from support.pgp import GpgHome, gpg_home
from textual.widgets import Button, Input

from screens.new_user.before_you_start import BeforeYouStartPane
from screens.new_user.handoff import HandoffPane
from screens.new_user.pgp_key import PgpKeyPane
from screens.new_user.sign_in import SignInPane
from screens.step import finished
from screens.step.page import StepPane, is_displayed
from screens.widgets.checklist import Checklist
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.fields import SecretInput, SecretText
from screens.widgets.text import Text
from workflows.core.secret import Secret
from workflows.core.sentences import text_of
from workflows.desktop.clipboard import Osc52Clipboard
from workflows.environment import Environment
from workflows.gpg.decrypt import WrongPassphrase
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions
from workflows.machine.state import Status
from workflows.messages.handoff import ACCESS, NEW_KEY, NEW_PASSWORD, Handoff
from workflows.steps.new_user import before_you_start, handoff, pgp_key, sign_in

KEY = StepKey("sign-in", "security")
MODULES = (before_you_start, pgp_key, handoff, sign_in)
PANES = {
    "before-you-start": BeforeYouStartPane,
    "pgp-key": PgpKeyPane,
    "handoff": HandoffPane,
    "sign-in": SignInPane,
}


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        home.key("jane", passphrase=PASSPHRASE)
        yield home


def begun(tmp_path: Path, gpg: GpgHome, held: Handoff | None = None) -> Session:
    session = new_session(tmp_path / "sessions", MODULES)
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane.doe", "tools": {}})
    sent = {"fingerprint": gpg.fingerprint("jane"), "key_made": False, "request_sent": "the request is out"}
    settle(session, StepKey("pgp-key"), sent)
    arrived = held or handoff_for(gpg, "jane")
    settle(session, StepKey("handoff"), {"handoff": arrived.payload(), "identities": ["security"]})
    gpg.forget_passphrases()
    return session


def host(session: Session, environment: Environment) -> PaneHost:
    return PaneHost(session, environment, MODULES, PANES, KEY)


async def test_the_whole_sign_in_with_canaries(tmp_path: Path, gpg: GpgHome) -> None:
    session, clipboard, browser = begun(tmp_path, gpg), FakeClipboard(), FakeBrowser(opens=True)
    environment = environment_of(
        tmp_path,
        gpg,
        clipboard=clipboard,
        browser=browser,
        open_page=lambda _url: "http://127.0.0.1:9/console?account=bb-security",
    )
    app = host(session, environment)
    async with app.run_test(size=(96, 24)) as pilot:
        await rest(pilot)
        assert app.screen.focused is not None
        assert app.screen.focused.id == "passphrase"
        await pilot.press(*"wrong", "enter")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["passphrase"]
        assert not isinstance(app.screen, ErrorDialog)
        assert session.status(KEY) is Status.READY
        assert app.screen.focused is not None
        assert app.screen.focused.id == "passphrase"
        assert app.pane.query_one("#passphrase", Input).value == ""

        await pilot.press(*PASSPHRASE)
        assert PASSPHRASE not in app.text()
        await pilot.press("enter")
        await rest(pilot)
        assert session.status(KEY) is Status.READY
        assert not app.pane.problems
        assert "16" in str(app.pane.query_one("#notes", Text).content)
        assert PASSWORD not in said(app)
        assert not app.pane.primary().ready

        await pilot.press("enter")  # one after the other: the page, the user name, the password
        await rest(pilot)
        assert browser.opened == ["https://bb-security.signin.aws.amazon.com/console"]
        await pilot.press("enter")
        await rest(pilot)
        assert clipboard.content == "jane.doe"
        await pilot.press("enter")
        await rest(pilot)
        assert clipboard.content == PASSWORD
        await pilot.press("v")
        await pilot.pause()
        assert PASSWORD in app.text()
        await pilot.press("v")
        await pilot.pause()
        assert PASSWORD not in app.text()
        await pilot.press("w")
        assert app.pane.inside
        await pilot.press("escape")
        await pilot.pause()
        assert not app.pane.inside
        assert app.wizard.current == KEY
        assert not app.pane.primary().ready
        clipboard.copy("something else")
        app.pane.query_one("#did-5").focus()
        await pilot.press("right", "enter")
        await until(pilot, lambda: clipboard.content == PASSWORD)  # AWS asks for the old one again
        assert not app.pane.primary().ready
        await pilot.press("v", "left")
        assert PASSWORD in app.text()
        await pilot.press("enter")  # a new password is chosen
        await pilot.pause()
        assert PASSWORD not in app.text()

        pane = app.pane
        assert isinstance(pane, SignInPane)
        password = pane.password
        assert password is not None
        assert app.pane.primary().ready
        await until(pilot, lambda: app.screen.focused is not None and app.screen.focused.id == "primary")
        await pilot.press("enter")
        await until(pilot, lambda: session.status(KEY) is Status.UNCONFIRMED)  # by the person's word alone
        await rest(pilot)
        assert session.facts("security")["signed_in"]["proof"].startswith("decrypted here")
        await app.wizard.go_to(KEY)
        await rest(pilot)
        assert not app.pane.query("#tasks"), "it is made when it is asked for"
        assert password.dropped
        assert clipboard.content == ""
    session.close()
    everything = written(tmp_path)
    assert "signed_in" in everything
    assert PASSWORD not in everything
    assert PASSPHRASE not in everything


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+x", "super+c", "ctrl+insert", "shift+delete"])
async def test_no_key_and_no_mouse_takes_a_secret_out_of_its_field(
    tmp_path: Path, gpg: GpgHome, key: str
) -> None:
    session = begun(tmp_path, gpg)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        field = app.pane.query_one("#passphrase", SecretInput)
        field.value = PASSPHRASE
        field.select_all()
        await pilot.press(key)
        assert (app.clipboard, field.value) == ("", PASSPHRASE)
        await pilot.press("enter")
        await rest(pilot)
        await pilot.press("v")
        await pilot.pause()
        assert PASSWORD in app.text()
        shown = app.pane.query_one("#password", SecretText)
        await pilot.mouse_down(shown, offset=(0, 0))
        await pilot.hover(shown, offset=(12, 0))
        await pilot.mouse_up(shown, offset=(12, 0))
        await pilot.press(key)
        app.screen.text_select_all()
        await pilot.press(key)
        assert PASSWORD[:4] not in app.clipboard
        assert PASSWORD[:4] not in (app.screen.get_selected_text() or "")
    session.close()


_POLICY = (
    "16 to 128 characters",
    "one of each: A-Z a-z 0-9 !@#$%^&*()_+-=[]{}|'",
    "not one of your last 4",
    "good for 90 days",
)


@pytest.mark.parametrize("remembered", [False, True])
async def test_the_page_fits_where_no_browser_opens_and_the_mask_in_a_line(
    tmp_path: Path, gpg: GpgHome, monkeypatch: pytest.MonkeyPatch, remembered: bool
) -> None:
    if remembered:  # gpg opens it without the passphrase, which the page says
        monkeypatch.setattr(sign_in, "decrypt_password", lambda *_: Secret(PASSWORD))
    held = handoff_for(gpg, "jane")
    rules = tuple(replace(identity, password_policy=_POLICY) for identity in held.identities)
    session = begun(tmp_path, gpg, replace(held, identities=rules))
    page = "http://127.0.0.1:9/console?account=bb-security"
    app = host(session, environment_of(tmp_path, gpg, open_page=lambda _url: page))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*PASSPHRASE, "enter")
        await rest(pilot)
        for _press in ("show", "hide"):
            assert app.pane.region.contains_region(app.pane.query_one("#hints").region)
            await pilot.press("v")
            await rest(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.focused is app.pane.query_one("#copy-address"))
        await rest(pilot)
        assert app.pane.region.contains_region(app.pane.query_one("#hints").region)
        await pilot.press("enter", "enter")
        await rest(pilot)
        assert app.pane.query_one(Checklist).has_class("-addressed")
        assert app.pane.region.contains_region(app.pane.query_one("#hints").region)
        columns = {app.pane.query_one(f"#copy-{value}").region.x for value in ("user", "password")}
        assert len(columns) == 1, "the buttons stand below each other"
        row = app.pane.query_one("#copy-password").parent
        assert row is not None
        assert row.size.height == 1
        await pilot.press("v")
        await rest(pilot)
        assert PASSWORD in app.text()
        assert app.pane.region.contains_region(app.pane.query_one("#hints").region)
    session.close()


async def test_who_types_the_password_needs_no_clipboard(tmp_path: Path, gpg: GpgHome) -> None:
    session, clipboard = begun(tmp_path, gpg), FakeClipboard()
    page = "http://127.0.0.1:9/console?account=bb-security"
    app = host(session, environment_of(tmp_path, gpg, clipboard=clipboard, open_page=lambda _url: page))
    async with app.run_test(size=(96, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*PASSPHRASE, "enter")
        await rest(pilot)
        assert not app.pane.primary().ready
        await pilot.press("enter")  # no browser opens: the address is to be copied
        await until(pilot, lambda: app.screen.focused is app.pane.query_one("#copy-address"))
        assert page in app.text()
        await rest(pilot)
        assert app.pane.query_one(".pane-purpose").display, "there is room"
        await pilot.press("enter")
        await rest(pilot)
        assert page in app.text(), "it may have to be typed"
        await pilot.press("enter")
        await until(pilot, lambda: clipboard.content == "jane.doe")
        assert page in app.text()
        await pilot.press("v")
        await rest(pilot)
        assert PASSWORD in app.text()
        assert clipboard.content == "jane.doe"
        await pilot.press("tab", "tab", "enter")
        await pilot.pause()
        assert app.pane.primary().ready
        assert page in app.text(), "AWS may not have accepted it"
    session.close()


@pytest.mark.parametrize("occasion", [ACCESS, NEW_PASSWORD])
async def test_an_address_and_a_result_leave_everything_in_view(
    tmp_path: Path, gpg: GpgHome, occasion: str
) -> None:
    policy = ("16 to 128 characters", "one of each: A-Z a-z 0-9 !@#$%^&*()_+-=[]{}|'", "good for 90 days")
    handed = replace(handoff_for(gpg, "jane", password_policy=policy), occasion=occasion)
    session = begun(tmp_path, gpg, handed)
    clipboard = Osc52Clipboard(lambda _text: None, lambda: datetime.now(UTC))
    said = text_of(clipboard.copy(Secret("not shown")).said)
    page = f"http://127.0.0.1:34567/{'t' * 16}/console?account=bb-security"  # as the sandbox has it
    app = host(session, environment_of(tmp_path, gpg, open_page=lambda _url: page))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*PASSPHRASE, "enter")
        await rest(pilot)
        assert isinstance(app.pane, SignInPane)
        app.pane._needless = True
        app.pane._arrange()
        app.wizard.show_result(said, "")
        await rest(pilot)
        assert all(is_displayed(note) for note in app.pane.query(".spare")), (
            "before the notes goes the purpose"
        )
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.focused is app.pane.query_one("#copy-address"))
        assert page in app.text()
        app.wizard.show_result(said, "")
        await rest(pilot)
        assert app.wizard.query_one("#result").region.height > 1
        assert not misfits(app.screen)
        assert app.pane.max_scroll_y == 0
    session.close()


async def test_the_password_is_hidden_by_itself(
    tmp_path: Path, gpg: GpgHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begun(tmp_path, gpg)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        await pilot.press(*PASSPHRASE, "ctrl+n")
        await rest(pilot)
        await pilot.press("v")
        await pilot.pause()
        assert PASSWORD in app.text()
        monkeypatch.setattr("screens.widgets.fields.SHOWN_SECONDS", 0.2)
        await pilot.press("v", "v")
        await until(pilot, lambda: app.pane.query_one("#password", SecretText)._hiding is None)
        await pilot.pause()
        assert PASSWORD not in app.text()
    session.close()


async def test_what_is_locked_again_asks_for_the_passphrase_unless_the_list_is_done(
    tmp_path: Path, gpg: GpgHome
) -> None:
    notes = set()
    for kept, done in (((), False), ((5,), True)):
        session = begun(tmp_path / str(done), gpg)
        app = host(session, environment_of(tmp_path, gpg))
        async with app.run_test(size=(80, 24)) as pilot:
            await rest(pilot)
            for number in (1, 2, *kept):
                app.pane.query_one(Checklist).did(number)
            assert app.pane.query_one(Checklist).finished is done
            session.drafts.save(KEY, app.pane.draft())
        session.start(KEY)
        session.rest(KEY)
        folder = session.folder
        session.close()
        again = Sessions(folder.parent, [session.state.workflow], lambda: datetime.now(UTC)).open(folder.name)
        assert again.status(KEY) is Status.READY
        app = host(again, environment_of(tmp_path, gpg))
        async with app.run_test(size=(80, 24)) as pilot:
            await rest(pilot)
            assert (app.focused is app.pane.query_one("#passphrase")) is not done
            notes.add(str(app.pane.query_one(".pane-note", Text).render()))
        again.start(KEY)
        again.fail(KEY, {"what": "No answer."})
        app = host(again, environment_of(tmp_path, gpg))
        async with app.run_test(size=(80, 24)) as pilot:
            await rest(pilot)
            assert "No answer." in str(app.pane.query_one(".pane-note", Text).render())
        again.close()
    assert len(notes) == 2, "a list that is done needs no passphrase"


async def test_what_gpg_unlocks_without_a_passphrase_is_not_called_locked_any_more(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, gpg)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*PASSPHRASE, "enter")
        await rest(pilot)
    session.drafts.save(KEY, {"ticks": [2]})
    folder = session.folder
    session.close()
    again = Sessions(folder.parent, [session.state.workflow], lambda: datetime.now(UTC)).open(folder.name)
    app = host(again, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one(".pane-note").display
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.has_class("-open")
        assert not app.pane.query_one(".pane-note").display
    again.close()


async def test_which_key_is_meant_is_said_after_another_one(tmp_path: Path, gpg: GpgHome) -> None:
    for occasion, which in ((NEW_PASSWORD, "your PGP key"), (NEW_KEY, "your new PGP key")):
        folder = tmp_path / occasion
        session = begun(folder, gpg, replace(handoff_for(gpg, "jane"), occasion=occasion))
        app = host(session, environment_of(folder, gpg))
        async with app.run_test(size=(80, 24)) as pilot:
            await rest(pilot)
            assert which in app.text()
            for passphrase in ("wrong", ""):
                await pilot.press(*passphrase, "enter")
                await rest(pilot)
                (problem,) = app.pane.problems
                assert which in text_of(problem.message)
        session.close()


async def test_who_had_gone_through_the_list_when_the_wizard_ended_only_says_so(
    tmp_path: Path, gpg: GpgHome
) -> None:
    for ticks, done in (([2], False), ([2, 5], True)):
        folder = tmp_path / str(len(ticks))
        session = begun(folder, gpg)
        session.drafts.save(KEY, {"ticks": ticks})
        app = PaneHost(session, environment_of(folder, gpg), MODULES, PANES, KEY)
        async with app.run_test(size=(80, 24)) as pilot:
            await rest(pilot)
            await pilot.press("ctrl+n")
            await rest(pilot)
            assert bool(session.facts("security").get("signed_in")) is done
            if not done:
                assert [problem.field for problem in app.pane.problems] == ["passphrase"]
        session.close()


async def test_who_signed_in_before_need_not_decrypt_and_a_done_step_is_left_alone(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, gpg)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        app.pane.query_one("#already", Button).press()
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "222222222222" in str(app.screen.query_one(".dialog-body", Text).content)
        await pilot.press("enter")  # not yet
        await rest(pilot)
        assert session.status(KEY) is Status.READY
        app.pane.query_one("#already", Button).press()
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("left", "enter")
        await rest(pilot)
        assert session.status(KEY) is Status.UNCONFIRMED
        assert not session.facts("security")["signed_in"]["proof"].startswith("decrypted here")
        events = session.state.events
        await app.wizard.go_to(KEY)
        await rest(pilot)
        app.pane.query_one("#again", Button).press()  # looking at the password again undoes nothing
        await pilot.pause()
        await pilot.press(*PASSPHRASE, "enter")
        await rest(pilot)
        assert app.pane.query_one("#password", SecretText) is not None
        assert session.status(KEY) is Status.UNCONFIRMED
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.state.events == events
    session.close()


async def test_an_empty_passphrase_is_asked_for_and_is_no_wrong_one(tmp_path: Path, gpg: GpgHome) -> None:
    session = begun(tmp_path, gpg)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: bool(app.pane.problems))
        assert session.status(KEY) is Status.READY


async def test_pinentry_is_told_in_words_where_the_terminal_cannot_be_lent(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, gpg)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        app.pane.query_one("#pinentry").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        assert session.status(KEY) is Status.FAILED
        await pilot.press("escape")
    session.close()


async def test_a_wrong_passphrase_in_pinentry_fails_no_step(
    tmp_path: Path, gpg: GpgHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lend(*_: object) -> NoReturn:
        raise WrongPassphrase

    monkeypatch.setattr("screens.new_user.sign_in.lend_terminal", lend)
    session = begun(tmp_path, gpg)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#pinentry").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["passphrase"]
        assert session.status(KEY) is Status.READY
    session.close()


async def test_somebody_who_cannot_decrypt_comes_to_a_request_for_a_replacement(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, gpg)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        app.pane.query_one("#replace").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        await pilot.press("escape")
        await pilot.pause()
        assert app.wizard.current == KEY
        await pilot.press("enter")
        await pilot.pause()
        app.screen.query_one("#yes").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert app.wizard.current == StepKey("pgp-key")
        assert app.pane.query_one("#replacement").display
        request = app.pane.request()
        assert (request.replacement, request.fingerprint) == (True, "")
        assert request.reason
    session.close()


@pytest.mark.parametrize("machine", [True, False])
async def test_a_machine_user_or_who_only_gets_other_roles_goes_on_without_a_password(
    tmp_path: Path, gpg: GpgHome, *, machine: bool
) -> None:
    own = {
        "sign_in_url": "",
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "encrypted_secret": encrypted(gpg, "jane"),
    }
    held = handoff_for(gpg, "jane", encrypted_password=None, **(own if machine else {"key_fingerprint": ""}))
    session = begun(tmp_path, gpg, held)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query("#passphrase")
        assert ("signin.aws" in said(app)) is not machine
        assert app.pane.heading() != StepPane.heading(app.pane), "there is no password to sign in with"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is (Status.DONE if machine else Status.UNCONFIRMED), "nobody saw a sign-in"
        assert finished._is_relevant(app.wizard.run, KEY) is not machine
    session.close()


async def test_a_password_that_is_left_behind_is_forgotten(tmp_path: Path, gpg: GpgHome) -> None:
    session, clipboard = begun(tmp_path, gpg), FakeClipboard()
    app = host(session, environment_of(tmp_path, gpg, clipboard=clipboard))
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        await pilot.press(*PASSPHRASE, "enter")
        await rest(pilot)
        pane = app.pane
        assert isinstance(pane, SignInPane)
        password: Secret | None = pane.password
        assert password is not None
        await pilot.press("4")
        await until(pilot, lambda: bool(clipboard.content))
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == StepKey("handoff")
        assert password.dropped
        assert clipboard.content == ""
        await app.wizard.go_to(KEY)
        await rest(pilot)
        assert is_displayed(app.pane.query_one("#passphrase"))
    session.close()
    assert PASSWORD not in written(tmp_path)


async def test_a_typed_passphrase_is_no_proof_while_gpg_has_the_right_one(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, gpg)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*PASSPHRASE, "enter")
        await rest(pilot)
        assert isinstance(app.pane, SignInPane)
        assert app.pane.password is not None
        right = app.pane.query_one("#notes").render()
        await app.wizard.go_to(KEY)
        await rest(pilot)
        await pilot.press(*"wrong", "enter")
        await rest(pilot)
        assert app.pane.password is not None
        assert app.pane.query_one("#notes").render() != right
        assert app.pane._guarded, "so it isn't said that the key may have none"
    session.close()
