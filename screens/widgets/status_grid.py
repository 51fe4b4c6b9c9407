"""The grid of people and accounts: everybody's status, and the way to an account's next step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from screens.widgets.dialogs import Dialog
from screens.widgets.lists import Table, cell
from screens.widgets.text import Button, Lines, Text
from workflows.core.sentences import Sentence
from workflows.steps.admin.status_grid import StatusGrid

_STYLES = {"✓": "green", "✗": "red", "…": "yellow"}


class EverybodyDialog(Dialog[str]):
    """Shows the grid; Enter answers with the account of the selected cell.

    Args:
        grid: the grid.
        record: shows who was admitted with which key; None if no key was accepted.
        changed: what changed since, one line each.
    """

    AUTO_FOCUS = "#grid"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "close", "Close", id="everybody.close"),
        Binding("r", "record", "Who got access", id="everybody.record", tooltip="With which PGP key"),
    ]
    DEFAULT_CSS = """
    EverybodyDialog > Vertical { width: 96%; max-width: 116; }
    EverybodyDialog #changed { margin-bottom: 1; }
    EverybodyDialog Table { height: auto; max-height: 50vh; margin: 1 0; }
    """

    def __init__(
        self,
        grid: StatusGrid,
        record: Callable[[], object] | None = None,
        changed: Sequence[Sentence] = (),
    ) -> None:
        super().__init__(
            "Where everybody in this session stands",
            "",
            *([Button("Show who got access", id="record", key="r")] if record else []),
            body=(
                Text(grid.sentence, id="summary"),
                Table(id="grid", zebra_stripes=True, fixed_columns=1),
                Lines(*changed, id="changed"),
                Text("Enter opens the account of the selected cell."),
            ),
        )
        self._grid = grid
        self._record = record

    def action_record(self) -> None:
        """Show who was admitted with which key."""
        if self._record is not None:
            self._record()

    def on_mount(self) -> None:
        """Fill the table, and select the first cell that needs work."""
        table = self.query_one(Table)
        table.add_columns("", *self._grid.accounts)
        for name, stands in self._grid.rows:
            table.add_row(name, *(cell(stand.sentence, _STYLES.get(stand.mark, "")) for stand in stands))
        left = (
            (row, column)
            for row, (_, stands) in enumerate(self._grid.rows)
            for column, stand in enumerate(stands, 1)
            if not stand.settled
        )
        row, column = next(left, (0, 1))
        table.move_cursor(row=row, column=column)

    @on(Table.CellSelected)
    def _go_on(self, event: Table.CellSelected) -> None:
        column = event.coordinate.column
        self.dismiss(self._grid.accounts[column - 1] if column else None)
