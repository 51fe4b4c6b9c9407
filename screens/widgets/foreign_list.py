"""The changes of a plan that are not about what was chosen: each is marked before the plan is accepted."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from screens.widgets.text import MarkList, Text
from workflows.core.sentences import joined, text_of
from workflows.steps.planned import Told

_LABEL = "! Not about what you chose. Space marks what may happen:"


class ForeignList(Vertical):
    """Shows nothing where there is nothing foreign."""

    DEFAULT_CSS = """
    ForeignList { height: auto; display: none; }
    ForeignList.-shown { display: block; }
    ForeignList Static { height: auto; }
    ForeignList #foreign-label { color: $text-warning; }
    ForeignList #foreign { max-height: 8; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._changes: Sequence[Told] = ()

    def compose(self) -> ComposeResult:
        yield Text(_LABEL, id="foreign-label")
        yield MarkList(id="foreign")
        yield Text("", id="foreign-words")

    def show(self, changes: Sequence[Told], acknowledged: Collection[str]) -> None:
        """Show these changes; those that are acknowledged are marked."""
        self._changes = changes
        self.set_class(bool(changes), "-shown")
        self.query_one(MarkList).show([(one.words, one.address) for one in changes], acknowledged)
        self.query_one("#foreign-words", Text).update("")

    @property
    def marked(self) -> set[str]:
        """The addresses that are marked."""
        return set(self.query_one(MarkList).selected)

    @on(MarkList.SelectionHighlighted)
    def _tell_whole(self, event: MarkList.SelectionHighlighted[str]) -> None:
        """Show all words of the line that the cursor is on, and the resource; the list cuts them off."""
        lines = [
            one.words if one.named else f"{one.words}\n{one.address}"
            for one in self._changes
            if one.address == event.selection.value
        ]
        self.query_one("#foreign-words", Text).update(text_of(joined(lines, "\n")))
