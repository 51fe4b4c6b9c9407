"""The dialogs of the keys' screen: which of several keys, what lies in the layers, what is for nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen

from screens.key_words import choice_lines, present_words
from screens.widgets.choices import Choices
from screens.widgets.dialogs import Dialog
from screens.widgets.text import Button, OptionList, Table, Text
from workflows.core.openpgp import grouped
from workflows.steps.judged_keys import TakenKey
from workflows.steps.layer_keys import PresentKey


class KeyChoice(ModalScreen[TakenKey | None]):
    """Which of several keys is a person's; the best match is chosen at first.

    Args:
        name: the person.
        keys: the keys, the likeliest first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "None", id="keychoice.cancel")]
    DEFAULT_CSS = """
    KeyChoice { align: center middle; }
    KeyChoice > Vertical {
        width: 78; max-width: 98%; height: auto; max-height: 94%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    KeyChoice Choices { max-height: 15; }
    KeyChoice Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    KeyChoice Button { margin-left: 2; min-width: 10; }
    """

    def __init__(self, name: str, keys: Sequence[TakenKey]) -> None:
        super().__init__()
        self._name = name
        self._keys = {key.fingerprint: key for key in keys}

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = f"{len(self._keys)} keys. Which one is for {self._name}?"
            yield Choices([(one, choice_lines(key)) for one, key in self._keys.items()], id="keys")
            with Horizontal():
                yield Button("Take this one", id="take", variant="primary")
                yield Button("None (esc)", id="cancel")

    def on_mount(self) -> None:
        self.query_one(Choices).focus()

    @on(OptionList.OptionSelected, "#keys")
    @on(Button.Pressed, "#take")
    def _take(self) -> None:
        self.dismiss(self._keys[self.query_one(Choices).value])

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close without a choice."""
        self.dismiss(None)


class LayerKeys(ModalScreen[None]):
    """Every key file that lies in the layers, with the verdict on each.

    Args:
        rows: the files, the worst first.
        copy: copies a text for the owner of a key, in the background.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="layerkeys.close"),
        Binding("o", "owner_text", "Text for owner", id="layerkeys.owner"),
    ]
    DEFAULT_CSS = """
    LayerKeys { align: center middle; }
    LayerKeys > Vertical {
        width: 96%; max-width: 116; height: auto; max-height: 94%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    LayerKeys DataTable { height: auto; max-height: 45vh; }
    LayerKeys VerticalScroll { height: 6; margin-top: 1; }
    LayerKeys #about { height: auto; }
    LayerKeys Horizontal { height: auto; align-horizontal: right; }
    LayerKeys Button { margin-left: 2; min-width: 10; }
    """

    def __init__(self, rows: Sequence[PresentKey], copy: Callable[[PresentKey], None]) -> None:
        super().__init__()
        self._rows = list(rows)
        self._copy = copy

    def compose(self) -> ComposeResult:
        bad = sum(1 for row in self._rows if not row.accepted)
        soon = sum(1 for row in self._rows if row.soon)
        with Vertical() as frame:
            frame.border_title = "Already in the layer"
            yield Text(f"{len(self._rows)} key files, {bad} refused, {soon} expired or soon to expire")
            yield Table(id="files", cursor_type="row", zebra_stripes=True)
            with VerticalScroll():
                yield Text("", id="about")
            with Horizontal():
                yield Button("Text for owner (o)", id="owner")
                yield Button("Close (esc)", id="close", variant="primary")

    def on_mount(self) -> None:
        table = self.query_one("#files", Table)
        table.add_columns("File", "Layer", "Verdict", "Expires", "Used by")
        for number, row in enumerate(self._rows):
            until = str(row.expires) if row.expires else "never" if row.algorithm else "-"
            expires = f"! {until}" if row.soon else until
            name = row.file.removeprefix("keys/")
            users = ", ".join(row.users) or "nobody"
            table.add_row(name, row.account, str(row.mark), expires, users, key=str(number))
        table.focus()
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

    @on(Button.Pressed, "#owner")
    def action_owner_text(self) -> None:
        """Copy what to tell the owner of the marked key."""
        row = self._marked
        if row is None or not row.for_owner:
            self.notify("There is nothing to tell the owner of this key.")
        else:
            self._copy(row)

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        """Close the table."""
        self.dismiss(None)


class Notice(Dialog):
    """Something to read, with nothing to decide.

    Args:
        title: a few words.
        lines: what to read.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", id="notice.close")]

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text(self._title, classes="dialog-title")
            with VerticalScroll():
                yield Text("\n".join(self._lines), classes="dialog-body")
            with Horizontal():
                yield Button("Close (esc)", id="close", variant="primary")

    def on_mount(self) -> None:
        """The only answer has the focus."""
        self.query_one("#close").focus()

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss(False)
