"""Keeps each paste one text, whatever it contains: none of it may act as keys."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from textual._xterm_parser import BRACKETED_PASTE_END as END, BRACKETED_PASTE_START as START, XTermParser
from textual.message import Message

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PAUSE = 0.1  # seconds; more of a paste comes sooner
_LONGEST_KEY = 32  # a longer read is part of a paste


class WholePastes(XTermParser):
    """Removes control characters from pastes, except tabs and line ends.

    Textual (8.2) reads an Escape in a paste, and what follows it, as keys. Some terminals (tmux) leave it in,
    even as a mark of the paste's end. So a paste ends at the last mark before a pause or the next paste.
    """

    def __init__(self, debug: bool = False) -> None:  # noqa: FBT001 - Textual's
        super().__init__(debug)
        self._pasting = False
        self._held = ""
        """The last reads' end: a mark, or what may become one; in a paste, also what follows its end."""
        self._pause_ends = 0.0

    def feed(self, data: str) -> Iterable[Message]:
        """Handle what was read; "" at the end of it all."""
        yield from self._feed_parts(self._parts(data) if data else self._paused())
        if not data:
            yield from super().feed(data)

    def tick(self) -> Iterable[Message]:
        """Handle what only waited for more."""
        if time.monotonic() >= self._pause_ends:
            yield from self._feed_parts(self._paused())
        yield from super().tick()

    def _feed_parts(self, parts: Iterable[str]) -> Iterator[Message]:
        for part in filter(None, parts):
            yield from super().feed(part)

    def _parts(self, data: str) -> Iterator[str]:
        while data:
            if not self._pasting:  # after a while, Textual has taken what it awaits more of for keys
                known = self._held if self._awaiting.timeout else ""
                keys, start, rest = (known + data).partition(START)
                yield data[: len(data) - len(rest)]
                data, self._pasting, self._held = rest, bool(start), "" if start else _begun(START, keys)
                continue
            text, end, after = (self._held + data).partition(END)
            again = after.find(START)
            if again < 0:
                if end and (not self._held.startswith(END) or len(data) > _LONGEST_KEY):
                    self._pause_ends = time.monotonic() + _PAUSE
                self._held = end + after or _begun(END, text)
                yield _CONTROLS.sub("", text.removesuffix(self._held))
                return
            paste, keys = self._ended(text + end + after[:again])
            yield paste
            data = keys + after[again:]

    def _paused(self) -> Iterator[str]:
        """Return the paste that a pause ends, and the keys that were held after it."""
        if self._held.startswith(END):
            paste, keys = self._ended(self._held)
            yield paste
            yield from self._parts(keys)

    def _ended(self, data: str) -> tuple[str, str]:
        """End the paste at the last mark; return what is left of it, and the keys after it."""
        self._pasting, self._held = False, ""
        text, end, keys = data.rpartition(END)
        return _CONTROLS.sub("", text) + end, keys


def _begun(mark: str, data: str) -> str:
    """Return the end of the data that may be the beginning of a mark."""
    return next((mark[:size] for size in range(len(mark) - 1, 0, -1) if data.endswith(mark[:size])), "")
