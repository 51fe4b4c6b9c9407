"""The session on disk: an append-only file of JSON lines, each fsynced, whose replay is the state.

The first line describes the session and the version of the format; every further line is an event. Each ends
with a checksum over itself and all earlier lines, so changed bits and lost or moved lines are detected; files
of version 1 have no checksums and stay without. A last line torn by a crash or a full disk is cut off when
the journal is opened; a damaged line further up is reported and nothing is thrown away.

Lines are read strictly: their contents, including types, are checked here, so that a damaged file is
recognised and never becomes an event that trips other code.
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

from workflows.core.files import OWN_LIMIT, AppendedFile, cause_of, load_file, replace_file
from workflows.core.parsing import no_constant, parse_json
from workflows.core.sentences import OnboardError, Sentence
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
"""The first version of the program that reads `SCHEMA`, for the messages of older versions."""

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
    """An invalid line; the text says why."""


class JournalFailed(OnboardError):  # noqa: N818 - the name says what happened
    """A journal's file can't be read or written."""


class FromNewerVersion(OnboardError):  # noqa: N818 - the file itself is fine
    """A journal from a newer version, according to its header or a line with a valid checksum.

    Attributes:
        needs: the version that reads it, "" if the journal doesn't say.
    """

    def __init__(self, what: Sentence, needs: str = "") -> None:
        self.needs = needs
        wanted = f" to {needs} or later" if needs else ""
        super().__init__(
            "This session is from a newer version",
            what,
            next=f"Update iam-onboard{wanted}, then resume it. Nothing was changed.",
        )


def encode_event(event: Event) -> bytes:
    """Encode an event as a line, with its line end.

    Raises:
        UnstorableFactError: a value isn't JSON, or is a secret.
    """
    values = {name: getattr(event, name) for name in _FIELDS[type(event)]}
    return encode({"event": _NAMES[type(event)], "step": str(event.key), **values})


def decode_event(line: bytes) -> Event:
    """Decode the event in a line.

    Raises:
        BadLineError: the line isn't an event of this version.
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
    """Encode a header as a line, with its line end.

    Raises:
        UnstorableFactError: a detail isn't JSON, or is a secret.
    """
    values = {name: getattr(header, name) for name in _FIELDS[Header]}
    return encode({"schema": header.schema, "needs": NEEDS, **values})


def decode_header(line: bytes) -> Header:
    """Decode the header in a line, dropping the checksum of a version that has one.

    Raises:
        FromNewerVersion: a newer version wrote it.
        BadLineError: the line isn't a header.
    """
    values = decode(line)
    schema, needs = values.pop("schema", None), values.pop("needs", "")
    if type(schema) is not int or schema < 1:
        raise BadLineError("it isn't a session header")
    if schema > SCHEMA:
        wanted = needs if isinstance(needs, str) and _VERSION.fullmatch(needs) else ""
        raise FromNewerVersion(
            f"It is written in version {schema} of the format; this iam-onboard reads up to {SCHEMA}.", wanted
        )
    if schema > 1:
        values.pop("sum", None)
    return Header(
        schema=schema, **_checked(values, tuple(name for name in _FIELDS[Header] if name != "schema"))
    )


def with_sum(line: bytes, before: int) -> tuple[bytes, int]:
    """Add a checksum to a line; return it with the checksum of everything up to it.

    Args:
        line: from `encode`.
        before: the checksum of all earlier lines; 0 for the first.
    """
    body = line.removesuffix(b"}\n")
    total = crc32(body, before)
    return body + _SUM % total, total


def without_sum(line: bytes, before: int) -> tuple[bytes, int]:
    """Undo `with_sum`, without the line end; return the line and the checksum of everything up to it.

    Raises:
        BadLineError: the checksum is wrong or missing.
    """
    body = line[: 1 - len(_SUM % 0)]
    total = crc32(body, before)
    if line + b"\n" != body + _SUM % total:
        raise BadLineError("its checksum doesn't match: something changed the file")
    return body + b"}", total


def encode(values: Facts) -> bytes:
    """Encode a JSON object as a line, with its line end.

    A lone surrogate (in a file name that isn't UTF-8) survives, and `decode` restores it.

    Raises:
        UnstorableFactError: a value isn't JSON, or is a secret.
    """
    text = json.dumps(checked_facts(values), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Decode the JSON object in a line.

    Raises:
        BadLineError: it isn't one.
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
    """The contents of a journal.

    Attributes:
        header: describes the session.
        events: what happened, in order.
        ends: the file's length in bytes up to the header, then up to each event.
        sums: the checksums up to there; none in version 1 of the format.
    """

    header: Header
    events: tuple[Event, ...]
    ends: tuple[int, ...]
    sums: tuple[int, ...] = ()

    def first(self, count: int) -> Loaded:
        """Return only the header and the first events."""
        return Loaded(self.header, self.events[:count], self.ends[: count + 1], self.sums[: count + 1])


class DamagedJournal(OnboardError):  # noqa: N818 - a state of the file, shown to a person
    """A journal with an unreadable line, other than a torn last one.

    Attributes:
        line: the number of the line.
        sound: the sound beginning, or None if not even the header is.
    """

    def __init__(self, path: Path, why: str, sound: Loaded | None) -> None:
        self.line = len(sound.ends) + 1 if sound else 1
        super().__init__(
            "This session is damaged",
            f"Line {self.line} of {path} can't be read.",
            why=why,
            next="Resume it from its last intact step (the damaged file is kept), or start a new session."
            if sound
            else "Start a new session; the damaged file stays as it is.",
        )
        self.sound = sound


def read_journal(path: Path) -> Loaded:
    """Read a journal; a torn last line is left out (also of `Loaded.ends`).

    Raises:
        DamagedJournal: a line other than a torn last one can't be read.
        OnboardError: the file can't be opened, or comes from a newer version of the program.
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
    """Return the header in a line.

    Raises:
        FromNewerVersion: the line is intact, but not of this version.
        BadLineError: it isn't a header.
    """
    try:
        return decode_header(line)
    except BadLineError as error:
        with suppress(BadLineError):
            without_sum(line, 0)
            raise _unknown(error) from error
        raise


def _unknown(error: BadLineError) -> FromNewerVersion:
    """Return the error for an intact line that this version doesn't know."""
    return FromNewerVersion(f"It has a line that this iam-onboard doesn't know: {error}.")


class Journal(AppendedFile):
    """An open journal for adding events; made by `create` and `resume`.

    Args:
        path: its file.
        size: how many bytes of it count.
        before: their checksum, or None if lines have none.
    """

    def __init__(self, path: Path, size: int, before: int | None) -> None:
        super().__init__(path, size)
        self._before = before

    @classmethod
    def create(cls, path: Path, header: Header) -> Journal:
        """Create a journal with its header; it is complete on the disk, or not there at all.

        Raises:
            FileExistsError: it exists already.
            UnstorableFactError: a detail in the header isn't JSON.
            OSError: it couldn't be written.
        """
        line, before = with_sum(encode_header(header), 0)
        if path.exists():
            raise FileExistsError(f"{path} is there already")
        replace_file(path, line)
        return cls(path, len(line), before)

    @classmethod
    def resume(cls, path: Path, loaded: Loaded) -> Journal:
        """Open an existing journal, cut to its sound part, for more events.

        Raises:
            OnboardError: it can't be opened for writing.
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
        """Write an event and wait until it is on the disk.

        Raises:
            OnboardError: it couldn't be written (a full disk); the file is unchanged.
            UnstorableFactError: a fact isn't JSON, or is a secret; nothing was written.
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
                next="Fix that, then do the step again. Everything saved before is still there.",
            ) from error
        self._before = before
