"""A text that the user sends to somebody else: shown if its copy isn't certain."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from screens.widgets.dialogs import tell
from screens.widgets.lists import TextDialog
from screens.widgets.text import Button, Text
from workflows.core.sentences import Sentence
from workflows.environment import Environment
from workflows.steps.shared.to_send import ToSend, hand_out


class ToSendDialog(TextDialog):
    """The text, the state of its copy, and a way to save it.

    Args:
        to_send: the text.
        environment: has the clipboard and the home folder.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "save", "Save this text", id="text.save")]
    DEFAULT_CSS = "ToSendDialog #said { margin-top: 1; color: $text-muted; }"

    def __init__(self, to_send: ToSend, environment: Environment) -> None:
        super().__init__(
            to_send.title,
            to_send.text,
            Button("Save", id="save", key="s"),
            copy=environment.copy,
            fields=[Text(to_send.said, id="said")],
        )
        self._to_send = to_send
        self._environment = environment

    def action_save(self) -> None:
        tell(self, lambda: self._to_send.save(self._environment))


def hand_out_here(
    node: Widget, title: Sentence, text: str, file_name: str, environment: Environment
) -> Sentence:
    """Copy a text to send, or save it in the home folder; return where it is. From any thread."""
    return show_unless_certain(node, hand_out(title, text, file_name, environment), environment)


def show_unless_certain(node: Widget, to_send: ToSend, environment: Environment) -> Sentence:
    """Show a text if its copy isn't certain; return where it is. From any thread."""
    if not to_send.certain:
        node.app.call_later(lambda: node.app.push_screen(ToSendDialog(to_send, environment)))
    return to_send.said
