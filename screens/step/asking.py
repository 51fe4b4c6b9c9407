"""Pages whose work needs something of the person first: the passphrase of their PGP key, or an MFA code.

A move that lacks it fails. The page asks for it in place of a dialog on the failure, and the move
runs again.
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
_RAN_OUT = "This code has expired. Enter the one that your app shows now."
_SPARE = (
    "To make a new one, {spare} has to go. Programs that use it fail until you activate it again, "
    "in the console."
)
_DEACTIVATED = (
    "✓ {spare} is deactivated. If nothing fails for some days, delete it, and come back for a new key."
)
_UNLOCK = Primary("Unlock your PGP key")
_DO = "do"

CodedMove = Callable[[Report, Secret | None], Any]
"""Called in a thread with a report and the code, or None; the code is dropped."""


class OwnPassphrase(Vertical):
    """Asks for the passphrase of the person's own PGP key, where gpg-agent has forgotten it."""

    DEFAULT_CSS = "OwnPassphrase { height: auto; margin-bottom: 1; }"

    class Entered(Message):
        """Enter was pressed in the field."""

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
    """Runs a move; where gpg needs the passphrase, asks for it in the page and runs the move again."""

    _again: Callable[[], None] | None = None
    _locked = ""
    _began_at: datetime | None = None
    _asked_at: Widget | None = None

    def own_fingerprint(self) -> str:
        """Of the key that secrets are encrypted to."""
        accounts = self.context.facts.get("identities") or [""]
        return fingerprint_of(self.context, identity_of(self.context, self.context.item or accounts[0]))

    def run_unlocked(self, name: str, work: Move, then: Taker) -> None:
        """As `run_move`, with the passphrase if it takes one and one is entered."""
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
        """Ask for other codes where those entered ran out over the passphrase; returns whether it does."""
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
        """Ask for no passphrase any more; the focus goes back to where it was, not to what comes next."""
        self.in_between, back = None, self._asked_at
        asking = any(field.has_focus for field in self.query("#own-passphrase"))
        if asking and back is not None and back.focusable:
            self.screen.set_focus(back)
        return self.query(OwnPassphrase).remove()

    @on(OwnPassphrase.Entered)
    def answer(self) -> None:
        """Run again what waited for the passphrase."""
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
    """Where AWS allows no third access key, offers to deactivate the one that isn't used here."""

    def deactivation(self, key_id: str) -> Callable[[str], None]:
        """What deactivates that key, with an MFA code or ""; called in a thread."""
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
        """Where an address needs lines, the empty ones make way for it."""
        self.set_class(self.query_one(Checklist).shows_address, "-full")

    @on(Button.Pressed, "#copy")
    def _copy_address(self) -> None:
        self.copy_text(sign_in_page(self.context, identity_of(self.context)))

    @on(Input.Submitted)
    def _go_down(self) -> None:
        """Enter in a field goes to the next one."""
        self.screen.focus_next()


class CodePane(StepPane):
    """Runs moves with the code that is entered in its `CodeField`; one that needs a code makes that ask.

    Attributes:
        code_wanted: whether the last move failed for want of a code.
    """

    code_wanted = False
    _coded: tuple[str, CodedMove, Taker, bool] | None = None

    def run_coded(self, name: str, work: CodedMove, then: Taker, *, journaled: bool = False) -> None:
        """As `run_move`, with the code that is entered, if one is."""
        if not self.running_move:
            self._coded = (name, work, then, journaled)
            self.run_again()

    def run_again(self) -> None:
        """Run the last move of this kind again, with the code that is entered now."""
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
            await self.query_one(CodeField).want("")  # what needs another one says so


class AccountWorkPane(CodePane):
    """Works in an account over IAM: looks as soon as it opens, and every deed answers with a new look."""

    found: Any = None
    _unasked = False  # whether what runs is the look that the page began

    def survey(self, report: Report, code: Secret | None) -> Any:
        """Look at the account; called in a thread."""
        raise NotImplementedError

    def show(self) -> None:
        """Show what `found` holds; None while nothing was looked at."""
        raise NotImplementedError

    def nobody(self) -> bool:
        """Whether there is nobody here to do anything for."""
        raise NotImplementedError

    def offer_skip(self, effect: str) -> None:
        """Offer to leave out what is still to be done, named by its effect; "" where nothing is."""
        button = self.query_one("#skip", Button)
        opening = self.opening
        button.display = bool(effect) and not (opening.done or opening.skipped or opening.over)
        button.label = effect

    def on_mount(self) -> None:
        self.show()
        if self.opening.done or self.opening.skipped:
            self.focus_primary()
        elif not self.nobody():
            self.to_primary = True  # leaving the account out is never the answer that lies nearest
            self._unasked = True
            self.ask(self.survey)

    @on(Button.Pressed, "#look")
    def action_look(self) -> None:
        """Ask AWS again."""
        self._unasked = False
        self.ask(self.survey)

    def ask(self, work: CodedMove, done: Callable[[], None] | None = None) -> None:
        """Do something in the account; `done` is called once it went well, with `found` as it is then."""

        def take(found: Any) -> None:
            self.found = found
            self.place_problems([])  # what the last look warned of
            if done is not None:
                done()
            self.show()

        self.run_coded(_DO, work, take)

    @on(StepPane.MoveFailed)
    async def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name == _DO and not isinstance(message.error, CodeWanted):
            self.code_wanted = False  # the code is used up, or the role is taken on by now
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
