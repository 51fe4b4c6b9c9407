"""Textual's table, whose head is drawn anew when rows have made its columns wider.

Textual 8 keeps the drawn head until the next row: a screen that is painted between a row and the moment in
which the widths are measured keeps the narrow head above wide columns.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.widgets import DataTable
from textual.widgets.data_table import RowKey


class Table(DataTable[str]):
    """A table of words."""

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        super()._update_dimensions(new_rows)
        self._clear_caches()
