"""The settings of one layer's account as a form; what cannot be changed is a line of text."""

from __future__ import annotations

from collections.abc import Mapping

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from screens.widgets.field_row import FieldRow
from screens.widgets.optional_box import OptionalBox
from screens.widgets.text import MarkBox, Text
from workflows.layer.model import Constant
from workflows.layer.names import POLICY_NUMBERS, POLICY_SWITCHES
from workflows.steps import account
from workflows.steps.account import DEFAULTS, MEANINGS, Choice, LayerView, limits, weaknesses

Field = MarkBox | Input


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
