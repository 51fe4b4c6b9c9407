"""The account's screen: alias and password policy of each layer, evaluated; plain values can be changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from screens.base import Opening, StepPane
from screens.widgets.field_row import FieldRow
from screens.widgets.marks import MarkBox
from workflows.layer.model import Constant
from workflows.layer.names import POLICY_NUMBERS
from workflows.steps import account
from workflows.steps.account import MEANINGS, Choice, LayerView, Request


class AccountForm(Vertical):
    """The settings of one layer; what cannot be changed is a line of text.

    Args:
        view: the layer as it is.
        values: the values to begin with.
    """

    def __init__(self, view: LayerView, values: Mapping[str, Constant]) -> None:
        super().__init__(classes="account-form")
        self.view = view
        self._fields = {name: self._field(name, values.get(name)) for name in MEANINGS if view.can_set(name)}

    def compose(self) -> ComposeResult:
        yield Static(f"{self.view.account}  {self.view.relative}", classes="layer-title", markup=False)
        if self.view.told:
            yield Static(self.view.told, markup=False)
        for name in MEANINGS:
            field = self._fields.get(name)
            if isinstance(field, MarkBox):
                yield field
            elif field is not None:
                yield FieldRow(MEANINGS[name], field, self._hint(name))
            elif name in self.view.settings:
                yield Static(self._shown(name), markup=False)
        yield Static("", classes="weak", markup=False)
        unset = [f"“{MEANINGS[name]}”" for name in self.view.unset() if not self.view.can_set(name)]
        if self.view.settings and unset:
            words = f"Not set here, so the module's default counts: {', '.join(unset)}."
            yield Static(words, classes="hint", markup=False)

    def _field(self, name: str, value: Constant) -> MarkBox | Input:
        widget_id = account.field_of(self.view.account, name).replace("_", "-")
        if isinstance(value, bool):
            return MarkBox(MEANINGS[name], value=value, id=widget_id, compact=True)
        text = "" if value is None else str(value)
        return Input(value=text, id=widget_id, compact=True, classes="number" if account.limits(name) else "")

    def _hint(self, name: str) -> str:
        hint = account.limits(name)
        return f"{hint}, not set here" if hint and name not in self.view.settings else hint

    def _shown(self, name: str) -> str:
        setting = self.view.settings[name]
        value = "cannot be told" if setting.value is None else _in_words(setting.value)
        shown = f"{MEANINGS[name]}: {value}"
        if not setting.literal:
            shown += f"\n  computed in {setting.place}, left alone:\n  {setting.source}"
        return shown

    def choice(self) -> Choice:
        """What is entered now."""
        values = {name: self._entered(name, field) for name, field in self._fields.items()}
        others = {
            name: setting.value for name, setting in self.view.settings.items() if not self.view.can_set(name)
        }
        return Choice({name: value for name, value in values.items() if value is not None}, others)

    def _entered(self, name: str, field: MarkBox | Input) -> Constant:
        """The value of a field; None for a number that neither the layer nor the person sets."""
        if isinstance(field, MarkBox):
            return field.value
        text = field.value.strip()
        if name not in POLICY_NUMBERS:
            return text
        if text.isascii() and text.isdecimal():
            return int(text)
        return text if text or name in self.view.settings else None

    @on(Input.Changed)
    @on(MarkBox.Changed)
    def tell_weak(self) -> None:
        """Say what is weak about the policy as it is entered now."""
        choice = self.choice()
        weak = account.weaknesses({**choice.others, **choice.values})
        self.query_one(".weak", Static).update("\n".join(f"! {words}" for words in weak))


class AccountPane(StepPane):
    """One form a layer, below each other."""

    DEFAULT_CSS = """
    AccountPane AccountForm { height: auto; margin-bottom: 1; }
    AccountPane .layer-title { text-style: bold; }
    AccountPane #forms { height: auto; }
    AccountPane FieldRow > Label { width: 23; }
    AccountPane FieldRow > .row-hint { width: auto; }
    AccountPane .number { width: 8; }
    AccountPane .hint { color: $text-muted; height: auto; }
    AccountPane .weak { color: $text-warning; height: auto; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._looked_at = False

    def compose_body(self) -> ComposeResult:
        yield Static("Space switches; Next (^n) goes on, with or without a change.", markup=False)
        yield Vertical(id="forms")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_move("look", lambda report: account.look(self.context, report))

    @on(StepPane.MoveDone)
    async def _looked(self, message: StepPane.MoveDone) -> None:
        if message.name != "look":
            return
        holder = self.query_one("#forms", Vertical)
        await holder.remove_children()
        drafted = self.opening.draft.get("layers", {})
        for view in message.result:
            values = {**account.decided(self.context, view), **drafted.get(view.account, {})}
            await holder.mount(form := AccountForm(view, values))
            form.tell_weak()
        self._looked_at = True
        fields = self.query("AccountForm Input, AccountForm MarkBox")
        if fields:
            fields.first().focus()
        self._remember()

    def request(self) -> Request:
        return Request({form.view.account: form.choice() for form in self.query(AccountForm)})

    def draft(self) -> Mapping[str, Any]:
        if not self._looked_at:
            return {}
        return {"layers": {name: dict(choice.values) for name, choice in self.request().layers.items()}}


def _in_words(value: Constant) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
