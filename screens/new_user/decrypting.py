"""A pane that decrypts the one-time password of its identity, and has it until it goes.

The password lives in the pane alone and is forgotten with it. Either the passphrase is typed into a masked
field, or gpg asks by itself while the application is suspended; a person who can do neither is led to a
request for a replacement.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult, SuspendNotSupported
from textual.containers import Horizontal

from screens.new_user.replacement import offer_replacement
from screens.step.failure import as_error
from screens.step.page import Opening, StepPane
from screens.widgets.fields import FieldRow, SecretInput
from screens.widgets.own_terminal import lend_terminal
from screens.widgets.text import Button, Text
from workflows.core.errors import OnboardError, Problem
from workflows.core.openpgp import grouped
from workflows.core.secret import Secret
from workflows.gpg.decrypt import WrongPassphrase
from workflows.steps.new_user import sign_in
from workflows.steps.shared.module import Context, Report
from workflows.steps.shared.own_identity import identity_of

_NO_PASSPHRASE = Problem("Enter the passphrase of your PGP key first.", "passphrase")


class DecryptingPane(StepPane):
    """Asks for the passphrase, decrypts, and keeps the password.

    Attributes:
        password: the decrypted password, or None before and after.
    """

    DEFAULT_CSS = """
    DecryptingPane .words { height: auto; }
    DecryptingPane Horizontal { height: 1; }
    DecryptingPane FieldRow > .row-label { width: 22; }
    DecryptingPane Button { margin-right: 2; }
    """
    DECRYPT: ClassVar[str] = "decrypt"

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.password: Secret | None = None

    def compose_decrypting(self) -> ComposeResult:
        """The passphrase's field and the ways around it."""
        key = grouped(identity_of(self.context).key_fingerprint)
        yield Text(f"Encrypted to your PGP key\n{key}", classes="words")
        yield FieldRow("Its passphrase", SecretInput("Enter decrypts", id="passphrase"))
        with Horizontal():
            yield Button("Decrypt", id="decrypt")
            yield Button("Let gpg ask (smartcard)", id="pinentry")
        with Horizontal():
            yield Button("I can't decrypt it", id="replace")

    def password_came(self) -> None:
        """The password is there; a subclass shows what to do with it."""
        raise NotImplementedError

    # -- the two ways ------------------------------------------------------------------------------

    @on(Button.Pressed, "#decrypt")
    @on(SecretInput.Submitted, "#passphrase")
    def decrypt(self) -> None:
        """Decrypt with what is in the field."""
        if self.running_move:
            return
        passphrase = self.query_one("#passphrase", SecretInput).take()
        if not passphrase:
            # A key may have no passphrase: that it has one shows only when gpg wants it.
            self.run_move(self.DECRYPT, partial(_without_passphrase, passphrase, self.context))
            return
        self.run_move(
            self.DECRYPT,
            lambda report: sign_in.decrypt_password(passphrase, self.context, report),
            journaled=True,
        )

    @on(Button.Pressed, "#pinentry")
    def _let_gpg_ask(self) -> None:
        if self.running_move:
            return
        self.post_message(self.Begun())
        self.call_later(self._ask_with_pinentry)

    def _ask_with_pinentry(self) -> None:
        try:
            password = lend_terminal(
                self.app,
                "gpg asks for the passphrase or the PIN now. Ctrl-C gives up.",
                lambda tty: sign_in.decrypt_password(None, self.context, lambda _progress: None, tty=tty),
            )
        except SuspendNotSupported:
            self._not_decrypted(
                OnboardError(
                    "gpg cannot ask here",
                    "The wizard cannot give the terminal to another program here.",
                    why="This terminal, or the way the wizard was started, does not allow it.",
                    next="Enter the passphrase in the field, or start the wizard in an ordinary terminal.",
                )
            )
        except Exception as failure:  # noqa: BLE001 - a failure while suspended becomes words like any other
            self._not_decrypted(as_error(failure))
        else:
            self.post_message(self.MoveDone(self.DECRYPT, password))

    def _not_decrypted(self, error: OnboardError) -> None:
        self.post_message(self.MoveFailed(self.DECRYPT, error, journaled=True))

    # -- what came of it ---------------------------------------------------------------------------

    @on(StepPane.MoveDone)
    def _decrypted(self, message: StepPane.MoveDone) -> None:
        if message.name != self.DECRYPT:
            return
        password: Secret | None = message.result
        if password is None:
            self.show_problems([_NO_PASSPHRASE])
        elif not self.is_attached:
            password.drop()
        else:
            self.forget()
            self.password = password
            self.password_came()

    @on(StepPane.MoveFailed)
    def _back_to_the_field(self, message: StepPane.MoveFailed) -> None:
        if message.name == self.DECRYPT:
            self.query_one("#passphrase").focus()

    def forget(self) -> None:
        """Drop the password, if it is there."""
        if self.password is not None:
            self.password.drop()
            self.password = None

    @on(Button.Pressed, "#replace")
    def _offer_replacement(self) -> None:
        offer_replacement(self)


def _without_passphrase(empty: Secret, context: Context, report: Report) -> Secret | None:
    """The password, if its key has no passphrase; None if it has one."""
    try:
        return sign_in.decrypt_password(empty, context, report)
    except WrongPassphrase:
        return None
