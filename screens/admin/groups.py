"""The groups' screen: a layer's people and groups as a matrix, and the groups themselves."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual import events, getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.suggester import SuggestFromList
from textual.widgets import Input

from screens.step.by_hand import LayerBar, LayersPane, pending_words
from screens.step.page import Opening
from screens.widgets.dialogs import Confirm, Dialog, NameDialog, ask
from screens.widgets.fields import FilterField
from screens.widgets.line_list import CursorLines
from screens.widgets.lists import MarkList
from screens.widgets.text import BAR, Button, ButtonRow, Text, segment, sized
from workflows.core.grouping import by_key
from workflows.core.sentences import count, joined, listed, text_of
from workflows.layer.model import Group
from workflows.layer.names import (
    check_name,
    check_policy_arn,
    known_policies,
    partition_of,
    policy_arn,
    short_policy,
)
from workflows.steps.admin import groups
from workflows.steps.admin.other_sessions import applied_accounts
from workflows.steps.admin.written import holds_files
from workflows.steps.decisions import GroupChanges, NewGroup, PolicyChanges
from workflows.steps.shared.by_hand import Spot
from workflows.steps.shared.module import Report

STAYS, JOINS, LEAVES, OUT, UNKNOWN = "● in", "+ joins", "- leaves", "·", "?"
_NARROWEST, _CUT, _WIDEST = 8, 12, 18
"""The width of a group's column: for short names, when cut so that all groups fit, and at most."""
_NAME_NARROWEST, _NAME_WIDEST = 12, 24
_SIGNS = {groups.Chosen.JOINS: "+", groups.Chosen.REGROUPS: "~", groups.Chosen.LEAVES: "-"}
GAP = 2
"""Columns before each cell: for the line before the machine users' groups, and the cursor."""
SIGN = 2
"""Columns before each name: for why the person is there, or that something changes."""
_STYLES = {JOINS: "joins", LEAVES: "leaves", OUT: "quiet", UNKNOWN: "quiet"}


class Column(NamedTuple):
    """A group.

    Attributes:
        group: the choice's name for it.
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
    """A line between people, naming what those below it have in common."""

    __slots__ = ()


@dataclass(frozen=True)
class MatrixLayout:
    """The matrix of a layer for a choice and a filter.

    Attributes:
        view: the layer.
        choice: the decision for it.
        words: the filter's words, in any case; none shows everybody.
        room: the columns available for everything; 0 if unknown.
    """

    view: groups.LayerView
    choice: groups.LayerChoice
    words: tuple[str, ...] = ()
    room: int = 0

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Groups for people, then new ones, then groups for machine users likewise."""
        new = [group.name for group in self.view.new_groups(self.choice)]
        found = []
        for machine, there in ((False, self.view.groups), (True, self.view.machine_groups)):
            mine = [name for name in new if self.view.is_for_machines(self.choice, name) is machine]
            found += [(name, self._note(name), machine) for name in (*(group.name for group in there), *mine)]
        wanted = [max(_NARROWEST, cell_len(group), cell_len(note)) for group, note, _machine in found]
        return tuple(
            Column(group, cut(group, width), cut(note, width), machine, width)
            for (group, note, machine), width in zip(found, self._fitted(wanted), strict=True)
        )

    def _fitted(self, wanted: Sequence[int]) -> Sequence[int]:
        """Return widths that show all columns, if names stay readable; else the usual ones."""
        room = self.room - self.name_width - SIGN - GAP * len(wanted)
        usual, *narrower = ([min(width, most) for width in wanted] for most in range(_WIDEST, _CUT - 1, -1))
        return next((widths for widths in (usual, *narrower) if sum(widths) <= room), usual)

    def _note(self, group: str) -> str:
        known = self.view.by_name.get(group)
        if group in self.choice.remove:
            return "goes"
        if group in self.choice.rename:
            return f"→ {self.choice.rename[group]}"
        if known is None:
            return "new"
        if changes := self.choice.policies.get(group):
            plus, minus = len(changes.add), len(changes.remove)
            return " ".join(
                filter(None, (f"+{plus}" if plus else "", f"-{minus}" if minus else "", "policies"))
            )
        return "" if known.editable else "by hand"

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The names to show, with a `Section` before each kind of people."""
        found: list[str] = []
        for why in groups.Chosen:
            names = [name for name, chosen in self.view.chosen.items() if chosen is why]
            self._add(found, why.value.capitalize(), names)
        self._add(found, "Everybody else" if self.view.chosen else "People", self.view.others)
        self._add(found, "Machine users", self.view.machines)
        return tuple(found)

    def _add(self, found: list[str], title: str, names: Sequence[str]) -> None:
        matching = [name for name in names if self._matches(name)] if self.words else names
        if matching:
            found.append(Section(f"{title}: {len(matching):,}"))
            found.extend(matching)

    def _matches(self, name: str) -> bool:
        """Return whether every word is in the name, or in that of a current or future group of the person."""
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
        """Each word of the filter, folded, with the groups whose name contains it."""
        names = [column.group for column in self.columns]
        folded = [word.casefold() for word in self.words]
        return tuple((word, frozenset(name for name in names if word in name.casefold())) for word in folded)

    @property
    def group_meant(self) -> str:
        """The first group whose name the filter matches, or ""."""
        meant = frozenset().union(*(groups for _, groups in self._meant))
        return next((column.group for column in self.columns if column.group in meant), "")

    @cached_property
    def shown(self) -> int:
        """The number of people shown."""
        return sum(not isinstance(line, Section) for line in self.lines)

    @property
    def name_width(self) -> int:
        """The width of the name column, without the sign."""
        return max(_NAME_NARROWEST, min(_NAME_WIDEST, self.view.longest))

    @cached_property
    def has_notes(self) -> bool:
        """Whether the head needs a second line."""
        return any(column.note for column in self.columns)

    def sign(self, name: str) -> str:
        """Return the mark before a name: why the person was chosen, or that something changes for them."""
        if (why := self.view.chosen.get(name)) is not None:
            return _SIGNS[why]
        return "*" if self.choice.members.get(name, self.view.before(name)) != self.view.before(name) else " "

    def cell(self, name: str, column: Column) -> str:
        """Return the text of a cell; blank if the person can't be in the group."""
        group = column.group
        before = group in self.view.before(name)
        wanted = self.view.with_followed(name, self.view.after(name, self.choice))
        after = group in wanted and group not in self.choice.remove
        if self.view.chosen.get(name) is groups.Chosen.LEAVES:
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
    """Cut a text to a width, with … at the end."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


_EMPTY = MatrixLayout(groups.LayerView(""), groups.LayerChoice())
_KEYS: tuple[tuple[str, str, str], ...] = (
    ("left", "across(-1)", "Left"),
    ("right", "across(1)", "Right"),
    ("home", "column(0)", "First group"),
    ("end", "column(-1)", "Last group"),
    ("ctrl+home", "row(0)", "First person"),
    ("ctrl+end", "row(-1)", "Last person"),
)


class Matrix(CursorLines):
    """People down, groups across. It draws its layout and reports what the user wants."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, action, words, show=False) for key, action, words in _KEYS),
        Binding(
            "space",
            "put",
            "In or out",
            id="groups.toggle",
            tooltip="Add or remove the person",
        ),
        Binding("enter", "say_keys", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("lines--person", "lines--joins", "lines--leaves", "lines--cursor", "lines--column"),
    }
    DEFAULT_CSS = """
    Matrix > .lines--person { text-style: bold; }
    Matrix > .lines--joins { color: $text-success; text-style: bold; }
    Matrix > .lines--leaves { color: $text-warning; text-style: bold; }
    Matrix > .lines--cursor { color: $accent; text-style: bold reverse; }
    Matrix > .lines--column { color: $accent; text-style: bold; }
    """
    HEADING_FILL = "─"

    @dataclass
    class Put(Message):
        """The user wants the selected person in the selected group, or out of it."""

        name: str
        group: str

    def __init__(self) -> None:
        super().__init__(id="matrix")
        self.layout_shown = _EMPTY
        self._ends: list[int] = []
        self._column = 0

    # -- display -----------------------------------------------------------------------------------

    @property
    def head(self) -> int:
        return 2 if self.layout_shown.has_notes else 1

    @property
    def rows(self) -> int:
        return len(self.layout_shown.lines)

    def heading(self, row: int) -> str | None:
        line = self.layout_shown.lines[row]
        return line if isinstance(line, Section) else None

    @property
    def person(self) -> str:
        """The selected person, "" if nobody is shown."""
        lines = self.layout_shown.lines
        return lines[self.row] if self.row < len(lines) else ""

    @property
    def group(self) -> str:
        """The selected group, "" if there is none."""
        columns = self.layout_shown.columns
        return columns[self._column].group if self._column < len(columns) else ""

    def show(self, layout: MatrixLayout) -> None:
        """Show another layer, choice or filter, keeping the selected person and group if possible."""
        person, group = self.person, self.group
        layout = self.layout_shown = replace(layout, room=self._room)
        self._ends = list(accumulate(column.width + GAP for column in layout.columns))
        self.virtual_size = Size(self._names_width + sum(self._ends[-1:]), self.head + len(layout.lines))
        self.mark(person, group)

    @property
    def _room(self) -> int:
        """The width available beside a scrollbar."""
        return self.size.width - self.styles.scrollbar_size_vertical

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002 - Textual's handler
        """Fit the columns to the new size."""
        if self.layout_shown.room != self._room:
            self.show(self.layout_shown)

    def mark(self, person: str = "", group: str = "") -> None:
        """Select a person's cell of a group, or the nearest one shown."""
        lines, names = self.layout_shown.lines, [column.group for column in self.layout_shown.columns]
        self._go_across(names.index(group) if group in names else self._column)
        nearest = min(self.row, max(0, len(lines) - 1))
        self.select(lines.index(person) if person in lines else self.next_line(nearest, 1) or 0)

    def action_say_keys(self) -> None:
        """Say what Enter doesn't do: ending this table's choices with it would be too easy."""
        self.notify("Space adds or removes the person; ^n continues.")

    # -- moving ------------------------------------------------------------------------------------

    def _go_across(self, column: int) -> None:
        self._column = max(0, min(len(self._ends) - 1, column))

    def action_across(self, right: int) -> None:
        """Select the next cell in the row."""
        self._go_across(self._column + right)
        self.select(self.row)

    def action_column(self, column: int) -> None:
        """Select the first group, or the last one for -1."""
        self._go_across(column if column >= 0 else len(self._ends))
        self.select(self.row)

    def action_put(self) -> None:
        """Ask to add the selected person to the group, or remove them."""
        if self.person and self.group:
            self.post_message(self.Put(self.person, self.group))

    def clicked(self, row: int, x: int) -> None:
        """Select the cell under the pointer; a click on the selected one toggles the membership."""
        beside, before = x - self._names_width, (self.row, self._column)
        column = bisect_right(self._ends, beside + round(self.scroll_x)) if beside >= 0 else len(self._ends)
        if column < len(self._ends):
            self._column = column
        self.select(row)
        if column < len(self._ends) and before == (self.row, self._column):
            self.action_put()

    # -- geometry ----------------------------------------------------------------------------------

    @property
    def _names_width(self) -> int:
        return self.layout_shown.name_width + SIGN

    def _start(self, index: int) -> int:
        """Return a column's start, from the left end of the first."""
        return self._ends[index - 1] if index else 0

    def left_needed(self) -> float:
        """Scroll just enough for the selected cell."""
        if not self._ends:
            return 0
        wide = max(1, self.scrollable_content_region.width - self._names_width)
        x = min(max(round(self.scroll_x), self._ends[self._column] - wide), self._start(self._column))
        return max(0, x)

    # -- drawing -----------------------------------------------------------------------------------

    def drawn_head(self, y: int, width: int) -> Strip:
        """Draw the groups' names, or what happens to them."""
        style = self.style_of("head")
        selected = style if y else style + self.style_of("column")
        parts: list[tuple[str, Style]] = []
        for index, column in self._in_view(width):
            parts.append((self._edge(index) + " ", style))
            text = column.note if y else column.heading
            parts.append((sized(text, column.width), selected if index == self._column else style))
        return self._joined(("" if y else " " * SIGN + "Person", style), parts, width, style)

    def drawn_line(self, row: int, width: int) -> Strip:
        """Draw a person's line."""
        layout, here = self.layout_shown, row == self.row
        who = layout.lines[row]
        parts: list[tuple[str, Style]] = []
        for index, column in self._in_view(width):
            words, selected = layout.cell(who, column), here and index == self._column
            style = self.style_of(_STYLES.get(words, ""))
            focused = selected and self.has_focus
            mark = " " if not selected else BAR if focused else "▸"
            parts += [(self._edge(index), style), (mark, self.style_of("column") if focused else style)]
            cell = style + self.style_of("cursor") if focused else style
            parts.append((sized(words, column.width), cell))
        name = f"{layout.sign(who)} {cut(who, layout.name_width)}"
        return self._joined((name, self.style_of("person" if here else "")), parts, width, self.style_of(""))

    def _in_view(self, width: int) -> Iterable[tuple[int, Column]]:
        left = round(self.scroll_x)
        first = bisect_right(self._ends, left)
        last = bisect_right(self._ends, left + max(0, width - self._names_width) - 1)
        return enumerate(self.layout_shown.columns[first : last + 1], first)

    def _joined(
        self, name: tuple[str, Style], parts: Sequence[tuple[str, Style]], width: int, rest: Style
    ) -> Strip:
        """Draw the name, and the parts from the first column in view."""
        left = round(self.scroll_x)
        skipped = left - self._start(bisect_right(self._ends, left))
        room = max(0, width - self._names_width)
        body = Strip([segment(*part) for part in parts]).simplify().crop(skipped, skipped + room)
        names = segment(sized(name[0], self._names_width), name[1])
        return Strip([names, *body.adjust_cell_length(room, rest)], width).crop(0, width)

    def _edge(self, index: int) -> str:
        """Return the line before the first group of machine users."""
        columns = self.layout_shown.columns
        return "│" if columns[index].machine and (not index or not columns[index - 1].machine) else " "


_MOST = 6
"""The number of a person's groups to name."""
_NOBODY = "Nobody matches; esc in the filter clears it."
_MOST_ALONE = 2
"""The number of people without a group to name per account."""


class PoliciesDialog(Dialog[PolicyChanges]):
    """Selects the policies that stay, and adds more by ARN or by the name of an AWS policy.

    Args:
        view: the layer.
        choice: the decision for it.
        group: the group's name in it.
        like: the group, or the one that it copies.
    """

    DEFAULT_CSS = """
    PoliciesDialog MarkList { max-height: 9; }
    PoliciesDialog .hint { color: $text-muted; }
    """

    def __init__(self, view: groups.LayerView, choice: groups.LayerChoice, group: str, like: Group) -> None:
        begins = f"It starts with the policies of {like.name}."
        note = [] if group in view.by_name else [Text(begins, classes="hint")]
        suggester = SuggestFromList(sorted(known_policies()), case_sensitive=False)
        hint = "add one: ReadOnlyAccess, or an ARN"
        super().__init__(
            f"Policies of {choice.rename.get(group, group)}",
            "",
            Button("Keep this choice", id="accept", variant="primary"),
            close="Cancel",
            body=(
                *note,
                MarkList(id="policies"),
                Text("", id="none", classes="hint"),
            ),
            fields=(
                Input(placeholder=hint, id="policy", compact=True, suggester=suggester),
                Text("", id="problem", classes="problem"),
                Text(
                    "Space removes or keeps a policy. In the field, → completes a name and Enter adds it.",
                    classes="hint",
                ),
            ),
        )
        self._view = view
        self._there = like.policies
        self._before = choice.policies_of(group)
        self._added = list(self._before.add)
        self._doubted = ""

    def on_mount(self) -> None:
        """Focus the list; without one, the field."""
        self._fill([policy for policy in self._there if policy not in self._before.remove] + self._added)
        self.query_one("#policies" if self._there or self._added else "#policy").focus()

    def _fill(self, marked: Sequence[str]) -> None:
        policies = self.query_one("#policies", MarkList)
        more = [policy for policy in self._added if policy not in self._there]
        lines = [(short_policy(policy), policy) for policy in self._there]
        lines += [(f"+ {short_policy(policy)}", policy) for policy in more]
        policies.show(lines, marked)
        policies.highlighted = 0 if lines else None
        policies.display = bool(lines)
        self.query_one("#none", Text).show_lines([] if lines else ["It has no managed policy."])

    @on(Input.Changed, "#policy")
    def _forget(self) -> None:
        self.query_one("#problem", Text).update("")

    @on(Input.Submitted, "#policy")
    def _add(self) -> None:
        """Add a policy to the list; a doubtful one on the second try."""
        field = self.query_one("#policy", Input)
        if not (text := field.value.strip()):
            self.action_accept()
            return
        others = (policy for known in self._view.by_name.values() for policy in known.policies)
        arn = policy_arn(text, partition_of([*self._there, *others]))
        marked = list(self.query_one("#policies", MarkList).selected)
        if problem := self._problem(arn):
            self.query_one("#problem", Text).update(problem)
            return
        if arn not in (*self._there, *self._added):
            self._added.append(arn)
        self._fill([*marked, arn])
        field.value = ""

    def _problem(self, arn: str) -> str:
        if arn in self.query_one("#policies", MarkList).selected:
            return "The group has that policy already."
        for problem in check_policy_arn(arn, self._view.account_id):
            if problem.fatal:
                return text_of(problem.message)
            if self._doubted != arn:
                self._doubted = arn
                return f"{problem.message} Press Enter again to add it anyway."
        return ""

    def action_accept(self) -> None:
        """Answer with the changes."""
        if self.query_one("#policy", Input).value.strip():
            self._add()  # includes typed text; a problem with it keeps the dialog open
            if self.query_one("#policy", Input).value:
                return
        marked = self.query_one("#policies", MarkList).selected
        self.dismiss(
            PolicyChanges(
                add=tuple(policy for policy in self._added if policy in marked and policy not in self._there),
                remove=tuple(policy for policy in self._there if policy not in marked),
            )
        )


class GroupsPane(LayersPane):
    """One layer at a time: its matrix, a filter above, and details of the selection below."""

    UNCHANGED = "Keep the groups as they are"
    FIXED = "#new_group, #rename_group, #remove_group, #policies"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="groups.filter", tooltip="Show some people or groups only"),
        Binding("l", "layer", "Account", id="groups.layer", tooltip="Show the next account"),
        Binding("g", "new_group", "New", id="groups.new", tooltip="Create a group like the selected one"),
        Binding("e", "rename_group", "Rename", id="groups.rename", tooltip="Rename the selected group"),
        Binding(
            "x",
            "remove_group",
            "Remove",
            id="groups.remove",
            tooltip="Remove the selected group, or keep it after all",
        ),
        Binding(
            "p", "policies", "Policies", id="groups.policies", tooltip="The selected group's managed policies"
        ),
    ]
    DEFAULT_CSS = """
    GroupsPane > .pane-head { margin-bottom: 0; }
    GroupsPane #filter-row { height: 1; }
    GroupsPane #filter-label { width: 7; }
    GroupsPane #filter { width: 1fr; }
    GroupsPane #shown { width: auto; color: $text-muted; padding-left: 1; }
    GroupsPane Matrix { height: 1fr; min-height: 5; }
    GroupsPane #about { height: 15vh; }
    GroupsPane ButtonRow { margin: 0; }
    """

    _matrix = getters.query_one(Matrix)

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._views: dict[str, groups.LayerView] = {}
        self._choices: dict[str, groups.LayerChoice] = {}
        self._gone: dict[str, list[str]] = {}
        self._lost: dict[str, list[str]] = {}
        self._alone: dict[str, frozenset[str]] = {}
        self._written = False
        self._applied: Collection[str] = ()
        drafts = opening.draft.get("layers", {})
        self._half_decided = {account: groups.from_draft(draft) for account, draft in drafts.items()}

    def compose_body(self) -> ComposeResult:
        yield LayerBar("Reading the groups", self.show_layer, id="layers")
        with Horizontal(id="filter-row"):
            yield Text("Filter", id="filter-label")
            yield FilterField(id="filter", placeholder="a name or a group", compact=True)
            yield Text("", id="shown")
        yield Matrix()
        yield Text("", id="about")
        yield ButtonRow(
            Button("New", id="new_group", key="g", act=self.action_new_group),
            Button("Rename", id="rename_group", key="e", act=self.action_rename_group),
            Button("Remove", id="remove_group", key="x", act=self.action_remove_group),
            Button("Policies", id="policies", key="p", act=self.action_policies),
            Button("Next account", id="layer", key="l"),
        )

    def read(self) -> None:
        def work(report: Report) -> tuple[Sequence[groups.LayerView], bool, Collection[str]]:
            views, written = (
                groups.survey(self.context, report),
                holds_files(self.context.folder, self.context.every),
            )
            return views, written, applied_accounts(self.context)

        self.run_move("look", work, self._show_groups, looks=True)

    def _show_groups(self, looked: tuple[Sequence[groups.LayerView], bool, Collection[str]]) -> None:
        views, self._written, self._applied = looked
        first, self._views = not self._views, {view.account: view for view in views}
        for account, view in self._views.items():
            decided = groups.decided(self.context, view)
            draft = self._half_decided.get(account)
            self._choices[account] = groups.drafted(view, decided, draft)
            known = [*self._gone.get(account, ()), *(draft.members if draft else ())]
            self._gone[account] = groups.gone(self.context, views, view, known)
            self._lost[account] = groups.lost_groups(self.context, view, draft)
        if self.account not in self._views:
            chosen = [account for account, view in self._views.items() if view.chosen]
            self.account = next(iter([*chosen, *self._views]), "")
        if first and self.account:
            self.show_layer(self.account)
        else:
            self._show()
        self._matrix.focus(scroll_visible=False)
        self.offer_layers(account for account, view in self._views.items() if not view.chosen)
        if first:
            self._remember()

    # -- display -----------------------------------------------------------------------------------

    @property
    def view(self) -> groups.LayerView:
        return self._views[self.account]

    @property
    def choice(self) -> groups.LayerChoice:
        """The decision for the current layer."""
        return self._choices[self.account]

    def choose(self, choice: groups.LayerChoice, group: str = "") -> None:
        """Change the decision for the current layer, and select a group."""
        self._choices[self.account] = choice
        self.show_problems([])
        self._show(group)

    def show_layer(self, account: str, person: str = "") -> None:
        """Show another layer, selecting an editable cell of a person, the current one by default.

        If that person isn't there, select the first one who is: new people come before others.
        """
        person, group = person or self._matrix.person, self._matrix.group
        self.account = account
        self._show()
        if person not in self._matrix.layout_shown.lines:
            self._matrix.action_row(0)
            person = self._matrix.person
        named = sorted((column.group for column in self._matrix.layout_shown.columns), key=group.__ne__)
        usable = (each for each in named if not self.view.refusal(self.choice, person, each))
        self._matrix.mark(person, next(usable, group))

    def _show(self, group: str = "") -> None:
        if not self.account:
            self.query_one(LayerBar).update("There is no layer to show.")
            return
        matrix, words = self._matrix, self.query_one("#filter", FilterField).terms
        matrix.show(MatrixLayout(self.view, self.choice, words))
        if group:
            matrix.mark(matrix.person, group)
        standing = [(account, self._standing(account)) for account in self._views]
        self.query_one(LayerBar).show(standing, self.account)
        text = (
            f"{matrix.layout_shown.shown:,} of {len(self.view.people):,} shown"
            if words
            else _counts(self.view)
        )
        shown = self.query_one("#shown", Text)
        shown.update(text, layout=len(text) != len(str(shown.content)))

    def _standing(self, account: str) -> str:
        """Return how many changes a layer doesn't have yet, or the progress of its decisions."""
        view, decided = self._views[account], self.context.decisions.of(account)
        pending = view.pending(self._choices[account])
        moved = any(move for name, move in decided.moves.items() if name in view.now)
        if leaving := sum(
            view.chosen[name] is groups.Chosen.LEAVES for name in view.chosen if view.before(name)
        ):
            return ", ".join([*([count(pending, "change")] if pending else []), f"{leaving} leaving"])
        if pending or not self._written or not (moved or decided.groups != GroupChanges()):
            return pending_words(pending)
        return "applied" if account in self._applied else "written, not applied"

    def pending(self) -> Mapping[str, int]:
        return {account: view.pending(self._choices[account]) for account, view in self._views.items()}

    def advance(self) -> None:
        """First ask about people in no group of the current account, and require every account to be seen."""
        request = self.request()
        accounts = (
            [self.account, *(() if self.query_one(LayerBar).unseen else self._views)] if self.account else []
        )
        if alone := next(filter(request.unconfirmed, accounts), ""):
            self._ask_about_no_group(alone, request.unconfirmed(alone))
        else:
            super().advance()

    def _ask_about_no_group(self, account: str, names: Sequence[str]) -> None:
        """Show the first of them, and ask whether they should be in no group."""

        def confirmed(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self._alone[account] = self._alone.get(account, frozenset()).union(names)
            self.advance()

        self.query_one("#filter", FilterField).value = ""
        self.show_layer(account, names[0])
        self._matrix.focus(scroll_visible=False)
        body = joined([groups.means_of_no_group(name, account) for name in names[:_MOST]], "\n")
        question = Confirm(
            f"No group for {listed(names, 2)}?", body, "Leave without a group", no="Choose groups"
        )
        ask(self, question, confirmed)

    @on(Matrix.Moved)
    def _moved(self) -> None:
        if self.account:
            self._tell_marked()

    def _tell_marked(self, refused: str = "") -> None:
        matrix, account = self._matrix, self.account
        gone, lost = listed(self._gone[account], _MOST), listed(self._lost[account], _MOST)
        person = matrix.person
        alone = {
            name: sorted(view.alone(self._choices[name]), key=lambda each: each != person)
            for name, view in self._views.items()
        }
        named_there = person in alone[account] and not self.view.before(person)
        lines = [
            refused,
            f"! Not in {account}, so their groups can't change: {gone}." if gone else "",
            f"! Gone from {account}: {lost}. Choose other groups." if lost else "",
            "" if named_there else about_person(self.view, self.choice, person) or _NOBODY,
            about_alone(alone, account),
            about_group(self.view, self.choice, matrix.group) or "The layer has no groups.",
            about_layer(self.view),
        ]
        self.query_one("#about", Text).update("\n".join(filter(None, lines)), layout=False)

    def places(self) -> Sequence[Spot]:
        """List what needs manual editing in the current layer, the selected group first."""
        return self.view.spots_for(self._matrix.group) if self.account else ()

    def read_again(self) -> None:
        self._half_decided = dict(self._choices)
        self.read()

    # -- actions -----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable keys for a group in a done step or without a layer, and the one to the filter in it."""
        if action == "filter":
            return not any(field.has_focus for field in self.query("#filter"))
        if action.endswith(("_group", "policies")):
            return bool(self.account) and not self.settled
        return super().check_action(action, parameters)

    @on(FilterField.Changed, "#filter")
    def _filter(self) -> None:
        if self.account:
            layout = MatrixLayout(self.view, self.choice, self.query_one("#filter", FilterField).terms)
            self._show(layout.group_meant)

    @on(FilterField.Left)
    def _to_matrix(self) -> None:
        self._matrix.focus(scroll_visible=False)

    @on(Matrix.LeftUpwards)
    def action_filter(self) -> None:
        self.query_one("#filter").focus(scroll_visible=False)

    @on(Matrix.Put)
    def _put(self, message: Matrix.Put) -> None:
        """Add the person to the group or remove them, or say why not."""
        again = "." if self.opening.over else "; ^r opens it again."
        done = f"This step is done{again}" if self.settled else ""
        if refused := done or self.view.refusal(self.choice, message.name, message.group):
            self._tell_marked(f"✗ {refused}")
        else:
            self.choose(self.view.toggled(self.choice, message.name, message.group))

    # -- keys for the selected group -----------------------------------------------------------------

    def action_new_group(self) -> None:
        """Ask for a name and create a group like the selected one."""
        if (sibling := self.view.like(self.choice, self._matrix.group)) is None:
            self.notify("There is no group to copy.", severity="warning")
            return
        policies = ", ".join(short_policy(policy) for policy in sibling.policies) or "none"

        def make(name: str) -> None:
            self.choose(replace(self.choice, add=(*self.choice.add, NewGroup(name, sibling.name))), name)

        words = f"A copy of {sibling.name} without its members. Policies: {policies}"
        self._ask_name("A new group", words, "", self.view.taken(self.choice), make, "Add group")

    def action_rename_group(self) -> None:
        """Ask for another name for the selected group."""
        if not (group := self._matrix.group):
            return
        written = group in self.view.by_name
        value = self.choice.rename.get(group, group)

        def rename(name: str) -> None:
            self.choose(groups.renamed(self.choice, group, name, written=written), group if written else name)

        own = {group.casefold(), value.casefold()}
        taken = [name for name in self.view.taken(self.choice) if name.casefold() not in own]
        self._ask_name(f"A new name for {group}", "", value, taken, rename, "Rename")

    def _ask_name(
        self,
        title: str,
        words: str,
        value: str,
        taken: Sequence[str],
        then: Callable[[str], None],
        accept: str,
    ) -> None:
        def wrong(name: str) -> str:
            return next((text_of(problem.message) for problem in check_name(name, "group", taken)), "")

        ask(self, NameDialog(title, words, value, wrong, "for example  observers", accept), then)

    def action_remove_group(self) -> None:
        """Ask, then remove the selected group; drop a new one, and restore one marked for removal."""
        group = self._matrix.group
        if not group or group in self.choice.remove:
            self.choose(groups.kept(self.choice, group), group)
            return
        if (known := self.view.by_name.get(group)) is None:
            self.choose(groups.removed(self.choice, group, written=False))
            return
        body = f"Members: {listed(known.members, 20) or 'none'}. Nothing is written before Review."
        if alone := self.view.alone_without(self.choice, group):
            body = f"Left without a group: {listed(alone, 20)}.\n{body}"
        removed = groups.removed(self.choice, group, written=True)
        question = Confirm(f"Remove the group {group}?", body, "Remove", typed=group)
        ask(self, question, lambda _yes: self.choose(removed, group))

    def action_policies(self) -> None:
        """Show the selected group's managed policies, and take changes to them."""
        group = self._matrix.group
        like = self.view.like(self.choice, group)
        if like is not None and group not in self.choice.remove:
            ask(
                self,
                PoliciesDialog(self.view, self.choice, group, like),
                lambda changes: self.choose(groups.with_policies(self.choice, group, changes), group),
            )

    # -- the request -------------------------------------------------------------------------------

    def request(self) -> groups.Request:
        follow = {account: view.follow for account, view in self._views.items()}
        alone = {name: view.unsure.union(self._alone.get(name, ())) for name, view in self._views.items()}
        return groups.Request(dict(self._choices), follow, alone)

    def draft(self) -> Mapping[str, Any]:
        layers = {account: groups.as_draft(choice) for account, choice in self._choices.items()}
        return {"layers": layers} if layers else {}


def _counts(view: groups.LayerView) -> str:
    """Return the number of people and of machine users."""
    machines = sum(map(view.is_machine, view.people))
    people = count(len(view.people) - machines, "person", "people")
    return f"{people}, {count(machines, 'machine user')}" if machines else people


def about_person(view: groups.LayerView, choice: groups.LayerChoice, name: str) -> str:
    """Describe a person's groups, changes first; "" for nobody."""
    if not name:
        return ""
    why = view.chosen.get(name)
    kind = why.value if why else "a machine user" if view.is_machine(name) else ""
    who = f"{name} ({kind})" if kind else name
    before, none = view.before(name), "groups not known" if name in view.unsure else "in no group"
    if why is groups.Chosen.LEAVES:
        return f"{who}: leaves every group: {listed(sorted(before), _MOST) or none}"
    after = view.with_followed(name, view.after(name, choice)) - set(choice.remove)
    order = [*view.by_name, *(group.name for group in choice.add)]

    def called(groups: Iterable[str]) -> list[str]:
        return [choice.rename.get(group, group) for group in order if group in groups]

    parts = [
        f"joins {', '.join(called(after - before))}" if after - before else "",
        f"leaves {', '.join(called(before - after))}" if before - after else "",
        f"{'stays' if before != after else 'is'} in {listed(called(after & before), _MOST)}"
        if after & before
        else "",
    ]
    # the members of a computed group are unknown
    computed = name not in view.unsure and any(group.computed for group in view.by_name.values())
    known = " that is known" if computed else ""
    return f"{who}: {'; '.join(filter(None, parts))}" if any(parts) else f"! {who}: {none}{known}"


def about_group(view: groups.LayerView, choice: groups.LayerChoice, group: str) -> str:
    """Describe a group with its policies and changes; "" for none."""
    if not group:
        return ""
    known, changes = view.by_name.get(group), choice.policies_of(group)
    there = view.like(choice, group)
    changed = [
        *(f"- {short_policy(policy)}" for policy in changes.remove),
        *(f"+ {short_policy(policy)}" for policy in changes.add),
    ]
    stay = (policy for policy in (there.policies if there else ()) if policy not in changes.remove)
    policies = listed([*changed, *map(short_policy, stay)], max(1, len(changed)))
    parts = [members_words(known, view, choice) if known else f"new, like {there.name if there else '?'}"]
    if group in choice.rename:
        parts.append(f"will be called {choice.rename[group]}")
    if group in choice.remove:
        parts.append("will be removed")
    parts.append(f"policies: {policies or 'none'}")
    words = f"{group}: {'; '.join(parts)}"
    place = view.place_of(group)
    if known is not None and not known.editable:
        by_hand = f"edit its members by hand at {place}, because {known.reason}"
        words = f"{group}: {by_hand}; {'; '.join(parts)}"
    return words


def members_words(group: Group, view: groups.LayerView, choice: groups.LayerChoice) -> str:
    """Say how many members there are and will be; a computed list without names may still have some."""
    if not group.members and group.computed:
        return "members unknown"
    now = {name for name in view.people if group.name in view.before(name)}
    staying = (name for name in view.people if view.chosen.get(name) is not groups.Chosen.LEAVES)
    after = {name for name in staying if group.name in view.with_followed(name, view.after(name, choice))}
    text, change = count(len(group.members), "member"), len(after) - len(now)
    return f"{text} now, {len(group.members) + change or 'nobody'} after this" if change else text


def about_alone(alone: Mapping[str, Sequence[str]], shown: str) -> str:
    """Say who ends in no group, and in which accounts, the current one first; "" for nobody."""
    accounts = sorted(filter(alone.get, alone), key=lambda account: account != shown)
    where = by_key((tuple(alone[name]), "here" if name == shown else name) for name in accounts)
    parts = [f"{listed(names, _MOST_ALONE)} ({listed(theirs, _MOST)})" for names, theirs in where.items()]
    return f"! In no group: {'; '.join(parts)}" if parts else ""


def about_layer(view: groups.LayerView) -> str:
    """Describe the layer's commented-out or computed parts, with places; "" for none."""
    return "\n".join(f"! {spot.words} ({spot.place}, F4)" for spot in view.spots)
