"""Numbered instructions whose wrapped lines stay under their first word, however narrow the terminal is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text


def numbered(steps: Sequence[str]) -> Table:
    """The steps as a table of numbers and texts; the texts are taken as they are, without markup."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for number, step in enumerate(steps, start=1):
        table.add_row(f"{number}.", Text(step, overflow="fold"))
    return table
