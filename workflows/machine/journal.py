"""The session on disk: an append-only file of JSON lines, each fsynced, whose replay is the state.

The first line says what the session is and in which version of the format; every further line is one event.
Each ends with a checksum over itself and all lines before it, so a changed bit, a lost line and a moved
one are seen; files of version 1 have none and go on without. A last line that was torn by a crash or a full
disk is cut off when the journal is opened; a damaged line further up is reported and nothing is thrown away.

Reading a line is strict. What it must hold, types included, is checked here, so that a damaged file is seen
as one, and never becomes an event that trips somebody else.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from itertools import accumulate
from pathlib import Path
from typing import Any
from zlib import crc32

from workflows.core.errors import OnboardError
from workflows.core.files import OWN_LIMIT, AppendedFile, cause_of, load_file, replace_file
from workflows.core.parsing import no_constant, parse_json
from workflows.core.sentences import Sentence
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

SCHEMA = 2
NEEDS = "0.1.0"
"""The first version of the program that reads `SCHEMA`; an older one says so."""

_SUM = b',"sum":"%08x"}\n'
_VERSION = re.compile(r"\d+(\.\d+){1,3}")
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
    """A line that is not what it should be; its text says why."""


class JournalFailed(OnboardError):  # noqa: N818 - it says what happened
    """A journal's file can't be read or written."""


class FromNewerVersion(OnboardError):  # noqa: N818 - it is no error in the file
    """A journal that a newer version wrote: its header says so, or a line whose checksum is right.

    Attributes:
        needs: the version that reads it, "" where the journal doesn't say.
    """

    def __init__(self, what: Sentence, needs: str = "") -> None:
        self.needs = needs
        wanted = f" to {needs} or later" if needs else ""
        super().__init__(
            "This session is from a newer version",
            what,
            next=f"Update iam-onboard{wanted} and resume it then. Nothing was changed.",
        )


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
    values = {name: getattr(header, name) for name in _FIELDS[Header]}
    return encode({"schema": header.schema, "needs": NEEDS, **values})


def decode_header(line: bytes) -> Header:
    """The header of a line; of a checksum it only says whether one has to be there.

    Raises:
        FromNewerVersion: it says so.
        BadLineError: the line is no header.
    """
    values = decode(line)
    schema, needs = values.pop("schema", None), values.pop("needs", "")
    if type(schema) is not int or schema < 1:
        raise BadLineError("it isn't a session header")
    if schema > SCHEMA:
        wanted = needs if isinstance(needs, str) and _VERSION.fullmatch(needs) else ""
        words = f"It is written in version {schema} of the format; this iam-onboard reads up to {SCHEMA}."
        raise FromNewerVersion(words, wanted)
    if schema > 1:
        values.pop("sum", None)
    return Header(
        schema=schema, **_checked(values, tuple(name for name in _FIELDS[Header] if name != "schema"))
    )


def with_sum(line: bytes, before: int) -> tuple[bytes, int]:
    """A line with its checksum, and the checksum of all up to it.

    Args:
        line: as `encode` gave it.
        before: the checksum of all lines before; 0 for the first.
    """
    body = line.removesuffix(b"}\n")
    total = crc32(body, before)
    return body + _SUM % total, total


def without_sum(line: bytes, before: int) -> tuple[bytes, int]:
    """What `with_sum` was given, without the line end, and the checksum of all up to it.

    Raises:
        BadLineError: the checksum is another, or there is none.
    """
    body = line[: 1 - len(_SUM % 0)]
    total = crc32(body, before)
    if line + b"\n" != body + _SUM % total:
        raise BadLineError("its checksum doesn't match: something changed the file")
    return body + b"}", total


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
        values = parse_json(line.decode("utf-8", "surrogatepass"), parse_constant=no_constant)
    except ValueError as error:
        raise BadLineError("it isn't JSON") from error
    if not isinstance(values, dict):
        raise BadLineError("it isn't a JSON object")
    return values


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
        sums: the checksums up to there, for version 1 of the format none.
    """

    header: Header
    events: tuple[Event, ...]
    ends: tuple[int, ...]
    sums: tuple[int, ...] = ()

    def first(self, count: int) -> Loaded:
        """Only the header and the first events."""
        return Loaded(self.header, self.events[:count], self.ends[: count + 1], self.sums[: count + 1])


class DamagedJournal(OnboardError):  # noqa: N818 - a state of the file, told to a person
    """A journal with a line that cannot be read, other than a torn last one.

    Attributes:
        path: the file.
        line: the number of the line.
        sound: what is sound at its beginning, or None when not even the header is.
    """

    def __init__(self, path: Path, why: str, sound: Loaded | None) -> None:
        self.line = len(sound.ends) + 1 if sound else 1
        super().__init__(
            "This session is damaged",
            f"Line {self.line} of {path} can't be read.",
            why=why,
            next="Resume it from its last sound step (the damaged file is kept), or start a new session."
            if sound
            else "Start a new session; the damaged file is left as it is.",
        )
        self.path = path
        self.sound = sound


def read_journal(path: Path) -> Loaded:
    """Read a journal; a torn last line is left out (and counted out of `Loaded.ends`).

    Raises:
        DamagedJournal: a line other than a torn last one cannot be read.
        OnboardError: the file cannot be opened, or comes from a newer version of the program.
    """
    try:
        content = load_file(path, OWN_LIMIT)
    except OSError as error:
        raise JournalFailed(
            "Can't open this session",
            f"{path} can't be read.",
            why=cause_of(error),
            next="Check that the file exists and is yours, or start a new session.",
        ) from error
    *lines, _torn = content.split(b"\n")
    if not lines:
        raise DamagedJournal(path, "It has no complete line.", None)
    ends = tuple(accumulate(len(line) + 1 for line in lines))
    loaded, events = None, list[Event]()
    try:
        header = _header_of(lines[0])
        sums = [without_sum(lines[0], 0)[1]] if header.schema > 1 else []
        loaded = Loaded(header, (), ends, tuple(sums))
        for line in lines[1:]:
            if not sums:
                events.append(decode_event(line))
                continue
            plain, total = without_sum(line, sums[-1])
            sums.append(total)
            try:
                events.append(decode_event(plain))
            except BadLineError as error:
                raise _unknown(error) from error
    except BadLineError as error:
        if loaded is not None:
            loaded = replace(loaded, events=tuple(events), sums=tuple(sums)).first(len(events))
        raise DamagedJournal(path, str(error), loaded) from error
    return replace(loaded, events=tuple(events), sums=tuple(sums))


def _header_of(line: bytes) -> Header:
    """The header of a line.

    Raises:
        FromNewerVersion: it is none of this version, and as it was written.
        BadLineError: it is none.
    """
    try:
        return decode_header(line)
    except BadLineError as error:
        with suppress(BadLineError):
            without_sum(line, 0)
            raise _unknown(error) from error
        raise


def _unknown(error: BadLineError) -> FromNewerVersion:
    """What is wrong with a journal that has such a line, although the line is as it was written."""
    return FromNewerVersion(f"It holds a line that this iam-onboard doesn't know: {error}.")


class Journal(AppendedFile):
    """An open journal that events are added to; made by `create` and `resume`.

    Args:
        path: where it is.
        size: how many bytes of it count.
        before: the checksum of these, or None where lines have none.
    """

    def __init__(self, path: Path, size: int, before: int | None) -> None:
        super().__init__(path, size)
        self._before = before

    @classmethod
    def create(cls, path: Path, header: Header) -> Journal:
        """A new journal with its header; it is there whole, on the disk, or not at all.

        Raises:
            FileExistsError: there is one already.
            UnstorableFactError: a detail in the header is no JSON value.
            OSError: it could not be written.
        """
        line, before = with_sum(encode_header(header), 0)
        if path.exists():
            raise FileExistsError(f"{path} is there already")
        replace_file(path, line)
        return cls(path, len(line), before)

    @classmethod
    def resume(cls, path: Path, loaded: Loaded) -> Journal:
        """An existing journal, cut to what is sound of it, ready for more events.

        Raises:
            OnboardError: it cannot be opened for writing.
        """
        try:
            return cls(path, loaded.ends[-1], loaded.sums[-1] if loaded.sums else None)
        except OSError as error:
            raise JournalFailed(
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
        line, before = encode_event(event), self._before
        if before is not None:
            line, before = with_sum(line, before)
        try:
            self.append(line)
        except OSError as error:
            raise JournalFailed(
                "Couldn't save the session",
                f"{self.path} couldn't be written.",
                why=cause_of(error),
                next="Put that right and try the step again; what was saved before is still there.",
            ) from error
        self._before = before
