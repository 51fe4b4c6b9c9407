"""The ways in which a key comes in: pasted, from a file or folder, from the sandbox's mail."""

from __future__ import annotations

from textual import on
from textual.widgets import Input, TextArea

from screens.base import Opening, StepPane
from screens.widgets.key_area import KeyArea
from screens.widgets.text import Button
from workflows.services.gpg.normalise import KEYRING_LIMIT
from workflows.services.gpg.refusals import KeyTooLarge
from workflows.steps import taken_keys
from workflows.steps.taken_keys import Taken

TAKE = "take"
TAKE_AND_GO_ON = "take and go on"


class KeyIntake(StepPane):
    """A pane with fields for keys; what comes of a move is the subclass's business.

    Attributes:
        names: the people whose keys are wanted.
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.names = list(taken_keys.people_of(opening.context))

    def person(self) -> str:
        """The marked one, whom the next key is for; "" if nobody's is wanted."""
        raise NotImplementedError

    @on(Button.Pressed, "#take")
    def _take_wanted(self) -> None:
        self.take_pasted(TAKE)

    def take_pasted(self, move: str) -> None:
        """Take in what was pasted; the move is `TAKE` or `TAKE_AND_GO_ON`."""
        text, names = self.query_one(TextArea).text, self._names_marked_first()
        if not text.strip():
            self.notify("Paste the key or the message first.", severity="warning")
            self.query_one(TextArea).focus()
            return
        self.run_move(move, lambda report: taken_keys.take_in_typed(text, names, self.context, report))

    @on(KeyArea.TooLarge)
    def _refuse_size(self, message: KeyArea.TooLarge) -> None:
        self.run_move(TAKE, lambda _report: _refuse(message.size))

    @on(Input.Submitted, "#file")
    def _open_file(self, event: Input.Submitted) -> None:
        path, names = event.value.strip(), self._names_marked_first()
        if path:
            self.run_move(TAKE, lambda report: taken_keys.take_in_file(path, names, self.context, report))

    def _names_marked_first(self) -> list[str]:
        return sorted(self.names, key=lambda name: name != self.person())

    @on(Button.Pressed, "#fetch")
    def _fetch(self) -> None:
        self.run_move(
            TAKE, lambda report: taken_keys.take_in_mail(self.names, self.person(), self.context, report)
        )


def _refuse(size: int) -> Taken:
    raise KeyTooLarge(size, KEYRING_LIMIT)
