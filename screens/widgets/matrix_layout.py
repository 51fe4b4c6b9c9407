"""What the matrix of people and groups shows: its columns, its lines and the words of its cells.

Nothing here draws. A line is computed when it is drawn, so that five thousand people cost what twenty do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rich.cells import cell_len

from workflows.steps.group_views import Chosen, LayerChoice, LayerView

STAYS, JOINS, LEAVES, OUT, UNKNOWN = "● in", "+ joins", "- leaves", "·", "?"
_NARROWEST, _WIDEST = 8, 18
_NAME_NARROWEST, _NAME_WIDEST = 12, 24
_SIGNS = {Chosen.JOINS: "+", Chosen.REGROUPS: "~", Chosen.LEAVES: "-"}


class Column(NamedTuple):
    """A group.

    Attributes:
        group: the name that the choice knows it by.
        heading: the name to show, cut to the column's width.
        note: what happens to it, or that it is edited by hand; "" for nothing.
        machine: whether it is for machine users.
        width: of its cells.
    """

    group: str
    heading: str
    note: str
    machine: bool
    width: int


class Section(str):
    """A line between people: what those below it have in common."""

    __slots__ = ()


@dataclass(frozen=True)
class MatrixLayout:
    """The matrix of a layer, as a choice makes it, of those whom a filter leaves.

    Attributes:
        view: the layer.
        choice: what is decided for it.
        words: the filter's words, in any case; all people if there are none.
    """

    view: LayerView
    choice: LayerChoice
    words: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """People's groups, new ones behind them, then the groups of machine users likewise."""
        new = [one.name for one in self.view.new_groups(self.choice)]
        found = []
        for machine, groups in ((False, self.view.groups), (True, self.view.machine_groups)):
            mine = [name for name in new if self.view.is_for_machines(self.choice, name) is machine]
            found += [self._column(name, machine) for name in (*(one.name for one in groups), *mine)]
        return tuple(found)

    def _column(self, group: str, machine: bool) -> Column:  # noqa: FBT001 - one of two loops
        note = self._note(group)
        width = max(_NARROWEST, min(_WIDEST, cell_len(group)), min(_WIDEST, cell_len(note)))
        return Column(group, cut(group, width), cut(note, width), machine, width)

    def _note(self, group: str) -> str:
        known = self.view.by_name.get(group)
        if group in self.choice.remove:
            return "goes"
        if group in self.choice.rename:
            return f"→ {self.choice.rename[group]}"
        if known is None:
            return "new"
        changes = self.choice.policies.get(group)
        if changes:
            plus, minus = len(changes.add), len(changes.remove)
            return " ".join(
                filter(None, (f"+{plus}" if plus else "", f"-{minus}" if minus else "", "policies"))
            )
        return "" if known.editable else "by hand"

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The names to show, with a `Section` before each kind of people."""
        found: list[str] = []
        for why in Chosen:
            names = [name for name, one in self.view.chosen.items() if one is why]
            self._add(found, why.value.capitalize(), names)
        self._add(found, "Everybody else" if self.view.chosen else "People", self.view.others)
        self._add(found, "Machine users", self.view.machines)
        return tuple(found)

    def _add(self, found: list[str], title: str, names: tuple[str, ...] | list[str]) -> None:
        matching = [name for name in names if self._matches(name)] if self.words else names
        if matching:
            found.append(Section(f"{title}: {len(matching):,}"))
            found.extend(matching)

    def _matches(self, name: str) -> bool:
        """Whether every word is in the name, or in the name of a group that the person is or will be in."""
        folded = name.casefold()
        groups: frozenset[str] | None = None
        for word, meant in self._meant:
            if word in folded:
                continue
            if not meant:
                return False
            if groups is None:
                groups = self.view.before(name) | self.view.after(name, self.choice)
            if meant.isdisjoint(groups):
                return False
        return True

    @cached_property
    def _meant(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """Each word of the filter, folded, with the groups that it is in the name of."""
        names = [one.group for one in self.columns]
        folded = [word.casefold() for word in self.words]
        return tuple((word, frozenset(one for one in names if word in one.casefold())) for word in folded)

    @property
    def group_meant(self) -> str:
        """The first group whose name the filter matches, "" if it matches none."""
        meant = frozenset().union(*(some for _, some in self._meant))
        return next((one.group for one in self.columns if one.group in meant), "")

    @cached_property
    def shown(self) -> int:
        """How many people are shown."""
        return sum(not isinstance(one, Section) for one in self.lines)

    @property
    def name_width(self) -> int:
        """The width of the column with the names, without the sign before them."""
        return max(_NAME_NARROWEST, min(_NAME_WIDEST, self.view.longest))

    @cached_property
    def has_notes(self) -> bool:
        """Whether the head needs a second line."""
        return any(one.note for one in self.columns)

    def sign(self, name: str) -> str:
        """The mark before a name: why the person was chosen, or that something changes for them."""
        why = self.view.chosen.get(name)
        if why is not None:
            return _SIGNS[why]
        return "*" if self.choice.members.get(name, self.view.before(name)) != self.view.before(name) else " "

    def cell(self, name: str, column: Column) -> str:
        """The words of a cell; blank where a person and a group do not go together."""
        group = column.group
        before = group in self.view.before(name)
        wanted = self.view.with_followed(name, self.view.after(name, self.choice))
        after = group in wanted and group not in self.choice.remove
        if self.view.chosen.get(name) is Chosen.LEAVES:
            after = False
        if before:
            return STAYS if after else LEAVES
        if after:
            return JOINS
        if column.machine is not self.view.is_machine(name):
            return ""
        known = self.view.by_name.get(group)
        return UNKNOWN if known is not None and known.computed else OUT


def cut(text: str, width: int) -> str:
    """A text that is at most so wide, with … where it was cut."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[:-1]
    return f"{text}…"
