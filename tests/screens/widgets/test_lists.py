"""Lists and tables on a page."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Offset

from screens.widgets.lists import Table

ROWS = 60


class Page(App[None]):
    """A page that is longer than the terminal, with a table that shows all its lines."""

    CSS = "Table { height: auto; max-height: 1000vh; }"

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Table(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(Table)
        table.add_column("Name")
        for number in range(ROWS):
            table.add_row(str(number))


@pytest.mark.parametrize("end", ["ctrl+end", "end"])
async def test_a_page_scrolls_to_the_selected_line_of_a_table_that_is_shown_whole(end: str) -> None:
    async with Page().run_test(size=(40, 10)) as pilot:
        table, page = pilot.app.query_one(Table), pilot.app.query_one(VerticalScroll)
        await pilot.press(end)
        await pilot.pause()
        assert (table.scroll_offset, page.scroll_offset) == (Offset(), Offset(0, page.max_scroll_y))
        await pilot.press(*["up"] * (ROWS // 2))
        await pilot.pause()
        line = table.region.y + table.header_height + table.cursor_row
        assert 0 <= line < page.size.height
        await pilot.press("home")
        assert table.cursor_row == 0
