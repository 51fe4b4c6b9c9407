"""A part of a page that costs nothing until it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.containers import Vertical
from textual.widget import AwaitMount, Widget


class Part(Vertical):
    """Hidden at first; its widgets are mounted when it is first shown, and queries find them from then on.

    Args:
        widgets: its widgets.
        shown: whether it is shown from the start.
        id: its id.
        classes: its classes.
    """

    DEFAULT_CSS: ClassVar[str] = """
    Part { height: auto; display: none; }
    Part.-shown { display: block; }
    """

    def __init__(
        self,
        *widgets: Widget,
        shown: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(*widgets, id=id, classes=classes)
        self._held: Sequence[Widget] = ()
        self._filling = AwaitMount(self, ())
        self.set_class(shown, "-shown")

    async def mount_composed_widgets(self, widgets: list[Widget]) -> None:
        """Keep them back if they aren't shown; Textual's hook for this."""
        if self.has_class("-shown"):
            await super().mount_composed_widgets(widgets)
        else:
            self._held = widgets

    def reveal(self, *, shown: bool = True) -> AwaitMount:
        """Show or hide it; once awaited, it has its widgets."""
        self.set_class(shown, "-shown")
        return self.fill() if shown else AwaitMount(self, ())

    def fill(self) -> AwaitMount:
        """Mount its widgets unless they are, or are about to be; once awaited, they are."""
        if self._held:
            held, self._held = self._held, ()
            self._filling = self.mount_all(held)
        return self._filling

    def on_show(self) -> None:
        """Mount its widgets if something around it shows it."""
        self.fill()
