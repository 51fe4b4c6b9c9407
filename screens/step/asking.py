"""What is asked in between: pages and dialogs for a passphrase, an MFA code, or how to continue.

A move without it fails. The page then asks for it instead of showing a failure dialog, and repeats the move.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.await_remove import AwaitRemove
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from screens.step.page import Move, Primary, StepPane, Taker, is_displayed
from screens.widgets.checklist import Checklist
from screens.widgets.dialogs import Confirm, Dialog, ask
from screens.widgets.fields import CodeField, FieldRow, SecretInput, Wanted
from screens.widgets.text import Button, Lines, Text
from workflows.aws.authenticator import PERIOD_SECONDS, code_problem
from workflows.core.openpgp import grouped
from workflows.core.secret import Secret
from workflows.core.sentences import Problem, Sentence, as_error, joined
from workflows.gpg.decrypt import PassphraseNeeded, WrongPassphrase
from workflows.machine.events import Choice, Observation
from workflows.steps.admin.terraform_runs import CodeWanted
from workflows.steps.shared.module import Report
from workflows.steps.shared.own_access_key import TwoActiveKeys, unlock
from workflows.steps.shared.own_identity import fingerprint_of, identity_of, sign_in_page


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

    @abstractmethod
    def take(self) -> Secret | None:
        """Return the entered secret, emptying its field; None if there is none."""

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
        about: what else `FOR` names.
    """

    AUTO_FOCUS = "#code"
    DEFAULT_CSS: ClassVar[str] = "CodeDialog CodeField { margin: 1 0 0 0; }"
    WANTED: ClassVar[Sentence] = "AWS wants an MFA code"
    FOR: ClassVar[str] = (
        "One code from {serial} lets iam-onboard ask AWS for an hour, in all accounts of that device."
    )
    LACKING = "Enter the six digits that the device shows."
    WITHOUT = "Without a code"

    def __init__(
        self, serial: str, give: Callable[[Secret], None], now: Callable[[], datetime], **about: str
    ) -> None:
        words = self.FOR.format(serial=serial, **about)
        super().__init__(self.WANTED, words, CodeField(now, Wanted()), give)

    def take(self) -> Secret | None:
        return self.query_one(CodeField).take()


class DeactivationDialog(CodeDialog):
    """Asks for the code that deactivating an access key needs."""

    WANTED = "AWS wants the next MFA code"
    FOR = "Deactivating {key_id} takes a code from {serial}. Each code works only once."
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
        words = _TO_ASK_AWS.format(end=_end(fingerprint))
        field = FieldRow("Passphrase", SecretInput("then Enter", id="own-passphrase"))
        super().__init__("Unlock your PGP key", words, field, give)

    def take(self) -> Secret | None:
        return self.query_one(SecretInput).take() or None

    @on(Input.Submitted)
    def _enter(self) -> None:
        self.query_one("#primary", Button).press()


_BUTTONS: Mapping[Choice, tuple[str, str]] = {
    Choice.REDO: ("redo", "Do it again"),
    Choice.ACCEPT: ("accept", "Accept"),
    Choice.CONTINUE: ("continue", "Continue"),
}
_ASKS = "Checks again, with a passphrase or an MFA code if needed."


class Contradiction(Dialog[Choice]):
    """What is different, and the effect of each choice; the likely one has the focus, or a new look.

    Args:
        title: the step's title, with its item.
        observation: the contradiction.
        said: the same as a sentence.
        look: starts another look at the world; None if that can't help.
    """

    AUTO_FOCUS = "Button.-primary"

    def __init__(
        self,
        title: Sentence,
        observation: Observation,
        said: Sentence = "",
        look: Callable[[], None] | None = None,
    ) -> None:
        choices = observation.choices
        first = look is not None and not observation.asks  # a look costs less than repeating the step
        named = zip((Choice.REDO, Choice.CONTINUE, Choice.ACCEPT), observation.effects, strict=False)
        names = {choice: words for choice, (_, words) in _BUTTONS.items()} | dict(named)
        meanings = {**choices, Choice.REDO: observation.redoing or f"Opens {title} again."}
        explained = (f"\n{names[choice]}\n{meanings[choice]}" for choice in _BUTTONS if choice in choices)
        again = Button("Look again", id="look", key="l", variant="primary" if first else "default")
        asks = "" if look is None else f"\nLook again\n{_ASKS}"
        buttons = [
            Button(
                names[choice],
                id=action,
                key=action[0],
                variant="primary" if choice is observation.likely and not first else "default",
            )
            for choice, (action, _) in _BUTTONS.items()
            if choice in choices
        ]
        super().__init__(
            f"How do you want to continue with {title}?",
            said or observation.words,
            *buttons,
            *([] if look is None else [again]),
            close="",
            fields=[Lines(joined((*explained, asks), "\n"), id="choices")],
            classes="-warning",
            answers={button: choice for choice, (button, _) in _BUTTONS.items()},
        )
        self._look = look

    def action_look(self) -> None:
        """Start another look at the world, which may end the contradiction."""
        if self._look is not None:
            self.dismiss(None)
            self._look()


_WHY = "gpg needs the passphrase of your {which}PGP key ending in {end}, to read your access key."
_NOT_OF_IT = "Wrong passphrase. Enter the one of the PGP key ending in {end}, not an AWS password."
_A_CODE = "Wrong: it looks like an MFA code. Enter the passphrase of the PGP key ending in {end}."
_TO_ASK_AWS = "gpg needs the passphrase of your PGP key ending in {end}, to ask AWS with your access key."
_STILL = "gpg still needs it: enter the passphrase of the PGP key ending in {end}."
_RAN_OUT = "This code has expired. Enter the one your app shows now."
_SPARE = (
    "{spare} has to go before you can create a new key. Programs that use it fail until you activate "
    "it again, in the console."
)
_DEACTIVATED = (
    "✓ {spare} is deactivated. If nothing fails for a few days, delete it, and come back for a new key."
)
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
    _own = _locked = ""
    _like_code = False
    _began_at: datetime | None = None
    _asked_at: Widget | None = None

    def own_fingerprint(self) -> str:
        """The fingerprint of the key that secrets are encrypted to."""
        accounts = self.context.facts.get("identities") or [""]
        return fingerprint_of(self.context, identity_of(self.context, self.context.item or accounts[0]))

    def run_unlocked(self, name: str, work: Move, then: Taker, *, looks: bool = False) -> None:
        """Run a move as `run_move` does, with the passphrase if it needs one and one is entered."""
        if self.running_move:
            return
        self._again = partial(self.run_unlocked, name, work, then, looks=looks)
        work = partial(self._named, work)
        asked = self.query(OwnPassphrase)
        passphrase = self.query_one("#own-passphrase", SecretInput).take() if asked else Secret("")
        if not passphrase:
            self._began_at = self._began_at if asked else self.context.environment.now()
            self.run_move(name, work, then, looks=looks)
            return
        fingerprint = self._locked
        self._like_code = code_problem(passphrase.reveal()) is None

        def unlocking(report: Report) -> None:
            with passphrase:
                unlock(passphrase, fingerprint, self.context, report)

        async def unlocked(_nothing: object) -> None:
            await self.drop_passphrase_question()
            if not self._asks_for_codes_again():
                self.run_move(name, work, then, looks=looks)

        self.run_move("unlock", unlocking, unlocked)

    def _named(self, work: Move, report: Report) -> Any:
        """Run a move; if it is locked, find out the keys' fingerprints in its thread, since gpg is asked."""
        try:
            return work(report)
        except PassphraseNeeded as locked:
            self._own = self.own_fingerprint()
            locked.fingerprint = locked.fingerprint or self._own
            raise

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
    def _repeat(self) -> None:
        """Repeat the move that waited for the passphrase."""
        if self._again is not None:
            self._again()

    @on(StepPane.MoveFailed)
    async def _ask_for_passphrase(self, message: StepPane.MoveFailed) -> None:
        if isinstance(message.error, PassphraseNeeded) and self._again is not None:
            message.handled = True
            self._locked = message.error.fingerprint or self._own
            if self.query(OwnPassphrase):
                words = _STILL.format(end=_end(self._locked))
                self.show_problems([Problem(words, "own_passphrase")])
            else:
                self._asked_at = self.screen.focused
                await self.mount(OwnPassphrase(self._locked, self._own), after=".pane-head")
            self.in_between = Primary("Unlock your PGP key", act=self._repeat)
            self.query_one("#own-passphrase").focus()
        elif isinstance(message.error, WrongPassphrase) and message.name == "unlock":
            message.handled = True
            words = (_A_CODE if self._like_code else _NOT_OF_IT).format(end=_end(self._locked))
            self.show_problems([Problem(words, "own_passphrase")])


class SpareKeyPane(UnlockingPane):
    """If AWS allows no third access key, offers to deactivate the one that isn't used here."""

    @abstractmethod
    def deactivation(self, key_id: str) -> Callable[[str], None]:
        """Return a function that deactivates the key, with an MFA code or ""; called in a thread."""

    @on(StepPane.MoveFailed)
    def _offer_to_deactivate(self, message: StepPane.MoveFailed) -> None:
        if isinstance(refusal := message.error, TwoActiveKeys):
            message.handled = True
            question = f"Deactivate {refusal.spare}?"
            body = joined((refusal.what, _SPARE.format(spare=refusal.spare)), "\n\n")
            ask(self, Confirm(question, body, "Deactivate", no="Not yet"), partial(self._deactivate, refusal))

    def _deactivate(self, refusal: TwoActiveKeys, _yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
        spare, now = refusal.spare, self.context.environment.now
        act = self.deactivation(spare)

        async def deactivated(_result: object) -> None:
            for field in self.query(CodeField):
                field.clear()
            self.drop_note()
            await self.mount(Text(_DEACTIVATED.format(spare=spare), classes="pane-note"), after=".pane-head")

        if refusal.serial is None:
            self.run_move("deactivate", lambda _report: act(""), deactivated)
        else:
            dialog = DeactivationDialog(refusal.serial, lambda code: act(code.reveal()), now, key_id=spare)
            ask(self, dialog, deactivated)


class BrowsingPane(UnlockingPane):
    """A pane with a checklist and the sign-in page: `#open` opens it, `#copy` copies its address."""

    FITS = True

    @on(Button.Pressed, "#open")
    def _open_page(self) -> None:
        self.open_in_browser(identity_of(self.context).sign_in_url, self._opened)

    def _opened(self, opened: bool) -> None:  # noqa: FBT001 - a move's result
        self.query_one(Checklist).opened(opened, sign_in_page(self.context, identity_of(self.context)))
        self.make_room()

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
        coded: the name of the last such move; "" before any.
        run_again: repeats it, with the code entered then.
    """

    code_wanted = False
    coded = ""
    run_again: Callable[[], None]

    def run_coded(
        self, name: str, work: CodedMove, then: Taker, *, journaled: bool = False, looks: bool = False
    ) -> None:
        """Run a move as `run_move` does, with the entered code if there is one."""
        if self.running_move:
            return
        again = partial(self.run_coded, name, work, then, journaled=journaled, looks=looks)
        self.coded, self.run_again = name, again
        code = self.query_one(CodeField).take()
        self.run_move(name, lambda report: work(report, code), then, journaled=journaled, looks=looks)

    @on(StepPane.MoveFailed)
    async def _ask_for_code(self, message: StepPane.MoveFailed) -> None:
        if isinstance(message.error, CodeWanted):
            message.handled = self.code_wanted = True
            await self.query_one(CodeField).want(message.error.serial)

    @on(StepPane.MoveDone)
    async def _no_code_wanted(self, message: StepPane.MoveDone) -> None:
        if message.name in {"perform", self.coded}:
            self.code_wanted = False
            await self.query_one(CodeField).want("")  # a move that needs another code asks for it


class AccountWorkPane(CodePane):
    """Works in an account through IAM: looks when it opens, and each action returns a new look.

    Attributes:
        ASKS: the primary action's label while it looks at the account.
        found: the last look; None before any.
    """

    ASKS: ClassVar[str]
    found: Any = None
    _unasked = False  # whether the page itself started the running look

    @abstractmethod
    def survey(self, report: Report, code: Secret | None) -> Any:
        """Look at the account; called in a thread."""

    @abstractmethod
    def show(self) -> None:
        """Show the contents of `found`; None before any look."""

    @abstractmethod
    def nobody(self) -> bool:
        """Return whether there is nobody here to work on."""

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
            self.ask(self.survey, looks=True)

    @on(Button.Pressed, "#look")
    def action_look(self) -> None:
        self._unasked = False
        self.ask(self.survey)

    def ask(self, work: CodedMove, done: Callable[[], None] | None = None, *, looks: bool = False) -> None:
        """Do something in the account; `done` is called after success, with the new `found`."""

        def take(found: Any) -> None:
            self.found = found
            self.place_problems([])  # from the last look
            if done is not None:
                done()
            self.show()

        self.run_coded(_DO, work, take, looks=looks)

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

    def primary(self) -> Primary:
        if self.code_wanted:
            return Primary(self.ASKS, act=self.run_again)
        if self.found is None and not self.nobody():
            return Primary(self.ASKS, act=self.action_look)
        return super().primary()
