"""Access keys in a vault: their names, and which of several vaults has one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from workflows.core.files import NotSynced, file_named
from workflows.core.secret import Credentials, Secret
from workflows.stores.vault import PgpFileVault, Vault, VaultUnavailable, load_texts

LARGEST_RECORD = 64_000
"""Maximum bytes of the record of a key."""


def store_access_key(
    vault: Vault, project: str, profile: str, key: Credentials, *, aside: bool = False
) -> NotSynced | None:
    """Store a key for a project's profile, replacing the previous one.

    Args:
        vault: the vault.
        project: the project's short name.
        profile: the base profile's name.
        key: the key.
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
