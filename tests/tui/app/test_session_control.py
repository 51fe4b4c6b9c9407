"""Which session is begun or continued, with which input, and who the other person is."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from support.fakes import FakeClipboard, fake_environment
from support.house import LAYERS, PROJECT, House

from screens.new_user.replacement import DRAFT
from tui.app.session_control import (
    SessionControl,
    Start,
    _asked_again,
    _for_another_key,
    _without_device,
)
from tui.session_catalogue import SessionCatalogue
from workflows.machine.declaration import Step, Workflow
from workflows.machine.events import StepKey
from workflows.machine.sessions import Sessions
from workflows.machine.summaries import Summary
from workflows.steps.kinds import KINDS, work_of


async def test_outside_sandboxes_their_sessions_are_of_another_world(house: House) -> None:
    house.session((PROJECT, LAYERS))
    house.sandbox_session()
    control = SessionControl(house.parts(), house.source, FakeClipboard())
    found = {bool(entry.sandbox): entry.elsewhere for entry in control.entries()}
    assert found == {True: True, False: False}


@pytest.mark.parametrize("invited", [["bo.ek"], ["ann", "bo.ek"], []])
async def test_a_sandboxs_new_user_is_who_was_invited_there(house: House, invited: list[str]) -> None:
    house.sandbox_session((PROJECT, LAYERS))
    control = SessionControl(house.parts(), house.other, FakeClipboard())
    who = StepKey("before-you-start")
    house.other.drafts = lambda _workflow: {who.step: {"user": "somebody"}}  # type: ignore[method-assign]
    first = control.sessions.create("admin", {})
    first.drafts.save(PROJECT, {"joining": invited})
    first.close()
    for name in [*invited, "somebody"]:
        run = control.begin("new-user", {})
        assert run.session.drafts.load(who) == {"user": name}
        run.session.drafts.save(PROJECT, {"user": name})
        control.leave()


def test_a_session_begun_to_replace_a_key_is_called_so(house: House) -> None:
    control = SessionControl(house.parts(), house.source, FakeClipboard())
    begun = {}
    for wanted in (True, False):
        run = control.begin("new-user", {"pgp-key": {"replacement": True}} if wanted else {})
        begun[run.session.folder.name] = wanted
        control.leave()
    named = {summary.id: work_of(summary) for summary in control.sessions.summaries()}
    own = {name: named[name] for name, wanted in begun.items() if wanted}
    assert {*own.values()}.isdisjoint(named[name] for name in begun.keys() - own.keys())


async def test_a_sandboxs_new_user_is_first_who_has_an_invitation(house: House) -> None:
    house.sandbox_session((PROJECT, LAYERS))
    control = SessionControl(house.parts(), house.other, FakeClipboard())
    first = control.sessions.create("admin", {})
    first.drafts.save(PROJECT, {"joining": ["ana.cruz", "jane.doe"]})
    first.close()
    mailbox = house.other.environment("admin", FakeClipboard()).mailbox
    assert mailbox is not None
    mailbox.mkdir()
    (mailbox / "invitation-jane.doe.txt").touch()
    run = control.begin("new-user", {})
    assert run.session.drafts.load(StepKey("before-you-start"))["user"] == "jane.doe"
    control.leave()


async def test_the_new_user_who_is_played_is_who_was_invited_last_and_still_joins(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = house.sandbox_session()
    control = SessionControl(house.parts(), house.other, FakeClipboard())
    run = control.resume(Start(session=admin))
    run.session.drafts.save(PROJECT, {"joining": ["ann", "bo.ek", "eve"]})
    control.leave()
    mailbox = house.other.environment("admin", FakeClipboard()).mailbox
    assert mailbox is not None
    mailbox.mkdir()
    for at, name in enumerate(("bo.ek", "eve", "withdrawn")):
        path = mailbox / f"invitation-{name}.txt"
        path.touch()
        os.utime(path, (at, at))
    for about in ("ann", "withdrawn"):
        start = control.other_person(admin, about)
        assert start is not None
        assert (start.drafts["before-you-start"]["user"] == about) is (about == "ann")
    for name in ("eve", "bo.ek"):
        start = control.other_person(admin)
        assert start is not None
        assert start.drafts["before-you-start"]["user"] == name
        control.begin(start.workflow, start.drafts).session.drafts.save(PROJECT, {"user": name})
        control.leave()
    start = control.other_person(admin)
    assert start is not None
    assert start.session, "ann, whom nobody invited, comes after those who were"
    (mailbox / "handoff-ann.txt").touch()
    done = [replace(each, next_step="", next_title="") for each in control.sessions.summaries()]
    monkeypatch.setattr(Sessions, "summaries", lambda _: done)
    start = control.other_person(admin)
    assert start is not None
    assert start.session, "ann has her handoff, and sent her key by another way"


async def test_a_program_named_once_stays_with_its_session(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(*binaries: str | tuple[str, ...] | None) -> list[str | tuple[str, ...] | None]:
        used = []
        for binary in binaries:
            environment = fake_environment(house.machine.home, {}, binary=binary)
            monkeypatch.setattr(house.source, "environment", lambda *_: environment)  # noqa: B023
            used.append(control.resume(Start(session=session)).environment.binary)
            control.leave()
        return used

    session, control = house.session(), SessionControl(house.parts(), house.source, FakeClipboard())
    assert named(None, "/a/tofu", None, "/b/tofu", None) == [None, "/a/tofu", "/a/tofu", "/b/tofu", "/b/tofu"]
    assert named(("sandbox's",)) == [("sandbox's",)]


@pytest.mark.parametrize(
    ("mine", "theirs", "found"),
    [
        ({"joining": ["jane"]}, [{"user": "sam"}, {"user": "jane"}], 1),
        (
            {"joining": ["jane"]},
            [{"user": "sam"}],
            Start("new-user", drafts={"before-you-start": {"user": "jane"}}),
        ),
        ({"joining": ["jane"]}, [{"user": "sam"}, {}], 1),
        ({"resetting": ["jane"]}, [{"user": "jane"}], 0),
        ({"rekeying": ["jane"]}, [{"user": "jane"}], 0),
        (
            {"rekeying": ["jane"]},
            [{"user": "sam"}],
            Start("new-user", drafts={"before-you-start": {"user": "jane"}, "pgp-key": DRAFT}),
        ),
        ({"resetting": ["alex"]}, [{"user": "jane"}, {}], None),
        ({"regrouping": ["jane"]}, [{"user": "jane"}], 0),
        ({"regrouping": ["alex"]}, [{"user": "jane"}, {}], None),
        ({"mfa_reset": ["jane"]}, [{"user": "jane"}], 0),
        ({"mfa_reset": ["alex"]}, [{"user": "jane"}], None),
        ({"regions_wanted": True}, [], None),
        ({}, [], Start("new-user")),
    ],
)
def test_the_other_person_is_one_of_this_very_onboarding(
    house: House, mine: dict[str, Any], theirs: list[dict[str, Any]], found: int | Start | None
) -> None:
    steps = [
        Workflow(
            name, name, (Step("who", "Who", "", gives=(*gives, "project")), Step("pgp-keys", "Then", ""))
        )
        for name, gives in (
            ("admin", (*KINDS, "regions_wanted")),
            ("new-user", ("user",)),
        )
    ]
    house.catalogue = SessionCatalogue(house.machine, steps)
    folder = house.other.folder
    assert folder is not None
    folder.mkdir(parents=True)
    (folder / "sandbox.json").write_text("{}")

    def begun(workflow: str, facts: dict[str, Any]) -> str:
        session = house.catalogue.sessions_of(folder).create(workflow, {})
        if facts:
            session.start(StepKey("who"))
            session.succeed(StepKey("who"), {**facts, "project": "bb"})
        session.close()
        return session.folder.name

    others = [begun("new-user", facts) for facts in theirs]
    drafts = {"pgp-key": DRAFT} if "rekeying" in mine else {}
    control = SessionControl(house.parts(), house.other, FakeClipboard())
    wanted = Start(session=others[found], drafts=drafts) if isinstance(found, int) else found
    session = begun("admin", mine)
    assert control.other_person(session) == wanted
    people = (names for names in mine.values() if isinstance(names, list))
    assert control.people_of(session) == [*chain.from_iterable(people)]


@pytest.mark.parametrize(
    ("kinds", "found"), [([], "new-user"), (["joining", "resetting"], "new-user"), (["resetting"], "")]
)
def test_a_task_that_adds_nobody_has_no_other_person_before_somebody_is_named(
    house: House, kinds: list[str], found: str
) -> None:
    control = SessionControl(house.parts(), house.other, FakeClipboard())
    session = control.sessions.create("admin", {})
    session.drafts.save(PROJECT, {"kinds": kinds})
    session.close()
    start = control.other_person(session.folder.name)
    assert (start.workflow if start else "") == found


@pytest.mark.parametrize("left", ["unnamed", "named", "done"])
def test_who_was_left_for_the_other_person_is_played_again(
    house: House, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    named = Summary("named", "admin", next_step="plan", facts={"project": "bb", "joining": ["jane"]})
    done = replace(named, id="done", next_step="", facts={"project": "bb", "rekeying": ["jane"]})
    unnamed = Summary("unnamed", "admin", next_step="project", draft={"kinds": ["joining"]})
    user = Summary("user", "new-user", facts={"project": "bb", "user": "jane"}, next_step="handoff")
    control = SessionControl(house.parts(), house.other, FakeClipboard())
    monkeypatch.setattr(Sessions, "summaries", lambda _: [named, done, unnamed, user])
    assert control.other_person("user", left=left) == Start(session=left)
    assert control.other_person("user") == Start(session="named")


def test_who_replaces_a_key_is_answered_by_an_admin_who_replaces_it(house: House) -> None:
    house.sandbox_session()
    control = SessionControl(house.parts(), house.other, FakeClipboard())
    for drafts, kinds in (({"pgp-key": DRAFT}, ["rekeying"]), ({}, None)):
        session = control.begin("new-user", drafts).session
        session.drafts.save(PROJECT, {"user": "dana"})
        control.leave()
        start = control.other_person(session.folder.name)
        assert start is not None
        assert start.drafts.get("project", {}).get("kinds") == kinds


@pytest.mark.parametrize(("removed_from", "played"), [((), True), (("a",), True), (("a", "b"), False)])
def test_nobody_is_played_whom_a_later_session_removed(
    house: House, monkeypatch: pytest.MonkeyPatch, removed_from: tuple[str, ...], *, played: bool
) -> None:
    def doing(kind: str, change: str, at: str, accounts: tuple[str, ...]) -> Summary:
        changes = {change: {key: ["jane"] for key in accounts}}
        facts = {"project": "bb", "layers": ["a", "b"], kind: ["jane"], "user_changes": changes}
        settled = {f"apply@{account}": at for account in accounts}
        return Summary(at, "admin", at, at, facts=facts, settled=settled)

    house.sandbox_session()
    control = SessionControl(house.parts(), house.other, FakeClipboard())
    user = Summary("user", "new-user", "02", facts={"user": "jane"}, next_step="handoff")
    every = [doing("joining", "add", "01", ("a", "b")), doing("leaving", "remove", "03", removed_from)]
    with monkeypatch.context() as patched:
        patched.setattr(Sessions, "summaries", lambda _: [*every, user])
        assert control.other_person("01") == (Start(session="user") if played else None)
        patched.setattr(Sessions, "summaries", lambda _: every)
        run = control.begin("new-user", {})
    assert run.session.drafts.load(StepKey("before-you-start")) == ({"user": "jane"} if played else {})
    control.leave()


@pytest.mark.parametrize(("removed_at", "again"), [("02", ("mfa@a",)), ("00", ()), ("", ())])
def test_who_lost_a_device_is_played_where_another_is_registered(
    removed_at: str, again: tuple[str, ...]
) -> None:
    settled = {"mfa-reset@a": removed_at} if removed_at else {}
    gave = {step: {"mfa_devices_reset": {"people": {"jane": ["arn"]}, "none": []}} for step in settled}
    facts = {"mfa_reset": ["jane"], "layers": ["a", "b"]}
    admin = Summary("1", "admin", facts=facts, settled=settled, gave=gave)
    user = Summary("2", "new-user", facts={"user": "jane"}, settled={"mfa@a": "01", "mfa@b": "01"})
    assert tuple(_without_device(admin, user)) == again
    assert not _without_device(admin, replace(user, facts={"user": "sam"}))
    none = {step: {"mfa_devices_reset": {"people": {}, "none": ["jane"]}} for step in settled}
    assert not _without_device(replace(admin, gave=none), user)


@pytest.mark.parametrize(
    ("sent", "step", "anew"),
    [
        ("2026-03-02T10:00:00+00:00", "handoff", True),
        ("2026-03-01T10:00:00+00:00", "handoff", False),
        ("2026-03-02T10:00:00+00:00", "verify", False),
        (5, "handoff", False),
    ],
)
def test_who_waits_for_another_handoff_is_told_from_who_waits_for_the_first(
    sent: object, step: str, *, anew: bool
) -> None:
    facts = {"sent_at": sent, "accepted_at": "2026-03-01T12:00:00+00:00"}
    assert _asked_again(Summary("id", "new-user", next_step=step, facts=facts)) is anew


def test_another_key_is_taken_in_where_it_is_wanted_already_or_in_a_new_session() -> None:
    first = Summary("first", "admin", next_step="hand-over", facts={"joining": ["jane.doe"]})
    wanted = Summary("wanted", "admin", next_step="pgp-keys", facts={"rekeying": ["jane.doe"]})
    done = replace(wanted, id="done", next_step="")
    assert _for_another_key({"jane.doe"}, [first, wanted, done], again=False) == Start(session="wanted")
    begun = Start("admin", drafts={"project": {"kinds": ["rekeying"], "rekeying": ["jane.doe"]}})
    assert _for_another_key({"jane.doe"}, [first, done], again=True) == begun
    assert _for_another_key({"jane.doe"}, [first, done], again=False) == Start(session="done")
    assert _for_another_key({"jane.doe"}, [first], again=False) == begun
