"""The page of access keys, driven by keys against a strict AWS."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from support.credential_pages import (
    KEYS,
    MFA,
    PROFILES,
    SERIAL,
    VERIFY,
    everything_written,
    field,
    host,
    kept,
    key_page,
    with_pgp_files,
    written,
)
from support.panes import SECONDS, rest, settle, until
from support.pgp import GpgHome
from support.served_aws import BASE, ITEM, NewUserAws, jane, user_key
from textual.events import Paste
from textual.widgets import Button

from screens.new_user.access_keys import AccessKeysPane
from screens.step import finished as end
from screens.step.asking import DeactivationDialog, PassphraseDialog
from screens.step.page import is_displayed
from screens.widgets.checklist import Checklist
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.fields import Choices
from screens.widgets.text import Text
from workflows.core.secret import Credentials, Secret
from workflows.machine.events import AGREES, SAID_SO, Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.steps.new_user import access_keys
from workflows.steps.new_user.access_keys import KEPT, Download
from workflows.steps.new_user.sign_in import Proof
from workflows.steps.shared.own_access_key import not_accepted
from workflows.stores.key_records import KEPT_WORDS, KeyRecord, KeyRecords
from workflows.stores.key_store import KEPT_IN_PGP_FILE
from workflows.stores.vault import VaultChoice, store_access_key


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
        primary = app.screen.query_one("#primary")
        await until(pilot, lambda: app.focused is primary)
        content = path.read_bytes()
        path.unlink()
        pane._look_for_download()
        await until(pilot, lambda: app.focused in pane.query("#tasks .-current Button"))
        assert not pane.primary().ready
        path.write_bytes(content)
        pane._look_for_download()
        await until(pilot, lambda: app.focused is primary)
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
            assert any(spare in str(text.content) for text in app.screen.query(Text))
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
        assert not app.pane.query(Choices), "they are made when they are asked"
        app.pane.query_one("#again", Button).press()
        await rest(pilot)
        assert app.pane.query_one("#kept", Choices).option_count
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
        await until(pilot, lambda: bool(pane.draft()["path"]))
        shown, over = pane.draft()["path"], Event()
        pane.run_move("slow", lambda _report: over.wait(SECONDS))
        newer = Download(new_user.csv(key, "newer_accessKeys.csv"), 1)  # the page finds it by itself, too
        pane.call_later(pane.notice, (newer,))
        await pilot.pause()
        assert pane.draft()["path"] == shown
        over.set()
        await rest(pilot)
        pane.call_later(pane.notice, (newer,))
        await pilot.pause()
        assert pane.draft()["path"].endswith(newer.path.name)


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
        page.query_one("#change-how", Button).press()
        await pilot.pause()
        page.query_one("#how", Choices).choose("console")
        await pilot.press("enter")
        await rest(pilot)
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


async def test_a_key_kept_without_mfa_has_its_warning_only_where_another_is_wanted(
    new_user: NewUserAws, session: Session
) -> None:
    session.skip(MFA)
    fact = {"id": user_key(new_user)["AccessKeyId"], "kept": "keyring", "how": "console", "mfa_serial": None}
    settle(session, KEYS, {"access_key": {**fact, "told": [f"In {new_user.environment.home}/vault."]}})
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "In ~/vault." in app.text()
        assert not is_displayed(app.pane.query_one("#skipped"))
        app.pane.query_one("#again", Button).press()
        await rest(pilot)
        assert is_displayed(app.pane.query_one("#skipped"))


async def test_the_file_of_a_foreign_key_is_not_offered_again_and_its_steps_are_not_done(
    new_user: NewUserAws, session: Session
) -> None:
    user_key(new_user)
    path = new_user.csv(user_key(new_user, "juan.delacruz"))
    async with key_page(new_user, session) as (app, pilot):
        await until(pilot, lambda: bool(app.pane.draft()["path"]))
        begun_before = access_keys.downloads(app.pane.context)
        await pilot.press("enter", "enter", "ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        await pilot.press("escape")
        assert isinstance(app.pane, AccessKeysPane)
        app.pane.notice(begun_before)
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
            assert isinstance(app.focused, Button), "not lost with the primary action, which waits"
    assert path.exists()


async def test_a_download_that_is_here_already_is_imported_by_what_has_the_focus(
    new_user: NewUserAws, session: Session
) -> None:
    new_user.csv(user_key(new_user))
    async with key_page(new_user, session) as (app, pilot):
        await until(pilot, lambda: bool(app.pane.draft()["path"]))
        await pilot.press("enter", "enter")
        await rest(pilot)
        assert app.focused is app.screen.query_one("#primary")


async def test_a_done_page_focuses_the_primary_action_however_long_the_keyring_takes(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    quick, waiting = new_user.environment, Event()

    def slow(fingerprint: str) -> VaultChoice:
        assert waiting.wait(SECONDS)
        return quick.vault(fingerprint)

    new_user.environment = replace(quick, vault=slow)
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        primary = app.screen.query_one("#primary")
        await until(pilot, lambda: primary.disabled)
        waiting.set()
        await rest(pilot)
        assert app.focused is primary


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
        await until(pilot, lambda: bool(app.pane.draft()["path"]))
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
        result = app.wizard.query_one("#result")
        field(app, "path").value = ""
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert result.has_class("-shown"), "why Next did nothing"
        field(app, "path").value = "~/Downloads"
        await pilot.pause()
        assert not result.has_class("-shown"), "nothing is missing any more"
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
        assert key["AccessKeyId"] in app.text(), "several keys may be kept here"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.focused is app.screen.query_one("#look")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PassphraseDialog))
        await pilot.press(*"canary-passphrase", "enter")
        await until(pilot, lambda: session.status(KEYS) is Status.DONE)
    session.close()


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
