"""The account's screen: alias and password policy of each layer, evaluated; plain values can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input

from screens.step.by_hand import LayerBar, LayersPane, pending_words
from screens.step.page import Opening
from screens.widgets.fields import BETWEEN_FIELDS, FieldRow
from screens.widgets.lists import MarkBox
from screens.widgets.text import Button, ButtonRow, Text
from workflows.core.sentences import Problem
from workflows.layer.model import Constant
from workflows.layer.names import POLICY_NUMBERS, POLICY_SWITCHES
from workflows.steps.admin import account
from workflows.steps.shared.by_hand import Spot

_NEXT = {None: True, True: False, False: None}
_UNSET = "[·]"
_LABEL = 23
Field = MarkBox | Input


class OptionalBox(MarkBox):
    """Yes, no, or not set; Space cycles through them.

    Args:
        label: its label.
        default: the value while it isn't set, as text, or "" if unknown.
        setting: the initial value.

    Attributes:
        setting: the current value; None while it isn't set.
    """

    class Turned(Message):
        """The value was changed."""

    def __init__(self, label: str, default: str, setting: bool | None, *, id: str) -> None:  # noqa: A002, FBT001
        self.setting = setting
        super().__init__(label, value=bool(setting), id=id)
        self._words = label
        self._unset = f" (default: {default})" if default else " (not set)"
        self._tell()

    def _tell(self) -> None:
        self.label = f"{self._words}{self._unset}" if self.setting is None else self._words

    @property
    def mark(self) -> str:
        """The text in the box."""
        return _UNSET if self.setting is None else super().mark

    def toggle(self) -> Self:
        """Switch to the next of the three values."""
        self.setting = _NEXT[self.setting]
        self.value = bool(self.setting)
        self._tell()
        self.refresh(layout=True)
        self.post_message(self.Turned())
        return self


class AccountForm(Vertical):
    """The settings of one layer.

    Args:
        view: the layer as it is.
        decided: the values decided earlier, else the layer's own; None or missing without either.
        entered: other values entered earlier.

    Attributes:
        fields: the fields of editable settings, by setting.
    """

    DEFAULT_CSS = """
    AccountForm { height: auto; display: none; }
    AccountForm.-shown { display: block; }
    AccountForm Static { height: auto; }
    AccountForm .pair { height: 1; }
    AccountForm .pair > MarkBox { width: 1fr; }
    AccountForm FieldRow .row-label { width: 23; }
    AccountForm FieldRow .row-hint { width: auto; }
    AccountForm .number { width: 10; }
    AccountForm .weak { color: $text-warning; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*BETWEEN_FIELDS]

    def __init__(
        self, view: account.LayerView, decided: Mapping[str, Constant], entered: Mapping[str, Constant]
    ) -> None:
        super().__init__(classes="account-form")
        self.view = view
        self._decided = decided
        values = {**decided, **entered}
        self.fields = {
            name: self._field(name, values.get(name)) for name in account.MEANINGS if view.can_set(name)
        }

    def compose(self) -> ComposeResult:
        if self.view.notice:
            yield Text(self.view.notice)
        boxes: list[MarkBox] = []
        for name in account.MEANINGS:
            field = self.fields.get(name)
            if type(field) is MarkBox and name.startswith("require_"):
                boxes.append(field)
                continue
            pairs = range(0, len(boxes), 2)
            yield from (Horizontal(*boxes[at : at + 2], classes="pair") for at in pairs)
            boxes = []
            if isinstance(field, Input):
                yield FieldRow(account.MEANINGS[name], field, account.limits(name))
            elif field is not None:
                yield field
            elif name in self.view.settings:
                yield Text(self._shown(name))
        yield Text("", classes="weak")

    def _field(self, name: str, value: Constant) -> Field:
        widget_id = account.field_of(self.view.account, name).replace("_", "-")
        setting = self.view.settings.get(name)
        if name in POLICY_SWITCHES and (setting is None or setting.value is None):
            default = account.DEFAULTS.get(name)
            words = "" if default is None else "yes" if default else "no"
            return OptionalBox(
                account.MEANINGS[name], words, value if isinstance(value, bool) else None, id=widget_id
            )
        if isinstance(value, bool):
            return MarkBox(account.MEANINGS[name], value=value, id=widget_id)
        text = "" if value is None else str(value)
        number = bool(account.limits(name))
        field = Input(value=text, placeholder="not set", id=widget_id, compact=True)
        field.set_class(number, "number")
        field.restrict = r"(\s*\S+\s*)?" if number else None  # Space, which changes a box, would replace it
        return field

    def _shown(self, name: str) -> str:
        setting = self.view.settings[name]
        value = "unknown" if setting.value is None else _in_words(setting.value)
        computed = "" if setting.literal else f"  computed in {setting.place}"
        return f"{account.MEANINGS[name]:<{_LABEL - 1}} {value}{computed}"

    def choice(self) -> account.Choice:
        """Return the current input."""
        values = {name: self._entered(name, field) for name, field in self.fields.items()}
        others = {
            name: setting.value for name, setting in self.view.settings.items() if not self.view.can_set(name)
        }
        entered = {name: value for name, value in values.items() if value is not None}
        return account.Choice(entered, others, self.view.shortest)

    def entered(self) -> dict[str, Constant]:
        """Return input that differs from the decision; None for settings that are unset now."""
        values = {name: self._entered(name, field) for name, field in self.fields.items()}
        return {name: value for name, value in values.items() if value != self._decided.get(name)}

    @property
    def pending(self) -> int:
        """Count the settings that differ from the layer."""
        settings = self.view.settings
        return sum(
            value != (settings[name].value if name in settings else None)
            for name, value in self.choice().values.items()
        )

    def _entered(self, name: str, field: Field) -> Constant:
        """Return a field's value; None if neither the layer nor the user sets it."""
        if isinstance(field, OptionalBox):
            return field.setting
        if isinstance(field, MarkBox):
            return field.value
        text = field.value.strip()
        if name not in POLICY_NUMBERS:
            return text
        if text.isascii() and text.isdecimal():
            return int(text)
        setting = self.view.settings.get(name)
        return text if text or (setting is not None and setting.value is not None) else None

    @on(Input.Changed)
    @on(MarkBox.Changed)
    @on(OptionalBox.Turned)
    def tell_weak(self) -> None:
        """Show what is weak about the entered policy."""
        self.query_one(".weak", Text).show_lines(
            [f"! {words}" for words in account.weaknesses(self.choice())]
        )


def _in_words(value: Constant) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class AccountPane(LayersPane):
    """One account at a time; below its settings, an explanation of the selected one."""

    UNCHANGED = "Keep the settings as they are"
    FIXED = "#forms"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "layer", "Account", id="account.layer", tooltip="Show the next account"),
        Binding("e", "edit_by_hand", "Edit by hand", id="account.by-hand", tooltip="Open your editor there"),
    ]
    DEFAULT_CSS = """
    AccountPane > .pane-head { margin-bottom: 0; }
    AccountPane #forms { height: 1fr; margin-top: 1; scrollbar-size-vertical: 1; }
    AccountPane #meaning { height: 3; color: $text-muted; }
    AccountPane ButtonRow { margin: 0; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._views: Sequence[account.LayerView] = ()
        self._half_entered: Mapping[str, Mapping[str, Constant]] = opening.draft.get("layers", {})

    def compose_body(self) -> ComposeResult:
        yield LayerBar("Reading the settings", self.show_layer, id="layers")
        yield VerticalScroll(id="forms", can_focus=False)
        yield Text("", id="meaning")
        yield ButtonRow(
            Button("Next account", id="layer", key="l"), Button("Edit by hand", id="edit_by_hand", key="e")
        )

    def read(self) -> None:
        self.run_move(
            "look", lambda report: account.survey(self.context, report), self._show_settings, looks=True
        )

    async def _show_settings(self, views: Sequence[account.LayerView]) -> None:
        first, self._views = not self._views, views
        focused = self.screen.focused
        marked = focused.id if focused is not None else None
        holder = self.query_one("#forms")
        await holder.remove_children()
        for view in views:
            decided = account.decided(self.context, view)
            form = AccountForm(view, decided, self._half_entered.get(view.account, {}))
            await holder.mount(form)
            form.tell_weak()
        if views:
            self.show_layer(self.account or views[0].account, marked)
        self.offer_layers()
        if first:
            self._remember()

    # -- from account to account -------------------------------------------------------------------

    def show_layer(self, account: str, field: str | None = None) -> None:
        """Show one account's settings, focusing a field or else the first one."""
        self.account = account
        for form in self.query(AccountForm):
            form.set_class(form.view.account == account, "-shown")
        if fields := [widget for widget in self.query("AccountForm.-shown *") if widget.focusable]:
            next((widget for widget in fields if widget.id == field), fields[0]).focus()
        self._tell_pending()

    @on(Input.Changed)
    @on(MarkBox.Changed)
    @on(OptionalBox.Turned)
    def _tell_pending(self) -> None:
        pending = [(account, pending_words(number)) for account, number in self.pending().items()]
        self.query_one(LayerBar).show(pending, self.account)
        self.primary_changed()

    def pending(self) -> Mapping[str, int]:
        return {form.view.account: form.pending for form in self.query(AccountForm)}

    def advance(self) -> None:
        """First require valid input, and that every account was seen."""
        here = {name: choice for name, choice in self.request().layers.items() if name == self.account}
        problems = account.validate(account.Request(here), self.context)
        if any(problem.fatal for problem in problems):
            self.show_problems(problems)
        else:
            super().advance()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        fields = [problem.field for problem in problems if problem.field]
        of_them = [
            view.account for view in self._views if fields and fields[0].startswith(f"set-{view.account}-")
        ]
        if of_them and of_them[0] != self.account:
            self.show_layer(of_them[0])
        super().show_problems(problems)

    @on(events.DescendantFocus)
    def _explain(self, event: events.DescendantFocus) -> None:
        names = {field.id: name for form in self.query(AccountForm) for name, field in form.fields.items()}
        self.query_one("#meaning", Text).update(account.EXPLANATIONS.get(names.get(event.widget.id, ""), ""))

    @on(OptionalBox.Turned)
    def _turned(self) -> None:
        self.show_problems([])

    def places(self) -> Sequence[Spot]:
        """List the places of the current account first."""
        views = sorted(self._views, key=lambda view: view.account != self.account)
        return [spot for view in views for spot in view.spots]

    def read_again(self) -> None:
        self._half_entered = {form.view.account: form.entered() for form in self.query(AccountForm)}
        self.read()

    def request(self) -> account.Request:
        return account.Request({form.view.account: form.choice() for form in self.query(AccountForm)})

    def draft(self) -> Mapping[str, Any]:
        if not self._views:
            return {}
        return {"layers": {form.view.account: form.entered() for form in self.query(AccountForm)}}
