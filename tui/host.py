"""Where the program keeps its own things on this machine, secrets too, and the world of the person."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from platformdirs import PlatformDirs

from workflows.core.errors import OnboardError
from workflows.core.files import cause_of, expanded, explained, own_folder
from workflows.core.later import on_demand

with on_demand():
    from workflows.gpg import decrypt, keyring
    from workflows.stores import system_keyring, vault


@dataclass(frozen=True)
class Places:
    """The folders of the program.

    Attributes:
        sessions: the sessions, below the platform's state folder.
        sandboxes: the disposable projects of `iam-onboard demo`.
        vault: secrets in files encrypted to the person's own key, where there is no keyring.
        cache: what can be made again (the prepared sandbox, the provider).
    """

    sessions: Path
    sandboxes: Path
    vault: Path
    cache: Path

    @property
    def key_records(self) -> Path:
        """What is known of the access keys that are kept here; no secret."""
        return self.sessions.parent / "access-keys"

    @property
    def theme(self) -> Path:
        """The file with the name of the colours that the person chose."""
        return self.sessions.parent / "theme"

    @property
    def trusted_programs(self) -> Path:
        """The file of the foreign programs that the person said yes to."""
        return self.sessions.parent / "trusted-programs.json"

    def secure(self) -> tuple[Path, ...]:
        """Make sure that the folders that are there are the user's own and closed to others.

        Returns:
            Those that others could enter until now.

        Raises:
            FileError: one is a link, somebody else's, or may not be read.
        """
        found = []
        for outer in sorted({self.sessions.parent, self.vault.parent}):
            found += [outer] if own_folder(outer) else []
            with explained(outer, "read"):
                inner = sorted(outer.iterdir()) if outer.is_dir() else []
            found += [folder for folder in inner if own_folder(folder)]
        return tuple(found)

    @classmethod
    def of_this_machine(cls) -> Places:
        """The folders by the platform's conventions (XDG on Linux, Library on macOS)."""
        folders = PlatformDirs("iam-onboard", appauthor=False)
        state = folders.user_state_path
        vault = folders.user_data_path / "vault"
        return cls(state / "sessions", state / "sandboxes", vault, folders.user_cache_path)


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Machine:
    """The person's own machine, as the command line found it.

    Attributes:
        places: the program's folders.
        home: the home folder.
        downloads: where the browser puts what it downloads.
        working_folder: where the program was started.
        environment: the environment it was started with.
        now: the clock.
    """

    places: Places
    home: Path
    downloads: Path
    working_folder: Path
    environment: Mapping[str, str]
    now: Callable[[], datetime] = utc_now

    @property
    def gnupg_home(self) -> Path | None:
        """The gpg folder that the environment names, or None for gpg's default."""
        named = self.environment.get("GNUPGHOME")
        return Path(named) if named else None

    def path(self, text: str) -> Path:
        """A path as it was typed, from the folder that the program was started in."""
        return self.working_folder / expanded(text)

    @classmethod
    def this(cls) -> Machine:
        """This machine.

        Raises:
            OnboardError: the folder that the program was started in is not there any more.
        """
        downloads = PlatformDirs().user_downloads_path
        return cls(Places.of_this_machine(), Path.home(), downloads, _working_folder(), dict(os.environ))


def _working_folder() -> Path:
    """The current folder; a checkout of another branch may have removed it under the shell."""
    try:
        return Path.cwd()
    except OSError as error:
        raise OnboardError(
            "The current folder is gone",
            "Somebody removed the folder that you started in, or you no longer have permission to enter it.",
            why=cause_of(error),
            next="Change to a folder that exists (`cd ~`, or `cd .` if it is back), then start again.",
        ) from error


def vault_for(
    fingerprint: str,
    *,
    folder: Path,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    with_keyring: bool,
    tty: str | None = None,
) -> vault.VaultChoice:
    """The operating system's keyrings that answer, and files encrypted to the person's own key.

    Raises:
        VaultUnavailable: there is no keyring and no key.
    """
    files = encrypted_files(fingerprint, folder, gnupg_home, environment, tty) if fingerprint else None
    return system_keyring.choose_vault(system_keyring.system_keyrings() if with_keyring else (), files)


def encrypted_files(
    fingerprint: str,
    folder: Path,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    tty: str | None = None,
) -> vault.PgpFileVault:
    """Files encrypted to a key of the person's; gpg itself asks for the passphrase when one is read.

    It asks on the terminal `tty`, or where its agent has a window of its own.
    """

    def opened(message: bytes) -> bytes:
        plain = decrypt.decrypt(
            message, passphrase=None, gnupg_home=gnupg_home, environment=environment, tty=tty
        )
        return plain.reveal().encode()

    def closed(plain: bytes) -> bytes:
        return keyring.encrypt(plain, fingerprint=fingerprint, gnupg_home=gnupg_home, environment=environment)

    return vault.PgpFileVault(folder, closed, opened)
