"""Encrypting to the person's own key: how a secret is kept in a file where the computer has no keyring."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workflows.services.gpg.tools import GpgFailed, run_gpg


def encrypt(
    plain: bytes,
    *,
    fingerprint: str,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
) -> bytes:
    """An OpenPGP message that only the owner of a key can read.

    The key is named by its fingerprint, so it is trusted for this (`--trust-model always`); the plain bytes
    go in through a pipe.

    Args:
        plain: what to encrypt; may be secret.
        fingerprint: of a key in the keyring, 40 hexadecimal digits.
        gnupg_home: the folder with the keyring; None for gpg's own choice.
        environment: the person's environment.

    Returns:
        The message, binary.

    Raises:
        GpgMissing: gpg is not installed.
        GpgFailed: the key is not there or cannot encrypt.
    """
    run = run_gpg(
        ["--trust-model", "always", "--recipient", fingerprint, "--encrypt", "--output", "-"],
        gnupg_home=gnupg_home,
        environment=environment,
        stdin=plain,
    )
    if run.exit_status != 0 or not run.output:
        raise GpgFailed(
            "gpg did not encrypt",
            f"Nothing could be encrypted to the key {fingerprint}.",
            next="Check with `gpg --list-keys` that the key is there and has not expired.",
            detail=run.messages,
        )
    return run.output
