"""The page of profiles, driven by keys against a strict AWS."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from support.credential_pages import KEYS, MFA, PROFILES, SERIAL, VERIFY, begin, field, host, kept, written
from support.panes import SECONDS, rest, settle, until
from support.served_aws import BASE, ITEM, ROLE, NewUserAws, jane, user_key
from textual.geometry import Size
from textual.widgets import Static

from screens.new_user.profiles import ChangesDialog, DiffView, ProfileQuestions, ProfilesPane, _asked
from screens.step.finished import Finished
from screens.widgets.lists import MarkBox, MarkList
from screens.widgets.text import ScrollBody, Text
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.profiles.record import Stale
from workflows.steps.new_user import profiles
from workflows.stores.key_store import KEPT_IN_PGP_FILE


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
        assert any(row.startswith("+…") for row in rows), "the rest of a long line is told from another line"
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


async def test_a_file_that_changed_since_it_was_shown_is_shown_again_before_it_is_written(
    new_user: NewUserAws, session: Session
) -> None:
    kept(new_user, session, user_key(new_user))
    config, credentials = (
        new_user.environment.home / ".aws" / "bb" / name for name in ("config", "credentials")
    )
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        by_hand = f"[{BASE}]\naws_access_key_id = AKIAOTHEROTHEROTHER1\n"
        credentials.parent.mkdir(parents=True)
        credentials.write_text(by_hand)
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert (config.exists(), credentials.read_text()) == (False, by_hand)
        assert app.wizard.current == PROFILES
        await pilot.press("escape", "ctrl+n")
        await rest(pilot)
        assert "AKIAOTHEROTHEROTHER1" not in credentials.read_text()
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


@pytest.mark.parametrize(("number", "fits"), [(1, True), (6, True), (12, False)])
async def test_what_can_be_pressed_is_in_view_or_the_page_says_how_to_get_there(
    new_user: NewUserAws, session: Session, monkeypatch: pytest.MonkeyPatch, number: int, *, fits: bool
) -> None:
    kept(new_user, session, user_key(new_user))
    monkeypatch.setattr(profiles, "remarks", lambda *_: ("It can do little.",) * number)
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        button, line = app.pane.query_one("#changes"), app.wizard.query_one("#turn", Static)
        seen = app.screen.find_widget(button).visible_region.area
        assert (bool(seen), "PgDn" in str(line.content)) == (fits, not fits)
        app.pane.scroll_end(animate=False)
        await rest(pilot)
        assert "PgDn" not in str(line.content)


@pytest.mark.parametrize("height", [24, 40])
async def test_in_a_tall_terminal_a_long_page_keeps_its_purpose(
    new_user: NewUserAws, session: Session, monkeypatch: pytest.MonkeyPatch, height: int
) -> None:
    kept(new_user, session, user_key(new_user))
    monkeypatch.setattr(profiles, "remarks", lambda *_: ("It can do little.",) * 40)
    app = host(new_user, session, PROFILES)
    async with app.run_test(size=(80, height)) as pilot:
        await rest(pilot)
        assert app.pane.max_scroll_y
        assert bool(app.pane.query_one(".pane-purpose").region) is (height == 40)


def test_why_a_profile_goes_is_said_and_a_twin_goes_for_another_reason_than_its_role() -> None:
    wish, twin = profiles.Preview("", (BASE, ROLE), ()), Stale(f"{ROLE}-mfa", "arn", changed_by_hand=False)
    assert _asked(twin, wish) != _asked(twin, replace(wish, names=(BASE,)))


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
