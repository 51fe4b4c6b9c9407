"""A unified diff, coloured, with its marks kept so that it reads without colour."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def coloured(diff: str) -> Text:
    """The diff with a colour for each kind of line; file names stand out in bold."""
    text = Text(no_wrap=True)
    for line in diff.splitlines():
        style = "bold" if line.startswith(("+++", "---")) else _STYLES.get(line[:1], "")
        text.append(line + "\n", style=style)
    return text


class DiffView(Static):
    """Shows a diff; lines are not wrapped, the pane around it scrolls."""

    DEFAULT_CSS = """
    DiffView { width: auto; height: auto; min-width: 100%; }
    """

    def show(self, diff: str) -> None:
        """Show this diff in place of the one before."""
        self.update(coloured(diff) if diff else Text("No file changes.", style="italic"))
