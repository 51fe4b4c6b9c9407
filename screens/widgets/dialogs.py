"""The modal dialogs: a failure that can be read and copied, and a question whose focused answer is safe."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input

from screens.widgets.text import Button, Text
from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence


class DialogBody(VerticalScroll):
    """What a dialog says; the focus stops at it only where there is something to scroll."""

    def allow_focus(self) -> bool:
        """Whether the focus may be here."""
        return bool(super().allow_focus() and self.max_scroll_y > 0)


class Dialog(ModalScreen[bool]):
    """The frame of a dialog: a title, a body that scrolls, buttons below that the arrows go between."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "button(-1)", "Button before", id="dialog.left", show=False),
        Binding("right", "button(1)", "Next button", id="dialog.right", show=False),
    ]
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical {
        width: 74; max-width: 96%; height: auto; max-height: 92%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    Dialog.-error > Vertical { border: round $error; }
    Dialog .dialog-title { text-style: bold; height: auto; margin-bottom: 1; }
    Dialog VerticalScroll { height: auto; max-height: 16; }
    Dialog .dialog-body { height: auto; }
    Dialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    Dialog #wrong { display: none; color: $text-error; }
    Dialog Button { margin-left: 2; height: 1; min-width: 10; }
    """

    def action_button(self, step: int) -> None:
        """Move the focus to the button beside the one that has it."""
        buttons = [button for button in self.query(Button) if button.focusable]
        if self.focused in buttons:
            beside = buttons.index(self.focused) + step
            buttons[max(0, min(beside, len(buttons) - 1))].focus()


class ErrorDialog(Dialog):
    """What happened, why, and what to do; its text can be copied. It answers whether to edit by hand now.

    Args:
        error: the failure.
        copy: copies a text and says so.
        editable: whether to offer the person's editor at the place that the failure names.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="dialog.close"),
        Binding("c", "copy", "Copy this text", id="dialog.copy"),
        Binding("e,f4", "edit", "Edit by hand", id="dialog.edit"),
    ]

    def __init__(
        self, error: OnboardError, copy: Callable[[str], Sentence], *, editable: bool = False
    ) -> None:
        super().__init__(classes="-error")
        self._error = error
        self._copy = copy
        self._editable = editable

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text(f"✗ {self._error.title}", classes="dialog-title")
            with DialogBody():
                yield Text(self._error.body, classes="dialog-body")
            with Horizontal():
                if self._editable:
                    yield Button("Edit by hand (e)", id="edit")
                yield Button("Copy text (c)", id="copy")
                yield Button("Close (esc)", id="close", variant="primary")

    def on_mount(self) -> None:
        """The usual answer has the focus."""
        self.query_one("#close").focus()

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss(False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The editor is offered only where there is a place for it."""
        return self._editable if action == "edit" else True

    @on(Button.Pressed, "#edit")
    def action_edit(self) -> None:
        """Close the dialog for the editor."""
        self.dismiss(True)

    @on(Button.Pressed, "#copy")
    def action_copy(self) -> None:
        """Copy the whole text; the desktop's clipboard may take its time."""
        self.run_worker(self._copy_text, thread=True, group="copy", exclusive=True)

    def _copy_text(self) -> None:
        try:
            words, severe = self._copy(self._error.as_text()), False
        except OnboardError as error:
            words, severe = f"{error.what} {error.why}", True
        self.app.call_from_thread(self.notify, words, severity="warning" if severe else "information")


class Confirm(Dialog):
    """A question; escape and the focused button say no.

    Args:
        title: the question.
        body: what a yes would do.
        yes: the words of the button that does it.
        typed: a text that must be typed for a yes (a name), or "" for none.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "no", "No", id="dialog.no")]

    def __init__(self, title: str, body: str, yes: str, typed: str = "") -> None:
        super().__init__()
        self._title = title
        self._body = body
        self._yes = yes
        self._typed = typed

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text(self._title, classes="dialog-title")
            with DialogBody():
                yield Text(self._body, classes="dialog-body")
            if self._typed:
                yield Text(f"Type {self._typed} to go on:")
                yield Input(id="typed", compact=True)
                yield Text("✗ That is not the name.", id="wrong")
            with Horizontal():
                yield Button(self._yes, id="yes", variant="error", disabled=bool(self._typed))
                yield Button("No (esc)", id="no")

    def on_mount(self) -> None:
        """The safe answer, or the field that must be filled, has the focus."""
        self.query_one("#typed" if self._typed else "#no").focus()

    @on(Input.Changed, "#typed")
    def _check(self, event: Input.Changed) -> None:
        self.query_one("#yes", Button).disabled = event.value.strip() != self._typed
        self.query_one("#wrong").display = False

    @on(Input.Submitted, "#typed")
    def _answer(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._typed:
            self.dismiss(True)
        else:
            self.query_one("#wrong").display = True

    @on(Button.Pressed, "#yes")
    def _accept(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#no")
    def action_no(self) -> None:
        """Say no."""
        self.dismiss(False)


class QuitQuestion(Confirm):
    """Asks whether to quit while something runs."""

    def __init__(self) -> None:
        body = (
            "A running apply goes on by itself and is picked up when you come back.\n"
            "Anything else that runs is stopped, and its step stays open."
        )
        super().__init__("Something is still running. Quit all the same?", body, "Quit")
