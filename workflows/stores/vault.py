"""Storage for secrets between runs: the interface, files encrypted to a PGP key, and access keys in both.

The operating system's keyring is the other kind of vault: see `system_keyring`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from workflows.core.files import NotSynced, file_named, is_there, private_folder, read_bytes, write_atomically
from workflows.core.parsing import parse_json
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, Sentence


class VaultUnavailable(OnboardError):  # noqa: N818 - as the other refusals are named
    """No vault can be used."""


class VaultLocked(VaultUnavailable):
    """The vault is locked."""


class Vault(Protocol):
    """Stores secrets by name. The name is not secret, for example "bb/management/mfa-seed".

    Two vaults of the same store are equal, however they were found.
    """

    @property
    def description(self) -> Sentence:
        """The place, as a phrase that completes "kept in …"."""

    def store(self, name: str, secret: Secret) -> NotSynced | None:
        """Store a secret, replacing an earlier one of that name.

        Returns:
            Why a power failure may lose it, or None.

        Raises:
            VaultUnavailable: it could not be stored; an earlier one is unchanged.
        """

    def load(self, name: str) -> Secret | None:
        """Load the secret of that name, or None.

        Raises:
            VaultUnavailable: the vault cannot be read.
        """

    def delete(self, name: str) -> None:
        """Delete the secret of that name, if there is one.

        Raises:
            VaultUnavailable: it could not be deleted.
        """


class PgpFileVault:
    """One small file per secret, encrypted to the person's own PGP key.

    Args:
        folder: created with mode 0700; the files have 0600.
        encrypt: encrypts plain bytes to the person's key.
        decrypt: the reverse; may prompt for a passphrase. Both raise an OnboardError on failure.
        quietly: the same, but prompts nobody; None if `decrypt` never does.
    """

    def __init__(
        self,
        folder: Path,
        encrypt: Callable[[bytes], bytes],
        decrypt: Callable[[bytes], bytes],
        quietly: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._folder = folder
        self._encrypt = encrypt
        self._decrypt = decrypt
        self._quietly = quietly or decrypt

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PgpFileVault) and other._folder == self._folder

    def __hash__(self) -> int:
        return hash(self._folder)

    def without_asking(self) -> PgpFileVault:
        """Return the same vault, which prompts nobody."""
        return PgpFileVault(self._folder, self._encrypt, self._quietly)

    @property
    def description(self) -> Sentence:
        """The place with its folder."""
        return self.described("your PGP key")

    def described(self, key: str) -> Sentence:
        """Return the place with its folder, and the key as named."""
        return f"files encrypted to {key} in {self._folder}"

    def store(self, name: str, secret: Secret) -> NotSynced | None:
        """See `Vault`."""
        message = self._encrypt(json.dumps({"name": name, "secret": secret.reveal()}).encode())
        if not message or secret.reveal().encode() in message:
            raise VaultUnavailable(
                "Not encrypted", "gpg returned no encrypted message.", next="Check your PGP key."
            )
        private_folder(self._folder)
        try:
            write_atomically(self._path(name), message, mode=0o600)
        except NotSynced as unsynced:  # the key is in place, so its creator must not delete it
            return unsynced
        return None

    def load(self, name: str) -> Secret | None:
        """See `Vault`."""
        path = self._path(name)
        if not is_there(path):
            return None
        plain = self._decrypt(read_bytes(path, 1_000_000))
        with suppress(ValueError, KeyError, TypeError):
            content = parse_json(plain)
            if content["name"] == name and isinstance(content["secret"], str):
                return Secret(content["secret"])
        raise VaultUnavailable(
            "A damaged file",
            f"{path} doesn't hold the secret named {name}.",
            next="Delete that file, then start again.",
        )

    def holds(self, name: str) -> bool:
        """Return whether there is a file for that name, without decrypting it."""
        return is_there(self._path(name))

    def delete(self, name: str) -> None:
        """See `Vault`."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise unavailable(self.description, f"{type(error).__name__}: {error.strerror}") from None

    def _path(self, name: str) -> Path:
        return file_named(self._folder, name, ".gpg")


class VaultChoice(NamedTuple):
    """The choice of a vault.

    Attributes:
        vault: the best usable vault.
        passed_over: why a better one is not used, or None.
        others: the other usable vaults, better ones first.
    """

    vault: Vault
    passed_over: VaultUnavailable | None = None
    others: tuple[Vault, ...] = ()

    @property
    def all(self) -> tuple[Vault, ...]:
        """All usable vaults, best first."""
        return (self.vault, *self.others)


def load_texts(
    vault: Vault, name: str, fields: Sequence[str], *, called: str, then: str
) -> tuple[str, ...] | None:
    """Load several texts stored as one secret; None if there is none of that name.

    Args:
        name: the secret's name.
        fields: the names of the texts.
        called: what errors call the secret.
        then: the remedy in errors.

    Raises:
        VaultUnavailable: the vault does not answer.
        OnboardError: the stored secret is something else.
    """
    content = vault.load(name)
    if content is None:
        return None
    with content:
        try:
            values = parse_json(content.reveal())
            return tuple(str(values[field]) for field in fields)
        except (ValueError, KeyError, TypeError):
            raise OnboardError(
                f"The stored {called} is damaged",
                f"{vault.description} has something else under {name}.",
                next=then,
            ) from None


def unavailable(description: Sentence, detail: str) -> VaultUnavailable:
    """Return the error for a vault that does not answer.

    Args:
        description: the vault's description.
        detail: its own message, without secrets.
    """
    return VaultUnavailable(
        "The secret store doesn't answer",
        f"iam-onboard can't use {description}.",
        why="It isn't running, or can't be reached from here (over ssh, without a desktop, in a container).",
        next="Use a file encrypted to your PGP key instead, or try again on the desktop.",
        detail=detail,
    )


LARGEST_RECORD = 64_000
"""Maximum bytes of the record of a key."""


def store_access_key(
    vault: Vault, project: str, profile: str, key: Credentials, *, aside: bool = False
) -> NotSynced | None:
    """Store a key for a project's profile, replacing the previous one.

    Args:
        project: the project's short name.
        profile: the base profile's name.
        aside: store it as the unused backup copy that a rotation can restore; likewise in the next functions.

    Returns:
        Why a power failure may lose it, or None.

    Raises:
        VaultUnavailable: the vault does not accept it; the previous key is still there.
    """
    with Secret(json.dumps({"id": key.access_key_id, "secret": key.secret_access_key.reveal()})) as content:
        return vault.store(_name(project, profile, aside=aside), content)


def load_access_key(vault: Vault, project: str, profile: str, *, aside: bool = False) -> Credentials | None:
    """Load the key of a project's profile, or None.

    Raises:
        VaultUnavailable: the vault does not answer.
        OnboardError: the stored secret is no access key.
    """
    name, then = _name(project, profile, aside=aside), "Do the step “Access keys” again."
    kept = load_texts(vault, name, ("id", "secret"), called="access key", then=then)
    return Credentials(kept[0], Secret(kept[1])) if kept else None


def find_access_key(vaults: Iterable[Vault], project: str, profile: str) -> tuple[Vault, Credentials] | None:
    """Return the first vault that has the key of a project's profile, with the key, or None.

    Args:
        vaults: the vaults in order, equal ones asked once; consumed only as far as needed.
        project: the project's short name.
        profile: the base profile's name.

    Raises:
        VaultUnavailable: none has it, and one that may have it does not answer.
        OnboardError: the stored secret is no access key, or cannot be decrypted.
    """
    asked: list[Vault] = []
    silent: VaultUnavailable | None = None
    for vault in vaults:
        if vault in asked:
            continue
        asked.append(vault)
        try:
            key = load_access_key(vault, project, profile)
        except VaultUnavailable as error:
            silent = silent or error
            continue
        if key is not None:
            return vault, key
    if silent is not None:
        raise silent
    return None


def keeps_access_key(vault: Vault, project: str, profile: str) -> bool:
    """Return whether a vault has a key for a project's profile, without prompting for a passphrase.

    Raises:
        VaultUnavailable: the vault does not answer.
    """
    if isinstance(vault, PgpFileVault):
        return vault.holds(_name(project, profile))
    content = vault.load(_name(project, profile))
    if content is None:
        return False
    content.drop()
    return True


def delete_access_key(vault: Vault, project: str, profile: str, *, aside: bool = False) -> None:
    """Delete the key of a project's profile, if there is one.

    Raises:
        VaultUnavailable: the vault does not answer.
    """
    vault.delete(_name(project, profile, aside=aside))


def record_file(folder: Path, project: str, profile: str, suffix: str = ".json") -> Path:
    """Return the file in that folder with the record of a profile's key."""
    return file_named(folder, f"{project}/{profile}", suffix)


def _name(project: str, profile: str, *, aside: bool = False) -> str:
    return f"{project}/{profile}/access-key{'-before' if aside else ''}"
