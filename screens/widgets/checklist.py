"""A numbered list of deeds outside the wizard, in a browser or on a phone, that keeps the person's place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget

from screens.widgets.text import Button, Text
from workflows.core.sentences import Sentence

_DONE, _CURRENT, _TO_DO = "✓", "▸", "·"


@dataclass(frozen=True)
class Deed:
    """Something to do outside.

    Attributes:
        what: an imperative.
        value: what it needs, or None: a field, or a text of the width of the value's column.
        buttons: what the wizard can do for it; pressing one counts as doing it.
    """

    what: Sentence
    value: Widget | None = None
    buttons: tuple[Button, ...] = ()


class _Row(Horizontal):
    """A deed with its mark and its number."""

    def __init__(self, number: int, deed: Deed) -> None:
        super().__init__(classes="deed")
        self._number = number
        self._deed = deed

    def compose(self) -> ComposeResult:
        yield Text(_TO_DO, classes="deed-mark")
        yield Text(str(self._number), classes="deed-number")
        yield Text(self._deed.what, classes="deed-label")
        if self._deed.value is not None:
            yield self._deed.value.add_class("deed-value")
        yield from self._deed.buttons

    def mark(self, mark: str) -> None:
        """Show where the deed stands."""
        self.query_one(".deed-mark", Text).update(mark)
        self.set_class(mark == _DONE, "-done")
        self.set_class(mark == _CURRENT, "-current")

    def buttons(self) -> Iterator[Button]:
        """Those that can be pressed."""
        return (button for button in self.query(Button) if button.display and not button.disabled)


class Checklist(Vertical):
    """Deeds in their order; pressing a deed's button moves the focus to the next deed that has one.

    Args:
        deeds: in their order.
        label_width: in columns; 0 for all that the buttons leave.
        id: the widget's id.

    Attributes:
        at: the number of the current deed, from 0; as many as there are deeds once all are done.
        finished: whether nothing is left to press.
    """

    DEFAULT_CSS: ClassVar[str] = """
    Checklist { height: auto; }
    Checklist .deed { height: auto; }
    Checklist .deed.-current { background: $block-hover-background; }
    Checklist .deed-mark { width: 2; color: $text-accent; }
    Checklist .deed-number { width: 3; color: $text-muted; }
    Checklist .deed-label { width: 1fr; margin-right: 2; }
    Checklist .-current > .deed-label { text-style: bold; }
    Checklist .-done > .deed-label { color: $text-muted; }
    Checklist .-done > .deed-mark { color: $text-success; }
    Checklist .deed-value { width: 1fr; height: auto; margin-right: 2; }
    """

    class Moved(Message):
        """Another deed is the current one."""

    def __init__(
        self,
        *deeds: Deed,
        label_width: int = 0,
        id: str,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._rows = [_Row(number, deed) for number, deed in enumerate(deeds, start=1)]
        self._label_width = label_width
        self.at = 0

    def compose(self) -> ComposeResult:
        yield from self._rows

    def on_mount(self) -> None:
        if self._label_width:
            for label in self.query(".deed-label"):
                label.styles.width = self._label_width
        self.go_to(0)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to press."""
        return not any(self._open_buttons())

    def go_to(self, at: int) -> None:
        """Make a deed the current one; those before it are done."""
        self.at = at
        for number, row in enumerate(self._rows):
            row.mark(_DONE if number < at else _CURRENT if number == at else _TO_DO)
        self.post_message(self.Moved())

    def focus_next(self) -> bool:
        """Put the focus on what is to be pressed next; returns whether there is something."""
        button = next(self._open_buttons(), None)
        if button is not None:
            button.focus()
        return button is not None

    def _open_buttons(self) -> Iterator[Button]:
        """From the current deed on."""
        return (button for row in self._rows[self.at :] for button in row.buttons())

    @on(Button.Pressed)
    def _move_on(self, event: Button.Pressed) -> None:
        pressed = next(number for number, row in enumerate(self._rows) if row in event.button.ancestors)
        self.go_to(max(self.at, pressed + 1))
        self.focus_next()
