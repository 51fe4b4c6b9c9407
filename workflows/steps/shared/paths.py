"""Paths as people type them, in the home of the person who walks: a sandbox's home is not the real one."""

from __future__ import annotations

from pathlib import Path

_LONGEST_PATH = 4096  # bytes; PATH_MAX of Linux


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


def is_path(text: str, home: Path) -> bool:
    """Whether a text is a path and nothing else: one that begins like one, or of something that is there.

    Args:
        text: as typed or pasted; what is longer than any path, or has several lines, is none.
        home: the person's home folder.
    """
    bare = text.strip()
    if not bare or "\n" in bare or len(bare.encode()) > _LONGEST_PATH:
        return False
    if bare.lstrip("'\"").startswith(("/", "~/", "./", "../")):
        return True
    try:
        return typed_path(bare, home).exists()
    except OSError:  # a name that is longer than any file's
        return False


def told_path(path: Path, home: Path) -> str:
    """A path for people, with `~` for the home folder."""
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)
