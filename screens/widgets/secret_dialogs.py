"""Asks for the MFA code or passphrase that a look at AWS needs, and uses it at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from screens.widgets.code_field import CodeField, Wanted
from screens.widgets.dialogs import Dialog
from screens.widgets.failure import as_error
from screens.widgets.fields import FieldRow, SecretInput
from screens.widgets.text import Button, Text
from workflows.core.openpgp import grouped
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence


class SecretDialog(Dialog[bool]):
    """Answers True once the secret worked; failures are shown in the dialog.

    Args:
        title: what it asks for.
        text: what it is for.
        field: the field for the secret.
        give: uses the secret, in a thread; raises OnboardError if it doesn't work.
    """

    LACKING: ClassVar[Sentence]
    WITH: ClassVar[Sentence] = "Ask AWS"
    WITHOUT: ClassVar[str]
    _good = False

    def __init__(
        self, title: Sentence, text: Sentence, field: Widget, give: Callable[[Secret], None]
    ) -> None:
        super().__init__(
            title,
            text,
            Button(self.WITH, id="primary", variant="primary"),
            close=self.WITHOUT,
            fields=(field, Text("", id="wrong", classes="problem -empty")),
        )
        self._give = give

    def take(self) -> Secret | None:
        """Return the entered secret, emptying its field; None if there is none."""
        raise NotImplementedError

    def action_primary(self) -> None:
        if (secret := self.take()) is None:
            self._refuse(self.LACKING)
            return
        self.query_one("#primary", Button).disabled = True
        self.run_worker(lambda: self._try(secret), thread=True, exclusive=True)

    def _try(self, secret: Secret) -> None:
        refusal: Sentence = ""
        try:
            self._give(secret)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the dialog stays
            refusal = as_error(failure).what
        finally:
            secret.drop()
        self.app.call_from_thread(self._answered, refusal)

    def _answered(self, refusal: Sentence) -> None:
        if self not in self.app.screen_stack:
            return  # closed meanwhile
        self._good = not refusal
        if refusal:
            self._refuse(refusal)
        elif self.is_active:
            self.dismiss(True)

    def on_screen_resume(self) -> None:
        """Close now if the secret worked while another screen, such as the palette, was on top."""
        if self._good:
            self.dismiss(True)

    def _refuse(self, words: Sentence) -> None:
        self.query_one("#wrong", Text).show_lines([f"✗ {words}"])
        self.query_one("#primary", Button).disabled = False
        self.query_one(Input).focus()


class CodeDialog(SecretDialog):
    """Asks for the code of an MFA device.

    Args:
        serial: the device.
        give: as for `SecretDialog`.
        now: the clock, aware.
    """

    AUTO_FOCUS = "#code"
    DEFAULT_CSS: ClassVar[str] = "CodeDialog CodeField { margin: 1 0 0 0; }"
    WANTED: ClassVar[Sentence] = "AWS wants an MFA code"
    FOR: ClassVar[str] = (
        "One code from {serial} lets iam-onboard ask AWS for an hour, in all accounts of that device."
    )
    LACKING = "Enter the six digits that the device shows."
    WITHOUT = "Without a code"

    def __init__(self, serial: str, give: Callable[[Secret], None], now: Callable[[], datetime]) -> None:
        super().__init__(self.WANTED, self.FOR.format(serial=serial), CodeField(now, Wanted()), give)

    def take(self) -> Secret | None:
        return self.query_one(CodeField).take()


class DeactivationDialog(CodeDialog):
    """Asks for the code that deactivating an access key needs."""

    WANTED = "AWS wants the next MFA code"
    FOR = "Deactivating a key takes a code from {serial}. Each code works only once."
    WITH, WITHOUT = "Deactivate", "Not yet"


class PassphraseDialog(SecretDialog):
    """Asks for the passphrase of the user's own PGP key.

    Args:
        fingerprint: of the key.
        give: as for `SecretDialog`.
    """

    AUTO_FOCUS = "#own-passphrase"
    LACKING = "Enter the passphrase of your PGP key."
    WITHOUT = "Without it"

    def __init__(self, fingerprint: str, give: Callable[[Secret], None]) -> None:
        end = grouped(fingerprint[-8:])
        words = f"gpg needs the passphrase of your PGP key ending in {end}, to ask AWS with your access key."
        field = FieldRow("Passphrase", SecretInput("then Enter", id="own-passphrase"))
        super().__init__("Unlock your PGP key", words, field, give)

    def take(self) -> Secret | None:
        return self.query_one(SecretInput).take() or None

    @on(Input.Submitted)
    def _enter(self) -> None:
        self.query_one("#primary", Button).press()
