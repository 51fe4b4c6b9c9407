"""The application's keys at the foot of the screen: the same on every page, so that all fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.events import MouseDown, MouseMove
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from screens.widgets.text import shown, styled

_PRESSES = "presses"


class KeyLine(Widget, can_focus=False):
    """The keys that work now, on one line; a click presses one.

    It is a single widget: one per key, as in Textual's footer, takes much of the time that a page needs to
    open. The last keys are omitted if there is no space.

    Args:
        ids: of the bindings, in order; Textual omits keys that a field types.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key", "key-line--does"}
    DEFAULT_CSS = """
    KeyLine {
        height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
        .key-line--key { color: $text-accent; text-style: bold; }
        .key-line--does { color: $text-muted; }
    }
    """

    def __init__(self, *ids: str) -> None:
        super().__init__()
        self._ids = ids
        self._keys: Sequence[Binding] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        """Show the current keys; not while the terminal's window is unfocused, when none works.

        Below a dialog, the line keeps its page's keys.
        """
        if screen.app.app_focus and screen is self.screen is screen.app.screen:
            active = {
                binding.binding.id: binding.binding
                for binding in screen.active_bindings.values()
                if binding.enabled
            }
            keys = [active[name] for name in self._ids if name in active]
            if keys != self._keys:
                self._keys = keys
                self.refresh()

    def render(self) -> Content:
        of_key, does = self.get_visual_style("key-line--key"), self.get_visual_style("key-line--does")
        line = styled()
        for binding in self._keys:
            press, gap = Style.from_meta({_PRESSES: binding.key}), "   " if line else ""
            key = self.app.get_key_display(binding)
            more = styled((gap, ""), (key, of_key + press), (f" {binding.description}", does + press))
            if line and line.cell_length + more.cell_length > self.content_size.width:
                break
            line += more
        return line

    def on_mouse_down(self, event: MouseDown) -> None:
        key = event.style.meta.get(_PRESSES)
        if isinstance(key, str):
            self.app.simulate_key(key)

    def on_mouse_move(self, event: MouseMove) -> None:
        """Describe the key under the pointer."""
        pressed = event.style.meta.get(_PRESSES)
        self.tooltip = next(
            (shown(key.tooltip) for key in self._keys if key.key == pressed and key.tooltip), None
        )
