"""The dialogs: a title, a scrolling body, and buttons; each returns a typed answer, or none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.dom import DOMNode
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import WorkerError, WorkType, get_current_worker

from screens.widgets.one_focus import OneFocus
from screens.widgets.text import Button, ButtonRow, Lines, ScrollBody, Text
from workflows.core.sentences import OnboardError, Sentence, text_of

Answer = TypeVar("Answer")
_FRAME_LINES = 2
_SECONDS_BETWEEN_LOOKS = 0.2
_IN_TURN = "in turn"
_SECONDS = 5.0
"""How long to show by default that something was copied."""


class _Box(Vertical):
    """A dialog's frame, which a brief message below may make lower."""

    class Resized(Message):
        """Its size changed."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class Dialog(ModalScreen[Answer | None], OneFocus, Generic[Answer]):
    """A dialog; Escape closes it without an answer.

    A button answers, or runs the action that its id names; its key does the same. `AUTO_FOCUS` names the
    initial focus.

    Args:
        title: what it shows or asks.
        text: the text to read.
        buttons: its buttons, beside the one that closes it.
        close: the label of that one; "" for none.
        body: the widgets between title and buttons, if more than a text.
        fields: widgets that stay in view below the body, however long that is.
        answers: the answers by the ids of their buttons.
    """

    AUTO_FOCUS = "#close"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="dialog.close"),
        Binding("ctrl+n", "name_keys", show=False),
        Binding("pageup", "page_body(-1)", show=False),
        Binding("pagedown", "page_body(1)", show=False),
    ]
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
        answers: Mapping[str, Answer] | None = None,
    ) -> None:
        super().__init__(classes=classes)
        self._answers = answers or {}
        alone = all(button.variant == "default" for button in buttons)
        closing = Button(close, id="close", key="esc", variant="primary" if alone else "default")
        self._title = title
        self._body = body or ([Lines(text, classes="dialog-body")] if text else [])
        self._fields = fields
        self._buttons = [*buttons, *([closing] if close else [])]

    def compose(self) -> ComposeResult:
        yield _Box(
            Text(self._title, classes="dialog-title"),
            ScrollBody(*self._body),
            *self._fields,
            ButtonRow(*self._buttons, classes="dialog-buttons"),
        )

    def drop_result(self, *, passing: bool = False) -> None:  # noqa: ARG002 - everything is brief here
        self.app.clear_notifications()

    def on_screen_suspend(self) -> None:
        """Free the space of a brief result for the page below."""
        self.drop_result()

    @on(events.Resize)
    @on(_Box.Resized)
    def _fit_later(self) -> None:
        """Keep title, fields and buttons in view; the body gets the rest of the terminal."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        messages = sum(message.outer_size.height for message in self.query("Toast"))
        for body in self.query(ScrollBody):
            taken = self.query_one(_Box).virtual_size.height - body.outer_size.height
            body.styles.max_height = max(1, self.size.height - messages - taken - _FRAME_LINES)

    def on_key(self, event: events.Key) -> None:
        """Let a button's key press it."""
        for button in self._buttons:
            if button.shortcut == event.character:
                button.press()

    @on(Button.Pressed)
    async def _press(self, event: Button.Pressed) -> None:
        event.stop()
        name = str(event.button.id)
        if name in self._answers:
            self.dismiss(self._answers[name])
        else:
            await self.app.run_action(name, self)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_page_body(self, direction: int) -> None:
        """Page through the body while a button or a field has the focus."""
        for body in self.query(ScrollBody):
            body.scroll_page_down() if direction > 0 else body.scroll_page_up()

    def action_name_keys(self) -> None:
        """Say what answers instead of ^n, which a habit presses once too often."""
        self.drop_result()
        self.app.notify("^n doesn't answer this. Tab selects a button, Enter presses it.", timeout=_SECONDS)


def ask(node: DOMNode, dialog: Dialog[Answer], then: Callable[[Answer], Any]) -> None:
    """Show a dialog, and continue with its answer, unless it is closed without one."""

    def answered(answer: Answer | None) -> Any:
        return None if answer is None else then(answer)

    node.app.push_screen(dialog, answered)


def in_turn(app: App[Any], work: Callable[[], None]) -> None:
    """Do something quick in the background, after earlier calls; it outlives pages and dialogs."""
    before = [worker for worker in app.workers if worker.group == _IN_TURN]

    async def run() -> None:
        with contextlib.suppress(WorkerError):  # the previous one's failure is shown by itself
            await before[-1].wait() if before else None
        if not get_current_worker().is_cancelled:  # quitting has emptied the clipboard, which must stay empty
            await asyncio.to_thread(work)

    begun: WorkType[None] = run  # not a coroutine yet, which would warn if the application ends first
    app.run_worker(begun, group=_IN_TURN)


def tell(node: Widget, work: Callable[[], Sentence], timeout: float | None = _SECONDS) -> None:
    """Do something quick in the background, such as a copy, and show its message or failure.

    With a timeout (seconds) the message is shown briefly, also over a dialog; without one, it stays on the
    page.
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


def copy_button(node: Widget, copy: Callable[[], Sentence], label: str = "Copy text") -> Button:
    """Return the button of a dialog that copies something and shows the result."""
    return Button(label, id="copy", key="c", act=lambda: tell(node, copy))


class Notice(Dialog[bool]):
    """Something to read, with nothing to decide."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,ctrl+n", "close", show=False)]


class Ways(Dialog[Answer]):
    """Asks how to go on.

    Args:
        title: the question.
        text: the details.
        ways: the labels of the buttons and the answers by the buttons' ids, the most likely one first.
    """

    AUTO_FOCUS = "Button"

    def __init__(self, title: Sentence, text: Sentence, ways: Mapping[str, tuple[str, Answer]]) -> None:
        buttons = [Button(label, id=way) for way, (label, _answer) in ways.items()]
        buttons[0].variant = "primary"
        answers = {way: answer for way, (_label, answer) in ways.items()}
        super().__init__(title, text, *buttons, close="Cancel", answers=answers)


class ErrorDialog(Notice):
    """What happened, why, and what to do; its text can be copied. The answer True means editing by hand.

    Args:
        error: the failure.
        copy: copies a text and returns a message.
        editable: whether to offer the user's editor at the place that the failure names.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f4", "app.simulate_key('e')", show=False)]

    def __init__(
        self, error: OnboardError, copy: Callable[[str], Sentence], *, editable: bool = False
    ) -> None:
        edit = [Button("Edit by hand", id="edit", key="e")] if editable else []
        copied = copy_button(self, lambda: copy(error.as_text()))
        super().__init__(
            f"✗ {error.title}", error.body, *edit, copied, classes="-error", answers={"edit": True}
        )


class Typed(Dialog[Answer]):
    """A dialog whose button `#yes` works only after one of the names, if any, was typed.

    Args:
        title: the question.
        text: the details.
        names: accepted names.
        hint: what to type.
        buttons: `#yes` among them.
        close: as for `Dialog`.
        answers: as for `Dialog`.
        wrong: the message for any other text.
        fields: the widgets below the field.
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
        answers: Mapping[str, Answer],
        wrong: str = "That isn't the name.",
        fields: Sequence[Widget] = (),
        classes: str | None = None,
    ) -> None:
        typed = (
            Text(hint, classes="field-hint"),
            Input(id="typed", compact=True, select_on_focus=False),
            Text("", id="wrong", classes="problem"),
        )
        asked = (*typed, *fields) if names else fields
        super().__init__(title, text, *buttons, close=close, fields=asked, classes=classes, answers=answers)
        self._names = names
        self._wrong = wrong

    def on_key(self, event: events.Key) -> None:
        """Take what is typed into the field, and lead up to it, also from a button."""
        if event.is_printable or event.key == "up":
            self._fill(event.character or "" if event.is_printable else "")

    def on_paste(self, event: events.Paste) -> None:
        """Take what is pasted into the field, also from a button."""
        self._fill(event.text)

    def _fill(self, text: str) -> None:
        for field in self.query("#typed").results(Input):  # which stops what it takes itself
            field.focus()
            field.insert_text_at_cursor("".join(text.splitlines()[:1]))

    @on(Input.Changed, "#typed")
    def _check(self, event: Input.Changed) -> None:
        self.query_one("#yes", Button).disabled = event.value.strip() not in self._names
        self.query_one("#wrong", Text).update("")

    @on(Input.Submitted, "#typed")
    def _answer(self, event: Input.Submitted) -> None:
        if event.value.strip() in self._names:
            self.query_one("#yes", Button).press()
        else:
            self.query_one("#wrong", Text).update(f"✗ {self._wrong}")


class Confirm(Typed[bool]):
    """A question; Escape and the focused button say no.

    Args:
        title: the question.
        body: the effect of a yes.
        yes: the label of the button that does it.
        typed: a text that must be typed for a yes (a name), or "" for none.
        no: the label of the button that doesn't.
    """

    def __init__(self, title: Sentence, body: Sentence, yes: str, typed: str = "", no: str = "No") -> None:
        super().__init__(
            title,
            body,
            {typed} - {""},
            f"Type {typed} to confirm:",
            Button(yes, id="yes", variant="error", disabled=bool(typed)),
            close=no,
            answers={"yes": True},
        )


_OVER = "Nothing runs here now, and the session is saved."


class QuitQuestion(Confirm):
    """Asks whether to quit while something runs; stays open and reports when that is over.

    Args:
        consequence: returns the effect of quitting on what runs now; "" once nothing does.
    """

    def __init__(self, consequence: Callable[[], Sentence]) -> None:
        super().__init__("Quit iam-onboard now?", consequence(), "Quit", no="Not yet")
        self._consequence = consequence

    def on_mount(self) -> None:
        """Refresh the text, since Terraform may start or end while it is read."""
        body = self.query_one(".dialog-body", Lines)
        self.set_interval(_SECONDS_BETWEEN_LOOKS, lambda: body.show_lines([self._consequence() or _OVER]))


class NameDialog(Dialog[str]):
    """Asks for a name or a path, and checks it while it is typed.

    Args:
        title: what it is for.
        words: its effect, or "".
        value: the initial name.
        wrong: returns what is wrong with a name, "" if nothing is.
        example: shown while the field is empty.
        accept: the label of the button that answers.
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
        """Answer with the name if it is valid."""
        value = self.query_one(Input).value.strip()
        wrong = self._wrong(value) if value else "Enter a name."
        if wrong:
            self.query_one("#wrong", Text).update(f"✗ {wrong}")
        else:
            self.dismiss(value)
