"""What Textual's own texts don't do by themselves."""

from __future__ import annotations

from textual.app import App, ComposeResult

from screens.widgets.text import Text


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield Text("", id="text")
        yield Text("", id="other")


async def test_a_text_that_is_replaced_twice_before_it_rests_has_room_for_the_last() -> None:
    app = Host()
    async with app.run_test() as pilot:
        text, other = app.query_one("#text", Text), app.query_one("#other", Text)
        text.update("one")
        other.update("one\ntwo")
        other._check_refresh()
        app.screen._refresh_layout()  # for the other's sake
        text.update("one\ntwo\nthree")
        await pilot.pause()
        assert text.size.height == 3
