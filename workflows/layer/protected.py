"""Files that their owner has protected from being changed.

A file is replaced by renaming another one over it, which its own mode does not hinder. A team that marked a
file read-only means it, so such a file is left alone, also for root.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence

_WRITABLE = 0o222


class Protected(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A file that would be changed is read-only; nothing was written."""


def protection(path: Path) -> Sentence:
    """Why a file is not to be changed, as a sentence that says how to allow it; "" for any other file.

    Args:
        path: the file; one that is not there is not protected.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""  # not there, or not to be reached: reading or writing it tells
    if not mode & _WRITABLE:
        words = f"Its mode is {mode & 0o7777:04o}: somebody took away the permission to write it."
        return f"{words} `chmod u+w {path.name}` in its folder gives it back, if it is meant to be changed."
    if not os.access(path, os.W_OK):
        return "You have no permission to write it: it belongs to somebody else, or its disk is read-only."
    return ""


def refuse_protected(paths: Iterable[Path]) -> None:
    """Refuse to change files that are protected.

    Raises:
        Protected: one is, with all of them named.
    """
    found = {path: why for path in paths if (why := protection(path))}
    if found:
        raise Protected(
            "A file is read-only",
            f"{', '.join(map(str, found))} would be changed, and is read-only.",
            why=next(iter(found.values())),
            next="Nothing was written. Ask the person who protected it, or make it writable and try again.",
        )
