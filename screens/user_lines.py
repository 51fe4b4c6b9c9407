"""The people of all layers as lines of a list, which is filtered as one types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from screens.widgets.line_list import Line
from workflows.core.sentences import text_of
from workflows.layer.model import Person
from workflows.steps.by_hand import Spot
from workflows.steps.decisions import LayerUsers
from workflows.steps.users import LayerView, Request

COLUMNS = ("User", "Layer", "Password", "Key", "Groups", "Declared as", "Key file")
_SAID = {True: "yes", False: "no", None: "?"}


class Who(NamedTuple):
    """A person in a layer, as the key of a line."""

    account: str
    name: str


@dataclass(frozen=True)
class _Row:
    """A line, and the text that a filter looks into, in lower case."""

    line: Line
    text: str


class UserLines:
    """Everybody in the layers, people before machine users, and at the end what only a person can edit.

    Args:
        views: the layers.
    """

    def __init__(self, views: Sequence[LayerView]) -> None:
        self._views = views
        self._rows: dict[str, dict[Who, _Row]] = {"People": {}, "Machine users": {}}
        self._spots = [
            _row_of(Line((str(one.place), one.account, text_of(one.words)), one, "quiet"))
            for view in views
            for one in view.spots
        ]
        self.count = sum(len(view.layer.people) for view in views)

    def show(self, request: Request) -> None:
        """Bring all lines up to what is decided."""
        for view in self._views:
            users = request.of(view.account)
            for person in view.layer.people:
                self._put(view, person, users)

    def show_one(self, view: LayerView, person: Person, request: Request) -> None:
        """Bring one person's line up to what is decided."""
        self._put(view, person, request.of(view.account))

    def _put(self, view: LayerView, person: Person, users: LayerUsers) -> None:
        who = Who(view.account, person.iam_name)
        switches, file = users.access.get(who.name, {}), users.key_files.get(who.name)
        section = self._rows["Machine users" if person.machine else "People"]
        section[who] = _row_of(_line(who, person, switches, file, leaves=who.name in users.remove))

    def lines(self, words: Sequence[str]) -> list[Line]:
        """The lines in which all words are, each section under its heading; all lines without a word."""
        wanted = [word.casefold() for word in words]
        found: list[Line] = []
        sections = {name: list(rows.values()) for name, rows in self._rows.items()}
        for name, rows in {**sections, "Only by hand: F4 opens your editor there": self._spots}.items():
            some = [row.line for row in rows if all(word in row.text for word in wanted)]
            if some:
                found += [Line((f"{name} ({len(some):,})",)), *some]
        return found


def _row_of(line: Line) -> _Row:
    return _Row(line, "\n".join(line.cells).casefold())


def _line(who: Who, person: Person, switches: Mapping[str, bool], file: str | None, *, leaves: bool) -> Line:
    sign = "- " if leaves else "" if person.editable else "! "
    present = person.key_name
    cells = (
        f"{sign}{who.name}",
        who.account,
        _cell(person.login_profile, switches.get("login_profile")),
        _cell(person.access_key, switches.get("access_key")),
        ", ".join(person.groups) or "none",
        str(person.style),
        f"{present} → {file}" if file not in {None, present} else present or "?",
    )
    changed = leaves or bool(switches) or file is not None
    return Line(cells, who, "changed" if changed else "" if person.editable else "quiet")


def _cell(now: bool | None, wanted: bool | None) -> str:  # noqa: FBT001 - a cell's two values
    if wanted is None or wanted is now:
        return _SAID[now] + (" ✓" if wanted is not None else "")
    return f"{_SAID[now]} → {_SAID[wanted]}"


def told(view: LayerView, person: Person) -> Iterator[str]:
    """What more there is to say of a person, for the lines below the list."""
    shared = view.sharing(person)
    also = f", the key file of {_some(shared)} too" if shared else ""
    yield f"{person.style}: {person.declaration} ({person.place}); key {person.key_file or 'not known'}{also}"
    if not person.editable:
        yield "Shown, not edited: e opens your editor there."


def told_spot(spot: Spot) -> Iterator[str]:
    """What there is to say of a place to edit by hand."""
    yield text_of(spot.words)
    yield f"{spot.account} {spot.place}: e opens your editor there."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more
