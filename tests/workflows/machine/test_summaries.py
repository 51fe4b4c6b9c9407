"""The cached line of a session in the list is valid only for the files that it was made from."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.loaded import loaded
from support.machine_samples import do, sessions_in

from workflows.machine import summaries
from workflows.machine.events import AGREES, Observation, StepKey, Verdict
from workflows.machine.sessions import Sessions
from workflows.machine.summaries import JOURNAL, OBSERVED, kept_summary, made_from

PROJECT, USERS = StepKey("project"), StepKey("users")
LISTS = """
import sys
from pathlib import Path
from workflows.machine.sessions import Sessions
print(Sessions(Path(sys.argv[1]), (), None).summaries()[0].id)
"""


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    """Return sessions with one in which one step is done."""
    sessions = sessions_in(tmp_path / "state")
    session = sessions.create("admin", {"sandbox": True}, "s")
    do(session, PROJECT)
    session.close()
    return sessions


def folder_of(sessions: Sessions) -> Path:
    return sessions.folder / "s"


def test_a_session_that_was_left_is_listed_without_its_journal_being_replayed(sessions: Sessions) -> None:
    (copy,) = sessions.summaries()
    assert copy == kept_summary(folder_of(sessions))
    (folder_of(sessions) / "summary.json").unlink()
    assert sessions.summaries() == (copy,)
    assert (copy.next_title, copy.details) == ("Users", {"sandbox": True})
    assert (folder_of(sessions) / "summary.json").stat().st_mode & 0o777 == 0o600


def test_listing_it_again_loads_neither_the_machine_nor_a_workflow(sessions: Sessions) -> None:
    modules = loaded(LISTS, [str(sessions.folder)])
    assert not modules & {"workflows.machine.session", "workflows.machine.events", "workflows.catalogue"}


def _happens(folder: Path) -> None:
    with (folder / JOURNAL).open("a") as journal:
        journal.write("\n")


def _looked(folder: Path) -> None:
    (folder / "observed.json").write_text("{}")


def _torn(folder: Path) -> None:
    (folder / "summary.json").write_text('{"of": [')


def _of_another_shape(folder: Path) -> None:
    (folder / "summary.json").write_text(json.dumps({"of": made_from(folder), "summary": {"id": 5}}))


def _older(folder: Path) -> None:
    os.utime(folder / JOURNAL, ns=(1, 1))


@pytest.mark.parametrize("change", [_happens, _looked, _torn, _of_another_shape, _older])
def test_a_copy_that_was_made_from_something_else_does_not_count(
    change: Callable[[Path], None], sessions: Sessions
) -> None:
    change(folder_of(sessions))
    assert kept_summary(folder_of(sessions)) is None
    assert sessions.summaries()[0].id == "s"


def test_the_copy_of_another_version_does_not_count(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "_program", lambda: [1, 2])
    assert kept_summary(folder_of(sessions)) is None


def test_the_list_after_a_step_shows_what_comes_next(sessions: Sessions) -> None:
    with_copy = sessions.summaries()[0]
    session = sessions.open("s")
    do(session, USERS)
    during = sessions.summaries()[0]
    session.observe({PROJECT: AGREES})
    session.close()
    assert with_copy.next_title != during.next_title == sessions.summaries()[0].next_title


def test_what_is_settled_in_an_open_session_is_kept_at_once_for_other_wizards(sessions: Sessions) -> None:
    session = sessions.open("s")
    do(session, USERS)
    done = kept_summary(session.folder, of_old=True)
    session.reopen(USERS)
    again = kept_summary(session.folder, of_old=True)
    session.close()
    assert done is not None
    assert again is not None
    assert (str(USERS) in done.settled, str(USERS) in again.settled) == (True, False)


def test_a_damaged_session_has_no_copy(sessions: Sessions) -> None:
    (folder_of(sessions) / JOURNAL).write_bytes(b"garbage\n")
    assert sessions.summaries()[0].damage
    assert kept_summary(folder_of(sessions)) is None


def test_a_folder_that_takes_no_copy_is_listed_all_the_same(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(summaries, "replace_file", full)
    (folder_of(sessions) / "summary.json").unlink()
    assert sessions.summaries()[0].next_title == "Users"
    assert not (folder_of(sessions) / "summary.json").exists()


@pytest.mark.parametrize("name", [JOURNAL, OBSERVED])
def test_a_link_to_itself_in_place_of_a_file_counts_as_none(sessions: Sessions, name: str) -> None:
    (folder_of(sessions) / name).unlink(missing_ok=True)
    (folder_of(sessions) / name).symlink_to(name)
    (summary,) = sessions.summaries()
    assert bool(summary.damage) == (name == JOURNAL)


def test_the_list_says_who_is_awaited_and_nobody_any_more_once_they_came(sessions: Sessions) -> None:
    assert sessions.summaries()[0].unseen == (str(PROJECT),)
    session = sessions.open("s")
    session.observe({PROJECT: Observation(Verdict.AWAITED, "jane.doe hasn't signed in yet.", ("jane.doe",))})
    (summary,) = sessions.summaries()
    assert (summary.awaited, summary.unseen) == (("jane.doe",), ())
    session.observe({PROJECT: AGREES})
    session.close()
    assert sessions.summaries()[0].awaited == ()
