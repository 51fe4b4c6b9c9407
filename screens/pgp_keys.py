"""The keys' screen: a row a person, with the verdict on their key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, TextArea

from screens.base import Opening, StepPane
from screens.key_intake import TAKE, TAKE_AND_GO_ON, KeyIntake
from screens.key_words import hint, present_lines, proposal, refusal_lines, replacing, row_mark, told
from screens.widgets.dialogs import Confirm, Notice, ask
from screens.widgets.field_row import FieldRow
from screens.widgets.key_area import KeyArea
from screens.widgets.key_dialogs import KeyChoice, LayerKeys
from screens.widgets.text import Button, Table, Text
from workflows.core.sentences import joined, text_of
from workflows.services.gpg.refusals import KeyRefused, SecretKeyGiven
from workflows.steps import layer_keys, pgp_keys
from workflows.steps.judged_keys import TakenKey
from workflows.steps.layer_keys import PresentKey
from workflows.steps.pgp_keys import Gathered, Request
from workflows.steps.taken_keys import Taken

_KEY_WIDTH = len("RSA 4096  …0123ABCD ")
"""Given, since a table that is filled twice before it is painted keeps the widths of the first time."""


class PgpKeysPane(KeyIntake):
    """The marked row is the person that a pasted text or an opened file is for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "i", "invite", "Invite", id="keys.invite", tooltip="A text for a person who has not sent a key"
        ),
        Binding("o", "owner_text", "Text for owner", id="keys.owner", tooltip="What to tell the key's owner"),
        Binding("l", "layer_keys", "In the layer", id="keys.layer", tooltip="Judge all key files there are"),
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
        self._refused: dict[str, KeyRefused] = {}
        self._present: Mapping[str, tuple[PresentKey, ...]] = {}
        self._confirmed = pgp_keys.confirmed_before(opening.context)

    def compose_body(self) -> ComposeResult:
        yield Table(id="people", cursor_type="row", zebra_stripes=True)
        yield Text("", id="verdict")
        yield Text("Paste the key, or the whole message, here")
        yield KeyArea(id="pasted", tab_behavior="focus")
        with Horizontal(id="buttons"):
            yield Button("Take it in", id="take", variant="primary")
            yield Button("Invite (i)", id="invite")
            yield Button("Layer (l)", id="layer")
            yield Button("Fetch mail", id="fetch", classes="mailbox")
        field = Input(placeholder="~/Downloads/…", id="file", compact=True)
        yield FieldRow("Or file or folder", field, "Enter opens")

    def on_mount(self) -> None:
        super().on_mount()
        table = self.query_one("#people", Table)
        table.add_column("Person")
        table.add_column("Verdict", width=len("✗ not taken"))
        table.add_column("Key", width=_KEY_WIDTH)  # last: a long name cuts it off, and it is told below
        self.query_one(".mailbox").display = self.context.world.mailbox is not None
        self._fill()
        drafted = self.opening.draft.get("texts", {})
        self.run_move("gather", lambda report: pgp_keys.gather(drafted, self.context, report))

    # -- what is shown -----------------------------------------------------------------------------

    def _fill(self) -> None:
        table = self.query_one("#people", Table)
        row = table.cursor_row
        table.clear()
        rekeying = self.context.decisions.rekeying
        for name in self.names:
            key, who = self._keys.get(name), f"{name} (new key)" if name in rekeying else name
            if key is None:
                table.add_row(who, "✗ not taken" if name in self._refused else "○ none yet", "-", key=name)
                continue
            table.add_row(who, row_mark(key), f"{key.algorithm}  …{key.fingerprint[-8:]}", key=name)
        if self.names:
            table.move_cursor(row=min(row, len(self.names) - 1))
        self._tell()

    @on(Table.RowHighlighted)
    def _tell(self) -> None:
        name = self.person()
        lines = refusal_lines(self._refused[name]) if name in self._refused else []
        lines += told(self._keys[name]) if name in self._keys else [] if lines else [hint(name)]
        lines += present_lines(self._present.get(name, ()))
        self.query_one("#verdict", Text).update("\n".join(lines))

    def person(self) -> str:
        table = self.query_one("#people", Table)
        return self.names[table.cursor_row] if table.row_count else ""

    # -- what is taken in --------------------------------------------------------------------------

    def advance(self) -> None:
        """What was pasted is taken in first; if it was the last one missing, Next goes on with it."""
        if self.query_one(TextArea).text.strip():
            self.take_pasted(TAKE_AND_GO_ON)
        else:
            self._confirm_and_go_on()

    @on(Button.Pressed, "#invite")
    def action_invite(self) -> None:
        """Make the invitation for the marked person, and hand it out."""
        name = self.person()
        self.run_move("invite", lambda _report: f"Invitation. {pgp_keys.invite(name, self.context)}")

    def action_owner_text(self) -> None:
        """Copy what to tell the owner of the marked person's key."""
        name = self.person()
        known = self._refused.get(name) or self._keys.get(name)
        if known is None:
            self.notify("There is no key yet to tell its owner anything about; i makes an invitation.")
            return
        self._hand_out(text_of(known.for_owner), f"about-your-key-{name}.txt")

    def _hand_out(self, text: str, file_name: str) -> None:
        self.run_move("copy", lambda _report: pgp_keys.hand_out(text, file_name, self.context))

    @on(Button.Pressed, "#layer")
    def action_layer_keys(self) -> None:
        """Judge every key file that lies in the layers, and show them."""
        self.run_move("look", lambda report: layer_keys.look(self.context, report))

    # -- what came of it ---------------------------------------------------------------------------

    @on(StepPane.MoveDone)
    def _moved(self, message: StepPane.MoveDone) -> None:
        match message.name:
            case "gather":
                gathered: Gathered = message.result
                self._keys = {**gathered.keys, **self._keys}
                self._present = gathered.present
                self._fill()
                self._remember()
                self._go_on()
            case "take" | "take and go on":
                self._took(message.result, goes_on=message.name == TAKE_AND_GO_ON)
            case "look":
                self.app.push_screen(LayerKeys(message.result, self._tell_owner))
            case "invite" | "copy":
                self.notify(str(message.result), timeout=15)

    def _tell_owner(self, row: PresentKey) -> None:
        self._hand_out(text_of(row.for_owner), f"about-your-key-{row.file.rpartition('/')[2]}.txt")

    def _took(self, taken: Taken, *, goes_on: bool) -> None:
        self.query_one(TextArea).load_text("")
        self.show_problems([])
        if taken.unmatched:
            self.app.push_screen(Notice("Not taken in", joined(taken.unmatched, "\n")))
        if taken.replaces:
            self._propose(taken)
            return
        for name, keys in taken.choices.items():
            ask(self, KeyChoice(name, keys), partial(self._chosen, goes_on))
        self._keep(taken.keys)
        if goes_on and not taken.choices and not taken.unmatched:
            self._go_on_if_complete()

    def _keep(self, keys: Mapping[str, TakenKey]) -> None:
        self._keys.update(keys)
        for name in keys:
            self._refused.pop(name, None)
        self._fill()
        if all(key.accepted for key in keys.values()):
            self._go_on()

    def _chosen(self, goes_on: bool, key: TakenKey) -> None:  # noqa: FBT001 - bound by partial alone
        self._keep({key.name: key})
        if goes_on:
            self._go_on_if_complete()

    def _propose(self, taken: Taken) -> None:
        """Somebody who is there already sent a key: replacing it is for the Project step to decide."""
        name, key = taken.replaces, taken.keys[taken.replaces]

        def replace(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self._keys[name] = key
            self.keep_draft()
            rekeying = [*self.context.decisions.rekeying, name]
            self.post_message(self.StepWanted("project", {"rekeying": rekeying}))

        ask(self, Confirm(f"A new key for {name}?", proposal(taken), "To Project"), replace)

    @on(StepPane.MoveFailed)
    def _not_taken(self, message: StepPane.MoveFailed) -> None:
        """What was refused stays to be mended; a secret key does not."""
        if isinstance(message.error, SecretKeyGiven):
            self.query_one(TextArea).load_text("")
        self.mark_refused_text()
        if isinstance(message.error, KeyRefused) and message.name in {TAKE, TAKE_AND_GO_ON}:
            self._refused[self.person()] = message.error
            self._fill()

    def _go_on(self) -> None:
        """Mark the next person whose key is missing, and let it be pasted; else all is here."""
        missing = [index for index, name in enumerate(self.names) if name not in self._keys]
        table = self.query_one("#people", Table)
        if missing:
            table.move_cursor(row=missing[0])
            self.query_one(TextArea).focus()
        else:
            table.focus()

    # -- going on ----------------------------------------------------------------------------------

    def _go_on_if_complete(self) -> None:
        if all(name in self._keys for name in self.names):
            self._confirm_and_go_on()  # the wizard tells refusals and warnings, if there are any

    def _confirm_and_go_on(self) -> None:
        """Have every replacement confirmed by the typed name, one after the other, and then go on."""
        problems = pgp_keys.validate(Request(self._keys, frozenset(self.names)), self.context)
        open_ones = [key for key in map(self._keys.get, self.names) if key and self._unconfirmed(key)]
        if any(problem.fatal for problem in problems):
            self.show_problems(problems)
        elif open_ones:
            self._ask(open_ones[0], self._confirm_and_go_on)
        else:
            super().advance()

    def _unconfirmed(self, key: TakenKey) -> bool:
        resets = key.replacement is not None and bool(key.replacement.resets)
        return resets and self._confirmed.get(key.name) != key.fingerprint

    def _ask(self, key: TakenKey, then: Callable[[], None]) -> None:
        def confirmed(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self._confirmed[key.name] = key.fingerprint
            then()

        title = f"Replace the PGP key of {key.name}?"
        ask(self, Confirm(title, replacing(key), "Replace", typed=key.name), confirmed)

    def request(self) -> Request:
        keys = {name: key for name, key in self._keys.items() if name in self.names}
        confirmed = (one.name for one in keys.values() if self._confirmed.get(one.name) == one.fingerprint)
        return Request(keys, frozenset(confirmed))

    def draft(self) -> Mapping[str, Any]:
        return {"texts": {name: key.text for name, key in self._keys.items()}}
