"""`iam-onboard decrypt`: the one-time password on standard output, and nothing else there.

gpg is asked first without a passphrase: its agent may remember it, the key may have none or be on a
smartcard, and gpg's own question (pinentry) appears on the terminal. Only without pinentry, the passphrase is
asked for here and passed to gpg through a pipe.
"""

from __future__ import annotations

import argparse
import signal
from functools import partial

from tui.cli import asking
from tui.cli.arguments import Commands, argument, option
from tui.cli.output import hand_out, note, on_terminal
from tui.ending import handling
from workflows.core.later import on_demand
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError

with on_demand():
    from tui import host
    from workflows.gpg import decrypt as gpg, pasted, tools
    from workflows.messages import envelope, handoff as handoffs

_ATTEMPTS = 3


def add_to(commands: Commands) -> None:
    """Declare the command."""
    commands.add(
        "decrypt",
        decrypt,
        argument(
            "file",
            "FILE",
            "the handoff or the encrypted password ('-': stdin, the default)",
            nargs="?",
            default="-",
        ),
        option("--account", "NAME", "choose one of the handoff's accounts"),
        description="Decrypt the password in a handoff, or a bare encrypted password, and print it to "
        "standard output only. gpg asks for your passphrase; if it can't, iam-onboard asks on "
        "the terminal.",
    )


def decrypt(machine: host.Machine, options: argparse.Namespace) -> None:
    """Print the password.

    Raises:
        OnboardError: it can't be read or decrypted; the subclasses of `DecryptError` say why.
    """
    data = asking.given(machine, options.file, pasted.INPUT_LIMIT, "the encrypted password")
    with _decrypted(gpg.clean_ciphertext(_encrypted(data, options.account)), machine) as plain:
        # Encrypting by hand with `echo` adds a line break, which isn't part of the password.
        hand_out(plain.reveal().rstrip("\r\n") + ("\n" if on_terminal() else ""))
    if on_terminal():
        note("This terminal's scrollback keeps the password: sign in with it now and choose a new one.")


def _encrypted(data: bytes, account: str) -> bytes | str:
    """Return the encrypted password in a handoff, or the input itself if it is none."""
    try:
        handoff = handoffs.open_handoff(data.decode("utf-8", errors="replace"))
    except envelope.MessageError:
        if account:
            raise
        return data
    passwords = [
        identity.encrypted_password
        for identity in handoff.identities
        if identity.encrypted_password and account in {"", identity.account_name}
    ]
    if len(passwords) == 1:
        return passwords[0]
    names = ", ".join(identity.account_name for identity in handoff.identities)
    raise OnboardError(
        "Which account?" if passwords else "No password in this handoff",
        f"The handoff is for {names}{f', without a password for {account}' if account else ''}.",
        next="Name one with --account." if passwords else "",
    )


def _decrypted(ciphertext: bytes, machine: host.Machine) -> Secret:
    opened = partial(gpg.decrypt, ciphertext, gnupg_home=machine.gnupg_home, environment=machine.environment)
    # Ctrl-C in pinentry reaches the whole terminal and ends gpg. Children don't inherit a handler.
    with handling({signal.SIGINT: lambda *_: None}):
        try:
            return opened(passphrase=None, tty=asking.terminal_name(machine.environment))
        except gpg.PassphraseNeeded:
            if not asking.has_terminal():
                raise
    for attempt in range(1, _ATTEMPTS + 1):
        passphrase = asking.ask_secret("Passphrase of your PGP key: ")
        try:
            if len(passphrase.reveal().encode()) > tools.PASSPHRASE_LIMIT:
                note(f"A passphrase can have at most {tools.PASSPHRASE_LIMIT} bytes.")
                continue
            return opened(passphrase=passphrase, tty=None)
        except gpg.WrongPassphrase as error:
            if attempt == _ATTEMPTS:
                raise
            note(f"{error.title}. Try again.")
        finally:
            passphrase.drop()
    raise gpg.WrongPassphrase
