"""The list of the users' screen: everybody in the layers, and the keys that change what they sign in with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from screens.user_lines import COLUMNS
from screens.widgets.line_list import LineList


class UserList(LineList):
    """Says what the person wants to do with the marked line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "p",
            "want('login_profile')",
            "Password",
            id="users.password",
            tooltip="Switch the console password on or off",
        ),
        Binding(
            "k", "want('access_key')", "Access key", id="users.key", tooltip="Switch the access key on or off"
        ),
        Binding(
            "f",
            "want('key_file')",
            "Key file",
            id="users.file",
            show=False,
            tooltip="Give the PGP key's file another name",
        ),
        Binding(
            "e",
            "want('by_hand')",
            "Edit by hand",
            id="users.by-hand",
            show=False,
            tooltip="Open your editor at the marked line's place",
        ),
        Binding("slash", "filter", "Filter", id="users.filter", show=False, tooltip="Look for somebody"),
    ]

    @dataclass
    class Wanted(Message):
        """The person wants this of the marked line: `login_profile`, `access_key`, `key_file`, `by_hand`."""

        what: str

    def __init__(self) -> None:
        super().__init__(COLUMNS, id="there")

    def action_want(self, what: str) -> None:
        """Ask for it."""
        self.post_message(self.Wanted(what))

    def action_filter(self) -> None:
        """Go to the filter above."""
        self.post_message(self.LeftUpwards())
