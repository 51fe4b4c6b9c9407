"""Keeps each paste one text, whatever it contains: none of it may act as keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from textual._xterm_parser import BRACKETED_PASTE_END as END, BRACKETED_PASTE_START as START, XTermParser
from textual.message import Message

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class WholePastes(XTermParser):
    """Removes control characters from pastes, except tabs and line ends.

    Textual (8.2) reads an Escape in a paste, and what follows it, as keys. Some terminals (tmux) leave it in.
    """

    def __init__(self, debug: bool = False) -> None:  # noqa: FBT001 - Textual's
        super().__init__(debug)
        self._pasting = False
        self._cut = ""
        """The last read's end, which the next may complete to one of the two marks."""

    def feed(self, data: str) -> Iterable[Message]:
        """Handle what was read; "" at the end of it all."""
        for part in self._parts(data) if data else ("",):
            if part or not data:
                yield from super().feed(part)

    def _parts(self, data: str) -> Iterator[str]:
        while data:
            if self._pasting:
                data = self._cut + data
                first = data.find(END)
                if first < 0:  # an Escape is held back
                    self._cut = _begun(END, data)
                    yield _CONTROLS.sub("", data.removesuffix(self._cut))
                    return
                again = data.find(START, first)
                end = data.rfind(END, first, again if again >= 0 else None)  # the text may have some, too
                text, data = data[:end], data[end + len(END) :]
                yield f"{_CONTROLS.sub('', text)}{END}"
                self._pasting, self._cut = False, ""
            else:  # after a while, Textual has taken what it awaits more of for keys
                known = self._cut if self._awaiting.timeout else ""
                keys, start, rest = (known + data).partition(START)
                yield data[: len(data) - len(rest)]
                data, self._pasting, self._cut = rest, bool(start), "" if start else _begun(START, keys)


def _begun(mark: str, data: str) -> str:
    """Return the end of the data that may be the beginning of a mark."""
    return next((mark[:size] for size in range(len(mark) - 1, 0, -1) if data.endswith(mark[:size])), "")
