"""The account's screen: alias and password policy of each layer, evaluated; plain values can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import DescendantFocus
from textual.message import Message
from textual.widgets import Input

from screens.step.by_hand import ByHandPane
from screens.step.page import Opening
from screens.widgets.fields import FieldRow
from screens.widgets.lists import MarkBox
from screens.widgets.text import Text
from workflows.layer.model import Constant
from workflows.layer.names import POLICY_NUMBERS, POLICY_SWITCHES
from workflows.steps.admin import account
from workflows.steps.admin.account import (
    DEFAULTS,
    EXPLANATIONS,
    MEANINGS,
    Choice,
    LayerView,
    Request,
    limits,
    weaknesses,
)
from workflows.steps.shared.by_hand import Spot

_NEXT = {None: True, True: False, False: None}
_UNSET = "[·]"
Field = MarkBox | Input


class OptionalBox(MarkBox):
    """Yes, no, or not set; Space goes round.

    Args:
        label: what it is about.
        default: what counts while it is not set, in words, or "" if that is not known.
        setting: what to begin with.

    Attributes:
        setting: what it stands at; None while it is not set.
    """

    @dataclass
    class Turned(Message):
        """It was turned."""

        box: OptionalBox

    def __init__(self, label: str, default: str, setting: bool | None, *, id: str) -> None:  # noqa: A002, FBT001
        self.setting = setting
        super().__init__(label, value=bool(setting), id=id)
        self._words = label
        self._default = f" (default: {default})" if default else ""
        self._tell()

    def _tell(self) -> None:
        self.label = f"{self._words}; not set{self._default}" if self.setting is None else self._words

    @property
    def mark(self) -> str:
        """What stands in the box."""
        return _UNSET if self.setting is None else super().mark

    def toggle(self) -> Self:
        """Go on to the next of the three."""
        self.setting = _NEXT[self.setting]
        self.value = bool(self.setting)
        self._tell()
        self.refresh(layout=True)
        self.post_message(self.Turned(self))
        return self


class AccountForm(Vertical):
    """The settings of one layer.

    Args:
        view: the layer as it is.
        decided: the values that were decided before, else the layer's own; None or missing where neither is.
        entered: what was entered other than that.
    """

    DEFAULT_CSS = """
    AccountForm { height: auto; margin-bottom: 1; }
    AccountForm Static { height: auto; }
    AccountForm .layer-title { text-style: bold; }
    AccountForm FieldRow > .row-label { width: 23; }
    AccountForm FieldRow > .row-hint { width: auto; }
    AccountForm .number { width: 9; }
    AccountForm .weak { color: $text-warning; }
    """

    def __init__(
        self, view: LayerView, decided: Mapping[str, Constant], entered: Mapping[str, Constant]
    ) -> None:
        super().__init__(classes="account-form")
        self.view = view
        self._decided = decided
        values = {**decided, **entered}
        self._fields = {name: self._field(name, values.get(name)) for name in MEANINGS if view.can_set(name)}

    def compose(self) -> ComposeResult:
        yield Text(f"{self.view.account}  {self.view.relative}", classes="layer-title")
        if self.view.told:
            yield Text(self.view.told)
        for name in MEANINGS:
            field = self._fields.get(name)
            if isinstance(field, Input):
                yield FieldRow(MEANINGS[name], field, limits(name))
            elif field is not None:
                yield field
            elif name in self.view.settings:
                yield Text(self._shown(name))
        yield Text("", classes="weak")

    def _field(self, name: str, value: Constant) -> Field:
        widget_id = account.field_of(self.view.account, name).replace("_", "-")
        setting = self.view.settings.get(name)
        if name in POLICY_SWITCHES and (setting is None or setting.value is None):
            default = DEFAULTS.get(name)
            words = "" if default is None else "yes" if default else "no"
            return OptionalBox(
                MEANINGS[name], words, value if isinstance(value, bool) else None, id=widget_id
            )
        if isinstance(value, bool):
            return MarkBox(MEANINGS[name], value=value, id=widget_id)
        text = "" if value is None else str(value)
        classes = "number" if limits(name) else ""
        return Input(value=text, placeholder="not set", id=widget_id, compact=True, classes=classes)

    def _shown(self, name: str) -> str:
        setting = self.view.settings[name]
        value = "unknown" if setting.value is None else _in_words(setting.value)
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

    def entered(self) -> dict[str, Constant]:
        """What is entered other than it was decided; None for what is not set any more."""
        values = {name: self._entered(name, field) for name, field in self._fields.items()}
        return {name: value for name, value in values.items() if value != self._decided.get(name)}

    def name_of(self, widget_id: str | None) -> str:
        """The setting that a field is for, "" if none of this form is."""
        return next((name for name, field in self._fields.items() if field.id == widget_id), "")

    def _entered(self, name: str, field: Field) -> Constant:
        """The value of a field; None for what neither the layer nor the person sets."""
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
        """Say what is weak about the policy as it is entered now."""
        choice = self.choice()
        weak = weaknesses({**choice.others, **choice.values})
        self.query_one(".weak", Text).update("\n".join(f"! {words}" for words in weak))


def _in_words(value: Constant) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class AccountPane(ByHandPane):
    """One form a layer, below each other; at the foot, what the selected setting does."""

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
        self.query_one(".pane-foot").mount(Text("", id="meaning"), before=0)
        self._look()

    def _look(self) -> None:
        self.run_move("look", lambda report: account.look(self.context, report), self._looked, looks=True)

    async def _looked(self, views: Sequence[LayerView]) -> None:
        first, self._views = not self._views, views
        focused = self.screen.focused
        marked = focused.id if focused is not None else None
        holder = self.query_one("#forms", Vertical)
        await holder.remove_children()
        for view in views:
            decided = account.decided(self.context, view)
            form = AccountForm(view, decided, self._half_entered.get(view.account, {}))
            await holder.mount(form)
            form.tell_weak()
        fields = [*self.query("AccountForm Input"), *self.query("AccountForm MarkBox")]
        if fields:
            again = next((one for one in fields if one.id == marked), None)
            (again or fields[0]).focus(scroll_visible=again is not None)
        if first:
            self._remember()

    @on(DescendantFocus)
    def _explain(self, event: DescendantFocus) -> None:
        """Say what the selected setting does."""
        names = [form.name_of(event.widget.id) for form in self.query(AccountForm)]
        name = next((one for one in names if one), "")
        self.query_one("#meaning", Text).update(EXPLANATIONS.get(name, ""))

    @on(OptionalBox.Turned)
    def _turned(self) -> None:
        self.show_problems([])

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
