"""The lock of a state that somebody else's run holds: who, since when, and for what."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflows.core.errors import OnboardError

_OPERATIONS = {
    "OperationTypeApply": "an apply",
    "OperationTypePlan": "a plan",
    "OperationTypeInvalid": "another command",
}


@dataclass(frozen=True)
class LockInfo:
    """Who holds a state's lock, in Terraform's words.

    Attributes:
        lock_id: what `force-unlock` wants.
        who: person and machine ("jane@laptop").
        operation: what is done under the lock ("OperationTypeApply").
        created: since when ("2026-02-03 10:20:30.1 +0000 UTC").
        path: which state.
    """

    lock_id: str
    who: str
    operation: str
    created: str
    path: str

    @property
    def purpose(self) -> str:
        """What is done under the lock, in words ("an apply")."""
        return _OPERATIONS.get(self.operation, self.operation or "something unknown")


class LockHeld(OnboardError):  # noqa: N818 - named as the message is
    """Somebody else's run holds the state's lock; `lock` says who, since when."""

    def __init__(self, lock: LockInfo, detail: str) -> None:
        super().__init__(
            "The state is locked",
            f"{lock.who or 'Somebody'} has held its lock since {lock.created or 'an unknown time'}.",
            why=(f"Another run ({lock.purpose}) is working on this state, or was killed while it did."),
            next="Wait for it and try again. Only if that run is surely dead, release the lock by force.",
            detail=detail,
        )
        self.lock = lock


def read_lock(text: str) -> LockInfo | None:
    """Who holds the lock, from Terraform's message about it; None if the text is about something else."""
    if not re.search(r"acquiring the state lock|state lock", text, re.IGNORECASE) or "Lock Info" not in text:
        return None
    values = dict(re.findall(r"^\s*(ID|Path|Operation|Who|Created):[ \t]*(.*?)[ \t]*$", text, re.MULTILINE))
    return LockInfo(
        lock_id=values.get("ID", ""),
        who=values.get("Who", ""),
        operation=values.get("Operation", ""),
        created=values.get("Created", ""),
        path=values.get("Path", ""),
    )
