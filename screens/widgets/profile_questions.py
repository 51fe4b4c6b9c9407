"""Questions about profiles that are there already: write over what was changed, take out what is gone?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection

from screens.widgets.marks import MarkList
from workflows.services.profiles.foreign import HandChange, Stale

_OVER, _OUT = "over", "out"


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
        self._words: dict[str, str] = {}
        self._asked: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static("Mark with Space what is to be done; a marks all:", markup=False)
        yield _Boxes(id="boxes")
        yield Static("", id="question", markup=False)

    def on_mount(self) -> None:
        self.display = False

    def show(self, by_hand: Sequence[HandChange], stale: Sequence[Stale], marked: Sequence[str] = ()) -> None:
        """Ask about these; a question that was there before keeps its mark.

        Args:
            by_hand: profiles that somebody changed.
            stale: profiles that are no longer wanted.
            marked: profiles whose box is marked at first.
        """
        self._asked = tuple(one.profile for one in by_hand)
        lines = {f"{_OVER} {one.profile}": (f"Write over {one.profile}", one.words) for one in by_hand}
        lines |= {f"{_OUT} {one.profile}": (f"Take out {one.profile}", _gone(one)) for one in stale}
        self.display = bool(lines)
        words = {value: whole for value, (_, whole) in lines.items()}
        if words == self._words:
            return
        self._words = words
        boxes = self.query_one(_Boxes)
        chosen = {*boxes.selected, *(f"{kind} {name}" for name in marked for kind in (_OVER, _OUT))}
        with self.prevent(SelectionList.SelectedChanged):
            boxes.clear_options()
            boxes.add_options(
                [Selection(short, value, value in chosen) for value, (short, _) in lines.items()]
            )

    @property
    def asked(self) -> tuple[str, ...]:
        """The profiles changed by hand that are asked about."""
        return self._asked

    @property
    def overwrite(self) -> tuple[str, ...]:
        """The profiles to write over."""
        return self._marked(_OVER)

    @property
    def prune(self) -> tuple[str, ...]:
        """The profiles to take out."""
        return self._marked(_OUT)

    def _marked(self, kind: str) -> tuple[str, ...]:
        chosen = self.query_one(_Boxes).selected
        return tuple(
            value.split(" ", 1)[1] for value in self._words if value in chosen and value.startswith(kind)
        )

    @on(SelectionList.SelectionHighlighted)
    def _explain(self, event: SelectionList.SelectionHighlighted[str]) -> None:
        self.query_one("#question", Static).update(self._words.get(event.selection.value, ""))


def _gone(one: Stale) -> str:
    return f"{one.words}: this program wrote it, and your handoff no longer names it."
