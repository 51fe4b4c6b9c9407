"""The users' screen: people who join and leave, layer by layer, and who is there, with what they sign in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from screens.base import Opening, StepPane
from screens.user_keys import UserKeys
from screens.user_lines import UserLines, Who, told, told_spot
from screens.widgets.filter_field import FilterField
from screens.widgets.line_list import LineList
from screens.widgets.problems import ProblemList
from screens.widgets.text import MarkList, Text
from screens.widgets.user_list import UserList
from workflows.core.shapes import plain, read
from workflows.layer.model import Person
from workflows.steps import users
from workflows.steps.by_hand import Spot
from workflows.steps.users import LayerView, Request

_ADD, _REMOVE = "+", "-"
_WORDS = {_ADD: "joins", _REMOVE: "leaves"}


class UsersPane(UserKeys):
    """A mark for every person and layer; below, everybody in the layers."""

    DEFAULT_CSS = """
    UsersPane #hint { height: auto; }
    UsersPane #people { max-height: 6; }
    UsersPane #find { height: 1; }
    UsersPane #find > Input { width: 1fr; }
    UsersPane #find > Text { width: auto; padding-left: 1; color: $text-muted; }
    UsersPane #there { height: 1fr; min-height: 6; }
    UsersPane #about { height: auto; max-height: 5; color: $text-muted; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._views: tuple[LayerView, ...] = ()
        self._written = Request()
        self._lines = UserLines(())
        self._half_entered = read(Request, opening.draft, "users") if opening.draft else None

    def compose_body(self) -> ComposeResult:
        yield Text("", id="hint")
        yield MarkList(id="people")
        with Horizontal(id="find"):
            yield FilterField(
                placeholder="Filter by name, group, layer or key file", id="filter", compact=True
            )
            yield Text("", id="count")
        yield UserList()
        yield Text("", id="about")

    def on_mount(self) -> None:
        super().on_mount()
        self._look()

    def _look(self) -> None:
        self.run_move("look", lambda report: _looked(users.look(self.context, report)))

    @on(StepPane.MoveDone)
    def _take(self, message: StepPane.MoveDone) -> None:
        if message.name != "look":
            return
        before, (self._views, self._lines) = self._views, message.result
        self._written = users.written(self.context, self._views)
        wanted = self._wanted()
        self.own = Request(access=wanted.access, key_files=wanted.key_files)
        people = self.query_one("#people", MarkList)
        boxes = [box for view in self._views for box in self._choices(view, wanted)]
        people.show([box[:2] for box in boxes], [value for _, value, marked in boxes if marked])
        self.query_one("#hint", Text).update(_hint(people.option_count, self._written))
        people.highlighted = 0 if people.option_count else None
        self._lines.show(self.request())
        self._filter()
        if before:
            self._tell_difference(before)
        else:
            (people if people.option_count else self.query_one(UserList)).focus()
            self._remember()

    def _choices(self, view: LayerView, wanted: Request) -> list[tuple[str, str, bool]]:
        decided, own = self.context.decisions, wanted.of(view.account)
        lines = [(_ADD, name, own.add) for name in decided.joining if not view.has(name)]
        lines += [(_REMOVE, name, own.remove) for name in decided.leaving if view.has(name)]
        return [
            (
                f"{sign} {name}  {_WORDS[sign]} {view.account}",
                f"{sign}{view.account}/{name}",
                name in chosen,
            )
            for sign, name, chosen in lines
        ]

    def _wanted(self) -> Request:
        """What was decided before, or half-decided, or the proposal."""
        decided = self._half_entered or self.context.decisions.users
        proposed = users.proposal(self.context, self._views)
        return users.kept(users.resumed(decided, proposed), self._views)

    # -- the list of who is there ------------------------------------------------------------------

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        """Show the lines that the filter leaves."""
        words = self.query_one(FilterField).words
        lines = self._lines.lines(words)
        self.query_one(UserList).show(lines)
        found, count = sum(isinstance(line.key, Who) for line in lines), self._lines.count
        self.query_one("#count", Text).update(f"{found:,} of {count:,}" if words else f"{count:,} users")

    @on(FilterField.Left)
    def _to_the_list(self) -> None:
        self.query_one(UserList).focus()

    @on(LineList.LeftUpwards)
    def _to_the_filter(self) -> None:
        self.query_one(FilterField).focus()

    @on(LineList.Moved)
    def _tell_about(self) -> None:
        """Say more of the marked line below the list."""
        line = self.query_one(UserList).marked
        about: list[str] = []
        if line is not None and isinstance(line.key, Spot):
            about = list(told_spot(line.key))
        elif (found := self.marked()) is not None:
            about = [*self.consequences(*found), *told(*found)]
        self.query_one("#about", Text).update("\n".join(about))

    def marked(self) -> tuple[LayerView, Person] | None:
        """The marked person, with the layer."""
        line = self.query_one(UserList).marked
        who = line.key if line is not None and isinstance(line.key, Who) else None
        view = next((one for one in self._views if who is not None and one.account == who.account), None)
        person = view.person(who.name) if view is not None and who is not None else None
        return (view, person) if view is not None and person is not None else None

    def show_changed(self, view: LayerView, person: Person) -> None:
        self.query_one(ProblemList).show([])
        self._lines.show_one(view, person, self.request())
        self._filter()

    @on(MarkList.SelectedChanged, "#people")
    def _remarked(self) -> None:
        if self._views:
            self._lines.show(self.request())
            self._filter()

    # -- editing by hand ---------------------------------------------------------------------------

    def places(self) -> Sequence[Spot]:
        return [spot for view in self._views for spot in view.spots]

    def read_again(self) -> None:
        self._half_entered = self.request()
        self._look()

    def _tell_difference(self, before: Sequence[LayerView]) -> None:
        for old, new in zip(before, self._views, strict=True):
            was, now = ({one.iam_name for one in view.layer.people} for view in (old, new))
            parts = [f"there now: {', '.join(sorted(now - was))}"] if now - was else []
            parts += [f"gone: {', '.join(sorted(was - now))}"] if was - now else []
            if parts:
                self.notify(f"{new.account}: {'; '.join(parts)}")

    # -- the request -------------------------------------------------------------------------------

    def _names_marked(self, sign: str) -> dict[str, tuple[str, ...]]:
        marked: dict[str, tuple[str, ...]] = {view.account: () for view in self._views}
        for value in sorted(self.query_one("#people", MarkList).selected):
            if value.startswith(sign):
                account, _, name = value.removeprefix(sign).partition("/")
                marked[account] = (*marked.get(account, ()), name)
        return marked

    def request(self) -> Request:
        marked = replace(self.own, add=self._names_marked(_ADD), remove=self._names_marked(_REMOVE))
        return users.merged(self._written, marked)

    def draft(self) -> Mapping[str, Any]:
        return plain(self.request().trimmed()) if self._views else {}


def _looked(views: tuple[LayerView, ...]) -> tuple[tuple[LayerView, ...], UserLines]:
    """The views, and their lines with what takes time."""
    return views, UserLines(views)


def _hint(choices: int, written: Request) -> str:
    lines = []
    for words, chosen in (("added to", written.add), ("removed from", written.remove)):
        lines += [f"✓ {', '.join(names)} {words} {account}" for account, names in chosen.items() if names]
    if lines:
        lines.append("That is in the files already. To undo it, change who joins or leaves in Project.")
    if choices:
        lines.append("Space marks; Next (^n) goes on. Nothing is written yet.")
    else:
        lines.append("Nobody else joins or leaves a layer: Next (^n) goes on.")
    return "\n".join(lines)
