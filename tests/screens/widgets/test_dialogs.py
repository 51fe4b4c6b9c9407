"""The keys of a dialog: Tab goes between its answers, and to its text only where that can be scrolled."""

from __future__ import annotations

import pytest
from textual.app import App

from screens.widgets.dialogs import Confirm
from screens.widgets.text import ScrollBody

LONG = "\n".join(f"line {number}" for number in range(40))


async def test_tab_goes_from_no_to_yes_and_back() -> None:
    app: App[None] = App()
    answers: list[bool | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(Confirm("Stop the keys?", "One key stops.", "Stop"), answers.append)
        await pilot.pause()
        for key, focused in (
            ("tab", "yes"),
            ("tab", "close"),
            ("left", "yes"),
            ("right", "close"),
            ("tab", "yes"),
        ):
            await pilot.press(key)
            assert app.focused is not None
            assert app.focused.id == focused
        await pilot.press("enter")
        assert answers == [True]


@pytest.mark.parametrize(("body", "stops"), [("short", False), (LONG, True)])
async def test_the_text_is_reached_where_it_can_be_scrolled(body: str, *, stops: bool) -> None:
    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(Confirm("Stop?", body, "Stop"))
        await pilot.pause()
        await pilot.press("tab")
        assert isinstance(app.focused, ScrollBody) is stops
        if stops:
            await pilot.press("pagedown")
            await pilot.pause()
            assert app.screen.query_one(ScrollBody).scroll_offset.y > 0
