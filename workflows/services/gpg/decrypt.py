r"""Opening the encrypted password: what people paste, whom it is for, and every way in which gpg says no.

gpg answers a wrong passphrase with "no secret key"; the difference is in its status lines (`ERROR
pkdecrypt_failed`, GnuPG's doc/DETAILS; the numbers are those of libgpg-error, in the low 16 bits).

gpg-agent remembers a passphrase for some minutes after it was right once. Until it forgets, gpg decrypts
with *any* passphrase, a wrong one too. The result is right all the same, and the agent of the person's own
folder is not ours to reset, so that is left as it is: "wrong passphrase" is never said when it is not so, but
a wrong one may go unnoticed. A passphrase given here is remembered by the agent in the same way.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.services.gpg.ciphertext import HIDDEN_RECIPIENT, clean_ciphertext, is_for, recipients
from workflows.services.gpg.decrypt_errors import (
    DecryptCancelled,
    DecryptError,
    LoopbackForbidden,
    NoSecretKey,
    NotAMessage,
    PassphraseNeeded,
    PinentryTimeout,
    SmartcardProblem,
    WrongPassphrase,
)
from workflows.services.gpg.tools import GpgFailed, GpgRun, run_gpg

__all__ = [
    "HIDDEN_RECIPIENT",
    "DecryptCancelled",
    "DecryptError",
    "LoopbackForbidden",
    "NoSecretKey",
    "NotAMessage",
    "PassphraseNeeded",
    "PinentryTimeout",
    "SmartcardProblem",
    "WrongPassphrase",
    "clean_ciphertext",
    "decrypt",
    "is_for",
    "recipients",
]

# libgpg-error's err-codes.h
_PASSPHRASE_CODES = frozenset({11, 177})  # BAD_PASSPHRASE, NO_PASSPHRASE (an empty one)
_TIMEOUT = 62
_CANCEL_CODES = frozenset({83, 99, 198})  # 83 as met in practice, CANCELED, FULLY_CANCELED
_NO_PINENTRY_CODES = frozenset(
    {85, 86, 32870}
)  # NO_PIN_ENTRY, PIN_ENTRY, ENOTTY (pinentry-curses without a terminal)
_CARD_CODES = frozenset({87, 108, 110, 111, 112, 113, 119, 130})  # BAD_PIN, CARD…, NO_SCDAEMON, PIN_BLOCKED


def decrypt(
    ciphertext: bytes,
    *,
    passphrase: Secret | None,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    tty: str | None = None,
    cancelled: Event | None = None,
    gpg: str = "gpg",
) -> Secret:
    """Decrypt a message.

    With a passphrase, gpg gets it over a pipe and asks nothing. Without one, gpg-agent uses a passphrase that
    it remembers, a key that has none, or asks with pinentry: then the caller suspends its own screen, names
    the terminal in `tty`, and swallows SIGINT meanwhile (Ctrl-C in pinentry reaches the whole terminal).
    Where pinentry has neither a terminal nor windows it is not started: `PassphraseNeeded` comes at once.

    Args:
        ciphertext: a binary message, from `clean_ciphertext`.
        passphrase: the secret key's passphrase, or None.
        gnupg_home: the folder with the secret key; None for gpg's own choice.
        environment: the person's environment.
        tty: the device of the terminal for pinentry.
        cancelled: set by another thread to give up; gpg is ended, its agent is not.
        gpg: the name or path of gpg.

    Returns:
        The plain text, exactly as it was encrypted.

    Raises:
        DecryptError: its subclass says what went wrong: `WrongPassphrase`, `NoSecretKey`, `DecryptCancelled`,
            `PinentryTimeout`, `PassphraseNeeded`, `LoopbackForbidden`, `SmartcardProblem`, `NotAMessage`.
        GpgFailed: anything else that gpg reports.
        GpgMissing: gpg is not installed.
        Cancelled: `cancelled` was set.
        ValueError: the passphrase is not one line of at most 255 bytes.
    """
    askable = passphrase is not None or tty is not None or _has_windows(environment)
    run = run_gpg(
        [*(() if askable else ("--pinentry-mode", "error")), "--no-auto-key-retrieve", "--decrypt"],
        gnupg_home=gnupg_home,
        environment=environment,
        program=gpg,
        stdin=ciphertext,
        passphrase=passphrase,
        tty=tty,
        cancelled=cancelled,
    )
    if run.exit_status == -signal.SIGINT:
        raise DecryptCancelled(run.messages)  # Ctrl-C in pinentry reaches gpg as well, and ends it
    if run.exit_status != 0 or not run.has("DECRYPTION_OKAY"):
        raise _failure(run)
    try:
        return Secret(run.output.decode("utf-8"))
    except UnicodeDecodeError:
        # Without its cause: the exception would hold the plain bytes.
        raise NotAMessage("What was encrypted in it is not a text, so it is no password.") from None


def _has_windows(environment: Mapping[str, str]) -> bool:
    """Whether a pinentry with windows may come up."""
    named = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    return bool(named) or sys.platform == "darwin"


def _failure(run: GpgRun) -> OnboardError:
    """The error that a failed run stands for."""
    codes = _error_codes(run, "pkdecrypt_failed")
    encrypted_to = tuple(arguments[0] for arguments in run.arguments("ENC_TO") if arguments)
    kind: (
        type[WrongPassphrase | DecryptCancelled | PinentryTimeout | PassphraseNeeded | SmartcardProblem]
        | None
    )
    kind = None
    if _error_codes(run, "set_pinentry_mode"):
        return LoopbackForbidden(run.messages)
    if codes & _PASSPHRASE_CODES:
        kind = WrongPassphrase
    elif _TIMEOUT in codes:
        kind = PinentryTimeout
    elif codes & _CANCEL_CODES:
        kind = DecryptCancelled
    elif codes & _NO_PINENTRY_CODES:
        kind = PassphraseNeeded
    elif codes & _CARD_CODES or run.has("SC_OP_FAILURE"):
        kind = SmartcardProblem
    if kind is not None:
        return kind(run.messages)
    if run.has("NODATA") or not encrypted_to:
        return NotAMessage("GnuPG finds no message in it that is encrypted to a key.")
    if run.has("NO_SECKEY"):
        return NoSecretKey(encrypted_to, run.messages)
    return GpgFailed(
        "GnuPG could not decrypt it",
        "The secret key is here, but decrypting failed.",
        why="The message was probably changed or cut on the way.",
        next="Copy the encrypted password again, or ask for it to be sent again.",
        detail=run.messages,
    )


def _error_codes(run: GpgRun, place: str) -> set[int]:
    """The libgpg-error codes that gpg reports for a place (`ERROR place code`), without their sources."""
    return {
        int(arguments[1]) & 0xFFFF
        for arguments in run.arguments("ERROR")
        if len(arguments) > 1 and arguments[0] == place and arguments[1].isdigit()
    }
