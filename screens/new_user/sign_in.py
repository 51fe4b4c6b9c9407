"""The sign-in's screen: the passphrase in, the user and the password out to the browser, then a mark.

The decrypted password lives in this pane alone, masked, and is forgotten when the pane goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Checkbox

from screens.new_user.decrypting import DecryptingPane
from screens.step.page import Opening, StepPane
from screens.widgets.fields import FieldRow, SecretInput, SecretText
from screens.widgets.lists import MarkBox
from screens.widgets.text import Button, Text
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.desktop.clipboard import Clipboard
from workflows.steps.new_user import sign_in
from workflows.steps.new_user.sign_in import Request
from workflows.steps.shared.own_identity import identity_of

_NOTHING_CAME = (
    "No password came for this user: it is a machine user, or has no access to the console. There is "
    "nothing to sign in with; Next (^n) goes on to its access key."
)
_PAGE_KEYS = (
    ("1", "open_page", "Open page", "Open the sign-in page"),
    ("2", "copy_user", "Copy user", "Copy the user name"),
    ("3", "copy_password", "Copy password", "Copy the one-time password"),
    ("4", "copy_address", "Copy address", "Copy the address of the sign-in page"),
    ("v", "show_password", "Show", "Show the one-time password for 15 seconds"),
)


class SignInPane(DecryptingPane):
    """First decrypts, then offers what the browser's page asks for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key, action, words, id=f"sign-in.{action}", show=False, tooltip=tooltip)
            for key, action, words, tooltip in _PAGE_KEYS
        )
    ]
    DEFAULT_CSS = """
    SignInPane #chosen { margin-top: 1; }
    SignInPane #decrypting, SignInPane #opened { height: auto; margin-top: 1; }
    SignInPane #password { text-style: bold; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._identity = identity_of(opening.context)
        self._has_password = sign_in.has_password(opening.context)

    def compose_body(self) -> ComposeResult:
        identity = self._identity
        alias = f" ({identity.account_alias})" if identity.account_alias else ""
        yield Text(f"Account {identity.account_id}{alias}, user {identity.user}", classes="words")
        if not self._has_password:
            yield Text(_NOTHING_CAME, classes="words")
            return
        if self.opening.done:
            yield Text(_told(self.context.facts.get("signed_in") or {}), classes="words")
        with Vertical(id="decrypting"):
            yield from self.compose_decrypting()
        with Vertical(id="opened"):
            yield from self._opened()
        yield MarkBox("I have signed in and chosen my new password", value=self.opening.done, id="chosen")
        yield MarkBox("I had signed in before: nothing to decrypt", id="already")

    def _opened(self) -> ComposeResult:
        yield Text(self._address(), classes="words")
        yield FieldRow("User name", Text(self._identity.user))
        yield FieldRow("One-time password", SecretText(id="password"))
        with Horizontal():
            yield Button("1 Open the sign-in page", id="open-page")
            yield Button("4 Copy address", id="copy-address")
        with Horizontal():
            yield Button("2 Copy user name", id="copy-user")
            yield Button("3 Copy password", id="copy-password")
            yield Button("Show (v)", id="show")
        yield Text(self._policy(), classes="words")

    def _page(self) -> str:
        return self.context.world.open_page(self._identity.sign_in_url)

    def _address(self) -> str:
        url, page = self._identity.sign_in_url, self._page()
        return f"Sign in at  {url}" if page == url else f"Sign in at  {page}\n(stands for {url})"

    def _policy(self) -> str:
        lines = ["Paste both there. AWS then asks for a new password; keep it in a password manager."]
        if self._identity.password_policy:
            lines.append("The new password:")
            lines += [f"  • {sentence}" for sentence in self._identity.password_policy]
        return "\n".join(lines)

    def on_mount(self) -> None:
        if self._has_password:
            self._arrange()

    def _arrange(self) -> None:
        """Show the half that is needed now."""
        self.query_one("#opened").display = self.password is not None
        self.query_one("#decrypting").display = self.password is None
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The keys for the browser's page mean nothing before the password is decrypted."""
        of_the_page = {key_action for _, key_action, _, _ in _PAGE_KEYS}
        return self.password is not None if action in of_the_page else True

    @on(StepPane.MoveDone)
    def _moved(self, message: StepPane.MoveDone) -> None:
        if message.name == "perform" and (recorded := message.result["signed_in"]["recorded"]):
            self.notify(recorded)

    def password_came(self) -> None:
        """The half for the browser's page takes the place of the passphrase's."""
        self._arrange()
        self.query_one("#open-page").focus()

    # -- the browser's page ------------------------------------------------------------------------

    @on(Button.Pressed, "#open-page")
    def action_open_page(self) -> None:
        """Open the sign-in page."""
        self.open_in_browser(
            self._identity.sign_in_url,
            "No browser could be opened here. 4 copies the address.",
            "The page is opening in your browser.",
        )
        self.query_one("#copy-user").focus()

    @on(Button.Pressed, "#copy-address")
    def action_copy_address(self) -> None:
        """Copy the address of the sign-in page."""
        self._copy(self._page)

    @on(Button.Pressed, "#copy-user")
    def action_copy_user(self) -> None:
        """Copy the user name; the page asks for it first, and for the password next."""
        self._copy(lambda: self._identity.user)
        self.query_one("#copy-password").focus()

    @on(Button.Pressed, "#copy-password")
    def action_copy_password(self) -> None:
        """Copy the password; the clipboard forgets it again."""
        password = self.password
        if password is not None:
            self._copy(lambda: password)

    def _copy(self, what: Callable[[], str | Secret]) -> None:
        self.run_told(lambda _report: self.context.world.clipboard.copy(what()))

    @on(Button.Pressed, "#show")
    def action_show_password(self) -> None:
        """Show the password for some seconds; a second time hides it."""
        if self.password is not None:
            self.query_one("#password", SecretText).toggle(self.password)

    # -- the end -----------------------------------------------------------------------------------

    @on(Checkbox.Changed)
    def _marked(self, event: Checkbox.Changed) -> None:
        """Only one of the two can be so."""
        if event.checkbox.value:
            other = "#already" if event.checkbox.id == "chosen" else "#chosen"
            self.query_one(other, Checkbox).value = False

    def advance(self) -> None:
        request = self.request()
        if not self._has_password or request.chosen or request.already or self.password is not None:
            super().advance()
        else:
            self.decrypt()

    def leave(self) -> None:
        """Forget the password and what was typed, and take it out of the clipboard if it is still there."""
        if not self._has_password:
            return
        self.query_one("#passphrase", SecretInput).clear()
        had_password = self.password is not None
        self.query_one("#password", SecretText).hide()
        self.forget()
        if had_password:
            clear = partial(_clear_clipboard, self.app, self.context.world.clipboard)
            self.app.run_worker(clear, thread=True, group="clipboard")

    def request(self) -> Request:
        if not self._has_password:
            return Request()
        return Request(
            chosen=self.query_one("#chosen", Checkbox).value,
            already=self.query_one("#already", Checkbox).value,
            decrypted=self.password is not None,
        )

    def changed(self) -> bool:
        """Decrypting again to look at the password changes nothing about a sign-in that is done."""
        request = self.request()
        return not (self.opening.done and (request.chosen or request.already or not self._has_password))


def _told(signed_in: Mapping[str, Any]) -> str:
    lines = (signed_in.get("proof"), signed_in.get("recorded"))
    return "\n".join(f"✓ {line[:1].upper()}{line[1:]}" for line in lines if line)


def _clear_clipboard(app: App[Any], clipboard: Clipboard) -> None:
    """Take the password out of the clipboard; outlives the pane, in a thread of the application's."""
    try:
        clipboard.clear_if_ours()
    except OnboardError as error:
        if app.is_running:
            words = f"The clipboard may still hold the password. {error.why}"
            app.call_from_thread(app.notify, words, severity="warning")
