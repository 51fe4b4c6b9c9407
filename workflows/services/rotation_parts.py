"""What a rotation of an access key works with: the user's keys in AWS, and where the key is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from workflows.core.secret import Secret
from workflows.core.sentences import Sentence
from workflows.services.clients import Credentials
from workflows.services.iam import AccessKey
from workflows.services.key_records import KeyRecord


class OwnKeys(Protocol):
    """The user's access keys in AWS, in a session that may change them."""

    def listed(self) -> tuple[AccessKey, ...]:
        """All of them, the oldest first."""

    def create(self) -> tuple[str, Secret]:
        """A new one: its id and its secret."""

    def set_active(self, access_key_id: str, *, active: bool) -> None:
        """Let one work, or not for the time being."""

    def delete(self, access_key_id: str) -> None:
        """Delete one for good."""

    def prove(self, key: Credentials) -> None:
        """Wait until AWS knows a key, and see that it is this user's.

        Raises:
            OnboardError: it is not usable.
        """


class KeptKey(Protocol):
    """Where the access key is kept."""

    @property
    def description(self) -> Sentence:
        """Where, in words that complete "kept in …"."""

    def keep(self, key: Credentials, mfa_serial: str | None) -> None:
        """Keep a key in place of the one before; an OnboardError leaves that one."""

    def load(self) -> Credentials | None:
        """The key as whoever uses it gets it, or None."""

    def put_aside(self, key: Credentials) -> None:
        """Keep a second copy of the key that is about to be replaced."""

    def aside(self, access_key_id: str) -> Credentials | None:
        """The copy of the key of this id, or None."""

    def forget_aside(self) -> None:
        """Delete that copy, if there is one."""


@dataclass(frozen=True)
class Parts:
    """What a rotation works with.

    Attributes:
        keys: the user's keys in AWS.
        store: where the key is kept.
        save: writes the record down, synced.
        now: the clock (UTC).
        mfa_serial: of the person's code device, or None.
        tell: is told what is done.
    """

    keys: OwnKeys
    store: KeptKey
    save: Callable[[KeyRecord], None]
    now: Callable[[], datetime]
    mfa_serial: str | None = None
    tell: Callable[[str], None] = lambda _words: None
