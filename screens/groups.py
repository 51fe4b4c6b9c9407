"""The groups' screen: a layer's people and groups as a matrix, and the groups themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from screens.base import Opening, StepPane
from screens.group_keys import GroupKeys
from screens.widgets.filter_field import FilterField
from screens.widgets.layer_bar import LayerBar
from screens.widgets.matrix import Matrix
from screens.widgets.matrix_layout import MatrixLayout
from screens.widgets.matrix_words import about_gone, about_group, about_layer, about_person
from screens.widgets.text import Text
from workflows.steps import group_views
from workflows.steps.by_hand import Spot
from workflows.steps.group_views import LayerChoice, LayerView
from workflows.steps.groups import Request


class GroupsPane(GroupKeys):
    """One layer at a time: its matrix, a filter above, and what is marked in words below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="groups.filter", tooltip="Show some people or groups only"),
        Binding("l", "layer", "Layer", id="groups.layer", tooltip="Show the next layer"),
        Binding("g", "new_group", "New", id="groups.new", tooltip="Make a group like the marked one"),
        Binding(
            "e", "rename_group", "Rename", id="groups.rename", tooltip="Give the marked group another name"
        ),
        Binding(
            "x",
            "remove_group",
            "Remove",
            id="groups.remove",
            tooltip="Remove the marked group, or let it stay after all",
        ),
        Binding(
            "p", "policies", "Policies", id="groups.policies", tooltip="The marked group's managed policies"
        ),
    ]
    DEFAULT_CSS = """
    GroupsPane > .pane-head { margin-bottom: 0; }
    GroupsPane #filter-row { height: 1; }
    GroupsPane #filter-label { width: 7; }
    GroupsPane #filter { width: 1fr; }
    GroupsPane #shown { width: auto; color: $text-muted; padding-left: 1; }
    GroupsPane Matrix { height: 1fr; min-height: 6; }
    GroupsPane #about { height: 25%; min-height: 4; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._views: dict[str, LayerView] = {}
        self._choices: dict[str, LayerChoice] = {}
        self._gone: dict[str, list[str]] = {}
        self._account = ""
        self._read_before = False
        drafts = opening.draft.get("layers", {})
        self._half_decided = {one: group_views.from_draft(draft) for one, draft in drafts.items()}

    def compose_body(self) -> ComposeResult:
        yield LayerBar("Reading the groups", id="layers")
        with Horizontal(id="filter-row"):
            yield Text("Filter", id="filter-label")
            yield FilterField(id="filter", placeholder="a name or a group", compact=True)
            yield Text("", id="shown")
        yield Matrix()
        yield Text("", id="about")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_move("look", lambda report: group_views.look(self.context, report))

    @on(StepPane.MoveDone)
    def _looked(self, message: StepPane.MoveDone) -> None:
        if message.name != "look":
            return
        self._views = {view.account: view for view in message.result}
        for account, view in self._views.items():
            decided = group_views.decided(self.context, view)
            draft = self._half_decided.get(account)
            self._choices[account] = group_views.drafted(view, decided, draft)
            known = [*self._gone.get(account, ()), *(draft.members if draft else ())]
            self._gone[account] = group_views.gone(self.context, message.result, view, known)
        if self._account not in self._views:
            first = next((one for one, view in self._views.items() if view.chosen), "")
            self._account = first or next(iter(self._views), "")
        self._show()
        self.query_one(Matrix).focus(scroll_visible=False)
        if not self._read_before:
            self._remember()
        self._read_before = True

    # -- what is shown -----------------------------------------------------------------------------

    @property
    def view(self) -> LayerView:
        """The layer that is shown."""
        return self._views[self._account]

    @property
    def choice(self) -> LayerChoice:
        """What is decided for it."""
        return self._choices[self._account]

    def choose(self, choice: LayerChoice, group: str = "") -> None:
        """Decide something else for the layer that is shown, and mark a group."""
        self._choices[self._account] = choice
        self._show(group)

    def show_layer(self, account: str) -> None:
        """Show another layer."""
        self._account = account
        self._show()

    def _show(self, group: str = "") -> None:
        if not self._account:
            self.query_one(LayerBar).update("There is no layer to show.")
            return
        matrix, words = self.query_one(Matrix), self.query_one("#filter", FilterField).words
        layout = MatrixLayout(self.view, self.choice, words)
        matrix.show(layout)
        if group:
            matrix.mark(matrix.person, group)
        pending = [(one, view.pending(self._choices[one])) for one, view in self._views.items()]
        self.query_one(LayerBar).show(pending, self._account)
        total = len(self.view.people)
        told = f"{layout.shown:,} of {total:,} shown" if words else f"{total:,} people"
        shown = self.query_one("#shown", Text)
        shown.update(told, layout=len(told) != len(str(shown.content)))

    @on(Matrix.Moved)
    def _moved(self) -> None:
        if self._account:
            self._tell_marked()

    def _tell_marked(self, refused: str = "") -> None:
        matrix = self.query_one(Matrix)
        lines = [
            refused,
            about_gone(self.view, self._gone[self._account]),
            about_person(self.view, self.choice, matrix.person)
            or "Nobody matches; esc in the filter clears it.",
            about_group(self.view, self.choice, matrix.group) or "The layer has no group.",
            about_layer(self.view),
        ]
        self.query_one("#about", Text).update("\n".join(filter(None, lines)), layout=False)

    def places(self) -> Sequence[Spot]:
        """What needs a hand in the layer that is shown, the marked group first."""
        return self.view.spots_for(self.query_one(Matrix).group) if self._account else ()

    def read_again(self) -> None:
        """Read the layers, with what is chosen kept."""
        self._half_decided = dict(self._choices)
        self.run_move("look", lambda report: group_views.look(self.context, report))

    # -- what the person does ----------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """One layer needs no key to the next; without any layer there is nothing to do."""
        if action == "layer":
            return len(self._views) > 1
        if action == "filter":
            return not any(one.has_focus for one in self.query("#filter"))
        return bool(self._account) or not action.endswith(("_group", "policies"))

    @on(FilterField.Changed, "#filter")
    def _filter(self) -> None:
        if self._account:
            layout = MatrixLayout(self.view, self.choice, self.query_one("#filter", FilterField).words)
            self._show(layout.group_meant)

    @on(FilterField.Left)
    def _to_matrix(self) -> None:
        self.query_one(Matrix).focus(scroll_visible=False)

    @on(Matrix.LeftUpwards)
    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one("#filter").focus(scroll_visible=False)

    @on(LayerBar.Chosen)
    def _layer_clicked(self, message: LayerBar.Chosen) -> None:
        self.show_layer(message.account)

    def action_layer(self) -> None:
        """Show the next layer."""
        accounts = list(self._views)
        self.show_layer(accounts[(accounts.index(self._account) + 1) % len(accounts)])

    @on(Matrix.Put)
    def _put(self, message: Matrix.Put) -> None:
        """Put the person into the group, or out of it, or say why not."""
        refused = self.view.refusal(self.choice, message.name, message.group)
        if refused:
            self._tell_marked(f"✗ {refused}")
        else:
            self.choose(self.view.toggled(self.choice, message.name, message.group))

    def request(self) -> Request:
        follow = {account: view.follow for account, view in self._views.items()}
        return Request(dict(self._choices), follow)

    def draft(self) -> Mapping[str, Any]:
        layers = {account: group_views.as_draft(choice) for account, choice in self._choices.items()}
        return {"layers": layers} if layers else {}
