"""The first screen of a new user, driven by keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import fake_environment
from support.new_user import notices
from support.panes import PaneHost, new_session, rest, settle, until
from support.pgp import ENVIRONMENT
from textual.events import Paste
from textual.widgets import Button, Input

from screens.new_user.before_you_start import BeforeYouStartPane
from screens.new_user.pgp_key import PgpKeyPane
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.text import Text
from workflows.core.installation import COMMANDS
from workflows.core.sentences import text_of
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.messages.invitation import Invitation
from workflows.steps.new_user import before_you_start, pgp_key

KEY = StepKey("before-you-start")


def host(
    tmp_path: Path, session: Session, mailbox: Path | None = None, path: str = ENVIRONMENT["PATH"]
) -> PaneHost:
    environment = fake_environment(
        tmp_path, {**ENVIRONMENT, "PATH": path}, mailbox=mailbox, sandbox=mailbox is not None, project="bb"
    )
    return PaneHost(session, environment, [before_you_start], {"before-you-start": BeforeYouStartPane}, KEY)


async def test_a_pasted_command_fills_both_fields_and_next_goes_on(tmp_path: Path) -> None:
    session = new_session(tmp_path / "sessions", [before_you_start])
    app = host(tmp_path, session)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "✓ gpg 2." in app.text()
        app.pane.query_one("#project", Input).value = "iam-onboard join --project bb --user jane.doe"
        await pilot.pause()
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.DONE
        assert session.facts()["project"] == "bb"
        assert session.facts()["user"] == "jane.doe"
    session.close()


async def test_a_command_that_is_typed_is_read_once_the_field_is_left(tmp_path: Path) -> None:
    session = new_session(tmp_path / "sessions", [before_you_start])
    app = host(tmp_path, session)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#project", Input).focus()
        await pilot.press(*"iam-onboard join --project bb --user jane.doe")
        assert notices(app) == ""
        await pilot.press("enter")
        assert app.pane.request() == before_you_start.Request("bb", "jane.doe")
    session.close()


async def test_a_whole_invitation_that_is_pasted_into_a_field_fills_both(tmp_path: Path) -> None:
    session = new_session(tmp_path / "sessions", [before_you_start])
    app = host(tmp_path, session)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#project", Input).focus()
        app.post_message(Paste(Invitation("bb", "jane.doe").render()))
        await pilot.pause()
        assert app.pane.request() == before_you_start.Request("bb", "jane.doe")
    session.close()


@pytest.mark.parametrize("yes", [True, False])
async def test_a_change_that_makes_done_steps_wait_is_asked_about_first(tmp_path: Path, yes: bool) -> None:
    modules = [before_you_start, pgp_key]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, KEY, {"project": "bb", "user": "jane.doe", "tools": {}})
    settle(session, StepKey("pgp-key"), {"fingerprint": "F", "request_sent": "it is out"})
    panes = {"before-you-start": BeforeYouStartPane, "pgp-key": PgpKeyPane}
    app = PaneHost(session, fake_environment(tmp_path, ENVIRONMENT), modules, panes, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#project", Input).value = "zz"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        app.screen.query_one("#yes" if yes else "#close").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert session.status(StepKey("pgp-key")) is (Status.STALE if yes else Status.DONE)
        assert session.facts()["project"] == ("zz" if yes else "bb")
    session.close()


async def test_a_missing_name_says_what_would_be_accepted_and_gets_the_focus(tmp_path: Path) -> None:
    session = new_session(tmp_path / "sessions", [before_you_start], {"before-you-start": {"project": "bb"}})
    app = host(tmp_path, session)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert [(problem.field, problem.fatal) for problem in app.pane.problems] == [("user", True)]
        assert app.screen.focused is not None
        assert app.screen.focused.id == "user"
        assert session.status(KEY) is Status.READY
    session.close()


async def test_the_sandbox_offers_the_invitation_in_its_mailbox(tmp_path: Path) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    (mailbox / "invitation-jane.doe.txt").write_text(Invitation("bb", "jane.doe").render())
    session = new_session(tmp_path / "sessions", [before_you_start])
    app = host(tmp_path, session, mailbox)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#use").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert app.pane.request() == before_you_start.Request("bb", "jane.doe")
        use = app.pane.query_one("#use", Button)
        assert "jane.doe" in str(use.label)
        assert not use.display
    session.close()


async def test_the_sandbox_names_whoever_the_used_invitation_is_for(tmp_path: Path) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    (mailbox / "invitation-jane.doe.txt").write_text(Invitation("bb", "jane.doe").render())
    entered = {"before-you-start": {"project": "bb", "user": "ana.cruz"}}
    session = new_session(tmp_path / "sessions", [before_you_start], entered)
    app = host(tmp_path, session, mailbox)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        hint = app.pane.query_one("#hint", Text)
        assert "ana.cruz" not in str(hint.render()), "nobody plays her"
        app.pane.query_one("#use", Button).press()
        await rest(pilot)
        assert "jane.doe" in str(hint.render())
        assert "ana.cruz" not in str(hint.render())
    session.close()


async def test_a_missing_gpg_is_told_with_commands_and_looked_for_again(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    session = new_session(
        tmp_path / "sessions", [before_you_start], {"before-you-start": {"project": "bb", "user": "j"}}
    )
    app = host(tmp_path, session, path=str(programs))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#install", Button).press()
        await rest(pilot)
        assert all(command in app.text() for _, command in COMMANDS["gpg"])
        await pilot.press("escape", "ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, ErrorDialog)
        await pilot.press("escape")
        assert session.status(KEY) is Status.FAILED
        (programs / "gpg").write_text("#!/bin/sh\necho 'gpg (GnuPG) 2.4.7'\n")
        (programs / "gpg").chmod(0o755)
        app.pane.query_one("#look").focus()
        await pilot.press("enter")
        await rest(pilot)
        assert "✓ gpg 2.4.7" in app.text()
    session.close()


@pytest.mark.parametrize(
    ("user", "handoff", "offered"),
    [("jane.doe", False, False), ("amy.poe", False, True), ("amy.poe", True, False)],
)
async def test_an_invitation_that_is_entered_or_for_somebody_else_than_has_a_handoff_is_not_offered(
    tmp_path: Path, user: str, *, handoff: bool, offered: bool
) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    (mailbox / "invitation-jane.doe.txt").write_text(Invitation("bb", "jane.doe").render())
    if handoff:
        (mailbox / f"handoff-{user}.txt").write_text("Hello")
    entered = {"before-you-start": {"project": "bb", "user": user}}
    session = new_session(tmp_path / "sessions", [before_you_start], entered)
    app = host(tmp_path, session, mailbox)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#use").display is offered
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is (Status.READY if offered else Status.DONE), "a warning comes first"
    session.close()


async def test_what_lies_ahead_is_less_with_a_handoff(tmp_path: Path) -> None:
    purposes = set[str]()
    for draft in ({}, {"project": "bb", "user": "jane.doe", "handed": True}):
        session = new_session(tmp_path / f"sessions-{len(purposes)}", [before_you_start])
        session.drafts.save(KEY, draft)
        app = host(tmp_path, session)
        async with app.run_test(size=(80, 24)) as pilot:
            await rest(pilot)
            purposes.add(str(app.pane.query_one(".pane-purpose", Text).render()))
            assert app.pane.draft()["handed"] is bool(draft)
        session.close()
    assert len(purposes) == 2


async def test_an_error_calls_the_field_by_its_label_and_keeps_the_list_of_signs_in_a_row(
    tmp_path: Path,
) -> None:
    session = new_session(tmp_path / "sessions", [before_you_start])
    app = host(tmp_path, session)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#user", Input).value = "jane!doe"
        await pilot.press("ctrl+n")
        await rest(pilot)
        (refused,) = [text_of(problem.message) for problem in app.pane.problems if problem.fatal]
        labels = {str(label.visual) for label in app.pane.query(".row-label").results(Text)}
        assert [label for label in labels if label in refused] == ["IAM user name"]
        assert not refused.startswith("user:")
        assert "+=,.@_-" in app.text()
    session.close()
