"""Paths as people type them, in the home of the person who walks: a sandbox's home is not the real one."""

from __future__ import annotations

from pathlib import Path


def typed_path(text: str, home: Path) -> Path:
    """The path that a person means.

    Args:
        text: as typed or dragged into the terminal: blanks and one pair of quotes around it, and `~`, are
            allowed; a relative path starts in the home.
        home: the person's home folder.
    """
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"":
        bare = bare[1:-1]
    bare = bare.replace("\\ ", " ")
    if bare == "~" or bare.startswith("~/"):
        return home / bare[2:]
    return home / bare


def told_path(path: Path, home: Path) -> str:
    """A path for people, with `~` for the home folder."""
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)
