"""Parts of a page that are made when they are first shown."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from screens.widgets.parts import Part


class Host(App[None]):
    """A part within something that may be hidden."""

    CSS = "#around.-away { display: none; } .-plain { display: block; }"

    def __init__(self, **part: bool | str) -> None:
        super().__init__()
        self.given: Any = part

    def compose(self) -> ComposeResult:
        self.part = Part(Vertical(Input("kept", id="field")), **self.given)
        yield Vertical(self.part, id="around", classes="-away")


async def test_a_part_is_mounted_when_it_is_first_shown_and_stays() -> None:
    app = Host()
    async with app.run_test():
        assert not app.part.children
        await app.part.reveal()
        field = app.query_one("#field", Input)
        field.value = "typed"
        await app.part.reveal(shown=False)
        assert not app.part.display
        await app.part.reveal()
        assert app.query_one("#field", Input) is field
        assert field.value == "typed"


async def test_who_shows_it_again_meanwhile_waits_for_its_widgets_too() -> None:
    app = Host()
    async with app.run_test():
        app.part.reveal()
        await app.part.reveal()
        assert app.query_one("#field", Input).is_mounted


@pytest.mark.parametrize("part", [{"shown": True}, {"classes": "-plain"}])
async def test_a_part_that_is_shown_otherwise_has_its_widgets(part: dict[str, bool | str]) -> None:
    app = Host(**part)
    async with app.run_test() as pilot:
        assert bool(app.query("#field")) is ("shown" in part)
        app.query_one("#around").remove_class("-away")
        await pilot.pause()
        assert app.query_one("#field").region.height
