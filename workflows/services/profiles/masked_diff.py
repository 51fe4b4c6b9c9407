"""A diff of a profile file that shows that a secret changes, never what it is."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

_SECRET_LINE = re.compile(
    r"(?i)^(?P<name>[\s#;]*(?:aws_secret_access_key|aws_session_token|aws_security_token)\s*[=:]\s*)(?P<value>.*)$"
)


def masked_diff(path: Path, before: str | None, after: str) -> str:
    """A unified diff in which equal secrets look equal to the comparison and all look alike to the reader.

    Args:
        path: the file, for the two headings.
        before: its text, or None where it is not there yet.
        after: its new text.

    Returns:
        The diff, ending with a line break; "" where nothing changes.
    """
    numbers: dict[str, int] = {}
    old, new = _masked(before or "", numbers), _masked(after, numbers)
    lines = difflib.unified_diff(
        old, new, str(path) if before is not None else "/dev/null", str(path), lineterm=""
    )
    return "".join(re.sub("\0\\d+$", "", line.removesuffix("\r")) + "\n" for line in lines)


def _masked(text: str, numbers: dict[str, int]) -> list[str]:
    """The lines with secrets masked, each masked one followed by a NUL and a number of its own value."""
    result, inside = [], False
    for line in text.removesuffix("\n").split("\n") if text else []:
        match = _SECRET_LINE.match(line)
        inside = match is not None or (inside and line[:1] in {" ", "\t"} and bool(line.strip()))
        if inside:
            value = match["value"] if match else line
            shown = f"{match['name']}****" if match else "  ****"
            result.append(f"{shown}\0{numbers.setdefault(value, len(numbers))}")
        else:
            result.append(line)
    return result
