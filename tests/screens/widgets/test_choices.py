"""What every list to choose from does in a small terminal."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Vertical

from screens.widgets.choices import Answer, Choices


class Around(Vertical):
    """Notes the keys that come out of the list."""

    BINDINGS = [Binding(key, f"note('{key}')") for key in ("pageup", "pagedown", "home", "end")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []

    def compose(self) -> ComposeResult:
        yield Choices([Answer("a", "First"), Answer("b", "Second"), Answer("c", "Third")], id="letters")

    def action_note(self, key: str) -> None:
        self.noted.append(key)


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield Around()


@pytest.mark.parametrize("key", ["pageup", "pagedown", "home", "end"])
async def test_the_keys_for_pages_leave_the_choice_alone_and_go_on(key: str) -> None:
    app = Host()
    async with app.run_test() as pilot:
        choices = app.query_one(Choices)
        choices.focus()
        await pilot.press("down", key)
        assert choices.value == "b"
        assert app.query_one(Around).noted == [key]
        await pilot.press("down", "up", "up", "up")
        assert choices.value == "a", "the last one says the opposite"
        await pilot.press("down", "down", "down")
        assert choices.value == "c"


async def test_space_chooses_and_does_not_answer() -> None:
    app = Host()
    async with app.run_test() as pilot:
        choices = app.query_one(Choices)
        choices.focus()
        answered = list[str]()
        choices.action_select = lambda: answered.append(choices.value)  # type: ignore[method-assign]
        await pilot.press("down", "space")
        assert (choices.value, answered) == ("b", [])
        await pilot.press("enter")
        assert answered == ["b"]
