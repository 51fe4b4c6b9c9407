"""What is left to be mended after an apply, a line each; below, what the chosen one runs, and why."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from screens.widgets.text import Option, OptionList, Text
from workflows.core.sentences import Sentence
from workflows.steps.recovery import Repair, Told


class RecoveryList(Vertical):
    """Repairs with a mark each; Enter asks for the one under the cursor to be carried out."""

    DEFAULT_CSS = """
    RecoveryList { height: auto; display: none; margin-top: 1; }
    RecoveryList.-shown { display: block; }
    RecoveryList OptionList { height: auto; max-height: 6; border: none; padding: 0; }
    RecoveryList #repair-why { color: $text-muted; margin-top: 1; }
    """

    @dataclass
    class Wanted(Message):
        """The person pressed Enter on a repair."""

        repair: Repair

    def __init__(self) -> None:
        super().__init__(id="recovery")
        self._repairs: list[Repair] = []
        self._told: dict[Repair, Sentence] = {}

    def compose(self) -> ComposeResult:
        yield Text("", id="recovery-words")
        yield OptionList(id="repairs")
        yield Text("", id="repair-why")

    @property
    def left(self) -> list[Repair]:
        """The repairs that were not carried out yet."""
        return [one for one in self._repairs if one not in self._told]

    def show(self, repairs: tuple[Repair, ...]) -> None:
        """Show what was found."""
        self._repairs, self._told = list(repairs), {}
        self.add_class("-shown")
        self._draw()
        self.query_one(OptionList).focus()

    def tell(self, repair: Repair, told: Told) -> None:
        """Say how one went, and put what has to follow it below it."""
        self._told[repair] = told.words
        if told.follow_up is not None and told.follow_up not in self._repairs:
            self._repairs.insert(self._repairs.index(repair) + 1, told.follow_up)
        self._draw()

    def _draw(self) -> None:
        left, options = self.left, self.query_one(OptionList)
        options.clear_options()
        for number, one in enumerate(self._repairs):
            options.add_option(Option(self._line(one), str(number)))
        if not self._repairs:
            words = "✓ Nothing is left to be recovered. p plans again."
        elif left:
            words = (
                f"{len(left)} of {len(self._repairs)} left. Enter runs the one under the cursor, no other."
            )
        else:
            words = "✓ All of it is done. p plans again."
        self.query_one("#recovery-words", Text).update(words)
        options.display = bool(self._repairs)
        if left:
            options.highlighted = self._repairs.index(left[0])
        self._explain(left[0] if left else None)

    def _line(self, repair: Repair) -> str:
        told = self._told.get(repair)
        return f"✓ {repair.title}: {told}" if told else f"· {repair.title}"

    def _explain(self, repair: Repair | None) -> None:
        words = f"{repair.command or repair.address}\n{repair.why}" if repair else ""
        self.query_one("#repair-why", Text).update(words)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what the one under the cursor is for."""
        event.stop()
        self._explain(self._repairs[int(event.option_id or 0)])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Ask for it to be carried out, once."""
        event.stop()
        repair = self._repairs[int(event.option_id or 0)]
        if repair not in self._told:
            self.post_message(self.Wanted(repair))
