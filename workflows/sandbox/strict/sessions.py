"""Temporary credentials that the sandbox's STS issued: whose, with or without MFA, until when."""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

_KEPT_AFTER_EXPIRY = 86_400.0
_KEY_ID_ALPHABET = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class Session:
    """Temporary credentials and what they stand for.

    Attributes:
        access_key_id: 20 characters, beginning `ASIA`.
        secret: the secret access key.
        token: the session token.
        account_id: the account that they act in.
        expires_at: seconds since the epoch.
        user: the IAM user that they act as, "" for a role's session.
        role: the IAM role that they act as, "" for a user's session.
        session_name: a role session's name.
        mfa_at: when an MFA code was given, in seconds since the epoch; None without MFA.
    """

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    account_id: str
    expires_at: float
    user: str = ""
    role: str = ""
    session_name: str = ""
    mfa_at: float | None = None


class Sessions:
    """The sessions of one sandbox; safe to use from several threads."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def issue(
        self,
        *,
        account_id: str,
        now: float,
        seconds: int,
        user: str = "",
        role: str = "",
        session_name: str = "",
        mfa_at: float | None = None,
    ) -> Session:
        """Make new credentials that work from `now` for so many seconds."""
        session = Session(
            access_key_id="ASIA" + "".join(secrets.choice(_KEY_ID_ALPHABET) for _ in range(16)),
            secret=secrets.token_urlsafe(30),
            token=secrets.token_urlsafe(180),
            account_id=account_id,
            expires_at=now + seconds,
            user=user,
            role=role,
            session_name=session_name,
            mfa_at=mfa_at,
        )
        with self._lock:
            for key_id, old in list(self._sessions.items()):
                if old.expires_at + _KEPT_AFTER_EXPIRY < now:
                    del self._sessions[key_id]
            self._sessions[session.access_key_id] = session
        return session

    def find(self, access_key_id: str) -> Session | None:
        """The session with that key, expired or not, or None. An expired one is forgotten after a day."""
        with self._lock:
            return self._sessions.get(access_key_id)

    def dump(self) -> dict[str, Any]:
        """Everything, as a JSON object."""
        with self._lock:
            return {"sessions": [asdict(session) for session in self._sessions.values()]}

    def load(self, data: dict[str, Any]) -> None:
        """Take over what `dump` gave, in place of what is here."""
        sessions = [Session(**entry) for entry in data["sessions"]]
        with self._lock:
            self._sessions = {session.access_key_id: session for session in sessions}
