"""Where things are in a sandbox's folder, and the one record that says which port and keys it has."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workflows.core.errors import OnboardError
from workflows.core.files import write_atomically
from workflows.sandbox.strict.directory import Directory

RECORD_VERSION = 1
PROJECT = "bb"
PEOPLE = ("administrator", "new-user")


@dataclass(frozen=True)
class Layout:
    """The paths of a sandbox; every one of them is inside `folder`."""

    folder: Path

    @property
    def record(self) -> Path:
        """The record: port, cache, short folder, accounts."""
        return self.folder / "sandbox.json"

    @property
    def project_root(self) -> Path:
        """The infrastructure repository."""
        return self.folder / PROJECT

    @property
    def upstream(self) -> Path:
        """The bare repository that the project is pushed to."""
        return self.folder / "upstream.git"

    @property
    def mailbox(self) -> Path:
        """Where invitation, request and handoff pass from one person to the other."""
        return self.folder / "mailbox"

    @property
    def downloads(self) -> Path:
        """Where the browser puts what it downloads."""
        return self.folder / "downloads"

    @property
    def programs(self) -> Path:
        """The folder that comes first in PATH."""
        return self.folder / "bin"

    @property
    def terraform(self) -> Path:
        """The `terraform` command."""
        return self.programs / "terraform"

    @property
    def terraform_settings(self) -> Path:
        """Terraform's own settings: where providers come from."""
        return self.folder / "terraform.rc"

    @property
    def aws_state(self) -> Path:
        """What the local AWS knows, pickled."""
        return self.folder / "aws" / "moto.pickle"

    @property
    def strict_state(self) -> Path:
        """What the strict layer knows, as JSON."""
        return self.folder / "aws" / "strict.json"

    @property
    def clock(self) -> Path:
        """By how many seconds the sandbox's AWS is ahead of the real time."""
        return self.folder / "aws" / "clock"

    @property
    def server_log(self) -> Path:
        """What the server's process has to say."""
        return self.folder / "server.log"

    @property
    def owner_lock(self) -> Path:
        """Held, shared, by every wizard that uses the sandbox."""
        return self.folder / "locks" / "owner"

    @property
    def server_lock(self) -> Path:
        """Held by the server."""
        return self.folder / "locks" / "server"

    @property
    def terraform_lock(self) -> Path:
        """Held, shared, by every running `terraform`."""
        return self.folder / "locks" / "terraform"

    def base(self, record: Record) -> Path:
        """The folder, by the shortest path."""
        return Path(record.short or self.folder)

    def gnupg_homes(self, record: Record) -> tuple[Path, ...]:
        """The people's gpg folders, by the shortest path."""
        return tuple(self.base(record) / person / "gnupg" for person in PEOPLE)

    def folders(self) -> tuple[Path, ...]:
        """The folders that every sandbox has."""
        people = [self.folder / person / part for person in PEOPLE for part in ("home", "gnupg")]
        return (
            self.folder,
            *people,
            self.mailbox,
            self.downloads,
            self.programs,
            self.aws_state.parent,
            self.owner_lock.parent,
            self.folder / "tmp",
        )


@dataclass(frozen=True)
class Record:
    """What a sandbox keeps about itself.

    Attributes:
        port: the loopback port of its AWS, the same each time it is opened if nobody else took it meanwhile.
        cache: where the unpacked Terraform provider is.
        short: a short path to the sandbox's folder, for what sockets are made in; "" where its own is short.
        directory: the accounts and their bootstrap keys.
    """

    port: int
    cache: Path
    short: str
    directory: Directory

    def at_port(self, port: int) -> Record:
        """The same sandbox at another port."""
        return replace(self, port=port)

    def write(self, path: Path) -> None:
        """Write the record, atomically, for the owner's eyes only."""
        data = {
            "version": RECORD_VERSION,
            "port": self.port,
            "cache": str(self.cache),
            "short": self.short,
            "directory": self.directory.to_json(),
        }
        write_atomically(path, json.dumps(data, indent=2).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read the record.

        Raises:
            OnboardError: there is none, or it is damaged.
        """
        try:
            data: dict[str, Any] = json.loads(path.read_bytes())
            version, directory = data["version"], Directory.from_json(data["directory"])
            record = cls(int(data["port"]), Path(data["cache"]), str(data["short"]), directory)
        except FileNotFoundError as error:
            raise OnboardError(
                "There is no sandbox here",
                f"{path.parent} holds no sandbox.",
                next="Start a new demo with `iam-onboard demo`.",
            ) from error
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise OnboardError(
                "This sandbox is damaged",
                f"{path} cannot be read.",
                next="Delete this session and start a new demo with `iam-onboard demo`.",
                detail=f"{type(error).__name__}: {error}",
            ) from error
        if version != RECORD_VERSION:
            raise OnboardError(
                "This sandbox is from another version",
                f"{path} has the format {version!r}; this program knows {RECORD_VERSION}.",
                next="Delete this session and start a new demo with `iam-onboard demo`.",
            )
        return record
