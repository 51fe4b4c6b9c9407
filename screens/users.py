"""The users' screen: people who join and leave, layer by layer, and who is there, with what they sign in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Label, Static
from textual.widgets.selection_list import Selection

from screens.base import Opening, StepPane
from screens.by_hand import ByHandPane
from screens.user_lines import UserLines, Who, told, told_spot
from screens.widgets.dialogs import ErrorDialog
from screens.widgets.filter_field import FilterField
from screens.widgets.line_list import LineList
from screens.widgets.marks import MarkList
from screens.widgets.name_dialog import NameDialog
from screens.widgets.problems import ProblemList
from screens.widgets.user_list import UserList
from workflows.layer.model import Person
from workflows.steps import access, users
from workflows.steps.by_hand import NotPossible, Spot, not_possible, spot_at
from workflows.steps.user_views import LayerView
from workflows.steps.users import Request

_ADD, _REMOVE = "+", "-"
_WORDS = {_ADD: "joins", _REMOVE: "leaves"}


class UsersPane(ByHandPane):
    """A mark for every person and layer; below, everybody in the layers."""

    DEFAULT_CSS = """
    UsersPane #hint { height: auto; }
    UsersPane #people { max-height: 6; }
    UsersPane #find { height: 1; }
    UsersPane #find > Input { width: 1fr; }
    UsersPane #find > Label { width: auto; padding-left: 1; color: $text-muted; }
    UsersPane #there { height: 1fr; min-height: 6; }
    UsersPane #about { height: auto; max-height: 5; color: $text-muted; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._views: tuple[LayerView, ...] = ()
        self._written = Request()
        self._own = Request()
        self._lines = UserLines(())
        self._half_entered: Mapping[str, Any] = opening.draft

    def compose_body(self) -> ComposeResult:
        yield Static("", id="hint", markup=False)
        yield MarkList(id="people", compact=True)
        with Horizontal(id="find"):
            yield FilterField(
                placeholder="Filter by name, group, layer or key file", id="filter", compact=True
            )
            yield Label("", id="count", markup=False)
        yield UserList()
        yield Static("", id="about", markup=False)

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
        self._own = Request(access=wanted.access, key_files=wanted.key_files)
        people = self.query_one("#people", MarkList)
        people.clear_options()
        for view in self._views:
            people.add_options(self._choices(view, wanted))
        self.query_one("#hint", Static).update(_hint(people.option_count, self._written))
        people.highlighted = 0 if people.option_count else None
        self._lines.show(self.request())
        self._filter()
        if before:
            self._tell_difference(before)
        else:
            (people if people.option_count else self.query_one(UserList)).focus()
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
        decided: Mapping[str, Any] = self._half_entered or self.context.facts.get("user_changes") or {}
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
        self.query_one("#count", Label).update(f"{found:,} of {count:,}" if words else f"{count:,} users")

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
        elif (found := self._marked()) is not None:
            about = [*self._consequences(*found), *told(*found)]
        self.query_one("#about", Static).update("\n".join(about))

    def _marked(self) -> tuple[LayerView, Person] | None:
        """The marked person, with the layer."""
        line = self.query_one(UserList).marked
        who = line.key if line is not None and isinstance(line.key, Who) else None
        view = next((one for one in self._views if who is not None and one.account == who.account), None)
        person = view.person(who.name) if view is not None and who is not None else None
        return (view, person) if view is not None and person is not None else None

    def _consequences(self, view: LayerView, person: Person) -> list[str]:
        switches = self._own.access.get(view.account, {}).get(person.iam_name, {})
        after = {fact: switches.get(fact, getattr(person, fact)) for fact in access.WORDS}
        told = []
        for fact, wanted in switches.items():
            if wanted is not getattr(person, fact):
                left = any(after[other] for other in access.WORDS if other != fact)
                shared = view.sharing(person)
                told.append(access.consequence(person, fact, wanted=wanted, left=left, shared=shared))
        return told

    # -- what the person does ----------------------------------------------------------------------

    @on(UserList.Wanted)
    def _do(self, message: UserList.Wanted) -> None:
        line, found = self.query_one(UserList).marked, self._marked()
        if self.running_move or line is None:
            return
        if message.what == "by_hand":
            self.edit_at(line.key if isinstance(line.key, Spot) else _own_spot(*found) if found else line.key)
        elif found is None:
            self.notify("Mark a person for that; e opens your editor here.", severity="warning")
        elif found[1].iam_name in self.request().remove.get(found[0].account, ()):
            self.notify(f"{found[1].iam_name} leaves {found[0].account}; nothing else changes for them.")
        elif message.what == "key_file":
            self._ask_key_file(*found)
        else:
            self._switch(*found, message.what)

    def _switch(self, view: LayerView, person: Person, fact: str) -> None:
        now = self._own.access.get(view.account, {}).get(person.iam_name, {}).get(fact, getattr(person, fact))
        refusal = access.switch_refusal(view.layer, person, fact, wanted=not now)
        if refusal is not None:
            self._refuse(not_possible(view.layer, refusal, "Leave it as it is"))
            return
        decided = (self.context.facts.get("user_changes") or {}).get("access", {})
        changed = access.switched(self._own.access, view.account, person, fact, decided)
        self._own = replace(self._own, access=access.trimmed(changed))
        self._changed(view, person)

    def _ask_key_file(self, view: LayerView, person: Person) -> None:
        refusal = access.rename_refusal(view.layer, person)
        if refusal is not None:
            self._refuse(not_possible(view.layer, refusal, "Leave it as it is"))
            return
        before = self._own.key_files.get(view.account, {}).get(person.iam_name, access.file_of(person))

        def answered(name: str | None) -> None:
            if name is not None:
                own = self._own.key_files
                new = {**own.get(view.account, {}), person.iam_name: name}
                if name == access.file_of(person):
                    new.pop(person.iam_name)
                key_files = access.trimmed({**own, view.account: new})
                self._own = replace(self._own, key_files=key_files)
                self._changed(view, person)

        def wrong(name: str) -> str:
            return "" if name == access.file_of(person) else access.wrong_file(view.layer, person, name)

        words = "The key stays the same, so no password and no access key is made anew."
        title = f"Another name for the key file of {person.iam_name}"
        self.app.push_screen(NameDialog(title, words, before, wrong), answered)

    def _changed(self, view: LayerView, person: Person) -> None:
        self.query_one(ProblemList).show([])
        self._lines.show_one(view, person, self.request())
        self._filter()

    def _refuse(self, error: NotPossible) -> None:
        def answered(wants_to_edit: bool | None) -> None:  # noqa: FBT001 - Textual's callback
            if wants_to_edit and error.spot is not None:
                self.edit_at(error.spot)

        dialog = ErrorDialog(error, self.context.world.clipboard.copy, editable=error.spot is not None)
        self.app.push_screen(dialog, answered)

    @on(MarkList.SelectedChanged, "#people")
    def _remarked(self) -> None:
        if self._views:
            self._lines.show(self.request())
            self._filter()

    # -- editing by hand ---------------------------------------------------------------------------

    def places(self) -> Sequence[Spot]:
        return [spot for view in self._views for spot in view.spots]

    def read_again(self) -> None:
        self._half_entered = self.draft()
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
        marked = replace(self._own, add=self._names_marked(_ADD), remove=self._names_marked(_REMOVE))
        return users.merged(self._written, marked)

    def draft(self) -> Mapping[str, Any]:
        return users.as_changes(self.request()) if self._views else {}


def _looked(views: tuple[LayerView, ...]) -> tuple[tuple[LayerView, ...], UserLines]:
    """The views, and their lines with what takes time."""
    return views, UserLines(views)


def _own_spot(view: LayerView, person: Person) -> Spot:
    return spot_at(view.layer, person.place, f"{person.iam_name} is declared here.")


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
