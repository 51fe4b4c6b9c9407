"""The screens for MFA, access keys, profiles and the proof, driven by keys against a strict AWS."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from support.panes import SECONDS, PaneHost, new_session, rest, settle, until
from support.pgp import ENVIRONMENT, GpgHome, gpg_home
from support.served_aws import BASE, ITEM, ROLE, NewUserAws, jane, user_key
from support.terminal_picture import codes_in
from textual.events import Paste
from textual.geometry import Size
from textual.pilot import Pilot
from textual.widgets import Button, DataTable, Input, Static

from screens.new_user.access_keys import AccessKeysPane
from screens.new_user.mfa import MfaPane, QrDialog
from screens.new_user.profiles import ChangesDialog, DiffView, ProfileQuestions, ProfilesPane, _asked
from screens.new_user.verify import ProfileAnswers, VerifyPane
from screens.step import finished as end
from screens.step.asking import DeactivationDialog, PassphraseDialog
from screens.step.finished import Finished, standing
from screens.step.page import YOURS, is_displayed
from screens.widgets.checklist import Checklist
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.fields import Choices, Countdown
from screens.widgets.lists import MarkBox, MarkList
from screens.widgets.rail import MARKS, StepRail
from screens.widgets.text import ScrollBody, Text
from tui.host import vault_for
from workflows.aws.errors import AwsError, AwsFailure
from workflows.aws.verify import Hindered, Hindrance, Result
from workflows.core.secret import Credentials, Secret
from workflows.machine.declaration import Step
from workflows.machine.events import StepKey
from workflows.machine.observations import AGREES, NOT_ASKED, SAID_SO, Observation, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.profiles.record import Stale
from workflows.steps.new_user import access_keys, mfa, profiles, verify
from workflows.steps.new_user.access_keys import KEPT, Download
from workflows.steps.new_user.sign_in import Proof
from workflows.steps.shared.module import Looks, Progress
from workflows.steps.shared.own_access_key import KEYLESS, not_accepted
from workflows.stores.key_records import KEPT_WORDS, KeyRecord, KeyRecords
from workflows.stores.key_store import KEPT_IN_PGP_FILE
from workflows.stores.vault import store_access_key

START = Step(
    "start",
    "Start",
    "What came before.",
    gives=("project", "user", "fingerprint", "replaced", "handoff", "identities"),
)
SIGN_IN = Step(
    "sign-in", "Sign in", "Signing in.", needs=("handoff",), gives=("signed_in",), repeats_over="identities"
)
MODULES: list[Any] = [
    SimpleNamespace(STEP=START, observe=lambda _context: NOT_ASKED),
    SimpleNamespace(STEP=SIGN_IN, observe=lambda _context: NOT_ASKED),
    mfa,
    access_keys,
    profiles,
    verify,
]
PANES = {"mfa": MfaPane, "access-keys": AccessKeysPane, "profiles": ProfilesPane, "verify": VerifyPane}
MFA, KEYS, PROFILES = (StepKey(name, ITEM) for name in ("mfa", "access-keys", "profiles"))
VERIFY = StepKey("verify")
SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"


@pytest.fixture
def session(tmp_path: Path, new_user: NewUserAws) -> Iterator[Session]:
    made = new_session(tmp_path / "sessions", MODULES)
    begin(made, new_user)
    yield made
    made.close()


def begin(session: Session, new_user: NewUserAws) -> None:
    facts = new_user.context().facts
    names = ("project", "user", "handoff", "identities")
    fingerprint = new_user.identities[0].key_fingerprint
    settle(session, StepKey("start"), {**{name: facts[name] for name in names}, "fingerprint": fingerprint})
    settle(session, StepKey("sign-in", ITEM), {"signed_in": facts["signed_in"]})


def host(new_user: NewUserAws, session: Session, at: StepKey) -> PaneHost:
    return PaneHost(session, new_user.environment, MODULES, PANES, at)


def everything_written(folder: Path) -> str:
    return "".join(path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file())


def field(app: PaneHost, name: str) -> Input:
    return app.pane.query_one(f"#{name}", Input)


async def test_mfa_in_the_console_is_claimed_only_once_the_list_is_done(
    new_user: NewUserAws, session: Session
) -> None:
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == MFA
        for _ in range(7):  # no browser opens, so the address is copied
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
        assert not app.pane.query_one("#tasks").is_on_screen


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
        tasks = app.pane.query_one(Checklist)
        assert (tasks.ticks, tasks.worked_on) == (ticks, False)


async def test_the_first_task_that_is_not_done_has_the_focus(new_user: NewUserAws, session: Session) -> None:
    at = new_user.environment.now().isoformat()
    session.reopen(StepKey("sign-in", ITEM))
    proof = {"at": at, "since": "", "proof": Proof.CHOSEN}
    settle(session, StepKey("sign-in", ITEM), {"signed_in": proof})
    settle(session, MFA, {"mfa": {"serial": SERIAL, "how": "console", "at": at}})
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("enter", "enter")
        await rest(pilot)
        tasks = app.pane.query_one(Checklist)
        assert is_displayed(tasks)
        assert tasks.ticks == [1]
        assert app.focused in tasks.query(".-current Button")


async def test_who_is_signed_in_already_opens_no_page(new_user: NewUserAws, session: Session) -> None:
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#signed-in").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert app.pane.query_one(Checklist).ticks == [1]


async def test_profiles_for_roles_are_offered_only_where_there_are_roles(
    new_user: NewUserAws, session: Session
) -> None:
    new_user.identities = (jane(profiles=()),)
    session.reopen(StepKey("start"))
    begin(session, new_user)
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#mfa-names").display


async def test_mfa_from_here_shows_the_qr_code_whole_and_takes_two_codes(
    new_user: NewUserAws, session: Session
) -> None:
    path = new_user.csv(user_key(new_user))
    app = host(new_user, session, MFA)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#how", Choices).choose("api")
        assert app.pane.query_one("#source", Choices).value == "file"
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
        assert is_displayed(app.pane.query_one("#where"))
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, QrDialog)
        assert seed[:4] not in app.text()


async def test_a_download_is_noticed_and_imported_by_next(new_user: NewUserAws, session: Session) -> None:
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    session.observe({MFA: SAID_SO})
    key = user_key(new_user)
    new_user.aws.device()
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#kept", Choices).value == "vault"
        await pilot.press("enter", "enter")
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert not app.pane.primary().ready
        assert is_displayed(app.pane.query_one("#tasks")), "it says how to make the file"
        path = new_user.csv(key)
        pane = app.pane
        assert isinstance(pane, AccessKeysPane)
        pane.query_one("#delete-file").focus()
        pane._look_for_download()
        await rest(pilot)
        assert field(app, "path").value == "~/Downloads/jane.doe_accessKeys.csv"
        await until(pilot, lambda: app.focused is app.screen.query_one("#primary"))
        await pilot.press("enter")
        await rest(pilot)
        fact = session.facts(ITEM)["access_key"]
        assert (fact["id"], fact["kept"], fact["mfa_serial"]) == (key["AccessKeyId"], "keyring", SERIAL)
        assert not path.exists()
        assert app.wizard.current == PROFILES
        assert session.status(MFA) is Status.DONE, "AWS has said by now that it has the device"
        assert pane.parting, "what came of it is shown on the next page"
        await pilot.press("escape")
        await rest(pilot)
        app.pane.scroll_home(animate=False)
        await pilot.pause()
        assert f"✓ {key['AccessKeyId']} " in app.text()
        assert not app.pane.changed()
    assert key["SecretAccessKey"] not in everything_written(session.folder)


@asynccontextmanager
async def key_page(new_user: NewUserAws, session: Session) -> AsyncIterator[tuple[PaneHost, Pilot[Any]]]:
    """Access keys at rest, after a device was set up in the console."""
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        yield app, pilot


async def test_the_second_of_two_active_keys_is_deactivated_once_that_is_confirmed(
    new_user: NewUserAws, session: Session
) -> None:
    path = new_user.csv(user_key(new_user))
    administrator = new_user.aws.administrator("iam")
    spare = administrator.create_access_key(UserName="jane.doe")["AccessKey"]["AccessKeyId"]
    _, seed = new_user.aws.device()

    def active() -> bool:
        keys = administrator.list_access_keys(UserName="jane.doe")["AccessKeyMetadata"]
        return next(key["Status"] for key in keys if key["AccessKeyId"] == spare) == "Active"

    async with key_page(new_user, session) as (app, pilot):
        await pilot.press("enter", "down", "down", "enter")
        field(app, "path").value = str(path)
        field(app, "code").value = new_user.code(seed, 1)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert app.focused is app.screen.query_one("#close"), "what is likely is to leave it"
        await pilot.press("escape")
        await rest(pilot)
        assert session.status(KEYS) is Status.FAILED
        assert active()
        new_user.aws.ahead += 30
        with new_user.aws.later(0):
            field(app, "code").value = new_user.code(seed, 1)
            await pilot.press("ctrl+n")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("left", "enter")
            await until(pilot, lambda: isinstance(app.screen, DeactivationDialog))
            await pilot.press(*"000000", "enter")
            await until(pilot, lambda: bool(str(app.screen.query_one("#wrong", Text).content)))
            assert active()
            new_user.aws.ahead += 30
            await pilot.press(*new_user.code(seed, 1), "enter")
            await until(pilot, lambda: not active())
            await until(pilot, lambda: any(note.display for note in app.pane.query(".pane-note")))
            assert field(app, "code").value == ""
    assert len(new_user.keys()) == 2, "it is deleted when nothing misses it"


async def test_next_answers_the_question_where_another_key_is_wanted(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#again", Button).press()
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == KEYS
        assert app.focused is app.pane.query_one("#how")


async def test_a_newer_download_waits_until_the_shown_one_is_imported(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    new_user.csv(key)
    async with key_page(new_user, session) as (app, pilot):
        pane = app.pane
        assert isinstance(pane, AccessKeysPane)
        pane._look_for_download()
        await until(pilot, lambda: bool(field(app, "path").value))
        shown, over = field(app, "path").value, Event()
        pane.run_move("slow", lambda _report: over.wait(SECONDS))
        newer = Download(new_user.csv(key, "newer_accessKeys.csv"), 1)  # the page finds it by itself, too
        pane.call_later(pane.notice, (newer,))
        await pilot.pause()
        assert field(app, "path").value == shown
        over.set()
        await rest(pilot)
        pane.call_later(pane.notice, (newer,))
        await pilot.pause()
        assert field(app, "path").value.endswith(newer.path.name)


async def test_a_download_that_cannot_be_used_is_named_while_another_is_awaited(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    path = new_user.csv(key)
    path.write_bytes(b"\x00\xff\xfe\x80" * 100)
    async with key_page(new_user, session) as (app, pilot):
        await pilot.press("enter", "enter")
        await rest(pilot)
        pane = app.pane
        assert isinstance(pane, AccessKeysPane)
        columns = {pane.query_one(f"#change-{question}").region.x for question in ("kept", "how")}
        assert len(columns) == 1, "they stand below each other"
        pane._look_for_download()
        shown = pane.query_one("#unusable", Text)
        await until(pilot, lambda: path.name in str(shown.render()))
        assert field(app, "path").value == ""
        assert not pane.primary().ready
        new_user.csv(key, path.name)
        pane._look_for_download()
        await until(pilot, lambda: field(app, "path").value.endswith(path.name))


async def test_what_came_of_a_replaced_key_is_shown_whole_on_the_next_page_and_hides_nothing(
    new_user: NewUserAws, session: Session
) -> None:
    new_user.identities = (jane(account_alias="bb-security"),)
    old = user_key(new_user)
    request = access_keys.Request("vault", "console", path=str(new_user.csv(old)))
    access_keys.perform(request, new_user.context(mfa={"serial": None}), new_user.report)
    new = new_user.aws.administrator("iam").create_access_key(UserName="jane.doe")["AccessKey"]
    async with key_page(new_user, session) as (app, pilot):
        page = app.pane
        page.query_one("#how", Choices).choose("console")
        await pilot.press("enter")
        field(app, "path").value = str(new_user.csv(new))
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == PROFILES
        assert old["AccessKeyId"] in page.parting
        app.wizard.show_result(page.parting, "")
        await rest(pilot)
        result = app.wizard.query_one("#result", Text)
        assert " ".join(page.parting.split()) in " ".join(app.text().split())
        assert app.pane.query_one("#changes").region.bottom <= result.region.y


async def test_the_folder_that_the_file_belongs_in_is_named_whole(
    new_user: NewUserAws, session: Session, tmp_path: Path
) -> None:
    folder = tmp_path / "a-long-name-of-a-folder" / "and-another-one-below-that-one" / "downloads"
    new_user.environment = replace(new_user.environment, downloads=folder)
    async with key_page(new_user, session) as (app, pilot):
        await pilot.press("enter", "enter")
        await rest(pilot)
        pane = app.pane
        assert isinstance(pane, AccessKeysPane)
        pane._look_for_download()
        await rest(pilot)
        lines = str(pane.query_one("#noticed", Text).render()).split()
        assert new_user.environment.readable(folder) in "".join(lines)


async def test_escape_asks_again_for_one_answer_at_a_time(new_user: NewUserAws, session: Session) -> None:
    async with key_page(new_user, session) as (app, pilot):
        await pilot.press("enter", "enter")
        await rest(pilot)
        assert is_displayed(app.pane.query_one("#tasks"))
        for question in ("#how", "#kept"):
            await pilot.press("escape")
            await rest(pilot)
            assert app.focused is app.pane.query_one(question)
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == MFA


async def test_to_answer_in_a_skipped_step_is_to_do_it_after_all(
    new_user: NewUserAws, session: Session
) -> None:
    settle(session, MFA, {"mfa": {"serial": None, "how": "console", "at": "2026-03-01T10:00:00+00:00"}})
    session.skip(KEYS)
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.wizard._left_alone
        await pilot.press("enter")
        await rest(pilot)
        assert not app.wizard._left_alone


async def test_the_file_of_a_foreign_key_is_not_offered_again_and_its_steps_are_not_done(
    new_user: NewUserAws, session: Session
) -> None:
    user_key(new_user)
    path = new_user.csv(user_key(new_user, "juan.delacruz"))
    async with key_page(new_user, session) as (app, pilot):
        await until(pilot, lambda: bool(field(app, "path").value))
        await pilot.press("enter", "enter", "ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        await pilot.press("escape")
        for again in (False, True):
            if again:
                await app.wizard.go_to(MFA)
                await rest(pilot)
                await app.wizard.go_to(KEYS)
                await rest(pilot)
            pane = app.pane
            assert isinstance(pane, AccessKeysPane)
            pane._look_for_download()
            await rest(pilot)
            assert field(app, "path").value == ""
            assert pane.query_one(Checklist).ticks == []
    assert path.exists()


async def test_a_download_that_is_here_already_is_imported_by_what_has_the_focus(
    new_user: NewUserAws, session: Session
) -> None:
    new_user.csv(user_key(new_user))
    async with key_page(new_user, session) as (app, pilot):
        await until(pilot, lambda: bool(field(app, "path").value))
        await pilot.press("enter", "enter")
        await rest(pilot)
        assert app.focused is app.screen.query_one("#primary")


async def test_a_key_that_is_kept_already_is_used_without_the_file_it_came_from(
    new_user: NewUserAws, session: Session
) -> None:
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    key = user_key(new_user)
    request = access_keys.Request("vault", "console", path=str(new_user.csv(key)))
    # done, and ended before the journal had it
    access_keys.perform(request, new_user.context(mfa={"serial": None}), new_user.report)
    other = {"AccessKeyId": "AKIAOTHERACCOUNT0001", "SecretAccessKey": "s" * 40}
    of_another_account = new_user.csv(other)
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.focused is app.wizard.query_one("#primary"), "nothing is left to be asked"
        await pilot.press("enter")
        await rest(pilot)
        fact = session.facts(ITEM)["access_key"]
        assert (fact["id"], fact["kept"], fact["how"]) == (key["AccessKeyId"], "keyring", "kept")
        assert app.wizard.current == PROFILES
    assert of_another_account.exists()


async def test_the_file_of_a_kept_key_that_is_still_there_is_imported_and_deleted(
    new_user: NewUserAws, session: Session
) -> None:
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    key = user_key(new_user)
    path = new_user.csv(key)
    request = access_keys.Request("vault", "console", path=str(path), delete_file=False)
    access_keys.perform(request, new_user.context(mfa={"serial": None}), new_user.report)
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await until(pilot, lambda: bool(field(app, "path").value))
        await pilot.press("enter", "enter", "ctrl+n")
        await rest(pilot)
        assert session.facts(ITEM)["access_key"]["how"] == "console"
    assert not path.exists()


async def test_what_a_rejected_file_is_asked_about_stays_in_view(
    new_user: NewUserAws, session: Session
) -> None:
    async with key_page(new_user, session) as (app, pilot):
        await pilot.press("enter", "enter")
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert not app.pane.problems
        assert field(app, "path").has_focus
        field(app, "path").value = "~/nowhere/accessKeys.csv"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["path"]
        assert app.pane.region.contains_region(app.pane.query_one("#delete-file").region)
        field(app, "path").value = "~/Downloads"
        await pilot.pause()
        assert app.pane.query_one("#tasks").display
        arrived, pane = Download(new_user.csv(user_key(new_user)), 1), app.pane
        assert isinstance(pane, AccessKeysPane)
        assert pane._looking is not None
        pane._looking.stop()
        for refused in (False, True):
            if refused:
                await pilot.press("ctrl+n")
                await rest(pilot)
                assert pane.problems
            pane.notice((arrived,))
            await pilot.pause()
            assert field(app, "path").value.endswith(arrived.path.name) is refused
        assert not pane.problems


async def test_a_typed_key_is_masked_and_a_wrong_one_is_told(new_user: NewUserAws, session: Session) -> None:
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    key = user_key(new_user)
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        await pilot.press("enter", "down", "enter")
        field(app, "key-id").value = key["AccessKeyId"]
        field(app, "secret").value = key["SecretAccessKey"]
        await rest(pilot)
        assert key["SecretAccessKey"] not in app.text()
        field(app, "secret").value = "short"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["secret"]
        field(app, "secret").value = "x" * 40
        await pilot.press("ctrl+n")
        await rest(pilot)
        await until(pilot, lambda: app.focused is field(app, "secret"))
        assert app.screen is app.wizard, "no dialog"
        assert field(app, "secret").value == ""
        field(app, "secret").value = key["SecretAccessKey"]
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.facts(ITEM)["access_key"]["how"] == "typed"
    assert key["SecretAccessKey"] not in everything_written(session.folder)


async def test_a_secret_that_is_pasted_in_the_place_of_the_id_is_neither_shown_nor_kept(
    new_user: NewUserAws, session: Session
) -> None:
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    key = user_key(new_user)
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        await pilot.press("enter", "down", "enter")
        field(app, "key-id").focus()
        await pilot.pause()
        app.screen.post_message(Paste(key["SecretAccessKey"]))
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["key_id"]
        assert field(app, "key-id").value == ""
        await pilot.press(*key["SecretAccessKey"])  # as a terminal without bracketed paste sends it
        await rest(pilot)
        assert key["SecretAccessKey"] not in app.text()
        assert app.pane.draft()["key_id"] == ""
        field(app, "key-id").value = ""
        app.screen.post_message(Paste(f" {key['AccessKeyId']}\n"))
        await rest(pilot)
        assert app.pane.draft()["key_id"] == key["AccessKeyId"]
    assert key["SecretAccessKey"] not in everything_written(session.folder)


def kept(
    new_user: NewUserAws,
    session: Session,
    key: Mapping[str, Any],
    kind: str = "keyring",
    device: Mapping[str, Any] = MappingProxyType({"serial": None, "how": "console"}),
    serial: str | None = SERIAL,
) -> None:
    """MFA and access keys are done, and the key is in the vault."""
    settle(session, MFA, {"mfa": dict(device)})
    vault = new_user.environment.vault(new_user.identities[0].key_fingerprint).vault
    kept_key = Credentials(key["AccessKeyId"], Secret(key["SecretAccessKey"]))
    store_access_key(vault, "bb", BASE, kept_key)
    fact = {"id": key["AccessKeyId"], "kept": kind, "how": "console", "mfa_serial": serial, "told": []}
    settle(session, KEYS, {"access_key": fact})


async def test_profiles_are_shown_as_a_difference_and_then_written(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    config = new_user.environment.home / ".aws" / "bb" / "config"
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert field(app, "mfa-serial").value == SERIAL
        app.pane.query_one("#changes").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert f"+[profile {BASE}]" in app.text()
        view = app.screen.query_one(DiffView)
        rows = str(view.content).splitlines()
        assert all(row[:1] in {"+", "-", "@", " "} for row in rows), "each keeps its mark"
        assert max(map(len, rows)) <= view.content_size.width, "nothing is cut off"
        await pilot.press("escape")
        assert not config.exists()
        field(app, "region").value = "nowhere-1"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["region"]
        field(app, "region").value = "eu-central-1"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.facts(ITEM)["profiles"]["names"] == [BASE, ROLE]
        assert "region = eu-central-1\n" in config.read_text()
        assert app.wizard.current == VERIFY
        await pilot.press("escape")
        await rest(pilot)
        assert app.focused is app.wizard.query_one("#primary"), "a key pressed by habit changes no field"
        assert not app.pane.changed()


async def test_a_field_is_fixed_as_soon_as_its_text_is_whatever_a_look_at_the_earlier_text_says(
    new_user: NewUserAws, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(new_user, session, user_key(new_user))
    may_look, survey = Event(), profiles.survey

    def held(*request: Any) -> profiles.Preview:
        assert may_look.wait(SECONDS)
        return survey(*request)

    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        good = field(app, "region").value
        await pilot.press("end", "x", "tab")
        await rest(pilot)
        assert (app.pane.primary().ready, bool(app.pane.problems)) == (False, True)
        pane, ready = app.pane, list[bool]()
        assert isinstance(pane, ProfilesPane)
        show = pane._show

        def noted(found: profiles.Preview) -> None:
            show(found)
            ready.append(pane.primary().ready)

        monkeypatch.setattr(pane, "_show", noted)
        monkeypatch.setattr(profiles, "survey", held)
        field(app, "region").value = f"{good}xx"
        pane._preview()  # as on leaving the field
        field(app, "region").value = good
        await pilot.pause()
        assert pane.primary().ready
        may_look.set()
        await until(pilot, lambda: len(ready) > 1)
        assert all(ready)
        assert not pane.problems
        await rest(pilot)


async def test_keys_scroll_changes_that_are_longer_than_the_terminal(
    new_user: NewUserAws, session: Session
) -> None:
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.push_screen(ChangesDialog("+x = y\n" * 99))
        await rest(pilot)
        await pilot.press("end")
        await until(pilot, lambda: app.screen.query_one(ScrollBody).scroll_y > 0)


async def test_on_a_tall_page_the_rows_of_a_long_line_each_have_its_mark(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 50)) as pilot:
        await rest(pilot)
        view = app.pane.query_one(DiffView)
        view.show(f"@@ -0,0 +1 @@\n+{'a long line ' * 20}\n+{'日' * 99}\n-x\n")
        await pilot.pause()
        region = view.content_region
        rows = [strip.text[region.x :][: region.width] for strip in app.screen._compositor.render_strips()]
        marks = "".join(row[0] for row in rows[region.y : region.bottom]).rstrip()
        assert re.fullmatch(r"@\+{5,}-", marks), marks
        assert "".join(rows).count("日") == 99


async def test_a_serial_number_that_its_field_cuts_off_is_shown_whole_below(
    new_user: NewUserAws, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(new_user, session, user_key(new_user))
    long = f"arn:aws:iam::222222222222:mfa/{'maximiliane.' * 4}hohenstein"
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        below = app.pane.query_one("#whole-serial", Static)
        field(app, "mfa-serial").value = long
        await rest(pilot)
        assert below.display
        assert long in "".join(line.strip() for line in app.text().splitlines())
        field(app, "mfa-serial").value = "GAHT12345678"
        await rest(pilot)
        assert not below.display
        with monkeypatch.context() as unsized:
            unsized.setattr(type(field(app, "mfa-serial")), "content_size", Size(0, 0))
            field(app, "mfa-serial").value = SERIAL
            await pilot.pause()
            assert not below.display, "the field is about to get its size"


async def test_a_rejected_file_is_told_with_its_line_and_the_step_stays(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    folder = new_user.environment.home / ".aws" / "bb"
    folder.mkdir(parents=True)
    (folder / "config").write_text("[profile a]\n[profile a]\n")
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "line 2" in app.text()
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == PROFILES


async def test_a_profile_changed_by_hand_is_asked_about_before_it_is_written_over(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    written(new_user, session)
    config = new_user.environment.home / ".aws" / "bb" / "config"
    head, section = config.read_text().split(f"[profile {ROLE}]")
    by_hand = f"{head}[profile {ROLE}]{section.replace('us-east-1', 'eu-west-1')}"
    config.write_text(by_hand)
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        boxes = app.pane.query_one("#boxes", MarkList)
        assert f"Overwrite {ROLE}" in app.text()
        boxes.focus()
        await pilot.pause()
        shown = " ".join(app.text().replace("│", " ").split())
        assert re.search(rf"{ROLE} .* eu-west-1 → us-east-1", shown)
        field(app, "mfa-serial").value = SERIAL.replace("jane.doe", "phone")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.warned
        assert config.read_text() == by_hand
        boxes.focus()
        await pilot.press("a")
        await rest(pilot)
        assert app.pane.request().overwrite == (ROLE,)  # type: ignore[attr-defined]
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert "eu-west-1" not in config.read_text()
        assert app.wizard.current == VERIFY


async def test_what_is_removed_is_counted_on_the_button_and_named_afterwards(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#mfa-names", MarkBox).value = True
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        await app.wizard.go_to(PROFILES)
        await rest(pilot)
        app.pane.query_one("#mfa-names", MarkBox).value = False
        await rest(pilot)
        app.pane.query_one("#boxes", MarkList).focus()
        await pilot.press("a")
        await rest(pilot)
        assert re.findall(r"\d+", app.pane.primary().effect) == ["1"], "nothing is written"
        field(app, "region").focus()
        field(app, "region").value = "eu-central-1"
        await rest(pilot)
        assert re.findall(r"\d+", app.pane.primary().effect) == ["1"], "how many isn't known yet"
        app.pane.query_one("#mfa-serial").focus()
        await rest(pilot)
        assert re.findall(r"\d+", app.pane.primary().effect) == ["2", "1"]
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert f"{ROLE}-mfa" in session.facts(ITEM)["profiles"]["told"][1]


async def test_profiles_that_are_no_longer_wanted_go_unless_they_are_deselected(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#mfa-names", MarkBox).value = True
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        session.reopen(PROFILES)
        await app.wizard.go_to(PROFILES)
        await rest(pilot)
        app.pane.query_one("#mfa-names", MarkBox).value = False
        await rest(pilot)
        assert app.pane.request().prune == (f"{ROLE}-mfa",)  # type: ignore[attr-defined]
        app.pane.query_one("#boxes", MarkList).focus()
        await pilot.press("space")
        await rest(pilot)
        for step in (VERIFY, PROFILES):
            await app.wizard.go_to(step)
            await rest(pilot)
        assert app.pane.query_one("#boxes", MarkList).option_count == 1
        assert app.pane.request().prune == ()  # type: ignore[attr-defined]


async def test_only_what_was_entered_is_kept(new_user: NewUserAws, session: Session) -> None:
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.draft()
        field(app, "region").value = "eu-central-1"
        assert app.pane.draft() == {"region": "eu-central-1"}
        await app.wizard.go_to(MFA)
        await app.wizard.go_to(PROFILES)
        await rest(pilot)
        field(app, "region").value = "us-east-1"
        assert app.pane.draft(), "it replaces what was kept"


async def test_one_scrollbar_serves_a_page_with_many_profiles_to_remove(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        stale = tuple(Stale(f"gone-{number}", "arn", changed_by_hand=False) for number in range(30))
        app.pane.query_one(ProfileQuestions).show(profiles.Preview("", (BASE,), (), stale=stale))
        boxes = app.pane.query_one("#boxes", MarkList)
        boxes.focus()
        await rest(pilot)
        for _ in stale:
            await pilot.press("down")
            await rest(pilot)
            line = boxes.region.y + (boxes.highlighted or 0)
            assert app.pane.region.y <= line < app.pane.region.bottom
        assert not boxes.vertical_scrollbar.display


def test_why_a_profile_goes_is_said_and_a_twin_goes_for_another_reason_than_its_role() -> None:
    wish, twin = profiles.Preview("", (BASE, ROLE), ()), Stale(f"{ROLE}-mfa", "arn", changed_by_hand=False)
    assert _asked(twin, wish) != _asked(twin, replace(wish, names=(BASE,)))


def written(new_user: NewUserAws, session: Session) -> None:
    facts = dict(session.facts(ITEM))
    context = new_user.context({"fingerprint": facts["fingerprint"]}, access_key=facts["access_key"])
    settle(session, PROFILES, profiles.perform(profiles.proposal(context), context, new_user.report))


@pytest.mark.parametrize("rejected", [False, True])
async def test_profiles_that_aws_rejected_are_not_called_fine(
    new_user: NewUserAws, session: Session, *, rejected: bool
) -> None:
    kept(new_user, session, user_key(new_user))
    written(new_user, session)
    settle(session, VERIFY, {"verified": {"results": [{"profile": ROLE, "for_admin": rejected}]}})
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        remarks = str(app.pane.query_one("#remarks", Text).content)
        assert (remarks.count(ROLE), "✓" in remarks) == (2 if rejected else 1, not rejected)


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


async def test_every_profile_answers_and_the_lines_are_copied(new_user: NewUserAws, session: Session) -> None:
    key = user_key(new_user)
    _, seed = new_user.aws.device()
    kept(new_user, session, key)
    written(new_user, session)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        assert app.pane.query(Countdown)
        await pilot.press("1", "2", "ctrl+n")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["code-security"]
        field(app, "code-security").value = new_user.code(seed, 1)
        await pilot.press("ctrl+n")
        await rest(pilot)
        table = app.pane.query_one("#table", DataTable)
        assert [str(table.get_row(name)[0]) for name in (BASE, ROLE)] == ["✓", "✓"]
        assert "2 of 2" in app.text()
        app.pane.query_one("#copy-lines").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert f"export AWS_PROFILE={ROLE}\n" in new_user.environment.clipboard.content  # type: ignore[attr-defined]
        table.focus()
        await pilot.press("down")
        app.pane.query_one("#copy-switch").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert "switchrole?account=333333333333" in new_user.environment.clipboard.content  # type: ignore[attr-defined]
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(VERIFY) is Status.DONE
        assert app.wizard.current is None
        assert app.wizard.query("#works"), "the end says how many profiles work"
        await app.wizard.go_to(PROFILES)
        session.observe({PROFILES: SAID_SO, VERIFY: NOT_ASKED})
        await app.wizard.go_to(None)
        await rest(pilot)
        finished = app.wizard.query_one(Finished)
        told = [text for text in finished.query(Text) if str(text.content).startswith("? ")]
        assert len(told) == 3, "the headline, what is done on their word, and what AWS wasn't asked"
        assert any("keyring" in str(text.content) for text in finished.query(Text))
        await pilot.press("o")
        await rest(pilot)
        assert app.wizard.current == PROFILES, "the first that is done on their word"
        session.reopen(MFA)
        session.skip(MFA)
        await app.wizard.go_to(None)
        await rest(pilot)
        assert "✓ registered" in app.text(), "AWS named the device, though the step was skipped"


async def test_the_end_marks_profiles_without_a_key_and_those_that_fail_as_not_done(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    written(new_user, session)
    settle(
        session, VERIFY, {"verified": {"results": [{"profile": BASE, "arn": None, "problem": "It fails."}]}}
    )
    session.observe({VERIFY: verify.observe(new_user.context(verified=session.facts()["verified"]))})
    assert session.status(VERIFY) is Status.UNCONFIRMED
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.wizard.go_to(None)
        await rest(pilot)
        assert app.wizard.query_one(".finished-title").has_class("-unsure")
        assert standing(app.wizard.run, PROFILES) is Status.DONE
        session.reopen(KEYS)
        facts = {"profiles": session.facts(ITEM)["profiles"]}
        session.skip(KEYS)
        settle(session, PROFILES, facts)
        await app.wizard.go_to(None)
        await rest(pilot)
        assert standing(app.wizard.run, PROFILES) is Status.UNCONFIRMED
        listed = app.wizard.query_one(StepRail).get_option(str(PROFILES)).prompt
        assert MARKS[Status.UNCONFIRMED] in str(listed), "the list claims no more than the end"


async def test_the_page_and_the_end_name_an_old_key_that_is_still_active(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    _, seed = new_user.aws.device()
    kept(new_user, session, key)
    made = access_keys.Request("vault", "api", code=new_user.code(seed, 1))
    context = new_user.context({"fingerprint": session.facts()["fingerprint"]})
    facts = access_keys.perform(made, context, new_user.report)
    session.reopen(KEYS)
    settle(session, KEYS, facts)
    written(new_user, session)
    session.skip(VERIFY)
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        for where in (KEYS, None):
            await app.wizard.go_to(where)
            await rest(pilot)
            text = " ".join(app.text().split())
            assert f"{key['AccessKeyId']} " in text.replace(",", "")
            assert f"Deactivate {'it' if where else key['AccessKeyId']}" in text


async def test_the_end_names_a_downloaded_file_for_as_long_as_it_has_the_key(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    kept(new_user, session, key)
    path = new_user.csv(key)
    session.amend(KEYS, lambda facts: {"access_key": {**facts["access_key"], "file": str(path)}})
    session.skip(PROFILES)
    session.skip(VERIFY)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 40)) as pilot:
        for there in (True, False):
            if not there:
                path.unlink()
            await app.wizard.go_to(None)
            await rest(pilot)
            named = [line.split() for line in app.text().splitlines() if path.name in line]
            assert named == ([["Download", f"~/Downloads/{path.name}"]] if there else []), "on one line"


async def test_the_end_offers_no_look_at_a_key_that_was_left_where_it_is(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    session.skip(PROFILES)
    session.skip(VERIFY)
    words = "Only your earlier PGP key opens its file."
    left = Observation(Verdict.CHANGED, words, ("earlier",), continuing="It stays there.")
    session.observe({KEYS: left})
    session.acknowledge(KEYS, session.state.observed[KEYS])
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        for confirmed in (False, True):
            if confirmed:  # as Verify reports
                app.wizard.run.save_answer(app.wizard.run.question(KEYS), AGREES)
            await app.wizard.go_to(None)
            await rest(pilot)
            lines = [str(text.content) for text in app.wizard.query_one(Finished).query(Text)]
            assert [words in line for line in lines if words in line or line.startswith("? Acc")] == [True]
            assert standing(app.wizard.run, KEYS) is (Status.DONE if confirmed else Status.UNCONFIRMED)
            assert not app.wizard.query("#look")


async def test_the_end_says_that_a_password_for_the_new_pgp_key_is_still_to_come(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    session.skip(PROFILES)
    session.skip(VERIFY)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(100, 30)) as pilot:
        await app.wizard.go_to(None)
        await rest(pilot)
        assert not app.wizard.query("#not-done")
        session.reopen(StepKey("start"))
        replaced = [new_user.identities[0].key_fingerprint]
        settle(session, StepKey("start"), {**session.facts(), "replaced": replaced})
        await app.wizard.go_to(None)
        await rest(pilot)
        assert ITEM in str(app.wizard.query_one(".finished-title", Text).content)
        assert ITEM in str(app.wizard.query_one("#not-done", Text).content)


async def test_a_key_that_verify_finds_inactive_is_a_contradiction_of_its_own_step(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    kept(new_user, session, key, "pgp-file")  # nothing looks at it by itself
    written(new_user, session)
    iam = new_user.aws.administrator("iam")
    iam.update_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert session.status(KEYS) is Status.DONE
        await pilot.press(*"000000", "ctrl+n")
        await rest(pilot)
        assert session.status(KEYS) is Status.CONTRADICTED
        assert app.wizard.current == VERIFY
        assert not is_displayed(app.pane.query_one("#code-security")), "no code helps"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == KEYS


@pytest.mark.parametrize(("done", "at"), [(False, KEYS), (True, VERIFY)])
async def test_what_verify_showed_no_longer_counts_once_aws_rejects_the_key(
    new_user: NewUserAws, session: Session, at: StepKey, *, done: bool
) -> None:
    key = user_key(new_user)
    _, seed = new_user.aws.device()
    kept(new_user, session, key, "pgp-file")
    written(new_user, session)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await rest(pilot)

        if done:
            await pilot.press("ctrl+n")
            await rest(pilot)
            await app.wizard.go_to(VERIFY)
            await rest(pilot)

        def marks() -> set[object]:
            tables = app.wizard.query(ProfileAnswers)
            return {mark.plain for table in tables for mark in table.get_column("mark")}

        assert marks() == {"✓"}
        answer = not_accepted(key["AccessKeyId"])
        await app.wizard._learn(app.wizard.run.question(KEYS), answer)
        await rest(pilot)
        assert session.status(KEYS) is Status.CONTRADICTED
        assert app.wizard.current == at
        assert "✓" not in marks()


async def test_a_device_that_only_the_person_spoke_of_is_confirmed_by_verify(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    _, seed = new_user.aws.device()
    kept(new_user, session, key, "pgp-file")  # nothing looks with it by itself
    written(new_user, session)
    session.observe({MFA: SAID_SO})
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert session.status(MFA) is Status.UNCONFIRMED
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await rest(pilot)
        assert session.status(MFA) is Status.DONE


async def test_a_device_that_verify_does_not_find_is_a_contradiction_of_its_own_step(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user), "pgp-file")  # nothing looks with it by itself
    written(new_user, session)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert session.status(MFA) is Status.DONE
        await pilot.press(*"000000", "ctrl+n")
        await rest(pilot)
        assert session.status(MFA) is Status.CONTRADICTED
        assert app.wizard.current == VERIFY
        assert app.wizard._turn() == YOURS, "to go there, not to enter a code"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == MFA


@pytest.mark.parametrize("question", [1, 3], ids=["nothing answered", "a way answered before"])
async def test_the_form_comes_once_it_is_answered_how_to_continue(
    new_user: NewUserAws, session: Session, question: int
) -> None:
    kept(new_user, session, user_key(new_user))
    gone = Observation(Verdict.GONE, "It is gone.", ("key",), continuing="It stays.")
    session.observe({KEYS: gone})
    session.drafts.save(KEYS, {"question": question, "how": "typed"})
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not [
            widget
            for widget in app.pane.query(".asks-kept, .asks-how, .answer, .way")
            if is_displayed(widget)
        ]
        assert app.focused is app.screen.query_one("#primary")
        await pilot.press("enter", "r")
        await rest(pilot)
        assert is_displayed(app.pane.query_one(".asks-kept" if question == 1 else "#way-typed"))


async def test_what_the_files_lack_is_written_by_next_though_nothing_was_entered(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    context = new_user.context(access_key=session.facts(ITEM)["access_key"])
    without = replace(profiles.proposal(context), mfa_serial="")
    settle(session, PROFILES, profiles.perform(without, context, new_user.report))
    config = new_user.environment.home / ".aws" / "bb" / "config"
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.changed()
        assert not app.pane.draft()
        await pilot.press("ctrl+n")
        await rest(pilot)
    assert SERIAL in config.read_text()


@pytest.mark.parametrize("typed", ["", "arn:aws:iam::222222222222:mfa/typed"])
async def test_a_device_that_is_known_by_now_takes_the_place_of_a_proposal_and_not_of_what_was_typed(
    new_user: NewUserAws, session: Session, typed: str
) -> None:
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    session.skip(KEYS)
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        proposed = field(app, "mfa-serial").value
        field(app, "mfa-serial").value = typed or proposed
        await pilot.press("escape")
        await rest(pilot)
        session.reopen(KEYS)
        fact = {"id": "AKIA" + "B" * 16, "kept": "keyring", "mfa_serial": f"{SERIAL}2", "told": []}
        settle(session, KEYS, {"access_key": fact})
        await app.wizard.go_to(PROFILES)
        await rest(pilot)
        assert field(app, "mfa-serial").value == (typed or f"{SERIAL}2") != proposed


async def test_a_device_that_was_typed_is_still_there_when_the_page_is_opened_again(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for typed in ("jane.phone", f"{SERIAL}2"):
            field(app, "mfa-serial").value = typed
            app.pane._preview()
            await rest(pilot)
            assert app.pane.primary().ready is (typed != "jane.phone"), "a name is no ARN"
        await pilot.press("ctrl+n")
        await rest(pilot)
        await app.wizard.go_to(PROFILES)
        await rest(pilot)
        assert field(app, "mfa-serial").value == f"{SERIAL}2"
        assert not app.pane.changed()
        there = app.pane.primary().effect
        field(app, "mfa-serial").value = SERIAL
        await pilot.pause()
        assert app.pane.primary().effect != there, "it isn't in the files, although nothing has looked yet"
        assert app.pane.changed()


async def test_from_a_device_that_aws_does_not_know_next_leads_to_the_profiles_that_name_it_and_back(
    new_user: NewUserAws, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(new_user, session, user_key(new_user))
    context = new_user.context(access_key=session.facts(ITEM)["access_key"])
    settle(session, PROFILES, profiles.perform(profiles.proposal(context), context, new_user.report))
    unknown = AwsError(AwsFailure.MFA_DEVICE, "AccessDenied", doing="assuming the role", detail="")
    answers = (Result(BASE, SERIAL, ""), Result.failed(ROLE, unknown))
    monkeypatch.setattr(verify, "verify", lambda *_given, **_named: answers)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for code in app.pane.query("CodeField Input").results(Input):
            code.value = "123456"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.primary().ready
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == PROFILES
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == VERIFY


async def test_a_device_registered_after_the_profiles_is_found_by_verify_which_leads_to_profiles(
    new_user: NewUserAws, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(new_user, session, user_key(new_user), "pgp-file", serial=None)  # nothing looks by itself
    written(new_user, session)
    new_user.aws.device()
    denied = Hindered(Hindrance.NO_DEVICE, "AWS doesn't let you assume the role.")

    def deny(*_given: object, report: Callable[[Result], None], **_named: object) -> None:
        report(Result(BASE, "arn:aws:iam::222222222222:user/jane.doe"))
        report(Result.failed(ROLE, denied))

    monkeypatch.setattr(verify, "verify_profiles", deny)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert session.status(PROFILES) is Status.DONE
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(PROFILES) is Status.CONTRADICTED
        assert app.pane.primary().ready
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == PROFILES
        assert field(app, "mfa-serial").value == SERIAL


@pytest.mark.parametrize("serial", [SERIAL, f"{SERIAL}2"])
async def test_profiles_that_the_files_have_are_not_called_out_of_date(
    new_user: NewUserAws, session: Session, serial: str
) -> None:
    kept(new_user, session, user_key(new_user))
    key: Any = session.facts(ITEM)["access_key"]
    context = new_user.context(access_key=key)
    settle(session, PROFILES, profiles.perform(profiles.proposal(context), context, new_user.report))
    session.reopen(KEYS)
    settle(session, KEYS, {"access_key": {**key, "mfa_serial": serial, "id": "AKIAIOSFODNN7EXAMPLE"}})
    assert session.status(PROFILES) is Status.STALE
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one(".pane-note").display is (serial != SERIAL)


async def test_a_wrong_region_is_told_once_at_its_field(new_user: NewUserAws, session: Session) -> None:
    kept(new_user, session, user_key(new_user))
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        field(app, "region").value = "mars-1"
        await pilot.press("enter")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["region"]
        assert not app.pane.primary().ready
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.text().count("mars-1") == 2, "in the field and below it"


async def test_answers_are_kept_for_as_long_as_the_files_stay_as_they_are(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    _, seed = new_user.aws.device()
    kept(new_user, session, key)
    written(new_user, session)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await rest(pilot)
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == PROFILES
        await app.wizard.go_to(VERIFY)
        await rest(pilot)
        pane = app.pane
        assert isinstance(pane, VerifyPane)
        assert [bool(result.problem) for result in pane.request().results] == [False, False]
        assert pane.has_class("-settled")
        config = new_user.environment.home / ".aws" / "bb" / "config"
        config.write_text(config.read_text() + "\n")
        await app.wizard.go_to(PROFILES)
        await app.wizard.go_to(VERIFY)
        await rest(pilot)
        assert not app.pane.request().results  # type: ignore[attr-defined]


async def test_what_does_not_work_is_explained_and_can_be_accepted(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    new_user.aws.device()
    kept(new_user, session, key)
    written(new_user, session)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        await pilot.press(*"000000", "ctrl+n")
        await rest(pilot)
        assert "1 of 2" in app.text()
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(VERIFY) is Status.READY
        app.pane.query_one("#finish", Button).press()
        await rest(pilot)
        assert session.status(VERIFY) is Status.UNCONFIRMED
        results = session.facts()["verified"]["results"]
        assert [bool(result["problem"]) for result in results] == [False, True]
        await app.wizard.go_to(PROFILES)
        await app.wizard.go_to(VERIFY)
        await rest(pilot)
        assert app.pane.query_one("#answer").size.height <= 4, "Enter on a line shows the whole"


@pytest.fixture
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        yield home


def with_pgp_files(new_user: NewUserAws, gpg: GpgHome, fingerprint: str, tmp_path: Path) -> Session:
    """A session of a person without a keyring, whose password is encrypted to this key."""
    vault = partial(
        vault_for, folder=tmp_path / "vault", gnupg_home=gpg.path, environment=ENVIRONMENT, with_keyring=False
    )
    new_user.environment = replace(new_user.environment, gnupg_home=gpg.path, vault=vault)
    new_user.identities = (jane(key_fingerprint=fingerprint),)
    session = new_session(tmp_path / "gpg-sessions", MODULES)
    begin(session, new_user)
    return session


async def test_the_passphrase_is_asked_when_gpg_has_forgotten_it(
    new_user: NewUserAws, gpg: GpgHome, tmp_path: Path
) -> None:
    fingerprint = gpg.key("jane", passphrase="canary-passphrase")
    session = with_pgp_files(new_user, gpg, fingerprint, tmp_path)
    kept(new_user, session, user_key(new_user), "pgp-file")
    written(new_user, session)
    gpg.forget_passphrases()
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.screen is app.wizard
        await pilot.press(*"canary-of-another-key", "enter")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["own_passphrase"]
        await pilot.press(*"canary-passphrase", "enter")
        await rest(pilot)
        await rest(pilot)
        assert app.focused is app.pane.query_one("#code-security"), "a code is typed only then"
        await pilot.press(*"123456", "ctrl+n")
        await rest(pilot)
        await rest(pilot)
        assert app.pane.query_one(".of-the-table").display
    assert "canary" not in everything_written(session.folder)
    session.close()


async def test_to_look_again_asks_for_the_passphrase_and_says_what_it_could_not_ask_without(
    new_user: NewUserAws, gpg: GpgHome, tmp_path: Path
) -> None:
    fingerprint = gpg.key("jane", passphrase="canary-passphrase")
    session = with_pgp_files(new_user, gpg, fingerprint, tmp_path)
    kept(new_user, session, user_key(new_user), "pgp-file")
    session.skip(PROFILES)
    session.skip(VERIFY)
    gpg.forget_passphrases()
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(100, 30)) as pilot:
        await app.wizard.go_to(None)
        for secret in ("", "canary-passphrase"):
            app.wizard.query_one(Finished).post_message(Finished.LookWanted())
            await until(pilot, lambda: isinstance(app.screen, PassphraseDialog))
            assert fingerprint[-4:] in app.text()
            await pilot.press(*(secret or ["escape"]), *["enter"] * bool(secret))
            await until(pilot, lambda: app.screen is app.wizard)
            await until(pilot, lambda: not app.wizard._looking)
            await rest(pilot)
            assert app.wizard.query_one("#result").has_class("-warning") is (not secret)
            assert len({str(why) for _, why in app.wizard._unsure}) == (not secret), "one reason for all"
            assert (session.status(MFA) is Status.CONTRADICTED) is bool(secret)
            assert ("MFA" in str(app.wizard.query_one("#next", Text).content)) is bool(secret)
    session.close()


async def test_a_key_that_works_again_needs_a_passphrase_and_no_other_key(
    new_user: NewUserAws, gpg: GpgHome, tmp_path: Path
) -> None:
    session = with_pgp_files(new_user, gpg, gpg.key("jane", passphrase="canary-passphrase"), tmp_path)
    key = user_key(new_user)
    kept(new_user, session, key, KEPT_IN_PGP_FILE)
    written(new_user, session)
    asked_at = new_user.environment.now().isoformat(timespec="seconds")
    session.observe({KEYS: replace(not_accepted(key["AccessKeyId"]), asked_at=asked_at)})
    gpg.forget_passphrases()
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert session.status(KEYS) is Status.CONTRADICTED, "it can't be asked about by itself"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.focused is app.screen.query_one("#look")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PassphraseDialog))
        await pilot.press(*"canary-passphrase", "enter")
        await until(pilot, lambda: session.status(KEYS) is Status.DONE)
    session.close()


@pytest.mark.parametrize("kind", ["keyring", KEPT_IN_PGP_FILE])
async def test_the_end_offers_to_look_again_where_only_a_secret_lets_aws_be_asked(
    kind: str, new_user: NewUserAws, session: Session
) -> None:
    key, at = user_key(new_user), new_user.environment.now().isoformat(timespec="seconds")
    new_user.aws.device()
    kept(new_user, session, key, kind, device={"serial": SERIAL, "how": "api", "at": at})
    fact = session.facts(ITEM)["access_key"]
    session.reopen(KEYS)
    settle(session, KEYS, {"access_key": {**fact, "at": at}})
    session.skip(PROFILES)
    session.skip(VERIFY)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.wizard.look_again()  # as on coming back
        await rest(pilot)
        await app.wizard.go_to(None)
        await rest(pilot)
        assert (session.status(MFA), session.status(KEYS)) == (Status.DONE, Status.DONE)
        assert bool(app.wizard.query("#look")) is (kind == KEPT_IN_PGP_FILE)


async def test_the_end_says_in_a_line_that_aws_confirmed_nothing_for_a_removed_user(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    kept(new_user, session, key)
    session.skip(PROFILES)
    session.skip(VERIFY)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.wizard.go_to(None)
        await rest(pilot)
        iam = new_user.aws.administrator("iam")
        iam.delete_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"])
        app.wizard._begin_to_look()
        await until(pilot, lambda: session.status(KEYS) is Status.CONTRADICTED)
        await rest(pilot)
        await until(pilot, lambda: not app.wizard._looking)
        assert app.wizard._unsure
        assert app.wizard.query_one("#result").size.height == 1


async def test_the_end_says_how_to_confirm_what_is_done_on_the_users_word(
    new_user: NewUserAws, session: Session
) -> None:
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    session.observe({MFA: SAID_SO})
    for step in (KEYS, PROFILES, VERIFY):
        session.skip(step)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.wizard.go_to(None)
        await rest(pilot)
        assert session.status(MFA) is Status.UNCONFIRMED
        shown = [str(text.content) for text in app.wizard.query_one(Finished).query(Text)]
        assert any(KEYLESS in text for text in shown)


@pytest.mark.parametrize("minutes", [0, 30])
async def test_the_end_does_not_offer_to_ask_what_was_just_asked(
    minutes: int, new_user: NewUserAws, session: Session
) -> None:
    at = (new_user.environment.now() - timedelta(minutes=minutes)).isoformat(timespec="seconds")
    kept(new_user, session, user_key(new_user), KEPT_IN_PGP_FILE)
    fact = session.facts(ITEM)["access_key"]
    session.amend(KEYS, lambda _facts: {"access_key": {**fact, "at": at}})
    session.observe({KEYS: Observation(Verdict.AS_DECIDED, at=at, remedy="Unlock it.")})
    session.skip(PROFILES)
    session.skip(VERIFY)
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.wizard.go_to(None)
        await rest(pilot)
        (line,) = (
            str(text.content)
            for text in app.wizard.query_one(Finished).query(Text)
            if str(text.content).startswith("○ AWS")
        )
        assert ("(l)" in line) is bool(minutes)


async def test_a_key_that_the_earlier_pgp_key_opens_is_moved_only_with_that_ones_passphrase(
    new_user: NewUserAws, gpg: GpgHome, tmp_path: Path
) -> None:
    earlier, own = gpg.key("earlier", passphrase="canary-passphrase"), gpg.key("jane")
    session = with_pgp_files(new_user, gpg, own, tmp_path)
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    made = user_key(new_user)
    key = Credentials(made["AccessKeyId"], Secret(made["SecretAccessKey"]))
    kept_in = new_user.environment.vault(earlier).vault
    assert kept_in is not None
    store_access_key(kept_in, "bb", BASE, key)
    record = KeyRecord(
        project="bb",
        profile=BASE,
        id=key.access_key_id,
        kept=KEPT_IN_PGP_FILE,
        user="jane.doe",
        account_id=jane().account_id,
        region="us-east-1",
        kept_at=new_user.environment.now(),
        backend="",
        fingerprint=earlier,
    )
    KeyRecords(new_user.environment.key_records_folder).put(record)
    gpg.forget_passphrases()
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        how = app.pane.query_one("#how", Choices)
        assert how.value != KEPT
        await pilot.press("ctrl+n")
        how.choose(KEPT)
        await pilot.press("ctrl+n", "ctrl+n")
        await rest(pilot)
        assert earlier[-4:] in app.text()
        where = end._kept_where(app.wizard.run, ITEM, KEPT_IN_PGP_FILE)
        assert where not in KEPT_WORDS.values()
        await pilot.press("enter")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["own_passphrase"]
        await pilot.press("escape")
        await rest(pilot)
        assert not app.pane.query("#own-passphrase")
        assert app.pane.in_between is None
        await pilot.press("ctrl+n", "ctrl+n")
        await rest(pilot)
        await pilot.press(*"canary-passphrase", "enter")
        for _ in range(3):
            await rest(pilot)
    moved = KeyRecords(new_user.environment.key_records_folder).get("bb", BASE)
    assert moved is not None
    assert moved.fingerprint == own
    session.close()


async def test_while_aws_rejects_the_key_no_test_of_it_is_confirmed(
    new_user: NewUserAws, session: Session
) -> None:
    key = user_key(new_user)
    kept(new_user, session, key)
    written(new_user, session)
    works = [
        {"profile": name, "arn": "arn:aws:iam::222222222222:user/jane.doe", "problem": None}
        for name in (BASE, ROLE)
    ]
    now = new_user.environment.now().isoformat()
    settle(session, VERIFY, {"verified": {"total": 2, "results": works, "chosen": ROLE, "at": now}})
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        for look, status, marks in (
            (AGREES, Status.DONE, {"✓"}),
            (not_accepted(key["AccessKeyId"]), Status.UNCONFIRMED, {"·"}),
            (AGREES, Status.DONE, {"✓"}),
        ):
            app.wizard.run.save_answer(app.wizard.run.question(KEYS), look)
            app.wizard.run.save_checks(app.wizard.run.check([app.wizard.run.question(VERIFY)]))
            await app.wizard.go_to(VERIFY)
            await rest(pilot)
            assert session.status(VERIFY) is status
            table = app.pane.query_one(ProfileAnswers)
            assert {str(table.get_row(name)[0]) for name in (BASE, ROLE)} == marks
            await app.wizard.go_to(None)
            await rest(pilot)
            assert bool(app.wizard.query("#works")) is (status is Status.DONE)


@pytest.mark.parametrize("changed", [(), (MFA,)])
async def test_a_test_in_which_some_fail_is_finished_only_if_nothing_before_it_has_changed(
    new_user: NewUserAws, session: Session, changed: tuple[StepKey, ...]
) -> None:
    kept(new_user, session, user_key(new_user))
    written(new_user, session)
    failed = [{"profile": BASE, "arn": None, "problem": "It fails."}]
    settle(session, VERIFY, {"verified": {"results": failed}})
    session.observe({key: Observation(Verdict.GONE, "It is gone.", ("",)) for key in changed})
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert is_displayed(app.pane.query_one("#finish")) is (not changed)
        app.pane.progressed(Progress("", payload=Looks({MFA: AGREES})))
        app.pane._show_shell()
        assert is_displayed(app.pane.query_one("#finish"))
        await app.wizard.go_to(None)
        await rest(pilot)
        assert ("Verify" in str(app.wizard.query_one("#next", Text).content)) is (not changed)


@pytest.mark.parametrize("rejected", [False, True])
async def test_a_kept_key_that_aws_rejected_is_no_first_choice_when_the_step_is_done_again(
    new_user: NewUserAws,
    session: Session,
    rejected: bool,
) -> None:
    key = user_key(new_user)
    kept(new_user, session, key)
    now = new_user.environment.now()
    record = KeyRecord(
        *("bb", BASE, key["AccessKeyId"], "keyring", "jane.doe", jane().account_id, "us-east-1"),
        kept_at=now,
    )
    KeyRecords(new_user.environment.key_records_folder).put(record)
    look = not_accepted(key["AccessKeyId"]) if rejected else AGREES
    session.observe({KEYS: replace(look, asked_at=now.isoformat(timespec="seconds"))})
    session.reopen(KEYS)
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        how = app.pane.query_one("#how", Choices)
        assert (how.value == KEPT) is not rejected
        how.choose(KEPT)
        assert how.value == KEPT, "it may be active again"
