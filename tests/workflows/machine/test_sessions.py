"""The folder of sessions: begun, listed, resumed, archived and deleted."""

from __future__ import annotations

import os
import random
import re
import shutil
import stat
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from support import journal_writer
from support.machine_samples import PROJECT, do, sessions_in
from support.session_journals import PROJECT_KEY, journal_of

from workflows.core.sentences import OnboardError
from workflows.machine.lock import SessionInUse
from workflows.machine.sessions import NoSuchSession, Sessions, is_archived


def test_facts_that_were_handed_out_change_nothing(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    session.facts()["layers"].append("shared")
    assert session.facts()["layers"] == PROJECT["layers"]
    session.close()


def test_files_and_folders_are_private(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    session.drafts.save(PROJECT_KEY, {"a": 1})
    do(session, PROJECT_KEY)
    session.close()
    for found in [sessions.folder, *sessions.folder.rglob("*")]:
        assert stat.S_IMODE(found.stat().st_mode) == (0o700 if found.is_dir() else 0o600), found


def test_killing_the_writer_at_any_moment_loses_no_event_that_was_acknowledged(sessions: Sessions) -> None:
    chance = random.Random(20260102)  # noqa: S311 - when to kill is no secret
    command = [sys.executable, journal_writer.__file__, str(sessions.folder), "write"]
    known = 0
    for _ in range(8):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.05))
            process.kill()
            told = (first + process.stdout.read()).split()
        acknowledged = int(told[-1])
        session = sessions.open("s")
        assert acknowledged <= session.state.events <= acknowledged + 1
        assert session.state.events > known
        known = session.state.events
        assert session.proposal() == PROJECT_KEY
        session.close()


def test_a_process_that_is_killed_while_it_begins_leaves_a_session_or_none(sessions: Sessions) -> None:
    command = [sys.executable, journal_writer.__file__, str(sessions.folder), "write"]
    for _ in range(6):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            deadline = time.monotonic() + 300
            while not (sessions.folder / "s").exists() and time.monotonic() < deadline:
                pass
            process.kill()
        for summary in sessions.summaries():
            assert summary.damage == ""
            sessions.open(summary.id).close()
        shutil.rmtree(sessions.folder)


def test_a_torn_last_line_is_cut_off_when_the_session_is_resumed(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    session.close()
    path = journal_of(sessions)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event":"star')
    session = sessions.open("s")
    assert session.state.events == 2
    assert path.read_bytes() == whole
    session.close()


def test_repairing_a_sound_session_only_resumes_it(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    do(session, PROJECT_KEY)
    session.close()
    before = journal_of(sessions).read_bytes()
    sessions.open("s", repair=True).close()
    assert journal_of(sessions).read_bytes() == before
    assert list(journal_of(sessions).parent.glob("*.damaged-*")) == []


def test_the_list_tells_what_a_session_will_be_about_until_there_are_facts(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    for name in ("jane", "sam"):  # typing makes the copy of the list invalid
        session.drafts.save(PROJECT_KEY, {"joining": [name]})
        assert sessions.summaries()[0].about == {"joining": [name]}
    do(session, PROJECT_KEY)
    assert sessions.summaries()[0].about == sessions.summaries()[0].facts
    session.close()


def test_a_session_is_deleted_with_all_that_it_keeps(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    (session.folder / "plan").write_text("private")
    session.close()
    sessions.delete("s")
    assert list(sessions.folder.iterdir()) == []
    with pytest.raises(NoSuchSession):
        sessions.delete("s")


@pytest.mark.parametrize("session_id", ["", ".", "..", "../s", "s/..", "/etc", "a\0b", "nowhere"])
def test_an_id_leads_nowhere_else(session_id: str, sessions: Sessions) -> None:
    sessions.create("admin", {}, "s").close()
    for attempt in (sessions.open, partial(sessions.open, repair=True), sessions.delete):
        with pytest.raises(NoSuchSession):
            attempt(session_id)
    if session_id not in {"", "nowhere"}:
        with pytest.raises(ValueError, match=re.escape(repr(session_id))):
            sessions.create("admin", {}, session_id)


def test_a_session_is_begun_once_and_only_of_a_known_workflow(sessions: Sessions) -> None:
    with pytest.raises(KeyError):
        sessions.create("gardening", {}, "s")
    assert not sessions.folder.exists()
    sessions.create("admin", {}, "s").close()
    with pytest.raises(FileExistsError):
        sessions.create("admin", {}, "s")
    first, other = sessions.create("admin", {}), sessions.create("admin", {})
    assert first.header.session != other.header.session
    first.close()
    other.close()


def test_a_closed_session_takes_no_events_and_gives_its_lock_back(sessions: Sessions) -> None:
    session = sessions.create("admin", {}, "s")
    session.close()
    session.close()
    with pytest.raises(ValueError, match="closed"):
        session.start(PROJECT_KEY)
    assert session.state.events == 0
    sessions.open("s").close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_session_of_somebody_else_is_listed_with_the_reason(sessions: Sessions) -> None:
    sessions.create("admin", {}, "s").close()
    (sessions.folder / "s").chmod(0)
    try:
        (summary,) = sessions.summaries()
        assert "permission" in summary.damage
    finally:
        (sessions.folder / "s").chmod(0o700)


def test_an_archived_session_is_open_nowhere_and_back_once_it_is_opened(tmp_path: Path) -> None:
    sessions = sessions_in(tmp_path / "state")
    session = sessions.create("admin", {}, "s")
    with pytest.raises(SessionInUse):
        sessions.archive("s", archived=True)
    assert not is_archived(sessions.folder / "s")
    session.close()
    sessions.archive("s", archived=True)
    sessions.archive("s", archived=True)
    assert is_archived(sessions.folder / "s")
    sessions.archive("s", archived=False)
    sessions.archive("s", archived=False)
    assert not is_archived(sessions.folder / "s")
    sessions.archive("s", archived=True)
    sessions.open("s").close()
    assert not is_archived(sessions.folder / "s")
    with pytest.raises(OnboardError):
        sessions.archive("nowhere", archived=True)
