"""Puts the profiles on the disk: both files or neither, private, with a backup that nothing overwrites.

`prepare` says what that would do, and what a person has to decide before; `preview` shows it.
`~/.aws/config` itself is the person's and never among the files.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workflows.core import files
from workflows.core.files import FileWrite
from workflows.core.locks import locked_folder
from workflows.profiles.merge import Merged, WantedSection, merge, plain
from workflows.profiles.plan import WantedProfiles, config_sections, credentials_sections
from workflows.profiles.reading import Found, ProfileFileError, profile_sections
from workflows.profiles.record import (
    FILE_NAME,
    HandChange,
    Record,
    Stale,
    hand_changes,
    read_record,
    record_bytes,
    stale_profiles,
)

_SECRET_LINE = re.compile(
    r"(?i)^(?P<name>[\s#;]*(?:aws_secret_access_key|aws_session_token|aws_security_token)\s*[=:]\s*)(?P<value>.*)$"
)

MAX_BYTES = 4 * 1024 * 1024
"""Of one profile file; a thousand profiles have about 200 KB."""


@dataclass(frozen=True)
class ProfilePaths:
    """Where a project's two files are."""

    config: Path
    credentials: Path

    @property
    def folder(self) -> Path:
        """The folder of both."""
        return self.config.parent

    @property
    def record(self) -> Path:
        """Where it is kept what this program wrote into `config`."""
        return self.folder / FILE_NAME


def profile_paths(home: Path, project: str) -> ProfilePaths:
    """The files of a project, below a person's home folder.

    Raises:
        ValueError: the project's name is no plain folder name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", project):
        raise ValueError(f"not a project's short name: {project!r}")
    folder = home / ".aws" / project
    return ProfilePaths(folder / "config", folder / "credentials")


def sections_in(path: Path, prefix: str, name: str) -> dict[str, Found]:
    """The profiles in one of the files; none where it is not there.

    Args:
        path: the file.
        prefix: what stands before a profile's name there: "profile " in `config`, else "".
        name: the file for people.

    Raises:
        FileError: it cannot be read.
        ProfileFileError: it is not what botocore accepts.
    """
    return profile_sections(files.read_text(path, MAX_BYTES), prefix, name) if files.is_there(path) else {}


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
    kept = tuple(
        change.profile
        for change in by_hand
        if decided.overwrite is not None and change.profile not in decided.overwrite
    )
    removed = {profile.profile for profile in stale} & set(decided.prune)
    written = [section for section in sections if section.profile not in kept]
    return Prepared(
        paths=paths,
        config_before=config_before,
        credentials_before=credentials_before,
        config=merge(config_before or "", written, prefix="profile ", name=str(paths.config), remove=removed),
        credentials=merge(
            credentials_before or "", [*credentials_sections(wanted)], prefix="", name=str(paths.credentials)
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
                "Can't change this file",
                f"{path} is a link to {target}.",
                why=(
                    "That file is your own, or config and credentials are both links to it. A project's "
                    "profiles need files of their own."
                ),
                next="Remove the link, then try again. Nothing was written.",
            )


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
    """None where there is no file, and where a link leads to one that is still to be made."""
    return files.read_text(path, MAX_BYTES) if files.is_there(path) else None


@dataclass(frozen=True)
class Written:
    """What writing did.

    Attributes:
        changed: the files that were written.
        backups: copies of what they were.
        tightened: files and folders whose mode let others in, and no longer does.
        added: names of new profiles.
        updated: names of profiles that had other values.
        removed: names of profiles that were taken out.
        kept: names of profiles that somebody changed by hand and that stay as they are.
    """

    changed: tuple[Path, ...]
    backups: tuple[Path, ...]
    tightened: tuple[Path, ...]
    added: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]


def write_profiles(
    paths: ProfilePaths, wanted: WantedProfiles, now: datetime, decided: Decisions = EVERYTHING
) -> Written:
    """Merge the profiles into both files on the disk.

    `credentials` takes its place first: a kill before `config` follows leaves a key that no profile uses yet.
    The record is written before both and after both, so that a kill in between is known by the next run.
    The folder is locked meanwhile, so several processes follow each other and none loses another's profiles.

    Args:
        paths: the two files; a symbolic link stays one.
        wanted: the profiles.
        now: the time for the backups' names, with a time zone.
        decided: what becomes of profiles that are there already; what somebody changed by hand after the
            decision was made stays as it is.

    Raises:
        FileError: a file cannot be read or written; both are as they were.
        ProfileFileError: a file is not what botocore accepts, or holds a profile twice.
        ValueError: a value holds a line break or another control character.
    """
    tightened = [paths.folder] if files.private_folder(paths.folder) else []
    with locked_folder(paths.folder):
        for path in (paths.credentials, paths.config, paths.record):
            files.remove_leftovers(path)
        prepared = prepare(paths, wanted, decided)
        tightened += [path for path in (paths.credentials, paths.config) if _tighten(path)]
        changed, backups = _put(prepared, now)
    return Written(
        changed=changed,
        backups=backups,
        tightened=tuple(tightened),
        added=prepared.config.added,
        updated=tuple(dict.fromkeys(prepared.config.updated + prepared.credentials.updated)),
        removed=prepared.config.removed,
        kept=prepared.kept,
    )


def _put(prepared: Prepared, now: datetime) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Write what was prepared; the files that were changed, and the copies of what they were."""
    paths = prepared.paths
    pairs = (
        (paths.credentials, prepared.credentials_before, prepared.credentials),
        (paths.config, prepared.config_before, prepared.config),
    )
    changes = [(path, before, merged) for path, before, merged in pairs if merged.text != (before or "")]
    backups = [files.timestamped_backup(path, now) for path, before, _ in changes if before is not None]
    writes = [FileWrite(path, merged.text.encode()) for path, _, merged in changes]
    if prepared.record != prepared.record_before or prepared.interrupted:
        begun = FileWrite(paths.record, record_bytes(prepared.record_before, prepared.record))
        writes = [begun, *writes, FileWrite(paths.record, record_bytes(prepared.record))]
    files.write_all_atomically(writes)
    return tuple(path for path, _, _ in changes), tuple(backups)


def _tighten(path: Path) -> bool:
    """Make a file that lets others in private; whether it was one and is one no longer."""
    if not files.is_there(path) or not stat.S_IMODE(path.stat().st_mode) & 0o077:
        return False
    with files.explained(path, "made private"):
        return files.tightened(path, 0o600)


def masked_diff(path: Path, before: str | None, after: str) -> str:
    """A unified diff in which equal secrets look equal to the comparison and all look alike to the reader.

    Args:
        path: the file, for the two headings.
        before: its text, or None where it is not there yet.
        after: its new text.

    Returns:
        The diff, ending with a line break; "" where nothing changes.
    """
    numbers: dict[str, int] = {}
    old, new = _masked(before or "", numbers), _masked(after, numbers)
    lines = difflib.unified_diff(
        old, new, str(path) if before is not None else "/dev/null", str(path), lineterm=""
    )
    return "".join(re.sub("\0\\d+$", "", line.removesuffix("\r")) + "\n" for line in lines)


def _masked(text: str, numbers: dict[str, int]) -> list[str]:
    """The lines with secrets masked, each masked one followed by a NUL and a number of its own value."""
    result, inside = [], False
    for line in text.removesuffix("\n").split("\n") if text else []:
        match = _SECRET_LINE.match(line)
        inside = match is not None or (inside and line[:1] in {" ", "\t"} and bool(line.strip()))
        if inside:
            value = match["value"] if match else line
            shown = f"{match['name']}****" if match else "  ****"
            result.append(f"{shown}\0{numbers.setdefault(value, len(numbers))}")
        else:
            result.append(line)
    return result
