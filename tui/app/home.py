"""The first screen: sessions to resume, or a new one as admin or as new user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen

from screens.widgets.dialogs import Confirm, ask
from screens.widgets.key_line import KeyLine
from screens.widgets.text import Option, OptionList, Text, styled
from tui.app.session_summary import people_of, standing_of, title_of
from workflows.core.sentences import Sentence

if TYPE_CHECKING:
    from tui.session_catalogue import Entry

_BEGINNINGS = {
    "admin": "I am an admin: bring people in, change their groups, remove them",
    "new-user": "I am a new user: I was invited, or got a handoff text",
    "rotation": "Rotate access keys: a new one in place of one that is kept here",
}
_MARK = "▸"


class HomeScreen(Screen[None]):
    """What would you like to do?

    Args:
        entries: the sessions that can be resumed.
        sandbox: whether new ones are begun in a sandbox.
        now: the clock.
        remarks: what is to be known of access keys that are kept here.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "delete,d", "delete", "Delete session", id="home.delete", tooltip="Delete the selected session"
        ),
        Binding("f1,question_mark", "help", "Help", id="home.help"),
    ]
    DEFAULT_CSS = """
    HomeScreen { padding: 1 2 0 2; }
    HomeScreen #home-title { text-style: bold; color: $text-accent; }
    HomeScreen #home-words { height: auto; color: $text-muted; margin-bottom: 1; }
    HomeScreen #home-remarks { height: auto; max-height: 4; color: $text-warning; margin-bottom: 1; }
    HomeScreen OptionList {
        height: 1fr; border: none; padding: 0; background: $background;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    HomeScreen OptionList:focus { border: none; }
    """

    @dataclass
    class Begin(Message):
        """Begin a session of this workflow."""

        workflow: str

    @dataclass
    class Resume(Message):
        """Resume this session."""

        entry: Entry

    @dataclass
    class Delete(Message):
        """Delete this session."""

        entry: Entry

    def __init__(
        self,
        entries: Sequence[Entry],
        *,
        sandbox: bool,
        now: Callable[[], datetime],
        remarks: Sequence[Sentence] = (),
    ) -> None:
        super().__init__()
        self._remarks = remarks
        self._entries = entries
        self._sandbox = sandbox
        self._now = now
        self._lines: dict[str, list[tuple[str, str]]] = {
            **{str(number): _entry(entry, now()) for number, entry in enumerate(entries)},
            **{workflow: [(begins, "")] for workflow, begins in _BEGINNINGS.items()},
        }
        self._at = ""

    def compose(self) -> ComposeResult:
        where = " · SANDBOX, not AWS" if self._sandbox else ""
        yield Text(f"iam-onboard{where}", id="home-title")
        yield Text(self._words(), id="home-words")
        if self._remarks:
            lines = "\n".join(f"! {words}" for words in self._remarks)
            yield Text(lines, id="home-remarks")
        yield OptionList(*self._options())
        yield KeyLine(first=(), last=("home.help", "app.quit"))

    def on_mount(self) -> None:
        """The most likely answer has the focus: the session changed last, or a new one."""
        options = self.query_one(OptionList)
        options.focus()
        options.highlighted = 1

    def _words(self) -> str:
        if self._sandbox:
            return (
                "You play both roles here, on a disposable project and a local AWS: begin as the admin, and "
                "as the new user when the admin waits for a key. Their messages go through a mailbox.\n"
                "Choose with ↑ and ↓, then press Enter."
            )
        return (
            "Brings people into the AWS accounts of a Leverage-style Terraform project, step by step.\n"
            "Choose with ↑ and ↓, then press Enter."
        )

    def _options(self) -> list[Option]:
        options = []
        if self._entries:
            options.append(Option(styled(("Resume a session", "bold")), disabled=True))
            options += [Option(self._line(one), one) for one in map(str, range(len(self._entries)))]
            options.append(Option("", disabled=True))
        options.append(Option(styled(("Begin", "bold")), disabled=True))
        options += [Option(self._line(one), one) for one in _BEGINNINGS]
        return options

    def _line(self, option: str, *, marked: bool = False) -> Content:
        """An option's text; the one that Enter opens has a mark that is seen without colours."""
        return styled((f"{_MARK if marked else ' '} ", ""), *self._lines[option])

    @on(OptionList.OptionHighlighted)
    def _mark(self, event: OptionList.OptionHighlighted) -> None:
        before, self._at = self._at, event.option_id or ""
        for option in filter(None, {before, self._at}):
            event.option_list.replace_option_prompt(option, self._line(option, marked=option == self._at))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        chosen = event.option_id or ""
        if chosen in _BEGINNINGS:
            self.post_message(self.Begin(chosen))
        elif chosen:
            self.post_message(self.Resume(self._entries[int(chosen)]))

    def _marked(self) -> Entry | None:
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return None
        marked = options.get_option_at_index(options.highlighted).id or ""
        return self._entries[int(marked)] if marked.isdigit() else None

    def action_delete(self) -> None:
        """Ask, then delete the selected session."""
        marked = self._marked()
        if marked is None:
            self.notify("Mark a session first.", severity="warning")
            return

        session = "".join(text for text, _ in _entry(marked, self._now()))
        body = f"{session}\n\nWhat it recorded and its drafts go away. {_kept(marked)}"
        question = Confirm("Delete this session?", body, "Delete")
        ask(self, question, lambda _yes: self.post_message(self.Delete(marked)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Without a session there is none to delete."""
        return action != "delete" or bool(self._entries)

    def action_help(self) -> None:
        """Explain the wizard."""
        from screens.step.help import HelpScreen  # noqa: PLC0415 - when it is asked for

        self.app.push_screen(HelpScreen("", "The wizard", self))


def _kept(entry: Entry) -> str:
    """What the end of a session leaves alone."""
    if entry.sandbox is None:
        return "Files of the project, keys and profiles stay."
    return "The sandbox goes away with its last session."


def _entry(entry: Entry, now: datetime) -> list[tuple[str, str]]:
    """A session in two lines, in parts with a style each: whom it is about, and where it stands."""
    summary, people = entry.summary, people_of(entry.summary)
    standing = (f"\n    {standing_of(entry, now)}", "dim")
    if summary.damage:
        return [(f"! {summary.id}", ""), standing]
    about = (f"  {people}", "") if people else ("  nobody named yet", "dim")
    return [(title_of(summary), "bold"), about, standing]
