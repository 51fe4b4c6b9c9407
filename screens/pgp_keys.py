"""The keys' screen: a row a person, with the verdict on their key; paste, open or fetch what they sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, DataTable, Input, Label, Static, TextArea

from screens.base import Opening, StepPane
from screens.widgets.field_row import FieldRow
from workflows.services.gpg.refusals import SecretKeyGiven
from workflows.steps import pgp_keys, taken_keys
from workflows.steps.pgp_keys import Gathered, Request
from workflows.steps.taken_keys import TakenKey

_KEY_WIDTH = len("RSA 4096  …0123ABCD ")
"""Given, since a table that is filled twice before it is painted keeps the widths of the first time."""


class PgpKeysPane(StepPane):
    """The marked row is the person that a pasted text or an opened file is for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "i", "invite", "Invite", id="keys.invite", tooltip="A text for a person who has not sent a key"
        ),
        Binding("o", "owner_text", "Text for owner", id="keys.owner", tooltip="What to tell the key's owner"),
    ]
    DEFAULT_CSS = """
    PgpKeysPane DataTable { height: auto; max-height: 8; }
    PgpKeysPane #verdict { height: auto; margin-bottom: 1; }
    PgpKeysPane TextArea { height: 4; border: round $primary-darken-2; padding: 0; }
    PgpKeysPane TextArea:focus { border: round $accent; }
    PgpKeysPane #buttons { height: 1; }
    PgpKeysPane Button { margin-right: 2; min-width: 0; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._keys: dict[str, TakenKey] = {}
        self._names: list[str] = list(opening.context.facts.get("joining") or ())

    def compose_body(self) -> ComposeResult:
        yield DataTable(id="people", cursor_type="row", zebra_stripes=True)
        yield Static("", id="verdict", markup=False)
        yield Label("Paste the key, or the whole message, here")
        yield TextArea(id="pasted", tab_behavior="focus")
        with Horizontal(id="buttons"):
            yield Button("Take it in", id="take", variant="primary", compact=True)
            yield Button("Invite (i)", id="invite", compact=True)
            yield Button("Fetch from mailbox", id="fetch", compact=True, classes="mailbox")
        field = Input(placeholder="~/Downloads/…", id="file", compact=True)
        yield FieldRow("Or file or folder", field, "Enter opens")

    def on_mount(self) -> None:
        super().on_mount()
        table = self.query_one("#people", DataTable)
        table.add_column("Person")
        table.add_column("Key", width=_KEY_WIDTH)
        table.add_column("Verdict")
        self.query_one(".mailbox").display = self.context.world.mailbox is not None
        self._fill()
        drafted = self.opening.draft.get("texts", {})
        self.run_move("gather", lambda report: pgp_keys.gather(drafted, self.context, report))

    # -- what is shown -----------------------------------------------------------------------------

    def _fill(self) -> None:
        table = self.query_one("#people", DataTable)
        row = table.cursor_row
        table.clear()
        for name in self._names:
            key = self._keys.get(name)
            if key is None:
                table.add_row(name, "-", "○ none yet", key=name)
                continue
            table.add_row(name, f"{key.algorithm}  …{key.fingerprint[-8:]}", _mark(key), key=name)
        if self._names:
            table.move_cursor(row=min(row, len(self._names) - 1))
        self._tell()

    @on(DataTable.RowHighlighted)
    def _tell(self) -> None:
        key = self._keys.get(self._person())
        self.query_one("#verdict", Static).update(_told(key) if key else self._hint())

    def _hint(self) -> str:
        name = self._person()
        if not name:
            return "Nobody joins. Go back to the Project step to say who does."
        return f"{name}: paste or open what they sent; i makes an invitation to send them."

    def _person(self) -> str:
        table = self.query_one("#people", DataTable)
        return self._names[table.cursor_row] if table.row_count else ""

    # -- what is taken in --------------------------------------------------------------------------

    def advance(self) -> None:
        """What was pasted is taken in first; if it was the last one missing, Next goes on with it."""
        if self.query_one(TextArea).text.strip():
            self._take_pasted("take and go on")
        else:
            super().advance()

    @on(Button.Pressed, "#take")
    def _take_wanted(self) -> None:
        self._take_pasted("take")

    def _take_pasted(self, move: str) -> None:
        text, name = self.query_one(TextArea).text, self._person()
        if not text.strip():
            self.notify("Paste the key or the message first.", severity="warning")
            self.query_one(TextArea).focus()
            return
        self.run_move(move, lambda _report: taken_keys.take_in_for(text, name, "pasted", self.context))

    @on(Input.Submitted, "#file")
    def _open_file(self, event: Input.Submitted) -> None:
        person = self._person()
        names = [person, *(name for name in self._names if name != person)]
        path = event.value.strip()
        if path:
            self.run_move("take", lambda report: taken_keys.take_in_file(path, names, self.context, report))

    @on(Button.Pressed, "#fetch")
    def _fetch(self) -> None:
        mailbox = self.context.world.mailbox
        people = pgp_keys.mail_for(self.context)
        if not people:
            self.notify(
                "No request there yet. Press F3, begin as the new user, and send one.", severity="warning"
            )
            return
        self.run_move(
            "take", lambda report: taken_keys.take_in_file(str(mailbox), people, self.context, report)
        )

    @on(Button.Pressed, "#invite")
    def action_invite(self) -> None:
        """Make the invitation for the marked person, and hand it out."""
        name = self._person()
        self.run_move("invite", lambda _report: f"Invitation. {pgp_keys.invite(name, self.context)}")

    def action_owner_text(self) -> None:
        """Copy what to tell the owner of the marked person's key."""
        key = self._keys.get(self._person())
        if key is None or not key.for_owner:
            self.notify("There is nothing to tell the owner of this key.")
            return
        text, file_name = key.for_owner, f"about-your-key-{key.name}.txt"
        self.run_move("copy", lambda _report: pgp_keys.hand_out(text, file_name, self.context))

    @on(StepPane.MoveDone)
    def _moved(self, message: StepPane.MoveDone) -> None:
        match message.name:
            case "gather":
                gathered: Gathered = message.result
                self._keys = {**gathered.keys, **self._keys}
                self._fill()
                self._remember()
                self._go_on()
            case "take" | "take and go on":
                self._keys.update(message.result)
                self.query_one(TextArea).load_text("")
                self._fill()
                self.show_problems([])
                if all(key.accepted for key in message.result.values()):
                    self._go_on()
                if message.name != "take" and all(name in self._keys for name in self._names):
                    super().advance()  # the wizard tells refusals and warnings, if there are any
            case "invite" | "copy":
                self.notify(str(message.result), timeout=15)

    @on(StepPane.MoveFailed)
    def _refused(self, message: StepPane.MoveFailed) -> None:
        """What was refused stays to be mended; a secret key does not."""
        if isinstance(message.error, SecretKeyGiven):
            self.query_one(TextArea).load_text("")

    def _go_on(self) -> None:
        """Mark the next person whose key is missing, and let it be pasted; else all is here."""
        missing = [index for index, name in enumerate(self._names) if name not in self._keys]
        table = self.query_one("#people", DataTable)
        if missing:
            table.move_cursor(row=missing[0])
            self.query_one(TextArea).focus()
        else:
            table.focus()

    def request(self) -> Request:
        return Request(dict(self._keys))

    def draft(self) -> Mapping[str, Any]:
        return {"texts": {name: key.text for name, key in self._keys.items()}}


def _mark(key: TakenKey) -> str:
    """A verdict in a mark and a word."""
    if not key.accepted:
        return "✗ refused"
    return "! read below" if key.warnings or key.verdict != "works" else "✓ works"


def _told(key: TakenKey) -> str:
    """All that is to be said about a key."""
    lines = [f"{_mark(key)[0]} {key.headline}. {key.explanation}".strip()]
    lines += [f"! {words}" for words in key.warnings]
    expires = key.expires[:10] if key.expires else "never"
    lines += [", ".join(key.user_ids), f"Fingerprint {key.grouped}", f"Expires {expires}; {key.source}"]
    if key.for_owner:
        lines.append("o copies a text for its owner that says what to do.")
    return "\n".join(lines)
