"""Stores for one access key of one profile: a vault, or AWS's own file in plain text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from workflows.core.files import NotSynced, explained
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import Sentence
from workflows.profiles.plan import BaseProfile, WantedProfiles
from workflows.profiles.write import ProfilePaths, sections_in, write_profiles
from workflows.stores.system_keyring import KeyringVault
from workflows.stores.vault import PgpFileVault, Vault, delete_access_key, load_access_key, store_access_key

KEPT_IN_KEYRING, KEPT_IN_PGP_FILE, KEPT_IN_FILE = "keyring", "pgp-file", "credentials-file"
"""The kinds of stores, as recorded."""


@dataclass(frozen=True)
class VaultStore:
    """The keyring, or a file encrypted to the person's own PGP key."""

    vault: Vault
    project: str
    profile: str

    @property
    def kind(self) -> str:
        """The kind of store, for the record."""
        return KEPT_IN_PGP_FILE if isinstance(self.vault, PgpFileVault) else KEPT_IN_KEYRING

    @property
    def backend(self) -> str:
        """The keyring's class, for the record; "" for files."""
        return self.vault.backend_class if isinstance(self.vault, KeyringVault) else ""

    @property
    def description(self) -> Sentence:
        """The place, as a phrase that completes "kept in …"."""
        return self.vault.description

    def keep(self, key: Credentials, mfa_serial: str | None) -> NotSynced | None:
        """Store a key, replacing the previous one; return why a power failure may lose it, or None.

        Raises:
            OnboardError: it could not be stored; the previous one is unchanged.
        """
        del mfa_serial
        return store_access_key(self.vault, self.project, self.profile, key)

    def put_aside(self, key: Credentials) -> None:
        """Store a backup copy of the key that is about to be replaced."""
        store_access_key(self.vault, self.project, self.profile, key, aside=True)

    def aside(self, access_key_id: str) -> Credentials | None:
        """Return the backup copy of the key with this id, or None."""
        key = self.load(aside=True)
        return key if key is not None and key.access_key_id == access_key_id else None

    def forget_aside(self) -> None:
        """Delete the backup copy, if there is one."""
        delete_access_key(self.vault, self.project, self.profile, aside=True)

    def load(self, *, aside: bool = False) -> Credentials | None:
        """Load the current key or its backup copy, or None."""
        return load_access_key(self.vault, self.project, self.profile, aside=aside)


@dataclass(frozen=True)
class FileStore:
    """The project's `credentials` file, in plain text; written together with the base profile.

    Attributes:
        paths: the project's two files.
        profile: the base profile.
        region: its region.
        now: the clock, for the names of backups.
        description: the file's displayed path.
        kind: as for `VaultStore`.
        backend: as for `VaultStore`; always "".
    """

    paths: ProfilePaths
    profile: str
    region: str
    now: Callable[[], datetime]
    description: Sentence
    kind: str = KEPT_IN_FILE
    backend: str = ""

    def keep(self, key: Credentials, mfa_serial: str | None) -> NotSynced | None:
        """Like `VaultStore.keep`. Other options of the base profile stay; the step Profiles handles them."""
        base = BaseProfile(self.profile, self.region, key, mfa_serial, only_missing=True)
        try:
            write_profiles(self.paths, WantedProfiles((base,), ()), self.now())
        except NotSynced as unsynced:  # the key is in place, so its creator must not delete it
            return unsynced
        return None

    def load(self) -> Credentials | None:
        """Return the key in the file, or None."""
        return self._key_in(self.paths.credentials)

    def put_aside(self, key: Credentials) -> None:
        """Do nothing, since every write makes a backup of the file."""

    def aside(self, access_key_id: str) -> Credentials | None:
        """Return the key with that id from the newest backup that has it, or None."""
        file = self.paths.credentials
        with explained(file.parent, "read"):
            copies = sorted(file.parent.glob(f"{file.name}.backup-*"), reverse=True)
        found = (self._key_in(copy) for copy in copies)
        return next((key for key in found if key is not None and key.access_key_id == access_key_id), None)

    def forget_aside(self) -> None:
        """Do nothing: the backups are the person's, and their old key no longer works."""

    def _key_in(self, path: Path) -> Credentials | None:
        section = sections_in(path, "", str(path)).get(self.profile)
        if section is None or not {"aws_access_key_id", "aws_secret_access_key"} <= section.options.keys():
            return None
        values = section.options
        return Credentials(values["aws_access_key_id"], Secret(values["aws_secret_access_key"]))


KeyStore = VaultStore | FileStore
"""A store for one access key of one profile."""
