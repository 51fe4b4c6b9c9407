"""The folder that sessions are kept in: begin one, resume it, repair it, list them, delete it.

A session is one person's way through a workflow, that can be left at any time and resumed. It is a private
folder with a journal, a lock, drafts, and whatever its steps keep there.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import cause_of, private_folder, sync_folder
from workflows.machine.declaration import Workflow
from workflows.machine.events import Facts, Header, checked_facts
from workflows.machine.journal import DamagedJournal, Journal
from workflows.machine.lines import SCHEMA
from workflows.machine.live import Clock, Session
from workflows.machine.lock import SessionInUse, SessionLock
from workflows.machine.resume import replayed, state_of
from workflows.machine.state import State
from workflows.machine.summary import Summary, summary_of

__all__ = ["JOURNAL", "Clock", "Session", "Sessions", "Summary"]

JOURNAL = "journal.jsonl"


class Sessions:
    """The folder of sessions.

    Args:
        folder: the program's state folder; made with mode 0700 when the first session is begun.
        workflows: those that sessions can be of.
        now: the clock, in UTC.
    """

    def __init__(self, folder: Path, workflows: Iterable[Workflow], now: Clock) -> None:
        self.folder = folder
        self._workflows = {workflow.id: workflow for workflow in workflows}
        self._now = now

    def create(self, workflow: str, details: Facts, session_id: str = "") -> Session:
        """Begin a session.

        Raises:
            KeyError: there is no such workflow.
            ValueError: the id is no name for a folder.
            FileExistsError: a session of that id is there already.
            UnstorableFactError: a detail is no JSON value, or is a secret.
            OnboardError: its folder could not be written; nothing of it is left.
        """
        declaration = self._workflows[workflow]
        now = self._now()
        session_id = session_id or f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        if not _is_name(session_id):
            raise ValueError(f"{session_id!r} is no name for a session")
        header = Header(
            SCHEMA, session_id, workflow, now.isoformat(timespec="seconds"), checked_facts(details)
        )
        folder = self.folder / session_id
        try:
            private_folder(self.folder)
            folder.mkdir(mode=0o700)
        except FileExistsError:
            raise
        except (OSError, OnboardError) as error:
            raise self._not_begun(error) from error
        lock: SessionLock | None = None
        try:
            lock = SessionLock(folder / "lock")
            journal = Journal.create(folder / JOURNAL, header)
            sync_folder(self.folder)
        except (OSError, OnboardError) as error:
            if lock is not None:
                lock.release()
            shutil.rmtree(folder, ignore_errors=True)
            raise self._not_begun(error) from error
        return Session(folder, header, State.beginning(declaration), journal, lock, self._now)

    def open(self, session_id: str) -> Session:
        """Resume a session.

        Raises:
            OnboardError: there is none of that id, its journal cannot be read (DamagedJournal), or it comes
                from a newer version.
            SessionInUse: another process has it open.
        """
        folder = self._existing(session_id)
        return self._resumed(folder, repair=False)

    def repair(self, session_id: str) -> Session:
        """Resume a session, if it is damaged from its last sound event; the damaged file is kept beside it.

        Raises:
            DamagedJournal: not even its first line can be read.
            OnboardError: as for `open`.
            SessionInUse: another process has it open.
        """
        folder = self._existing(session_id)
        return self._resumed(folder, repair=True)

    def summaries(self) -> tuple[Summary, ...]:
        """All sessions, the most recently changed first; those that cannot be read say why.

        Raises:
            OnboardError: the folder itself cannot be read.
        """
        try:
            folders = [entry for entry in self.folder.iterdir() if entry.is_dir()]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise OnboardError(
                "The sessions cannot be listed",
                f"{self.folder} cannot be read.",
                why=cause_of(error),
                next="Check that the folder is yours.",
            ) from error
        every = (summary_of(folder, folder / JOURNAL, self._workflows, self._now) for folder in folders)
        found = [summary for summary in every if summary is not None]
        return tuple(sorted(found, key=lambda summary: (summary.changed, summary.id), reverse=True))

    def visit_free(self, visit: Callable[[Path], None]) -> None:
        """Call a function with the folder of each session that no process has open, while none can open it.

        Raises:
            OnboardError: what `visit` raises; or the folder of sessions cannot be read.
        """
        for summary in self.summaries():
            folder = self.folder / summary.id
            try:
                lock = SessionLock(folder / "lock")
            except SessionInUse:
                continue
            try:
                visit(folder)
            finally:
                lock.release()

    def delete(self, session_id: str, guard: Callable[[Path], None] | None = None) -> None:
        """Delete a session and all that it keeps.

        Args:
            session_id: its id.
            guard: called with its folder while nobody else can open it; what it raises keeps the session.

        Raises:
            SessionInUse: another process has it open.
            OnboardError: there is none of that id, or something of it could not be deleted.
        """
        folder = self._existing(session_id)
        lock = SessionLock(folder / "lock")
        try:
            if guard is not None:
                guard(folder)
            shutil.rmtree(folder)
        except OSError as error:
            raise OnboardError(
                "The session could not be deleted",
                f"Something in {folder} is still there.",
                why=cause_of(error),
                next="Check that all in the folder is yours, then delete it again.",
            ) from error
        finally:
            lock.release()

    def _existing(self, session_id: str) -> Path:
        folder = self.folder / session_id
        if not _is_name(session_id) or not folder.is_dir():
            raise OnboardError(
                "No such session",
                f"There is no session {session_id!r}.",
                next="`iam-onboard sessions` lists those that can be resumed.",
            )
        return folder

    def _resumed(self, folder: Path, *, repair: bool) -> Session:
        path = folder / JOURNAL
        lock = SessionLock(folder / "lock")
        try:
            try:
                loaded, state = replayed(path, self._workflows)
            except DamagedJournal as damage:
                if not repair or damage.sound is None:
                    raise
                self._keep_copy(path)
                loaded, state = damage.sound, state_of(path, damage.sound, self._workflows)
            journal = Journal.resume(path, loaded.sound_bytes)
        except BaseException:
            lock.release()
            raise
        return Session(folder, loaded.header, state, journal, lock, self._now)

    def _keep_copy(self, path: Path) -> None:
        stamp = f"{self._now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        try:
            shutil.copy2(path, path.with_name(f"{path.name}.damaged-{stamp}"))
        except OSError as error:
            raise OnboardError(
                "The session could not be repaired",
                f"No copy of the damaged {path} could be made, so it was left as it is.",
                why=cause_of(error),
                next="Make room on the disk and try again.",
            ) from error

    def _not_begun(self, error: OSError | OnboardError) -> OnboardError:
        return OnboardError(
            "The session could not be begun",
            f"Its folder in {self.folder} could not be written.",
            why=cause_of(error) if isinstance(error, OSError) else error.why,
            next="Check that the folder is yours and that its disk has room.",
        )


def _is_name(session_id: str) -> bool:
    return session_id not in {"", ".", ".."} and not {"/", "\0"} & set(session_id)
