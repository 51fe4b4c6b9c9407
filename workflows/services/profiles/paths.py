"""Where the two AWS files of a project are; `~/.aws/config` itself is the person's and never among them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workflows.services.profiles.record import FILE_NAME


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
