"""The keys' page: one person after the other, and a question about each fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events, getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from screens.step.page import MORE, YOURS, Move, Opening, Primary, StepPane, Turn
from screens.widgets.dialogs import Confirm, Dialog, Notice, ask, tell
from screens.widgets.fields import Answer, Choices, Field
from screens.widgets.lists import Table, show_unless_certain
from screens.widgets.text import (
    LINE_CELLS,
    Button,
    ButtonRow,
    Lines,
    OptionList,
    ScrollBody,
    Text,
    short,
    shortened,
)
from workflows.core.grouping import by_key
from workflows.core.openpgp import grouped, in_two_lines
from workflows.core.sentences import (
    Cancelled,
    Problem,
    Sentence,
    count,
    day,
    joined,
    listed,
    moment_text,
    text_of,
)
from workflows.gpg.many_keys import Likeness
from workflows.gpg.normalise import KEYRING_LIMIT
from workflows.gpg.refusals import KeyRefused, KeyTooLarge, SecretKeyGiven
from workflows.layer.names import is_machine_name
from workflows.messages.file_names import reply_file
from workflows.steps.admin import edits, pgp_keys
from workflows.steps.admin.suspect_keys import how_to_compare
from workflows.steps.decisions import Comparison
from workflows.steps.shared.module import Report
from workflows.steps.shared.paths import is_path
from workflows.steps.shared.to_send import ToSend, hand_out


class KeyChoice(Dialog[pgp_keys.TakenKey]):
    """Asks which of several keys is a person's; the best match is preselected.

    Args:
        name: the person.
        keys: the keys, the most likely first.
    """

    AUTO_FOCUS = "#keys"
    DEFAULT_CSS = """
    KeyChoice > Vertical { width: 78; max-width: 98%; }
    KeyChoice Choices { max-height: 15; }
    """

    def __init__(self, name: str, keys: Sequence[pgp_keys.TakenKey]) -> None:
        super().__init__(
            f"Which of these {len(keys)} keys is for {name}?",
            "",
            Button("Use this key", id="take", variant="primary"),
            close="Use none",
            body=[Choices([Answer(key.fingerprint, _choice_lines(key)) for key in keys], id="keys")],
        )
        self._keys = {key.fingerprint: key for key in keys}

    @on(OptionList.OptionSelected, "#keys")
    def action_take(self) -> None:
        self.dismiss(self._keys[self.query_one(Choices).value])


class LayerKeys(Dialog[bool]):
    """Every key file in the layers, with its verdict.

    Args:
        rows: the files, the worst first.
        copy: copies a text for the owner of a key, in the background.
    """

    AUTO_FOCUS = "#files"
    DEFAULT_CSS = """
    LayerKeys > Vertical { width: 96%; max-width: 116; }
    LayerKeys Table { height: 1fr; min-height: 4; }
    LayerKeys #about { margin-top: 1; }
    """

    _table = getters.query_one("#files", Table)

    def __init__(
        self, rows: Sequence[pgp_keys.PresentKey], copy: Callable[[pgp_keys.PresentKey], None]
    ) -> None:
        bad, soon = sum(not row.accepted for row in rows), sum(row.soon for row in rows)
        super().__init__(
            "Key files in the layers",
            "",
            Button("Copy note to owner", id="owner", key="o"),
            body=(
                Text(f"{len(rows)} key files, {bad} unusable, {soon} expired or expiring soon"),
                Table(id="files", cursor_type="row"),
                Lines(id="about"),
            ),
            classes="-tall",
        )
        self._rows = rows
        self._copy = copy

    def on_mount(self) -> None:
        table = self._table
        table.add_columns("File", "Layer", "Verdict", "Expires", "Used by")
        for number, row in enumerate(self._rows):
            until = day(row.expires) if row.expires else "never" if row.algorithm else "-"
            expires = f"! {until}" if row.soon else until
            name = row.file.removeprefix("keys/")
            users = ", ".join(row.users) or "nobody"
            table.add_row(name, row.account, str(row.mark), expires, users, key=str(number))
        self._tell()

    @property
    def _marked(self) -> pgp_keys.PresentKey | None:
        return self._rows[self._table.cursor_row] if self._table.row_count else None

    @on(Table.RowHighlighted, "#files")
    def _tell(self) -> None:
        row = self._marked
        lines = ["There are no key files in these layers."]
        if row is not None:
            users = f"used by {listed(row.users, _USERS_NAMED) or 'nobody'}"
            contents = (f"{_present_words(row)}, {users}", ", ".join(row.user_ids), grouped(row.fingerprint))
            lines = [
                f"{row.mark.sign} {row.verdict.explanation}",
                *(f"! {words}" for words in row.verdict.warnings),
                *(f"  {words}" for words in contents if words),
            ]
        self.query_one("#about", Lines).show_lines(lines)
        self.query_one("#owner").display = row is not None and bool(row.verdict.sentence_for_owner)

    def action_owner(self) -> None:
        """Copy the message to the owner of the selected key, if there is one."""
        if (row := self._marked) is not None and row.verdict.sentence_for_owner:
            self._copy(row)


_TAKE, _GATHER = "take", "gather"
_IN_USE = "{name} already uses this key: nothing to replace. Invite {name} to send a new one."


class KeyArea(TextArea):
    """A text area that rejects text larger than any keyring, whose layout would take minutes."""

    @dataclass
    class TooLarge(Message):
        """That many characters were pasted."""

        size: int

    class PathEntered(Message):
        """Enter was pressed behind the path of a file or folder."""

    @dataclass
    class RowWanted(Message):
        """In the empty field, the key for the person that many rows below was pressed."""

        down: int

    def __init__(self, home: Path, *, several: bool) -> None:
        placeholder = "↑ ↓ select another person" if several else ""
        super().__init__(id="pasted", tab_behavior="focus", placeholder=placeholder)
        self._home = home

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()  # the pane passes a paste to this field, and would do so again
        event.text = event.text.rstrip("\r\n")  # otherwise its last line is empty, and the only one in view
        if len(self.text) + len(event.text) > KEYRING_LIMIT:
            event.prevent_default()  # otherwise Textual calls the base class's handler next, which inserts it
            self.post_message(self.TooLarge(len(event.text)))

    def action_cursor_up(self, select: bool = False) -> None:  # noqa: FBT001 - Textual's
        """Go up a line; from the empty field to the person above."""
        if self.text:
            super().action_cursor_up(select)
        else:
            self.post_message(self.RowWanted(-1))

    def action_cursor_down(self, select: bool = False) -> None:  # noqa: FBT001 - Textual's
        """Go down a line; from the empty field to the person below."""
        if self.text:
            super().action_cursor_down(select)
        else:
            self.post_message(self.RowWanted(1))

    def action_delete_to_start_of_line(self) -> None:
        """Empty the field: a long path wraps, and only its last line may be in view."""
        self.clear()

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter" and (not self.text or is_path(self.text, self._home)):
            event.stop()
            event.prevent_default()
            if self.text:
                self.post_message(self.PathEntered())


@dataclass(frozen=True)
class PutAside:
    """Why a person's last input isn't used.

    Attributes:
        why: for the page.
        for_owner: the message to its sender, or "".
        state: a word or two.
        text: the rejected text, while it is in the field; or "".
        key: the key, if only the answer about its fingerprint is against it.
        invites: whether to invite the person to send another.
    """

    why: Sentence
    for_owner: Sentence
    state: str = "✗ can't be used"
    text: str = ""
    key: pgp_keys.TakenKey | None = None
    invites: bool = False

    def facts(self) -> Mapping[str, Any]:
        """Return what a draft keeps: never the text, which may be a secret key."""
        why, for_owner = text_of(self.why), text_of(self.for_owner)
        return {"why": why, "for_owner": for_owner, "state": self.state, "invites": self.invites}


_STATE_WIDTH = len("● request arrived")
_KEY_WIDTH = len("RSA 4096  …0123ABCD ")
"""Fixed, since a table filled twice before it is painted keeps the first widths."""
_FEWEST_ROWS = 3
"""The rows of a key's details, however small the terminal is."""
_LOOK_SECONDS = 2.0
_USERS_NAMED = 3
"""How many users of a key file to name."""


class PgpKeysPane(StepPane):
    """Accepts one person's key after the other, and asks for each whether its fingerprint was compared.

    Pasted text and opened files are for the person on the selected row.

    Attributes:
        names: the people whose keys are needed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "i", "invite", "Invite", id="keys.invite", tooltip="A text for somebody who hasn't sent a key"
        ),
        Binding("f", "fetch", "Read request", id="keys.fetch", tooltip="Read the request in the mailbox"),
        Binding("c", "compare", "Compare", id="keys.compare", tooltip="Compare the fingerprint again"),
        Binding("o", "owner_text", "Copy reply", id="keys.owner", tooltip="What to answer the sender"),
        Binding("l", "layer_keys", "Key files", id="keys.layer", tooltip="Check all key files in the layers"),
        Binding(
            "pagedown",
            "screen.page(1)",
            "Next lines",
            id="keys.down",
            show=False,
            priority=True,
            tooltip="More of the key",
        ),
        Binding(
            "pageup",
            "screen.page(-1)",
            "Previous lines",
            id="keys.up",
            show=False,
            priority=True,
            tooltip="Earlier lines of the key",
        ),
    ]
    NEXT_WAITS = True
    DEFAULT_CSS = """
    PgpKeysPane #taking, PgpKeysPane #comparing { height: auto; }
    PgpKeysPane #comparing, PgpKeysPane.-comparing #taking { display: none; }
    PgpKeysPane.-comparing #comparing { display: block; }
    PgpKeysPane DataTable { height: auto; max-height: 17vh; margin-bottom: 1; overflow-x: hidden; }
    PgpKeysPane.-small DataTable { max-height: 1000vh; margin-bottom: 0; }
    PgpKeysPane .about { height: auto; scrollbar-size-vertical: 1; }
    PgpKeysPane #comparing #reply { display: none; }
    PgpKeysPane.-replies #comparing #reply { display: block; }
    PgpKeysPane #verdict.-refused { color: $text-error; }
    PgpKeysPane TextArea { height: 3; }
    PgpKeysPane.-judged TextArea { height: 1; }
    PgpKeysPane.-tall TextArea { height: 3; }
    PgpKeysPane #fingerprint { width: auto; border: solid $border-blurred; padding: 0 3; text-style: bold; }
    PgpKeysPane .question { text-style: bold; }
    """

    _people = getters.query_one("#people", Table)

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.names = list(pgp_keys.people_of(opening.context))
        self._keys: dict[str, pgp_keys.TakenKey] = {}
        self._aside = {name: PutAside(**known) for name, known in opening.draft.get("aside", {}).items()}
        self._present: Mapping[str, tuple[pgp_keys.PresentKey, ...]] = {}
        self._confirmed = pgp_keys.confirmed_before(opening.context)
        self._answers = {**pgp_keys.compared_before(opening.context), **opening.draft.get("answers", {})}
        self._invited: dict[str, str] = dict(opening.draft.get("invited", {}))
        self._mail: Mapping[str, int] = {}
        self._gathered = False
        self._read_mail: dict[str, int] = dict(opening.draft.get("read", {}))
        self._replies: dict[str, str] = dict(opening.draft.get("replies", {}))
        self._comparing = ""
        self._due = set(opening.context.decisions.not_compared) if opening.done else set[str]()

    def compose_body(self) -> ComposeResult:
        with Vertical(id="taking"):
            yield Table(id="people", cursor_type="row")
            yield ScrollBody(Lines(id="verdict"), classes="about", can_focus=False)
            yield Text("", id="label")
            yield KeyArea(self.context.environment.home, several=len(self.names) > 1)
            yield ButtonRow(
                Button("Read request", id="fetch", key="f"),
                Button("Invite", id="invite", key="i"),
                Button("Compare", id="compare", key="c"),
                Button("Copy reply", id="owner", key="o"),
                Button("Key files", id="layer", key="l"),
            )
        with Vertical(id="comparing"):
            yield ScrollBody(Lines(id="about"), classes="about", can_focus=False)
            yield Text("", id="fingerprint")
            yield Text("Is it the same?", classes="question")
            yield Field(Choices(deliberate=Comparison.LATER, id="same"))
            yield ButtonRow(Button("Copy reply", id="owner-compared", key="o"), id="reply")

    def on_mount(self) -> None:
        self._people.add_column("Person")
        self._people.add_column("Key", width=_STATE_WIDTH)
        self._people.add_column("", width=_KEY_WIDTH)  # last: a long name cuts it off, and it is shown below
        drafted, origins = (self.opening.draft.get(kept, {}) for kept in ("texts", "origins"))
        rejected = {
            name: known for name, (known, answer) in self._answers.items() if answer == Comparison.DIFFERS
        }
        self.run_move(
            _GATHER,
            lambda report: pgp_keys.gather(drafted, origins, rejected, self.context, report),
            self._begin,
            looks=True,
        )
        self._fill()
        if self.context.environment.mailbox is not None:
            self._look_for_mail()
            self.set_interval(_LOOK_SECONDS, self._look_for_mail)

    def _begin(self, gathered: pgp_keys.Gathered) -> None:
        self._present, self._gathered = gathered.present, True
        self._read_mail = {**gathered.old_mail, **self._read_mail}
        keys = gathered.keys
        if not self.opening.done:  # the current key, decided before another was requested, isn't new
            keys = {name: key for name, key in keys.items() if not (key.replacement and key.replacement.same)}
        for name, (fingerprint, answer) in self._answers.items():
            if answer == Comparison.DIFFERS and name in self.names:
                self._aside.setdefault(name, _differing(fingerprint))
        self._keep({**keys, **self._keys})
        self._remember()
        self._go_on()

    def _look_for_mail(self) -> None:
        self.run_worker(
            lambda: self.call_later(self._take_mail, pgp_keys.mail_for(self.context)),
            thread=True,
            group="mail",
            exclusive=True,
        )

    def _take_mail(self, mail: Mapping[str, int]) -> None:
        """Take in whose requests are in the mailbox, and their times."""
        if mail != self._mail and not self.context.leaving.is_set():
            self._mail, typing = mail, self.query_one(TextArea).has_focus
            self._fill()
            if typing and not self.query_one("#pasted").display:
                self.focus_primary()  # Next reads what arrived

    # -- display -----------------------------------------------------------------------------------

    def _fill(self) -> None:
        table = self._people
        row = table.cursor_row
        table.clear()
        rekeying = self.context.decisions.rekeying
        for name in self.names:
            table.add_row(f"{name} (new key)" if name in rekeying else name, *self._standing(name), key=name)
        if self.names:
            table.move_cursor(row=min(row, len(self.names) - 1))
        self._show_person()

    def _standing(self, name: str) -> tuple[str, str]:
        """Return the status of a person's key, and further details."""
        key = self._keys.get(name)
        about = f"{key.algorithm}  …{key.fingerprint[-8:]}" if key else ""
        if self._news(name):
            return "● request arrived", about
        if key:
            return _STATES[self._answer(key)], about
        if name in self._aside:
            return self._aside[name].state, ""
        if self.running_move == _GATHER:
            return "· looking", ""
        return "○ none yet", f"invitation {self._since(name)}" if name in self._invited else ""

    def _since(self, name: str) -> str:
        return moment_text(self._invited[name], self.context.environment.now()).removeprefix("today ")

    def _news(self, name: str) -> bool:
        """Return whether the mailbox has a request of this person that wasn't read here."""
        return self._gathered and name in self._mail and self._read_mail.get(name) != self._mail[name]

    def _answer(self, key: pgp_keys.TakenKey) -> str:
        """Return the answer about a key's fingerprint; "" for none yet."""
        fingerprint, answer = self._answers.get(key.name, ("", ""))
        return answer if fingerprint == key.fingerprint else ""

    def _first_open(self) -> pgp_keys.TakenKey | None:
        """Return the first key whose fingerprint is still to be asked about, or to be compared again."""
        keys = filter(None, map(self._keys.get, self.names))
        return next((key for key in keys if key.name in self._due or not self._answer(key)), None)

    @property
    def _missing(self) -> list[str]:
        return [name for name in self.names if name not in self._keys]

    def _first_missing(self) -> str:
        return next(iter(self._missing), "")

    @property
    def _first_news(self) -> str:
        """The first person without a key whose request is unread, or ""."""
        return next(filter(self._news, self._missing), "")

    @property
    def _to_invite(self) -> str:
        """The person to invite, who has sent nothing, the selected one first; or ""."""
        rejected = {name for name, entry in self._aside.items() if not entry.invites}
        asked = {*self._invited, *rejected, *filter(is_machine_name, self.names)}
        silent = [name for name in self._missing if name not in asked]
        return self.person() if self.person() in silent else next(iter(silent), "")

    @property
    def _to_answer(self) -> bool:
        """Whether the sender of an unusable text has had no reply yet."""
        name = self.person()
        return name in self._missing and self._reply(name) not in {"", self._replies.get(name)}

    @on(Table.RowHighlighted)
    def _show_person(self) -> None:
        name = self.person()
        key = self._keys.get(name)
        news = self._news(name) and not key
        aside = None if news else self._aside.get(name)  # an unread request comes before the input of old
        lines = [f"✗ {text_of(aside.why)}"] if aside else []
        hint = f"{name}'s request is in the mailbox." if news else self._hint(name)
        lines += _summary(key, warns=not self.warned) if key else [] if lines else [hint]
        files = by_key((self._file_line(row, name), row.account) for row in self._present.get(name, ()))
        lines += [f"{words} (in {' and '.join(accounts)})" for words, accounts in files.items()]
        verdict = self.query_one("#verdict", Lines)
        verdict.show_lines(lines)
        verdict.set_class(aside is not None, "-refused")
        self.set_class(aside is not None or key is not None, "-judged")
        wanted = f"another key for {short(name)}" if key or aside else f"{short(name)}'s key"
        self.query_one("#label", Text).update(f"Paste {wanted}, the whole message, or a file path")
        self.show_parts(
            fetch=self._news(name) and not self._first_news,  # otherwise Next reads it
            invite=name and not (key or news or is_machine_name(name) or name == self._to_invite),
            compare=not news and self._comparable(name),
            owner=not news and self._reply(name),
        )
        self.set_class(bool(self._reply(name)), "-replies")
        self.query_one("#owner-compared", Button).label = f"Copy reply to {_owner(name)}"
        self.query("#label, #pasted").set(display=bool(name) and not news)
        self.primary_changed()

    def _show_problems(self, problems: Sequence[Problem]) -> None:
        super()._show_problems(problems)
        self._show_person()

    def _file_line(self, row: pgp_keys.PresentKey, name: str) -> str:
        """Describe a person's existing key file, above all if it has a key that was said to differ."""
        aside = self._aside.get(name)
        if not (aside and aside.key and aside.key.fingerprint == row.fingerprint):
            if name in row.users and (key := self._keys.get(name)) and row.fingerprint != key.fingerprint:
                return f"≠ {row.file} has another key, until Review writes this one"
            users = listed(row.users, _USERS_NAMED) or "nobody"
            return f"{row.mark.sign} {row.file}, used by {users}: {_present_words(row)}"
        if row.account in self.context.of_each_item("applied"):
            return f"≠ {row.file} has it: its owner may read the password until you apply the right key"
        return f"≠ {row.file} still has it, until Review writes the right one"

    def _hint(self, name: str) -> str:
        """Return the instruction for a person whose key is missing; "" is nobody."""
        if self.running_move == _GATHER:
            return "Looking for keys that are here already …"
        if not name:
            return "Nobody joins or gets a new key. Go back to the Project step to say who does."
        if name in self._invited and self.context.environment.sandbox:
            return f"{name} is invited. F6 plays the other person, who sends a key."
        if name in self._invited:
            at = self._since(name)
            return f"You prepared {name}'s invitation ({at}). Paste the key below when it arrives."
        new = " new" if name in self.context.decisions.rekeying else ""
        if is_machine_name(name):
            return f"No{new} key yet. Paste the public key to encrypt its access key with."
        return f"No{new} key yet. Paste it below, or invite {name} to send one."

    def person(self) -> str:
        if self._comparing:
            return self._comparing
        return self.names[self._people.cursor_row] if self._people.row_count else ""

    def heading(self) -> Sentence:
        return f"Compare {self._comparing}'s fingerprint" if self._comparing else super().heading()

    def primary(self) -> Primary:
        """Return what is next: a comparison, the text, the mail, a fingerprint, a reply, an invitation."""
        if self._comparing:
            return self._primary_of_comparison()
        if self._text and self._whose_turn().yours:
            refused = self._text_refused
            effect = "Paste another key" if refused else "Check this key"
            return Primary(effect, ready=not refused, act=self._take_pasted)
        if news := self._first_news:
            return Primary(f"Read {short(news)}'s request", act=self.action_fetch)
        if unanswered := self._first_open():
            return Primary(f"Compare {short(unanswered.name)}'s key", act=partial(self._compare, unanswered))
        if self._to_answer:
            return Primary(f"Copy a reply to {_owner(self.person())}", act=self.action_owner_text)
        if uninvited := self._to_invite:
            return Primary(f"Invite {short(uninvited)}", act=partial(self._invite, uninvited))
        missing = len(self._missing)
        effect = f"{count(missing, 'key')} missing" if missing else f"Use {count(len(self.names), 'key')}"
        return Primary(effect, ready=bool(self.names) and not missing, act=self._confirm_and_go_on)

    @property
    def _text(self) -> str:
        return self.query_one(TextArea).text.strip()

    @property
    def _text_refused(self) -> bool:
        """Whether the text in the field was rejected."""
        return self.query_one(TextArea).text in [entry.text for entry in self._aside.values()]

    def _primary_of_comparison(self) -> Primary:
        match answer := self.query_one("#same", Choices).value:
            case Comparison.SAME if self._more_facts:
                show = partial(self._facts.scroll_page_down, animate=False)
                return Primary("Show the rest of the key first", act=show)
            case Comparison.SAME:
                effect = f"Use {short(self._comparing)}'s key"
            case Comparison.LATER:
                effect = "Compare later"
            case Comparison.DIFFERS:
                effect = "Set this key aside"
            case _:
                effect = f"Use {short(self._comparing)}'s key: compare first"
        return Primary(effect, ready=bool(answer), act=self._answered)

    @property
    def _facts(self) -> ScrollBody:
        """The container of the key details on the page."""
        return self.query_one(f"#{'comparing' if self._comparing else 'taking'} .about", ScrollBody)

    @property
    def _more_facts(self) -> bool:
        """Whether more key details are below the visible part."""
        return self._facts.scroll_offset.y < self._facts.max_scroll_y

    def turn(self) -> Turn:
        turn = self._whose_turn()
        return MORE if turn is YOURS and self._more_facts else turn

    def _whose_turn(self) -> Turn:
        missing = self._first_missing()
        if self._comparing or (self._text and not self._text_refused):
            return YOURS
        if self._first_news:
            return Turn("A request is here")
        if another := next(filter(self._news, self.names), ""):
            return Turn(f"{short(another)} sent another request")
        unanswered = [name for name in self._aside if self._reply(name) != self._replies.get(name)]
        if missing and not self._first_open() and not self._to_invite and not unanswered:
            alone = len(self._missing) == 1 and not is_machine_name(missing)
            awaited = (
                f"{short(missing)}'s turn" if alone else f"Waiting for {count(len(self._missing), 'key')}"
            )
            return Turn(awaited, yours=False)
        return YOURS

    @on(ScrollBody.Seen)
    def watch_virtual_size(self) -> None:
        """Give the key's details the rows that the rest of the page leaves."""
        self.call_after_refresh(self._make_room)

    def _make_room(self) -> None:
        facts, foot = self._facts, self.query_one(".pane-foot")
        end = self.query_one("#comparing" if self._comparing else "#taking").virtual_region.bottom
        others = end - facts.outer_size.height + foot.outer_size.height
        facts.styles.max_height = max(_FEWEST_ROWS, self.size.height - others)

    @on(TextArea.Changed, "#pasted")
    def _forget_refused(self) -> None:
        """Forget why a text was rejected, together with the text, but not which key differs."""
        text = self.query_one(TextArea).text
        over = {name: entry for name, entry in self._aside.items() if entry.text not in {"", text}}
        for name, entry in over.items():
            del self._aside[name]
            if entry.key:
                self._aside[name] = _differing(entry.key.fingerprint, entry.key)
        if over:
            self._fill()

    @on(KeyArea.RowWanted)
    def _to_row(self, message: KeyArea.RowWanted) -> None:
        self._people.move_cursor(row=self._people.cursor_row + message.down)

    # -- accepting keys ----------------------------------------------------------------------------

    def _take(self, work: Move) -> None:
        self.run_move(_TAKE, work, self._took, looks=True)

    @on(KeyArea.PathEntered)
    def _take_pasted(self) -> None:
        text = self.query_one(TextArea).text
        names = sorted(self.names, key=lambda name: name != self.person())  # the selected one first

        def work(report: Report) -> pgp_keys.Taken:
            self._read_mail |= pgp_keys.requests_at(text, names, self.context)
            return pgp_keys.take_in_typed(text, names, self.context, report)

        self._take(work)

    @on(KeyArea.TooLarge)
    def _refuse_size(self, message: KeyArea.TooLarge) -> None:
        self._take(lambda _report: _refuse(message.size))

    @on(Button.Pressed, "#fetch")
    def action_fetch(self) -> None:
        """Read the requests in the mailbox that weren't read before."""
        names = [*filter(self._news, self.names)]
        self._read_mail |= self._mail
        self._take(lambda report: pgp_keys.take_in_mail(names, self.context, report))

    def _invite(self, name: str) -> None:
        """Select a person and write the invitation."""
        self._people.move_cursor(row=self.names.index(name))
        self.action_invite()

    @on(Button.Pressed, "#invite")
    def action_invite(self) -> None:
        """Write the invitation for the selected person, and hand it out."""
        name = self.person()

        def invited(invitation: ToSend) -> None:
            said = show_unless_certain(self, invitation, self.context.environment)
            self._invited[name] = self.context.environment.now().isoformat()
            if self._text_refused:
                self.query_one(TextArea).load_text("")
            self._aside.pop(name, None)
            self._fill()
            self.keep_draft()
            self.notify(f"The invitation is ready. {said}", timeout=8)  # from now on the list says it

        self.run_move("invite", lambda _report: pgp_keys.invite(name, self.context), invited)

    @on(Button.Pressed, "#owner")
    @on(Button.Pressed, "#owner-compared")
    def action_owner_text(self) -> None:
        """Copy the message to the owner of the selected person's key."""
        name = self.person()
        reply, usable = self._reply(name), self._input(name)[0] is None
        give = hand_out if usable else partial(pgp_keys.send, name)  # it asks the sender for something

        def replied(_report: Report) -> Sentence:
            said = self._hand_out(f"The reply to {name}", reply, name, give)
            self._replies[name] = reply
            return said

        self.show_result_of(replied)

    def _input(self, name: str) -> tuple[PutAside | None, pgp_keys.TakenKey | None]:
        """Return why a person's last input isn't used, and their key, by the answer that is chosen now."""
        if self._comparing and (compared := self._comparable(name)):
            differs = self._chosen_answer(compared) == Comparison.DIFFERS
            return _differing(compared.fingerprint) if differs else None, compared
        return self._aside.get(name), self._keys.get(name)

    def _reply(self, name: str) -> str:
        """Return the reply to the sender of the last input, or ""."""
        aside, key = self._input(name)
        return text_of(aside.for_owner if aside else key.verdict.sentence_for_owner if key else "")

    def _hand_out(self, title: str, text: str, name: str, give: Callable[..., ToSend] = hand_out) -> Sentence:
        """Hand out a text about a key, and return where it is, and how it begins."""
        environment = self.context.environment
        said = show_unless_certain(self, give(title, text, reply_file(name), environment), environment)
        return f"{said} “{text.partition('. ')[0]} …”"

    @on(Button.Pressed, "#layer")
    def action_layer_keys(self) -> None:
        """Judge every key file in the layers, and show them."""
        self.run_move(
            "look",
            lambda report: pgp_keys.present_keys(self.context, report),
            lambda rows: self.app.push_screen(LayerKeys(rows, self._tell_owner)),
            looks=True,
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Let a key do what its button does, and nothing without the button."""
        if action not in _BUTTONS:
            return True
        if self._comparing:
            return action == "owner_text"
        return all(button.display for button in self.query(f"#{_BUTTONS[action]}"))

    # -- results -----------------------------------------------------------------------------------

    def _tell_owner(self, row: pgp_keys.PresentKey) -> None:
        file = row.file.rpartition("/")[2]
        note = text_of(row.verdict.sentence_for_owner)
        tell(self, lambda: self._hand_out(f"About {file}", note, file))

    def _took(self, taken: pgp_keys.Taken) -> None:
        self.show_problems([])
        self.drop_result()
        if taken.unmatched:
            self.app.push_screen(Notice("Not added", joined(taken.unmatched, "\n")))
        if taken.replaces:
            self._propose(taken)  # after a no the text is still there
            return
        self.query_one(TextArea).load_text("")
        for name, keys in taken.choices.items():
            ask(self, KeyChoice(name, keys), self._chosen)
        texts = {name: key.text for name, key in self._keys.items()}
        there = [name for name, key in taken.keys.items() if texts.get(name) == key.text]
        if there:
            self.notify(f"You have this key of {joined(there, ' and ')} already.")
        in_use = [name for name, key in taken.keys.items() if key.replacement and key.replacement.same]
        self._keep({name: key for name, key in taken.keys.items() if name not in {*there, *in_use}})
        for name in in_use:
            self._invited.pop(name, None)
            self._aside[name] = PutAside(_IN_USE.format(name=name), "", "= in use already", invites=True)
        self._fill()
        self._go_on_with({name: key for name, key in taken.keys.items() if name not in there})

    def _chosen(self, key: pgp_keys.TakenKey) -> None:
        self._keep({key.name: key})
        self._go_on_with({key.name: key})

    def _go_on_with(self, keys: Mapping[str, pgp_keys.TakenKey]) -> None:
        """Ask again about a key that was said to differ and came again; meanwhile it isn't used."""
        self._replies = {name: text for name, text in self._replies.items() if name not in keys}
        if again := next((key for key in keys.values() if self._answer(key) == Comparison.DIFFERS), None):
            self._compare(again)
        else:
            self._go_on(next((name for name in keys if name in self._aside), ""))

    def _keep(self, keys: Mapping[str, pgp_keys.TakenKey]) -> None:
        """Keep usable keys; for others note why not, and the message to their owner."""
        for name, key in keys.items():
            self._keys.pop(name, None)
            self._aside.pop(name, None)
            differs = self._answer(key) == Comparison.DIFFERS
            if differs:
                self._aside[name] = _differing(key.fingerprint, key)
            # once every apply of a key is over, an answer about it holds back nothing else
            over = differs and self._decided(key) and edits.applied_everywhere(name, self.context)
            if over or (key.accepted and not differs):
                self._keys[name] = key
            elif not differs:
                why = joined((f"Can't use this key ({key.verdict.headline}).", key.verdict.explanation))
                self._aside[name] = PutAside(why, key.verdict.sentence_for_owner)
        self._fill()

    def _decided(self, key: pgp_keys.TakenKey) -> bool:
        """Return whether the step has recorded this key."""
        decided = self.context.decisions.keys.get(key.name)
        return decided is not None and decided.fingerprint == key.fingerprint

    def _propose(self, taken: pgp_keys.Taken) -> None:
        """Ask about a key from an existing user: the Project step decides on replacing it."""
        name, key = taken.replaces, taken.keys[taken.replaces]

        def replace(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self._keys[name] = key
            self.keep_draft()
            rekeying = [*self.context.decisions.rekeying, name]
            self.post_message(self.StepWanted("project", {"rekeying": rekeying}))

        ask(self, Confirm(f"A new key for {name}?", _proposal(taken), "To Project", no="Not now"), replace)

    @on(StepPane.MoveFailed)
    def _not_taken(self, message: StepPane.MoveFailed) -> None:
        """Leave an unusable text to be fixed, except a secret key."""
        error = message.error
        if message.name == _GATHER:
            self.call_later(self._fill)
        if message.name != _TAKE or isinstance(error, Cancelled):
            return
        message.handled = True
        area = self.query_one(TextArea)
        if isinstance(error, SecretKeyGiven):
            area.load_text("")
        for_owner = error.for_owner if isinstance(error, KeyRefused) else ""
        aside = self._aside.get(name := self.person())
        self._aside[name] = PutAside(error.brief, for_owner, text=area.text, key=aside.key if aside else None)
        self._fill()
        self.mark_refused_text()
        area.focus()

    def _go_on(self, rejected: str = "") -> None:
        """Ask about the next fingerprint, or else select the next person whose key is missing.

        Args:
            rejected: the person whose key has just turned out to be unusable, as the page explains; or "".
        """
        unanswered, missing = self._first_open(), rejected or self._first_news or self._first_missing()
        if unanswered and self.opened:
            self._compare(unanswered)
            return
        if missing:
            self._people.move_cursor(row=self.names.index(missing))
            if self._news(missing):
                self.focus_primary()
            else:
                self.query_one(TextArea).focus()
        else:
            self._people.focus()

    # -- comparing a fingerprint -------------------------------------------------------------------

    @on(Table.RowSelected, "#people")
    @on(Button.Pressed, "#compare")
    def action_compare(self) -> None:
        """Compare the fingerprint of the selected person's key, again if necessary."""
        if key := self._comparable(self.person()):
            self._compare(key)

    def _comparable(self, name: str) -> pgp_keys.TakenKey | None:
        """Return the key whose fingerprint can be compared, even if it was said to differ."""
        aside = self._aside.get(name)
        return self._keys.get(name) or (aside.key if aside else None)

    def _compare(self, key: pgp_keys.TakenKey) -> None:
        self._turn_to(key.name)
        others = [other.name for other in self._keys.values() if other.fingerprint == key.fingerprint]
        same = [f"! {other} has the same key." for other in others if other != key.name]
        differed = self._answer(key) == Comparison.DIFFERS
        doubts = [*([_DOUBTED] if differed else []), *same]
        self.query_one("#about", Lines).show_lines(
            [*doubts, *_comparison_lines(key, self.content_size.width)]
        )
        self._facts.scroll_home(animate=False)
        shown = in_two_lines(key.fingerprint)
        self.query_one("#fingerprint", Text).update(shown)
        question = self.query_one("#same", Choices)
        another = "get another one" if is_machine_name(key.name) else f"{short(key.name)} sends another one"
        question.ask(
            (
                Answer(
                    Comparison.SAME,
                    f"Yes, all {len(shown.split())} groups",
                    _COMPARED_COPY if is_machine_name(key.name) else "compared in a call or in person",
                ),
                Answer(Comparison.LATER, "Not yet", _STAYS_ASIDE if differed else _REMINDED),
                Answer(Comparison.DIFFERS, "No, it differs", f"set it aside; {another}"),
            ),
            self._answer(key),
        )
        question.focus()

    def _chosen_answer(self, key: pgp_keys.TakenKey) -> str:
        """Return the answer that is chosen, or ""; after *Not yet*, a key that differs still does."""
        answer = self.query_one("#same", Choices).value
        stands = answer == Comparison.LATER and self._answer(key) == Comparison.DIFFERS
        return Comparison.DIFFERS if stands else answer

    def _turn_to(self, name: str) -> None:
        """Compare this person's key; "" goes back to accepting keys."""
        self._comparing = name
        self._show_person()
        self.set_class(bool(name), "-comparing")
        why = how_to_compare(name) if name else self.opening.step.purpose
        self.query_one(".pane-purpose", Text).update(why)
        self.show_problems([])

    @on(Choices.OptionSelected, "#same")
    def _chose(self) -> None:
        self.show_problems([])

    def _answered(self) -> None:
        key = self._comparable(self._comparing)
        if key is None or not (answer := self._chosen_answer(key)):
            self.show_problems(
                [Problem("No answer is chosen yet: go to yours (↑ ↓), and press Space.", "same")]
            )
            return
        self._turn_to("")
        self._due.discard(key.name)
        self._set_answer(key, Comparison(answer))
        self.keep_draft()
        self._people.move_cursor(row=self.names.index(key.name))
        self._fill()
        without = key.name not in self._keys
        if without and self.opening.done:
            self.post_message(self.DoneNoMore())
        elif without and not self._first_open():
            self.query_one("#owner").focus()
        elif self._first_missing() or self._first_open():
            self._go_on()
        else:
            self._confirm_and_go_on()

    def _set_answer(self, key: pgp_keys.TakenKey, answer: Comparison) -> None:
        """Take in an answer; record at once that a decided key differs, or that saying so was a slip."""
        before, unchanged = self._answer(key), not super().changed()
        self._answers[key.name] = (key.fingerprint, answer)
        self._keep({key.name: key})
        if Comparison.DIFFERS in {before, answer} and self._decided(key):
            self.post_message(self.Amended(partial(pgp_keys.with_answer, key.name, answer)))
            if unchanged:
                self._remember()

    @property
    def inside(self) -> bool:
        return bool(self._comparing)

    def go_back(self) -> None:
        """Go back from a fingerprint to the list of people."""
        self._due.clear()
        self._turn_to("")
        self._fill()
        self.query_one("#people").focus()

    # -- continuing --------------------------------------------------------------------------------

    def _confirm_and_go_on(self) -> None:
        """Have every replacement confirmed by typing its name, one after the other, then continue."""
        problems = pgp_keys.validate(pgp_keys.Request(self._keys, frozenset(self.names)), self.context)
        open_ones = [key for key in map(self._keys.get, self.names) if key and self._unconfirmed(key)]
        if any(problem.fatal for problem in problems):
            if missing := self._first_missing():
                self._people.move_cursor(row=self.names.index(missing))
            self.show_problems(problems)
        elif open_ones:
            self._ask(open_ones[0])
        else:
            self.submit()

    def _unconfirmed(self, key: pgp_keys.TakenKey) -> bool:
        return not _at_stake(key) <= self._confirmed.get(key.name, frozenset())

    def _ask(self, key: pgp_keys.TakenKey) -> None:
        def confirmed(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self._confirmed[key.name] = _at_stake(key)
            self._confirm_and_go_on()

        title = f"Replace the PGP key of {key.name}?"
        ask(self, Confirm(title, _replacing(key), "Replace", typed=key.name), confirmed)

    def changed(self) -> bool:
        """Return whether input, a fingerprint or anything else is open, even in a done step."""
        return bool(self._comparing or self._text) or super().changed()

    def request(self) -> pgp_keys.Request:
        keys = {name: key for name, key in self._keys.items() if name in self.names}
        confirmed = (name for name in self._confirmed if name in keys and not self._unconfirmed(keys[name]))
        said = {name: Comparison(answer) for name, key in keys.items() if (answer := self._answer(key))}
        return pgp_keys.Request(keys, frozenset(confirmed), said)

    @property
    def unkept(self) -> Sentence:
        """Warn about an unchecked text: it may be a secret key, so no draft has it."""
        return _UNCHECKED if self._text and not self._text_refused else ""

    def draft(self) -> Mapping[str, Any]:
        if self.opening.done and not super().changed():
            return {}  # an open comparison alone is no input
        differing = {name: entry.key for name, entry in self._aside.items() if entry.key}
        keys = {**differing, **self._keys}
        texts = {name: key.text for name, key in keys.items()}
        origins = {name: text_of(key.origin) for name, key in keys.items()}
        answers = {name: list(answer) for name, answer in self._answers.items()}
        arrived = [name for name in self._missing if self._news(name)]
        lasting = {name: entry for name, entry in self._aside.items() if not (entry.key or entry.text)}
        aside = {name: entry.facts() for name, entry in lasting.items()}
        replies = {name: text for name, text in self._replies.items() if text == self._reply(name)}
        kept = {"texts": texts, "origins": origins, "answers": answers, "invited": dict(self._invited)}
        return {**kept, "aside": aside, "replies": replies, "arrived": arrived, "read": self._read_mail}


_STATES = {
    "": "○ compare first",
    Comparison.SAME: "✓ compared",
    Comparison.LATER: "! not compared",
    Comparison.DIFFERS: "✗ differs",
}
_BUTTONS = {
    "invite": "invite",
    "fetch": "fetch",
    "compare": "compare",
    "owner_text": "owner",
    "layer_keys": "layer",
}
"""The button of each action."""
_COMPARED_COPY = "compared with your own copy or a colleague's"
_UNCHECKED = "What you pasted isn't checked, so it isn't kept: it could be a secret key. Check it first."
_DOUBTED = "! You said that this key differs. Compare it again before you say yes."
_REMINDED, _STAYS_ASIDE = "iam-onboard reminds you until you do", "it stays set aside"
_DIFFERS = "The fingerprint differs, so this is a different key. “Copy reply” (o) asks for the right one."


def _owner(name: str) -> str:
    """Name the sender of a key; a machine user's came from a colleague."""
    return "its owner" if is_machine_name(name) else short(name)


def _summary(key: pgp_keys.TakenKey, *, warns: bool) -> list[str]:
    """Describe a key in a few lines, for the list of people; `warns` unless the foot shows its warnings."""
    return [
        f"{key.mark.sign} {key.verdict.headline}: {', '.join(key.user_ids)}",
        *(f"! {warning}" for warning in key.verdict.warnings if warns),
        *_replaced_lines(key),
    ]


def _differing(fingerprint: str, key: pgp_keys.TakenKey | None = None) -> PutAside:
    return PutAside(_DIFFERS, pgp_keys.differs_words(fingerprint), "✗ differs", key=key)


def _comparison_lines(key: pgp_keys.TakenKey, width: int) -> list[str]:
    """Describe a key to compare; what a replacement resets is asked later."""
    replaced = key.replacement.in_use if key.replacement else ()
    expires = f"expires {day(key.expires)}" if key.expires else "never expires"
    return [
        f"{key.mark.sign} {', '.join(key.user_ids) or 'no user id'}",
        shortened(f"  {key.algorithm}, {expires}; from {key.origin}", width or LINE_CELLS),
        *(f"! {warning}" for warning in key.verdict.warnings),
        *([f"  Replaces the key in use in {', '.join(replaced)}."] if replaced else []),
        f"  {key.verdict.headline}. {key.verdict.explanation}",
    ]


def _replaced_lines(key: pgp_keys.TakenKey) -> list[str]:
    if key.replacement is None:
        return []
    lines = [
        *(f"! Replaces another key in {resets}" for resets in key.replacement.sentences),
        *(f"= {account} already has this key; its file stays." for account in key.replacement.unchanged),
    ]
    return lines + [f"! {place}" for place in key.replacement.by_hand]


def _present_words(row: pgp_keys.PresentKey) -> str:
    """Describe an existing key file in a few words."""
    parts = [] if row.expired else [text_of(row.glance).lower()]
    parts += filter(None, [row.algorithm])
    if row.expires:
        when = "expired on" if row.expired else "expires soon, on" if row.soon else "until"
        parts.append(f"{when} {day(row.expires)}")
    if row.same:
        parts.append(f"the same key as {', '.join(row.same)}")
    return ", ".join(parts)


def _choice_lines(key: pgp_keys.TakenKey) -> str:
    """Describe one of several keys in three lines: owner, kind and fingerprint."""
    fits = " (this name)" if key.likeness is Likeness.FULL else ""
    whose = listed(key.user_ids, 1) or "no user id"
    until = f"expires {day(key.expires)}" if key.expires else "never expires"
    verdict = f"{key.mark.sign} {key.verdict.headline}"
    return f"{whose}{fits}\n    {key.algorithm}, {until}; {verdict}\n    {grouped(key.fingerprint)}"


def _proposal(taken: pgp_keys.Taken) -> str:
    """Ask about an existing user who sent a key."""
    key = taken.keys[taken.replaces]
    asks = "asks for a replacement" if taken.asked else "sent another key"
    because = f"Their reason: {taken.reason}\n" if taken.reason else ""
    return (
        f"{taken.replaces} is in a layer already and {asks}.\n{because}{key.algorithm}, "
        f"{', '.join(key.user_ids)}\nFingerprint {grouped(key.fingerprint)}\n\nProject opens with this "
        "person under “Whose PGP key?”; iam-onboard keeps the key for this step."
    )


def _at_stake(key: pgp_keys.TakenKey) -> pgp_keys.AtStake:
    return pgp_keys.at_stake(key.fingerprint, key.replacement.resets if key.replacement else {})


def _replacing(key: pgp_keys.TakenKey) -> str:
    """Say what a new key resets, with names, for the question that requires typing the name."""
    resets = key.replacement.sentences if key.replacement else ()
    return (
        "The next apply does the following, and what is in use now stops working:\n"
        + "".join(f"  {text_of(words)}\n" for words in resets)
        + f"New key {key.algorithm}, fingerprint\n  {grouped(key.fingerprint)}"
    )


def _refuse(size: int) -> pgp_keys.Taken:
    raise KeyTooLarge(parts="bytes", count=size, limit=KEYRING_LIMIT)
