"""The session on disk: an append-only file of JSON lines, each fsynced, whose replay is the state.

The first line says what the session is and in which version of the format; every further line is one event.
A last line that was torn by a crash or a full disk is cut off when the journal is opened; a damaged line
further up is reported and nothing is thrown away.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workflows.errors import OnboardError
from workflows.machine.events import (
    Event,
    Failed,
    Header,
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
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class DamagedJournal(OnboardError):  # noqa: N818 - a state of the file, told to a person
    """A journal with a line that cannot be read, other than a torn last one.

    Attributes:
        good: how many bytes at its beginning are sound.
    """

    def __init__(self, path: Path, line: int, why: str, good: int) -> None:
        super().__init__(
            "This session is damaged",
            f"Line {line} of {path} cannot be read.",
            why=why,
            next="Resume it from its last sound step (the damaged file is kept), or start a new session.",
        )
        self.path = path
        self.good = good


@dataclass(frozen=True)
class Loaded:
    """What a journal held when it was read."""

    header: Header
    events: tuple[Event, ...]
    sound_bytes: int


def encode(event: Event) -> bytes:
    """An event as one line, with its line end.

    Raises:
        UnstorableFactError: a fact is no JSON value, or is a secret.
    """
    values = {name: value for name, value in asdict(event).items() if name != "key"}
    line = {"event": _NAMES[type(event)], "step": str(event.key), **checked_facts(values)}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Event:
    """The event of a line.

    Raises:
        ValueError: the line is no event of this version.
    """
    try:
        values: dict[str, Any] = json.loads(line)
        kind = _KINDS[values.pop("event")]
        return kind(key=StepKey.parse(values.pop("step")), **values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no event: {error}") from error


def read_journal(path: Path) -> Loaded:
    """Read a journal; a torn last line is left out (and counted out of `sound_bytes`).

    Raises:
        DamagedJournal: a line other than a torn last one cannot be read.
        OnboardError: the file cannot be opened, or comes from a newer version of the program.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OnboardError(
            "This session cannot be opened",
            f"{path} cannot be read.",
            why=str(error),
            next="Check that the file is there and is yours, or start a new session.",
        ) from error
    lines = content.splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    if not lines:
        raise DamagedJournal(path, 1, "The file is empty.", 0)
    header = _header(path, lines[0])
    events: list[Event] = []
    good = len(lines[0])
    for number, line in enumerate(lines[1:], start=2):
        try:
            events.append(decode(line))
        except ValueError as error:
            raise DamagedJournal(path, number, str(error), good) from error
        good += len(line)
    return Loaded(header, tuple(events), good)


def _header(path: Path, line: bytes) -> Header:
    try:
        values = json.loads(line)
        header = Header(**values)
        schema = int(header.schema)
    except (ValueError, TypeError) as error:
        raise DamagedJournal(path, 1, f"It is no session header: {error}", 0) from error
    if schema > SCHEMA:
        raise OnboardError(
            "This session is from a newer version",
            f"It is written in version {schema} of the format; this program reads up to {SCHEMA}.",
            next="Update iam-onboard and resume it then. Nothing was changed.",
        )
    return header


class Journal:
    """An open journal that events are appended to.

    Args:
        path: the file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    @classmethod
    def create(cls, path: Path, header: Header) -> Journal:
        """A new journal with its header written and fsynced, and its folder fsynced too.

        Raises:
            FileExistsError: there is one already.
            UnstorableFactError: a detail in the header is no JSON value.
        """
        line = json.dumps(checked_facts(asdict(header)), ensure_ascii=False, separators=(",", ":"))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        journal = cls(path)
        journal._write(line.encode() + b"\n")
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return journal

    @classmethod
    def resume(cls, path: Path, sound_bytes: int) -> Journal:
        """An existing journal, cut to its sound bytes, ready for more events."""
        journal = cls(path)
        if journal._size > sound_bytes:
            os.ftruncate(journal._descriptor, sound_bytes)
            os.fsync(journal._descriptor)
            journal._size = sound_bytes
        return journal

    def append(self, event: Event) -> None:
        """Write one event and wait until it is on the disk.

        Raises:
            OnboardError: it could not be written (a full disk); the file is as it was.
            UnstorableFactError: a fact is no JSON value, or is a secret.
        """
        self._write(encode(event))

    def _write(self, line: bytes) -> None:
        try:
            _write_whole(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise OnboardError(
                "The session could not be saved",
                f"{self._path} could not be written.",
                why=str(error),
                next="Make room on the disk and try the step again; what was saved before is still there.",
            ) from error
        self._size += len(line)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _write_whole(descriptor: int, line: bytes) -> None:
    """Write all of a line; a full disk takes a part of one without an error, then fails."""
    while line:
        line = line[os.write(descriptor, line) :]
