"""The MFA screen: the console's exact words or, with an access key in hand, the device from right here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.style import Style
from textual.widgets import Input

from screens.step.asking import BrowsingPane
from screens.step.console_steps import SandboxPhone, done_before, register_device
from screens.step.page import YOURS, Opening, Primary, StepPane, Turn
from screens.widgets.checklist import Checklist
from screens.widgets.dialogs import Confirm, Dialog, ask, copy_button
from screens.widgets.fields import (
    Answer,
    Choices,
    CodeField,
    FieldRow,
    KeyIdInput,
    PathField,
    SecretInput,
    Wanted,
)
from screens.widgets.parts import Part
from screens.widgets.text import Button, ButtonRow, OptionList, Text, styled
from workflows.aws.authenticator import code_problem, grouped_seed
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem, Sentence, joined, moment_text, said_so, text_of
from workflows.machine.events import NOT_ASKED, StepKey
from workflows.steps.new_user import mfa
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_access_key import KeyInHand, KeyPlace, not_asked
from workflows.steps.shared.own_identity import account_label, identity_of
from workflows.steps.shared.paths import existing_path

_GROUPS_PER_LINE = 4
_WORDS = (
    "Scan it with the authenticator app, not with the camera. If that doesn't work, make the font "
    "larger.\n\nOr type this key into the app (“enter a setup key”, time based):"
)
_STYLES = {
    (above, below): Style(foreground=Color.parse(upper), background=Color.parse(lower))
    for above, upper in ((False, "#ffffff"), (True, "#000000"))
    for below, lower in ((False, "#ffffff"), (True, "#000000"))
}


def drawn(matrix: Sequence[Sequence[bool]]) -> Content:
    """Draw the matrix (True is dark) as half blocks, two rows per line, with both colours given explicitly.

    Half-block text without explicit colours doesn't scan in a light or a dark terminal (measured).
    """
    cells: list[tuple[str, Style]] = []
    width = len(matrix[0]) if matrix else 0
    for row in range(0, len(matrix), 2):
        below = matrix[row + 1] if row + 1 < len(matrix) else [False] * width
        for upper, lower in zip(matrix[row], below, strict=True):
            cells.append(("▀", _STYLES[bool(upper), bool(lower)]))
        cells.append(("\n", Style()))
    return styled(*cells[:-1])


class QrDialog(Dialog[bool]):
    """The code at the left, the text and the seed at the right; both are forgotten when it closes.

    Args:
        matrix: the code; True is dark.
        seed: the device's seed, for typing.
        name: the entry's name in the app.
        copy: copies a text and returns the result.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "close", "Close", id="qr.close")]
    DEFAULT_CSS = """
    QrDialog { background: $surface; align: left top; }
    QrDialog #code { width: auto; }
    QrDialog > Horizontal > Vertical { width: 1fr; min-width: 28; padding: 0 1; height: 100%; }
    QrDialog #seed { margin: 1 0; text-style: bold; }
    QrDialog Button { height: 1; margin-top: 1; }
    """

    def __init__(
        self,
        matrix: Sequence[Sequence[bool]],
        seed: Secret,
        name: str,
        copy: Callable[[str | Secret], Sentence],
    ) -> None:
        super().__init__(
            name,
            "",
            Button("Type its codes", id="close", key="enter", variant="primary"),
            copy_button(self, lambda: copy(seed), "Copy the key"),
            close="",
        )
        self._matrix = matrix
        self._seed = seed

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Text("", id="code")
            with Vertical():
                yield Text(self._title, classes="dialog-title")
                yield Text(_WORDS)
                yield Text("", id="seed")
                yield from self._buttons

    def on_mount(self) -> None:
        """Fill in what must not be part of the widgets' construction."""
        self.query_one("#code", Text).update(drawn(self._matrix))
        grouped = grouped_seed(self._seed)
        groups = grouped.reveal().split()
        grouped.drop()
        lines = [
            " ".join(groups[start : start + _GROUPS_PER_LINE])
            for start in range(0, len(groups), _GROUPS_PER_LINE)
        ]
        self.query_one("#seed", Text).update("\n".join(lines))

    def action_close(self) -> None:
        """Forget the code and go back."""
        for text in self.query("#code, #seed").results(Text):
            text.update("")
        self._matrix = ()
        super().action_close()


_FIELDS = ("first-code", "second-code")


class DeviceCodes(Vertical):
    """Asks for two codes of a device being set up.

    Args:
        context: has the time and the clipboard.
        id: the widget's id.
    """

    DEFAULT_CSS = """
    DeviceCodes { height: auto; margin-top: 1; }
    DeviceCodes #device, DeviceCodes #check { height: auto; }
    """

    def __init__(self, context: Context, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._of_step = context
        self._pending: mfa.Pending | None = None

    async def begin(self, pending: mfa.Pending) -> None:
        """Ask for the codes of this device, and show its QR code."""
        if not self.children:
            first, second = _FIELDS
            now = self._of_step.environment.now
            await self.mount(
                Text("", id="device"),
                CodeField(now, Wanted(first, "Code"), Wanted(second, "The next code")),
                Text("", id="check"),
                SandboxPhone(self._of_step.environment),
                ButtonRow(Button("Show the QR code again", id="qr")),
            )
        self._pending = pending
        words = f"Enter two codes in a row from {pending.entry} in your app."
        self.query_one("#device", Text).update(joined((words, pending.remark)))
        self.ask_again()
        self.show_qr()

    def codes(self) -> tuple[str, str]:
        """Return both codes, as typed."""
        codes = self.query_one(CodeField).codes if self.children else {}
        return codes.get(_FIELDS[0], ""), codes.get(_FIELDS[1], "")

    def ask_again(self) -> None:
        """Ask for two new codes, since the given ones are spent."""
        self.query_one(CodeField).clear()
        self.query_one("#first-code").focus()

    @on(Button.Pressed, "#qr")
    def show_qr(self) -> None:
        """Show the device's QR code on the whole terminal."""
        if (pending := self._pending) is None:
            return
        try:
            matrix = pending.matrix()
        except OnboardError as error:
            self.notify(f"{error.what} {error.next}", severity="warning")
            matrix = ()
        self.app.push_screen(QrDialog(matrix, pending.seed, pending.entry, self._of_step.environment.copy))

    @on(Input.Changed)
    def _check_codes(self) -> None:
        """Check complete codes at once, before AWS sees them."""
        pending, codes = self._pending, self.codes()
        said = ""
        if pending is not None and not pending.seed.dropped and code_problem(codes[0]) is None:
            second = codes[1] if code_problem(codes[1]) is None else ""
            problems = mfa.problems_of(pending, codes[0], second, self._of_step)
            said = "\n".join(f"! {problem.message}" for problem in problems) or _RIGHT[bool(second)]
        self.query_one("#check", Text).update(said)


_RIGHT = {
    False: "✓ That code is right. Wait for the next one and enter it below.",
    True: "✓ Both codes are right.",
}
_WAYS = (
    Answer(mfa.CONSOLE, "In the console, in the browser (the usual way)"),
    Answer(mfa.API, "Here, with an access key that I have"),
)
_PLACES = (
    Answer(KeyPlace.KEPT.value, "kept on this computer"),
    Answer(KeyPlace.FILE.value, "in a CSV file"),
    Answer(KeyPlace.TYPED.value, "entered here"),
)
_BEFORE = (
    "Say yes if your authenticator app has an entry for {user} in {account}. A passkey doesn't count: it "
    "has no codes."
)
_STILL = (
    "Say yes if the device that you registered for {user} in {account} still gives you codes. "
    "What you did after it here stays as it is."
)
_UNCHANGED = "Your device stays as it is. Do the list only if you have none."
_HAVE_LABELS = {False: "I already registered it", True: "I still have my device"}
"""What says that the user has a device, by whether iam-onboard knows it."""
_NOTES = "Choose the app: a passkey has no codes.\nSkip (^s) only if your admin says so."
_SKIPPING = (
    "Skip it only if your admin says so. Without MFA, AWS usually won't let you create an access key or "
    "use a role. F2 leads back here."
)


class MfaPane(BrowsingPane):
    """Two ways; over the API the first Next creates the device, the second enables it."""

    DEFAULT_CSS = """
    MfaPane #found { height: auto; }
    MfaPane Checklist { margin-bottom: 1; }
    MfaPane.-full Checklist, MfaPane.-full ButtonRow { margin: 0; }
    MfaPane .words { height: auto; }
    MfaPane .after { color: $text-muted; }
    MfaPane #how { display: none; margin-bottom: 1; }
    MfaPane #how.-shown { display: block; }
    MfaPane #again { display: none; }
    MfaPane.-done #again { display: block; }
    MfaPane Button { margin-right: 2; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._identity = identity_of(opening.context)
        self._pending: mfa.Pending | None = None
        known: Mapping[str, Any] = opening.context.facts.get("mfa") or {}
        look = opening.context.observed.get(StepKey("mfa", opening.context.item), NOT_ASKED)
        gone = opening.undone or look.contradicts
        self._known = bool(known) and not gone
        self._unchanged = not (self._identity.encrypted_password or gone or opening.done)
        self._serial: str | None = known.get("serial") if opening.done else None
        self._start: Mapping[str, Any] = {
            "how": known.get("how") or (mfa.CONSOLE if self._identity.sign_in_url else mfa.API),
            "place": (KeyPlace.KEPT if opening.context.facts.get("access_key") else KeyPlace.FILE).value,
            "path": "",
            "ticks": done_before(opening.context, "mfa"),
            **opening.draft,
        }
        self._make_fields()

    def _make_fields(self) -> None:
        """Make what has values or changes, on the page or not yet."""
        self._how, self._source = Choices(_WAYS, id="how"), Choices(_PLACES, id="source")
        self._how.choose(str(self._start["how"]))
        self._source.choose(str(self._start["place"]))
        tasks = register_device(self.context, self._identity)
        self._tasks = Checklist(*tasks, ticks=self._start["ticks"], id="tasks")
        example = "for example  ~/Downloads/accessKeys.csv"
        self._path = PathField(str(self._start["path"]), example, id="path")
        self._key_id, self._secret = KeyIdInput(id="key-id"), SecretInput(id="secret")
        self._codes = DeviceCodes(self.context, id="codes")

    def compose_body(self) -> ComposeResult:
        yield self._how
        yield Part(
            self._tasks,
            SandboxPhone(self.context.environment),
            Text(_UNCHANGED if self._unchanged else _NOTES, classes="words after spare"),
            id="console",
            shown="console" in self._shown(),
        )
        yield Part(
            Text(
                f"Use an access key of {self._identity.user} in {account_label(self._identity)}.\n"
                "iam-onboard creates the device and shows its QR code.",
                classes="words",
            ),
            Text("Where is the access key?"),
            self._source,
            Part(FieldRow("CSV file", self._path), id="file", shown=self._source.value == "file"),
            Part(
                FieldRow("Access key id", self._key_id),
                FieldRow("Secret access key", self._secret),
                id="typed",
                shown=self._source.value == "typed",
            ),
            id="api",
            shown="api" in self._shown(),
        )
        yield Text("", id="found", classes="words")
        yield self._codes
        yield ButtonRow(
            Button(_HAVE_LABELS[self._known], id="before"),
            Button("Another way", id="other-way"),
            Button("Register another device", id="again"),
        )

    def on_mount(self) -> None:
        if self.opening.done:
            self.focus_primary()
        elif self._how.value == mfa.CONSOLE:
            self.call_after_refresh(self.focus_primary if self._has_one else self._focus_way)
        self._show()

    # -- action bar --------------------------------------------------------------------------------

    def primary(self) -> Primary:
        if self.inside:
            return Primary("Do it this way", act=self._chose_how)
        if self._how.value == mfa.CONSOLE:
            if self._has_one:
                return Primary(_HAVE_LABELS[self._known], act=self._registered_before)
            if self._tasks.finished:
                return Primary("Yes, it's registered")
            return Primary("Finish the list first", ready=False, act=self._tasks.ask_first)
        if self._serial is not None:
            return Primary("Use this device")
        if self._pending is not None:
            return Primary("Enable the device")
        return Primary("Create the device", act=self._create)

    def turn(self) -> Turn:
        if self.has_class("-done") or self.inside or self._has_one:
            return YOURS
        if self._how.value == mfa.CONSOLE:
            finished = self._tasks.finished
            return Turn("Did AWS add the device?" if finished else "Your turn, in the browser")
        return Turn("Your turn" if self._pending is None else "Your turn: two codes in a row")

    @property
    def _has_one(self) -> bool:
        """Whether the user likely has a device: the handoff left it as it is, and the list isn't begun."""
        begun = self._tasks.worked_on or self._tasks.ticks
        return self._unchanged and self._how.value == mfa.CONSOLE and not begun

    def heading(self) -> Sentence:
        does = "Confirm" if self._has_one else "Use" if self.has_class("-done") else ""
        return f"{does} your MFA device for {self.context.item}" if does else super().heading()

    @property
    def inside(self) -> bool:
        """Whether the page asks for the way."""
        return self._how.has_class("-shown")

    def go_back(self) -> None:
        """Close the choice of the way."""
        self._ask_how()
        self.call_after_refresh(self.query_one("#other-way").focus)

    def skip_question(self) -> Confirm:
        return Confirm(f"Skip MFA in {self._identity.account_name}?", _SKIPPING, "Skip MFA", no="Not yet")

    # -- display -----------------------------------------------------------------------------------

    @on(Button.Pressed, "#other-way")
    def _ask_how(self) -> None:
        if self._how.toggle_class("-shown").has_class("-shown"):
            self._how.focus()
            self.call_after_refresh(self._how.scroll_visible, animate=False)  # it has a position only then
        self._show()

    @on(OptionList.OptionSelected, "#how")
    def _chose_how(self) -> None:
        self._ask_how()
        self.call_after_refresh(self._focus_way)

    async def _focus_way(self) -> None:
        """Focus what comes first for the chosen way."""
        if self._how.value == mfa.CONSOLE:
            await self.query_one("#console", Part).fill()
            self._tasks.focus_next()
        else:
            await self.query_one("#api", Part).fill()
            self._source.focus()

    @on(Button.Pressed, "#before")
    def _registered_before(self) -> None:
        identity = self._identity
        who = {"user": identity.user, "account": account_label(identity)}
        if self._known:
            title, body = (
                f"Do you still have your MFA device for {identity.account_name}?",
                _STILL.format(**who),
            )
            question, request = Confirm(title, body, "Yes, I do", no="No"), mfa.Request(mfa.UNCHANGED)
        else:
            title = f"Is your MFA device already registered in {identity.account_name}?"
            question = Confirm(title, _BEFORE.format(**who), "Yes, it is", no="Not yet")
            request = mfa.Request(mfa.CONSOLE)
        ask(self, question, lambda _yes: self.post_message(self.Submitted(request)))

    @on(Button.Pressed, "#again")
    def _do_again(self) -> None:
        """Bring back a done step's list on request."""
        self.remove_class("-done")
        self._serial = None
        self._show()
        self.call_after_refresh(self._focus_way)

    @on(Checklist.Moved)
    def _moved(self) -> None:
        self._show()
        if self._tasks.finished:
            self.focus_primary()

    def _shown(self) -> Sequence[str]:
        """Return the parts that are on the page, by id."""
        if self.inside or self.has_class("-done"):
            return ()
        if self._how.value == mfa.CONSOLE:
            return ("console",)
        return () if self._serial or self._pending else ("api", self._source.value)

    @on(OptionList.OptionHighlighted)
    def _show(self) -> None:
        """Show only what belongs to the chosen way."""
        how, parts = self._how.value, self._shown()
        self.query_one("#found", Text).show_lines(
            self._registered(found=bool(self._serial) and how == mfa.API)
        )
        for part in self.query(Part):
            part.reveal(shown=part.id in parts)
        listed = "console" in parts and not self._tasks.finished  # the primary says the same then
        offers = not self.inside and not self.has_class("-done")
        self.show_parts(
            before=(listed or self._known) and offers and not self._has_one,
            other_way=offers,
            codes=how == mfa.API and self._pending is not None,
        )

    def _registered(self, *, found: bool) -> tuple[str, ...]:
        """Describe a registered device, and the source of that knowledge."""
        if found:
            return (f"✓ {self._serial} is registered. Use its codes.",)
        if not self.has_class("-done"):
            return ()
        now, (at, serial) = self.context.environment.now(), mfa.evidence(self.context)
        if at:
            device = f"your device {serial.rsplit('/', 1)[-1]}" if serial else "your MFA device"
            return (f"✓ AWS confirmed {device} {moment_text(at, now)}.",)
        at = str(self.context.facts["mfa"].get("at") or "")
        later = not_asked(self.context).remedy
        said = ("? You registered an authenticator app.", f"  {said_so(at, now)}")
        return (*said, f"  {later}") if later else said

    # -- from here ---------------------------------------------------------------------------------

    def _create(self) -> None:
        key = self._key()
        problems = key.problems()
        self.show_problems(problems)
        if not problems:
            self.run_unlocked("begin", lambda report: mfa.begin(key, self.context, report), self._begun)

    def _key(self) -> KeyInHand:
        place = KeyPlace(self._source.value)
        secret = Secret(self._secret.value)
        return KeyInHand(
            place,
            self._path.value,
            self._key_id.value.strip(),
            secret if place is KeyPlace.TYPED and secret else None,
        )

    async def _begun(self, device: mfa.Pending | mfa.Registered) -> None:
        if isinstance(device, mfa.Registered):
            self._serial = device.serial
            self.parting = text_of(joined((f"{self._serial} is registered already.", device.remark)))
            self.submit()
            return
        self._pending = device
        self._show()
        await self._codes.begin(device)

    @on(StepPane.MoveFailed)
    def _codes_are_spent(self, message: StepPane.MoveFailed) -> None:
        """Ask for two new codes, since the given ones are spent, or for a new device."""
        if self._pending is None or self._pending.seed.dropped:
            return
        self._codes.ask_again()
        self.show_problems([])
        if isinstance(message.error, mfa.DeviceGone):
            self._pending.drop()
            self._pending = None
            self._show()

    def place_problems(self, problems: Sequence[Problem]) -> None:
        """Show a problem of two complete codes once: at its field, no longer below the fields."""
        super().place_problems(problems)
        if problems and not any(map(code_problem, self._codes.codes())):
            self.query_one("#check", Text).update("")

    # -- the input ---------------------------------------------------------------------------------

    def request(self) -> mfa.Request:
        if self._how.value == mfa.CONSOLE:
            return mfa.Request(mfa.CONSOLE)
        first, second = self._codes.codes()
        return mfa.Request(mfa.API, self._serial, self._pending, first, second)

    def changed(self) -> bool:
        """Return False for a registered device, until the list is done again."""
        if self._how.value == mfa.CONSOLE and self.opening.done:
            return not self.has_class("-done") and self._tasks.finished
        return super().changed()

    def draft(self) -> Mapping[str, Any]:
        return {
            "how": self._how.value,
            "place": self._source.value,
            "path": existing_path(self._path.value, self.context.environment.home),
            "ticks": self._tasks.ticks,
        }

    def leave(self) -> None:
        """Forget the seed and the key; the vault has the seed."""
        if self._pending is not None:
            self._pending.drop()
