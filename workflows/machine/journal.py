"""The session on disk: an append-only file of JSON lines, each fsynced, whose replay is the state.

The first line says what the session is and in which version of the format; every further line is one event.
A last line that was torn by a crash or a full disk is cut off when the journal is opened; a damaged line
further up is reported and nothing is thrown away.

Reading a line is strict. What it must hold, types included, is checked here, so that a damaged file is seen
as one, and never becomes an event that trips somebody else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from itertools import accumulate
from pathlib import Path
from typing import Any, NoReturn

from workflows.core.errors import OnboardError
from workflows.core.files import OWN_LIMIT, AppendedFile, cause_of, load_file, replace_file
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


class NewerSchema(OnboardError):  # noqa: N818 - it is no error in the file
    """A header that a newer version of the program wrote."""


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
        raise NewerSchema(
            "This session is from a newer version",
            f"It is written in version {schema} of the format; this iam-onboard reads up to {SCHEMA}.",
            next="Update iam-onboard and resume it then. Nothing was changed.",
        )
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


@dataclass(frozen=True)
class Loaded:
    """What a journal held when it was read.

    Attributes:
        header: what the session is.
        events: what happened, in order.
        ends: how many bytes the file has up to and with the header, then with each event.
    """

    header: Header
    events: tuple[Event, ...]
    ends: tuple[int, ...]

    @property
    def sound_bytes(self) -> int:
        """How many bytes at the file's beginning are header and events; what follows was torn."""
        return self.ends[-1]

    def first(self, count: int) -> Loaded:
        """Only the header and the first events."""
        return Loaded(self.header, self.events[:count], self.ends[: count + 1])


class DamagedJournal(OnboardError):  # noqa: N818 - a state of the file, told to a person
    """A journal with a line that cannot be read, other than a torn last one.

    Attributes:
        path: the file.
        sound: what is sound at its beginning, or None when not even the header is.
    """

    def __init__(self, path: Path, why: str, sound: Loaded | None) -> None:
        line = len(sound.ends) + 1 if sound else 1
        super().__init__(
            "This session is damaged",
            f"Line {line} of {path} can't be read.",
            why=why,
            next="Resume it from its last sound step (the damaged file is kept), or start a new session."
            if sound
            else "Start a new session; the damaged file is left as it is.",
        )
        self.path = path
        self.sound = sound


def read_journal(path: Path) -> Loaded:
    """Read a journal; a torn last line is left out (and counted out of `sound_bytes`).

    Raises:
        DamagedJournal: a line other than a torn last one cannot be read.
        OnboardError: the file cannot be opened, or comes from a newer version of the program.
    """
    try:
        content = load_file(path, OWN_LIMIT)
    except OSError as error:
        raise OnboardError(
            "Can't open this session",
            f"{path} can't be read.",
            why=cause_of(error),
            next="Check that the file exists and is yours, or start a new session.",
        ) from error
    *lines, _torn = content.split(b"\n")
    if not lines:
        raise DamagedJournal(path, "It has no complete line.", None)
    ends = tuple(accumulate(len(line) + 1 for line in lines))
    header, events = None, []
    try:
        header = decode_header(lines[0])
        for line in lines[1:]:
            events.append(decode_event(line))  # noqa: PERF401 - those before a damaged one count
    except BadLineError as error:
        sound = Loaded(header, tuple(events), ends[: len(events) + 1]) if header else None
        raise DamagedJournal(path, str(error), sound) from error
    return Loaded(header, tuple(events), ends)


class Journal(AppendedFile):
    """An open journal that events are added to; made by `create` and `resume`."""

    @classmethod
    def create(cls, path: Path, header: Header) -> Journal:
        """A new journal with its header; it is there whole, on the disk, or not at all.

        Raises:
            FileExistsError: there is one already.
            UnstorableFactError: a detail in the header is no JSON value.
            OSError: it could not be written.
        """
        line = encode_header(header)
        if path.exists():
            raise FileExistsError(f"{path} is there already")
        replace_file(path, line)
        return cls(path, len(line))

    @classmethod
    def resume(cls, path: Path, sound_bytes: int) -> Journal:
        """An existing journal, cut to its sound bytes, ready for more events.

        Raises:
            OnboardError: it cannot be opened for writing.
        """
        try:
            return cls(path, sound_bytes)
        except OSError as error:
            raise OnboardError(
                "Can't open this session",
                f"{path} can't be written.",
                why=cause_of(error),
                next="Check that the file is yours and that its disk can be written.",
            ) from error

    def add(self, event: Event) -> None:
        """Write one event and wait until it is on the disk.

        Raises:
            OnboardError: it could not be written (a full disk); the file is as it was.
            UnstorableFactError: a fact is no JSON value, or is a secret; nothing was written.
            ValueError: the journal is closed.
        """
        line = encode_event(event)
        try:
            self.append(line)
        except OSError as error:
            raise OnboardError(
                "Couldn't save the session",
                f"{self.path} couldn't be written.",
                why=cause_of(error),
                next="Make room on the disk and try the step again; what was saved before is still there.",
            ) from error
