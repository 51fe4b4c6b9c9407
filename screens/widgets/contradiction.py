"""Asks how to continue if the world contradicts a done step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType

from screens.widgets.dialogs import Dialog
from screens.widgets.text import Button
from workflows.core.sentences import Sentence, joined
from workflows.machine.observations import Choice, Observation

_BUTTONS: Mapping[Choice, tuple[str, str]] = {
    Choice.REDO: ("redo", "Do it again"),
    Choice.ACCEPT: ("accept", "Accept"),
    Choice.CONTINUE: ("continue", "Continue"),
}
_ASKS = "Checks again, with a passphrase or an MFA code if needed."


class Contradiction(Dialog[Choice]):
    """What is different, and the effect of each choice; the likely one has the focus, or a new look.

    Args:
        title: the step's title, with its item.
        observation: the contradiction.
        said: the same as a sentence.
        look: starts another look at the world; None if that can't help.
    """

    AUTO_FOCUS = "Button.-primary"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "redo", "Do the step again", id="contradiction.redo"),
        Binding("a", "accept", "Accept as done", id="contradiction.accept"),
        Binding("c", "continue", "Continue as it is", id="contradiction.continue"),
        Binding("l", "look", "Look again", id="contradiction.look"),
    ]

    def __init__(
        self,
        title: Sentence,
        observation: Observation,
        said: Sentence = "",
        look: Callable[[], None] | None = None,
    ) -> None:
        choices = observation.choices
        first = look is not None and not observation.asks  # a look costs less than repeating the step
        named = zip((Choice.REDO, Choice.CONTINUE, Choice.ACCEPT), observation.effects, strict=False)
        names = {choice: words for choice, (_, words) in _BUTTONS.items()} | dict(named)
        meanings = {**choices, Choice.REDO: observation.redoing or f"Opens {title} again."}
        explained = (f"\n{names[choice]}\n{meanings[choice]}" for choice in _BUTTONS if choice in choices)
        again = Button("Look again", id="look", key="l", variant="primary" if first else "default")
        asks = "" if look is None else f"\nLook again\n{_ASKS}"
        text = joined((said or observation.words, *explained, asks), "\n")
        buttons = [
            Button(
                names[choice],
                id=action,
                key=action[0],
                variant="primary" if choice is observation.likely and not first else "default",
            )
            for choice, (action, _) in _BUTTONS.items()
            if choice in choices
        ]
        super().__init__(
            f"How do you want to continue with {title}?",
            text,
            *buttons,
            *([] if look is None else [again]),
            close="",
            classes="-warning",
        )
        self._look = look

    def action_look(self) -> None:
        """Start another look at the world, which may end the contradiction."""
        if self._look is not None:
            self.dismiss(None)
            self._look()

    def action_redo(self) -> None:
        self.dismiss(Choice.REDO)

    def action_accept(self) -> None:
        self.dismiss(Choice.ACCEPT)

    def action_continue(self) -> None:
        self.dismiss(Choice.CONTINUE)
