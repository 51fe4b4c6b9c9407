"""The grid of people and accounts: where everybody stands, and the way to what is next for an account."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen

from screens.widgets.text import Button, Table, Text, cell
from workflows.steps.everybody import Everybody

_STYLES = {"✓": "green", "✗": "red", "…": "yellow"}


class EverybodyDialog(ModalScreen[str | None]):
    """Shows the grid; Enter answers with the account of the marked cell.

    Args:
        grid: the grid.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f5", "close", "Close", id="everybody.close"),
    ]
    DEFAULT_CSS = """
    EverybodyDialog { align: center middle; }
    EverybodyDialog > Vertical {
        width: auto; min-width: 50; max-width: 96%; height: auto; max-height: 92%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    EverybodyDialog Static { height: auto; width: auto; max-width: 100%; }
    EverybodyDialog DataTable { height: auto; max-height: 14; width: auto; max-width: 100%; margin: 1 0; }
    EverybodyDialog Horizontal { height: auto; width: 100%; align-horizontal: right; }
    EverybodyDialog Button { min-width: 8; }
    """

    def __init__(self, grid: Everybody) -> None:
        super().__init__()
        self._grid = grid

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = "Where everybody stands"
            yield Text(self._grid.told, id="told")
            yield Table(id="grid", zebra_stripes=True, fixed_columns=1)
            yield Text("Enter goes on with the account of the marked cell.")
            with Horizontal():
                yield Button("Close (esc)", id="close", variant="primary")

    def on_mount(self) -> None:
        """Fill the table, and mark the first cell with something left to do."""
        table = self.query_one(Table)
        table.add_columns("", *self._grid.accounts)
        for name, stands in self._grid.rows:
            cells = [cell(one.told, _STYLES.get(one.mark, "")) for one in stands]
            table.add_row(name, *cells)
        left = (
            (row, column)
            for row, (_, stands) in enumerate(self._grid.rows)
            for column, one in enumerate(stands, 1)
            if not one.settled
        )
        row, column = next(left, (0, 1))
        table.move_cursor(row=row, column=column)
        table.focus()

    @on(Table.CellSelected)
    def _go_on(self, event: Table.CellSelected) -> None:
        column = event.coordinate.column
        self.dismiss(self._grid.accounts[column - 1] if column else None)

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        """Close it."""
        self.dismiss(None)
