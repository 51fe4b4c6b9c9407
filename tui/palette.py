"""The commands of the palette (^p): those of the application, and a way to every step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

if TYPE_CHECKING:
    from tui.app import OnboardApp
    from tui.wizard import WizardScreen


def commands_of(app: OnboardApp, screen: Screen[Any], wizard: WizardScreen | None) -> Iterator[SystemCommand]:
    """What can be done now; a picture of the screen cannot be made, since it may hold a secret."""
    yield SystemCommand("app: theme", "Change the colours", app.action_change_theme)
    yield SystemCommand("app: save and quit", "Leave; everything is kept", app.action_save_and_quit)
    if wizard is not None and screen is wizard:
        yield SystemCommand("app: sessions", "Save, and list the sessions", app.action_sessions)
        yield SystemCommand("step: help", "What this step is for, and its keys", wizard.action_help)
        if wizard.check_action("everybody", ()):
            words = "In every account, and the way to what is next there"
            yield SystemCommand("people: where everybody stands", words, wizard.action_everybody)
        for key in wizard.walk.session.layout():
            title = wizard.walk.title(key)
            yield SystemCommand(f"step: go to {title}", f"Show {title}", partial(wizard.visit, key))
