"""The stores for secrets on a machine. What they need is imported when a store is asked for, not before."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tui.on_demand import on_demand

with on_demand():
    from workflows.gpg import decrypt, keyring
    from workflows.stores import system_keyring, vault


def vault_for(
    fingerprint: str,
    *,
    folder: Path,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    with_keyring: bool,
    tty: str | None = None,
) -> vault.VaultChoice:
    """The operating system's keyrings that answer, and files encrypted to the person's own key.

    Raises:
        VaultUnavailable: there is no keyring and no key.
    """
    files = encrypted_files(fingerprint, folder, gnupg_home, environment, tty) if fingerprint else None
    return system_keyring.choose_vault(system_keyring.system_keyrings() if with_keyring else (), files)


def encrypted_files(
    fingerprint: str,
    folder: Path,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    tty: str | None = None,
) -> vault.PgpFileVault:
    """Files encrypted to a key of the person's; gpg itself asks for the passphrase when one is read.

    It asks on the terminal `tty`, or where its agent has a window of its own.
    """

    def opened(message: bytes) -> bytes:
        plain = decrypt.decrypt(
            message, passphrase=None, gnupg_home=gnupg_home, environment=environment, tty=tty
        )
        return plain.reveal().encode()

    closed = partial(keyring.encrypt, fingerprint=fingerprint, gnupg_home=gnupg_home, environment=environment)
    return vault.PgpFileVault(folder, closed, opened)
