"""Help for the current step: the documentation's text, and the keys from the bindings."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen

from screens.widgets.dialogs import Dialog
from workflows.core.sentences import Sentence


def help_text(step_id: str) -> str:
    """Return the Markdown that explains a step, or the wizard as a whole for "".

    The files in `screens/help/` are the only copy: the documentation is built from them.
    """
    return (files("screens") / "help" / f"{step_id or 'wizard'}.md").read_text(encoding="utf-8")


def keys_table(screen: Screen[Any]) -> str:
    """Return the keys that currently work on a screen, as a Markdown table made from its bindings."""
    rows = []
    for active in screen.active_bindings.values():
        binding = active.binding
        if active.enabled and (binding.show or binding.tooltip):
            key = screen.app.get_key_display(binding)
            rows.append(f"| {key} | {binding.description} | {binding.tooltip or ''} |")
    return "\n".join(["| Key | Does | |", "|---|---|---|", *dict.fromkeys(rows)])


class HelpScreen(Dialog[bool]):
    """A dialog with the help.

    Args:
        step_id: the step that it explains, "" for the wizard.
        title: the step's title.
        about: the screen whose keys it lists.
    """

    AUTO_FOCUS = "#help"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,q,question_mark", "close", "Close", id="help.close"),
    ]
    DEFAULT_CSS = "HelpScreen > Vertical { width: 76; }"

    def __init__(self, step_id: str, title: Sentence, about: Screen[Any]) -> None:
        from textual.widgets import Markdown  # noqa: PLC0415 - its parser costs a third of the first paint

        text = f"{help_text(step_id)}\n\n### Keys\n\n{keys_table(about)}\n"
        body = VerticalScroll(Markdown(text, open_links=False), id="help")
        super().__init__(f"Help: {title}", body=[body], classes="-tall")
