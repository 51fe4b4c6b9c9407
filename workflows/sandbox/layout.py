"""Where things are in a sandbox's folder: its record, its accounts, a short path to it, its people's agents.

Plain data, shared by the process that makes a sandbox and the one that serves it.

A short path is a link in a folder of its own below /tmp, as the sockets of gpg and of Terraform allow about a
hundred characters. The sandbox's server removes it when it ends, after the agents whose sockets are reached
through it; the next opening makes a new one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.core.errors import OnboardError
from workflows.core.files import OWN_LIMIT, load_file, write_atomically
from workflows.core.parsing import parse_json
from workflows.core.shapes import WrongShape, plain, read

RECORD_VERSION = 3
HOST = "127.0.0.1"
READY = "ready"
"""The line that the server prints as soon as it answers."""
PORT_TAKEN = 3
"""Its exit status where another program has the port."""
PROJECT = "bb"
PEOPLE = ("administrator", "new-user")
_NEW_DEMO = "Start a new demo with `iam-onboard demo`"


class Layout:
    """The paths of a sandbox; every one of them is inside `folder`.

    Attributes:
        folder: where all of it is.
        record: the record: port, cache, short folder, accounts.
        project_root: the infrastructure repository.
        upstream: the bare repository that the project is pushed to.
        mailbox: where invitation, request and handoff pass from one person to the other.
        downloads: where the browser puts what it downloads.
        programs: the folder that comes first in PATH.
        terraform: the `terraform` command.
        terraform_settings: Terraform's own settings: where providers come from.
        aws_state: what the local AWS knows, as JSON.
        strict_state: what the strict layer knows, as JSON.
        clock: by how many seconds the sandbox's AWS is ahead of the real time.
        server_log: what the server's process has to say.
        owner_lock: held, shared, by every wizard that uses the sandbox.
        server_lock: held by the server.
        terraform_lock: held, shared, by every running `terraform`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = folder / "sandbox.json"
        self.project_root = folder / PROJECT
        self.upstream = folder / "upstream.git"
        self.mailbox = folder / "mailbox"
        self.downloads = folder / "downloads"
        self.programs = folder / "bin"
        self.terraform = self.programs / "terraform"
        self.terraform_settings = folder / "terraform.rc"
        self.aws_state = folder / "aws" / "moto.json"
        self.strict_state = folder / "aws" / "strict.json"
        self.clock = folder / "aws" / "clock"
        self.server_log = folder / "server.log"
        self.owner_lock, self.server_lock, self.terraform_lock = (
            folder / "locks" / name for name in ("owner", "server", "terraform")
        )

    def base(self, record: Record) -> Path:
        """The folder, by the shortest path."""
        return Path(record.short or self.folder)

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
class BootstrapKey:
    """The access key of an account's first administrator, who exists before any IAM user does.

    Attributes:
        account_id: the account's 12 digits.
        secret: the secret access key.
        principal: the IAM user name that the key acts as.
    """

    account_id: str
    secret: str = field(repr=False)
    principal: str


@dataclass(frozen=True)
class Directory:
    """The sandbox's accounts and their bootstrap keys.

    Attributes:
        accounts: account name -> its 12 digit id.
        region: the region that the project calls its primary one.
        bootstrap_keys: access key id (20 characters) -> the key.
    """

    accounts: dict[str, str]
    region: str = "us-east-1"
    bootstrap_keys: dict[str, BootstrapKey] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """What a sandbox keeps about itself.

    Attributes:
        port: the loopback port of its AWS, the same each time it is opened if nobody else took it meanwhile.
        cache: where the unpacked Terraform provider is.
        short: a short path to the sandbox's folder, for what sockets are made in; "" where its own is short.
        directory: the accounts and their bootstrap keys.
        token: what the addresses of the console and the phone begin with: who has it may use them.
    """

    port: int
    cache: Path
    short: str
    directory: Directory
    token: str = field(repr=False)

    def write(self, path: Path) -> None:
        """Write the record, atomically, for the owner's eyes only."""
        data = {"version": RECORD_VERSION, **plain(self)}
        write_atomically(path, json.dumps(data, indent=2).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read the record.

        Raises:
            OnboardError: there is none, or it is damaged.
        """
        try:
            data: dict[str, Any] = parse_json(load_file(path, OWN_LIMIT))
            if data["version"] != RECORD_VERSION:
                raise OnboardError(
                    "This sandbox is from another version",
                    f"{path} has the format {data['version']!r}; this program knows {RECORD_VERSION}.",
                    next=f"Delete this session. {_NEW_DEMO}.",
                )
            return read(cls, data)
        except FileNotFoundError as error:
            what = f"{path.parent} holds no sandbox."
            raise OnboardError("There is no sandbox here", what, next=f"{_NEW_DEMO}.") from error
        except (OSError, KeyError, TypeError, ValueError, WrongShape) as error:
            raise OnboardError(
                "This sandbox is damaged",
                f"{path} cannot be read.",
                next=f"Delete this session. {_NEW_DEMO}.",
                detail=f"{type(error).__name__}: {error}",
            ) from error


def new_token() -> str:
    """A token that nobody guesses, of 16 characters that stand in an address as they are."""
    return secrets.token_urlsafe(12)


# The longest socket is administrator/gnupg/S.gpg-agent.browser; macOS allows 103 characters in all.
_LONGEST_FOLDER = 103 - len("/administrator/gnupg/S.gpg-agent.browser") - 10
_PREFIX, _LINK = "io-", "s"
_ROOT = Path("/tmp")  # noqa: S108 - only a folder that mkdtemp makes in it, mode 0700


def ensure_short(folder: Path, recorded: str, root: Path = _ROOT) -> str:
    """A short path by which the folder can be reached, or "" if its own is short enough.

    Args:
        folder: the sandbox's folder, absolute.
        recorded: what this function gave the last time, or "". Temporary folders vanish with a restart of the
            machine; then a new path is made.
        root: where short folders are made.
    """
    if len(str(folder)) <= _LONGEST_FOLDER:
        return ""
    if recorded and Path(recorded).is_symlink() and Path(recorded).readlink() == folder:
        return recorded
    link = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root)) / _LINK
    link.symlink_to(folder, target_is_directory=True)
    return str(link)


def remove_short(folder: Path, recorded: str) -> None:
    """Remove what `ensure_short` made for that folder; somebody else's is left alone."""
    if recorded and Path(recorded).is_symlink() and Path(recorded).readlink() == folder:
        shutil.rmtree(Path(recorded).parent)


def end_agents(layout: Layout, record: Record, *, forget: bool = False) -> None:
    """End the agents that were started in the sandbox's gpg folders; without GnuPG there are none.

    Args:
        layout: the sandbox.
        record: its record.
        forget: also remove the folders that gpg has for their sockets below /run/user.
    """
    program = shutil.which("gpgconf")
    if program is None:
        return
    for home in (layout.base(record) / person / "gnupg" for person in PEOPLE):
        for action in [["--kill", "all"], *([["--remove-socketdir"]] if forget else [])]:
            # gpgconf fails where there is nothing to end or to remove, which is just as well.
            subprocess.run(
                [program, "--homedir", os.fspath(home), *action],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )
