"""The users' screen: people who join and leave, layer by layer, and who is there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import DataTable, Label, Static
from textual.widgets.selection_list import Selection

from screens.base import Opening, StepPane
from screens.widgets.marks import MarkList
from workflows.steps import users
from workflows.steps.users import LayerView, Request

_ADD, _REMOVE = "+", "-"
_WORDS = {_ADD: "joins", _REMOVE: "leaves"}


class UsersPane(StepPane):
    """A mark for every person and layer; below, who is in the layers now."""

    DEFAULT_CSS = """
    UsersPane #hint { height: auto; }
    UsersPane #people { max-height: 10; }
    UsersPane #by-hand { height: auto; color: $text-warning; }
    UsersPane DataTable { height: auto; max-height: 14; margin-top: 1; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._views: tuple[LayerView, ...] = ()
        self._written = Request()

    def compose_body(self) -> ComposeResult:
        yield Static("", id="hint", markup=False)
        yield MarkList(id="people", compact=True)
        yield Static("", id="by-hand", markup=False)
        yield Label("In the layers now")
        yield DataTable(id="there", cursor_type="row", zebra_stripes=True)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#there", DataTable).add_columns("User", "Layer", "Groups", "Declared as")
        self.run_move("look", lambda report: users.look(self.context, report))

    @on(StepPane.MoveDone)
    def _looked(self, message: StepPane.MoveDone) -> None:
        if message.name != "look":
            return
        self._views = message.result
        self._written = users.written(self.context, self._views)
        wanted = self._wanted()
        people = self.query_one("#people", MarkList)
        people.clear_options()
        for view in self._views:
            people.add_options(self._choices(view, wanted))
        table = self.query_one("#there", DataTable)
        table.clear()
        for view in self._views:
            for name, style, groups, _place in view.people:
                table.add_row(name, view.account, ", ".join(groups) or "none", str(style))
        by_hand = [f"! {view.account}: {words}" for view in self._views for words in view.by_hand]
        self.query_one("#by-hand", Static).update("\n".join(by_hand))
        self.query_one("#hint", Static).update(_hint(people.option_count, self._written))
        people.highlighted = 0 if people.option_count else None
        (people if people.option_count else table).focus()
        self._remember()

    def _choices(self, view: LayerView, wanted: Request) -> list[Selection[str]]:
        facts = self.context.facts
        lines = [(_ADD, name, wanted.add) for name in facts["joining"] if not view.has(name)]
        lines += [(_REMOVE, name, wanted.remove) for name in facts["leaving"] if view.has(name)]
        return [
            Selection(
                f"{sign} {name}  {_WORDS[sign]} {view.account}",
                f"{sign}{view.account}/{name}",
                name in chosen.get(view.account, ()),
            )
            for sign, name, chosen in lines
        ]

    def _wanted(self) -> Request:
        """What was decided before, or half-decided, or the proposal."""
        decided: Mapping[str, Any] = self.opening.draft or self.context.facts.get("user_changes") or {}
        return users.resumed(decided, users.proposal(self.context, self._views))

    def _marked(self, sign: str) -> dict[str, tuple[str, ...]]:
        marked: dict[str, tuple[str, ...]] = {view.account: () for view in self._views}
        for value in sorted(self.query_one("#people", MarkList).selected):
            if value.startswith(sign):
                account, _, name = value.removeprefix(sign).partition("/")
                marked[account] = (*marked.get(account, ()), name)
        return marked

    def request(self) -> Request:
        marked = Request(add=self._marked(_ADD), remove=self._marked(_REMOVE))
        return users.merged(self._written, marked)

    def draft(self) -> Mapping[str, Any]:
        if not self._views:
            return {}
        request = self.request()
        return {
            "add": {account: list(names) for account, names in request.add.items()},
            "remove": {account: list(names) for account, names in request.remove.items()},
        }


def _hint(choices: int, written: Request) -> str:
    lines = []
    for words, chosen in (("added to", written.add), ("removed from", written.remove)):
        lines += [f"✓ {', '.join(names)} {words} {account}" for account, names in chosen.items() if names]
    if lines:
        lines.append("That is in the files already. To undo it, change who joins or leaves in Project.")
    if choices:
        lines.append("Space marks and unmarks; Next (^n) goes on. Nothing is written yet.")
    else:
        lines.append("Nobody else joins or leaves a layer: Next (^n) goes on.")
    return "\n".join(lines)
