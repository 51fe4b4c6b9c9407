"""The handoff's screen, driven by keys, with real gpg."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.new_user import environment_of, handoff_for, identity_for, said
from support.panes import PaneHost, by_id, new_session, rest, settle, until
from support.pgp import GpgHome, gpg_home
from textual.events import Paste
from textual.widgets import TextArea

from screens.new_user.before_you_start import BeforeYouStartPane
from screens.new_user.handoff import HandoffPane
from screens.new_user.pgp_key import PgpKeyPane
from screens.step.asking import Contradiction
from screens.step.page import is_displayed
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.lists import TextDialog
from screens.widgets.text import Button, Lines
from tui.app.frame import Frame
from workflows.core.files import cause_of
from workflows.core.openpgp import grouped
from workflows.core.sentences import text_of
from workflows.environment import Environment
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.messages.handoff import Handoff, RoleProfile
from workflows.run import SessionRun
from workflows.steps.new_user import before_you_start, handoff, pgp_key

KEY = StepKey("handoff")
SENT = "the request is out"
MODULES = (before_you_start, pgp_key, handoff)
PANES = {"before-you-start": BeforeYouStartPane, "pgp-key": PgpKeyPane, "handoff": HandoffPane}


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        home.key("jane")
        yield home


def begun(tmp_path: Path, gpg: GpgHome, draft: dict[str, Any] | None = None, **more: str) -> Session:
    session = new_session(tmp_path / "sessions", MODULES, {"handoff": draft} if draft else None)
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane.doe", "tools": {}})
    sent = {"fingerprint": gpg.fingerprint("jane"), "key_made": False, "request_sent": SENT}
    settle(session, StepKey("pgp-key"), {**sent, **more})
    return session


def in_a_sandbox(tmp_path: Path, gpg: GpgHome) -> tuple[Path, Session, PaneHost]:
    """Return the mailbox, and a session whose page waits for a handoff."""
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    session = begun(tmp_path, gpg)
    environment = environment_of(tmp_path, gpg, mailbox=mailbox, sandbox=True)
    return mailbox, session, PaneHost(session, environment, MODULES, PANES, KEY)


def knows_another_account(environment: Environment) -> None:
    """Then each account that is not known is named."""
    config = environment.home / ".aws" / "bb" / "config"
    config.parent.mkdir(parents=True)
    config.write_text("[profile bb-shared]\nrole_arn = arn:aws:iam::444444444444:role/X\n")


async def test_somebody_who_waits_without_a_usable_key_comes_to_a_request_for_a_replacement(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, gpg, {"text": handoff_for(gpg, "jane").render()})
    app = PaneHost(session, environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.primary().ready
        app.pane.query_one("#replace").focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        app.screen.query_one("#yes").focus()
        await pilot.press("enter")
        await until(pilot, lambda: app.wizard.current == StepKey("pgp-key"))
        await rest(pilot)
        assert app.pane.query_one("#replacement").display
        assert app.pane.scroll_y == 0, "its title is in view"
        request = app.pane.request()
        assert (request.replacement, request.fingerprint) == (True, "")
        await pilot.press("escape")
        await until(pilot, lambda: app.wizard.current == KEY)
        await rest(pilot)
        assert not app.pane.primary().ready, "the handoff for the key that is lost isn't read again"
        await app.wizard.go_to(StepKey("pgp-key"))
        await rest(pilot)
        assert not app.pane.request().replacement
        assert app.pane.request().fingerprint == gpg.fingerprint("jane")


async def test_a_pasted_handoff_is_shown_first_and_accepted_by_the_second_next(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, gpg)
    app = PaneHost(session, environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    async with app.run_test(size=(80, 40)) as pilot:
        await rest(pilot)
        assert SENT.capitalize() in said(app)
        assert grouped(gpg.fingerprint("jane")) in app.text(), "the admin may ask for it"
        assert not app.pane.primary().ready
        assert not app.pane.turn().yours
        app.pane.query_one(TextArea).text = handoff_for(gpg, "jane").render()
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        assert session.status(KEY) is Status.READY
        shown = app.text()
        expected = ("222222222222", "bb-security", grouped(gpg.fingerprint("jane")), "jane <jane@a.example>")
        assert all(part in shown for part in expected)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.DONE
        assert session.facts()["identities"] == ["security"]
        await app.wizard.go_to(KEY)
        await rest(pilot)
        assert "222222222222" in app.text()
    session.close()


async def test_escape_goes_back_to_the_handoff_that_was_read_when_another_was_to_be_read(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, gpg, {"text": handoff_for(gpg, "jane").render()})
    app = PaneHost(session, environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        app.pane.query_one("#another").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert not is_displayed(app.pane.query_one("#watching")), "nothing is awaited"
        assert app.pane.turn().yours
        await pilot.press(*"junk", "ctrl+n")
        await until(pilot, lambda: bool(app.pane.problems))
        await pilot.press("escape")
        await rest(pilot)
        assert app.wizard.current == KEY
        assert app.pane.has_class("-arrived")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.DONE
    session.close()


def has_a_profile_in(environment: Environment, account: str) -> None:
    """What makes an account a known one."""
    config = environment.home / ".aws" / "bb" / "config"
    config.parent.mkdir(parents=True)
    config.write_text(f"[profile bb-shared]\nrole_arn = arn:aws:iam::{account}:role/X\n")


async def test_every_account_is_shown_and_those_that_are_not_known_are_marked(
    tmp_path: Path, gpg: GpgHome
) -> None:
    environment = environment_of(tmp_path, gpg)
    has_a_profile_in(environment, "222222222222")
    session = begun(tmp_path, gpg, {"text": handoff_for(gpg, "jane").render()})
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        assert (
            text_of(handoff.to_compare(handoff_for(gpg, "jane"), frozenset({"222222222222"}))) in app.text()
        )
        lines = [line.partition(": account ")[2] for line in app.text().splitlines()]
        marked = {line[:12]: "!" in line for line in lines if line}
        assert marked == {"222222222222": False, "333333333333": True}
    session.close()


async def test_a_handoff_is_accepted_only_once_all_its_accounts_were_on_the_screen(
    tmp_path: Path, gpg: GpgHome
) -> None:
    roles = tuple(RoleProfile(f"bb-a{n}-devops", "DevOps", f"a{n}", f"{n:012}") for n in range(30))
    text = handoff_for(gpg, "jane", profiles=roles).render()
    environment = environment_of(tmp_path, gpg)
    has_a_profile_in(environment, "444444444444")
    session = begun(tmp_path, gpg, {"text": text})
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        await rest(pilot)
        last, presses = f"{29:012}", 0
        while session.status(KEY) is not Status.DONE:
            assert presses < 10
            seen = last in app.text()
            await pilot.press("ctrl+n")
            await rest(pilot)
            presses += 1
        assert seen, "the last account was in view as it was accepted"
        assert presses > 2, "the first one shows the rest"
    session.close()


async def test_what_a_button_below_has_passed_over_is_shown_before_it_is_accepted(
    tmp_path: Path, gpg: GpgHome
) -> None:
    accounts = [f"{number:012}" for number in range(40)]
    roles = tuple(RoleProfile(f"bb-{n}-devops", "DevOps", f"a{n}", id_) for n, id_ in enumerate(accounts))
    environment = environment_of(tmp_path, gpg)
    has_a_profile_in(environment, "444444444444")
    session = begun(tmp_path, gpg, {"text": handoff_for(gpg, "jane", profiles=roles).render()})
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    app.animation_level = "full"
    async with app.run_test(size=(80, 24)) as pilot:
        await until(
            pilot, lambda: app.pane.has_class("-arrived") and app.pane.max_scroll_y > len(accounts) / 2
        )
        await rest(pilot)
        seen = app.text()
        app.pane.query_one("#another").focus()
        await until(pilot, lambda: app.pane.scroll_y == app.pane.max_scroll_y)
        while session.status(KEY) is not Status.DONE:
            seen += app.text()
            await pilot.press("ctrl+n")
            await pilot.wait_for_animation()  # each line is read while it rests
            await rest(pilot)
        assert all(account in seen for account in accounts)
    session.close()


async def test_the_rest_is_offered_as_long_as_there_is_one(tmp_path: Path, gpg: GpgHome) -> None:
    roles = tuple(RoleProfile(f"bb-a{n}-devops", "DevOps", f"a{n}", f"{n:012}") for n in range(12))
    environment = environment_of(tmp_path, gpg)
    knows_another_account(environment)
    session = begun(tmp_path, gpg, {"text": handoff_for(gpg, "jane", profiles=roles).render()})
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        await rest(pilot)
        primary = app.wizard.query_one("#primary", Button)
        assert app.pane.max_scroll_y > 0
        pane = app.pane
        assert isinstance(pane, HandoffPane)
        assert pane._arrival is not None
        pane.scroll_end(animate=False, immediate=True)
        pane._show(pane._arrival)
        assert (pane.scroll_y, pane._seen_to) == (0, 0), "its lines are seen from its own top"
        await rest(pilot)
        before = str(primary.caption)
        await pilot.resize_terminal(80, 60)
        await rest(pilot)
        assert app.pane.max_scroll_y == 0
        assert str(app.pane.primary().effect) in str(primary.caption)
        assert str(primary.caption) != before
    session.close()


async def test_a_new_account_is_marked_once_though_its_own_roles_name_it_too(
    tmp_path: Path, gpg: GpgHome
) -> None:
    environment = environment_of(tmp_path, gpg)
    has_a_profile_in(environment, "444444444444")
    role = RoleProfile("bb-security-devops", "DevOps", "security", "222222222222")
    session = begun(tmp_path, gpg, {"text": handoff_for(gpg, "jane", profiles=(role,)).render()})
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        assert app.text().count("account 222222222222") == 1
    session.close()


@pytest.mark.parametrize("accepted", [False, True])
async def test_join_with_a_file_opens_it_at_once(tmp_path: Path, gpg: GpgHome, *, accepted: bool) -> None:
    environment, held = environment_of(tmp_path, gpg), handoff_for(gpg, "jane")
    (environment.home / "handoff.txt").write_text(held.render())
    session = begun(tmp_path, gpg, {"path": "~/handoff.txt"})
    if accepted:
        one = replace(held, identities=(replace(held.identities[0], account_name="management"),))
        at = "2020-01-01T00:00:00+00:00"
        settle(session, KEY, {"handoff": one.payload(), "identities": ["management"], "accepted_at": at})
        session.drafts.save(KEY, {"path": "~/handoff.txt"})
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        arrival = str(app.pane.query_one("#arrival", Lines).content)
        assert all(part in arrival for part in ("~/handoff.txt", "security"))
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.DONE
        assert "security" in session.facts()["identities"]
    session.close()


async def test_a_handoff_for_somebody_elses_key_is_refused_and_the_step_stays_open(
    tmp_path: Path, gpg: GpgHome
) -> None:
    with gpg_home() as other:
        other.key("stranger")
        foreign = handoff_for(other, "stranger").render()
    session = begun(tmp_path, gpg, {"text": foreign})
    app = PaneHost(session, environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: [problem.field for problem in app.pane.problems] == ["text"])
        assert app.screen is app.wizard
        assert not app.pane.turn().yours, "only the admin can send another one"
        assert grouped(gpg.fingerprint("jane")) in said(app)
        assert app.pane.query_one("#clear").display
        for button in app.pane.query("ButtonRow Button").results():
            assert not button.display or app.pane.region.contains_region(button.region), "it is in view"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.READY
    session.close()


async def test_only_a_text_that_is_a_handoff_is_kept(tmp_path: Path, gpg: GpgHome) -> None:
    session = begun(tmp_path, gpg)
    app = PaneHost(session, environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    good = handoff_for(gpg, "jane").render()
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for text, kept in (("correct horse battery staple", False), (good, True)):
            app.pane.query_one(TextArea).text = text
            await rest(pilot)
            app.pane.keep_draft()
            assert not session.drafts.load(KEY).get("text")
            assert app.pane.unkept
            await pilot.press("ctrl+n")
            await rest(pilot)
            assert bool(session.drafts.load(KEY).get("text")) is kept
            assert not app.pane.unkept
    session.close()


@pytest.mark.parametrize(
    ("draft", "field"),
    [({"text": "no handoff at all"}, "text"), ({"path": "~/nowhere.txt"}, "path"), ({"path": "~/j"}, "path")],
)
async def test_what_is_no_handoff_is_refused_at_its_field(
    tmp_path: Path, gpg: GpgHome, draft: dict[str, str], field: str
) -> None:
    environment = environment_of(tmp_path, gpg)
    (environment.home / "j").write_text("junk")
    app = PaneHost(begun(tmp_path, gpg, draft), environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: [problem.field for problem in app.pane.problems] == [field])
        await until(pilot, lambda: app.focused is app.pane.query_one(f"#{field}"))
        assert app.screen is app.wizard
        cause = text_of(cause_of(FileNotFoundError(errno.ENOENT, "")))
        assert any(cause in text_of(problem.message) for problem in app.pane.problems) == (
            "nowhere" in str(draft)
        )


async def test_a_request_whose_file_was_moved_away_is_not_said_to_be_there(
    tmp_path: Path, gpg: GpgHome
) -> None:
    saved = tmp_path / "request-jane.doe.txt"
    saved.touch()
    app = PaneHost(
        begun(tmp_path, gpg, request_file=str(saved)), environment_of(tmp_path, gpg), MODULES, PANES, KEY
    )

    def claimed() -> bool:
        return "✓" in str(app.pane.query_one("#waiting", Lines).content)

    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert claimed()
        saved.unlink()
        app.pane._look_for_handoff()  # type: ignore[attr-defined]
        await until(pilot, lambda: not claimed())
        assert saved.name in str(app.pane.query_one("#waiting", Lines).content)


async def test_the_keys_page_says_that_the_request_is_out_only_while_its_file_is_there(
    tmp_path: Path, gpg: GpgHome
) -> None:
    saved = tmp_path / "request-jane.doe.txt"
    saved.touch()
    app = PaneHost(
        begun(tmp_path, gpg, request_file=str(saved)), environment_of(tmp_path, gpg), MODULES, PANES, KEY
    )
    async with app.run_test(size=(80, 24)) as pilot:
        for there in (True, False):
            await app.wizard.go_to(StepKey("pgp-key"))
            await rest(pilot)
            assert any(SENT in str(lines.content) for lines in app.pane.query(Lines)) is there
            saved.unlink(missing_ok=True)
            await app.wizard.go_to(KEY)


async def test_the_page_stays_whole_where_there_is_nothing_to_read_yet(tmp_path: Path, gpg: GpgHome) -> None:
    copied = {
        "request_sent": "the request is saved as ~/request.txt",
        "request_copied": "Copied. " * 8,
        "sent_at": "2026-01-01T10:00:00+00:00",
    }
    app = PaneHost(begun(tmp_path, gpg, **copied), environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert not app.pane.problems
        assert app.pane.query_one(TextArea).has_focus
        assert app.pane.region.contains_region(app.pane.query_one("#replace").region)
        assert app.wizard.query_one("#result").has_class("-shown"), "why Next did nothing"
        app.wizard.drop_result(passing=True)  # as the application does with each key
        assert not app.wizard.query_one("#result").has_class("-shown")


class Framed(PaneHost):
    """With the fields as high as the application makes them."""

    CSS = Frame.CSS


async def test_a_long_path_leaves_the_heading_in_view(tmp_path: Path, gpg: GpgHome) -> None:
    path = "/" + "/".join(f"folder-{number}" for number in range(6))
    sent = {
        "request_sent": f"the request is saved as {path} and in the mailbox",
        "request_copied": "Copied. " * 6,
        "sent_at": "2026-01-01T10:00:00+00:00",
    }
    session = begun(tmp_path, gpg, **sent)
    session.reopen(StepKey("pgp-key"))
    settle(session, StepKey("pgp-key"), {"fingerprint": gpg.fingerprint("jane"), "key_made": True, **sent})
    app = Framed(session, environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one(TextArea).has_focus
        assert app.pane.scroll_y == 0
        assert app.pane.region.contains_region(app.pane.query_one(".pane-title").region)
        assert app.pane.region.contains_region(app.pane.query_one("#replace").region)


async def test_two_accounts_are_shown_whole_and_a_higher_page_gets_its_blank_lines_back(
    tmp_path: Path, gpg: GpgHome
) -> None:
    environment = environment_of(tmp_path, gpg)
    has_a_profile_in(environment, "444444444444")
    security = identity_for(gpg, "jane")
    role = replace(security.profiles[0], profile="bb-root-devops")
    management = replace(security, account_name="management", account_id="1" * 12, profiles=(role,))
    session = begun(tmp_path, gpg, {"text": Handoff("bb", (management, security)).render()})
    app = Framed(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        await rest(pilot)
        assert app.pane.has_class("-full")
        assert app.pane.max_scroll_y == 0
        assert str(app.pane.primary().effect) in str(app.wizard.query_one("#primary", Button).caption)
        await pilot.resize_terminal(80, 40)
        await rest(pilot)
        assert not app.pane.has_class("-full")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.DONE
    session.close()


async def test_a_path_that_is_too_long_for_its_line_keeps_its_end(tmp_path: Path, gpg: GpgHome) -> None:
    long = "the request is saved as /" + "/".join(f"folder-{number}" for number in range(12)) + "/the-end.txt"
    app = PaneHost(
        begun(tmp_path, gpg, request_sent=long), environment_of(tmp_path, gpg), MODULES, PANES, KEY
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        waiting = app.pane.query_one("#waiting", Lines)
        shown = [line for line in str(waiting.render()).splitlines() if "/" in line]
        assert len(shown) == 1
        assert "the-end.txt" in shown[0]


async def test_what_is_pasted_after_a_refusal_takes_the_place_of_what_was_refused(
    tmp_path: Path, gpg: GpgHome
) -> None:
    whole = handoff_for(gpg, "jane").render()
    session = begun(tmp_path, gpg)
    app = PaneHost(session, environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        app.pane.query_one("#replace").focus()  # a button takes no text: it goes into the field for it
        await pilot.pause()
        app.post_message(Paste(whole[: len(whole) * 2 // 3]))
        await pilot.pause()
        await pilot.press("ctrl+n")
        await until(pilot, lambda: bool(app.pane.problems))
        assert app.screen is app.wizard
        area = app.pane.query_one(TextArea)
        assert is_displayed(app.pane.query_one("#watching"))
        await pilot.resize_terminal(80, 24)
        assert is_displayed(app.pane.query_one("#watching")), "there is room for it"
        assert not app.pane.max_scroll_y
        await pilot.resize_terminal(80, 17)
        await until(pilot, lambda: not is_displayed(app.pane.query_one("#watching")))
        assert is_displayed(app.pane.query_one("#paste-here"))
        refused, area.text = area.text, ""
        await pilot.pause()
        assert is_displayed(app.pane.query_one("#watching")), "nothing is there any more that needs its room"
        area.text = refused
        area.select_all()
        app.post_message(Paste(whole))
        await pilot.pause()
        assert app.pane.query_one(TextArea).text == whole
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.pane.has_class("-arrived"))
    session.close()


async def test_what_arrives_in_the_mailbox_is_read_by_itself(tmp_path: Path, gpg: GpgHome) -> None:
    mailbox, session, app = in_a_sandbox(tmp_path, gpg)
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        assert not app.pane.has_class("-arrived")
        mail, whole = mailbox / "handoff-jane.doe.txt", handoff_for(gpg, "jane").render()
        mail.write_text(whole[:-100])
        await until(pilot, lambda: bool(app.pane.problems))
        mail.write_text(whole)
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        await until(pilot, lambda: app.screen.focused is not None and app.screen.focused.id == "primary")
        accept = app.pane.primary()
        mail.unlink()
        await pilot.press("ctrl+n")
        await until(pilot, lambda: bool(app.pane.problems))
        assert app.pane.primary() != accept, "there is nothing left to accept"
    session.close()


async def test_a_reply_in_the_mailbox_is_shown_and_the_key_can_be_sent_again(
    tmp_path: Path, gpg: GpgHome
) -> None:
    mailbox, session, app = in_a_sandbox(tmp_path, gpg)
    reply = mailbox / "about-your-key-jane.doe.txt"
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        reply.write_text("x" * 5_000)
        assert not handoff.reply(app.pane.context), "this is no reply of a few lines"
        assert not app.pane.turn().yours
        reply.write_text("It isn't yours.\x1b[31m\nSend it again.")
        os.utime(reply, (1, 1))
        await until(pilot, lambda: app.pane.turn().yours)
        shown = str(app.pane.query_one("#waiting", Lines).content)
        assert "It isn't yours." in shown
        assert "\x1b" not in shown
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.wizard.current == StepKey("pgp-key"))
        await rest(pilot)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.wizard.current == KEY)
        await rest(pilot)
        assert (mailbox / "request-jane.doe.txt").exists()
        assert not handoff.reply(app.pane.context), "the reply is older than the new request"
        assert not app.pane.turn().yours
    session.close()


@pytest.mark.parametrize("accepts", [True, False])
async def test_one_that_comes_after_another_is_one_question(
    tmp_path: Path, gpg: GpgHome, accepts: bool
) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    session, environment = begun(tmp_path, gpg), environment_of(tmp_path, gpg, mailbox=mailbox)
    held = handoff_for(gpg, "jane")
    accepted = {
        "handoff": held.payload(),
        "identities": ["security"],
        "accepted_at": "2020-01-01T00:00:00+00:00",
    }
    settle(session, KEY, accepted)
    more = replace(held.identities[0], account_name="management", account_id="1" * 12, profiles=())
    (mailbox / "handoff-jane.doe.txt").write_text(replace(held, identities=(*held.identities, more)).render())
    SessionRun(session, environment, by_id(MODULES)).observe()
    assert session.status(KEY) is Status.CONTRADICTED
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        await rest(pilot)
        app.pane.query_one("#another", Button).press()
        await rest(pilot)
        app.pane.query_one(TextArea).text = "no handoff at all"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["text"], "it was read"
        await pilot.press("escape")
        await rest(pilot)
        if accepts:
            await pilot.press("pagedown", "ctrl+n")
        else:
            app.pane.query_one("#keep", Button).press()
        await rest(pilot)
        assert not isinstance(app.screen, Contradiction)
        assert session.facts()["identities"] == (["security", "management"] if accepts else ["security"])
        assert session.status(KEY) is (Status.DONE if accepts else Status.UNCONFIRMED)
    session.close()


async def test_one_for_a_key_that_is_not_here_is_the_persons_turn_and_loses_nothing(
    tmp_path: Path, gpg: GpgHome
) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    session, environment = begun(tmp_path, gpg), environment_of(tmp_path, gpg, mailbox=mailbox)
    at, held = "2020-01-01T00:00:00+00:00", handoff_for(gpg, "jane")
    settle(session, KEY, {"handoff": held.payload(), "identities": ["security"], "accepted_at": at})
    with gpg_home() as other:
        other.key("stranger")
        (mailbox / "handoff-jane.doe.txt").write_text(handoff_for(other, "stranger").render())
    SessionRun(session, environment, by_id(MODULES)).observe()
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-refused"))
        await rest(pilot)
        assert app.pane.turn().yours
        assert not is_displayed(app.pane.query_one("#waiting"))
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.pane.has_class("-refused") and not app.pane.running_move)
        assert not isinstance(app.screen, Contradiction)
        assert session.status(KEY) is Status.CONTRADICTED, "the accepted one is still there"
        app.pane.query_one("#keep", Button).press()
        await rest(pilot)
        assert session.status(KEY) is Status.UNCONFIRMED
    session.close()


async def test_to_keep_the_old_one_decides_about_the_one_shown_alone(tmp_path: Path, gpg: GpgHome) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    session, environment = begun(tmp_path, gpg), environment_of(tmp_path, gpg, mailbox=mailbox)
    held = handoff_for(gpg, "jane")
    at = "2020-01-01T00:00:00+00:00"
    settle(session, KEY, {"handoff": held.payload(), "identities": ["security"], "accepted_at": at})
    more = replace(held.identities[0], account_name="management", account_id="1" * 12, profiles=())
    (mailbox / "handoff-jane.doe.txt").write_text(replace(held, identities=(more,)).render())
    SessionRun(session, environment, by_id(MODULES)).observe()
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        await rest(pilot)
        assert more.account_id in app.text()
        assert held.identities[0].account_id not in app.text(), "that is kept, and didn't come"
        shown = session.state.observed[KEY]
        session.observe({KEY: replace(shown, about=("of another one",))})
        app.pane.query_one("#keep", Button).press()
        await rest(pilot)
        assert session.status(KEY) is Status.CONTRADICTED, "nobody was asked about that one"
        session.observe({KEY: shown})
        assert session.status(KEY) is Status.UNCONFIRMED
    session.close()


async def test_one_that_replaces_what_is_shown_is_shown_before_it_is_accepted(
    tmp_path: Path, gpg: GpgHome
) -> None:
    environment = environment_of(tmp_path, gpg)
    environment.downloads.mkdir(parents=True, exist_ok=True)
    file, sent = environment.downloads / "handoff-jane.doe.txt", handoff_for(gpg, "jane")
    file.write_text(sent.render())
    session = begun(tmp_path, gpg)
    app = PaneHost(session, environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        await rest(pilot)
        file.write_text(replace(sent, identities=(replace(sent.identities[0], region="eu-west-1"),)).render())
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await pilot.press("escape")
        await rest(pilot)
        assert session.status(KEY) is not Status.DONE
        assert app.pane.has_class("-arrived"), "the new one is shown"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.DONE
        assert session.facts()["handoff"]["identities"][0]["region"] == "eu-west-1"
    session.close()


async def test_one_that_is_older_than_the_request_is_offered_and_not_read_by_itself(
    tmp_path: Path, gpg: GpgHome
) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    old = mailbox / "handoff-jane.doe.txt"
    old.write_text(handoff_for(gpg, "jane").render())
    os.utime(old, (0, 0))
    session = begun(tmp_path, gpg, sent_at="2026-03-01T10:00:00+00:00")
    app = PaneHost(session, environment_of(tmp_path, gpg, mailbox=mailbox), MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: is_displayed(app.pane.query_one("#earlier")))
        assert isinstance(app.pane, HandoffPane)
        shown = str(app.pane.query_one("#watching", Lines).content).split()
        offered, app.pane._earlier = app.pane._earlier, None
        assert shown != app.pane._watching().split(), "it explains the button"
        app.pane._earlier = offered
        asked = app.pane.context
        for accepted, differs in (("2026-02-28T10:00:00+00:00", False), ("2026-03-02T10:00:00+00:00", True)):
            app.pane.context = replace(asked, facts={**asked.facts, "accepted_at": accepted})
            assert (app.pane._watching().split() != shown) is differs, "the latest of the two times counts"
        app.pane.context = asked
        assert not app.pane.has_class("-arrived")
        app.pane.query_one("#earlier").focus()
        await pilot.press("enter")
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        assert not is_displayed(app.pane.query_one("#earlier"))
    session.close()


async def test_the_accepted_one_is_kept_by_next_when_the_step_is_opened_again(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session, text = begun(tmp_path, gpg), handoff_for(gpg, "jane").render()
    app = PaneHost(session, environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one(TextArea).text = text
        for _ in range(2):
            await pilot.press("ctrl+n")
            await rest(pilot)
        accepted = session.facts()["handoff"]
        await app.wizard.go_to(KEY)
        await pilot.press("ctrl+r")
        await rest(pilot)
        assert session.status(KEY) is not Status.DONE
        keep = app.pane.primary()
        assert keep.ready
        assert app.pane.turn().yours
        app.pane.query_one(TextArea).text = "no handoff"
        assert app.pane.primary().effect != keep.effect
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.primary().effect == keep.effect, "what was pasted is refused"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert app.pane.has_class("-arrived")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.DONE
        assert session.facts()["handoff"] == accepted
    session.close()


async def test_one_that_arrives_by_itself_has_the_focus_on_what_accepts_it(
    tmp_path: Path, gpg: GpgHome
) -> None:
    environment = environment_of(tmp_path, gpg)
    app = PaneHost(begun(tmp_path, gpg), environment, MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.focused is app.pane.query_one(TextArea)
        environment.downloads.mkdir(parents=True, exist_ok=True)
        (environment.downloads / "handoff-jane.doe.txt").write_text(handoff_for(gpg, "jane").render())
        await until(pilot, lambda: app.pane.has_class("-arrived"))
        await rest(pilot)
        assert app.focused is app.screen.query_one("#primary")


async def test_who_made_their_key_here_can_read_how_to_revoke_it(tmp_path: Path, gpg: GpgHome) -> None:
    session = begun(tmp_path, gpg)
    session.reopen(StepKey("pgp-key"))
    made = {"fingerprint": gpg.fingerprint("jane"), "key_made": True, "request_sent": SENT}
    settle(session, StepKey("pgp-key"), made)
    app = PaneHost(session, environment_of(tmp_path, gpg), MODULES, PANES, KEY)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#revocation").focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        assert isinstance(app.screen, TextDialog)
        assert f"{gpg.fingerprint('jane')}.rev" in text_of(app.screen._text)
