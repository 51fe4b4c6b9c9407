"""The record of what this program wrote to a project's `config`, to recognise changes by hand.

It is beside the two files as `iam-onboard.json` and is written with them. It contains no secrets. While the
files are being replaced, it has both the old and the new content: after a kill in between, the next run
determines from `config` which of the two is there, and takes neither for a change by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.core.files import is_there, read_text
from workflows.core.parsing import parse_json
from workflows.core.sentences import Sentence, joined
from workflows.profiles.merge import Found, WantedSection, plain
from workflows.profiles.plan import WantedProfiles

FILE_NAME = "iam-onboard.json"
LARGEST = 4 * 1024 * 1024
_VERSION = 1

Record = Mapping[str, Mapping[str, str]]
"""The last written options of each profile, by profile name."""


@dataclass(frozen=True)
class Recorded:
    """The content of the record's file.

    Attributes:
        written: what was last written.
        writing: what was being written when the process was killed, or None.
    """

    written: Record
    writing: Record | None = None

    def settled(self, found: Mapping[str, Found]) -> Record:
        """Return what we wrote to `config`: per profile, the interrupted write if present, else the last.

        Args:
            found: the profiles in `config`.
        """
        there = {
            name: options
            for name, options in (self.writing or {}).items()
            if name in found
            and not changed_options(found[name], {**dict.fromkeys(self.written.get(name, {}), ""), **options})
        }
        return {**self.written, **there}


def read_record(path: Path) -> Recorded:
    """Read the record beside the files; empty if there is none.

    An invalid record counts as empty: then every difference is treated as somebody else's, which the person
    is asked about, and the next write repairs the record.

    Raises:
        FileError: the file exists but cannot be read.
    """
    if not is_there(path):
        return Recorded({})
    try:
        values = parse_json(read_text(path, LARGEST))
        if values["version"] != _VERSION:
            return Recorded({})
        writing = values.get("writing")
        return Recorded(_record(values["profiles"]), None if writing is None else _record(writing))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Recorded({})


def record_bytes(record: Record, writing: Record | None = None) -> bytes:
    """Serialise the record.

    Args:
        record: what was written.
        writing: what is being written, until it is complete.
    """
    more = {} if writing is None else {"writing": writing}
    return f"{json.dumps({'version': _VERSION, 'profiles': record, **more}, indent=1)}\n".encode()


def _record(values: Any) -> Record:
    return {
        str(profile): {str(option): str(value) for option, value in options.items()}
        for profile, options in values.items()
    }


@dataclass(frozen=True)
class Difference:
    """An option whose value differs from the wanted one.

    Attributes:
        option: its name.
        there: its value in the file, secrets masked; "" if missing.
        wanted: its new value; "" if it would be removed.
    """

    option: str
    there: str
    wanted: str

    @property
    def sentence(self) -> Sentence:
        """The displayed text: "region: eu-west-1 → us-east-1"."""
        return f"{self.option}: {self.there or '(none)'} → {self.wanted or '(none)'}"


@dataclass(frozen=True)
class HandChange:
    """A wanted profile that somebody else wrote or changed.

    Attributes:
        profile: its name.
        ours: True if this program wrote it before.
        differences: what overwriting it would lose.
    """

    profile: str
    ours: bool
    differences: tuple[Difference, ...]

    @property
    def how(self) -> str:
        """How it came about."""
        return "changed by hand" if self.ours else "not written by iam-onboard"

    @property
    def sentence(self) -> Sentence:
        """The profile, how it came about, and what differs, in one line."""
        what = joined((difference.sentence for difference in self.differences), "; ")
        return f"{self.profile} ({self.how}): {what}"


@dataclass(frozen=True)
class Stale:
    """A profile that this program wrote but that is no longer wanted.

    Attributes:
        profile: its name.
        role_arn: its role, as now in the file.
        changed_by_hand: whether its options differ from those written.
    """

    profile: str
    role_arn: str
    changed_by_hand: bool

    @property
    def sentence(self) -> Sentence:
        """The profile and its role, in one line."""
        return f"{self.profile} ({self.role_arn}{', changed by hand' if self.changed_by_hand else ''})"


def hand_changes(
    found: Mapping[str, Found], wanted: Sequence[WantedSection], record: Record
) -> tuple[HandChange, ...]:
    """Return the profiles with values that this program did not write and that would be lost.

    A value that is wanted anyway is no loss, nor is a missing option.

    Args:
        found: the profiles in the file.
        record: what was last written.
    """
    changes = []
    for section in wanted:
        if section.profile not in found:
            continue
        options = found[section.profile].options
        written = record.get(section.profile, {})
        wishes = {option: plain(value) for option, value in section.values.items()}
        differences = tuple(
            Difference(option, _shown(option, options.get(option, "")), _shown(option, value))
            for option, value in {**wishes, **dict.fromkeys(section.absent, "")}.items()
            if options.get(option, "") not in {value, written.get(option, "")}
        )
        if differences:
            changes.append(HandChange(section.profile, section.profile in record, differences))
    return tuple(changes)


def changed_options(found: Found, written: Mapping[str, str]) -> list[str]:
    """Return the options of a profile whose values differ from those this program wrote, in order."""
    return [option for option, value in written.items() if found.options.get(option, "") != value]


def stale_profiles(found: Mapping[str, Found], wanted: WantedProfiles, record: Record) -> tuple[Stale, ...]:
    """Return these base profiles' role profiles that this program wrote but that are no longer wanted."""
    bases = {base.name for base in wanted.bases}
    return tuple(
        Stale(
            name,
            found[name].options.get("role_arn", ""),
            bool(changed_options(found[name], written)),
        )
        for name, written in record.items()
        if written.get("source_profile") in bases and name in found and name not in set(wanted.names)
    )


def _shown(option: str, value: str) -> str:
    secret = option in {"aws_secret_access_key", "aws_session_token"}
    return "****" if value and secret else " ".join(value.split())
