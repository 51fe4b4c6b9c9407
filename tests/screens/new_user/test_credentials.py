"""What Verify and the end say of credentials, driven by keys against a strict AWS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    recording_pinentry,
    with_pgp_files,
    written,
)
from support.panes import rest, settle, until
from support.pgp import GpgHome
from support.served_aws import BASE, ITEM, ROLE, NewUserAws, user_key
from textual.widgets import Button, DataTable, Input

from screens.new_user.verify import ProfileAnswers, VerifyPane
from screens.step.asking import PassphraseDialog
from screens.step.finished import Finished, standing
from screens.step.page import YOURS, is_displayed
from screens.widgets.fields import Countdown
from screens.widgets.rail import MARKS, StepRail
from screens.widgets.text import Text
from workflows.aws.errors import AwsError, AwsFailure
from workflows.aws.verify import Hindered, Hindrance, Result
from workflows.core.sentences import text_of
from workflows.machine.events import AGREES, NOT_ASKED, SAID_SO, Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.steps.new_user import profiles, verify
from workflows.steps.shared.module import Looks, Progress
from workflows.steps.shared.own_access_key import KEYLESS, not_accepted


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
            lines = [
                " ".join(str(text.content).split()) for text in app.wizard.query_one(Finished).query(Text)
            ]
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


async def test_the_passphrase_is_asked_when_gpg_has_forgotten_it(
    new_user: NewUserAws, gpg: GpgHome, tmp_path: Path
) -> None:
    window = recording_pinentry(gpg)
    fingerprint = gpg.key("jane", passphrase="canary-passphrase")
    session = with_pgp_files(new_user, gpg, fingerprint, tmp_path)
    kept(new_user, session, user_key(new_user), "pgp-file")
    written(new_user, session)
    gpg.forget_passphrases()
    app = host(new_user, session, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.screen is app.wizard
        said = set[str]()
        for wrong in ("canary-of-another-key", "123456"):
            await pilot.press(*wrong, "enter")
            await rest(pilot)
            assert [problem.field for problem in app.pane.problems] == ["own_passphrase"]
            said |= {text_of(problem.message) for problem in app.pane.problems}
        assert len(said) == 2, "a code is called one"
        await pilot.press(*"canary-passphrase", "enter")
        await rest(pilot)
        await rest(pilot)
        assert app.focused is app.pane.query_one("#code-security"), "a code is typed only then"
        await pilot.press(*"123456", "ctrl+n")
        await rest(pilot)
        await rest(pilot)
        assert app.pane.query_one(".of-the-table").display
    assert not window.exists(), "nobody pressed anything that needs gpg"
    assert "canary" not in everything_written(session.folder)
    session.close()


async def test_to_look_again_asks_for_the_passphrase_and_says_what_it_could_not_ask_without(
    new_user: NewUserAws, gpg: GpgHome, tmp_path: Path
) -> None:
    window = recording_pinentry(gpg)
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
    assert not window.exists(), "the dialog asks"
    session.close()


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
        shown = [" ".join(str(text.content).split()) for text in app.wizard.query_one(Finished).query(Text)]
        assert any(KEYLESS in text for text in shown)


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
        await pilot.press("s")
        await rest(pilot)
        clipboard: Any = new_user.environment.clipboard
        assert f"AWS_PROFILE={ROLE}" in clipboard.content


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
