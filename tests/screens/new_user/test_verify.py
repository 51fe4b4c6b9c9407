"""What comes after the proof on the screen: the lines for three shells, the role's page, the aws command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.panes import PaneHost, new_session, rest, settle
from support.pgp import ENVIRONMENT
from support.served_aws import BASE, ITEM, ROLE, NewUserAws, served, user_key
from support.steps import step_of
from support.strict_aws import APPS
from textual.app import ComposeResult
from textual.widgets import Button, Input

from screens.new_user.verify import AfterVerify, ProfileAnswers, VerifyPane
from screens.step.page import StepPane, is_displayed
from screens.widgets.dialogs import Notice
from screens.widgets.lists import Log, TextDialog
from screens.widgets.text import Text
from workflows.aws.verify import Result
from workflows.core.secret import Secret
from workflows.core.sentences import text_of
from workflows.machine.declaration import Step
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.profiles.shell_lines import Shell
from workflows.steps.new_user import access_keys, profiles, verify
from workflows.steps.new_user.access_keys import TYPED
from workflows.steps.new_user.verify import NOT_INSTALLED, IdentityView, Tried
from workflows.steps.shared.own_access_key import CREDENTIALS_FILE
from workflows.steps.shared.own_identity import identity_of


class _Module:
    STEP = Step("start", "Start", "What came before.", gives=("handoff", "identities", "fingerprint"))


class _Profiles:
    STEP = Step(
        "profiles",
        "Profiles",
        "Before.",
        gives=("mfa", "access_key", "profiles"),
        repeats_over="identities",
        skippable=True,
    )


class _ProfilesPane(StepPane):
    def compose_body(self) -> ComposeResult:
        yield Text("")

    def request(self) -> None:
        return None


MODULES: list[Any] = [_Module, _Profiles, verify]
VERIFY = StepKey("verify")


@pytest.fixture
def new_user(tmp_path: Path) -> Iterator[NewUserAws]:
    with served(tmp_path) as made:
        path = f"{Path(sys.executable).parent}:{ENVIRONMENT['PATH']}"
        there = {**made.environment.variables, "PATH": path, "HOME": str(made.environment.home)}
        made.environment = replace(
            made.environment, variables=there
        )  # the command keeps sessions in its home
        yield made


def begin(session: Session, new_user: NewUserAws, *, with_device: bool) -> str:
    """A key in the file, and the profiles that use it; gives the device's seed."""
    key = user_key(new_user)
    _, seed = new_user.aws.device() if with_device else ("", "")
    secret = Secret(key["SecretAccessKey"])
    typed = access_keys.Request(CREDENTIALS_FILE, TYPED, key_id=key["AccessKeyId"], secret=secret)
    known = dict(access_keys.perform(typed, new_user.context(), new_user.report))
    context = new_user.context(**known)
    made = profiles.perform(profiles.proposal(context), context, new_user.report)
    start = {name: context.facts[name] for name in ("handoff", "identities")}
    settle(session, StepKey("start"), {**start, "fingerprint": ""})
    settle(session, StepKey("profiles", ITEM), made)
    return seed


@pytest.fixture
def session(tmp_path: Path, new_user: NewUserAws) -> Iterator[Session]:
    made = new_session(tmp_path / "sessions", MODULES)
    yield made
    made.close()


async def test_the_keys_after_the_proof(new_user: NewUserAws, session: Session) -> None:
    seed = begin(session, new_user, with_device=True)
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(100, 48)) as pilot:
        await rest(pilot)
        field = app.pane.query_one("#code-security", Input)
        field.value = new_user.code(seed, 1)
        field.focus()
        await pilot.press("enter")
        await rest(pilot)
        table = app.pane.query_one(ProfileAnswers)
        assert app.focused is app.pane.query_one("#copy-lines")
        table.focus()
        await pilot.press("down")
        await rest(pilot)
        assert table.marked == ROLE
        assert f"export AWS_PROFILE={ROLE}" in app.text()
        await pilot.press("v")
        await rest(pilot)
        assert app.screen.query_one("#text", Log).lines
        assert not app.screen.query_one("#text", Log).wrap, "these are commands"
        await pilot.press("escape")
        other = app.pane.query_one("#other-shell", Button)
        for shell in (Shell.ZSH, Shell.FISH):
            assert shell.value in str(other.label), "it says which shell is next"
            await pilot.press("h")
        assert f"set -gx AWS_PROFILE '{ROLE}'" in app.text()
        await app.wizard.go_to(None)
        await app.wizard.go_to(VERIFY)
        await rest(pilot)
        app.pane.query_one(ProfileAnswers).move_cursor(row=1)
        await pilot.press("l")
        await rest(pilot)
        clipboard: Any = new_user.environment.clipboard
        assert clipboard.content.startswith("set -gx AWS_CONFIG_FILE ")
        await pilot.press("c")
        await rest(pilot)
        assert f"account={APPS}" in clipboard.content
        await pilot.press("o")
        await rest(pilot)
        browser: Any = new_user.environment.browser
        assert f"account={APPS}" in browser.opened[0]
        assert isinstance(app.screen, TextDialog), "no browser opens"
        await pilot.press("escape")
        await pilot.press("x")
        await rest(pilot)
        field = app.pane.query_one("#code-security", Input)
        assert app.focused is field
        await pilot.press("x")
        assert field.value == "x", "in the field it is a letter"
        await pilot.press("backspace")
        assert not app.pane.primary().ready
        await pilot.press("escape")
        await rest(pilot)
        assert app.pane.primary().ready
        assert app.session.proposal() == VERIFY
        await pilot.press("x")
        await rest(pilot)
        new_user.aws.ahead += 30
        await pilot.press(*new_user.code(seed, 1), "enter")
        await rest(pilot)
        assert "assumed-role/DevOps/" in app.text()
        assert isinstance(app.pane, VerifyPane)
        effect = app.pane._effect()
        assert field.value == ""
        assert app.session.status(VERIFY) is not Status.DONE
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.session.status(VERIFY) is Status.DONE
        await app.wizard.go_to(VERIFY)
        await rest(pilot)
        assert isinstance(app.pane, VerifyPane)
        assert app.pane._effect() == effect, "the command still keeps its session"
        new_user.environment.tried.clear()
        assert app.pane._effect() != effect
        app.pane._show_tried(Tried("", "It wants a code.", needs_code=True))
        await pilot.press("1")
        assert app.pane.changed(), "its code is for the command, and Enter runs that"


async def test_a_profile_that_the_command_fails_with_is_to_be_tested_again(
    new_user: NewUserAws, session: Session
) -> None:
    begin(session, new_user, with_device=False)
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert isinstance(app.pane, VerifyPane)
        await pilot.press("ctrl+n")
        await rest(pilot)
        worked = app.pane._chosen()
        assert worked
        iam = new_user.aws.administrator("iam")
        (key,) = iam.list_access_keys(UserName="jane.doe")["AccessKeyMetadata"]
        iam.update_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        tried, lines = (app.pane.query_one(place, Text) for place in ("#tried", "#shell"))
        where, *_ = str(lines.content).splitlines()
        app.pane._show_tried(Tried("{\n who it is\n}\n", "It worked."))
        assert str(tried.content).count("\n") == 1, "the table has the room"
        assert str(lines.content) == where
        await pilot.press("x")
        await rest(pilot)
        await pilot.press("escape")
        await rest(pilot)
        assert worked not in {result.profile for result in app.pane.request().results}
        assert worked not in {result["profile"] for result in session.drafts.load(VERIFY)["results"]}
        assert not any(str(app.pane.query_one(place, Text).content) for place in ("#answer", "#tried"))
        assert app.pane.primary().effect != "Finish"


async def test_the_code_for_another_test_of_what_works_is_used_for_it(
    new_user: NewUserAws, session: Session
) -> None:
    seed = begin(session, new_user, with_device=True)
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*new_user.code(seed, 1), "enter")
        await rest(pilot)
        assert isinstance(app.pane, VerifyPane)
        finish = app.pane.primary()
        before = app.pane.request().results
        await pilot.press("down")
        assert app.focused is app.pane.query_one("#again")
        await pilot.press("enter")
        await rest(pilot)
        assert not app.pane.primary().ready
        await pilot.press("escape")
        await rest(pilot)
        assert app.pane.primary() == finish
        await pilot.press("a")
        await rest(pilot)
        assert not app.pane.problems, "no code was asked for before"
        assert not app.pane.query_one(AfterVerify).has_class("-shown"), "the code comes first"
        new_user.aws.ahead += 30
        await pilot.press(*new_user.code(seed, 1), "enter")
        await rest(pilot)
        after = app.pane.request().results
        assert [result.profile for result in after] == [result.profile for result in before]
        assert all(new is not old for new, old in zip(after, before, strict=True)), "they are new answers"
        assert app.pane.primary() == finish
        assert session.status(VERIFY) is not Status.DONE


async def test_a_code_that_was_not_given_is_what_is_typed_next(
    new_user: NewUserAws, session: Session
) -> None:
    seed = begin(session, new_user, with_device=True)
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(100, 48)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.problems, "nothing is asked without a code"
        assert app.focused is app.pane.query_one("#code-security")
        assert not app.pane.primary().ready
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await rest(pilot)
        assert "2 of 2" in app.text()
        assert app.focused is app.pane.query_one("#copy-lines")


async def test_in_a_small_terminal_every_profile_is_in_view_once_all_work(
    new_user: NewUserAws, session: Session
) -> None:
    begin(session, new_user, with_device=False)
    names = (BASE, *(f"bb-apps-{number}-devops" for number in range(4)))
    view = verify.IdentityView(ITEM, BASE, None, dict.fromkeys(names[1:], "https://a.example"))
    survey = verify.Survey((view,), has_aws=True, written=(*names, "a", "b"))
    results = tuple(Result(name, f"arn:aws:iam::{APPS}:user/jane.doe", "") for name in names)
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert isinstance(app.pane, VerifyPane)
        await app.pane._show_survey(survey)
        app.pane._finish(results)
        await rest(pilot)
        assert all(name in app.text() for name in names)
        assert f"{len(names)} of {len(names) + 2}" in app.text(), "two of an account without a key"
        await pilot.press("v")
        await rest(pilot)
        log = app.screen.query_one("#text", Log)
        assert log.max_scroll_x == 0, "all of a line is in view, however long"
        shown = "".join(line.text for line in log.lines)
        await pilot.press("c")
        await rest(pilot)
        clipboard: Any = new_user.environment.clipboard
        assert len(clipboard.content.splitlines()) == 3
        assert "".join(clipboard.content.split()) == "".join(shown.split())


async def test_after_a_refused_code_the_next_one_is_typed_where_the_focus_is_and_is_seen(
    new_user: NewUserAws, session: Session
) -> None:
    seed = begin(session, new_user, with_device=True)
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        entry = f"@{identity_of(new_user.context()).account_alias}"
        assert entry in app.text(), "as in the phone"
        await pilot.press(*"000000", "ctrl+n")
        await rest(pilot)
        assert "1 of 2" in app.text()
        assert not app.pane.primary().ready
        assert [problem.field for problem in app.pane.problems] == ["code-security"], "the code comes first"
        assert "arn:" not in app.text()
        assert app.focused is app.pane.query_one("#code-security")
        finish = app.pane.query_one("#finish").region
        assert app.pane.region.contains_region(finish)
        assert finish.height, "it is in view without scrolling"
        code = new_user.code(seed, 1)
        await pilot.press(*code)
        await rest(pilot)
        assert code in app.text()
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert "2 of 2" in app.text()


@pytest.mark.parametrize("written", [False, True], ids=["no profiles", "no access key"])
async def test_where_nothing_is_to_be_tested_the_primary_leaves_it_out(
    written: bool, new_user: NewUserAws, session: Session
) -> None:
    context = new_user.context()
    start = {name: context.facts[name] for name in ("handoff", "identities")}
    settle(session, StepKey("start"), {**start, "fingerprint": ""})
    if written:
        settle(
            session,
            StepKey("profiles", ITEM),
            profiles.perform(profiles.proposal(context), context, new_user.report),
        )
    else:
        session.skip(StepKey("profiles", ITEM))
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one(ProfileAnswers).display
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(VERIFY) is Status.SKIPPED
        assert text_of(app.wizard._primary().effect) in app.text(), "the bar is the end's"


async def test_while_an_account_is_open_it_names_that_and_what_is_next_there(
    new_user: NewUserAws, session: Session
) -> None:
    start = {name: new_user.context().facts[name] for name in ("handoff", "identities")}
    settle(session, StepKey("start"), {**start, "fingerprint": ""})
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        note = str(app.wizard.query_one(".pane-note", Text).content)
        assert note.index("security") < note.index(step_of(profiles).title)


@pytest.mark.parametrize("with_device", [True, False])
async def test_the_page_opens_with_the_result_of_the_step_before_in_view(
    new_user: NewUserAws, session: Session, monkeypatch: pytest.MonkeyPatch, *, with_device: bool
) -> None:
    dropped: list[str] = []
    seed = begin(session, new_user, with_device=with_device)
    monkeypatch.setattr(VerifyPane, "drop_result", lambda pane: dropped.append(pane.running_move))
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not dropped
        await pilot.press(*(new_user.code(seed, 1) if seed else ""), "ctrl+n")
        await rest(pilot)
        assert dropped


async def test_a_draft_with_an_unknown_shell_opens_with_the_users_own(
    new_user: NewUserAws, session: Session
) -> None:
    begin(session, new_user, with_device=False)
    session.drafts.save(VERIFY, {"shell": "csh"})
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert isinstance(app.pane, VerifyPane)
        assert app.pane._shell is verify.own_shell(app.pane.context)


async def test_a_try_before_anything_works_is_told(new_user: NewUserAws, session: Session) -> None:
    begin(session, new_user, with_device=False)
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(100, 48)) as pilot:
        await rest(pilot)
        await pilot.press("x")
        await rest(pilot)
        assert [notice.severity for notice in app._notifications] == ["warning"]
        assert not app.pane.query_one("#tried").display
        assert app.pane.query_one(ProfileAnswers).marked == BASE


async def test_without_the_aws_command_a_button_says_how_to_install_it(
    new_user: NewUserAws, session: Session
) -> None:
    begin(session, new_user, with_device=False)
    new_user.environment = replace(new_user.environment, variables={"PATH": "/nowhere"})
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert not app.pane.query_one("#try").display
        app.pane.query_one("#install").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Notice)
        await pilot.press("escape")
        await app.wizard.go_to(VERIFY)
        await rest(pilot)
        app.pane.query_one("#finish", Button).press()
        await rest(pilot)
        assert NOT_INSTALLED in str(app.wizard.query_one("#next", Text).render()), "as the page said"


async def test_the_end_leads_to_a_skipped_test_and_a_code_is_for_it(
    new_user: NewUserAws, session: Session
) -> None:
    seed = begin(session, new_user, with_device=True)
    session.skip(VERIFY)
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.wizard.go_to(None)
        await pilot.press("o")
        await rest(pilot)
        await pilot.press(*new_user.code(seed, 1), "enter")
        await rest(pilot)
        assert app.wizard.current == VERIFY
        assert app.pane.request().results  # type: ignore[attr-defined]


@pytest.mark.parametrize("before", [False, True], ids=["never", "worked"])
async def test_what_only_the_admin_can_help_with_asks_for_no_code(
    new_user: NewUserAws, session: Session, *, before: bool
) -> None:
    seed = begin(session, new_user, with_device=True)
    new_user.aws.administrator("iam", APPS).delete_role(RoleName="DevOps")
    if before:
        results = [{"profile": name, "arn": "arn", "problem": None} for name in (BASE, ROLE)]
        settle(session, VERIFY, {"verified": {"results": results}})
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)

    def stands(*, asks: bool) -> None:
        assert (app.pane.turn().yours, app.pane.primary().ready) == (asks, not asks)
        assert is_displayed(app.pane.query_one("#code-security")) is asks
        assert not app.pane.vertical_scrollbar.display
        assert not any(is_displayed(note) for note in app.pane.query(".pane-note")), "it is said once"
        assert not app._notifications

    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        if before:
            app.pane.query_one("#again", Button).press()
            await rest(pilot)
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await rest(pilot)
        stands(asks=False)
        await app.wizard.go_to(VERIFY)  # as on coming back
        await rest(pilot)
        stands(asks=False)
        app.pane.query_one("#again", Button).press()
        await rest(pilot)
        stands(asks=True)
        await pilot.press("escape")
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(VERIFY) is Status.UNCONFIRMED
        assert [bool(result["for_admin"]) for result in session.facts()["verified"]["results"][1:]] == [True]
        await app.wizard.go_to(VERIFY)
        await rest(pilot)
        assert not any(is_displayed(note) for note in app.pane.query(".pane-note")), "nothing was confirmed"


async def test_a_test_that_fails_contradicts_the_one_that_is_done_until_one_works(
    new_user: NewUserAws, session: Session
) -> None:
    seed = begin(session, new_user, with_device=True)
    iam = new_user.aws.administrator("iam")
    (key,) = iam.list_access_keys(UserName="jane.doe")["AccessKeyMetadata"]
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.query("#works")
        for status, stands in (("Inactive", Status.CONTRADICTED), ("Active", Status.DONE)):
            iam.update_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"], Status=status)
            await app.wizard.go_to(VERIFY)
            await rest(pilot)
            new_user.aws.ahead += 30
            app.pane.query_one("#code-security", Input).value = new_user.code(seed, 1)
            again = app.pane.query_one("#again", Button)
            again.press()  # as long as it is there
            if not again.display:
                await pilot.press("ctrl+n")
            await rest(pilot)
            assert (app.wizard.current, session.status(VERIFY)) == (VERIFY, stands)
            run = app.wizard.run
            run.save_checks(run.check([run.question(VERIFY)]))  # as on coming back: that asks AWS nothing
            assert session.status(VERIFY) is stands
            await app.wizard.go_to(None)
            await rest(pilot)
            assert bool(app.wizard.query("#works")) is (stands is Status.DONE)
        session.observe({StepKey("profiles", ITEM): Observation(Verdict.GONE, "They are gone.")})
        await app.wizard.go_to(None)
        await rest(pilot)
        assert not app.wizard.query("#works"), "what they rest on is gone"


async def test_a_device_that_aws_no_longer_has_leads_to_the_step_that_registers_one(
    new_user: NewUserAws, session: Session
) -> None:
    seed = begin(session, new_user, with_device=True)
    iam = new_user.aws.administrator("iam")
    (device,) = iam.list_mfa_devices(UserName="jane.doe")["MFADevices"]
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        iam.deactivate_mfa_device(UserName="jane.doe", SerialNumber=device["SerialNumber"])
        await pilot.press(*new_user.code(seed, 1), "ctrl+n")
        await rest(pilot)
        pane = app.pane
        assert isinstance(pane, VerifyPane)
        assert pane._to_correct == (StepKey("profiles", ITEM),)
        pane._learn({StepKey("mfa", ITEM): Observation(Verdict.GONE, "It is gone.")})
        assert pane._to_correct == (StepKey("mfa", ITEM),)


@pytest.mark.parametrize("opened_before", [True, False])
async def test_profiles_that_are_gone_lead_to_the_step_that_writes_them(
    new_user: NewUserAws, session: Session, *, opened_before: bool
) -> None:
    seed, written = begin(session, new_user, with_device=True), StepKey("profiles", ITEM)
    config = verify.profile_files(session.facts(ITEM)["profiles"]).config_file
    panes: dict[str, Any] = {"verify": VerifyPane, "profiles": _ProfilesPane}
    app = PaneHost(session, new_user.environment, MODULES, panes, VERIFY)
    if not opened_before:
        config.unlink()
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        if opened_before:
            config.unlink()
            await pilot.press(*new_user.code(seed, 1), "ctrl+n")
            await rest(pilot)
        assert session.status(written) is Status.CONTRADICTED
        assert not any(is_displayed(field) for field in app.pane.query(Input)), "no code helps"
        assert app.pane.primary().ready
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.wizard.current == written


async def test_while_a_key_is_rejected_the_other_accounts_are_tested(
    new_user: NewUserAws, session: Session
) -> None:
    begin(session, new_user, with_device=True)
    app = PaneHost(session, new_user.environment, MODULES, {"verify": VerifyPane}, VERIFY)
    views = [IdentityView(account, f"bb-{account}", "arn:serial", {}) for account in ("apps", ITEM, "works")]
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        pane = app.pane
        assert isinstance(pane, VerifyPane)
        rejected = StepKey("access-keys", ITEM)
        pane._learn({rejected: Observation(Verdict.GONE, "It is rejected.")})
        pane._results = {f"bb-{ITEM}": Result(f"bb-{ITEM}", "", "-"), "bb-works": Result("bb-works", "arn")}
        await pane._show_survey(verify.Survey(tuple(views), has_aws=False))
        await rest(pilot)
        assert [str(field.id) for field in pane.query(Input) if is_displayed(field)] == ["code-apps"]
        assert pane.primary().act != pane._ask, "it leads to the key, until a code is there"
        await pilot.press(*"123456")
        assert pane.primary().act == pane._ask
        pane._gone = {StepKey("profiles", ITEM): "They are gone."}
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert pane._gone, "its account wasn't tested"
