"""The field that keys and mails are pasted into; a paste that is no key by its size is refused at once."""

from __future__ import annotations

from dataclasses import dataclass

from textual.events import Paste
from textual.message import Message
from textual.widgets import TextArea

from workflows.services.gpg.normalise import KEYRING_LIMIT


class KeyArea(TextArea):
    """A text area that does not take in what is larger than any keyring: laying it out would take minutes."""

    @dataclass
    class TooLarge(Message):
        """So many characters were pasted."""

        size: int

    async def _on_paste(self, event: Paste) -> None:
        event.stop()  # the pane hands a paste to this field, and would do so once more
        if len(self.text) + len(event.text) > KEYRING_LIMIT:
            event.prevent_default()  # else Textual calls the base class's handler next, which inserts it
            self.post_message(self.TooLarge(len(event.text)))
