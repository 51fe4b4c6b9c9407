"""How to install what is missing, on every system that people have: one table for all who tell it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COMMANDS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "gpg": (
        ("macOS", "brew install gnupg"),
        ("Debian, Ubuntu", "sudo apt install gnupg"),
        ("Fedora", "sudo dnf install gnupg2"),
        ("Arch", "sudo pacman -S gnupg"),
        ("openSUSE", "sudo zypper install gpg2"),
        ("Alpine", "sudo apk add gnupg"),
    ),
    "pinentry": (
        ("macOS", "brew install pinentry-mac"),
        ("Debian, Ubuntu", "sudo apt install pinentry-curses"),
        ("Fedora", "sudo dnf install pinentry"),
        ("Arch", "sudo pacman -S pinentry"),
        ("openSUSE", "sudo zypper install pinentry"),
        ("Alpine", "sudo apk add pinentry"),
    ),
    "clipboard": (
        ("Debian, Ubuntu", "sudo apt install wl-clipboard xclip"),
        ("Fedora", "sudo dnf install wl-clipboard xclip"),
        ("Arch", "sudo pacman -S wl-clipboard xclip"),
        ("openSUSE", "sudo zypper install wl-clipboard xclip"),
        ("Alpine", "sudo apk add wl-clipboard xclip"),
    ),
    "aws": (
        ("macOS", "brew install awscli"),
        ("Debian", "sudo apt install awscli"),
        ("Ubuntu", "sudo snap install aws-cli --classic"),
        ("Fedora", "sudo dnf install awscli2"),
        ("Arch", "sudo pacman -S aws-cli-v2"),
    ),
}
"""System and command, for each thing that may be missing. macOS has its clipboard's programs built in."""


def how_to_install(what: str) -> str:
    """The commands that install something, a line for each system, indented.

    Args:
        what: a name in `COMMANDS`.
    """
    commands = COMMANDS[what]
    width = max(len(system) for system, _ in commands)
    return "\n".join(f"  {system:<{width}}  {command}" for system, command in commands)
