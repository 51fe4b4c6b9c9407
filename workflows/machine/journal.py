"""The session on disk: an append-only file of JSON lines, each fsynced, whose replay is the state.

The first line says what the session is and in which version of the format; every further line is one event.
A last line that was torn by a crash or a full disk is cut off when the journal is opened; a damaged line
further up is reported and nothing is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import OWN_LIMIT, AppendedFile, cause_of, load_file, replace_file
from workflows.machine.events import Event, Header
from workflows.machine.lines import (
    SCHEMA,
    BadLineError,
    NewerSchema,
    decode_event,
    decode_header,
    encode_event,
    encode_header,
)


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
    header = _header(path, lines[0])
    ends = tuple(accumulate(len(line) + 1 for line in lines))
    events: list[Event] = []
    for line in lines[1:]:
        try:
            events.append(decode_event(line))
        except BadLineError as error:
            sound = Loaded(header, tuple(events), ends[: len(events) + 1])
            raise DamagedJournal(path, str(error), sound) from error
    return Loaded(header, tuple(events), ends)


def _header(path: Path, line: bytes) -> Header:
    try:
        return decode_header(line)
    except NewerSchema as error:
        raise OnboardError(
            "This session is from a newer version",
            f"It is written in version {error.schema} of the format; this iam-onboard reads up to {SCHEMA}.",
            next="Update iam-onboard and resume it then. Nothing was changed.",
        ) from error
    except BadLineError as error:
        raise DamagedJournal(path, str(error), None) from error


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
