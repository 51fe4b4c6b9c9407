"""The question about sessions that were begun earlier and do the same."""

from __future__ import annotations

from collections.abc import Mapping

from textual.message import Message

from screens.widgets.dialogs import Dialog
from screens.widgets.text import Button

_WAYS = {
    "again": "Continue it",
    "open": "Open it",
    "device": "Register another device",
    "another": "Begin another session",
}


class Begun(Dialog[Message]):
    """Asks what to do about sessions begun earlier, and answers with the chosen message.

    Args:
        title: the question.
        body: the earlier sessions.
        ways: the messages by the names in `_WAYS`, the most likely one first.
    """

    AUTO_FOCUS = "Button"

    def __init__(self, title: str, body: str, ways: Mapping[str, Message]) -> None:
        buttons = [Button(_WAYS[way], id=way) for way in ways]
        buttons[0].variant = "primary"
        super().__init__(title, body, *buttons, close="Cancel", answers=ways)
