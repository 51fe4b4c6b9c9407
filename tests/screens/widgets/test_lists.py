"""Lists and tables on a page."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Offset

from screens.widgets.lists import Log, Table

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


class Wide(App[None]):
    """A table and a log of which some lines are wider than the terminal."""

    def compose(self) -> ComposeResult:
        yield Table(cursor_type="row")
        yield Log(id="log", wrap=False)

    def on_mount(self) -> None:
        table, log = self.query_one(Table), self.query_one(Log)
        table.add_columns("File", "Used by somebody")
        table.add_row("keys/jane.doe", "jane")
        table.add_row("keys/jane.doe", "jane.doe.of.the.whole.team")
        log.add("short")
        log.add("a" * 60)


@pytest.mark.parametrize("scrolled", [False, True])
async def test_a_line_that_goes_on_at_the_right_ends_with_a_sign(*, scrolled: bool) -> None:
    async with Wide().run_test(size=(30, 20)) as pilot:
        for widget, marked in ((Table, [True, False, True]), (Log, [False, True])):
            shown = pilot.app.query_one(widget)
            await pilot.pause()
            if scrolled:
                shown.scroll_to(x=shown.max_scroll_x, animate=False)
                await pilot.pause()
            lines = [shown.render_line(y).text.rstrip() for y in range(len(marked))]
            assert [line.endswith("…") for line in lines] == [sign and not scrolled for sign in marked], lines
