from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment
from support.panes import settle
from support.served_aws import jane
from support.small_steps import small_workflow
from support.steps import step_of

from tui.host import Machine, Places
from tui.session_catalogue import Entry, SessionCatalogue, _awaited, _came, _gone, _left_apply
from workflows.catalogue import WORKFLOWS
from workflows.core.shapes import plain
from workflows.machine.declaration import Workflow
from workflows.machine.drafts import Drafts
from workflows.machine.events import StepKey
from workflows.machine.sessions import Sessions
from workflows.machine.summaries import Summary
from workflows.messages.handoff import Handoff
from workflows.run import SessionRun
from workflows.sandbox.layout import is_whole
from workflows.steps.admin import written
from workflows.steps.ledger import Ledger
from workflows.terraform.results import ApplyResult

BEGUN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("step", "facts", "names"),
    [
        ("pgp-keys", {"joining": ["jane"], "rekeying": ["sam"]}, ["request-jane.txt", "request-sam.txt"]),
        ("handoff", {"user": "ann"}, ["handoff-ann.txt"]),
        ("plan", {"joining": ["jane"]}, []),
        ("", {}, []),
    ],
)
def test_a_step_that_waits_names_the_files_that_it_waits_for(
    step: str, facts: dict[str, object], names: list[str], tmp_path: Path
) -> None:
    assert [*_awaited(Summary("id", facts=facts, next_step=step), tmp_path)] == names


def test_who_is_only_to_be_compared_is_not_waited_for(tmp_path: Path) -> None:
    drafts, keys = Drafts(tmp_path / "drafts"), StepKey("pgp-keys")
    summary = Summary("id", facts={"joining": ["jane", "sam"]}, next_step="pgp-keys")
    drafts.save(keys, {"texts": {"jane": "her key"}})
    assert [*_awaited(summary, tmp_path)] == ["request-sam.txt"]
    drafts.save(keys, {"texts": "damaged"})
    assert [*_awaited(summary, tmp_path)] == ["request-jane.txt", "request-sam.txt"]


@pytest.mark.parametrize(
    ("draft", "waits"),
    [
        ({}, True),
        ({"aside": {"jane": {}}}, False),
        ({"answers": {"jane": ["A" * 40, "differs"]}}, False),
        ({"answers": {"jane": ["A" * 40, "same"]}}, True),
        ({"aside": {"jane": {}}, "replies": {"jane": "…"}}, True),
        (
            {"texts": {"jane": ""}, "answers": {"jane": ["A" * 40, "differs"]}, "replies": {"jane": "…"}},
            True,
        ),
    ],
)
def test_nobody_is_waited_for_while_the_sender_of_an_unusable_key_has_no_reply(
    draft: dict[str, Any], tmp_path: Path, *, waits: bool
) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: BEGUN)
    catalogue, at = SessionCatalogue(machine), BEGUN.isoformat()
    Drafts(places.sessions / "id" / "drafts").save(StepKey("pgp-keys"), draft)
    summary = Summary("id", "admin", at, at, facts={"joining": ["jane"]}, next_step="pgp-keys")
    entry = catalogue._entry(summary, catalogue.sessions_of(), None, machine.downloads)
    assert entry.arrived == ("" if waits else None)


def test_an_apply_that_ended_while_nobody_watched_is_found(tmp_path: Path) -> None:
    summary = Summary("late", "admin", next_step="apply")
    assert _left_apply(summary, tmp_path) == ""
    run = tmp_path / "terraform" / "management" / "apply"
    run.mkdir(parents=True)
    description = {"kind": "apply", "layer": "x", "temporary": "x", "facts": {}}
    (run / "run.json").write_text(json.dumps(description))
    assert _left_apply(summary, tmp_path) == "failed"
    (run / "exit.json").write_text('{"exit_code": 0}')
    assert _left_apply(summary, tmp_path) == "finished"
    assert _left_apply(replace(summary, next_step="plan"), tmp_path) == ""


def test_an_apply_whose_end_was_taken_in_and_not_recorded_is_found(tmp_path: Path) -> None:
    kept = tmp_path / "terraform" / "management" / "apply.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"plan_sha256": "sha", "result": plain(ApplyResult(0, (), (), ()))}))
    before, after = (
        datetime.fromtimestamp(kept.stat().st_mtime + seconds, UTC).isoformat() for seconds in (-1, 1)
    )
    begun = Summary("late", "admin", changed=before, next_step="apply", interrupted=True)
    assert _left_apply(begun, tmp_path) == "finished"
    assert _left_apply(replace(begun, changed=after), tmp_path) == "", "it is of an earlier apply"
    assert _left_apply(replace(begun, interrupted=False), tmp_path) == ""
    kept.write_text("damaged")
    assert _left_apply(begun, tmp_path) == "", "the other sessions are listed all the same"


def test_a_message_counts_as_arrived_only_if_it_is_newer_than_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: BEGUN)
    steps = tuple(step_of(module) for module in small_workflow()[:1])
    catalogue = SessionCatalogue(machine, [Workflow("admin", "Admin", steps)])
    catalogue.sessions_of().create("admin", {}).close()
    assert [entry.arrived for entry in catalogue.entries()] == [None]
    monkeypatch.setattr("tui.session_catalogue._awaited", lambda *_: {"request-jane.txt": 0, "\0": 0})
    assert [entry.arrived for entry in catalogue.entries()] == [""]
    message = machine.downloads / "request-jane.txt"
    message.parent.mkdir()
    message.touch()
    for seconds, arrived in ((-1, ""), (1, "2026-01-02T03:04:06+00:00")):
        os.utime(message, (BEGUN.timestamp() + seconds,) * 2)
        assert [entry.arrived for entry in catalogue.entries()] == [arrived]


@pytest.mark.parametrize(
    ("removed", "gone"), [((), False), (("security",), False), (("security", "management"), True)]
)
def test_a_handoff_is_no_news_for_who_was_removed_from_every_account(
    removed: tuple[str, ...], *, gone: bool
) -> None:
    def change(day: int, kind: str, accounts: tuple[str, ...]) -> Summary:
        at = f"2026-01-0{day}T00:00:00+00:00"
        facts = {"project_root": "root", "user_changes": {kind: {account: ["jane"] for account in accounts}}}
        return Summary(
            kind, "admin", at, facts=facts, settled={f"apply@{account}": at for account in accounts}
        )

    sessions = (change(1, "add", ("security", "management")), change(3, "remove", removed))
    project = Ledger(sessions, lambda _session: False)
    waits = Summary("waits", "new-user", facts={"user": "jane"}, next_step="handoff")
    assert _gone(waits, "2026-01-02T00:00:00+00:00", [project]) is gone
    assert not _gone(waits, "2026-01-04T00:00:00+00:00", [project])


@pytest.mark.parametrize("applied", [True, False])
def test_a_session_that_a_removal_replaces_knows_whether_that_is_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, applied: bool
) -> None:
    of_jane = {"project_root": "/bb", "layers": ["security"]}
    change = {kind: {"user_changes": {kind: {"security": ["jane"]}}} for kind in ("add", "remove")}
    adds = Summary(
        "1", "admin", "1", facts={**of_jane, **change["add"], "joining": ["jane"]}, next_step="plan"
    )
    removes = Summary("2", "admin", "2", facts={**of_jane, **change["remove"], "leaving": ["jane"]})
    settled = {"review": "2", **({"apply@security": "3"} if applied else {})}
    every = (adds, replace(removes, settled=settled))
    monkeypatch.setattr(Sessions, "summaries", lambda _sessions: every)
    monkeypatch.setattr(written, "holds_files", lambda *_: True)
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: BEGUN)
    (entry,) = (entry for entry in SessionCatalogue(machine).entries() if entry.summary.id == "1")
    assert (entry.undone_by, entry.unapplied) == (("Remove jane",), not applied)


def test_an_archived_session_is_resumed_only_by_its_id(tmp_path: Path) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: BEGUN)
    catalogue = SessionCatalogue(machine)
    for session in ("first", "last"):
        catalogue.sessions_of().create("admin", {}, session).close()
    catalogue.sessions_of().archive("last", archived=True)
    assert catalogue.find(None).summary.id == "first"
    assert catalogue.find("last").archived


def test_a_sandbox_is_resumed_without_an_id_only_where_nothing_of_ones_own_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: BEGUN)
    catalogue = SessionCatalogue(machine)
    sandbox = places.sandboxes / "tried"
    sandbox.mkdir(parents=True)
    (sandbox / "sandbox.json").touch()
    catalogue.sessions_of(sandbox).create("admin", {}, "tried").close()
    assert catalogue.find(None).summary.id == "tried"
    catalogue.sessions_of().create("admin", {}, "own").close()
    catalogue.sessions_of(sandbox).create("admin", {}, "tried-later").close()
    assert catalogue.find(None).summary.id == "own"
    monkeypatch.setattr(Entry, "over", property(lambda entry: entry.summary.id == "own"))
    assert catalogue.find(None).summary.id == "own"


@pytest.mark.parametrize("record", ["", '{"version": 1}'])
def test_a_sandbox_that_cannot_be_opened_is_removed_unless_it_has_sessions(
    tmp_path: Path, record: str
) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    catalogue = SessionCatalogue(Machine(places, tmp_path, None, tmp_path, {}, lambda: BEGUN))
    empty, used = (places.sandboxes / name for name in ("empty", "used"))
    for sandbox in (empty, used):
        sandbox.mkdir(parents=True)
        (sandbox / "sandbox.json").write_text(record)
    catalogue.sessions_of(used).create("admin", {}).close()
    catalogue.tidy()
    assert catalogue.sandboxes() == (used,)
    assert not is_whole(used)


def test_the_session_that_was_open_last_is_resumed_though_another_one_changed_later_unless_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: BEGUN)
    catalogue = SessionCatalogue(machine)
    for session in ("first", "last"):
        catalogue.sessions_of().create("admin", {}, session).close()
    assert catalogue.find(None).summary.id == "last"
    reopened = catalogue.sessions_of().open("first")
    SessionRun(reopened, fake_environment(tmp_path, {}), {}).come_back()
    reopened.close()
    assert catalogue.find(None).summary.id == "first"
    monkeypatch.setattr(Entry, "over", property(lambda entry: entry.summary.id == "first"))
    assert catalogue.find(None).summary.id == "last"


def test_a_request_that_was_read_is_no_news_until_another_one_replaces_it(tmp_path: Path) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: BEGUN)
    catalogue = SessionCatalogue(machine, WORKFLOWS)
    session = catalogue.sessions_of().create("admin", {})
    work = {"project": "bb", "project_root": "/bb", "layers": ["management"], "rekeying": ["jane"]}
    settle(session, StepKey("project"), work)
    session.close()
    request = machine.downloads / "request-jane.txt"
    request.parent.mkdir()
    request.touch()
    folder = catalogue.sessions_of().folder / catalogue.entries()[0].summary.id
    read = {"texts": {}, "read": {"jane": request.stat().st_mtime_ns}}
    assert catalogue.entries()[0].arrived
    Drafts(folder / "drafts").save(StepKey("pgp-keys"), read)
    assert catalogue.entries()[0].arrived == ""
    os.utime(request, ns=(0, request.stat().st_mtime_ns + 1))
    assert catalogue.entries()[0].arrived


def test_a_message_is_compared_with_any_time_that_a_session_has(tmp_path: Path) -> None:
    message = tmp_path / "request-jane.txt"
    message.touch()
    assert _came(message, "2001-01-01T00:00:00")  # without a time zone: somebody edited the journal
    assert _came(message, "no time") == ""


def test_a_handoff_that_is_older_than_the_request_has_not_arrived(tmp_path: Path) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: BEGUN)
    catalogue = SessionCatalogue(machine, WORKFLOWS)
    session = catalogue.sessions_of().create("new-user", {})
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane", "tools": {}})
    sent = {"fingerprint": "A" * 40, "key_made": False, "request_sent": "the request is out"}
    settle(session, StepKey("pgp-key"), {**sent, "sent_at": (BEGUN + timedelta(hours=1)).isoformat()})
    session.close()
    message = machine.downloads / "handoff-jane.txt"
    message.parent.mkdir()
    message.touch()
    for minutes, arrived in ((59, False), (61, True)):
        os.utime(message, ((BEGUN + timedelta(minutes=minutes)).timestamp(),) * 2)
        assert [bool(entry.arrived) for entry in catalogue.entries()] == [arrived]


def test_a_reply_about_the_key_is_news_in_the_sandbox_unless_a_handoff_is_there(tmp_path: Path) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: BEGUN)
    catalogue, sent_at = SessionCatalogue(machine), BEGUN.isoformat()
    facts = {"user": "jane", "sent_at": sent_at}
    waits = Summary("id", "new-user", sent_at, sent_at, facts=facts, next_step="handoff")
    reply, handoff = (tmp_path / f"{what}-jane.txt" for what in ("about-your-key", "handoff"))
    reply.touch()

    def seen(sandbox: Path | None) -> tuple[bool, bool]:
        entry = catalogue._entry(waits, catalogue.sessions_of(), sandbox, tmp_path)
        return bool(entry.arrived), entry.replied

    for minutes, there in ((-1, False), (1, True)):
        os.utime(reply, ((BEGUN + timedelta(minutes=minutes)).timestamp(),) * 2)
        assert seen(tmp_path) == (there, there)
        assert seen(None) == (False, False), "the page only looks into the mailbox"
    handoff.touch()
    os.utime(handoff, ((BEGUN + timedelta(minutes=2)).timestamp(),) * 2)
    assert seen(tmp_path) == (True, False)


def test_another_handoff_than_the_accepted_one_is_news_until_the_session_goes_on(tmp_path: Path) -> None:
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    now = [BEGUN]
    machine = Machine(places, tmp_path, tmp_path / "Downloads", tmp_path, {}, lambda: now[0])
    catalogue = SessionCatalogue(machine, WORKFLOWS)
    session = catalogue.sessions_of().create("new-user", {})
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane", "tools": {}})
    settle(session, StepKey("pgp-key"), {"fingerprint": "A" * 40, "key_made": False})
    handoff = Handoff("bb", (jane(),)).payload()
    accepted = {"handoff": handoff, "identities": ["security"], "accepted_at": BEGUN.isoformat()}
    settle(session, StepKey("handoff"), accepted)
    message = machine.downloads / "handoff-jane.txt"
    message.parent.mkdir()
    message.touch()
    for minutes, arrived in ((-1, False), (1, True)):
        os.utime(message, ((BEGUN + timedelta(minutes=minutes)).timestamp(),) * 2)
        (entry,) = catalogue.entries()
        assert (bool(entry.arrived), entry.arrived == "") == (arrived, False)
    assert not replace(entry, summary=replace(entry.summary, next_title="")).over
    now[0] = BEGUN + timedelta(minutes=2)
    session.reopen(StepKey("pgp-key"), "again")
    settle(session, StepKey("pgp-key"), {"fingerprint": "A" * 40, "key_made": False})
    session.close()
    (entry,) = catalogue.entries()
    assert not entry.arrived
