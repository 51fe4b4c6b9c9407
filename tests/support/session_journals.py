"""A folder of sessions, its steps and the journal of one."""

from __future__ import annotations

from pathlib import Path

from workflows.machine.events import StepKey
from workflows.machine.sessions import Sessions
from workflows.machine.summaries import JOURNAL

PROJECT_KEY, USERS, REVIEW = StepKey("project"), StepKey("users"), StepKey("review")


def journal_of(sessions: Sessions, session_id: str = "s") -> Path:
    return sessions.folder / session_id / JOURNAL
