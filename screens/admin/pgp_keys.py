"""The keys' screen: a row a person, with the verdict on their key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Paste
from textual.message import Message
from textual.widgets import Input, TextArea

from screens.step.page import Move, Opening, StepPane
from screens.widgets.dialogs import Confirm, Dialog, Notice, ask
from screens.widgets.fields import Choices, FieldRow
from screens.widgets.lists import Table
from screens.widgets.text import Button, OptionList, Text
from workflows.core.errors import OnboardError
from workflows.core.openpgp import grouped
from workflows.core.sentences import joined, listed, text_of
from workflows.gpg.normalise import KEYRING_LIMIT
from workflows.gpg.owner import Likeness
from workflows.gpg.refusals import KeyRefused, KeyTooLarge, SecretKeyGiven
from workflows.steps.admin import pgp_keys
from workflows.steps.admin.pgp_keys import Gathered, PresentKey, Replacement, Request, Taken, TakenKey


class KeyChoice(Dialog[TakenKey]):
    """Which of several keys is a person's; the best match is chosen at first.

    Args:
        name: the person.
        keys: the keys, the likeliest first.
    """

    AUTO_FOCUS = "#keys"
    DEFAULT_CSS = """
    KeyChoice > Vertical { width: 78; max-width: 98%; }
    KeyChoice Choices { max-height: 15; }
    """

    def __init__(self, name: str, keys: Sequence[TakenKey]) -> None:
        super().__init__(f"{len(keys)} keys. Which one is for {name}?")
        self._keys = {key.fingerprint: key for key in keys}

    def body(self) -> ComposeResult:
        yield Choices([(one, _choice_lines(key)) for one, key in self._keys.items()], id="keys")

    def buttons(self) -> Iterable[Button]:
        yield Button("Take this one", id="take", variant="primary")
        yield Button("None (esc)", id="close")

    @on(OptionList.OptionSelected, "#keys")
    def action_take(self) -> None:
        """Answer with the chosen key."""
        self.dismiss(self._keys[self.query_one(Choices).value])


class LayerKeys(Dialog[bool]):
    """Every key file that lies in the layers, with the verdict on each.

    Args:
        rows: the files, the worst first.
        copy: copies a text for the owner of a key, in the background.
    """

    AUTO_FOCUS = "#files"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "owner", "Text for owner", id="layerkeys.owner"),
    ]
    DEFAULT_CSS = """
    LayerKeys > Vertical { width: 96%; max-width: 116; }
    LayerKeys Table { height: auto; max-height: 45vh; }
    LayerKeys #about { min-height: 5; margin-top: 1; }
    """

    def __init__(self, rows: Sequence[PresentKey], copy: Callable[[PresentKey], None]) -> None:
        super().__init__("Already in the layer")
        self._rows = list(rows)
        self._copy = copy

    def body(self) -> ComposeResult:
        bad = sum(1 for row in self._rows if not row.accepted)
        soon = sum(1 for row in self._rows if row.soon)
        yield Text(f"{len(self._rows)} key files, {bad} refused, {soon} expired or soon to expire")
        yield Table(id="files", cursor_type="row", zebra_stripes=True)
        yield Text("", id="about")

    def buttons(self) -> Iterable[Button]:
        yield Button("Text for owner (o)", id="owner")
        yield from super().buttons()

    def on_mount(self) -> None:
        table = self.query_one("#files", Table)
        table.add_columns("File", "Layer", "Verdict", "Expires", "Used by")
        for number, row in enumerate(self._rows):
            until = f"{row.expires:%Y-%m-%d}" if row.expires else "never" if row.algorithm else "-"
            expires = f"! {until}" if row.soon else until
            name = row.file.removeprefix("keys/")
            users = ", ".join(row.users) or "nobody"
            table.add_row(name, row.account, str(row.mark), expires, users, key=str(number))
        self._tell()

    @property
    def _marked(self) -> PresentKey | None:
        table = self.query_one("#files", Table)
        return self._rows[table.cursor_row] if table.row_count else None

    @on(Table.RowHighlighted, "#files")
    def _tell(self) -> None:
        row = self._marked
        lines = ["There are no key files in these layers."]
        if row is not None:
            lines = [
                f"{row.mark.sign} {row.verdict.explanation}",
                *(f"! {words}" for words in row.verdict.warnings),
            ]
            lines += [_present_words(row), ", ".join(row.user_ids), grouped(row.fingerprint)]
        self.query_one("#about", Text).update("\n".join(line for line in lines if line))

    def action_owner(self) -> None:
        """Copy what to tell the owner of the selected key."""
        row = self._marked
        if row is None or not row.verdict.sentence_for_owner:
            self.notify("There is nothing to tell the owner of this key.")
        else:
            self._copy(row)


_TAKE = "take"


class KeyArea(TextArea):
    """A text area that does not take in what is larger than any keyring: laying it out would take minutes."""

    @dataclass
    class TooLarge(Message):
        """So many characters were pasted."""

        size: int

    async def _on_paste(self, event: Paste) -> None:
        event.stop()  # the pane hands a paste to this field, and would do so once more
        if len(self.text) + len(event.text) > KEYRING_LIMIT:
            event.prevent_default()  # else Textual calls the base class's handler next, which inserts it
            self.post_message(self.TooLarge(len(event.text)))


_KEY_WIDTH = len("RSA 4096  …0123ABCD ")
"""Given, since a table that is filled twice before it is painted keeps the widths of the first time."""


class PgpKeysPane(StepPane):
    """The selected row is the person that a pasted text or an opened file is for.

    Attributes:
        names: the people whose keys are wanted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "i", "invite", "Invite", id="keys.invite", tooltip="A text for a person who has not sent a key"
        ),
        Binding("o", "owner_text", "Text for owner", id="keys.owner", tooltip="What to tell the key's owner"),
        Binding("l", "layer_keys", "In the layer", id="keys.layer", tooltip="Judge all key files there are"),
    ]
    NEXT_WAITS = True
    DEFAULT_CSS = """
    PgpKeysPane DataTable { height: auto; max-height: 8; }
    PgpKeysPane #verdict { height: auto; margin-bottom: 1; }
    PgpKeysPane TextArea { height: 4; border: round $border-blurred; padding: 0; }
    PgpKeysPane TextArea:focus { border: round $accent; }
    PgpKeysPane #buttons { height: 1; }
    PgpKeysPane Button { margin-right: 2; min-width: 0; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.names = list(pgp_keys.people_of(opening.context))
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
        table = self.query_one("#people", Table)
        table.add_column("Person")
        table.add_column("Verdict", width=len("✗ not taken"))
        table.add_column("Key", width=_KEY_WIDTH)  # last: a long name cuts it off, and it is told below
        self.query_one(".mailbox").display = self.context.world.mailbox is not None
        self._fill()
        drafted = self.opening.draft.get("texts", {})
        self.run_move(
            "gather", lambda report: pgp_keys.gather(drafted, self.context, report), self._begin, looks=True
        )

    def _begin(self, gathered: Gathered) -> None:
        self._keys = {**gathered.keys, **self._keys}
        self._present = gathered.present
        self._fill()
        self._remember()
        self._go_on()

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
            table.add_row(who, _row_mark(key), f"{key.algorithm}  …{key.fingerprint[-8:]}", key=name)
        if self.names:
            table.move_cursor(row=min(row, len(self.names) - 1))
        self._tell()

    @on(Table.RowHighlighted)
    def _tell(self) -> None:
        name = self.person()
        lines = _refusal_lines(self._refused[name]) if name in self._refused else []
        lines += _told(self._keys[name]) if name in self._keys else [] if lines else [_hint(name)]
        lines += _present_lines(self._present.get(name, ()))
        self.query_one("#verdict", Text).update("\n".join(lines))

    def person(self) -> str:
        table = self.query_one("#people", Table)
        return self.names[table.cursor_row] if table.row_count else ""

    # -- what is taken in --------------------------------------------------------------------------

    def _take(self, work: Move, *, goes_on: bool = False) -> None:
        self.run_move(_TAKE, work, partial(self._took, goes_on=goes_on), looks=True)

    @on(Button.Pressed, "#take")
    def _take_wanted(self) -> None:
        self._take_pasted(goes_on=False)

    def _take_pasted(self, *, goes_on: bool) -> None:
        text, names = self.query_one(TextArea).text, self._names_marked_first()
        if not text.strip():
            self.notify("Paste the key or the message first.", severity="warning")
            self.query_one(TextArea).focus()
            return
        self._take(lambda report: pgp_keys.take_in_typed(text, names, self.context, report), goes_on=goes_on)

    @on(KeyArea.TooLarge)
    def _refuse_size(self, message: KeyArea.TooLarge) -> None:
        self._take(lambda _report: _refuse(message.size))

    @on(Input.Submitted, "#file")
    def _open_file(self, event: Input.Submitted) -> None:
        path, names = event.value.strip(), self._names_marked_first()
        if path:
            self._take(lambda report: pgp_keys.take_in_file(path, names, self.context, report))

    def _names_marked_first(self) -> list[str]:
        return sorted(self.names, key=lambda name: name != self.person())

    @on(Button.Pressed, "#fetch")
    def _fetch(self) -> None:
        names, person = self.names, self.person()
        self._take(lambda report: pgp_keys.take_in_mail(names, person, self.context, report))

    def advance(self) -> None:
        """What was pasted is taken in first; if it was the last one missing, Next continues with it."""
        if self.query_one(TextArea).text.strip():
            self._take_pasted(goes_on=True)
        else:
            self._confirm_and_go_on()

    @on(Button.Pressed, "#invite")
    def action_invite(self) -> None:
        """Make the invitation for the selected person, and hand it out."""
        name = self.person()
        self.run_told(lambda _report: f"Invitation. {pgp_keys.invite(name, self.context)}")

    def action_owner_text(self) -> None:
        """Copy what to tell the owner of the selected person's key."""
        name = self.person()
        refused, key = self._refused.get(name), self._keys.get(name)
        words = refused.for_owner if refused else key.verdict.sentence_for_owner if key else None
        if words is None:
            self.notify("There is no key yet to tell its owner anything about; i makes an invitation.")
            return
        self._hand_out(text_of(words), f"about-your-key-{name}.txt")

    def _hand_out(self, text: str, file_name: str) -> None:
        self.run_told(lambda _report: pgp_keys.hand_out(text, file_name, self.context))

    @on(Button.Pressed, "#layer")
    def action_layer_keys(self) -> None:
        """Judge every key file that lies in the layers, and show them."""

        def show(rows: Sequence[PresentKey]) -> None:
            self.app.push_screen(LayerKeys(rows, self._tell_owner))

        self.run_move("look", lambda report: pgp_keys.present_keys(self.context, report), show, looks=True)

    # -- what came of it ---------------------------------------------------------------------------

    def _tell_owner(self, row: PresentKey) -> None:
        self._hand_out(
            text_of(row.verdict.sentence_for_owner), f"about-your-key-{row.file.rpartition('/')[2]}.txt"
        )

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

        ask(self, Confirm(f"A new key for {name}?", _proposal(taken), "To Project"), replace)

    @on(StepPane.MoveFailed)
    def _not_taken(self, message: StepPane.MoveFailed) -> None:
        """A text that can't be used stays to be fixed; a secret key does not."""
        if isinstance(message.error, SecretKeyGiven):
            self.query_one(TextArea).load_text("")
        self.mark_refused_text()
        if isinstance(message.error, KeyRefused) and message.name == _TAKE:
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
        ask(self, Confirm(title, _replacing(key), "Replace", typed=key.name), confirmed)

    def request(self) -> Request:
        keys = {name: key for name, key in self._keys.items() if name in self.names}
        confirmed = (one.name for one in keys.values() if self._confirmed.get(one.name) == one.fingerprint)
        return Request(keys, frozenset(confirmed))

    def draft(self) -> Mapping[str, Any]:
        return {"texts": {name: key.text for name, key in self._keys.items()}}


def _row_mark(key: TakenKey) -> str:
    """The verdict in a person's row, where a key that replaces another one is marked as well."""
    return "! replaces" if key.accepted and key.replacement else str(key.mark)


def _hint(name: str) -> str:
    """What to do for a person whose key is missing; "" is nobody."""
    if not name:
        return "Nobody joins or gets a new key. Go back to the Project step to say who does."
    return f"{name}: paste or open what they sent; or Tab to Invite, which makes a text to send them."


def _told(key: TakenKey) -> list[str]:
    """All that is to be said about a key that was taken in."""
    lines = [f"{key.mark.sign} {joined((f'{key.verdict.headline}.', key.verdict.explanation))}"]
    lines += [f"! {words}" for words in key.verdict.warnings]
    lines += _told_replacement(key.replacement) if key.replacement else []
    expires = f"{key.expires:%Y-%m-%d}" if key.expires else "never"
    lines += [
        ", ".join(key.user_ids),
        f"{grouped(key.fingerprint)} (fingerprint)",
        f"Expires {expires}; {key.origin}",
    ]
    return [*lines, "o copies a text for its owner."]


def _told_replacement(replaced: Replacement) -> list[str]:
    lines = [f"! Replaces another key in {words}" for words in replaced.told]
    lines += [f"= {account} has this very key already; its file stays." for account in replaced.unchanged]
    return lines + [f"! {words}" for words in replaced.by_hand]


def _refusal_lines(error: OnboardError) -> list[str]:
    """Why the last text for a person can't be used."""
    return [f"✗ {error.title}. {error.what}", "o copies a text for the person who sent it."]


def _present_lines(rows: Sequence[PresentKey]) -> list[str]:
    """What lies in the layers of a person already, a line a file."""
    return [f"In {row.account} now: {row.mark.sign} {row.file}, {_present_words(row)}" for row in rows]


def _present_words(row: PresentKey) -> str:
    """A key file that is there, in a few words."""
    parts = [text_of(row.verdict.headline).lower(), *filter(None, [row.algorithm])]
    if row.expires:
        parts.append(f"{'expires SOON, on' if row.soon else 'until'} {row.expires:%Y-%m-%d}")
    if len(row.users) > 1:
        parts.append(f"shared by {', '.join(row.users)}")
    if row.same:
        parts.append(f"the same key as {', '.join(row.same)}")
    return ", ".join(parts)


def _choice_lines(key: TakenKey) -> str:
    """A key among several, in three lines: whose, what it is, and its fingerprint."""
    fits = " (this name)" if key.likeness is Likeness.FULL else ""
    whose = listed(key.user_ids, 1) or "no user id"
    until = f"until {key.expires:%Y-%m-%d}" if key.expires else "without expiry"
    verdict = f"{key.mark.sign} {key.verdict.headline}"
    return f"{whose}{fits}\n    {key.algorithm}, {until}; {verdict}\n    {grouped(key.fingerprint)}"


def _proposal(taken: Taken) -> str:
    """What is asked about somebody who is in a layer already and sent a key."""
    key = taken.keys[taken.replaces]
    asks = "asks for a replacement" if taken.asked else "sent another key"
    because = f"Their reason: {taken.reason}\n" if taken.reason else ""
    return (
        f"{taken.replaces} is in a layer already and {asks}.\n{because}"
        f"{key.algorithm}, {', '.join(key.user_ids)}\nFingerprint {grouped(key.fingerprint)}\n\n"
        "The Project step opens with this person under “New PGP key for?”; the key is kept for this step."
    )


def _replacing(key: TakenKey) -> str:
    """What a new key resets, by name, for the question that wants the typed name."""
    resets = key.replacement.told if key.replacement else ()
    return (
        "The next apply resets these, and the ones in use stop working:\n"
        + "".join(f"  {text_of(words)}\n" for words in resets)
        + f"New key {key.algorithm}, fingerprint\n  {grouped(key.fingerprint)}"
    )


def _refuse(size: int) -> Taken:
    raise KeyTooLarge(size=size, limit=KEYRING_LIMIT)
