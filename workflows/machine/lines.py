"""Events and headers as lines of JSON: the format of a journal.

Reading is strict. What a line must hold, types included, is checked here, so that a damaged file is seen as
one, and never becomes an event that trips somebody else.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, NoReturn

from workflows.core.parsing import TooDeep, parse_json
from workflows.machine.events import (
    Acknowledged,
    Event,
    Facts,
    Failed,
    Header,
    Moved,
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
    checked_facts,
)

SCHEMA = 1
_KINDS: dict[str, type[Event]] = {
    "started": Started,
    "succeeded": Succeeded,
    "failed": Failed,
    "skipped": Skipped,
    "reopened": Reopened,
    "acknowledged": Acknowledged,
    "moved": Moved,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_OBJECTS = frozenset({"facts", "error", "details"})
_FIELDS: dict[type[Event] | type[Header], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind) if field.name != "key") for kind in (*_NAMES, Header)
}


class BadLineError(ValueError):
    """A line that is not what it should be; its text says why, in words."""


class NewerSchema(ValueError):  # noqa: N818 - it is no error in the file
    """A header that a newer version of the program wrote.

    Attributes:
        schema: its version of the format.
    """

    def __init__(self, schema: int) -> None:
        super().__init__(f"it is written in version {schema} of the format")
        self.schema = schema


def encode_event(event: Event) -> bytes:
    """An event as one line, with its line end.

    Raises:
        UnstorableFactError: a value isn't a JSON value, or is a secret.
    """
    values = {name: getattr(event, name) for name in _FIELDS[type(event)]}
    return encode({"event": _NAMES[type(event)], "step": str(event.key), **values})


def decode_event(line: bytes) -> Event:
    """The event of a line.

    Raises:
        BadLineError: the line is no event of this version.
    """
    values = decode(line)
    kind = _KINDS.get(str(values.pop("event", "")))
    if kind is None:
        raise BadLineError("it isn't an event that iam-onboard knows")
    step = values.pop("step", None)
    if not isinstance(step, str):
        raise BadLineError("it doesn't say which step it is about")
    return kind(key=StepKey.parse(step), **_checked(values, _FIELDS[kind]))


def encode_header(header: Header) -> bytes:
    """A header as one line, with its line end.

    Raises:
        UnstorableFactError: a detail isn't a JSON value, or is a secret.
    """
    return encode({name: getattr(header, name) for name in _FIELDS[Header]})


def decode_header(line: bytes) -> Header:
    """The header of a line.

    Raises:
        NewerSchema: a newer version of the program wrote it.
        BadLineError: the line is no header.
    """
    values = decode(line)
    schema = values.pop("schema", None)
    if type(schema) is not int or schema < 1:
        raise BadLineError("it isn't a session header")
    if schema > SCHEMA:
        raise NewerSchema(schema)
    return Header(
        schema=schema, **_checked(values, tuple(name for name in _FIELDS[Header] if name != "schema"))
    )


def encode(values: Facts) -> bytes:
    """A JSON object as one line, with its line end.

    A lone surrogate (a file name that is no UTF-8) is kept as it is, and `decode` gives it back.

    Raises:
        UnstorableFactError: a value isn't a JSON value, or is a secret.
    """
    text = json.dumps(checked_facts(values), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        BadLineError: it is none.
    """
    try:
        values = parse_json(line.decode("utf-8", "surrogatepass"), parse_constant=_no_constant)
    except BadLineError:
        raise
    except TooDeep as error:
        raise BadLineError("it is nested too deeply") from error
    except ValueError as error:
        raise BadLineError("it isn't JSON") from error
    if not isinstance(values, dict):
        raise BadLineError("it isn't a JSON object")
    return values


def _no_constant(name: str) -> NoReturn:
    raise BadLineError(f"{name} isn't a JSON value")


def _checked(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    for name in names:
        if not isinstance(values.get(name), dict if name in _OBJECTS else str):
            raise BadLineError(f"{name} is missing or has the wrong type")
    unknown = values.keys() - set(names)
    if unknown:
        raise BadLineError(f"it has fields that iam-onboard doesn't know: {', '.join(sorted(unknown))}")
    return values
