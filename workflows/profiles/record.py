"""What this program wrote into a project's `config`: so a change by hand differs from an older wish of ours.

It lies beside the two files as `iam-onboard.json` and is written with them. It holds no secret. While the
files take their places it holds what was written and what is being written: after a kill in between, the next
run finds in `config` which of the two is there, and takes neither for a change by hand.
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
from workflows.profiles.merge import WantedSection, plain
from workflows.profiles.plan import WantedProfiles
from workflows.profiles.reading import Found

FILE_NAME = "iam-onboard.json"
LARGEST = 4 * 1024 * 1024
_VERSION = 1

Record = Mapping[str, Mapping[str, str]]
"""The options of each profile as they were written last, by the profile's name."""


@dataclass(frozen=True)
class Recorded:
    """What the file says.

    Attributes:
        written: what was written last.
        writing: what was being written when the process was killed; None where none was.
    """

    written: Record
    writing: Record | None = None

    def settled(self, found: Mapping[str, Found]) -> Record:
        """What in `config` is our work: of a profile what was being written, if it is there, else the former.

        Args:
            found: the profiles that are in `config`.
        """
        there = {
            name: options
            for name, options in (self.writing or {}).items()
            if name in found and _is_in(found[name], options, self.written.get(name, {}))
        }
        return {**self.written, **there}


def read_record(path: Path) -> Recorded:
    """The record beside the files; an empty one where there is none.

    One that cannot be understood counts as empty: then every difference is taken for somebody else's and is
    asked about, and the next write puts the record in order.

    Raises:
        FileError: the file is there and cannot be read.
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
    """The record as its file has it.

    Args:
        record: what was written.
        writing: what is being written, for the time until it is there.
    """
    more = {} if writing is None else {"writing": writing}
    return f"{json.dumps({'version': _VERSION, 'profiles': record, **more}, indent=1)}\n".encode()


def _is_in(found: Found, options: Mapping[str, str], former: Mapping[str, str]) -> bool:
    """Whether a section has these options, and none of the former ones beside them."""
    return all(found.options.get(name, "") == options.get(name, "") for name in {*options, *former})


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
        there: its value in the file, secrets masked; "" where it is not there.
        wanted: the value that it would get; "" where it would be taken out.
    """

    option: str
    there: str
    wanted: str

    @property
    def sentence(self) -> Sentence:
        """As a person reads it: "region: eu-west-1 → us-east-1"."""
        return f"{self.option}: {self.there or '(none)'} → {self.wanted or '(none)'}"


@dataclass(frozen=True)
class HandChange:
    """A profile of ours that somebody else wrote, or changed since.

    Attributes:
        profile: its name.
        ours: True if this program wrote it before, False if it was there without that.
        differences: what writing over it would lose.
    """

    profile: str
    ours: bool
    differences: tuple[Difference, ...]

    @property
    def sentence(self) -> Sentence:
        """In one line: who, how it came about, and what differs."""
        how = "changed by hand" if self.ours else "not written by iam-onboard"
        what = joined((difference.sentence for difference in self.differences), "; ")
        return f"{self.profile} ({how}): {what}"


@dataclass(frozen=True)
class Stale:
    """A profile that this program wrote and that is no longer among those wanted.

    Attributes:
        profile: its name.
        role_arn: the role it is for, as the file has it now.
        changed_by_hand: whether its options are others than were written.
    """

    profile: str
    role_arn: str
    changed_by_hand: bool

    @property
    def sentence(self) -> Sentence:
        """In one line."""
        return f"{self.profile} ({self.role_arn}{', changed by hand' if self.changed_by_hand else ''})"


def hand_changes(
    found: Mapping[str, Found], wanted: Sequence[WantedSection], record: Record
) -> tuple[HandChange, ...]:
    """The profiles in which a value would be lost that this program did not write.

    A value that is wanted anyway is no loss, nor is an option that is merely not there yet.

    Args:
        found: the profiles that are in the file.
        wanted: the sections as they have to be.
        record: what was written last.
    """
    changes = []
    for section in wanted:
        if section.profile not in found:
            continue
        options = found[section.profile].options
        written = record.get(section.profile, {})
        differences = tuple(
            Difference(option, _shown(option, options.get(option, "")), _shown(option, value))
            for option, value in _wishes(section).items()
            if options.get(option, "") not in {value, written.get(option, "")}
        )
        if differences:
            changes.append(HandChange(section.profile, section.profile in record, differences))
    return tuple(changes)


def changed_options(found: Found, written: Mapping[str, str]) -> list[str]:
    """The options of a profile that have other values than this program wrote, in its order."""
    return [option for option, value in written.items() if found.options.get(option, "") != value]


def stale_profiles(found: Mapping[str, Found], wanted: WantedProfiles, record: Record) -> tuple[Stale, ...]:
    """The role profiles of these base profiles that this program wrote and that are no longer wanted."""
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


def _wishes(section: WantedSection) -> dict[str, str]:
    """Each option with the value that it has to have; "" for one that must not be there."""
    return {
        **{option: plain(value) for option, value in section.values.items()},
        **dict.fromkeys(section.absent, ""),
    }


def _shown(option: str, value: str) -> str:
    secret = option in {"aws_secret_access_key", "aws_session_token"}
    return "****" if value and secret else " ".join(value.split())
