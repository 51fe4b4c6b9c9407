"""The account's screen: alias and password policy of each layer, evaluated; plain values can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import DescendantFocus

from screens.base import Opening, StepPane
from screens.by_hand import ByHandPane
from screens.widgets.account_form import AccountForm
from screens.widgets.optional_box import OptionalBox
from screens.widgets.problems import ProblemList
from screens.widgets.text import Text
from workflows.layer.model import Constant
from workflows.steps import account
from workflows.steps.account import EXPLANATIONS, LayerView, Request
from workflows.steps.by_hand import Spot


class AccountPane(ByHandPane):
    """One form a layer, below each other; at the foot, what the marked setting does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "e",
            "edit_by_hand",
            "Edit by hand",
            id="account.by-hand",
            show=False,
            tooltip="Open your editor where a setting is computed",
        )
    ]
    DEFAULT_CSS = """
    AccountPane #forms { height: auto; }
    AccountPane #meaning { height: auto; max-height: 4; color: $text-muted; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._views: Sequence[LayerView] = ()
        self._half_entered: Mapping[str, Mapping[str, Constant]] = opening.draft.get("layers", {})

    def compose_body(self) -> ComposeResult:
        yield Text("Space switches; Next (^n) goes on, with or without a change.")
        yield Vertical(id="forms")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(".pane-foot").mount(Text("", id="meaning"), before=0)
        self._look()

    def _look(self) -> None:
        self.run_move("look", lambda report: account.look(self.context, report))

    @on(StepPane.MoveDone)
    async def _looked(self, message: StepPane.MoveDone) -> None:
        if message.name != "look":
            return
        first, self._views = not self._views, message.result
        focused = self.screen.focused
        marked = focused.id if focused is not None else None
        holder = self.query_one("#forms", Vertical)
        await holder.remove_children()
        for view in self._views:
            decided = account.decided(self.context, view)
            form = AccountForm(view, decided, self._half_entered.get(view.account, {}))
            await holder.mount(form)
            form.tell_weak()
        fields = [
            *self.query("AccountForm Input"),
            *self.query("AccountForm MarkBox"),
        ]
        if fields:
            again = next((one for one in fields if one.id == marked), None)
            (again or fields[0]).focus(scroll_visible=again is not None)
        if first:
            self._remember()

    @on(DescendantFocus)
    def _explain(self, event: DescendantFocus) -> None:
        """Say what the marked setting does."""
        names = [form.name_of(event.widget.id) for form in self.query(AccountForm)]
        name = next((one for one in names if one), "")
        self.query_one("#meaning", Text).update(EXPLANATIONS.get(name, ""))

    @on(OptionalBox.Turned)
    def _turned(self) -> None:
        self.query_one(ProblemList).show([])

    def places(self) -> Sequence[Spot]:
        """The places of the layer with the focus come first."""
        focused = self.screen.focused
        around = focused.ancestors if focused is not None else ()
        here = [form.view.account for form in self.query(AccountForm) if form in around]
        views = sorted(self._views, key=lambda view: view.account not in here)
        return [spot for view in views for spot in view.spots]

    def read_again(self) -> None:
        self._half_entered = {form.view.account: form.entered() for form in self.query(AccountForm)}
        self._look()

    def request(self) -> Request:
        return Request({form.view.account: form.choice() for form in self.query(AccountForm)})

    def draft(self) -> Mapping[str, Any]:
        if not self._views:
            return {}
        return {"layers": {form.view.account: form.entered() for form in self.query(AccountForm)}}
