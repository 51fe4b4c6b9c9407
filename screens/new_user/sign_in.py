"""The sign-in's screen: the passphrase in, the user name and the password out to the browser.

The decrypted password lives only in this pane, masked, and is forgotten when the pane goes. Either the
passphrase is typed into a masked field, or gpg asks for it while the application is suspended; users who can
do neither are led to a replacement request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from textwrap import fill
from typing import Any, ClassVar, NamedTuple

from textual import on
from textual.app import App, ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from screens.new_user.replacement import offer_replacement
from screens.step.page import Opening, Primary, StepPane, Turn
from screens.widgets.checklist import Checklist, Task
from screens.widgets.dialogs import Confirm, ask, in_turn
from screens.widgets.fields import MASK, Field, SecretInput, SecretText
from screens.widgets.own_terminal import lend_terminal
from screens.widgets.parts import Part
from screens.widgets.text import LINE_CELLS, Button, ButtonRow, Text
from workflows.core.openpgp import grouped
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem, Sentence, as_error, capitalized, said_so
from workflows.desktop.clipboard import Clipboard
from workflows.gpg.decrypt import WrongPassphrase
from workflows.steps.new_user import sign_in
from workflows.steps.shared.module import Context, Report
from workflows.steps.shared.own_access_key import not_asked
from workflows.steps.shared.own_identity import account_label, identity_of

_MACHINE_USER = (
    "Your admin sent no password for this user: it is a machine user, or can't use the console.\n"
    "There is nothing to sign in with. Continue to its access key."
)
_AS_IT_WAS = (
    "Only your roles changed: your password and any MFA device stay as they are.\nYour sign-in page is {page}"
)
_ENTER = "gpg doesn't remember the passphrase now. Enter the one of {key}."
_WRONG = "Wrong passphrase. Enter the one of {key}, not an AWS password."
_OLD = "“Old password” means the one-time password. Keep the new one safe."
_CODE = "If you have registered an MFA device, AWS also asks for its code."
_REMEMBERED = "While gpg remembers the passphrase, the field may stay empty."
_NEEDLESS = {
    True: "gpg needed no passphrase: it still remembers yours.",
    False: "gpg needed no passphrase: your key has none.",
    None: "gpg needed no passphrase: it remembers one, or your key has none.",
}
"""What to say by whether the key has a passphrase."""
_NOT_NEEDED = "The list is done, so you need no passphrase. Enter it only to use the password again."
_UNLOCK_AGAIN = "Unlock the password again; gpg may still remember your passphrase."
_HINTS = (
    "Check the account and the user name, and copy the password again.\n"
    "Used it before? Sign in with the password that you chose, and confirm\n"
    "below that you signed in. Otherwise ask your admin to reset your password."
)
_HINT_LABELS = {False: "It didn't work", True: "Back to the password rules"}
_SHOW_LABELS = {False: "Show", True: "Hide"}
_BEFORE = (
    "Say yes if you signed in to {account} as {user} and chose your own password. "
    "This one-time password no longer works then."
)
_SINCE = (
    "Say yes only if you have used this new one-time password: you signed in to {account} as {user} with it, "
    "and chose your own."
)
_REPLACED = "Your admin reset your password; the one you had no longer works. Unlock the new one."
_BROWSER_KEYS = (
    ("2", "open-page", "Open page", "Open the sign-in page"),
    ("3", "copy-user", "Copy user name", "Copy the user name"),
    ("4", "copy-password", "Copy password", "Copy the one-time password"),
    ("a", "copy-address", "Copy address", "Copy the address of the sign-in page"),
    ("v", "show", "Show", "Show the one-time password for 15 seconds"),
    ("w", "hints", _HINT_LABELS[False], "Show what to try when AWS rejects the password, or the rules"),
)


class SignInPane(StepPane):
    """First decrypts, then offers what the browser's page asks for.

    Attributes:
        password: the decrypted password, or None before and after.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"press('{button}')", words, id=f"sign-in.{button}", show=False, tooltip=tooltip)
        for key, button, words, tooltip in _BROWSER_KEYS
    ]
    FITS = True
    DEFAULT_CSS = """
    SignInPane Checklist { margin-bottom: 1; }
    SignInPane #in-clear { display: none; height: auto; margin-left: 5; }
    SignInPane #in-clear.-shown { display: block; }
    SignInPane #in-clear > .notes { width: auto; }
    SignInPane #password { width: 1fr; text-style: bold; }
    SignInPane .notes { color: $text-muted; }
    SignInPane.-full Checklist, SignInPane.-full ButtonRow { margin: 0; }
    SignInPane.-locked .opened, SignInPane.-open .locked { display: none; }
    SignInPane .again, SignInPane.-hints .spare { display: none; }
    SignInPane.-done .again { display: block; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._identity = identity_of(opening.context)
        self._key = "your new PGP key" if sign_in.replaces_key(opening.context) else "your PGP key"
        self._has_password = sign_in.has_password(opening.context)
        self._already = False
        self._needless = False
        self._guarded: bool | None = None
        self.password: Secret | None = None
        self._tasks = Checklist(
            *self._listed(), ticks=opening.draft.get("ticks", ()), label_width=24, id="tasks"
        )
        self._in_clear = SecretText(id="password")
        self.set_class(self._has_password, "-locked")  # set here, so that the whole page is styled once

    def compose_body(self) -> ComposeResult:
        identity = self._identity
        if not self._has_password:
            page = identity.sign_in_url
            yield Text(_AS_IT_WAS.format(page=page) if page else _MACHINE_USER)
            return
        if self.opening.done:
            yield Text(self._recorded(), classes="again")
        alias = f" ({identity.account_alias})" if identity.account_alias else ""
        yield Text(f"Account {identity.account_id}{alias}, user {identity.user}", classes="notes")
        yield Part(*self._to_do(), id="to-do", shown=not self.opening.done)
        yield ButtonRow(Button("Unlock the password again", id="again"), classes="again")

    def _to_do(self) -> Iterator[Widget]:
        """Yield the list, with what is said of it and what else can be done."""
        if sign_in.replaces_password(self.context):
            yield Text(_REPLACED, classes="locked")
        if self._tasks.ticks and not self.opening.note:
            yield Text(_NOT_NEEDED if self._tasks.finished else _UNLOCK_AGAIN, classes="pane-note locked")
        yield self._tasks
        yield Horizontal(Text("One-time password:  ", classes="notes"), self._in_clear, id="in-clear")
        encrypted = f"Encrypted to your key {grouped(self._identity.key_fingerprint)}"
        yield Text(f"{encrypted}\n{_REMEMBERED}", classes="notes locked")
        for_aws = f"{_OLD}\n{_CODE}" if sign_in.replaces_password(self.context) else _OLD
        yield Text(for_aws, classes="notes opened spare")
        yield Text(self._notes(), classes="notes opened", id="notes")
        yield ButtonRow(
            Button("Let gpg ask", id="pinentry", classes="locked"),
            Button(
                "Replace my PGP key",
                id="replace",
                classes="locked",
                act=partial(offer_replacement, self),
            ),
            Button(_HINT_LABELS[False], id="hints", key="w", classes="opened"),
            Button("I already signed in", id="already"),
        )

    def heading(self) -> Sentence:
        if self._has_password:
            return super().heading()
        effect = "Check that you can sign in" if self._identity.sign_in_url else "Continue without signing in"
        return f"{effect} to {self.context.item}"

    def _listed(self) -> tuple[Task, ...]:
        passphrase = Field(SecretInput(f"passphrase of {self._key}", id="passphrase"))
        return (
            Task("Unlock your password", passphrase.add_class("locked"), watched=True),
            Task(
                "Open the sign-in page",
                buttons=(
                    Button(
                        "Open",
                        id="open-page",
                        classes="opened",
                        act=lambda: self.open_in_browser(self._identity.sign_in_url, self._page_opened),
                    ),
                    Button(
                        "Copy address",
                        id="copy-address",
                        key="a",
                        classes="opened",
                        act=lambda: self.copy_text(self._page()),
                    ),
                ),
                opens=True,
            ),
            Task(
                "Copy your user name",
                Text(self._identity.user),
                (
                    Button(
                        "Copy",
                        id="copy-user",
                        name="Copy user name",
                        classes="opened",
                        act=partial(self.copy_text, self._identity.user),
                    ),
                ),
                copies=True,
            ),
            Task(
                "Copy or see the password",
                Text(MASK),
                (Button("Copy", id="copy-password", name="Copy password", classes="opened"),),
                (Button(_SHOW_LABELS[False], id="show", key="v", classes="opened"),),
                copies=True,
            ),
            Task("Choose a new password", helps=(Button("Copy the “Old password”", id="copy-old"),)),
        )

    def _recorded(self) -> str:
        """Describe a done sign-in: AWS's report, else the user's."""
        known: Mapping[str, Any] = self.context.facts.get("signed_in") or {}
        at, answer = sign_in.evidence(self.context)
        said = known.get("recorded") or said_so(str(known.get("at") or ""), self.context.environment.now())
        later = not_asked(self.context).remedy
        lines = (
            f"{'✓' if at else '?'} {capitalized(str(known.get('proof') or ''))}.",
            f"  {answer or said}",
            *((f"  {later}",) if later and not at else ()),
        )
        return "\n".join((*lines, ""))

    def _notes(self) -> str:
        """Return notes for working through the list."""
        lines = (
            _NEEDLESS[self._guarded] if self._needless else "",
            _rules(self._identity.password_policy),
        )
        return "\n".join(filter(None, lines))

    def on_mount(self) -> None:
        self.query_one(".pane-purpose").display = self._has_password
        if self.opening.done:
            self.focus_primary()

    def _arrange(self) -> None:
        """Show what is needed now: the passphrase's field, or what the browser's page asks for."""
        locked = self.password is None
        self.update_classes({"-locked": locked, "-open": not locked})
        self.query_one("#notes", Text).update(self._notes())
        self.make_room()
        self.refresh_bindings()

    @on(Button.Pressed, "#again")
    async def _do_again(self) -> None:
        """Bring back a done sign-in's list on request."""
        self.remove_class("-done")
        await self.query_one("#to-do", Part).reveal()
        self.query_one("#passphrase").focus()

    # -- action bar --------------------------------------------------------------------------------

    def primary(self) -> Primary:
        if not self._has_password:
            return Primary("I can sign in" if self._identity.sign_in_url else "Continue without a password")
        if self._signed_in:
            return Primary("Yes, I'm signed in")
        if self.password is None:
            return Primary("Unlock the password", act=self.decrypt)
        return Primary("Finish the list first", ready=False)

    def turn(self) -> Turn:
        if self.has_class("-done") or (self.password is None and not self._signed_in):
            return Turn("Your turn")
        return Turn("Did AWS accept it?" if self._signed_in else "Your turn, in the browser")

    @property
    def _signed_in(self) -> bool:
        """Whether the user has gone through the list, so that they can report the result.

        Users who had gone through it when the wizard ended don't need a password for that.
        """
        here = self.password is not None or not self.opening.done
        return self._has_password and here and self._tasks.finished

    @on(Checklist.Moved)
    def _moved(self) -> None:
        self.query_one("#already").display = not self._signed_in  # the primary action says the same
        if self._signed_in:
            self._in_clear.hide()
            self.focus_primary()

    # -- decrypting --------------------------------------------------------------------------------

    @on(SecretInput.Submitted, "#passphrase")
    def decrypt(self) -> None:
        """Decrypt with the passphrase in the field."""
        if not self.running_move:
            passphrase = self.query_one("#passphrase", SecretInput).take()
            self.run_move(
                "decrypt",
                partial(_unlocked, passphrase, self.context),
                self._decrypted,
                journaled=bool(passphrase) and not self.opening.done,
            )

    @on(Button.Pressed, "#pinentry")
    def _let_gpg_ask(self) -> None:
        if not self.running_move:
            if not self.opening.done:
                self.post_message(self.Begun())
            self.call_later(self._ask_with_pinentry)

    def _ask_with_pinentry(self) -> None:
        try:
            password = lend_terminal(
                self.app,
                "gpg asks for the passphrase or the PIN now. Ctrl-C cancels.",
                lambda tty: sign_in.decrypt_password(None, self.context, lambda _progress: None, tty=tty),
            )
        except SuspendNotSupported:
            error = OnboardError(
                "gpg can't ask here",
                "iam-onboard can't lend this terminal to another program.",
                why="This terminal, or the way iam-onboard was started, does not allow it.",
                next="Enter the passphrase in the field, or start iam-onboard in an ordinary terminal.",
            )
            self.post_message(self.MoveFailed("decrypt", error, journaled=not self.opening.done))
        except WrongPassphrase:
            self.post_message(self.MoveDone("decrypt", _WRONG, self._decrypted))
        except Exception as failure:  # noqa: BLE001 - a failure while suspended is shown like any other
            self.post_message(self.MoveFailed("decrypt", as_error(failure), journaled=not self.opening.done))
        else:
            self.post_message(self.MoveDone("decrypt", Unlocked(password), self._decrypted))

    def _decrypted(self, unlocked: Unlocked | str) -> None:
        if isinstance(unlocked, str):
            self.query_one("#passphrase").focus()
            super().show_problems([Problem(unlocked.format(key=self._key), "passphrase")])
        elif not self.is_attached:
            unlocked.password.drop()
        else:
            self.forget()
            self.password, self._needless, self._guarded = unlocked
            self.drop_note()  # a try without a passphrase leaves it
            super().show_problems([])
            self._arrange()
            self.call_after_refresh(self._tasks.did, 1)

    @on(StepPane.MoveFailed)
    def _back_to_the_field(self, message: StepPane.MoveFailed) -> None:
        if message.name == "decrypt":
            self.query_one("#passphrase").focus()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Focus what is next in the list, whose completion is the only possible problem."""
        if problems:
            self._tasks.ask_first()

    # -- the browser's page ------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Disable the keys for the browser's page until the password is decrypted."""
        return action != "press" or self.password is not None

    def action_press(self, button: str) -> None:
        self.query_one(f"#{button}", Button).press()

    def _page_opened(self, opened: bool) -> None:  # noqa: FBT001 - a move's result
        self._tasks.opened(opened, self._page())
        self.make_room()

    @on(Button.Pressed, "#copy-old, #copy-password")
    def _copy(self) -> None:
        """Copy the password, which the clipboard forgets again."""
        if self.password is not None:
            self.copy_text(self.password)

    @on(Button.Pressed, "#show")
    def _show_password(self) -> None:
        """Show the password for some seconds; a second time hides it."""
        if self.password is not None:
            self._in_clear.toggle(self.password)

    @on(SecretText.Turned)
    def _shown(self, event: SecretText.Turned) -> None:
        """Update the button's label to its next effect."""
        self.query_one("#in-clear").set_class(event.shown, "-shown")
        self.query_one("#show", Button).label = _SHOW_LABELS[event.shown]
        self.make_room()

    @on(Button.Pressed, "#hints")
    def go_back(self) -> None:
        """Show what to try; the second time, or with Escape, the rules again."""
        shown = self.toggle_class("-hints").has_class("-hints")
        self.query_one("#notes", Text).update(_HINTS if shown else self._notes())
        self.query_one("#hints", Button).label = _HINT_LABELS[shown]
        self.make_room()

    @property
    def inside(self) -> bool:
        """Whether the page shows what to try."""
        return self.has_class("-hints")

    def _page(self) -> str:
        return self.context.environment.open_page(self._identity.sign_in_url)

    # -- the end -----------------------------------------------------------------------------------

    @on(Button.Pressed, "#already")
    def _signed_in_before(self) -> None:
        def say_so(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self._already = True
            self.submit()

        identity = self._identity
        replaces = sign_in.replaces_password(self.context)
        when = "since your password was reset" if replaces else "before"
        title = f"Have you signed in to {identity.account_name} {when}?"
        body = (_SINCE if replaces else _BEFORE).format(user=identity.user, account=account_label(identity))
        ask(self, Confirm(title, body, "Yes, I did", no="Not yet"), say_so)

    def leave(self) -> None:
        """Forget the password and the input, and clear it from the clipboard if it is still there."""
        self._in_clear.hide()
        if self.password is not None:
            self.forget()
            in_turn(self.app, partial(_clear_clipboard, self.app, self.context.environment.clipboard))

    def forget(self) -> None:
        """Drop the password, if there is one."""
        if self.password is not None:
            self.password.drop()
            self.password = None

    def request(self) -> sign_in.Request:
        return sign_in.Request(
            chosen=self._signed_in,
            already=self._already,
            decrypted=self.password is not None,
        )

    def draft(self) -> Mapping[str, Any]:
        ticks = self._tasks.ticks if self._has_password and not self.opening.done else []
        return {"ticks": ticks} if ticks else {}

    def changed(self) -> bool:
        """Return False for a done sign-in, until the list is done again."""
        begun = not self.has_class("-done") and (self.password is None or self._signed_in)
        return not self.opening.done or self._already or begun


class Unlocked(NamedTuple):
    """The password, whether gpg didn't need the typed passphrase, and then whether the key has one."""

    password: Secret
    needless: bool = False
    guarded: bool | None = None


def _unlocked(passphrase: Secret, context: Context, report: Report) -> Unlocked | str:
    """Decrypt, first without the passphrase; if one is needed, return what is wrong with what was typed."""
    typed = bool(passphrase)
    with passphrase:
        try:  # gpg-agent may have the passphrase, or the key may have none
            password = sign_in.decrypt_password(Secret(""), context, report)
            return Unlocked(password, typed, sign_in.has_passphrase(context) if typed else None)
        except WrongPassphrase:
            if not typed:
                return _ENTER
        try:
            return Unlocked(sign_in.decrypt_password(passphrase, context, report))
        except WrongPassphrase:  # nothing failed: the step waits for the right one
            return _WRONG


def _clear_clipboard(app: App[Any], clipboard: Clipboard) -> None:
    """Clear the password from the clipboard, in a thread of the application that outlives the pane."""
    try:
        clipboard.clear_if_ours()
    except OnboardError as error:
        if app.is_running:
            words = f"The clipboard may still hold the password. {error.why}"
            app.call_from_thread(app.notify, words, severity="warning")


def _rules(policy: Sequence[str]) -> str:
    """State the rules for the new password, breaking lines only between rules."""
    one_line = f"New password: {' · '.join(policy)}"  # a comma might be taken for a symbol
    held = one_line.replace(" ", "\xa0").replace("·\xa0", "· ")
    lines = fill(held, LINE_CELLS, break_long_words=False, break_on_hyphens=False)
    return lines.replace("\xa0·\n", "\n").replace("\xa0", " ") if policy else ""
