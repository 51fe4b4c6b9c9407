"""Records of the access keys on this computer: which, where, since when, and the state of a rotation.

Nothing in them is secret. They are separate from the secrets, so that the age of a key is known without a
passphrase, a keyring dialog, or a request to AWS. They are written before each action of a rotation, so that
a killed one is finished or undone at the next start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TypeVar

from workflows.core.files import (
    FileWrite,
    explained,
    is_there,
    private_folder,
    read_text,
    remove_leftovers,
    staged,
)
from workflows.core.locks import FileLock
from workflows.core.parsing import parse_json
from workflows.core.sentences import OnboardError, Sentence, count
from workflows.core.shapes import WrongShape, plain, read
from workflows.stores.vault import LARGEST_RECORD, record_file

_Kind = TypeVar("_Kind")
KEPT_WORDS = {
    "keyring": "in the keyring",
    "pgp-file": "encrypted to your PGP key",
    "credentials-file": "in plain text",
}
"""Where a key is, by the kind of store."""
WAIT_DAYS = 3
"""How long a deactivated key waits, to reveal anything that still uses it."""


class Phase(Enum):
    """The phase of a rotation, written before its action."""

    CREATING = "creating"
    STORING = "storing"
    VERIFYING = "verifying"
    DEACTIVATING = "deactivating"
    WAITING = "waiting"
    """The old key is inactive; it will be deleted if nothing needs it."""


@dataclass(frozen=True)
class Rotation:
    """An unfinished rotation.

    Attributes:
        phase: its phase.
        old_id: the access key to replace.
        new_id: the new key; "" before it is known.
        known_ids: the user's keys before the new one.
        since: when this phase began (UTC).
        active_again: whether AWS said, when asked last, that somebody activated the deactivated old key.
    """

    phase: Phase
    old_id: str
    new_id: str
    known_ids: tuple[str, ...]
    since: datetime
    active_again: bool = False

    @property
    def interrupted(self) -> bool:
        """Whether it was interrupted and must be finished or undone."""
        return self.phase is not Phase.WAITING

    def days(self, now: datetime) -> int:
        """Return the whole days since this phase began."""
        return max(0, (now - self.since).days)

    def days_left(self, now: datetime) -> int:
        """Return how many days the old key should still wait before its deletion; 0 if it is active again."""
        return 0 if self.active_again else max(0, WAIT_DAYS - self.days(now))


@dataclass(frozen=True)
class KeyRecord:
    """An access key stored on this computer.

    Attributes:
        project: the project's short name.
        profile: the key's base profile.
        id: the access key id.
        kept: the kind of store: "keyring", "pgp-file" or "credentials-file".
        user: the IAM user.
        account_id: the user's account.
        region: the base profile's region.
        kept_at: since when it is stored here (UTC).
        created: when AWS created it (UTC), or None if unknown.
        fingerprint: the fingerprint of the PGP key that its file is encrypted to, or "".
        backend: Python's keyring backend, such as "keyring.backends.SecretService.Keyring", or "".
        rotation: the unfinished rotation, or None.
    """

    project: str
    profile: str
    id: str
    kept: str
    user: str
    account_id: str
    region: str
    kept_at: datetime
    created: datetime | None = None
    fingerprint: str = ""
    backend: str = ""
    rotation: Rotation | None = None

    @property
    def under_way(self) -> Rotation:
        """The unfinished rotation.

        Raises:
            ValueError: there is none.
        """
        if self.rotation is None:
            raise ValueError("no rotation is under way")
        return self.rotation

    def age_days(self, now: datetime) -> int:
        """Return its age in whole days; if its creation is unknown, the time it has been stored here."""
        return max(0, (now - (self.created or self.kept_at)).days)

    def is_old(self, now: datetime) -> bool:
        """Return whether it is older than 90 days and should be rotated."""
        from workflows.aws.iam import OLD_KEY_DAYS  # noqa: PLC0415 - an SDK that asks for a key waits

        return self.age_days(now) > OLD_KEY_DAYS


@dataclass(frozen=True)
class Creation:
    """A key requested from AWS but not stored yet.

    Attributes:
        project: the project's short name.
        profile: the key's base profile.
        kept: the kind of store that the person chose.
        known_ids: the user's keys before the new one.
        since: when it was requested (UTC).
        new_id: the new key's id; "" before it is known.
    """

    project: str
    profile: str
    kept: str
    known_ids: tuple[str, ...]
    since: datetime
    new_id: str = ""


class KeyRecords:
    """The records, one file each.

    Args:
        folder: created with mode 0700 for the first record; the files have 0600.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> tuple[KeyRecord, ...]:
        """Return all records, sorted by project and profile.

        Raises:
            OnboardError: one cannot be read.
        """
        with explained(self.folder, "read"):
            paths = sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []
        return tuple(
            sorted(
                (_read(path, KeyRecord) for path in paths),
                key=lambda record: (record.project, record.profile),
            )
        )

    def get(self, project: str, profile: str) -> KeyRecord | None:
        """Return the record of a profile, or None.

        Raises:
            OnboardError: it cannot be read.
        """
        path = self._path(project, profile)
        return _read(path, KeyRecord) if is_there(path) else None

    def put(self, record: KeyRecord | Creation) -> None:
        """Write a record of a key or a creation, synced to the disk, replacing the previous one.

        Raises:
            FileError: it cannot be written; the previous one is unchanged.
        """
        with self.staged(record) as put:
            put()

    @contextmanager
    def staged(self, record: KeyRecord | Creation) -> Iterator[Callable[[], None]]:
        """Write a record to a temporary file, and yield a function that puts it in place even on a full disk.

        Every writer shares a lock while its record waits, so a writer that gets it alone can remove
        leftovers.

        Raises:
            FileError: it cannot be written; the previous one is unchanged.
        """
        suffix = ".creation" if isinstance(record, Creation) else ".json"
        path, lock = self._path(record.project, record.profile, suffix), FileLock(self.folder)
        private_folder(self.folder)
        try:
            if lock.try_acquire():
                remove_leftovers(path)
            lock.acquire(shared=True)
            with staged([FileWrite(path, f"{json.dumps(plain(record), indent=2)}\n".encode())]) as put:
                yield put
        finally:
            lock.release()

    def creation(self, project: str, profile: str) -> Creation | None:
        """Return the unfinished creation of a profile's key, or None.

        Raises:
            OnboardError: its record cannot be read.
        """
        path = self._path(project, profile, ".creation")
        return _read(path, Creation) if is_there(path) else None

    def end(self, project: str, profile: str) -> None:
        """Remove the record of a creation whose key is now stored or deleted.

        Raises:
            FileError: the record cannot be deleted.
        """
        path = self._path(project, profile, ".creation")
        with explained(path, "deleted"):
            path.unlink(missing_ok=True)

    def _path(self, project: str, profile: str, suffix: str = ".json") -> Path:
        return record_file(self.folder, project, profile, suffix)


def _read(path: Path, kind: type[_Kind]) -> _Kind:
    text = read_text(path, LARGEST_RECORD)
    try:
        return read(kind, parse_json(text))
    except (ValueError, WrongShape) as error:
        raise OnboardError(
            "A damaged record",
            f"{path} isn't a valid record of an access key.",
            why="Somebody edited it, or a newer version wrote it.",
            next=(
                "It holds no secret. Delete it, then import the key again (`iam-onboard access-key import`)."
            ),
            detail=f"{type(error).__name__}: {error}",
        ) from None


def remark(record: KeyRecord, now: datetime) -> Sentence:
    """Return what a person should know about a key, its unfinished rotation or its age, or ""."""
    name = f"{record.profile} ({record.id})"
    rotation = record.rotation
    if rotation is not None and rotation.interrupted:
        return f"The rotation of {name} was interrupted: rotate again to finish it."
    words = []
    if rotation is not None and rotation.active_again:
        words.append(
            f"{record.profile}: when AWS was last asked, the old key {rotation.old_id} was active again."
        )
        words.append("Make sure in the console that it's inactive, then delete it here.")
    elif rotation is not None:
        days, left = rotation.days(now), rotation.days_left(now)
        since = f"{count(days, 'day')} ago" if days else "today"
        words.append(f"{record.profile}: the old key {rotation.old_id} was deactivated {since}.")
        wait = f"Wait {count(left, 'more day' if days else 'day')} before you delete it."
        words.append(wait if left else "You can delete it now.")
    if record.is_old(now):
        at_least = "" if record.created else "at least "
        words.append(f"The access key of {name} is {at_least}{record.age_days(now)} days old: rotate it.")
    return " ".join(words)


def remarks(folder: Path, now: datetime) -> tuple[Sentence, ...]:
    """Return the remarks on all keys with records in a folder.

    Raises:
        OnboardError: a record cannot be read.
    """
    return tuple(words for words in (remark(record, now) for record in KeyRecords(folder).all()) if words)
