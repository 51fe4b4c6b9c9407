"""The folder in which sessions are begun, resumed, listed and deleted.

Listing sessions that are unchanged since the last list loads neither the machine nor the workflows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path

from workflows.core.files import OWN_LIMIT, explained, load_file, write_atomically
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError
from workflows.machine.lock import SessionLock, visited
from workflows.machine.summaries import Summary, kept_summary

with on_demand():
    from workflows.machine import declaration, events, session as one_session

Clock = Callable[[], datetime]
_ARCHIVED = "archived"
_UNWATCHED = "unwatched"


def is_archived(folder: Path) -> bool:
    """Return whether the session in a folder is archived."""
    return (folder / _ARCHIVED).exists()


class NoSuchSession(OnboardError):  # noqa: N818 - the name says what is missing
    """There is no session of this id."""


class Sessions:
    """The folder of sessions.

    Args:
        folder: the program's state folder; created with mode 0700 with the first session.
        workflows: the possible workflows; loaded when a session is begun, opened or first listed.
        now: the clock, in UTC.
    """

    def __init__(self, folder: Path, workflows: Iterable[declaration.Workflow], now: Clock) -> None:
        self.folder = folder
        self._given = workflows
        self._now = now

    @cached_property
    def _workflows(self) -> Mapping[str, declaration.Workflow]:
        return {workflow.id: workflow for workflow in self._given}

    def create(self, workflow: str, details: events.Facts, session_id: str = "") -> one_session.Session:
        """Begin a session.

        Raises:
            KeyError: there is no such workflow.
            ValueError: the id can't name a folder.
            FileExistsError: a session of that id exists already.
            UnstorableFactError: a detail isn't JSON, or is a secret.
            OnboardError: its folder couldn't be written, and is removed again.
        """
        declaration = self._workflows[workflow]
        now = self._now()
        session_id = session_id or f"{now:%Y%m%d-%H%M%S}-{os.urandom(2).hex()}"
        if not _is_name(session_id):
            raise ValueError(f"{session_id!r} isn't a session name")

        return one_session.begun(self.folder / session_id, declaration, details, now, self._now)

    def open(self, session_id: str, *, repair: bool = False) -> one_session.Session:
        """Resume a session.

        Args:
            repair: whether to resume a damaged one from its last sound event, keeping a copy beside it.

        Raises:
            DamagedJournal: its journal can't be read; when repairing, not even its first line.
            OnboardError: there is none of that id, or it comes from a newer version.
            SessionInUse: another process has it open.
        """
        session = one_session.resumed(self._existing(session_id), self._workflows, self._now, repair=repair)
        for mark in (_ARCHIVED, _UNWATCHED):
            with suppress(OSError):  # it is open anyway
                (session.folder / mark).unlink(missing_ok=True)
        return session

    def archive(self, session_id: str, *, archived: bool) -> None:
        """Archive a session, or bring it back to the list; opening it brings it back too.

        Raises:
            SessionInUse: another process has it open.
            OnboardError: there is none of that id, or its folder can't be written.
        """
        folder = self._existing(session_id)
        mark = folder / _ARCHIVED
        with SessionLock(folder / "lock"), explained(mark, "written"):
            if archived:
                write_atomically(mark, b"")
            else:
                mark.unlink(missing_ok=True)

    def mark_unwatched(self, session_id: str, title: str) -> None:
        """Remember, until the session is opened, that the step of this title ended unwatched.

        Raises:
            OnboardError: there is none of that id, or its folder can't be written.
        """
        mark = self._existing(session_id) / _UNWATCHED
        with explained(mark, "written"):
            write_atomically(mark, title.encode())

    def unwatched(self, session_id: str) -> str:
        """Return the title of the step that ended unwatched; "" for none."""
        try:
            return load_file(self.folder / session_id / _UNWATCHED, OWN_LIMIT).decode()
        except (OnboardError, OSError, ValueError):
            return ""

    def summaries(self) -> tuple[Summary, ...]:
        """Return all sessions, the most recently changed first; unreadable ones say why.

        Raises:
            FileError: the folder itself can't be read.
        """
        with explained(self.folder, "read"):
            try:
                folders = [entry for entry in self.folder.iterdir() if entry.is_dir()]
            except FileNotFoundError:
                return ()
        every = (
            kept_summary(folder) or one_session.summarised(folder, self._workflows, self._now)
            for folder in folders
        )
        found = [summary for summary in every if summary is not None]
        return tuple(sorted(found, key=lambda summary: (summary.changed, summary.id), reverse=True))

    def visit_free(self, visit: Callable[[Path], None]) -> None:
        """Call a function with the folder of each session that isn't open; opening one waits for it.

        Raises:
            OnboardError: what `visit` raises; or the folder of sessions can't be read.
        """
        for summary in self.summaries():
            folder = self.folder / summary.id
            with visited(folder / "lock") as free:
                if free:
                    visit(folder)

    def delete(self, session_id: str, guard: Callable[[Path], None] | None = None) -> None:
        """Delete a session with everything in its folder.

        Args:
            guard: called with its folder while nobody else can open it; if it raises, the session stays.

        Raises:
            SessionInUse: another process has it open.
            OnboardError: there is none of that id, or something in its folder couldn't be deleted.
        """
        folder = self._existing(session_id)
        with SessionLock(folder / "lock"), explained(folder, "deleted"):
            if guard is not None:
                guard(folder)
            shutil.rmtree(folder)

    def _existing(self, session_id: str) -> Path:
        folder = self.folder / session_id
        if not _is_name(session_id) or not folder.is_dir():
            raise NoSuchSession(
                "No such session",
                f"There is no session {session_id!r}.",
                next="`iam-onboard sessions` lists the ones that you can resume.",
            )
        return folder


def _is_name(session_id: str) -> bool:
    return session_id not in {"", ".", ".."} and not {"/", "\0"} & set(session_id)
