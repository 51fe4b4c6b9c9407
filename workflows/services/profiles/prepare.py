"""What writing profiles would do, without writing: the new texts, and what a person has to decide before."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workflows.core import files
from workflows.services.profiles.foreign import HandChange, Stale, hand_changes, stale_profiles
from workflows.services.profiles.masked_diff import masked_diff
from workflows.services.profiles.merge import Merged, WantedSection, merge, plain
from workflows.services.profiles.paths import ProfilePaths
from workflows.services.profiles.plan import WantedProfiles
from workflows.services.profiles.reading import Found, ProfileFileError, profile_sections
from workflows.services.profiles.record import Record, read_record
from workflows.services.profiles.sections import config_sections, credentials_sections

MAX_BYTES = 4 * 1024 * 1024
"""Of one profile file; a thousand profiles have about 200 KB."""


@dataclass(frozen=True)
class Decisions:
    """What a person decided about profiles that are in `config` already.

    Attributes:
        overwrite: of the profiles that somebody changed by hand, those that are written over; the others
            stay as they are. None writes over all of them.
        prune: of the profiles that are no longer wanted, those that are taken out.
    """

    overwrite: Collection[str] | None = None
    prune: Collection[str] = ()


EVERYTHING = Decisions()
"""Writes over whatever is there, and takes nothing out."""


@dataclass(frozen=True)
class Prepared:
    """What writing would do.

    Attributes:
        paths: the two files.
        config_before: the text of `config`, or None where there is none; likewise the next.
        credentials_before: the text of `credentials`.
        config: what it becomes.
        credentials: what it becomes.
        by_hand: the profiles that somebody changed, whatever was decided about them.
        kept: the names of those that stay as they are.
        stale: the profiles that this program wrote and that are no longer wanted.
        record_before: what was written last.
        interrupted: whether the writing that came last was killed in the middle.
        record: what is then.
    """

    paths: ProfilePaths
    config_before: str | None = field(repr=False)
    credentials_before: str | None = field(repr=False)
    config: Merged
    credentials: Merged
    by_hand: tuple[HandChange, ...]
    kept: tuple[str, ...]
    stale: tuple[Stale, ...]
    record_before: Record = field(repr=False)
    interrupted: bool
    record: Record = field(repr=False)

    @property
    def changes(self) -> bool:
        """Whether either file changes."""
        return self.config.text != (self.config_before or "") or self.credentials.text != (
            self.credentials_before or ""
        )


def prepare(paths: ProfilePaths, wanted: WantedProfiles, decided: Decisions = EVERYTHING) -> Prepared:
    """Read both files and put the profiles into their texts; writes nothing.

    Raises:
        FileError: a file cannot be read.
        ProfileFileError: a file is not what botocore accepts, holds a profile twice, or is by a link the
            person's own file.
        ValueError: a value holds a line break or another control character.
    """
    _refuse_links_to_other_files(paths)
    config_before, credentials_before = _read(paths.config), _read(paths.credentials)
    sections = config_sections(wanted)
    found = profile_sections(config_before or "", "profile ", str(paths.config))
    recorded = read_record(paths.record)
    record = recorded.settled(found)
    by_hand, stale = hand_changes(found, sections, record), stale_profiles(found, wanted, record)
    kept = _kept(by_hand, decided)
    removed = {one.profile for one in stale} & set(decided.prune)
    written = [section for section in sections if section.profile not in kept]
    return Prepared(
        paths=paths,
        config_before=config_before,
        credentials_before=credentials_before,
        config=merge(config_before or "", written, prefix="profile ", name=str(paths.config), remove=removed),
        credentials=merge(
            credentials_before or "", credentials_sections(wanted), prefix="", name=str(paths.credentials)
        ),
        by_hand=by_hand,
        kept=kept,
        stale=stale,
        record_before=record,
        interrupted=recorded.writing is not None,
        record=_recorded(record, written, removed, found),
    )


def preview(prepared: Prepared) -> str:
    """A unified diff of both files with every secret as `****`; "" where nothing changes."""
    return masked_diff(prepared.paths.config, prepared.config_before, prepared.config.text) + masked_diff(
        prepared.paths.credentials, prepared.credentials_before, prepared.credentials.text
    )


def _refuse_links_to_other_files(paths: ProfilePaths) -> None:
    """The files may be links, but not to `~/.aws/config` or `~/.aws/credentials`, nor both to one file."""
    own = paths.folder.parent
    with files.explained(paths.folder, "read"):
        targets = [os.path.realpath(path) for path in (paths.config, paths.credentials)]
        taken = {os.path.realpath(own / name) for name in ("config", "credentials")}
    for path, target in zip((paths.config, paths.credentials), targets, strict=True):
        if target in taken or targets.count(target) > 1:
            raise ProfileFileError(
                "This file is not changed",
                f"{path} is a link to {target}.",
                why="That file is your own, or has both names; a project's profiles go to files of theirs.",
                next="Remove the link, then try again. Nothing was written.",
            )


def _kept(by_hand: tuple[HandChange, ...], decided: Decisions) -> tuple[str, ...]:
    overwrite = decided.overwrite
    if overwrite is None:
        return ()
    return tuple(one.profile for one in by_hand if one.profile not in overwrite)


def _recorded(
    before: Record, written: list[WantedSection], removed: set[str], found: Mapping[str, Found]
) -> Record:
    """What was written until now and now; an option that a section leaves alone stays as it was written."""
    record = {name: dict(options) for name, options in before.items() if name not in removed}
    for section in written:
        options = record.setdefault(section.profile, {})
        for option in section.absent:
            options.pop(option, None)
        there = found[section.profile].options if section.profile in found else {}
        given = {**section.missing_in(there), **section.values}
        options.update({option: plain(value) for option, value in given.items()})
    return record


def _read(path: Path) -> str | None:
    if not path.exists() and not path.is_symlink():
        return None
    if path.is_symlink() and not path.exists():
        return None  # a link to a file that is still to be made
    return files.read_text(path, MAX_BYTES)
