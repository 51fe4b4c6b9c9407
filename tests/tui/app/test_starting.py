"""The first screen, while a world is being opened."""

from __future__ import annotations

from support.house import House, settled, text_of
from support.small_steps import NOT_THERE

from tui.app.home import HomeScreen
from tui.app.starting import Starting


async def test_a_world_that_does_not_open_is_told_on_the_first_screen(house: House) -> None:
    house.source.failure = NOT_THERE
    app = house.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, Starting)
        assert NOT_THERE.next in text_of(app)
        assert "^q" in text_of(app)
        await pilot.press("enter")
        await settled(pilot)
        assert NOT_THERE.next in text_of(app), "it was tried again"
        house.source.failure = None
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("ctrl+q")
    assert app.failure is None
