"""`iam-onboard decrypt`: the one-time password on standard output, and nothing else there.

gpg is asked first without a passphrase: its agent may remember it, the key may have none or be on a
smartcard, and gpg's own question (pinentry) comes up on the terminal. Only where there is no pinentry the
passphrase is asked for here, and goes to gpg over a pipe.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tui.cli import asking
from tui.cli.exit_codes import DONE
from tui.cli.output import hand_out, note, on_terminal
from tui.host import Machine
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.gpg.decrypt import PassphraseNeeded, WrongPassphrase, clean_ciphertext
from workflows.gpg.decrypt import decrypt as decrypted
from workflows.gpg.tools import PASSPHRASE_LIMIT
from workflows.messages.envelope import MessageError
from workflows.messages.handoff import Handoff, open_handoff

_INPUT_LIMIT = 2_000_000
_ATTEMPTS = 3


def decrypt(machine: Machine, options: argparse.Namespace) -> int:
    """Print the password.

    Raises:
        OnboardError: it cannot be read or decrypted; the subclasses of `DecryptError` tell why.
    """
    data = asking.given(machine, options.file, _INPUT_LIMIT, "the encrypted password")
    plain = _decrypted(clean_ciphertext(_encrypted(data, options.account)), machine)
    try:
        # Whoever encrypted it by hand with `echo` added a line break, which is no part of a password.
        hand_out(plain.reveal().rstrip("\r\n") + ("\n" if on_terminal() else ""))
    finally:
        plain.drop()
    if on_terminal():
        note("This terminal's scrollback keeps the password: sign in with it now and choose a new one.")
    return DONE


def _encrypted(data: bytes, account: str) -> bytes | str:
    """The encrypted password in a handoff, or what was given itself if it is none."""
    text = data.decode("utf-8", errors="replace")
    try:
        handoff = open_handoff(text)
    except MessageError:
        if account:
            raise
        return data
    return _of_account(handoff, account)


def _of_account(handoff: Handoff, account: str) -> str:
    with_password = {
        identity.account_name: identity.encrypted_password
        for identity in handoff.identities
        if identity.encrypted_password and account in {"", identity.account_name}
    }
    if len(with_password) == 1:
        return next(iter(with_password.values()))
    names = ", ".join(identity.account_name for identity in handoff.identities)
    raise OnboardError(
        "Which account?" if with_password else "No password in this handoff",
        f"The handoff is for {names}."
        if not account
        else f"The handoff is for {names}, without a password for {account}.",
        next="Name one with --account." if with_password else "",
    )


def _decrypted(ciphertext: bytes, machine: Machine) -> Secret:
    with _interrupts_left_to_gpg():
        try:
            return _gpg(ciphertext, machine, None, asking.terminal_name(machine.environment))
        except PassphraseNeeded:
            if not asking.has_terminal():
                raise
    for attempt in range(_ATTEMPTS):
        passphrase = asking.ask_secret("Passphrase of your PGP key: ")
        try:
            if len(passphrase.reveal().encode()) > PASSPHRASE_LIMIT:
                note(f"A passphrase can have at most {PASSPHRASE_LIMIT} bytes.")
                continue
            return _gpg(ciphertext, machine, passphrase, None)
        except WrongPassphrase as error:
            if attempt == _ATTEMPTS - 1:
                raise
            note(f"{error.title}. Try again.")
        finally:
            passphrase.drop()
    raise WrongPassphrase("")


def _gpg(ciphertext: bytes, machine: Machine, passphrase: Secret | None, tty: str | None) -> Secret:
    return decrypted(
        ciphertext,
        passphrase=passphrase,
        gnupg_home=machine.gnupg_home,
        environment=machine.environment,
        tty=tty,
    )


@contextmanager
def _interrupts_left_to_gpg() -> Iterator[None]:
    """Ctrl-C in pinentry reaches the whole terminal; gpg ends by it. Children inherit no handler."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
