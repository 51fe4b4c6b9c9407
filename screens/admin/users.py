"""The users' screen: people who join and leave, by layer, and everybody there with their sign-in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from screens.step.by_hand import ByHandPane
from screens.step.page import Opening, Primary
from screens.widgets.dialogs import ErrorDialog, NameDialog, ask
from screens.widgets.fields import FilterField
from screens.widgets.line_list import Line, LineList
from screens.widgets.lists import MarkList
from screens.widgets.text import Button, ButtonRow, Text, short
from workflows.core.grouping import by_key
from workflows.core.sentences import Sentence, count, listed, text_of
from workflows.core.shapes import plain, read
from workflows.layer.edit.operation import EditRefused
from workflows.layer.model import Layer, Person
from workflows.layer.names import MACHINE, is_machine_name
from workflows.steps.admin import users
from workflows.steps.admin.other_sessions import applied_accounts
from workflows.steps.admin.written import holds_files, offered_undo
from workflows.steps.decisions import LayerUsers
from workflows.steps.shared.by_hand import NotPossible, Spot, not_possible, spot_at
from workflows.steps.shared.module import Report

_JOINING, _PEOPLE, _BY_HAND = "Who joins", "People", "Only by hand"
COLUMNS = ("User", "Account", "Password", "Access key", "Groups", "Key file", "Declared as")
_NOT_LISTED = dict.fromkeys((_PEOPLE, _BY_HAND), "; access keys they made themselves aren't listed")
_SAID = {True: "yes", False: "no", None: "?"}


class Who(NamedTuple):
    """A person in a layer, as the key of a line."""

    account: str
    name: str


class UserLines:
    """Everybody in the layers whom the page can change, who joins, then whom and what only a person can edit.

    Args:
        layers: the layers, by account.
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        self._layers = layers
        self._rows: dict[str, dict[Who, Line]] = {
            _PEOPLE: {},
            "Machine users": {},
            _JOINING: {},
            _BY_HAND: {},
        }
        self._fixed = {Who(account, name) for account, layer in layers.items() for name in users.fixed(layer)}
        self._spots = [
            Line((str(spot.place), spot.account, text_of(spot.words)), spot, "quiet")
            for layer in layers.values()
            for spot in users.spots(layer)
        ]

    @property
    def count(self) -> int:
        """The number of lines about users."""
        return sum(map(len, self._rows.values()))

    def show(self, request: users.Request) -> None:
        """Update all lines from the decisions."""
        self._rows[_JOINING].clear()
        for account, layer in self._layers.items():
            changes = request.of(account)
            for name in (name for name in changes.add if layer.person(name) is None):
                who, machine = Who(account, name), is_machine_name(name)
                cells = (f"+ {name}", account, _SAID[not machine], _SAID[machine], "", "", "joins")
                self._rows[_JOINING][who] = Line(cells, who, "changed")
            for person in layer.people:
                self.show_one(account, person, changes)

    def show_one(self, account: str, person: Person, changes: LayerUsers) -> None:
        """Update a person's line from the decisions for the layer."""
        who = Who(account, person.iam_name)
        switches, file = changes.access.get(who.name, {}), changes.key_files.get(who.name)
        name = _BY_HAND if who in self._fixed else "Machine users" if person.machine else _PEOPLE
        section = self._rows[name]
        no_group = "not known" if self._layers[account].files.broken else "none"
        section[who] = _line(who, person, switches, file, no_group, leaves=who.name in changes.remove)

    def lines(self, words: Sequence[str], names: Collection[str] = ()) -> list[Line]:
        """Return the lines that contain all words, each section under its heading with its number of people.

        Args:
            words: the filter.
            names: without a filter, show only these people and those who change, if there are any.
        """
        wanted = [word.casefold() for word in words]
        found: list[Line] = []
        sections = {name: list(lines.values()) for name, lines in self._rows.items()}
        for name, every in {**sections, "More by hand: F4 opens your editor there": self._spots}.items():
            lines = [line for line in every if all(word in line.text for word in wanted)]
            if names and not words:
                lines = [
                    line
                    for line in lines
                    if line.kind == "changed" or (isinstance(line.key, Who) and line.key.name in names)
                ]
            if lines:
                people = {line.key.name if isinstance(line.key, Who) else line.key for line in lines}
                found += [Line((f"{name} ({len(people):,}){_NOT_LISTED.get(name, '')}",)), *lines]
        return found


def _line(
    who: Who, person: Person, switches: Mapping[str, bool], file: str | None, no_group: str, *, leaves: bool
) -> Line:
    sign = "- " if leaves else "" if person.editable else "! "
    present = person.key_name
    cells = (
        f"{sign}{who.name}",
        who.account,
        _cell(person.login_profile, switches.get("login_profile")),
        _cell(person.access_key, switches.get("access_key")),
        ", ".join(person.groups) or no_group,
        f"{present} → {file}" if file not in {None, present} else present or "?",
        str(person.style),
    )
    changed = leaves or bool(switches) or file is not None
    return Line(cells, who, "changed" if changed else "" if person.editable else "quiet")


def _cell(now: bool | None, wanted: bool | None) -> str:  # noqa: FBT001 - a cell's two values
    if wanted is None or wanted is now:
        return _SAID[now] + (" ✓" if wanted is not None else "")
    return f"{_SAID[now]} → {_SAID[wanted]}"


def _person_lines(layer: Layer, person: Person) -> Iterator[str]:
    """Return further details on a person, for below the list."""
    shared = users.sharing(layer, person)
    also = f", the key file of {listed(shared, 2)} too" if shared else ""
    key = f"PGP key {person.key_file or 'not known'}{also}"
    yield f"{person.style}: {person.declaration} ({person.place}); {key}"
    if not person.editable:
        yield "Read-only here: e opens your editor there."


def _refusal_lines(person: Person, refusals: Mapping[str, EditRefused]) -> list[str]:
    """Explain disabled buttons, in as few lines as possible."""
    reasons = {text_of(refusal.why): text_of(refusal.what) for refusal in refusals.values()}
    switches = [refusals[fact].why for fact in users.WORDS if fact in refusals]
    if len(switches) == len(users.WORDS) and len({*map(text_of, switches)}) == 1:
        both = " and ".join(users.WORDS.values())
        reasons[text_of(switches[0])] = f"{both.capitalize()} can't be changed for {person.iam_name} alone."
    return [f"– {what} {why}".rstrip() for why, what in reasons.items()]


Looked = tuple[Mapping[str, Layer], UserLines, bool, bool, Collection[str]]
"""The layers, their lines, whether files can be put back, whether they hold any, and the applied accounts."""
_MOST = 3
_ADD, _REMOVE = "+", "-"
_WORDS = {_ADD: "joins", _REMOVE: "leaves"}


class UsersPane(ByHandPane):
    """The people added to and removed from each layer and, on request, everybody's means of sign-in."""

    FIXED = "#people"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "everybody", "Change sign-in", id="users.everybody", tooltip="Everybody in the layers"),
        Binding("p", "want('login_profile')", "Password", id="users.password", tooltip="Switch the password"),
        Binding("k", "want('access_key')", "Access key", id="users.key", tooltip="Switch the access key"),
        Binding("f", "want('key_file')", "Key file", id="users.file", tooltip="Rename the PGP key's file"),
        Binding("e", "want('by_hand')", "Edit by hand", id="users.by-hand", tooltip="Open your editor there"),
        Binding("slash", "filter", "Filter", id="users.filter", tooltip="Find somebody"),
    ]
    DEFAULT_CSS = """
    UsersPane { max-width: 100%; }
    UsersPane > Text { max-width: 92; }
    UsersPane #hint, UsersPane #joining { height: auto; }
    UsersPane #people { max-height: 40vh; }
    UsersPane.-done #people { max-height: 1000vh; }
    UsersPane #everybody { height: 1fr; display: none; }
    UsersPane.-everybody #everybody, UsersPane.-nobody #everybody { display: block; }
    UsersPane.-tall #everybody { display: block; }
    UsersPane.-everybody #joining { display: none; }
    UsersPane.-tall #joining { display: block; margin-bottom: 1; }
    UsersPane.-tall #more, UsersPane.-nobody #more, UsersPane.-nobody #people { display: none; }
    UsersPane #find { height: 1; }
    UsersPane #find > Input { width: 1fr; }
    UsersPane #find > Text { width: auto; padding-left: 1; color: $text-muted; }
    UsersPane #there { height: 1fr; min-height: 4; overflow-x: hidden; }
    UsersPane #about { height: auto; max-height: 6; color: $text-muted; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._layers: Mapping[str, Layer] = {}
        self.own = users.Request()
        self._written = users.Request()
        self._lines = UserLines({})
        self._can_put_back = self._wrote = False
        self._applied: Collection[str] = ()
        self._half_entered = read(users.Request, opening.draft, "users") if opening.draft else None

    def heading(self) -> Sentence:
        decided = self.context.decisions
        if self._only:
            return f"Change how {listed(self._only, 2)} sign{'s' if len(self._only) == 1 else ''} in"
        if self.inside:
            return "Change how somebody signs in"
        if decided.joining and decided.leaving:
            return super().heading()
        return f"Choose who {'leaves' if decided.leaving else 'joins'}"

    @property
    def _only(self) -> tuple[str, ...]:
        """The only people on the page; nobody if people join or leave."""
        decided = self.context.decisions
        return () if decided.joining or decided.leaving else decided.regrouping

    def compose_body(self) -> ComposeResult:
        with Vertical(id="joining"):
            yield Text("", id="hint")
            yield MarkList(id="people")
            if self.context.decisions.joining or not self.context.decisions.leaving:
                yield ButtonRow(Button("Change sign-in", id="sign-in", key="w"), id="more")
        with Vertical(id="everybody"):
            with Horizontal(id="find"):
                yield FilterField(
                    placeholder="/ to filter by name, group or key file", id="filter", compact=True
                )
                yield Text("", id="count")
            yield LineList(COLUMNS, id="there")
            yield Text("", id="about")
            yield ButtonRow(
                Button(
                    "Password", id="login_profile", key="p", act=partial(self.action_want, "login_profile")
                ),
                Button("Access key", id="access_key", key="k", act=partial(self.action_want, "access_key")),
                Button("Key file", id="key_file", key="f", act=partial(self.action_want, "key_file")),
                Button("Edit by hand", id="by_hand", key="e", act=partial(self.action_want, "by_hand")),
            )

    def read(self) -> None:
        def work(report: Report) -> Looked:
            layers = users.survey(self.context, report)
            folder, every = self.context.folder, self.context.every
            wrote, undone = holds_files(folder, every), bool(offered_undo(folder, every))
            return layers, UserLines(layers), undone, wrote, applied_accounts(self.context)

        self.run_move("look", work, self._take, looks=True)

    def _take(self, looked: Looked) -> None:
        before = self._layers
        self._layers, self._lines, self._can_put_back, self._wrote, self._applied = looked
        self._written = users.written(self.context, self._layers, self._half_entered)
        decided = self._half_entered or self.context.decisions.users
        proposed = users.resumed(decided, users.proposal(self.context, self._layers))
        wanted = users.kept(proposed, self._layers)
        self.own = users.Request(access=wanted.access, key_files=wanted.key_files)
        people = self.query_one("#people", MarkList)
        boxes = [box for layer in self._layers.values() for box in self._choices(layer, wanted)]
        people.show([box[:2] for box in boxes], [value for _, value, marked in boxes if marked])
        self.query_one("#hint", Text).update(self._hint(people.option_count))
        people.highlighted = 0 if people.option_count else None
        self.set_class(not people.option_count, "-nobody")
        self._lines.show(self.request())
        self._filter()
        if before:
            self._tell_difference(before)
        else:
            first = people if people.option_count else self.query_one(LineList)
            if first.focusable:
                first.focus()
            else:
                self.focus_primary()
            self._remember()

    def _hint(self, choices: int) -> str:
        """Say which changes are in the files already, how to undo them, and what Space does."""
        by = "not applied yet" if self._wrote else "by somebody else"
        found = by_key(
            ((", ".join(names), done, account in self._applied), account)
            for done, chosen in (("added to", self._written.add), ("removed from", self._written.remove))
            for account, names in chosen.items()
            if names
        )
        lines = [
            f"✓ {names} {done} {listed(accounts, _MOST)}"
            if applied
            else f"✓ {names} {done} the files of {listed(accounts, _MOST)}, {by}"
            for (names, done, applied), accounts in found.items()
        ]
        if lines:
            back = (
                "put the files back in Review (u)" if self._can_put_back else "start another session on Home"
            )
            lines.append(f"To undo it, {back}." if self._wrote else "Plan compares that with AWS.")
        if self._only:
            lines.append("To change groups, continue: they are the next step.")
        if choices:
            lines.append("Space skips a line or brings it back.")
        if choices and self.context.decisions.joining:
            lines.append(f"A name like “{MACHINE}deploy” gets an access key and no console password.")
        return "\n".join(lines)

    def _choices(self, layer: Layer, wanted: users.Request) -> list[tuple[str, str, bool]]:
        account = layer.location.account
        decided, own = self.context.decisions, wanted.of(account)
        longest = max(map(len, (*decided.joining, *decided.leaving)), default=0)
        lines = [(_ADD, name, own.add) for name in decided.joining if not layer.person(name)]
        lines += [(_REMOVE, name, own.remove) for name in decided.leaving if layer.person(name)]
        return [
            (
                f"{sign} {name.ljust(longest)}  {_WORDS[sign]} {account}",
                f"{sign}{account}/{name}",
                name in chosen,
            )
            for sign, name, chosen in lines
        ]

    # -- the list of people ------------------------------------------------------------------------

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        words = self.query_one(FilterField).terms
        lines = self._lines.lines(words, self._only)
        self.query_one(LineList).show(lines)
        found, every = sum(isinstance(line.key, Who) for line in lines), self._lines.count
        part = f"{found:,} of {every:,} lines" if found < every or words else f"{every:,} lines"
        part += "; type to find others" if found < every and not words else ""
        if words and not found:
            part = self.query_one(FilterField).without_match
        self.query_one("#count", Text).update(part)

    @on(FilterField.Left)
    def _to_the_list(self) -> None:
        self.query_one(LineList).focus()

    @on(LineList.Moved)
    @on(events.DescendantFocus)
    def _tell_about(self) -> None:
        """Show details of the selected line below the list, unless the cursor is in the other list."""
        line = self.query_one(LineList).marked
        about: list[str] = []
        refusals: Mapping[str, EditRefused] = {}
        if line is not None and isinstance(line.key, Spot):
            where = f"{line.key.account} {line.key.place}"
            about = [text_of(line.key.words), f"{where}: e opens your editor there."]
        elif (found := self.marked()) is not None:
            refusals = users.refusals(*found, self.own)
            explains = found[1].editable and not self.settled
            lines = _refusal_lines(found[1], refusals) if explains else ()
            about = [*lines, *self.consequences(*found), *_person_lines(*found)]
        for name in (*users.WORDS, "key_file"):
            button = self.query_one(f"#{name}", Button)
            button.disabled, button.display = self.settled or name in refusals, name not in refusals
        self.query_one("#about", Text).update("" if self.query_one("#people").has_focus else "\n".join(about))

    def _who(self) -> Who | None:
        """Return the person on the selected line of the focused list."""
        people, line = self.query_one("#people", MarkList), self.query_one(LineList).marked
        if people.has_focus and people.highlighted is not None:
            account, _, name = people.get_option_at_index(people.highlighted).value[1:].partition("/")
            return Who(account, name)
        return line.key if line is not None and isinstance(line.key, Who) else None

    def marked(self) -> tuple[Layer, Person] | None:
        """Return the selected person, with the layer."""
        who = self._who()
        layer = self._layers.get(who.account) if who is not None else None
        person = layer.person(who.name) if layer is not None and who is not None else None
        return (layer, person) if layer is not None and person is not None else None

    def primary(self) -> Primary:
        request, decided = self.request(), self.context.decisions
        for verb, names in (("add", decided.joining), ("remove", decided.leaving)):
            if nowhere := [name for name in names if name not in request.people(verb)]:
                return Primary(f"Select an account for {short(nowhere[0])}", ready=False)
        changes = sum(len(entries) for kind in vars(request.trimmed()).values() for entries in kind.values())
        nothing = "Keep sign-in as it is" if self._only else "Keep users as they are"
        return Primary(f"Keep {count(changes, 'change')}" if changes else nothing)

    @on(Button.Pressed, "#sign-in")
    def action_everybody(self) -> None:
        """Show everybody's means of sign-in."""
        self.add_class("-everybody")
        self.refresh_bindings()
        self.query_one(LineList).focus()

    @property
    def inside(self) -> bool:
        return self.has_class("-everybody") and not self.has_class("-tall")

    def go_back(self) -> None:
        """Go back from everybody to people who join and leave."""
        self.remove_class("-everybody")
        self.query_one("#people").focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable the keys for the selected person only where the person is shown; a done step only shows."""
        if self.settled and action == "want" and parameters != ("by_hand",):
            return False
        seen = any(map(self.has_class, ("-everybody", "-nobody", "-tall")))
        if action == "everybody":
            return bool(self.query("#sign-in")) and not seen
        return seen if action in {"want", "filter"} else True

    @on(LineList.LeftUpwards)
    def action_filter(self) -> None:
        self.query_one(FilterField).focus()

    def show_changed(self, account: str, person: Person) -> None:
        self.show_problems([])
        self._lines.show_one(account, person, self.request().of(account))
        self._filter()

    @on(MarkList.SelectedChanged, "#people")
    def _remarked(self) -> None:
        if self._layers:
            self._lines.show(self.request())
            self._filter()

    # -- keys for the selected person ----------------------------------------------------------------

    def consequences(self, layer: Layer, person: Person) -> list[str]:
        """Describe the effect of each decided change for a person, one sentence each."""
        own = self.own.of(layer.location.account)
        switches, name = own.access.get(person.iam_name, {}), own.key_files.get(person.iam_name)
        after = {fact: switches.get(fact, getattr(person, fact)) for fact in users.WORDS}
        lines = [text_of(users.key_file_words(layer, person, name))] if name else []
        for fact, wanted in switches.items():
            if wanted is not getattr(person, fact):
                left = any(after[other] for other in users.WORDS if other != fact)
                shared = users.sharing(layer, person)
                sentence = users.consequence(person, fact, wanted=wanted, left=left, shared=shared)
                lines.append(text_of(sentence))
        return lines

    def action_want(self, what: str) -> None:
        """Act on the selected line: `login_profile`, `access_key`, `key_file` or `by_hand`."""
        line, who, found = self.query_one(LineList).marked, self._who(), self.marked()
        if self.running_move or line is None:
            return
        if found is None and who is not None:
            joins = who.name in self.request().of(who.account).add
            later = f"{who.name} joins {who.account}; change sign-in once that is written."
            self.notify(later if joins else f"{who.name} isn't added to {who.account}.")
        elif what == "by_hand":
            self.edit_at(_own_spot(*found) if found else line.key)
        elif found is None:
            self.notify("Select a person for that; e opens your editor here.", severity="warning")
        elif found[1].iam_name in self.request().of(found[0].location.account).remove:
            self.notify(
                f"{found[1].iam_name} leaves {found[0].location.account}; nothing else changes for them."
            )
        elif refusal := users.refusals(*found, self.own).get(what):
            self._refuse(not_possible(found[0], refusal, "Leave it as it is"))
        elif what == "key_file":
            self._ask_key_file(*found)
        else:
            self._switch(*found, what)

    def _switch(self, layer: Layer, person: Person, fact: str) -> None:
        account = layer.location.account
        self.own = users.switched(self.own, account, person, fact, self.context.decisions.users)
        self.show_changed(account, person)

    def _ask_key_file(self, layer: Layer, person: Person) -> None:
        account = layer.location.account
        own = self.own.of(account).key_files
        before = own.get(person.iam_name, person.key_name)

        def rename(name: str) -> None:
            new = {**own, person.iam_name: "" if name == person.key_name else name}
            self.own = replace(self.own, key_files={**self.own.key_files, account: new}).trimmed()
            self.show_changed(account, person)

        def wrong(name: str) -> str:
            return "" if name == person.key_name else text_of(users.wrong_file(layer, person, name))

        title = f"Name the key file of {person.iam_name}"
        ask(self, NameDialog(title, users.key_file_words(layer, person), before, wrong), rename)

    def _refuse(self, error: NotPossible) -> None:
        spot = error.spot
        dialog = ErrorDialog(error, self.context.environment.copy, editable=spot is not None)
        ask(self, dialog, lambda _edit: self.edit_at(spot) if spot else None)

    # -- editing by hand ---------------------------------------------------------------------------

    def places(self) -> Sequence[Spot]:
        return [spot for layer in self._layers.values() for spot in users.spots(layer)]

    def read_again(self) -> None:
        self._half_entered = self.request()
        self.read()

    def _tell_difference(self, before: Mapping[str, Layer]) -> None:
        for account, new in self._layers.items():
            was, now = ({person.iam_name for person in layer.people} for layer in (before[account], new))
            parts = [f"there now: {', '.join(sorted(now - was))}"] if now - was else []
            parts += [f"gone: {', '.join(sorted(was - now))}"] if was - now else []
            if parts:
                self.notify(f"{account}: {'; '.join(parts)}")

    # -- the request -------------------------------------------------------------------------------

    def _names_marked(self, sign: str) -> dict[str, tuple[str, ...]]:
        marked: dict[str, tuple[str, ...]] = dict.fromkeys(self._layers, ())
        for value in sorted(self.query_one("#people", MarkList).selected):
            if value.startswith(sign):
                account, _, name = value.removeprefix(sign).partition("/")
                marked[account] = (*marked.get(account, ()), name)
        return marked

    def request(self) -> users.Request:
        marked = replace(self.own, add=self._names_marked(_ADD), remove=self._names_marked(_REMOVE))
        return users.merged(self._written, marked)

    def draft(self) -> Mapping[str, Any]:
        return plain(self.request().trimmed()) if self._layers else {}


def _own_spot(layer: Layer, person: Person) -> Spot:
    return spot_at(layer, person.place, f"{person.iam_name} is declared here.")
