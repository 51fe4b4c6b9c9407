"""A box that may also be left unset: then whoever reads the setting has a default for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

_MARKS = {True: "X", False: " ", None: "·"}
_NEXT = {None: True, True: False, False: None}


class OptionalBox(Static, can_focus=True):
    """Yes, no, or not set; Space goes round.

    Args:
        label: what it is about.
        default: what counts while it is not set, in words, or "" if that is not known.
        value: what to begin with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter", "turn", "Switch", show=False)]
    DEFAULT_CSS = """
    OptionalBox { height: auto; }
    OptionalBox:focus { background: $boost; text-style: bold; }
    """

    @dataclass
    class Changed(Message):
        """It was turned."""

        box: OptionalBox

    def __init__(self, label: str, default: str, value: bool | None, *, id: str) -> None:  # noqa: A002, FBT001
        super().__init__(id=id, markup=False)
        self._label = label
        self._default = f" (default: {default})" if default else ""
        self.value = value

    def render(self) -> Content:
        """The box as it stands, and its label."""
        words = f"; not set{self._default}" if self.value is None else ""
        return Content(f"▐{_MARKS[self.value]}▌ {self._label}{words}")

    def action_turn(self) -> None:
        """Go on to the next of the three."""
        self.value = _NEXT[self.value]
        self.refresh(layout=True)
        self.post_message(self.Changed(self))

    def on_click(self) -> None:
        """A click turns it too."""
        self.action_turn()
