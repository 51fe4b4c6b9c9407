"""Who is signed in to the console in which browser, and how far each sign-in has come."""

from __future__ import annotations

import secrets
import threading
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

LASTS_SECONDS = 12 * 3600


class Stage(StrEnum):
    """What a sign-in still lacks."""

    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - a stage
    DONE = "done"


@dataclass(frozen=True)
class NewKey:
    """An access key that was just created; its secret is shown until the person leaves the page."""

    access_key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class SignIn:
    """One browser's sign-in.

    Attributes:
        token: the value of the browser's cookie.
        account_id: the account.
        user: the IAM user's name.
        stage: what is still to be done.
        expires_at: seconds since the epoch.
        mfa_at: when a code was given, or None.
        pending_device: the serial number of the device whose QR code the page shows, or "".
        new_key: the key whose secret can still be seen. Never kept over a restart.
    """

    token: str = field(repr=False)
    account_id: str
    user: str
    stage: Stage
    expires_at: float
    mfa_at: float | None = None
    pending_device: str = ""
    new_key: NewKey | None = None


class SignIns:
    """Every sign-in of the sandbox's console; safe to use from several threads."""

    def __init__(self) -> None:
        self._sign_ins: dict[str, SignIn] = {}
        self._lock = threading.Lock()

    def start(self, account_id: str, user: str, stage: Stage, now: float) -> SignIn:
        """A person gave the right password."""
        sign_in = SignIn(secrets.token_urlsafe(32), account_id, user, stage, now + LASTS_SECONDS)
        self.keep(sign_in)
        return sign_in

    def find(self, token: str, now: float) -> SignIn | None:
        """The sign-in of a cookie, or None if there is none or it is over."""
        with self._lock:
            sign_in = self._sign_ins.get(token)
            if sign_in is not None and sign_in.expires_at <= now:
                del self._sign_ins[token]
                return None
            return sign_in

    def keep(self, sign_in: SignIn) -> None:
        """Put a sign-in in the place of its earlier self."""
        with self._lock:
            self._sign_ins[sign_in.token] = sign_in

    def end(self, token: str) -> None:
        """The person signed out."""
        with self._lock:
            self._sign_ins.pop(token, None)

    def pending_devices(self, now: float) -> list[tuple[str, str]]:
        """The devices whose QR code is on a page now: (account id, serial number)."""
        with self._lock:
            return [
                (sign_in.account_id, sign_in.pending_device)
                for sign_in in self._sign_ins.values()
                if sign_in.pending_device and sign_in.expires_at > now
            ]

    def dump(self) -> dict[str, Any]:
        """Everything but secrets of new keys, as a JSON object."""
        with self._lock:
            return {
                "sign_ins": [asdict(replace(sign_in, new_key=None)) for sign_in in self._sign_ins.values()]
            }

    def load(self, data: dict[str, Any]) -> None:
        """Take over what `dump` gave, in place of what is here."""
        sign_ins = [SignIn(**{**entry, "stage": Stage(entry["stage"])}) for entry in data["sign_ins"]]
        with self._lock:
            self._sign_ins = {sign_in.token: sign_in for sign_in in sign_ins}
