"""A unified diff, coloured, with its marks kept so that it reads without colour."""

from __future__ import annotations

from textual.content import Content

from screens.widgets.text import Text, styled

_STYLES = {"+": "ansi_green", "-": "ansi_red", "@": "ansi_cyan"}


def coloured(diff: str) -> Content:
    """The diff with a colour for each kind of line; file names stand out in bold."""
    lines = diff.splitlines(keepends=True)
    bold = ("+++", "---")
    return styled(*((line, "bold" if line.startswith(bold) else _STYLES.get(line[:1], "")) for line in lines))


class DiffView(Text):
    """Shows a diff; lines are not wrapped, the pane around it scrolls."""

    DEFAULT_CSS = """
    DiffView { width: auto; height: auto; min-width: 100%; }
    """

    def show(self, diff: str) -> None:
        """Show this diff in place of the one before."""
        self.update(coloured(diff) if diff else styled(("No file changes.", "italic")))
