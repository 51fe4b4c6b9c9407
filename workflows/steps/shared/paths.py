"""Paths as people type them, in the home of the wizard's user: a sandbox's home isn't the real one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePath

from workflows.core.files import explained, read_bytes, write_atomically
from workflows.core.sentences import OnboardError
from workflows.environment import readable

_LONGEST_PATH = 4096  # bytes; PATH_MAX of Linux


def typed_path(text: str, home: Path) -> Path:
    """Return the path that a person means.

    Args:
        text: as typed or dragged into the terminal: surrounding blanks, one pair of quotes, and `~` are
            allowed; a relative path starts in the home.
        home: the person's home folder.
    """
    bare = text.strip()
    quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\""
    bare = (bare[1:-1] if quoted else bare).replace("\\ ", " ")
    return home / (bare[2:] if bare == "~" or bare.startswith("~/") else bare)


def is_path(text: str, home: Path) -> bool:
    """Return whether a text is only a path: it starts like one, or exists.

    Args:
        text: as typed or pasted; text of several lines, or longer than any path, isn't a path.
        home: the person's home folder.
    """
    bare = text.strip()
    if not bare or "\n" in bare or len(bare.encode()) > _LONGEST_PATH:
        return False
    if bare.lstrip("'\"").startswith(("/", "~/", "./", "../")):
        return True
    return bool(existing_path(bare, home))


def existing_path(text: str, home: Path) -> str:
    """Return a typed path if something is there, else "".

    Anything else may be a secret in the wrong field, and may come neither into a draft nor into the journal.

    Args:
        home: the person's home folder.
    """
    try:
        return text if text.strip() and typed_path(text, home).exists() else ""
    except (OSError, ValueError):  # longer than any file name, or with a NUL
        return ""


def save_text(
    target: str,
    text: str,
    home: Path,
    *,
    mode: int = 0o600,
    replaces: Callable[[Path], bool] = lambda _path: False,
    numbered: bool = False,
) -> str:
    """Write text into a file of the person's choice, and return its path for display.

    Args:
        target: the path as typed, relative to the home folder unless absolute.
        home: the person's home folder.
        mode: the file's.
        replaces: whether an existing file may be replaced; one that is empty, or has this text, always may.
        numbered: if not, add a number to the name; for names that the person didn't choose.

    Raises:
        OnboardError: it would replace another file, or can't be written.
    """
    path, data = typed_path(target, home), text.encode()

    def may_replace(there: Path) -> bool:
        return _holds(there, data) or replaces(there)

    if numbered:
        further = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(2))
        path = next(name for name in itertools.chain([path], further) if not _is_another(name, may_replace))
    shown = str(path) if PurePath(target.strip()).is_absolute() else readable(path, home)
    refuse_another(path, shown, may_replace)
    write_atomically(path, data, mode=mode)
    return shown


def set_aside(path: Path, text: str) -> str:
    """Rename a file with another text, so that this one can take its place; return its new name, or "".

    Raises:
        FileError: it can't be renamed.
    """
    if not _is_another(path, lambda there: _holds(there, text.encode())):
        return ""
    earlier = itertools.chain(["earlier"], (f"earlier {number}" for number in itertools.count(2)))
    further = (path.with_name(f"{path.stem} ({which}){path.suffix}") for which in earlier)
    aside = next(name for name in further if not name.exists())
    with explained(path, "renamed"):
        path.rename(aside)
    return aside.name


def refuse_another(path: Path, shown: str, replaces: Callable[[Path], bool]) -> None:
    """Refuse to replace another file; an empty file may be replaced.

    Args:
        path: the file to write.
        shown: its path for display.
        replaces: whether an existing file may be replaced.

    Raises:
        OnboardError: it may not.
    """
    if _is_another(path, replaces):
        raise OnboardError(
            "The file exists already",
            f"{shown} holds something else, so iam-onboard left it alone.",
            next="Choose another name.",
        )


def _is_another(path: Path, replaces: Callable[[Path], bool]) -> bool:
    return path.exists() and not (path.is_file() and path.stat().st_size == 0) and not replaces(path)


def _holds(path: Path, data: bytes) -> bool:
    with suppress(OnboardError):  # an unreadable file counts as another one
        return read_bytes(path, len(data)) == data
    return False
