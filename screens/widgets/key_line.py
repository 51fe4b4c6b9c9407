"""The keys that work now, at the foot of the screen; where not all have room, whole ones make way.

Textual's own footer is cut off at the right, which hid the way out. Here the ways on, out and to the help
always stay, and a mark says that the help knows more keys than are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.content import Content
from textual.events import MouseDown, MouseMove
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from screens.widgets.text import shown, styled

_MORE = "…"
_PRESSES = "presses"


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


class KeyLine(Widget, can_focus=False):
    """The keys that work now, on one line; a click presses one.

    They are one widget, because they change with each move of the focus: a widget for each key, as in
    Textual's footer, takes a good part of the time that a page takes to open.

    Args:
        first: the ids of the keys that come first.
        last: the ids of those that come last; like the first ones they always stay.
        first_to_go: the ids of those that make way first.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "key-line--key",
        "key-line--does",
        "key-line--off",
        "key-line--more",
    }
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        color: $footer-foreground;
        background: $footer-background;
        text-wrap: nowrap;
        text-overflow: clip;
        .key-line--key { color: $footer-key-foreground; text-style: bold; }
        .key-line--does { color: $footer-description-foreground; }
        .key-line--off { color: $footer-description-foreground; text-style: dim; }
        .key-line--more { color: $text-muted; }
    }
    """

    def __init__(self, *, first: Sequence[str], last: Sequence[str], first_to_go: Sequence[str] = ()) -> None:
        super().__init__()
        self._first = first
        self._last = last
        self._first_to_go = first_to_go
        self._keys: Sequence[Key] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        """Show the keys of now; not while the terminal's window has lost the focus, when none works.

        The line below a dialog keeps the keys that its page had.
        """
        if screen.app.app_focus and screen is self.screen:
            self._keys = self._working()
            self.refresh()

    def render(self) -> Content:
        keys = self._keys
        fit = fitting(keys, self.size.width, kept=(*self._first, *self._last), first_to_go=self._first_to_go)
        marked = len(fit) == len(keys)
        parts: list[tuple[str, Style]] = []
        for key in fit:
            if not marked and key.id in self._last:
                marked = True
                parts.append((f"{_MORE} ", self.get_visual_style("key-line--more")))
            parts += self._drawn(key)
        return styled(*parts)

    def _drawn(self, key: Key) -> list[tuple[str, Style]]:
        press = Style.from_meta({_PRESSES: key.key}) if key.enabled else Style()
        styles = ("key-line--key", "key-line--does") if key.enabled else ("key-line--off", "key-line--off")
        of_key, of_words = (self.get_visual_style(name) + press for name in styles)
        return [(key.shown, of_key), (f" {key.words}", of_words), (" ", Style())]

    def on_mouse_down(self, event: MouseDown) -> None:
        """A click presses the key."""
        key = event.style.meta.get(_PRESSES)
        if isinstance(key, str):
            self.app.simulate_key(key)

    def on_mouse_move(self, event: MouseMove) -> None:
        """The key under the pointer says more about itself."""
        pressed = event.style.meta.get(_PRESSES)
        self.tooltip = next(
            (shown(key.tooltip) for key in self._keys if key.key == pressed and key.tooltip), None
        )

    def _working(self) -> list[Key]:
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
