"""The bar under the page: the way back, whose turn it is, and the one thing to press."""

from __future__ import annotations

from typing import ClassVar

from textual.containers import Horizontal
from textual.content import Content
from textual.events import Click

from screens.step.page import Primary, Turn
from screens.widgets.text import Button, Text, in_line, styled
from workflows.core.sentences import Sentence, text_of


class BackText(Text):
    """What Escape does; a click does the same."""

    def on_click(self, event: Click) -> None:
        event.stop()
        self.app.simulate_key("escape")


class ActionBar(Horizontal):
    """Back, the turn line and the primary action, always in the same place."""

    DEFAULT_CSS: ClassVar[str] = """
    ActionBar { height: 2; border-top: solid $border-blurred; padding: 0 1; }
    ActionBar > BackText { width: auto; margin-right: 3; }
    ActionBar > #turn {
        width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; color: $text-muted;
    }
    ActionBar > #primary-key { width: auto; color: $text-accent; }
    """

    def __init__(self) -> None:
        super().__init__(
            BackText("", id="back"),
            Text("", id="turn"),
            Button("", id="primary", variant="primary"),
            Text("^n", id="primary-key"),
        )

    def show(self, back: Sentence, turn: Turn, primary: Primary) -> None:
        """Show these instead of the previous ones."""
        self.query_one("#back", Text).update(_with_key(back))
        mark = styled(("● ", "$warning")) if turn.yours else styled((f"{turn.mark} ", ""))
        self.query_one("#turn", Text).update(in_line([mark, styled((turn.line, ""))]))
        button = self.query_one("#primary", Button)
        button.disabled = not primary.ready
        button.label = text_of(primary.effect) + (" ›" if primary.ready else "")


def _with_key(back: Sentence) -> Content:
    return styled((back, ""), (" esc", "$accent"))
