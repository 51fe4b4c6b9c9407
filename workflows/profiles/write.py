"""Write the profiles to the disk: both files or neither, private, with backups that are never overwritten.

`prepare` determines the changes and what the person must decide first; `preview` shows them.
`~/.aws/config` itself is the person's and never one of the files.
"""

from __future__ import annotations

import difflib
import hashlib
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
from workflows.core.sentences import OnboardError
from workflows.profiles.merge import (
    Found,
    Merged,
    ProfileFileError,
    WantedSection,
    merge,
    plain,
    profile_sections,
)
from workflows.profiles.plan import WantedProfiles, config_sections, credentials_sections
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
"""Limit of one profile file; a thousand profiles have about 200 KB."""


@dataclass(frozen=True)
class ProfilePaths:
    """The paths of a project's two files."""

    config: Path
    credentials: Path

    @property
    def folder(self) -> Path:
        """The folder of both."""
        return self.config.parent

    @property
    def record(self) -> Path:
        """The record of what this program wrote to `config`."""
        return self.folder / FILE_NAME


def profile_paths(home: Path, project: str) -> ProfilePaths:
    """Return the files of a project in a person's home folder.

    Raises:
        ValueError: the project's name is not a plain folder name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", project):
        raise ValueError(f"not a project's short name: {project!r}")
    folder = home / ".aws" / project
    return ProfilePaths(folder / "config", folder / "credentials")


def sections_in(path: Path, prefix: str, name: str) -> dict[str, Found]:
    """Return the profiles in one of the files; none if it does not exist.

    Args:
        prefix: the prefix of profile names: "profile " in `config`, else "".
        name: the file's displayed name.

    Raises:
        FileError: it cannot be read.
        ProfileFileError: botocore would reject it.
    """
    return profile_sections(files.read_text(path, MAX_BYTES), prefix, name) if files.is_there(path) else {}


@dataclass(frozen=True)
class Decisions:
    """A person's decisions about existing profiles in `config`.

    Attributes:
        overwrite: the profiles to overwrite although somebody changed them by hand; others stay unchanged.
            None overwrites all of them.
        prune: the unwanted profiles to remove.
    """

    overwrite: Collection[str] | None = None
    prune: Collection[str] = ()


EVERYTHING = Decisions()
"""Overwrites all changes by hand, and removes nothing."""


@dataclass(frozen=True)
class Prepared:
    """The changes that writing would make.

    Attributes:
        paths: the two files.
        config_before: the text of `config`, or None if there is none.
        credentials_before: the text of `credentials`, or None if there is none.
        config: the new `config`.
        credentials: the new `credentials`.
        by_hand: the profiles that somebody changed, whatever was decided about them.
        kept: the names of those that stay unchanged.
        stale: the profiles that this program wrote but that are no longer wanted.
        record_before: what was last written.
        interrupted: whether the last write was killed half-way.
        record: what will have been written.
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
    def found(self) -> str:
        """A digest of both files as they were read."""
        return hashlib.sha256(repr((self.config_before, self.credentials_before)).encode()).hexdigest()

    @property
    def changes(self) -> bool:
        """Whether either file changes."""
        return self.config.text != (self.config_before or "") or self.credentials.text != (
            self.credentials_before or ""
        )

    @property
    def updated(self) -> tuple[str, ...]:
        """The existing profiles that change."""
        return tuple(dict.fromkeys(self.config.updated + self.credentials.updated))


def prepare(paths: ProfilePaths, wanted: WantedProfiles, decided: Decisions = EVERYTHING) -> Prepared:
    """Read both files and merge the profiles into their texts, without writing anything.

    Raises:
        FileError: a file cannot be read.
        ProfileFileError: botocore would reject a file, it has a profile twice, or it is a link to the
            person's own file.
        ValueError: a value contains a line break or another control character.
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
    """Return a unified diff of both files with every secret as `****`; "" if nothing changes."""
    return masked_diff(prepared.paths.config, prepared.config_before, prepared.config.text) + masked_diff(
        prepared.paths.credentials, prepared.credentials_before, prepared.credentials.text
    )


def _refuse_links_to_other_files(paths: ProfilePaths) -> None:
    """Reject links to `~/.aws/config` or `~/.aws/credentials`, and both files as links to one file."""
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
    """Merge the record with what is written now; options that a section leaves alone stay recorded."""
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
    """Read a file; None if it does not exist, also as the target of a link."""
    return files.read_text(path, MAX_BYTES) if files.is_there(path) else None


@dataclass(frozen=True)
class Written:
    """The changes made by writing.

    Attributes:
        changed: the files that were written.
        backups: copies of their old content.
        tightened: files and folders that were open to others and are now private.
        added: names of new profiles.
        updated: names of profiles that had other values.
        removed: names of removed profiles.
        kept: names of profiles that somebody changed by hand and that stay unchanged.
    """

    changed: tuple[Path, ...]
    backups: tuple[Path, ...]
    tightened: tuple[Path, ...]
    added: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]


def write_profiles(
    paths: ProfilePaths,
    wanted: WantedProfiles,
    now: datetime,
    decided: Decisions = EVERYTHING,
    shown: str = "",
) -> Written:
    """Merge the profiles into both files on the disk.

    `credentials` is replaced first: a kill before `config` follows leaves a key that no profile uses yet.
    The record is written before and after both, so that the next run notices a kill in between.
    The folder is locked meanwhile, so several processes take turns and none loses another's profiles.

    Args:
        paths: the two files; a symbolic link stays one.
        now: the time in the backups' names, with a time zone.
        decided: the decisions about existing profiles; anything changed by hand after the decision stays
            unchanged.
        shown: `Prepared.found` of the changes that the person saw; "" if they saw none.

    Raises:
        OnboardError: a file is no longer as it was when the changes were shown; both are unchanged.
        FileError: a file cannot be read or written; both are unchanged.
        ProfileFileError: botocore would reject a file, or it has a profile twice.
        ValueError: a value contains a line break or another control character.
    """
    tightened = [paths.folder] if files.private_folder(paths.folder) else []
    with locked_folder(paths.folder):
        for path in (paths.credentials, paths.config, paths.record):
            files.remove_leftovers(path)
        prepared = prepare(paths, wanted, decided)
        if shown not in {"", prepared.found}:
            raise OnboardError(
                "Something has changed meanwhile",
                f"Your profile files in {paths.folder} are no longer as you saw them.",
                why="They were changed after iam-onboard read them.",
                next="Nothing was written. Look at the changes again, then write them.",
            )
        tightened += [path for path in (paths.credentials, paths.config) if _tighten(path)]
        changed, backups = _put(prepared, now)
    return Written(
        changed=changed,
        backups=backups,
        tightened=tuple(tightened),
        added=prepared.config.added,
        updated=prepared.updated,
        removed=prepared.config.removed,
        kept=prepared.kept,
    )


def _put(prepared: Prepared, now: datetime) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Write the prepared changes, and return the changed files and their backups."""
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
    """Make a file private, and return whether it was open to others until now."""
    if not files.is_there(path) or not stat.S_IMODE(path.stat().st_mode) & 0o077:
        return False
    with files.explained(path, "made private"):
        return files.tightened(path, 0o600)


def masked_diff(path: Path, before: str | None, after: str) -> str:
    """Return a unified diff with masked secrets, which still shows whether a secret changes.

    Args:
        path: the file, for the two headers.
        before: its text, or None for a new file.
        after: its new text.

    Returns:
        The diff, ending with a newline; "" if nothing changes.
    """
    numbers: dict[str, int] = {}
    old, new = _masked(before or "", numbers), _masked(after, numbers)
    lines = difflib.unified_diff(
        old, new, str(path) if before is not None else "/dev/null", str(path), lineterm=""
    )
    return "".join(re.sub("\0\\d+$", "", line.removesuffix("\r")) + "\n" for line in lines)


def _masked(text: str, numbers: dict[str, int]) -> list[str]:
    """Return the lines with secrets masked, each followed by a NUL and a number unique to its value."""
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
