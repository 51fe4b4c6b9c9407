"""The stores for secrets on a machine. What they need is imported when a store is asked for, not before."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.stores.vault import PgpFileVault, VaultChoice


def vault_for(
    fingerprint: str,
    *,
    folder: Path,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    with_keyring: bool,
    tty: str | None = None,
) -> VaultChoice:
    """The operating system's keyrings that answer, and files encrypted to the person's own key.

    Raises:
        VaultUnavailable: there is no keyring and no key.
    """
    from workflows.stores.system_keyring import choose_vault, system_keyrings  # noqa: PLC0415 - as below

    files = encrypted_files(fingerprint, folder, gnupg_home, environment, tty) if fingerprint else None
    return choose_vault(system_keyrings() if with_keyring else (), files)


def encrypted_files(
    fingerprint: str,
    folder: Path,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    tty: str | None = None,
) -> PgpFileVault:
    """Files encrypted to a key of the person's; gpg itself asks for the passphrase when one is read.

    It asks on the terminal `tty`, or where its agent has a window of its own.
    """
    from workflows.gpg.decrypt import decrypt  # noqa: PLC0415 - not for the first paint
    from workflows.gpg.keyring import encrypt  # noqa: PLC0415
    from workflows.stores.vault import PgpFileVault  # noqa: PLC0415

    def opened(message: bytes) -> bytes:
        plain = decrypt(message, passphrase=None, gnupg_home=gnupg_home, environment=environment, tty=tty)
        return plain.reveal().encode()

    closed = partial(encrypt, fingerprint=fingerprint, gnupg_home=gnupg_home, environment=environment)
    return PgpFileVault(folder, closed, opened)
