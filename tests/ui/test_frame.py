"""What the application's frame makes of keys that come all at once."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.widgets import Input

from tui.frame import Frame
from tui.places import Machine


class Form(Frame):
    """Two fields, and a key that takes what is in them, as Next does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "focus_next", priority=True),
        Binding("ctrl+n", "take", priority=True),
    ]
    taken = ("", "")

    def compose(self) -> ComposeResult:
        yield Input(id="project")
        yield Input(id="user")

    def action_take(self) -> None:
        project, user = self.query(Input)
        self.taken = project.value, user.value


async def test_what_was_typed_before_next_is_handled_before_it() -> None:
    app = Form(Machine.this())
    async with app.run_test() as pilot:
        await pilot.pause()
        for key in (*"bb", "tab", *"jane", "ctrl+n"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        assert app.taken == ("bb", "jane")
