"""The outside as one value: where a person's things are and what the program may reach.

The command line makes one for the real machine, the sandbox makes one for its disposable folder, and tests
make their own; no step and no service looks anywhere else.
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
    from workflows.aws.clients import Credentials
    from workflows.aws.sts import CodeMemory
    from workflows.core.secret import Secret
    from workflows.desktop.browser import Browser
    from workflows.desktop.clipboard import Clipboard
    from workflows.stores.vault import VaultChoice


def _no_codes_yet() -> CodeMemory:
    from workflows.aws.sts import CodeMemory  # noqa: PLC0415 - a world is imported long before it is made

    return CodeMemory()


@dataclass(frozen=True)
class Environment:
    """Where everything is.

    Attributes:
        home: the person's home folder; the profiles go below its `.aws`.
        variables: the environment variables that children's environments are built from.
        gnupg_home: the gpg folder, or None for gpg's own default.
        downloads: where the browser puts what it downloads.
        endpoint_url: where AWS answers, or None for AWS itself.
        binary: the Terraform or OpenTofu program: a name, an absolute path, or an argument prefix; or None to
            choose by the layer.
        mailbox: the folder that stands for the two people's messenger; None outside the sandbox.
        sandbox: whether this is a sandbox; every screen says so.
        now: the clock, aware, in UTC.
        clipboard: where texts are copied to.
        browser: what opens a page.
        vault: chooses the store for secrets, given the fingerprint of the person's own key, or "" without
            one. Raises VaultUnavailable when there is none.
        open_page: what the browser really opens for an address (in the sandbox, the local console).
        codes: the MFA codes given to AWS so far, for as long as this process lives: each is good once, in
            whichever step it was given.
        sessions: those that codes began, by the device's serial (see `DeviceSessions`).
        tried: with which profiles, access keys and MFA devices the aws command worked here, and when.
        key_records: the folder of what is known of the access keys kept here; None: below the home.
        trusted_programs: the file of the foreign programs that the person said yes to; None: below the home.
        project: the short name of the only project that there is, in the sandbox; "" elsewhere.
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
        """A path, or a text with paths in it, for people: `~` stands for the home folder."""
        return readable(said, self.home)

    def copy(self, text: str | Secret) -> Sentence:
        """Copy a text, and say how that went.

        Raises:
            ClipboardUnavailable: it could not be copied.
        """
        return self.clipboard.copy(text).said

    def mail(self, name: str) -> Path | None:
        """Where a message of that file name is in the mailbox, or will be; None outside the sandbox."""
        return self.mailbox / name if self.mailbox else None

    @property
    def key_records_folder(self) -> Path:
        """Where `KeyRecords` are."""
        return self.key_records or key_records_below(self.home)

    @property
    def trusted_programs_file(self) -> Path:
        """Where `TrustedPrograms` are remembered."""
        return self.trusted_programs or _state(self.home) / "trusted-programs.json"


def readable(said: Path | Sentence, home: Path) -> str:
    """As `Environment.readable`, for who has no more than a home folder."""
    return re.sub(rf"(?<![\w.~/-]){re.escape(str(home))}/", "~/", str(said))


def key_records_below(home: Path) -> Path:
    """The folder of `KeyRecords` of a person whose platform has no say in it."""
    return _state(home) / "access-keys"


def _state(home: Path) -> Path:
    return home / ".local" / "state" / "iam-onboard"
