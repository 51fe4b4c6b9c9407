"""The one entry to the JSON parser for untrusted text, with a limit that it lacks itself.

The functions that walk its results recurse once per bracket, and whatever is accepted here is safe for that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from workflows.core.files import FileError, read_text

MAX_DEPTH = 100
"""Nested brackets; Terraform's own files have some 20, a layer's 10."""

_NO_CHARACTER = re.compile(r"&(?=#[0-9]{8})")  # Python refuses to parse numbers of thousands of digits
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(code for code in range(256) if chr(code) not in "[]{}")


class TooDeep(ValueError):  # noqa: N818 - it says what is wrong
    """A text with more nested brackets than `MAX_DEPTH`."""

    def __init__(self) -> None:
        super().__init__(f"it nests brackets more than {MAX_DEPTH} deep")


def parse_json(text: str | bytes, **hooks: Callable[..., Any] | bool) -> Any:
    """Parse a JSON text.

    Args:
        hooks: passed to `json.loads`.

    Raises:
        TooDeep: it is nested too deeply.
        ValueError: it is not JSON.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        value = json.loads(text, **hooks)  # type: ignore[arg-type] # the caller's own hooks
    except RecursionError:
        raise TooDeep from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        # The JSON is valid, so without escaped quotes every other quote ends a string.
        code = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
        brackets = code.encode("utf-8", "surrogatepass").translate(_ONE_KIND, _NO_BRACKET)
        for _ in range(MAX_DEPTH):  # each turn removes the innermost pairs
            brackets = brackets.replace(b"[]", b"")
        if brackets:
            raise TooDeep
    return value


def no_constant(name: str) -> NoReturn:
    """Reject NaN and Infinity, which Python accepts but JSON lacks; a `parse_constant` for `parse_json`.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{name} isn't a JSON value")


def read_json(path: Path, limit: int) -> Any:
    """Read a JSON file that this program wrote.

    Raises:
        FileError: it cannot be read, has more than `limit` bytes, or is not JSON.
    """
    text = read_text(path, limit)
    try:
        return parse_json(text)
    except ValueError as error:
        raise FileError(
            "A damaged file",
            f"iam-onboard can't read {path}.",
            why=f"It isn't JSON that iam-onboard wrote: {error}.",
            next="Move the file away, then redo the step that writes it.",
        ) from None


def unescape_html(text: str) -> str:
    """Resolve the HTML entities in a text, except numbers too long for any character."""
    import html  # noqa: PLC0415 - loads thousands of names that are rarely needed

    return html.unescape(_NO_CHARACTER.sub("&amp;", text))
