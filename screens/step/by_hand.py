"""F4 opens the user's own editor where something can only be changed by hand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.style import Style

from screens.step.page import Primary, StepPane
from screens.widgets.dialogs import Dialog, ErrorDialog, ask
from screens.widgets.own_terminal import lend_terminal
from screens.widgets.text import Button, OptionList, Text, short, styled
from workflows.core.sentences import OnboardError, as_error, count, text_of
from workflows.steps.shared import by_hand

_BETWEEN = 3
"""Columns between two layers."""


def pending_words(number: int) -> str:
    """Return how many changes a layer doesn't have yet."""
    return count(number, "change") if number else "no change"


class LayerBar(Text):
    """Names the layers; a click chooses one.

    Args:
        content: the initial text.
        choose: called with the account of a clicked layer.
        id: the widget's id.
    """

    DEFAULT_CSS = """
    LayerBar { link-style: none; height: auto; }
    """

    def __init__(self, content: str, choose: Callable[[str], None], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(content, id=id)
        self._choose = choose
        self._layers: Sequence[tuple[str, str]] = ()
        self._current = ""
        self.seen: set[str] = set()

    @property
    def accounts(self) -> list[str]:
        """The accounts of the layers."""
        return [account for account, _ in self._layers]

    @property
    def unseen(self) -> str:
        """The first of them not shown yet, or ""."""
        return next((account for account in self.accounts if account not in self.seen), "")

    def show(self, layers: Sequence[tuple[str, str]], current: str) -> None:
        """Show the layers.

        Args:
            layers: each account's name, with its layer's status in a few words.
            current: the account of the layer shown.
        """
        self._layers, self._current = layers, current
        self.seen.add(current)
        text = self._text()
        wider = _widths(str(self.content)) != _widths(str(text))
        self.update(text, layout=wider)  # a layout costs more than all the drawing

    def on_resize(self) -> None:
        """Break the line again."""
        if self._layers:
            self.show(self._layers, self._current)

    def _text(self) -> Content:
        """Return the layers, each kept on one line with its mark."""
        parts: list[tuple[str, Style]] = []
        column = 0
        for account, standing in self._layers:
            here = account == self._current
            words = f"{'▸' if here else ' '} {account}: {standing}"
            if column and column + _BETWEEN + len(words) > self.size.width:
                parts.append(("\n", Style()))
                column = 0
            elif column:
                parts.append((" " * _BETWEEN, Style()))
                column += _BETWEEN
            parts.append((words, Style(bold=here) + Style.from_meta({"@click": f"choose({account!r})"})))
            column += len(words)
        return styled(*parts)

    def action_choose(self, account: str) -> None:
        """Choose the clicked layer."""
        self._choose(account)


def _widths(text: str) -> list[int]:
    return [len(line) for line in text.split("\n")]


class SpotDialog(Dialog[by_hand.Spot]):
    """Offers places; Enter opens the selected one.

    Args:
        spots: at least one, the most likely first.
    """

    AUTO_FOCUS = "#spots"
    DEFAULT_CSS = """
    SpotDialog Text { color: $text-muted; }
    SpotDialog OptionList { height: auto; max-height: 14; border: none; padding: 0; }
    """

    def __init__(self, spots: Sequence[by_hand.Spot]) -> None:
        choices = OptionList(*map(str, spots), id="spots")
        super().__init__("Edit by hand", body=(choices, Text("Enter opens your editor there.")))
        self._spots = spots

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._spots[event.option_index])


class ByHandPane(StepPane):
    """A pane with places to edit by hand; F4 opens the editor at one of them.

    It reads the files when it opens. Subclasses define `places`, `read` and, if they take input,
    `read_again`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f4",
            "edit_by_hand",
            "Edit by hand",
            id="pane.by-hand",
            show=False,
            tooltip="Open your editor where something can only be changed by hand",
        )
    ]
    _refused_at: by_hand.Spot | None = None

    @abstractmethod
    def places(self) -> Sequence[by_hand.Spot]:
        """The places in the current view, the most likely first."""

    @abstractmethod
    def read(self) -> None:
        """Read and show the files."""

    def read_again(self) -> None:
        """Show files that may have changed, keeping the input."""
        self.read()

    def on_mount(self) -> None:
        self.read()

    @on(StepPane.MoveFailed)
    def _show_refused(self, message: StepPane.MoveFailed) -> None:
        """Offer first the place that stopped a move; a step's own places may be in other files."""
        if isinstance(message.error, by_hand.NotPossible):
            self._refused_at = message.error.spot
            if message.name == "perform":
                self.call_later(self.read_again)

    @on(Button.Pressed, "#edit_by_hand")
    def action_edit_by_hand(self) -> None:
        """Open the editor at the only place, or at the one that the user chooses."""
        if self.running_move:
            self.notify("Something is running here; esc stops it.", severity="warning")
            return
        refused = [self._refused_at] if self._refused_at else []
        spots = list(dict.fromkeys([*refused, *self.places()]))
        if not spots:
            self.notify("Nothing here has to be changed by hand.")
        elif len(spots) == 1 or refused:
            self.edit_at(spots[0])
        else:
            ask(self, SpotDialog(spots), self.edit_at)

    def edit_at(self, spot: by_hand.Spot) -> None:
        """Lend the terminal to the editor, say what changed, and show the files again."""
        self._refused_at = None
        words = f"{spot.words}\nYour editor opens {spot.path}; close it to come back."
        try:
            outcome = lend_terminal(self.app, words, lambda _terminal: by_hand.edit(spot, self.context))
        except SuspendNotSupported:
            elsewhere = OnboardError(
                "Edit it in another window",
                f"{spot.path}, line {spot.place.line}",
                why=f"iam-onboard can't open an editor in this terminal. {spot.words}",
                next="Save the file there, then close this: iam-onboard reads the layer again.",
            )
            self._tell(elsewhere)
        except Exception as failure:  # noqa: BLE001 - an editor's failure is shown like a move's
            self._tell(as_error(failure))
        else:
            self.read_again()
            self.notify(text_of(outcome))

    def _tell(self, error: OnboardError) -> None:
        dialog = ErrorDialog(error, self.context.environment.copy)
        self.app.push_screen(dialog, lambda _answer: self.read_again())


class LayersPane(ByHandPane):
    """Shows one layer at a time, which a `LayerBar` and `l` choose; Next first goes through all to be seen.

    Attributes:
        UNCHANGED: the primary action's label if nothing changes.
        account: the account of the layer shown; "" before any.
    """

    UNCHANGED: ClassVar[str]
    account = ""

    @abstractmethod
    def show_layer(self, account: str) -> None:
        """Show another layer."""

    @abstractmethod
    def pending(self) -> Mapping[str, int]:
        """Return how many changes each layer doesn't have yet, by account."""

    def primary(self) -> Primary:
        if unseen := self.query_one(LayerBar).unseen:
            return Primary(f"Go to {short(unseen)}", act=partial(self.show_layer, unseen))
        pending = sum(self.pending().values())
        return Primary(f"Keep {count(pending, 'change')}" if pending else self.UNCHANGED)

    @on(Button.Pressed, "#layer")
    def action_layer(self) -> None:
        """Show the next layer."""
        accounts = self.query_one(LayerBar).accounts
        self.show_layer(accounts[(accounts.index(self.account) + 1) % len(accounts)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Disable the key to the next layer if there is only one."""
        return action != "layer" or any(len(bar.accounts) > 1 for bar in self.query(LayerBar))

    def offer_layers(self, needless: Iterable[str] = ()) -> None:
        """Offer the next layer if there are several; some needn't be seen, and in a done step none."""
        bar = self.query_one(LayerBar)
        self.query_one("#layer").display = len(bar.accounts) > 1
        bar.seen.update(bar.accounts if self.opening.done else needless)
