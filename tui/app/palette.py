"""What the palette offers before anything is typed; apart, since home does not load Textual's palette."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hits
from textual.system_commands import SystemCommandsProvider


class Commands(SystemCommandsProvider):
    """The commands in the order in which they are given; Textual's own sorts them by name."""

    async def discover(self) -> Hits:
        for name, help_text, callback, _discover in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(name, callback, help=help_text)
