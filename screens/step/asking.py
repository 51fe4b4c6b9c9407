"""Pages whose work first needs the passphrase of the user's PGP key, or an MFA code.

A move without it fails. The page then asks for it instead of showing a failure dialog, and repeats the move.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from textual import on
from textual.await_remove import AwaitRemove
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from screens.step.page import Move, Primary, StepPane, Taker, is_displayed
from screens.widgets.checklist import Checklist
from screens.widgets.code_field import CodeField
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.fields import FieldRow, SecretInput
from screens.widgets.secret_dialogs import DeactivationDialog
from screens.widgets.text import Button, Text
from workflows.aws.authenticator import PERIOD_SECONDS
from workflows.core.errors import Problem
from workflows.core.openpgp import grouped
from workflows.core.secret import Secret
from workflows.core.sentences import joined
from workflows.gpg.decrypt import PassphraseNeeded, WrongPassphrase
from workflows.steps.admin.terraform_runs import CodeWanted
from workflows.steps.shared.module import Report
from workflows.steps.shared.own_access_key import TwoActiveKeys, unlock
from workflows.steps.shared.own_identity import fingerprint_of, identity_of, sign_in_page

_WHY = "gpg needs the passphrase of your {which}PGP key ending in {end}, to read your access key."
_NOT_OF_IT = "Wrong passphrase. Enter the one of the PGP key ending in {end}, not an AWS password."
_STILL = "gpg still needs it: enter the passphrase of the PGP key ending in {end}."
_RAN_OUT = "This code has expired. Enter the one your app shows now."
_SPARE = (
    "{spare} has to go before you can create a new key. Programs that use it fail until you activate "
    "it again, in the console."
)
_DEACTIVATED = (
    "✓ {spare} is deactivated. If nothing fails for a few days, delete it, and come back for a new key."
)
_UNLOCK = Primary("Unlock your PGP key")
_DO = "do"

CodedMove = Callable[[Report, Secret | None], Any]
"""Called in a thread with a report and the code, or None; the code is dropped."""


class OwnPassphrase(Vertical):
    """Asks for the passphrase of the user's own PGP key when gpg-agent has forgotten it."""

    DEFAULT_CSS = "OwnPassphrase { height: auto; margin-bottom: 1; }"

    class Entered(Message):
        """The user pressed Enter in the field."""

    def __init__(self, fingerprint: str, own: str) -> None:
        why = _WHY.format(which="" if fingerprint == own else "earlier ", end=_end(fingerprint))
        super().__init__(Text(why), FieldRow("Passphrase", SecretInput("then Enter", id="own-passphrase")))

    @on(Input.Submitted)
    def _enter(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered())


def _end(fingerprint: str) -> str:
    return grouped(fingerprint[-8:])


class UnlockingPane(StepPane):
    """Runs a move; if gpg needs the passphrase, asks for it in the page and repeats the move."""

    _again: Callable[[], None] | None = None
    _locked = ""
    _began_at: datetime | None = None
    _asked_at: Widget | None = None

    def own_fingerprint(self) -> str:
        """The fingerprint of the key that secrets are encrypted to."""
        accounts = self.context.facts.get("identities") or [""]
        return fingerprint_of(self.context, identity_of(self.context, self.context.item or accounts[0]))

    def run_unlocked(self, name: str, work: Move, then: Taker) -> None:
        """Run a move as `run_move` does, with the passphrase if it needs one and one is entered."""
        if self.running_move:
            return
        self._again = partial(self.run_unlocked, name, work, then)
        asked = self.query(OwnPassphrase)
        passphrase = self.query_one("#own-passphrase", SecretInput).take() if asked else Secret("")
        if not passphrase:
            self._began_at = self._began_at if asked else self.context.environment.now()
            self.run_move(name, work, then)
            return
        fingerprint = self._locked

        def unlocking(report: Report) -> None:
            with passphrase:
                unlock(passphrase, fingerprint, self.context, report)

        async def unlocked(_nothing: object) -> None:
            await self.drop_passphrase_question()
            if not self._asks_for_codes_again():
                self.run_move(name, work, then)

        self.run_move("unlock", unlocking, unlocked)

    def _asks_for_codes_again(self) -> bool:
        """Ask for new codes if the entered ones expired during the passphrase question; return if so."""
        names = [name for field in self.query(CodeField) for name in field.codes]
        ran_out = [name for name in names if is_displayed(self.query_one(f"#{name}"))]
        began, now = self._began_at, self.context.environment.now()
        if not ran_out or began is None or now - began < timedelta(seconds=PERIOD_SECONDS):
            return False
        for field in self.query(CodeField):
            field.clear()
        self.show_problems([Problem(_RAN_OUT, name) for name in ran_out])
        return True

    def drop_passphrase_question(self) -> AwaitRemove:
        """Stop asking for the passphrase; the focus returns to where it was."""
        self.in_between, back = None, self._asked_at
        asking = any(field.has_focus for field in self.query("#own-passphrase"))
        if asking and back is not None and back.focusable:
            self.screen.set_focus(back)
        return self.query(OwnPassphrase).remove()

    @on(OwnPassphrase.Entered)
    def answer(self) -> None:
        """Repeat the move that waited for the passphrase."""
        if self._again is not None:
            self._again()

    @on(StepPane.MoveFailed)
    async def _ask_for_passphrase(self, message: StepPane.MoveFailed) -> None:
        if isinstance(message.error, PassphraseNeeded) and self._again is not None:
            message.handled = True
            self._locked = message.error.fingerprint or self.own_fingerprint()
            if self.query(OwnPassphrase):
                words = _STILL.format(end=_end(self._locked))
                self.show_problems([Problem(words, "own_passphrase")])
            else:
                self._asked_at = self.screen.focused
                await self.mount(OwnPassphrase(self._locked, self.own_fingerprint()), after=".pane-head")
            self.in_between = _UNLOCK
            self.primary_changed()
            self.query_one("#own-passphrase").focus()
        elif isinstance(message.error, WrongPassphrase) and message.name == "unlock":
            message.handled = True
            words = _NOT_OF_IT.format(end=_end(self._locked))
            self.show_problems([Problem(words, "own_passphrase")])


class SpareKeyPane(UnlockingPane):
    """If AWS allows no third access key, offers to deactivate the one that isn't used here."""

    def deactivation(self, key_id: str) -> Callable[[str], None]:
        """Return a function that deactivates the key, with an MFA code or ""; called in a thread."""
        raise NotImplementedError

    @on(StepPane.MoveFailed)
    def _offer_to_deactivate(self, message: StepPane.MoveFailed) -> None:
        if isinstance(refusal := message.error, TwoActiveKeys):
            message.handled = True
            question = f"Deactivate {refusal.spare}?"
            body = joined((refusal.what, _SPARE.format(spare=refusal.spare)), "\n\n")
            ask(self, Confirm(question, body, "Deactivate", no="Not yet"), partial(self._deactivate, refusal))

    def _deactivate(self, refusal: TwoActiveKeys, _yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
        act, now = self.deactivation(refusal.spare), self.context.environment.now

        async def deactivated(_result: object) -> None:
            for field in self.query(CodeField):
                field.clear()
            self.drop_note()
            await self.mount(
                Text(_DEACTIVATED.format(spare=refusal.spare), classes="pane-note"), after=".pane-head"
            )

        if refusal.serial is None:
            self.run_move("deactivate", lambda _report: act(""), deactivated)
        else:
            ask(self, DeactivationDialog(refusal.serial, lambda code: act(code.reveal()), now), deactivated)


class BrowsingPane(UnlockingPane):
    """A pane with a checklist and the sign-in page: `#open` opens it, `#copy` copies its address."""

    @on(Button.Pressed, "#open")
    def _open_page(self) -> None:
        identity = identity_of(self.context)
        self.open_in_browser(identity.sign_in_url, self._opened)

    def _opened(self, opened: bool) -> None:  # noqa: FBT001 - a move's result
        page = sign_in_page(self.context, identity_of(self.context))
        self.query_one(Checklist).opened(opened, page)
        self._make_room()

    @on(Checklist.Moved)
    def _make_room(self) -> None:
        """Remove empty lines if an address needs the space."""
        self.set_class(self.query_one(Checklist).shows_address, "-full")

    @on(Button.Pressed, "#copy")
    def _copy_address(self) -> None:
        self.copy_text(sign_in_page(self.context, identity_of(self.context)))

    @on(Input.Submitted)
    def _go_down(self) -> None:
        """Enter in a field moves to the next one."""
        self.screen.focus_next()


class CodePane(StepPane):
    """Runs moves with the code entered in its `CodeField`, which asks when a move needs one.

    Attributes:
        code_wanted: whether the last move failed because it lacked a code.
    """

    code_wanted = False
    _coded: tuple[str, CodedMove, Taker, bool] | None = None

    def run_coded(self, name: str, work: CodedMove, then: Taker, *, journaled: bool = False) -> None:
        """Run a move as `run_move` does, with the entered code if there is one."""
        if not self.running_move:
            self._coded = (name, work, then, journaled)
            self.run_again()

    def run_again(self) -> None:
        """Repeat the last such move with the code entered now."""
        if self._coded is not None:
            (name, work, then, journaled), code = self._coded, self.query_one(CodeField).take()
            self.run_move(name, lambda report: work(report, code), then, journaled=journaled)

    @on(StepPane.MoveFailed)
    async def _ask_for_code(self, message: StepPane.MoveFailed) -> None:
        if isinstance(message.error, CodeWanted):
            message.handled = self.code_wanted = True
            await self.query_one(CodeField).want(message.error.serial)

    @on(StepPane.MoveDone)
    async def _no_code_wanted(self, message: StepPane.MoveDone) -> None:
        if message.name == "perform" or (self._coded is not None and message.name == self._coded[0]):
            self.code_wanted = False
            await self.query_one(CodeField).want("")  # a move that needs another code asks for it


class AccountWorkPane(CodePane):
    """Works in an account through IAM: looks when it opens, and each action returns a new look."""

    found: Any = None
    _unasked = False  # whether the page itself started the running look

    def survey(self, report: Report, code: Secret | None) -> Any:
        """Look at the account; called in a thread."""
        raise NotImplementedError

    def show(self) -> None:
        """Show the contents of `found`; None before any look."""
        raise NotImplementedError

    def nobody(self) -> bool:
        """Return whether there is nobody here to work on."""
        raise NotImplementedError

    def offer_skip(self, effect: str) -> None:
        """Offer to skip the remaining work, labelled with the effect; "" if none remains."""
        button = self.query_one("#skip", Button)
        opening = self.opening
        button.display = bool(effect) and not (opening.done or opening.skipped or opening.over)
        button.label = effect

    def on_mount(self) -> None:
        self.show()
        if self.opening.done or self.opening.skipped:
            self.focus_primary()
        elif not self.nobody():
            self.to_primary = True  # skipping the account is never the default answer
            self._unasked = True
            self.ask(self.survey)

    @on(Button.Pressed, "#look")
    def action_look(self) -> None:
        self._unasked = False
        self.ask(self.survey)

    def ask(self, work: CodedMove, done: Callable[[], None] | None = None) -> None:
        """Do something in the account; `done` is called after success, with the new `found`."""

        def take(found: Any) -> None:
            self.found = found
            self.place_problems([])  # from the last look
            if done is not None:
                done()
            self.show()

        self.run_coded(_DO, work, take)

    @on(StepPane.MoveFailed)
    async def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name == _DO and not isinstance(message.error, CodeWanted):
            self.code_wanted = False  # the code is used up, or the role is assumed by now
            await self.query_one(CodeField).want("")
            if self._unasked:
                message.handled = message.shown = True
                self.show_failure(message.error)
            if self.found is None:
                self.focus_primary()

    def advance(self) -> None:
        if self.code_wanted:
            self.run_again()
        elif self.found is None and not self.nobody() and not self.opening.done:
            self.action_look()
        else:
            super().advance()
