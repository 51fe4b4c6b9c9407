"""Where an access key is kept: the best vault that is here, or in plain text as AWS's documentation does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from workflows.errors import OnboardError
from workflows.messages.handoff import Identity
from workflows.services.access_key_vault import KeptAccessKey, keeps_access_key, store_access_key
from workflows.services.clients import Credentials
from workflows.services.files import read_text
from workflows.services.profiles.plan import BaseProfile, KeyInFile, WantedProfiles
from workflows.services.profiles.reading import profile_sections
from workflows.services.profiles.write import MAX_BYTES, ProfilePaths, prepare, write_profiles
from workflows.services.vault import PgpFileVault, Vault, VaultUnavailable
from workflows.steps.base import Context, Observation
from workflows.steps.own_identity import base_profile_of, fingerprint_of, paths_of, project_of
from workflows.steps.places import told_path

VAULT, CREDENTIALS_FILE = "vault", "credentials-file"
"""What a person chooses: the vault, or plain text."""
KEPT_IN_KEYRING, KEPT_IN_PGP_FILE, KEPT_IN_FILE = "keyring", "pgp-file", "credentials-file"
"""What is recorded: which kind of store it went to."""


class KeyStore(Protocol):
    """Keeps one access key of one identity."""

    @property
    def kind(self) -> str:
        """Which kind it is, for the record."""

    @property
    def description(self) -> str:
        """Where it is, in words that complete "kept in …"."""

    def keep(self, key: Credentials, mfa_serial: str | None) -> None:
        """Keep the key in place of the one before.

        Args:
            key: the key.
            mfa_serial: of the person's code device, or None.

        Raises:
            OnboardError: it could not be kept; what was kept before is still there.
        """


@dataclass(frozen=True)
class StoreOption:
    """A store that can be chosen.

    Attributes:
        choice: `VAULT` or `CREDENTIALS_FILE`.
        words: how it is offered.
    """

    choice: str
    words: str


def store_options(context: Context, identity: Identity) -> tuple[StoreOption, ...]:
    """The stores that can be used here, the best first; why a better one is passed over is in the words."""
    plain = told_path(paths_of(context).credentials, context.world.home)
    in_clear = StoreOption(CREDENTIALS_FILE, f"in plain text in {plain}")
    try:
        chosen = context.world.vault(fingerprint_of(context, identity))
    except VaultUnavailable:
        return (in_clear,)
    words = chosen.vault.description
    if chosen.passed_over is not None:
        words += f" ({chosen.passed_over.what})"
    return (StoreOption(VAULT, words), in_clear)


def store_for(choice: str, context: Context, identity: Identity) -> KeyStore:
    """The chosen store, after a look whether it can be used.

    Raises:
        OnboardError: it cannot.
    """
    base = base_profile_of(context, identity)
    if choice == VAULT:
        vault = context.world.vault(fingerprint_of(context, identity)).vault
        return VaultStore(vault, project_of(context), base)
    paths = paths_of(context)
    prepare(paths, WantedProfiles((BaseProfile(base, identity.region),), ()))  # refuses what is not readable
    return FileStore(paths, base, identity.region, context)


@dataclass(frozen=True)
class VaultStore:
    """The keyring, or a file encrypted to the person's own PGP key."""

    vault: Vault
    project: str
    profile: str

    @property
    def kind(self) -> str:
        """See `KeyStore`."""
        return KEPT_IN_PGP_FILE if isinstance(self.vault, PgpFileVault) else KEPT_IN_KEYRING

    @property
    def description(self) -> str:
        """See `KeyStore`."""
        return self.vault.description

    def keep(self, key: Credentials, mfa_serial: str | None) -> None:
        """See `KeyStore`."""
        del mfa_serial
        store_access_key(
            self.vault, self.project, self.profile, KeptAccessKey(key.access_key_id, key.secret_access_key)
        )


@dataclass(frozen=True)
class FileStore:
    """The project's `credentials` file, in plain text; it is written with the base profile at once."""

    paths: ProfilePaths
    profile: str
    region: str
    context: Context

    @property
    def kind(self) -> str:
        """See `KeyStore`."""
        return KEPT_IN_FILE

    @property
    def description(self) -> str:
        """See `KeyStore`."""
        return told_path(self.paths.credentials, self.context.world.home)

    def keep(self, key: Credentials, mfa_serial: str | None) -> None:
        """See `KeyStore`."""
        source = KeyInFile(key.access_key_id, key.secret_access_key)
        wanted = WantedProfiles((BaseProfile(self.profile, self.region, source, mfa_serial),), ())
        write_profiles(self.paths, wanted, self.context.world.now())


def observe_store(context: Context, identity: Identity, recorded: Mapping[str, Any]) -> Observation | None:
    """What is different from the record of a kept key; None if nothing is. Nothing is decrypted.

    Args:
        context: of the step.
        identity: whose key it is.
        recorded: the fact `access_key`.
    """
    base = base_profile_of(context, identity)
    if recorded["kept"] == KEPT_IN_FILE:
        path = paths_of(context).credentials
        name = told_path(path, context.world.home)
        try:
            found = profile_sections(read_text(path, MAX_BYTES), "", name) if path.exists() else {}
        except OnboardError as error:
            return Observation(holds=False, words=error.what)
        section = found.get(base)
        if section is None or section.options.get("aws_access_key_id") != recorded["id"]:
            return Observation(holds=False, words=f"{name} no longer has the key {recorded['id']}.")
        return None
    try:
        vault = context.world.vault(fingerprint_of(context, identity)).vault
        there = keeps_access_key(vault, project_of(context), base)
    except VaultUnavailable as error:
        return Observation(holds=None, words=error.what)
    if there:
        return None
    return Observation(holds=False, words=f"The access key is no longer in {vault.description}.")
