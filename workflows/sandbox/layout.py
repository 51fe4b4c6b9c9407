"""The paths in a sandbox's folder, its record, its accounts, its short path and its gpg agents.

The process that makes a sandbox and the one that serves it both use this module.

A short path is a link in its own folder below /tmp, because the path of a socket of gpg or Terraform may have
only about a hundred characters. When the sandbox's server ends, it stops the agents whose sockets use the
short path, and then removes it; a new one is made when the sandbox is opened again.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import string
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.core.files import OWN_LIMIT, load_file, write_atomically
from workflows.core.parsing import parse_json
from workflows.core.sentences import OnboardError
from workflows.core.shapes import WrongShape, plain, read

RECORD_VERSION = 4
HOST = "127.0.0.1"
READY = "ready"
"""The line that the server prints once it accepts requests."""
PORT_TAKEN = 3
"""The server's exit status if another program uses the port."""
PROJECT = "bb"
PEOPLE = ("administrator", "new-user")
_NEW_DEMO = "Start a new demo with `iam-onboard demo`"


class Layout:
    """The paths of a sandbox, all inside `folder`.

    Attributes:
        folder: the sandbox's folder.
        record: the file with the sandbox's `Record`.
        project_root: the infrastructure repository.
        upstream: the bare repository that the project is pushed to.
        mailbox: the folder through which the two people exchange invitation, request and handoff.
        downloads: the browser's download folder.
        programs: the first folder in PATH.
        terraform: the `terraform` command.
        terraform_settings: Terraform's CLI settings: where it installs providers from.
        aws_state: the local AWS's state, as JSON.
        strict_state: the strict layer's state, as JSON.
        clock: a file with the number of seconds by which the sandbox's AWS is ahead of the real time.
        server_log: the standard error of the server's process.
        owner_lock: the lock that every wizard that uses the sandbox holds, shared.
        server_lock: the lock that the server holds.
        terraform_lock: the lock that every running `terraform` holds, shared.
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
        """Return the shortest path to the sandbox's folder."""
        return Path(record.short or self.folder)

    def folders(self) -> tuple[Path, ...]:
        """Return the folders that every sandbox has."""
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
    """The access key of an account's first administrator, who is not an IAM user in moto.

    Attributes:
        account_id: the account's 12 digits.
        secret: the secret access key.
        principal: the IAM user name of the key's owner.
    """

    account_id: str
    secret: str = field(repr=False)
    principal: str


@dataclass(frozen=True)
class Directory:
    """The sandbox's accounts and their bootstrap keys.

    Attributes:
        accounts: account name -> its 12 digit id.
        region: the project's primary region.
        bootstrap_keys: access key id (20 characters) -> the key.
    """

    accounts: dict[str, str]
    region: str = "us-east-1"
    bootstrap_keys: dict[str, BootstrapKey] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """The facts about a sandbox that are saved in its folder.

    Attributes:
        port: the loopback port of its AWS; it changes only if another program uses the port.
        cache: the folder with the unpacked Terraform provider.
        short: a short path to the sandbox's folder, for sockets; "" if the folder's own path is short enough.
        directory: the accounts and their bootstrap keys.
        token: the beginning of the console's and the phone's addresses, which allows access to them.
    """

    port: int
    cache: Path
    short: str
    directory: Directory
    token: str = field(repr=False)

    def write(self, path: Path) -> None:
        """Write the record atomically, readable by its owner only."""
        data = {"version": RECORD_VERSION, **plain(self)}
        write_atomically(path, json.dumps(data, indent=2).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read the record.

        Raises:
            OnboardError: the record is missing, damaged or from another version.
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
                f"{path} can't be read.",
                next=f"Delete this session. {_NEW_DEMO}.",
                detail=f"{type(error).__name__}: {error}",
            ) from error


def is_whole(folder: Path) -> bool:
    """Return whether this version can open the sandbox in a folder."""
    try:
        Record.read(Layout(folder).record)
    except OnboardError:
        return False
    return True


def new_key_id(prefix: str) -> str:
    """Return a new id of an access key, of 20 characters, the first four given."""
    return prefix + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))


def new_token() -> str:
    """Return a random token of 16 characters that need no quoting in an address."""
    return secrets.token_urlsafe(12)


# The longest path of a socket ends in administrator/gnupg/S.gpg-agent.browser; macOS allows 103 characters.
_LONGEST_FOLDER = 103 - len("/administrator/gnupg/S.gpg-agent.browser") - 10
_PREFIX, _LINK = "io-", "s"
_ROOT = Path("/tmp")  # noqa: S108 - only a folder that mkdtemp makes in it, mode 0700


def ensure_short(folder: Path, recorded: str, root: Path = _ROOT) -> str:
    """Return a short path to the folder, or "" if its own is short enough.

    Args:
        folder: the absolute path of the sandbox's folder.
        recorded: what this function returned last time, or "". Restarting the machine removes temporary
            folders; then a new path is made.
        root: the folder in which short paths are made.
    """
    if len(str(folder)) <= _LONGEST_FOLDER:
        return ""
    if recorded and Path(recorded).is_symlink() and Path(recorded).readlink() == folder:
        return recorded
    link = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root)) / _LINK
    link.symlink_to(folder, target_is_directory=True)
    return str(link)


def remove_short(folder: Path, recorded: str) -> None:
    """Remove the short path that `ensure_short` made for this folder, and leave other links alone."""
    if recorded and Path(recorded).is_symlink() and Path(recorded).readlink() == folder:
        shutil.rmtree(Path(recorded).parent)


def end_agents(layout: Layout, record: Record, *, forget: bool = False) -> None:
    """Stop the agents that were started for the sandbox's gpg folders; without GnuPG there are none.

    Args:
        layout: the sandbox's paths.
        record: the sandbox's record.
        forget: also remove gpg's folders for their sockets below /run/user.
    """
    program = shutil.which("gpgconf")
    if program is None:
        return
    for home in (layout.base(record) / person / "gnupg" for person in PEOPLE):
        for action in [["--kill", "all"], *([["--remove-socketdir"]] if forget else [])]:
            # gpgconf fails if there is nothing to stop or to remove, which does not matter.
            subprocess.run(
                [program, "--homedir", os.fspath(home), *action],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )
