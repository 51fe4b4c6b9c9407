"""Reads the fields of a decoded block one by one, and keeps the ones that nobody asked for.

A newer program may add fields; an older one that opens, changes and sends on a message must not lose them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from workflows.messages.envelope import WRAP, Json, MessageError

MAX_OBJECTS = 2_000
"""Entries of one list; a project with a few hundred accounts is a very large one."""

_BLANKS = re.compile(rf"[\s{WRAP}]+")
_WRAPS = re.compile(rf"[ \t]*{WRAP}[ \t]*")


class Fields:
    """The fields of one JSON object.

    Args:
        values: the object as `extract_block` gives it.
        where: what to call it in a complaint, for example "identity 2".
    """

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self._values = dict(values)
        self._where = where

    def word(self, name: str, default: str | None = None) -> str:
        """A text without blanks (a name, an id, a URL): breaks and blanks that crept in are taken out.

        Raises:
            MessageError: it is missing and has no default, or it is not a text.
        """
        return _BLANKS.sub("", self._text(name, default))

    def optional_word(self, name: str) -> str | None:
        """As `word`, but None where the field is missing or null."""
        if self._values.get(name) is None:
            self._values.pop(name, None)
            return None
        return self.word(name) or None

    def prose(self, name: str, default: str | None = None) -> str:
        """A text for people: a break that crept in is a blank.

        Raises:
            MessageError: it is missing and has no default, or it is not a text.
        """
        return _WRAPS.sub(" ", self._text(name, default)).strip()

    def base64(self, name: str) -> str | None:
        """A base64 text in one line, from a string or a list of strings; None where it is missing or null.

        Raises:
            MessageError: it is something else.
        """
        value = self._values.pop(name, None)
        if value is None:
            return None
        parts = [value] if isinstance(value, str) else value
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise self._wrong(name, "a text or a list of texts")
        return _BLANKS.sub("", "".join(parts)) or None

    def flag(self, name: str, default: bool) -> bool:  # noqa: FBT001 - a default, not a switch
        """True or false.

        Raises:
            MessageError: it is something else.
        """
        value = self._values.pop(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def proses(self, name: str) -> tuple[str, ...]:
        """A list of texts for people; empty where the field is missing.

        Raises:
            MessageError: it is something else.
        """
        values = self._list(name)
        return tuple(Fields({name: value}, self._where).prose(name) for value in values)

    def objects(self, name: str, called: str) -> list[Fields]:
        """A list of objects; empty where the field is missing.

        Raises:
            MessageError: it is something else.
        """
        result = []
        for number, value in enumerate(self._list(name), start=1):
            if not isinstance(value, dict):
                raise self._wrong(name, "a list of objects")
            result.append(Fields(value, f"{called} {number}"))
        return result

    def rest(self) -> dict[str, object]:
        """Every field that was not read, as it came, with breaks that crept in as blanks."""
        return {name: _without_wraps(value) for name, value in self._values.items()}

    def _text(self, name: str, default: str | None) -> str:
        value = self._values.pop(name, default)
        if value is None and default is None:
            raise MessageError(
                "The message is incomplete",
                f"{self._where.capitalize()} has no {name}.",
                next="Ask for the message again.",
            )
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def _list(self, name: str) -> Sequence[object]:
        value = self._values.pop(name, [])
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        if len(value) > MAX_OBJECTS:
            raise self._wrong(name, f"a list of at most {MAX_OBJECTS:,} entries")
        return value

    def _wrong(self, name: str, wanted: str) -> MessageError:
        return MessageError(
            "The message is damaged",
            f"{name} of {self._where} is not {wanted}.",
            next="Ask for the message again.",
        )


def _without_wraps(value: object) -> object:
    if isinstance(value, str):
        return _WRAPS.sub(" ", value)
    if isinstance(value, list):
        return [_without_wraps(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _without_wraps(inner) for key, inner in value.items()}
    return value


def lines_of(base64_text: str, width: int = 64) -> list[str]:
    """A long base64 text as lines that no mail program needs to break."""
    return [base64_text[start : start + width] for start in range(0, len(base64_text), width)]


def known(values: Json, extra: Json) -> dict[str, object]:
    """The fields of a message followed by the unknown ones that it came with; a known field wins."""
    return {**values, **{name: value for name, value in extra.items() if name not in values}}
