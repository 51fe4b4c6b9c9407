"""The groups' screen: for each layer a matrix of people and groups, and the groups themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.coordinate import Coordinate
from textual.widgets import DataTable, Static

from screens.base import Opening, StepPane
from screens.widgets.dialogs import Confirm
from screens.widgets.group_dialog import GroupDialog, GroupWish
from workflows.steps import groups
from workflows.steps.groups import LayerChoice, LayerView, NewGroup, Request

_STAYS, _JOINS, _LEAVES, _OUT = "● in", "+ joins", "- leaves", "·"


class Matrix(DataTable[str]):
    """People down, groups across; Space changes the marked cell."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space,enter",
            "put",
            "In or out",
            id="groups.toggle",
            show=False,
            tooltip="Put the person in or out",
        ),
    ]

    def __init__(self, view: LayerView, choice: LayerChoice) -> None:
        super().__init__(id=f"matrix-{view.account}", fixed_columns=1, cursor_type="cell")
        self.view = view
        self.choice = choice

    def on_mount(self) -> None:
        self.show()

    def columns_shown(self) -> list[tuple[str, str]]:
        """The name that the choice knows a group by, and the heading to show."""
        columns = []
        for group in self.view.groups:
            new = self.choice.rename.get(group.name)
            heading = f"{group.name}→{new}" if new else group.name
            columns.append((group.name, f"{heading} (goes)" if group.name in self.choice.remove else heading))
        return [*columns, *((name, f"{name} (new)") for name in self.new_names())]

    def new_names(self) -> list[str]:
        """The groups that are still to be made."""
        there = {group.name for group in self.view.groups}
        return [one.name for one in self.choice.add if one.name not in there]

    def names(self) -> list[str]:
        """All names that are in use, or will be."""
        there = [group.name for group in self.view.groups]
        return [*there, *self.view.machine_groups, *self.new_names(), *self.choice.rename.values()]

    def show(self) -> None:
        """Draw the matrix as the choice says."""
        at = self.cursor_coordinate
        self.clear(columns=True)
        columns = self.columns_shown()
        self.add_columns("Person", *(heading for _, heading in columns))
        for name in self.view.people:
            self.add_row(name, *(self._mark(name, group) for group, _ in columns), key=name)
        self.move_cursor(row=at.row, column=max(1, at.column))

    def _mark(self, name: str, group: str) -> str:
        before = group in self.view.now[name]
        after = group in self.choice.members[name]
        if before:
            return _STAYS if after else _LEAVES
        return _JOINS if after else _OUT

    def marked_group(self) -> str:
        """The group of the marked cell, "" on the names."""
        columns = self.columns_shown()
        column = self.cursor_coordinate.column - 1
        return columns[column][0] if 0 <= column < len(columns) else ""

    def action_put(self) -> None:
        """Put the marked person into the marked group, or out of it."""
        group, row = self.marked_group(), self.cursor_coordinate.row
        if not group or row >= len(self.view.people):
            return
        name = self.view.people[row]
        members = dict(self.choice.members)
        members[name] = members[name] ^ {group}
        self.choice = replace(self.choice, members=members)
        self.update_cell_at(
            Coordinate(row, self.cursor_coordinate.column), self._mark(name, group), update_width=True
        )


class GroupsPane(StepPane):
    """One matrix a layer, below each other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "new_group", "New group", id="groups.new", tooltip="Make a group like the marked one"),
        Binding(
            "e", "rename_group", "Rename", id="groups.rename", tooltip="Give the marked group another name"
        ),
        Binding("x", "remove_group", "Remove", id="groups.remove", tooltip="Remove the marked group"),
    ]
    DEFAULT_CSS = """
    GroupsPane #matrix { height: auto; }
    GroupsPane .layer-title { text-style: bold; margin-top: 1; }
    GroupsPane Matrix { height: auto; max-height: 12; }
    GroupsPane .layer-notes { height: auto; color: $text-muted; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._views: tuple[LayerView, ...] = ()

    def compose_body(self) -> ComposeResult:
        words = "Arrows move; Space puts a person into a group or out of it; Tab goes to the next layer."
        yield Static(words, markup=False)
        yield Vertical(id="matrix")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_move("look", lambda report: groups.look(self.context, report))

    @on(StepPane.MoveDone)
    async def _looked(self, message: StepPane.MoveDone) -> None:
        if message.name != "look":
            return
        self._views = message.result
        holder = self.query_one("#matrix", Vertical)
        await holder.remove_children()
        drafted = self.opening.draft.get("layers", {})
        for view in self._views:
            choice = _with_draft(groups.decided(self.context, view), drafted.get(view.account))
            matrix = Matrix(view, choice)
            await holder.mount(
                Static(view.account, classes="layer-title", markup=False),
                matrix,
                Static(_notes(view), classes="layer-notes", markup=False),
            )
        if self._views:
            self.query(Matrix).first().focus(scroll_visible=False)
        else:
            words = "Nobody joins one of these layers or changes groups in it: Next (^n) goes on."
            await holder.mount(Static(words, markup=False))
        self._remember()

    def _marked(self) -> Matrix | None:
        """The matrix that the keys are about: the focused one, or the only one."""
        for matrix in self.query(Matrix):
            if matrix.has_focus or len(self._views) == 1:
                return matrix
        self.notify("Mark a group in one of the tables first.", severity="warning")
        return None

    def action_new_group(self) -> None:
        """Ask for a name and make a group in the shape of the marked one."""
        matrix = self._marked()
        if matrix is None:
            return
        sibling = matrix.marked_group() or (matrix.view.groups[0].name if matrix.view.groups else "")

        def answered(wish: GroupWish | None) -> None:
            if wish:
                added = (*matrix.choice.add, NewGroup(wish.name, sibling))
                matrix.choice = replace(matrix.choice, add=added)
                matrix.show()
                matrix.move_cursor(column=len(matrix.columns_shown()))

        of_sibling = next((group.policies for group in matrix.view.groups if group.name == sibling), ())
        policies = [_short(policy) for policy in of_sibling]
        self.app.push_screen(GroupDialog("A new group", sibling, policies, matrix.names()), answered)

    def action_rename_group(self) -> None:
        """Ask for another name of the marked group."""
        matrix = self._marked()
        group = matrix.marked_group() if matrix else ""
        if matrix is None or not group:
            return

        def answered(wish: GroupWish | None) -> None:
            if wish:
                matrix.choice = groups.renamed(matrix.choice, group, wish.name)
                matrix.show()

        taken = [name for name in matrix.names() if name.casefold() != group.casefold()]
        self.app.push_screen(GroupDialog(f"Another name for {group}", "", (), taken, group), answered)

    def action_remove_group(self) -> None:
        """Ask, then remove the marked group; a new one is simply forgotten."""
        matrix = self._marked()
        group = matrix.marked_group() if matrix else ""
        if matrix is None or not group:
            return
        if group in matrix.new_names():
            matrix.choice = groups.removed(matrix.choice, group)
            matrix.show()
            return

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual's callback
            if yes:
                matrix.choice = groups.removed(matrix.choice, group)
                matrix.show()

        names = next((one.members for one in matrix.view.groups if one.name == group), ())
        body = f"Members: {', '.join(names) or 'none'}. Nothing is written before Review."
        self.app.push_screen(Confirm(f"Remove the group {group}?", body, "Remove", typed=group), answered)

    def request(self) -> Request:
        return Request({matrix.view.account: matrix.choice for matrix in self.query(Matrix)})

    def draft(self) -> Mapping[str, Any]:
        layers = {matrix.view.account: _as_draft(matrix.choice) for matrix in self.query(Matrix)}
        return {"layers": layers} if layers else {}


def _as_draft(choice: LayerChoice) -> dict[str, Any]:
    return {
        "members": {name: sorted(some) for name, some in choice.members.items()},
        "add": [[one.name, one.sibling] for one in choice.add],
        "remove": list(choice.remove),
        "rename": dict(choice.rename),
    }


def _with_draft(choice: LayerChoice, draft: Mapping[str, Any] | None) -> LayerChoice:
    """What was half-decided; people whose groups are not decided here any more are left out."""
    if draft is None:
        return choice
    kept = {name: frozenset(some) for name, some in draft["members"].items() if name in choice.members}
    return LayerChoice(
        members={**choice.members, **kept},
        add=tuple(NewGroup(name, sibling) for name, sibling in draft["add"]),
        remove=tuple(draft["remove"]),
        rename=dict(draft["rename"]),
    )


def _notes(view: LayerView) -> str:
    """The policies of each group, and what else there is."""
    lines = [f"{group.name}: {', '.join(_short(one) for one in group.policies)}" for group in view.groups]
    if view.machine_groups:
        lines.append(f"For machine users, not offered here: {', '.join(view.machine_groups)}")
    return "\n".join([*lines, *(f"! {words}" for words in view.hidden)])


def _short(policy: str) -> str:
    """A policy without what all have: the beginning of AWS's ARNs, or of a reference to an own one."""
    text = policy.strip('"').removeprefix("arn:aws:iam::aws:policy/")
    return text.removeprefix("aws_iam_policy.").removesuffix(".arn")
