"""What in `config` is somebody's own work although its name is ours: asked about before it is written over.

And the reverse: what is our work and no longer wanted, because its account or its role is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workflows.core.sentences import Sentence, joined
from workflows.services.profiles.merge import WantedSection, plain
from workflows.services.profiles.plan import WantedProfiles
from workflows.services.profiles.reading import Found
from workflows.services.profiles.record import Record

_SECRET_OPTIONS = {"aws_secret_access_key", "aws_session_token"}


@dataclass(frozen=True)
class Difference:
    """An option that is there otherwise than wanted.

    Attributes:
        option: its name.
        there: its value in the file, secrets masked; "" where it is not there.
        wanted: the value that it would get; "" where it would be taken out.
    """

    option: str
    there: str
    wanted: str

    @property
    def words(self) -> Sentence:
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
    def words(self) -> Sentence:
        """In one line: who, how it came about, and what differs."""
        how = "changed by hand" if self.ours else "not written by this program"
        return f"{self.profile} ({how}): {joined((one.words for one in self.differences), '; ')}"


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
    def words(self) -> Sentence:
        """In one line."""
        touched = ", changed by hand" if self.changed_by_hand else ""
        return f"{self.profile} ({self.role_arn}{touched})"


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


def stale_profiles(found: Mapping[str, Found], wanted: WantedProfiles, record: Record) -> tuple[Stale, ...]:
    """The role profiles of these base profiles that this program wrote and that are no longer wanted."""
    bases = {base.name for base in wanted.bases}
    return tuple(
        Stale(
            name,
            found[name].options.get("role_arn", ""),
            any(found[name].options.get(option) != value for option, value in written.items()),
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
    return "****" if value and option in _SECRET_OPTIONS else " ".join(value.split())
