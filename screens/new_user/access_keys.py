"""The access keys' screen: where to keep the key comes first, then where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum, auto
from functools import partial
from typing import Any

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from screens.step.asking import BrowsingPane, SpareKeyPane
from screens.step.console_steps import SandboxPhone, create_access_key, done_before
from screens.step.page import YOURS, Opening, Primary, StepPane, Turn, is_displayed
from screens.widgets.checklist import Checklist
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
from screens.widgets.lists import MarkBox
from screens.widgets.parts import Part
from screens.widgets.text import LINE_CELLS, Button, ButtonRow, Lines, OptionList, Text, shortened, sized
from workflows.core.secret import Secret
from workflows.core.sentences import Problem, Sentence, capitalized, count, moment_text, text_of
from workflows.steps.new_user import access_keys
from workflows.steps.new_user.access_keys import API, CONSOLE, HANDOFF, KEPT, TYPED, Download, Request
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_access_key import (
    CREDENTIALS_FILE,
    PGP_FILE,
    VAULT,
    ForeignKey,
    KeyInHand,
    KeyPlace,
    StoreOption,
    load_key,
)
from workflows.steps.shared.own_identity import identity_of
from workflows.steps.shared.paths import existing_path
from workflows.stores.key_records import KeyRecord

_LOOK_SECONDS = 1.0
_BESIDE_CHOICE, _BESIDE_ANSWER = len("  ( ) "), len("  [ Change ]") + 1
"""The width beside the text of a choice, and of the answer that it became, including a scrollbar."""


class _Question(IntEnum):
    """The current question; NONE once both are answered."""

    KEPT = auto()
    HOW = auto()
    NONE = auto()


_PARTS: Mapping[str, Collection[str]] = {
    "console": {CONSOLE},
    "api": {API},
    "file": {CONSOLE, API},
    "delete": {CONSOLE},
    "typed": {TYPED},
    "code": {API},
    "phone": {CONSOLE, API},
    "handoff": {HANDOFF},
}
"""The ways that show each part, in order."""


class AccessKeysPane(BrowsingPane, SpareKeyPane):
    """Watches the downloads folder while open, and offers the file that appears."""

    WAY_OUT = "‹ Back"
    DEFAULT_CSS = """
    AccessKeysPane Vertical { height: auto; }
    AccessKeysPane .answer > Text { width: auto; max-width: 100%; margin-right: 2; }
    AccessKeysPane #way { margin-top: 1; }
    AccessKeysPane Checklist { margin-bottom: 1; }
    AccessKeysPane .words, AccessKeysPane #folder, AccessKeysPane #passed-over { height: auto; }
    AccessKeysPane #noticed { width: 1fr; }
    AccessKeysPane #passed-over, AccessKeysPane #readable, AccessKeysPane #skipped,
    AccessKeysPane #unusable { color: $text-warning; }
    AccessKeysPane #readable, AccessKeysPane #locked, AccessKeysPane.-done #skipped { display: none; }
    AccessKeysPane ButtonRow { margin: 0; }
    AccessKeysPane Button { margin-right: 2; }
    AccessKeysPane #kept-lines { margin-bottom: 1; }
    AccessKeysPane.-full Checklist, AccessKeysPane.-full > .pane-head { margin: 0; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._identity = identity_of(opening.context)
        known: Mapping[str, Any] = opening.context.facts.get("access_key") or {}
        kept = known.get("kept") or VAULT
        first = HANDOFF if self._identity.encrypted_secret else CONSOLE
        self._kept: KeyRecord | None = None
        self._kept_earlier = self._kept_rejected = False
        self._start: Mapping[str, Any] = {
            "kept": kept if kept in {CREDENTIALS_FILE, PGP_FILE} else VAULT,
            "how": known.get("how") or first,
            "path": "",
            "key_id": "",
            "delete_file": True,
            "foreign": [],
            "ticks": done_before(opening.context, "access_key"),
            "question": _Question.KEPT,
            **opening.draft,
        }
        asked = self._start["question"]
        self._question = next((question for question in _Question if question == asked), _Question.KEPT)
        self._stores: tuple[StoreOption, ...] = ()
        self._offered, self._begun = "", False
        self._found: tuple[Download, ...] = ()
        self._foreign = {*self._start["foreign"]}
        self._looking: Timer | None = None
        self._make_fields()

    def _make_fields(self) -> None:
        """Make what has values or changes, on the page or not yet."""
        environment, start = self.context.environment, self._start
        self._choices = {"kept": Choices(id="kept"), "how": Choices(self._ways(), id="how")}
        self._choices["how"].choose(str(start["how"]))
        self._answers = {name: Text("", id=f"{name}-answer") for name in self._choices}
        tasks = create_access_key(self.context, self._identity)
        self._tasks = Checklist(*tasks, ticks=start["ticks"], id="tasks")
        self._unusable, self._noticed = Lines(id="unusable"), Lines(id="noticed")
        folder = str(environment.downloads)
        self._copying = Button("Copy folder", id="copy-folder", act=lambda: self.copy_text(folder))
        words = "An older key can create a new one. Enter the file that has it."
        self._older = Text(words, id="older", classes="words")
        example = "for example  ~/Downloads/accessKeys.csv"
        hint = "the file's full path" if environment.sandbox else example
        self._path = PathField(start["path"], hint, id="path")
        self._delete = MarkBox(
            "Delete this file afterwards; backups may keep copies",
            value=bool(start["delete_file"]),
            id="delete-file",
        )
        self._key_id = KeyIdInput(str(start["key_id"]), id="key-id")
        self._secret = SecretInput(id="secret")
        self._passphrase = SecretInput("of your PGP key", id="passphrase")
        self._code = CodeField(environment.now, Wanted())

    def compose_body(self) -> ComposeResult:
        if self.opening.done:
            yield _kept_lines(self.context)
            yield Button("Keep another key", id="again")
        if "mfa" not in self.context.facts:
            yield Text(_WITHOUT_MFA, id="skipped")
        if not self._rests:
            yield from self._questions()

    def _questions(self) -> tuple[Widget, ...]:
        """Return both questions, their answers, and the ways."""
        change = Button("Change", id="change-kept", name="Change where to keep the key")
        change_how = Button("Change", id="change-how", name="Change where the key comes from")
        return (
            Vertical(
                Text("Where should iam-onboard keep the key?"),
                self._choices["kept"],
                Text("! Anyone who can read this file can use the key.", id="readable"),
                Text("", id="passed-over", classes="-empty"),
                ButtonRow(Button("Look again", id="look-again"), id="locked"),
                classes="asks-kept",
            ),
            ButtonRow(self._answers["kept"], change, classes="answer knows-kept"),
            Vertical(Text("Where does the key come from?"), self._choices["how"], classes="asks-how"),
            ButtonRow(self._answers["how"], change_how, classes="answer knows-how"),
            Vertical(*self._parts(), id="way"),
        )

    def _parts(self) -> Iterator[Part]:
        """Yield the parts of the ways."""
        typed = "The console shows both when you create a key, the secret only then."
        sent = "Your admin sent it, encrypted to your PGP key."
        widgets: dict[str, tuple[Widget, ...]] = {
            "console": (self._tasks, self._unusable, Horizontal(self._noticed, self._copying, id="folder")),
            "api": (self._older,),
            "file": (FieldRow("CSV file", self._path),),
            "delete": (self._delete,),
            "typed": (
                Text(typed, classes="words"),
                FieldRow("Access key id", self._key_id),
                FieldRow("Secret access key", self._secret),
            ),
            "code": (self._code,),
            "phone": (SandboxPhone(self.context.environment),),
            "handoff": (Text(sent, classes="words"), FieldRow("Passphrase", self._passphrase)),
        }
        return (Part(*widgets[name], id=f"way-{name}", shown=self._shows(name)) for name in _PARTS)

    def _shows(self, part: str) -> bool:
        return self._question is _Question.NONE and self._way in _PARTS[part]

    @property
    def _way(self) -> str:
        """Where the key comes from."""
        return self._choices["how"].value

    def _ways(self) -> tuple[Answer, ...]:
        ways = [
            Answer(CONSOLE, "Create it in the console and download the file"),
            Answer(TYPED, "Type it in"),
            Answer(API, "Create it here, with an older key and a code"),
        ]
        if self._identity.encrypted_secret:
            ways.insert(0, Answer(HANDOFF, "Decrypt the one in the handoff"))
        if self._kept is not None and self._kept_rejected:
            ways.append(Answer(KEPT, f"Use {self._kept.id}, kept here, which AWS rejected"))
        elif self._kept is not None and self._kept_earlier:
            ways.append(Answer(KEPT, f"Use {self._kept.id}, encrypted to your earlier PGP key"))
        elif self._kept is not None:
            ways.insert(0, Answer(KEPT, f"Use {self._kept.id}, already kept here"))
        return tuple(ways)

    def on_mount(self) -> None:
        self._ask(_Question.NONE if self.opening.done else self._question)
        if not self.opening.asks:
            self._look_for_stores()
            self._looking = self.set_interval(_LOOK_SECONDS, self._look_for_download)
        if self._rests:
            self.focus_primary()
        elif self._question is _Question.NONE:
            self._focus_way()
        else:
            self.query_one("#how" if self._question is _Question.HOW else "#kept").focus()

    # -- one question at a time --------------------------------------------------------------------

    @property
    def _rests(self) -> bool:
        """Whether nothing is asked: the step is done, or first asks how to continue with it."""
        return self.opening.asks or self.has_class("-done")

    def _ask(self, question: _Question) -> None:
        """Ask a question; earlier answers become a line each, and everything after it is hidden."""
        self._question = question
        if question is not _Question.NONE:
            self.drop_passphrase_question()
        for shown, selector in (
            (question is _Question.KEPT, ".asks-kept"),
            (question is not _Question.KEPT, ".knows-kept"),
            (question is _Question.HOW, ".asks-how"),
            (question is _Question.NONE, ".knows-how"),
            (question is _Question.NONE, "#way"),
        ):
            self.query(selector).set(display=shown and not self._rests)
        self._show_answers()

    def _show_answers(self) -> None:
        """Show the answers as far as they fit, with the change buttons in one column."""
        names, room = ("kept", "how"), self._width - _BESIDE_ANSWER
        statements = [capitalized(self._choices[name].statement) for name in names]
        answers = [shortened(statement, room) for statement in statements]
        width = max(map(cell_len, answers))
        for name, answer in zip(names, answers, strict=True):
            self._answers[name].update(sized(answer, width))

    @on(OptionList.OptionSelected, "Choices")
    def _answered(self) -> None:
        """Ask the next question, or show what to do."""
        self._begun = True
        if self._question is _Question.KEPT:
            self._ask_how()
        elif self._question is _Question.HOW:
            self.call_next(self._go_the_way)

    async def _go_the_way(self) -> None:
        self._ask(_Question.NONE)
        await self._show_way()
        if self._offered and self._way == CONSOLE:
            self.focus_primary()  # the file is here already
        else:
            self._focus_way()

    async def _show_way(self) -> None:
        """Show only the parts of the chosen way."""
        for name in _PARTS:
            await self.query_one(f"#way-{name}", Part).reveal(shown=self._shows(name))

    def _focus_way(self) -> None:
        """Focus what is first for the chosen way; of a checklist what isn't done."""
        if is_displayed(self._tasks) and self._tasks.focus_next():
            return
        fields = (
            widget
            for widget in self.query_one("#way").query("*")
            if widget.focusable and is_displayed(widget)
        )
        if (first := next(fields, None)) is not None:
            first.focus()
        else:
            self.focus_primary()

    @on(Checklist.Moved)
    def _at_the_file(self) -> None:
        """After the last click, go to the file's path, in case it isn't noticed automatically."""
        if self._tasks.query(".-current") and not self._tasks.query(".-current Button"):
            self._path.focus()

    @on(Button.Pressed, "#again")
    async def _keep_another(self) -> None:
        """Bring back a done step's questions on request."""
        self.remove_class("-done")
        self.query_one("#again").display = False
        await self.mount_all(self._questions(), before=".pane-foot")
        self._ask_where()
        self._look_for_stores()

    @on(Button.Pressed, "#change-kept")
    def _ask_where(self) -> None:
        self._ask(_Question.KEPT)
        self.query_one("#kept").focus()

    @on(Button.Pressed, "#change-how")
    def _ask_how(self) -> None:
        self._ask(_Question.HOW)
        self.query_one("#how").focus()

    @property
    def inside(self) -> bool:
        """Whether there is an answered question that Escape asks again."""
        return self._question is not _Question.KEPT and not (self._rests or self.running_move)

    def go_back(self) -> None:
        """Go back from the work to the way, and from there to the place."""
        if self._question is _Question.NONE:
            self._ask_how()
        else:
            self._ask_where()

    def primary(self) -> Primary:
        if self._question is not _Question.NONE:
            effect = "Keep it there" if self._question is _Question.KEPT else "Do it this way"
            return Primary(effect, act=self._answered)
        if self._lacks_file():
            return Primary("Download the file first", ready=False, act=self._path.focus)
        effects = {
            CONSOLE: "Import the file",
            TYPED: "Keep this key",
            API: "Create a new key",
            KEPT: "Use this key",
        }
        return Primary(effects.get(self._way, "Decrypt the key"))

    def turn(self) -> Turn:
        if self._rests:
            return YOURS
        return Turn("Your turn, in the browser") if self._lacks_file() else YOURS

    def _lacks_file(self) -> bool:
        """Return whether the console's file is still missing."""
        return self._shows("console") and not self._path.value.strip()

    # -- display -----------------------------------------------------------------------------------

    @on(OptionList.OptionHighlighted, "#kept")
    def _warn(self) -> None:
        self.query_one("#readable").display = self._choices["kept"].value == CREDENTIALS_FILE

    def _look_for_stores(self) -> None:
        """Look for stores; a locked keyring asks to be unlocked, in the desktop's own dialog."""
        self.run_move("stores", partial(access_keys.survey, self.context), self._show_found, looks=True)

    @on(Button.Pressed, "#look-again")
    def _look_again(self) -> None:
        self._start = {**self._start, "kept": self._choices["kept"].value}
        self._look_for_stores()

    async def _show_found(self, found: access_keys.Survey) -> None:
        if found.kept is not None and not self.opening.done and self._kept is None:
            self._kept, self._kept_earlier, self._kept_rejected = found.kept, found.earlier, found.rejected
            self._offer_kept(found.kept, first=not (found.downloaded or found.earlier or found.rejected))
        key = self.context.facts.get("access_key") or {}
        if found.kept is not None and not found.rejected:
            self._older.update(_KEPT_WORKS)
        if found.kept is not None and self.opening.done and found.kept.id != key.get("id"):
            replaced = f"✓ {found.kept.id} has replaced {key.get('id')} since then."
            self.query_one("#kept-lines", Lines).show_lines([replaced])
        if self._rests:
            return
        self._show_stores(found.stores)
        asked = self.opening.draft or self._question is not _Question.KEPT
        if not asked and self._way == KEPT:
            await self._go_the_way()  # its place is known, and it works without another
        else:
            await self._show_way()

    def _offer_kept(self, record: KeyRecord, *, first: bool) -> None:
        """Offer a key already kept here as a way, too; `first` if no other was chosen yet."""
        how = self._way
        drafted = self.opening.draft.get("how")
        if drafted == KEPT or (first and not drafted):
            how = KEPT
            kept = record.kept if record.kept in {CREDENTIALS_FILE, PGP_FILE} else VAULT
            self._start = {**self._start, "kept": kept}
        self._choices["how"].ask(self._ways(), how)

    @property
    def _width(self) -> int:
        return self.content_size.width or LINE_CELLS

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002 - Textual's handler
        """Show paths in full if there is space."""
        self._choices["kept"].reword(self._places())
        self._show_answers()

    def _show_stores(self, stores: tuple[StoreOption, ...]) -> None:
        self._stores = stores
        passed_over, locked = stores[0].passed_over, stores[0].locked
        if locked:
            passed_over = f"{passed_over} Unlock it and look again, or choose another place."
        self.query_one("#passed-over", Text).show_lines([passed_over] if passed_over else [])
        self.query_one("#locked").display = locked
        self._choices["kept"].ask(self._places(), str(self._start["kept"]))
        self._show_answers()
        self._remember()

    def _places(self) -> tuple[Answer, ...]:
        """Return the places to choose from, as far as each fits."""
        readable, room = self.context.environment.readable, self._width - _BESIDE_CHOICE
        return tuple(Answer(store.choice, shortened(readable(store.words), room)) for store in self._stores)

    # -- the downloads folder ----------------------------------------------------------------------

    def _look_for_download(self) -> None:
        if self._way == CONSOLE and not self._rests:
            self.run_worker(self._look_once, group="downloads", exclusive=True, thread=True)

    def _look_once(self) -> None:
        found = self._not_foreign(access_keys.downloads(self.context))
        self.call_later(self.notice, found, "" if found else access_keys.refused_download(self.context))

    def _not_foreign(self, downloads: Iterable[Download]) -> tuple[Download, ...]:
        return tuple(one for one in downloads if not one.key_id or one.key_id not in self._foreign)

    def notice(self, downloads: Sequence[Download], refused: Sentence = "") -> None:
        """Offer the newest file, unless the user has entered another that isn't refused, or one is imported.

        Args:
            downloads: the files, the newest first.
            refused: if there are none, which file can't be used, and why; or "".
        """
        if self.running_move:
            return
        self._found = downloads = self._not_foreign(downloads)  # AWS may have said whose it is since the look
        if self._unusable.has_class("-empty") == bool(refused):
            self.make_room()
        self._unusable.show_lines([f"! {text_of(refused)}"] if refused else [])
        if not downloads:
            environment = self.context.environment
            folder = environment.readable(environment.downloads)
            self._noticed.show_lines([f"… waiting for the file in {folder}"])
            self._copying.display = True
            if self._offered and self._path.value == self._offered:
                self._want_another()
            return
        newest = downloads[0]
        path = self.context.environment.readable(newest.path)
        replaced = {"", self._offered, *([self._path.value] if self.has_class("-refused") else [])}
        if self._path.value in replaced - {path} and self._offered != path:
            self._path.value = self._offered = path
            focused = self.screen.focused
            if self._question is _Question.NONE and focused is not None and self in focused.ancestors:
                self.focus_primary()
            self._tasks.finish()
        seconds = newest.age_seconds
        age = count(seconds, "second") if seconds < 120 else count(seconds // 60, "minute")
        self._noticed.show_lines([f"✓ {newest.path.name}, {age} old."])
        self._copying.display = False

    @on(StepPane.MoveFailed)
    def _offer_no_foreign_key(self, message: StepPane.MoveFailed) -> None:
        """Wait for another file once AWS has said whose the key in the offered one is."""
        path, environment = self._path, self.context.environment
        if isinstance(message.error, ForeignKey) and self._offered and path.value == self._offered:
            offered = (one for one in self._found if environment.readable(one.path) == path.value)
            self._foreign |= {one.key_id for one in offered}
            self._want_another()
            self._look_for_download()

    def _want_another(self) -> None:
        """Ask for another file than the offered one; the focus leaves the primary action, which waits now."""
        self._path.value = self._offered = ""
        self._tasks.start_again()
        if self._question is _Question.NONE:
            self._focus_way()

    # -- continuing --------------------------------------------------------------------------------

    def submit(self) -> None:
        """Submit the input, with the kept key unlocked if the step uses it."""
        request, submit = self.request(), super().submit
        if request.how == KEPT or (request.how == API and not request.path):
            # gpg-agent may need a passphrase first, before a code is spent
            kept = KeyInHand(KeyPlace.KEPT)
            self.run_unlocked(
                "open-key", lambda _report: load_key(kept, self.context).drop(), lambda _: submit()
            )
        else:
            submit()

    def deactivation(self, key_id: str) -> Callable[[str], None]:
        path, context = self.request().path, self.context
        return lambda code: access_keys.deactivate(path, key_id, code, context)

    def place_problems(self, problems: Sequence[Problem]) -> None:
        """Bring into view why a file is rejected, and the question about it."""
        super().place_problems(problems)
        refused = any(problem.field == "path" for problem in problems) and not self._lacks_file()
        self.set_class(refused, "-refused")
        if refused and self._shows("delete"):
            self.call_after_refresh(self._delete.scroll_visible, animate=False)

    @on(Input.Changed, "#path")
    def _try_another(self) -> None:
        self.remove_class("-refused")

    @on(StepPane.MoveDone)
    def _moved(self, message: StepPane.MoveDone) -> None:
        if message.name == "perform":
            self.parting = self.context.environment.readable("\n".join(message.result["access_key"]["told"]))

    def changed(self) -> bool:
        """Return whether another key, or another place for it, is wanted."""
        if self.opening.done:
            return not self.has_class("-done")
        typed = self._secret.value or self._passphrase.value
        return bool(typed) or self._begun or super().changed()

    def request(self) -> Request:
        how = self._way
        secret, passphrase = Secret(self._secret.value), Secret(self._passphrase.value)
        return Request(
            kept=self._choices["kept"].value,
            how=how,
            path=self._path.value.strip() if how in {CONSOLE, API} else "",
            key_id=self._key_id.value.strip() if how == TYPED else "",
            secret=secret if how == TYPED and secret else None,
            code=self._code.codes.get("code", "") if how == API else "",
            passphrase=passphrase if how == HANDOFF and passphrase else None,
            delete_file=self._delete.value,
        )

    def draft(self) -> Mapping[str, Any]:
        return {
            "kept": self._choices["kept"].value or self._start["kept"],
            "how": self._way,
            "path": existing_path(self._path.value, self.context.environment.home),
            "key_id": self._key_id.key_id,
            "delete_file": self._delete.value,
            "foreign": sorted(self._foreign),
            "ticks": self._tasks.ticks,
            "question": self._question.value,
        }

    def leave(self) -> None:
        """Stop watching."""
        if self._looking is not None:
            self._looking.stop()


_WITHOUT_MFA = "! You skipped MFA: AWS may not let you create a key. F2 leads back to it."
_OLD_KEY = "In the console, an old key is under your name, “Security credentials”, “Access keys”."
_KEPT_WORKS = "An older key can create a new one. Leave the field empty to use the key kept here."


def _kept_lines(context: Context) -> Lines:
    key, at = context.facts["access_key"], access_keys.confirmed_at(context)
    said = f"; AWS confirmed it {moment_text(at, context.environment.now())}" if at else ""
    works = f"✓ {key.get('id', '')} works and is yours{said}."
    lines = (works, *access_keys.outcome(key), *([_OLD_KEY] if key.get("old_ids") else []))
    return Lines(*map(context.environment.readable, lines), id="kept-lines", classes="words")
