"""A box that may also be left unset: then whoever reads the setting has a default for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from textual.message import Message

from screens.widgets.text import MarkBox

_NEXT = {None: True, True: False, False: None}
_UNSET = "·"


class OptionalBox(MarkBox):
    """Yes, no, or not set; Space goes round.

    Args:
        label: what it is about.
        default: what counts while it is not set, in words, or "" if that is not known.
        setting: what to begin with.

    Attributes:
        setting: what it stands at; None while it is not set.
    """

    @dataclass
    class Turned(Message):
        """It was turned."""

        box: OptionalBox

    def __init__(self, label: str, default: str, setting: bool | None, *, id: str) -> None:  # noqa: A002, FBT001
        self.setting = setting
        super().__init__(label, value=bool(setting), id=id)
        self._words = label
        self._default = f" (default: {default})" if default else ""
        self._tell()

    def _tell(self) -> None:
        self.label = f"{self._words}; not set{self._default}" if self.setting is None else self._words

    @property
    def mark(self) -> str:
        """What stands in the box."""
        return _UNSET if self.setting is None else super().mark

    def toggle(self) -> Self:
        """Go on to the next of the three."""
        self.setting = _NEXT[self.setting]
        self.value = bool(self.setting)
        self._tell()
        self.refresh(layout=True)
        self.post_message(self.Turned(self))
        return self
