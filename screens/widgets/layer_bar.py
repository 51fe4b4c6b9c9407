"""The layers of a step on one line, with what is pending in each; one of them is shown below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.message import Message
from textual.widgets import Static


class LayerBar(Static):
    """Names the layers; a click on one chooses it."""

    DEFAULT_CSS = """
    LayerBar { height: auto; }
    """

    @dataclass
    class Chosen(Message):
        """The person wants another layer."""

        account: str

    def show(self, layers: Sequence[tuple[str, int]], current: str) -> None:
        """Show the layers.

        Args:
            layers: each account's name, and how many changes are pending in its layer.
            current: the account whose layer is shown.
        """
        text = Text()
        for account, pending in layers:
            here = account == current
            style = Style(bold=here, meta={"@click": f"choose({account!r})"})
            text.append(f"{'▸' if here else ' '} {account}: {pending:,} pending", style)
            text.append("   ")
        before = self.content
        same = isinstance(before, Text) and len(before) == len(text)
        self.update(text, layout=not same)  # a layout costs more than all that is drawn

    def action_choose(self, account: str) -> None:
        """A layer was clicked."""
        self.post_message(self.Chosen(account))
