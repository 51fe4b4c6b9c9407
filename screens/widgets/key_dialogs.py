"""The dialogs of the keys' screen: which of several keys, what lies in the layers, what is for nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from screens.key_words import choice_lines, present_words
from screens.widgets.choices import Choices
from screens.widgets.dialogs import Dialog
from screens.widgets.text import Button, OptionList, Table, Text
from workflows.core.openpgp import grouped
from workflows.steps.judged_keys import TakenKey
from workflows.steps.layer_keys import PresentKey


class KeyChoice(Dialog[TakenKey]):
    """Which of several keys is a person's; the best match is chosen at first.

    Args:
        name: the person.
        keys: the keys, the likeliest first.
    """

    AUTO_FOCUS = "#keys"
    DEFAULT_CSS = """
    KeyChoice > Vertical { width: 78; max-width: 98%; }
    KeyChoice Choices { max-height: 15; }
    """

    def __init__(self, name: str, keys: Sequence[TakenKey]) -> None:
        super().__init__(f"{len(keys)} keys. Which one is for {name}?")
        self._keys = {key.fingerprint: key for key in keys}

    def body(self) -> ComposeResult:
        yield Choices([(one, choice_lines(key)) for one, key in self._keys.items()], id="keys")

    def buttons(self) -> Iterable[Button]:
        yield Button("Take this one", id="take", variant="primary")
        yield Button("None (esc)", id="close")

    @on(OptionList.OptionSelected, "#keys")
    def action_take(self) -> None:
        """Answer with the chosen key."""
        self.dismiss(self._keys[self.query_one(Choices).value])


class LayerKeys(Dialog[bool]):
    """Every key file that lies in the layers, with the verdict on each.

    Args:
        rows: the files, the worst first.
        copy: copies a text for the owner of a key, in the background.
    """

    AUTO_FOCUS = "#files"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "owner", "Text for owner", id="layerkeys.owner"),
    ]
    DEFAULT_CSS = """
    LayerKeys > Vertical { width: 96%; max-width: 116; }
    LayerKeys Table { height: auto; max-height: 45vh; }
    LayerKeys #about { min-height: 5; margin-top: 1; }
    """

    def __init__(self, rows: Sequence[PresentKey], copy: Callable[[PresentKey], None]) -> None:
        super().__init__("Already in the layer")
        self._rows = list(rows)
        self._copy = copy

    def body(self) -> ComposeResult:
        bad = sum(1 for row in self._rows if not row.accepted)
        soon = sum(1 for row in self._rows if row.soon)
        yield Text(f"{len(self._rows)} key files, {bad} refused, {soon} expired or soon to expire")
        yield Table(id="files", cursor_type="row", zebra_stripes=True)
        yield Text("", id="about")

    def buttons(self) -> Iterable[Button]:
        yield Button("Text for owner (o)", id="owner")
        yield from super().buttons()

    def on_mount(self) -> None:
        table = self.query_one("#files", Table)
        table.add_columns("File", "Layer", "Verdict", "Expires", "Used by")
        for number, row in enumerate(self._rows):
            until = str(row.expires) if row.expires else "never" if row.algorithm else "-"
            expires = f"! {until}" if row.soon else until
            name = row.file.removeprefix("keys/")
            users = ", ".join(row.users) or "nobody"
            table.add_row(name, row.account, str(row.mark), expires, users, key=str(number))
        self._tell()

    @property
    def _marked(self) -> PresentKey | None:
        table = self.query_one("#files", Table)
        return self._rows[table.cursor_row] if table.row_count else None

    @on(Table.RowHighlighted, "#files")
    def _tell(self) -> None:
        row = self._marked
        lines = ["There are no key files in these layers."]
        if row is not None:
            lines = [f"{row.mark.sign} {row.explanation}", *(f"! {words}" for words in row.warnings)]
            lines += [present_words(row), ", ".join(row.user_ids), grouped(row.fingerprint)]
        self.query_one("#about", Text).update("\n".join(line for line in lines if line))

    def action_owner(self) -> None:
        """Copy what to tell the owner of the marked key."""
        row = self._marked
        if row is None or not row.for_owner:
            self.notify("There is nothing to tell the owner of this key.")
        else:
            self._copy(row)
