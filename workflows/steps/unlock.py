"""Opens the person's own PGP key, where a secret is kept in a file that is encrypted to it."""

from __future__ import annotations

from workflows.core.secret import Secret
from workflows.services.gpg.decrypt import decrypt
from workflows.services.gpg.keyring import encrypt
from workflows.steps.base import Context, Progress, Report


def unlock(passphrase: Secret, fingerprint: str, context: Context, report: Report) -> None:
    """Let gpg-agent remember the passphrase, by encrypting a word to the key and decrypting it again.

    Args:
        passphrase: of the key.
        fingerprint: of the key.
        context: of the step.
        report: is told what is done.

    Raises:
        WrongPassphrase: it is another one.
        OnboardError: gpg does not work.
    """
    report(Progress("Unlocking your PGP key"))
    world = context.world
    message = encrypt(
        b"iam-onboard",
        fingerprint=fingerprint,
        gnupg_home=world.gnupg_home,
        environment=world.environment,
    )
    decrypt(
        message,
        passphrase=passphrase,
        gnupg_home=world.gnupg_home,
        environment=world.environment,
        cancelled=context.cancelled,
    ).drop()
