"""The environment: the person's files and folders, and what the program may use on the machine.

The command line makes one for the real machine, the sandbox one for its disposable folder, and tests make
their own. Steps and services use the machine through it only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.core.sentences import Sentence

if TYPE_CHECKING:
    from workflows.aws.sts import CodeMemory
    from workflows.core.secret import Credentials, Secret
    from workflows.desktop.browser import Browser
    from workflows.desktop.clipboard import Clipboard
    from workflows.stores.vault import VaultChoice


def _no_codes_yet() -> CodeMemory:
    from workflows.aws.sts import CodeMemory  # noqa: PLC0415 - a world is imported long before it is made

    return CodeMemory()


@dataclass(frozen=True)
class Environment:
    """What belongs to the person and the machine.

    Attributes:
        home: the person's home folder; the profiles are written below its `.aws`.
        variables: the environment variables from which those of child processes are built.
        gnupg_home: the gpg folder, or None for gpg's default.
        downloads: the browser's download folder.
        endpoint_url: the address of a local AWS, or None for AWS itself.
        binary: the Terraform or OpenTofu program: a name, an absolute path, or the first arguments; None to
            choose it by the layer.
        mailbox: the folder through which the two people exchange texts; None outside the sandbox.
        sandbox: whether this is a sandbox; every screen shows it.
        now: returns the current time in UTC, with time zone.
        clipboard: the clipboard.
        browser: opens a page.
        vault: returns the store for secrets, for the fingerprint of the person's own key, or "" without one;
            raises VaultUnavailable if there is none.
        open_page: returns the address that the browser really opens for another one (the sandbox's console).
        codes: the MFA codes that this process has given to AWS: each is valid once, in all steps together.
        sessions: serial of an MFA device -> the session that its code started (see `DeviceSessions`).
        tried: profile, access key and MFA device -> when the aws command worked with them here.
        key_records: the folder of `KeyRecords`; None for one below the home folder.
        trusted_programs: the file with the programs that the person has trusted; None for one below the home
            folder.
        project: the short name of the sandbox's only project; "" elsewhere.
    """

    home: Path
    variables: Mapping[str, str]
    gnupg_home: Path | None
    downloads: Path
    endpoint_url: str | None
    binary: str | tuple[str, ...] | None
    mailbox: Path | None
    sandbox: bool
    now: Callable[[], datetime]
    clipboard: Clipboard
    browser: Browser
    vault: Callable[[str], VaultChoice]
    open_page: Callable[[str], str] = str
    codes: CodeMemory = field(default_factory=_no_codes_yet)
    sessions: dict[str, Credentials] = field(default_factory=dict, repr=False)
    tried: dict[tuple[str, ...], datetime] = field(default_factory=dict)
    key_records: Path | None = None
    trusted_programs: Path | None = None
    project: str = ""

    def readable(self, said: Path | Sentence) -> str:
        """Return a path, or a text with paths, in which `~` replaces the home folder.

        A sandbox's home isn't the one that `~` means in the user's shell, so it is named in full.
        """
        return str(said) if self.sandbox else readable(said, self.home)

    def in_home(self, name: str) -> str:
        """Return the path of a file in the home folder, likewise."""
        return self.readable(self.home / name)

    def copy(self, text: str | Secret) -> Sentence:
        """Copy a text, and return a sentence about the result.

        Raises:
            ClipboardUnavailable: the text could not be copied.
        """
        return self.clipboard.copy(text).said

    def mail(self, name: str) -> Path | None:
        """Return the path of a message in the mailbox, whether it exists or not; None outside the sandbox."""
        return self.mailbox / name if self.mailbox else None

    @property
    def key_records_folder(self) -> Path:
        """The folder of `KeyRecords`."""
        return self.key_records or key_records_below(self.home)

    @property
    def trusted_programs_file(self) -> Path:
        """The file of `TrustedPrograms`."""
        return self.trusted_programs or _state(self.home) / "trusted-programs.json"


def readable(said: Path | Sentence, home: Path) -> str:
    """Return the same as `Environment.readable`, for callers without an `Environment`."""
    return re.sub(rf"(?<![\w.~/-]){re.escape(str(home))}/", "~/", str(said))


def key_records_below(home: Path) -> Path:
    """Return the folder of `KeyRecords` that does not depend on the platform."""
    return _state(home) / "access-keys"


def _state(home: Path) -> Path:
    return home / ".local" / "state" / "iam-onboard"
