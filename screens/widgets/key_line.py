"""The keys that work now, at the foot of the screen; where not all have room, whole ones make way.

Textual's own footer is cut off at the right, which hid the way out. Here the ways on, out and to the help
always stay, and a mark says that the help knows more keys than are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer
from textual.widgets._footer import FooterKey  # Textual exports it nowhere else

from screens.widgets.text import Text

_MORE = "…"


@dataclass(frozen=True)
class Key:
    """A key of the line.

    Attributes:
        id: of its binding.
        key: as Textual calls it.
        shown: as people call it.
        words: what it does.
        action: what it runs.
        tooltip: more about it, or "".
        enabled: whether it does something now.
    """

    id: str
    key: str
    shown: str
    words: str
    action: str
    tooltip: str = ""
    enabled: bool = True

    @property
    def cells(self) -> int:
        """How much room it takes, with the gap after it."""
        return len(self.shown) + len(self.words) + 2


def fitting(keys: Sequence[Key], width: int, *, kept: Sequence[str], first_to_go: Sequence[str]) -> list[Key]:
    """The keys that have room, in their order.

    Args:
        keys: all keys that work now.
        width: how many cells there are.
        kept: the ids of those that stay, whatever the width.
        first_to_go: the ids of those that make way first, in this order; then the others do, from the last.
    """
    left = list(keys)
    going = [key for one in first_to_go for key in keys if key.id == one]
    going += [key for key in reversed(keys) if key.id not in {*kept, *first_to_go}]
    for key in going:
        if sum(one.cells for one in left) + (len(_MORE) + 1 if len(left) < len(keys) else 0) <= width:
            break
        left.remove(key)
    return left


class KeyLine(Footer):
    """The keys that work now.

    Args:
        first: the ids of the keys that come first.
        last: the ids of those that come last; like the first ones they always stay.
        first_to_go: the ids of those that make way first.
    """

    DEFAULT_CSS = """
    KeyLine Text { width: auto; margin-right: 1; color: $text-muted; }
    """

    def __init__(self, *, first: Sequence[str], last: Sequence[str], first_to_go: Sequence[str] = ()) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._first = first
        self._last = last
        self._first_to_go = first_to_go

    def compose(self) -> ComposeResult:
        if not self._bindings_ready:
            return
        keys = self._keys()
        shown = fitting(
            keys, self.app.size.width, kept=(*self._first, *self._last), first_to_go=self._first_to_go
        )
        marked = len(shown) == len(keys)
        for key in shown:
            if not marked and key.id in self._last:
                marked = True
                yield Text(_MORE)
            yield FooterKey(
                key.key, key.shown, key.words, key.action, disabled=not key.enabled, tooltip=key.tooltip
            ).data_bind(compact=Footer.compact)

    def on_resize(self, event: Resize) -> None:
        """Another width has room for other keys."""
        del event
        self.call_after_refresh(self.recompose)

    def _keys(self) -> list[Key]:
        """The keys that are to be shown, one an action, in their order."""
        found: dict[str, Key] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and binding.action not in found:
                found[binding.action] = Key(
                    binding.id or "",
                    binding.key,
                    self.app.get_key_display(binding),
                    binding.description,
                    binding.action,
                    active.tooltip or binding.tooltip,
                    active.enabled,
                )
        return sorted(found.values(), key=self._place)

    def _place(self, key: Key) -> int:
        if key.id in self._first:
            return self._first.index(key.id) - len(self._first)
        return 1 + self._last.index(key.id) if key.id in self._last else 0
