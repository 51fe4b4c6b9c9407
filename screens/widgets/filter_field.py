"""A field that filters what stands below it as one types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class FilterField(Input):
    """Esc clears it before it leaves the step; down and enter go to what is filtered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_filter", "Clear"),
        Binding("down,enter", "leave_filter", "To the list", show=False),
    ]

    @dataclass
    class Left(Message):
        """The person goes on to what is filtered."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words to look for."""
        return tuple(self.value.split())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """With nothing in the field, esc means what it means elsewhere."""
        return action != "clear_filter" or bool(self.value)

    def watch_value(self, before: str, after: str) -> None:
        """The key that clears comes and goes."""
        if bool(before) != bool(after):
            self.refresh_bindings()

    def action_clear_filter(self) -> None:
        """Empty the field."""
        self.value = ""

    def action_leave_filter(self) -> None:
        """Go to what is filtered."""
        self.post_message(self.Left())
