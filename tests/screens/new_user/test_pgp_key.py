"""The new user's key, driven by keys, with real gpg."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.new_user import PASSPHRASE, environment_of, said, written
from support.panes import PaneHost, new_session, rest, settle, until
from support.pgp import PAST, GpgHome, gpg_home
from textual.widgets import Input, OptionList

from screens.new_user.before_you_start import BeforeYouStartPane
from screens.new_user.pgp_key import PgpKeyPane
from screens.new_user.replacement import DRAFT
from screens.step.page import is_displayed
from screens.widgets.dialogs import ErrorDialog
from screens.widgets.fields import FieldRow, ProblemList, SecretInput
from workflows.core.sentences import text_of
from workflows.environment import Environment
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.messages.request import open_request
from workflows.steps.new_user import before_you_start, pgp_key

KEY = StepKey("pgp-key")
MODULES = (before_you_start, pgp_key)
PANES = {"before-you-start": BeforeYouStartPane, "pgp-key": PgpKeyPane}


@pytest.fixture
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        yield home


def begun(tmp_path: Path, draft: dict[str, Any] | None = None) -> Session:
    session = new_session(tmp_path / "sessions", MODULES, {"pgp-key": draft} if draft else None)
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane.doe", "tools": {}})
    return session


def replacing(tmp_path: Path, fingerprint: str) -> Session:
    """One whose key is to be replaced after its request was sent."""
    session = begun(tmp_path)
    settle(session, KEY, {"fingerprint": fingerprint, "key_made": False, "request_sent": "it is out"})
    session.drafts.save(KEY, DRAFT)
    return session


def host(session: Session, environment: Environment) -> PaneHost:
    return PaneHost(session, environment, MODULES, PANES, KEY)


async def test_a_good_key_is_chosen_and_next_makes_the_request(tmp_path: Path, gpg: GpgHome) -> None:
    gpg.key("old", at=PAST, expires="1y")
    fingerprint = gpg.key("good")
    session, environment = begun(tmp_path), environment_of(tmp_path, gpg)
    app = host(session, environment)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        text = app.text()
        assert text.index("! good") < text.index("✗ old")
        assert "Expired" in text
        await pilot.press("down", "down")
        await pilot.pause()
        assert not app.pane.query_one("#verdict").has_class("-empty")
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert [(problem.field, problem.fatal) for problem in app.pane.problems] == [("keys", True)]
        assert session.status(KEY) is Status.READY
        await pilot.press("up", "up")
        await pilot.pause()
        assert not app.pane.problems
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.DONE
        assert session.facts()["fingerprint"] == fingerprint
        assert session.facts()["key_made"] is False
    assert open_request((environment.home / "request-jane.doe.txt").read_text()).fingerprint == fingerprint
    session.close()


async def test_a_new_key_is_made_from_the_form_and_no_passphrase_is_written(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session, environment = begun(tmp_path), environment_of(tmp_path, gpg)
    app = host(session, environment)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*"Jane", "space", *"Doe", "tab", *"jane@a.example", "tab", "tab")
        assert app.screen.focused is not None
        assert app.screen.focused.id == "passphrase"
        await pilot.press(*PASSPHRASE, "tab", *"other")
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["passphrase"]
        assert app.focused is app.pane.query_one("#passphrase")
        assert not any(field.value for field in app.pane.query(SecretInput))
        assert session.status(KEY) is Status.READY
        await pilot.press(*PASSPHRASE, "tab", *PASSPHRASE, "ctrl+n")
        await pilot.pause()
        assert session.status(KEY) is Status.RUNNING
        assert PASSPHRASE not in app.text()
        await until(pilot, lambda: session.status(KEY) is Status.DONE)
        await rest(pilot)
        assert session.facts()["key_made"] is True
        await app.wizard.go_to(KEY)
        await rest(pilot)
        assert app.pane.scroll_y == 0, "its title is in view"
    made = open_request((environment.home / "request-jane.doe.txt").read_text())
    assert made.name == "Jane Doe"
    assert gpg.run("--list-secret-keys", made.fingerprint)
    session.close()
    assert PASSPHRASE not in written(tmp_path)


async def test_with_another_field_wrong_too_the_focus_is_on_the_passphrases(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#passphrase", Input).value = PASSPHRASE
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert {problem.field for problem in app.pane.problems} > {"passphrase"}
        assert app.focused is app.pane.query_one("#passphrase")
    session.close()


async def test_no_warning_is_left_about_a_passphrase_that_was_cleared(tmp_path: Path, gpg: GpgHome) -> None:
    session = begun(tmp_path)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#passphrase", Input).value = "short"
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert not app.pane.query_one("#passphrase", Input).value
        assert all(problem.fatal for problem in app.pane.problems)
    session.close()


@pytest.mark.parametrize("typed", ["short", PASSPHRASE])
async def test_a_passphrase_that_is_not_refused_keeps_the_focus_from_no_wrong_field(
    tmp_path: Path, gpg: GpgHome, typed: str
) -> None:
    session = begun(tmp_path)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for field in ("#passphrase", "#again"):
            app.pane.query_one(field, Input).value = typed
        await pilot.press("ctrl+n")
        await pilot.pause()
        refused = [problem.field for problem in app.pane.problems if problem.fatal]
        assert refused
        assert "passphrase" not in refused
        assert app.focused is app.pane.query_one(f"#{refused[0]}")
    session.close()


async def test_an_empty_form_puts_the_focus_on_its_first_field(tmp_path: Path, gpg: GpgHome) -> None:
    session = begun(tmp_path)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for field in app.pane.query(Input):
            field.clear()
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert {problem.field for problem in app.pane.problems} > {"name", "passphrase"}
        assert app.focused is app.pane.query_one("#name")
    session.close()


async def test_a_warning_that_was_shown_beside_an_error_is_passed_over_by_the_next_press(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, {"name": "J", "email": "j@a.example"})
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        for field in app.pane.query(SecretInput):
            field.value = "abc"
        app.pane.query_one("#years", Input).value = "0"
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert not app.pane.warned
        app.pane.query_one("#years", Input).value = "1"
        await pilot.pause()
        assert app.pane.warned
        assert FieldRow.of(app.pane.query_one("#passphrase")).query_one(ProblemList).display
        assert session.status(KEY) is Status.READY
        await pilot.press("ctrl+n")
        await until(pilot, lambda: session.status(KEY) is Status.DONE)
    session.close()


async def test_a_key_that_was_made_is_not_made_again_when_the_request_fails(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session, environment = (
        begun(tmp_path, {"path": "~/diary.txt", "name": "J", "email": "j@a.example"}),
        environment_of(tmp_path, gpg),
    )
    (environment.home / "diary.txt").write_text("Dear diary")
    app = host(session, environment)
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        for name in ("passphrase", "again"):
            app.pane.query_one(f"#{name}", Input).value = PASSPHRASE
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await pilot.press("escape")
        assert session.status(KEY) is Status.FAILED
        app.pane.query_one("#path", Input).value = "~/r.txt"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.DONE
        assert session.facts()["key_made"] is True
    assert gpg.run("--list-secret-keys", "--with-colons").count(b"sec:") == 1
    session.close()


async def test_a_replacement_proposes_a_new_key_and_a_done_step_is_left_alone(
    tmp_path: Path, gpg: GpgHome
) -> None:
    fingerprint = gpg.key("good")
    session, environment = (
        begun(tmp_path, {"replacement": True, "reason": "lost laptop"}),
        environment_of(tmp_path, gpg),
    )
    app = host(session, environment)
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#replacement").display
        keys = app.pane.query_one("#keys", OptionList)
        assert keys.highlighted is not None
        assert keys.get_option_at_index(keys.highlighted).id == "new"
        keys.highlighted = 0
        await pilot.press("ctrl+n")
        await rest(pilot)
        events = session.state.events
        assert session.facts()["fingerprint"] == fingerprint
        await app.wizard.go_to(KEY)
        await rest(pilot)
        assert text_of(session.facts()["request_sent"]) in said(app)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.state.events == events
    sent = open_request((environment.home / "request-jane.doe.txt").read_text())
    assert (sent.replacement, sent.reason) == (True, "lost laptop")
    session.close()


async def test_whose_handoff_needs_no_key_skips_the_step(tmp_path: Path, gpg: GpgHome) -> None:
    session = begun(tmp_path, {"needless": True})
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#needless").region.height == 1
        assert not app.pane.query_one("#path").region
        assert not app.pane.opening.note
        assert app.pane.draft()["needless"]
        assert app.pane.heading() != app.pane.opening.step.heading, "no key is chosen here"
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(KEY) is Status.SKIPPED
    session.close()


async def test_input_of_a_replacement_counts_as_kept_only_once_there_is_some(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path)
    settle(session, KEY, {"fingerprint": gpg.key("good")})
    session.drafts.save(KEY, DRAFT)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        assert app.pane.query_one("#replacement").display
        assert not app.pane.opening.note
        app.pane.query_one("#reason", Input).value = "lost laptop"
        await app.wizard.go_to(KEY)
        await rest(pilot)
        assert app.pane.opening.note
    session.close()


async def test_the_key_that_is_replaced_is_not_offered_and_its_owner_is_known(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = replacing(tmp_path, gpg.key("lost"))
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not app.pane.query_one("#keys").display
        values = [app.pane.query_one(f"#{name}", Input).value for name in ("name", "email")]
        assert values == ["lost", "lost@a.example"]
        assert app.pane.region.contains_region(app.pane.query_one("#again").region)
    session.close()


async def test_a_key_that_was_replaced_says_so_and_is_never_proposed(tmp_path: Path, gpg: GpgHome) -> None:
    old, new = gpg.key("earlier"), gpg.key("newer")
    session = replacing(tmp_path, old)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#keys", OptionList).highlighted = 0
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.facts()["fingerprint"] == new
        await app.wizard.go_to(KEY)
        await rest(pilot)
        assert "! earlier" in app.text()
        assert "Replaced" in app.text()
        keys = app.pane.query_one("#keys", OptionList)
        assert [keys.get_option_at_index(index).id for index in range(3)] == [new, old, "new"]
        assert keys.highlighted == 0
        gpg.run("--batch", "--yes", "--delete-secret-keys", new)
        session.reopen(KEY)
        await app.wizard.go_to(StepKey("before-you-start"))
        await app.wizard.go_to(KEY)
        await rest(pilot)
        keys = app.pane.query_one("#keys", OptionList)
        assert keys.highlighted is not None
        assert keys.get_option_at_index(keys.highlighted).id == "new"
    session.close()


async def test_no_passphrase_is_asked_for_before_how_to_continue(tmp_path: Path, gpg: GpgHome) -> None:
    session = begun(tmp_path)
    settle(session, KEY, {"fingerprint": "A" * 40, "key_made": True, "request_sent": "it is out"})
    session.observe({KEY: Observation(Verdict.CHANGED, "It is no longer in your keyring.")})
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert not [field for field in app.pane.query(Input) if is_displayed(field)]
        assert app.focused is app.screen.query_one("#primary")
        await pilot.press("enter", "r")
        await rest(pilot)
        assert is_displayed(app.pane.query_one("#passphrase"))
    session.close()


async def test_a_file_that_cannot_be_written_is_told_before_a_key_is_made(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session = begun(tmp_path, {"path": "~/nowhere/r.txt", "name": "J", "email": "j@a.example"})
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        for name in ("passphrase", "again"):
            app.pane.query_one(f"#{name}", Input).value = PASSPHRASE
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert [problem.field for problem in app.pane.problems] == ["path"]
        assert app.screen.focused is app.pane.query_one("#path")
    assert not gpg.run("--list-secret-keys", "--with-colons")
    session.close()


async def test_the_requests_name_follows_the_users_unless_it_was_chosen(tmp_path: Path, gpg: GpgHome) -> None:
    gpg.key("good")
    session = begun(tmp_path)
    app = host(session, environment_of(tmp_path, gpg))
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        assert "path" not in app.pane.draft()
        app.pane.query_one("#path", Input).value = "~/for-ann.txt"
        assert app.pane.draft()["path"] == "~/for-ann.txt"
        app.pane.query_one("#path", Input).value = "correct horse battery staple"
        assert "path" not in app.pane.draft(), "it may be a passphrase in the wrong field"
    session.close()
