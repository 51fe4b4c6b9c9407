"""The first screen: the tasks, and the sessions to continue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from functools import partial
from typing import ClassVar

from rich.cells import cell_len
from textual import events, getters, on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Input

from screens.widgets.key_line import KeyLine
from screens.widgets.one_focus import OneFocus
from screens.widgets.text import Option, OptionList, SplitLine, Text, marked_up, sized, styled
from tui.app.session_summary import accounts_of, arrival_of, left_behind, standing_of, steps_done
from workflows.core.grouping import by_key
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence, count, joined, moment_text, text_of
from workflows.steps.kinds import ACCOUNT_SETTINGS, people_of, replaces_key, work_of, works_of

with on_demand():
    from screens.step import help as helps
    from screens.widgets import dialogs, fields
    from tui import session_catalogue

_MOST_SESSIONS = 3
"""How many sessions a low screen lists; F3 lists all."""
_LOW = 32
_AROUND = 6
"""The lines around the list, with the blank ones."""
_SECONDS_BETWEEN_LOOKS = 5.0
_OF_A_SESSION = {"archive", "restore", "delete", "report"}
"""Actions on the selected session."""
_LABEL = 28
_DETAIL, _TIME = 12, 14
"""The width that a long name leaves for the detail, and that of the last column."""
_WIDE, _BESIDE = 116, 38
"""The columns from which the selected line is explained beside the list, and the width of that."""
_ONE = "In one sitting."


@dataclass(frozen=True)
class _Line:
    """A line of the list, in columns, and the effect of Enter.

    Attributes:
        work: the task.
        detail: a few words about it.
        time: when a session was last changed.
        mark: before the detail.
        begins: the workflow to begin a session of, and its initial kinds of admin work.
        resumes: the session to resume.
        more: text after the detail if there is space.
        about: its purpose and duration, or its progress, for beside the list.
        works: descriptions of a session with several tasks, the longest first, for the available space; the
            last one starts with the number of tasks, so that its end may be cut off.
    """

    work: Sentence
    detail: Sentence
    time: str = ""
    mark: str = ""
    begins: tuple[str, ...] = ()
    resumes: session_catalogue.Entry | None = None
    more: tuple[Sentence, ...] = ()
    about: tuple[Sentence, ...] = ()
    works: tuple[Sentence, ...] = ()

    @property
    def whole(self) -> str:
        """The full text, in two lines."""
        return f"{self.longest}\n{text_of(joined((self.detail, *self.more, self.time), ' · '))}"

    @property
    def longest(self) -> str:
        """The longest description of the work."""
        return text_of((*self.works, self.work)[0])

    @property
    def shortest(self) -> str:
        """The shortest description of the work."""
        return min(map(text_of, (self.work, *self.works)), key=cell_len)

    def named(self, room: int) -> str:
        """Return the work, as long as fits beside the detail."""
        works = tuple(text_of(work) for work in self.works or (self.work,))
        left = max(_LABEL, room - cell_len(text_of(self.detail))) - 2
        return next((work for work in works if cell_len(work) <= left), works[-1])

    def fitting(self, room: int) -> str:
        """Return the detail, with as much else as fits."""
        parts = [text_of(part) for part in (self.detail, *self.more)]
        while len(parts) > 1 and cell_len(" · ".join(parts)) > room:
            parts.pop()
        return " · ".join(parts)


_TASKS: Mapping[str, tuple[_Line, ...]] = {
    "Start": (
        _Line(
            "Add people",
            "PGP keys, users and groups, apply, hand over",
            begins=("admin", "joining"),
            about=(
                "Collects their PGP keys, edits users and groups, and shows one diff.",
                "Then, for each account: plan, apply, and a text to send to each person.",
                "In two sittings: you wait for their keys in between.",
            ),
        ),
        _Line(
            "Remove people",
            "from accounts, or for good",
            begins=("admin", "leaving"),
            about=("Edits the layers, shows one diff, then plans and applies each account.", _ONE),
        ),
        _Line(
            "Change groups or sign-in",
            "groups, console password, access key",
            begins=("admin", "regrouping"),
            about=("Edits the layers, shows one diff, then plans and applies each account.", _ONE),
        ),
        _Line(
            "Reset a password",
            "forgotten; the PGP key still works",
            begins=("admin", "resetting"),
            about=("Plans and applies a new one-time password, and writes the text to send.", _ONE),
        ),
        _Line(
            "Replace a PGP key",
            "for admins, when a person asks for it",
            begins=("admin", "rekeying"),
            about=(
                "Collects the new key. The apply resets their password and access key for it.",
                "In two sittings: you wait for the new key in between.",
            ),
        ),
        _Line(
            "Replace a lost MFA device",
            "for admins. Lost your own? Ask your admin.",
            begins=("admin", "mfa_reset"),
            about=(
                "Removes the device in AWS, without Terraform.",
                "Lost your own phone? Ask your admin. Then Set up my access registers another device.",
                _ONE,
            ),
        ),
        _Line(
            ACCOUNT_SETTINGS,
            "password policy and account alias",
            begins=("admin", "account_wanted"),
            about=("Edits the layers, shows one diff, then plans and applies each account.", _ONE),
        ),
        _Line(
            "Check STS regions",
            "where STS issues credentials",
            begins=("admin", "regions_wanted"),
            about=("Asks each region of each account, and lists where to switch STS off.", _ONE),
        ),
    ),
    "For yourself": (
        _Line(
            "Set up my access",
            "with your admin's invitation or handoff",
            begins=("new-user",),
            about=(
                "First your PGP key, and a request to send to your admin.",
                "With the handoff: sign in, MFA, access keys and profiles, and a test of each.",
                "In two sittings: your admin works in between.",
            ),
        ),
        _Line(
            "Replace my PGP key",
            "lost, or its passphrase forgotten",
            begins=("new-user", "replacing"),
            about=(
                "Creates another key, and a request to send to your admin.",
                "In two sittings: your admin works in between.",
            ),
        ),
        _Line(
            "Rotate my access key",
            "replace a key that is kept here",
            begins=("rotation",),
            about=(
                "Creates a new key, tests it, and deactivates the old one.",
                "In two sittings: you delete the old key a few days later.",
            ),
        ),
    ),
}
"""The tasks to begin, by heading."""
_HEADINGS = {" ".join(task.begins): heading for heading, tasks in _TASKS.items() for task in tasks}


class _Rank(IntEnum):
    """The order of the sessions; those up to `OPENED` can be continued."""

    NEWS = 0
    JUST_LEFT = 1
    OLDER_NEWS = 2
    BEGUN = 3
    AWAITING = 4
    OPENED = 5
    DONE = 6
    ELSEWHERE = 7
    ARCHIVED = 8


def _rank(entry: session_catalogue.Entry, left: session_catalogue.Entry | None = None) -> _Rank:
    """Rank a session, with respect to the one that was just `left`: news from before that comes after it."""
    summary = entry.summary
    if entry.archived:
        return _Rank.ARCHIVED
    if entry.elsewhere or entry.over:
        return _Rank.ELSEWHERE if entry.elsewhere else _Rank.DONE
    if entry.ended or entry.arrived:
        late = left is not None and not entry.ended and (entry.arrived or "") <= left.summary.changed
        return _Rank.OLDER_NEWS if late else _Rank.NEWS
    if entry.arrived == "" or (summary.awaited and not summary.next_title):
        return _Rank.AWAITING
    if entry is left:
        return _Rank.JUST_LEFT
    return _Rank.BEGUN if summary.facts else _Rank.OPENED


class HomeScreen(OneFocus):
    """What would you like to do?

    Args:
        entries: the sessions that can be resumed.
        sandbox: whether new ones are begun in a sandbox.
        now: the clock.
        remarks: what to know about access keys kept here.
        at: the session that the user comes from or has just archived, selected unless it is done; "" for
            none.
        every: whether to list all sessions at once.
        order: the ids of the sessions in the order of the last list, which stays unless news arrived.
        read: returns the sessions as they are now; None for a list that stays.

    Attributes:
        order: the same for the sessions as they are listed now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="home.filter", tooltip="Show some sessions and tasks only"),
        Binding("f3", "all", "All", id="home.all", tooltip="List every session, including archived ones"),
        Binding(
            "a", "archive", "Archive", id="home.archive", tooltip="Take the selected session out of the list"
        ),
        Binding("a", "restore", "Restore", id="home.restore", tooltip="Bring the selected session back"),
        Binding("delete", "delete", "Delete", id="home.delete", tooltip="Delete the selected session"),
        Binding(
            "x",
            "report",
            "Bug report",
            id="home.report",
            tooltip="Save what happened, without people's names",
        ),
        Binding("question_mark", "help", "Help", id="home.question"),
        Binding("f1", "help", "Help", id="home.help"),
        Binding("escape", "close_filter", "Close the filter", id="home.unfilter", show=False),
        # nothing is saved here, and the line of keys has no space to say so
        Binding("ctrl+q", "app.save_and_quit", "Quit", id="home.quit", priority=True),
    ]
    DEFAULT_CSS = """
    HomeScreen #home-rule { height: 1; border-top: solid $border-blurred; }
    HomeScreen #home-title { padding: 0 3; margin: 1 0; text-style: bold; }
    HomeScreen.-full #home-title { margin-top: 0; }
    HomeScreen #home-words { height: auto; padding: 0 3; color: $text-muted; margin-bottom: 1; }
    HomeScreen #home-remarks {
        height: auto; max-height: 4; padding: 0 3; color: $text-warning; margin-bottom: 1;
    }
    HomeScreen.-crowded #home-words, HomeScreen.-crowded #home-remarks { margin-bottom: 0; }
    HomeScreen #filter { margin: 0 1 1 1; }
    HomeScreen Horizontal { width: 100%; }  /* 1fr would lose the margin of the filter */
    HomeScreen OptionList {
        width: 1fr; margin: 0 1; text-wrap: nowrap; text-overflow: ellipsis; scrollbar-gutter: stable;
    }
    HomeScreen #about { display: none; width: 38; padding: 0 2; border-left: solid $border-blurred; }
    HomeScreen.-beside #about { display: block; height: 1fr; }
    """

    _list = getters.query_one(OptionList)

    @dataclass
    class Begin(Message):
        """Begin a session of this workflow, with these kinds of work."""

        workflow: str
        kinds: tuple[str, ...] = ()

    @dataclass
    class Resume(Message):
        """Resume this session, with these kinds of work."""

        entry: session_catalogue.Entry
        kinds: tuple[str, ...] = ()

    @dataclass
    class Delete(Message):
        """Delete this session; `every` says whether all sessions are currently listed."""

        entry: session_catalogue.Entry
        every: bool = False

    @dataclass
    class Archive(Message):
        """Archive this session, or bring it back to the list; `every` as for `Delete`."""

        entry: session_catalogue.Entry
        every: bool = False

    @dataclass
    class Report(Message):
        """Write a report about this session to the typed file name."""

        entry: session_catalogue.Entry
        target: str

    def __init__(
        self,
        entries: Sequence[session_catalogue.Entry],
        *,
        sandbox: bool,
        now: Callable[[], datetime],
        remarks: Sequence[Sentence] = (),
        at: str = "",
        every: bool = False,
        order: Sequence[str] = (),
        read: Callable[[], Sequence[session_catalogue.Entry]] | None = None,
    ) -> None:
        super().__init__()
        self._now = now
        self._remarks = remarks
        self._read = read
        self._sandbox = sandbox
        self._elsewhere = f"In {'another' if sandbox else 'a'} sandbox"
        self._all = every
        self._filled: Size | None = None
        self.order = tuple(order)
        self._take(entries)
        self._came_from = self._name_of(at)
        headings = {f"session-{at}": self._heading(entry) for at, entry in enumerate(self._entries)}
        waiting = next((name for name, heading in headings.items() if heading == "Continue"), "admin joining")
        done = headings.get(self._came_from, "Done") == "Done"
        listed = self._all and self._came_from in headings
        self._at = waiting if done and not listed else self._came_from

    def _take(self, entries: Sequence[session_catalogue.Entry]) -> None:
        begun = (entry for entry in entries if _rank(entry) is _Rank.BEGUN)
        left = max(begun, key=lambda entry: entry.summary.changed, default=None)
        kept = {name: number for number, name in enumerate(self.order)}

        def place(entry: session_catalogue.Entry) -> tuple[int, int, int]:
            rank = _rank(entry, left)
            if _Rank.NEWS < rank < _Rank.DONE:  # new ones first, the others where they were
                after = left if left is not None and rank is _Rank.OLDER_NEWS else entry
                return _Rank.JUST_LEFT, min(kept.get(each.summary.id, -1) for each in (entry, after)), rank
            return rank, 0, rank

        self._entries = sorted(entries, key=place)
        self.order = tuple(entry.summary.id for entry in self._entries)
        now = self._now()
        self._lines: dict[str, _Line] = {
            **_distinguished(
                {f"session-{number}": _line_of(entry, now) for number, entry in enumerate(self._entries)}
            ),
            **{" ".join(task.begins): task for tasks in _TASKS.values() for task in tasks},
        }

    def _name_of(self, session_id: str) -> str:
        """Return the name of a session's line; "" if there is none."""
        ids = (entry.summary.id for entry in self._entries)
        return next((f"session-{number}" for number, name in enumerate(ids) if name == session_id), "")

    def _look_again(self) -> None:
        """Read the sessions, which another wizard may have changed."""
        if self._read is not None:
            with suppress(OnboardError):  # what is listed stays
                self.call_later(self.show_entries, self._read())

    def show_entries(self, entries: Sequence[session_catalogue.Entry]) -> None:
        """List these sessions in place of those before; the selected one stays selected."""
        before, selected = self._lines, self._lines.get(self._at)
        came_from = self._lines.get(self._came_from)
        self._take(entries)
        if self._lines == before:
            return
        if came_from is not None and came_from.resumes is not None:
            self._came_from = self._name_of(came_from.resumes.summary.id)
        if selected is not None and selected.resumes is not None:
            self._at = self._name_of(selected.resumes.summary.id) or self._at
        self._fill()

    def compose(self) -> ComposeResult:
        yield SplitLine(id="home-top")
        yield Text(id="home-rule")
        yield Text("What would you like to do?", id="home-title")
        if self._sandbox and all(entry.elsewhere for entry in self._entries):
            yield Text(_SANDBOX, id="home-words")
        if self._remarks:
            yield Text("\n".join(f"! {remark}" for remark in self._remarks), id="home-remarks")
        yield Horizontal(OptionList(), Text(id="about"))
        yield KeyLine(
            *("app.commands", "home.help", "home.filter", "home.archive", "home.restore"),
            *("home.all", "home.quit", "home.delete"),
        )

    def on_mount(self) -> None:
        """Focus the most likely answer: the session just left, one that can continue, or a new one."""
        where = styled(("SANDBOX", "bold $warning")) if self._sandbox else styled()
        self.query_one("#home-top", SplitLine).show(styled(("iam-onboard", "bold $accent")), where)
        self._fill()
        self._list.focus()
        look = partial(self.run_worker, self._look_again, thread=True, group="looks", exclusive=True)
        self.set_interval(_SECONDS_BETWEEN_LOOKS, look)

    def on_resize(self, event: events.Resize) -> None:
        """Fit the lines to a new width; Textual also reports unchanged sizes."""
        if self._filled not in {None, event.size}:
            self._fill()

    def _fill(self) -> None:
        """Fill the list, keeping the selected line or, if it is gone, its place."""
        self._filled = self.size
        self.set_class(self.size.width >= _WIDE, "-beside")
        self.set_class(self._crowded, "-crowded")
        options, at = self._list, self._at
        options.set_options(self._options())
        self.set_class(options.option_count > self.size.height - _AROUND, "-full")
        lines = [number for number, option in enumerate(options.options) if not option.disabled]
        same = (number for number in lines if options.options[number].id == at)
        below = (number for number in lines if number >= (options.highlighted or 0))
        options.highlighted = next(same, next(below, None))
        if not lines:
            self._at = ""
            self.query_one("#about", Text).update(self._about())

    def _options(self) -> list[Option]:
        words, every = self._terms(), dict(zip(self._lines, self._entries, strict=False))
        listed = {name: self._heading(every[name]) for name in self._listed()}
        left = [] if words else [self._heading(every[name]) for name in every if name not in listed]
        if "Continue" not in left and len(listed) == self._most and self.size.height < _LOW:
            left = []  # the room is for what is unfinished; the line of keys names F3
        folded = next(iter(listed.values()), left[0]) if left else ""
        under = {name: heading for name, heading in (listed | _HEADINGS).items() if self._has(name, words)}
        over = ("Done", "Archived")
        order = ("Continue", *_TASKS, *over) if words else ("Continue", *over, *_TASKS)
        groups = {
            heading: [name for name in under if under[name] == heading]
            for heading in (*order, self._elsewhere)
        }
        options, crowded = list[Option](), self._crowded
        wide = self._aligned([self._lines[name] for name in listed])
        tasks = [self._lines[name] for heading in _TASKS for name in groups[heading]]
        have_room = all(wide + cell_len(text_of(task.detail)) <= self._width(task) for task in tasks)
        for heading, names in groups.items():
            if names or heading == folded:
                if options and not crowded:
                    options.append(Option("", disabled=True))
                options.append(Option(styled((heading, "bold $text-muted")), disabled=True))
                options += [
                    Option(self._line(name, wide if name in listed or have_room else _LABEL), name)
                    for name in names
                ]
                if heading == folded:
                    them = "it" if len(left) == 1 else "them"
                    rest = ((f"{_counted(left)}: ", ""), ("F3", "$accent"), (f" lists {them}", ""))
                    options.append(Option(styled(*rest), "more"))
        if not options:
            options.append(Option(self.query_one(fields.FilterField).without_match, disabled=True))
        return options

    def _heading(self, entry: session_catalogue.Entry) -> str:
        """Return the heading that lists a session."""
        set_apart = {_Rank.DONE: "Done", _Rank.ELSEWHERE: self._elsewhere, _Rank.ARCHIVED: "Archived"}
        return set_apart.get(_rank(entry), "Continue")

    @property
    def _crowded(self) -> bool:
        """Whether something takes space from the list of sessions."""
        return self.size.height < _LOW and bool(self._entries and self.query("#home-words, #home-remarks"))

    @property
    def _most(self) -> int:
        """How many lines a low screen has for sessions."""
        return _MOST_SESSIONS - self._crowded

    def _about(self) -> Content:
        """Explain the selected line."""
        if (line := self._lines.get(self._at)) is None:
            return styled()
        about = joined(line.about, "\n\n")
        return styled((line.longest, "bold"), ("\n\n", ""), (text_of(about), "$text-muted"))

    def _listed(self) -> list[str]:
        """Return the sessions listed now."""
        every = [f"session-{number}" for number in range(len(self._entries))]
        if words := self._terms():
            return [name for name in every if self._has(name, words)]
        if self._all:
            return every
        headings = dict(zip(every, map(self._heading, self._entries), strict=True))
        here = [name for name in every if headings[name] != "Archived" or name == self._came_from]
        if self.size.height >= _LOW:
            return here
        going_on = [name for name in here if headings[name] == "Continue"]
        most, back = self._most, self._came_from
        likely = going_on if len(going_on) <= most else going_on[: most - 1]
        if back in here and back not in likely and headings[back] != "Done":
            return [*likely[: most - 2], back]
        return likely

    def _terms(self) -> list[str]:
        """Return the words of the filter."""
        return [word for field in self.query(Input) for word in field.value.casefold().split()]

    def _has(self, name: str, words: Sequence[str]) -> bool:
        line = self._lines[name]
        whole = line.whole
        if line.resumes is not None:
            summary = line.resumes.summary
            whole += f" {' '.join((*standing_of(line.resumes), *people_of(summary), summary.id))}"
        return all(word in whole.casefold() for word in words)

    def _nearness(self, name: str | None) -> int:
        """Rank a line for the filter's words: in its name, in its explanation, or no task at all."""
        line = self._lines.get(name or "")
        return 0 if line is None else 1 + all(word in text_of(line.work).casefold() for word in self._terms())

    def _time(self, line: _Line) -> str:
        """Return the last column; "" if a session's work and detail need its space."""
        time = f" {line.time:>{_TIME}}" if line.time else ""
        needed = max(_LABEL, cell_len(line.shortest) + 2) + cell_len(text_of(line.detail)) + len(time)
        return time if needed <= self._room(line) else ""

    def _room(self, line: _Line) -> int:
        """Return the width of a line's columns."""
        return self.size.width - _BESIDE * self.has_class("-beside") - 7 - len(line.mark)

    def _width(self, line: _Line) -> int:
        """Return the width of a line's work and detail."""
        return self._room(line) - len(self._time(line))

    def _label(self, line: _Line) -> int:
        """Return the width that a line needs for its work; the detail makes way for a name."""
        width, detail = self._width(line), cell_len(text_of(line.detail))
        if not line.works:
            detail = min(detail, _DETAIL)
        return max(_LABEL, min(cell_len(line.named(width)) + 2, width - detail))

    def _aligned(self, lines: Sequence[_Line]) -> int:
        """Return the width of the first column with which the most lines have room for theirs."""
        ranges = [
            range(self._label(line), self._width(line) - cell_len(text_of(line.detail)) + 1) for line in lines
        ]
        labels = sorted((fitting.start for fitting in ranges), reverse=True)
        return max(labels, key=lambda width: sum(width in fitting for fitting in ranges), default=_LABEL)

    def _line(self, name: str, wide: int) -> Content:
        """Return a line in its columns; the first is as wide as in most lines, if all fits."""
        line = self._lines[name]
        width = self._width(line)
        label = self._label(line)
        if label <= wide <= width - cell_len(text_of(line.detail)):
            label = wide
        room, time = max(0, width - label), self._time(line)
        detail = line.detail if line.time and not time else line.fitting(room)  # the time comes before more
        return styled(
            (f"{sized(line.named(width), label - 2)}  ", ""),
            (line.mark, "$warning"),
            (sized(text_of(detail), room), "$text-warning" if line.mark else "$text-muted"),
            (time, "$text-muted"),
        )

    @on(OptionList.OptionHighlighted)
    def _mark(self, event: OptionList.OptionHighlighted) -> None:
        self._at = event.option_id or ""
        self.query_one("#about", Text).update(self._about())
        self.refresh_bindings()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self._open(event.option_id or "")

    def _open(self, name: str) -> None:
        """Do what Enter does on a line."""
        if (line := self._lines.get(name)) is None:
            self.action_all()
        elif line.resumes is not None:
            self.post_message(self.Resume(line.resumes))
        else:
            self._begin(*line.begins)

    def _begin(self, workflow: str, *kinds: str) -> None:
        """Begin a session, after asking whether the user meant an earlier one of this kind.

        Replacing a key or a device belongs in its own session, which knows it.
        """
        replacing = "replacing" in kinds
        here = [
            entry
            for entry in self._entries
            if entry.summary.workflow == workflow
            and not (entry.summary.damage or entry.archived or entry.elsewhere)
        ]
        here.sort(key=lambda entry: replaces_key(entry.summary) is not replacing)
        open_ones = [entry for entry in here if replacing or entry.summary.next_step]
        begun = next(
            iter(open_ones or [entry for entry in here if entry.summary.facts.get("identities")]), None
        )
        begin = self.Begin(workflow, kinds)
        if workflow == "admin" or begun is None:
            self.post_message(begin)
            return
        if replacing:
            self.post_message(self.Resume(begun, kinds))
            return
        whole = _line_of(begun, self._now()).whole
        title, body = "You have set up your access here", f"{whole}\n\n{_HANDOFF}\n\n{_DEVICE}"
        ways: dict[str, tuple[str, Message]] = {"open": ("Open it", self.Resume(begun))}
        if open_ones:
            title, body = "Continue what you began?", f"You began this earlier:\n\n{whole}"
            ways = {"again": ("Continue it", self.Resume(begun))}
        if not open_ones or any(step.startswith("mfa@") for step in begun.summary.settled):
            ways["device"] = ("Register another device", self.Resume(begun, ("device",)))
        ways["another"] = ("Begin another session", begin)
        dialogs.ask(self, dialogs.Ways(title, body, ways), self.post_message)

    async def action_filter(self) -> None:
        """Go to the filter field of the list."""
        if not self.query(fields.FilterField):
            field = fields.FilterField(placeholder="a name, a project or a task", id="filter", compact=True)
            await self.mount(field, before=self.query_one(Horizontal))
        self.query_one(fields.FilterField).focus()

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        self._fill()
        self.refresh_bindings()

    async def action_close_filter(self) -> None:
        """List everything again."""
        await self.query("#filter").remove()
        self._list.scroll_home(animate=False)
        self._fill()
        self._list.focus()

    def on_filter_field_left(self, event: fields.FilterField.Left) -> None:
        """Go from the field to the list, or with Enter into the only line that matches."""
        options = self._list
        matches = [option.id for option in options.options if option.id]
        if event.entered and len(matches) == 1:
            self._open(matches[0])
            return
        options.focus()
        options.highlighted = max(
            range(options.option_count), key=lambda at: self._nearness(options.options[at].id)
        )

    def action_all(self) -> None:
        """List all sessions; the first that was hidden is selected, unless one is selected already."""
        shown = self._listed()
        self._all = True
        if self._session() is None:
            self._at = next((name for name in self._listed() if name not in shown), self._at)
        self._fill()

    def _session(self) -> session_catalogue.Entry | None:
        line = self._lines.get(self._at)
        return line.resumes if line is not None else None

    def action_delete(self) -> None:
        """Ask, then delete the selected session."""
        if (selected := self._session()) is not None:
            lost = text_of(joined((_gone(selected), _kept(selected))))
            question = dialogs.Confirm(
                "Delete this session?", f"{self._lines[self._at].whole}\n\n{lost}", "Delete"
            )
            dialogs.ask(self, question, lambda _yes: self.post_message(self.Delete(selected, self._all)))

    def action_archive(self) -> None:
        """Archive the selected session, or bring it back to the list."""
        if (selected := self._session()) is not None:
            self.post_message(self.Archive(selected, self._all))

    action_restore = action_archive

    def action_report(self) -> None:
        """Ask for a file, and write a report about the selected session to it."""
        if (selected := self._session()) is not None:
            question = dialogs.NameDialog(
                "Save a bug report", _REPORT, f"~/iam-onboard-{selected.summary.id}.txt"
            )
            dialogs.ask(self, question, lambda name: self.post_message(self.Report(selected, name)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Hide keys that need a selected session, or others to list."""
        if action == "all":
            return not self._terms() and len(self._listed()) < len(self._entries)
        if action == "filter":
            return bool(self._entries)
        if action == "close_filter":
            return bool(self.query("#filter"))
        if (selected := self._session()) is not None:
            return action != ("archive" if selected.archived else "restore")
        return action not in _OF_A_SESSION

    def commands(self) -> Iterator[SystemCommand]:
        """Yield the palette's commands for this screen: Enter and the keys, and every task."""
        line, about = self._lines.get(self._at), ""
        if line is not None and line.resumes is not None:
            about = f" {text_of(line.work)}"
            yield SystemCommand(
                marked_up(f"Open{about}"), marked_up(line.detail), partial(self._open, self._at)
            )
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and binding.tooltip and self.check_action(binding.action, ()):
                name = marked_up(f"{binding.description}{about if binding.action in _OF_A_SESSION else ''}")
                key = self.app.get_key_display(binding)
                yield SystemCommand(
                    name, f"{binding.tooltip} · {key}", partial(self.run_action, binding.action)
                )
        for task in (task for tasks in _TASKS.values() for task in tasks):
            yield SystemCommand(text_of(task.work), text_of(task.detail), partial(self._begin, *task.begins))

    def action_help(self) -> None:
        """Explain the wizard."""
        self.app.push_screen(helps.HelpScreen("", "The wizard", self))


_SANDBOX = (
    "You play both people here, with a disposable project and a local AWS. Start as the admin with Add "
    "people, or as the new user with Set up my access. Where a task has another person to play, its "
    "footer offers F6."
)


_REPORT = (
    "It says what happened in this session. People get numbers; account ids and keys are left out. "
    "Project and account names stay, so read it before you send it."
)


_HANDOFF = "A new handoff? Open it, go to Handoff in the list of steps (F2), and press “Read another”."
_DEVICE = (
    "A lost MFA device? Your admin removes it first. Then the step MFA opens again for each of your accounts."
)


def _counted(headings: Sequence[str]) -> str:
    """Say how many sessions aren't listed, by their headings."""
    if {*headings} == {"Continue"}:
        return f"{len(headings)} more"
    named = ("more unfinished" if heading == "Continue" else heading.lower() for heading in headings)
    return ", ".join(f"{number} {name}" for name, number in Counter(named).items())


def _gone(entry: session_catalogue.Entry) -> str:
    """Say what is lost when a session is deleted."""
    if "keys" in entry.summary.facts:
        return "This also deletes its record of who got access. Archive (a) keeps that."
    return "This deletes its record and drafts."


def _kept(entry: session_catalogue.Entry) -> Sentence:
    """Say what deleting a session leaves alone."""
    sandbox = "Deleting the sandbox's last session deletes the sandbox too."
    stays = "The project's files, keys and profiles stay." if entry.sandbox is None else sandbox
    return joined((left_behind(entry), stays))


def _distinguished(lines: Mapping[str, _Line]) -> dict[str, _Line]:
    """Name the accounts in the work of sessions that do the same in different ones."""
    distinct = {**lines}
    for names in by_key((line.longest, name) for name, line in lines.items()).values():
        where = {name: f" in {accounts}" for name in names if (accounts := accounts_of(lines[name].resumes))}
        if len({*where.values()}) > 1:
            for name, at in where.items():
                works = tuple(f"{work}{at}" for work in lines[name].works)
                distinct[name] = replace(lines[name], work=f"{lines[name].work}{at}", works=works)
    return distinct


def _line_of(entry: session_catalogue.Entry, now: datetime) -> _Line:
    summary = entry.summary
    changed = moment_text(summary.changed, now) if summary.changed else ""
    apart = entry.archived and entry.elsewhere  # the other headings say whose the session is
    standing, *more = standing_of(replace(entry, archived=False, sandbox=entry.sandbox if apart else None))
    if summary.damage:
        return _Line(f"! {summary.id}", standing, changed, "", (), entry, tuple(more), (standing,))
    arrival = None if entry.archived else arrival_of(entry, now)
    mark = "● " if entry.ended else ""
    line = _Line(work_of(summary), standing, changed, mark, resumes=entry, more=tuple(more))
    if arrival is not None:
        mark, time = ("● ", "") if arrival.here else ("", changed)
        line = replace(line, detail=arrival.line, mark=mark, time=time)
    steps = steps_done(entry)
    done = f"{count(steps, 'step')} done" if steps else ""
    begun = f"begun {moment_text(summary.created, now)}" if summary.created else ""
    last = f"last changed {changed}" if changed else ""
    several = len(works_of(summary))
    named = tuple(work_of(summary, most) for most in range(several, 0, -1)) if several > 1 else ()
    works = (*named, f"{several} tasks: {named[0][0].lower()}{named[0][1:]}") if named else ()
    far = joined((f"{line.mark}{text_of(line.detail)}", *more, done, begun, last), "\n")
    return replace(line, about=(far,), works=works)
