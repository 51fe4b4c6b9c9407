"""Puts the profiles on the disk: both files or neither, private, with a backup that nothing overwrites."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workflows.services import files
from workflows.services.files import FileWrite
from workflows.services.profiles.masked_diff import masked_diff
from workflows.services.profiles.merge import Merged, Value, WantedSection, merge
from workflows.services.profiles.plan import (
    AssumedRole,
    BaseProfile,
    KeyFromProcess,
    KeyInFile,
    WantedProfiles,
)

MAX_BYTES = 4 * 1024 * 1024
"""Of one profile file; a thousand profiles have about 200 KB."""

KEY_OPTIONS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


@dataclass(frozen=True)
class ProfilePaths:
    """Where a project's two files are."""

    config: Path
    credentials: Path

    @property
    def folder(self) -> Path:
        """The folder of both."""
        return self.config.parent


@dataclass(frozen=True)
class Prepared:
    """What writing would do.

    Attributes:
        paths: the two files.
        config_before: the text of `config`, or None where there is none; likewise the next.
        credentials_before: the text of `credentials`.
        config: what it becomes.
        credentials: what it becomes.
    """

    paths: ProfilePaths
    config_before: str | None = field(repr=False)
    credentials_before: str | None = field(repr=False)
    config: Merged
    credentials: Merged

    @property
    def changes(self) -> bool:
        """Whether either file changes."""
        return self.config.text != (self.config_before or "") or self.credentials.text != (
            self.credentials_before or ""
        )


@dataclass(frozen=True)
class Written:
    """What writing did.

    Attributes:
        paths: the two files.
        changed: the files that were written.
        backups: copies of what they were.
        tightened: files and folders whose mode let others in, and no longer does.
        added: names of new profiles.
        updated: names of profiles that had other values.
    """

    paths: ProfilePaths
    changed: tuple[Path, ...]
    backups: tuple[Path, ...]
    tightened: tuple[Path, ...]
    added: tuple[str, ...]
    updated: tuple[str, ...]


def profile_paths(home: Path, project: str) -> ProfilePaths:
    """The files of a project, below a person's home folder.

    Raises:
        ValueError: the project's name is no plain folder name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", project):
        raise ValueError(f"not a project's short name: {project!r}")
    folder = home / ".aws" / project
    return ProfilePaths(folder / "config", folder / "credentials")


def prepare(paths: ProfilePaths, wanted: WantedProfiles) -> Prepared:
    """Read both files and put the profiles into their texts; writes nothing.

    Raises:
        FileError: a file cannot be read.
        ProfileFileError: a file is not what botocore accepts, or holds a profile twice.
        ValueError: a value holds a line break or another control character.
    """
    config_before = _read(paths.config)
    credentials_before = _read(paths.credentials)
    return Prepared(
        paths=paths,
        config_before=config_before,
        credentials_before=credentials_before,
        config=merge(
            config_before or "", _config_sections(wanted), prefix="profile ", name=str(paths.config)
        ),
        credentials=merge(
            credentials_before or "", _credentials_sections(wanted), prefix="", name=str(paths.credentials)
        ),
    )


def preview(prepared: Prepared) -> str:
    """A unified diff of both files with every secret as `****`; "" where nothing changes."""
    return masked_diff(prepared.paths.config, prepared.config_before, prepared.config.text) + masked_diff(
        prepared.paths.credentials, prepared.credentials_before, prepared.credentials.text
    )


def write_profiles(paths: ProfilePaths, wanted: WantedProfiles, now: datetime) -> Written:
    """Merge the profiles into both files on the disk.

    `credentials` takes its place first: a kill before `config` follows leaves a key that no profile uses yet.
    The folder is locked meanwhile, so several processes follow each other and none loses another's profiles.

    Args:
        paths: the two files; a symbolic link stays one.
        wanted: the profiles.
        now: the time for the backups' names, with a time zone.

    Raises:
        FileError: a file cannot be read or written; both are as they were.
        ProfileFileError: a file is not what botocore accepts, or holds a profile twice.
        ValueError: a value holds a line break or another control character.
    """
    tightened = [paths.folder] if files.private_folder(paths.folder) else []
    with files.locked_folder(paths.folder):
        for path in (paths.credentials, paths.config):
            files.remove_leftovers(path)
        prepared = prepare(paths, wanted)
        pairs = (
            (paths.credentials, prepared.credentials_before, prepared.credentials),
            (paths.config, prepared.config_before, prepared.config),
        )
        changes = [(path, before, merged) for path, before, merged in pairs if merged.text != (before or "")]
        tightened += [path for path, before, _ in pairs if before is not None and _lax(path)]
        backups = [files.timestamped_backup(path, now) for path, before, _ in changes if before is not None]
        files.write_all_atomically([FileWrite(path, merged.text.encode()) for path, _, merged in changes])
        for path in tightened:
            if path != paths.folder and _lax(path):
                with files.explained(path, "made private"):
                    path.chmod(0o600)
    return Written(
        paths=paths,
        changed=tuple(path for path, _, _ in changes),
        backups=tuple(backups),
        tightened=tuple(tightened),
        added=prepared.config.added,
        updated=tuple(dict.fromkeys(prepared.config.updated + prepared.credentials.updated)),
    )


def _config_sections(wanted: WantedProfiles) -> list[WantedSection]:
    return [*map(_base_section, wanted.bases), *map(_role_section, wanted.roles)]


def _base_section(base: BaseProfile) -> WantedSection:
    values: dict[str, Value] = {"region": base.region, "output": "json"}
    absent: tuple[str, ...] = ()
    if isinstance(base.key, KeyFromProcess):
        values["credential_process"] = base.key.command
        absent = KEY_OPTIONS
    elif isinstance(base.key, KeyInFile):
        absent = ("credential_process", *KEY_OPTIONS)
    return _with_mfa(base.name, values, absent, base.mfa_serial)


def _role_section(role: AssumedRole) -> WantedSection:
    values: dict[str, Value] = {
        "role_arn": role.role_arn,
        "source_profile": role.source_profile,
        "region": role.region,
        "output": "json",
    }
    return _with_mfa(role.name, values, (), role.mfa_serial)


def _with_mfa(
    name: str, values: dict[str, Value], absent: tuple[str, ...], mfa_serial: str | None
) -> WantedSection:
    if mfa_serial is None:
        return WantedSection(name, values, (*absent, "mfa_serial"))
    return WantedSection(name, {**values, "mfa_serial": mfa_serial}, absent)


def _credentials_sections(wanted: WantedProfiles) -> list[WantedSection]:
    sections = []
    for base in wanted.bases:
        if isinstance(base.key, KeyInFile):
            values: dict[str, Value] = {
                "aws_access_key_id": base.key.access_key_id,
                "aws_secret_access_key": base.key.secret_access_key,
            }
            sections.append(WantedSection(base.name, values, ("aws_session_token",)))
        elif isinstance(base.key, KeyFromProcess):
            sections.append(WantedSection(base.name, {}, KEY_OPTIONS, create=False))
    return sections


def _read(path: Path) -> str | None:
    if not path.exists() and not path.is_symlink():
        return None
    if path.is_symlink() and not path.exists():
        return None  # a link to a file that is still to be made
    return files.read_text(path, MAX_BYTES)


def _lax(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
