"""Questions about profiles that are there already: write over what was changed, take out what is gone?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import SelectionList

from screens.widgets.text import MarkList, Text
from workflows.services.profiles.record import HandChange, Stale


class _Boxes(MarkList):
    """The boxes; one key marks all or none of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All", id="profiles.all", tooltip="Mark all of them, or none"),
    ]

    def action_all(self) -> None:
        """Mark all; where all are marked, none."""
        if len(self.selected) == self.option_count:
            self.deselect_all()
        else:
            self.select_all()


class ProfileQuestions(Vertical):
    """A box for each question, empty at first, and the whole of the highlighted one; hidden without one."""

    DEFAULT_CSS = """
    ProfileQuestions { height: auto; margin-top: 1; }
    ProfileQuestions _Boxes { max-height: 5; }
    ProfileQuestions #question { height: auto; max-height: 4; color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._questions: dict[str, HandChange | Stale] = {}

    def compose(self) -> ComposeResult:
        yield Text("Mark with Space what is to be done; a marks all:")
        yield _Boxes(id="boxes")
        yield Text("", id="question")

    def on_mount(self) -> None:
        self.display = False

    def show(self, by_hand: Sequence[HandChange], stale: Sequence[Stale], marked: Sequence[str] = ()) -> None:
        """Ask about these; a question that was there before keeps its mark.

        Args:
            by_hand: profiles that somebody changed.
            stale: profiles that are no longer wanted.
            marked: profiles whose box is marked at first.
        """
        questions: dict[str, HandChange | Stale] = {f"over {one.profile}": one for one in by_hand}
        questions |= {f"out {one.profile}": one for one in stale}
        self.display = bool(questions)
        if questions == self._questions:
            return
        self._questions = questions
        boxes = self.query_one(_Boxes)
        chosen = {*boxes.selected, *(value for value, one in questions.items() if one.profile in marked)}
        with self.prevent(SelectionList.SelectedChanged):
            boxes.show([(_label(one), value) for value, one in questions.items()], chosen)

    @property
    def asked(self) -> tuple[str, ...]:
        """The profiles changed by hand that are asked about."""
        return tuple(one.profile for one in self._questions.values() if isinstance(one, HandChange))

    @property
    def overwrite(self) -> tuple[str, ...]:
        """The profiles to write over."""
        return self._marked(HandChange)

    @property
    def prune(self) -> tuple[str, ...]:
        """The profiles to take out."""
        return self._marked(Stale)

    def _marked(self, kind: type[HandChange | Stale]) -> tuple[str, ...]:
        chosen = [self._questions[value] for value in self.query_one(_Boxes).selected]
        return tuple(
            one.profile for one in self._questions.values() if one in chosen and isinstance(one, kind)
        )

    @on(SelectionList.SelectionHighlighted)
    def _explain(self, event: SelectionList.SelectionHighlighted[str]) -> None:
        one = self._questions.get(event.selection.value)
        if one is None:
            return  # it was about a question that is gone
        why = (
            ": this program wrote it, and your handoff no longer names it." if isinstance(one, Stale) else ""
        )
        self.query_one("#question", Text).update(f"{one.words}{why}")


def _label(one: HandChange | Stale) -> str:
    return f"{'Write over' if isinstance(one, HandChange) else 'Take out'} {one.profile}"
