"""The layers of a step on one line, with their pending changes; one of them is shown below."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content
from textual.style import Style

from screens.widgets.text import Text, styled
from workflows.core.sentences import count

_BETWEEN = 3
"""Columns between two layers."""
_SECONDS = 3.0
"""Seconds to announce at least that another layer is shown."""


def pending_words(number: int) -> str:
    """Return how many changes a layer doesn't have yet."""
    return count(number, "change") if number else "no change"


class LayerBar(Text):
    """Names the layers; a click chooses one.

    Args:
        content: the initial text.
        choose: called with the account of a clicked layer.
        id: the widget's id.
    """

    DEFAULT_CSS = """
    LayerBar { link-style: none; height: auto; }
    """

    def __init__(self, content: str, choose: Callable[[str], None], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(content, id=id)
        self._choose = choose
        self._layers: Sequence[tuple[str, str]] = ()
        self._current = ""
        self.seen: set[str] = set()

    @property
    def accounts(self) -> list[str]:
        """The accounts of the layers."""
        return [account for account, _ in self._layers]

    @property
    def unseen(self) -> str:
        """The first of them not shown yet, or ""."""
        return next((account for account in self.accounts if account not in self.seen), "")

    def show(self, layers: Sequence[tuple[str, str]], current: str) -> None:
        """Show the layers.

        Args:
            layers: each account's name, with its layer's status in a few words.
            current: the account of the layer shown.
        """
        if self._current not in {"", current}:
            self.notify(f"Now: {current}", timeout=_SECONDS)
        self._layers, self._current = layers, current
        self.seen.add(current)
        text = self._text()
        wider = _widths(str(self.content)) != _widths(str(text))
        self.update(text, layout=wider)  # a layout costs more than all the drawing

    def on_resize(self) -> None:
        """Break the line again."""
        if self._layers:
            self.show(self._layers, self._current)

    def _text(self) -> Content:
        """Return the layers, each kept on one line with its mark."""
        parts: list[tuple[str, Style]] = []
        column = 0
        for account, standing in self._layers:
            here = account == self._current
            words = f"{'▸' if here else ' '} {account}: {standing}"
            if column and column + _BETWEEN + len(words) > self.size.width:
                parts.append(("\n", Style()))
                column = 0
            elif column:
                parts.append((" " * _BETWEEN, Style()))
                column += _BETWEEN
            parts.append((words, Style(bold=here) + Style.from_meta({"@click": f"choose({account!r})"})))
            column += len(words)
        return styled(*parts)

    def action_choose(self, account: str) -> None:
        """Choose the clicked layer."""
        self._choose(account)


def _widths(text: str) -> list[int]:
    return [len(line) for line in text.split("\n")]
