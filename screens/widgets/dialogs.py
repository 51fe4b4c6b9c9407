"""The dialogs: a title, a body that scrolls, and buttons; each gives a typed answer, or none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.dom import DOMNode
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import WorkerError, WorkType, get_current_worker

from screens.widgets.text import Button, ButtonRow, Lines, ScrollBody, Text
from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence, text_of

Answer = TypeVar("Answer")
_FRAME_LINES = 2
_SECONDS_BETWEEN_LOOKS = 0.2
_IN_TURN = "in turn"
_SECONDS = 5.0
"""How long it is shown, where nothing else says when to stop, that something was copied."""


class OneFocus(Screen[Any]):
    """A screen that shows its focus and keys only while no other one covers it; then that one has them.

    It may have a place for what comes of its work.
    """

    def show_result(self, text: str, severity: str, *, passing: bool = False) -> bool:  # noqa: ARG002
        """Show what came of something, until the next or another step.

        Args:
            text: what came of it.
            severity: Textual's name of it.
            passing: whether it goes with the next key: it takes room that the page may need.

        Returns:
            whether it will be seen here.
        """
        return False

    def drop_result(self, *, passing: bool = False) -> None:
        """What came of work was seen, as other work begins; or a key is pressed: what is shown in passing."""

    def on_screen_suspend(self) -> None:
        """Another screen takes the keys."""
        self.query("KeyLine").set(visible=False)
        self._show_focus()

    def on_screen_resume(self) -> None:
        """The keys are here again."""
        self.query("KeyLine").set(visible=True)
        self._show_focus()

    def on_descendant_focus(self) -> None:
        """What ends below a dialog may move the focus there."""
        self._show_focus()

    def _show_focus(self) -> None:
        here = self.app.screen is self
        if self.focused is not None and self.focused.has_focus is not here:
            self.focused.has_focus = here
            self.focused.refresh()


class Dialog(ModalScreen[Answer | None], OneFocus, Generic[Answer]):
    """A dialog; escape closes it without an answer.

    A button runs the action that its id names. What `AUTO_FOCUS` names has the focus at first.

    Args:
        title: what it shows or asks.
        text: what there is to read.
        buttons: its buttons, beside the one that closes it.
        close: the words of that one; "" for none.
        body: what stands between title and buttons where that is more than a text.
        fields: what stays in view below the body, however long that is.
    """

    AUTO_FOCUS = "#close"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", id="dialog.close")]
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical {
        width: 74; max-width: 96%; height: auto; max-height: 100%;
        border: round $border-blurred; background: $surface; padding: 0 1;
    }
    Dialog.-tall > Vertical { height: 96%; }
    Dialog.-error > Vertical { border: round $error; }
    Dialog.-warning > Vertical { border: round $warning; }
    Dialog .dialog-title { text-style: bold; margin-bottom: 1; }
    Dialog ScrollBody { height: auto; }
    Dialog.-tall ScrollBody { height: 1fr; }
    Dialog .dialog-buttons { height: auto; margin-top: 1; align-horizontal: right; }
    Dialog .dialog-buttons Button { margin-left: 2; height: 1; min-width: 10; }
    Dialog Input { margin-top: 1; }
    Dialog .problem { color: $text-error; }
    """

    def __init__(
        self,
        title: Sentence,
        text: Sentence = "",
        *buttons: Button,
        close: str = "Close",
        body: Sequence[Widget] = (),
        fields: Sequence[Widget] = (),
        classes: str | None = None,
    ) -> None:
        super().__init__(classes=classes)
        alone = all(button.variant == "default" for button in buttons)
        closing = Button(close, id="close", key="esc", variant="primary" if alone else "default")
        self._title = title
        self._body = body or ([Lines(text, classes="dialog-body")] if text else [])
        self._fields = fields
        self._buttons = [*buttons, *([closing] if close else [])]

    def compose(self) -> ComposeResult:
        yield Vertical(
            Text(self._title, classes="dialog-title"),
            ScrollBody(*self._body),
            *self._fields,
            ButtonRow(*self._buttons, classes="dialog-buttons"),
        )

    def drop_result(self, *, passing: bool = False) -> None:  # noqa: ARG002 - all of it is in passing here
        self.app.clear_notifications()

    def on_screen_suspend(self) -> None:
        """What was shown in passing takes no room from the page below."""
        self.drop_result()

    def on_resize(self) -> None:
        """Title, fields and buttons stay in view, so the body has what is left of the terminal."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        for body in self.query(ScrollBody):
            taken = self.query_one(Vertical).virtual_size.height - body.outer_size.height
            body.styles.max_height = max(1, self.size.height - taken - _FRAME_LINES)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """What a button of the dialog does is offered only where the button is."""
        own = {binding.action for binding in self.BINDINGS if isinstance(binding, Binding)} - {"close"}
        return action not in own or action in {button.id for button in self._buttons}

    @on(Button.Pressed)
    async def _press(self, event: Button.Pressed) -> None:
        event.stop()
        await self.app.run_action(str(event.button.id), self)

    def action_close(self) -> None:
        """Close it without an answer."""
        self.dismiss(None)


def ask(node: DOMNode, dialog: Dialog[Answer], then: Callable[[Answer], Any]) -> None:
    """Show a dialog, and continue with its answer, unless it is closed without one."""

    def answered(answer: Answer | None) -> Any:
        return None if answer is None else then(answer)

    node.app.push_screen(dialog, answered)


def in_turn(app: App[Any], work: Callable[[], None]) -> None:
    """Do something quick in the background, after what was begun so before; it outlives pages and dialogs."""
    before = [worker for worker in app.workers if worker.group == _IN_TURN]

    async def run() -> None:
        with contextlib.suppress(WorkerError):  # how the one before ended is shown by itself
            await before[-1].wait() if before else None
        if not get_current_worker().is_cancelled:  # the end has emptied the clipboard, and fills it no more
            await asyncio.to_thread(work)

    begun: WorkType[None] = run  # and no coroutine of it, which would warn where the end comes first
    app.run_worker(begun, group=_IN_TURN)


def tell(node: Widget, work: Callable[[], Sentence], timeout: float | None = _SECONDS) -> None:
    """Do something quick in the background, as a copy, and show what it says or why it failed.

    With a timeout (seconds) that is shown in passing, over a dialog too; without one, it stays on the page.
    """
    app = node.app

    def run() -> None:
        severity: SeverityLevel = "information"
        try:
            said = text_of(work())
        except OnboardError as error:
            said, severity = f"{error.what} {error.why}", "warning"
        app.call_from_thread(partial(app.notify, said, severity=severity, timeout=timeout))

    in_turn(app, run)


class Notice(Dialog[bool]):
    """Something to read, with nothing to decide."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,ctrl+n", "close", show=False)]


class ErrorDialog(Notice):
    """What happened, why, and what to do; its text can be copied. It answers that it is to be edited by hand.

    Args:
        error: the failure.
        copy: copies a text and says so.
        editable: whether to offer the person's editor at the place that the failure names.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy this text", id="dialog.copy"),
        Binding("e,f4", "edit", "Edit by hand", id="dialog.edit"),
    ]

    def __init__(
        self, error: OnboardError, copy: Callable[[str], Sentence], *, editable: bool = False
    ) -> None:
        edit = [Button("Edit by hand", id="edit", key="e")] if editable else []
        copied = Button("Copy text", id="copy", key="c")
        super().__init__(f"✗ {error.title}", error.body, *edit, copied, classes="-error")
        self._error = error
        self._copy = copy

    def action_edit(self) -> None:
        """Close the dialog for the editor."""
        self.dismiss(True)

    def action_copy(self) -> None:
        """Copy the whole text; the desktop's clipboard may take its time."""
        tell(self, lambda: self._copy(self._error.as_text()))


class Typed(Dialog[Answer]):
    """A dialog whose button `#yes` works only once one of some names was typed, if there are any.

    Args:
        title: the question.
        text: what there is to know.
        names: what may be typed.
        hint: what to type.
        buttons: `#yes` among them.
        close: as for `Dialog`.
        wrong: said of anything else.
        fields: what stands below the field.
    """

    AUTO_FOCUS = "#typed, #close"
    DEFAULT_CSS = """
    Typed .field-hint { margin-top: 1; }
    Typed Input { margin-top: 0; }
    """

    def __init__(
        self,
        title: Sentence,
        text: Sentence,
        names: Collection[str],
        hint: str,
        *buttons: Button,
        close: str,
        wrong: str = "That is not the name.",
        fields: Sequence[Widget] = (),
        classes: str | None = None,
    ) -> None:
        typed = (
            Text(hint, classes="field-hint"),
            Input(id="typed", compact=True),
            Text("", id="wrong", classes="problem"),
        )
        asked = (*typed, *fields) if names else fields
        super().__init__(title, text, *buttons, close=close, fields=asked, classes=classes)
        self._names = names
        self._wrong = wrong

    def action_yes(self) -> None:
        """What was asked about is to be done."""
        raise NotImplementedError

    @on(Input.Changed, "#typed")
    def _check(self, event: Input.Changed) -> None:
        self.query_one("#yes", Button).disabled = event.value.strip() not in self._names
        self.query_one("#wrong", Text).update("")

    @on(Input.Submitted, "#typed")
    def _answer(self, event: Input.Submitted) -> None:
        if event.value.strip() in self._names:
            self.action_yes()
        else:
            self.query_one("#wrong", Text).update(f"✗ {self._wrong}")


class Confirm(Typed[bool]):
    """A question; escape and the focused button say no.

    Args:
        title: the question.
        body: what a yes would do.
        yes: the words of the button that does it.
        typed: a text that must be typed for a yes (a name), or "" for none.
        no: the words of the button that doesn't.
    """

    def __init__(self, title: Sentence, body: Sentence, yes: str, typed: str = "", no: str = "No") -> None:
        super().__init__(
            title,
            body,
            {typed} - {""},
            f"Type {typed} to confirm:",
            Button(yes, id="yes", variant="error", disabled=bool(typed)),
            close=no,
        )

    def action_yes(self) -> None:
        self.dismiss(True)


_OVER = "What ran here has ended meanwhile. The session is saved."


class QuitQuestion(Confirm):
    """Asks whether to quit while something runs; it says so once that is over, and asks on.

    Args:
        consequence: says what quitting means for what runs now; "" once nothing does.
    """

    def __init__(self, consequence: Callable[[], Sentence]) -> None:
        super().__init__("Quit iam-onboard now?", consequence(), "Quit", no="Not yet")
        self._consequence = consequence

    def on_mount(self) -> None:
        """Terraform may be started, and end, while this is read."""
        body = self.query_one(".dialog-body", Lines)
        self.set_interval(_SECONDS_BETWEEN_LOOKS, lambda: body.show_lines([self._consequence() or _OVER]))


class NameDialog(Dialog[str]):
    """Asks for a name or a path, and says what is not right with it while it is open.

    Args:
        title: what it is for.
        words: what comes of it, or "".
        value: the name to begin with.
        wrong: says what is wrong with a name, "" if nothing is.
        example: shown as long as nothing is entered.
        accept: the words of the button that answers.
    """

    AUTO_FOCUS = "#name"

    def __init__(
        self,
        title: Sentence,
        words: Sentence,
        value: str,
        wrong: Callable[[str], Sentence] = lambda _name: "",
        example: str = "",
        accept: str = "Save",
    ) -> None:
        super().__init__(
            title,
            words,
            Button(accept, id="accept", variant="primary"),
            close="Cancel",
            fields=(
                Input(value, example, id="name", compact=True, select_on_focus=False),
                Text("", id="wrong", classes="problem"),
            ),
        )
        self._wrong = wrong

    @on(Input.Submitted)
    def action_accept(self) -> None:
        """Answer with the name, if there is nothing wrong with it."""
        value = self.query_one(Input).value.strip()
        wrong = self._wrong(value) if value else "A name is needed."
        if wrong:
            self.query_one("#wrong", Text).update(f"✗ {wrong}")
        else:
            self.dismiss(value)
