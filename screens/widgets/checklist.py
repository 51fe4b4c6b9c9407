"""A numbered list of tasks outside the wizard, in a browser or on a phone, that keeps the user's place."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button as AnyButton

from screens.widgets.text import Button, ButtonRow, Lines, Text, styled
from workflows.core.sentences import Sentence, text_of

_DONE, _SAID, _CURRENT, _TO_DO = "✓", "?", "▸", "·"


@dataclass(frozen=True)
class Task:
    """A task outside the wizard.

    Attributes:
        what: an imperative.
        value: what it needs, or None: a field, or a text of the width of the value's column.
        buttons: what the wizard can do for it; pressing one counts as doing it. Without any, a button to
            confirm it appears as soon as it is the task's turn.
        asides: buttons that may be pressed early, only to look: they count once it is the task's turn, unless
            it is the last. The focus stays on them.
        helps: buttons that appear when it is the task's turn, and don't count.
        opens: whether the first button opens a page, which counts once `Checklist.opened` confirms it.
        confirms: the button that alone counts, where the others only lead to it; None if they count.
        watched: whether the wizard sees by itself that it is done, and calls `Checklist.did`.
        copies: whether it only fills the clipboard, which is cleared when the page is left: a help, which no
            later task needs.
        said: whether only the person's word on an earlier page says that it was done beforehand.
    """

    what: Sentence
    value: Widget | None = None
    buttons: tuple[Button, ...] = ()
    asides: tuple[Button, ...] = ()
    helps: tuple[Button, ...] = ()
    opens: bool = False
    confirms: Button | None = None
    watched: bool = False
    copies: bool = False
    said: bool = False


class _Row(ButtonRow):
    """A task with its mark and number, and whether it is done."""

    def __init__(self, number: int, task: Task) -> None:
        self.entry, self._number = task, number
        self._said = None if task.buttons or task.watched else Button("Done", id=f"did-{number}")
        self.done = self.said = False
        self.led = False
        """Whether the buttons that lead to the one that confirms it were pressed."""
        self.addressed = False
        """Whether its page's address is shown: a later task done there shows that the page was opened."""
        value = [] if task.value is None else [task.value.add_class("task-value")]
        said = [button for button in (task.confirms, self._said) if button]
        super().__init__(
            Text("", classes="task-mark"),
            Lines(task.what, classes="task-label"),
            *value,
            *task.buttons,
            *task.asides,
            *said,
            *task.helps,
            classes="task",
        )

    def mark(self, *, current: bool) -> None:
        """Show the task's status."""
        mark = _SAID if self.said else _DONE if self.done else _CURRENT if current else _TO_DO
        signs = styled((f"{mark} ", ""), (str(self._number), "$text-muted"))
        self.query_one(".task-mark", Text).update(signs)
        self.set_class(self.done and not self.said, "-done")
        self.set_class(current, "-current")
        for button in (*([self._said] if self._said else ()), *self.entry.helps):
            button.visible = current

    @property
    def lasts(self) -> bool:
        """Whether it stays done when the page opens again, unless the wizard sees it."""
        return not (self.entry.watched or self.entry.copies)

    def counts(self, button: AnyButton, *, current: bool) -> bool:
        """Return whether pressing that button does the task."""
        if self.looks(button):
            return current
        if self.entry.confirms:
            return button is self.entry.confirms
        return button not in self.entry.helps and not (self.entry.opens and button is self.entry.buttons[0])

    def looks(self, button: AnyButton) -> bool:
        """Return whether pressing that button only shows something here."""
        return button in self.entry.asides

    def buttons(self) -> Iterator[Button]:
        """Yield the buttons that can be pressed."""
        return (button for button in self.query(Button) if button.display and button.focusable)


class Checklist(Vertical):
    """Tasks in order; doing one moves the focus to the next that isn't done.

    Args:
        tasks: the tasks, in order.
        ticks: the numbers of tasks done earlier, from `ticks`.
        label_width: in columns; 0 for all that the buttons leave.
        id: the widget's id.

    Attributes:
        worked_on: whether a task was done since the page was opened.
    """

    DEFAULT_CSS: ClassVar[str] = """
    Checklist { height: auto; }
    Checklist .task { margin: 0; }
    Checklist .task.-current { background: $block-hover-background; }
    Checklist .task-mark { width: 5; color: $text-accent; }
    Checklist .task-label { width: 1fr; min-width: 20; margin-right: 2; }
    Checklist .-current > .task-label { text-style: bold; }
    Checklist .-done > .task-label { color: $text-muted; }
    Checklist .-done > .task-mark { color: $text-success; }
    Checklist .task-value { width: 1fr; height: auto; margin-right: 2; }
    Checklist .not-opened { color: $text-warning; }
    """

    class Moved(Message):
        """Another task is current, or all are done."""

    def __init__(
        self,
        *tasks: Task,
        ticks: Collection[int] = (),
        label_width: int = 0,
        id: str,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._rows = [_Row(number, task) for number, task in enumerate(tasks, start=1)]
        self._label_width = label_width
        self.worked_on = False
        for number, row in enumerate(self._rows, start=1):
            if isinstance(ticks, list) and number in ticks and row.lasts:
                self._tick(number)
                row.said = row.entry.said
        if self._rows[-1].done and all(row.done for row in self._rows if row.lasts):
            for row in self._rows:
                row.done = True  # what was noticed on the way no longer matters
        self._go_on_from(0)

    def compose(self) -> ComposeResult:
        for row in self._rows:
            yield row
            if row.entry.opens:
                yield Text("", classes="not-opened -empty")

    def on_mount(self) -> None:
        if self._label_width:
            self.query(".task-label").set_styles(width=self._label_width)
        values = [*self.query(".task-value").results(Text)]
        for value in values:  # align the buttons behind them in a column
            value.styles.max_width = max(cell_len(str(text.visual)) for text in values)
        self._mark()

    def ask_first(self) -> None:
        """Go to the first task that isn't done, and name it."""
        self._go_on_from(0)
        self._mark()
        self.focus_next()
        self._name_first()

    def _name_first(self) -> None:
        number, row = next((at, row) for at, row in enumerate(self._rows, start=1) if not row.done)
        self.app.notify(f"Do {number} first: {text_of(row.entry.what)}.", severity="warning", timeout=5)

    @property
    def finished(self) -> bool:
        """Whether every task is done."""
        return all(row.done for row in self._rows)

    def did(self, number: int, *, go_on: bool = True) -> None:
        """Mark a task as done, by its number from 1; focus the next open one if `go_on`."""
        if self._rows[number - 1].done:
            return
        self.worked_on = True
        self._tick(number)
        self._go_on_from(number)
        self._mark()
        if go_on:
            self.focus_next()

    def _tick(self, number: int) -> None:
        """Mark a task as done, and what it shows to be done or no longer needed: opening its page, copies."""
        *before, row = self._rows[:number]
        row.done = True
        for other in before if not row.entry.copies else ():
            other.done |= other.entry.copies or other.addressed

    def _go_on_from(self, number: int) -> None:
        ahead = [*range(number, len(self._rows)), *range(number)]
        self._at = next((index for index in ahead if not self._rows[index].done), len(self._rows))

    @property
    def ticks(self) -> list[int]:
        """The numbers of done tasks that stay done, for keeping."""
        return [number for number, row in enumerate(self._rows, start=1) if row.done and row.lasts]

    def finish(self) -> None:
        """Mark all tasks as done, leaving the focus where it is."""
        for row in self._rows:
            row.done = True
        self._at = len(self._rows)
        self._show_address()
        self._mark()

    def start_again(self) -> None:
        """Mark no task as done, leaving the focus where it is."""
        for row in self._rows:
            row.done = False
        self._at = 0
        self._mark()

    def opened(self, opened: bool, address: str) -> None:  # noqa: FBT001 - a move's result
        """Handle the opening of a task's page: mark it done, or show the address that no browser opened."""
        number, row = next((at, row) for at, row in enumerate(self._rows, start=1) if row.entry.opens)
        if opened:
            self._show_address()
            if row.entry.confirms:
                self._led(row)
            else:
                self.did(number)
            return
        row.addressed = row.entry.confirms is None
        self._show_address(f"Open it in your browser: {address}")
        list(row.buttons())[1].focus()

    def _show_address(self, *lines: str) -> None:
        self.set_class(bool(lines), "-addressed")
        for text in self.query(".not-opened").results(Text):
            text.show_lines(lines)

    def focus_next(self) -> bool:
        """Focus what is to be pressed next; return whether there is anything."""
        buttons = (
            row.entry.confirms if row.led else next(row.buttons(), None)
            for row in self._rows[self._at : self._at + 1]
        )
        button = next(buttons, None)
        if button is not None:
            button.focus()
        return button is not None

    def _led(self, row: _Row) -> None:
        """Go to the button that confirms a task."""
        row.led = True
        if row.entry.confirms and not row.done:
            row.entry.confirms.focus()

    def _mark(self) -> None:
        if not self.children:
            return  # not on the page yet
        for index, row in enumerate(self._rows):
            row.mark(current=index == self._at)
        self.post_message(self.Moved())

    @on(Button.Pressed)
    def _move_on(self, event: Button.Pressed) -> None:
        for index, row in enumerate(self._rows):
            if row not in event.button.ancestors:
                continue
            if row.entry.confirms and event.button in row.entry.buttons[row.entry.opens :]:
                self._led(row)
            if not row.counts(event.button, current=index == self._at):
                continue
            looks = row.looks(event.button)
            if not looks or not all(other.done for other in self._rows if other is not row):
                self.did(index + 1, go_on=not looks)
            if not all(other.done or other.entry.copies for other in self._rows[:index]):
                self._name_first()
