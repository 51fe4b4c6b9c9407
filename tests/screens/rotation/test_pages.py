"""The rotation as a person meets it: at home, with the key and a code; and later the end of the old key."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import get_ident
from typing import Any
from unittest.mock import patch

import pytest
from support.new_user import notices, said
from support.panes import PaneHost, new_session, rest, until
from support.pgp import GpgHome, gpg_home
from support.served_aws import BASE, NewUserAws, jane, user_key
from textual.app import App
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from screens.rotation.pages import RetirementPane, RotationPane
from screens.step.page import is_displayed
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.fields import Choices, Wanted
from screens.widgets.lists import MarkBox
from screens.widgets.text import Lines, Text
from tui.app.home import HomeScreen
from tui.host import vault_for
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError
from workflows.gpg.decrypt import PassphraseNeeded
from workflows.machine.events import StepKey
from workflows.machine.state import Status
from workflows.profiles.write import profile_paths
from workflows.steps.rotation import delete_old_key, rotate
from workflows.steps.shared.own_access_key import PGP_FILE, keep_recorded, opened_store
from workflows.stores.key_records import WAIT_DAYS, KeyRecord, KeyRecords, Phase, Rotation, remarks
from workflows.stores.key_store import KEPT_IN_PGP_FILE, VaultStore

SIZE = (80, 24)
STEPS = (rotate, delete_old_key)
PANES = {"rotation": RotationPane, "retirement": RetirementPane}


def keep(new_user: NewUserAws, store: Any, fingerprint: str = "") -> dict[str, Any]:
    key = user_key(new_user)
    made = Credentials(key["AccessKeyId"], Secret(key["SecretAccessKey"]))
    environment, kept_with = new_user.environment, fingerprint if store.kind == KEPT_IN_PGP_FILE else ""
    record = KeyRecord(
        *("bb", BASE, made.access_key_id, store.kind, "jane.doe", jane().account_id, "us-east-1"),
        kept_at=environment.now(),
        created=environment.now() - timedelta(days=100),
        fingerprint=kept_with,
        backend=store.backend,
    )
    keep_recorded(store, made, record, environment, fingerprint=fingerprint, mfa_serial=None)
    return key


async def agree(pilot: Pilot[Any]) -> None:
    """Say yes to the question that an act on a key asks first."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
    await pilot.press("left", "enter")


def host(new_user: NewUserAws) -> PaneHost:
    return PaneHost(new_session(new_user.folder / "sessions", STEPS), new_user.environment, STEPS, PANES)


async def test_a_key_is_rotated_and_the_old_one_deleted(new_user: NewUserAws) -> None:
    vault = new_user.environment.vault("").vault
    key = keep(new_user, VaultStore(vault, "bb", BASE))
    _, seed = new_user.aws.device()
    assert " 100 days " in remarks(new_user.environment.key_records_folder, new_user.environment.now())[0]
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        meant = str(app.pane.query_one("#meant", Text).content)
        assert all(what in meant for what in (key["AccessKeyId"], jane().account_id, "jane.doe"))
        assert "rotate it" in said(app)
        await pilot.press("ctrl+n")  # without a code
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("enter")
        await rest(pilot)
        assert list(new_user.keys()) == [key["AccessKeyId"]], "the answer that has the focus is no"
        await pilot.press("ctrl+n")
        await agree(pilot)
        await until(pilot, lambda: bool(app.pane.problems))
        assert app.focused is app.pane.query_one("#code")
        await pilot.press(*"123456", "ctrl+n")
        await until(pilot, lambda: app.pane.query_one("#code", Input).value == "")
        await rest(pilot)
        assert app.focused is app.pane.query_one("#code")
        assert app.pane.problems
        code = new_user.code(seed, 1)
        await pilot.press(*code)  # with one key there is nothing to choose
        await pilot.pause()
        assert code in app.text(), "what is typed is seen"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.session.status(StepKey("rotation")) is Status.DONE)
        await until(pilot, lambda: isinstance(app.wizard.pane, RetirementPane))
        await rest(pilot)
        assert app.focused is app.pane.query_one("#home"), "waiting is what is likely now"
        assert not app.pane.turn().yours
        await pilot.press("escape")
        await rest(pilot)
        assert "^r" in app.text(), "the bar says how to do it again"
        assert not is_displayed(app.pane.query_one("#key")), "nothing is asked where all is done"
        await pilot.press("ctrl+n")
        await rest(pilot)
        for code in ("123", ""):  # the rotation needed one, so there is a device
            app.pane.query_one("#code", Input).value = code
            await pilot.press("ctrl+n")
            await rest(pilot)
            assert [problem.field for problem in app.pane.problems] == ["code"], "before it is asked about"
        assert len(new_user.keys()) == 2
        new_user.aws.ahead += 30
        with new_user.aws.later(0):
            app.pane.query_one("#code", Input).value = new_user.code(seed, 1)
            await pilot.press("ctrl+n")
            await pilot.pause()
            await pilot.press("enter")
            await rest(pilot)
            assert len(new_user.keys()) == 2, "the answer that has the focus is no"
            code = app.pane.query_one("#code", Input).value
            app.pane.query_one("#code", Input).value = "000000"
            await pilot.press("ctrl+n")
            await pilot.pause()
            await pilot.press("left", "enter")
            await until(pilot, lambda: bool(app.pane.problems))
            await pilot.press(*code, "ctrl+n")  # it is not asked about a second time
            await until(pilot, lambda: app.session.status(StepKey("retirement")) is Status.DONE)
    assert key["AccessKeyId"] not in set(new_user.keys())
    assert remarks(new_user.environment.key_records_folder, new_user.environment.now()) == ()


async def test_what_was_agreed_to_is_asked_again_once_it_is_something_else(new_user: NewUserAws) -> None:
    keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    new_user.aws.device()
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        await pilot.press(*"123456", "ctrl+n")
        await agree(pilot)
        await until(pilot, lambda: bool(app.pane.problems))
        await rest(pilot)
        app.pane.query_one("#delete-inactive", MarkBox).toggle()
        await rest(pilot)
        app.pane.query_one("#code", Input).value = "654321"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, Confirm))


@pytest.mark.parametrize("profile", [BASE, "bb-apps-devops", "bb-else"])
async def test_a_code_is_optional_only_where_the_files_name_no_device(
    new_user: NewUserAws, profile: str
) -> None:
    keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    config = profile_paths(new_user.environment.home, "bb").config
    config.parent.mkdir(parents=True, exist_ok=True)
    source = (
        "" if profile == BASE else f"source_profile = {BASE if profile == 'bb-apps-devops' else 'else'}\n"
    )
    config.write_text(f"[profile {profile}]\nmfa_serial = arn:aws:iam::222222222222:mfa/jane\n{source}")
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        shown = app.pane.query_one("#code", Input).placeholder
        assert (shown == Wanted().placeholder) is (profile != "bb-else")


async def test_without_a_device_the_second_key_is_deactivated_without_a_code(new_user: NewUserAws) -> None:
    key = keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    administrator = new_user.aws.administrator("iam")
    may = {"Effect": "Allow", "Action": ["iam:*AccessKey*", "iam:ListMFADevices"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    administrator.put_user_policy(UserName="jane.doe", PolicyName="policy-0", PolicyDocument=policy)
    spare = administrator.create_access_key(UserName="jane.doe")["AccessKey"]["AccessKeyId"]
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        for _ in ("the rotation", "the deactivation of the spare key"):
            await agree(pilot)
            await rest(pilot)
        await until(pilot, lambda: any(note.display for note in app.pane.query(".pane-note")))
    listed = administrator.list_access_keys(UserName="jane.doe")["AccessKeyMetadata"]
    status = {entry["AccessKeyId"]: entry["Status"] for entry in listed}
    assert status == {key["AccessKeyId"]: "Active", spare: "Inactive"}


def interrupt(new_user: NewUserAws, phase: Phase, old_id: str, known: tuple[str, ...] = ()) -> None:
    records = KeyRecords(new_user.environment.key_records_folder)
    (record,) = records.all()
    rotation = Rotation(phase, old_id, record.id, known, new_user.environment.now())
    records.put(replace(record, rotation=rotation))


async def test_a_rotation_that_only_lacks_its_end_is_taken_for_this_one(new_user: NewUserAws) -> None:
    key = keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    interrupt(new_user, Phase.WAITING, "AKIAOLD")
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.session.status(StepKey("rotation")) is Status.DONE)
        known = app.session.facts()["rotated"]
    assert (known["id"], known["old_id"]) == (key["AccessKeyId"], "AKIAOLD")


async def test_a_deletion_that_fails_for_another_reason_than_the_code_is_confirmed_again(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object) -> None:
        raise OnboardError("No network", "AWS doesn't answer.")

    keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    interrupt(new_user, Phase.WAITING, "AKIAOLD")
    monkeypatch.setattr(delete_old_key, "perform", offline)
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.wizard.pane, RetirementPane))
        await rest(pilot)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await rest(pilot)
        body = str(app.screen.query_one(".dialog-body", Lines).content)
        assert str(WAIT_DAYS) in body, "it names the days that are left to wait"
        await pilot.press("left", "enter")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await pilot.press("escape")
        await rest(pilot)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, Confirm))


async def test_an_interrupted_rotation_names_the_key_that_it_created(new_user: NewUserAws) -> None:
    key = keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    _, seed = new_user.aws.device()
    interrupt(new_user, Phase.VERIFYING, key["AccessKeyId"])
    records = KeyRecords(new_user.environment.key_records_folder)
    (record,) = records.all()
    records.put(replace(record, rotation=replace(record.under_way, new_id="AKIACREATED")))
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await rest(pilot)
        assert "AKIACREATED" in str(app.screen.query_one(".dialog-body", Lines).content)


async def test_an_old_key_that_is_active_again_is_not_called_inactive_any_more(new_user: NewUserAws) -> None:
    old = keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))["AccessKeyId"]
    _, seed = new_user.aws.device()
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await agree(pilot)
        await until(pilot, lambda: isinstance(app.wizard.pane, RetirementPane))
        await rest(pilot)
        before = remarks(new_user.environment.key_records_folder, new_user.environment.now())
        assert not app.pane.turn().yours
        new_user.aws.administrator("iam").update_access_key(
            UserName="jane.doe", AccessKeyId=old, Status="Active"
        )
        new_user.aws.ahead += 30
        with new_user.aws.later(0):
            app.pane.query_one("#code", Input).value = new_user.code(seed, 1)
            await pilot.press("ctrl+n")
            await agree(pilot)
            await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
            await pilot.press("escape")
            await until(pilot, lambda: app.pane.turn().yours)
        assert not is_displayed(app.pane.query_one("#meanwhile"))
        after = remarks(new_user.environment.key_records_folder, new_user.environment.now())
        assert after != before
        assert " ".join(str(after[0]).split()) in " ".join(said(app).split())
    assert old in set(new_user.keys())


async def test_a_rotation_that_had_not_begun_when_it_was_killed_is_made_now(new_user: NewUserAws) -> None:
    key = keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    _, seed = new_user.aws.device()
    interrupt(new_user, Phase.CREATING, key["AccessKeyId"], (key["AccessKeyId"],))
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await agree(pilot)
        await until(pilot, lambda: app.session.status(StepKey("rotation")) is Status.DONE)
        known = app.session.facts()["rotated"]
    assert known["id"] != known["old_id"] == key["AccessKeyId"]


def forget(gpg: GpgHome) -> None:
    """The agent remembers no passphrase any more."""
    command = ["gpg-connect-agent", "--homedir", str(gpg.path), "reloadagent", "/bye"]
    subprocess.run(command, check=True, capture_output=True)


async def test_once_the_passphrase_is_there_the_focus_is_back_where_it_was(new_user: NewUserAws) -> None:
    def locked(_report: object) -> None:
        raise PassphraseNeeded

    asked = list[int]()

    def own() -> str:
        asked.append(get_ident())  # it may ask gpg
        return "A" * 40

    keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        pane = app.pane
        assert isinstance(pane, RotationPane)
        pane.query_one("#code").focus()
        await pilot.pause()
        with patch.object(pane, "own_fingerprint", own):
            pane.run_unlocked("key", locked, lambda _: None)
            await until(pilot, lambda: bool(pane.query("#own-passphrase")))
        assert asked
        assert get_ident() not in asked
        await rest(pilot)
        assert app.focused is pane.query_one("#own-passphrase")
        await pane.drop_passphrase_question()
        assert app.focused is pane.query_one("#code")


async def test_a_file_that_is_encrypted_asks_for_the_passphrase_before_the_code_is_spent(
    new_user: NewUserAws, tmp_path: Path
) -> None:
    with gpg_home() as gpg:
        fingerprint = gpg.key("jane", passphrase="canary-passphrase")
        environment = new_user.environment

        def vault(of: str) -> Any:
            return vault_for(
                of,
                folder=tmp_path / "vault",
                gnupg_home=gpg.path,
                environment=environment.variables,
                with_keyring=False,
            )

        object.__setattr__(environment, "vault", vault)
        object.__setattr__(environment, "gnupg_home", gpg.path)
        store = opened_store(PGP_FILE, environment, "bb", BASE, "us-east-1", fingerprint)
        keep(new_user, store, fingerprint)
        _, seed = new_user.aws.device()
        forget(gpg)
        app = host(new_user)
        async with app.run_test(size=SIZE) as pilot:
            await rest(pilot)
            app.pane.query_one("#code", Input).value = new_user.code(seed, 1)
            await pilot.press("ctrl+n")
            await agree(pilot)
            await until(pilot, lambda: bool(app.pane.query("#own-passphrase")))
            assert app.focused is app.pane.query_one("#own-passphrase")
            assert app.pane.region.contains_region(app.focused.region)
            app.pane.query_one("#own-passphrase", Input).value = "canary-passphrase"
            new_user.aws.ahead += 40
            await pilot.press("enter")
            await until(pilot, lambda: bool(app.pane.problems))
            assert [problem.field for problem in app.pane.problems] == ["code"], "it ran out meanwhile"
            assert app.focused is app.pane.query_one("#code")
            await pilot.press(*new_user.code(seed, 1), "enter")
            await until(pilot, lambda: app.session.status(StepKey("rotation")) is Status.DONE)
            await until(pilot, lambda: isinstance(app.wizard.pane, RetirementPane))
            await rest(pilot)
            forget(gpg)
            app.pane.query_one("#code", Input).value = "123456"
            await pilot.press("ctrl+n")
            await pilot.pause()
            await pilot.press("left", "enter")
            await until(pilot, lambda: bool(app.pane.query("#own-passphrase")))
            await rest(pilot)
            assert app.pane.in_between
            await pilot.press("ctrl+n")
            await rest(pilot)
            assert app.screen is app.wizard, "what was confirmed isn't asked again"


async def test_without_a_kept_key_it_says_how_to_keep_one(new_user: NewUserAws) -> None:
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        assert "access-key import" in said(app)
        assert app.focused is not None
        assert app.focused.id == "primary"
        assert not app.pane.turn().yours
        assert not is_displayed(app.pane.query_one("#code"))
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.problems == ()
        assert app.session.status(StepKey("rotation")) is not Status.DONE
    assert notices(app) == ""


async def test_home_tells_of_an_old_key_and_offers_the_rotation(new_user: NewUserAws) -> None:
    keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    words = remarks(new_user.environment.key_records_folder, new_user.environment.now())
    asked: list[str] = []

    class Home(App[None]):
        def on_mount(self) -> None:
            self.push_screen(HomeScreen((), sandbox=False, now=new_user.environment.now, remarks=words))

        def on_home_screen_begin(self, message: HomeScreen.Begin) -> None:
            asked.append(message.workflow)

    app = Home()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "100 days old" in shown
        options = app.screen.query_one(OptionList)
        assert not isinstance(options, Choices)
        options.highlighted = options.option_count - 1
        await pilot.press("enter")
        await pilot.pause()
    assert asked == ["rotation"]
    assert KeyRecords(new_user.environment.key_records_folder).all()


async def test_what_is_not_said_of_a_key_takes_no_room(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.rotation.pages.remark", lambda _record, _now: "")
    keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        assert not is_displayed(app.pane.query_one("#remark"))


@pytest.mark.parametrize("kept", [True, False])
async def test_without_a_key_nothing_that_is_pressed_makes_it_a_session(
    new_user: NewUserAws, *, kept: bool
) -> None:
    if kept:
        keep(new_user, VaultStore(new_user.environment.vault("").vault, "bb", BASE))
    app = host(new_user)
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        assert app.wizard.untouched
        app.wizard.acted(Key("enter", None))
        assert app.wizard.untouched is not kept
